//! The crate from outside: keys, interner, pool and session cache.

mod common;
mod interner;
mod keys;
mod pool;
mod session;

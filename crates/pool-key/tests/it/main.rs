//! The crate from outside: keys, interner, pool and session cache.

mod common;
mod connect;
mod facts;
mod interner;
mod keys;
mod pool;
mod session;
mod shared;
mod tls;

//! How do several threads use one pool, one session cache and one table of ids?
//!
//! By shards: each has a lock and works as the single-threaded structure does. No call ever holds two locks, so none
//! can wait for another in a circle.

mod interner;
mod pool;
mod session;
mod shards;

pub use interner::SharedInterner;
pub use pool::SharedPool;
pub use session::SharedSessionCache;

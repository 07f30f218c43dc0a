//! What do threads share? The standard library's; the models of `tests/loom` put loom's in this module's place.

pub(crate) use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

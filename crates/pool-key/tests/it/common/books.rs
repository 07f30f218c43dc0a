//! What a pool and a pool that threads share have in common, so that one model can be held against both.

use core::{hash::BuildHasher, time::Duration};

use bareflight_pool_key::{
    ConnectionKey, Epoch, Handle, Lease, LineFull, Pool, Ready, Reservation, Reserved, SharedPool,
    Sharing, Ticket, Want,
};

/// Declares the trait, and both implementations by their own methods of the same names.
macro_rules! books {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        pub(crate) trait Books {
            $(fn $name(&mut self $(, $argument: $type)*) $(-> $result)?;)*
            fn next_ready(&mut self, now: Duration) -> Option<Ready<u32, u32>>;
        }
        impl<H: BuildHasher> Books for Pool<u32, u32, H> {
            $(fn $name(&mut self $(, $argument: $type)*) $(-> $result)? {
                Pool::$name(self $(, $argument)*)
            })*
            fn next_ready(&mut self, now: Duration) -> Option<Ready<u32, u32>> {
                Pool::next_ready(self, now)
            }
        }
        impl Books for SharedPool<u32, u32> {
            $(fn $name(&mut self $(, $argument: $type)*) $(-> $result)? {
                SharedPool::$name(self $(, $argument)*)
            })*
            fn next_ready(&mut self, now: Duration) -> Option<Ready<u32, u32>> {
                // Which it does not do by itself while nobody is ready.
                self.expire(now);
                SharedPool::next_ready(self, now)
            }
        }
    };
}

books! {
    checkout(key: &ConnectionKey, now: Duration) -> Option<Lease<u32>>;
    checkout_where(accept: impl FnMut(&ConnectionKey, &u32) -> bool, now: Duration) -> Option<Lease<u32>>;
    reserve(key: &ConnectionKey, waiter: u32, want: Want, now: Duration) -> Result<Reserved, LineFull>;
    insert(leave: Reservation, connection: u32, sharing: Sharing, now: Duration) -> Result<Lease<u32>, u32>;
    fail(leave: Reservation);
    checkin(lease: Lease<u32>, now: Duration);
    remove(handle: Handle) -> Option<u32>;
    drain(handle: Handle);
    set_streams(handle: Handle, streams: u32);
    cancel(ticket: Ticket) -> bool;
    next_removed() -> Option<u32>;
    expire(now: Duration);
    next_timeout() -> Option<Duration>;
    retire(epoch: Epoch);
    retire_where(retired: impl FnMut(&ConnectionKey, Option<&u32>) -> bool);
    len() -> u32;
    is_empty() -> bool;
    idle() -> u32;
    waiting() -> u32;
    clear();
}

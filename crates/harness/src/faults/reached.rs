//! How often did a fault's decision differ from the right one? *Reached* is counted apart from *caught*.
//!
//! Reached and never caught is a hole in an invariant; never reached is a hole in the generator. A decision that differs
//! is one that was asked for and answered otherwise than the reference answers the same question. Whether anything came of
//! it is not looked at: that is what the invariants are for.
//!
//! Taking a connection or a session changes the pool or the cache, so the right answer cannot be tried beside the other.
//! There a decision differs if what was taken was filed under another key than the one that was asked for, or if nothing
//! was taken although something is filed under that very key (even if others are before it in line, which a look from
//! outside does not tell).

use core::cell::Cell;

thread_local! {
    /// A tier runs a scenario on one thread, and decisions are shared by all: the count is the thread's.
    static DIFFERENT: Cell<u64> = const { Cell::new(0) };
}

/// Decisions on this thread that differed since this was last asked.
pub(crate) fn take_reached() -> u64 {
    DIFFERENT.take()
}

pub(super) fn count() {
    DIFFERENT.set(DIFFERENT.get() + 1);
}

/// The fault's answer, counted if it is not the right one.
pub(super) fn watch<T: PartialEq>(given: T, right: &T) -> T {
    if given != *right {
        count();
    }
    given
}

/// Whether what was taken is another than the key stands for: of another key, or nothing where the key has something.
pub(super) fn differs<T: PartialEq>(taken: Option<T>, there: &[(T, bool)]) -> bool {
    match taken {
        Some(taken) => there.iter().any(|(it, right)| *it == taken && !right),
        None => there.iter().any(|(_, right)| *right),
    }
}

#[cfg(test)]
mod tests {
    use super::differs;

    #[test]
    fn what_is_taken_differs_by_its_key_alone() {
        let there = [('a', false), ('b', true), ('c', true)];
        assert!(differs(Some('a'), &there), "another key's");
        assert!(!differs(Some('b'), &there) && !differs(Some('c'), &there));
        assert!(differs(None, &there), "the key's own was left");
        assert!(!differs(None, &there[..1]), "there is none of the key");
    }
}

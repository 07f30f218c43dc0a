//! Who of many would have decided otherwise? All faults at once, on one run of the reference.
//!
//! A run with a fault is the run of the reference up to the first decision that differs from the right one. Where none would
//! have differed the two are the same run, and there is nothing to be seen: so a scenario needs to be run again only with
//! those faults that this tells of.

use std::cell::RefCell;

use bareflight_handshake_driver::Rules;

use super::Fault;
use crate::tier::Deciders;

/// Decides right, and notes whoever of the faults that are gathered on this thread would not have.
pub(super) struct Crowd;

/// Faults, or the clients of faults of servers, whose checkout or offer is their own. What one of them would take cannot be
/// tried without taking it: wherever there is something to take, they may differ.
const TAKERS: [&str; 9] = [
    "bare-request-rides-authenticated-connection",
    "withheld-certificate-sticks",
    "compare-one-sided",
    "compare-cleared-copy",
    "compare-hash-only",
    "session-disable-flag-lost",
    "session-key-server-chosen",
    "early-data-before-decision",
    "control-no-resumption-with-identity",
];

struct Member {
    deciders: Deciders,
    takes: bool,
    /// It is judged under a profile of its own, which is another run from its beginning.
    stands_apart: bool,
    differs: bool,
}

thread_local! {
    static MEMBERS: RefCell<Vec<Member>> = const { RefCell::new(Vec::new()) };
}

/// Gathers faults on this thread in the place of those that were, and returns the deciders under which they are asked.
pub(crate) fn gather<'f>(faults: impl Iterator<Item = &'f Fault>) -> Deciders {
    let member = |fault: &Fault| Member {
        deciders: fault.deciders,
        takes: TAKERS.contains(&fault.name.as_str()),
        stands_apart: fault.profile.is_some(),
        differs: fault.profile.is_some(),
    };
    MEMBERS.with_borrow_mut(|members| {
        members.clear();
        members.extend(faults.map(member));
    });
    Deciders {
        agent: &Crowd,
        servers: &CROWD,
    }
}

static CROWD: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(|| Rules {
    resumes: std::sync::Arc::new(Crowd),
    routes: std::sync::Arc::new(Crowd),
    admits: std::sync::Arc::new(Crowd),
});

/// The places of those that would have differed since this was last asked.
pub(crate) fn take_different() -> Vec<usize> {
    let asked_again = |it: &mut Member| std::mem::replace(&mut it.differs, it.stands_apart);
    MEMBERS.with_borrow_mut(|members| {
        let places = members.iter_mut().enumerate();
        let differ = places.filter_map(|(at, it)| asked_again(it).then_some(at));
        differ.collect()
    })
}

/// Asks everybody of whom it is not known yet.
pub(super) fn ask(differs: impl Fn(&Deciders) -> bool) {
    MEMBERS.with_borrow_mut(|members| {
        for member in members.iter_mut().filter(|it| !it.differs) {
            member.differs = differs(&member.deciders);
        }
    });
}

/// There is something to take.
pub(super) fn somebody_may_take() {
    MEMBERS.with_borrow_mut(|members| {
        for member in members.iter_mut().filter(|it| it.takes) {
            member.differs = true;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who takes and is not named would be taken for one that cannot show.
    #[test]
    fn all_takers_are_named() {
        let sources = [
            include_str!("carry.rs"),
            include_str!("compare.rs"),
            include_str!("controls.rs"),
            include_str!("joins.rs"),
            include_str!("keep.rs"),
            include_str!("late.rs"),
            include_str!("proxy.rs"),
            include_str!("share.rs"),
        ];
        let takes = |source: &str| {
            let taking = ["fn checkout(", "fn offer("];
            taking
                .map(|it| source.matches(it).count())
                .iter()
                .sum::<usize>()
        };
        assert_eq!(sources.map(takes).iter().sum::<usize>(), TAKERS.len());
        for name in TAKERS {
            assert!(Fault::named(name).is_some(), "{name}");
        }
    }
}

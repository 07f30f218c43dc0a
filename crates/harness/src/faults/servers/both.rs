//! Servers' rules around other rules: counted where they differ from the right ones, or two faults at once.

use std::sync::Arc;

use bareflight_handshake_driver::{
    Admits, Authenticated, Checks, ClientAuth, Hello, LateOutcome, Offer, Rechecks, Resumes, Route,
    Routes, Rules, StreamId, Strict,
};

use super::super::pair::either;
use super::super::watched::watch;

/// The rules of a fault; each decision that differs from the right one is counted.
pub(in super::super) fn watched(rules: Rules) -> Rules {
    Rules {
        resumes: Arc::new(Watched(rules.resumes)),
        routes: Arc::new(Watched(rules.routes)),
        admits: Arc::new(Watched(rules.admits)),
    }
}

/// Each decision is the first rules' where that differs from the right one, and the second's elsewhere.
pub(in super::super) fn pair(one: &Rules, two: &Rules) -> Rules {
    Rules {
        resumes: Arc::new(Pair(Arc::clone(&one.resumes), Arc::clone(&two.resumes))),
        routes: Arc::new(Pair(Arc::clone(&one.routes), Arc::clone(&two.routes))),
        admits: Arc::new(Pair(Arc::clone(&one.admits), Arc::clone(&two.admits))),
    }
}

struct Watched<T: ?Sized>(Arc<T>);

struct Pair<T: ?Sized>(Arc<T>, Arc<T>);

/// Both wrappers of a trait, method by method. A decision that is not handed on is a fault that is not let loose.
macro_rules! both {
    ($layer:ident beside $right:ident: $(fn $name:ident $(<$life:lifetime>)? ($($arg:ident: $type:ty),+) -> $answer:ty;)+) => {
        #[deny(clippy::missing_trait_methods, reason = "a decision that is not handed on is a fault that is not let loose")]
        impl $layer for Watched<dyn $layer> {
            $(fn $name $(<$life>)? (&self, $($arg: $type),+) -> $answer {
                watch(self.0.$name($($arg),+), &$right.$name($($arg),+))
            })+
        }

        #[deny(clippy::missing_trait_methods, reason = "a decision that is not handed on is a fault that is not let loose")]
        impl $layer for Pair<dyn $layer> {
            $(fn $name $(<$life>)? (&self, $($arg: $type),+) -> $answer {
                either(self.0.$name($($arg),+), &$right.$name($($arg),+), || self.1.$name($($arg),+))
            })+
        }
    };
}

both! { Resumes beside Rechecks:
    fn switched_on(offer: &Offer<'_>) -> bool;
    fn at_home(offer: &Offer<'_>) -> bool;
    fn fresh(offer: &Offer<'_>) -> bool;
    fn under_its_name(offer: &Offer<'_>) -> bool;
    fn certificate_stands(offer: &Offer<'_>) -> bool;
    fn authenticated_enough(offer: &Offer<'_>) -> bool;
    fn satisfies_policy(offer: &Offer<'_>) -> bool;
    fn resumes(offer: &Offer<'_>) -> bool;
}

both! { Routes beside Checks:
    fn name_asked<'a>(hello: &Hello<'a>) -> Option<&'a str>;
    fn covers(pattern: &str, name: &str) -> bool;
    fn settle(claimants: &[ClientAuth]) -> usize;
    fn belongs(route: &Route<'_>) -> bool;
}

both! { Admits beside Strict:
    fn met(outcome: &LateOutcome) -> bool;
    fn covers(authenticated: &Authenticated, request: StreamId) -> bool;
}

//! Each invariant beside logs written by hand: some in which it holds, some in which it breaks, and nothing else does.
//!
//! The modules hold the examples, in the order of the invariants' own files. A broken log comes with a twin that differs
//! in the one thing that matters.

mod bare;
mod coalescing;
mod identity;
mod late;
mod preflight;
mod reuse;
mod servers;
mod sessions;
mod split;
mod write;

use std::collections::BTreeSet;

use super::{INVARIANTS, judge};
use crate::case::{Case, Vocabulary};
use crate::log::{Log, Record};
use crate::scenario::{Name, Scenario};

/// A log written by hand, and what is broken in it.
#[derive(Clone)]
struct Example {
    /// The invariant that it is about.
    about: &'static str,
    /// What happens, in a sentence.
    story: &'static str,
    /// The scenario: pieces of TOML.
    scenario: Vec<&'static str>,
    /// The profile that the user agent follows.
    profile: &'static str,
    log: Vec<Record>,
    /// What breaks, and at which record.
    breaks: Vec<(&'static str, usize)>,
}

fn examples() -> Vec<Example> {
    let tables: [fn() -> Vec<Example>; 9] = [
        bare::examples,
        preflight::examples,
        split::examples,
        identity::examples,
        sessions::examples,
        coalescing::examples,
        late::examples,
        reuse::examples,
        servers::examples,
    ];
    tables.iter().flat_map(|table| table()).collect()
}

#[test]
fn each_log_breaks_what_it_must_where_it_must_and_nothing_else() {
    let mut wrong = Vec::new();
    for example in examples() {
        let text = example.scenario.concat();
        let mut scenario = Scenario::from_toml(&text)
            .unwrap_or_else(|error| panic!("{}: {error}\n{text}", example.story));
        scenario.profile = Name::const_new(example.profile);
        let log = Log {
            records: example.log,
        };
        let mut violations = Vec::new();
        judge(
            &Case::new(&scenario, &mut Vocabulary::default()),
            &log,
            &mut violations,
        );
        let found: BTreeSet<_> = violations
            .iter()
            .map(|it| (it.invariant.name, it.record))
            .collect();
        let expected: BTreeSet<_> = example.breaks.iter().copied().collect();
        if found != expected {
            let messages: Vec<_> = violations.iter().map(|it| &it.message).collect();
            wrong.push(format!(
                "{}: {}: expected {expected:?}, found {found:?} {messages:#?}",
                example.about, example.story
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_invariant_has_a_log_in_which_it_holds_and_one_in_which_it_breaks() {
    let examples = examples();
    for invariant in &INVARIANTS {
        let about = || {
            examples
                .iter()
                .filter(|example| example.about == invariant.name)
        };
        let breaks = |example: &Example| {
            example
                .breaks
                .iter()
                .any(|(name, _)| *name == invariant.name)
        };
        assert!(about().any(breaks), "no log breaks {}", invariant.name);
        assert!(
            about().any(|example| !breaks(example)),
            "{} holds in no log",
            invariant.name
        );
    }
    for example in &examples {
        let known = INVARIANTS
            .iter()
            .any(|invariant| invariant.name == example.about);
        assert!(
            known,
            "{}: there is no invariant {}",
            example.story, example.about
        );
    }
}

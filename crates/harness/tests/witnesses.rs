//! Each fault has a witness in `corpus/faults`: a scenario that holds without it and breaks with it, on every tier that the
//! fault is for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bareflight_harness::Runner;
use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::TierName;
use bareflight_harness::witness::{Testimony, testify};

/// Steps beyond which a witness does not read like a test that somebody wrote.
const STEPS: usize = 4;

#[test]
fn every_witness_breaks_with_its_fault_and_holds_without() {
    for tier in TierName::ALL {
        let mut runner = Runner::new(tier).unwrap();
        for fault in faults().filter(|fault| fault.tiers.contains(&tier)) {
            let testimony = testify(&mut runner, fault, &witness(fault)).unwrap();
            assert!(
                matches!(testimony, Testimony::Shows { .. }),
                "{} on {tier}: {testimony:?}",
                fault.name
            );
        }
    }
}

/// ETNA's protocol asks that a witness is of one fault; here one may be of several, but it must tell the fault from the
/// controls.
#[test]
fn no_witness_flags_a_control() {
    let mut runner = Runner::new(TierName::Model).unwrap();
    for control in Fault::all().iter().filter(|fault| fault.control) {
        for fault in faults() {
            let testimony = testify(&mut runner, control, &witness(fault)).unwrap();
            assert_eq!(
                testimony,
                Testimony::Silent,
                "{}: {}",
                control.name,
                fault.name
            );
        }
    }
}

#[test]
fn witnesses_are_small_plain_and_say_what_they_show() {
    for fault in faults() {
        let text = fs::read_to_string(path(fault)).unwrap();
        let head = format!("# {}: {}.\n", fault.name, fault.change);
        assert!(text.starts_with(&head), "{text}");
        let scenario = witness(fault);
        assert!(
            text.ends_with(&scenario.to_toml()),
            "{}: not as it is printed",
            fault.name
        );
        assert!(scenario.steps.len() <= STEPS, "{}", fault.name);
        let mut fixed = scenario.clone();
        fixed.fixup();
        assert_eq!(fixed, scenario);
    }
}

#[test]
fn there_is_no_witness_of_nothing() {
    let wanted: BTreeSet<PathBuf> = faults().map(path).collect();
    let there = fs::read_dir(folder()).unwrap();
    let there = there.map(|entry| entry.unwrap().path());
    let there: BTreeSet<PathBuf> = there
        .filter(|it| it.extension().is_some_and(|it| it == "toml"))
        .collect();
    assert_eq!(
        there, wanted,
        "`bareflight faults --write-corpus` makes them"
    );
}

fn faults() -> impl Iterator<Item = &'static Fault> {
    Fault::all().iter().filter(|fault| !fault.control)
}

fn witness(fault: &Fault) -> Scenario {
    let path = path(fault);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn path(fault: &Fault) -> PathBuf {
    folder().join(format!("{}.toml", fault.name))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/faults")
}

//! Does the observatory let our own user agent pass, and catch it with each fault that can be let loose? All over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use bareflight_harness::faults::Fault;
use bareflight_observatory::agents::{AGENTS, Start};
use bareflight_observatory::verdict::{LeftOut, Report, Verdict};
use bareflight_observatory::{Asked, FOR_BROWSERS, Limits, observe_own, own_scenarios};

const ONCE: Limits = Limits {
    runs: 1,
    step: Duration::from_secs(60),
};

/// Each fault shows in one of them.
const SHORT: [&str; 4] = [
    "omit-and-include",
    "two-top-level-sites-one-host",
    "two-identities",
    "none-then-trust",
];

fn short() -> Vec<Asked> {
    let mut all = own_scenarios();
    all.retain(|it| SHORT.contains(&it.name.as_str()));
    assert_eq!(all.len(), SHORT.len());
    all
}

fn broken(report: &Report) -> Vec<&str> {
    let broken = report.verdicts.iter();
    let broken = broken.filter(|(_, it)| *it == Verdict::Broken);
    broken.map(|(name, _)| *name).collect()
}

/// What can be observed, with the fault that is let loose.
fn own_agents() -> Vec<(&'static str, Option<&'static Fault>)> {
    let nowhere = tempfile::tempdir().unwrap();
    let ready = AGENTS.iter().filter(|it| it.name.starts_with("user-agent"));
    let ready = ready.map(|it| match it.ready(nowhere.path(), None) {
        Ok(Start::Own(fault)) => (it.name, fault),
        other => panic!("{}: {other:?}", it.name),
    });
    ready.collect()
}

#[test]
fn the_user_agent_holds() {
    let report = observe_own("user-agent", None, &own_scenarios(), &ONCE).unwrap();
    assert_eq!(broken(&report), [""; 0], "{:#?}", report.scenarios);
    assert!(!report.is_undecided(), "{:#?}", report.scenarios);
    for invariant in FOR_BROWSERS.iter().chain(&["trust-match"]) {
        let expected = match *invariant {
            // Nobody joins another host's connection of HTTP/1.1.
            "coalesce-safe" => Verdict::NotApplicable,
            _ => Verdict::Holds,
        };
        assert_eq!(report.verdict(invariant), expected, "{invariant}");
    }
    let left_out = report
        .scenarios
        .iter()
        .filter_map(|it| it.left_out.as_ref());
    for why in left_out {
        assert!(matches!(why, LeftOut::Unsupported(_)), "{why:?}");
    }
    let facts = &report.facts;
    assert_eq!(facts.separate_connections_by_identity, Some(true));
    assert_eq!(facts.separate_connections_by_credentials, Some(true));
    assert_eq!(facts.separate_connections_by_partition, Some(true));
    assert_eq!(facts.separate_connections_by_trust, Some(true));
    assert_eq!(facts.reuses_connections, Some(true));
    assert_eq!(facts.resumes_sessions, Some(true));
    let fit = report.fit.unwrap();
    assert!(fit.profiles.contains(&"fetch"), "{fit:?}");
}

#[test]
fn each_fault_is_caught_by_what_the_catalogue_names() {
    let agents = own_agents();
    assert!(agents.len() > 3 && agents[0].1.is_none(), "{agents:?}");
    for (name, fault) in agents {
        let report = observe_own(name, fault, &short(), &ONCE).unwrap();
        assert!(!report.is_undecided(), "{name}: {:#?}", report.scenarios);
        let broken = broken(&report);
        match fault {
            None => assert_eq!(broken, [""; 0], "{name}"),
            Some(fault) => {
                assert!(fault.profile.is_none(), "{name}: judged as it is run");
                let named = broken.iter().filter(|it| fault.explains(it));
                assert!(named.count() > 0, "{name}: {broken:?}");
            }
        }
    }
}

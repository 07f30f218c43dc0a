//! Does a browser that is installed here take the steps of our page? What it comes to is its own affair, and recorded elsewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use bareflight_harness::log::{Event, Log, Outcome};
use bareflight_observatory::agents::{Agent, Start};
use bareflight_observatory::verdict::{Report, Verdict};
use bareflight_observatory::{Limits, browser_scenarios, observe_browser};

const LIMITS: Limits = Limits {
    runs: 1,
    step: Duration::from_secs(60),
};

/// Observes a browser; none if it is not installed, which is said: a test that is skipped is no test that passed.
fn observed(name: &str, scenarios: &[&str]) -> Option<Report> {
    let agent = Agent::named(name).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let browser = match agent.ready(folder.path(), None) {
        Ok(Start::Browser(browser)) => browser,
        Ok(other) => panic!("{other:?}"),
        Err(it) => {
            eprintln!(
                "SKIPPED: {name} is not here: {}; install {}",
                it.reason, it.package
            );
            return None;
        }
    };
    let mut asked = browser_scenarios();
    asked.retain(|it| scenarios.contains(&it.name.as_str()));
    assert_eq!(asked.len(), scenarios.len());
    Some(observe_browser(&browser, name, &asked, &LIMITS).unwrap())
}

fn outcomes(log: &Log) -> Vec<&Outcome> {
    let outcomes = log.records.iter().filter_map(|it| match &it.event {
        Event::Outcome { outcome, .. } => Some(outcome),
        _ => None,
    });
    outcomes.collect()
}

/// The page of the second step is of another site, that of the fourth in a frame: all are driven, and none is in the log.
#[test]
fn chromium_takes_the_steps_of_pages_of_several_sites() {
    let name = "two-top-level-sites-one-host";
    let Some(report) = observed("chromium", &[name]) else {
        return;
    };
    let [scenario] = &report.scenarios[..] else {
        panic!("{report:?}");
    };
    assert_eq!(scenario.left_out, None);
    let (_, tier, log) = Log::from_json_lines(&scenario.log).unwrap();
    assert_eq!(tier, format!("chromium {}", report.version));
    assert_eq!(outcomes(&log), [&Outcome::Status(200); 6]);
    let connections = log.records.iter().filter_map(|it| match &it.event {
        Event::Connection(connection) => Some(connection),
        _ => None,
    });
    assert!(connections.into_iter().all(|it| it.server == "api"));
    assert!(report.facts.reuses_connections.is_some());
    assert_ne!(report.verdict("partition-split"), Verdict::NotApplicable);
}

/// The certificate is chosen without a dialog, which nobody would answer.
#[test]
fn chromium_shows_the_certificate_where_it_may() {
    let Some(report) = observed("chromium", &["put-server-request"]) else {
        return;
    };
    let (_, _, log) = Log::from_json_lines(&report.scenarios[0].log).unwrap();
    assert_eq!(outcomes(&log), [&Outcome::Status(200)]);
    let put = |it: usize| match &log.records[it].event {
        Event::Request(request) => request.method == "PUT",
        _ => false,
    };
    let put = (0..log.records.len()).find(|&it| put(it)).unwrap();
    assert!(log.client_of(put).unwrap().is_authenticated());
}

/// A page on a server that is observed would be a visit of its own there.
#[test]
fn what_no_page_can_do_is_left_out() {
    let Some(report) = observed("chromium", &["omit-server-request"]) else {
        return;
    };
    assert!(report.scenarios[0].left_out.is_some());
    assert!(!report.is_undecided(), "it is beyond any page, and said so");
}

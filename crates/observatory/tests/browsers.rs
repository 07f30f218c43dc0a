//! Does a browser that is installed here take the steps of our page? What it comes to is its own affair, and recorded elsewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use bareflight_harness::log::{Event, Log, Outcome};
use bareflight_observatory::agents::{Agent, Start};
use bareflight_observatory::verdict::{LeftOut, Report, Verdict};
use bareflight_observatory::{Asked, Limits, browser_scenarios, observe_browser};

const LIMITS: Limits = Limits {
    runs: 1,
    step: Duration::from_secs(60),
};

/// Observes a browser in scenarios that are known by name.
fn observed(name: &str, scenarios: &[&str]) -> Option<Report> {
    let mut asked = browser_scenarios();
    asked.retain(|it| scenarios.contains(&it.name.as_str()));
    assert_eq!(asked.len(), scenarios.len());
    observed_in(name, &asked)
}

/// Observes a browser; none if it is not installed, which is said: a test that is skipped is no test that passed.
fn observed_in(name: &str, asked: &[Asked]) -> Option<Report> {
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
    Some(observe_browser(&browser, name, asked, &LIMITS).unwrap())
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

/// The page stays where a navigation succeeds, and goes on. The outcome is what the server of the scenario answers, not the empty
/// answer that lets the page stay.
#[test]
fn chromium_navigates_and_comes_back() {
    let Some(report) = observed("chromium", &["navigation-from-a-page"]) else {
        return;
    };
    let (_, _, log) = Log::from_json_lines(&report.scenarios[0].log).unwrap();
    assert_eq!(outcomes(&log), [&Outcome::Status(200); 5]);
    let navigated = log.records.iter().filter_map(|it| match &it.event {
        Event::Request(request) if request.step == Some(3) => Some(request.authority.as_str()),
        _ => None,
    });
    assert!(navigated.eq(["api.test", "partner.test"]));
    assert_ne!(report.verdict("partition-split"), Verdict::NotApplicable);
}

/// A navigation that fails takes the page with it: what came before is judged, what needs a page after it is not decided.
#[test]
fn chromium_fails_to_navigate() {
    let step = |of: &str| format!("[[step]]\n{of} = \"https://api.test/\"\n");
    let world =
        "bareflight = 1\n[server.api]\nhosts = [\"api.test\"]\nclient-certificate = \"require\"\n";
    let asked = [
        ("last", world.to_owned() + &step("navigate")),
        (
            "before",
            world.to_owned() + &step("navigate") + &step("fetch"),
        ),
    ];
    let asked = asked.map(|(name, text)| Asked::from_toml(name, &text).unwrap());
    let Some(report) = observed_in("chromium", &asked) else {
        return;
    };
    let [last, before] = &report.scenarios[..] else {
        panic!("{report:?}");
    };
    let (_, _, log) = Log::from_json_lines(&last.log).unwrap();
    assert!(matches!(outcomes(&log)[..], [Outcome::Error(_)]), "{log:?}");
    assert_eq!(last.left_out, None);
    let Some(LeftOut::Unreached(reason)) = &before.left_out else {
        panic!("{before:?}");
    };
    assert!(
        reason.starts_with("step 1 (GET https://api.localhost:"),
        "{reason}"
    );
}

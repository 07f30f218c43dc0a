//! What was observed, for a CI server: a suite for each client, a case for each scenario and invariant.

use core::fmt::Write;

use bareflight_observatory::verdict::{LeftOut, Report, ScenarioReport, Tally, Verdict};

use super::Observed;
use crate::table::escape;

/// The XML that JUnit made customary.
pub(super) fn text(all: &[Observed]) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"bareflight observe\">\n",
    );
    for it in all {
        let cases = match it {
            Observed::Seen(report) => cases(report),
            Observed::NotHere(_, it) => {
                skipped("is here", &format!("install {}: {}", it.package, it.reason))
            }
            Observed::Failed(_, error) => {
                let error = escape(&error.to_string());
                format!(
                    "    <testcase name=\"speaks the step protocol\"><error message=\"{error}\"/></testcase>\n"
                )
            }
        };
        let agent = match it {
            Observed::Seen(report) => format!("{} {}", report.agent, report.version),
            Observed::NotHere(agent, _) | Observed::Failed(agent, _) => agent.clone(),
        };
        let _ = write!(
            text,
            "  <testsuite name=\"{}\">\n{cases}  </testsuite>\n",
            escape(&agent)
        );
    }
    text.push_str("</testsuites>\n");
    text
}

fn cases(report: &Report) -> String {
    report.scenarios.iter().map(of_scenario).collect()
}

fn of_scenario(scenario: &ScenarioReport) -> String {
    match &scenario.left_out {
        Some(LeftOut::Unsupported(what)) => return skipped(&scenario.name, what),
        Some(LeftOut::Unreached(what)) => {
            let (name, what) = (escape(&scenario.name), escape(what));
            return format!(
                "    <testcase name=\"{name}\"><error message=\"{what}\"/></testcase>\n"
            );
        }
        None => {}
    }
    let case = |(invariant, tally): (&&'static str, &Tally)| {
        let name = escape(&format!("{}: {invariant}", scenario.name));
        match tally.verdict() {
            Verdict::Holds | Verdict::NotApplicable => format!("    <testcase name=\"{name}\"/>\n"),
            Verdict::Broken | Verdict::Unstable => {
                let broken = scenario.broken.iter().find(|it| it.invariant == *invariant);
                let message = escape(broken.map_or("it broke", |it| &it.message));
                let count = format!("{} of {} runs", tally.broken, tally.runs);
                format!(
                    "    <testcase name=\"{name}\"><failure message=\"{message}\">{count}</failure></testcase>\n"
                )
            }
        }
    };
    scenario.tallies.iter().map(case).collect()
}

fn skipped(name: &str, why: &str) -> String {
    let (name, why) = (escape(name), escape(why));
    format!("    <testcase name=\"{name}\"><skipped message=\"{why}\"/></testcase>\n")
}

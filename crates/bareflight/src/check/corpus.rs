//! Does every scenario of the corpus still hold, and is what its author expects seen?

use bareflight_harness::log::{Client, Event, Log};
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::TierName;

use super::found::{self, Found};
use crate::corpus::Entry;
use crate::drawing;
use crate::exit::Exit;
use crate::judge::{Judged, Runners, case_of, judge_recorded};
use crate::progress::Progress;
use crate::story::Story;

/// What the corpus came to in one place.
#[derive(Debug)]
pub(super) struct Replayed {
    /// A tier, or `recorded`: logs that are judged as they are.
    pub(super) place: &'static str,
    /// Scenarios and logs that were judged.
    pub(super) scenarios: usize,
    /// Steps of which something is expected.
    pub(super) expected: usize,
    /// What is broken: the file and what it shows, smallest.
    pub(super) found: Vec<(String, Found)>,
    /// What is seen otherwise than expected: the file, the step from 1, and a sentence.
    pub(super) unmet: Vec<(String, u16, String)>,
    /// What could not be decided.
    pub(super) undecided: Vec<String>,
    /// How the rule looks where it holds: the shortest log with a preflight and an authenticated connection.
    pub(super) picture: Option<Picture>,
}

/// A scenario that holds, drawn.
#[derive(Debug)]
pub(super) struct Picture {
    /// Its file.
    pub(super) file: String,
    /// The drawing.
    pub(super) svg: String,
    /// How many records its log has.
    records: usize,
}

/// How many times something of the corpus is judged.
pub(super) fn runs(tiers: &[TierName], entries: &[Entry]) -> u64 {
    let logs = entries
        .iter()
        .filter(|entry| entry.input.recorded.is_some())
        .count();
    ((entries.len() - logs) * tiers.len() + logs) as u64
}

/// Runs the corpus on each tier, and judges its logs.
pub(super) fn replay(tiers: &[TierName], entries: &[Entry], progress: &Progress) -> Vec<Replayed> {
    let mut runners = Runners::default();
    let mut all: Vec<_> = tiers
        .iter()
        .map(|&tier| on(tier, entries, &mut runners, progress))
        .collect();
    let recorded = recorded(entries, progress);
    if recorded.scenarios > 0 {
        all.push(recorded);
    }
    all
}

fn on(tier: TierName, entries: &[Entry], runners: &mut Runners, progress: &Progress) -> Replayed {
    let mut replayed = Replayed::none(tier.as_str());
    for entry in entries
        .iter()
        .filter(|entry| entry.input.recorded.is_none())
    {
        let (file, scenario) = (entry.path.display().to_string(), &entry.input.scenario);
        match runners.judge(tier, scenario, None) {
            Ok(judged) => {
                replayed.add(&file, scenario, &judged);
                for name in broken(&judged) {
                    let found = runners
                        .of(tier)
                        .ok()
                        .and_then(|it| found::tell(it, scenario, None, name));
                    replayed
                        .found
                        .extend(found.map(|found| (file.clone(), found)));
                }
            }
            Err(error) => replayed
                .undecided
                .push(format!("{file} on {tier}: {error}")),
        }
        progress.step(format!("{tier}: {file}"));
    }
    replayed
}

/// Nothing is run, so what a log shows cannot be made smaller.
fn recorded(entries: &[Entry], progress: &Progress) -> Replayed {
    let mut replayed = Replayed::none("recorded");
    for entry in entries {
        let Some(recorded) = &entry.input.recorded else {
            continue;
        };
        let (file, scenario) = (entry.path.display().to_string(), &entry.input.scenario);
        let judged = judge_recorded(scenario, recorded);
        replayed.add(&file, scenario, &judged);
        let cut_off = judged.cut_off();
        replayed
            .undecided
            .extend(cut_off.map(|why| format!("{file}: {why}")));
        for name in broken(&judged) {
            let found = found::in_log(&entry.path, scenario, &judged, name);
            replayed
                .found
                .extend(found.map(|found| (file.clone(), found)));
        }
        progress.step(file);
    }
    replayed
}

/// The invariants that are broken, each once.
fn broken(judged: &Judged) -> Vec<&'static str> {
    let mut names: Vec<_> = judged
        .violations
        .iter()
        .map(|violation| violation.invariant.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Replayed {
    fn none(place: &'static str) -> Self {
        Self {
            place,
            scenarios: 0,
            expected: 0,
            found: Vec::new(),
            unmet: Vec::new(),
            undecided: Vec::new(),
            picture: None,
        }
    }

    fn add(&mut self, file: &str, scenario: &Scenario, judged: &Judged) {
        self.scenarios += 1;
        self.expected += scenario.expectations();
        let unmet = judged
            .mismatches
            .iter()
            .map(|it| (file.to_owned(), it.step + 1, it.message.clone()));
        self.unmet.extend(unmet);
        let records = judged.log.records.len();
        let shorter = self
            .picture
            .as_ref()
            .is_none_or(|picture| records < picture.records);
        if shorter && judged.exit() == Exit::Holds && shows_the_rule(&judged.log) {
            let case = case_of(scenario, None);
            let svg = drawing::inline(&Story::of(&case, &judged.log, &[]));
            self.picture = Some(Picture {
                file: file.to_owned(),
                svg,
                records,
            });
        }
    }
}

/// A preflight from which a certificate was withheld, and a connection on which it was shown.
fn shows_the_rule(log: &Log) -> bool {
    let events = || log.records.iter().map(|record| &record.event);
    events().any(|event| matches!(event, Event::Request(request) if request.preflight))
        && events()
            .any(|event| matches!(event, Event::Connection(it) if it.client == Client::Declined))
        && events()
            .any(|event| matches!(event, Event::Connection(it) if it.client.is_authenticated()))
}

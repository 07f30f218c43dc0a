//! Does every scenario of the corpus still hold, and is what its author expects seen?

use bareflight_harness::log::{Client, Event, Log};
use bareflight_harness::tier::TierName;

use super::found::{self, Found};
use super::progress::Progress;
use crate::corpus::Entry;
use crate::drawing;
use crate::exit::Exit;
use crate::judge::{Runners, case_of};
use crate::story::Story;

/// What the corpus came to on one tier.
#[derive(Debug)]
pub(super) struct Replayed {
    /// The tier.
    pub(super) tier: TierName,
    /// Scenarios that were run.
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

/// Runs the corpus on each tier.
pub(super) fn replay(tiers: &[TierName], entries: &[Entry], progress: &Progress) -> Vec<Replayed> {
    let mut runners = Runners::default();
    tiers
        .iter()
        .map(|&tier| on(tier, entries, &mut runners, progress))
        .collect()
}

fn on(tier: TierName, entries: &[Entry], runners: &mut Runners, progress: &Progress) -> Replayed {
    let mut replayed = Replayed {
        tier,
        scenarios: 0,
        expected: 0,
        found: Vec::new(),
        unmet: Vec::new(),
        undecided: Vec::new(),
        picture: None,
    };
    for entry in entries {
        replayed.entry(entry, runners);
        progress.step(format!("{tier}: {}", entry.path.display()));
    }
    replayed
}

impl Replayed {
    fn entry(&mut self, entry: &Entry, runners: &mut Runners) {
        let file = entry.path.display().to_string();
        let judged = match runners.judge(self.tier, &entry.scenario, None) {
            Ok(judged) => judged,
            Err(error) => {
                return self
                    .undecided
                    .push(format!("{file} on {}: {error}", self.tier));
            }
        };
        self.scenarios += 1;
        self.expected += entry
            .scenario
            .steps
            .iter()
            .filter(|step| step.expect.is_some())
            .count();
        let unmet = judged
            .mismatches
            .iter()
            .map(|it| (file.clone(), it.step + 1, it.message.clone()));
        self.unmet.extend(unmet);
        let mut told: Vec<&str> = Vec::new();
        for violation in &judged.violations {
            let name = violation.invariant.name;
            if !told.contains(&name) {
                told.push(name);
                let found = runners
                    .of(self.tier)
                    .ok()
                    .and_then(|it| found::tell(it, &entry.scenario, None, name));
                self.found.extend(found.map(|found| (file.clone(), found)));
            }
        }
        let records = judged.log.records.len();
        let shorter = self
            .picture
            .as_ref()
            .is_none_or(|picture| records < picture.records);
        if shorter && judged.exit() == Exit::Holds && shows_the_rule(&judged.log) {
            let case = case_of(&entry.scenario, None);
            let svg = drawing::inline(&Story::of(&case, &judged.log, &[]));
            self.picture = Some(Picture { file, svg, records });
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

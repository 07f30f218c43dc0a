//! Does every scenario of the corpus still hold, and is what its author expects seen?

use bareflight_harness::tier::TierName;

use super::found::{self, Found};
use super::progress::Progress;
use crate::corpus::Entry;
use crate::drawing;
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
    /// How the first of its scenarios that sends a preflight looks.
    pub(super) picture: Option<(String, String)>,
}

/// Runs the corpus on each tier.
pub(super) fn replay(tiers: &[TierName], entries: &[Entry], progress: &Progress) -> Vec<Replayed> {
    let mut runners = Runners::default();
    tiers.iter().map(|&tier| on(tier, entries, &mut runners, progress)).collect()
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
            Err(error) => return self.undecided.push(format!("{file} on {}: {error}", self.tier)),
        };
        self.scenarios += 1;
        self.expected += entry.scenario.steps.iter().filter(|step| step.expect.is_some()).count();
        let unmet = judged.mismatches.iter().map(|it| (file.clone(), it.step + 1, it.message.clone()));
        self.unmet.extend(unmet);
        let mut told: Vec<&str> = Vec::new();
        for violation in &judged.violations {
            let name = violation.invariant.name;
            if !told.contains(&name) {
                told.push(name);
                let found = runners.of(self.tier).ok().and_then(|it| found::tell(it, &entry.scenario, None, name));
                self.found.extend(found.map(|found| (file.clone(), found)));
            }
        }
        // A connection without the certificate, and another one with it: the rule in one picture.
        let (connections, requests) = judged.sizes();
        if self.picture.is_none() && judged.exit() == crate::exit::Exit::Holds && connections > 1 && requests > 1 {
            let case = case_of(&entry.scenario, None);
            self.picture = Some((file, drawing::inline(&Story::of(&case, &judged.log, &[]))));
        }
    }
}

//! What does it come to? Each scenario's runs counted by invariant, and all of them summed up in one verdict for each.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use bareflight_harness::invariants::INVARIANTS;
use serde::{Serialize, Serializer};

use crate::facts::Facts;
use crate::fit::Fit;

/// The verdict on one invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It held in every run of every scenario that can show otherwise.
    Holds,
    /// It broke in every run of a scenario.
    Broken,
    /// It broke in some runs of a scenario, and not in others.
    Unstable,
    /// No scenario that can show it was run to its end.
    NotApplicable,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::Unstable => "unstable",
            Self::NotApplicable => "not-applicable",
        })
    }
}

/// In how many runs an invariant broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The runs in which it broke.
    pub broken: u32,
    /// All runs that were judged.
    pub runs: u32,
}

impl Tally {
    /// The verdict of these runs alone.
    pub fn verdict(self) -> Verdict {
        match self.broken {
            _ if self.runs == 0 => Verdict::NotApplicable,
            0 => Verdict::Holds,
            broken if broken == self.runs => Verdict::Broken,
            _ => Verdict::Unstable,
        }
    }
}

/// What was seen of one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioReport {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// For each invariant that it can show to be broken, the runs.
    pub tallies: BTreeMap<&'static str, Tally>,
    /// What broke, in the words of the first run that shows it.
    pub broken: Vec<Broken>,
    /// Why it says nothing, if it does.
    pub left_out: Option<LeftOut>,
    /// The observation log of the first run in which something broke, or else of the first, as JSON Lines.
    #[serde(skip)]
    pub log: String,
}

/// An invariant that broke, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The invariant.
    pub invariant: &'static str,
    /// What happened.
    pub message: String,
}

/// Why a scenario says nothing of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOut {
    /// The client cannot do what it asks for, by its own account.
    Unsupported(String),
    /// A step never reached a server, so nothing was seen of it.
    Unreached(String),
}

/// What was observed of one client.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the client is called.
    pub agent: String,
    /// Its version, in its own words.
    pub version: String,
    /// The profile that it is judged by; of scenarios under several profiles, all of them.
    pub profile: String,
    /// One verdict for each invariant, in the order of [`INVARIANTS`].
    #[serde(serialize_with = "in_order")]
    pub verdicts: Vec<(&'static str, Verdict)>,
    /// What its pool and its session cache seem to be keyed on.
    pub facts: Facts,
    /// The profiles of the policy that it is like, if it speaks CORS.
    pub fit: Option<Fit>,
    /// How often each scenario was run.
    pub runs: u32,
    /// The folder with the observation logs, if they were written.
    pub log: Option<PathBuf>,
    /// Each scenario.
    pub scenarios: Vec<ScenarioReport>,
}

impl Report {
    /// The verdict on an invariant.
    pub fn verdict(&self, invariant: &str) -> Verdict {
        let known = self.verdicts.iter().find(|(name, _)| *name == invariant);
        known.map_or(Verdict::NotApplicable, |(_, verdict)| *verdict)
    }

    /// The invariants that its scenarios can show to be broken, in the order of [`INVARIANTS`].
    pub fn judged(&self) -> impl Iterator<Item = &'static str> {
        let all = INVARIANTS.iter().map(|it| it.name);
        all.filter(|name| {
            self.scenarios
                .iter()
                .any(|it| it.tallies.contains_key(name))
        })
    }

    /// Whether a scenario could not be decided for another reason than that the client cannot do it.
    pub fn is_undecided(&self) -> bool {
        let unreached = |it: &ScenarioReport| matches!(it.left_out, Some(LeftOut::Unreached(_)));
        self.scenarios.iter().any(unreached)
    }

    /// Whether something is broken, always or at times.
    pub fn is_broken(&self) -> bool {
        let broken = [Verdict::Broken, Verdict::Unstable];
        self.verdicts.iter().any(|(_, it)| broken.contains(it))
    }
}

/// One verdict for each invariant, of all scenarios: the gravest counts.
pub(crate) fn sum_up(scenarios: &[ScenarioReport]) -> Vec<(&'static str, Verdict)> {
    let of = |name: &'static str| {
        let tallies = scenarios.iter().filter_map(|it| it.tallies.get(name));
        let mut verdicts: Vec<_> = tallies.map(|it| it.verdict()).collect();
        verdicts.sort_by_key(|it| match it {
            Verdict::Broken => 0,
            Verdict::Unstable => 1,
            Verdict::Holds => 2,
            Verdict::NotApplicable => 3,
        });
        (
            name,
            verdicts.first().copied().unwrap_or(Verdict::NotApplicable),
        )
    };
    INVARIANTS.iter().map(|it| of(it.name)).collect()
}

fn in_order<S: Serializer>(
    verdicts: &[(&'static str, Verdict)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(verdicts.iter().map(|(name, verdict)| (name, verdict)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(broken: u32, runs: u32) -> ScenarioReport {
        ScenarioReport {
            name: String::new(),
            title: String::new(),
            tallies: [("identity-match", Tally { broken, runs })].into(),
            broken: Vec::new(),
            left_out: None,
            log: String::new(),
        }
    }

    #[test]
    fn the_gravest_counts() {
        let table: [(&[(u32, u32)], Verdict); 6] = [
            (&[], Verdict::NotApplicable),
            (&[(0, 0)], Verdict::NotApplicable),
            (&[(0, 0), (0, 3)], Verdict::Holds),
            (&[(0, 3), (3, 3), (1, 3)], Verdict::Broken),
            (&[(0, 3), (2, 3)], Verdict::Unstable),
            (&[(1, 1)], Verdict::Broken),
        ];
        for (runs, verdict) in table {
            let scenarios: Vec<_> = runs
                .iter()
                .map(|&(broken, runs)| scenario(broken, runs))
                .collect();
            let summed = sum_up(&scenarios);
            assert!(summed.contains(&("identity-match", verdict)), "{runs:?}");
            assert!(
                summed.contains(&("no-prompt", Verdict::NotApplicable)),
                "{runs:?}"
            );
            assert_eq!(summed.len(), INVARIANTS.len());
        }
    }
}

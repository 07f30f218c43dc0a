//! All that a check came to, as the data that the tables, the page and `report.json` are made from.

use std::path::PathBuf;

use bareflight_harness::invariants::INVARIANTS;
use bareflight_harness::occurrences::Occurrences;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::TierName;
use serde::{Serialize, Serializer};

use super::Plan;
use super::corpus::{Picture, Replayed};
use super::found::Found;
use super::hunt::{End, Hunted};
use super::reference::{Fuzzed, Stop};
use super::tally::Runs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::{count, thousands};

/// The version of `report.json`.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Report {
    /// The version of this format.
    pub(super) report: u32,
    /// The version of bareflight.
    pub(super) version: &'static str,
    pub(super) seed: u64,
    /// How long the reference was fuzzed.
    pub(super) seconds: u64,
    pub(super) verdict: Exit,
    pub(super) corpus: Vec<CorpusRow>,
    pub(super) tiers: Vec<TierRow>,
    pub(super) invariants: Vec<InvariantRow>,
    pub(super) faults: Vec<FaultRow>,
    pub(super) violations: Vec<Violation>,
    /// Expectations of the corpus that are not met.
    pub(super) unmet: Vec<Unmet>,
    /// What could not be decided, in sentences.
    pub(super) undecided: Vec<String>,
    /// Files of the corpus that are unusable, in sentences.
    pub(super) unusable: Vec<String>,
    /// A scenario that holds, drawn.
    #[serde(skip)]
    pub(super) example: Option<Picture>,
}

/// The corpus on one tier.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct CorpusRow {
    pub(super) tier: &'static str,
    pub(super) scenarios: usize,
    /// Steps of which something is expected.
    pub(super) expectations: usize,
    pub(super) unmet: usize,
    pub(super) violations: usize,
}

/// Fuzzing the reference on one tier.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct TierRow {
    pub(super) tier: &'static str,
    #[serde(flatten)]
    pub(super) runs: Runs,
    pub(super) elapsed_seconds: f64,
    /// What happened, and how often.
    #[serde(serialize_with = "by_name")]
    pub(super) occurrences: Occurrences,
}

fn by_name<S: Serializer>(occurrences: &Occurrences, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(
        occurrences
            .iter()
            .map(|(what, times)| (what.as_str(), times)),
    )
}

/// One invariant in the fuzzing of the reference.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct InvariantRow {
    pub(super) name: &'static str,
    pub(super) holds_when: &'static str,
    pub(super) section: &'static str,
    pub(super) tiers: Vec<InvariantOnTier>,
}

#[derive(Debug, Serialize)]
pub(super) struct InvariantOnTier {
    pub(super) tier: &'static str,
    /// Runs whose profile the invariant judges.
    #[serde(flatten)]
    pub(super) runs: Runs,
    pub(super) violations: u64,
}

/// One fault or control.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct FaultRow {
    pub(super) name: &'static str,
    pub(super) control: bool,
    pub(super) change: &'static str,
    pub(super) seen_in: &'static [String],
    pub(super) breaks: &'static [String],
    pub(super) hunts: Vec<HuntRow>,
}

/// One fault or control on one tier.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct HuntRow {
    pub(super) tier: &'static str,
    pub(super) result: HuntResult,
    pub(super) scenarios: u64,
    /// Scenarios in which a decision differed from the right one: a fault that is missed and was reached is a hole in an
    /// invariant, one that was not reached a hole in the generator.
    pub(super) reached: u64,
    pub(super) elapsed_seconds: f64,
    /// The invariant that caught or flagged it.
    pub(super) by: Option<&'static str>,
    /// Why it was not decided.
    pub(super) reason: Option<String>,
    #[serde(skip)]
    pub(super) found: Option<Box<Found>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HuntResult {
    /// A fault, caught as its entry says.
    Caught,
    /// A fault that was not caught.
    Missed,
    /// A control, not flagged.
    Passed,
    /// A control, flagged.
    Flagged,
    /// Nobody knows.
    Undecided,
}

/// What the reference, or a control, broke.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Violation {
    pub(super) tier: &'static str,
    pub(super) invariant: &'static str,
    pub(super) section: &'static str,
    pub(super) message: String,
    /// Where it was met first: a file of the corpus, or the number of a scenario.
    pub(super) origin: String,
    /// The control that was loose, if one was.
    pub(super) control: Option<&'static str>,
    /// The smallest scenario that shows it.
    pub(super) file: PathBuf,
    #[serde(skip)]
    pub(super) svg: String,
}

/// An expectation that is not met.
#[derive(Debug, Serialize)]
pub(super) struct Unmet {
    pub(super) tier: &'static str,
    pub(super) file: String,
    /// From 1.
    pub(super) step: u16,
    pub(super) message: String,
}

impl Report {
    pub(super) fn new(plan: &Plan) -> Self {
        let row = |invariant: &'static bareflight_harness::invariants::Invariant| InvariantRow {
            name: invariant.name,
            holds_when: invariant.sentence,
            section: invariant.section,
            tiers: Vec::new(),
        };
        Self {
            report: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            seed: plan.seed,
            seconds: plan.seconds,
            verdict: Exit::Holds,
            corpus: Vec::new(),
            tiers: Vec::new(),
            invariants: INVARIANTS.iter().map(row).collect(),
            faults: Vec::new(),
            violations: Vec::new(),
            unmet: Vec::new(),
            undecided: Vec::new(),
            unusable: Vec::new(),
            example: None,
        }
    }

    pub(super) fn add_replayed(&mut self, plan: &Plan, replayed: Replayed) -> Result<(), Failure> {
        let tier = replayed.place;
        self.corpus.push(CorpusRow {
            tier,
            scenarios: replayed.scenarios,
            expectations: replayed.expected,
            unmet: replayed.unmet.len(),
            violations: replayed.found.len(),
        });
        for (file, found) in replayed.found {
            self.add_violation(plan, file, found)?;
        }
        self.unmet.extend(
            replayed
                .unmet
                .into_iter()
                .map(|(file, step, message)| Unmet {
                    tier,
                    file,
                    step,
                    message,
                }),
        );
        self.undecided.extend(replayed.undecided);
        self.example = self.example.take().or(replayed.picture);
        Ok(())
    }

    pub(super) fn add_fuzzed(&mut self, plan: &Plan, fuzzed: Fuzzed) -> Result<(), Failure> {
        let tier = fuzzed.tier.as_str();
        for (row, (runs, violations)) in self.invariants.iter_mut().zip(fuzzed.tally.by_invariant())
        {
            row.tiers.push(InvariantOnTier {
                tier,
                runs,
                violations,
            });
        }
        self.tiers.push(TierRow {
            tier,
            runs: fuzzed.tally.runs(),
            elapsed_seconds: fuzzed.elapsed.as_secs_f64(),
            occurrences: fuzzed.tally.seen,
        });
        let unready = fuzzed
            .unready
            .map(|error| format!("fuzzing on {tier}: {error}"));
        self.undecided.extend(unready);
        if let Some((number, scenario, stop)) = fuzzed.stopped {
            self.add_stop(plan, fuzzed.tier, number, &scenario, stop)?;
        }
        for (number, found) in fuzzed.found {
            self.add_violation(
                plan,
                format!("scenario {number} of seed {}", plan.seed),
                found,
            )?;
        }
        Ok(())
    }

    pub(super) fn add_hunts(&mut self, plan: &Plan, hunted: Vec<Hunted>) -> Result<(), Failure> {
        for hunt in hunted {
            let (fault, tier) = (hunt.job.fault, hunt.job.tier);
            if self.faults.last().is_none_or(|row| row.name != fault.name) {
                self.faults.push(FaultRow {
                    name: &fault.name,
                    control: fault.control,
                    change: &fault.change,
                    seen_in: &fault.seen_in,
                    breaks: &fault.breaks,
                    hunts: Vec::new(),
                });
            }
            let row = HuntRow::of(hunt);
            if let (HuntResult::Flagged, Some(found)) = (row.result, &row.found) {
                let origin = format!("scenario {} of seed {}", row.scenarios, plan.seed);
                self.add_violation(plan, origin, found.as_ref().clone())?;
            }
            if let Some(reason) = &row.reason {
                self.undecided
                    .push(format!("{} on {tier}: {reason}", fault.name));
            }
            if let Some(last) = self.faults.last_mut() {
                last.hunts.push(row);
            }
        }
        Ok(())
    }

    /// Keeps the scenario that ended the fuzzing of a tier.
    fn add_stop(
        &mut self,
        plan: &Plan,
        tier: TierName,
        number: u64,
        scenario: &Scenario,
        stop: Stop,
    ) -> Result<(), Failure> {
        let word = if matches!(stop, Stop::Panic(_)) {
            "panic"
        } else {
            "undecided"
        };
        let toml = scenario.to_toml();
        let stem = format!("{tier}-{word}");
        let file = files::write_numbered(&plan.out, &stem, "toml", toml.as_bytes())?;
        match stop {
            Stop::Undecided(error) => {
                self.undecided
                    .push(format!("{} on {tier}: {error}", file.display()));
            }
            Stop::Panic(words) => self.violations.push(Violation {
                tier: tier.as_str(),
                invariant: "panic",
                section: "nothing that is asked may end in a panic",
                message: words,
                origin: format!("scenario {number} of seed {}", plan.seed),
                control: None,
                file,
                svg: String::new(),
            }),
        }
        Ok(())
    }

    /// Writes what was found and keeps it.
    fn add_violation(&mut self, plan: &Plan, origin: String, found: Found) -> Result<(), Failure> {
        let stem = match found.fault {
            Some(fault) => format!("{fault}-{}-{}", found.place, found.invariant),
            None => format!("{}-{}", found.place, found.invariant),
        };
        let toml = found.scenario.to_toml();
        let file = match found.file {
            Some(file) => file,
            None => files::write_numbered(&plan.out, &stem, "toml", toml.as_bytes())?,
        };
        self.violations.push(Violation {
            tier: found.place,
            invariant: found.invariant,
            section: found.section,
            message: found.message,
            origin,
            control: found.fault,
            file,
            svg: found.svg,
        });
        Ok(())
    }

    /// Draws the conclusion.
    pub(super) fn conclude(&mut self) {
        let missed = self
            .hunts()
            .any(|hunt| matches!(hunt.result, HuntResult::Missed | HuntResult::Flagged));
        let marks = [
            (!self.undecided.is_empty(), Exit::Undecided),
            (!self.unusable.is_empty(), Exit::Unusable),
            (
                missed || !self.violations.is_empty() || !self.unmet.is_empty(),
                Exit::Broken,
            ),
        ];
        self.verdict = marks
            .into_iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, exit)| exit)
            .max()
            .unwrap_or_default();
    }

    pub(super) fn hunts(&self) -> impl Iterator<Item = &HuntRow> {
        self.faults.iter().flat_map(|fault| &fault.hunts)
    }

    pub(super) fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("names and numbers are JSON");
        format!("{json}\n")
    }

    pub(super) fn corpus_line(&self) -> String {
        let tier = |row: &CorpusRow| {
            let scenarios = count(row.scenarios as u64, "scenario");
            let expectations = count(row.expectations as u64, "expectation");
            let met = match row.unmet {
                0 => format!("{expectations} met"),
                unmet => format!("{unmet} of {expectations} not met"),
            };
            format!(
                "{} {scenarios}, {met}, {}",
                row.tier,
                count(row.violations as u64, "violation")
            )
        };
        self.corpus.iter().map(tier).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn fuzzing_line(&self) -> String {
        let tier = |row: &TierRow| {
            let (scenarios, handshakes) = (row.runs.scenarios, row.runs.handshakes);
            format!(
                "{} {}, {} handshakes",
                row.tier,
                count(scenarios, "scenario"),
                thousands(handshakes)
            )
        };
        self.tiers.iter().map(tier).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn faults_line(&self) -> String {
        let number = |result: HuntResult| self.hunts().filter(|hunt| hunt.result == result).count();
        let faults = self
            .faults
            .iter()
            .filter(|row| !row.control)
            .map(|row| row.hunts.len())
            .sum::<usize>();
        let controls = self.hunts().count() - faults;
        format!(
            "{} of {faults} caught, {} of {controls} controls flagged",
            number(HuntResult::Caught),
            number(HuntResult::Flagged),
        )
    }
}

impl HuntRow {
    fn of(hunted: Hunted) -> Self {
        let (result, found, reason) = match hunted.end {
            End::Caught(found) => (HuntResult::Caught, Some(found), None),
            End::Missed => (HuntResult::Missed, None, None),
            End::Passed => (HuntResult::Passed, None, None),
            End::Flagged(found) => (HuntResult::Flagged, Some(found), None),
            End::Undecided(reason) => (HuntResult::Undecided, None, Some(reason)),
        };
        Self {
            tier: hunted.job.tier.as_str(),
            result,
            scenarios: hunted.scenarios,
            reached: hunted.reached,
            elapsed_seconds: hunted.elapsed.as_secs_f64(),
            by: found.as_ref().map(|found| found.invariant),
            reason,
            found,
        }
    }
}

//! All that the trials came to, as the data that tables, plots and `faults.json` are made from.

use std::collections::BTreeSet;

use bareflight_harness::Runner;
use bareflight_harness::engines::EngineName;
use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::TierName;
use serde::Serialize;

use super::Plan;
use super::trials::{Ended, Trial};
use crate::exit::Exit;
use crate::judge::smallest;
use crate::output::count;
use crate::statistics::{Observation, a12, holm, interval, kaplan_meier, mann_whitney, median};

/// The version of `faults.json`.
const FORMAT: u32 = 1;

/// Below which a difference counts as one.
pub(super) const SIGNIFICANT: f64 = 0.05;

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Report {
    /// The version of this format.
    pub(super) faults_report: u32,
    /// The version of bareflight.
    pub(super) version: &'static str,
    pub(super) seed: u64,
    pub(super) tier: &'static str,
    /// Trials of each fault with each engine.
    pub(super) trials: u32,
    /// How long a trial lasts at most.
    pub(super) seconds: u64,
    pub(super) verdict: Exit,
    pub(super) engines: Vec<EngineRow>,
    pub(super) faults: Vec<FaultRow>,
    pub(super) comparisons: Vec<Comparison>,
}

/// One engine over all faults.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct EngineRow {
    pub(super) engine: &'static str,
    /// Trials of faults, and those that ended because the fault was caught.
    pub(super) trials: usize,
    pub(super) caught: usize,
    /// Whether the canary was caught in every trial; none if it was not among the faults.
    pub(super) canary: Option<bool>,
    pub(super) reference: Reference,
    /// Controls that were flagged.
    pub(super) flagged: Vec<&'static str>,
    /// Which fraction of the trials had not caught its fault after so many seconds, and after so many scenarios:
    /// Kaplan-Meier estimates.
    pub(super) survival_seconds: Vec<(f64, f64)>,
    pub(super) survival_scenarios: Vec<(f64, f64)>,
}

/// One engine on the reference, which has no fault.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Reference {
    pub(super) scenarios: u64,
    /// The longest that one of its threads took.
    pub(super) seconds: f64,
    /// Whether the engine gave all that it has: within its bound, the verdict is a proof.
    pub(super) whole: bool,
    /// Invariants that broke: false alarms, or bugs of the reference.
    pub(super) broken: Vec<Alarm>,
    /// Why nothing could be decided.
    pub(super) undecided: Vec<String>,
}

/// An invariant that broke on the reference.
#[derive(Debug, Serialize)]
pub(super) struct Alarm {
    pub(super) invariant: &'static str,
    /// The smallest scenario that shows it.
    pub(super) smallest: String,
}

/// One fault or control.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct FaultRow {
    pub(super) name: &'static str,
    pub(super) control: bool,
    pub(super) canary: bool,
    pub(super) change: &'static str,
    pub(super) breaks: &'static [String],
    pub(super) engines: Vec<OnEngine>,
    /// The smallest scenario that was made of what the trials found.
    pub(super) smallest: Option<String>,
}

/// One fault with one engine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct OnEngine {
    pub(super) engine: &'static str,
    pub(super) caught: usize,
    pub(super) trials: Vec<TrialRow>,
    pub(super) seconds: Summary,
    pub(super) scenarios: Summary,
}

/// When it was caught.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Summary {
    /// The median; none if fewer than half of the trials caught it.
    pub(super) median: Option<f64>,
    /// An interval that contains the true median; an end that lies beyond the trials is absent.
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    /// How surely it does.
    pub(super) level: f64,
}

/// One trial.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct TrialRow {
    pub(super) seed: u64,
    pub(super) result: TrialResult,
    pub(super) scenarios: u64,
    pub(super) seconds: f64,
    /// Scenarios in which a decision differed from the right one, and the first of them.
    pub(super) reached: Option<u64>,
    pub(super) first_reached: Option<u64>,
    /// The invariant that caught or flagged it.
    pub(super) by: Option<&'static str>,
    /// Why it was not decided.
    pub(super) reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TrialResult {
    /// An invariant broke that ends the hunt.
    Caught,
    /// The time was over: the trial is censored.
    Stopped,
    /// The engine had no more scenarios: the fault does not show within its bound.
    Exhausted,
    /// Nobody knows.
    Undecided,
}

/// Two engines on one fault.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Comparison {
    pub(super) engines: [&'static str; 2],
    pub(super) measure: Measure,
    pub(super) fault: &'static str,
    /// The probability that the first takes longer than the second (Vargha and Delaney's A12).
    pub(super) a12: f64,
    /// Mann and Whitney's p, and as it counts among all comparisons by this measure (Holm).
    pub(super) p: f64,
    pub(super) p_corrected: f64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Measure {
    /// Wall clock.
    Seconds,
    /// Scenarios.
    Scenarios,
}

impl Report {
    pub(super) fn new(plan: &Plan, trials: &[Trial]) -> Self {
        let engine = |&engine: &EngineName| EngineRow::new(plan.tier, engine, trials);
        let engines: Vec<EngineRow> = plan.engines.iter().map(engine).collect();
        let fault = |&fault: &&'static Fault| FaultRow::new(plan, fault, trials);
        let faults: Vec<FaultRow> = plan.faults.iter().map(fault).collect();
        let measures = [Measure::Seconds, Measure::Scenarios];
        let comparisons = measures.into_iter().flat_map(|it| compare(&faults, it));
        let mut report = Self {
            faults_report: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            seed: plan.seed,
            tier: plan.tier.as_str(),
            trials: plan.trials,
            seconds: plan.length.as_secs(),
            verdict: Exit::Holds,
            comparisons: comparisons.collect(),
            engines,
            faults,
        };
        report.verdict = report.conclusion();
        report
    }

    /// A fault that no engine caught though it had not tried all that it has, a false alarm, or a canary that one engine
    /// missed.
    fn conclusion(&self) -> Exit {
        let missed = self.faults.iter().any(|it| {
            let mut engines = it.engines.iter();
            !it.control && engines.all(|on| on.caught == 0) && !it.lies_beyond()
        });
        let alarm = |it: &EngineRow| !it.reference.broken.is_empty() || !it.flagged.is_empty();
        let wrong = |it: &EngineRow| alarm(it) || it.canary == Some(false);
        if missed || self.engines.iter().any(wrong) {
            return Exit::Broken;
        }
        let trials = self.faults.iter().flat_map(|it| &it.engines);
        let mut trials = trials.flat_map(|on| &on.trials);
        let undecided = trials.any(|it| it.result == TrialResult::Undecided);
        let unsure = |it: &EngineRow| !it.reference.undecided.is_empty();
        if undecided || self.engines.iter().any(unsure) {
            return Exit::Undecided;
        }
        Exit::Holds
    }

    pub(super) fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("names and numbers are JSON");
        format!("{json}\n")
    }

    /// What must not have been found, and the smallest scenario that shows it: a name for a file, and TOML.
    pub(super) fn alarms(&self) -> Vec<(String, &str)> {
        let engines = self.engines.iter();
        let of_reference = engines.flat_map(|row| {
            let alarms = row.reference.broken.iter();
            alarms.map(|it| (format!("{}-{}", row.engine, it.invariant), &*it.smallest))
        });
        let controls = self.faults.iter().filter(|it| it.control);
        let of_controls =
            controls.filter_map(|it| Some((it.name.to_owned(), &**it.smallest.as_ref()?)));
        of_reference.chain(of_controls).collect()
    }

    /// What it came to, in a line.
    pub(super) fn line(&self) -> String {
        let caught = |it: &EngineRow| {
            let trials = count(it.trials as u64, "trial");
            format!("{} {} of {trials}", it.engine, it.caught)
        };
        let engines: Vec<String> = self.engines.iter().map(caught).collect();
        format!("caught by {}", engines.join(", "))
    }
}

impl EngineRow {
    fn new(tier: TierName, engine: EngineName, trials: &[Trial]) -> Self {
        let own: Vec<&Trial> = trials.iter().filter(|it| it.job.engine == engine).collect();
        let faults: Vec<&Trial> = own.iter().copied().filter(|it| it.is_of_fault()).collect();
        let observed = |of: fn(&Trial) -> f64| -> Vec<(f64, f64)> {
            let observations: Vec<_> = faults.iter().map(|it| it.observation(of)).collect();
            kaplan_meier(&observations)
        };
        let canary = Fault::canary();
        let mut of_canary = faults
            .iter()
            .filter(|it| it.job.fault.is_some_and(|fault| fault.name == canary.name))
            .peekable();
        let flagged = own.iter().filter(|it| it.is_caught() && !it.is_of_fault());
        Self {
            engine: engine.as_str(),
            trials: faults.len(),
            caught: faults.iter().filter(|it| it.is_caught()).count(),
            canary: of_canary
                .peek()
                .is_some()
                .then(|| of_canary.all(|it| it.is_caught())),
            reference: Reference::new(tier, &own),
            flagged: flagged
                .filter_map(|it| Some(it.job.fault?.name.as_str()))
                .collect(),
            survival_seconds: observed(Trial::seconds),
            survival_scenarios: observed(Trial::number),
        }
    }
}

impl Reference {
    fn new(tier: TierName, trials: &[&Trial]) -> Self {
        let mut reference = Self {
            whole: true,
            ..Self::default()
        };
        for trial in trials.iter().filter(|it| it.job.fault.is_none()) {
            reference.scenarios += trial.scenarios;
            reference.seconds = reference.seconds.max(trial.seconds());
            reference.whole &= matches!(trial.end, Ended::Exhausted);
            match &trial.end {
                Ended::Broken {
                    invariant,
                    scenario,
                } => reference.broken.push(Alarm {
                    invariant,
                    smallest: small(tier, None, scenario, invariant),
                }),
                Ended::Undecided(reason) => reference.undecided.push(reason.clone()),
                Ended::Exhausted | Ended::Stopped => {}
            }
        }
        reference
    }
}

impl FaultRow {
    fn new(plan: &Plan, fault: &'static Fault, trials: &[Trial]) -> Self {
        let own: Vec<&Trial> = trials
            .iter()
            .filter(|it| it.job.fault.is_some_and(|of| of.name == fault.name))
            .collect();
        let on = |&engine: &EngineName| {
            let with: Vec<&Trial> = own
                .iter()
                .copied()
                .filter(|it| it.job.engine == engine)
                .collect();
            OnEngine::new(engine, &with)
        };
        Self {
            name: &fault.name,
            control: fault.control,
            canary: fault.name == Fault::canary().name,
            change: &fault.change,
            breaks: &fault.breaks,
            engines: plan.engines.iter().map(on).collect(),
            smallest: smallest_of(plan.tier, fault, &own),
        }
    }

    /// Whether it shows in nothing that the engines have to try.
    pub(super) fn lies_beyond(&self) -> bool {
        !self.control && self.engines.iter().all(OnEngine::is_exhausted)
    }
}

/// The smallest scenario that can be made of the shortest that the trials found.
fn smallest_of(tier: TierName, fault: &'static Fault, trials: &[&Trial]) -> Option<String> {
    let found = trials.iter().filter_map(|it| match &it.end {
        Ended::Broken {
            invariant,
            scenario,
        } => Some((scenario, *invariant)),
        _ => None,
    });
    let (scenario, invariant) = found.min_by_key(|(scenario, _)| scenario.steps.len())?;
    Some(small(tier, Some(fault), scenario, invariant))
}

/// The scenario as it is, where the tier cannot be started a second time.
fn small(tier: TierName, fault: Option<&Fault>, scenario: &Scenario, invariant: &str) -> String {
    match Runner::new(tier) {
        Ok(mut runner) => smallest(&mut runner, scenario, fault, invariant).to_toml(),
        Err(_) => scenario.to_toml(),
    }
}

impl OnEngine {
    fn new(engine: EngineName, trials: &[&Trial]) -> Self {
        let summary = |of: fn(&Trial) -> f64| {
            let observations: Vec<_> = trials.iter().map(|it| it.observation(of)).collect();
            Summary::new(&observations)
        };
        Self {
            engine: engine.as_str(),
            caught: trials.iter().filter(|it| it.is_caught()).count(),
            trials: trials.iter().map(|it| TrialRow::new(it)).collect(),
            seconds: summary(Trial::seconds),
            scenarios: summary(Trial::number),
        }
    }

    /// What a trial is ranked by: what was cut off comes after all that was not.
    fn ranked(&self, measure: Measure) -> Vec<f64> {
        let of = |it: &TrialRow| match (it.result, measure) {
            (TrialResult::Caught, Measure::Seconds) => it.seconds,
            (TrialResult::Caught, Measure::Scenarios) => it.scenarios as f64,
            _ => f64::INFINITY,
        };
        self.trials.iter().map(of).collect()
    }

    /// The invariants that caught it.
    pub(super) fn by(&self) -> BTreeSet<&'static str> {
        self.trials.iter().filter_map(|it| it.by).collect()
    }

    /// Whether the engine tried all that it has, and caught nothing.
    pub(super) fn is_exhausted(&self) -> bool {
        let mut trials = self.trials.iter();
        trials.all(|it| it.result == TrialResult::Exhausted)
    }

    /// Whether a decision ever differed from the right one; none where nobody counts.
    pub(super) fn reached(&self) -> Option<bool> {
        let reached: Option<Vec<u64>> = self.trials.iter().map(|it| it.reached).collect();
        reached.map(|it| it.iter().any(|&times| times > 0))
    }
}

impl Summary {
    fn new(observations: &[Observation]) -> Self {
        let interval = interval(observations);
        Self {
            median: median(observations),
            low: interval.and_then(|it| it.low),
            high: interval.and_then(|it| it.high),
            level: interval.map_or(0.0, |it| it.level),
        }
    }
}

impl TrialRow {
    fn new(trial: &Trial) -> Self {
        let (result, by, reason) = match &trial.end {
            Ended::Broken { invariant, .. } => (TrialResult::Caught, Some(*invariant), None),
            Ended::Exhausted => (TrialResult::Exhausted, None, None),
            Ended::Stopped => (TrialResult::Stopped, None, None),
            Ended::Undecided(reason) => (TrialResult::Undecided, None, Some(reason.clone())),
        };
        Self {
            seed: trial.job.seed,
            result,
            scenarios: trial.scenarios,
            seconds: trial.seconds(),
            reached: trial.reached,
            first_reached: trial.first_reached,
            by,
            reason,
        }
    }
}

impl Trial {
    fn is_of_fault(&self) -> bool {
        self.job.fault.is_some_and(|fault| !fault.control)
    }

    pub(super) fn is_caught(&self) -> bool {
        matches!(self.end, Ended::Broken { .. })
    }

    fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    /// Scenarios; a count is exact enough.
    fn number(&self) -> f64 {
        self.scenarios as f64
    }

    fn observation(&self, of: fn(&Self) -> f64) -> Observation {
        Observation {
            at: of(self),
            happened: self.is_caught(),
        }
    }
}

/// Every two engines on every fault.
fn compare(faults: &[FaultRow], measure: Measure) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for fault in faults.iter().filter(|it| !it.control) {
        for (index, one) in fault.engines.iter().enumerate() {
            for other in &fault.engines[index + 1..] {
                let (a, b) = (one.ranked(measure), other.ranked(measure));
                comparisons.push(Comparison {
                    engines: [one.engine, other.engine],
                    measure,
                    fault: fault.name,
                    a12: a12(&a, &b),
                    p: mann_whitney(&a, &b),
                    p_corrected: 1.0,
                });
            }
        }
    }
    let p: Vec<f64> = comparisons.iter().map(|it| it.p).collect();
    for (comparison, corrected) in comparisons.iter_mut().zip(holm(&p)) {
        comparison.p_corrected = corrected;
    }
    comparisons
}

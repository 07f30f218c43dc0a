//! Letting each fault loose on each engine, several times, with another seed each time.

use core::time::Duration;
use std::time::Instant;

use bareflight_harness::engines::{Engine, EngineName, Exhaustive};
use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::{End, Hunted, hunt, hunt_all};

use super::Plan;
use super::coverage::Programs;
use crate::judge::Runners;
use crate::progress::Progress;
use crate::work::{self, seed_of};

/// One trial.
#[derive(Clone, Copy)]
pub(super) struct Job {
    /// The fault or control; none for the reference, which the exhaustive engine has together with all faults.
    pub(super) fault: Option<&'static Fault>,
    pub(super) engine: EngineName,
    pub(super) seed: u64,
    /// Which part of all scenarios, and of how many: the exhaustive engine has a part for each processor.
    part: (usize, usize),
}

impl Job {
    /// All faults at once, and the reference.
    fn is_of_all(&self) -> bool {
        self.fault.is_none() && self.engine == EngineName::Exhaustive
    }
}

/// What a trial came to.
pub(super) struct Trial {
    pub(super) job: Job,
    pub(super) scenarios: u64,
    /// Scenarios in which a decision of the fault differed from the right one; none where nobody counts them.
    pub(super) reached: Option<u64>,
    /// The first of them.
    pub(super) first_reached: Option<u64>,
    pub(super) elapsed: Duration,
    pub(super) end: Ended,
}

/// How a trial ended.
pub(super) enum Ended {
    /// An invariant broke.
    Broken {
        invariant: &'static str,
        scenario: Box<Scenario>,
    },
    /// The engine has no more scenarios.
    Exhausted,
    /// The time was over.
    Stopped,
    /// The tier gave up, or a program did not do its work.
    Undecided(String),
}

/// All that is to be done: of each fault as many trials as are wanted, of controls and of the reference one with each engine. The
/// exhaustive engine takes no seed and would do the same each time: it has the reference and all faults at once.
pub(super) fn jobs(plan: &Plan) -> Vec<Job> {
    let subjects = plan.faults.iter().copied().map(Some).chain([None]);
    subjects
        .flat_map(|fault| {
            plan.engines
                .iter()
                .flat_map(move |&engine| of(plan, fault, engine))
        })
        .collect()
}

fn of(plan: &Plan, fault: Option<&'static Fault>, engine: EngineName) -> Vec<Job> {
    let (trials, parts) = match (fault, engine) {
        (Some(fault), EngineName::Exhaustive) => (u32::from(fault.control), 1),
        (None, EngineName::Exhaustive) => (1, work::processors()),
        (Some(fault), _) if !fault.control => (plan.trials, 1),
        _ => (1, 1),
    };
    let name = fault.map_or("reference", |fault| &fault.name);
    let job = |trial: u32, part: usize| Job {
        fault,
        engine,
        seed: seed_of(plan.seed, plan.tier, &format!("{name} {engine} {trial}")),
        part: (part, parts),
    };
    (0..trials)
        .flat_map(|trial| (0..parts).map(move |part| job(trial, part)))
        .collect()
}

/// Runs all trials. Those that are sure to take long begin first.
pub(super) fn run(
    plan: &Plan,
    jobs: &[Job],
    programs: &Programs,
    progress: &Progress,
) -> Vec<Trial> {
    let long_first = |job: &Job| u64::from(job.fault.is_some_and(|fault| !fault.control));
    let trials = work::each(jobs, long_first, |job, runners| {
        let trials = match job.engine.target() {
            Some(target) => vec![programs.trial(plan, job, target)],
            None if job.is_of_all() => all_at_once(plan, job, runners, progress),
            None => vec![in_process(plan, job, runners)],
        };
        let name = job.fault.map_or("the reference", |fault| &fault.name);
        progress.step(format!("{name}, {}", job.engine));
        trials
    });
    together(trials.into_iter().flatten())
}

/// The exhaustive engine with all faults, and with the reference, for which its verdict is a proof if it is not cut off.
fn all_at_once(plan: &Plan, job: &Job, runners: &mut Runners, progress: &Progress) -> Vec<Trial> {
    let faults: Vec<&'static Fault> = plan
        .faults
        .iter()
        .copied()
        .filter(|fault| !fault.control)
        .collect();
    let subjects = faults.iter().map(|fault| Some(*fault)).chain([None]);
    let jobs = subjects.map(|fault| Job { fault, ..*job });
    let (runner, mut engine) = match (runners.of(plan.tier), start(plan, job)) {
        (Ok(runner), Some(engine)) => (runner, engine),
        (Err(error), _) => {
            let undecided = |job: Job| Trial::undecided(&job, error.to_string());
            return jobs.map(undecided).collect();
        }
        (_, None) => return Vec::new(),
    };
    let began = Instant::now();
    let mut elapsed = vec![None; faults.len()];
    let (part, parts) = job.part;
    let ended = |at: usize| {
        elapsed[at] = Some(began.elapsed());
        let name = &faults[at].name;
        progress.say(format!(
            "{name}, {} (part {} of {parts})",
            job.engine,
            part + 1
        ));
    };
    let hunts = hunt_all(runner, &faults, &mut *engine, |_| true, ended);
    let whole = began.elapsed();
    let elapsed = elapsed.into_iter().chain([None]);
    jobs.zip(hunts)
        .zip(elapsed)
        .map(|((job, hunted), elapsed)| Trial::of(&job, hunted, elapsed.unwrap_or(whole)))
        .collect()
}

/// The parts of a fault's trial with the exhaustive engine as one trial. (Those of the reference are added up in the report,
/// which shows each of its alarms.)
fn together(trials: impl Iterator<Item = Trial>) -> Vec<Trial> {
    let mut all: Vec<Trial> = Vec::new();
    for trial in trials {
        let of_same = |it: &&mut Trial| {
            let name = |trial: &Trial| trial.job.fault.map(|fault| &fault.name);
            it.job.part != trial.job.part
                && it.job.engine == trial.job.engine
                && name(it) == name(&trial)
        };
        match all
            .iter_mut()
            .find(of_same)
            .filter(|_| trial.job.fault.is_some())
        {
            Some(other) => other.join(trial),
            None => all.push(trial),
        }
    }
    all
}

fn in_process(plan: &Plan, job: &Job, runners: &mut Runners) -> Trial {
    let runner = match runners.of(plan.tier) {
        Ok(runner) => runner,
        Err(error) => return Trial::undecided(job, error.to_string()),
    };
    let Some(mut engine) = start(plan, job) else {
        return Trial::undecided(job, format!("{} does not run here", job.engine));
    };
    let began = Instant::now();
    let go_on = |_| began.elapsed() < plan.length;
    let hunted = hunt(runner, job.fault, &mut *engine, go_on);
    Trial::of(job, hunted, began.elapsed())
}

fn start(plan: &Plan, job: &Job) -> Option<Box<dyn Engine>> {
    match job.engine {
        EngineName::Exhaustive => {
            let (part, parts) = job.part;
            Some(Box::new(Exhaustive::part(plan.steps, part, parts)))
        }
        engine => engine.start(job.seed),
    }
}

impl Trial {
    fn of(job: &Job, hunted: Hunted, elapsed: Duration) -> Self {
        Self {
            job: *job,
            scenarios: hunted.scenarios,
            reached: Some(hunted.reached),
            first_reached: hunted.first_reached,
            elapsed,
            end: match hunted.end {
                End::Broken {
                    scenario,
                    invariant,
                } => Ended::Broken {
                    invariant,
                    scenario,
                },
                End::Exhausted => Ended::Exhausted,
                End::Stopped => Ended::Stopped,
                End::Undecided { error, .. } => Ended::Undecided(error.to_string()),
            },
        }
    }

    /// Adds another part: the plainest scenario in which either caught the fault counts, or else all that both have run.
    fn join(&mut self, other: Self) {
        let rank = |trial: &Self| match &trial.end {
            Ended::Broken { scenario, .. } => (0, scenario.steps.len() as u64, trial.scenarios),
            Ended::Undecided(_) => (1, 0, 0),
            Ended::Stopped => (2, 0, 0),
            Ended::Exhausted => (3, 0, 0),
        };
        let both = (
            self.scenarios + other.scenarios,
            self.elapsed.max(other.elapsed),
        );
        let reached = self.reached.zip(other.reached);
        let first = [self.first_reached, other.first_reached];
        if rank(&other) < rank(self) {
            *self = other;
        }
        if !self.is_caught() {
            (self.scenarios, self.elapsed) = both;
            self.reached = reached.map(|(one, two)| one + two);
            self.first_reached = first.into_iter().flatten().min();
        }
    }

    /// A trial that came to nothing.
    pub(super) fn undecided(job: &Job, reason: String) -> Self {
        Self {
            job: *job,
            scenarios: 0,
            reached: None,
            first_reached: None,
            elapsed: Duration::ZERO,
            end: Ended::Undecided(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: usize, scenarios: u64, end: Ended) -> Trial {
        let job = Job {
            fault: Some(Fault::canary()),
            engine: EngineName::Exhaustive,
            seed: 1,
            part: (number, 3),
        };
        Trial {
            job,
            scenarios,
            reached: Some(scenarios / 10),
            first_reached: Some(scenarios / 100),
            elapsed: Duration::from_secs(scenarios),
            end,
        }
    }

    fn broken(steps: usize) -> Ended {
        let mut scenario = Exhaustive::up_to(1).next_scenario().unwrap();
        let step = scenario.steps[0].clone();
        scenario.steps = vec![step; steps];
        Ended::Broken {
            invariant: "preflight-bare",
            scenario: Box::new(scenario),
        }
    }

    #[test]
    fn the_parts_of_a_trial_are_one_trial() {
        use Ended::{Exhausted, Undecided};
        let undecided = || Undecided("busy".to_owned());
        for (ends, scenarios, reached, first) in [
            ([Exhausted, Exhausted, Exhausted], 1_700, 170, 3),
            ([Exhausted, undecided(), Exhausted], 1_700, 170, 3),
            // Fewer steps are plainer, and of as many those that come first.
            ([broken(3), broken(2), broken(2)], 500, 50, 5),
            ([Exhausted, undecided(), broken(1)], 900, 90, 9),
        ] {
            let numbers = [300, 500, 900];
            let parts = (0..).zip(numbers).zip(ends);
            let all = together(parts.map(|((at, scenarios), end)| part(at, scenarios, end)));
            let [one] = &*all else {
                panic!("{}", all.len())
            };
            let seen = (one.scenarios, one.reached, one.first_reached);
            assert_eq!(seen, (scenarios, Some(reached), Some(first)));
            assert_eq!(one.elapsed.as_secs(), scenarios.min(900));
        }
    }
}

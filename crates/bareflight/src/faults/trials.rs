//! Letting each fault loose on each engine, several times, with another seed each time.

use core::time::Duration;
use std::time::Instant;

use bareflight_harness::engines::{Engine, EngineName, Exhaustive};
use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::{End, hunt};

use super::Plan;
use super::coverage::Programs;
use crate::judge::Runners;
use crate::progress::Progress;
use crate::work::{self, seed_of};

/// One trial.
#[derive(Clone, Copy)]
pub(super) struct Job {
    /// The fault or control; none for the reference.
    pub(super) fault: Option<&'static Fault>,
    pub(super) engine: EngineName,
    pub(super) seed: u64,
    /// Which part of all scenarios, and of how many: the exhaustive engine has the reference on all processors.
    part: (usize, usize),
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

/// All trials: of each fault as many as are wanted, of controls and of the reference one with each engine, and with the
/// exhaustive engine one of each.
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
    let trials = match fault {
        // The exhaustive engine takes no seed: it does the same each time.
        Some(fault) if !fault.control && engine != EngineName::Exhaustive => plan.trials,
        _ => 1,
    };
    let parts = match (fault, engine) {
        (None, EngineName::Exhaustive) => work::processors(),
        _ => 1,
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
    work::each(jobs, long_first, |job, runners| {
        let trial = match job.engine.target() {
            Some(target) => programs.trial(plan, job, target),
            None => in_process(plan, job, runners),
        };
        let name = job.fault.map_or("the reference", |fault| &fault.name);
        progress.step(format!("{name}, {}", job.engine));
        trial
    })
}

fn in_process(plan: &Plan, job: &Job, runners: &mut Runners) -> Trial {
    let runner = match runners.of(plan.tier) {
        Ok(runner) => runner,
        Err(error) => return Trial::undecided(job, error.to_string()),
    };
    let Some(mut engine) = start(plan, job) else {
        return Trial::undecided(job, format!("{} does not run here", job.engine));
    };
    // Within its bound the exhaustive engine's verdict on the reference is a proof, if it is not cut off.
    let endless = job.fault.is_none() && job.engine == EngineName::Exhaustive;
    let began = Instant::now();
    let go_on = |_| endless || began.elapsed() < plan.length;
    let hunted = hunt(runner, job.fault, &mut *engine, go_on);
    let elapsed = began.elapsed();
    Trial {
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

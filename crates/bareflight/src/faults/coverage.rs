//! Trials guided by coverage: a fuzz target is started with the fault's name in its environment, and what it says at its
//! end is read.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use bareflight_harness::fuzz::{CAUGHT, FAULT, scenario_from_input};
use bareflight_harness::invariants::Invariant;

use super::Plan;
use super::trials::{Ended, Job, Trial};
use crate::failure::Failure;
use crate::fuzz::CargoFuzz;
use crate::repository;

/// The fuzz targets that the plan needs, built.
#[derive(Default)]
pub(super) struct Programs {
    built: Vec<(&'static str, PathBuf)>,
}

impl Programs {
    /// Builds what is needed: nothing, if all engines run in this process.
    pub(super) fn build(plan: &Plan) -> Result<Self, Failure> {
        let mut programs = Self::default();
        let targets: Vec<&str> = plan.engines.iter().filter_map(|it| it.target()).collect();
        if targets.is_empty() {
            return Ok(programs);
        }
        if plan.tier != bareflight_harness::tier::TierName::Model {
            return Err(Failure::Usage(
                "the engines of cargo-fuzz run on the tier model alone".to_owned(),
            ));
        }
        let root = repository::root().ok_or_else(|| {
            Failure::Usage(
                "fuzzing needs the repository: run this inside a clone of bareflight".to_owned(),
            )
        })?;
        let cargo_fuzz = CargoFuzz::find_or_install(root)?;
        for target in targets {
            cargo_fuzz.build(target)?;
            programs.built.push((target, cargo_fuzz.program(target)?));
        }
        Ok(programs)
    }

    /// One trial, from nothing: no corpus is kept between trials.
    pub(super) fn trial(&self, plan: &Plan, job: &Job, target: &str) -> Trial {
        let Some((_, program)) = self.built.iter().find(|(name, _)| *name == target) else {
            return Trial::undecided(job, format!("{target} was not built"));
        };
        match tempfile::tempdir() {
            Ok(folder) => run(plan, job, program, folder.path()),
            Err(error) => Trial::undecided(job, format!("no folder can be made: {error}")),
        }
    }
}

fn run(plan: &Plan, job: &Job, program: &Path, folder: &Path) -> Trial {
    let mut command = Command::new(program);
    command
        // 0 would ask libFuzzer for a seed of its own.
        .arg(format!("-seed={}", (job.seed as u32).max(1)))
        .arg(format!("-max_total_time={}", plan.length.as_secs()))
        // Scenarios have no natural order by length: -len_control would keep long ones out for hours.
        .args(["-len_control=0", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", folder.display()))
        .stdin(Stdio::null())
        .env_remove(FAULT)
        .env("RUST_BACKTRACE", "0");
    if let Some(fault) = job.fault {
        command.env(FAULT, &fault.name);
    }
    let began = Instant::now();
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Trial::undecided(job, format!("{}: {error}", program.display())),
    };
    let elapsed = began.elapsed();
    let said = Said::read(&String::from_utf8_lossy(&output.stderr));
    let end = match (said.invariant, output.status.success()) {
        (Some(invariant), _) => found(folder, invariant),
        (None, true) => Ended::Stopped,
        (None, false) => Ended::Undecided(format!("the fuzz target ended with {}", output.status)),
    };
    Trial {
        job: *job,
        scenarios: said.executions,
        reached: None,
        first_reached: None,
        elapsed,
        end,
    }
}

/// The scenario that libFuzzer left behind as it ended.
fn found(folder: &Path, invariant: &'static str) -> Ended {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let inputs = files.filter_map(|file| std::fs::read(file.path()).ok());
    match inputs
        .filter_map(|input| scenario_from_input(&input))
        .next()
    {
        Some(scenario) => Ended::Broken {
            invariant,
            scenario: Box::new(scenario),
        },
        None => Ended::Undecided(format!("{invariant} broke, and left no input")),
    }
}

/// What a fuzz target said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    executions: u64,
    invariant: Option<&'static str>,
}

impl Said {
    fn read(text: &str) -> Self {
        let mut said = Self::default();
        for line in text.lines() {
            if let Some(number) = line.strip_prefix("stat::number_of_executed_units:") {
                said.executions = number.trim().parse().unwrap_or(0);
            }
            if let Some(name) = line.strip_prefix(CAUGHT) {
                said.invariant = Invariant::named(name.trim()).map(|it| it.name);
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_at_its_end_is_read() {
        let text = "\
INFO: Running with entropic power schedule (0xFF, 100).
thread '<unnamed>' panicked at crates/harness/src/fuzz.rs:1:1:

caught by invariant preflight-bare
bareflight = 1
==7== ERROR: libFuzzer: deadly signal
stat::number_of_executed_units: 1234
stat::average_exec_per_sec:     0
";
        let said = Said {
            executions: 1_234,
            invariant: Some("preflight-bare"),
        };
        assert_eq!(Said::read(text), said);
        assert_eq!(
            Said::read("caught by invariant nobody-knows"),
            Said::default()
        );
    }
}

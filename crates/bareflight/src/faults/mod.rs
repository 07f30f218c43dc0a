//! `bareflight faults`: how fast does each engine find each known bug, and does it leave the reference and the controls
//! alone?

mod coverage;
mod pairs;
mod plot;
mod report;
mod tables;
mod trials;
mod witnesses;

use core::time::Duration;
use std::path::PathBuf;

use bareflight_harness::engines::EngineName;
use bareflight_harness::faults::Fault;
use bareflight_harness::tier::TierName;

use crate::cli::FaultsArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output;
use crate::progress::Progress;
use crate::repository;
use coverage::Programs;
use report::Report;

/// What is measured.
pub(crate) struct Plan {
    seed: u64,
    trials: u32,
    length: Duration,
    tier: TierName,
    engines: Vec<EngineName>,
    faults: Vec<&'static Fault>,
    /// Steps up to which the exhaustive engine goes.
    steps: usize,
    out: PathBuf,
}

pub(crate) fn run(args: &FaultsArgs) -> Result<Exit, Failure> {
    let plan = Plan::of(args);
    if args.write_corpus {
        return witnesses::write(&plan, args.corpus.as_deref());
    }
    files::create_folder(&plan.out)?;
    if args.pairs {
        return pairs::run(&plan);
    }
    let programs = Programs::build(&plan)?;
    let jobs = trials::jobs(&plan);
    let progress = Progress::start("letting faults loose", jobs.len() as u64);
    let trials = trials::run(&plan, &jobs, &programs, &progress);
    let report = Report::new(&plan, &trials);
    progress.finish(&report.line());
    let json = report.to_json();
    files::replace(&plan.out.join("faults.json"), json.as_bytes())?;
    for (name, plot) in plot::plots(&report) {
        files::replace(&plan.out.join(name), plot.as_bytes())?;
    }
    if let Some(path) = &args.json {
        files::replace(path, json.as_bytes())?;
    }
    for (name, toml) in report.alarms() {
        let file = files::write_numbered(&plan.out, &name, "toml", toml.as_bytes())?;
        output::complain(&format!("flagged, and must not be: {}", file.display()));
    }
    output::print(&tables::text(&report, &plan.out))?;
    Ok(report.verdict)
}

impl Plan {
    fn of(args: &FaultsArgs) -> Self {
        let engines = if args.engine.is_empty() {
            let here = EngineName::ALL.into_iter();
            here.filter(|engine| engine.target().is_none()).collect()
        } else {
            args.engine.clone()
        };
        Self {
            seed: args.seed,
            trials: args.trials,
            length: Duration::from_secs(args.seconds),
            tier: args.tier,
            engines,
            faults: args
                .faults
                .chosen()
                .into_iter()
                .filter(|fault| fault.tiers.contains(&args.tier))
                .collect(),
            steps: args.steps,
            out: args
                .out
                .clone()
                .unwrap_or_else(|| repository::at_root("target").join("bareflight")),
        }
    }
}

//! `bareflight check`: does the reference hold, and would the harness notice if it did not?

mod corpus;
mod found;
mod html;
mod hunt;
mod promising;
mod reference;
mod report;
mod tables;
mod tally;

use core::time::Duration;
use std::path::{Path, PathBuf};

use bareflight_harness::faults::Fault;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::TierName;

use crate::cli::CheckArgs;
use crate::corpus::{Corpus, Entry};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output;
use crate::progress::Progress;
use crate::repository;
use report::Report;

/// What a check is told.
pub(crate) struct Plan {
    seed: u64,
    seconds: u64,
    hunt: Option<u64>,
    faults: Vec<&'static Fault>,
    tiers: Vec<TierName>,
    out: PathBuf,
}

pub(crate) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let corpus = open(args)?;
    let plan = Plan {
        seed: args.seed,
        seconds: args.seconds,
        hunt: args.hunt,
        faults: args.faults.chosen(),
        tiers: args
            .tier
            .map_or_else(|| TierName::ALL.to_vec(), |tier| vec![tier]),
        out: args
            .out
            .clone()
            .unwrap_or_else(|| repository::at_root("target").join("bareflight")),
    };
    // Before a minute of work, rather than after it.
    files::create_folder(&plan.out)?;
    let mut report = Report::new(&plan);
    let entries = corpus
        .as_ref()
        .map_or_else(Vec::new, |corpus| read(corpus, &mut report));
    replay(&plan, &entries, &mut report)?;
    fuzz(&plan, &entries, &mut report)?;
    hunt(&plan, &mut report)?;
    report.conclude();
    write(&plan.out, &report)?;
    if args.json {
        output::print(&report.to_json())?;
    } else {
        output::print(&tables::text(&report, &plan.out))?;
    }
    Ok(report.verdict)
}

/// The corpus; none where none was named and none is found, for `check` is of use outside of the repository too.
fn open(args: &CheckArgs) -> Result<Option<Corpus>, Failure> {
    match (Corpus::open(args.corpus.as_deref()), &args.corpus) {
        (Ok(corpus), _) => Ok(Some(corpus)),
        (Err(failure), Some(_)) => Err(failure),
        (Err(_), None) => {
            output::complain("there is no corpus here: nothing is replayed");
            Ok(None)
        }
    }
}

fn read(corpus: &Corpus, report: &mut Report) -> Vec<Entry> {
    let (entries, unusable) = corpus.read();
    for error in &unusable {
        output::complain(&error.render());
        report.unusable.push(error.to_string());
    }
    entries
}

fn replay(plan: &Plan, entries: &[Entry], report: &mut Report) -> Result<(), Failure> {
    let progress = Progress::start("corpus", corpus::runs(&plan.tiers, entries));
    for replayed in corpus::replay(&plan.tiers, entries, &progress) {
        report.add_replayed(plan, replayed)?;
    }
    progress.finish(&report.corpus_line());
    Ok(())
}

fn fuzz(plan: &Plan, entries: &[Entry], report: &mut Report) -> Result<(), Failure> {
    let parents: Vec<Scenario> = entries
        .iter()
        .map(|entry| entry.input.scenario.clone())
        .collect();
    let length = Duration::from_secs(plan.seconds);
    let progress = Progress::start("fuzzing the reference", plan.seconds * 1_000);
    for fuzzed in reference::fuzz(&plan.tiers, plan.seed, length, &parents, &progress) {
        report.add_fuzzed(plan, fuzzed)?;
    }
    progress.finish(&report.fuzzing_line());
    Ok(())
}

fn hunt(plan: &Plan, report: &mut Report) -> Result<(), Failure> {
    let jobs = hunt::jobs(&plan.tiers, &plan.faults);
    let progress = Progress::start("letting faults loose", jobs.len() as u64);
    let hunted = hunt::hunt(&jobs, plan.seed, plan.hunt, &progress);
    report.add_hunts(plan, hunted)?;
    progress.finish(&report.faults_line());
    Ok(())
}

fn write(out: &Path, report: &Report) -> Result<(), Failure> {
    files::replace(&out.join("report.json"), report.to_json().as_bytes())?;
    files::replace(&out.join("report.html"), html::page(report).as_bytes())
}

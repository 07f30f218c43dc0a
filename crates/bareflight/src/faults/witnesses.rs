//! Making the witnesses of `corpus/faults`.

use std::path::Path;

use bareflight_harness::faults::Fault;
use bareflight_harness::{Campaign, Runner, witness};

use super::Plan;
use crate::corpus::Corpus;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::{self, count};
use crate::progress::Progress;
use crate::work::{self, seed_of};

/// Finds of a fault, of which the plainest becomes its witness.
const FINDS: usize = 12;

/// Scenarios within which each find must be made.
const MOST: u64 = 50_000;

/// Writes a witness for each fault that is to have one; what is there is replaced.
pub(super) fn write(plan: &Plan, corpus: Option<&Path>) -> Result<Exit, Failure> {
    let folder = Corpus::open(corpus)?.faults();
    let faults: Vec<&'static Fault> = plan
        .faults
        .iter()
        .copied()
        .filter(|it| !it.control)
        .collect();
    let progress = Progress::start("finding witnesses", faults.len() as u64);
    let texts = work::each(
        &faults,
        |_| 0,
        |fault, _| {
            let text = of(plan, fault);
            progress.step(fault.name.as_str());
            text
        },
    );
    let mut exit = Exit::Holds;
    let mut written = 0;
    for (fault, text) in faults.iter().zip(texts) {
        match text? {
            Some(text) => {
                files::replace(
                    &folder.join(format!("{}.toml", fault.name)),
                    text.as_bytes(),
                )?;
                written += 1;
            }
            None => {
                output::complain(&format!("{} was not found: it has no witness", fault.name));
                exit = Exit::Broken;
            }
        }
    }
    progress.finish(&count(written, "scenario"));
    Ok(exit)
}

/// The witness of a fault as TOML, shown on every tier that the fault is for; none if it was not found.
fn of(plan: &Plan, fault: &Fault) -> Result<Option<String>, Failure> {
    let runners = fault.tiers.iter().map(|&tier| Runner::new(tier));
    let mut runners = runners.collect::<Result<Vec<_>, _>>()?;
    let seed = seed_of(plan.seed, plan.tier, &format!("{} witness", fault.name));
    let mut campaign = Campaign::new(seed, []);
    let Some(found) = witness::find(&mut runners, fault, &mut campaign, FINDS, MOST) else {
        return Ok(None);
    };
    let Some(first) = runners.first_mut() else {
        return Ok(None);
    };
    Ok(Some(witness::to_toml(first, fault, &found)?))
}

//! Making the witnesses of `corpus/faults`.

use std::path::Path;

use bareflight_harness::faults::Fault;
use bareflight_harness::{Campaign, Runner, witness};

use super::Plan;
use crate::corpus::Corpus;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::input;
use crate::output::{self, count};
use crate::progress::Progress;
use crate::work::{self, seed_of};

/// Finds of a fault, of which the plainest becomes its witness.
const FINDS: usize = 12;

/// Scenarios within which each find must be made.
const MOST: u64 = 50_000;

/// What becomes of a fault's witness.
enum Witness {
    /// The one that is there shows the fault, and stays as it is.
    Kept,
    /// A new one, as TOML.
    Made(String),
    /// The fault was not found.
    None,
}

/// Sees to it that each fault has a witness: one that is there stays while it shows the fault, and is replaced once it no
/// longer does.
pub(super) fn write(plan: &Plan, corpus: Option<&Path>) -> Result<Exit, Failure> {
    let folder = Corpus::open(corpus)?.faults();
    let faults: Vec<&'static Fault> = plan
        .faults
        .iter()
        .copied()
        .filter(|it| !it.control)
        .collect();
    let progress = Progress::start("finding witnesses", faults.len() as u64);
    let file = |fault: &Fault| folder.join(format!("{}.toml", fault.name));
    let witnesses = work::each(
        &faults,
        |_| 0,
        |fault, _| {
            let witness = of(plan, fault, &file(fault));
            progress.step(fault.name.as_str());
            witness
        },
    );
    let mut exit = Exit::Holds;
    let (mut written, mut kept) = (0, 0);
    for (fault, witness) in faults.iter().zip(witnesses) {
        match witness? {
            Witness::Kept => kept += 1,
            Witness::Made(text) => {
                files::replace(&file(fault), text.as_bytes())?;
                written += 1;
            }
            Witness::None => {
                output::complain(&format!("{} was not found: it has no witness", fault.name));
                exit = Exit::Broken;
            }
        }
    }
    progress.finish(&format!("{}, {kept} kept", count(written, "scenario")));
    Ok(exit)
}

/// The witness of a fault, which shows it on every tier that the fault is for.
fn of(plan: &Plan, fault: &Fault, file: &Path) -> Result<Witness, Failure> {
    let runners = fault.tiers.iter().map(|&tier| Runner::new(tier));
    let mut runners = runners.collect::<Result<Vec<_>, _>>()?;
    if file.exists() && witness::shows(&mut runners, fault, &input::read(file)?.scenario) {
        return Ok(Witness::Kept);
    }
    let seed = seed_of(plan.seed, plan.tier, &format!("{} witness", fault.name));
    let mut campaign = Campaign::new(seed, []);
    let Some(found) = witness::find(&mut runners, fault, &mut campaign, FINDS, MOST) else {
        return Ok(Witness::None);
    };
    let Some(first) = runners.first_mut() else {
        return Ok(Witness::None);
    };
    Ok(Witness::Made(witness::to_toml(first, fault, &found)?))
}

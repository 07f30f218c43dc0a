//! Every two faults at once: how often does one keep the other from being reported?

use bareflight_harness::Campaign;
use bareflight_harness::faults::Fault;
use bareflight_harness::masking::{Masking, masking, showing};
use bareflight_harness::scenario::Scenario;
use serde::Serialize;

use super::Plan;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::{self, BOLD, styled, thousands};
use crate::progress::Progress;
use crate::table::{Side, Table, Tone, cell};
use crate::work::{self, seed_of};

/// Scenarios that show each fault when it is alone.
const FINDS: usize = 50;

/// Scenarios within which each must be found.
const MOST: u64 = 50_000;

/// Pairs that are printed: the worst.
const PRINTED: usize = 20;

/// A fault, and one that masked it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    fault: &'static str,
    by: &'static str,
    /// Scenarios that show it when it is alone.
    shown: usize,
    /// Those of them in which it is not seen.
    masked: usize,
}

/// What masked it, and how often.
type Masked = Vec<(&'static Fault, Masking)>;

pub(super) fn run(plan: &Plan) -> Result<Exit, Failure> {
    let faults: Vec<&'static Fault> = plan
        .faults
        .iter()
        .copied()
        .filter(|it| !it.control)
        .collect();
    let progress = Progress::start("two faults at once", faults.len() as u64);
    let results = work::each(
        &faults,
        |_| 0,
        |&hidden, runners| {
            let masked = of(plan, hidden, &faults, runners);
            progress.step(hidden.name.as_str());
            masked
        },
    );
    let mut rows = Vec::new();
    for (hidden, masked) in faults.iter().zip(results) {
        rows.extend(masked?.into_iter().map(|(by, masking)| Row {
            fault: &hidden.name,
            by: &by.name,
            shown: masking.shown,
            masked: masking.masked,
        }));
    }
    progress.finish(&line(&rows));
    let json = serde_json::to_string_pretty(&rows).expect("names and numbers are JSON");
    let path = plan.out.join("pairs.json");
    files::replace(&path, format!("{json}\n").as_bytes())?;
    output::print(&text(&mut rows))?;
    output::print(&format!("{}\n", path.display()))?;
    Ok(Exit::Holds)
}

fn of(
    plan: &Plan,
    hidden: &'static Fault,
    faults: &[&'static Fault],
    runners: &mut crate::judge::Runners,
) -> Result<Masked, Failure> {
    let runner = runners.of(plan.tier)?;
    let seed = seed_of(plan.seed, plan.tier, &format!("{} pairs", hidden.name));
    let mut campaign = Campaign::new(seed, []);
    let scenarios: Vec<Scenario> = showing(runner, hidden, &mut campaign, FINDS, MOST);
    let others = faults.iter().filter(|by| by.name != hidden.name);
    others
        .map(|&by| Ok((by, masking(runner, hidden, by, &scenarios)?)))
        .collect()
}

fn line(rows: &[Row]) -> String {
    let sometimes = rows.iter().filter(|it| it.masked > 0).count();
    let always = rows
        .iter()
        .filter(|it| it.shown > 0 && it.masked == it.shown)
        .count();
    format!(
        "of {} ordered pairs {} ever mask, {} always",
        thousands(rows.len() as u64),
        thousands(sometimes as u64),
        thousands(always as u64)
    )
}

fn text(rows: &mut [Row]) -> String {
    let mut table = Table::new([
        ("fault", Side::Left),
        ("masked by", Side::Left),
        ("times", Side::Right),
        ("of", Side::Right),
    ]);
    rows.sort_by_key(|it| core::cmp::Reverse(it.masked));
    for row in rows.iter().take(PRINTED).filter(|it| it.masked > 0) {
        let tone = if row.masked == row.shown {
            Tone::Bad
        } else {
            Tone::Plain
        };
        table.row([
            cell(row.fault, Tone::Name),
            cell(row.by, Tone::Name),
            cell(row.masked.to_string(), tone),
            cell(row.shown.to_string(), Tone::Plain),
        ]);
    }
    format!(
        "{}\n{}\n{}\n",
        styled(BOLD, "One fault that keeps another from being reported"),
        table.to_text().trim_end(),
        line(rows)
    )
}

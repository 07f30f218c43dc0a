//! The tables that the trials end with, on the terminal.

use core::fmt::Write;
use std::collections::BTreeSet;
use std::path::Path;

use super::report::{EngineRow, FaultRow, Measure, OnEngine, Report, SIGNIFICANT};
use crate::exit::Exit;
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, styled, thousands};
use crate::table::{Cell, Side, Table, Tone, cell};

/// The end of the trials, as text.
pub(super) fn text(report: &Report, out: &Path) -> String {
    let mut text = String::new();
    let titled = [
        ("When each fault was caught (medians)", faults(report)),
        ("Engines", engines(report)),
        ("Engines compared, by seconds", comparisons(report)),
    ];
    for (title, table) in titled.iter().filter(|(_, table)| !table.is_empty()) {
        let table = table.to_text();
        let _ = writeln!(text, "\n{}\n{}", styled(BOLD, title), table.trim_end());
    }
    let (style, sentence) = match report.verdict {
        Exit::Holds if report.faults.iter().any(FaultRow::lies_beyond) => (
            GOOD,
            "All faults that can show within the bound are caught, and nothing else is flagged.",
        ),
        Exit::Holds => (GOOD, "All faults are caught, and nothing else is flagged."),
        Exit::Undecided => (WARN, "Something could not be decided."),
        Exit::Broken | Exit::Unusable => (BAD, "Not as it must be."),
    };
    let _ = writeln!(text, "\n{}", styled(style, sentence));
    let seed = format!(
        "{}, seed {}",
        out.join("faults.json").display(),
        report.seed
    );
    let _ = writeln!(text, "{}", styled(DIM, &seed));
    text
}

/// Fault × engine: scenarios and time.
fn faults(report: &Report) -> Table {
    let engines = report.engines.iter().flat_map(|it| {
        let scenarios = format!("{}: scenarios", it.engine);
        [(scenarios, Side::Right), ("time".to_owned(), Side::Right)]
    });
    let columns = [("fault".to_owned(), Side::Left)].into_iter();
    let mut table = Table::new(
        columns
            .chain(engines)
            .chain([("by".to_owned(), Side::Left)]),
    );
    for row in &report.faults {
        let mut cells = vec![cell(row.name, Tone::Name)];
        cells.extend(row.engines.iter().flat_map(|on| on_engine(row, on)));
        let by: BTreeSet<&str> = row.engines.iter().flat_map(OnEngine::by).collect();
        let by: Vec<&str> = by.into_iter().collect();
        cells.push(cell(by.join(", "), Tone::Plain));
        table.row(cells);
    }
    table
}

fn on_engine(row: &FaultRow, on: &OnEngine) -> [Cell; 2] {
    let trials = on.trials.len();
    if row.control {
        return match on.caught {
            0 => [cell("passed", Tone::Good), cell("", Tone::Plain)],
            _ => [cell("FLAGGED", Tone::Bad), cell("", Tone::Plain)],
        };
    }
    if on.is_exhausted() {
        return [cell("beyond its bound", Tone::Dim), cell("", Tone::Plain)];
    }
    if on.caught == 0 {
        let word = match on.reached() {
            Some(false) => "not reached",
            Some(true) => "reached, missed",
            None => "missed",
        };
        return [cell(word, Tone::Bad), cell("", Tone::Plain)];
    }
    let scenarios = on.scenarios.median.map(|it| thousands(it as u64));
    let time = on.seconds.median.map_or_else(String::new, time);
    let (caught, tone) = match on.caught {
        all if all == trials => (String::new(), Tone::Plain),
        some => (format!(" {some}/{trials}"), Tone::Warn),
    };
    let scenarios = scenarios.unwrap_or_else(|| "–".to_owned());
    [
        cell(format!("{scenarios}{caught}"), tone),
        cell(time, Tone::Dim),
    ]
}

/// What each engine found, and what it held against what is right.
fn engines(report: &Report) -> Table {
    let mut table = Table::new([
        ("engine", Side::Left),
        ("caught", Side::Right),
        ("canary", Side::Left),
        ("the reference: scenarios", Side::Right),
        ("time", Side::Right),
        ("", Side::Left),
        ("controls flagged", Side::Left),
    ]);
    for row in &report.engines {
        let canary = match row.canary {
            None => cell("–", Tone::Dim),
            Some(true) => cell("caught", Tone::Good),
            Some(false) => cell("MISSED", Tone::Bad),
        };
        let (said, tone) = reference(row);
        let flagged = match row.flagged.as_slice() {
            [] => cell("none", Tone::Good),
            some => cell(some.join(", "), Tone::Bad),
        };
        table.row([
            cell(row.engine, Tone::Name),
            cell(format!("{} of {}", row.caught, row.trials), Tone::Plain),
            canary,
            cell(thousands(row.reference.scenarios), Tone::Plain),
            cell(time(row.reference.seconds), Tone::Dim),
            cell(said, tone),
            flagged,
        ]);
    }
    table
}

fn reference(row: &EngineRow) -> (String, Tone) {
    let reference = &row.reference;
    match (reference.broken.as_slice(), reference.undecided.first()) {
        ([], None) if reference.whole => ("all there are, all hold".to_owned(), Tone::Good),
        ([], None) => ("all hold".to_owned(), Tone::Good),
        ([], Some(reason)) => (reason.clone(), Tone::Warn),
        (broken, _) => {
            let names: Vec<&str> = broken.iter().map(|it| it.invariant).collect();
            (format!("BROKEN {}", names.join(", ")), Tone::Bad)
        }
    }
}

/// On how many faults one engine is faster than another.
fn comparisons(report: &Report) -> Table {
    let mut table = Table::new([
        ("first", Side::Left),
        ("second", Side::Left),
        ("first faster", Side::Right),
        ("second faster", Side::Right),
        ("not told apart", Side::Right),
        ("A12, median", Side::Right),
    ]);
    let mut pairs: Vec<[&str; 2]> = report.comparisons.iter().map(|it| it.engines).collect();
    pairs.dedup();
    let mut seen = BTreeSet::new();
    pairs.retain(|it| seen.insert(*it));
    for pair in pairs {
        let of = report.comparisons.iter();
        let of: Vec<_> = of
            .filter(|it| it.engines == pair && it.measure == Measure::Seconds)
            .collect();
        let faster = |first: bool| {
            of.iter()
                .filter(|it| it.p_corrected < SIGNIFICANT && (it.a12 < 0.5) == first)
                .count()
        };
        let mut effects: Vec<f64> = of.iter().map(|it| it.a12).collect();
        effects.sort_by(f64::total_cmp);
        let (first, second) = (faster(true), faster(false));
        table.row([
            cell(pair[0], Tone::Name),
            cell(pair[1], Tone::Name),
            cell(first.to_string(), Tone::Plain),
            cell(second.to_string(), Tone::Plain),
            cell((of.len() - first - second).to_string(), Tone::Plain),
            cell(format!("{:.2}", effects[effects.len() / 2]), Tone::Plain),
        ]);
    }
    table
}

/// Seconds as a person says them.
fn time(seconds: f64) -> String {
    match seconds {
        none if none < 0.001 => "<1 ms".to_owned(),
        short if short < 1.0 => format!("{:.0} ms", short * 1_000.0),
        long => format!("{long:.1} s"),
    }
}

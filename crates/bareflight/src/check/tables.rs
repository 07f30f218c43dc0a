//! The tables that a check ends with, on the terminal and on the page.

use core::fmt::Write;
use std::path::Path;

use bareflight_harness::occurrences::Occurrence;
use bareflight_harness::tier::TierName;

use super::report::{HuntResult, HuntRow, Report, TierRow};
use crate::exit::Exit;
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, count, styled, thousands};
use crate::table::{Cell, Side, Table, Tone, cell};

/// The end of a check, as text.
pub(super) fn text(report: &Report, out: &Path) -> String {
    let mut text = String::new();
    let titled = [
        ("What was exercised", exercised(report)),
        ("The reference", invariants(report)),
        ("Known faults", faults(report)),
    ];
    for (title, table) in titled.iter().filter(|(_, table)| !table.is_empty()) {
        let _ = writeln!(
            text,
            "\n{}\n{}",
            styled(BOLD, title),
            table.to_text().trim_end()
        );
    }
    text.push('\n');
    for it in &report.violations {
        let control = it
            .control
            .map_or_else(String::new, |name| format!(" by {name}"));
        let _ = writeln!(
            text,
            "{} on {}{control}: {}",
            styled(BAD, it.invariant),
            it.tier,
            it.message
        );
        let _ = writeln!(
            text,
            "  {}",
            styled(DIM, &format!("{}; {}", it.origin, it.section))
        );
        let _ = writeln!(text, "  {}", it.file.display());
    }
    for it in &report.unmet {
        let _ = writeln!(
            text,
            "{} {}, step {}, on {}: {}",
            styled(BAD, "not met"),
            it.file,
            it.step,
            it.tier,
            it.message
        );
    }
    for sentence in &report.undecided {
        let _ = writeln!(text, "{} {sentence}", styled(WARN, "not decided"));
    }
    if !report.faults.is_empty() {
        let _ = writeln!(text, "{}", styled(DIM, MORE));
    }
    let _ = writeln!(text, "{}", verdict(report));
    let _ = writeln!(
        text,
        "{}",
        styled(
            DIM,
            &format!(
                "{}, seed {}",
                out.join("report.html").display(),
                report.seed
            )
        )
    );
    text
}

/// How to get all that can be said of the faults.
const MORE: &str = "Every engine, with repeated trials and their statistics: bareflight faults";

fn verdict(report: &Report) -> String {
    let style = match report.verdict {
        Exit::Holds => GOOD,
        Exit::Broken => BAD,
        Exit::Unusable | Exit::Undecided => WARN,
    };
    styled(style, &sentence(report))
}

/// The verdict in a sentence.
pub(super) fn sentence(report: &Report) -> String {
    let missed = report
        .hunts()
        .filter(|hunt| hunt.result == HuntResult::Missed)
        .count();
    let parts = [
        (report.violations.len(), "violation", ""),
        (report.unmet.len(), "expectation", " not met"),
        (missed, "fault", " not caught"),
        (report.unusable.len(), "file", " of the corpus unusable"),
        (report.undecided.len(), "thing", " not decided"),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, noun, rest)| format!("{}{rest}", count(number as u64, noun)))
        .collect();
    match parts.as_slice() {
        [] => "All hold.".to_owned(),
        parts => format!("{}.", parts.join(", ")),
    }
}

/// What happened while the reference was fuzzed × tier.
pub(super) fn exercised(report: &Report) -> Table {
    let tiers = report.tiers.iter().map(|row| (row.tier, Side::Right));
    let mut table = Table::new([("", Side::Left)].into_iter().chain(tiers));
    let mut line = |name: &str, of: &dyn Fn(&TierRow) -> u64| {
        let numbers = report.tiers.iter().map(|row| match of(row) {
            0 => cell("never", Tone::Warn),
            number => cell(thousands(number), Tone::Plain),
        });
        table.row([cell(name, Tone::Name)].into_iter().chain(numbers));
    };
    // No row names what no tier ran.
    if report.tiers.is_empty() {
        return Table::default();
    }
    line("scenarios", &|row| row.runs.scenarios);
    // A rate of whole scenarios is exact enough.
    line("scenarios a second", &|row| {
        (row.runs.scenarios as f64 / row.elapsed_seconds.max(1e-9)) as u64
    });
    line("handshakes", &|row| row.runs.handshakes);
    for &what in Occurrence::ALL {
        line(what.as_str(), &|row| row.occurrences.of(what));
    }
    table
}

/// Invariant × tier: scenarios, handshakes, violations.
pub(super) fn invariants(report: &Report) -> Table {
    let columns = report.tiers.iter().flat_map(|tier| {
        let name = tier.tier;
        [
            format!("{name}: scenarios"),
            "handshakes".to_owned(),
            "violations".to_owned(),
        ]
    });
    let columns = columns.map(|name| (name, Side::Right));
    let mut table = Table::new(
        [("invariant".to_owned(), Side::Left)]
            .into_iter()
            .chain(columns),
    );
    for row in report.invariants.iter().filter(|row| !row.tiers.is_empty()) {
        let cells = row.tiers.iter().flat_map(|on| {
            let tone = match (on.violations, on.runs.scenarios) {
                (1.., _) => Tone::Bad,
                (0, 0) => Tone::Warn,
                (0, _) => Tone::Good,
            };
            [
                cell(thousands(on.runs.scenarios), Tone::Plain),
                cell(thousands(on.runs.handshakes), Tone::Plain),
                cell(thousands(on.violations), tone),
            ]
        });
        table.row([cell(row.name, Tone::Name)].into_iter().chain(cells));
    }
    table
}

/// Fault: caught after how many scenarios and how long, on each tier, by which invariant.
pub(super) fn faults(report: &Report) -> Table {
    let hunted_on = |tier: &&str| report.hunts().any(|hunt| hunt.tier == *tier);
    let tiers: Vec<&str> = TierName::ALL
        .iter()
        .map(|tier| tier.as_str())
        .filter(hunted_on)
        .collect();
    let columns = tiers.iter().flat_map(|tier| {
        [
            (*tier, Side::Left),
            ("scenarios", Side::Right),
            ("time", Side::Right),
        ]
    });
    let columns = [("fault", Side::Left)]
        .into_iter()
        .chain(columns)
        .chain([("by", Side::Left)]);
    let mut table = Table::new(columns);
    for row in &report.faults {
        let mut cells = vec![cell(row.name, Tone::Name)];
        for tier in &tiers {
            cells.extend(hunted(row.hunts.iter().find(|hunt| hunt.tier == *tier)));
        }
        let mut by: Vec<&str> = row.hunts.iter().filter_map(|hunt| hunt.by).collect();
        by.dedup();
        cells.push(cell(by.join(", "), Tone::Plain));
        table.row(cells);
    }
    table
}

fn hunted(hunt: Option<&HuntRow>) -> [Cell; 3] {
    let Some(hunt) = hunt else {
        return ["–", "", ""].map(|text| cell(text, Tone::Dim));
    };
    let (word, tone) = match hunt.result {
        HuntResult::Caught => ("caught", Tone::Good),
        HuntResult::Passed => ("passed", Tone::Good),
        HuntResult::Missed if hunt.reached > 0 => ("MISSED", Tone::Bad),
        HuntResult::Missed => ("NOT REACHED", Tone::Bad),
        HuntResult::Flagged => ("FLAGGED", Tone::Bad),
        HuntResult::Undecided => ("undecided", Tone::Warn),
    };
    let time = match hunt.elapsed_seconds {
        none if none < 0.001 => "<1 ms".to_owned(),
        short if short < 1.0 => format!("{:.0} ms", short * 1_000.0),
        long => format!("{long:.1} s"),
    };
    [
        cell(word, tone),
        cell(thousands(hunt.scenarios), Tone::Plain),
        cell(time, Tone::Dim),
    ]
}

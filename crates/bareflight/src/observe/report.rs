//! What was observed, for a reader: which of these leaks, and where; then how, and what each seems to be keyed on.

use core::fmt::Write;

use bareflight_harness::invariants::INVARIANTS;
use bareflight_observatory::fit::Fit;
use bareflight_observatory::verdict::{LeftOut, Report, Tally, Verdict};

use super::Observed;
use crate::output::{BAD, BOLD, DIM, WARN, styled};
use crate::table::{Cell, Side, Table, Tone, cell};

/// All of it.
pub(super) fn text(all: &[Observed]) -> String {
    let mut text = String::new();
    let seen: Vec<&Report> = all
        .iter()
        .filter_map(|it| match it {
            Observed::Seen(report) => Some(&**report),
            _ => None,
        })
        .collect();
    if !seen.is_empty() {
        text.push_str(&matrix(&seen).to_text());
        text.push('\n');
        text.push_str(&facts(&seen).to_text());
    }
    for report in seen {
        details(&mut text, report);
    }
    for it in all {
        let (agent, what) = match it {
            Observed::Seen(_) => continue,
            Observed::NotHere(agent, it) => {
                let what = format!("not here: install {} ({})", it.package, it.reason);
                (agent, styled(WARN, &what))
            }
            Observed::Failed(agent, error) => {
                (agent, styled(WARN, &format!("not decided: {error}")))
            }
        };
        let _ = writeln!(text, "\n{}\n  {what}", styled(BOLD, agent));
    }
    text
}

fn matrix(seen: &[&Report]) -> Table {
    let agents = seen.iter().map(|it| (name(it), Side::Left));
    let columns = core::iter::once((String::from("invariant"), Side::Left)).chain(agents);
    let mut table = Table::new(columns);
    let judged = |it: &&str| {
        seen.iter()
            .any(|report| report.judged().any(|name| name == *it))
    };
    for invariant in INVARIANTS.iter().map(|it| it.name).filter(judged) {
        let verdicts = seen.iter().map(|report| verdict(report, invariant));
        table.row(core::iter::once(cell(invariant, Tone::Name)).chain(verdicts));
    }
    table
}

pub(super) fn name(report: &Report) -> String {
    let version = report.version.split_whitespace().next().unwrap_or_default();
    match report.agent.ends_with(version) {
        true => report.agent.clone(),
        false => format!("{} {version}", report.agent),
    }
}

fn verdict(report: &Report, invariant: &str) -> Cell {
    let verdict = report.verdict(invariant);
    let tone = match verdict {
        Verdict::Holds => Tone::Good,
        Verdict::Broken => Tone::Bad,
        Verdict::Unstable => Tone::Warn,
        Verdict::NotApplicable => Tone::Dim,
    };
    match verdict {
        Verdict::Unstable => {
            let tallies = report
                .scenarios
                .iter()
                .filter_map(|it| it.tallies.get(invariant));
            let Tally { broken, runs } = tallies
                .copied()
                .find(|it| it.verdict() == Verdict::Unstable)
                .unwrap_or_default();
            cell(format!("unstable ({broken} of {runs})"), tone)
        }
        Verdict::NotApplicable => cell("–", tone),
        verdict => cell(verdict.to_string(), tone),
    }
}

/// Those facts that at least one client shows.
pub(super) fn facts(seen: &[&Report]) -> Table {
    let agents = seen.iter().map(|it| (name(it), Side::Left));
    let columns = core::iter::once((String::from("fact"), Side::Left)).chain(agents);
    let mut table = Table::new(columns);
    let all: Vec<_> = seen
        .iter()
        .map(|it| serde_json::to_value(&it.facts).expect("words are JSON"))
        .collect();
    let names = all.first().and_then(|it| it.as_object());
    for fact in names.into_iter().flat_map(|it| it.keys()) {
        if all.iter().all(|it| it[fact].is_null()) {
            continue;
        }
        let cells = all.iter().map(|it| match it[fact].as_bool() {
            Some(true) => cell("yes", Tone::Plain),
            Some(false) => cell("no", Tone::Plain),
            None => cell("–", Tone::Dim),
        });
        let fact = cell(fact.replace('_', " "), Tone::Name);
        table.row(core::iter::once(fact).chain(cells));
    }
    table
}

fn details(text: &mut String, report: &Report) {
    let mut lines = String::new();
    if let Some(fit) = &report.fit {
        lines.push_str(&likeness(fit));
    }
    for invariant in report.judged() {
        lines.push_str(&broken(report, invariant));
    }
    for scenario in &report.scenarios {
        let (style, what) = match &scenario.left_out {
            None => continue,
            Some(LeftOut::Unsupported(what)) => (DIM, format!("left out: {what}")),
            Some(LeftOut::Unreached(what)) => (WARN, format!("not decided: {what}")),
        };
        let _ = writeln!(lines, "  {}: {}", scenario.name, styled(style, &what));
    }
    if !lines.is_empty() {
        let _ = write!(text, "\n{}\n{lines}", styled(BOLD, &name(report)));
        if let Some(folder) = &report.log {
            let hint = format!(
                "bareflight explain {}/….jsonl tells what happened",
                folder.display()
            );
            let _ = writeln!(text, "  {}", styled(DIM, &hint));
        }
    }
}

/// Which profile it is like, and what differs.
fn likeness(fit: &Fit) -> String {
    let mut lines = format!("  is like {}\n", fit.profiles.join(", "));
    for it in &fit.differs {
        let _ = writeln!(lines, "    {it}");
    }
    if let Some(own) = fit.own.filter(|own| !fit.profiles.contains(own)) {
        let _ = writeln!(lines, "  is not quite {own}, which is its own");
        for it in &fit.differs_from_own {
            let _ = writeln!(lines, "    {it}");
        }
    }
    lines
}

/// Where an invariant broke: the first scenario in its own words, the others by name.
fn broken(report: &Report, invariant: &str) -> String {
    let found = report.scenarios.iter().filter_map(|scenario| {
        let broken = scenario
            .broken
            .iter()
            .find(|it| it.invariant == invariant)?;
        Some((scenario, broken, scenario.tallies.get(invariant).copied()?))
    });
    let found: Vec<_> = found.collect();
    let [(scenario, broken, tally), others @ ..] = &found[..] else {
        return String::new();
    };
    let mut lines = format!(
        "  {} in {} ({} of {} runs): {}\n",
        styled(BAD, invariant),
        scenario.name,
        tally.broken,
        tally.runs,
        broken.message
    );
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|it| it.0.name.as_str()).collect();
        let _ = writeln!(lines, "    and in {}", styled(DIM, &names.join(", ")));
    }
    lines
}

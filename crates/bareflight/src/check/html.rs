//! The report as one page: the verdict, the tables of the terminal, and drawings; nothing is loaded from elsewhere.

use core::fmt::Write;

use super::report::{FaultRow, Report};
use super::tables;
use crate::exit::Exit;
use crate::page;
use crate::table::{Table, escape};

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut html = page::begin("Bareflight report");
    head(&mut html, report);
    violations(&mut html, report);
    list(&mut html, "Not decided", &report.undecided);
    list(&mut html, "Unusable", &report.unusable);
    let unmet = report.unmet.iter().map(|it| {
        format!(
            "{}, step {}, on {}: {}",
            it.file, it.step, it.tier, it.message
        )
    });
    list(&mut html, "Not as expected", &unmet.collect::<Vec<_>>());
    section(&mut html, "Known faults", FAULTS, &tables::faults(report));
    pictures(&mut html, report);
    section(
        &mut html,
        "The reference",
        REFERENCE,
        &tables::invariants(report),
    );
    meanings(&mut html, report);
    section(
        &mut html,
        "What was exercised",
        EXERCISED,
        &tables::exercised(report),
    );
    html.push_str(page::END);
    html
}

const FAULTS: &str = "Real bugs of the field, each let loose in the reference as one wrong decision, and hunted until an \
invariant that its entry names is broken: after how many scenarios, and how long. Controls are harmless and over-strict: \
they must pass.";
const REFERENCE: &str = "Each invariant, in how many fuzzed scenarios and handshakes it judged the reference, and how \
often it was broken. An invariant judges the profiles that it applies to.";
const EXERCISED: &str = "What happened in the fuzzed scenarios: a rule that is never put to the test holds for nothing.";

fn head(html: &mut String, report: &Report) {
    let class = match report.verdict {
        Exit::Holds => "good",
        Exit::Broken => "bad",
        Exit::Unusable | Exit::Undecided => "warn",
    };
    let _ = write!(
        html,
        "<h1>Bareflight</h1><p>A CORS preflight never carries credentials, TLS client certificates included.</p>\
         <p class=\"verdict {class}\">{}</p>",
        escape(&tables::sentence(report)),
    );
    for (name, line) in [
        ("Corpus", report.corpus_line()),
        ("Fuzzing", report.fuzzing_line()),
        ("Faults", report.faults_line()),
    ] {
        if !line.is_empty() {
            let _ = write!(
                html,
                "<p class=\"figure\"><b>{name}</b> {}</p>",
                escape(&line)
            );
        }
    }
    let _ = write!(
        html,
        "<p class=\"dim\">bareflight {}, seed {}</p>",
        report.version, report.seed
    );
}

fn violations(html: &mut String, report: &Report) {
    if report.violations.is_empty() {
        return;
    }
    html.push_str("<h2>Violations</h2>");
    for it in &report.violations {
        let control = it
            .control
            .map_or_else(String::new, |name| format!(" by {name}"));
        let _ = write!(
            html,
            "<h3 class=\"bad\">{} on {}{}</h3><p>{}</p><p class=\"dim\">{}; {}</p>\
             <p><code>bareflight explain {}</code></p><div class=\"scroll\">{}</div>",
            it.invariant,
            it.tier,
            escape(&control),
            escape(&it.message),
            escape(&it.origin),
            escape(it.section),
            escape(&it.file.display().to_string()),
            it.svg,
        );
    }
}

fn list(html: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = write!(html, "<h2>{title}</h2><ul>");
    for item in items {
        let _ = write!(html, "<li>{}</li>", escape(item));
    }
    html.push_str("</ul>");
}

fn section(html: &mut String, title: &str, words: &str, table: &Table) {
    if !table.is_empty() {
        let _ = write!(html, "<h2>{title}</h2><p>{words}</p>{}", table.to_html());
    }
}

fn pictures(html: &mut String, report: &Report) {
    let _ = write!(html, "<h2>Drawn</h2><p>{}</p>", page::LEGEND);
    if let Some(example) = &report.example {
        let _ = write!(
            html,
            "<h3>As it should be</h3><p class=\"dim\">{}</p><div class=\"scroll\">{}</div>",
            escape(&example.file),
            example.svg,
        );
    }
    let caught = report
        .faults
        .iter()
        .filter(|row| !row.control && row.hunts.iter().any(|hunt| hunt.found.is_some()));
    for (index, row) in caught.enumerate() {
        fault(html, row, index == 0);
    }
}

/// The smallest scenario in which a fault shows. The first is open, so that a reader sees what there is to see.
fn fault(html: &mut String, row: &FaultRow, open: bool) {
    let Some(found) = row.hunts.iter().find_map(|hunt| hunt.found.as_deref()) else {
        return;
    };
    let _ = write!(
        html,
        "<details{}><summary>{}</summary><p>{}.</p><p class=\"dim\">Seen in: {}</p>\
         <div class=\"scroll\">{}</div><details><summary>the scenario</summary><pre>{}</pre></details></details>",
        if open { " open" } else { "" },
        escape(row.name),
        escape(row.change),
        escape(&row.seen_in.join("; ")),
        found.svg,
        escape(&found.scenario.to_toml()),
    );
}

fn meanings(html: &mut String, report: &Report) {
    html.push_str("<details><summary>what each invariant says</summary><dl>");
    for row in &report.invariants {
        let _ = write!(
            html,
            "<dt>{}</dt><dd>Holds when {}. <span class=\"dim\">{}</span></dd>",
            row.name,
            escape(row.holds_when),
            escape(row.section),
        );
    }
    html.push_str("</dl></details>");
}

//! What was observed, as one page: first which of these leaks, and where; each cell leads to the drawing of what happened.

use core::fmt::Write;
use std::collections::{BTreeMap, BTreeSet};

use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::invariants::{INVARIANTS, Invariant, Violation, judge};
use bareflight_harness::log::Log;
use bareflight_harness::scenario::{ClientCertificate, Scenario};
use bareflight_observatory::fit::Fit;
use bareflight_observatory::serve::Links;
use bareflight_observatory::verdict::{LeftOut, Report, ScenarioReport, Tally, Verdict};

use super::Observed;
use super::report::{facts, name};
use crate::drawing;
use crate::page;
use crate::story::Story;
use crate::table::escape;

const INTRODUCTION: &str = "A CORS preflight never carries credentials, and TLS client certificates are credentials. This is \
what each of these did when servers asked for a certificate: the servers wrote it down, so it is what was on the wire.";

/// What it means for a user that an invariant is broken, where that can be said shortly; the first four are leaks.
const WORDS: [(&str, &str); 9] = [
    (
        "preflight-bare",
        "shows the user's certificate in preflights",
    ),
    (
        "omit-bare",
        "shows it in requests that were to be sent without credentials",
    ),
    (
        "late-auth-refused",
        "answers late requests for it that it must refuse",
    ),
    ("hop-bound", "shows it to servers that it is not for"),
    (
        "credentials-split",
        "lets requests with credentials and without share connections or sessions",
    ),
    (
        "partition-split",
        "lets one site's requests share them with another's",
    ),
    (
        "identity-kept",
        "withholds it from requests that need it, once it was withheld",
    ),
    (
        "identity-match",
        "sends requests over a connection that is somebody else's",
    ),
    (
        "ticket-scope",
        "resumes sessions that are another request's",
    ),
];

/// How many of the words tell of leaks.
const LEAKS: usize = 4;

/// The whole page, with links to what is beside it, if something is.
pub(super) fn page(all: &[Observed], links: Option<&Links>) -> String {
    let mut html = page::begin("Which of these leaks, and where?");
    let _ = write!(
        html,
        "<h1>Which of these leaks, and where?</h1><p>{INTRODUCTION}</p>"
    );
    for it in all {
        headline(&mut html, it);
    }
    if let Some(Links { saved, json, start }) = links {
        let _ = write!(
            html,
            "<p class=\"links\"><a href=\"{saved}\">Save this page</a> <a href=\"{json}\">Save it as JSON</a> \
             <a href=\"{start}\">Back to the start</a></p>"
        );
    }
    let seen: Vec<&Report> = all
        .iter()
        .filter_map(|it| match it {
            Observed::Seen(report) => Some(&**report),
            Observed::NotHere(..) | Observed::Failed(..) => None,
        })
        .collect();
    if !seen.is_empty() {
        matrix(&mut html, &seen);
    }
    for report in &seen {
        details(&mut html, report);
    }
    if !seen.is_empty() {
        let _ = write!(
            html,
            "<h2>What they are keyed on</h2><p>Read off the same logs; a dash where nothing could have shown it.</p>{}",
            facts(&seen).to_html()
        );
    }
    meanings(&mut html);
    html.push_str(page::END);
    html
}

fn headline(html: &mut String, observed: &Observed) {
    let (class, who, what) = match observed {
        Observed::Seen(report) if leaks(report) => ("bad", name(report), told(report)),
        Observed::Seen(report) if report.is_broken() => (
            "warn",
            name(report),
            format!("shows no certificate where it must not; {}", told(report)),
        ),
        Observed::Seen(report) if report.is_undecided() => (
            "warn",
            name(report),
            "was not observed to the end".to_owned(),
        ),
        Observed::Seen(report) => (
            "good",
            name(report),
            "kept every rule it was tried on".to_owned(),
        ),
        Observed::NotHere(agent, it) => (
            "warn",
            agent.clone(),
            format!("is not here: install {}", it.package),
        ),
        Observed::Failed(agent, error) => (
            "warn",
            agent.clone(),
            format!("could not be observed: {error}"),
        ),
    };
    let wherever = match observed {
        Observed::Seen(report) if report.is_broken() => format!(
            "<span class=\"dim\">where the server&#39;s rule on certificates is {}</span>",
            broken_modes(report).join(", ")
        ),
        _ => String::new(),
    };
    let _ = write!(
        html,
        "<p class=\"verdict {class}\">{} {}{wherever}</p>",
        escape(&who),
        escape(&what)
    );
}

/// The modes of the servers where something broke.
fn broken_modes(report: &Report) -> Vec<&'static str> {
    let broken = report.scenarios.iter().filter(|it| !it.broken.is_empty());
    let modes = broken.filter_map(|it| Some(mode(&Log::from_json_lines(&it.log).ok()?.0)));
    let modes: BTreeSet<_> = modes.collect();
    modes.into_iter().collect()
}

fn is_broken(report: &Report, name: &str) -> bool {
    matches!(report.verdict(name), Verdict::Broken | Verdict::Unstable)
}

/// Whether a certificate was shown where it must not be.
fn leaks(report: &Report) -> bool {
    WORDS[..LEAKS]
        .iter()
        .chain(&[("identity-match", "")])
        .any(|(name, _)| is_broken(report, name))
}

/// What is broken, in words where there are some. That a request rides somebody's connection follows from the words before it.
fn told(report: &Report) -> String {
    let follows = |name: &str| {
        let before = ["preflight-bare", "omit-bare"];
        name == "identity-match" && before.iter().any(|it| is_broken(report, it))
    };
    let broken = |name: &str| is_broken(report, name) && !follows(name);
    let known = WORDS.iter().filter(|(name, _)| broken(name));
    let mut said: Vec<String> = known.map(|(_, words)| (*words).to_owned()).collect();
    let others = report
        .judged()
        .filter(|name| broken(name) && WORDS.iter().all(|(known, _)| known != name));
    let others: Vec<&str> = others.collect();
    if !others.is_empty() {
        said.push(format!("breaks {}", others.join(", ")));
    }
    said.join("; ")
}

fn matrix(html: &mut String, seen: &[&Report]) {
    let heads = seen.iter().map(|it| escape(&name(it)));
    table(html, "rule", heads, judged(seen), |cells, invariant| {
        for report in seen {
            let scenarios = report.scenarios.iter();
            cell(cells, report, invariant, scenarios);
        }
    });
}

/// A table of rules: its heads, and what makes the cells of each row.
fn table(
    html: &mut String,
    first: &str,
    heads: impl Iterator<Item = String>,
    rules: impl Iterator<Item = &'static Invariant>,
    cells: impl Fn(&mut String, &Invariant),
) {
    let _ = write!(
        html,
        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">{first}</th>"
    );
    for head in heads {
        let _ = write!(html, "<th scope=\"col\">{head}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for rule in rules {
        let _ = write!(
            html,
            "<tr><th scope=\"row\" class=\"name\"><a href=\"#{0}\">{0}</a></th>",
            rule.name
        );
        cells(html, rule);
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
}

/// The rules that at least one was judged by.
fn judged(seen: &[&Report]) -> impl Iterator<Item = &'static Invariant> {
    let is_judged = |name| {
        seen.iter()
            .any(|it| it.judged().any(|judged| judged == name))
    };
    INVARIANTS.iter().filter(move |it| is_judged(it.name))
}

/// The gravest verdict of these scenarios on a rule; where it broke, it leads to the drawing.
fn cell<'r>(
    html: &mut String,
    report: &Report,
    rule: &Invariant,
    scenarios: impl Iterator<Item = &'r ScenarioReport>,
) {
    let mut gravest: Option<(&ScenarioReport, Tally)> = None;
    for scenario in scenarios {
        let Some(&tally) = scenario.tallies.get(rule.name) else {
            continue;
        };
        let graver = gravest.is_none_or(|(_, known)| weight(tally) > weight(known));
        if tally.runs > 0 && graver {
            gravest = Some((scenario, tally));
        }
    }
    let Some((scenario, tally)) = gravest else {
        html.push_str("<td class=\"dim\">–</td>");
        return;
    };
    let at = anchor(report, scenario);
    let _ = match tally.verdict() {
        Verdict::Broken => write!(html, "<td class=\"bad\"><a href=\"#{at}\">broken</a></td>"),
        Verdict::Unstable => write!(
            html,
            "<td class=\"warn\"><a href=\"#{at}\">{} of {}</a></td>",
            tally.broken, tally.runs
        ),
        Verdict::Holds => write!(html, "<td class=\"good\">holds</td>"),
        Verdict::NotApplicable => write!(html, "<td class=\"dim\">–</td>"),
    };
}

fn weight(tally: Tally) -> u8 {
    match tally.verdict() {
        Verdict::NotApplicable => 0,
        Verdict::Holds => 1,
        Verdict::Unstable => 2,
        Verdict::Broken => 3,
    }
}

fn anchor(report: &Report, scenario: &ScenarioReport) -> String {
    escape(&format!("{}--{}", report.agent, scenario.name)).replace(' ', "-")
}

fn details(html: &mut String, report: &Report) {
    let _ = write!(html, "<h2>{}</h2>", escape(&name(report)));
    if let Some(fit) = &report.fit {
        like(html, fit);
    }
    let read: Vec<(&ScenarioReport, Scenario, Log)> = report
        .scenarios
        .iter()
        .filter_map(|it| {
            let (scenario, _, log) = Log::from_json_lines(&it.log).ok()?;
            Some((it, scenario, log))
        })
        .collect();
    let mut modes = BTreeMap::<&str, Vec<&ScenarioReport>>::new();
    for (it, scenario, _) in &read {
        modes.entry(mode(scenario)).or_default().push(it);
    }
    html.push_str("<p>By what the server does about a client certificate:</p>");
    let heads = modes.keys().map(|&it| it.to_owned());
    table(html, "rule", heads, judged(&[report]), |cells, rule| {
        for scenarios in modes.values() {
            cell(cells, report, rule, scenarios.iter().copied());
        }
    });
    let broken: Vec<_> = read.iter().filter(|it| !it.0.broken.is_empty()).collect();
    if !broken.is_empty() {
        let _ = write!(html, "<p>{}</p>", page::LEGEND);
    }
    for (it, scenario, log) in broken {
        drawn(html, report, it, scenario, log);
    }
    left_out(html, report);
}

/// Which profile of the policy it is like.
fn like(html: &mut String, fit: &Fit) {
    let _ = write!(
        html,
        "<p>Of the policy&#39;s profiles it is like <b>{}</b>.</p>",
        fit.profiles.join(", ")
    );
    list(html, &fit.differs);
    if let Some(own) = fit.own.filter(|own| !fit.profiles.contains(own)) {
        let _ = write!(html, "<p>It differs from <b>{own}</b>, its own:</p>");
        list(html, &fit.differs_from_own);
    }
}

fn list(html: &mut String, items: &[String]) {
    if items.is_empty() {
        return;
    }
    html.push_str("<ul>");
    for item in items {
        let _ = write!(html, "<li>{}</li>", escape(item));
    }
    html.push_str("</ul>");
}

/// The one way in which all servers of a scenario deal with client certificates.
fn mode(scenario: &Scenario) -> &'static str {
    let mut modes = scenario.servers.iter().map(|it| it.client_certificate);
    let first = modes.next().unwrap_or(ClientCertificate::None);
    match modes.all(|it| it == first) {
        true => first.as_str(),
        false => "mixed",
    }
}

/// What happened where something broke. The anchor is inside, so that whoever comes by it finds it open.
fn drawn(html: &mut String, report: &Report, it: &ScenarioReport, scenario: &Scenario, log: &Log) {
    let mut vocabulary = Vocabulary::default();
    let case = Case::new(scenario, &mut vocabulary);
    let mut violations: Vec<Violation> = Vec::new();
    judge(&case, log, &mut violations);
    violations.retain(|violation| it.tallies.contains_key(violation.invariant.name));
    let names: Vec<&str> = it.broken.iter().map(|it| it.invariant).collect();
    let _ = write!(
        html,
        "<details><summary>{} <span class=\"dim\">{}</span></summary><div id=\"{}\">",
        escape(&it.title),
        names.join(", "),
        anchor(report, it)
    );
    for broken in &it.broken {
        let _ = write!(html, "<p class=\"bad\">{}</p>", escape(&broken.message));
    }
    let _ = write!(
        html,
        "<div class=\"scroll\">{}</div></div></details>",
        drawing::inline(&Story::of(&case, log, &violations))
    );
}

fn left_out(html: &mut String, report: &Report) {
    let without = report.scenarios.iter().filter_map(|it| {
        let why = match it.left_out.as_ref()? {
            LeftOut::Unsupported(why) => format!("{}: {why}", it.name),
            LeftOut::Unreached(why) => format!("{}: not decided, {why}", it.name),
        };
        Some(why)
    });
    let without: Vec<String> = without.collect();
    if without.is_empty() {
        return;
    }
    html.push_str("<details><summary>what was left out, and why</summary>");
    list(html, &without);
    html.push_str("</details>");
}

fn meanings(html: &mut String) {
    html.push_str("<details><summary>what each rule says</summary><dl>");
    for it in &INVARIANTS {
        let _ = write!(
            html,
            "<dt id=\"{}\">{0}</dt><dd>Holds when {}. <span class=\"dim\">{}</span></dd>",
            it.name,
            escape(it.sentence),
            escape(it.section)
        );
    }
    html.push_str("</dl></details>");
}

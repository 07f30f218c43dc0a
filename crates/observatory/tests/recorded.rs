//! Do the logs that were recorded of clients still come to what they came to? Nothing is run: the wire's truth, replayed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::invariants::judge;
use bareflight_harness::log::Log;
use bareflight_observatory::facts::Facts;
use bareflight_observatory::fit::Fit;
use bareflight_observatory::verdict::Verdict;
use bareflight_observatory::{FOR_BROWSERS, FOR_CLIENTS};

type Verdicts = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/observations")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    entries
}

fn name_of_folder(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// What the facts of `facts.toml` are: what was read off all logs of a client, and the profiles that it is like.
type Known = BTreeMap<String, toml::Table>;

/// What is broken in a log, of what its client is judged by: one that speaks CORS is a browser.
fn broken(path: &Path) -> BTreeSet<String> {
    let (scenario, _, log) = Log::from_json_lines(&fs::read_to_string(path).unwrap()).unwrap();
    let mut vocabulary = Vocabulary::default();
    assert_eq!(log.first_untold(&scenario), None, "{}", path.display());
    let case = Case::new(&scenario, &mut vocabulary);
    let mut violations = Vec::new();
    judge(&case, &log, &mut violations);
    let names = violations.iter().map(|it| it.invariant.name);
    let judged = match case.profile.speaks_cors.value {
        true => &FOR_BROWSERS[..],
        false => &FOR_CLIENTS[..],
    };
    names
        .filter(|it| judged.contains(it))
        .map(str::to_owned)
        .collect()
}

#[test]
fn recorded_logs_come_to_what_they_came_to() {
    let text = fs::read_to_string(corpus().join("verdicts.toml")).unwrap();
    let expected: Verdicts = toml::from_str(&text).unwrap();
    let mut seen = Verdicts::new();
    let mut logs = 0;
    for folder in entries(&corpus()).iter().filter(|it| it.is_dir()) {
        let agent = name_of_folder(folder);
        let of_agent = seen.entry(agent).or_default();
        for path in entries(folder) {
            logs += 1;
            let broken = broken(&path);
            if !broken.is_empty() {
                of_agent.insert(name(&path), broken);
            }
        }
    }
    assert_eq!(seen, expected);
    assert!(logs >= 5 * 15 + 5 * 33, "{logs} logs");
}

/// The facts of a client, and the profiles that they fit, if it is a browser.
fn facts(folder: &Path) -> toml::Table {
    let mut facts = Facts::default();
    let mut continues = Verdict::NotApplicable;
    let mut speaks_cors = false;
    for path in entries(folder) {
        let (scenario, _, log) = Log::from_json_lines(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut vocabulary = Vocabulary::default();
        let case = Case::new(&scenario, &mut vocabulary);
        facts.add(&case, &log);
        speaks_cors = case.profile.speaks_cors.value;
        match broken(&path).contains("preflight-continues") {
            true => continues = Verdict::Broken,
            false if continues == Verdict::NotApplicable => continues = Verdict::Holds,
            false => {}
        }
    }
    let mut table = toml::Table::try_from(&facts).unwrap();
    if speaks_cors {
        let fit = Fit::of(&facts, continues);
        table.insert(
            "is-like".to_owned(),
            toml::Value::try_from(fit.profiles).unwrap(),
        );
    }
    table
}

#[test]
fn recorded_logs_show_what_they_showed() {
    let text = fs::read_to_string(corpus().join("facts.toml")).unwrap();
    let expected: Known = toml::from_str(&text).unwrap();
    let folders = entries(&corpus()).into_iter().filter(|it| it.is_dir());
    let seen: Known = folders
        .map(|it| (name_of_folder(&it), facts(&it)))
        .collect();
    assert_eq!(seen, expected, "\n{}", toml::to_string(&seen).unwrap());
}

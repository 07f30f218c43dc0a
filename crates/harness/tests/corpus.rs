//! Every file of the corpus replays on every tier: expectations met, no invariant broken, the same log on both tiers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::invariants::judge;
use bareflight_harness::log::Log;
use bareflight_harness::scenario::{Action, Scenario, TlsVersions};
use bareflight_harness::tier::TierName;
use bareflight_harness::{Campaign, Differential, Runner, expect};

/// Generated scenarios whose logs are compared between tiers.
const COMPARED: usize = 300;

/// Generated scenarios that are run twice on each tier.
const REPEATED: [(TierName, usize); 2] = [(TierName::Model, 500), (TierName::Memory, 200)];

/// "TLS 1.2 and 1.3 for all of it": as written, and with each version alone.
#[test]
fn every_scenario_of_the_corpus_comes_out_as_its_author_says() {
    let mut wrong = Vec::new();
    for tier in TierName::ALL {
        let mut runner = Runner::new(tier).unwrap();
        for (name, scenario) in corpus() {
            for (variant, scenario) in by_tls_version(&scenario) {
                let found = findings(&mut runner, &scenario);
                if !found.is_empty() {
                    let log = log(&mut runner, &scenario).to_json_lines(&scenario, tier.as_str());
                    wrong.push(format!(
                        "{name} on {tier}, {variant}:\n  {}\n{log}",
                        found.join("\n  ")
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A case that expects nothing shows nothing.
#[test]
fn every_step_of_a_case_says_what_must_be_seen() {
    let cases = corpus()
        .into_iter()
        .filter(|(name, _)| name.starts_with("cases/"));
    for (name, scenario) in cases {
        assert!(!scenario.title.is_empty(), "{name} has no title");
        for (number, step) in (1..).zip(&scenario.steps) {
            let is_request = matches!(step.action, Action::Exchange(_));
            let expects = step.expect.as_ref();
            let says = expects.is_some_and(|it| it.outcome.is_some() && it.requests.is_some());
            assert!(
                says || !is_request,
                "{name}, step {number}: what does its caller see, and how many requests go out?"
            );
        }
    }
}

/// What the corpus must hold can be counted, so that an empty folder is not a success.
#[test]
fn the_corpus_is_there() {
    assert!(corpus().len() >= 30, "{:#?}", corpus().keys());
    assert!(!files("jsonl").is_empty(), "there is no recorded log");
}

#[test]
fn every_scenario_of_the_corpus_prints_and_packs_without_loss() {
    for (name, scenario) in corpus() {
        let printed = scenario.to_toml();
        let again = Scenario::from_toml(&printed)
            .unwrap_or_else(|error| panic!("{name}: {error}\n{printed}"));
        assert_eq!(again, scenario, "{name} as text");
        assert_eq!(again.to_toml(), printed, "{name} as text of the text");
        let packed = Scenario::from_bytes(&scenario.to_bytes());
        assert_eq!(packed.as_ref(), Ok(&scenario), "{name} as bytes");
    }
}

/// Recorded logs are judged as they are, without running anything.
#[test]
fn every_recorded_log_of_the_corpus_holds() {
    for path in files("jsonl") {
        let text = fs::read_to_string(&path).unwrap();
        let (scenario, tier, log) = Log::from_json_lines(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let case = Case::new(&scenario, &mut Vocabulary::default());
        let mut violations = Vec::new();
        judge(&case, &log, &mut violations);
        assert!(violations.is_empty(), "{}: {violations:#?}", path.display());
        assert_eq!(expect::check(&case, &log), [], "{}", path.display());
        assert_eq!(
            log.to_json_lines(&scenario, &tier),
            text,
            "{} printed again",
            path.display()
        );
    }
}

#[test]
fn model_and_memory_write_the_same_log() {
    let mut tiers = Differential::new().unwrap();
    let mut campaign = Campaign::new(4, []);
    let generated = (0..COMPARED).map(|number| {
        let scenario = campaign.next_scenario();
        (format!("generated scenario {number}"), scenario)
    });
    let cases = corpus().into_iter().flat_map(|(name, scenario)| {
        by_tls_version(&scenario)
            .map(|(variant, scenario)| (format!("{name}, {variant}"), scenario))
    });
    for (name, scenario) in cases.chain(generated) {
        let difference = tiers
            .difference(&scenario)
            .expect("every run comes to rest");
        if let Some(difference) = difference {
            panic!("{name}: {difference}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_log_byte_for_byte() {
    for (tier, scenarios) in REPEATED {
        let [first, second] = [(); 2].map(|()| {
            let mut runner = Runner::new(tier).unwrap();
            let mut campaign = Campaign::new(5, []);
            let logs = (0..scenarios).map(|_| {
                let scenario = campaign.next_scenario();
                log(&mut runner, &scenario).to_json_lines(&scenario, tier.as_str())
            });
            logs.collect::<Vec<_>>()
        });
        for (number, (first, second)) in first.iter().zip(&second).enumerate() {
            assert_eq!(first, second, "scenario {number} on {tier}");
        }
    }
}

/// What came out otherwise than it must: expectations that were not met, invariants that are broken.
fn findings(runner: &mut Runner, scenario: &Scenario) -> Vec<String> {
    let verdict = runner.run(scenario, None).expect("every run comes to rest");
    let case = Case::new(scenario, &mut Vocabulary::default());
    let mismatches = expect::check(&case, verdict.log).into_iter();
    let mismatches = mismatches.map(|it| format!("step {}: {}", it.step + 1, it.message));
    let violations = verdict.violations.iter();
    mismatches
        .chain(violations.map(|it| format!("{}: {}", it.invariant.name, it.message)))
        .collect()
}

fn log(runner: &mut Runner, scenario: &Scenario) -> Log {
    runner
        .run(scenario, None)
        .expect("every run comes to rest")
        .log
        .clone()
}

/// The scenario as it is, and with TLS 1.2 and 1.3 alone on every server that speaks both.
fn by_tls_version(scenario: &Scenario) -> [(&'static str, Scenario); 3] {
    let pinned = |version| {
        let mut scenario = scenario.clone();
        let both = scenario
            .servers
            .iter_mut()
            .filter(|server| server.tls == TlsVersions::Both);
        both.for_each(|server| server.tls = version);
        scenario
    };
    [
        ("as written", scenario.clone()),
        ("TLS 1.2", pinned(TlsVersions::Tls12)),
        ("TLS 1.3", pinned(TlsVersions::Tls13)),
    ]
}

/// Every scenario under `corpus/cases` and `corpus/regressions`, text or binary, by its name there.
fn corpus() -> BTreeMap<String, Scenario> {
    let text = files("toml").into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("the corpus can be read");
        let scenario = Scenario::from_toml(&text);
        let scenario = scenario.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name(&path), scenario)
    });
    let binary = files("bin").into_iter().map(|path| {
        let bytes = fs::read(&path).expect("the corpus can be read");
        let scenario = Scenario::from_bytes(&bytes);
        let scenario = scenario.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name(&path), scenario)
    });
    text.chain(binary).collect()
}

fn files(extension: &str) -> Vec<PathBuf> {
    let folders = ["cases", "regressions"].map(|folder| root().join(folder));
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let paths = entries.map(|entry| entry.expect("the corpus can be read").path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect()
}

fn name(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus")
}

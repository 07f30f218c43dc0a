//! `bareflight faults` as a person meets it: what is measured, what is written, and what the exit code says.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::*;

fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

const FAULTS: &str =
    "preflight-presents-certificate,pool-key-without-partition,control-extra-field";

fn measured(folder: &Path, seed: &str) -> Value {
    let args = [
        "faults",
        "--engine",
        "mutation,generation",
        "--fault",
        FAULTS,
        "--trials",
        "3",
        "--seconds",
        "1",
        "--out",
        "out",
        "--json",
        "all.json",
        "--seed",
        seed,
    ];
    let ran = bareflight(folder, &args);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("pool-key-without-partition"),
        "{}",
        ran.out
    );
    assert!(
        ran.err.contains("caught by mutation 6 of 6 trials"),
        "{}",
        ran.err
    );
    json(folder.join("all.json"))
}

#[test]
fn each_trial_says_when_the_fault_was_reached_and_caught_and_by_what() {
    let folder = tempfile::tempdir().unwrap();
    let report = measured(folder.path(), "1");
    assert_eq!(report["verdict"], "holds");
    assert_eq!(report, json(folder.path().join("out/faults.json")));
    for engine in report["engines"].as_array().unwrap() {
        assert_eq!(engine["canary"], true);
        assert_eq!(engine["flagged"], Value::Array(Vec::new()));
        assert_eq!(engine["reference"]["broken"], Value::Array(Vec::new()));
        assert!(engine["reference"]["scenarios"].as_u64().unwrap() > 10);
        let left = engine["survival-seconds"]
            .as_array()
            .unwrap()
            .last()
            .unwrap();
        assert!(left[1].as_f64().unwrap() < 1e-9, "all were caught");
    }
    let faults = report["faults"].as_array().unwrap();
    for fault in faults.iter().filter(|it| it["control"] == false) {
        assert!(
            fault["smallest"]
                .as_str()
                .unwrap()
                .starts_with("bareflight = 1")
        );
        for on in fault["engines"].as_array().unwrap() {
            assert_eq!(on["trials"].as_array().unwrap().len(), 3);
            for trial in on["trials"].as_array().unwrap() {
                assert!(fault["breaks"].as_array().unwrap().contains(&trial["by"]));
                let (first, all) = (&trial["first-reached"], &trial["scenarios"]);
                assert!(first.as_u64().unwrap() <= all.as_u64().unwrap());
            }
        }
    }
    // One pair of engines, two faults, by seconds and by scenarios.
    assert_eq!(report["comparisons"].as_array().unwrap().len(), 4);
    for plot in ["faults-seconds.svg", "faults-scenarios.svg"] {
        let svg = fs::read_to_string(folder.path().join("out").join(plot)).unwrap();
        assert!(svg.contains(">mutation<") && svg.contains(">generation<"));
    }
}

#[test]
fn the_same_seed_catches_after_as_many_scenarios() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = |seed: &str| {
        let report = measured(folder.path(), seed);
        let faults = report["faults"].as_array().unwrap().clone();
        let faults = faults.into_iter().filter(|it| it["control"] == false);
        let engines = faults.flat_map(|it| it["engines"].as_array().unwrap().clone());
        let trials = engines.flat_map(|it| it["trials"].as_array().unwrap().clone());
        trials
            .map(|it| it["scenarios"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let first = numbers("5");
    assert_eq!(first, numbers("5"));
    assert_ne!(first, numbers("6"));
}

#[test]
fn within_its_bound_the_exhaustive_engine_says_all_and_what_cannot_show_there_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |fault: &str| {
        let args = [
            "faults",
            "--engine",
            "exhaustive",
            "--steps",
            "1",
            "--trials",
            "3",
            "--fault",
            fault,
            "--out",
            "out",
        ];
        bareflight(folder.path(), &args)
    };
    let ran = run("preflight-presents-certificate");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    // It takes no seed, and so does the same each time.
    assert!(ran.err.contains("exhaustive 1 of 1 trial"), "{}", ran.err);
    assert!(ran.out.contains("all there are, all hold"), "{}", ran.out);
    // It takes two requests, and none that is made here is by an origin for itself.
    let ran = run("redirect-keeps-credentials-decision");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("beyond its bound"), "{}", ran.out);
    assert!(ran.out.contains("All faults that can show"), "{}", ran.out);
}

#[test]
fn witnesses_are_written_and_replay_and_are_kept_while_they_show_their_fault() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("corpus")).unwrap();
    let fault = "pool-key-without-partition";
    let file = format!("corpus/faults/{fault}.toml");
    let path = folder.path().join(&file);
    let write = || {
        let args = ["faults", "--write-corpus", "--fault", fault];
        let ran = bareflight(folder.path(), &args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        fs::read_to_string(&path).unwrap()
    };
    let made = write();
    assert_eq!(bareflight(folder.path(), &["replay", &file]).code, 0);
    let with = ["replay", &file, "--fault", fault];
    assert_eq!(bareflight(folder.path(), &with).code, 1);

    let edited = format!("# by hand\n{made}");
    fs::write(&path, &edited).unwrap();
    assert_eq!(write(), edited);

    fs::write(&path, GOOD).unwrap();
    assert_eq!(write(), made, "a scenario that shows nothing is no witness");
}

#[test]
fn two_faults_at_once_are_told_in_both_orders() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["faults", "--pairs", "--fault", FAULTS, "--out", "out"];
    let ran = bareflight(folder.path(), &args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let pairs = json(folder.path().join("out/pairs.json"));
    let pairs = pairs.as_array().unwrap();
    assert_eq!(pairs.len(), 2, "controls are no bugs");
    for pair in pairs {
        assert_eq!(pair["shown"], 50);
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["faults", "--pairs", "--engine", "mutation"][..],
        &["faults", "--engine", "magic"],
        &["faults", "--trials", "0"],
        &["faults", "--steps", "9"],
        &["faults", "--engine", "coverage", "--tier", "memory"],
    ] {
        let ran = bareflight(folder.path(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}{}", ran.out, ran.err);
    }
}

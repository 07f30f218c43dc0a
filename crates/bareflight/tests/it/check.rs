//! `bareflight check`: what is counted, what is found, and what the exit code says.

use std::fs;

use crate::common::*;

#[test]
fn check_reports_faults_and_figures() {
    let folder = corpus(&[("cases/good.toml", GOOD.as_bytes())]);
    let ran = bareflight(
        folder.path(),
        &[
            "check",
            "--seconds",
            "1",
            "--tier",
            "model",
            "--hunt",
            "1000",
            "--fault",
            "withheld-certificate-sticks,server-routes-by-host-alone,control-extra-field",
            "--out",
            "out",
        ],
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("All hold.") && ran.out.contains("preflight-bare"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("withheld-certificate-sticks") && ran.out.contains("caught"),
        "{}",
        ran.out
    );
    assert!(
        ran.err
            .contains("1 scenario, 1 expectation met, 0 violations"),
        "{}",
        ran.err
    );
    let html = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(html.contains("All hold."));
    assert_eq!(
        html.matches("<svg").count(),
        3,
        "the case and each fault are drawn"
    );
    for outside in ["src=", "href=", "@import", "url("] {
        assert!(!html.contains(outside), "the page loads {outside}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("out/report.json")).unwrap()).unwrap();
    assert_eq!(json["verdict"], "holds");
    assert!(json["tiers"][0]["scenarios"].as_u64().unwrap() > 0);
    for invariant in json["invariants"].as_array().unwrap() {
        assert!(
            invariant["tiers"][0]["scenarios"].as_u64() > Some(0),
            "nothing was judged by {invariant}"
        );
    }
}

#[test]
fn check_fails_where_the_corpus_does() {
    let wrong = GOOD.replace("status = 200", "status = 404");
    let folder = corpus(&[
        ("cases/wrong.toml", wrong.as_bytes()),
        ("regressions/cut.bin", b"BFS\x01"),
    ]);
    let args = [
        "check",
        "--seconds",
        "0",
        "--fault",
        "preflight-presents-certificate",
        "--tier",
        "model",
        "--json",
    ];
    let ran = bareflight(folder.path(), &args);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["verdict"], "broken");
    assert_eq!(
        json["unmet"][0]["message"],
        "expected the outcome 404, saw 200"
    );
    assert!(json["unusable"][0].as_str().unwrap().contains("cut.bin"));
    fs::remove_file(folder.path().join("corpus/cases/wrong.toml")).unwrap();
    let ran = bareflight(folder.path(), &args);
    assert_eq!(ran.code, 2, "only the unusable file is left: {}", ran.err);
}

#[test]
fn check_judges_recorded_logs_as_they_are() {
    let folder = corpus(&[("cases/good.toml", GOOD.as_bytes())]);
    let fault = [
        "explain",
        "corpus/cases/good.toml",
        "--fault",
        "preflight-presents-certificate",
    ];
    let ran = bareflight(
        folder.path(),
        &[&fault[..], &["--log", "corpus/regressions.jsonl"]].concat(),
    );
    assert_eq!(ran.code, 1, "{}", ran.err);
    fs::create_dir(folder.path().join("corpus/regressions")).unwrap();
    let log = folder.path().join("corpus/regressions/seen.jsonl");
    fs::rename(folder.path().join("corpus/regressions.jsonl"), &log).unwrap();
    let ran = bareflight(
        folder.path(),
        &[
            "check",
            "--seconds",
            "0",
            "--fault",
            "preflight-presents-certificate",
            "--tier",
            "model",
            "--json",
        ],
    );
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let broken = json["violations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["invariant"] == "preflight-bare")
        .unwrap();
    assert_eq!(broken["tier"], "recorded");
    assert!(
        broken["file"].as_str().unwrap().ends_with("seen.jsonl"),
        "{broken}"
    );
}

#[test]
fn the_same_seed_catches_the_same_faults_after_as_many_scenarios() {
    let folder = folder();
    let hunts = |seed: &str| {
        let args = [
            "check",
            "--seconds",
            "0",
            "--hunt",
            "100",
            "--tier",
            "model",
            "--seed",
            seed,
            "--json",
        ];
        let ran = bareflight(folder.path(), &args);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let hunts = json["faults"].as_array().unwrap().iter().map(|fault| {
            let hunt = &fault["hunts"][0];
            (
                fault["name"].to_string(),
                hunt["scenarios"].as_u64().unwrap(),
                hunt["by"].to_string(),
            )
        });
        hunts.collect::<Vec<_>>()
    };
    let first = hunts("5");
    assert_eq!(first, hunts("5"));
    assert_ne!(first, hunts("6"));
}

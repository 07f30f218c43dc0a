//! `replay`, `explain`, `list` and `corpus`: what is told of runs and logs, and which files are left alone.

use std::fs;
use std::process::Command;

use crate::common::*;

#[test]
fn replay_tells_by_its_exit_code_what_holds() {
    let folder = folder();
    let holds = bareflight(folder.path(), &["replay", "good.toml"]);
    assert_eq!(holds.code, 0, "{}", holds.out);
    assert!(
        holds
            .out
            .contains("model   holds (2 requests on 2 connections)"),
        "{}",
        holds.out
    );
    assert!(
        holds
            .out
            .contains("memory  holds (2 requests on 2 connections)"),
        "{}",
        holds.out
    );
    for (fault, invariant) in [
        ("preflight-presents-certificate", "preflight-bare"),
        ("withheld-certificate-sticks", "identity-kept"),
        ("preflight-uses-credentialed-pool", "credentials-split"),
    ] {
        let broken = bareflight(folder.path(), &["replay", "good.toml", "--fault", fault]);
        assert_eq!(broken.code, 1, "{fault}: {}", broken.out);
        assert_eq!(
            broken
                .out
                .matches(&format!("{invariant}, step 1: "))
                .count(),
            2,
            "{fault}: {}",
            broken.out
        );
    }
    let control = bareflight(
        folder.path(),
        &["replay", "good.toml", "--fault", "control-extra-field"],
    );
    assert_eq!(control.code, 0, "{}", control.out);
}

#[test]
fn an_expectation_that_is_not_met_is_exit_code_1() {
    let folder = folder();
    fs::write(
        folder.path().join("wrong.toml"),
        GOOD.replace("status = 200", "status = 404"),
    )
    .unwrap();
    let ran = bareflight(
        folder.path(),
        &["replay", "wrong.toml", "good.toml", "--tier", "model"],
    );
    assert_eq!(ran.code, 1);
    assert!(
        ran.out
            .contains("expectation of step 1: expected the outcome 404, saw 200"),
        "{}",
        ran.out
    );
}

#[test]
fn replay_as_json_is_for_programs() {
    let folder = folder();
    fs::write(folder.path().join("bad.toml"), "x = [").unwrap();
    let args = [
        "replay",
        "good.toml",
        "bad.toml",
        "--json",
        "--fault",
        "preflight-presents-certificate",
    ];
    let ran = bareflight(folder.path(), &args);
    assert_eq!(ran.code, 1);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let verdicts: Vec<_> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["broken", "broken", "unusable"]);
    let violation = &json[0]["violations"][0];
    assert_eq!(violation["invariant"], "preflight-bare");
    assert_eq!(violation["step"], 1);
    assert!(
        violation["section"]
            .as_str()
            .unwrap()
            .contains("#cors-preflight-fetch")
    );
}

#[test]
fn a_fuzz_input_becomes_a_scenario_and_nothing_is_overwritten() {
    let folder = folder();
    let bytes: Vec<u8> = (0..400u32).map(|it| (it * 151 % 251) as u8).collect();
    fs::write(folder.path().join("crash-1"), bytes).unwrap();
    let first = bareflight(
        folder.path(),
        &[
            "replay",
            "crash-1",
            "--tier",
            "model",
            "--write",
            "case.toml",
        ],
    );
    assert_eq!(first.code, 0, "{}{}", first.out, first.err);
    let written = fs::read_to_string(folder.path().join("case.toml")).unwrap();
    assert!(written.starts_with("bareflight = 1\n"), "{written}");
    assert_eq!(
        bareflight(folder.path(), &["replay", "case.toml", "--tier", "model"]).code,
        0
    );
    let second = bareflight(
        folder.path(),
        &["replay", "good.toml", "--write", "case.toml"],
    );
    assert_eq!(second.code, 2);
    assert!(
        second.err.contains("case.toml is there already"),
        "{}",
        second.err
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("case.toml")).unwrap(),
        written
    );
}

#[test]
fn explain_tells_the_whole_story() {
    let folder = folder();
    let ran = bareflight(
        folder.path(),
        &[
            "explain",
            "good.toml",
            "--fault",
            "preflight-uses-credentialed-pool",
        ],
    );
    assert_eq!(ran.code, 1);
    let story = [
        "good.toml, on model with the fault preflight-uses-credentialed-pool, profile fetch",
        "A preflight, then the request",
        "",
        "step 1: PUT https://api.test/items",
        "  credentials include, from https://app.test",
        "  a preflight is due, includeCredentials true, partition https://app.test",
        "  connection #1 to api:443 for the preflight of step 1: TLS 1.3, http/1.1, full handshake; asked, declined",
        "  #1: session 1 issued, for 7200 s",
        "  #1: session 2 issued, for 7200 s",
        "  OPTIONS api.test/items on #1 (first on it; preflight, Origin: https://app.test) -> 204",
        "  PUT api.test/items on #1 (reused; credentials of alice, Cookie, Origin: https://app.test) -> 200",
        "  BROKEN credentials-split: connection 1 was opened with credentials = false and served a request with true",
        "  BROKEN identity-kept: the credentialed request of step 1 rode connection 1 from which the certificate was \
         withheld",
        "  outcome: 200",
        "",
        "credentials-split at record 7: connection 1 was opened with credentials = false and served a request with true",
        "  holds when no connection, and no TLS session, serves both credentials = true and credentials = false",
        "  Fetch, connections (#concept-connection-obtain)",
    ];
    let lines: Vec<_> = ran.out.lines().take(story.len()).collect();
    assert_eq!(lines, story);
}

#[test]
fn a_recorded_log_is_judged_as_it_is() {
    let folder = folder();
    let args = [
        "explain",
        "good.toml",
        "--fault",
        "preflight-presents-certificate",
        "--log",
        "seen.jsonl",
    ];
    assert_eq!(bareflight(folder.path(), &args).code, 1);
    let recorded = bareflight(folder.path(), &["replay", "seen.jsonl"]);
    assert_eq!(recorded.code, 1, "{}", recorded.out);
    assert!(
        recorded.out.contains("recorded on model  broken"),
        "{}",
        recorded.out
    );
    assert!(
        recorded.out.contains("preflight-bare, step 1"),
        "{}",
        recorded.out
    );
    let again = bareflight(folder.path(), &["replay", "seen.jsonl", "--tier", "model"]);
    assert_eq!(
        again.code, 0,
        "with a tier its scenario is run: {}",
        again.out
    );
    assert_eq!(
        bareflight(folder.path(), &args).code,
        2,
        "the log is not overwritten"
    );
}

#[test]
fn a_log_that_was_cut_off_is_not_decided() {
    let folder = folder();
    // Nobody expects anything, or that would be broken.
    let (plain, _) = GOOD.split_once("expect").unwrap();
    fs::write(folder.path().join("plain.toml"), plain).unwrap();
    let args = ["explain", "plain.toml", "--log", "seen.jsonl"];
    assert_eq!(bareflight(folder.path(), &args).code, 0);
    let log = fs::read_to_string(folder.path().join("seen.jsonl")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let cut: String = lines[..lines.len() - 1].join("\n");
    assert!(lines[lines.len() - 1].contains("outcome"), "{log}");
    fs::write(folder.path().join("cut.jsonl"), cut).unwrap();
    for command in ["replay", "explain"] {
        let ran = bareflight(folder.path(), &[command, "cut.jsonl"]);
        assert_eq!(ran.code, 3, "{command}: {}", ran.out);
        let told = "not decided: the log ends before step 1 does";
        assert!(ran.out.contains(told), "{command}: {}", ran.out);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_printed_is_no_success() {
    let folder = folder();
    for args in [&["list", "faults"][..], &["replay", "good.toml"]] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_bareflight"))
            .args(args)
            .current_dir(folder.path())
            .stdout(full)
            .output()
            .unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains("standard output"), "{args:?}: {told}");
    }
}

#[test]
fn explain_draws_and_tells_single_steps() {
    let folder = folder();
    let ran = bareflight(
        folder.path(),
        &[
            "explain",
            "good.toml",
            "--tier",
            "memory",
            "--step",
            "1",
            "--svg",
            "a.svg",
        ],
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("#2 to api:443 for step 1") && !ran.out.contains("A preflight, then"),
        "{}",
        ran.out
    );
    let svg = fs::read_to_string(folder.path().join("a.svg")).unwrap();
    assert!(
        svg.starts_with("<?xml") && svg.contains("asked, shown alice"),
        "{svg}"
    );
}

#[test]
fn everything_can_be_listed() {
    for (what, name) in [
        ("invariants", "preflight-bare"),
        ("faults", "withheld-certificate-sticks"),
        ("engines", "exhaustive"),
        ("targets", "scenario_text"),
        ("scenarios", "put-server-require.toml"),
        ("profiles", "firefox-allow-client-cert"),
    ] {
        let table = bareflight(&repository(), &["list", what]);
        assert_eq!(table.code, 0, "{}", table.err);
        assert!(table.out.lines().skip(1).any(|line| {
            line.split_whitespace()
                .next()
                .is_some_and(|it| it.ends_with(name))
        }));
        let json = bareflight(&repository(), &["list", what, "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(
            json.as_array().unwrap().len(),
            table.out.lines().count() - 1,
            "{what}"
        );
    }
}

#[test]
fn seeds_are_packed_the_same_each_time() {
    let folder = corpus(&[("cases/good.toml", GOOD.as_bytes())]);
    let check = || bareflight(folder.path(), &["corpus", "pack", "--check"]);
    assert_eq!(check().code, 1, "there is no seed yet");
    assert_eq!(bareflight(folder.path(), &["corpus", "pack"]).code, 0);
    let seed = folder.path().join("corpus/seeds/good.bin");
    let bytes = fs::read(&seed).unwrap();
    assert_eq!(check().code, 0);
    assert_eq!(
        bareflight(folder.path(), &["replay", "corpus/seeds/good.bin"]).code,
        0
    );
    fs::write(
        folder.path().join("corpus/cases/good.toml"),
        GOOD.replace("PUT", "DELETE"),
    )
    .unwrap();
    let stale = check();
    assert_eq!(stale.code, 1);
    assert!(
        stale.err.contains("good.bin: is not what its case says"),
        "{}",
        stale.err
    );
    assert_eq!(fs::read(&seed).unwrap(), bytes, "--check writes nothing");
    bareflight(folder.path(), &["corpus", "pack"]);
    assert_ne!(fs::read(&seed).unwrap(), bytes);
    fs::write(folder.path().join("corpus/seeds/orphan.bin"), &bytes).unwrap();
    assert_eq!(check().code, 1);
}

#[test]
fn the_example_of_the_readme_holds() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, after) = readme.split_once("```toml\n").unwrap();
    let (example, _) = after.split_once("```").unwrap();
    let folder = folder();
    fs::write(folder.path().join("readme.toml"), example).unwrap();
    let ran = bareflight(folder.path(), &["replay", "readme.toml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn colour_is_for_terminals() {
    let folder = folder();
    for args in [
        &["replay", "good.toml"][..],
        &["list", "faults"],
        &["explain", "good.toml"],
        &["--help"],
    ] {
        let ran = bareflight(folder.path(), args);
        assert!(
            !ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'),
            "{args:?}: {}",
            ran.out
        );
    }
}

/// A capture and its key log are what Wireshark takes them for: it finds the preflight in the one and the request in the
/// other connection. Where tshark is not installed, the test says so and ends.
#[test]
fn wireshark_decrypts_a_run() {
    let folder = folder();
    let written = bareflight(
        folder.path(),
        &[
            "replay",
            "good.toml",
            "--tier",
            "memory",
            "--pcap",
            "run.pcap",
            "--keylog",
            "run.keys",
        ],
    );
    assert_eq!(written.code, 0, "{}", written.err);
    let tshark = Command::new("tshark")
        .args([
            "-r",
            "run.pcap",
            "-o",
            "tls.keylog_file:run.keys",
            "-Y",
            "http.request",
        ])
        .args([
            "-T",
            "fields",
            "-e",
            "tcp.stream",
            "-e",
            "http.request.method",
            "-e",
            "http.host",
        ])
        .current_dir(folder.path())
        .output();
    let Ok(tshark) = tshark else {
        eprintln!("SKIPPED: tshark is not installed");
        return;
    };
    let seen = String::from_utf8(tshark.stdout).expect("output is UTF-8");
    assert_eq!(seen, "0\tOPTIONS\tapi.test\n1\tPUT\tapi.test\n");
}

//! The command line as a person meets it: exit codes, messages, and files that are left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A scenario in which a preflight is due and both sides hold to the rule.
const GOOD: &str = r#"
bareflight = 1
title = "A preflight, then the request"

[server.api]
hosts = ["api.test"]
client-certificate = "request"

[identity.alice]
for = ["api.test"]

[[step]]
fetch = "https://api.test/items"
method = "PUT"
credentials = "include"
expect = { status = 200, preflight = "sent", client = "alice" }
"#;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn bareflight(folder: &Path, args: &[&str]) -> Ran {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_bareflight"))
        .args(args)
        .current_dir(folder)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the binary starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("output is UTF-8"),
        err: String::from_utf8(output.stderr).expect("output is UTF-8"),
    }
}

/// A folder outside of the repository with the good scenario in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::write(folder.path().join("good.toml"), GOOD).expect("files can be written");
    folder
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A corpus with these files in it.
fn corpus(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, bytes) in files {
        let path = folder.path().join("corpus").join(name);
        fs::create_dir_all(path.parent().expect("it is in the corpus"))
            .expect("folders can be made");
        fs::write(path, bytes).expect("files can be written");
    }
    folder
}

#[test]
fn unusable_files_are_refused_with_their_place_and_exit_code_2() {
    let folder = folder();
    let unknown_key = GOOD.replace("client-certificate", "client-certficate");
    let version = GOOD.replace("bareflight = 1", "bareflight = 2");
    let host = GOOD.replace("https://api.test/items", "https://other.test/items");
    let log = "{\"bareflight\":1,\"tier\":\"model\",\"scenario\":\"bareflight = 1\\n[server.a]\\nhosts = ['a.test']\"}\n{\"at\":0,";
    let table: [(&str, &[u8], &[&str]); 13] = [
        (
            "syntax.toml",
            b"bareflight = 1\nserver = [",
            &["syntax.toml:2:11", "server = ["],
        ),
        (
            "key.toml",
            unknown_key.as_bytes(),
            &["key.toml:7:1", "unknown field `client-certficate`", "^^^"],
        ),
        (
            "version.toml",
            version.as_bytes(),
            &[
                "version.toml:2:14",
                "format 2; this bareflight reads format 1",
            ],
        ),
        (
            "host.toml",
            host.as_bytes(),
            &[
                "host.toml:13:9",
                "no server of this world has the host `other.test`",
            ],
        ),
        (
            "empty.toml",
            b"",
            &["empty.toml", "begin with `bareflight = 1`"],
        ),
        (
            "bytes.toml",
            b"\xff\xfe\x00",
            &["bytes.toml", "is neither a scenario"],
        ),
        (
            "cut.bin",
            b"BFS\x01\x05",
            &["cut.bin", "cut short or damaged"],
        ),
        (
            "old.bin",
            b"BFS\x09",
            &["old.bin", "is of format 9; this bareflight reads format 1"],
        ),
        ("cut", b"BF", &["cut:1:3"]),
        (
            "not.bin",
            b"text",
            &["not.bin", "does not begin with `BFS`"],
        ),
        ("log.jsonl", log.as_bytes(), &["log.jsonl:2:", "{\"at\":0,"]),
        ("empty.jsonl", b"", &["empty.jsonl", "the log is empty"]),
        ("other.json", b"[]", &["other.json:1:"]),
    ];
    for (name, bytes, fragments) in table {
        fs::write(folder.path().join(name), bytes).unwrap();
        for command in ["replay", "explain"] {
            let ran = bareflight(folder.path(), &[command, name]);
            assert_eq!(ran.code, 2, "{command} {name}: {}", ran.err);
            for fragment in fragments {
                assert!(
                    ran.err.contains(fragment),
                    "{command} {name}: no {fragment:?} in\n{}",
                    ran.err
                );
            }
            assert_eq!(
                ran.err.matches("error").count(),
                1,
                "one message: {}",
                ran.err
            );
            assert!(
                !ran.err.contains('\u{1b}') && !ran.err.contains("panicked"),
                "{}",
                ran.err
            );
        }
        assert_eq!(
            fs::read(folder.path().join(name)).unwrap(),
            bytes,
            "{name} is changed"
        );
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = folder();
    for (file, reason) in [("missing.toml", "cannot be read"), (".", "is a folder")] {
        let ran = bareflight(folder.path(), &["replay", file]);
        assert_eq!(ran.code, 2);
        assert!(
            ran.err.contains(file) && ran.err.contains(reason),
            "{}",
            ran.err
        );
    }
    let endless = bareflight(folder.path(), &["replay", "/dev/zero"]);
    assert_eq!(endless.code, 2, "{}", endless.err);
}

#[test]
fn arguments_that_say_nothing_are_refused_with_exit_code_2() {
    let folder = folder();
    let table: [(&[&str], &str); 8] = [
        (&["fly"], "unrecognized subcommand"),
        (&["replay"], "FILE"),
        (
            &["replay", "good.toml", "--fault", "no-such-fault"],
            "no-such-fault",
        ),
        (&["replay", "good.toml", "--tier", "paper"], "model, memory"),
        (
            &["replay", "good.toml", "good.toml", "--write", "new.toml"],
            "exactly one",
        ),
        (
            &["explain", "good.toml", "--step", "2"],
            "there is no step 2: the scenario has 1 step",
        ),
        (
            &["check", "--corpus", "nowhere"],
            "there is no corpus at nowhere",
        ),
        (&["fuzz", "model"], "inside a clone"),
    ];
    for (args, reason) in table {
        let ran = bareflight(folder.path(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(reason), "{args:?}: {}", ran.err);
    }
}

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
            "10000",
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
    assert!(html.contains("All hold.") && html.matches("<svg").count() > 5);
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
        "--hunt",
        "10000",
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
            "--hunt",
            "50",
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
            "10000",
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

/// What `bareflight decide` makes of its standard input.
fn decided(input: &str, args: &[&str]) -> Ran {
    let folder = folder();
    let cases = folder.path().join("cases.jsonl");
    fs::write(&cases, input).expect("files can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_bareflight"))
        .arg("decide")
        .args(args)
        .stdin(fs::File::open(cases).expect("it was just written"))
        .current_dir(folder.path())
        .output()
        .expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A case whose server forgets to allow credentials.
const CASE: &str = concat!(
    r#"{"url":"https://api.test/r","method":"POST","mode":"cors","credentials":"include","origin":"https://app.test","top":"https://app.test","#,
    r#""headers":[["content-type","application/json"]],"body":"bytes","upload-listener":false,"#,
    r#""preflight-response":{"status":204,"headers":[["access-control-allow-origin","https://app.test"]]},"#,
    r#""response":{"status":200,"headers":[["access-control-allow-origin","https://app.test"]]},"profile":"fetch"}"#,
);

#[test]
fn decide_writes_every_field_of_a_case() {
    let ran = decided(CASE, &[]);
    let withheld = "the request's credentials mode is include and the response has no Access-Control-Allow-Credentials: the server must answer with Access-Control-Allow-Credentials: true";
    let expected = [
        r#"{"preflight":true,"unsafe-headers":["content-type"],"include-credentials":true,"preflight-credentials":false,"#,
        r#""preflight-request":{"method":"OPTIONS","headers":[["accept","*/*"],["access-control-request-method","POST"],["access-control-request-headers","content-type"],["origin","https://app.test"]]},"#,
        &format!(
            r#""preflight-result":"error","preflight-error":"the preflight's answer fails the CORS check: {withheld}","#
        ),
        &format!(r#""cors-check":"error","cors-error":"{withheld}","#),
        r#""connection":{"partition":"https://app.test","origin":"https://api.test","credentials":true},"client-certificate":"may-present","#,
        r#""sections":["https://fetch.spec.whatwg.org/#concept-main-fetch","https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names","https://fetch.spec.whatwg.org/#cors-preflight-fetch","https://fetch.spec.whatwg.org/#concept-cors-check","https://fetch.spec.whatwg.org/#concept-connection-obtain"]}"#,
        "\n",
    ];
    assert_eq!(ran.out, expected.concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn decide_answers_each_line_in_its_place() {
    let byte = |value: &str| {
        format!(
            r#"{{"url":"https://api.test/","origin":"https://app.test","headers":[["Accept","{value}"]]}}"#
        )
    };
    let lines = [
        (
            byte("a\\u0001b"),
            r#"{"preflight":true,"unsafe-headers":["accept"],"#,
        ),
        (
            byte("\\u00e9 \\t"),
            r#"{"preflight":false,"unsafe-headers":[],"#,
        ),
        (
            "{".to_owned(),
            r#"{"error":"EOF while parsing an object (column 1): a line is one JSON object"#,
        ),
        (byte("\\u0000"), r#"{"error":"headers: "#),
        (
            byte("\\u0100"),
            r#"{"error":"headers: the value of Accept holds"#,
        ),
        (
            r#"{"origin":"https://app.test"}"#.to_owned(),
            r#"{"error":"missing field `url`"#,
        ),
        (
            r#"{"url":"https://api.test/","origin":"https://app.test","credential":"omit"}"#
                .to_owned(),
            r#"{"error":"unknown field `credential`"#,
        ),
        (
            format!("{} {}", byte("a"), byte("a")),
            r#"{"error":"trailing characters"#,
        ),
        ("[".repeat(100_000), r#"{"error":"#),
        (byte(""), r#"{"preflight":false,"#),
    ];
    for end in ["\n", "\r\n"] {
        let input: String = lines
            .iter()
            .map(|(line, _)| format!("{line}{end}"))
            .collect();
        let ran = decided(&input, &[]);
        let written: Vec<&str> = ran.out.lines().collect();
        assert_eq!(written.len(), lines.len(), "{}", ran.out);
        for (at, ((line, expected), written)) in lines.iter().zip(written).enumerate() {
            assert!(written.starts_with(expected), "{line}\n{written}");
            if expected.starts_with(r#"{"error""#) {
                assert!(
                    written.ends_with(&format!(r#","line":{}}}"#, at + 1)),
                    "{written}"
                );
            }
        }
        assert_eq!(ran.code, 2, "the rest goes on, and the exit code tells");
    }
}

#[test]
fn decide_reads_a_file_or_standard_input_or_nothing() {
    for input in ["", "\n", "\r\n \n"] {
        let ran = decided(input, &[]);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    }
    let from_file = decided(CASE, &["cases.jsonl"]);
    assert_eq!(from_file.out, decided(CASE, &["-"]).out);
    assert_eq!((from_file.code, from_file.out.lines().count()), (0, 1));
    for (unusable, told) in [("missing.jsonl", "missing.jsonl: "), (".", ".: ")] {
        let ran = decided(CASE, &[unusable]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{unusable}");
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}

#[test]
fn decide_explains_in_words() {
    let ran = decided(&format!("{CASE}\n{{\n{CASE}"), &["--explain"]);
    let story = "POST https://api.test/r by https://app.test, mode cors, credentials include\na preflight comes first, because of the headers content-type as they are\n";
    assert!(ran.out.starts_with(story), "{}", ran.out);
    assert!(
        ran.out
            .contains("must answer with Access-Control-Allow-Credentials: true")
    );
    assert!(
        ran.out.contains("\n\nline 2: EOF while parsing"),
        "{}",
        ran.out
    );
    assert_eq!((ran.code, ran.out.matches(story).count()), (2, 2));
}

#[test]
fn the_case_of_the_readme_is_explained_as_it_says() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let block = |from: &str| {
        let (_, after) = readme.split_once(from).unwrap();
        let (block, _) = after.split_once("```").unwrap();
        block.trim().to_owned()
    };
    let (case, story) = (
        block("must have.\n\n```\n"),
        block("--explain cases.jsonl\n"),
    );
    let ran = decided(&case, &["--explain"]);
    assert_eq!((ran.code, ran.out.trim()), (0, &*story));
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

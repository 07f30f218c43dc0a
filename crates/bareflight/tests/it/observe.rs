//! `bareflight observe` as a person meets it: what is printed and written, and what the exit code says.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::*;

fn observe(folder: &Path, args: &[&str]) -> Ran {
    bareflight(folder, &[&["observe"], args].concat())
}

#[test]
fn a_report_for_machines() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "user-agent",
        "--runs",
        "2",
        "--json",
        "--out",
        "seen",
        "--junit",
        "junit.xml",
    ];
    let ran = observe(folder.path(), &args);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    let report = &all[0];
    assert_eq!(report["agent"], "user-agent");
    assert_eq!(report["profile"], "fetch, http-client");
    assert_eq!(report["runs"], 2);
    assert_eq!(report["verdicts"].as_object().unwrap().len(), 20);
    assert_eq!(report["verdicts"]["identity-match"], "holds");
    assert_eq!(report["verdicts"]["preflight-bare"], "holds");
    assert_eq!(report["verdicts"]["no-prompt"], "not-applicable");
    assert_eq!(report["facts"]["separate_connections_by_identity"], true);
    assert_eq!(report["facts"]["preflight_presents_certificate"], false);
    assert_eq!(
        report["facts"]["coalesces_with_client_certificate"],
        Value::Null
    );
    assert_eq!(report["log"], "seen/user-agent");
    assert!(
        folder
            .path()
            .join("seen/user-agent/two-identities.jsonl")
            .is_file()
    );
    let junit = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(
        junit.contains(r#"<testcase name="two-identities: identity-match"/>"#),
        "{junit}"
    );
}

/// The control: what our own user agent is caught with when a fault is let loose.
#[test]
fn a_fault_that_is_let_loose_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = repository().join("crates/observatory/scenarios/two-identities.toml");
    let scenario = scenario.to_str().unwrap();
    let fault = "user-agent+pool-key-without-identity";
    for (agent, code, told) in [("user-agent", 0, "holds"), (fault, 1, "broken")] {
        let args = [agent, "--runs", "1", "--json", "--scenario", scenario];
        let ran = observe(folder.path(), &args);
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        let all: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(all[0]["agent"], agent);
        assert_eq!(all[0]["profile"], "http-client");
        assert_eq!(all[0]["verdicts"]["identity-match"], told);
    }
}

/// The page's first screen says who leaks; a cell that is broken leads to the drawing, and nothing is loaded from elsewhere.
#[test]
fn a_page_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let mut args = vec!["user-agent", "--runs", "1", "--html", "page.html"];
    let python = std::process::Command::new("python3").arg("-V").output();
    let client = concat!(
        "python3 ",
        env!("CARGO_MANIFEST_DIR"),
        "/../observatory/tests/shares_all.py"
    );
    match python {
        Ok(_) => args.extend(["--command", client]),
        Err(_) => {
            eprintln!("SKIPPED: python3, which a client that leaks is written in, is not here");
        }
    }
    let ran = observe(folder.path(), &args);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(
        page.contains("<p class=\"verdict good\">user-agent "),
        "{}",
        ran.err
    );
    assert!(
        !page.contains("src=") && !page.contains("href=\"http"),
        "something is loaded"
    );
    if args.contains(&client) {
        assert!(page.contains("<p class=\"verdict bad\">"));
        let links = page
            .match_indices("<a href=\"#")
            .map(|(at, it)| &page[at + it.len()..]);
        let targets = links.map(|it| it.split('"').next().unwrap_or_default());
        for target in targets {
            assert!(
                page.contains(&format!("id=\"{target}\"")),
                "{target} leads nowhere"
            );
        }
        assert!(page.contains("<svg"));
    }
}

#[test]
fn a_program_that_fails_decides_nothing_and_the_others_are_observed() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "user-agent",
        "--command",
        "echo mine; cat",
        "--runs",
        "1",
        "--junit",
        "junit.xml",
    ];
    let ran = observe(folder.path(), &args);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("identity-match"), "{}", ran.out);
    assert!(
        ran.out
            .contains("`echo mine; cat` answered who it is with `mine`"),
        "{}",
        ran.out
    );
    let junit = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains("<error message="), "{junit}");
}

#[test]
fn what_is_not_here_has_not_passed() {
    let folder = tempfile::tempdir().unwrap();
    let ran = observe(folder.path(), &["reqwest"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("not here: install"), "{}", ran.out);
    assert_eq!(observe(folder.path(), &["lynx"]).code, 2);
    let elsewhere = ["firefox", "--agent-path", "/nowhere/firefox"];
    let ran = observe(folder.path(), &elsewhere);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("not here: install firefox-esr"),
        "{}",
        ran.out
    );
    let no_browser = ["user-agent", "--agent-path", "/bin/true"];
    assert_eq!(observe(folder.path(), &no_browser).code, 2);
    assert_eq!(observe(folder.path(), &[]).code, 2);
}

//! Does the observatory see what a client does, and say clearly when a program does not do its part?

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bareflight_observatory::agents::{Agent, Start};
use bareflight_observatory::verdict::{LeftOut, Report, Verdict};
use bareflight_observatory::{
    Asked, FOR_CLIENTS, Limits, ObserveError, Program, ProgramError, observe, scenarios,
};

const ONCE: Limits = Limits {
    runs: 1,
    step: Duration::from_secs(20),
};

const HELLO: &str = r#"read world; echo '{"bareflight":1,"agent":"shell"}'"#;

/// Whether python3 is here; says so if not, for a test that is skipped is no test that passed.
fn python() -> bool {
    let here = Command::new("python3").arg("--version").output().is_ok();
    if !here {
        eprintln!("SKIPPED: python3 is not installed");
    }
    here
}

fn script(name: &str) -> Program {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    Program::new(["python3".into(), folder.join(name)])
}

fn some(names: &[&str]) -> Vec<Asked> {
    let mut all = scenarios();
    all.retain(|it| names.contains(&it.name.as_str()));
    assert_eq!(all.len(), names.len());
    all
}

fn broken(report: &Report) -> Vec<&str> {
    let broken = report
        .verdicts
        .iter()
        .filter(|(_, it)| *it == Verdict::Broken);
    broken.map(|(name, _)| *name).collect()
}

#[test]
fn the_page_has_the_client_that_is_tested() {
    let (page, client) = (
        include_str!("../PROTOCOL.md"),
        include_str!("../agents/example_client.py"),
    );
    assert!(page.contains(&format!("```python\n{client}```")));
    assert!(client.lines().count() < 50);
}

#[test]
fn the_client_on_the_page_does_it_right() {
    if !python() {
        return;
    }
    let report = observe(&script("agents/example_client.py"), &scenarios(), &ONCE).unwrap();
    assert_eq!(report.agent, "http.client");
    assert_eq!(broken(&report), [""; 0]);
    for invariant in [
        "identity-match",
        "identity-kept",
        "trust-match",
        "ticket-scope",
    ] {
        assert_eq!(report.verdict(invariant), Verdict::Holds, "{invariant}");
    }
    assert!(
        report.scenarios.iter().all(|it| it.left_out.is_none()),
        "{report:#?}"
    );
    assert_eq!(report.facts.reuses_connections, Some(false));
    assert_eq!(
        report.facts.offers_post_handshake_authentication,
        Some(true)
    );
    for (late, kind) in [
        ("late-renegotiation", "renegotiation"),
        ("late-post-handshake", "post-handshake"),
    ] {
        let log = &report
            .scenarios
            .iter()
            .find(|it| it.name == late)
            .unwrap()
            .log;
        for who in ["alice", "bob"] {
            let asked = format!(r#""kind":"{kind}","client":{{"identity":{{"name":"{who}"}}}}"#);
            assert!(log.contains(&asked), "{who}: {log}");
        }
    }
}

/// The canary: a client that shares whatever it can.
#[test]
fn a_client_that_shares_all_is_caught() {
    if !python() {
        return;
    }
    let report = observe(&script("tests/shares_all.py"), &scenarios(), &ONCE).unwrap();
    assert_eq!(
        broken(&report),
        [
            "identity-match",
            "identity-kept",
            "trust-match",
            "ticket-scope"
        ],
        "{:#?}",
        report.scenarios
    );
    let facts = &report.facts;
    assert_eq!(facts.separate_connections_by_identity, Some(false));
    assert_eq!(facts.separate_connections_by_trust, Some(false));
    assert_eq!(facts.sessions_cross_identities, Some(true));
    assert_eq!(facts.resumes_sessions, Some(true));
}

#[test]
fn a_client_that_reaches_nobody_has_not_passed() {
    let line = format!(
        r#"{HELLO}; while read step; do n=$((n+1)); echo "{{\"step\":$n,\"error\":\"offline\"}}"; done"#
    );
    let report = observe(&Program::shell(&line), &some(&["two-identities"]), &ONCE).unwrap();
    assert!(report.is_undecided());
    assert!(
        FOR_CLIENTS
            .iter()
            .all(|it| report.verdict(it) == Verdict::NotApplicable)
    );
    let left_out = report.scenarios[0].left_out.clone();
    assert_eq!(
        left_out,
        Some(LeftOut::Unreached(
            "step 1 reached no server; the client says: offline".into()
        ))
    );
}

#[test]
fn what_a_client_cannot_do_is_left_out() {
    let line =
        format!(r#"{HELLO}; read step; echo '{{"step":1,"unsupported":"no certificates"}}'"#);
    let report = observe(&Program::shell(&line), &some(&["two-identities"]), &ONCE).unwrap();
    assert!(!report.is_undecided() && !report.is_broken());
    assert_eq!(report.verdict("identity-match"), Verdict::NotApplicable);
}

#[test]
fn programs_that_do_not_do_their_part_are_told_of() {
    let quick = Limits {
        runs: 1,
        step: Duration::from_secs(2),
    };
    let of = |line: &str| match observe(&Program::shell(line), &some(&["two-identities"]), &quick) {
        Err(ObserveError::Program(error)) => error,
        other => panic!("{line}: {other:?}"),
    };
    let nonsense = [
        "echo hi; cat".to_owned(),
        r#"echo '{"bareflight":2}'; cat"#.to_owned(),
        format!("{HELLO}; read step; echo 200; cat"),
        format!(r#"{HELLO}; read step; echo '{{"step":7,"status":200}}'; cat"#),
        format!("{HELLO}; read step; head -c 100000 /dev/zero; cat"),
    ];
    for line in nonsense {
        let error = of(&line);
        assert!(
            matches!(error, ProgramError::Nonsense { .. }),
            "{line}: {error}"
        );
    }
    let died = [
        "exit 3".to_owned(),
        "echo I give up >&2; exit 3".to_owned(),
        format!("{HELLO}; exit 3"),
    ];
    for line in died {
        let error = of(&line).to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert_eq!(
            error.contains("I give up"),
            line.contains("I give up"),
            "{error}"
        );
    }
    let error = of("echo I think >&2; exec sleep 60");
    assert!(matches!(error, ProgramError::Hangs { .. }), "{error}");
    assert!(error.to_string().contains("I think"), "{error}");
    let missing = observe(
        &Program::new(["/nowhere/client"]),
        &some(&["two-identities"]),
        &quick,
    );
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("could not be started")
    );
}

#[test]
fn nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let line = format!("sleep 600 & echo $$ $! >{}; wait", pids.display());
    let quick = Limits {
        runs: 1,
        step: Duration::from_secs(3),
    };
    observe(&Program::shell(&line), &some(&["two-identities"]), &quick).unwrap_err();
    let pids = std::fs::read_to_string(pids).unwrap();
    let lives = |pid: &str| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        // One that was killed and not yet waited for by init does not live.
        state.is_ok_and(|it| {
            !it.rsplit(')')
                .next()
                .unwrap_or("")
                .trim_start()
                .starts_with('Z')
        })
    };
    let began = Instant::now();
    for pid in pids.split_whitespace() {
        while lives(pid) {
            assert!(began.elapsed() < Duration::from_secs(10), "{pid} lives on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert_eq!(pids.split_whitespace().count(), 2);
}

/// The world changes here as it does elsewhere: who came in without a certificate does not after a reload.
#[test]
fn a_server_takes_up_another_rule() {
    if !python() {
        return;
    }
    let text = "bareflight = 1\nprofile = \"http-client\"\n[server.api]\nhosts = [\"localhost\"]\n\
                [[step]]\nfetch = \"https://localhost/\"\n\
                [[step]]\nevent = \"reload\"\nserver = \"api\"\nclient-certificate = \"require\"\n\
                [[step]]\nfetch = \"https://localhost/\"\n";
    let asked = [Asked::from_toml("reloads", text).unwrap()];
    let report = observe(&script("agents/example_client.py"), &asked, &ONCE).unwrap();
    let log = &report.scenarios[0].log;
    assert!(log.contains(r#""step":0,"status":200"#), "{log}");
    assert!(log.contains(r#""failed":"certificate-required""#), "{log}");
}

#[test]
fn steps_that_cannot_be_taken_from_outside_are_refused() {
    let text = "bareflight = 1\nprofile = \"http-client\"\n[server.api]\nhosts = [\"localhost\"]\n\
                [[step]]\nevent = \"time\"\nseconds = 5\n";
    let asked = [Asked::from_toml("waits", text).unwrap()];
    let error = observe(&Program::shell(HELLO), &asked, &ONCE).unwrap_err();
    assert!(error.to_string().contains("step 1"), "{error}");
}

/// Those that are installed.
#[test]
fn clients_written_in_python_are_what_they_are_known_to_be() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["requests", "urllib3", "aiohttp"] {
        let program = match Agent::named(name).unwrap().ready(folder.path(), None) {
            Ok(Start::Program(program)) => program,
            Ok(other) => panic!("{other:?}"),
            Err(it) => {
                eprintln!(
                    "SKIPPED: {name} is not here: {}; install {}",
                    it.reason, it.package
                );
                continue;
            }
        };
        let asked = some(&["two-identities", "none-then-trust", "trust-then-none"]);
        let report = observe(&program, &asked, &ONCE).unwrap();
        assert_eq!(report.agent, name);
        assert_eq!(broken(&report), [""; 0], "{name}: {:#?}", report.scenarios);
        assert_eq!(report.verdict("identity-match"), Verdict::Holds, "{name}");
        assert_eq!(report.verdict("trust-match"), Verdict::Holds, "{name}");
        assert_eq!(report.facts.reuses_connections, Some(true), "{name}");
        assert_eq!(
            report.facts.separate_connections_by_trust,
            Some(true),
            "{name}"
        );
    }
}

/// The examples are built with the tests; a filter of cargo's may leave them out.
#[test]
fn clients_written_in_rust_are_what_they_are_known_to_be() {
    let folder = std::env::current_exe().unwrap();
    let folder = folder.ancestors().nth(2).unwrap().join("examples");
    let asked = some(&[
        "two-identities",
        "none-then-trust",
        "two-ports-one-identity",
    ]);
    for (example, reuses, crosses_ports) in [
        ("hyper_util", true, true),
        ("reqwest", true, true),
        ("ureq", false, false),
    ] {
        let program = folder.join(example);
        if !program.is_file() {
            eprintln!("SKIPPED: {example} is not built; run all tests of the package");
            continue;
        }
        let report = observe(&Program::new([program]), &asked, &ONCE).unwrap();
        assert_eq!(broken(&report), [""; 0], "{example}");
        assert_eq!(
            report.verdict("identity-match"),
            Verdict::Holds,
            "{example}"
        );
        assert_eq!(report.verdict("trust-match"), Verdict::Holds, "{example}");
        assert_eq!(report.facts.reuses_connections, Some(reuses), "{example}");
        assert_eq!(
            report.facts.sessions_cross_ports,
            Some(crosses_ports),
            "{example}"
        );
    }
}

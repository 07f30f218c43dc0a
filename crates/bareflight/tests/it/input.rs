//! What cannot be used: which file, where in it, and what to do.

use std::fs;

use crate::common::*;

#[test]
fn unusable_files_are_refused_with_their_place_and_exit_code_2() {
    let folder = folder();
    let unknown_key = GOOD.replace("client-certificate", "client-certficate");
    let version = GOOD.replace("bareflight = 1", "bareflight = 2");
    let host = GOOD.replace("https://api.test/items", "https://other.test/items");
    let log = "{\"bareflight\":1,\"tier\":\"model\",\"scenario\":\"bareflight = 1\\n[server.a]\\nhosts = ['a.test']\"}\n{\"at\":0,";
    let table: [(&str, &[u8], &[&str]); 15] = [
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
        (
            "stepless.toml",
            b"bareflight = 1\n\n[server.api]\nhosts = [\"api.test\"]\n",
            &["stepless.toml", "has no `[[step]]`"],
        ),
        (
            "handshake/crash-1",
            b"\x01\x02",
            &[
                "handshake/crash-1",
                "fuzz target handshake, which runs no scenario",
            ],
        ),
    ];
    fs::create_dir(folder.path().join("handshake")).unwrap();
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
fn what_libfuzzer_has_named_is_an_input_though_it_is_printable() {
    let folder = folder();
    fs::write(
        folder.path().join("crash-1"),
        b"a plain text of some length",
    )
    .unwrap();
    let ran = bareflight(folder.path(), &["replay", "crash-1", "--tier", "model"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
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
            &[
                "replay",
                "good.toml",
                "--fault",
                "preflight-present-certificate",
            ],
            "the nearest is `preflight-presents-certificate`",
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

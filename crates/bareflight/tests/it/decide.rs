//! `bareflight decide`: a line in, a line out, and the case of the README.

use std::fs;
use std::process::Command;

use crate::common::*;

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
    for (unusable, told) in [
        ("missing.jsonl", "missing.jsonl cannot be read: "),
        (".", ". cannot be read: "),
    ] {
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

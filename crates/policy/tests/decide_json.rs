//! Are the JSON fields of `decide` those that are documented?

use bareflight_policy::decide::{Case, Input, Output, decide};
use serde_json::{Value, json};

fn outcome(input: Value) -> Value {
    let input: Input = serde_json::from_value(input).expect("an input");
    let case = Case::parse(&input).expect("a case");
    serde_json::to_value(Output::new(&case, &decide(&case))).expect("an output")
}

#[test]
fn the_documented_example_has_the_documented_fields() {
    let output = outcome(json!({
        "url": "https://api.test/r", "method": "POST", "mode": "cors", "credentials": "include",
        "origin": "https://app.test", "top": "https://app.test",
        "headers": [["content-type", "application/json"]], "body": "bytes", "upload-listener": false,
        "preflight-response": {"status": 204, "headers": [["access-control-allow-origin", "https://app.test"]]},
        "response": {"status": 200, "headers": [["access-control-allow-origin", "https://app.test"]]},
        "profile": "fetch",
    }));
    let mut fields: Vec<&str> = output
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "client-certificate",
            "connection",
            "cors-check",
            "cors-error",
            "include-credentials",
            "preflight",
            "preflight-credentials",
            "preflight-error",
            "preflight-request",
            "preflight-result",
            "sections",
            "unsafe-headers",
        ]
    );
    assert_eq!(output["unsafe-headers"], json!(["content-type"]));
    assert_eq!(
        output["connection"],
        json!({"partition": "https://app.test", "origin": "https://api.test", "credentials": true})
    );
    assert_eq!(
        output["preflight-request"]["headers"][0],
        json!(["accept", "*/*"])
    );
    assert_eq!(
        (&output["preflight-result"], &output["client-certificate"]),
        (&json!("error"), &json!("may-present"))
    );
}

#[test]
fn only_url_and_origin_are_required() {
    let output = outcome(json!({"url": "https://api.test/r", "origin": "https://app.test"}));
    assert_eq!(output["preflight"], json!(false));
    assert_eq!(output["connection"]["partition"], Value::Null);
    for missing in [
        json!({"url": "https://api.test/"}),
        json!({"origin": "https://app.test"}),
    ] {
        assert!(serde_json::from_value::<Input>(missing).is_err());
    }
}

#[test]
fn an_unknown_field_is_an_error() {
    let input =
        json!({"url": "https://api.test/", "origin": "https://app.test", "credential": "include"});
    let error = serde_json::from_value::<Input>(input)
        .expect_err("a typing error")
        .to_string();
    assert!(error.contains("credential"), "{error}");
}

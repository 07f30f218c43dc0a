//! The target `decide`: any request and any answer, against what must always hold of the policy.

use arbitrary::{Arbitrary, Result, Unstructured};
use bareflight_policy::decide::{Case, Decision, Input, InputResponse, decide as decide_case};
use bareflight_policy::{
    PROFILES, cors_preflight_request, has_cors_unsafe_request_header, include_credentials,
    main_fetch,
};

/// Builds a case of the bytes, decides it, and checks it.
///
/// # Panics
///
/// Where something does not hold that must always hold.
pub fn decide(data: &[u8]) {
    let Ok(input) = input(&mut Unstructured::new(data)) else {
        return;
    };
    let Ok(case) = Case::parse(&input) else {
        return;
    };
    let decision = decide_case(&case);
    holds(&input, &case, &decision);
}

fn holds(input: &Input, case: &Case, decision: &Decision<'_>) {
    let preflight = cors_preflight_request(&case.request);
    assert!(
        !include_credentials(&preflight),
        "a preflight never includes credentials: {input:?}"
    );

    let mut request = case.request.clone();
    let cross_origin = !request.is_same_origin();
    let http = request.current_url().is_http();
    let cors = request.mode == bareflight_policy::Mode::Cors
        && http
        && cross_origin
        && main_fetch(&mut request).is_ok();
    if cors
        && case.profile.speaks_cors.value
        && has_cors_unsafe_request_header(&case.request.headers)
    {
        assert!(
            decision.preflight,
            "an unsafe header under cors needs a preflight: {input:?}"
        );
    }

    let reordered = reordered(input);
    let again = decide_case(&reordered);
    assert_eq!(decision.route, again.route, "{input:?}");
    assert_eq!(
        decision.unsafe_names.as_slice(),
        again.unsafe_names.as_slice(),
        "{input:?}"
    );

    let mut more = input.clone();
    more.headers.push(("x-unsafe".to_owned(), "1".to_owned()));
    if let Ok(more) = Case::parse(&more) {
        assert!(
            !decision.preflight || decide_case(&more).preflight,
            "one more unsafe header: {input:?}"
        );
    }
}

/// The same case with its headers in another order and their names in another case, which must not matter.
fn reordered(input: &Input) -> Case {
    let mut reordered = input.clone();
    reordered.headers.reverse();
    for (name, _) in &mut reordered.headers {
        *name = name.to_ascii_uppercase();
    }
    Case::parse(&reordered).expect("order and case do not make a header invalid")
}

fn input(bytes: &mut Unstructured<'_>) -> Result<Input> {
    const URLS: [&str; 5] = [
        "https://api.test/r",
        "https://app.test/r",
        "http://api.test/",
        "https://u:p@api.test/",
        "data:,x",
    ];
    const MODES: [&str; 6] = [
        "same-origin",
        "cors",
        "no-cors",
        "navigate",
        "websocket",
        "webtransport",
    ];
    let mut input = Input::new(
        bytes.choose(&URLS)?,
        bytes.choose(&["https://app.test", "https://api.test"])?,
    );
    (*bytes.choose(&["GET", "POST", "put", "patch", "OPTIONS"])?).clone_into(&mut input.method);
    (*bytes.choose(&MODES)?).clone_into(&mut input.mode);
    (*bytes.choose(&["omit", "same-origin", "include"])?).clone_into(&mut input.credentials);
    (*bytes.choose(&["none", "bytes", "stream"])?).clone_into(&mut input.body);
    input.upload_listener = bytes.arbitrary()?;
    bytes.choose(PROFILES)?.name.clone_into(&mut input.profile);
    let names = [
        "content-type",
        "accept",
        "range",
        "authorization",
        "accept-language",
        "content-language",
        "x-a",
    ];
    input.headers = headers(bytes, &names)?;
    if bytes.arbitrary()? {
        input.preflight_response = Some(response(bytes)?);
    }
    if bytes.arbitrary()? {
        input.response = Some(response(bytes)?);
    }
    Ok(input)
}

fn response(bytes: &mut Unstructured<'_>) -> Result<InputResponse> {
    let names = [
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
    ];
    Ok(InputResponse {
        status: bytes.int_in_range(200..=599)?,
        headers: headers(bytes, &names)?,
    })
}

fn headers(bytes: &mut Unstructured<'_>, names: &[&str]) -> Result<Vec<(String, String)>> {
    const VALUES: [&str; 10] = [
        "*",
        "https://app.test",
        "true",
        "PUT, patch",
        "x-a",
        "text/plain",
        "application/json",
        "bytes=0-9",
        "null",
        "",
    ];
    let count = bytes.int_in_range(0..=6)?;
    let header = |bytes: &mut Unstructured<'_>| {
        let name = (*bytes.choose(names)?).to_owned();
        let value = if bytes.ratio(3, 4)? {
            (*bytes.choose(&VALUES)?).to_owned()
        } else {
            // Chars stand for bytes.
            <Vec<u8>>::arbitrary(bytes)?
                .into_iter()
                .map(char::from)
                .collect()
        };
        Ok((name, value))
    };
    (0..count).map(|_| header(bytes)).collect()
}

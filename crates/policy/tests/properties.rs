//! What holds for every request, and not only for the rows of a table?

use bareflight_policy::decide::{Case, Decision, Input, InputResponse, Output, decide};
use bareflight_policy::{
    Body, CacheSettings, CredentialsMode, EmbedderPolicy, HeaderList, HeaderName, HeaderValue,
    Method, Mode, NetworkPartitionKey, Origin, PROFILES, PreflightCache, PreflightGrant,
    RedirectMode, Request, RequestUrl, Route, TraversableForUserPrompts, check_preflight_response,
    cors_check, cors_preflight_request, cors_unsafe_request_header_names,
    has_cors_unsafe_request_header, http_redirect_fetch, include_credentials,
    is_cors_safelisted_request_header, main_fetch, needs_preflight, obtain_connection, on_status,
    origin_header,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use std::time::Duration;

/// So many cases; a failing one is kept in `properties.regressions` beside this file and tried again first.
fn config(cases: u32) -> ProptestConfig {
    let failure_persistence =
        Some(Box::new(FileFailurePersistence::WithSource("regressions")) as Box<_>);
    ProptestConfig {
        cases,
        failure_persistence,
        ..ProptestConfig::default()
    }
}

const ORIGINS: &[&str] = &[
    "https://app.test",
    "https://api.test",
    "https://sub.app.test",
    "http://app.test",
    "https://b.test:8443",
    "null",
];
const URLS: &[&str] = &[
    "https://app.test/a",
    "https://api.test/a",
    "https://api.test/b?q#f",
    "https://u:p@api.test/",
    "https://sub.app.test/",
    "http://app.test/",
    "https://b.test:8443/",
    "data:text/plain,x",
    "ftp://api.test/",
];

fn name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "accept",
        "Accept-Language",
        "content-language",
        "Content-Type",
        "content-type",
        "range",
        "authorization",
        "x-a",
        "X-B",
        "last-event-id",
        "cookie",
    ];
    prop_oneof![4 => select(KNOWN).prop_map(str::to_owned), 1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}"]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    const KNOWN: &[&str] = &[
        "",
        "*/*",
        "de, en;q=0.5",
        "text/plain",
        "application/json",
        "text/plain;charset=utf-8",
        "bytes=0-",
        "bytes=-5",
        "bytes=9-1",
        "true",
    ];
    prop_oneof![
        4 => select(KNOWN).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>().prop_filter("not in a value", |byte| !matches!(byte, 0 | b'\n' | b'\r')), 0..140),
        1 => (0..140_usize).prop_map(|length| vec![b'a'; length]),
    ]
}

fn header_list() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    vec((name(), value()), 0..12)
}

fn method() -> impl Strategy<Value = Method> {
    const KNOWN: &[&str] = &[
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "patch", "get", "*",
    ];
    prop_oneof![4 => select(KNOWN).prop_map(str::to_owned), 1 => "[A-Za-z*-]{1,30}"]
        .prop_map(|text| Method::exact(&text).expect("a token"))
}

fn read(list: &[(String, Vec<u8>)]) -> HeaderList {
    HeaderList::parse(
        list.iter()
            .map(|(name, value)| (name.as_str(), value.as_slice())),
    )
    .expect("headers")
}

/// Any request, before main fetch.
fn request() -> impl Strategy<Value = Request> {
    let who = (
        select(ORIGINS),
        select(URLS),
        proptest::option::of(select(ORIGINS)),
        any::<[bool; 4]>(),
    );
    let modes = (
        select(Mode::ALL),
        select(CredentialsMode::ALL),
        select(RedirectMode::ALL),
        select(Body::ALL),
        proptest::option::of(select(EmbedderPolicy::ALL)),
    );
    (who, modes, method(), header_list()).prop_map(|(who, modes, method, list)| {
        let (
            origin,
            url,
            top,
            [
                unsafe_request,
                use_cors_preflight,
                use_url_credentials,
                window,
            ],
        ) = who;
        let (mode, credentials_mode, redirect_mode, body, embedder_policy) = modes;
        let origin = Origin::parse(origin).expect("an origin");
        let top = top
            .map(|top| NetworkPartitionKey::of_top_level(&Origin::parse(top).expect("an origin")));
        let mut request = Request::new(RequestUrl::parse(url).expect("a URL"), origin);
        request.method = method;
        request.headers = read(&list);
        request.body = body;
        request.mode = mode;
        request.credentials_mode = credentials_mode;
        request.redirect_mode = redirect_mode;
        request.network_partition_key = top;
        request.embedder_policy = embedder_policy;
        request.unsafe_request = unsafe_request;
        request.use_cors_preflight = use_cors_preflight;
        request.use_url_credentials = use_url_credentials;
        request.traversable_for_user_prompts = TraversableForUserPrompts::ALL[usize::from(window)];
        request
    })
}

/// As `fetch()` sends to another origin.
fn cross_origin() -> impl Strategy<Value = Request> {
    request().prop_map(|other| {
        let mut request = Request::fetch_api(
            RequestUrl::parse("https://api.test/a").expect("a URL"),
            Origin::parse("https://app.test").expect("an origin"),
        );
        request.method = other.method;
        request.headers = other.headers;
        request.credentials_mode = other.credentials_mode;
        request.use_cors_preflight = other.use_cors_preflight;
        request
    })
}

/// The headers of an answer, near to one that passes.
fn answer() -> impl Strategy<Value = HeaderList> {
    let origin = select(
        &[
            "*",
            "https://app.test",
            "null",
            "https://app.test/",
            "",
            "https://b.test",
        ][..],
    );
    let methods = select(&["*", "PUT", "PUT, DELETE", "patch, *", "a b", ""][..]);
    let names = select(
        &[
            "*",
            "x-a, x-b",
            "content-type,Authorization",
            "*, authorization",
            "\"x\"",
            "",
        ][..],
    );
    let row = prop_oneof![
        4 => origin.prop_map(|text| ("access-control-allow-origin", text)),
        4 => select(&["true", "True", "false", ""][..]).prop_map(|text| ("access-control-allow-credentials", text)),
        2 => methods.prop_map(|text| ("access-control-allow-methods", text)),
        2 => names.prop_map(|text| ("access-control-allow-headers", text)),
        1 => select(&["0", "60", "-1", "99999999999999999999"][..]).prop_map(|text| ("access-control-max-age", text)),
    ];
    vec(row, 0..6).prop_map(|rows| {
        HeaderList::parse(rows.into_iter().map(|(name, text)| (name, text.as_bytes())))
            .expect("headers")
    })
}

fn with_credentials(request: &Request, credentials_mode: CredentialsMode) -> Request {
    let mut request = request.clone();
    request.credentials_mode = credentials_mode;
    request
}

/// What of a decision must not depend on how the same headers are written.
fn facts<'a>(decision: &'a Decision<'_>) -> (bool, Vec<&'a str>, bool, bool) {
    let names = decision.unsafe_names.iter().collect();
    (
        decision.preflight,
        names,
        decision.include_credentials,
        decision.route.is_ok(),
    )
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn a_preflight_never_includes_credentials(request in request(), literal in any::<bool>()) {
        let mut request = request;
        if literal {
            request.readings = bareflight_policy::Readings::LITERAL;
        }
        let _ = main_fetch(&mut request);
        let preflight = cors_preflight_request(&request);
        prop_assert!(!include_credentials(&preflight));
        prop_assert!(!obtain_connection(&preflight, false).credentials);
        for name in [HeaderName::COOKIE, HeaderName::AUTHORIZATION, HeaderName::CLIENT_CERT] {
            prop_assert!(!preflight.headers.contains(&name));
        }
        prop_assert!(origin_header(&preflight).is_some());
    }

    #[test]
    fn an_unsafe_header_is_never_sent_without_a_preflight(request in cross_origin()) {
        let mut request = request;
        let route = main_fetch(&mut request).expect("a route");
        let any_unsafe = request
            .headers
            .iter()
            .any(|(name, value)| !is_cors_safelisted_request_header(name.as_str(), value.as_bytes()));
        let total: usize = request.headers.iter().map(|(_, value)| value.as_bytes().len()).sum();
        if any_unsafe || total > 1_024 || !request.method.is_cors_safelisted() {
            prop_assert_eq!(route, Route::CorsWithPreflight);
            prop_assert!(needs_preflight(&request, route, &PreflightCache::default(), Duration::ZERO));
        }
    }

    #[test]
    fn the_two_ways_to_ask_for_unsafe_names_agree(list in header_list()) {
        let headers = read(&list);
        let names = cors_unsafe_request_header_names(&headers);
        prop_assert_eq!(has_cors_unsafe_request_header(&headers), !names.is_empty());
        prop_assert!(names.as_slice().is_sorted());
        prop_assert!(names.as_slice().windows(2).all(|pair| pair[0] != pair[1]));
        prop_assert!(names.iter().all(|name| !name.bytes().any(|byte| byte.is_ascii_uppercase())));
    }

    #[test]
    fn order_and_case_do_not_matter(request in request(), order in vec(any::<Index>(), 12), upper in any::<u16>()) {
        let mut rows: Vec<_> = request.headers.iter().cloned().collect();
        let last = rows.len();
        for (at, other) in order.iter().enumerate().take(last) {
            rows.swap(at, other.index(last));
        }
        let recased = rows.iter().enumerate().map(|(at, (name, value))| {
            let name = if upper >> at & 1 == 1 { name.as_str().to_ascii_uppercase() } else { name.to_string() };
            (HeaderName::parse(&name).expect("a name"), value.clone())
        });
        let mut rewritten = Case::new(request.clone());
        rewritten.request.headers = recased.collect();
        let written = Case::new(request);
        let (written_decision, rewritten_decision) = (decide(&written), decide(&rewritten));
        prop_assert_eq!(facts(&written_decision), facts(&rewritten_decision));
        let preflights = [&written, &rewritten].map(|case| cors_preflight_request(&case.request).headers);
        prop_assert_eq!(&preflights[0], &preflights[1]);
    }

    #[test]
    fn another_header_never_removes_a_preflight(request in cross_origin(), name in name(), value in value()) {
        let before = Case::new(request.clone());
        let mut more = request;
        let value = HeaderValue::parse("x", &value).expect("a value");
        more.headers.append(HeaderName::parse(&name).expect("a name"), value);
        let after = Case::new(more);
        prop_assert!(decide(&after).preflight || !decide(&before).preflight);
    }

    #[test]
    fn without_credentials_no_certificate_may_be_sent(request in request()) {
        let mut request = request;
        if main_fetch(&mut request).is_ok() {
            let need = obtain_connection(&request, false);
            let may = need.client_certificate() == bareflight_policy::ClientCertificate::MayPresent;
            prop_assert_eq!(may, need.credentials);
            prop_assert!(!need.credentials || include_credentials(&request));
            prop_assert!(request.credentials_mode != CredentialsMode::Omit || !need.credentials);
        }
    }

    #[test]
    fn what_passes_with_credentials_passes_without(request in cross_origin(), answer in answer(), status in 199..301_u16) {
        let mut request = request;
        main_fetch(&mut request).expect("a route");
        let with = with_credentials(&request, CredentialsMode::Include);
        let without = with_credentials(&request, CredentialsMode::Omit);
        if cors_check(&with, &answer).is_ok() {
            prop_assert!(cors_check(&without, &answer).is_ok());
        }
        let granted = check_preflight_response(&with, status, &answer);
        if let Ok(grant) = &granted {
            prop_assert_eq!(check_preflight_response(&without, status, &answer), Ok(grant.clone()));
        }
        for result in [cors_check(&with, &answer), granted.map(drop).or(Ok(()))] {
            if let Err(error) = result {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn the_cors_check_passes_for_one_origin_only(request in cross_origin(), answer in answer()) {
        let mut request = request;
        main_fetch(&mut request).expect("a route");
        let origins: Vec<_> = answer.values(HeaderName::ACCESS_CONTROL_ALLOW_ORIGIN).collect();
        let credentials: Vec<_> = answer.values(HeaderName::ACCESS_CONTROL_ALLOW_CREDENTIALS).collect();
        let include = request.credentials_mode == CredentialsMode::Include;
        let named = origins.len() == 1 && origins[0].as_bytes() == b"https://app.test";
        let any = origins.len() == 1 && origins[0].as_bytes() == b"*";
        let allowed = credentials.len() == 1 && credentials[0].as_bytes() == b"true";
        let expected = if include { named && allowed } else { named || any };
        prop_assert_eq!(cors_check(&request, &answer).is_ok(), expected);
    }

    #[test]
    fn what_a_preflight_grants_the_cache_lets_pass(request in cross_origin(), answer in answer()) {
        let mut request = request;
        main_fetch(&mut request).expect("a route");
        if let Ok(grant) = check_preflight_response(&request, 204, &answer) {
            let mut cache = PreflightCache::default();
            cache.store(&request, &grant, Duration::ZERO);
            // Two are asked again every time, since the answer named nothing to remember: a flag with a list that lacks the
            // safelisted method, and an answer that is not to be kept.
            let kept = !grant.max_age.is_zero()
                && (!request.use_cors_preflight
                    || grant.methods.iter().any(|method| *method == request.method || method.as_str() == "*"));
            let safelisted = !request.use_cors_preflight
                && request.method.is_cors_safelisted()
                && !has_cors_unsafe_request_header(&request.headers);
            prop_assert_eq!(cache.matches(&request, Duration::ZERO), kept || safelisted);
        }
    }

    #[test]
    fn redirects_leave_authorization_behind_and_end(
        request in request(),
        hops in vec((select(&[301_u16, 302, 303, 307, 308, 200][..]), select(URLS)), 0..30),
    ) {
        let mut request = request;
        for (status, location) in hops {
            if main_fetch(&mut request).is_err() {
                break;
            }
            let before = request.clone();
            let headers = HeaderList::parse([("location", location.as_bytes())]).expect("headers");
            let result = http_redirect_fetch(&mut request, status, &headers);
            if result.is_err() {
                prop_assert_eq!(request.redirect_count(), before.redirect_count());
                prop_assert_eq!(request.current_url(), before.current_url());
                prop_assert_eq!(&request.headers, &before.headers);
            }
            if request.current_url().origin() != before.current_url().origin() {
                prop_assert!(!request.headers.contains(&HeaderName::AUTHORIZATION));
            }
            prop_assert!(request.redirect_count() <= 20);
            prop_assert!(request.redirect_taint() >= before.redirect_taint());
            prop_assert_eq!(request.url_list().iter().count(), usize::from(request.redirect_count()) + 1);
            for status in [401, 407, 421] {
                let _ = on_status(&request, status, false, false);
            }
        }
    }

    #[test]
    fn any_location_gives_a_request_or_an_error(location in vec(any::<u8>(), 0..60), url in select(URLS)) {
        let url = RequestUrl::parse(url).expect("a URL");
        let mut request = Request::fetch_api(url, Origin::parse("https://app.test").expect("an origin"));
        if let Ok(headers) = HeaderList::parse([("location", location.as_slice())])
            && let Err(error) = http_redirect_fetch(&mut request, 302, &headers)
        {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_text_is_a_case_or_an_error(
        texts in vec("\\PC{0,30}", 6),
        plausible in any::<u8>(),
        list in vec(("\\PC{0,10}", ".{0,20}"), 0..4),
        status in any::<u16>(),
        profile in select(PROFILES),
    ) {
        let mut input = Input::new("https://api.test/", "https://app.test");
        let fields = [&mut input.url, &mut input.origin, &mut input.method, &mut input.mode, &mut input.credentials];
        for (at, (field, text)) in fields.into_iter().zip(&texts).enumerate() {
            if plausible >> at & 1 == 1 {
                text.clone_into(field);
            }
        }
        input.profile = profile.name.to_owned();
        input.headers = list.clone();
        input.top = (plausible & 64 == 64).then(|| texts[5].clone());
        input.response = Some(InputResponse { status, headers: list });
        match Case::parse(&input) {
            Ok(case) => prop_assert!(!Output::new(&case, &decide(&case)).sections.is_empty()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

/// One thing that happens to a cache.
#[derive(Clone, Debug)]
enum Event {
    Store {
        at: usize,
        include: bool,
        methods: Vec<&'static str>,
        names: Vec<&'static str>,
        seconds: u64,
    },
    Clear {
        at: usize,
    },
    Pass {
        seconds: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let methods = proptest::sample::subsequence(vec!["PUT", "DELETE", "*"], 0..3);
    let names = proptest::sample::subsequence(vec!["x-a", "authorization", "*"], 0..3);
    prop_oneof![
        4 => (0..3_usize, any::<bool>(), methods, names, 0..20_u64)
            .prop_map(|(at, include, methods, names, seconds)| Event::Store { at, include, methods, names, seconds }),
        1 => (0..3_usize).prop_map(|at| Event::Clear { at }),
        2 => (0..10_u64).prop_map(|seconds| Event::Pass { seconds }),
    ]
}

/// What one answer allowed, by the letter: URL, credentials, method or name, end.
type Record = (usize, bool, &'static str, Duration);

fn asking(at: usize, method: &str, name: Option<&str>, include: bool) -> Request {
    let urls = [
        "https://api.test/a",
        "https://api.test/b",
        "https://b.test:8443/",
    ];
    let mut request = Request::fetch_api(
        RequestUrl::parse(urls[at]).expect("a URL"),
        Origin::parse("https://app.test").expect("an origin"),
    );
    request.method = Method::exact(method).expect("a method");
    request.headers = HeaderList::parse(name.map(|name| (name, &b"1"[..]))).expect("headers");
    request.credentials_mode = if include {
        CredentialsMode::Include
    } else {
        CredentialsMode::Omit
    };
    request
}

proptest! {
    #![proptest_config(config(256))]

    /// The cache lets nothing pass but what some answer allowed that is neither over nor cleared, under enough credentials; and
    /// what the last answer allowed passes. (`methods` and `names` do not overlap, so one list of records will do.)
    #[test]
    fn the_cache_lets_pass_what_was_allowed(events in vec(event(), 0..24)) {
        let mut cache = PreflightCache::new(CacheSettings::default());
        let mut records: Vec<Record> = Vec::new();
        let mut now = Duration::ZERO;
        for event in events {
            match event {
                Event::Pass { seconds } => now += Duration::from_secs(seconds),
                Event::Clear { at } => {
                    cache.clear(&asking(at, "PUT", None, false));
                    records.retain(|record| record.0 != at);
                }
                Event::Store { at, include, methods, names, seconds } => {
                    let grant = PreflightGrant {
                        methods: methods.iter().map(|text| Method::exact(text).expect("a method")).collect(),
                        header_names: names.iter().map(|text| HeaderName::parse(text).expect("a name")).collect(),
                        max_age: Duration::from_secs(seconds),
                    };
                    cache.store(&asking(at, "PUT", None, include), &grant, now);
                    let end = now + Duration::from_secs(seconds);
                    records.extend(methods.iter().map(|text| (at, include, if *text == "*" { "any-method" } else { text }, end)));
                    records.extend(names.iter().map(|text| (at, include, if *text == "*" { "any-name" } else { text }, end)));
                    for method in methods.iter().filter(|method| **method != "*") {
                        let request = asking(at, method, None, include);
                        prop_assert_eq!(cache.matches(&request, now), seconds > 0);
                    }
                }
            }
            for at in 0..3 {
                for include in [false, true] {
                    for method in ["GET", "PUT", "DELETE"] {
                        for name in [None, Some("x-a"), Some("x-b"), Some("authorization")] {
                            if cache.matches(&asking(at, method, name, include), now) {
                                let allowed = |words: &[&str]| records.iter().any(|(url, credentials, word, end)| {
                                    *url == at && (*credentials || !include) && now < *end && words.contains(word)
                                });
                                prop_assert!(method == "GET" || allowed(&[method, "any-method"]));
                                let name_allowed = name.is_none_or(|name| {
                                    allowed(&[name]) || (name != "authorization" && allowed(&["any-name"]))
                                });
                                prop_assert!(name_allowed);
                            }
                        }
                    }
                }
            }
        }
    }
}

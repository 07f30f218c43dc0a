//! Do decisions that only answer leave the heap alone, for a request with up to eight headers?

use allocation_counter::measure;
use bareflight_policy::decide::{Case, decide};
use bareflight_policy::{
    CredentialsMode, HeaderList, Method, NetworkPartitionKey, Origin, PreflightCache, Profile,
    Purpose, Request, RequestUrl, answer_certificate_request, authorization, certificate_dialog,
    check_preflight_response, cors_check, cors_unsafe_request_header_names, include_credentials,
    main_fetch, needs_preflight, obtain_connection, on_response, on_status, origin_header,
    serialize_request_origin,
};
use std::hint::black_box;
use std::time::Duration;

/// How often this thread took something from the heap, or gave it back what it had before.
fn touches<T>(run: impl FnOnce() -> T) -> u64 {
    let counted = measure(|| drop(black_box(run())));
    counted.count_total + counted.count_current.unsigned_abs()
}

fn with_headers(count: usize) -> Request {
    let names = [
        "x-a",
        "x-b",
        "content-type",
        "authorization",
        "x-c",
        "accept",
        "range",
        "accept-language",
        "x-d",
    ];
    let headers = HeaderList::parse(
        names[..count]
            .iter()
            .map(|name| (*name, &b"application/json"[..])),
    );
    let mut request = Request::fetch_api(
        RequestUrl::parse("https://api.test/items").expect("a URL"),
        Origin::parse("https://app.test").expect("an origin"),
    );
    let top = Origin::parse("https://top.test").expect("an origin");
    request.method = Method::PUT;
    request.credentials_mode = CredentialsMode::Include;
    request.headers = headers.expect("headers");
    request.network_partition_key = Some(NetworkPartitionKey::of_top_level(&top));
    request
}

fn list(rows: &[(&str, &str)]) -> HeaderList {
    HeaderList::parse(rows.iter().map(|(name, value)| (*name, value.as_bytes()))).expect("headers")
}

#[test]
fn decisions_do_not_touch_the_heap() {
    let none = list(&[]);
    let allowed = list(&[
        ("access-control-allow-origin", "https://app.test"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        (
            "access-control-allow-headers",
            "authorization, content-type, x-a, x-b",
        ),
    ]);
    let refused = list(&[("access-control-allow-origin", "https://b.test")]);
    for count in 0..=8 {
        let mut request = with_headers(count);
        let case = Case::new(request.clone());
        let mut cache = PreflightCache::default();
        assert_eq!(touches(|| request.clone()), 0);
        assert_eq!(touches(|| main_fetch(&mut request)), 0);
        let route = main_fetch(&mut request).expect("a route");
        assert_eq!(
            touches(|| needs_preflight(&request, route, &cache, Duration::ZERO)),
            0
        );
        assert_eq!(
            touches(|| cors_unsafe_request_header_names(&request.headers)),
            0
        );
        assert_eq!(touches(|| include_credentials(&request)), 0);
        assert_eq!(touches(|| obtain_connection(&request, false)), 0);
        assert_eq!(touches(|| origin_header(&request)), 0);
        assert_eq!(touches(|| serialize_request_origin(&request)), 0);
        assert_eq!(touches(|| authorization(&request, true, false)), 0);
        assert_eq!(
            touches(|| (
                on_status(&request, 421, false, false),
                on_response(&request, 302)
            )),
            0
        );
        assert_eq!(touches(|| certificate_dialog(&request)), 0);
        for answer in [&none, &allowed, &refused] {
            assert_eq!(touches(|| cors_check(&request, answer)), 0);
        }
        assert_eq!(
            touches(|| answer_certificate_request(
                Profile::fetch(),
                Purpose::Preflight,
                false,
                true
            )),
            0
        );
        assert_eq!(touches(|| decide(&case)), 0, "{count} headers");
        // A grant of up to four methods and four names is kept in place, and a look at a filled cache compares in place.
        if count <= 4 {
            let grant = check_preflight_response(&request, 204, &allowed).expect("a grant");
            assert_eq!(
                touches(|| check_preflight_response(&request, 204, &allowed)),
                0,
                "{count} headers"
            );
            cache.store(&request, &grant, Duration::ZERO);
            assert!(cache.matches(&request, Duration::ZERO));
            assert_eq!(touches(|| cache.matches(&request, Duration::ZERO)), 0);
        }
    }
    // The counter counts: nine unsafe names are one too many to be kept in place.
    assert_ne!(
        touches(
            || cors_unsafe_request_header_names(&with_headers(9).headers)
                .iter()
                .count()
        ),
        0
    );
}

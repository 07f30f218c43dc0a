//! What do the tests of this crate write over and over? Requests and header lists in one line.

use crate::header::HeaderList;
use crate::main_fetch::main_fetch;
use crate::origin::Origin;
use crate::request::{CredentialsMode, Request};
use crate::url::RequestUrl;

/// Names and values.
pub(crate) type List = &'static [(&'static str, &'static str)];
/// Names, or methods.
pub(crate) type Words = &'static [&'static str];

pub(crate) const APP: &str = "https://app.test";
pub(crate) const API: &str = "https://api.test/items";

pub(crate) fn origin(text: &str) -> Origin {
    Origin::parse(text).expect("an origin")
}

pub(crate) fn url(text: &str) -> RequestUrl {
    RequestUrl::parse(text).expect("a URL")
}

/// As by `fetch()` on a page of `from`.
pub(crate) fn fetch_api(from: &str, to: &str) -> Request {
    Request::fetch_api(url(to), origin(from))
}

/// From the app to the API with these credentials, after main fetch.
pub(crate) fn sent(credentials_mode: CredentialsMode) -> Request {
    let mut request = Request {
        credentials_mode,
        ..fetch_api(APP, API)
    };
    main_fetch(&mut request).expect("a route");
    request
}

pub(crate) fn headers(headers: &[(&str, &str)]) -> HeaderList {
    HeaderList::parse(
        headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes())),
    )
    .expect("headers")
}

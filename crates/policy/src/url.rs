//! Where does the request go, and where has it been? A URL with its origin, and the URL list.
//!
//! <https://fetch.spec.whatwg.org/#concept-request-url-list>

use crate::origin::Origin;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use url::Url;

/// A URL with its origin, computed once. Cloning counts a reference.
#[derive(Clone)]
pub struct RequestUrl(Arc<UrlAndOrigin>);

struct UrlAndOrigin {
    url: Url,
    origin: Origin,
}

/// The [URL list](https://fetch.spec.whatwg.org/#concept-request-url-list) of a request: never empty, one more for each redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlList {
    first: RequestUrl,
    later: Option<Arc<Vec<RequestUrl>>>,
}

/// A text that is no absolute URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a URL ({reason}): write it in full, such as https://api.test/items")]
pub struct InvalidUrl {
    /// What was given.
    pub text: String,
    /// What the URL parser said.
    pub reason: url::ParseError,
}

impl RequestUrl {
    /// Parses an absolute URL.
    ///
    /// # Errors
    /// Where the [URL parser](https://url.spec.whatwg.org/#concept-url-parser) fails.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        Url::parse(text)
            .map(Self::from)
            .map_err(|reason| InvalidUrl {
                text: text.to_owned(),
                reason,
            })
    }

    /// The URL itself.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0.url
    }

    /// The serialized URL, fragment included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.url.as_str()
    }

    /// Its origin.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Whether its scheme is an [HTTP(S) scheme](https://fetch.spec.whatwg.org/#http-scheme).
    #[must_use]
    pub fn is_http(&self) -> bool {
        matches!(self.0.url.scheme(), "http" | "https")
    }

    /// Whether it [includes credentials](https://url.spec.whatwg.org/#include-credentials): a user name or a password.
    #[must_use]
    pub fn includes_credentials(&self) -> bool {
        !self.0.url.username().is_empty()
            || self
                .0
                .url
                .password()
                .is_some_and(|password| !password.is_empty())
    }
}

impl From<Url> for RequestUrl {
    fn from(url: Url) -> Self {
        let origin = Origin::of(&url);
        Self(Arc::new(UrlAndOrigin { url, origin }))
    }
}

impl PartialEq for RequestUrl {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Eq for RequestUrl {}

impl Hash for RequestUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl core::fmt::Debug for RequestUrl {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl UrlList {
    /// A list of one.
    #[must_use]
    pub fn new(first: RequestUrl) -> Self {
        Self { first, later: None }
    }

    /// The request's [URL](https://fetch.spec.whatwg.org/#concept-request-url): the first of the list.
    #[must_use]
    pub fn first(&self) -> &RequestUrl {
        &self.first
    }

    /// The [current URL](https://fetch.spec.whatwg.org/#concept-request-current-url): the last of the list.
    #[must_use]
    pub fn current(&self) -> &RequestUrl {
        self.later
            .as_ref()
            .and_then(|later| later.last())
            .unwrap_or(&self.first)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &RequestUrl> {
        std::iter::once(&self.first).chain(self.later.iter().flat_map(|later| later.iter()))
    }

    pub(crate) fn push(&mut self, url: RequestUrl) {
        Arc::make_mut(self.later.get_or_insert_default()).push(url);
    }
}

#[cfg(test)]
mod tests {
    use super::{RequestUrl, UrlList};
    use crate::testing::url;

    #[test]
    fn a_url_includes_credentials_if_it_has_a_name_or_a_password() {
        for (text, expected) in [
            ("https://api.test", false),
            ("https://u@api.test", true),
            ("https://u:p@api.test", true),
            ("https://:p@api.test", true),
            ("https://:@api.test", false),
            ("https://@api.test", false),
        ] {
            assert_eq!(url(text).includes_credentials(), expected, "{text}");
        }
    }

    #[test]
    fn http_and_https_are_the_http_schemes() {
        for (text, expected) in [
            ("http://a", true),
            ("https://a", true),
            ("ws://a", false),
            ("data:,", false),
            ("httpx://a", false),
        ] {
            assert_eq!(url(text).is_http(), expected, "{text}");
        }
    }

    #[test]
    fn urls_are_compared_whole() {
        assert_eq!(url("https://api.test"), url("https://API.test:443/"));
        assert_ne!(url("https://api.test/a"), url("https://api.test/b"));
        assert_ne!(url("https://api.test/a"), url("https://api.test/a#f"));
        let hash = |text| {
            use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
            BuildHasherDefault::<DefaultHasher>::default().hash_one(url(text))
        };
        assert_ne!(hash("https://api.test/a"), hash("https://api.test/b"));
        assert_eq!(hash("https://api.test"), hash("https://API.test:443/"));
        assert_eq!(
            format!("{} {:?}", url("https://a.test"), url("https://a.test/")),
            "https://a.test/ https://a.test/"
        );
        assert!(
            RequestUrl::parse("/items")
                .expect_err("relative")
                .to_string()
                .contains("/items")
        );
    }

    #[test]
    fn the_list_keeps_its_first_and_gains_a_current() {
        let mut list = UrlList::new(url("https://a.test"));
        let before = list.clone();
        assert_eq!(list.current(), list.first());
        list.push(url("https://b.test"));
        list.push(url("https://c.test"));
        assert_eq!(
            (list.first(), list.current()),
            (&url("https://a.test"), &url("https://c.test"))
        );
        assert_eq!(list.iter().count(), 3);
        assert_eq!(before.iter().count(), 1);
    }
}

//! Who asks? Origins, and the sites that partitions are made of.
//!
//! <https://html.spec.whatwg.org/multipage/browsers.html#concept-origin>

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};
use url::{Host, Url};

/// An [origin](https://html.spec.whatwg.org/multipage/browsers.html#concept-origin): a tuple of scheme, host and port, or opaque.
///
/// Cloning counts a reference. Two tuple origins are equal when their parts are; an opaque origin equals only its own clones.
#[derive(Clone)]
pub struct Origin(Arc<OriginParts>);

enum OriginParts {
    Opaque,
    Tuple {
        serialization: Box<str>,
        host: Host<String>,
        scheme_len: usize,
        site: OnceLock<Site>,
    },
}

/// A [site](https://html.spec.whatwg.org/multipage/browsers.html#site): an opaque origin, or scheme and registrable domain
/// (the host itself where it has none: an address, a public suffix, a single label).
#[derive(Clone)]
pub struct Site(SiteParts);

#[derive(Clone)]
enum SiteParts {
    Opaque(Origin),
    Tuple {
        serialization: Arc<str>,
        scheme_len: usize,
    },
}

/// The result of [serializing a request origin](https://fetch.spec.whatwg.org/#serializing-a-request-origin): what `Origin` says
/// and what `Access-Control-Allow-Origin` has to repeat. Two are equal when their texts are: `null` equals `null`.
#[derive(Clone)]
pub struct SerializedOrigin(Option<Origin>);

/// A text that does not name an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin: write scheme, host and port only, such as https://app.test, or null"
)]
pub struct InvalidOrigin(
    /// What was given.
    pub String,
);

impl Origin {
    /// A new opaque origin, different from every other (a sandboxed frame, a `data:` document).
    #[must_use]
    pub fn opaque() -> Self {
        Self(Arc::new(OriginParts::Opaque))
    }

    /// The [origin of a URL](https://url.spec.whatwg.org/#concept-url-origin); a new opaque one for `data:`, `file:` and others.
    #[must_use]
    pub fn of(url: &Url) -> Self {
        let origin = url.origin();
        let serialization = origin.ascii_serialization().into_boxed_str();
        match origin {
            url::Origin::Opaque(_) => Self::opaque(),
            url::Origin::Tuple(scheme, host, _) => Self(Arc::new(OriginParts::Tuple {
                serialization,
                host,
                scheme_len: scheme.len(),
                site: OnceLock::new(),
            })),
        }
    }

    /// Reads a serialized origin; `null` gives a new opaque one.
    ///
    /// # Errors
    /// Where the text is no URL, or has more than scheme, host and port (a final `/` is let pass).
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.to_owned());
        if text == "null" {
            return Ok(Self::opaque());
        }
        let url = Url::parse(text).map_err(|_| invalid())?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let origin = Self::of(&url);
        if bare && !origin.is_opaque() {
            Ok(origin)
        } else {
            Err(invalid())
        }
    }

    /// Whether this origin is opaque.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        matches!(*self.0, OriginParts::Opaque)
    }

    /// The [ASCII serialization](https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin); `null`
    /// for an opaque origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &*self.0 {
            OriginParts::Opaque => "null",
            OriginParts::Tuple { serialization, .. } => serialization,
        }
    }

    /// The scheme of a tuple origin.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        match &*self.0 {
            OriginParts::Opaque => None,
            OriginParts::Tuple {
                serialization,
                scheme_len,
                ..
            } => Some(&serialization[..*scheme_len]),
        }
    }

    /// The host of a tuple origin.
    #[must_use]
    pub fn host(&self) -> Option<&Host<String>> {
        match &*self.0 {
            OriginParts::Opaque => None,
            OriginParts::Tuple { host, .. } => Some(host),
        }
    }

    /// [Obtains the site](https://html.spec.whatwg.org/multipage/browsers.html#obtain-a-site) of this origin; computed once.
    #[must_use]
    pub fn site(&self) -> Site {
        match &*self.0 {
            OriginParts::Opaque => Site(SiteParts::Opaque(self.clone())),
            OriginParts::Tuple {
                serialization,
                host,
                scheme_len,
                site,
            } => site
                .get_or_init(|| {
                    let scheme = &serialization[..*scheme_len];
                    let serialization = match host {
                        Host::Domain(domain) => format!(
                            "{scheme}://{}",
                            registrable_domain(domain).unwrap_or(domain)
                        ),
                        address => format!("{scheme}://{address}"),
                    };
                    Site(SiteParts::Tuple {
                        serialization: serialization.into(),
                        scheme_len: *scheme_len,
                    })
                })
                .clone(),
        }
    }

    /// Whether two origins are [same site](https://html.spec.whatwg.org/multipage/browsers.html#same-site), scheme included.
    #[must_use]
    pub fn is_same_site(&self, other: &Self) -> bool {
        self == other || self.site() == other.site()
    }
}

/// The [registrable domain](https://url.spec.whatwg.org/#host-registrable-domain) of a domain, by the public suffix list. A
/// final dot stays: `app.test.` is another site than `app.test`.
fn registrable_domain(domain: &str) -> Option<&str> {
    psl::domain(domain.as_bytes())
        .and_then(|registrable| core::str::from_utf8(registrable.as_bytes()).ok())
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || match (&*self.0, &*other.0) {
                (
                    OriginParts::Tuple {
                        serialization: left,
                        ..
                    },
                    OriginParts::Tuple {
                        serialization: right,
                        ..
                    },
                ) => left == right,
                _ => false,
            }
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl core::fmt::Debug for Origin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Display for Origin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Site {
    /// Scheme and registrable domain, such as `https://app.test`; `null` for an opaque origin's site.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            SiteParts::Opaque(_) => "null",
            SiteParts::Tuple { serialization, .. } => serialization,
        }
    }

    /// Registrable domain (or host) without the scheme; `None` for an opaque origin's site.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match &self.0 {
            SiteParts::Opaque(_) => None,
            SiteParts::Tuple {
                serialization,
                scheme_len,
            } => Some(&serialization[scheme_len + "://".len()..]),
        }
    }
}

impl PartialEq for Site {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (SiteParts::Opaque(left), SiteParts::Opaque(right)) => left == right,
            (
                SiteParts::Tuple {
                    serialization: left,
                    ..
                },
                SiteParts::Tuple {
                    serialization: right,
                    ..
                },
            ) => Arc::ptr_eq(left, right) || left == right,
            _ => false,
        }
    }
}

impl Eq for Site {}

impl Hash for Site {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl core::fmt::Debug for Site {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Display for Site {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SerializedOrigin {
    /// What an origin serializes to.
    #[must_use]
    pub fn of(origin: &Origin) -> Self {
        Self(Some(origin.clone()))
    }

    /// `null`, whatever the origin: what a tainted request says.
    #[must_use]
    pub const fn null() -> Self {
        Self(None)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("null", Origin::as_str)
    }
}

impl PartialEq for SerializedOrigin {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SerializedOrigin {}

impl Hash for SerializedOrigin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl core::fmt::Debug for SerializedOrigin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Display for SerializedOrigin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, SerializedOrigin, registrable_domain};
    use crate::testing::{origin, url};

    #[test]
    fn a_tuple_origin_is_scheme_host_and_port() {
        let rows = [
            ("https://app.test", "https://app.test", true),
            ("https://app.test/", "https://app.test:443", true),
            ("https://APP.test", "https://app.test", true),
            ("https://app.test", "http://app.test", false),
            ("https://app.test", "https://app.test:8443", false),
            ("https://app.test", "https://api.test", false),
            ("http://[::1]:80", "http://[0:0::1]", true),
        ];
        for (left, right, equal) in rows {
            assert_eq!(origin(left) == origin(right), equal, "{left} {right}");
        }
    }

    #[test]
    fn an_opaque_origin_equals_only_its_clones() {
        let opaque = Origin::opaque();
        assert_eq!(opaque, opaque.clone());
        assert_ne!(opaque, Origin::opaque());
        assert_ne!(origin("null"), origin("null"));
        assert_ne!(opaque, origin("https://app.test"));
        assert_eq!(
            (opaque.as_str(), opaque.scheme(), opaque.host()),
            ("null", None, None)
        );
        assert!(opaque.is_opaque() && !origin("https://app.test").is_opaque());
        for text in [
            "data:text/plain,x",
            "file:///etc/hosts",
            "about:blank",
            "foo:bar",
        ] {
            assert!(url(text).origin().is_opaque(), "{text}");
        }
        assert_eq!(
            url("blob:https://app.test/8-4").origin(),
            &origin("https://app.test")
        );
    }

    #[test]
    fn only_an_origin_parses_as_one() {
        for text in [
            "",
            "app.test",
            "https://app.test/x",
            "https://app.test?",
            "https://app.test/#",
            "https://u@app.test",
            "https://:p@app.test",
            "data:,",
            "https://",
            "NULL",
            "https://app.test:99999",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
        assert_eq!(origin("https://app.test:8443").scheme(), Some("https"));
    }

    #[test]
    fn sites_are_schemeful_and_by_registrable_domain() {
        let rows = [
            ("https://a.app.test", "https://b.app.test", true),
            ("https://app.test", "https://a.b.app.test:8443", true),
            ("https://app.test", "http://app.test", false),
            ("https://app.test", "https://api.test", false),
            ("https://a.co.uk", "https://b.co.uk", false),
            ("https://www.a.co.uk", "https://a.co.uk", true),
            ("https://a.github.io", "https://b.github.io", false),
            ("https://github.io", "https://a.github.io", false),
            ("https://127.0.0.1", "https://127.0.0.1:8443", true),
            ("https://127.0.0.1", "https://126.0.0.1", false),
            ("https://[::1]", "https://[::1]:1", true),
            ("https://localhost", "https://localhost:1", true),
            ("https://a.test.", "https://a.test", false),
        ];
        for (left, right, same) in rows {
            assert_eq!(
                origin(left).is_same_site(&origin(right)),
                same,
                "{left} {right}"
            );
            assert_eq!(
                origin(left).site() == origin(right).site(),
                same,
                "{left} {right}"
            );
        }
        let opaque = Origin::opaque();
        assert!(opaque.is_same_site(&opaque.clone()) && !opaque.is_same_site(&Origin::opaque()));
        assert_ne!(opaque.site(), origin("https://app.test").site());
        assert_eq!(opaque.site(), opaque.site());
        assert_ne!(opaque.site(), Origin::opaque().site());
    }

    #[test]
    fn a_site_is_written_as_scheme_and_domain() {
        let rows = [
            (
                "https://a.app.test:8443",
                "https://app.test",
                Some("app.test"),
            ),
            ("http://a.co.uk", "http://a.co.uk", Some("a.co.uk")),
            ("https://co.uk", "https://co.uk", Some("co.uk")),
            ("https://[::1]:8", "https://[::1]", Some("[::1]")),
            ("null", "null", None),
        ];
        for (text, site, host) in rows {
            let parsed = origin(text).site();
            assert_eq!((parsed.as_str(), parsed.host()), (site, host));
            assert_eq!(
                (parsed.to_string(), format!("{parsed:?}")),
                (site.to_owned(), site.to_owned())
            );
        }
    }

    #[test]
    fn public_suffixes_have_no_registrable_domain() {
        for (domain, expected) in [
            ("com", None),
            ("localhost", None),
            ("co.uk", None),
            ("a.co.uk", Some("a.co.uk")),
            ("x.y.test", Some("y.test")),
            ("x.y.test.", Some("y.test.")),
        ] {
            assert_eq!(registrable_domain(domain), expected, "{domain}");
        }
    }

    #[test]
    fn hashes_tell_origins_and_sites_apart() {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        fn hash(value: &impl std::hash::Hash) -> u64 {
            BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
        }
        let (app, api) = (origin("https://app.test"), origin("https://api.test"));
        assert_ne!(hash(&app), hash(&api));
        assert_ne!(hash(&app.site()), hash(&api.site()));
        assert_ne!(
            hash(&SerializedOrigin::of(&app)),
            hash(&SerializedOrigin::null())
        );
        assert_eq!(hash(&app), hash(&origin("https://app.test:443")));
        assert_eq!(
            hash(&SerializedOrigin::of(&Origin::opaque())),
            hash(&SerializedOrigin::null())
        );
    }

    #[test]
    fn serialized_origins_compare_as_text() {
        assert_eq!(
            SerializedOrigin::null(),
            SerializedOrigin::of(&Origin::opaque())
        );
        assert_ne!(
            SerializedOrigin::null(),
            SerializedOrigin::of(&origin("https://app.test"))
        );
        assert_eq!(
            SerializedOrigin::of(&origin("https://app.test")).to_string(),
            "https://app.test"
        );
        assert_eq!(
            format!(
                "{:?} {:?}",
                SerializedOrigin::null(),
                origin("https://app.test")
            ),
            "null https://app.test"
        );
    }
}

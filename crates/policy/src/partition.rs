//! Under which top-level site does this happen? The network partition key.
//!
//! <https://fetch.spec.whatwg.org/#network-partition-keys>

use crate::origin::{Origin, Site};
use std::sync::Arc;

/// A [network partition key](https://fetch.spec.whatwg.org/#network-partition-key): the top-level site, and a second key that is
/// absent or the implementation's own. Cloning counts references.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkPartitionKey {
    site: Site,
    second: Option<Arc<str>>,
}

impl NetworkPartitionKey {
    /// [Determines the key](https://fetch.spec.whatwg.org/#determine-the-network-partition-key) of an environment from its
    /// top-level origin, without a second key.
    #[must_use]
    pub fn of_top_level(origin: &Origin) -> Self {
        Self {
            site: origin.site(),
            second: None,
        }
    }

    /// The key under another top-level origin; the second key stays.
    pub(crate) fn moved_to(&self, origin: &Origin) -> Self {
        Self {
            site: origin.site(),
            second: self.second.clone(),
        }
    }

    /// The same site with a second key of the implementation's choice, such as a user context or the frame's site.
    #[must_use]
    pub fn with_second(self, second: &str) -> Self {
        Self {
            second: Some(second.into()),
            ..self
        }
    }

    /// The top-level site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The second key.
    #[must_use]
    pub fn second(&self) -> Option<&str> {
        self.second.as_deref()
    }
}

/// The site, and the second key after a blank where there is one.
impl core::fmt::Display for NetworkPartitionKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.second {
            None => write!(f, "{}", self.site),
            Some(second) => write!(f, "{} {second}", self.site),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NetworkPartitionKey;
    use crate::testing::origin;

    #[test]
    fn a_partition_is_a_site_and_a_second_key() {
        let key = |top| NetworkPartitionKey::of_top_level(&origin(top));
        assert_eq!(key("https://app.test"), key("https://www.app.test:8443"));
        assert_ne!(key("https://app.test"), key("http://app.test"));
        assert_ne!(key("https://app.test"), key("https://other.test"));
        assert_ne!(
            key("https://app.test"),
            key("https://app.test").with_second("a")
        );
        assert_ne!(
            key("https://app.test").with_second("b"),
            key("https://app.test").with_second("a")
        );
        assert_eq!(key("https://app.test").to_string(), "https://app.test");
        let second = key("https://a.app.test").with_second("work");
        assert_eq!(
            (second.to_string().as_str(), second.second()),
            ("https://app.test work", Some("work"))
        );
        assert_eq!(second.site(), &origin("https://app.test").site());
        assert_ne!(key("null"), key("null"));
    }
}

//! What did the server already allow? The CORS-preflight cache, bounded, under a time that comes in.
//!
//! <https://fetch.spec.whatwg.org/#cors-preflight-cache>

use crate::header::{HeaderName, is_cors_non_wildcard_request_header_name};
use crate::method::Method;
use crate::origin::SerializedOrigin;
use crate::partition::NetworkPartitionKey;
use crate::preflight::PreflightGrant;
use crate::profile::Profile;
use crate::request::{CredentialsMode, Request, serialize_request_origin};
use crate::safelist::cors_unsafe_request_header_names;
use crate::url::RequestUrl;
use core::time::Duration;
use std::collections::{HashMap, VecDeque};

/// The limits that an implementation may impose on its cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// The longest that an entry counts, whatever the server says: 24 h in Firefox, 2 h in Chromium.
    pub max_age_cap: Duration,
    /// The most entries (a method or a header name each) kept for one (partition, origin, URL).
    pub max_entries_per_url: usize,
    /// The most (partition, origin, URL) kept; the one stored first goes first.
    pub max_urls: usize,
}

impl CacheSettings {
    /// The default limits with the cap of a profile.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        Self {
            max_age_cap: profile.preflight_max_age_cap.value,
            ..Self::default()
        }
    }
}

impl Default for CacheSettings {
    /// 24 h, 64 entries for each of 1,000 URLs.
    fn default() -> Self {
        Self {
            max_age_cap: Duration::from_secs(86_400),
            max_entries_per_url: 64,
            max_urls: 1_000,
        }
    }
}

/// The [CORS-preflight cache](https://fetch.spec.whatwg.org/#concept-cache).
///
/// Times are durations since an origin of the caller's choice that must not run backwards.
#[derive(Clone, Debug, Default)]
pub struct PreflightCache {
    settings: CacheSettings,
    urls: HashMap<Key, Entries>,
    /// Keys in the order in which they were first stored; one whose number is not the map's was cleared since.
    order: VecDeque<(u64, Key)>,
    stored: u64,
}

/// What a cache entry match compares first; the credentials flag is with the entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    network_partition_key: Option<NetworkPartitionKey>,
    origin: SerializedOrigin,
    url: RequestUrl,
}

#[derive(Clone, Debug)]
struct Entries {
    number: u64,
    entries: Vec<Entry>,
}

/// A [cache entry](https://fetch.spec.whatwg.org/#cache-entry), less its key.
#[derive(Clone, Debug)]
struct Entry {
    credentials: bool,
    allows: Allows,
    expires: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allows {
    Method(Method),
    Header(HeaderName),
}

impl PreflightCache {
    /// An empty cache.
    #[must_use]
    pub fn new(settings: CacheSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Whether the cache makes a preflight for this request unnecessary: the condition of
    /// [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch), turned round. There is a
    /// [method cache entry match](https://fetch.spec.whatwg.org/#concept-cache-match-method), or the method is safelisted and the
    /// use-CORS-preflight flag is unset; and there is a
    /// [header-name cache entry match](https://fetch.spec.whatwg.org/#concept-cache-match-header) for every unsafe name.
    #[must_use]
    pub fn matches(&self, request: &Request, now: Duration) -> bool {
        let entries = if self.urls.is_empty() {
            None
        } else {
            self.urls.get(&Key::of(request))
        };
        let entries = entries.map_or(&[][..], |entries| &entries.entries);
        let include = request.credentials_mode == CredentialsMode::Include;
        let live = || {
            entries
                .iter()
                .filter(|entry| entry.serves(include) && now < entry.expires)
        };
        let method_needs_none = request.method.is_cors_safelisted() && !request.use_cors_preflight;
        (method_needs_none || live().any(|entry| entry.allows.method(&request.method)))
            && cors_unsafe_request_header_names(&request.headers)
                .iter()
                .all(|name| live().any(|entry| entry.allows.header(name)))
    }

    /// Stores what a preflight's answer allowed for a request, as the last steps of
    /// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch) do: entries that match are renewed, others are
    /// created.
    ///
    /// A renewal counts from `now`. An answer to a request without credentials can shorten an entry that was stored with
    /// credentials, but not prolong it (anomaly 5).
    pub fn store(&mut self, request: &Request, grant: &PreflightGrant, now: Duration) {
        let expires = now.saturating_add(grant.max_age.min(self.settings.max_age_cap));
        let credentials = request.credentials_mode == CredentialsMode::Include;
        let most = self.settings.max_entries_per_url;
        let entries = self.entries_of(Key::of(request));
        entries.retain(|entry| now < entry.expires);
        let methods = grant.methods.iter().cloned().map(Allows::Method);
        for allows in methods.chain(grant.header_names.iter().cloned().map(Allows::Header)) {
            renew_or_create(
                entries,
                Entry {
                    credentials,
                    allows,
                    expires,
                },
                most,
            );
        }
        self.evict();
    }

    /// [Clears cache entries](https://fetch.spec.whatwg.org/#concept-cache-clear) for the request's partition, origin and current
    /// URL: to be called when the request that followed a preflight, or was let pass by the cache, ends in a network error.
    pub fn clear(&mut self, request: &Request) {
        self.urls.remove(&Key::of(request));
    }

    /// Removes everything.
    pub fn clear_all(&mut self) {
        self.urls.clear();
        self.order.clear();
    }

    /// How many entries are kept, expired ones included that were not yet removed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.urls
            .values()
            .map(|entries| entries.entries.len())
            .sum()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn entries_of(&mut self, key: Key) -> &mut Vec<Entry> {
        let (stored, order) = (&mut self.stored, &mut self.order);
        let entries = self.urls.entry(key).or_insert_with_key(|key| {
            *stored += 1;
            order.push_back((*stored, key.clone()));
            Entries {
                number: *stored,
                entries: Vec::new(),
            }
        });
        &mut entries.entries
    }

    /// Removes the URLs stored first while there are too many, and the numbers of cleared ones before they pile up.
    fn evict(&mut self) {
        while self.urls.len() > self.settings.max_urls
            && let Some((number, key)) = self.order.pop_front()
        {
            if self
                .urls
                .get(&key)
                .is_some_and(|entries| entries.number == number)
            {
                self.urls.remove(&key);
            }
        }
        if self.order.len() > 2 * self.settings.max_urls {
            self.order.retain(|(number, key)| {
                self.urls
                    .get(key)
                    .is_some_and(|entries| entries.number == *number)
            });
        }
    }
}

fn renew_or_create(entries: &mut Vec<Entry>, new: Entry, most: usize) {
    let mut renewed = false;
    for entry in entries
        .iter_mut()
        .filter(|entry| entry.serves(new.credentials) && entry.allows.covers(&new.allows))
    {
        if entry.credentials == new.credentials {
            entry.expires = new.expires;
            renewed = true;
        } else {
            entry.expires = entry.expires.min(new.expires);
        }
    }
    if !renewed && entries.len() < most {
        entries.push(new);
    }
}

impl Key {
    fn of(request: &Request) -> Self {
        Self {
            network_partition_key: request.network_partition_key.clone(),
            origin: serialize_request_origin(request),
            url: request.current_url().clone(),
        }
    }
}

impl Entry {
    /// The credentials part of a [cache entry match](https://fetch.spec.whatwg.org/#concept-cache-match): stored with credentials
    /// serves all, stored without never serves `include`.
    fn serves(&self, include: bool) -> bool {
        self.credentials || !include
    }
}

impl Allows {
    fn method(&self, method: &Method) -> bool {
        matches!(self, Self::Method(allowed) if allowed == method || allowed.as_str() == "*")
    }

    fn header(&self, name: &str) -> bool {
        matches!(self, Self::Header(allowed) if allowed.as_str() == name
            || (allowed.as_str() == "*" && !is_cors_non_wildcard_request_header_name(name)))
    }

    fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Method(method) => self.method(method),
            Self::Header(name) => self.header(name.as_str()),
        }
    }
}

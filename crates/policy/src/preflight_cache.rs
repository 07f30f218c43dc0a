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
    urls: HashMap<Key, Entries, foldhash::fast::RandomState>,
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
        // An empty cache is common, and worth neither a key nor a hash.
        let found = (!self.urls.is_empty()).then(|| self.urls.get(&Key::of(request)));
        allow(found.flatten(), request, now)
    }

    /// As [`matches`](Self::matches), in whatever network partition the entries were stored: a scan, for measuring what a
    /// laxer key would have done.
    #[must_use]
    pub fn matches_in_any_partition(&self, request: &Request, now: Duration) -> bool {
        let wanted = Key::of(request);
        let same = |key: &Key| key.origin == wanted.origin && key.url == wanted.url;
        let mut found = self.urls.iter().filter(|(key, _)| same(key));
        found.any(|(_, entries)| allow(Some(entries), request, now)) || allow(None, request, now)
    }

    /// Stores what a preflight's answer allowed for a request, as the last steps of
    /// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch) do: what is there already is renewed, counting
    /// from `now`, and what is not is created.
    ///
    /// An answer prolongs only what it names, under the credentials that it was asked with. Other entries that match what it
    /// names (`*`, or one stored with credentials) may be shortened by it, but not prolonged (anomaly 5).
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

/// Whether the entries of one (partition, origin, URL) allow a request, or it needs nobody's leave.
fn allow(entries: Option<&Entries>, request: &Request, now: Duration) -> bool {
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

fn renew_or_create(entries: &mut Vec<Entry>, new: Entry, most: usize) {
    for entry in entries
        .iter_mut()
        .filter(|entry| entry.serves(new.credentials) && entry.allows.covers(&new.allows))
    {
        entry.expires = entry.expires.min(new.expires);
    }
    let same = |entry: &Entry| entry.credentials == new.credentials && entry.allows == new.allows;
    match entries.iter().position(same) {
        Some(index) => entries[index].expires = new.expires,
        None if entries.len() < most => entries.push(new),
        None => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::HeaderList;
    use crate::origin::Origin;
    use crate::testing::{API, APP, Words, fetch_api, headers, origin, url};
    use crate::{http_redirect_fetch, main_fetch};

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn grant(methods: &[&str], names: &[&str], seconds: u64) -> PreflightGrant {
        PreflightGrant {
            methods: methods
                .iter()
                .map(|method| Method::exact(method).expect("a method"))
                .collect(),
            header_names: names
                .iter()
                .map(|name| HeaderName::parse(name).expect("a name"))
                .collect(),
            max_age: at(seconds),
        }
    }

    fn request(method: &str, credentials_mode: CredentialsMode, list: &[&str]) -> Request {
        let list: Vec<_> = list.iter().map(|name| (*name, "unsafe/value")).collect();
        Request {
            method: Method::exact(method).expect("a method"),
            credentials_mode,
            headers: headers(&list),
            ..fetch_api(APP, API)
        }
    }

    fn put() -> Request {
        request("PUT", CredentialsMode::Omit, &[])
    }

    fn stored(request: &Request, grant: &PreflightGrant) -> PreflightCache {
        let mut cache = PreflightCache::new(CacheSettings::default());
        cache.store(request, grant, at(0));
        cache
    }

    /// Methods and names granted; a request's method, headers (their value is safe in Accept only) and flag: does it match?
    const MATCHES: &[(Words, Words, &str, Words, bool, bool)] = &[
        (&["PUT"], &[], "PUT", &[], false, true),
        (&["PUT"], &[], "put", &[], false, false),
        (&["PUT"], &[], "DELETE", &[], false, false),
        (&["*"], &[], "DELETE", &[], false, true),
        (&[], &[], "GET", &[], false, true),
        (&[], &[], "GET", &[], true, false),
        (&["GET"], &[], "GET", &[], true, true),
        (&["*"], &[], "GET", &[], true, true),
        (&[], &["x-a"], "GET", &["x-a"], false, true),
        (&[], &["X-A"], "GET", &["x-A"], false, true),
        (&[], &["x-a"], "GET", &["x-b"], false, false),
        (&[], &["x-a"], "GET", &["x-a", "x-b"], false, false),
        (&[], &["x-a", "x-b"], "GET", &["x-b", "x-a"], false, true),
        (&[], &["*"], "GET", &["x-a"], false, true),
        (&[], &["*"], "GET", &["authorization"], false, false),
        (
            &[],
            &["*", "authorization"],
            "GET",
            &["authorization"],
            false,
            true,
        ),
        (&["PUT"], &["x-a"], "PUT", &["x-a"], false, true),
        (&["PUT"], &["x-a"], "PUT", &["x-b"], false, false),
        (&["PUT"], &[], "PUT", &["x-a"], false, false),
        (&[], &["x-a"], "PUT", &["x-a"], false, false),
        (&["x-a"], &["PUT"], "PUT", &["x-a"], false, false),
        (&["PUT"], &[], "PUT", &["accept"], false, true),
    ];

    #[test]
    fn every_method_and_unsafe_name_needs_an_entry() {
        for (methods, names, method, list, use_cors_preflight, expected) in MATCHES {
            let cache = stored(&put(), &grant(methods, names, 60));
            let request = Request {
                use_cors_preflight: *use_cors_preflight,
                ..request(method, CredentialsMode::Omit, list)
            };
            assert_eq!(
                cache.matches(&request, at(1)),
                *expected,
                "{methods:?} {names:?} {method} {list:?}"
            );
        }
    }

    #[test]
    fn an_entry_stored_with_credentials_serves_all_and_one_without_never_serves_include() {
        let modes = [
            CredentialsMode::Omit,
            CredentialsMode::SameOrigin,
            CredentialsMode::Include,
        ];
        for (stored_as, served) in [
            (CredentialsMode::Omit, [true, true, false]),
            (CredentialsMode::SameOrigin, [true, true, false]),
            (CredentialsMode::Include, [true, true, true]),
        ] {
            let cache = stored(
                &request("PUT", stored_as, &[]),
                &grant(&["PUT"], &["x-a"], 60),
            );
            let matches = modes.map(|mode| cache.matches(&request("PUT", mode, &["x-a"]), at(1)));
            assert_eq!(matches, served, "{stored_as}");
        }
    }

    #[test]
    fn partition_origin_and_url_must_be_equal() {
        let partition = |top| Some(NetworkPartitionKey::of_top_level(&origin(top)));
        let first = Request {
            network_partition_key: partition("https://top.test"),
            ..put()
        };
        let cache = stored(&first, &grant(&["PUT"], &[], 60));
        let with = |from: Origin, to: &str, network_partition_key| Request {
            method: Method::PUT,
            network_partition_key,
            ..Request::fetch_api(url(to), from)
        };
        assert!(cache.matches(&first, at(1)));
        for (from, to, top, expected) in [
            (APP, API, "https://top.test", true),
            (APP, API, "https://other.test", false),
            ("https://b.test", API, "https://top.test", false),
            (APP, "https://api.test/items/", "https://top.test", false),
            (APP, "https://api.test/items?q", "https://top.test", false),
            (APP, "http://api.test/items", "https://top.test", false),
        ] {
            let request = with(origin(from), to, partition(top));
            assert_eq!(
                cache.matches(&request, at(1)),
                expected,
                "{from} {to} {top}"
            );
        }
        assert!(!cache.matches(&with(origin(APP), API, None), at(1)));
    }

    /// The key holds the serialized origin: all that is `null` is one, as the text has it.
    #[test]
    fn null_origins_share_entries() {
        let from = |origin| Request {
            method: Method::PUT,
            ..Request::fetch_api(url(API), origin)
        };
        let cache = stored(&from(Origin::opaque()), &grant(&["PUT"], &[], 60));
        assert!(cache.matches(&from(Origin::opaque()), at(1)));
        assert!(!cache.matches(&put(), at(1)));
    }

    #[test]
    fn a_tainted_request_is_another_origin() {
        let mut request = put();
        main_fetch(&mut request).expect("a route");
        http_redirect_fetch(
            &mut request,
            307,
            &headers(&[("location", "https://b.test/")]),
        )
        .expect("a redirect");
        let direct = Request {
            method: Method::PUT,
            ..fetch_api(APP, "https://b.test/")
        };
        let cache = stored(&direct, &grant(&["PUT"], &[], 60));
        assert!(cache.matches(&direct, at(1)));
        assert!(!cache.matches(&request, at(1)));
    }

    #[test]
    fn entries_end_when_their_age_is_over() {
        for (max_age, cap, last, first_gone) in [
            (10, 86_400, 9, 10),
            (1, 86_400, 0, 1),
            (86_401, 86_400, 86_399, 86_400),
            (u64::MAX, 7_200, 7_199, 7_200),
        ] {
            let mut cache = PreflightCache::new(CacheSettings {
                max_age_cap: at(cap),
                ..CacheSettings::default()
            });
            cache.store(&put(), &grant(&["PUT"], &[], max_age), at(100));
            assert!(cache.matches(&put(), at(100 + last)), "{max_age}");
            assert!(!cache.matches(&put(), at(100 + first_gone)), "{max_age}");
        }
        assert!(!stored(&put(), &grant(&["PUT"], &[], 0)).matches(&put(), at(0)));
        let mut cache = PreflightCache::new(CacheSettings {
            max_age_cap: Duration::MAX,
            ..CacheSettings::default()
        });
        cache.store(
            &put(),
            &grant(&["PUT"], &[], u64::MAX),
            Duration::MAX - at(1),
        );
        assert!(cache.matches(&put(), Duration::MAX - at(1)));
    }

    #[test]
    fn a_renewal_counts_from_its_own_time() {
        let mut cache = stored(&put(), &grant(&["PUT"], &[], 10));
        cache.store(&put(), &grant(&["PUT"], &[], 10), at(8));
        assert!(cache.matches(&put(), at(17)));
        assert!(!cache.matches(&put(), at(18)));
        cache.store(&put(), &grant(&["PUT"], &[], 2), at(9));
        assert!(!cache.matches(&put(), at(11)));
        assert_eq!(cache.len(), 1);
    }

    /// Anomaly 5.
    #[test]
    fn anomaly_an_answer_without_credentials_does_not_prolong_one_with() {
        let with = request("PUT", CredentialsMode::Include, &[]);
        let mut cache = stored(&with, &grant(&["PUT"], &[], 10));
        cache.store(&put(), &grant(&["PUT"], &[], 100), at(5));
        assert!(cache.matches(&with, at(9)) && !cache.matches(&with, at(10)));
        assert!(cache.matches(&put(), at(104)) && !cache.matches(&put(), at(105)));
        cache.store(&with, &grant(&["PUT"], &[], 100), at(200));
        cache.store(&put(), &grant(&["PUT"], &[], 10), at(201));
        assert!(cache.matches(&with, at(210)) && !cache.matches(&with, at(211)));
    }

    /// Anomaly 5: by the letter, naming `PUT` alone would prolong `*`, and with it `DELETE`.
    #[test]
    fn anomaly_an_answer_prolongs_only_what_it_names() {
        let other = request("DELETE", CredentialsMode::Omit, &["x-b"]);
        let named = request("PUT", CredentialsMode::Omit, &["x-a"]);
        let mut cache = stored(&put(), &grant(&["*"], &["*"], 10));
        cache.store(&put(), &grant(&["PUT"], &["x-a"], 100), at(1));
        assert_eq!(cache.len(), 4);
        assert!(cache.matches(&other, at(9)) && !cache.matches(&other, at(10)));
        assert!(cache.matches(&named, at(100)) && !cache.matches(&named, at(101)));
        let mut cache = stored(&put(), &grant(&["*"], &["*"], 100));
        cache.store(&put(), &grant(&["PUT"], &["authorization"], 10), at(1));
        assert!(!cache.matches(&request("DELETE", CredentialsMode::Omit, &[]), at(11)));
        assert!(cache.matches(&request("GET", CredentialsMode::Omit, &["x-b"]), at(99)));
    }

    #[test]
    fn a_network_error_clears_what_it_was_about() {
        let include = request("PUT", CredentialsMode::Include, &[]);
        let elsewhere = Request {
            method: Method::PUT,
            ..fetch_api(APP, "https://api.test/other")
        };
        let mut cache = stored(&include, &grant(&["PUT"], &["x-a"], 60));
        cache.store(&elsewhere, &grant(&["PUT"], &[], 60), at(0));
        assert_eq!((cache.len(), cache.is_empty()), (3, false));
        cache.clear(&put());
        assert!(!cache.matches(&include, at(1)));
        assert!(cache.matches(&elsewhere, at(1)));
        cache.clear_all();
        assert!(!cache.matches(&elsewhere, at(1)));
        assert_eq!((cache.len(), cache.is_empty()), (0, true));
    }

    fn to(number: usize) -> Request {
        Request {
            method: Method::PUT,
            ..fetch_api(APP, &format!("https://api.test/{number}"))
        }
    }

    #[test]
    fn the_urls_stored_first_go_first() {
        let mut cache = PreflightCache::new(CacheSettings {
            max_urls: 3,
            ..CacheSettings::default()
        });
        for number in 0..5 {
            cache.store(&to(number), &grant(&["PUT"], &[], 60), at(0));
        }
        let kept: Vec<_> = (0..5)
            .filter(|&number| cache.matches(&to(number), at(1)))
            .collect();
        assert_eq!(kept, [2, 3, 4]);
        // Cleared and stored again, a URL is young again.
        cache.clear(&to(2));
        cache.store(&to(2), &grant(&["PUT"], &[], 60), at(0));
        cache.store(&to(5), &grant(&["PUT"], &[], 60), at(0));
        let kept: Vec<_> = (0..6)
            .filter(|&number| cache.matches(&to(number), at(1)))
            .collect();
        assert_eq!(kept, [2, 4, 5]);
    }

    #[test]
    fn nothing_grows_without_bound() {
        let settings = CacheSettings {
            max_urls: 4,
            max_entries_per_url: 3,
            ..CacheSettings::default()
        };
        let mut cache = PreflightCache::new(settings);
        let many: Vec<String> = (0..100).map(|number| format!("x-{number}")).collect();
        let many = grant(
            &["PUT"],
            &many.iter().map(String::as_str).collect::<Vec<_>>(),
            60,
        );
        for number in 0..100 {
            cache.store(&to(number % 7), &many, at(0));
            cache.clear(&to((number * 3) % 7));
            assert!(
                cache.len() <= 12 && cache.urls.len() <= 4 && cache.order.len() <= 9,
                "{}",
                cache.order.len()
            );
        }
        for _ in 0..100 {
            cache.clear(&to(0));
            cache.store(&to(0), &many, at(0));
            assert!(cache.order.len() <= 9, "{}", cache.order.len());
        }
        assert!(cache.matches(&to(0), at(1)));
    }

    #[test]
    fn numbers_of_cleared_urls_are_dropped_when_they_are_twice_the_limit() {
        let mut cache = PreflightCache::new(CacheSettings {
            max_urls: 4,
            ..CacheSettings::default()
        });
        let numbers: Vec<usize> = (0..10)
            .map(|_| {
                cache.clear(&to(0));
                cache.store(&to(0), &grant(&["PUT"], &[], 60), at(0));
                cache.order.len()
            })
            .collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 1, 2]);
        for number in 1..=4 {
            cache.store(&to(number), &grant(&["PUT"], &[], 60), at(0));
        }
        assert!(!cache.matches(&to(0), at(1)) && cache.matches(&to(1), at(1)));
    }

    #[test]
    fn expired_entries_make_room() {
        let settings = CacheSettings {
            max_entries_per_url: 1,
            ..CacheSettings::default()
        };
        let mut cache = PreflightCache::new(settings);
        cache.store(&put(), &grant(&["DELETE"], &[], 10), at(0));
        cache.store(&put(), &grant(&["PUT"], &[], 10), at(5));
        assert!(!cache.matches(&put(), at(6)));
        cache.store(&put(), &grant(&["PUT"], &[], 10), at(10));
        assert!(cache.matches(&put(), at(11)));
        assert_eq!(cache.len(), 1);
    }

    #[test]
    fn an_empty_cache_matches_what_needs_nothing() {
        let cache = PreflightCache::default();
        assert!(cache.matches(
            &Request {
                headers: HeaderList::new(),
                ..fetch_api(APP, API)
            },
            at(0)
        ));
        assert!(!cache.matches(&put(), at(0)));
        assert_eq!(CacheSettings::default().max_age_cap, at(86_400));
    }
}

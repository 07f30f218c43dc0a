//! What is asked, by whom and on which terms? The request of the standard, reduced to what credentials, CORS and connections
//! depend on.
//!
//! <https://fetch.spec.whatwg.org/#requests>

use crate::header::{HeaderList, HeaderValue};
use crate::keywords::keywords;
use crate::method::Method;
use crate::origin::{Origin, SerializedOrigin};
use crate::partition::NetworkPartitionKey;
use crate::readings::Readings;
use crate::url::{RequestUrl, UrlList};

keywords! {
    /// The [mode](https://fetch.spec.whatwg.org/#concept-request-mode) of a request.
    pub enum Mode {
        /// Another origin is an error.
        SameOrigin = "same-origin",
        /// Another origin must share its answer by the CORS protocol.
        Cors = "cors",
        /// Another origin's answer stays opaque: images, scripts and the like.
        NoCors = "no-cors",
        /// A navigation.
        Navigate = "navigate",
        /// A WebSocket's opening handshake.
        WebSocket = "websocket",
        /// A WebTransport session.
        WebTransport = "webtransport",
    }
}

keywords! {
    /// The [credentials mode](https://fetch.spec.whatwg.org/#concept-request-credentials-mode) of a request.
    pub enum CredentialsMode {
        /// No credentials are sent, none are taken from the answer.
        Omit = "omit",
        /// Credentials while the response tainting is `basic`.
        SameOrigin = "same-origin",
        /// Credentials on every hop.
        Include = "include",
    }
}

keywords! {
    /// The [redirect mode](https://fetch.spec.whatwg.org/#concept-request-redirect-mode) of a request.
    pub enum RedirectMode {
        /// Redirects are followed.
        Follow = "follow",
        /// A redirect is a network error.
        Error = "error",
        /// A redirect is handed back, opaque, or left to the navigation.
        Manual = "manual",
    }
}

keywords! {
    /// The [response tainting](https://fetch.spec.whatwg.org/#concept-request-response-tainting): how much of the answer the asker
    /// may see. [`main_fetch`](crate::main_fetch::main_fetch) decides it on each hop.
    pub enum ResponseTainting {
        /// All of it but the forbidden response headers.
        Basic = "basic",
        /// What the CORS protocol shares.
        Cors = "cors",
        /// Nothing.
        Opaque = "opaque",
    }
}

keywords! {
    /// The [redirect-taint](https://fetch.spec.whatwg.org/#concept-request-tainted-origin): how far redirects led away from the
    /// request's origin before they went on to yet another one.
    pub enum RedirectTaint {
        /// They did not.
        SameOrigin = "same-origin",
        /// To another origin of the same site.
        SameSite = "same-site",
        /// To another site.
        CrossSite = "cross-site",
    }
}

keywords! {
    /// The value of the client's [embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policy-value)
    /// (`Cross-Origin-Embedder-Policy`).
    pub enum EmbedderPolicy {
        /// No policy.
        UnsafeNone = "unsafe-none",
        /// `no-cors` requests to other origins go without credentials.
        Credentialless = "credentialless",
        /// `no-cors` answers must allow the embedding.
        RequireCorp = "require-corp",
    }
}

keywords! {
    /// The [referrer policy](https://w3c.github.io/webappsec-referrer-policy/#referrer-policy) of a request.
    pub enum ReferrerPolicy {
        /// None given; the client's policy would apply.
        Empty = "",
        /// No referrer.
        NoReferrer = "no-referrer",
        /// The full URL unless the step leads from HTTPS to HTTP.
        NoReferrerWhenDowngrade = "no-referrer-when-downgrade",
        /// The full URL within the origin only.
        SameOrigin = "same-origin",
        /// The origin.
        Origin = "origin",
        /// The origin, unless the step leads from HTTPS to HTTP.
        StrictOrigin = "strict-origin",
        /// The full URL within the origin, else the origin.
        OriginWhenCrossOrigin = "origin-when-cross-origin",
        /// The default: as the last, and nothing from HTTPS to HTTP.
        StrictOriginWhenCrossOrigin = "strict-origin-when-cross-origin",
        /// The full URL.
        UnsafeUrl = "unsafe-url",
    }
}

keywords! {
    /// The [destination](https://fetch.spec.whatwg.org/#concept-request-destination) of a request.
    pub enum Destination {
        /// `fetch()`, XMLHttpRequest, beacons, WebSockets and others without one.
        Empty = "",
        /// An audio element or worklet's media.
        Audio = "audio",
        /// An audio worklet.
        AudioWorklet = "audioworklet",
        /// A top-level document.
        Document = "document",
        /// An `embed` element.
        Embed = "embed",
        /// A font.
        Font = "font",
        /// A `frame` element.
        Frame = "frame",
        /// An `iframe` element.
        Iframe = "iframe",
        /// An image.
        Image = "image",
        /// A JSON module.
        Json = "json",
        /// A web app manifest.
        Manifest = "manifest",
        /// An `object` element.
        Object = "object",
        /// A paint worklet.
        PaintWorklet = "paintworklet",
        /// A report.
        Report = "report",
        /// A script.
        Script = "script",
        /// A service worker.
        ServiceWorker = "serviceworker",
        /// A shared worker.
        SharedWorker = "sharedworker",
        /// A style sheet.
        Style = "style",
        /// A `track` element.
        Track = "track",
        /// A video.
        Video = "video",
        /// Speculation rules.
        SpeculationRules = "speculationrules",
        /// A dedicated worker.
        Worker = "worker",
        /// An XSLT style sheet.
        Xslt = "xslt",
    }
}

keywords! {
    /// The [body](https://fetch.spec.whatwg.org/#concept-request-body), as far as it decides anything.
    pub enum Body {
        /// No body.
        None = "none",
        /// A body whose source is known, so that it can be sent again.
        Bytes = "bytes",
        /// A body whose source is null, a stream: it can be sent once.
        Stream = "stream",
    }
}

impl Body {
    /// Whether a request with this body can be sent a second time.
    #[must_use]
    pub const fn can_be_sent_again(self) -> bool {
        !matches!(self, Self::Stream)
    }
}

/// The [referrer](https://fetch.spec.whatwg.org/#concept-request-referrer) of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Referrer {
    /// `no-referrer`
    NoReferrer,
    /// `client`: whatever the client's URL is.
    #[default]
    Client,
    /// A URL.
    Url(RequestUrl),
}

keywords! {
    /// The [traversable for user prompts](https://fetch.spec.whatwg.org/#concept-request-window): is there a window in which the
    /// user may be asked for a password or a client certificate?
    pub enum TraversableForUserPrompts {
        /// There is none.
        NoTraversable = "no-traversable",
        /// There is one.
        Traversable = "traversable",
    }
}

/// A [request](https://fetch.spec.whatwg.org/#concept-request).
///
/// Cloning counts a few references, whatever the request's size. Fields that one of the algorithms maintains (URL list,
/// redirect count, response tainting) can only be read; the others are the caller's, with the standard's defaults.
///
/// ```
/// use bareflight_policy::{main_fetch, CredentialsMode, Method, Origin, Request, RequestUrl, Route};
///
/// let page = Origin::parse("https://app.test")?;
/// let mut request = Request::fetch_api(RequestUrl::parse("https://api.test/items")?, page);
/// request.method = Method::PUT;
/// request.credentials_mode = CredentialsMode::Include;
/// assert_eq!(main_fetch(&mut request)?, Route::CorsWithPreflight);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    /// The method; `GET` by default.
    pub method: Method,
    /// The header list; empty by default.
    pub headers: HeaderList,
    /// The body; none by default.
    pub body: Body,
    /// The mode; `no-cors` by default.
    pub mode: Mode,
    /// The credentials mode; `same-origin` by default.
    pub credentials_mode: CredentialsMode,
    /// The redirect mode; `follow` by default.
    pub redirect_mode: RedirectMode,
    /// The destination; empty by default.
    pub destination: Destination,
    /// The network partition key of the reserved client or the client; `None` by default, as without a client.
    pub network_partition_key: Option<NetworkPartitionKey>,
    /// The embedder policy of the client; `None` by default, as without a client.
    pub embedder_policy: Option<EmbedderPolicy>,
    /// The [use-CORS-preflight flag](https://fetch.spec.whatwg.org/#use-cors-preflight-flag): upload listeners and stream bodies
    /// set it.
    pub use_cors_preflight: bool,
    /// The [unsafe-request flag](https://fetch.spec.whatwg.org/#unsafe-request-flag): `fetch()` and XMLHttpRequest set it.
    pub unsafe_request: bool,
    /// The [use-URL-credentials flag](https://fetch.spec.whatwg.org/#concept-request-use-url-credentials-flag): XMLHttpRequest's
    /// `open()` with a user name sets it.
    pub use_url_credentials: bool,
    /// The referrer; `client` by default.
    pub referrer: Referrer,
    /// The referrer policy; empty by default.
    pub referrer_policy: ReferrerPolicy,
    /// Where the user may be asked; nowhere by default.
    pub traversable_for_user_prompts: TraversableForUserPrompts,
    /// How the places where the standard's text is in doubt are read.
    pub readings: Readings,
    pub(crate) origin: Origin,
    pub(crate) url_list: UrlList,
    pub(crate) redirect_count: u8,
    pub(crate) redirect_taint: RedirectTaint,
    pub(crate) response_tainting: ResponseTainting,
}

impl Request {
    /// A request with the standard's defaults.
    #[must_use]
    pub fn new(url: RequestUrl, origin: Origin) -> Self {
        Self {
            method: Method::GET,
            headers: HeaderList::new(),
            body: Body::None,
            mode: Mode::NoCors,
            credentials_mode: CredentialsMode::SameOrigin,
            redirect_mode: RedirectMode::Follow,
            destination: Destination::Empty,
            network_partition_key: None,
            embedder_policy: None,
            use_cors_preflight: false,
            unsafe_request: false,
            use_url_credentials: false,
            referrer: Referrer::Client,
            referrer_policy: ReferrerPolicy::Empty,
            traversable_for_user_prompts: TraversableForUserPrompts::NoTraversable,
            readings: Readings::default(),
            origin,
            url_list: UrlList::new(url),
            redirect_count: 0,
            redirect_taint: RedirectTaint::SameOrigin,
            response_tainting: ResponseTainting::Basic,
        }
    }

    /// A request as `fetch()` makes it ([`new Request`](https://fetch.spec.whatwg.org/#dom-request)): mode `cors`, unsafe-request
    /// flag set.
    #[must_use]
    pub fn fetch_api(url: RequestUrl, origin: Origin) -> Self {
        Self {
            mode: Mode::Cors,
            unsafe_request: true,
            ..Self::new(url, origin)
        }
    }

    /// A request as [establish a WebSocket connection](https://websockets.spec.whatwg.org/#concept-websocket-establish) makes it:
    /// `ws:` becomes `http:`, `wss:` becomes `https:`; mode `websocket`, credentials mode `include`, redirect mode `error`.
    #[must_use]
    pub fn websocket(url: RequestUrl, origin: Origin) -> Self {
        Self {
            mode: Mode::WebSocket,
            credentials_mode: CredentialsMode::Include,
            redirect_mode: RedirectMode::Error,
            referrer: Referrer::NoReferrer,
            ..Self::new(over_http(url), origin)
        }
    }

    /// A request as a top-level [navigation](https://html.spec.whatwg.org/multipage/browsing-the-web.html#create-navigation-params-by-fetching)
    /// makes it: mode `navigate`, credentials mode `include`, redirect mode `manual`. No page is above it: its reserved client's
    /// top-level creation URL is its own, and the network partition key follows it from redirect to redirect.
    #[must_use]
    pub fn navigation(url: RequestUrl, origin: Origin) -> Self {
        Self {
            mode: Mode::Navigate,
            credentials_mode: CredentialsMode::Include,
            redirect_mode: RedirectMode::Manual,
            destination: Destination::Document,
            network_partition_key: Some(NetworkPartitionKey::of_top_level(url.origin())),
            ..Self::new(url, origin)
        }
    }

    /// A request as the [WebTransport constructor](https://w3c.github.io/webtransport/#webtransport-constructor) makes it: mode
    /// `webtransport`, credentials mode `omit`, redirect mode `error`.
    #[must_use]
    pub fn webtransport(url: RequestUrl, origin: Origin) -> Self {
        Self {
            mode: Mode::WebTransport,
            credentials_mode: CredentialsMode::Omit,
            redirect_mode: RedirectMode::Error,
            referrer: Referrer::NoReferrer,
            ..Self::new(url, origin)
        }
    }

    /// The [origin](https://fetch.spec.whatwg.org/#concept-request-origin) on whose behalf the request is made.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The [URL list](https://fetch.spec.whatwg.org/#concept-request-url-list).
    #[must_use]
    pub fn url_list(&self) -> &UrlList {
        &self.url_list
    }

    /// The [current URL](https://fetch.spec.whatwg.org/#concept-request-current-url).
    #[must_use]
    pub fn current_url(&self) -> &RequestUrl {
        self.url_list.current()
    }

    /// The [redirect count](https://fetch.spec.whatwg.org/#concept-request-redirect-count): 0 to 20.
    #[must_use]
    pub fn redirect_count(&self) -> u8 {
        self.redirect_count
    }

    /// The [redirect-taint](https://fetch.spec.whatwg.org/#concept-request-tainted-origin) of the URL list.
    #[must_use]
    pub fn redirect_taint(&self) -> RedirectTaint {
        self.redirect_taint
    }

    /// The [response tainting](https://fetch.spec.whatwg.org/#concept-request-response-tainting) of the hop at hand, once
    /// [`main_fetch`](crate::main_fetch::main_fetch) decided it.
    #[must_use]
    pub fn response_tainting(&self) -> ResponseTainting {
        self.response_tainting
    }

    /// Whether the current URL is of the request's origin.
    #[must_use]
    pub fn is_same_origin(&self) -> bool {
        self.origin == *self.current_url().origin()
    }

    /// Appends a URL, and with it the pair of the redirect-taint's loop that ends there.
    pub(crate) fn append_url(&mut self, url: RequestUrl) {
        self.redirect_taint =
            self.redirect_taint
                .max(taint_of_step(&self.origin, self.current_url(), &url));
        self.url_list.push(url);
    }
}

/// One turn of the loop in [redirect-taint](https://fetch.spec.whatwg.org/#concept-request-tainted-origin). The whole is the
/// worst of its turns.
fn taint_of_step(origin: &Origin, last: &RequestUrl, url: &RequestUrl) -> RedirectTaint {
    let last = last.origin();
    if url.origin() == last || origin == last {
        RedirectTaint::SameOrigin
    } else if url.origin().is_same_site(last) || origin.is_same_site(last) {
        RedirectTaint::SameSite
    } else {
        RedirectTaint::CrossSite
    }
}

/// [Serializes a request origin](https://fetch.spec.whatwg.org/#serializing-a-request-origin): `null` once redirects left the
/// origin and went on to another one.
#[must_use]
pub fn serialize_request_origin(request: &Request) -> SerializedOrigin {
    match request.redirect_taint {
        RedirectTaint::SameOrigin => SerializedOrigin::of(&request.origin),
        RedirectTaint::SameSite | RedirectTaint::CrossSite => SerializedOrigin::null(),
    }
}

/// [Appends a request `Origin` header](https://fetch.spec.whatwg.org/#append-a-request-origin-header): what it says, if it is
/// sent at all.
#[must_use]
pub fn origin_header(request: &Request) -> Option<SerializedOrigin> {
    let explicit = request.response_tainting == ResponseTainting::Cors
        || matches!(request.mode, Mode::WebSocket | Mode::WebTransport);
    if explicit || (request.mode == Mode::Cors && !is_get_or_head(&request.method)) {
        return Some(serialize_request_origin(request));
    }
    if is_get_or_head(&request.method) {
        return None;
    }
    let target = request.current_url();
    let hidden = match request.referrer_policy {
        ReferrerPolicy::NoReferrer => true,
        ReferrerPolicy::NoReferrerWhenDowngrade
        | ReferrerPolicy::StrictOrigin
        | ReferrerPolicy::StrictOriginWhenCrossOrigin => {
            request.origin.scheme() == Some("https") && target.as_url().scheme() != "https"
        }
        ReferrerPolicy::SameOrigin => !request.is_same_origin(),
        ReferrerPolicy::Empty
        | ReferrerPolicy::Origin
        | ReferrerPolicy::OriginWhenCrossOrigin
        | ReferrerPolicy::UnsafeUrl => false,
    };
    Some(if hidden {
        SerializedOrigin::null()
    } else {
        serialize_request_origin(request)
    })
}

impl From<&SerializedOrigin> for HeaderValue {
    fn from(origin: &SerializedOrigin) -> Self {
        Self::from_valid(origin.as_str().to_owned())
    }
}

fn is_get_or_head(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

fn over_http(url: RequestUrl) -> RequestUrl {
    let scheme = match url.as_url().scheme() {
        "ws" => "http",
        "wss" => "https",
        _ => return url,
    };
    let mut http = url.as_url().clone();
    match http.set_scheme(scheme) {
        Ok(()) => http.into(),
        Err(()) => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{API, APP, fetch_api, origin, url};

    /// A request of `from` that went through `urls`.
    fn redirected(from: &str, urls: &[&str]) -> Request {
        let mut request = Request::new(url(urls[0]), origin(from));
        for next in &urls[1..] {
            request.append_url(url(next));
        }
        request
    }

    #[test]
    fn defaults_are_the_standards() {
        let request = Request::new(url(API), origin(APP));
        assert_eq!(request.method, Method::GET);
        assert_eq!(
            (request.mode, request.credentials_mode),
            (Mode::NoCors, CredentialsMode::SameOrigin)
        );
        assert_eq!(
            (request.redirect_mode, request.body),
            (RedirectMode::Follow, Body::None)
        );
        assert_eq!(request.response_tainting(), ResponseTainting::Basic);
        assert_eq!(
            (request.redirect_count(), request.redirect_taint()),
            (0, RedirectTaint::SameOrigin)
        );
        assert_eq!(
            (request.referrer.clone(), request.referrer_policy),
            (Referrer::Client, ReferrerPolicy::Empty)
        );
        assert_eq!(
            request.traversable_for_user_prompts,
            TraversableForUserPrompts::NoTraversable
        );
        assert!(
            !request.use_cors_preflight && !request.unsafe_request && !request.use_url_credentials
        );
        assert!(
            request.headers.is_empty()
                && request.network_partition_key.is_none()
                && request.embedder_policy.is_none()
        );
        assert_eq!(
            (request.origin(), request.current_url()),
            (&origin(APP), &url(API))
        );
        assert_eq!(request.url_list().first(), &url(API));
        let api = fetch_api(APP, API);
        assert_eq!((api.mode, api.unsafe_request), (Mode::Cors, true));
    }

    #[test]
    fn websocket_and_webtransport_requests_are_their_standards() {
        for (given, sent) in [
            ("wss://api.test/s", "https://api.test/s"),
            ("ws://api.test:8080/", "http://api.test:8080/"),
            ("https://api.test/", "https://api.test/"),
        ] {
            let request = Request::websocket(url(given), origin(APP));
            assert_eq!(request.current_url(), &url(sent));
            assert_eq!(
                (request.mode, request.credentials_mode),
                (Mode::WebSocket, CredentialsMode::Include)
            );
            assert_eq!(
                (request.redirect_mode, request.referrer),
                (RedirectMode::Error, Referrer::NoReferrer)
            );
        }
        let request = Request::webtransport(url(API), origin(APP));
        assert_eq!(
            (request.mode, request.credentials_mode),
            (Mode::WebTransport, CredentialsMode::Omit)
        );
        assert_eq!(
            (request.redirect_mode, request.referrer),
            (RedirectMode::Error, Referrer::NoReferrer)
        );
    }

    const A: &str = "https://app.test/a";
    const SUB: &str = "https://sub.app.test/";
    const B: &str = "https://b.test/";
    const C: &str = "https://c.test/";

    /// The URL list, the taint and what `Origin` says, for a request of `https://app.test`.
    const TAINTS: &[(&[&str], RedirectTaint, &str)] = &[
        (&[A], RedirectTaint::SameOrigin, APP),
        (&[B], RedirectTaint::SameOrigin, APP),
        (&[A, B], RedirectTaint::SameOrigin, APP),
        (&[A, A, B], RedirectTaint::SameOrigin, APP),
        (&[B, B], RedirectTaint::SameOrigin, APP),
        (&[B, C], RedirectTaint::CrossSite, "null"),
        (&[A, B, C], RedirectTaint::CrossSite, "null"),
        (&[A, B, A], RedirectTaint::CrossSite, "null"),
        (&[B, A], RedirectTaint::CrossSite, "null"),
        (&[B, A, A], RedirectTaint::CrossSite, "null"),
        (&[SUB, A], RedirectTaint::SameSite, "null"),
        (&[SUB, B], RedirectTaint::SameSite, "null"),
        (&[A, SUB, A], RedirectTaint::SameSite, "null"),
        (&[SUB, A, B, C], RedirectTaint::CrossSite, "null"),
        (&[B, C, SUB, A], RedirectTaint::CrossSite, "null"),
        (&[A, SUB], RedirectTaint::SameOrigin, APP),
        (
            &["https://x.b.test/", "https://y.b.test/"],
            RedirectTaint::SameSite,
            "null",
        ),
        (&["http://app.test/", A], RedirectTaint::CrossSite, "null"),
        (
            &["https://app.test:8443/", A],
            RedirectTaint::SameSite,
            "null",
        ),
    ];

    #[test]
    fn redirect_taint_makes_the_origin_null() {
        for (urls, taint, serialized) in TAINTS {
            let request = redirected(APP, urls);
            assert_eq!(request.redirect_taint(), *taint, "{urls:?}");
            assert_eq!(
                serialize_request_origin(&request).as_str(),
                *serialized,
                "{urls:?}"
            );
        }
        assert_eq!(
            serialize_request_origin(&redirected("null", &[A])).as_str(),
            "null"
        );
    }

    /// Method, mode, referrer policy.
    type Sent = (&'static str, Mode, ReferrerPolicy);

    /// What is sent, from, to: what `Origin` says after main fetch.
    const ORIGIN_HEADERS: &[(Sent, &str, &str, Option<&str>)] = &[
        (
            ("GET", Mode::Cors, ReferrerPolicy::Empty),
            APP,
            B,
            Some(APP),
        ),
        (
            ("HEAD", Mode::Cors, ReferrerPolicy::NoReferrer),
            APP,
            B,
            Some(APP),
        ),
        (("GET", Mode::Cors, ReferrerPolicy::Empty), APP, A, None),
        (
            ("POST", Mode::Cors, ReferrerPolicy::NoReferrer),
            APP,
            A,
            Some(APP),
        ),
        (
            ("GET", Mode::WebSocket, ReferrerPolicy::Empty),
            APP,
            A,
            Some(APP),
        ),
        (
            ("GET", Mode::WebTransport, ReferrerPolicy::NoReferrer),
            APP,
            B,
            Some(APP),
        ),
        (("GET", Mode::NoCors, ReferrerPolicy::Empty), APP, B, None),
        (("HEAD", Mode::NoCors, ReferrerPolicy::Empty), APP, B, None),
        (
            ("POST", Mode::NoCors, ReferrerPolicy::Empty),
            APP,
            B,
            Some(APP),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::NoReferrer),
            APP,
            B,
            Some("null"),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::SameOrigin),
            APP,
            B,
            Some("null"),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::SameOrigin),
            APP,
            A,
            Some(APP),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::StrictOrigin),
            APP,
            "http://b.test",
            Some("null"),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::StrictOrigin),
            APP,
            B,
            Some(APP),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::StrictOrigin),
            "http://a.test",
            "http://b.test",
            Some("http://a.test"),
        ),
        (
            (
                "POST",
                Mode::Navigate,
                ReferrerPolicy::NoReferrerWhenDowngrade,
            ),
            APP,
            "http://b.test",
            Some("null"),
        ),
        (
            (
                "POST",
                Mode::Navigate,
                ReferrerPolicy::StrictOriginWhenCrossOrigin,
            ),
            APP,
            "http://b.test",
            Some("null"),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::Origin),
            APP,
            "http://b.test",
            Some(APP),
        ),
        (
            (
                "POST",
                Mode::Navigate,
                ReferrerPolicy::OriginWhenCrossOrigin,
            ),
            APP,
            "http://b.test",
            Some(APP),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::UnsafeUrl),
            APP,
            "http://b.test",
            Some(APP),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::Empty),
            APP,
            "http://b.test",
            Some(APP),
        ),
        (
            ("POST", Mode::Navigate, ReferrerPolicy::Empty),
            "null",
            B,
            Some("null"),
        ),
    ];

    #[test]
    fn the_origin_header_is_sent_where_the_standard_says() {
        for ((method, mode, referrer_policy), from, to, expected) in ORIGIN_HEADERS {
            let method = Method::exact(method).expect("a method");
            let mut request = Request {
                method,
                mode: *mode,
                referrer_policy: *referrer_policy,
                ..Request::new(url(to), origin(from))
            };
            crate::main_fetch::main_fetch(&mut request).expect("a route");
            let header = origin_header(&request);
            let text = header.as_ref().map(SerializedOrigin::as_str);
            assert_eq!(
                text, *expected,
                "{} {mode} {referrer_policy} {from} {to}",
                request.method
            );
        }
    }

    #[test]
    fn a_serialized_origin_becomes_a_header_value() {
        assert_eq!(
            HeaderValue::from(&SerializedOrigin::of(&origin(APP))).as_bytes(),
            APP.as_bytes()
        );
    }

    #[test]
    fn keywords_read_back() {
        for mode in Mode::ALL {
            assert_eq!(Mode::from_keyword(mode.as_str()), Some(*mode));
            assert_eq!(mode.to_string(), mode.as_str());
        }
        for destination in Destination::ALL {
            assert_eq!(
                Destination::from_keyword(destination.as_str()),
                Some(*destination)
            );
        }
        assert_eq!(Mode::from_keyword("CORS"), None);
        assert_eq!(Destination::ALL.len(), 23);
    }

    #[test]
    fn only_a_stream_is_sent_once() {
        let again = Body::ALL.iter().map(|body| body.can_be_sent_again());
        assert_eq!(again.collect::<Vec<_>>(), [true, true, false]);
    }
}

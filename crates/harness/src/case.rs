//! A scenario made ready to run and to judge: each step with its requests as the policy sees them, hop by hop.

use std::cell::RefCell;
use std::rc::Rc;

use bareflight_policy::{
    CredentialsMode, Destination, HeaderList, HeaderName, HeaderValue, MainFetchError, Method,
    NetworkPartitionKey, Origin, PreflightGrant, Profile, Redirect, Request, RequestUrl, Route,
    TraversableForUserPrompts, check_preflight_response, cors_preflight_request,
    http_redirect_fetch, include_credentials, main_fetch,
};
use foldhash::HashMap;

use crate::log::Cause;
use crate::reply::{Asked, reply};
use crate::scenario::{
    Action, Body, Cors, Credentials, Exchange, Kind, Mode, Name, Scenario, Server, Target, Trust,
};

/// Redirects that a step can lead through before the standard stops it.
const HOPS: usize = 21;

/// A scenario made ready.
#[derive(Debug)]
pub struct Case<'s> {
    /// What it was made of.
    pub scenario: &'s Scenario,
    /// The profile of the user agent.
    pub profile: &'static Profile,
    hops: Vec<Hop>,
    /// For each step where its hops begin; one more at the end.
    starts: Vec<u32>,
    partitions: Vec<NetworkPartitionKey>,
}

/// One request of one step, as the policy sees it.
#[derive(Debug)]
pub struct Hop {
    /// The request, its response tainting decided.
    pub request: Request,
    /// The way that the standard lets it take.
    pub route: Result<Route, MainFetchError>,
    /// includeCredentials.
    pub include_credentials: bool,
    /// The identity that the user, or the step, chooses for its target: an index into the scenario's identities.
    pub identity: Option<u8>,
    /// Whether the step named it, so that the user is not asked.
    pub named: bool,
    /// The network partition key: an index into the case's.
    pub partition: u16,
    /// How the server's certificate is verified.
    pub trust: Trust,
    /// The name that it is asked for and verified by, if that is not its host.
    pub server_name: Option<Name>,
    /// The proxy that it goes through: an index into the scenario's servers.
    pub via: Option<u8>,
    /// Who makes the request.
    pub kind: Kind,
    /// The server that it goes to: an index into the scenario's servers.
    pub server: u8,
    /// `Host` or `:authority`.
    pub authority: Name,
    /// What its preflight came to with the server that was asked last.
    asked: Rc<RefCell<Option<Asking>>>,
}

/// What a preflight comes to.
#[derive(Clone, Debug)]
struct Asking {
    /// The rule of the server that was asked.
    cors: Cors,
    /// The status of its answer.
    status: u16,
    /// What the answer allows.
    grant: Option<Rc<PreflightGrant>>,
}

impl Hop {
    /// The status with which a server answers the preflight of this request, and what the answer allows.
    pub fn ask(&self, server: &Server) -> (u16, Option<Rc<PreflightGrant>>) {
        let mut asked = self.asked.borrow_mut();
        if let Some(known) = asked.as_ref().filter(|known| known.cors == server.cors) {
            return (known.status, known.grant.clone());
        }
        let preflight = cors_preflight_request(&self.request);
        let answer = reply(server, &Asked::of(&preflight));
        let grant = check_preflight_response(&self.request, answer.status, &answer.headers)
            .ok()
            .map(Rc::new);
        let known = asked.insert(Asking {
            cors: server.cors.clone(),
            status: answer.status,
            grant,
        });
        (known.status, known.grant.clone())
    }

    /// Whether the standard wants a preflight before it, unless the cache has an entry.
    pub fn needs_preflight(&self) -> bool {
        self.route == Ok(Route::CorsWithPreflight)
    }
}

/// What is the same from case to case, kept so that it is made once: URLs and origins.
#[derive(Debug, Default)]
pub struct Vocabulary {
    urls: HashMap<Target, RequestUrl>,
    origins: HashMap<Name, (Origin, NetworkPartitionKey)>,
    requests: HashMap<Exchange, Prepared>,
}

/// A request and what follows from it, whatever the world.
#[derive(Clone, Debug)]
struct Prepared {
    request: Request,
    route: Result<Route, MainFetchError>,
    include_credentials: bool,
    authority: Name,
    asked: Rc<RefCell<Option<Asking>>>,
}

impl Prepared {
    fn of(mut request: Request) -> Self {
        let route = main_fetch(&mut request);
        Self {
            route,
            include_credentials: include_credentials(&request),
            authority: authority(&request),
            asked: Rc::default(),
            request,
        }
    }
}

impl Vocabulary {
    /// Entries beyond which a table is emptied: hostile cases bring new names without end.
    const MOST: usize = 1 << 12;

    fn url(&mut self, target: &Target) -> RequestUrl {
        if let Some(url) = self.urls.get(target) {
            return url.clone();
        }
        if self.urls.len() >= Self::MOST {
            self.urls.clear();
        }
        let url = RequestUrl::parse(&target.to_url())
            .expect("fixup and the reader let only valid URLs through");
        self.urls.insert(target.clone(), url.clone());
        url
    }

    fn first_hop(&mut self, exchange: &Exchange) -> Prepared {
        if let Some(known) = self.requests.get(exchange) {
            return known.clone();
        }
        if self.requests.len() >= Self::MOST {
            self.requests.clear();
        }
        let hop = Prepared::of(first_request(exchange, self));
        self.requests.insert(exchange.clone(), hop.clone());
        hop
    }

    fn origin(&mut self, origin: &Name) -> (Origin, NetworkPartitionKey) {
        if let Some(known) = self.origins.get(origin) {
            return known.clone();
        }
        if self.origins.len() >= Self::MOST {
            self.origins.clear();
        }
        let parsed =
            Origin::parse(origin).expect("fixup and the reader let only valid origins through");
        let key = NetworkPartitionKey::of_top_level(&parsed);
        self.origins
            .insert(origin.clone(), (parsed.clone(), key.clone()));
        (parsed, key)
    }
}

impl<'s> Case<'s> {
    /// Makes a valid scenario ready, under its own profile.
    pub fn new(scenario: &'s Scenario, vocabulary: &mut Vocabulary) -> Self {
        let profile = Profile::from_name(&scenario.profile).unwrap_or_default();
        Self::under(profile, scenario, vocabulary)
    }

    /// Makes a valid scenario ready under another profile (a control that aborts is judged by the profile that allows
    /// it).
    pub fn under(
        profile: &'static Profile,
        scenario: &'s Scenario,
        vocabulary: &mut Vocabulary,
    ) -> Self {
        let mut case = Self {
            scenario,
            profile,
            hops: Vec::with_capacity(scenario.steps.len() + 2),
            starts: Vec::with_capacity(scenario.steps.len() + 1),
            partitions: Vec::with_capacity(4),
        };
        for step in &scenario.steps {
            case.starts
                .push(u32::try_from(case.hops.len()).unwrap_or(u32::MAX));
            if let Action::Exchange(exchange) = &step.action {
                case.chain(exchange, vocabulary);
            }
        }
        case.starts
            .push(u32::try_from(case.hops.len()).unwrap_or(u32::MAX));
        case
    }

    /// The request of a step after so many redirects; none if the step makes no request or is not led so far.
    pub fn hop(&self, step: u16, hop: u8) -> Option<&Hop> {
        let step = usize::from(step);
        let start = *self.starts.get(step)? as usize + usize::from(hop);
        let end = *self.starts.get(step + 1)? as usize;
        (start < end).then(|| &self.hops[start])
    }

    /// Whether a connection that is opened for a request sends small TLS records.
    pub fn sends_small_records(&self, cause: Cause) -> bool {
        let step = self.scenario.steps.get(usize::from(cause.step));
        matches!(step.map(|it| &it.action), Some(Action::Exchange(it)) if it.small_records)
    }

    /// The identity that the user chooses for a proxy, an index into the scenario's servers, if it asks.
    pub fn identity_for_proxy(&self, proxy: u8) -> Option<u8> {
        let host = self
            .scenario
            .servers
            .get(usize::from(proxy))?
            .hosts
            .first()?;
        let identities = &self.scenario.identities;
        let index = identities.iter().position(|it| it.hosts.contains(host))?;
        u8::try_from(index).ok()
    }

    /// The network partition key of a hop, in words.
    pub fn partition_name(&self, hop: &Hop) -> String {
        self.partitions
            .get(usize::from(hop.partition))
            .map_or_else(|| "none".to_owned(), ToString::to_string)
    }

    /// The first request of a step and those that its redirects lead to, as far as the servers' answers are known
    /// beforehand.
    fn chain(&mut self, exchange: &Exchange, vocabulary: &mut Vocabulary) {
        let mut next = Some(vocabulary.first_hop(exchange));
        for _ in 0..HOPS {
            let Some(Prepared {
                request,
                route,
                include_credentials,
                authority,
                asked,
            }) = next.take()
            else {
                return;
            };
            let target = self.target(&authority);
            let hop = Hop {
                route,
                include_credentials,
                identity: self.identity(exchange, &target),
                named: self.names(exchange, &target),
                partition: self.partition(&request),
                trust: exchange.trust,
                server_name: self.server_name(exchange, &target),
                via: exchange.via,
                kind: exchange.kind,
                server: target.server,
                authority,
                asked,
                request,
            };
            if hop.route.is_ok() && exchange.kind != Kind::Preconnect {
                next = self.redirected(&hop);
            }
            self.hops.push(hop);
        }
    }

    fn redirected(&self, hop: &Hop) -> Option<Prepared> {
        let server = &self.scenario.servers[usize::from(hop.server)];
        if server.redirects.is_empty() {
            return None;
        }
        let answer = reply(server, &Asked::of(&hop.request));
        let mut next = hop.request.clone();
        match http_redirect_fetch(&mut next, answer.status, &answer.headers) {
            Ok(Redirect::Followed) => {}
            Ok(Redirect::Deliver) | Err(_) => return None,
        }
        Some(Prepared::of(next))
    }

    fn target(&self, authority: &str) -> TargetOf {
        let (host, port) = host_and_port(authority);
        let (server, host) = self.scenario.server_of(host, port).unwrap_or((0, 0));
        TargetOf {
            server: u8::try_from(server).unwrap_or(0),
            host,
            port,
        }
    }

    /// The identity for a target: the step's own for the URL that the step names, else the first that is for the host.
    fn identity(&self, exchange: &Exchange, target: &TargetOf) -> Option<u8> {
        if self.names(exchange, target) {
            return exchange.identity;
        }
        let host = &self.scenario.servers[usize::from(target.server)].hosts[target.host];
        let index = self
            .scenario
            .identities
            .iter()
            .position(|identity| identity.hosts.contains(host))?;
        u8::try_from(index).ok()
    }

    /// Whether the step names the identity for this target.
    fn names(&self, exchange: &Exchange, target: &TargetOf) -> bool {
        exchange.identity.is_some() && self.asks_for(exchange, target)
    }

    /// The name that the step gives this target, in place of its own.
    fn server_name(&self, exchange: &Exchange, target: &TargetOf) -> Option<Name> {
        let name = exchange.server_name.clone();
        name.filter(|_| self.asks_for(exchange, target))
    }

    /// Whether this target is the one that the step asks for, rather than one that it is led to.
    fn asks_for(&self, exchange: &Exchange, target: &TargetOf) -> bool {
        let host = &self.scenario.servers[usize::from(target.server)].hosts[target.host];
        exchange.url.host == *host && exchange.url.port == target.port
    }

    /// A profile that does not partition has one partition for all.
    fn partition(&mut self, request: &Request) -> u16 {
        let Some(key) = request
            .network_partition_key
            .as_ref()
            .filter(|_| self.profile.connections_partitioned.value)
        else {
            return 0;
        };
        let index = self
            .partitions
            .iter()
            .position(|known| known == key)
            .unwrap_or_else(|| {
                self.partitions.push(key.clone());
                self.partitions.len() - 1
            });
        u16::try_from(index).unwrap_or(u16::MAX)
    }
}

struct TargetOf {
    server: u8,
    host: usize,
    port: u16,
}

/// `Host` or `:authority` of a request.
pub(crate) fn authority(request: &Request) -> Name {
    let origin = request.current_url().origin().as_str();
    Name::new(origin.strip_prefix("https://").unwrap_or(origin))
}

/// The host and the port of an authority under `https`.
pub(crate) fn host_and_port(authority: &str) -> (&str, u16) {
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(443)),
        None => (authority, 443),
    }
}

fn first_request(exchange: &Exchange, vocabulary: &mut Vocabulary) -> Request {
    let url = vocabulary.url(&exchange.url);
    let (origin, _) = vocabulary.origin(&exchange.from);
    let (_, partition) = vocabulary.origin(&exchange.top);
    let mut request = match exchange.kind {
        Kind::Fetch => fetch(exchange, url, origin),
        Kind::Websocket => Request::websocket(url, origin),
        Kind::Navigate => Request::navigation(url, origin),
        Kind::Image | Kind::Preconnect => subresource(exchange, url, origin),
    };
    request.network_partition_key = Some(partition);
    request.traversable_for_user_prompts = TraversableForUserPrompts::Traversable;
    request
}

fn fetch(exchange: &Exchange, url: RequestUrl, origin: Origin) -> Request {
    let mut request = Request::fetch_api(url, origin);
    request.method = Method::normalize(&exchange.method).unwrap_or(Method::GET);
    request.headers = headers(&exchange.headers);
    request.body = match exchange.body {
        Body::None => bareflight_policy::Body::None,
        Body::Bytes => bareflight_policy::Body::Bytes,
        Body::Stream => bareflight_policy::Body::Stream,
    };
    request.mode = match exchange.mode {
        Mode::Cors => bareflight_policy::Mode::Cors,
        Mode::NoCors => bareflight_policy::Mode::NoCors,
        Mode::SameOrigin => bareflight_policy::Mode::SameOrigin,
    };
    request.credentials_mode = credentials_mode(exchange.credentials);
    request.use_cors_preflight = exchange.upload_listener || exchange.body == Body::Stream;
    request
}

/// An element without a `crossorigin` attribute makes a *no-cors* request with credentials; `crossorigin=anonymous` is
/// *cors* and *same-origin*.
fn subresource(exchange: &Exchange, url: RequestUrl, origin: Origin) -> Request {
    let mut request = Request::new(url, origin);
    request.mode = match exchange.credentials {
        Credentials::Include => bareflight_policy::Mode::NoCors,
        _ => bareflight_policy::Mode::Cors,
    };
    request.credentials_mode = credentials_mode(exchange.credentials);
    request.destination = Destination::Image;
    request
}

fn credentials_mode(credentials: Credentials) -> CredentialsMode {
    match credentials {
        Credentials::Omit => CredentialsMode::Omit,
        Credentials::SameOrigin => CredentialsMode::SameOrigin,
        Credentials::Include => CredentialsMode::Include,
    }
}

fn headers(pairs: &[(Name, Name)]) -> HeaderList {
    let mut list = HeaderList::new();
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (
            HeaderName::parse(name),
            HeaderValue::parse(name, value.as_bytes()),
        ) {
            list.append(name, value);
        }
    }
    list
}

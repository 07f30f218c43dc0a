//! From choices to a scenario: small worlds, few names, many collisions; each case with some features switched off.
//!
//! *Swarm testing* (Groce et al., 2012): a case that may do everything does nothing often enough. Each case draws a
//! [`Swarm`] and uses only what it allows; histories without a destructive step are then as common as wild ones.

use super::{
    Action, AllowList, AllowOrigin, Alpn, Body, ClientCertificate, Cors, Credentials, Exchange,
    HostRule, Identity, Issuer, Kind, LateInHttp2, Mode, Name, Protected, Redirect, Scenario,
    Server, ServerCertificate, Setting, Step, Target, TlsVersions, Trust, WorldEvent,
};
use crate::scenario::Choose;

const HOSTS: [&str; 4] = ["api.test", "b.test", "img.api.test", "c.test"];
const ADDRESSES: [&str; 2] = ["192.0.2.1", "192.0.2.2"];
const ORIGINS: [&str; 4] = [
    "https://app.test",
    "https://shop.test",
    "https://api.test",
    "https://b.test",
];
const PROXY: &str = "proxy.test";
const PATHS: [&str; 3] = ["/a", "/b", "/go"];
const METHODS: [&str; 6] = ["GET", "PUT", "POST", "DELETE", "patch", "HEAD"];
const HEADERS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("content-type", "text/plain"),
    ("authorization", "Bearer t"),
    ("x-a", "1"),
    ("accept", "text/html"),
    ("range", "bytes=0-9"),
];
pub(super) const OVERLAPS: [u8; 4] = [0, 1, 2, 3];
const PROFILES: [&str; 4] = [
    "abort-on-request",
    "firefox-allow-client-cert",
    "firefox",
    "chromium",
];

/// Which features a case may use: one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swarm(u64);

/// One feature of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Feature {
    SecondServer,
    SecondHost,
    HostRules,
    Addresses,
    Issuers,
    SecondPort,
    Redirects,
    Request,
    Require,
    Late,
    OldTls,
    H2,
    NoTickets,
    EarlyData,
    Untrusted,
    Partitions,
    Identities,
    OwnIdentity,
    BorrowedCertificate,
    Declines,
    Insecure,
    ServerNames,
    Proxies,
    SmallRecords,
    CorsRefusals,
    MaxAge,
    Profiles,
    Unsafe,
    Omit,
    SameOrigin,
    Images,
    Navigations,
    Sockets,
    Preconnect,
    Overlap,
    Time,
    Close,
    Restart,
    ChangeMode,
    Logout,
    Renew,
    NetworkChange,
}

impl Swarm {
    /// Everything.
    pub const ALL: Self = Self(u64::MAX);

    /// Each feature in half of the cases; what makes connections authenticated in most.
    pub fn draw(from: &mut impl Choose) -> Self {
        let mut bits = 0;
        for word in 0..4 {
            bits |= (from.below(1 << 16) as u64) << (16 * word);
        }
        if from.chance(3, 4) {
            bits |= 1 << Feature::Request as u8 | 1 << Feature::Unsafe as u8;
        }
        if from.chance(1, 2) {
            bits &= !(u64::MAX << Feature::Time as u8);
        }
        if from.chance(1, 2) {
            bits &= !(1 << Feature::CorsRefusals as u8 | 1 << Feature::Untrusted as u8);
        }
        if from.chance(3, 4) {
            bits &= !(1 << Feature::Profiles as u8);
        }
        Self(bits)
    }

    fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u8) != 0
    }
}

impl Scenario {
    /// Makes a scenario of at most `most_steps` steps; always valid.
    pub fn generate(from: &mut impl Choose, most_steps: usize) -> Self {
        let swarm = Swarm::draw(from);
        let mut scenario = world(from, swarm);
        let steps = 1 + from.below(most_steps.max(1));
        while scenario.steps.len() < steps {
            let step = next_step(from, swarm, &scenario);
            scenario.steps.push(step);
        }
        scenario.fixup();
        scenario
    }
}

impl<'a> arbitrary::Arbitrary<'a> for Scenario {
    fn arbitrary(bytes: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self::generate(bytes, 12))
    }
}

fn world(from: &mut impl Choose, swarm: Swarm) -> Scenario {
    let mut scenario = Scenario {
        servers: vec![server(from, swarm, 0)],
        ..Scenario::default()
    };
    if swarm.has(Feature::SecondServer) {
        scenario.servers.push(server(from, swarm, 1));
    }
    if swarm.has(Feature::Redirects) {
        for index in 0..scenario.servers.len() {
            // It seldom leads in a circle: twenty hops of nothing new cost as much as ten scenarios.
            let mut to = target(from, &scenario);
            if to.path == "/go" && !from.chance(1, 16) {
                to.path = Name::const_new("/a");
            }
            let redirect = Redirect {
                path: Name::const_new("/go"),
                to,
                status: *from.pick(&[302, 307, 303, 308, 301]),
            };
            scenario.servers[index].redirects.push(redirect);
        }
    }
    if swarm.has(Feature::Proxies) {
        scenario.servers.push(proxy(from, swarm));
    }
    // Names that differ in case alone are names of two.
    let other = *from.pick(&["bob", "bob", "bob", "ALICE"]);
    let names = [Name::const_new("alice"), Name::const_new(other)];
    let held = if swarm.has(Feature::Identities) { 2 } else { 1 };
    for name in names.into_iter().take(held) {
        let mut hosts: Vec<Name> = HOSTS
            .iter()
            .chain(&ADDRESSES)
            .filter(|_| from.chance(3, 4))
            .map(|host| Name::const_new(host))
            .collect();
        if swarm.has(Feature::Proxies) && from.chance(1, 3) {
            hosts.push(Name::const_new(PROXY));
        }
        let mut identity = Identity::new(name, hosts);
        if swarm.has(Feature::Issuers) && from.chance(1, 8) {
            identity.issuer = Issuer::Staff;
        }
        if swarm.has(Feature::Time) && from.chance(1, 4) {
            identity.intermediate_lifetime = Some(*from.pick(&[20, 200]));
        }
        let first = scenario.identities.first();
        let first = first.filter(|_| swarm.has(Feature::BorrowedCertificate));
        if let Some(first) = first.filter(|_| from.chance(1, 2)) {
            identity = identity.borrowing(0, first);
        }
        scenario.identities.push(identity);
    }
    if swarm.has(Feature::Profiles) {
        scenario.profile = word(from, &PROFILES);
    }
    scenario
}

fn server(from: &mut impl Choose, swarm: Swarm, index: usize) -> Server {
    let mut server = Server {
        name: Name::const_new(["api", "b"][index]),
        hosts: vec![Name::const_new(HOSTS[index])],
        client_certificate: mode(from, swarm),
        protected: protected(from, swarm),
        ..Server::default()
    };
    if swarm.has(Feature::SecondHost) && index == 0 {
        server.hosts.push(Name::const_new(HOSTS[2]));
    }
    if swarm.has(Feature::HostRules) && server.hosts.len() > 1 {
        let host = server.hosts[1].clone();
        // Files spell names as they like, and say things twice.
        if from.chance(1, 3) {
            server.host_rules.push(HostRule {
                host: host.to_ascii_uppercase(),
                client_certificate: *from.pick(&HOST_RULES),
            });
        }
        if server.host_rules.is_empty() || from.chance(1, 2) {
            server.host_rules.push(HostRule {
                host,
                client_certificate: *from.pick(&HOST_RULES),
            });
        }
    }
    if swarm.has(Feature::Addresses) && from.chance(1, 2) {
        server.hosts.push(Name::const_new(ADDRESSES[index]));
    }
    if swarm.has(Feature::Issuers) && from.chance(1, 8) {
        server.accepts = Issuer::Staff;
    }
    if swarm.has(Feature::SecondPort) && index == 1 && from.chance(1, 2) {
        // Two servers of one name, which the port tells apart.
        server.hosts[0] = Name::const_new(HOSTS[0]);
        server.ports = vec![9443];
    } else if swarm.has(Feature::SecondPort) {
        server.ports.push(8443);
    }
    server.tls = tls(from, swarm);
    if swarm.has(Feature::H2) {
        server.alpn = *from.pick(&[Alpn::Both, Alpn::H2, Alpn::Http1]);
    }
    server.tickets = !swarm.has(Feature::NoTickets) || from.chance(1, 2);
    if swarm.has(Feature::Time) {
        server.ticket_lifetime = *from.pick(&[7_200, 60]);
    }
    server.early_data = swarm.has(Feature::EarlyData) && from.chance(1, 2);
    if swarm.has(Feature::Untrusted) && from.chance(1, 4) {
        server.certificate = ServerCertificate::Untrusted;
    }
    server.cors = cors(from, swarm);
    server
}

/// What only digs tunnels: nobody asks it for pages.
fn proxy(from: &mut impl Choose, swarm: Swarm) -> Server {
    Server {
        name: Name::const_new("proxy"),
        hosts: vec![Name::const_new(PROXY)],
        client_certificate: mode(from, swarm),
        tls: tls(from, swarm),
        proxy: true,
        ..Server::default()
    }
}

fn tls(from: &mut impl Choose, swarm: Swarm) -> TlsVersions {
    if swarm.has(Feature::OldTls) {
        versions(from)
    } else {
        TlsVersions::default()
    }
}

fn versions(from: &mut impl Choose) -> TlsVersions {
    *from.pick(&[
        TlsVersions::Both,
        TlsVersions::Tls12,
        TlsVersions::Tls13,
        TlsVersions::Tls12,
    ])
}

fn mode(from: &mut impl Choose, swarm: Swarm) -> ClientCertificate {
    let request = if swarm.has(Feature::Request) {
        ClientCertificate::Request
    } else {
        ClientCertificate::None
    };
    let require = if swarm.has(Feature::Require) {
        ClientCertificate::Require
    } else {
        request
    };
    if swarm.has(Feature::Late) && from.chance(1, 3) {
        return *from.pick(&[
            ClientCertificate::Renegotiate,
            ClientCertificate::PostHandshake,
        ]);
    }
    *from.pick(&[request, request, require, ClientCertificate::None])
}

const HOST_RULES: [ClientCertificate; 3] = [
    ClientCertificate::Require,
    ClientCertificate::Request,
    ClientCertificate::None,
];

fn protected(from: &mut impl Choose, swarm: Swarm) -> Protected {
    let mut protected = Protected::default();
    if swarm.has(Feature::Late) {
        protected.paths = vec![word(from, &["/", "/b"])];
        protected.preflights = from.chance(1, 2);
        protected.in_http2 = *from.pick(&[LateInHttp2::SendAway, LateInHttp2::Ask]);
    }
    protected
}

fn cors(from: &mut impl Choose, swarm: Swarm) -> Cors {
    let mut cors = Cors::default();
    if swarm.has(Feature::MaxAge) {
        cors.max_age = *from.pick(&[Some(600), Some(0), None]);
    }
    if swarm.has(Feature::CorsRefusals) {
        match from.below(8) {
            0 => cors.allow_origin = AllowOrigin::Absent,
            1 => cors.allow_origin = AllowOrigin::Exactly(Name::const_new("*")),
            2 => cors.allow_credentials = false,
            3 => cors.allow_methods = AllowList::Exactly(vec![Name::const_new("*")]),
            4 => cors.allow_headers = AllowList::Exactly(vec![Name::const_new("x-a")]),
            5 => cors.preflight_status = *from.pick(&[403, 302, 500]),
            _ => {}
        }
    }
    cors
}

fn next_step(from: &mut impl Choose, swarm: Swarm, scenario: &Scenario) -> Step {
    let any_event = swarm.0 >> Feature::Time as u8 != 0;
    if any_event && from.chance(1, 5) {
        return Action::Event(event(from, swarm, scenario)).into();
    }
    let earlier: Vec<&Exchange> = scenario.exchanges().collect();
    // What a server that changed makes of a session shows in the next visit, and what that visit leaves behind in the one
    // after it.
    if let Some(changed) = changed_lately(scenario)
        && let Some(last) = earlier
            .iter()
            .rfind(|it| changed.hosts.contains(&it.url.host))
        && from.chance(3, 4)
    {
        return Action::Exchange(Box::new((*last).clone())).into();
    }
    // Half of the requests repeat an earlier one but for a detail: that is where pools and caches are asked.
    let exchange = if !earlier.is_empty() && from.chance(1, 2) {
        let mut exchange = (*from.pick(&earlier)).clone();
        // What an event has changed shows when the same is asked again.
        let last = scenario.steps.last().map(|step| &step.action);
        if !matches!(last, Some(Action::Event(_))) || from.chance(1, 2) {
            vary(from, swarm, scenario, &mut exchange);
        }
        exchange
    } else {
        exchange(from, swarm, scenario)
    };
    let declines = exchange.declines || earlier.iter().any(|exchange| exchange.declines);
    let mut step = Step::from(Action::Exchange(Box::new(exchange)));
    if swarm.has(Feature::Overlap) && !declines && from.chance(1, 3) {
        step.overlap = Some(*from.pick(&OVERLAPS));
    }
    step
}

/// The server that changed at most two steps ago.
fn changed_lately(scenario: &Scenario) -> Option<&Server> {
    let changed = scenario
        .steps
        .iter()
        .rev()
        .take(2)
        .find_map(|step| match step.action {
            Action::Event(
                WorldEvent::ChangeMode { server, .. } | WorldEvent::Reload { server, .. },
            ) => Some(server),
            _ => None,
        });
    scenario.servers.get(usize::from(changed?))
}

pub(super) fn exchange(from: &mut impl Choose, swarm: Swarm, scenario: &Scenario) -> Exchange {
    let kinds = [
        (Feature::Images, Kind::Image),
        (Feature::Navigations, Kind::Navigate),
        (Feature::Sockets, Kind::Websocket),
        (Feature::Preconnect, Kind::Preconnect),
    ];
    let (feature, kind) = *from.pick(&kinds);
    let mut exchange = Exchange {
        kind: if swarm.has(feature) && from.chance(1, 4) {
            kind
        } else {
            Kind::Fetch
        },
        url: target(from, scenario),
        credentials: Credentials::Include,
        ..Exchange::default()
    };
    for field in 0..FIELDS {
        if from.chance(1, 2) {
            vary_field(from, swarm, scenario, &mut exchange, field);
        }
    }
    exchange
}

const FIELDS: usize = 12;
const CREDENTIALS: usize = 2;

/// Changes one field of an exchange.
pub(super) fn vary(
    from: &mut impl Choose,
    swarm: Swarm,
    scenario: &Scenario,
    exchange: &mut Exchange,
) {
    // Two requests that differ in their credentials alone are what all of this is about.
    let field = if from.chance(1, 6) {
        CREDENTIALS
    } else {
        from.below(FIELDS)
    };
    vary_field(from, swarm, scenario, exchange, field);
}

fn vary_field(
    from: &mut impl Choose,
    swarm: Swarm,
    scenario: &Scenario,
    exchange: &mut Exchange,
    field: usize,
) {
    match field {
        0 => exchange.url = target(from, scenario),
        1 if swarm.has(Feature::Unsafe) => exchange.method = word(from, &METHODS),
        CREDENTIALS => exchange.credentials = credentials(from, swarm),
        3 if swarm.has(Feature::Unsafe) => {
            let (name, value) = *from.pick(&HEADERS);
            exchange.headers.clear();
            exchange
                .headers
                .push((Name::const_new(name), Name::const_new(value)));
        }
        4 if swarm.has(Feature::Partitions) => exchange.top = word(from, &ORIGINS),
        5 => {
            // A page asks its own server more often than chance would have it, and then with the default credentials.
            if from.chance(1, 3) {
                exchange.from = own_origin(&exchange.url);
                if swarm.has(Feature::SameOrigin) {
                    exchange.credentials = Credentials::SameOrigin;
                }
            } else {
                exchange.from = word(from, &ORIGINS);
            }
            if !swarm.has(Feature::Partitions) {
                exchange.top = exchange.from.clone();
            }
        }
        6 if swarm.has(Feature::OwnIdentity) => {
            exchange.identity = *from.pick(&[None, Some(0), Some(1)]);
        }
        7 if swarm.has(Feature::Declines) && !overlap(scenario) => {
            exchange.declines = from.chance(1, 2);
        }
        8 if swarm.has(Feature::Insecure) => {
            exchange.trust = *from.pick(&[Trust::Verify, Trust::Insecure]);
        }
        9 if swarm.has(Feature::ServerNames) => {
            // As often as not one that the certificate covers.
            exchange.server_name = match from.below(4) {
                0 => Some(target(from, scenario).host),
                1 => Some(word(from, &HOSTS)),
                _ => None,
            };
        }
        10 if swarm.has(Feature::Proxies) => exchange.via = via(from, scenario),
        11 if swarm.has(Feature::SmallRecords) && from.chance(1, 3) => {
            exchange.small_records = !exchange.small_records;
        }
        11 => match from.below(6) {
            0 => exchange.mode = Mode::NoCors,
            1 => exchange.mode = Mode::SameOrigin,
            2 => exchange.body = Body::Bytes,
            3 if swarm.has(Feature::Unsafe) => exchange.body = Body::Stream,
            4 if swarm.has(Feature::Unsafe) => exchange.upload_listener = true,
            _ => exchange.mode = Mode::Cors,
        },
        _ => {}
    }
}

/// Where steps overlap, no user declines.
fn overlap(scenario: &Scenario) -> bool {
    scenario.steps.iter().any(|step| step.overlap.is_some())
}

fn via(from: &mut impl Choose, scenario: &Scenario) -> Option<u8> {
    let proxy = scenario.servers.iter().position(|server| server.proxy)?;
    u8::try_from(proxy).ok().filter(|_| from.chance(3, 4))
}

fn credentials(from: &mut impl Choose, swarm: Swarm) -> Credentials {
    match from.below(4) {
        0 if swarm.has(Feature::Omit) => Credentials::Omit,
        1 if swarm.has(Feature::SameOrigin) => Credentials::SameOrigin,
        _ => Credentials::Include,
    }
}

/// The origin of a URL.
fn own_origin(url: &Target) -> Name {
    match url.port {
        443 => Name::from(format!("https://{}", url.host)),
        port => Name::from(format!("https://{}:{port}", url.host)),
    }
}

fn word(from: &mut impl Choose, words: &[&'static str]) -> Name {
    Name::const_new(words[from.below(words.len())])
}

fn target(from: &mut impl Choose, scenario: &Scenario) -> Target {
    // Nobody asks a proxy, which comes last, for pages.
    let servers = &scenario.servers;
    let origins = servers.iter().position(|server| server.proxy);
    let server = from.pick(&servers[..origins.unwrap_or(servers.len()).max(1)]);
    Target {
        host: from.pick(&server.hosts).clone(),
        port: *from.pick(&server.ports),
        path: match server.redirects.first() {
            Some(redirect) if from.chance(1, 3) => redirect.path.clone(),
            _ => word(from, &PATHS),
        },
    }
}

pub(super) fn event(from: &mut impl Choose, swarm: Swarm, scenario: &Scenario) -> WorldEvent {
    let server = u8::try_from(from.below(scenario.servers.len())).unwrap_or(0);
    match from.below(12) {
        // A connection that closes is the usual reason to resume a session.
        0 | 8 | 9 if swarm.has(Feature::Close) => WorldEvent::Close { server },
        1 if swarm.has(Feature::Restart) => WorldEvent::Restart { server },
        2 if swarm.has(Feature::Restart) => WorldEvent::RotateTicketKeys { server },
        3 if swarm.has(Feature::ChangeMode) => WorldEvent::ChangeMode {
            server,
            client_certificate: mode(from, Swarm::ALL),
        },
        // Sessions that are kept are what resumption is judged by.
        7 | 10 | 11 if swarm.has(Feature::ChangeMode) => WorldEvent::Reload {
            server,
            setting: setting(from, swarm),
        },
        4 if swarm.has(Feature::Logout) => WorldEvent::Logout,
        5 if swarm.has(Feature::Renew) => WorldEvent::Renew {
            identity: u8::try_from(from.below(2)).unwrap_or(0),
        },
        6 if swarm.has(Feature::NetworkChange) => WorldEvent::NetworkChange,
        _ => WorldEvent::Time {
            seconds: *from.pick(&[1, 30, 100, 700, 8_000]),
        },
    }
}

/// What a reload changes. What insists or switches off is what a server must look at again.
fn setting(from: &mut impl Choose, swarm: Swarm) -> Setting {
    match from.below(6) {
        0 => Setting::Tickets(from.chance(1, 4)),
        1 => Setting::Accepts(*from.pick(&[Issuer::Staff, Issuer::Staff, Issuer::Users])),
        2 if swarm.has(Feature::OldTls) => Setting::Tls(versions(from)),
        3 | 4 => Setting::ClientCertificate(ClientCertificate::Require),
        _ => Setting::ClientCertificate(*from.pick(&HOST_RULES)),
    }
}

impl Scenario {
    /// The requests among the steps.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Exchange(exchange) => Some(&**exchange),
            Action::Event(_) => None,
        })
    }
}

/// Another certificate for one identity: its own, or the first one's.
pub(super) fn vary_identity(identity: &mut Identity) {
    identity.certificate_of = match identity.certificate_of {
        None => Some(0),
        Some(_) => None,
    };
}

/// Another value for one field of one server.
pub(super) fn vary_server(from: &mut impl Choose, swarm: Swarm, server: &mut Server) {
    match from.below(10) {
        8 => server.accepts = *from.pick(&[Issuer::Users, Issuer::Staff]),
        0 | 1 => {
            server.client_certificate = mode(from, swarm);
            server.protected = protected(from, swarm);
        }
        2 => server.tls = versions(from),
        3 => server.alpn = *from.pick(&[Alpn::Http1, Alpn::Both, Alpn::H2]),
        4 => server.tickets = !server.tickets,
        5 => server.cors = cors(from, swarm),
        6 => server.ticket_lifetime = *from.pick(&[7_200, 60, 1]),
        7 => server.early_data = !server.early_data,
        _ => {
            server.certificate =
                *from.pick(&[ServerCertificate::Trusted, ServerCertificate::Untrusted]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::is_address;

    /// Every word of the vocabulary occurs in a few thousand cases; what never occurs is never tested.
    #[test]
    fn every_feature_is_reached() {
        let mut seen = BTreeSet::new();
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..3_000 {
            let scenario = Scenario::generate(&mut rng, 12);
            seen.insert(format!("profile {}", scenario.profile));
            for server in &scenario.servers {
                seen.insert(format!("{:?}", server.client_certificate));
                for it in &server.host_rules {
                    seen.insert(format!("host rule {:?}", it.client_certificate));
                }
                seen.insert(format!("protected {:?}", server.protected));
                seen.insert(format!("{:?}", server.tls));
                seen.insert(format!("{:?}", server.certificate));
                seen.insert(format!("alpn {:?}", server.alpn));
                seen.insert(format!("tickets {}", server.tickets));
                seen.insert(format!("early data {}", server.early_data));
                seen.insert(format!("accepts {:?}", server.accepts));
                for host in server.hosts.iter().filter(|host| is_address(host)) {
                    seen.insert(format!("address {host}"));
                }
            }
            for identity in &scenario.identities {
                seen.insert(format!("issuer {:?}", identity.issuer));
                seen.insert(format!("intermediate {:?}", identity.intermediate_lifetime));
            }
            for it in &scenario.identities {
                seen.insert(format!("certificate of {:?}", it.certificate_of));
            }
            for step in &scenario.steps {
                match &step.action {
                    Action::Exchange(exchange) => {
                        seen.insert(format!("{:?}", exchange.kind));
                        seen.insert(format!("mode {:?}", exchange.mode));
                        seen.insert(format!("{:?}", exchange.credentials));
                        seen.insert(format!("body {:?}", exchange.body));
                        seen.insert(format!("trust {:?}", exchange.trust));
                        seen.insert(format!("own identity {}", exchange.identity.is_some()));
                        seen.insert(format!("via {}", exchange.via.is_some()));
                        seen.insert(format!("small records {}", exchange.small_records));
                        seen.insert(format!("declines {}", exchange.declines));
                        seen.insert(format!("server name {}", exchange.server_name.is_some()));
                        seen.insert(format!("overlap {}", step.overlap.is_some()));
                    }
                    Action::Event(event) => {
                        if let WorldEvent::Reload { setting, .. } = event {
                            seen.insert(format!("reload {setting:?}"));
                        }
                        seen.insert(event.name().to_owned());
                    }
                }
            }
        }
        let wanted = 5
            + 5
            + 3
            + 8
            + 3
            + 2
            + 3
            + 2
            + 2
            + 2
            + 2
            + 3
            + 2
            + 5
            + 3
            + 3
            + 3
            + 2
            + 2
            + 2
            + 2
            + 2
            + 2
            + 2
            + 2
            + 9
            + (3 + 2 + 2 + 3);
        assert_eq!(seen.len(), wanted, "{seen:#?}");
    }

    #[test]
    fn a_generated_case_is_valid_in_both_forms() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..500 {
            let scenario = Scenario::generate(&mut rng, 12);
            let mut fixed = scenario.clone();
            fixed.fixup();
            assert_eq!(fixed, scenario, "fixup leaves a valid scenario alone");
            assert_eq!(
                Scenario::from_bytes(&scenario.to_bytes()).unwrap(),
                scenario
            );
            let text = scenario.to_toml();
            assert_eq!(Scenario::from_toml(&text).unwrap(), scenario, "{text}");
        }
    }
}

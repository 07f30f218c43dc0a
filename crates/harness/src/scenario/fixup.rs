//! One total function that makes every decoded case valid, so that nothing behind it has to ask.

use core::net::Ipv4Addr;

use bareflight_policy::{Method, is_no_cors_safelisted_request_header};
use url::Url;

use super::text::{is_token, is_value, may_set};
use super::{
    Action, AllowList, AllowOrigin, Alpn, Body, ClientCertificate, Credentials, Exchange,
    ExpectedClient, ExpectedOutcome, Identity, InForce, Kind, Limits, Mode, Name, Scenario, Server,
    Setting, Step, Target, WorldEvent,
};

impl Scenario {
    /// Makes the scenario valid: limits hold, names are unique and well formed, every index and every URL leads to
    /// something that exists. A valid scenario is left as it is.
    pub fn fixup(&mut self) {
        cut(&mut self.title, Limits::TITLE);
        if bareflight_policy::Profile::from_name(&self.profile).is_none() {
            self.profile = Self::DEFAULT_PROFILE;
        }
        self.fixup_servers();
        self.fixup_identities();
        self.fixup_redirects();
        self.steps.truncate(Limits::STEPS);
        let mut steps = core::mem::take(&mut self.steps);
        for step in &mut steps {
            self.fixup_step(step);
        }
        self.steps = steps;
        // Of several who ask the user at once, the first to be answered would be a matter of luck.
        if self.exchanges().any(|exchange| exchange.declines) {
            for step in &mut self.steps {
                step.overlap = None;
            }
        }
    }

    fn fixup_servers(&mut self) {
        if self.servers.is_empty() {
            self.servers.push(Server::default());
        }
        self.servers.truncate(Limits::SERVERS);
        for index in 0..self.servers.len() {
            let (before, rest) = self.servers.split_at_mut(index);
            let server = &mut rest[0];
            unique(&mut server.name, "s", index, |name| {
                before.iter().any(|s| s.name == name)
            });
            fixup_server(server);
            // A host that an earlier server already serves on the same port is not this one's.
            let taken = |host: &Name, ports: &[u16]| {
                before.iter().any(|s| {
                    s.hosts.contains(host) && ports.iter().any(|port| s.ports.contains(port))
                })
            };
            let ports = core::mem::take(&mut server.ports);
            server.hosts.retain(|host| !taken(host, &ports));
            server.ports = ports;
            if server.hosts.is_empty() {
                let free = (0..).map(|n| Name::from(format!("h{index}-{n}.test")));
                server
                    .hosts
                    .extend(free.into_iter().find(|host| !taken(host, &server.ports)));
            }
            fixup_host_rules(server);
        }
    }

    fn fixup_identities(&mut self) {
        self.identities.truncate(Limits::IDENTITIES);
        for index in 0..self.identities.len() {
            let (before, rest) = self.identities.split_at_mut(index);
            let Identity {
                name,
                hosts,
                issuer,
                intermediate_lifetime,
                certificate_of,
            } = &mut rest[0];
            // `none` is how an expectation says that no identity was seen.
            let taken = |name: &str| name == "none" || before.iter().any(|i| i.name == name);
            unique(name, "i", index, taken);
            *intermediate_lifetime = intermediate_lifetime.map(|it| it.min(Limits::SECONDS));
            hosts.truncate(Limits::IDENTITY_HOSTS);
            hosts.retain(|host| is_host(host));
            // Of one that has its own, so that it is clear whose is shown.
            let own = |index: &u8| {
                let other = before.get(usize::from(*index));
                other.is_some_and(|it| it.certificate_of.is_none())
            };
            *certificate_of = certificate_of.filter(own);
            if let Some(other) = certificate_of.and_then(|index| before.get(usize::from(index))) {
                *issuer = other.issuer;
                *intermediate_lifetime = other.intermediate_lifetime;
            }
        }
    }

    fn fixup_redirects(&mut self) {
        for index in 0..self.servers.len() {
            let mut redirects = core::mem::take(&mut self.servers[index].redirects);
            redirects.truncate(Limits::REDIRECTS);
            let mut seen: Vec<Name> = Vec::new();
            redirects.retain_mut(|redirect| {
                fixup_path(&mut redirect.path);
                self.fixup_target(&mut redirect.to);
                if !matches!(redirect.status, 301 | 302 | 303 | 307 | 308) {
                    redirect.status = 302;
                }
                let new = !seen.contains(&redirect.path);
                seen.push(redirect.path.clone());
                new
            });
            self.servers[index].redirects = redirects;
        }
    }

    fn fixup_step(&self, step: &mut Step) {
        match &mut step.action {
            Action::Exchange(exchange) => self.fixup_exchange(exchange),
            Action::Event(event) => self.fixup_event(event),
        }
        if let Some(expect) = &mut step.expect {
            for client in [&mut expect.client, &mut expect.preflight_client] {
                if let Some(ExpectedClient::Identity(index)) = *client {
                    *client = self.identity(index).map(ExpectedClient::Identity);
                }
            }
            if let Some(ExpectedOutcome::Error(error)) = &mut expect.outcome {
                cut_name(error, Limits::NAME);
            }
        }
    }

    fn fixup_exchange(&self, exchange: &mut Exchange) {
        let default = Exchange::default();
        self.fixup_target(&mut exchange.url);
        let method = Method::normalize(&exchange.method);
        if exchange.method.len() > Limits::NAME
            || method.map_or(true, |method| method.is_forbidden())
        {
            exchange.method = default.method.clone();
        }
        exchange.headers.truncate(Limits::HEADERS);
        let mut seen: Vec<Name> = Vec::new();
        exchange.headers.retain(|(name, value)| {
            let good = may_set(name, value) && !seen.contains(name);
            seen.push(name.clone());
            good
        });
        for origin in [&mut exchange.from, &mut exchange.top] {
            if !is_origin(origin) {
                *origin = default.from.clone();
            }
        }
        exchange.identity = exchange.identity.and_then(|index| self.identity(index));
        exchange.declines &= exchange.identity.is_none();
        let host = &exchange.url.host;
        let another = |name: &Name| is_host(name) && !is_address(name) && name != host;
        exchange.server_name = exchange.server_name.take().filter(another);
        let via = exchange.via.map(|index| wrap(index, self.servers.len()));
        // Nobody reaches a proxy through itself.
        exchange.via = via.filter(|&index| {
            let server = &self.servers[usize::from(index)];
            server.proxy && !server.hosts.contains(host)
        });
        if exchange.kind != Kind::Fetch {
            exchange.method = default.method;
            exchange.headers.clear();
            exchange.mode = Mode::Cors;
            exchange.body = Body::None;
            exchange.upload_listener = false;
        }
        if exchange.kind == Kind::Navigate {
            exchange.top = exchange.url.to_origin().into();
        }
        match (exchange.kind, exchange.credentials) {
            (Kind::Navigate | Kind::Websocket, _) => exchange.credentials = Credentials::Include,
            (Kind::Image | Kind::Preconnect, Credentials::Omit) => {
                exchange.credentials = Credentials::SameOrigin;
            }
            _ => {}
        }
        fixup_fetch(exchange);
    }

    fn fixup_event(&self, event: &mut WorldEvent) {
        match event {
            WorldEvent::Time { seconds } => *seconds = (*seconds).min(Limits::SECONDS),
            WorldEvent::Close { server }
            | WorldEvent::Restart { server }
            | WorldEvent::RotateTicketKeys { server } => {
                *server = wrap(*server, self.servers.len());
            }
            WorldEvent::ChangeMode {
                server,
                client_certificate,
            } => {
                *server = wrap(*server, self.servers.len());
                if self.servers[usize::from(*server)].proxy {
                    *client_certificate = in_handshake(*client_certificate);
                }
            }
            WorldEvent::Reload { server, setting } => {
                *server = wrap(*server, self.servers.len());
                // Who asks late keeps no sessions.
                if let Setting::ClientCertificate(rule) = setting {
                    *rule = in_handshake(*rule);
                }
            }
            WorldEvent::Renew { identity } => match self.identity(*identity) {
                Some(index) => *identity = index,
                None => *event = WorldEvent::Logout,
            },
            WorldEvent::Logout | WorldEvent::NetworkChange => {}
        }
    }

    fn fixup_target(&self, target: &mut Target) {
        fixup_path(&mut target.path);
        if self.server_of(&target.host, target.port).is_none() {
            // Which server it becomes depends on the wrong name, so that different mistakes stay different.
            let index = target
                .host
                .bytes()
                .fold(usize::from(target.port), |sum, b| sum + usize::from(b));
            let server = &self.servers[index % self.servers.len()];
            target.host = server.hosts[index % server.hosts.len()].clone();
            target.port = server.ports[index % server.ports.len()];
        }
    }

    fn identity(&self, index: u8) -> Option<u8> {
        (!self.identities.is_empty()).then(|| wrap(index, self.identities.len()))
    }
}

/// What `fetch()` itself would refuse before any of this: a body on GET, and what `no-cors` does not allow.
pub(super) fn fixup_fetch(exchange: &mut Exchange) {
    if exchange.mode == Mode::NoCors {
        if !Method::normalize(&exchange.method).is_ok_and(|method| method.is_cors_safelisted()) {
            exchange.method = Exchange::default().method;
        }
        exchange.headers.retain(|(name, value)| {
            is_no_cors_safelisted_request_header(&name.to_ascii_lowercase(), value.as_bytes())
        });
        exchange.upload_listener = false;
        if exchange.body == Body::Stream {
            exchange.body = Body::Bytes;
        }
    }
    if matches!(
        exchange.method.to_ascii_uppercase().as_str(),
        "GET" | "HEAD"
    ) {
        exchange.body = Body::None;
    }
}

fn fixup_server(server: &mut Server) {
    let default = Server::default();
    server.hosts.truncate(Limits::HOSTS);
    server.hosts.retain(|host| is_host(host));
    dedup(&mut server.hosts);
    let mut addressed = false;
    server
        .hosts
        .retain(|host| !is_address(host) || !core::mem::replace(&mut addressed, true));
    server.ports.truncate(Limits::PORTS);
    server.ports.retain(|port| *port != 0);
    dedup(&mut server.ports);
    if server.ports.is_empty() {
        server.ports = default.ports;
    }
    if server.proxy {
        // It is spoken to over HTTP/1.1, and asks before it knows what for.
        server.client_certificate = in_handshake(server.client_certificate);
        if server.alpn == Alpn::H2 {
            server.alpn = Alpn::Both;
        }
    }
    server.tls = InForce::from(&*server).versions();
    server.tickets = InForce::from(&*server).has_tickets();
    server.early_data = server.early_data_under(InForce::from(&*server));
    if server.protected.paths.is_empty() {
        server.protected.paths = default.protected.paths;
    }
    server.protected.paths.truncate(Limits::PROTECTED);
    server.protected.paths.iter_mut().for_each(fixup_path);
    server.ticket_lifetime = server.ticket_lifetime.clamp(1, Limits::TICKET_LIFETIME);
    if !(200..=599).contains(&server.cors.preflight_status) {
        server.cors.preflight_status = default.cors.preflight_status;
    }
    if let AllowOrigin::Exactly(value) = &mut server.cors.allow_origin {
        if !is_value(value.as_bytes()) || value == "reflect" || value == "none" {
            *value = Name::const_new("*");
        }
        cut_name(value, Limits::NAME);
    }
    for list in [
        &mut server.cors.allow_methods,
        &mut server.cors.allow_headers,
    ] {
        if let AllowList::Exactly(list) = list {
            list.truncate(Limits::ALLOWED);
            list.retain(|value| is_token(value.as_bytes()) && value.len() <= Limits::NAME);
        }
    }
}

/// The nearest rule that asks in the handshake or not at all.
fn in_handshake(rule: ClientCertificate) -> ClientCertificate {
    match rule.late() {
        Some(_) => ClientCertificate::Request,
        None => rule,
    }
}

fn fixup_host_rules(server: &mut Server) {
    let hosts = &server.hosts;
    let mut seen: Vec<Name> = Vec::new();
    server.host_rules.retain(|it| {
        let known = |host: &Name| host.eq_ignore_ascii_case(&it.host);
        let new = hosts.iter().any(known) && !seen.contains(&it.host) && !is_address(&it.host);
        seen.push(it.host.clone());
        new && it.client_certificate.late().is_none()
    });
}

/// Gives `name` another value if it is not made of letters, digits, `-` and `_`, or is taken.
fn unique(name: &mut Name, prefix: &str, index: usize, taken: impl Fn(&str) -> bool) {
    if is_plain(name) && !taken(name) {
        return;
    }
    let free = (index..).map(|n| Name::from(format!("{prefix}{n}")));
    if let Some(free) = free.into_iter().find(|name| !taken(name)) {
        *name = free;
    }
}

/// Whether `name` can name a server or an identity.
pub(super) fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Whether `host` is a lowercase DNS name, written as the URL standard writes it, or an IPv4 address.
pub(super) fn is_host(host: &str) -> bool {
    if is_simple_host(host) || is_address(host) {
        return true;
    }
    let parsed = url::Host::parse(host);
    is_dns_name(host) && matches!(parsed, Ok(url::Host::Domain(domain)) if domain == host)
}

/// Whether `name` is a lowercase DNS name in the preferred syntax (RFC 1034 section 3.5, RFC 1123 section 2.1): the URL
/// standard's hosts are more, but a ClientHello says no others, and no certificate is made out to them.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        let ends_well = !label.starts_with('-') && !label.ends_with('-');
        let known = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (1..=63).contains(&label.len()) && ends_well && known
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether `host` is an IPv4 address: no name, so that no ClientHello has it (RFC 6066 section 3).
pub(crate) fn is_address(host: &str) -> bool {
    host.starts_with(|c: char| c.is_ascii_digit()) && host.parse::<Ipv4Addr>().is_ok()
}

/// Whether `origin` is the serialization of a tuple origin.
pub(super) fn is_origin(origin: &str) -> bool {
    if origin.strip_prefix("https://").is_some_and(is_simple_host) {
        return true;
    }
    let parsed = Url::parse(origin).map(|url| url.origin());
    origin.len() <= Limits::NAME
        && parsed.is_ok_and(|parsed| parsed.is_tuple() && parsed.ascii_serialization() == origin)
}

/// The names that almost every case has, told without a parser.
fn is_simple_host(host: &str) -> bool {
    let Some(labels) = host.strip_suffix(".test") else {
        return false;
    };
    labels.len() <= 60
        && labels.split('.').all(|label| {
            label.starts_with(|c: char| c.is_ascii_lowercase())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

fn fixup_path(path: &mut Name) {
    let simple =
        path.starts_with('/') && path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/');
    if (simple && !path.starts_with("//") && path.len() <= Limits::NAME) || is_path(path) {
        return;
    }
    *path = Name::const_new("/");
}

/// Whether `path` stands in a URL as it is written.
pub(super) fn is_path(path: &str) -> bool {
    path.len() <= Limits::NAME
        && path.starts_with('/')
        && Url::parse(&format!("https://a.test{path}")).is_ok_and(|url| {
            url.fragment().is_none()
                && url[url::Position::BeforePath..url::Position::AfterQuery] == *path
        })
}

fn wrap(index: u8, len: usize) -> u8 {
    u8::try_from(usize::from(index) % len).unwrap_or(0)
}

fn dedup<T: PartialEq + Clone>(items: &mut Vec<T>) {
    if items.len() > 1 {
        let mut seen: Vec<T> = Vec::new();
        items.retain(|item| {
            let new = !seen.contains(item);
            seen.push(item.clone());
            new
        });
    }
}

fn cut(text: &mut String, most: usize) {
    text.truncate(char_boundary(text, most));
}

fn cut_name(name: &mut Name, most: usize) {
    if name.len() > most {
        let text: &str = name;
        *name = Name::from(&text[..char_boundary(text, most)]);
    }
}

/// The last boundary of a character at or before `offset`.
pub(super) fn char_boundary(text: &str, offset: usize) -> usize {
    let boundaries = (0..=offset.min(text.len())).rev();
    boundaries
        .into_iter()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_is_what_a_client_hello_can_say_or_an_address() {
        let label = "a".repeat(63);
        let long = [label.as_str(); 4].join(".");
        let hosts = [
            "a.test",
            "a-1.test",
            "xn--bcher-kva.test",
            "1a",
            "192.0.2.1",
            &label,
        ];
        for host in hosts {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "&a.test",
            "a_b.test",
            "-a.test",
            "a-.test",
            "A.test",
            "bücher.test",
            "1.2.3",
            "a.1",
            "[::1]",
            "a b",
            "a:1",
            &format!("{label}a"),
            &long,
        ] {
            assert!(!is_host(host), "{host}");
        }
    }
}

//! From a scenario to TOML.

use core::fmt::Write;

use serde::Serialize;

use crate::scenario::{
    Action, AllowList, AllowOrigin, Alpn, Cors, Credentials, Exchange, Expect, ExpectedClient,
    ExpectedOutcome, FORMAT, HostRule, Identity, Issuer, Kind, Name, Redirect, Scenario, Server,
    Setting, Step, TlsVersions, WorldEvent,
};

pub(super) fn print(scenario: &Scenario) -> String {
    let mut text = format!("bareflight = {FORMAT}\n");
    if !scenario.title.is_empty() {
        line(&mut text, "title", &scenario.title);
    }
    if scenario.profile != Scenario::DEFAULT_PROFILE {
        line(&mut text, "profile", &scenario.profile);
    }
    for it in &scenario.servers {
        server(&mut text, it);
    }
    for it in &scenario.identities {
        identity(&mut text, scenario, it);
    }
    for it in &scenario.steps {
        step(&mut text, scenario, it);
    }
    text
}

fn server(text: &mut String, server: &Server) {
    let default = Server::default();
    table(text, "server", &server.name);
    line(text, "hosts", &server.hosts);
    if server.ports != default.ports {
        line(text, "ports", &server.ports);
    }
    if server.client_certificate != default.client_certificate {
        line(text, "client-certificate", server.client_certificate);
    }
    if server.accepts != default.accepts {
        line(text, "accepts", server.accepts);
    }
    if !server.host_rules.is_empty() {
        let rule = |it: &HostRule| pair(&it.host, it.client_certificate);
        inline(text, "host-rules", server.host_rules.iter().map(rule));
    }
    if server.protected.paths != default.protected.paths {
        line(text, "protected", &server.protected.paths);
    }
    if server.protected.preflights != default.protected.preflights {
        line(text, "protects-preflights", server.protected.preflights);
    }
    if server.protected.in_http2 != default.protected.in_http2 {
        line(text, "late-in-http2", server.protected.in_http2);
    }
    let late = server.client_certificate.late();
    match server.tls {
        // The rule on client certificates leaves no choice.
        only if late == Some(only) => {}
        TlsVersions::Both => {}
        some => line(text, "tls", versions(some)),
    }
    match server.alpn {
        Alpn::Http1 => {}
        Alpn::H2 => line(text, "alpn", ["h2"]),
        Alpn::Both => line(text, "alpn", ["h2", "http/1.1"]),
    }
    if late.is_none() && server.tickets != default.tickets {
        line(text, "tickets", server.tickets);
    }
    if server.ticket_lifetime != default.ticket_lifetime {
        line(text, "ticket-lifetime", server.ticket_lifetime);
    }
    if server.early_data {
        line(text, "early-data", true);
    }
    if server.certificate != default.certificate {
        line(text, "certificate", server.certificate);
    }
    if server.cors != default.cors {
        inline(text, "cors", cors(&server.cors));
    }
    if !server.redirects.is_empty() {
        inline(text, "redirects", server.redirects.iter().map(redirect));
    }
    if server.proxy {
        line(text, "proxy", true);
    }
}

fn cors(cors: &Cors) -> Vec<String> {
    let default = Cors::default();
    let mut pairs = Vec::new();
    match &cors.allow_origin {
        AllowOrigin::Reflect => {}
        AllowOrigin::Absent => pairs.push(pair("allow-origin", "none")),
        AllowOrigin::Exactly(origin) => pairs.push(pair("allow-origin", origin)),
    }
    if cors.allow_credentials != default.allow_credentials {
        pairs.push(pair("allow-credentials", cors.allow_credentials));
    }
    if let AllowList::Exactly(list) = &cors.allow_methods {
        pairs.push(pair("allow-methods", list));
    }
    if let AllowList::Exactly(list) = &cors.allow_headers {
        pairs.push(pair("allow-headers", list));
    }
    if let Some(seconds) = cors.max_age {
        pairs.push(pair("max-age", seconds));
    }
    if cors.preflight_status != default.preflight_status {
        pairs.push(pair("preflight-status", cors.preflight_status));
    }
    pairs
}

fn redirect(redirect: &Redirect) -> String {
    let path = key(&redirect.path);
    let to = value(redirect.to.to_url());
    match redirect.status {
        302 => format!("{path} = {to}"),
        status => format!("{path} = {{ to = {to}, status = {status} }}"),
    }
}

fn identity(text: &mut String, scenario: &Scenario, identity: &Identity) {
    table(text, "identity", &identity.name);
    line(text, "for", &identity.hosts);
    if let Some(index) = identity.certificate_of {
        line(text, "certificate", identity_name(scenario, index));
        return;
    }
    if identity.issuer != Issuer::default() {
        line(text, "issuer", identity.issuer);
    }
    if let Some(seconds) = identity.intermediate_lifetime {
        line(text, "intermediate-lifetime", seconds);
    }
}

fn step(text: &mut String, scenario: &Scenario, step: &Step) {
    text.push_str("\n[[step]]\n");
    match &step.action {
        Action::Exchange(it) => exchange(text, scenario, it),
        Action::Event(it) => event(text, scenario, it),
    }
    if let Some(actions) = step.overlap {
        line(text, "overlap", actions);
    }
    if let Some(it) = &step.expect {
        inline(text, "expect", expect(scenario, it));
    }
}

fn exchange(text: &mut String, scenario: &Scenario, exchange: &Exchange) {
    let default = Exchange::default();
    let url = exchange.url.to_url();
    let (key, url, credentials) = match exchange.kind {
        Kind::Fetch => ("fetch", url, Credentials::SameOrigin),
        Kind::Navigate => ("navigate", url, Credentials::Include),
        Kind::Image => ("image", url, Credentials::Include),
        Kind::Websocket => (
            "websocket",
            url.replacen("https", "wss", 1),
            Credentials::Include,
        ),
        Kind::Preconnect => ("preconnect", url, Credentials::Include),
    };
    line(text, key, url);
    if exchange.method != default.method {
        line(text, "method", &exchange.method);
    }
    if !exchange.headers.is_empty() {
        inline(
            text,
            "headers",
            exchange
                .headers
                .iter()
                .map(|(name, value)| pair(name, value)),
        );
    }
    if exchange.mode != default.mode {
        line(text, "mode", exchange.mode);
    }
    if exchange.credentials != credentials {
        line(text, "credentials", exchange.credentials);
    }
    if exchange.body != default.body {
        line(text, "body", exchange.body);
    }
    if exchange.upload_listener {
        line(text, "upload-listener", true);
    }
    if exchange.from != default.from {
        line(text, "from", &exchange.from);
    }
    if exchange.kind != Kind::Navigate && exchange.top != exchange.from {
        line(text, "top", &exchange.top);
    }
    if let Some(index) = exchange.identity {
        line(text, "identity", identity_name(scenario, index));
    }
    if exchange.declines {
        line(text, "declines", true);
    }
    if exchange.trust != default.trust {
        line(text, "trust", exchange.trust);
    }
    if let Some(name) = &exchange.server_name {
        line(text, "server-name", name);
    }
    if let Some(index) = exchange.via {
        line(text, "via", &scenario.servers[usize::from(index)].name);
    }
    if exchange.small_records {
        line(text, "small-records", true);
    }
    if exchange.pipelined {
        line(text, "pipelined", true);
    }
}

fn event(text: &mut String, scenario: &Scenario, event: &WorldEvent) {
    let server = |index: u8| &scenario.servers[usize::from(index)].name;
    line(text, "event", event.name());
    match event {
        WorldEvent::Time { seconds } => line(text, "seconds", seconds),
        WorldEvent::Close { server: it }
        | WorldEvent::Restart { server: it }
        | WorldEvent::RotateTicketKeys { server: it } => {
            line(text, "server", server(*it));
        }
        WorldEvent::ChangeMode {
            server: it,
            client_certificate,
        } => {
            line(text, "server", server(*it));
            line(text, "client-certificate", client_certificate);
        }
        WorldEvent::Reload {
            server: it,
            setting,
        } => {
            line(text, "server", server(*it));
            match setting {
                Setting::ClientCertificate(rule) => line(text, "client-certificate", rule),
                Setting::Tickets(tickets) => line(text, "tickets", tickets),
                Setting::Accepts(issuer) => line(text, "accepts", issuer),
                Setting::Tls(tls) => line(text, "tls", versions(*tls)),
            }
        }
        WorldEvent::Renew { identity } => {
            line(text, "identity", identity_name(scenario, *identity));
        }
        WorldEvent::Logout | WorldEvent::NetworkChange => {}
    }
}

impl WorldEvent {
    /// The name of the event in the text form.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Time { .. } => "time",
            Self::Close { .. } => "close",
            Self::Restart { .. } => "restart",
            Self::RotateTicketKeys { .. } => "rotate-ticket-keys",
            Self::ChangeMode { .. } => "change-mode",
            Self::Reload { .. } => "reload",
            Self::Logout => "logout",
            Self::Renew { .. } => "renew",
            Self::NetworkChange => "network-change",
        }
    }
}

fn expect(scenario: &Scenario, expect: &Expect) -> Vec<String> {
    let mut pairs = Vec::new();
    match &expect.outcome {
        None => {}
        Some(ExpectedOutcome::Status(status)) => pairs.push(pair("status", status)),
        Some(ExpectedOutcome::Error(error)) => pairs.push(pair("error", error)),
    }
    if let Some(preflight) = expect.preflight {
        pairs.push(pair("preflight", preflight));
    }
    let client = |client: &ExpectedClient| match client {
        ExpectedClient::None => "none".to_owned(),
        ExpectedClient::Identity(index) => identity_name(scenario, *index).to_string(),
    };
    if let Some(it) = &expect.preflight_client {
        pairs.push(pair("preflight-client", client(it)));
    }
    if let Some(connection) = expect.preflight_connection {
        pairs.push(pair("preflight-connection", connection));
    }
    if let Some(it) = &expect.client {
        pairs.push(pair("client", client(it)));
    }
    if let Some(connection) = expect.connection {
        pairs.push(pair("connection", connection));
    }
    if let Some(requests) = expect.requests {
        pairs.push(pair("requests", requests));
    }
    if let Some(prompt) = expect.prompt {
        pairs.push(pair("prompt", prompt));
    }
    pairs
}

fn versions(versions: TlsVersions) -> &'static [&'static str] {
    match versions {
        TlsVersions::Tls12 => &["1.2"],
        TlsVersions::Tls13 => &["1.3"],
        TlsVersions::Both => &["1.2", "1.3"],
    }
}

fn identity_name(scenario: &Scenario, index: u8) -> &Name {
    &scenario.identities[usize::from(index)].name
}

fn table(text: &mut String, kind: &str, name: &str) {
    let _ = write!(text, "\n[{kind}.{}]\n", key(name));
}

fn line(text: &mut String, key: &str, it: impl Serialize) {
    let _ = writeln!(text, "{key} = {}", value(it));
}

fn inline(text: &mut String, key: &str, pairs: impl IntoIterator<Item = String>) {
    let pairs: Vec<_> = pairs.into_iter().collect();
    let _ = writeln!(text, "{key} = {{ {} }}", pairs.join(", "));
}

fn pair(name: &str, it: impl Serialize) -> String {
    format!("{} = {}", key(name), value(it))
}

/// A bare key where TOML allows one, else a quoted one.
fn key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { name.to_owned() } else { value(name) }
}

fn value(it: impl Serialize) -> String {
    let mut text = String::new();
    it.serialize(toml::ser::ValueSerializer::new(&mut text))
        .expect("names, numbers and lists of them are TOML values");
    text
}

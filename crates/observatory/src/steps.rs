//! Which steps can a program or a page be told to take, and in which words?

use std::net::Ipv4Addr;

use bareflight_harness::case::Case;
use bareflight_harness::scenario::{
    Action, Alpn, Body, ClientCertificate, Credentials, Exchange, Identity, Kind, Name, Scenario,
    Server, Trust, WorldEvent,
};
use bareflight_policy::{Origin, Profile};

use crate::attribute::Token;
use crate::error::WorldError;
use crate::names::Names;
use crate::page::PageStep;
use crate::place::Place;
use crate::protocol::StepLine;

/// Who takes the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    /// A program that speaks the step protocol.
    Program,
    /// A page in a browser.
    Page,
    /// The user agent of this workspace.
    Own,
}

/// Refuses a scenario with a step that cannot be taken.
pub(crate) fn check(scenario: &Scenario, taker: Taker) -> Result<(), WorldError> {
    if taker == Taker::Page && asks_in_vain(scenario) {
        let what = "the user would be asked which identity to choose";
        return Err(WorldError::Unsupported { step: 1, what });
    }
    if let (Taker::Own, Some(what)) = (taker, beyond_own(scenario)) {
        return Err(WorldError::Unsupported { step: 1, what });
    }
    if scenario
        .identities
        .iter()
        .any(|it| it.certificate_of.is_some())
    {
        let what = "programs do not load a certificate without the key to it";
        return Err(WorldError::Unsupported { step: 1, what });
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        let what = match &step.action {
            _ if step.overlap.is_some() => "it overlaps with another",
            Action::Event(WorldEvent::Time { .. }) => {
                "no program can be made to believe that time passed"
            }
            Action::Event(WorldEvent::Logout) => "a logout happens inside of it",
            Action::Event(WorldEvent::NetworkChange) => {
                "the network of this machine stays as it is"
            }
            Action::Event(WorldEvent::Renew { .. }) => "a renewal happens inside of it",
            Action::Exchange(exchange) if exchange.via.is_some() => {
                "a proxy does not stand here yet"
            }
            Action::Exchange(_) if scenario.identities.iter().any(is_special) => {
                "who issues identities here is the users' authority, and it does so itself"
            }
            Action::Exchange(exchange) if exchange.small_records => {
                "a client makes its records as large as it likes"
            }
            Action::Exchange(exchange) if exchange.pipelined => {
                "whether it pipelines a client decides by itself"
            }
            Action::Exchange(exchange) if exchange.url.host.parse::<Ipv4Addr>().is_ok() => {
                "its host is an address, which leads elsewhere"
            }
            Action::Exchange(exchange) if exchange.declines => {
                "whoever takes it is told whom to present, and asks nobody"
            }
            Action::Exchange(exchange) if exchange.server_name.is_some() => {
                "whoever takes it is told a URL, and no other name to ask for"
            }
            Action::Exchange(exchange) => match beyond(scenario, exchange, taker) {
                Some(what) => what,
                None => continue,
            },
            Action::Event(
                WorldEvent::Close { .. }
                | WorldEvent::Restart { .. }
                | WorldEvent::RotateTicketKeys { .. }
                | WorldEvent::ChangeMode { .. }
                | WorldEvent::Reload { .. },
            ) => continue,
        };
        return Err(WorldError::Unsupported {
            step: index + 1,
            what,
        });
    }
    Ok(())
}

/// Refuses a scenario whose pages are of several sites where they would be of one: below a name that is no public suffix all are.
pub(crate) fn check_sites(scenario: &Scenario, place: &Place) -> Result<(), WorldError> {
    let origin = |host: &str| Origin::parse(&format!("https://{host}")).ok();
    let mut hosts = page_hosts(scenario);
    if scenario.exchanges().any(|it| it.kind == Kind::Navigate) {
        // Then what is led to is at the top too.
        hosts.extend(scenario.servers.iter().flat_map(|it| it.hosts.clone()));
    }
    let hosts = hosts
        .iter()
        .filter_map(|host| Some((origin(host)?, origin(&place.host(host))?)));
    let hosts: Vec<(Origin, Origin)> = hosts.collect();
    for (one, one_here) in &hosts {
        for (other, other_here) in &hosts {
            if one.is_same_site(other) != one_here.is_same_site(other_here) {
                let what = "its pages are of several sites, and would be of one below this domain, which is no public suffix";
                return Err(WorldError::Unsupported { step: 1, what });
            }
        }
    }
    Ok(())
}

/// Whether an identity is not from the users' authority, or comes by way of another.
fn is_special(identity: &Identity) -> bool {
    *identity != Identity::new(identity.name.clone(), identity.hosts.clone())
}

/// What of a request is beyond who is to make it.
fn beyond(scenario: &Scenario, exchange: &Exchange, taker: Taker) -> Option<&'static str> {
    let fetch = exchange.kind == Kind::Fetch;
    match taker {
        Taker::Program => (!fetch).then_some("only a fetch can be asked for so far"),
        Taker::Page => match exchange.kind {
            Kind::Preconnect => Some("a page does not hear of a connection without a request"),
            _ if exchange.identity.is_some() => Some("a page cannot choose an identity"),
            _ if exchange.trust != Trust::Verify => Some("a page cannot choose whom it trusts"),
            _ if exchange.body == Body::Stream => Some("not every browser sends a stream"),
            _ if exchange.upload_listener && exchange.credentials == Credentials::Omit => {
                Some("XMLHttpRequest, which has the upload listener, omits no credentials")
            }
            _ if serves_a_page(scenario, exchange) => {
                Some("its page is one of the servers that are observed")
            }
            Kind::Fetch | Kind::Navigate | Kind::Image | Kind::Websocket => None,
        },
        Taker::Own => (exchange.kind == Kind::Websocket).then_some("it speaks no WebSocket"),
    }
}

/// What of a scenario is beyond the user agent of this workspace over sockets, whatever the step.
fn beyond_own(scenario: &Scenario) -> Option<&'static str> {
    let profile = Profile::from_name(&scenario.profile).unwrap_or_default();
    if profile.aborts_preflights() {
        return Some("its TLS library does not break off where it is asked");
    }
    let mut servers = scenario.servers.iter();
    let only_http2 = servers.any(|it| it.alpn == Alpn::H2);
    only_http2.then_some("it speaks no HTTP/2 over sockets")
}

/// The servers that ask the user for a certificate, or may come to.
pub(crate) fn asking(scenario: &Scenario) -> impl Iterator<Item = &Server> {
    let changes = scenario.steps.iter().filter_map(|it| match it.action {
        Action::Event(
            WorldEvent::ChangeMode { server, .. } | WorldEvent::Reload { server, .. },
        ) => Some(usize::from(server)),
        _ => None,
    });
    let changes: Vec<usize> = changes.collect();
    let servers = scenario.servers.iter().enumerate();
    let asking = servers.filter(move |(index, it)| {
        let silent = it.client_certificate == ClientCertificate::None && it.host_rules.is_empty();
        !silent || changes.contains(index)
    });
    asking.map(|(_, it)| it)
}

/// Whether a server asks the user, who holds identities, at a host that none of them is for.
fn asks_in_vain(scenario: &Scenario) -> bool {
    let known = |host: &Name| scenario.identities.iter().any(|it| it.hosts.contains(host));
    !scenario.identities.is_empty() && !asking(scenario).all(|it| it.hosts.iter().all(known))
}

fn serves_a_page(scenario: &Scenario, exchange: &Exchange) -> bool {
    let hosts = scenario.servers.iter().flat_map(|it| &it.hosts);
    let pages = pages(exchange).map(page_host);
    hosts.into_iter().any(|host| pages.contains(&host.as_str()))
}

fn page_host(origin: &str) -> &str {
    origin.strip_prefix("https://").unwrap_or(origin)
}

/// The hosts of the pages from which the steps are taken.
pub(crate) fn page_hosts(scenario: &Scenario) -> Vec<Name> {
    let origins = scenario.steps.iter().filter_map(|it| match &it.action {
        Action::Exchange(exchange) => Some(pages(exchange)),
        Action::Event(_) => None,
    });
    let mut hosts: Vec<Name> = origins.flatten().map(|it| page_host(it).into()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// The origins of the page at the top and of the page that asks. A navigation leads away from a page at the top.
fn pages(exchange: &Exchange) -> [&str; 2] {
    match exchange.kind {
        Kind::Navigate => [&exchange.from, &exchange.from],
        _ => [&exchange.top, &exchange.from],
    }
}

/// The origin of the page at the top from which the first step is taken.
pub(crate) fn first_page(scenario: &Scenario) -> Option<&str> {
    let mut steps = scenario.steps.iter();
    steps.find_map(|it| match &it.action {
        Action::Exchange(exchange) => Some(pages(exchange)[0]),
        Action::Event(_) => None,
    })
}

/// What a program is told of a step.
pub(crate) fn line(case: &Case<'_>, names: &Names, step: u16, exchange: &Exchange) -> StepLine {
    let token = Token { step, hop: 0 };
    let identity = case.hop(step, 0).and_then(|hop| hop.identity);
    let identity = identity.map(|index| &case.scenario.identities[usize::from(index)]);
    let headers = exchange.headers.iter();
    StepLine {
        step: u32::from(step) + 1,
        method: exchange.method.to_string(),
        url: token.attach(&names.url(&exchange.url)),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        body: (exchange.body != Body::None).then(|| "{}".to_owned()),
        identity: identity.map(|it| it.name.to_string()),
        verify: exchange.trust == Trust::Verify,
    }
}

/// What a page is told of a step. Its URL is the scenario's: what a cache is keyed by must not change from step to step.
pub(crate) fn page_step(names: &Names, step: u16, exchange: &Exchange) -> PageStep {
    let [top, from] = pages(exchange).map(|it| names.translated(it));
    let headers = exchange.headers.iter();
    PageStep {
        step: u32::from(step) + 1,
        kind: exchange.kind,
        upload_listener: exchange.upload_listener,
        method: exchange.method.to_string(),
        url: names.url(&exchange.url),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        mode: exchange.mode,
        credentials: exchange.credentials,
        body: (exchange.body != Body::None).then(|| "{}".to_owned()),
        frame: (from != top).then(|| format!("{from}/frame")),
        top,
    }
}

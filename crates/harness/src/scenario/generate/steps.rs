//! What does a case do next? A request, often nearly the one before, or a change of the world.

use super::swarm::{Feature, Swarm};
use super::world::{HOST_RULES, mode, versions};
use super::{HOSTS, ORIGINS, target, word};
use crate::scenario::{
    Action, Body, Choose, ClientCertificate, Credentials, Exchange, Issuer, Kind, Mode, Name,
    Scenario, Server, Setting, Step, Trust, WorldEvent,
};

const METHODS: [&str; 6] = ["GET", "PUT", "POST", "DELETE", "patch", "HEAD"];
const HEADERS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("content-type", "text/plain"),
    ("authorization", "Bearer t"),
    ("x-a", "1"),
    ("accept", "text/html"),
    ("range", "bytes=0-9"),
];
pub(in crate::scenario) const OVERLAPS: [u8; 4] = [0, 1, 2, 3];

pub(super) fn next_step(from: &mut impl Choose, swarm: Swarm, scenario: &Scenario) -> Step {
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
    let mut exchange = if !earlier.is_empty() && from.chance(1, 2) {
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
    // A request that waits for nobody may go out behind one that is under way.
    exchange.pipelined = swarm.has(Feature::Overlap) && from.chance(1, 2);
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

pub(in crate::scenario) fn exchange(
    from: &mut impl Choose,
    swarm: Swarm,
    scenario: &Scenario,
) -> Exchange {
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
pub(in crate::scenario) fn vary(
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
                exchange.from = exchange.url.to_origin().into();
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
pub(in crate::scenario) fn event(
    from: &mut impl Choose,
    swarm: Swarm,
    scenario: &Scenario,
) -> WorldEvent {
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

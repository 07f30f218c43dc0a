//! From a scenario that shows something to the smallest and plainest one that still does.

use crate::scenario::{
    Action, Alpn, Body, ClientCertificate, Credentials, Exchange, Issuer, Kind, Mode, Name,
    Scenario, Server, Setting, Step, Target, WorldEvent, is_address,
};

/// Removes and simplifies, as long as `shows` holds, until nothing more can go. `shows` must hold for `scenario`.
///
/// Fewer steps come first, then fewer servers and identities, then fewer letters in the text form, so that what is left
/// reads as if somebody had written it. Deterministic, and bounded: each attempt that counts makes the scenario smaller
/// by that measure.
pub fn shrink(scenario: &Scenario, mut shows: impl FnMut(&Scenario) -> bool) -> Scenario {
    let mut shrinking = Shrinking {
        weight: weight(scenario),
        best: scenario.clone(),
        shows: &mut shows,
    };
    loop {
        let before = shrinking.weight.clone();
        shrinking.fewer_steps();
        shrinking.smaller_world();
        shrinking.plainer_servers();
        shrinking.plainer_steps();
        if shrinking.weight == before {
            break;
        }
    }
    shrinking.plain_names();
    shrinking.best
}

/// What is made small: steps, servers and identities, what is out of the ordinary, letters; the text itself decides between
/// equals.
type Weight = (usize, usize, usize, usize, String);

fn weight(scenario: &Scenario) -> Weight {
    let text = scenario.to_toml();
    let world = scenario.servers.len() + scenario.identities.len();
    let odd = scenario.steps.iter().filter(|it| is_odd(it)).count();
    (scenario.steps.len(), world, odd, text.len(), text)
}

/// Whether a step needs a second look: it overlaps, or is neither a script's request nor a navigation.
fn is_odd(step: &Step) -> bool {
    let kind = match &step.action {
        Action::Exchange(exchange) => exchange.kind,
        Action::Event(_) => Kind::Fetch,
    };
    step.overlap.is_some() || !matches!(kind, Kind::Fetch | Kind::Navigate)
}

struct Shrinking<'s> {
    best: Scenario,
    weight: Weight,
    shows: &'s mut dyn FnMut(&Scenario) -> bool,
}

impl Shrinking<'_> {
    /// Takes the change if what comes of it is valid, smaller, and still shows what it must.
    fn attempt(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        candidate.fixup();
        let weight = weight(&candidate);
        let taken = weight < self.weight && (self.shows)(&candidate);
        if taken {
            (self.best, self.weight) = (candidate, weight);
        }
        taken
    }

    /// Drops blocks of steps, large ones first.
    fn fewer_steps(&mut self) {
        let mut size = self.best.steps.len().max(1);
        while size > 0 {
            let mut start = 0;
            while start < self.best.steps.len() {
                let end = (start + size).min(self.best.steps.len());
                let dropped = self.attempt(|it| {
                    it.steps.drain(start..end);
                });
                if !dropped {
                    start += size;
                }
            }
            size /= 2;
        }
    }

    fn smaller_world(&mut self) {
        self.attempt(|it| it.title.clear());
        self.attempt(|it| it.profile = Scenario::DEFAULT_PROFILE);
        for index in (0..self.best.identities.len()).rev() {
            self.attempt(|it| remove_identity(it, index));
        }
        for index in (0..self.best.servers.len()).rev() {
            self.attempt(|it| remove_server(it, index));
        }
        for index in 0..self.best.identities.len() {
            self.attempt(|it| it.identities[index].issuer = Issuer::default());
            self.attempt(|it| it.identities[index].intermediate_lifetime = None);
            self.attempt(|it| it.identities[index].certificate_of = None);
            for host in (0..self.best.identities[index].hosts.len()).rev() {
                self.attempt(|it| {
                    it.identities[index].hosts.remove(host);
                });
            }
        }
    }

    fn plainer_servers(&mut self) {
        for index in 0..self.best.servers.len() {
            for change in SERVER {
                self.attempt(|it| change(&mut it.servers[index], &Server::default()));
            }
            for host in (0..self.best.servers[index].hosts.len()).rev() {
                self.attempt(|it| remove_host(it, index, host));
            }
            for redirect in (0..self.best.servers[index].redirects.len()).rev() {
                self.attempt(|it| {
                    it.servers[index].redirects[redirect].to.path = Name::const_new("/");
                });
                self.attempt(|it| {
                    it.servers[index].redirects.remove(redirect);
                });
            }
        }
    }

    fn plainer_steps(&mut self) {
        // Together: what is cached for a URL shows only in requests for the same one.
        self.attempt(|it| each_target(it, |target| target.path = Name::const_new("/")));
        for index in 0..self.best.steps.len() {
            self.attempt(|it| it.steps[index].overlap = None);
            self.attempt(|it| it.steps[index].overlap = Some(0));
            self.attempt(|it| it.steps[index].expect = None);
            for change in EXCHANGE {
                self.attempt(|it| {
                    if let Action::Exchange(exchange) = &mut it.steps[index].action {
                        change(exchange, &Exchange::default());
                    }
                });
            }
            for event in EVENTS {
                self.attempt(|it| {
                    if let Action::Event(old) = &mut it.steps[index].action {
                        *old = event.clone();
                    }
                });
            }
            // Two steps that say the same are read as one.
            for earlier in 0..index {
                self.attempt(|it| it.steps[index] = it.steps[earlier].clone());
            }
        }
    }

    /// The names that a person would give, by order: what is shown does not depend on them. It is no matter of size, so it
    /// comes last.
    fn plain_names(&mut self) {
        let mut candidate = self.best.clone();
        rename(&mut candidate);
        candidate.fixup();
        if candidate != self.best && (self.shows)(&candidate) {
            self.best = candidate;
        }
    }
}

type Change<T> = fn(&mut T, &T);

/// One field of a server at a time: to its default, or to what says less.
const SERVER: [Change<Server>; 17] = [
    |it, default| it.early_data = default.early_data,
    |it, default| it.proxy = default.proxy,
    |it, default| it.client_certificate = default.client_certificate,
    |it, _| it.client_certificate = ClientCertificate::Request,
    |it, _| it.client_certificate = ClientCertificate::Require,
    |it, default| it.protected = default.protected.clone(),
    |it, _| it.host_rules.clear(),
    |it, default| it.accepts = default.accepts,
    |it, default| it.tls = default.tls,
    |it, default| it.alpn = default.alpn,
    |it, _| it.alpn = Alpn::H2,
    |it, default| it.tickets = default.tickets,
    |it, default| it.ticket_lifetime = default.ticket_lifetime,
    |it, default| it.certificate = default.certificate,
    |it, default| it.cors = default.cors.clone(),
    |it, default| it.cors.max_age = default.cors.max_age,
    |it, default| it.ports.clone_from(&default.ports),
];

/// One field of a request at a time: to its default, or to what says less.
const EXCHANGE: [Change<Exchange>; 25] = [
    |it, _| it.small_records = false,
    |it, _| it.pipelined = false,
    |it, _| it.via = None,
    |it, _| it.server_name = None,
    |it, default| it.kind = default.kind,
    |it, _| it.kind = Kind::Navigate,
    |it, default| it.method = default.method.clone(),
    |it, _| it.method = Name::const_new("PUT"),
    |it, _| it.headers.clear(),
    |it, default| it.mode = default.mode,
    |it, _| it.mode = Mode::Cors,
    |it, default| it.credentials = default.credentials,
    |it, _| it.credentials = Credentials::Omit,
    |it, _| it.credentials = Credentials::Include,
    |it, _| it.body = Body::None,
    |it, _| it.upload_listener = false,
    |it, _| it.top = it.from.clone(),
    |it, default| it.from = default.from.clone(),
    |it, default| {
        it.from = default.from.clone();
        it.top = default.top.clone();
    },
    |it, _| it.identity = None,
    |it, _| it.declines = false,
    |it, default| it.trust = default.trust,
    |it, default| it.url = default.url.clone(),
    |it, default| it.url.path = default.url.path.clone(),
    |it, default| it.url.port = default.url.port,
];

/// Events that say less than others.
const EVENTS: [WorldEvent; 8] = [
    WorldEvent::Time { seconds: 1 },
    WorldEvent::Time { seconds: 60 },
    WorldEvent::Close { server: 0 },
    WorldEvent::Reload {
        server: 0,
        setting: Setting::Tickets(false),
    },
    WorldEvent::Reload {
        server: 0,
        setting: Setting::Accepts(Issuer::Staff),
    },
    WorldEvent::Reload {
        server: 0,
        setting: Setting::ClientCertificate(ClientCertificate::Require),
    },
    WorldEvent::Logout,
    WorldEvent::Renew { identity: 0 },
];

/// An identity goes; who used it, uses the user's choice.
fn remove_identity(scenario: &mut Scenario, index: usize) {
    scenario.identities.remove(index);
    for identity in &mut scenario.identities {
        identity.certificate_of = identity.certificate_of.and_then(|it| without(index, it));
    }
    for step in &mut scenario.steps {
        match &mut step.action {
            Action::Exchange(exchange) => {
                exchange.identity = exchange.identity.and_then(|it| without(index, it));
            }
            Action::Event(WorldEvent::Renew { identity }) => {
                *identity = without(index, *identity).unwrap_or(0);
            }
            Action::Event(_) => {}
        }
    }
}

/// What an index becomes when the one at `gone` goes.
fn without(gone: usize, index: u8) -> Option<u8> {
    match usize::from(index).cmp(&gone) {
        core::cmp::Ordering::Less => Some(index),
        core::cmp::Ordering::Equal => None,
        core::cmp::Ordering::Greater => Some(index - 1),
    }
}

/// A server goes; who wanted something of it, wants it of the first that is left.
fn remove_server(scenario: &mut Scenario, index: usize) {
    if scenario.servers.len() < 2 {
        return;
    }
    let gone = scenario.servers.remove(index);
    let (host, port) = (
        scenario.servers[0].hosts[0].clone(),
        scenario.servers[0].ports[0],
    );
    each_target(scenario, |target| {
        if gone.hosts.contains(&target.host) && gone.ports.contains(&target.port) {
            target.host = host.clone();
            target.port = port;
        }
    });
    for step in &mut scenario.steps {
        match &mut step.action {
            Action::Exchange(exchange) => {
                exchange.via = exchange.via.and_then(|it| without(index, it));
            }
            Action::Event(
                WorldEvent::Close { server }
                | WorldEvent::Restart { server }
                | WorldEvent::RotateTicketKeys { server }
                | WorldEvent::ChangeMode { server, .. }
                | WorldEvent::Reload { server, .. },
            ) => *server = without(index, *server).unwrap_or(0),
            Action::Event(_) => {}
        }
    }
}

/// A host goes; who wanted something of it, wants it of the server's first.
fn remove_host(scenario: &mut Scenario, server: usize, host: usize) {
    if scenario.servers[server].hosts.len() < 2 {
        return;
    }
    let gone = scenario.servers[server].hosts.remove(host);
    let ports = scenario.servers[server].ports.clone();
    let first = scenario.servers[server].hosts[0].clone();
    each_target(scenario, |target| {
        if target.host == gone && ports.contains(&target.port) {
            target.host = first.clone();
        }
    });
}

fn each_target(scenario: &mut Scenario, mut change: impl FnMut(&mut Target)) {
    for server in &mut scenario.servers {
        for redirect in &mut server.redirects {
            change(&mut redirect.to);
        }
    }
    for step in &mut scenario.steps {
        if let Action::Exchange(exchange) = &mut step.action {
            change(&mut exchange.url);
        }
    }
}

const SERVERS: [&str; 4] = ["api", "b", "c", "d"];
const PROXY: Option<&str> = Some("proxy");
const IDENTITIES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Servers, hosts and identities are named by order.
fn rename(scenario: &mut Scenario) {
    let mut hosts: Vec<(Name, Name)> = Vec::new();
    let mut names = SERVERS.into_iter();
    let mut proxies = PROXY.into_iter();
    for server in &mut scenario.servers {
        let proxy = if server.proxy { proxies.next() } else { None };
        let Some(name) = proxy.or_else(|| names.next()) else {
            break;
        };
        server.name = Name::const_new(name);
        let named = server.hosts.iter_mut().filter(|host| !is_address(host));
        for (number, host) in named.enumerate() {
            let new = match number {
                0 => format!("{name}.test"),
                1 => format!("img.{name}.test"),
                more => format!("h{more}.{name}.test"),
            };
            let old = core::mem::replace(host, Name::from(new));
            hosts.push((old, host.clone()));
        }
    }
    let renamed = |host: &Name| {
        let found = hosts.iter().find(|(old, _)| old == host);
        found.map_or_else(|| host.clone(), |(_, new)| new.clone())
    };
    for server in &mut scenario.servers {
        for rule in &mut server.host_rules {
            let lower = rule.host.to_ascii_lowercase();
            rule.host = match rule.host == lower {
                true => renamed(&lower),
                false => renamed(&lower).to_ascii_uppercase(),
            };
        }
    }
    each_target(scenario, |target| target.host = renamed(&target.host));
    rename_identities(scenario);
    for identity in &mut scenario.identities {
        for host in &mut identity.hosts {
            *host = renamed(host);
        }
    }
    rename_pages(scenario, &hosts);
}

/// A name that is another's but for its case stays so.
fn rename_identities(scenario: &mut Scenario) {
    let old: Vec<Name> = scenario
        .identities
        .iter()
        .map(|it| it.name.clone())
        .collect();
    for (index, (identity, name)) in scenario.identities.iter_mut().zip(IDENTITIES).enumerate() {
        let alike = |&other: &usize| old[other].eq_ignore_ascii_case(&old[index]);
        let mut before = (0..index).filter(alike);
        identity.name = match (before.next(), before.next()) {
            (Some(other), None) => IDENTITIES[other].to_ascii_uppercase().into(),
            _ => Name::const_new(name),
        };
    }
}

const PAGES: [&str; 3] = ["https://app.test", "https://shop.test", "https://news.test"];

/// Pages of a server follow its host; others are named by order, the default first.
fn rename_pages(scenario: &mut Scenario, hosts: &[(Name, Name)]) {
    let mut pages = vec![Name::const_new(PAGES[0])];
    for step in &mut scenario.steps {
        let Action::Exchange(exchange) = &mut step.action else {
            continue;
        };
        for origin in [&mut exchange.from, &mut exchange.top] {
            let own = origin.strip_prefix("https://").unwrap_or_default();
            if let Some((_, new)) = hosts.iter().find(|(old, _)| old == own) {
                *origin = Name::from(format!("https://{new}"));
                continue;
            }
            let known = pages.iter().position(|page| page == origin);
            let number = known.unwrap_or_else(|| {
                pages.push(origin.clone());
                pages.len() - 1
            });
            if let Some(page) = PAGES.get(number) {
                *origin = Name::const_new(page);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::Generation;

    /// Whatever is asked of it: what is left still shows it, is valid, and cannot lose a step.
    #[test]
    fn what_is_left_shows_the_same_and_no_step_too_many() {
        let mut engine = Generation::new(11);
        let mut shrunk = 0;
        for _ in 0..150 {
            let scenario = engine.next_scenario();
            let puts = |it: &Scenario| it.exchanges().filter(|it| it.method == "PUT").count();
            if puts(&scenario) < 2 {
                continue;
            }
            let small = shrink(&scenario, |it| puts(it) >= 2);
            let mut fixed = small.clone();
            fixed.fixup();
            assert_eq!(fixed, small);
            assert_eq!((small.steps.len(), puts(&small)), (2, 2));
            assert_eq!((small.servers.len(), small.identities.len()), (1, 0));
            assert_eq!(small.steps[0], small.steps[1], "{}", small.to_toml());
            shrunk += 1;
        }
        assert!(shrunk > 5, "there was something to shrink: {shrunk}");
    }

    #[test]
    fn who_is_removed_leaves_nobody_pointing_at_somebody_else() {
        let text = r#"
            bareflight = 1
            [server.one]
            hosts = ["one.test"]
            [server.two]
            hosts = ["two.test", "more.test"]
            [identity.a]
            for = []
            [identity.b]
            for = ["more.test"]
            [identity.c]
            for = []
            certificate = "b"
            [[step]]
            fetch = "https://more.test/x"
            identity = "b"
            from = "https://two.test"
            [[step]]
            event = "restart"
            server = "two"
            [[step]]
            event = "renew"
            identity = "b"
        "#;
        let wanted = r#"bareflight = 1

[server.api]
hosts = ["api.test", "img.api.test"]

[identity.alice]
for = ["img.api.test"]

[identity.bob]
for = []
certificate = "alice"

[[step]]
fetch = "https://img.api.test/x"
from = "https://api.test"
identity = "alice"

[[step]]
event = "restart"
server = "api"

[[step]]
event = "renew"
identity = "alice"
"#;
        let mut scenario = Scenario::from_toml(text).unwrap();
        remove_server(&mut scenario, 0);
        remove_identity(&mut scenario, 0);
        rename(&mut scenario);
        assert_eq!(scenario.to_toml(), wanted);
    }
}

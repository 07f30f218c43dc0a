//! All scenarios up to a size, in order of size: within the bound, the verdict is a proof.
//!
//! The worlds are small: one server or two, which ask for a certificate in any of the five ways, speak HTTP/1.1 or HTTP/2,
//! or of which the first redirects to the second, or the second is a proxy. Where there is one, it speaks TLS 1.2 or 1.3,
//! and may have a second host, with a rule of its own or without, or take early data. There is a user who has chosen one
//! identity for every host and holds another one. The steps are requests that differ in target, method (GET, or PUT with
//! its preflight), credentials mode (`omit`, `include`), network partition (two), identity (the user's choice, or the other
//! by name), verification of the server, and way (straight, or through the proxy); and the events after which something
//! must be forgotten or decided anew.
//!
//! Symmetric ones are left out: servers, hosts and partitions are named in the order of their first use, and what a
//! scenario does not use (a server, a host, a redirect, a proxy, the second identity) is not in its world, so that no two
//! differ by names alone.
//!
//! What is not in these worlds is beyond the bound, however few steps it takes, and so are the faults that need it: a server
//! that is reloaded, has several ports, names that differ in case, a name on two servers or a certificate that nobody
//! trusts, or asks late in HTTP/2; a host for which no identity was chosen; two identities with one certificate, or one that
//! expires; steps that overlap, and requests in a pipeline; a choice that was declined, a server name of the caller's own, `same-origin`, an upload that is listened to.

use super::Engine;
use crate::scenario::{
    Action, Alpn, ClientCertificate, Credentials, Exchange, HostRule, Identity, InForce, Name,
    Redirect, Scenario, Server, Setting, Step, Target, TlsVersions, Trust, WorldEvent,
};

const HOSTS: [&str; 3] = ["api.test", "b.test", "img.api.test"];
const PARTITIONS: [&str; 2] = ["https://app.test", "https://shop.test"];

/// The path that is redirected, where one is.
const REDIRECTED: &str = "/go";

/// The rules on the handshake.
const HANDSHAKE_RULES: [ClientCertificate; 3] = [
    ClientCertificate::None,
    ClientCertificate::Request,
    ClientCertificate::Require,
];

/// The second identity's index.
const OTHER: u8 = 1;

/// All scenarios of at most so many steps.
#[derive(Debug)]
pub struct Exhaustive {
    worlds: Vec<World>,
    most: usize,
    /// Where it is: steps of the next scenario, its world, and its letters.
    steps: usize,
    world: usize,
    letters: Vec<usize>,
}

/// A world and the steps that can be taken in it.
#[derive(Debug)]
struct World {
    scenario: Scenario,
    alphabet: Vec<Letter>,
    /// What every scenario of this world must use; a smaller world has it otherwise.
    needs: Uses,
}

/// A step, and what it uses.
#[derive(Debug)]
struct Letter {
    step: Step,
    uses: Uses,
}

/// What a step uses of its world. Places (a host of a server) are numbered in the order in which they must be first used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Uses {
    place: Option<u8>,
    partition: Option<u8>,
    other_identity: bool,
    redirect: bool,
    proxy: bool,
}

impl Exhaustive {
    /// The bound within which the whole is run in minutes.
    pub const STEPS: usize = 3;

    /// All scenarios of one to `most` steps.
    pub fn up_to(most: usize) -> Self {
        Self::part(most, 0, 1)
    }

    /// The `part`-th of so many `parts`, which together are all: one for each thread.
    pub fn part(most: usize, part: usize, parts: usize) -> Self {
        let worlds = worlds()
            .into_iter()
            .skip(part)
            .step_by(parts.max(1))
            .map(World::new);
        Self {
            worlds: worlds.collect(),
            most,
            steps: 1,
            world: 0,
            letters: vec![0],
        }
    }

    /// Goes on to the next letters, of this world, the next or the next size. False at the end.
    fn advance(&mut self) -> bool {
        let base = self.worlds[self.world].alphabet.len();
        for letter in self.letters.iter_mut().rev() {
            *letter += 1;
            if *letter < base {
                return true;
            }
            *letter = 0;
        }
        self.world += 1;
        if self.world == self.worlds.len() {
            self.world = 0;
            self.steps += 1;
            self.letters.push(0);
        }
        self.steps <= self.most
    }
}

impl Engine for Exhaustive {
    fn next_scenario(&mut self) -> Option<Scenario> {
        while self.steps <= self.most && !self.worlds.is_empty() {
            let scenario = self.worlds[self.world].scenario(&self.letters);
            self.advance();
            if scenario.is_some() {
                return scenario;
            }
        }
        None
    }
}

impl World {
    fn new(scenario: Scenario) -> Self {
        let servers = || (0..).zip(&scenario.servers);
        let proxy = servers()
            .find(|(_, server)| server.proxy)
            .map(|(index, _)| index);
        let origins = servers().filter(|(_, server)| !server.proxy);
        let hosts: Vec<&Name> = origins.flat_map(|(_, server)| &server.hosts).collect();
        let redirects = !scenario.servers[0].redirects.is_empty();
        let needs = Uses {
            place: u8::try_from(hosts.len() - 1).ok(),
            redirect: redirects,
            proxy: proxy.is_some(),
            ..Uses::default()
        };
        let mut alphabet = Vec::new();
        for (place, host) in (0..).zip(&hosts) {
            for via in [None, proxy].into_iter().take(1 + usize::from(needs.proxy)) {
                alphabet.extend(requests(host, "/", place, via));
            }
        }
        if redirects {
            alphabet.extend(requests(hosts[0], REDIRECTED, 0, None));
        }
        alphabet.extend(events(&scenario).map(|event| Letter {
            step: Action::Event(event).into(),
            uses: Uses::default(),
        }));
        Self {
            scenario,
            alphabet,
            needs,
        }
    }

    /// The scenario of these letters; none if it is another one by other names, or belongs to a smaller world.
    fn scenario(&self, letters: &[usize]) -> Option<Scenario> {
        let uses = letters.iter().map(|&letter| self.alphabet[letter].uses);
        let used = in_order(uses)?;
        // A redirect uses the server that it leads to.
        let place = used.place.max(self.needs.place.filter(|_| used.redirect));
        let Uses {
            redirect, proxy, ..
        } = self.needs;
        if (place, used.redirect, used.proxy) != (self.needs.place, redirect, proxy) {
            return None;
        }
        let mut scenario = self.scenario.clone();
        scenario
            .identities
            .truncate(1 + usize::from(used.other_identity));
        let steps = letters
            .iter()
            .map(|&letter| self.alphabet[letter].step.clone());
        scenario.steps.extend(steps);
        Some(scenario)
    }
}

/// What all of these use together; none if something is not used in the order of the names.
fn in_order(all: impl Iterator<Item = Uses>) -> Option<Uses> {
    let next = |used: Option<u8>| used.map_or(0, |used| used + 1);
    let mut used = Uses::default();
    for uses in all {
        if uses.place > Some(next(used.place)) || uses.partition > Some(next(used.partition)) {
            return None;
        }
        used = Uses {
            place: used.place.max(uses.place),
            partition: used.partition.max(uses.partition),
            other_identity: used.other_identity || uses.other_identity,
            redirect: used.redirect || uses.redirect,
            proxy: used.proxy || uses.proxy,
        };
    }
    Some(used)
}

/// All requests for one place that take this way.
fn requests(host: &Name, path: &'static str, place: u8, via: Option<u8>) -> Vec<Letter> {
    let mut letters = Vec::new();
    for method in ["GET", "PUT"] {
        for credentials in [Credentials::Omit, Credentials::Include] {
            for (partition, top) in (0..).zip(PARTITIONS) {
                for identity in [None, Some(OTHER)] {
                    for trust in [Trust::Verify, Trust::Insecure] {
                        let exchange = Exchange {
                            url: Target {
                                host: host.clone(),
                                port: 443,
                                path: Name::const_new(path),
                            },
                            method: Name::const_new(method),
                            credentials,
                            top: Name::const_new(top),
                            identity,
                            trust,
                            via,
                            ..Exchange::default()
                        };
                        letters.push(Letter {
                            step: Action::Exchange(Box::new(exchange)).into(),
                            uses: Uses {
                                place: Some(place),
                                partition: Some(partition),
                                other_identity: identity.is_some(),
                                redirect: path == REDIRECTED,
                                proxy: via.is_some(),
                            },
                        });
                    }
                }
            }
        }
    }
    letters
}

/// The events after which something must be forgotten, or decided anew.
fn events(scenario: &Scenario) -> impl Iterator<Item = WorldEvent> {
    let servers = 0..u8::try_from(scenario.servers.len()).unwrap_or(u8::MAX);
    let close = servers.map(|server| WorldEvent::Close { server });
    let rule = match &scenario.servers[..] {
        [only] => Some(only.client_certificate),
        _ => None,
    };
    let others = HANDSHAKE_RULES
        .into_iter()
        .filter(move |&other| rule.is_some_and(|rule| rule != other && rule.late().is_none()));
    let reload = others.map(|rule| WorldEvent::Reload {
        server: 0,
        setting: Setting::ClientCertificate(rule),
    });
    close
        .chain([WorldEvent::Logout, WorldEvent::Renew { identity: 0 }])
        .chain(reload)
}

/// All worlds, without steps.
fn worlds() -> Vec<Scenario> {
    let protocols = [Alpn::Http1, Alpn::H2];
    let mut worlds = Vec::new();
    for mode in ClientCertificate::ALL {
        for alpn in protocols {
            let versions = match mode.late() {
                Some(only) => vec![only],
                None => vec![TlsVersions::Tls12, TlsVersions::Both],
            };
            for tls in versions {
                let server = Server {
                    tls,
                    ..server(0, mode, alpn)
                };
                if alpn == Alpn::H2 {
                    // Only who can share a connection can be joined by another host.
                    let mut two_hosts = server.clone();
                    two_hosts.hosts.push(Name::const_new(HOSTS[2]));
                    worlds.push(world(vec![two_hosts]));
                }
                let early = Server {
                    early_data: true,
                    ..server.clone()
                };
                if early.early_data_under(InForce::from(&early)) {
                    worlds.push(world(vec![early]));
                }
                worlds.push(world(vec![server]));
            }
        }
    }
    for rule in HANDSHAKE_RULES {
        for own in HANDSHAKE_RULES.into_iter().filter(|&own| own != rule) {
            worlds.extend(protocols.map(|alpn| {
                let mut two_hosts = server(0, rule, alpn);
                two_hosts.hosts.push(Name::const_new(HOSTS[2]));
                two_hosts.host_rules.push(HostRule {
                    host: Name::const_new(HOSTS[2]),
                    client_certificate: own,
                });
                world(vec![two_hosts])
            }));
        }
    }
    for mode in ClientCertificate::ALL {
        for asks in [ClientCertificate::None, ClientCertificate::Request] {
            let proxy = Server {
                proxy: true,
                ..server(1, asks, Alpn::Http1)
            };
            worlds.push(world(vec![server(0, mode, Alpn::Http1), proxy]));
        }
    }
    for first in ClientCertificate::ALL {
        for second in ClientCertificate::ALL {
            for alpn in protocols {
                let servers = vec![server(0, first, alpn), server(1, second, alpn)];
                worlds.push(world(servers));
            }
            let mut redirecting = server(0, first, Alpn::Http1);
            redirecting.redirects.push(Redirect {
                path: Name::const_new(REDIRECTED),
                to: Target {
                    host: Name::const_new(HOSTS[1]),
                    port: 443,
                    path: Name::const_new("/"),
                },
                status: 307,
            });
            worlds.push(world(vec![redirecting, server(1, second, Alpn::Http1)]));
        }
    }
    worlds
}

fn world(servers: Vec<Server>) -> Scenario {
    let hosts: Vec<Name> = servers.iter().flat_map(|it| it.hosts.clone()).collect();
    let identity = |name, hosts| Identity::new(Name::const_new(name), hosts);
    let mut world = Scenario {
        servers,
        identities: vec![identity("alice", hosts), identity("bob", Vec::new())],
        ..Scenario::default()
    };
    world.fixup();
    world
}

fn server(index: usize, client_certificate: ClientCertificate, alpn: Alpn) -> Server {
    Server {
        name: Name::const_new(["api", "b"][index]),
        hosts: vec![Name::const_new(HOSTS[index])],
        client_certificate,
        alpn,
        ..Server::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all(mut engine: Exhaustive) -> Vec<Scenario> {
        core::iter::from_fn(|| engine.next_scenario()).collect()
    }

    #[test]
    fn all_are_different_valid_and_in_order_of_size() {
        let all = all(Exhaustive::up_to(1));
        let texts: BTreeSet<String> = all.iter().map(Scenario::to_toml).collect();
        assert_eq!(texts.len(), all.len());
        let mut engine = Exhaustive::up_to(2);
        let of_two = core::iter::from_fn(|| engine.next_scenario()).skip(all.len());
        for scenario in all.iter().cloned().chain(of_two.step_by(61)) {
            let mut fixed = scenario.clone();
            fixed.fixup();
            assert_eq!(fixed, scenario);
        }
        let mut engine = Exhaustive::up_to(2);
        let sizes = core::iter::from_fn(|| engine.next_scenario()).take(2 * all.len());
        assert!(sizes.map(|it| it.steps.len()).is_sorted());
    }

    /// One host, one step: 16 requests (the first partition is the first), and events of which nothing uses the server.
    #[test]
    fn the_numbers_are_those_of_the_bound() {
        let one_step = all(Exhaustive::up_to(1));
        let one_host = worlds()
            .iter()
            .filter(|it| it.servers.len() == 1 && it.servers[0].hosts.len() == 1)
            .count();
        // Without early data and, in TLS 1.3, with it.
        assert_eq!(one_host, (3 * 4 + 2 * 2) + 3 * 2);
        // Two servers in one step: a redirect and where it leads, a proxy and what lies behind it.
        assert_eq!(one_step.len(), (one_host + 25 + 10) * 16);
    }

    #[test]
    fn the_parts_together_are_the_whole() {
        let texts =
            |engine| -> BTreeSet<String> { all(engine).iter().map(Scenario::to_toml).collect() };
        let parts = (0..3).flat_map(|part| texts(Exhaustive::part(1, part, 3)));
        assert_eq!(parts.collect::<BTreeSet<_>>(), texts(Exhaustive::up_to(1)));
    }

    #[test]
    fn names_are_given_in_the_order_of_first_use() {
        let place = |place| Uses {
            place: Some(place),
            ..Uses::default()
        };
        let partition = |partition| Uses {
            partition: Some(partition),
            ..Uses::default()
        };
        let table: [(&[Uses], bool); 6] = [
            (&[place(0), place(1), place(0)], true),
            (&[place(1), place(0)], false),
            (&[Uses::default(), place(1)], false),
            (&[place(0), place(2)], false),
            (&[partition(1)], false),
            (&[partition(0), place(0), partition(1)], true),
        ];
        for (uses, right) in table {
            assert_eq!(in_order(uses.iter().copied()).is_some(), right, "{uses:?}");
        }
    }
}

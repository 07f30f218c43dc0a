//! proptest, used as most people use it: a strategy for each type, every field on its own, nothing known of the problem.
//!
//! No request repeats an earlier one on purpose, no feature is switched off for a whole case: what the generator of this
//! crate knows is what this engine does without, and what it is compared with.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::Engine;
use crate::scenario::{
    Action, Alpn, Body, ClientCertificate, Cors, Credentials, Exchange, Identity, Issuer, Kind,
    Mode, Name, Redirect, Scenario, Server, ServerCertificate, Setting, Step, Target, TlsVersions,
    Trust, WorldEvent,
};

const HOSTS: [&str; 3] = ["api.test", "b.test", "img.api.test"];
const ORIGINS: [&str; 4] = [
    "https://app.test",
    "https://shop.test",
    "https://api.test",
    "https://b.test",
];

/// Scenarios from proptest's strategies.
#[derive(Debug)]
pub struct ByProptest {
    runner: TestRunner,
    strategy: BoxedStrategy<Scenario>,
}

impl ByProptest {
    /// A stream from a seed.
    pub fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let config = Config {
            failure_persistence: None,
            ..Config::default()
        };
        Self {
            runner: TestRunner::new_with_rng(config, rng),
            strategy: scenarios().boxed(),
        }
    }
}

impl Engine for ByProptest {
    fn next_scenario(&mut self) -> Option<Scenario> {
        // No strategy here filters, so none can give up.
        let tree = self.strategy.new_tree(&mut self.runner).ok()?;
        Some(tree.current())
    }
}

/// Any scenario of at most twelve steps.
pub fn scenarios() -> impl Strategy<Value = Scenario> {
    (worlds(), vec(steps(), 1..=12)).prop_map(|(world, steps)| {
        let mut scenario = Scenario { steps, ..world };
        scenario.fixup();
        scenario
    })
}

/// Any world of one or two servers and at most two identities, without steps; valid.
pub fn worlds() -> impl Strategy<Value = Scenario> {
    let hosts = vec(select(&HOSTS[..]), 0..=3);
    let held = vec((hosts, issuer(), option::weighted(0.2, Just(0))), 0..=2);
    (vec(server(), 1..=2), held).prop_map(|(mut servers, held)| {
        for (server, host) in servers.iter_mut().zip(HOSTS) {
            server.hosts.insert(0, Name::const_new(host));
        }
        let names = ["alice", "bob"].map(Name::const_new);
        let identity = |(name, (hosts, issuer, certificate_of)): (Name, (Vec<_>, _, _))| Identity {
            issuer,
            certificate_of,
            ..Identity::new(name, hosts.into_iter().map(Name::const_new).collect())
        };
        let identities = names.into_iter().zip(held).map(identity);
        let mut world = Scenario {
            servers,
            identities: identities.collect(),
            ..Scenario::default()
        };
        world.fixup();
        world
    })
}

/// Any step; what it names need not exist until it is part of a scenario that was [fixed up](Scenario::fixup). Only requests
/// overlap: what was under way when everything is retired may come to its end or not, and the scenario does not say which.
pub fn steps() -> impl Strategy<Value = Step> {
    let request =
        (exchange(), option::weighted(0.1, 0..4u8)).prop_map(|(exchange, overlap)| Step {
            overlap,
            ..Action::Exchange(Box::new(exchange)).into()
        });
    prop_oneof![
        4 => request,
        1 => event().prop_map(|event| Action::Event(event).into()),
    ]
}

fn server() -> impl Strategy<Value = Server> {
    let alpn = select(&[Alpn::Http1, Alpn::H2, Alpn::Both][..]);
    let certificate = select(&[ServerCertificate::Trusted, ServerCertificate::Untrusted][..]);
    let rest = (
        select(&ClientCertificate::ALL[..]),
        tls(),
        alpn,
        any::<bool>(),
        certificate,
        option::of(0..1_000u32),
        any::<bool>(),
        option::of(target()),
        any::<bool>(),
        (proptest::bool::weighted(0.2), any::<bool>(), issuer()),
    );
    rest.prop_map(
        |(
            mode,
            tls,
            alpn,
            tickets,
            certificate,
            max_age,
            allow,
            redirect,
            second_host,
            (proxy, early_data, accepts),
        )| {
            Server {
                name: Name::const_new("s"),
                hosts: second_host
                    .then_some(Name::const_new(HOSTS[2]))
                    .into_iter()
                    .collect(),
                client_certificate: mode,
                accepts,
                tls,
                alpn,
                tickets,
                certificate,
                cors: Cors {
                    allow_credentials: allow,
                    max_age,
                    ..Cors::default()
                },
                redirects: redirect
                    .map(|to| Redirect {
                        path: Name::const_new("/go"),
                        to,
                        status: 307,
                    })
                    .into_iter()
                    .collect(),
                proxy,
                early_data,
                ..Server::default()
            }
        },
    )
}

fn tls() -> impl Strategy<Value = TlsVersions> {
    select(&[TlsVersions::Tls12, TlsVersions::Tls13, TlsVersions::Both][..])
}

fn target() -> impl Strategy<Value = Target> {
    (select(&HOSTS[..]), select(&["/a", "/b", "/go"][..])).prop_map(|(host, path)| Target {
        host: Name::const_new(host),
        port: 443,
        path: Name::const_new(path),
    })
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let kind = select(
        &[
            Kind::Fetch,
            Kind::Navigate,
            Kind::Image,
            Kind::Websocket,
            Kind::Preconnect,
        ][..],
    );
    let credentials = select(
        &[
            Credentials::Omit,
            Credentials::SameOrigin,
            Credentials::Include,
        ][..],
    );
    let header = select(
        &[
            ("content-type", "application/json"),
            ("authorization", "Bearer t"),
            ("x-a", "1"),
        ][..],
    );
    let fields = (
        kind,
        target(),
        select(&["GET", "PUT", "POST", "DELETE"][..]),
        option::of(header),
        select(&[Mode::Cors, Mode::NoCors, Mode::SameOrigin][..]),
        credentials,
        select(&[Body::None, Body::Bytes, Body::Stream][..]),
        select(&ORIGINS[..]),
        select(&ORIGINS[..]),
        option::of(0..2u8),
        (
            select(&[Trust::Verify, Trust::Insecure][..]),
            option::of(0..2u8),
            any::<bool>(),
            proptest::bool::weighted(0.1),
            option::weighted(0.1, select(&HOSTS[..])),
            any::<bool>(),
        ),
    );
    fields.prop_map(
        |(
            kind,
            url,
            method,
            header,
            mode,
            credentials,
            body,
            from,
            top,
            identity,
            (trust, via, small_records, declines, server_name, pipelined),
        )| {
            Exchange {
                kind,
                url,
                method: Name::const_new(method),
                headers: header
                    .map(|(name, value)| (Name::const_new(name), Name::const_new(value)))
                    .into_iter()
                    .collect(),
                mode,
                credentials,
                body,
                from: Name::const_new(from),
                top: Name::const_new(top),
                identity,
                declines,
                trust,
                server_name: server_name.map(Name::const_new),
                via,
                small_records,
                pipelined,
                ..Exchange::default()
            }
        },
    )
}

fn issuer() -> impl Strategy<Value = Issuer> + Clone {
    select(&[Issuer::Users, Issuer::Staff][..])
}

fn setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        select(&ClientCertificate::ALL[..]).prop_map(Setting::ClientCertificate),
        any::<bool>().prop_map(Setting::Tickets),
        issuer().prop_map(Setting::Accepts),
        tls().prop_map(Setting::Tls),
    ]
}

fn event() -> impl Strategy<Value = WorldEvent> {
    let server = 0..2u8;
    prop_oneof![
        (0..10_000u32).prop_map(|seconds| WorldEvent::Time { seconds }),
        server
            .clone()
            .prop_map(|server| WorldEvent::Close { server }),
        server
            .clone()
            .prop_map(|server| WorldEvent::Restart { server }),
        server
            .clone()
            .prop_map(|server| WorldEvent::RotateTicketKeys { server }),
        (server.clone(), select(&ClientCertificate::ALL[..])).prop_map(
            |(server, client_certificate)| WorldEvent::ChangeMode {
                server,
                client_certificate,
            }
        ),
        (server, setting()).prop_map(|(server, setting)| WorldEvent::Reload { server, setting }),
        Just(WorldEvent::Logout),
        (0..2u8).prop_map(|identity| WorldEvent::Renew { identity }),
        Just(WorldEvent::NetworkChange),
    ]
}

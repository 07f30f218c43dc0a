//! Does rustls resume under the same key, and under no other?

use core::time::Duration;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bareflight_pool_key::{Description, Epoch, SessionLimits, TLS13_LIFETIME, tls::ClientConfigs};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};

use crate::common::description;

/// A server, what its clients trust, and a clock that stands still until it is set.
struct World {
    server: Arc<ServerConfig>,
    roots: Arc<RootCertStore>,
    configs: ClientConfigs,
    seconds: Arc<AtomicU64>,
}

impl World {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        let made = rcgen::generate_simple_self_signed(["api.test".into(), "app.test".into()])
            .expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a root");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let server = ServerConfig::builder_with_protocol_versions(&[version])
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a server");
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let clock = move || Duration::from_secs(clock.load(Ordering::Relaxed));
        let configs = ClientConfigs::new(2, SessionLimits::default(), clock);
        Self {
            server: Arc::new(server),
            roots: Arc::new(roots),
            configs,
            seconds,
        }
    }

    fn config(&mut self, what: Description) -> Arc<ClientConfig> {
        let roots = Arc::clone(&self.roots);
        self.configs
            .config(&what.keys().session, Duration::MAX, || {
                ClientConfig::builder()
                    .with_root_certificates(roots)
                    .with_no_client_auth()
            })
    }

    /// A whole connection under this description's key: was it resumed?
    fn resumes(&mut self, what: Description) -> bool {
        let config = self.config(what);
        self.resumes_with(config, "api.test")
    }

    fn resumes_with(&self, config: Arc<ClientConfig>, host: &'static str) -> bool {
        let name = ServerName::try_from(host).expect("a name");
        let mut client = ClientConnection::new(config, name).expect("a client");
        let mut server = ServerConnection::new(Arc::clone(&self.server)).expect("a server");
        let mut wire = Vec::new();
        for _ in 0..6 {
            wire.clear();
            client.write_tls(&mut wire).expect("memory takes it");
            server
                .read_tls(&mut wire.as_slice())
                .expect("memory gives it");
            server.process_new_packets().expect("a good client");
            wire.clear();
            server.write_tls(&mut wire).expect("memory takes it");
            client
                .read_tls(&mut wire.as_slice())
                .expect("memory gives it");
            client.process_new_packets().expect("a good server");
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        client.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    fn set_clock(&self, now: Duration) {
        self.seconds.store(now.as_secs(), Ordering::Relaxed);
    }
}

#[test]
fn the_same_key_resumes_and_another_does_not() {
    for version in [&TLS12, &TLS13] {
        let mut world = World::new(version);
        let alice = description(0, 0);
        let bare = Description {
            credentials: false,
            identity: None,
            ..alice
        };
        assert!(!world.resumes(alice), "{version:?}: the first");
        assert!(world.resumes(alice), "{version:?}: the second");
        assert!(
            !world.resumes(bare),
            "{version:?}: the first without credentials"
        );
        assert!(
            world.resumes(bare),
            "{version:?}: the second without credentials"
        );
        assert!(world.resumes(alice), "{version:?}: the other way round");
    }
}

#[test]
fn an_epoch_that_ends_ends_resumption_even_for_a_configuration_in_use() {
    for version in [&TLS12, &TLS13] {
        let mut world = World::new(version);
        let in_use = world.config(description(0, 0));
        world.resumes(description(0, 0));
        assert!(world.resumes_with(Arc::clone(&in_use), "api.test"));
        assert_eq!(world.configs.len(), 1);
        world.configs.retire(Epoch(1));
        assert!(world.configs.is_empty());
        assert!(!world.resumes_with(Arc::clone(&in_use), "api.test"));
        assert!(
            !world.resumes_with(in_use, "api.test"),
            "nor is anything stored"
        );
        assert!(!world.resumes(description(0, 1)));
        assert!(world.resumes(description(0, 1)));
    }
}

#[test]
fn a_configuration_serves_one_name() {
    for version in [&TLS12, &TLS13] {
        let mut world = World::new(version);
        let config = world.config(description(0, 0));
        assert!(!world.resumes_with(Arc::clone(&config), "api.test"));
        assert!(!world.resumes_with(Arc::clone(&config), "app.test"));
        assert!(!world.resumes_with(Arc::clone(&config), "app.test"));
        assert!(world.resumes_with(config, "api.test"));
    }
}

/// Each resumption brings a new ticket; the chain of them ends all the same.
#[test]
fn resumption_does_not_renew_the_authentication() {
    let mut world = World::new(&TLS13);
    let quarter = TLS13_LIFETIME / 4;
    assert!(!world.resumes(description(0, 0)));
    for n in 1..4 {
        world.set_clock(n * quarter);
        assert!(world.resumes(description(0, 0)), "{n}");
    }
    let in_use = world.config(description(0, 0));
    world.set_clock(TLS13_LIFETIME);
    assert!(
        !world.resumes_with(in_use, "api.test"),
        "nor for a configuration in use"
    );
    assert!(!world.resumes(description(0, 0)));
    assert!(world.resumes(description(0, 0)));
}

#[test]
fn a_configuration_that_makes_room_takes_its_sessions_along() {
    let mut world = World::new(&TLS13);
    let in_use = world.config(description(1, 0));
    for index in [0, 1, 0, 2] {
        world.resumes(description(index, 0));
    }
    assert!(!world.resumes_with(in_use, "api.test"));
    assert!(world.resumes(description(0, 0)));
    assert!(!world.resumes(description(1, 0)));
}

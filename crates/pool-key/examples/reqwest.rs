//! reqwest keeps connections by scheme, host and port inside a client, and a client has one certificate. So: one client
//! for each key, name lookups shared by all of them.
//!
//! ```text
//! cargo run -p bareflight-pool-key --example reqwest
//! ```

#![allow(clippy::unwrap_used, reason = "an example that cannot go on stops")]

use core::{net::SocketAddr, time::Duration};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bareflight_pool_key::{
    ClientIdentity, ConnectionKey, Description, IdentityId, Interner, KeyHandle, OriginId,
    ServerTrust, SessionLimits, TrustId, tls::ClientConfigs,
};
use reqwest::{
    Client, Method,
    dns::{Addrs, Name, Resolve, Resolving},
};
use server::Server;

mod server;

/// A client for each key. What can be shared without telling one request of another is: here, where hosts are.
struct Clients {
    clients: HashMap<ConnectionKey, Client>,
    configs: ClientConfigs,
    lookups: Arc<Lookups>,
}

impl Clients {
    fn client(
        &mut self,
        description: &Description,
        build: impl FnOnce() -> rustls::ClientConfig,
    ) -> &Client {
        let keys = description.keys();
        match self.clients.entry(keys.connection) {
            Entry::Occupied(client) => client.into_mut(),
            Entry::Vacant(place) => {
                let config = self.configs.config(&keys.session, Duration::MAX, build);
                let client = Client::builder()
                    .no_proxy()
                    // A copy has the same session store, which is that of the key.
                    .tls_backend_preconfigured(rustls::ClientConfig::clone(&config))
                    .dns_resolver(Arc::clone(&self.lookups))
                    .build();
                place.insert(client.unwrap())
            }
        }
    }
}

/// Where hosts are, for all clients alike.
struct Lookups {
    address: SocketAddr,
    asked: AtomicU32,
}

impl Resolve for Lookups {
    fn resolve(&self, _: Name) -> Resolving {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let addresses: Addrs = Box::new(core::iter::once(self.address));
        Box::pin(core::future::ready(Ok(addresses)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start().await;
    let origin = format!("https://localhost:{}", server.address.port());
    let url = format!("{origin}/items");

    println!("one client:");
    let client = Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(server.client(true))
        .build()
        .unwrap();
    let put = send(&client, Method::PUT, &url).await;
    let preflight = send(&client, Method::OPTIONS, &url).await;
    println!("  {put}\n  {preflight}");
    assert_eq!(put, "PUT by alice on connection 1");
    assert_eq!(preflight, "OPTIONS by alice on connection 1", "the leak");

    println!("a client for each key:");
    let (mut origins, mut identities, mut trusts) = (
        Interner::<OriginId, String>::new(1000),
        Interner::<IdentityId, ClientIdentity>::new(100),
        Interner::<TrustId, ServerTrust>::new(100),
    );
    let alice = ClientIdentity {
        chain: vec![server.alice()],
        key: KeyHandle(1),
    };
    let bare = Description::bare(
        origins.intern(origin.as_str()).unwrap(),
        trusts.intern(&ServerTrust::default()).unwrap(),
    );
    let credentialed = Description {
        credentials: true,
        identity: Some(identities.intern(&alice).unwrap()),
        ..bare
    };
    let started = std::time::Instant::now();
    let clock = move || started.elapsed();
    let mut clients = Clients {
        clients: HashMap::new(),
        configs: ClientConfigs::new(100, SessionLimits::default(), clock),
        lookups: Arc::new(Lookups {
            address: server.address,
            asked: AtomicU32::new(0),
        }),
    };
    let mut seen = Vec::new();
    for (method, description) in [
        (Method::OPTIONS, bare),
        (Method::PUT, credentialed),
        (Method::OPTIONS, bare),
        (Method::PUT, credentialed),
    ] {
        let alice = description.identity.is_some();
        let client = clients.client(&description, || server.client(alice));
        seen.push(send(client, method, &url).await);
        println!("  {}", seen[seen.len() - 1]);
    }
    assert_eq!(
        seen,
        [
            "OPTIONS by nobody on connection 2",
            "PUT by alice on connection 3",
            "OPTIONS by nobody on connection 2",
            "PUT by alice on connection 3",
        ]
    );
    assert_eq!(clients.lookups.asked.load(Ordering::Relaxed), 2);
}

async fn send(client: &Client, method: Method, url: &str) -> String {
    let response = client.request(method, url).send().await.unwrap();
    response.text().await.unwrap()
}

#[test]
fn it_shows_what_it_says() {
    main();
}

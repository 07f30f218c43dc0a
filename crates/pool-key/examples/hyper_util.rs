//! A plain hyper-util client lets a preflight ride the connection that the user's certificate was shown on. With a key for
//! each request it does not.
//!
//! ```text
//! cargo run -p bareflight-pool-key --example hyper_util
//! ```

#![allow(clippy::unwrap_used, reason = "an example that cannot go on stops")]

use core::time::Duration;
use std::sync::{Arc, Mutex};

use bareflight_pool_key::{
    ClientIdentity, Description, IdentityId, Interner, KeyHandle, OriginId, ServerTrust,
    SessionLimits, TrustId,
    connect::{Keyed, KeyedConnector},
    tls::ClientConfigs,
};
use http_body_util::BodyExt;
use hyper::{Method, Request, Uri};
use hyper_util::{
    client::{legacy::Client, pool::map::Map},
    rt::TokioExecutor,
};
use server::Server;

mod server;

type Plain = Client<KeyedConnector, String>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start().await;
    let uri: Uri = format!("https://localhost:{}/items", server.address.port())
        .parse()
        .unwrap();

    println!("one client, which files connections under scheme and authority:");
    let client = plain(Arc::new(server.client(true)));
    let put = send(&client, Method::PUT, &uri).await;
    let preflight = send(&client, Method::OPTIONS, &uri).await;
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
        origins.intern(uri.authority().unwrap().as_str()).unwrap(),
        trusts.intern(&ServerTrust::default()).unwrap(),
    );
    let credentialed = Description {
        credentials: true,
        identity: Some(identities.intern(&alice).unwrap()),
        ..bare
    };

    let started = std::time::Instant::now();
    let clock = move || started.elapsed();
    let configs = Mutex::new(ClientConfigs::new(100, SessionLimits::default(), clock));
    let mut clients = Map::builder::<Keyed<Uri>>()
        .keys(|to| to.keys.connection)
        .values(|to| {
            let alice = to.keys.session.description().identity.is_some();
            let build = || server.client(alice);
            let mut configs = configs.lock().unwrap();
            plain(configs.config(&to.keys.session, Duration::MAX, build))
        })
        .build();
    let mut seen = Vec::new();
    for (method, description) in [
        (Method::OPTIONS, bare),
        (Method::PUT, credentialed),
        (Method::OPTIONS, bare),
        (Method::PUT, credentialed),
    ] {
        let to = Keyed::new(&description, uri.clone());
        seen.push(send(clients.service(&to), method, &to.target).await);
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
}

fn plain(config: Arc<rustls::ClientConfig>) -> Plain {
    Client::builder(TokioExecutor::new()).build(KeyedConnector::tcp(config))
}

async fn send(client: &Plain, method: Method, uri: &Uri) -> String {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .body(String::new())
        .unwrap();
    let response = client.request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn it_shows_what_it_says() {
    main();
}

//! reqwest under the step protocol. A client is told its identity and its trust once, and has one pool: so there is one client for
//! each, as its documentation has it.

mod speak;

use std::time::Duration;

use speak::{ByKey, Key, Step, World};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("the first provider");
    let world = World::enter("reqwest");
    let mut clients = ByKey::new();
    while let Some((number, step)) = speak::next() {
        let client = clients
            .entry(step.key.clone())
            .or_insert_with(|| client(&world, &step.key));
        speak::tell(number, send(client, &step).await);
    }
}

fn client(world: &World, key: &Key) -> reqwest::Client {
    let authorities = std::fs::read(world.authorities()).expect("a file that was just made");
    let authorities = reqwest::Certificate::from_pem_bundle(&authorities).expect("certificates");
    let mut client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .tls_certs_only(authorities)
        .tls_danger_accept_invalid_certs(!key.verify);
    for (host, port, address) in world.servers() {
        let address = format!("{address}:{port}").parse().expect("an address");
        client = client.resolve(&host, address);
    }
    if let Some(name) = &key.identity {
        let identity = reqwest::Identity::from_pem(&world.read(name, "both"));
        client = client.identity(identity.expect("an identity"));
    }
    client.build().expect("a client")
}

async fn send(client: &reqwest::Client, step: &Step) -> Result<u16, String> {
    let method = step.method.parse().map_err(|_| "no method".to_owned())?;
    let mut request = client.request(method, &step.url);
    for (name, value) in &step.headers {
        request = request.header(name, value);
    }
    if let Some(body) = step.body.clone() {
        request = request.body(body);
    }
    let response = request.send().await.map_err(|error| format!("{error:?}"))?;
    let status = response.status().as_u16();
    response.bytes().await.map_err(|error| error.to_string())?;
    Ok(status)
}

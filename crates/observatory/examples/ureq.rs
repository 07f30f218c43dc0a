//! ureq under the step protocol: one agent, each request told its identity and its trust, which its API offers.

mod speak;

use speak::{ByKey, Key, Step, World};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

fn main() {
    let world = World::enter("ureq");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(std::time::Duration::from_secs(5)))
        .build()
        .into();
    // The same configuration is the same value, as a program would keep it.
    let mut configurations = ByKey::new();
    while let Some((number, step)) = speak::next() {
        let tls = configurations
            .entry(step.key.clone())
            .or_insert_with(|| tls(&world, &step.key));
        speak::tell(number, send(&agent, tls.clone(), &step));
    }
}

fn send(agent: &ureq::Agent, tls: TlsConfig, step: &Step) -> Result<u16, String> {
    let mut request = ureq::http::Request::builder()
        .method(step.method.as_str())
        .uri(&step.url);
    for (name, value) in &step.headers {
        request = request.header(name, value);
    }
    let body = step.body.clone().unwrap_or_default();
    let request = request.body(body).map_err(|error| error.to_string())?;
    let request = agent.configure_request(request).tls_config(tls).build();
    let response = agent.run(request).map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    // A connection goes back to the pool once its answer was read.
    response
        .into_body()
        .read_to_vec()
        .map_err(|error| error.to_string())?;
    Ok(status)
}

fn tls(world: &World, key: &Key) -> TlsConfig {
    let authorities = std::fs::read(world.authorities()).expect("a file that was just made");
    let authority = Certificate::from_pem(&authorities).expect("a certificate");
    let identity = key.identity.as_deref().map(|name| {
        let leaf = Certificate::from_pem(&world.read(name, "certificate")).expect("a certificate");
        let private = PrivateKey::from_pem(&world.read(name, "key")).expect("a key");
        ClientCert::new_with_certs(&[leaf], private)
    });
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[authority]))
        .client_cert(identity)
        .disable_verification(!key.verify)
        .build()
}

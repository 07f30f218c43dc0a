//! Does the whole path work: connect, ask, answer, resume, close?

use std::sync::Arc;

use bareflight_handshake_driver::*;
use bytes::Bytes;
use http::{Request, Response};

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

#[test]
fn smoke() {
    for version in [Versions::Tls12, Versions::Tls13] {
        for protocol in [Protocol::Http11, Protocol::H2] {
            let pki = Arc::new(Pki::default());
            let alice = pki.identity(&IdentityPlan::new("alice")).unwrap();
            let mut driver = Driver::new(pki);
            let mut plan = ServerPlan::new(&["api.test"]);
            plan.client_auth = ClientAuth::Require;
            plan.versions = version;
            let server = driver
                .add_server(plan, |_, _| {
                    Response::new(Bytes::from_static(b"hello")).into()
                })
                .unwrap();
            let mut configuration = ClientConfiguration::new(ConfigKey(1));
            configuration.answer = Answer::Present(alice);
            configuration.alpn = vec![protocol];
            let (connection, outcome) = driver.connect(server, "api.test", &configuration, None);
            println!("{outcome:?}");
            driver
                .send(connection.unwrap(), get("https://api.test/a"))
                .unwrap();
            driver
                .send(connection.unwrap(), get("https://api.test/b"))
                .unwrap();
            driver.run().unwrap();
            let mut session = None;
            for event in driver.events() {
                println!("  {event:?}");
                if let ClientEvent::Session { session: s, .. } = event {
                    session = Some(s);
                }
            }
            let (connection, outcome) = driver.connect(server, "api.test", &configuration, session);
            println!("{outcome:?}");
            driver.close(connection.unwrap()).unwrap();
            configuration.answer = Answer::Decline;
            configuration.key = ConfigKey(2);
            let (_, outcome) = driver.connect(server, "api.test", &configuration, None);
            println!("{outcome:?}");
            configuration.answer = Answer::Abort;
            configuration.key = ConfigKey(3);
            let (_, outcome) = driver.connect(server, "api.test", &configuration, None);
            println!("{outcome:?}");
            println!("{:#?} {:#?}", driver.events(), driver.observations());
        }
    }
}

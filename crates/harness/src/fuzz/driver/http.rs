//! Any number of requests on one connection, while either end may close it: each has one outcome, and an answer is the
//! answer to what was asked.

use std::collections::BTreeMap;

use ::http::{Method, Request};
use arbitrary::{Arbitrary, Unstructured};
use bareflight_handshake_driver::{
    ClientConfiguration, ClientEvent, ConfigKey, ConnectionId, Driver, Observation, Protocol,
    Reply, ServerPlan, StreamId, Versions,
};
use bytes::Bytes;

use super::{HOST, driver, told};

#[derive(Arbitrary, Debug)]
struct Input {
    h2: bool,
    old: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// Hands over a request; several may be handed over before any is sent.
    Send {
        post: bool,
        body: u16,
        fate: Fate,
    },
    /// Runs until nothing moves.
    Run,
    ClientCloses,
    ServerCloses,
    Cut,
}

/// What the server does with a request; its path says so.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Fate {
    Answered,
    AnsweredLast,
    NeverAnswered,
}

const STEPS: usize = 16;

/// The target `http`.
///
/// # Panics
///
/// Where a request has no outcome or two, or an answer is not the answer to it.
pub fn http(data: &[u8]) {
    let Ok(mut input) = Input::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    input.steps.truncate(STEPS);
    let mut run = Run::new(&input);
    for step in &input.steps {
        run.step(step);
    }
    run.finish();
}

struct Run {
    driver: Driver,
    connection: ConnectionId,
    sent: BTreeMap<StreamId, Request<Bytes>>,
    settled: BTreeMap<StreamId, Option<Bytes>>,
    arrived: u64,
}

impl Run {
    fn new(input: &Input) -> Self {
        let protocol = match input.h2 {
            true => Protocol::H2,
            false => Protocol::Http11,
        };
        let versions = match input.old {
            true => Versions::Tls12,
            false => Versions::Tls13,
        };
        let plan = ServerPlan {
            alpn: vec![protocol],
            versions,
            ..ServerPlan::new(&[HOST])
        };
        let mut driver = driver();
        let server = driver.add_server(plan, answer).expect("a plain server");
        let client = ClientConfiguration {
            alpn: vec![protocol],
            ..ClientConfiguration::new(ConfigKey(0))
        };
        let (connection, outcome) = driver.connect(server, HOST, &client, None);
        outcome.expect("a plain handshake");
        Self {
            driver,
            connection: connection.expect("it has a number"),
            sent: BTreeMap::new(),
            settled: BTreeMap::new(),
            arrived: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        let connection = self.connection;
        match *step {
            Step::Send { post, body, fate } => {
                let request = request(post, body, fate, self.sent.len());
                if let Ok(stream) = self.driver.send(connection, request.clone()) {
                    self.sent.insert(stream, request);
                }
                return;
            }
            Step::Run => self.driver.run(),
            Step::ClientCloses => self.driver.close(connection),
            Step::ServerCloses => self.driver.shut_down(connection),
            Step::Cut => self.driver.cut(connection),
        }
        .expect("it comes to rest");
        self.gather();
    }

    fn gather(&mut self) {
        for event in self.driver.events() {
            let (stream, answer) = match event {
                ClientEvent::Response {
                    stream, response, ..
                } => (stream, Some(response.into_body())),
                ClientEvent::Failed { stream, .. } => (stream, None),
                _ => continue,
            };
            let request = self
                .sent
                .get(&stream)
                .expect("only what was sent is settled");
            if let Some(answer) = &answer {
                assert_eq!(*answer, told(request), "the answer to another request");
            }
            let before = self.settled.insert(stream, answer);
            assert!(before.is_none(), "{stream} is settled twice");
        }
        let arrived = self.driver.observations().into_iter();
        self.arrived += arrived
            .filter(|seen| matches!(seen, Observation::Request(_)))
            .count() as u64;
    }

    fn finish(mut self) {
        self.step(&Step::Run);
        self.step(&Step::ClientCloses);
        let unsettled = self.sent.keys().filter(|it| !self.settled.contains_key(it));
        assert_eq!(unsettled.count(), 0, "a request without an outcome");
        let answered = self.settled.values().flatten().count() as u64;
        assert!(answered <= self.arrived, "an answer to what never arrived");
    }
}

fn request(post: bool, body: u16, fate: Fate, number: usize) -> Request<Bytes> {
    let (method, body) = match post {
        true => (Method::POST, Bytes::from(vec![b'x'; body.into()])),
        false => (Method::GET, Bytes::new()),
    };
    let fate = match fate {
        Fate::Answered => "answered",
        Fate::AnsweredLast => "last",
        Fate::NeverAnswered => "never",
    };
    Request::builder()
        .method(method)
        .uri(format!("https://{HOST}/{fate}/{number}"))
        .body(body)
        .expect("the parts of a request are its own")
}

fn answer(_: ConnectionId, request: &Request<Bytes>) -> Reply {
    let answer = ::http::Response::new(told(request));
    match request.uri().path().split('/').nth(1) {
        Some("last") => Reply::AnswerAndClose(answer),
        Some("never") => Reply::Never,
        _ => Reply::Answer(answer),
    }
}

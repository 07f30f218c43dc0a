//! What does the user agent ask its transport to do? Told step by step: the test is the transport.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fetches;
mod pipelining;
mod proxies;
mod sessions;

use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use bareflight_policy::{
    CertificateAnswer, CredentialsMode, HeaderList, Method, NetworkPartitionKey, Origin, Profile,
    Purpose, Request, RequestUrl,
};
use bareflight_pool_key::Leg;
use bareflight_user_agent::{
    Action, Alpn, Connect, ConnectionId, EndReason, Event, FetchId, FetchRequest, Limits,
    NetworkError, Outcome, Protocol, Proxy, Send, SessionHandle, Standard, UserAgent, trust,
};

const APP: &str = "https://app.test";
const API: &str = "https://api.test/items";

struct Test {
    agent: UserAgent,
    started: u32,
}

impl Test {
    fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    fn with_limits(limits: Limits) -> Self {
        let mut agent = UserAgent::new(Profile::fetch(), &Standard, limits);
        agent.identities().add("alice", ["api.test"]);
        Self { agent, started: 0 }
    }

    fn fetch(&mut self, request: Request) -> FetchId {
        self.fetch_via(None, request)
    }

    fn fetch_via(&mut self, via: Option<Proxy>, request: Request) -> FetchId {
        self.fetch_with(|wanted| wanted.via = via, request)
    }

    /// A fetch of which more is said.
    fn fetch_with(&mut self, more: impl FnOnce(&mut FetchRequest), request: Request) -> FetchId {
        let id = FetchId(self.started);
        self.started += 1;
        let mut wanted = FetchRequest {
            id,
            request,
            identity: None,
            declines: false,
            trust: trust(NonZeroU32::MIN),
            server_name: None,
            via: None,
            preconnect: false,
            pipelined: false,
        };
        more(&mut wanted);
        self.agent.fetch(wanted);
        id
    }

    fn connect(&mut self) -> Connect {
        match self.agent.poll() {
            Some(Action::Connect(connect)) => connect,
            other => panic!("expected a connection, got {other:?}"),
        }
    }

    fn sent(&mut self) -> Send {
        match self.agent.poll() {
            Some(Action::Send(send)) => send,
            other => panic!("expected a request, got {other:?}"),
        }
    }

    fn finished(&mut self) -> (FetchId, Outcome) {
        match self.agent.poll() {
            Some(Action::Finish { fetch, outcome }) => (fetch, outcome),
            other => panic!("expected an end, got {other:?}"),
        }
    }

    fn connected(&mut self, connection: ConnectionId, protocol: Protocol, asked: bool) {
        let names: Arc<[String]> = ["api.test".to_owned(), "b.test".to_owned()].into();
        self.agent.handle(Event::Connected {
            connection,
            protocol,
            asked,
            names,
        });
    }

    fn closed(&mut self, connection: ConnectionId, asked: bool, reason: EndReason) {
        self.agent.handle(Event::Closed {
            connection,
            asked,
            reason,
        });
    }

    /// Answers a request as a server does that allows everything.
    fn respond(&mut self, send: &Send, status: u16) {
        let headers = [
            ("access-control-allow-origin", APP),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "PUT"),
            ("access-control-allow-headers", "authorization"),
        ];
        let headers =
            HeaderList::parse(headers.map(|(name, value)| (name, value.as_bytes()))).unwrap();
        let (connection, stream) = (send.connection, send.stream);
        self.agent.handle(Event::Response {
            connection,
            stream,
            status,
            headers,
        });
    }

    /// Answers 421 as a server does that does not look at the request: without a word on CORS.
    fn misdirected(&mut self, send: &Send) {
        self.agent.handle(Event::Response {
            connection: send.connection,
            stream: send.stream,
            status: 421,
            headers: HeaderList::new(),
        });
    }

    /// A request that needs no preflight, from its beginning to its end.
    fn get(&mut self, request: Request) -> Connect {
        self.get_via(None, request)
    }

    fn get_via(&mut self, via: Option<Proxy>, request: Request) -> Connect {
        self.fetch_via(via, request);
        let connect = self.connect();
        self.connected(connect.connection, Protocol::Http1, false);
        let send = self.sent();
        self.respond(&send, 200);
        assert_eq!(self.finished().1, Outcome::Response(200));
        connect
    }
}

fn request(url: &str, method: Method, credentials: CredentialsMode) -> Request {
    let origin = Origin::parse(APP).unwrap();
    let mut request = Request::fetch_api(RequestUrl::parse(url).unwrap(), origin.clone());
    request.method = method;
    request.credentials_mode = credentials;
    request.network_partition_key = Some(NetworkPartitionKey::of_top_level(&origin));
    request
}

fn get(credentials: CredentialsMode) -> Request {
    request(API, Method::GET, credentials)
}

fn put() -> Request {
    request(API, Method::PUT, CredentialsMode::Include)
}

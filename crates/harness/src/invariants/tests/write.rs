//! How to write a log by hand: one function a record, the usual values filled in.

use super::Example;
use crate::log::{
    Cause, Client, Connection, Event, LateAuthentication, LateKind, Leg, Outcome, Protocol, Record,
    Request, Response, Ticket, Tls,
};
use crate::scenario::Name;

/// Two servers that ask for a certificate; the first has two names and two ports, and redirects to the second. A third
/// insists on one for one of its two virtual hosts. A fourth is trusted by nobody, nor is the second of two proxies. The first
/// asks too. The user has one identity for each that asks.
pub(super) const WORLD: &str = r#"
bareflight = 1

[server.api]
hosts = ["api.test", "img.api.test"]
ports = [443, 8443]
client-certificate = "request"
redirects = { "/go" = "https://b.test/" }

[server.b]
hosts = ["b.test"]
client-certificate = "request"

[server.hosting]
hosts = ["open.test", "admin.test"]
host-rules = { "admin.test" = "require" }

[server.shady]
hosts = ["shady.test", "192.0.2.1"]
certificate = "untrusted"

[server.proxy]
hosts = ["proxy.test"]
client-certificate = "request"
proxy = true

[server.shady-proxy]
hosts = ["shady-proxy.test"]
certificate = "untrusted"
proxy = true

[identity.alice]
for = ["api.test", "img.api.test", "open.test", "admin.test"]

[identity.bob]
for = ["b.test"]
intermediate-lifetime = 3600

[identity.carol]
for = ["proxy.test"]
"#;

macro_rules! step {
    ($(#[$doc:meta])* $name:ident: $($line:literal),+) => {
        $(#[$doc])*
        pub(super) const $name: &str = concat!("[[step]]\n", $($line, "\n"),+);
    };
}

step!(/// A credentialed GET: no preflight, alice.
    GET: "fetch = 'https://api.test/'", "credentials = 'include'");
step!(/// The credentialed GET through the proxy.
    GET_VIA: "fetch = 'https://api.test/'", "credentials = 'include'", "via = 'proxy'");
step!(/// A GET without credentials through the proxy.
    OMIT_VIA: "fetch = 'https://api.test/'", "credentials = 'omit'", "via = 'proxy'");
step!(/// A GET from the server that nobody trusts, by its address.
    GET_SHADY_ADDRESS: "fetch = 'https://192.0.2.1/'");
step!(/// A GET through the proxy that nobody trusts.
    GET_VIA_SHADY: "fetch = 'https://api.test/'", "credentials = 'include'", "via = 'shady-proxy'");
step!(/// A GET without credentials.
    OMIT: "fetch = 'https://api.test/'", "credentials = 'omit'");
step!(/// A credentialed PUT: a preflight, then alice.
    PUT: "fetch = 'https://api.test/'", "method = 'PUT'", "credentials = 'include'");
step!(/// The credentialed PUT through the proxy.
    PUT_VIA: "fetch = 'https://api.test/'", "method = 'PUT'", "credentials = 'include'", "via = 'proxy'");
step!(/// A PUT without credentials.
    PUT_OMIT: "fetch = 'https://api.test/'", "method = 'PUT'", "credentials = 'omit'");
step!(/// The credentialed GET under another top-level site.
    GET_AT_SHOP: "fetch = 'https://api.test/'", "credentials = 'include'", "top = 'https://shop.test'");
step!(/// The credentialed PUT under another top-level site.
    PUT_AT_SHOP: "fetch = 'https://api.test/'", "method = 'PUT'", "credentials = 'include'", "top = 'https://shop.test'");
step!(/// The credentialed GET as bob.
    GET_AS_BOB: "fetch = 'https://api.test/'", "credentials = 'include'", "identity = 'bob'");
step!(/// The credentialed GET, the server's certificate not verified.
    GET_INSECURE: "fetch = 'https://api.test/'", "credentials = 'include'", "trust = 'insecure'");
step!(/// The credentialed GET under another top-level site, where the user sends no certificate if asked.
    GET_DECLINED_AT_SHOP: "fetch = 'https://api.test/'", "credentials = 'include'", "top = 'https://shop.test'", "declines = true");
step!(/// The credentialed GET, the server being asked for its other name.
    GET_UNDER_IMG: "fetch = 'https://api.test/'", "credentials = 'include'", "server-name = 'img.api.test'");
step!(/// A credentialed GET from the server that nobody trusts.
    GET_SHADY: "fetch = 'https://shady.test/'", "credentials = 'include'");
step!(/// The same, not verified.
    GET_SHADY_INSECURE: "fetch = 'https://shady.test/'", "credentials = 'include'", "trust = 'insecure'");
step!(/// The server speaks TLS 1.2 alone from now on, and keeps its sessions.
    SPEAKS_TLS12: "event = 'reload'", "server = 'api'", "tls = ['1.2']");
step!(/// The server speaks TLS 1.3 alone from now on, and keeps its sessions.
    SPEAKS_TLS13: "event = 'reload'", "server = 'api'", "tls = ['1.3']");
step!(/// The credentialed GET of the other name.
    GET_IMG: "fetch = 'https://img.api.test/'", "credentials = 'include'");
step!(/// The GET of the other name, without credentials.
    OMIT_IMG: "fetch = 'https://img.api.test/'", "credentials = 'omit'");
step!(/// The credentialed GET on the other port.
    GET_8443: "fetch = 'https://api.test:8443/'", "credentials = 'include'");
step!(/// A credentialed GET that is redirected to b.test.
    GO: "fetch = 'https://api.test/go'", "credentials = 'include'");
step!(/// From now on the server asks after the handshake.
    ASKS_LATE: "event = 'change-mode'", "server = 'api'", "client-certificate = 'post-handshake'");
step!(/// And in the handshake again.
    ASKS_AGAIN: "event = 'change-mode'", "server = 'api'", "client-certificate = 'request'");
step!(/// A credentialed GET from the virtual host that does not ask.
    GET_OPEN: "fetch = 'https://open.test/'", "credentials = 'include'");
step!(/// A credentialed GET from the virtual host that insists.
    GET_ADMIN: "fetch = 'https://admin.test/'", "credentials = 'include'");
step!(/// The server forgets its sessions.
    ROTATE: "event = 'rotate-ticket-keys'", "server = 'api'");
step!(/// The server restarts, and insists on a certificate from now on.
    REQUIRES: "event = 'change-mode'", "server = 'api'", "client-certificate = 'require'");
step!(/// The server switches its session tickets off, and keeps what it has issued.
    TICKETS_OFF: "event = 'reload'", "server = 'api'", "tickets = false");
step!(/// The server takes the certificates of another authority than alice's, and keeps its sessions.
    TAKES_STAFF: "event = 'reload'", "server = 'api'", "accepts = 'staff'");
step!(/// It asks nobody any more, and keeps its sessions.
    ASKS_NOBODY: "event = 'reload'", "server = 'api'", "client-certificate = 'none'");
step!(/// The server with the virtual hosts asks for a certificate where it does not insist on one.
    HOSTING_ASKS: "event = 'change-mode'", "server = 'hosting'", "client-certificate = 'request'");
step!(/// And takes the certificates of another authority than alice's.
    HOSTING_TAKES_STAFF: "event = 'reload'", "server = 'hosting'", "accepts = 'staff'");
step!(/// The user logs out.
    LOGOUT: "event = 'logout'");
step!(/// Carol's certificate is renewed.
    RENEW_CAROL: "event = 'renew'", "identity = 'carol'");
step!(/// Alice's certificate is renewed.
    RENEW: "event = 'renew'", "identity = 'alice'");

/// An example in which all invariants hold.
pub(super) fn holds(
    about: &'static str,
    story: &'static str,
    scenario: &[&'static str],
    log: Vec<Record>,
) -> Example {
    breaks(about, story, scenario, log, &[])
}

/// An example in which these invariants, and no others, break at these records.
pub(super) fn breaks(
    about: &'static str,
    story: &'static str,
    scenario: &[&'static str],
    log: Vec<Record>,
    breaks: &[(&'static str, usize)],
) -> Example {
    let scenario = [&[WORLD], scenario].concat();
    Example {
        about,
        story,
        scenario,
        profile: "fetch",
        log,
        breaks: breaks.to_vec(),
    }
}

/// The example under another profile.
pub(super) fn under(profile: &'static str, example: Example) -> Example {
    Example { profile, ..example }
}

/// A log, record by record.
macro_rules! log {
    ($($record:expr),* $(,)?) => { vec![$($crate::log::Record::from($record)),*] };
}
pub(super) use log;

/// A step begins.
pub(super) fn step(step: u16) -> Event {
    Event::Step { step }
}

/// A connection to api.test that was opened for `cause`; the server asked, and sees `client`.
pub(super) fn connection(id: u32, cause: Cause, client: Client) -> Connection {
    Connection {
        id,
        server: Name::const_new("api"),
        port: 443,
        leg: Leg::Origin,
        through: None,
        sni: Some(Name::const_new("api.test")),
        cause: Some(cause),
        tls: Some(Tls::V1_3),
        alpn: Some(Protocol::Http1),
        asked: true,
        client,
        offered: None,
        resumed: None,
        early_data: false,
        failed: None,
    }
}

/// As [`connection`], by resuming a session: nobody asked, the client is who the session says.
pub(super) fn resumption(id: u32, cause: Cause, client: Client, session: u32) -> Connection {
    Connection {
        asked: false,
        offered: Some(session),
        resumed: Some(session),
        ..connection(id, cause, client)
    }
}

/// As [`connection`], with a session that was offered and not taken.
pub(super) fn offering(id: u32, cause: Cause, client: Client, session: u32) -> Connection {
    Connection {
        offered: Some(session),
        ..connection(id, cause, client)
    }
}

/// As a connection, but to another server.
pub(super) fn to(server: &'static str, host: &'static str, connection: Connection) -> Connection {
    Connection {
        server: Name::const_new(server),
        sni: Some(Name::const_new(host)),
        ..connection
    }
}

/// A connection to the proxy, for its tunnel.
pub(super) fn to_proxy(connection: Connection) -> Connection {
    Connection {
        leg: Leg::Proxy,
        ..to("proxy", "proxy.test", connection)
    }
}

/// A connection inside the tunnel of another.
pub(super) fn through(hop: u32, connection: Connection) -> Connection {
    Connection {
        through: Some(hop),
        ..connection
    }
}

/// As a connection, but with HTTP/2.
pub(super) fn h2(connection: Connection) -> Connection {
    Connection {
        alpn: Some(Protocol::H2),
        ..connection
    }
}

/// As a connection, but with TLS 1.2.
pub(super) fn tls12(connection: Connection) -> Connection {
    Connection {
        tls: Some(Tls::V1_2),
        ..connection
    }
}

/// A GET as alice that brings session 1, and the end of its connection; and then these.
pub(super) fn after_a_get(more: Vec<Record>) -> Vec<Record> {
    let mut log = log![
        step(0),
        connection(1, for_request(0), alice()),
        ticket(1, 1),
        request(1, for_request(0)),
        answer(1, 200),
        done(0),
        closed(1),
    ];
    log.extend(more);
    log
}

/// As a connection, but failed.
pub(super) fn failed(reason: &'static str, connection: Connection) -> Connection {
    Connection {
        failed: Some(Name::const_new(reason)),
        ..connection
    }
}

/// The request of a step.
pub(super) fn for_request(step: u16) -> Cause {
    Cause {
        step,
        hop: 0,
        preflight: false,
    }
}

/// The preflight of a step.
pub(super) fn for_preflight(step: u16) -> Cause {
    Cause {
        step,
        hop: 0,
        preflight: true,
    }
}

/// The request of a step after so many redirects.
pub(super) fn for_hop(step: u16, hop: u8) -> Cause {
    Cause {
        step,
        hop,
        preflight: false,
    }
}

pub(super) fn alice() -> Client {
    Client::Identity {
        name: Name::const_new("alice"),
        renewal: 0,
    }
}

pub(super) fn renewed_alice() -> Client {
    Client::Identity {
        name: Name::const_new("alice"),
        renewal: 1,
    }
}

pub(super) fn bob() -> Client {
    Client::Identity {
        name: Name::const_new("bob"),
        renewal: 0,
    }
}

/// Whom the user is to the proxy.
pub(super) fn carol() -> Client {
    Client::Identity {
        name: Name::const_new("carol"),
        renewal: 0,
    }
}

/// The request of `cause`, the first on its connection.
pub(super) fn request(connection: u32, cause: Cause) -> Request {
    nth_request(connection, 1, cause)
}

/// The request of `cause` as the `stream`th on its connection.
pub(super) fn nth_request(connection: u32, stream: u32, cause: Cause) -> Request {
    Request {
        connection,
        stream,
        step: Some(cause.step),
        hop: cause.hop,
        method: Name::const_new(if cause.preflight { "OPTIONS" } else { "GET" }),
        authority: Name::const_new("api.test"),
        target: Name::const_new("/"),
        preflight: cause.preflight,
        origin: Some(Name::const_new("https://app.test")),
        cookie: false,
        authorization: false,
        client_cert: false,
        behind: 0,
    }
}

/// A request that began to arrive when so many before it had no answer.
pub(super) fn behind(unanswered: u32, request: Request) -> Request {
    Request {
        behind: unanswered,
        ..request
    }
}

/// A request to another authority.
pub(super) fn at(authority: &'static str, request: Request) -> Request {
    Request {
        authority: Name::const_new(authority),
        ..request
    }
}

/// The answer to the first request on a connection.
pub(super) fn answer(connection: u32, status: u16) -> Event {
    nth_answer(connection, 1, status)
}

/// The answer to the `stream`th request on a connection.
pub(super) fn nth_answer(connection: u32, stream: u32, status: u16) -> Event {
    Event::Response(Response {
        connection,
        stream,
        status,
    })
}

/// A session for two hours.
pub(super) fn ticket(session: u32, connection: u32) -> Ticket {
    Ticket {
        session,
        connection,
        lifetime: 7_200,
    }
}

pub(super) fn closed(connection: u32) -> Event {
    Event::Closed { connection }
}

/// The caller of a step got its answer.
pub(super) fn done(step: u16) -> Event {
    Event::Outcome {
        step,
        outcome: Outcome::Status(200),
    }
}

/// The caller of a step got a network error.
pub(super) fn error(step: u16, error: &'static str) -> Event {
    Event::Outcome {
        step,
        outcome: Outcome::Error(Name::const_new(error)),
    }
}

/// The user was asked to choose.
pub(super) fn prompt(cause: Cause) -> Event {
    Event::Prompt { cause }
}

/// The server asked after the first request on a connection, and sees `client` then.
pub(super) fn late(connection: u32, client: Client) -> LateAuthentication {
    LateAuthentication {
        connection,
        stream: 1,
        kind: LateKind::PostHandshake,
        client,
        refused: false,
    }
}

/// A record so many seconds after the beginning.
pub(super) fn after(seconds: u64, record: impl Into<Record>) -> Record {
    Record {
        at: seconds * 1_000,
        ..record.into()
    }
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        Self { at: 0, event }
    }
}

macro_rules! record_of {
    ($($payload:ident),+) => {
        $(impl From<$payload> for Record {
            fn from(it: $payload) -> Self {
                Event::$payload(it).into()
            }
        })+
    };
}
record_of!(Connection, Request, Ticket, LateAuthentication);

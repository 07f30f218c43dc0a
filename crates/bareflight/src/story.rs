//! What happened, in the order and in the words in which people want to hear it: the common ground of `explain` and of
//! the drawing.

use bareflight_harness::case::{Case, Hop};
use bareflight_harness::invariants::Violation;
use bareflight_harness::log::{
    Cause, Client, Connection, Event, LateAuthentication, LateKind, Leg, Log, Outcome, Protocol,
    Request, Ticket, Tls,
};
use bareflight_harness::scenario::{
    Action, Body, Credentials, Exchange, Kind, Mode, Scenario, Setting, Step, TlsVersions, Trust,
    WorldEvent,
};

/// A log made ready to be told.
#[derive(Debug)]
pub(crate) struct Story<'l> {
    /// What was run.
    pub(crate) case: &'l Case<'l>,
    /// The connections, in order.
    pub(crate) lanes: Vec<Lane<'l>>,
    /// What happened, in order.
    pub(crate) acts: Vec<Act<'l>>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Lane<'l> {
    /// Its handshake.
    pub(crate) event: &'l Connection,
    /// The number of the connection on which the session that it offered was issued.
    pub(crate) issuer: Option<u32>,
    /// Requests that it served.
    pub(crate) served: usize,
}

/// One thing that happened.
#[derive(Debug)]
pub(crate) struct Act<'l> {
    /// The record of the log.
    pub(crate) record: usize,
    /// Milliseconds since the run began.
    pub(crate) at: u64,
    /// The step that it belongs to, if known.
    pub(crate) step: Option<u16>,
    /// What happened.
    pub(crate) what: What<'l>,
    /// What broke here.
    pub(crate) broken: Vec<&'l Violation>,
}

/// What happened. A lane is an index into [`Story::lanes`].
#[derive(Debug)]
pub(crate) enum What<'l> {
    /// A step of the scenario began.
    Step(&'l Step),
    /// A connection was made, or not.
    Handshake {
        /// The connection.
        lane: usize,
    },
    /// A request rode a connection.
    Request {
        /// The connection.
        lane: usize,
        /// The request.
        request: &'l Request,
        /// Whether others rode the connection before.
        reused: bool,
        /// The status of the answer, if one came.
        status: Option<u16>,
    },
    /// The server asked for a certificate after the handshake.
    Late {
        /// The connection.
        lane: usize,
        /// What was asked and answered.
        late: &'l LateAuthentication,
    },
    /// A session was issued.
    Ticket {
        /// The connection.
        lane: usize,
        /// The session.
        ticket: &'l Ticket,
    },
    /// The user was asked to choose a certificate.
    Prompt,
    /// A connection ended.
    Closed {
        /// The connection.
        lane: usize,
    },
    /// What the caller of a step saw.
    Outcome(&'l Outcome),
}

impl What<'_> {
    /// The connection that it is about.
    pub(crate) fn lane(&self) -> Option<usize> {
        match self {
            Self::Handshake { lane }
            | Self::Request { lane, .. }
            | Self::Late { lane, .. }
            | Self::Ticket { lane, .. }
            | Self::Closed { lane } => Some(*lane),
            Self::Step(_) | Self::Prompt | Self::Outcome(_) => None,
        }
    }
}

impl<'l> Story<'l> {
    /// Reads a log. Records that speak of connections that it does not have are left out.
    pub(crate) fn of(case: &'l Case<'l>, log: &'l Log, violations: &'l [Violation]) -> Self {
        let mut story = Self {
            case,
            lanes: Vec::new(),
            acts: Vec::new(),
        };
        for (record, it) in log.records.iter().enumerate() {
            let step = step_of(&it.event);
            if let Some(what) = story.read(&it.event) {
                story.acts.push(Act {
                    record,
                    at: it.at,
                    step,
                    what,
                    broken: Vec::new(),
                });
            }
        }
        for violation in violations {
            // An invariant may point at a record that is told together with an earlier one.
            let after = story
                .acts
                .partition_point(|act| act.record <= violation.record);
            if let Some(act) = after
                .checked_sub(1)
                .and_then(|index| story.acts.get_mut(index))
            {
                act.broken.push(violation);
            }
        }
        story
    }

    fn read(&mut self, event: &'l Event) -> Option<What<'l>> {
        Some(match event {
            Event::Step { step } => What::Step(self.case.scenario.steps.get(usize::from(*step))?),
            Event::Connection(event) => {
                let issuer = event
                    .offered
                    .or(event.resumed)
                    .and_then(|session| self.issuer(session));
                self.lanes.push(Lane {
                    event,
                    issuer,
                    served: 0,
                });
                What::Handshake {
                    lane: self.lanes.len() - 1,
                }
            }
            Event::Request(request) => {
                let lane = self.lane(request.connection)?;
                self.lanes[lane].served += 1;
                What::Request {
                    lane,
                    request,
                    reused: self.lanes[lane].served > 1,
                    status: None,
                }
            }
            Event::Response(response) => {
                self.answer(response.connection, response.stream, response.status);
                return None;
            }
            Event::LateAuthentication(late) => What::Late {
                lane: self.lane(late.connection)?,
                late,
            },
            Event::Ticket(ticket) => What::Ticket {
                lane: self.lane(ticket.connection)?,
                ticket,
            },
            Event::Prompt { .. } => What::Prompt,
            Event::Closed { connection } => What::Closed {
                lane: self.lane(*connection)?,
            },
            Event::Outcome { outcome, .. } => What::Outcome(outcome),
        })
    }

    fn lane(&self, connection: u32) -> Option<usize> {
        self.lanes
            .iter()
            .rposition(|lane| lane.event.id == connection)
    }

    /// The connection on which a session was issued.
    fn issuer(&self, session: u32) -> Option<u32> {
        self.acts.iter().find_map(|act| match act.what {
            What::Ticket { lane, ticket } if ticket.session == session => {
                Some(self.lanes[lane].event.id)
            }
            _ => None,
        })
    }

    fn answer(&mut self, connection: u32, stream: u32, answered: u16) {
        for act in self.acts.iter_mut().rev() {
            if let What::Request {
                request, status, ..
            } = &mut act.what
                && request.connection == connection
                && request.stream == stream
            {
                *status = Some(answered);
                return;
            }
        }
    }

    /// The request as the policy sees it.
    pub(crate) fn hop(&self, request: &Request) -> Option<&'l Hop> {
        self.case.hop(request.step?, request.hop)
    }

    /// What a request may carry, in words.
    pub(crate) fn carries(&self, request: &Request) -> String {
        if request.method == "CONNECT" {
            return "for the tunnel".to_owned();
        }
        let identity = self.hop(request).and_then(|hop| hop.identity);
        let name = identity.and_then(|index| self.case.scenario.identities.get(usize::from(index)));
        let mut words = match (request.preflight, self.hop(request), name) {
            (true, ..) => "preflight".to_owned(),
            (false, None, _) => "of an unknown step".to_owned(),
            (false, Some(hop), _) if !hop.include_credentials => "no credentials".to_owned(),
            (false, Some(_), None) => "credentials".to_owned(),
            (false, Some(_), Some(identity)) => format!("credentials of {}", identity.name),
        };
        let headers = [
            ("Cookie", request.cookie),
            ("Authorization", request.authorization),
            ("Client-Cert", request.client_cert),
        ];
        for (header, _) in headers.into_iter().filter(|(_, carried)| *carried) {
            words.push_str(", ");
            words.push_str(header);
        }
        words
    }
}

/// The step that a record of the log belongs to, from 0: its own, or the last that began.
pub(crate) fn record_step(log: &Log, record: usize) -> Option<u16> {
    let until = log.records.get(..=record)?;
    until.last().and_then(|it| step_of(&it.event)).or_else(|| {
        until.iter().rev().find_map(|it| match it.event {
            Event::Step { step } => Some(step),
            _ => None,
        })
    })
}

fn step_of(event: &Event) -> Option<u16> {
    match event {
        Event::Step { step } | Event::Outcome { step, .. } => Some(*step),
        Event::Connection(connection) => connection.cause.map(|cause| cause.step),
        Event::Prompt { cause } => Some(cause.step),
        Event::Request(request) => request.step,
        _ => None,
    }
}

/// How a connection came to be: `full handshake`, `resumes session 1 of #1`, …
pub(crate) fn handshake(lane: &Lane<'_>) -> String {
    let of = lane
        .issuer
        .map_or_else(String::new, |id| format!(" of #{id}"));
    match (lane.event.resumed, lane.event.offered) {
        (Some(session), _) if lane.event.early_data => format!("resumes {session}{of}, early data"),
        (Some(session), _) => format!("resumes session {session}{of}"),
        (None, Some(session)) => format!("session {session}{of} refused"),
        (None, None) => "full handshake".to_owned(),
    }
}

/// What the handshake showed of the client: `not asked`, `asked, declined`, `asked, shown alice`, `inherits alice`, …
pub(crate) fn shown(event: &Connection) -> String {
    match (event.asked, &event.client) {
        (false, Client::Absent) => "not asked".to_owned(),
        (true, Client::Absent) => "asked, no answer".to_owned(),
        (false, Client::Declined) => "withheld before".to_owned(),
        (true, Client::Declined) => "asked, declined".to_owned(),
        (true, client) => format!("asked, shown {}", name(client)),
        (false, client) if event.resumed.is_some() => format!("inherits {}", name(client)),
        (false, client) => format!("is {}", name(client)),
    }
}

/// What came of a late authentication.
pub(crate) fn late(late: &LateAuthentication) -> String {
    let how = match late.kind {
        LateKind::Renegotiation => "renegotiation",
        LateKind::PostHandshake => "post-handshake request",
    };
    let what = match (&late.client, late.refused) {
        (_, true) => "refused".to_owned(),
        (Client::Absent | Client::Declined, false) => "declined".to_owned(),
        (client, false) => format!("shown {}", name(client)),
    };
    format!("{how}: {what}")
}

fn name(client: &Client) -> String {
    match client {
        Client::Identity { name, renewal: 0 } => name.to_string(),
        Client::Identity { name, renewal } => format!("{name} (renewal {renewal})"),
        Client::Unknown => "somebody unknown".to_owned(),
        Client::Absent | Client::Declined => "nobody".to_owned(),
    }
}

/// `TLS 1.3, http/1.1`; what the handshake did not come to is left out.
pub(crate) fn protocol(event: &Connection) -> String {
    let tls = event.tls.map(|tls| match tls {
        Tls::V1_2 => "TLS 1.2",
        Tls::V1_3 => "TLS 1.3",
    });
    let alpn = event.alpn.map(|alpn| match alpn {
        Protocol::Http1 => "http/1.1",
        Protocol::H2 => "h2",
        Protocol::H3 => "h3",
    });
    let words: Vec<_> = [tls, alpn].into_iter().flatten().collect();
    if words.is_empty() {
        "no TLS version".to_owned()
    } else {
        words.join(", ")
    }
}

/// Where a connection leads, and by which way: `api:443`, `api:443 via #1`.
pub(crate) fn peer(event: &Connection) -> String {
    let way = match (event.leg, event.through) {
        (Leg::Proxy, _) => " (proxy)".to_owned(),
        (Leg::Origin, Some(hop)) => format!(" via #{hop}"),
        (Leg::Origin, None) => String::new(),
    };
    format!("{}:{}{way}", event.server, event.port)
}

/// How a request comes onto its connection, if it is not the first on it.
pub(crate) fn rides(request: &Request, reused: bool) -> Option<String> {
    match (request.behind, reused) {
        (0, false) => None,
        (0, true) => Some("reused".to_owned()),
        (behind, _) => Some(format!("behind {behind} without an answer")),
    }
}

/// What the caller saw.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Status(status) => status.to_string(),
        Outcome::Error(error) => format!("network error, {error}"),
        Outcome::Connected => "connected".to_owned(),
    }
}

/// What a step asks for, in one line: `PUT https://api.test/items`.
pub(crate) fn step_title(scenario: &Scenario, step: &Step) -> String {
    match &step.action {
        Action::Exchange(exchange) => match exchange.kind {
            Kind::Fetch => format!("{} {}", exchange.method, exchange.url),
            Kind::Navigate => format!("navigate to {}", exchange.url),
            Kind::Image => format!("image {}", exchange.url),
            Kind::Websocket => format!(
                "WebSocket {}",
                exchange.url.to_url().replacen("https", "wss", 1)
            ),
            Kind::Preconnect => format!("preconnect {}", exchange.url),
        },
        Action::Event(event) => event_title(scenario, event),
    }
}

fn event_title(scenario: &Scenario, event: &WorldEvent) -> String {
    let server = |index: &u8| {
        scenario
            .servers
            .get(usize::from(*index))
            .map_or("?", |server| server.name.as_str())
    };
    let identity = |index: &u8| {
        scenario
            .identities
            .get(usize::from(*index))
            .map_or("?", |it| it.name.as_str())
    };
    match event {
        WorldEvent::Time { seconds } => format!("{seconds} s pass"),
        WorldEvent::Close { server: it } => format!("server {} closes its connections", server(it)),
        WorldEvent::Restart { server: it } => {
            format!("server {} restarts and forgets its sessions", server(it))
        }
        WorldEvent::RotateTicketKeys { server: it } => {
            format!("server {} rotates its ticket keys", server(it))
        }
        WorldEvent::ChangeMode {
            server: it,
            client_certificate,
        } => {
            let mode = client_certificate.as_str();
            format!(
                "server {} restarts with client-certificate = \"{mode}\"",
                server(it)
            )
        }
        WorldEvent::Reload {
            server: it,
            setting,
        } => {
            let setting = match setting {
                Setting::ClientCertificate(rule) => {
                    format!("client-certificate = \"{}\"", rule.as_str())
                }
                Setting::Tickets(tickets) => format!("tickets = {tickets}"),
                Setting::Accepts(issuer) => format!("accepts = \"{}\"", issuer.as_str()),
                Setting::Tls(TlsVersions::Tls12) => "TLS 1.2 alone".to_owned(),
                Setting::Tls(TlsVersions::Tls13) => "TLS 1.3 alone".to_owned(),
                Setting::Tls(TlsVersions::Both) => "both versions of TLS".to_owned(),
            };
            format!(
                "server {} takes up {setting} and keeps its sessions",
                server(it)
            )
        }
        WorldEvent::Logout => "the user logs out: client certificates are cleared".to_owned(),
        WorldEvent::Renew { identity: it } => {
            format!("the certificate of {} is renewed", identity(it))
        }
        WorldEvent::NetworkChange => "the network changes".to_owned(),
    }
}

/// The circumstances of a step: `fetch, include, from https://app.test`; nothing for an event.
pub(crate) fn step_details(scenario: &Scenario, step: &Step) -> String {
    let Action::Exchange(exchange) = &step.action else {
        return String::new();
    };
    let mut words = vec![format!("credentials {}", credentials(exchange.credentials))];
    words.extend(unusual(scenario, exchange));
    words.push(format!("from {}", exchange.from));
    if exchange.kind != Kind::Navigate && exchange.top != exchange.from {
        words.push(format!("under {}", exchange.top));
    }
    if let Some(actions) = step.overlap {
        words.push(format!("without waiting (overlap {actions})"));
    }
    words.join(", ")
}

/// What an exchange has that most have not.
fn unusual(scenario: &Scenario, exchange: &Exchange) -> Vec<String> {
    let identity = exchange
        .identity
        .and_then(|index| scenario.identities.get(usize::from(index)));
    let proxy = exchange
        .via
        .and_then(|index| scenario.servers.get(usize::from(index)));
    let headers: Vec<_> = exchange
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let words = [
        (exchange.mode != Mode::Cors).then(|| format!("mode {}", mode(exchange.mode))),
        (!headers.is_empty()).then(|| format!("headers {}", headers.join(" "))),
        exchange
            .small_records
            .then(|| "small TLS records".to_owned()),
        exchange.pipelined.then(|| "pipelined".to_owned()),
        (exchange.body != Body::None)
            .then(|| format!("body {}", format!("{:?}", exchange.body).to_lowercase())),
        exchange
            .upload_listener
            .then(|| "an upload listener".to_owned()),
        identity.map(|identity| format!("identity {}", identity.name)),
        exchange
            .declines
            .then(|| "the user, if asked, sends no certificate".to_owned()),
        proxy.map(|server| format!("through {}", server.name)),
        exchange
            .server_name
            .as_ref()
            .map(|name| format!("asks for {name}")),
        (exchange.trust == Trust::Insecure).then(|| "server certificate not verified".to_owned()),
    ];
    words.into_iter().flatten().collect()
}

fn credentials(credentials: Credentials) -> &'static str {
    match credentials {
        Credentials::Omit => "omit",
        Credentials::SameOrigin => "same-origin",
        Credentials::Include => "include",
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Cors => "cors",
        Mode::NoCors => "no-cors",
        Mode::SameOrigin => "same-origin",
    }
}

/// The number of a step as people count, from 1.
pub(crate) fn number(step: Option<u16>) -> String {
    step.map_or_else(|| "?".to_owned(), |step| (u32::from(step) + 1).to_string())
}

/// The cause of a connection, in words: `the preflight of step 1`.
pub(crate) fn cause(cause: Cause) -> String {
    let step = number(Some(cause.step));
    match (cause.preflight, cause.hop) {
        (true, _) => format!("the preflight of step {step}"),
        (false, 0) => format!("step {step}"),
        (false, 1) => format!("step {step} after a redirect"),
        (false, hop) => format!("step {step} after {hop} redirects"),
    }
}

//! The log as invariants like to read it: connections with what they served, requests with what was intended.

use core::time::Duration;
use std::rc::Rc;

use bareflight_policy::PreflightGrant;

use crate::case::{Case, Hop};
use crate::log::{
    Cause, Client, Connection, Event, LateAuthentication, Leg, Log, Record, Request, Ticket,
};
use crate::scenario::{Action, ClientCertificate, InForce, TlsVersions, WorldEvent};

/// The log, indexed.
#[derive(Debug)]
pub struct View<'l> {
    /// What was run.
    pub(super) case: &'l Case<'l>,
    /// The records of the log.
    pub(super) records: &'l [Record],
    /// The handshakes, in order.
    pub(super) connections: Vec<Lane<'l>>,
    /// The requests, in order.
    pub(super) requests: Vec<Sent<'l>>,
    /// The sessions, in order.
    pub(super) sessions: Vec<Session<'l>>,
    /// The preflights that succeeded, in the order of their answers.
    pub(super) grants: Vec<Granted<'l>>,
    /// The late authentications, each with its record; most logs have none.
    pub(super) late: Vec<(usize, &'l LateAuthentication)>,
    /// The users' choices, in order.
    pub(super) choices: Vec<Choice<'l>>,
}

/// What the user chose when asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'l> {
    /// The record of the question.
    pub(super) record: usize,
    /// On behalf of which request it was asked.
    pub(super) hop: &'l Hop,
    /// To send no certificate.
    pub(super) declined: bool,
    /// As [`Intent::epoch`], within which it holds.
    pub(super) epoch: u16,
}

/// A handshake and what is known of it.
#[derive(Debug)]
pub(super) struct Lane<'l> {
    /// Its record.
    pub(super) record: usize,
    pub(super) event: &'l Connection,
    /// What it was opened for; if the log does not tell, the first request that it served. None on the leg to a proxy,
    /// which serves no request but the one for the tunnel.
    pub(super) intent: Option<Intent<'l>>,
    /// What is wanted of the leg to a proxy.
    pub(super) to_proxy: Option<ToProxy>,
    /// The record at which it ended.
    pub(super) closed: Option<usize>,
    /// Whether the step that it was opened for was the only one under way from its beginning until then.
    pub(super) alone: bool,
}

/// What is wanted of the leg to a proxy, whoever wants the tunnel.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToProxy {
    /// The identity (index and renewal) that the user chooses for the proxy.
    pub(super) identity: Option<(u8, u16)>,
    /// As [`Intent::epoch`].
    pub(super) epoch: u16,
}

/// A request and what was intended with it.
#[derive(Debug)]
pub(super) struct Sent<'l> {
    /// Its record.
    pub(super) record: usize,
    pub(super) event: &'l Request,
    /// Index into [`View::connections`].
    pub(super) lane: usize,
    pub(super) intent: Option<Intent<'l>>,
    /// The record of its answer.
    pub(super) answered: Option<usize>,
}

/// A preflight that succeeded.
#[derive(Debug)]
pub(super) struct Granted<'l> {
    /// The record of the answer.
    pub(super) record: usize,
    pub(super) cause: Cause,
    /// The hop that it asked for.
    pub(super) hop: &'l Hop,
    /// What the answer allows.
    pub(super) grant: Rc<PreflightGrant>,
}

/// A session and where it comes from.
#[derive(Debug)]
pub(super) struct Session<'l> {
    pub(super) record: usize,
    pub(super) event: &'l Ticket,
    /// Index into [`View::connections`].
    pub(super) lane: usize,
    /// The record of the first connection that offered it.
    pub(super) offered: Option<usize>,
}

/// What the policy wants for one request, at the time at which it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intent<'l> {
    pub(super) cause: Cause,
    pub(super) hop: &'l Hop,
    /// includeCredentials; false for a preflight.
    pub(super) credentials: bool,
    /// The credentials of the connection's key: always true for a profile that does not keep them apart.
    pub(super) key_credentials: bool,
    /// The identity (index and renewal) that the connection may be authenticated as.
    pub(super) identity: Option<(u8, u16)>,
    /// How often everything had been retired: a logout, another network.
    pub(super) epoch: u16,
}

impl<'l> View<'l> {
    /// Indexes a log.
    pub fn new(case: &'l Case<'l>, log: &'l Log) -> Self {
        let mut view = Self {
            case,
            records: &log.records,
            connections: Vec::with_capacity(16),
            requests: Vec::with_capacity(16),
            sessions: Vec::with_capacity(16),
            grants: Vec::new(),
            late: Vec::new(),
            choices: Vec::new(),
        };
        let mut state = State::default();
        for (record, it) in log.records.iter().enumerate() {
            view.read(&mut state, record, &it.event);
        }
        view
    }

    fn read(&mut self, state: &mut State, record: usize, event: &'l Event) {
        match event {
            Event::Step { step } => state.step(self.case, *step),
            Event::Connection(event) => self.connection(state, record, event),
            Event::Request(event) => self.request(state, record, event),
            Event::Response(event) => {
                let sent = self.requests.iter_mut().rev().find(|sent| {
                    sent.event.connection == event.connection && sent.event.stream == event.stream
                });
                if let Some(sent) = sent {
                    sent.answered = Some(record);
                    self.grants.extend(granted(
                        self.case,
                        &self.connections[sent.lane],
                        sent,
                        record,
                        event.status,
                    ));
                }
            }
            Event::Ticket(event) => {
                if let Some(lane) = self.lane(event.connection) {
                    self.sessions.push(Session {
                        record,
                        event,
                        lane,
                        offered: None,
                    });
                }
            }
            Event::Closed { connection } => {
                if let Some(lane) = self.lane(*connection) {
                    self.connections[lane].closed = Some(record);
                }
            }
            Event::Outcome { step, .. } => state.open.retain(|open| open != step),
            Event::LateAuthentication(event) => self.late.push((record, event)),
            Event::Prompt { cause } => self.choice(state, record, *cause),
        }
    }

    fn choice(&mut self, state: &State, record: usize, cause: Cause) {
        let case = self.case;
        if let Some(hop) = case.hop(cause.step, cause.hop)
            && state.choice(&self.choices, hop).is_none()
        {
            self.choices.push(Choice {
                record,
                hop,
                declined: declines(case, cause.step),
                epoch: state.epoch,
            });
        }
    }

    fn connection(&mut self, state: &State, record: usize, event: &'l Connection) {
        if let Some(session) = event
            .offered
            .and_then(|session| self.session_index(session))
        {
            self.sessions[session].offered.get_or_insert(record);
        }
        let (intent, to_proxy) = match event.leg {
            Leg::Origin => (
                event
                    .cause
                    .and_then(|cause| state.intent(self.case, &self.choices, cause)),
                None,
            ),
            Leg::Proxy => {
                let proxy = self.server(&event.server);
                let proxy = proxy.and_then(|index| u8::try_from(index).ok());
                (None, proxy.map(|proxy| state.to_proxy(self.case, proxy)))
            }
        };
        self.connections.push(Lane {
            record,
            event,
            intent,
            to_proxy,
            closed: None,
            alone: event.cause.is_some_and(|cause| state.is_alone(cause.step)),
        });
    }

    fn request(&mut self, state: &State, record: usize, event: &'l Request) {
        let lane = self.lane(event.connection);
        let Some(lane) = lane.filter(|&lane| self.connections[lane].event.leg == Leg::Origin)
        else {
            return;
        };
        let cause = event.step.map(|step| Cause {
            step,
            hop: event.hop,
            preflight: event.preflight,
        });
        let intent = cause.and_then(|cause| state.intent(self.case, &self.choices, cause));
        if self.connections[lane].intent.is_none() {
            self.connections[lane].intent = intent;
        }
        self.requests.push(Sent {
            record,
            event,
            lane,
            intent,
            answered: None,
        });
    }

    /// The events of the world that came before a record.
    pub(super) fn events_before(&self, record: usize) -> impl Iterator<Item = &'l WorldEvent> {
        let scenario = self.case.scenario;
        self.records[..record]
            .iter()
            .filter_map(|it| match it.event {
                Event::Step { step } => match &scenario.steps.get(usize::from(step))?.action {
                    Action::Event(event) => Some(event),
                    Action::Exchange(_) => None,
                },
                _ => None,
            })
    }

    /// The record of a request's answer and its status.
    pub(super) fn status(&self, sent: &Sent<'l>) -> Option<(usize, u16)> {
        let record = sent.answered?;
        match &self.records[record].event {
            Event::Response(response) => Some((record, response.status)),
            _ => None,
        }
    }

    /// The proxy that a connection goes through: an index into the scenario's servers.
    pub(super) fn proxy(&self, lane: &Lane<'_>) -> Option<usize> {
        let hop = self.lane(lane.event.through?)?;
        self.server(&self.connections[hop].event.server)
    }

    /// The index of the server with this name.
    pub(super) fn server(&self, name: &str) -> Option<usize> {
        let servers = &self.case.scenario.servers;
        servers.iter().position(|server| server.name == name)
    }

    /// What is in force at a server when this record is written.
    pub(super) fn in_force(&self, server: usize, record: usize) -> InForce {
        let at_first = InForce::from(&self.case.scenario.servers[server]);
        self.events_before(record)
            .fold(at_first, |now, event| now.after(event, server))
    }

    /// The rule on client certificates that is in force there.
    pub(super) fn rule(&self, server: usize, record: usize) -> ClientCertificate {
        self.in_force(server, record).client_certificate
    }

    /// The TLS versions that a server speaks when this record is written.
    pub(super) fn versions(&self, server: usize, record: usize) -> TlsVersions {
        self.in_force(server, record).versions()
    }

    /// The rule for a host of that server.
    pub(super) fn host_rule(&self, server: usize, host: &str, record: usize) -> ClientCertificate {
        let rule = self.rule(server, record);
        self.case.scenario.servers[server].rule_for(host, rule)
    }

    /// The rule that the handshake of a connection to that server came under. Who names no host comes under the server's own.
    pub(super) fn rule_asked_for(&self, server: usize, lane: &Lane<'_>) -> ClientCertificate {
        match &lane.event.sni {
            Some(name) => self.host_rule(server, name, lane.record),
            None => self.rule(server, lane.record),
        }
    }

    /// The index of the connection with this number.
    pub(super) fn lane(&self, id: u32) -> Option<usize> {
        // Numbers are given in order, so the first guess is nearly always right.
        let guess = usize::try_from(id).ok()?.checked_sub(1)?;
        if self
            .connections
            .get(guess)
            .is_some_and(|lane| lane.event.id == id)
        {
            return Some(guess);
        }
        self.connections.iter().position(|lane| lane.event.id == id)
    }

    /// The session with this number.
    pub(super) fn session(&self, number: u32) -> Option<&Session<'l>> {
        self.session_index(number)
            .map(|index| &self.sessions[index])
    }

    fn session_index(&self, number: u32) -> Option<usize> {
        let guess = usize::try_from(number).ok()?.checked_sub(1)?;
        if self
            .sessions
            .get(guess)
            .is_some_and(|session| session.event.session == number)
        {
            return Some(guess);
        }
        self.sessions
            .iter()
            .position(|session| session.event.session == number)
    }

    /// The connection whose full handshake a connection goes back to: itself, unless it resumed a session.
    pub(super) fn root<'v>(&'v self, lane: &'v Lane<'l>) -> &'v Lane<'l> {
        let mut root = lane;
        while let Some(session) = root.event.resumed.and_then(|session| self.session(session)) {
            let origin = &self.connections[session.lane];
            // A session comes before what resumes it; a log that says otherwise must not lead in a circle.
            if origin.record >= root.record {
                break;
            }
            root = origin;
        }
        root
    }

    /// Whom the server took the client of a request's connection to be as it answered: what the handshake says, or a late
    /// authentication that was over before the request began to arrive, or came because of it.
    pub(super) fn client_of(&self, sent: &Sent<'l>) -> &'l Client {
        let lane = &self.connections[sent.lane];
        let late = self.late.iter().rev().find_map(|&(record, late)| {
            let counts = late.counts_for(sent.event, record < sent.record);
            counts.then_some(&late.client)
        });
        late.unwrap_or(&lane.event.client)
    }

    /// The identity of the scenario that `client` is: its index and renewal.
    pub(super) fn identity(&self, client: &Client) -> Option<(u8, u16)> {
        let Client::Identity { name, renewal } = client else {
            return None;
        };
        let index = self
            .case
            .scenario
            .identities
            .iter()
            .position(|it| it.name == *name)?;
        Some((u8::try_from(index).ok()?, *renewal))
    }

    /// Whether a server where this is in force takes the certificate of `client` when this record is written. Of somebody whom
    /// the scenario does not know there is nothing to be said.
    pub(super) fn takes(&self, now: InForce, client: &Client, record: usize) -> bool {
        let at = Duration::from_millis(self.records[record].at);
        let identity = self.identity(client);
        identity.is_none_or(|(index, _)| {
            now.takes(&self.case.scenario.identities[usize::from(index)], at)
        })
    }
}

impl Intent<'_> {
    /// The first field of the keys in which two requests differ, of those that depend on what was intended.
    pub(super) fn differs(&self, other: &Self) -> Option<&'static str> {
        first_unequal([
            (
                "network partition key",
                self.hop.partition == other.hop.partition,
            ),
            ("credentials", self.key_credentials == other.key_credentials),
            ("identity", self.identity == other.identity),
            (
                "server-verification policy",
                self.hop.trust == other.hop.trust,
            ),
            ("server name", self.hop.server_name == other.hop.server_name),
            (
                "epoch (a logout or another network lies between)",
                self.epoch == other.epoch,
            ),
        ])
    }

    /// The route, which is in the key of connections and not in that of sessions.
    pub(super) fn differs_in_way(&self, other: &Self) -> Option<&'static str> {
        first_unequal([("proxy", self.hop.via == other.hop.via)])
    }
}

/// The first field that is not the same.
pub(super) fn first_unequal<const N: usize>(
    fields: [(&'static str, bool); N],
) -> Option<&'static str> {
    fields
        .into_iter()
        .find(|(_, same)| !same)
        .map(|(name, _)| name)
}

/// What the answer to a preflight allows. The headers are those that the scenario's server sends; the log shows the
/// status, which must be the same.
fn granted<'l>(
    case: &'l Case<'_>,
    lane: &Lane<'_>,
    sent: &Sent<'l>,
    record: usize,
    status: u16,
) -> Option<Granted<'l>> {
    let Intent { cause, hop, .. } = sent.intent.filter(|_| sent.event.preflight)?;
    let server = case
        .scenario
        .servers
        .iter()
        .find(|server| server.name == lane.event.server)?;
    let (answered, grant) = hop.ask(server);
    Some(Granted {
        record,
        cause,
        hop,
        grant: grant.filter(|_| answered == status)?,
    })
}

/// Whether the user, asked on behalf of a step, sends no certificate.
fn declines(case: &Case<'_>, step: u16) -> bool {
    let step = case.scenario.steps.get(usize::from(step));
    let action = step.map(|step| &step.action);
    matches!(action, Some(Action::Exchange(exchange)) if exchange.declines)
}

/// What has happened to the world so far, as far as intents depend on it.
#[derive(Debug, Default)]
struct State {
    epoch: u16,
    /// How often each identity was renewed; shorter than the list of identities if the rest never was.
    renewals: Vec<u16>,
    /// The steps under way.
    open: Vec<u16>,
    /// The steps during which another one was under way.
    overlapped: Vec<u16>,
}

impl State {
    fn is_alone(&self, step: u16) -> bool {
        !self.overlapped.contains(&step)
    }

    fn step(&mut self, case: &Case<'_>, step: u16) {
        if !self.open.is_empty() {
            self.overlapped.extend_from_slice(&self.open);
            self.overlapped.push(step);
        }
        if case.hop(step, 0).is_some() {
            self.open.push(step);
        }
        let Some(step) = case.scenario.steps.get(usize::from(step)) else {
            return;
        };
        match &step.action {
            Action::Event(WorldEvent::Logout | WorldEvent::NetworkChange) => {
                self.epoch = self.epoch.saturating_add(1);
            }
            Action::Event(WorldEvent::Renew { identity }) => {
                let index = usize::from(*identity);
                if self.renewals.len() <= index {
                    self.renewals.resize(index + 1, 0);
                }
                self.renewals[index] = self.renewals[index].saturating_add(1);
            }
            _ => {}
        }
    }

    /// What the user chose at the place of a request, if they were asked there.
    fn choice<'c, 'l>(&self, choices: &'c [Choice<'l>], hop: &Hop) -> Option<&'c Choice<'l>> {
        choices.iter().find(|it| {
            let same_place = it.hop.partition == hop.partition && it.hop.authority == hop.authority;
            it.epoch == self.epoch && same_place
        })
    }

    fn intent<'l>(
        &self,
        case: &'l Case<'_>,
        choices: &[Choice<'_>],
        cause: Cause,
    ) -> Option<Intent<'l>> {
        let hop = case.hop(cause.step, cause.hop)?;
        let declined = match self.choice(choices, hop) {
            Some(choice) => choice.declined,
            None => declines(case, cause.step),
        };
        let credentials = hop.include_credentials && !cause.preflight;
        let presents = if cause.preflight {
            !case.profile.keeps_preflights_bare()
        } else {
            credentials || !case.profile.keeps_omit_bare()
        };
        let identity = hop
            .identity
            .filter(|_| presents && (hop.named || !declined));
        Some(Intent {
            cause,
            hop,
            credentials,
            key_credentials: credentials || !case.profile.connections_split_by_credentials.value,
            identity: identity.map(|index| self.renewed(index)),
            epoch: self.epoch,
        })
    }

    fn to_proxy(&self, case: &Case<'_>, proxy: u8) -> ToProxy {
        let identity = case.identity_for_proxy(proxy);
        ToProxy {
            identity: identity.map(|index| self.renewed(index)),
            epoch: self.epoch,
        }
    }

    /// An identity, and how often it was renewed.
    fn renewed(&self, index: u8) -> (u8, u16) {
        let renewal = self.renewals.get(usize::from(index)).copied();
        (index, renewal.unwrap_or(0))
    }
}

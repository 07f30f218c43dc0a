//! Where do the servers of a scenario stand, and what do they see? On loopback sockets; and they write the log.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bareflight_handshake_driver::{
    ConnectionId, Driver, EndReason, ORIGIN, Observation, ServerId, ServerPlan, Validity,
};
use bareflight_harness::case::Case;
use bareflight_harness::log::{Event, Leg, Log, Outcome, Record};
use bareflight_harness::scenario::{Action, Exchange, InForce, Scenario, WorldEvent};
use bareflight_harness::tier::{Known, Scribe, change_servers, connection_of, server_plan};
use http::header;
use tokio::net::TcpListener;

use crate::attribute::{Token, blame_the_preflight, cause_of_connection, cause_of_request};
use crate::browsers::Choice;
use crate::certificates::Certificates;
use crate::error::WorldError;
use crate::names::{Listening, Names};
use crate::page::{Desk, PageStep};
use crate::place::Place;
use crate::protocol::{self, ServerLine, StepLine, WorldLine};
use crate::servers::{here, listen, responder};
use crate::steps::{self, Taker};

/// How long nothing must happen before what was seen of a program's step counts as all of it.
const QUIET: Duration = Duration::from_millis(15);

/// As [`QUIET`], of a browser's step: a browser opens connections and closes them when it finds the time.
const QUIET_BROWSER: Duration = Duration::from_millis(60);

/// How often that is waited for at most: a client that never rests does not hold up the next step.
const ROUNDS: usize = 20;

/// The servers of one run of one case.
pub struct World<'c> {
    case: &'c Case<'c>,
    driver: Driver,
    servers: Vec<ServerId>,
    in_force: Vec<InForce>,
    listeners: Vec<(TcpListener, Listening)>,
    names: Names,
    scribe: Scribe,
    open: HashMap<u64, Known>,
    accepted: u32,
    began: Instant,
    under_way: Option<u16>,
    quiet: Duration,
    log: Log,
}

impl<'c> World<'c> {
    /// Starts the servers of a case, each port of the scenario on a free one of this machine. It must be called on a tokio
    /// runtime with I/O and time, of one thread.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where a step cannot be taken from outside, or a server not be set up.
    pub async fn start(
        case: &'c Case<'c>,
        certificates: &Certificates,
    ) -> Result<Self, WorldError> {
        Self::start_at(case, certificates, &Place::default()).await
    }

    /// As [`start`](Self::start), in a place.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where a step cannot be taken from outside, or a server not be set up.
    pub(crate) async fn start_at(
        case: &'c Case<'c>,
        certificates: &Certificates,
        place: &Place,
    ) -> Result<Self, WorldError> {
        steps::check(case.scenario, Taker::Program)?;
        Self::stand(case, certificates, place, None).await
    }

    /// As [`start_at`](Self::start_at), for a browser: the pages that the steps are taken from are served too, on a port of their own,
    /// by a server that asks for no certificate. What goes on there is not in the log.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where a step cannot be taken by a page, or a server not be set up.
    pub(crate) async fn start_with_pages(
        case: &'c Case<'c>,
        certificates: &Certificates,
        place: &Place,
        desk: &Desk,
    ) -> Result<Self, WorldError> {
        steps::check(case.scenario, Taker::Page)?;
        steps::check_sites(case.scenario, place)?;
        let mut world = Self::stand(case, certificates, place, Some(desk)).await?;
        world.quiet = QUIET_BROWSER;
        let hosts = steps::page_hosts(case.scenario);
        let here: Vec<String> = hosts.iter().map(|it| place.host(it)).collect();
        let here: Vec<&str> = here.iter().map(String::as_str).collect();
        let desk = desk.clone();
        let plan = dated(ServerPlan::new(&here));
        let added = world
            .driver
            .add_server(plan, move |_, request| desk.respond(request).into());
        let server = world.servers.len();
        world.servers.push(added.map_err(WorldError::setup)?);
        let (listener, listening) = listen(place, server, 443).await?;
        world.names = world.names.with_pages(server, &hosts, listening.here);
        world.listeners.push((listener, listening));
        Ok(world)
    }

    /// As [`start`](Self::start), for the user agent of this workspace: its requests come from pages as a browser's do, and as it needs
    /// none to make them, none is served.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where a step cannot be taken by it, or a server not be set up.
    pub(crate) async fn start_for_own(
        case: &'c Case<'c>,
        certificates: &Certificates,
    ) -> Result<Self, WorldError> {
        steps::check(case.scenario, Taker::Own)?;
        let mut world = Self::stand(case, certificates, &Place::default(), None).await?;
        let hosts = steps::page_hosts(case.scenario);
        world.names = world.names.with_pages(world.servers.len(), &hosts, 443);
        Ok(world)
    }

    async fn stand(
        case: &'c Case<'c>,
        certificates: &Certificates,
        place: &Place,
        desk: Option<&Desk>,
    ) -> Result<Self, WorldError> {
        let mut listeners = Vec::new();
        for (server, plan) in case.scenario.servers.iter().enumerate() {
            for &port in &plan.ports {
                listeners.push(listen(place, server, port).await?);
            }
        }
        let listening = listeners.iter().map(|(_, it)| it.clone()).collect();
        let mut world = Self {
            case,
            driver: Driver::new(Arc::clone(certificates.pki())),
            servers: Vec::new(),
            in_force: case.scenario.servers.iter().map(InForce::from).collect(),
            names: Names::new(place.clone(), case.scenario, listening),
            listeners,
            scribe: Scribe::default(),
            open: HashMap::new(),
            accepted: 0,
            began: Instant::now(),
            under_way: None,
            quiet: QUIET,
            log: Log::default(),
        };
        for server in &case.scenario.servers {
            let responder = responder(server.clone(), world.names.clone(), desk.cloned());
            let plan = dated(server_plan(&here(place, server), InForce::from(server)));
            let added = world.driver.add_server(plan, responder);
            world.servers.push(added.map_err(WorldError::setup)?);
        }

        Ok(world)
    }

    /// What a program is told of the world.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where the files of an identity cannot be made.
    pub fn line(&self, certificates: &Certificates) -> Result<WorldLine, WorldError> {
        let servers = self.names.here().map(|(host, port)| ServerLine {
            host,
            port,
            address: self.names.place().reached().to_string(),
        });
        Ok(WorldLine {
            bareflight: protocol::VERSION,
            servers: servers.collect(),
            authorities: certificates.authorities().to_owned(),
            identities: certificates.identities(self.case.scenario)?,
        })
    }

    /// The scenario as it is on this machine.
    pub(crate) fn scenario_here(&self) -> Scenario {
        self.names.scenario(self.case.scenario)
    }

    /// The address of the page that the first step is taken from, good for one load.
    pub(crate) fn first_page(&self, desk: &Desk) -> Option<String> {
        let top = steps::first_page(self.case.scenario)?;
        Some(desk.address(&self.names.translated(top)))
    }

    /// The identity that the user chooses at each origin here that has one.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        let identities = &self.case.scenario.identities;
        let chosen = |(name, origin)| {
            let identity = identities.iter().find(|it| it.hosts.contains(name))?;
            Some(Choice {
                origin,
                identity: identity.name.to_string(),
            })
        };
        self.names.origins().filter_map(chosen).collect()
    }

    /// What a program is told of a step.
    pub fn step_line(&self, step: u16, exchange: &Exchange) -> StepLine {
        steps::line(self.case, &self.names, step, exchange)
    }

    /// What a page is told of a step.
    pub(crate) fn page_step(&self, step: u16, exchange: &Exchange) -> PageStep {
        steps::page_step(&self.names, step, exchange)
    }

    /// Begins a step: the world changes, or there is a request for a client to make.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where the change cannot be made.
    pub async fn begin(&mut self, step: u16) -> Result<Option<&'c Exchange>, WorldError> {
        self.write(Event::Step { step });
        self.under_way = Some(step);
        match &self.case.scenario.steps[usize::from(step)].action {
            Action::Exchange(exchange) => Ok(Some(exchange)),
            Action::Event(event) => {
                self.change(event)?;
                self.settle().await?;
                Ok(None)
            }
        }
    }

    /// Ends a step with what its caller saw, once nothing more happens.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where the servers stop.
    pub async fn end(&mut self, step: u16, outcome: Outcome) -> Result<(), WorldError> {
        self.settle().await?;
        if matches!(outcome, Outcome::Error(_)) {
            blame_the_preflight(self.case, &mut self.log, step);
        }
        self.write(Event::Outcome { step, outcome });
        Ok(())
    }

    /// Serves until something else is done.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where the servers stop.
    pub async fn until<T>(&mut self, other: impl Future<Output = T>) -> Result<T, WorldError> {
        let mut other = pin!(other);
        poll_fn(|cx| {
            if let Err(error) = self.turn(cx) {
                return Poll::Ready(Err(error));
            }
            other.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    /// What was seen.
    pub fn into_log(mut self) -> Log {
        self.gather();
        self.log
    }

    /// Serves until nothing more is seen.
    async fn settle(&mut self) -> Result<(), WorldError> {
        for _ in 0..ROUNDS {
            let before = self.log.records.len();
            self.until(tokio::time::sleep(self.quiet)).await?;
            self.gather();
            if self.log.records.len() == before {
                break;
            }
        }
        Ok(())
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), WorldError> {
        for index in 0..self.listeners.len() {
            while let Poll::Ready(accepted) = self.listeners[index].0.poll_accept(cx) {
                let (socket, _) =
                    accepted.map_err(WorldError::io("a connection could not be accepted"))?;
                // A client that waits for the last bytes of an answer must not wait for a timer.
                let _ = socket.set_nodelay(true);
                self.accept(index, socket)?;
            }
        }
        let passed = self.began.elapsed().saturating_sub(self.driver.now());
        self.driver.advance(passed);
        let ran = self.driver.poll(cx);
        self.gather();
        ran.map_err(|busy| WorldError::Busy(busy.to_string()))
    }

    fn accept(&mut self, listener: usize, socket: tokio::net::TcpStream) -> Result<(), WorldError> {
        let Listening { server, port, .. } = self.listeners[listener].1;
        let id = self.driver.accept(socket, self.servers[server]);
        let id = id.map_err(WorldError::setup)?;
        let Some(plan) = self.case.scenario.servers.get(server) else {
            return Ok(()); // a page's connection is nobody's business
        };
        self.accepted += 1;
        let known = Known {
            id: self.accepted,
            leg: Leg::Origin,
            through: None,
            server,
            port,
            cause: cause_of_connection(self.case, self.under_way, server),
            lifetime: plan.ticket_lifetime,
        };
        self.open.insert(id.0, known);
        Ok(())
    }

    fn gather(&mut self) {
        for observation in self.scribe.in_order(self.driver.observations()) {
            self.observed(observation);
        }
    }

    fn observed(&mut self, mut observation: Observation) {
        let id = connection_of(&observation).0;
        let Some(known) = self.open.get(&id).copied() else {
            return;
        };
        let mut cause = None;
        match &mut observation {
            Observation::Refused(refused) if never_began(refused) => {
                self.open.remove(&id);
                return;
            }
            Observation::Request(head) => {
                let (target, token) = Token::detach(&head.target);
                head.target = target;
                head.authority = head
                    .authority
                    .as_deref()
                    .map(|it| self.names.authority(it).into());
                let preflight = head
                    .headers
                    .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
                    && head.method == http::Method::OPTIONS;
                cause = cause_of_request(self.case, token, self.under_way, known.server, preflight);
            }
            Observation::Closed { .. } => {
                self.open.remove(&id);
            }
            _ => {}
        }
        let event = self.scribe.event(self.case, &observation, &known, cause);
        if let Some(event) = event {
            let event = self.in_the_scenarios_words(event);
            self.write(event);
        }
    }

    fn in_the_scenarios_words(&self, mut event: Event) -> Event {
        match &mut event {
            Event::Connection(it) => it.sni = it.sni.as_deref().map(|it| self.names.host(it)),
            Event::Request(it) => it.origin = it.origin.as_deref().map(|it| self.names.origin(it)),
            _ => {}
        }
        event
    }

    fn change(&mut self, event: &WorldEvent) -> Result<(), WorldError> {
        let servers = &self.case.scenario.servers;
        let place = self.names.place();
        let plan = |server: usize, now| dated(server_plan(&here(place, &servers[server]), now));
        let closes = change_servers(
            &mut self.driver,
            &self.servers,
            &mut self.in_force,
            event,
            plan,
        );
        closes
            .map_err(WorldError::setup)?
            .map_or(Ok(()), |server| self.close_all(server))
    }

    fn close_all(&mut self, server: usize) -> Result<(), WorldError> {
        let open = self.open.iter().filter(|(_, known)| known.server == server);
        let mut ids: Vec<u64> = open.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        for id in ids {
            let closed = self.driver.shut_down(ConnectionId(id));
            closed.map_err(|busy| WorldError::Busy(busy.to_string()))?;
        }
        Ok(())
    }

    fn write(&mut self, event: Event) {
        let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.log.records.push(Record { at, event });
    }
}

/// A plan with a certificate that was made these days: browsers take one from a server only if its time is short (Apple's: 825 days
/// at most, <https://support.apple.com/103769>).
fn dated(plan: ServerPlan) -> ServerPlan {
    const DAY: u64 = 86_400;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let days = now.unwrap_or_default().as_secs().saturating_sub(ORIGIN) / DAY;
    ServerPlan {
        validity: Validity::Around(Duration::from_secs(days * DAY)),
        ..plan
    }
}

/// A socket on which nothing was said: browsers open some for later, and close them unused.
fn never_began(refused: &bareflight_handshake_driver::RefusedHandshake) -> bool {
    refused.server_name.is_none()
        && !refused.shown.asked()
        && refused.reason == EndReason::Truncated
}

//! The loop that every tier shares: start a step, perform what the user agent wants until it rests, start the next.

use core::num::NonZeroU32;
use core::time::Duration;

use bareflight_policy::Origin;
use bareflight_user_agent::{
    Action as Wish, CauseOf, Event, FetchId, FetchRequest, HeldIdentity, Outcome as Seen, Proxy,
    UserAgent, trust,
};

use super::{TierError, World};
use crate::case::Case;
use crate::log::{Cause, Event as Entry, Log, Outcome, Record};
use crate::scenario::{Action, Exchange, Kind, Name, Target, Trust, WorldEvent};

/// Actions in one run beyond which it is taken to be endless: a case has at most 256 steps of at most 21 hops.
const MOST_ACTIONS: usize = 100_000;

/// One run of one case.
pub(super) struct Run<'r, W> {
    pub(super) case: &'r Case<'r>,
    pub(super) agent: &'r mut UserAgent,
    pub(super) world: &'r mut W,
    pub(super) log: &'r mut Log,
    pub(super) events: &'r mut Vec<Event>,
    pub(super) now: Duration,
    pub(super) performed: usize,
}

impl<W: World> Run<'_, W> {
    pub(super) fn run(mut self) -> Result<(), TierError> {
        for identity in &self.case.scenario.identities {
            let hosts = identity.hosts.iter().map(Name::as_str);
            let held = self.agent.identities().add(identity.name.as_str(), hosts);
            if let Some(other) = identity.certificate_of {
                let other = HeldIdentity(u32::from(other));
                self.agent.identities().shows_chain_of(held, other);
            }
        }
        for (index, step) in (0u16..).zip(&self.case.scenario.steps) {
            match step.overlap {
                None => self.perform(usize::MAX)?,
                Some(actions) => self.perform(usize::from(actions))?,
            }
            write(self.log, self.now, Entry::Step { step: index });
            match &step.action {
                Action::Exchange(exchange) => self.fetch(index, exchange),
                Action::Event(event) => self.change(event)?,
            }
        }
        self.perform(usize::MAX)
    }

    /// Performs at most so many actions.
    fn perform(&mut self, most: usize) -> Result<(), TierError> {
        for _ in 0..most {
            let Some(wish) = self.agent.poll() else {
                self.world.rest(self.log, self.events);
                if self.events.is_empty() {
                    return Ok(());
                }
                self.deliver();
                continue;
            };
            self.performed += 1;
            if self.performed > MOST_ACTIONS {
                return Err(TierError::Endless(MOST_ACTIONS));
            }
            match wish {
                Wish::Finish { fetch, outcome } => self.finish(fetch, &outcome),
                Wish::Prompted(cause) => {
                    let cause = cause_of(cause);
                    write(self.log, self.now, Entry::Prompt { cause });
                }
                wish => {
                    self.world.perform(self.case, wish, self.log, self.events)?;
                    self.deliver();
                }
            }
        }
        Ok(())
    }

    fn deliver(&mut self) {
        for event in self.events.drain(..) {
            self.agent.handle(event);
        }
    }

    fn fetch(&mut self, step: u16, exchange: &Exchange) {
        let Some(hop) = self.case.hop(step, 0) else {
            return;
        };
        self.agent.fetch(FetchRequest {
            id: FetchId(u32::from(step)),
            request: hop.request.clone(),
            identity: exchange
                .identity
                .map(|index| HeldIdentity(u32::from(index))),
            declines: exchange.declines,
            trust: trust(number(exchange.trust)),
            server_name: exchange.server_name.as_ref().map(Name::to_string),
            via: exchange.via.map(|index| self.proxy(index)),
            preconnect: exchange.kind == Kind::Preconnect,
            pipelined: exchange.pipelined,
        });
    }

    /// A proxy is always verified: a request's trust is about its origin.
    fn proxy(&self, index: u8) -> Proxy {
        let server = &self.case.scenario.servers[usize::from(index)];
        let target = Target {
            host: server.hosts[0].clone(),
            port: server.ports[0],
            path: Name::const_new(""),
        };
        Proxy {
            origin: Origin::parse(&target.to_url())
                .expect("fixup and the reader let only valid hosts through"),
            trust: trust(number(Trust::Verify)),
        }
    }

    fn change(&mut self, event: &WorldEvent) -> Result<(), TierError> {
        match event {
            WorldEvent::Time { seconds } => {
                self.now += Duration::from_secs(u64::from(*seconds));
                self.world.change(self.case, event, self.log, self.events)?;
                self.agent.advance(self.now);
            }
            WorldEvent::Logout => self.agent.log_out(),
            WorldEvent::NetworkChange => self.agent.network_changed(),
            WorldEvent::Renew { identity } => {
                self.agent
                    .identities()
                    .renew(HeldIdentity(u32::from(*identity)));
                self.world.change(self.case, event, self.log, self.events)?;
            }
            _ => self.world.change(self.case, event, self.log, self.events)?,
        }
        self.deliver();
        Ok(())
    }

    fn finish(&mut self, fetch: FetchId, outcome: &Seen) {
        let outcome = match outcome {
            Seen::Response(status) => Outcome::Status(*status),
            Seen::Connected => Outcome::Connected,
            Seen::NetworkError(error) => Outcome::Error(Name::const_new(error.name())),
        };
        let step = step_of(fetch);
        write(self.log, self.now, Entry::Outcome { step, outcome });
    }
}

/// The trust of an exchange as the user agent numbers it.
pub(super) fn number(trust: Trust) -> NonZeroU32 {
    match trust {
        Trust::Verify => NonZeroU32::MIN,
        Trust::Insecure => NonZeroU32::MIN.saturating_add(1),
    }
}

/// The cause of an action as the log writes it: fetches are numbered by their steps.
pub(super) fn cause_of(cause: CauseOf) -> Cause {
    Cause {
        step: step_of(cause.fetch),
        hop: cause.hop,
        preflight: cause.purpose == bareflight_policy::Purpose::Preflight,
    }
}

fn step_of(fetch: FetchId) -> u16 {
    u16::try_from(fetch.0).unwrap_or(u16::MAX)
}

/// Adds an entry to the log.
pub(super) fn write(log: &mut Log, now: Duration, event: Entry) {
    let at = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    log.records.push(Record { at, event });
}

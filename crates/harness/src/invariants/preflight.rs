//! Ask first, and take no answer for yes that is not one.

use core::time::Duration;

use bareflight_policy::PreflightCache;

use super::bare::step;
use super::view::{Granted, Lane, Sent};
use super::{Findings, View};
use crate::case::Hop;
use crate::log::{Cause, Event, Leg, Outcome, Record};
use crate::scenario::ClientCertificate;

pub(super) fn preflight_first(view: &View<'_>, findings: &mut Findings<'_>) {
    let mut cache = Replayed::default();
    for sent in without_own_preflight(view) {
        if !cache.allows(view, sent, false) {
            findings.add(sent.record, || {
                format!(
                    "step {} needs a preflight, and its {} was sent without one that succeeded",
                    step(sent.event.step),
                    sent.event.method,
                )
            });
        }
    }
}

/// No request is allowed by an entry that was stored under another network partition key.
pub(super) fn cache_is_partitioned(view: &View<'_>, findings: &mut Findings<'_>) {
    let (mut cache, mut shared) = (Replayed::default(), Replayed::default());
    for sent in without_own_preflight(view) {
        if !cache.allows(view, sent, false) && shared.allows(view, sent, true) {
            findings.add(sent.record, || {
                format!(
                    "step {} went without a preflight on an entry of another network partition key",
                    step(sent.event.step)
                )
            });
        }
    }
}

pub(super) fn preflight_continues(view: &View<'_>, findings: &mut Findings<'_>) {
    for (index, lane) in view.connections.iter().enumerate() {
        let preflight = lane.event.leg == Leg::Origin
            && lane.event.cause.is_some_and(|cause: Cause| cause.preflight);
        let broken_off = || match lane.event.failed.as_deref() {
            Some(failure) => failure == "client-aborted",
            None => was_given_up(view, index, lane),
        };
        if preflight
            && lane.event.asked
            && broken_off()
            && asks_only(view, lane.record, &lane.event.server)
        {
            findings.add(lane.record, || {
                format!(
                    "the preflight's connection {} was broken off because the server asked for a certificate",
                    lane.event.id
                )
            });
        }
    }
}

/// Whether the handshake went well and the client closed the connection without sending the preflight for which it was
/// opened. While other steps are under way there are other reasons for that.
fn was_given_up(view: &View<'_>, index: usize, lane: &Lane<'_>) -> bool {
    let fruitless = |step: u16| {
        let failed = |it: &Record| match &it.event {
            Event::Outcome { step: of, outcome } => {
                *of == step && matches!(outcome, Outcome::Error(_))
            }
            _ => false,
        };
        view.records[lane.record..].iter().any(failed)
    };
    lane.alone
        && lane.closed.is_some()
        && view.requests.iter().all(|sent| sent.lane != index)
        && lane.event.cause.is_some_and(|cause| fruitless(cause.step))
}

/// Whether the named server is in mode *request* at that record.
fn asks_only(view: &View<'_>, record: usize, name: &str) -> bool {
    view.server(name)
        .is_some_and(|server| view.rule(server, record) == ClientCertificate::Request)
}

/// The requests that need a preflight and were sent before one of their own had succeeded.
fn without_own_preflight<'v, 'l>(view: &'v View<'l>) -> impl Iterator<Item = &'v Sent<'l>> {
    view.requests.iter().filter(|sent| {
        let Some(intent) = sent.intent.filter(|intent| intent.hop.needs_preflight()) else {
            return false;
        };
        let own = |granted: &Granted<'_>| {
            granted.cause
                == Cause {
                    preflight: true,
                    ..intent.cause
                }
                && granted.record < sent.record
        };
        !sent.event.preflight && !view.grants.iter().any(own)
    })
}

/// The preflight cache as it must have been, filled from the log as far as it was looked at.
#[derive(Default)]
struct Replayed {
    cache: PreflightCache,
    next: usize,
}

impl Replayed {
    /// Whether an entry that was stored before allows a request. `share` takes the network partition keys away.
    fn allows(&mut self, view: &View<'_>, sent: &Sent<'_>, share: bool) -> bool {
        let Some(intent) = sent.intent else {
            return true;
        };
        let request = |hop: &Hop| {
            let mut request = hop.request.clone();
            if share {
                request.network_partition_key = None;
            }
            request
        };
        while let Some(granted) = view
            .grants
            .get(self.next)
            .filter(|granted| granted.record < sent.record)
        {
            self.cache.store(
                &request(granted.hop),
                &granted.grant,
                now(view, granted.record),
            );
            self.next += 1;
        }
        self.cache
            .matches(&request(intent.hop), now(view, sent.record))
    }
}

fn now(view: &View<'_>, record: usize) -> Duration {
    Duration::from_millis(view.records[record].at)
}

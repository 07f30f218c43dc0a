//! Ask first, and take no answer for yes that is not one.

use core::time::Duration;

use bareflight_policy::PreflightCache;

use super::bare::step;
use super::view::{Lane, Sent};
use super::{Findings, View};
use crate::log::{Cause, Event, Outcome, Record};
use crate::scenario::{ClientCertificate, WorldEvent};

pub(super) fn preflight_first(view: &View<'_>, findings: &mut Findings<'_>) {
    let mut cache = PreflightCache::default();
    for (index, sent) in view.requests.iter().enumerate() {
        if sent.event.preflight {
            remember(view, &mut cache, sent, false);
        } else if !is_allowed(view, &cache, index, false) {
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
    let suspicious = |index: usize| {
        let mut cache = PreflightCache::default();
        for sent in view.requests[..index].iter().filter(|sent| sent.event.preflight) {
            remember(view, &mut cache, sent, false);
        }
        !is_allowed(view, &cache, index, false)
    };
    for (index, sent) in view.requests.iter().enumerate() {
        if sent.event.preflight || !needs_preflight(sent) || own_preflight(view, index) || !suspicious(index) {
            continue;
        }
        let mut shared = PreflightCache::default();
        for sent in view.requests[..index].iter().filter(|sent| sent.event.preflight) {
            remember(view, &mut shared, sent, true);
        }
        if is_allowed(view, &shared, index, true) {
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
        let preflight = lane.event.cause.is_some_and(|cause: Cause| cause.preflight);
        let broken_off = || match lane.event.failed.as_deref() {
            Some(failure) => failure == "client-aborted",
            None => was_given_up(view, index, lane),
        };
        if preflight && lane.event.asked && broken_off() && asks_only(view, lane.record, &lane.event.server) {
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
            Event::Outcome { step: of, outcome } => *of == step && matches!(outcome, Outcome::Error(_)),
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
    let scenario = view.case.scenario;
    let Some(index) = scenario.servers.iter().position(|server| server.name == name) else {
        return false;
    };
    let changed = view.events_before(record).filter_map(|event| match event {
        WorldEvent::ChangeMode { server, client_certificate } if usize::from(*server) == index => {
            Some(*client_certificate)
        }
        _ => None,
    });
    changed.last().unwrap_or(scenario.servers[index].client_certificate) == ClientCertificate::Request
}

fn needs_preflight(sent: &Sent<'_>) -> bool {
    sent.intent.is_some_and(|intent| intent.hop.needs_preflight())
}

/// Whether the request may be sent: it needs no preflight, its own succeeded, or the cache has what it needs.
fn is_allowed(view: &View<'_>, cache: &PreflightCache, index: usize, share: bool) -> bool {
    let sent = &view.requests[index];
    let Some(intent) = sent.intent.filter(|intent| intent.hop.needs_preflight()) else {
        return true;
    };
    if own_preflight(view, index) {
        return true;
    }
    let mut request = intent.hop.request.clone();
    if share {
        request.network_partition_key = None;
    }
    cache.matches(&request, now(view, sent.record))
}

/// Whether the preflight of this very request succeeded before it.
fn own_preflight(view: &View<'_>, index: usize) -> bool {
    let sent = &view.requests[index];
    view.requests[..index].iter().any(|other| {
        other.event.preflight
            && other.event.step == sent.event.step
            && other.event.hop == sent.event.hop
            && other.answered.is_some_and(|(record, _)| record < sent.record)
            && other.grant.is_some()
    })
}

fn remember(view: &View<'_>, cache: &mut PreflightCache, preflight: &Sent<'_>, share: bool) {
    let (Some(intent), Some(grant)) = (preflight.intent, &preflight.grant) else {
        return;
    };
    let mut request = intent.hop.request.clone();
    if share {
        request.network_partition_key = None;
    }
    let answered = preflight.answered.map_or(preflight.record, |(record, _)| record);
    cache.store(&request, grant, now(view, answered));
}

fn now(view: &View<'_>, record: usize) -> Duration {
    Duration::from_millis(view.records[record].at)
}

//! Bare means bare: no identity below, no credentials above.

use super::identity::name;
use super::view::{Intent, Sent};
use super::{Findings, View};

pub(super) fn preflight_bare(view: &View<'_>, findings: &mut Findings<'_>) {
    bare(
        view,
        findings,
        "preflight",
        |sent| sent.event.preflight,
        |intent| intent.cause.preflight,
    );
}

pub(super) fn omit_bare(view: &View<'_>, findings: &mut Findings<'_>) {
    let omits = |intent: &Intent<'_>| !intent.credentials && !intent.cause.preflight;
    bare(
        view,
        findings,
        "request without credentials",
        |sent| sent.intent.as_ref().is_some_and(omits),
        omits,
    );
}

pub(super) fn preflight_clean(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in view.requests.iter().filter(|sent| sent.event.preflight) {
        let carried = [
            ("Cookie", sent.event.cookie),
            ("Authorization", sent.event.authorization),
            ("Client-Cert", sent.event.client_cert),
        ];
        for (header, _) in carried.into_iter().filter(|(_, carried)| *carried) {
            findings.add(sent.record, || {
                format!(
                    "the preflight of step {} carried {header}",
                    step(sent.event.step)
                )
            });
        }
    }
}

/// No request that `is_one` rides a connection with a client identity, and none was shown on a connection opened for it.
fn bare(
    view: &View<'_>,
    findings: &mut Findings<'_>,
    what: &str,
    is_one: impl Fn(&Sent<'_>) -> bool,
    is_for_one: impl Fn(&Intent<'_>) -> bool,
) {
    for sent in view.requests.iter().filter(|sent| is_one(sent)) {
        let client = view.client_of(sent);
        if client.is_authenticated() {
            findings.add(sent.record, || {
                format!(
                    "the {what} of step {} rode connection {}, whose client is {}",
                    step(sent.event.step),
                    sent.event.connection,
                    name(client),
                )
            });
        }
    }
    for (index, lane) in view.connections.iter().enumerate() {
        let shown = lane.event.cause.is_some() && lane.event.client.is_authenticated();
        let Some(intent) = lane.intent.filter(|intent| shown && is_for_one(intent)) else {
            continue;
        };
        // What was shown is shown, even if the handshake failed afterwards or the connection was never used.
        if !view
            .requests
            .iter()
            .any(|sent| sent.lane == index && is_one(sent))
        {
            findings.add(lane.record, || {
                format!(
                    "connection {}, opened for the {what} of step {}, showed the server {}",
                    lane.event.id,
                    step(Some(intent.cause.step)),
                    name(&lane.event.client),
                )
            });
        }
    }
}

/// A step's number for people: they count from 1.
pub(super) fn step(step: Option<u16>) -> String {
    step.map_or_else(
        || "unknown".to_owned(),
        |step| (u32::from(step) + 1).to_string(),
    )
}

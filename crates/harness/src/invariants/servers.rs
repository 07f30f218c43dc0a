//! What a server owes: to ask where its rule says so, and to deny where it was not told.

use super::bare::step;
use super::identity::name;
use super::{Findings, View};
use crate::log::Event;

pub(super) fn server_late_denied(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in &view.requests {
        let lane = &view.connections[sent.lane];
        let Some(server) = view.server(&lane.event.server) else {
            continue;
        };
        let asks_late = view.rule(server, sent.record).late().is_some();
        let protected = &view.case.scenario.servers[server].protected;
        if !asks_late || !protected.covers(&sent.event.target, sent.event.preflight) {
            continue;
        }
        let client = view.client_of(sent);
        let answer = sent
            .answered
            .map(|record| (record, &view.records[record].event));
        if let Some((record, Event::Response(response))) = answer
            && !client.is_authenticated()
            && response.status != DENIED
        {
            findings.add(record, || {
                format!(
                    "server {} answered {} to step {} for the protected path {}, and its client is {}",
                    lane.event.server,
                    response.status,
                    step(sent.event.step),
                    sent.event.target,
                    name(client),
                )
            });
        }
    }
}

/// 403 (Forbidden): what a server that asks late answers to whom it does not know.
const DENIED: u16 = 403;

//! Nothing is shared across credentials, network partition keys or server-verification policies.

use super::view::Intent;
use super::{Findings, View};

pub(super) fn credentials_split(view: &View<'_>, findings: &mut Findings<'_>) {
    let same = |a: &Intent<'_>, b: &Intent<'_>| a.credentials == b.credentials;
    split(view, findings, "credentials", same, |intent| {
        intent.credentials.to_string()
    });
}

pub(super) fn partition_split(view: &View<'_>, findings: &mut Findings<'_>) {
    let same = |a: &Intent<'_>, b: &Intent<'_>| a.hop.partition == b.hop.partition;
    let show = |intent: &Intent<'_>| view.case.partition_name(intent.hop);
    split(view, findings, "the network partition key", same, show);
    super::preflight::cache_is_partitioned(view, findings);
}

pub(super) fn trust_match(view: &View<'_>, findings: &mut Findings<'_>) {
    let same = |a: &Intent<'_>, b: &Intent<'_>| a.hop.trust == b.hop.trust;
    split(
        view,
        findings,
        "the server-verification policy",
        same,
        |intent| format!("{:?}", intent.hop.trust).to_lowercase(),
    );
}

/// No connection, and no session, serves two intents that differ in `what`.
fn split(
    view: &View<'_>,
    findings: &mut Findings<'_>,
    what: &str,
    same: impl Fn(&Intent<'_>, &Intent<'_>) -> bool,
    show: impl Fn(&Intent<'_>) -> String,
) {
    for sent in &view.requests {
        let lane = &view.connections[sent.lane];
        if let (Some(intent), Some(opened)) = (&sent.intent, &lane.intent)
            && !same(intent, opened)
        {
            findings.add(sent.record, || {
                format!(
                    "connection {} was opened with {what} = {} and served a request with {}",
                    lane.event.id,
                    show(opened),
                    show(intent),
                )
            });
        }
    }
    for lane in &view.connections {
        let Some(session) = lane.event.resumed.and_then(|session| view.session(session)) else {
            continue;
        };
        if let (Some(opened), Some(origin)) = (&lane.intent, &view.connections[session.lane].intent)
            && !same(opened, origin)
        {
            findings.add(lane.record, || {
                format!(
                    "connection {} with {what} = {} resumed session {}, which was obtained with {}",
                    lane.event.id,
                    show(opened),
                    session.event.session,
                    show(origin),
                )
            });
        }
    }
}

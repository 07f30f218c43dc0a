//! Nothing is shared across credentials, network partition keys or server-verification policies.

use super::view::{Choice, Intent};
use super::{Findings, View};
use crate::log::Client;

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
    choices_are_partitioned(view, findings);
}

/// No certificate is withheld because the user, asked in another partition, sent none there.
fn choices_are_partitioned(view: &View<'_>, findings: &mut Findings<'_>) {
    for lane in &view.connections {
        let withheld = lane.event.asked && lane.event.client == Client::Declined;
        let wants = |intent: &Intent<'_>| intent.credentials && intent.identity.is_some();
        let Some(intent) = lane.intent.filter(|intent| withheld && wants(intent)) else {
            continue;
        };
        let elsewhere = |it: &&Choice<'_>| {
            it.declined
                && it.record < lane.record
                && it.hop.authority == intent.hop.authority
                && it.hop.partition != intent.hop.partition
        };
        if let Some(choice) = view.choices.iter().find(elsewhere) {
            findings.add(lane.record, || {
                format!(
                    "connection {} for {} withheld the certificate, which the user chose to do for {}",
                    lane.event.id,
                    view.case.partition_name(intent.hop),
                    view.case.partition_name(choice.hop),
                )
            });
        }
    }
}

pub(super) fn trust_match(view: &View<'_>, findings: &mut Findings<'_>) {
    let policy = |intent: &Intent<'_>| {
        let trust = format!("{:?}", intent.hop.trust).to_lowercase();
        match &intent.hop.server_name {
            Some(name) => format!("{trust} as {name}"),
            None => trust,
        }
    };
    let same = |a: &Intent<'_>, b: &Intent<'_>| {
        a.hop.trust == b.hop.trust && a.hop.server_name == b.hop.server_name
    };
    split(
        view,
        findings,
        "the server-verification policy",
        same,
        policy,
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

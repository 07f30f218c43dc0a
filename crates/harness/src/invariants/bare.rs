//! Bare means bare: no identity below, no credentials above.

use super::{Findings, View};

pub(super) fn preflight_bare(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in view.requests.iter().filter(|sent| sent.event.preflight) {
        let client = view.client_of(sent);
        if client.is_authenticated() {
            findings.add(sent.record, || {
                format!(
                    "the preflight of step {} rode connection {}, whose client is {}",
                    step(sent.event.step),
                    sent.event.connection,
                    super::identity::name(client),
                )
            });
        }
    }
}

pub(super) fn preflight_clean(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in view.requests.iter().filter(|sent| sent.event.preflight) {
        let carried = [
            ("Cookie", sent.event.cookie),
            ("Authorization", sent.event.authorization),
            ("Client-Cert", sent.event.client_cert),
        ];
        for (name, _) in carried.into_iter().filter(|(_, carried)| *carried) {
            findings.add(sent.record, || {
                format!("the preflight of step {} carried {name}", step(sent.event.step))
            });
        }
    }
}

pub(super) fn omit_bare(view: &View<'_>, findings: &mut Findings<'_>) {
    for sent in view.requests.iter().filter(|sent| !sent.event.preflight) {
        let omits = sent.intent.is_some_and(|intent| !intent.credentials);
        if omits && view.client_of(sent).is_authenticated() {
            findings.add(sent.record, || {
                format!(
                    "the request of step {} has includeCredentials = false and rode connection {}, whose client is {}",
                    step(sent.event.step),
                    sent.event.connection,
                    super::identity::name(view.client_of(sent)),
                )
            });
        }
    }
}

/// A step's number for people: they count from 1.
pub(super) fn step(step: Option<u16>) -> String {
    step.map_or_else(|| "unknown".to_owned(), |step| (step + 1).to_string())
}

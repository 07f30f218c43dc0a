//! Who may ask the user to choose a certificate.

use super::bare::step;
use super::{Findings, View};
use crate::log::Event;

pub(super) fn no_prompt(view: &View<'_>, findings: &mut Findings<'_>) {
    for (record, it) in view.records.iter().enumerate() {
        let Event::Prompt { cause } = &it.event else {
            continue;
        };
        let omits = view
            .case
            .hop(cause.step, cause.hop)
            .is_some_and(|hop| !hop.include_credentials);
        if cause.preflight || omits {
            let what = if cause.preflight {
                "preflight"
            } else {
                "request without credentials"
            };
            findings.add(record, || {
                format!(
                    "the {what} of step {} asked the user to choose a certificate",
                    step(Some(cause.step))
                )
            });
        }
    }
}

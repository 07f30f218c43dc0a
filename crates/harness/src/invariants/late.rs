//! A certificate asked for after the handshake.

use super::{Findings, View};
use crate::log::{Event, Protocol};

pub(super) fn late_auth_refused(view: &View<'_>, findings: &mut Findings<'_>) {
    for (record, it) in view.records.iter().enumerate() {
        let Event::LateAuthentication(late) = &it.event else {
            continue;
        };
        let Some(lane) = view
            .lane(late.connection)
            .map(|lane| &view.connections[lane])
        else {
            continue;
        };
        if !late.refused && matches!(lane.event.alpn, Some(Protocol::H2 | Protocol::H3)) {
            findings.add(record, || {
                format!("connection {} is not HTTP/1.1 and went on after a late request for a certificate", late.connection)
            });
        }
        // A profile that presents without credentials has said so; what it shows early it may show late.
        let bare = lane
            .intent
            .is_some_and(|intent| !intent.credentials && intent.identity.is_none());
        if bare && late.client.is_authenticated() {
            findings.add(record, || {
                format!(
                    "connection {} has credentials = false and answered late with a certificate",
                    late.connection
                )
            });
        }
    }
}

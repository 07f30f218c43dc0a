//! Faults in who may join a connection that was opened for another host.

use bareflight_pool_key::{CoalesceFacts, ConnectionKey, Description, coalesce};
use bareflight_user_agent::Share;

use super::otherwise_standard;

/// Another host joins a connection on which a certificate was sent. Right: nobody does.
pub(super) struct WithClientCertificate;

impl Share for WithClientCertificate {
    fn joins(
        &self,
        connection: &ConnectionKey,
        request: &ConnectionKey,
        facts: CoalesceFacts,
    ) -> bool {
        let wanted = request.description();
        let moved = Description {
            origin: wanted.origin,
            identity: wanted.identity,
            ..connection.description()
        };
        let facts = CoalesceFacts {
            client_certificate_asked: false,
            client_certificate_sent: false,
            ..facts
        };
        coalesce(&moved.keys().connection, request, facts).is_ok()
    }
}

otherwise_standard!(WithClientCertificate: Carry, Keep);

/// The coalescing key lacks the credentials bit.
pub(super) struct IgnoresCredentials;

impl Share for IgnoresCredentials {
    fn joins(
        &self,
        connection: &ConnectionKey,
        request: &ConnectionKey,
        facts: CoalesceFacts,
    ) -> bool {
        let wanted = request.description();
        let moved = Description {
            credentials: wanted.credentials,
            identity: wanted.identity,
            ..connection.description()
        };
        let facts = CoalesceFacts {
            client_certificate_asked: false,
            client_certificate_sent: false,
            ..facts
        };
        coalesce(&moved.keys().connection, request, facts).is_ok()
    }
}

otherwise_standard!(IgnoresCredentials: Carry, Keep);

/// The coalescing key lacks the network partition key.
pub(super) struct IgnoresPartition;

impl Share for IgnoresPartition {
    fn joins(
        &self,
        connection: &ConnectionKey,
        request: &ConnectionKey,
        facts: CoalesceFacts,
    ) -> bool {
        let moved = Description {
            partition: request.description().partition,
            ..connection.description()
        };
        coalesce(&moved.keys().connection, request, facts).is_ok()
    }
}

otherwise_standard!(IgnoresPartition: Carry, Keep);

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
        let (has, wants) = (connection.description(), request.description());
        let lax = Description {
            identity: wants.identity,
            ..has
        };
        coalesce(&lax.keys().connection, request, never_asked(facts)).is_ok()
    }
}

otherwise_standard!(WithClientCertificate: Carry, Keep);

/// Hosts join by address alone, and in the world of a scenario all servers are at one. Right: the certificate has to
/// cover the host that joins (RFC 9113 section 9.1.1).
pub(super) struct IgnoresCertificateNames;

impl Share for IgnoresCertificateNames {
    fn joins(
        &self,
        connection: &ConnectionKey,
        request: &ConnectionKey,
        facts: CoalesceFacts,
    ) -> bool {
        let covered = CoalesceFacts {
            certificate_covers: true,
            ..facts
        };
        coalesce(connection, request, covered).is_ok()
    }
}

otherwise_standard!(IgnoresCertificateNames: Carry, Keep);

/// The coalescing key lacks the credentials bit, and with it who is meant by it.
pub(super) struct IgnoresCredentials;

impl Share for IgnoresCredentials {
    fn joins(
        &self,
        connection: &ConnectionKey,
        request: &ConnectionKey,
        facts: CoalesceFacts,
    ) -> bool {
        let (has, wants) = (connection.description(), request.description());
        let lax = Description {
            credentials: wants.credentials,
            identity: wants.identity,
            ..has
        };
        coalesce(&lax.keys().connection, request, never_asked(facts)).is_ok()
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
        let (has, wants) = (connection.description(), request.description());
        let lax = Description {
            partition: wants.partition,
            ..has
        };
        coalesce(&lax.keys().connection, request, facts).is_ok()
    }
}

otherwise_standard!(IgnoresPartition: Carry, Keep);

/// What a client knows that does not look whether a client certificate was asked for or sent.
fn never_asked(facts: CoalesceFacts) -> CoalesceFacts {
    CoalesceFacts {
        client_certificate_asked: false,
        client_certificate_sent: false,
        ..facts
    }
}

//! May a request for another host join this connection?

use crate::{ConnectionKey, Description, Leg, ProtocolClass};

/// What coalescing needs to know of a connection besides its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoalesceFacts {
    /// The server's certificate, verified under the connection's own trust, is valid for the request's host too.
    pub certificate_covers: bool,
    /// The server has asked for a client certificate on this connection, whatever the answer was.
    pub client_certificate_asked: bool,
    /// A client certificate was sent on it, or stood behind the session that it resumed.
    pub client_certificate_sent: bool,
}

/// Why a request may not join.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CoalesceRefused {
    /// Something besides the origin differs.
    #[error(
        "the connection's key differs from the request's in more than the origin: open another connection"
    )]
    KeyDiffers,
    /// Not a kind of connection that others may join.
    #[error(
        "only plain HTTP to the origin server coalesces, not a proxy's leg nor a connection of another class"
    )]
    NotCoalescable,
    /// RFC 9113 section 9.1.1, RFC 9114 section 3.3.
    #[error("the server's certificate does not cover the request's host: open another connection")]
    CertificateDoesNotCover,
    /// The other host's requests would be seen under an identity that was chosen for the first, or would find it
    /// withheld.
    #[error(
        "a client certificate was asked for or sent on the connection: open another connection"
    )]
    ClientCertificate,
}

/// Whether a request may ride a connection that was opened for another origin.
///
/// HTTP/2 and HTTP/3 let it where the certificate covers the host (RFC 9113 section 9.1.1, RFC 9114 section 3.3); the
/// Fetch standard, whose key has the origin in it, does not model it. So nothing but the origin may differ, and the
/// connection must never have had to do with a client certificate.
///
/// That the connection has a stream left is the pool's part, that both hosts are reached at one place the owner's.
///
/// # Errors
/// The first rule that forbids it.
pub fn coalesce(
    connection: &ConnectionKey,
    request: &ConnectionKey,
    facts: CoalesceFacts,
) -> Result<(), CoalesceRefused> {
    let wanted = request.description();
    let moved = Description {
        origin: wanted.origin,
        ..connection.description()
    };
    if moved != wanted {
        return Err(CoalesceRefused::KeyDiffers);
    }
    if wanted.leg != Leg::Origin || wanted.class != ProtocolClass::Http {
        return Err(CoalesceRefused::NotCoalescable);
    }
    if !facts.certificate_covers {
        return Err(CoalesceRefused::CertificateDoesNotCover);
    }
    if facts.client_certificate_asked || facts.client_certificate_sent {
        return Err(CoalesceRefused::ClientCertificate);
    }
    Ok(())
}

//! Faults in what is said when a server asks after the handshake.

use bareflight_policy::CertificateAnswer;
use bareflight_user_agent::{Carry, Protocol, Question, Standard};

use super::carry::present_if_held;
use super::otherwise_standard;

/// A bare connection answers a renegotiation, or a post-handshake request, with the certificate. Right: it is answered
/// as in the handshake, where credentials = false sends none.
pub(super) struct OnBareConnection;

impl Carry for OnBareConnection {
    fn answer_late(&self, question: &Question, protocol: Protocol) -> CertificateAnswer {
        match protocol {
            Protocol::Http1 => present_if_held(question),
            Protocol::H2 => Standard.answer_late(question, protocol),
        }
    }
}

otherwise_standard!(OnBareConnection: Share, Keep);

/// A late request is honoured in HTTP/2. Right: it breaks the connection off, for nobody can tell which of the requests
/// that share it is meant (RFC 9113 sections 9.2.1 and 9.2.3).
pub(super) struct InHttp2;

impl Carry for InHttp2 {
    fn answer_late(&self, question: &Question, _: Protocol) -> CertificateAnswer {
        Standard.answer(question)
    }
}

otherwise_standard!(InHttp2: Share, Keep);

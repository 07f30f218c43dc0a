//! What did the client show? rustls's own verifier decides; what passed before it is written down.

use std::sync::{Arc, Mutex};

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::lock;

/// One connection's verifier.
#[derive(Debug)]
pub(crate) struct Examiner {
    judge: Arc<dyn ClientCertVerifier>,
    seen: Mutex<Examined>,
}

/// What one connection's verifier saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Examined {
    /// The names of acceptable issuers were read, which rustls does as it writes a CertificateRequest.
    pub(crate) asked: bool,
    /// The chain in the client's Certificate, accepted or not.
    pub(crate) shown: Option<Vec<CertificateDer<'static>>>,
}

impl Examiner {
    pub(crate) fn new(judge: Arc<dyn ClientCertVerifier>) -> Self {
        Self {
            judge,
            seen: Mutex::default(),
        }
    }

    pub(crate) fn seen(&self) -> Examined {
        lock(&self.seen).clone()
    }
}

impl ClientCertVerifier for Examiner {
    fn offer_client_auth(&self) -> bool {
        self.judge.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.judge.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        lock(&self.seen).asked = true;
        self.judge.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        lock(&self.seen).shown = Some(chain.map(|der| der.clone().into_owned()).collect());
        self.judge
            .verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

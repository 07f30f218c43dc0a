//! Which configuration serves this key? One resolver and one verifier for each key, for as long as the driver lives.
//!
//! In rustls a session is compatible with a configuration if resolver and verifier are the same *objects* as those that
//! it was obtained with. A configuration rebuilt for each connection would silently never resume; one resolver shared
//! between keys would resume across them. Both directions are this crate's first test.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::resolver::Resolver;
use super::session::Shelf;
#[cfg(feature = "openssl")]
use super::with_openssl;
use crate::clock::Clock;
use crate::error::ConnectError;
use crate::keylog::Secrets;
use crate::pki::Pki;
use crate::plan::{ClientConfiguration, ConfigKey, LateAnswer, Protocol, Stack, Trust};

/// Configurations that one driver keeps.
pub const MAX_CONFIGURATIONS: usize = 4096;

/// The configurations of one driver, by key.
#[derive(Default)]
pub(crate) struct Configurations(HashMap<ConfigKey, (ClientConfiguration, Built)>);

/// What is kept for a key.
enum Built {
    Rustls(Box<ClientConfig>),
    /// Nothing: what OpenSSL needs is made for each connection.
    #[cfg(feature = "openssl")]
    OpenSsl,
}

/// What one connection shakes hands with.
pub(crate) enum ReadyStack {
    Rustls(Arc<ClientConfig>),
    #[cfg(feature = "openssl")]
    OpenSsl(Box<with_openssl::Ready>),
}

/// What the driver has for all its connections.
pub(crate) struct Means<'a> {
    pub(crate) pki: &'a Pki,
    pub(crate) clock: &'a Arc<Clock>,
    pub(crate) secrets: &'a Arc<Secrets>,
}

impl Configurations {
    /// The configuration of this key, with `shelf` as the session store of one connection.
    pub(crate) fn of(
        &mut self,
        plan: &ClientConfiguration,
        means: &Means<'_>,
        #[cfg_attr(
            not(feature = "openssl"),
            expect(unused_variables, reason = "rustls is told later")
        )]
        name: &ServerName<'_>,
        shelf: Arc<Shelf>,
    ) -> Result<ReadyStack, ConnectError> {
        if !self.0.contains_key(&plan.key) {
            if self.0.len() == MAX_CONFIGURATIONS {
                return Err(ConnectError::Full("configurations"));
            }
            let built = build(plan, means.pki, means.clock)?;
            self.0.insert(plan.key, (plan.clone(), built));
        }
        let (built_for, built) = &self.0[&plan.key];
        if !is_same(built_for, plan) {
            return Err(ConnectError::KeyConflict(plan.key));
        }
        Ok(match built {
            Built::Rustls(config) => {
                let mut config = (**config).clone();
                config.alpn_protocols = Protocol::wire(&plan.alpn);
                config.max_fragment_size = plan.largest_record;
                config.enable_early_data = plan.early_data;
                if plan.early_data {
                    config.alpn_protocols.truncate(1);
                }
                config.resumption = Resumption::store(shelf);
                config.key_log = Arc::clone(means.secrets) as _;
                ReadyStack::Rustls(Arc::new(config))
            }
            #[cfg(feature = "openssl")]
            Built::OpenSsl => {
                let ready = with_openssl::Ready::new(plan, name, means, shelf)?;
                ReadyStack::OpenSsl(Box::new(ready))
            }
        })
    }
}

/// Whether a key that stands for one configuration may be used for another. The protocols on offer may differ.
fn is_same(built_for: &ClientConfiguration, plan: &ClientConfiguration) -> bool {
    let same_answers = built_for.answer == plan.answer && built_for.late == plan.late;
    (plan.shared || same_answers)
        && built_for.stack == plan.stack
        && built_for.trust == plan.trust
        && built_for.versions == plan.versions
}

fn build(plan: &ClientConfiguration, pki: &Pki, clock: &Arc<Clock>) -> Result<Built, ConnectError> {
    match plan.stack {
        Stack::Rustls if plan.late != LateAnswer::Refuse => {
            Err(ConnectError::CannotAnswerLate(plan.key))
        }
        Stack::Rustls => {
            let config = with_rustls(plan, pki, clock)?;
            Ok(Built::Rustls(Box::new(config)))
        }
        #[cfg(feature = "openssl")]
        Stack::OpenSsl => Ok(Built::OpenSsl),
    }
}

fn with_rustls(
    plan: &ClientConfiguration,
    pki: &Pki,
    clock: &Arc<Clock>,
) -> Result<ClientConfig, ConnectError> {
    let provider = pki.provider();
    Ok(
        ClientConfig::builder_with_details(Arc::clone(provider), Arc::clone(clock) as _)
            .with_protocol_versions(plan.versions.supported())
            .map_err(ConnectError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(plan.trust.verifier(pki)?)
            .with_client_cert_resolver(Arc::new(Resolver)),
    )
}

impl Trust {
    /// What rustls asks whether to believe a server.
    ///
    /// # Errors
    /// When an authority's key or certificate cannot be made.
    pub fn verifier(&self, pki: &Pki) -> Result<Arc<dyn ServerCertVerifier>, ConnectError> {
        let provider: &Arc<CryptoProvider> = pki.provider();
        Ok(match self {
            Self::Authorities(authorities) => {
                let roots = pki.roots(authorities)?;
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                    .build()
                    .map_err(|e| ConnectError::Trust(e.to_string()))?
            }
            Self::Anyone => Arc::new(Credulous(provider.signature_verification_algorithms)),
        })
    }
}

/// [`Trust::Anyone`]: believes every certificate, but still wants the proof that the peer holds its key.
#[derive(Debug)]
struct Credulous(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

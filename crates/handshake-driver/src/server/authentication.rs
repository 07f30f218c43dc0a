//! Whom did the original handshake authenticate, for which name, and under which policy? A session carries the answer on,
//! from resumption to resumption.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};

use super::hosts::Host;
use crate::ids::ServerId;

/// The outcome of a full handshake.
pub(crate) struct Authentication {
    pub(crate) server: ServerId,
    pub(crate) server_name: Option<String>,
    /// The host whose policy was in force.
    pub(crate) host: Arc<Host>,
    /// The chain that was shown and accepted; `None` if the handshake was bare.
    pub(crate) chain: Option<Vec<CertificateDer<'static>>>,
    /// When, on the driver's clock.
    pub(crate) at: Duration,
}

/// Whether the leaf passes if whoever issued it is believed unseen.
pub(super) fn only_leaf_passes(
    leaf: &CertificateDer<'_>,
    issuer: &CertificateDer<'_>,
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    time: UnixTime,
) -> bool {
    let passes = || -> Result<(), webpki::Error> {
        let anchor = [webpki::anchor_from_trusted_cert(issuer)?];
        let usage = webpki::KeyUsage::client_auth();
        webpki::EndEntityCert::try_from(leaf)?
            .verify_for_usage(algorithms, &anchor, &[], time, usage, None, None)
            .map(|_| ())
    };
    passes().is_ok()
}

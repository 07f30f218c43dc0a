//! Keys, chains, roots and the time, as OpenSSL takes them.

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslContextBuilder, SslRef};
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyParamRef;
use openssl::x509::{X509, X509Name};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::clock::Clock;
use crate::pki::Pki;
use crate::plan::Version;

/// A chain and its key.
#[derive(Clone)]
pub(crate) struct Credentials {
    chain: Vec<X509>,
    key: PKey<Private>,
}

impl Credentials {
    pub(crate) fn new(
        chain: &[CertificateDer<'_>],
        key: &PrivateKeyDer<'_>,
    ) -> Result<Self, ErrorStack> {
        Ok(Self {
            chain: chain
                .iter()
                .map(|der| X509::from_der(der))
                .collect::<Result<_, _>>()?,
            key: PKey::private_key_from_der(key.secret_der())?,
        })
    }

    /// Lets a context present them.
    pub(crate) fn give_to(&self, context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        if let Some((leaf, rest)) = self.chain.split_first() {
            context.set_certificate(leaf)?;
            for certificate in rest {
                context.add_extra_chain_cert(certificate.clone())?;
            }
        }
        context.set_private_key(&self.key)
    }

    /// Lets one connection present them.
    pub(crate) fn give_to_connection(&self, ssl: &mut SslRef) -> Result<(), ErrorStack> {
        if let Some((leaf, rest)) = self.chain.split_first() {
            ssl.set_certificate(leaf)?;
            for certificate in rest {
                ssl.add_chain_cert(certificate.clone())?;
            }
        }
        ssl.set_private_key(&self.key)
    }
}

/// A store of these roots, and their names.
pub(crate) fn roots(
    roots: &[CertificateDer<'_>],
) -> Result<(X509Store, Vec<X509Name>), ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    let mut names = Vec::new();
    for der in roots {
        let root = X509::from_der(der)?;
        names.push(root.subject_name().to_owned()?);
        store.add_cert(root)?;
    }
    Ok((store.build(), names))
}

/// Certificates are judged at the driver's time, not at the machine's: a second earlier, for a certificate is valid through the
/// second that it names (RFC 5280 section 4.1.2.5), and OpenSSL takes an end that is "or equal" for past (X509_cmp_time(3)).
pub(crate) fn unix(param: &mut X509VerifyParamRef, clock: &Clock) {
    let through = clock.unix().as_secs().saturating_sub(1);
    param.set_time(i64::try_from(through).unwrap_or(i64::MAX));
}

impl From<Version> for openssl::ssl::SslVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::Tls12 => Self::TLS1_2,
            Version::Tls13 => Self::TLS1_3,
        }
    }
}

impl Pki {
    /// The credentials of an identity that was made here.
    pub(crate) fn openssl(&self, of: &CertifiedKey) -> Option<Result<Credentials, ErrorStack>> {
        self.private_key(of)
            .map(|key| Credentials::new(&of.cert, &key))
    }
}

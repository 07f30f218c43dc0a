//! With which key? The key pairs that certificates are made for and signed with, and where they come from.

#[cfg(feature = "insecure-test-crypto")]
use rcgen::PKCS_ED25519;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

#[cfg(feature = "insecure-test-crypto")]
use crate::insecure_test_crypto as insecure;

/// Where keys come from.
pub(crate) enum Keys {
    /// ECDSA on P-256, each made at random.
    P256,
    /// The test provider's, each made from this seed and what it is for.
    #[cfg(feature = "insecure-test-crypto")]
    Insecure { seed: u64 },
}

impl Keys {
    /// A key for `owner`: the whole description of what it is for. Seeded keys are the same for the same owner.
    #[cfg_attr(
        not(feature = "insecure-test-crypto"),
        expect(unused_variables, reason = "a random key is nobody's yet")
    )]
    pub(crate) fn generate(&self, owner: &str) -> Result<Key, rcgen::Error> {
        match self {
            Self::P256 => {
                let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
                Ok(Key::P256(Box::new(key)))
            }
            #[cfg(feature = "insecure-test-crypto")]
            Self::Insecure { seed } => {
                Ok(Key::Insecure(insecure::Key::new(*seed, owner.as_bytes())))
            }
        }
    }
}

/// A key pair.
pub(crate) enum Key {
    P256(Box<KeyPair>),
    #[cfg(feature = "insecure-test-crypto")]
    Insecure(insecure::Key),
}

impl Key {
    /// The private key in PKCS #8, for the provider to load.
    pub(crate) fn private(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(match self {
            Self::P256(key) => key.serialize_der(),
            #[cfg(feature = "insecure-test-crypto")]
            Self::Insecure(key) => key.to_pkcs8(),
        })
        .into()
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        match self {
            Self::P256(key) => key.der_bytes(),
            #[cfg(feature = "insecure-test-crypto")]
            Self::Insecure(key) => key.public(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self {
            Self::P256(key) => key.algorithm(),
            #[cfg(feature = "insecure-test-crypto")]
            Self::Insecure(_) => &PKCS_ED25519,
        }
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self {
            Self::P256(key) => key.sign(message),
            #[cfg(feature = "insecure-test-crypto")]
            Self::Insecure(key) => Ok(key.sign(message)),
        }
    }
}

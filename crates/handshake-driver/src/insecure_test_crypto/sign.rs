//! Who signed this? A signature that belongs to one key and one message, though anybody can make it.

use std::sync::Arc;

use rustls::crypto::{KeyProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm,
    SubjectPublicKeyInfoDer, alg_id,
};
use rustls::sign::{Signer, SigningKey, public_key_to_spki};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::mix::{Mix, Purpose};

/// What verifies: signatures made here, which call themselves Ed25519.
pub(super) const ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&Verifier],
    mapping: &[(SCHEME, &[&Verifier])],
};

const SCHEME: SignatureScheme = SignatureScheme::ED25519;
const SEED: usize = 32;
/// As long as an Ed25519 signature.
const SIGNATURE: usize = 64;

/// A key pair: the seed that it comes from, and the public key that comes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    seed: [u8; SEED],
    public: [u8; SEED],
}

impl Key {
    /// The key of this seed and this owner.
    pub(crate) fn new(seed: u64, owner: &[u8]) -> Self {
        let mut mix = Mix::keyed(Purpose::Seed, &seed.to_le_bytes());
        mix.update(owner);
        Self::from_seed(mix.digest())
    }

    fn from_seed(seed: [u8; SEED]) -> Self {
        let public = Mix::keyed(Purpose::PublicKey, &seed).digest();
        Self { seed, public }
    }

    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        signature(&self.public, message).to_vec()
    }

    /// PKCS #8, as for Ed25519 (RFC 8410 section 7).
    pub(crate) fn to_pkcs8(&self) -> Vec<u8> {
        [PKCS8, &self.seed].concat()
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let seed = der.strip_prefix(PKCS8)?;
        Some(Self::from_seed(seed.try_into().ok()?))
    }
}

/// PrivateKeyInfo of version 0 with the identifier of Ed25519, up to the seed.
const PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

fn signature(public_key: &[u8], message: &[u8]) -> [u8; SIGNATURE] {
    let mut mix = Mix::keyed(Purpose::Signature, public_key);
    mix.update(message);
    mix.digest()
}

#[derive(Debug)]
pub(super) struct Loader;

impl KeyProvider for Loader {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        match Key::from_pkcs8(der.secret_der()) {
            Some(key) => Ok(Arc::new(key)),
            None => Err(Error::General("not a key of the test provider".into())),
        }
    }
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SCHEME)
            .then(|| Box::new(self.clone()) as _)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(public_key_to_spki(&alg_id::ED25519, self.public))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.sign(message))
    }

    fn scheme(&self) -> SignatureScheme {
        SCHEME
    }
}

#[derive(Debug)]
struct Verifier;

impl SignatureVerificationAlgorithm for Verifier {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        claimed: &[u8],
    ) -> Result<(), InvalidSignature> {
        if claimed == signature(public_key, message) {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_belongs_to_its_key_and_its_message() {
        let (alice, bob) = (Key::new(0, b"alice"), Key::new(0, b"bob"));
        assert_ne!(alice.public, Key::new(1, b"alice").public);
        let signed = alice.sign(b"message");
        let verifies = |key: &Key, message: &[u8], signature: &[u8]| {
            Verifier
                .verify_signature(&key.public, message, signature)
                .is_ok()
        };
        assert!(verifies(&alice, b"message", &signed));
        assert!(!verifies(&bob, b"message", &signed));
        assert!(!verifies(&alice, b"massage", &signed));
        assert!(!verifies(&alice, b"message", &signed[1..]));
        for at in 0..signed.len() {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            assert!(!verifies(&alice, b"message", &changed), "byte {at}");
        }
    }

    #[test]
    fn a_key_is_stored_and_loaded() {
        let key = Key::new(0, b"alice");
        assert_eq!(Key::from_pkcs8(&key.to_pkcs8()), Some(key.clone()));
        for length in 0..key.to_pkcs8().len() {
            assert_eq!(Key::from_pkcs8(&key.to_pkcs8()[..length]), None);
        }
    }
}

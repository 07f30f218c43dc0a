//! **Not cryptography.** How fast is a handshake when its arithmetic costs nothing?
//!
//! A [`CryptoProvider`] for fuzzing, whose every part is a cheap, deterministic stand-in: whoever reads the wire reads
//! everything, and whoever knows a public key signs with it. It exists only with the feature `insecure-test-crypto`, and
//! its cipher suites and its group have code points reserved for private use (RFC 9846 section 11), so that no peer but
//! itself ever agrees to them.
//!
//! What it keeps is **identity**, because that is what handshakes are tested for here:
//!
//! | part | stand-in | what still holds |
//! |---|---|---|
//! | hash, HMAC, HKDF, PRF | 128 bits of keyed mixing | different inputs or keys, different outputs |
//! | signature | mixing of public key and message | it verifies under that key, for that message, and no other |
//! | key exchange | multiplication modulo 2^128 | both ends agree; different shares, different secrets |
//! | AEAD | plaintext and a tag | another key, record number, header or byte does not open |
//! | randomness | a counter under a seed | the same seed draws the same numbers, and no number twice |
//!
//! (rustls's own fuzzing provider hashes everything to one constant; two identities then share a session.) Tickets need
//! no part of this: a ticket names an entry of the servers' table, which knows whose it is.
//!
//! Certificates are X.509 as ever, with keys that call themselves Ed25519; chains, names, dates and usages are judged by
//! webpki as they always are.

mod aead;
mod derive;
mod exchange;
mod hash;
mod mix;
pub(crate) mod random;
mod sign;

use rustls::crypto::{CipherSuiteCommon, CryptoProvider, KeyExchangeAlgorithm};
use rustls::{
    CipherSuite, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};

pub(crate) use sign::Key;

/// The provider. It computes nothing that would protect anything.
#[must_use]
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            SupportedCipherSuite::Tls13(&TLS13),
            SupportedCipherSuite::Tls12(&TLS12),
        ],
        kx_groups: exchange::GROUPS.iter().map(|group| group as _).collect(),
        signature_verification_algorithms: sign::ALGORITHMS,
        secure_random: &random::Seeded,
        key_provider: &sign::Loader,
    }
}

static TLS13: Tls13CipherSuite = Tls13CipherSuite {
    common: common(0xff13),
    hkdf_provider: &derive::Mixing,
    aead_alg: &aead::Tagged,
    quic: None,
};

static TLS12: Tls12CipherSuite = Tls12CipherSuite {
    common: common(0xff12),
    prf_provider: &derive::Mixing,
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: &[SignatureScheme::ED25519],
    aead_alg: &aead::Tagged,
};

const fn common(code_point: u16) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite: CipherSuite::Unknown(code_point),
        hash_provider: &hash::Mixing,
        confidentiality_limit: u64::MAX,
    }
}

//! Which secret comes from which? What stands for HKDF in TLS 1.3 (RFC 5869) and for the PRF of TLS 1.2 (RFC 5246
//! section 5): the secret is the key of a mixing, labels and seeds go in, and as many bytes come out as are wanted.

use rustls::Error;
use rustls::crypto::ActiveKeyExchange;
use rustls::crypto::hmac::Tag;
use rustls::crypto::tls12::Prf;
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock, OutputLengthError};

use super::hash::LENGTH;
use super::mix::{Mix, Purpose};

pub(super) struct Mixing;

impl Hkdf for Mixing {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        self.extract_from_secret(salt, &[])
    }

    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        let mut extracted = Mix::keyed(Purpose::Secret, salt.unwrap_or_default());
        extracted.update(secret);
        self.expander_for_okm(&OkmBlock::new(&extracted.digest::<LENGTH>()))
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        Box::new(Expander(Mix::keyed(Purpose::Secret, okm.as_ref())))
    }

    fn hmac_sign(&self, key: &OkmBlock, message: &[u8]) -> Tag {
        let mut mix = Mix::keyed(Purpose::Secret, key.as_ref());
        mix.update(message);
        Tag::new(&mix.digest::<LENGTH>())
    }
}

struct Expander(Mix);

impl HkdfExpander for Expander {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        let mut mix = self.0.clone();
        for part in info {
            mix.update(part);
        }
        mix.finish(output);
        Ok(())
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        let mut block = [0; LENGTH];
        // Any length can be had.
        let _ = self.expand_slice(info, &mut block);
        OkmBlock::new(&block)
    }

    fn hash_len(&self) -> usize {
        LENGTH
    }
}

impl Prf for Mixing {
    fn for_key_exchange(
        &self,
        output: &mut [u8; 48],
        kx: Box<dyn ActiveKeyExchange>,
        peer_pub_key: &[u8],
        label: &[u8],
        seed: &[u8],
    ) -> Result<(), Error> {
        let secret = kx.complete_for_tls_version(peer_pub_key, &rustls::version::TLS12)?;
        self.for_secret(output, secret.secret_bytes(), label, seed);
        Ok(())
    }

    fn for_secret(&self, output: &mut [u8], secret: &[u8], label: &[u8], seed: &[u8]) {
        let mut mix = Mix::keyed(Purpose::Secret, secret);
        mix.update(label);
        mix.update(seed);
        mix.finish(output);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_part_counts() {
        let of = |salt: Option<&[u8]>, secret: &[u8], info: &[&[u8]]| {
            let block = Mixing.extract_from_secret(salt, secret).expand_block(info);
            block.as_ref().to_vec()
        };
        let all = [
            of(None, b"", &[]),
            of(Some(b"salt"), b"", &[]),
            of(None, b"secret", &[]),
            of(None, b"", &[b"info"]),
            of(Some(b"salt"), b"secret", &[b"info"]),
            of(Some(b"salt"), b"other secret", &[b"info"]),
            of(Some(b"other salt"), b"secret", &[b"info"]),
            of(Some(b"salt"), b"secret", &[b"other", b"info"]),
        ];
        assert_eq!(HashSet::from(all.clone()).len(), all.len());
        assert_eq!(all[4], of(Some(b"salt"), b"secret", &[b"in", b"fo"]));
    }

    /// Finished and PSK binders (RFC 9846 sections 4.4.4 and 4.2.11.2).
    #[test]
    fn a_mac_hears_key_and_message() {
        let of = |key: &[u8], message: &[u8]| {
            let tag = Mixing.hmac_sign(&OkmBlock::new(key), message);
            tag.as_ref().to_vec()
        };
        let all = [
            of(b"one", b"hash"),
            of(b"two", b"hash"),
            of(b"one", b"other"),
        ];
        assert_eq!(HashSet::from(all.clone()).len(), all.len());
    }

    #[test]
    fn the_prf_hears_secret_label_and_seed() {
        let of = |secret: &[u8], label: &[u8], seed: &[u8]| {
            let mut output = [0; 100];
            Mixing.for_secret(&mut output, secret, label, seed);
            output
        };
        let all = [
            of(b"one", b"client finished", b"hash"),
            of(b"two", b"client finished", b"hash"),
            of(b"one", b"server finished", b"hash"),
            of(b"one", b"client finished", b"other"),
        ];
        assert_eq!(HashSet::from(all).len(), all.len());
    }
}

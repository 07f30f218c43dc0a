//! Was this record written by who has the key? The plaintext as it is, and a tag over it and all that it depends on.

use rustls::ConnectionTrafficSecrets;
use rustls::Error;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, NONCE_LEN, Nonce, OutboundOpaqueMessage, OutboundPlainMessage,
    PrefixedPayload, Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
    make_tls12_aad, make_tls13_aad,
};
use rustls::{ContentType, ProtocolVersion};

use super::mix::{Mix, Purpose};

const TAG: usize = 16;
const KEY: usize = 32;
/// RFC 9846 section 5.1; rustls has its own copy, which is private.
const MAX_PLAINTEXT: usize = 1 << 14;

/// The algorithm, in both versions shaped like ChaCha20-Poly1305 (RFC 7905): no explicit nonce.
pub(super) struct Tagged;

impl Tls13AeadAlgorithm for Tagged {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Tls13(Tagger::new(&key, iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Tls13(Tagger::new(&key, iv)))
    }

    fn key_len(&self) -> usize {
        KEY
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl Tls12AeadAlgorithm for Tagged {
    fn encrypter(&self, key: AeadKey, iv: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Tls12(Tagger::new(&key, Iv::copy(iv))))
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Tls12(Tagger::new(&key, Iv::copy(iv))))
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: KEY,
            fixed_iv_len: NONCE_LEN,
            explicit_nonce_len: 0,
        }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

/// One direction of one epoch.
struct Tagger {
    keyed: Mix,
    iv: Iv,
}

impl Tagger {
    fn new(key: &AeadKey, iv: Iv) -> Self {
        Self {
            keyed: Mix::keyed(Purpose::Record, key.as_ref()),
            iv,
        }
    }

    fn tag(&self, number: u64, header: &[u8], plaintext: &[u8]) -> [u8; TAG] {
        let mut mix = self.keyed.clone();
        mix.update(&Nonce::new(&self.iv, number).0);
        mix.update(header);
        mix.update(plaintext);
        mix.digest()
    }

    fn seal(&self, number: u64, header: &[u8], payload: &mut PrefixedPayload) {
        let tag = self.tag(number, header, payload.as_ref());
        payload.extend_from_slice(&tag);
    }

    /// How long the plaintext is, if the tag behind it is its own.
    fn open(&self, number: u64, header: &[u8], payload: &[u8]) -> Result<usize, Error> {
        match payload.split_last_chunk() {
            Some((plaintext, tag)) if *tag == self.tag(number, header, plaintext) => {
                Ok(plaintext.len())
            }
            _ => Err(Error::DecryptError),
        }
    }
}

/// Records of TLS 1.3: the type goes behind the plaintext (RFC 9846 section 5.2).
struct Tls13(Tagger);

impl MessageEncrypter for Tls13 {
    fn encrypt(
        &mut self,
        msg: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(msg.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&msg.payload);
        payload.extend_from_slice(&msg.typ.to_array());
        self.0.seal(seq, &make_tls13_aad(length), &mut payload);
        let (typ, version) = (ContentType::ApplicationData, ProtocolVersion::TLSv1_2);
        Ok(OutboundOpaqueMessage::new(typ, version, payload))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + 1 + TAG
    }
}

impl MessageDecrypter for Tls13 {
    fn decrypt<'a>(
        &mut self,
        mut msg: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let header = make_tls13_aad(msg.payload.len());
        let length = self.0.open(seq, &header, &msg.payload)?;
        msg.payload.truncate(length);
        msg.into_tls13_unpadded_message()
    }
}

/// Records of TLS 1.2: the type stays in front (RFC 5246 section 6.2.3.3).
struct Tls12(Tagger);

impl MessageEncrypter for Tls12 {
    fn encrypt(
        &mut self,
        msg: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = msg.payload.len();
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(length));
        payload.extend_from_chunks(&msg.payload);
        let header = make_tls12_aad(seq, msg.typ, msg.version, length);
        self.0.seal(seq, &header, &mut payload);
        Ok(OutboundOpaqueMessage::new(msg.typ, msg.version, payload))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + TAG
    }
}

impl MessageDecrypter for Tls12 {
    fn decrypt<'a>(
        &mut self,
        mut msg: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let length = msg.payload.len().saturating_sub(TAG);
        let header = make_tls12_aad(seq, msg.typ, msg.version, length);
        let length = self.0.open(seq, &header, &msg.payload)?;
        if length > MAX_PLAINTEXT {
            return Err(Error::PeerSentOversizedRecord);
        }
        msg.payload.truncate(length);
        Ok(msg.into_plain_message())
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::cipher::OutboundChunks;

    use super::*;

    /// In which version, under which key and IV, and the how many-eth record.
    type Under = (ProtocolVersion, u8, u8, u64);

    fn seal((version, key, iv, number): Under, plaintext: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage {
            typ: ContentType::Handshake,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(plaintext),
        };
        let (key, iv) = (AeadKey::from([key; KEY]), [iv; NONCE_LEN]);
        let mut encrypter = match version {
            ProtocolVersion::TLSv1_3 => Tls13AeadAlgorithm::encrypter(&Tagged, key, iv.into()),
            _ => Tls12AeadAlgorithm::encrypter(&Tagged, key, &iv, &[]),
        };
        encrypter
            .encrypt(message, number)
            .unwrap()
            .payload
            .as_ref()
            .to_vec()
    }

    fn open(
        (version, key, iv, number): Under,
        typ: ContentType,
        sealed: &mut [u8],
    ) -> Result<Vec<u8>, Error> {
        let message = InboundOpaqueMessage::new(typ, ProtocolVersion::TLSv1_2, sealed);
        let (key, iv) = (AeadKey::from([key; KEY]), [iv; NONCE_LEN]);
        let mut decrypter = match version {
            ProtocolVersion::TLSv1_3 => Tls13AeadAlgorithm::decrypter(&Tagged, key, iv.into()),
            _ => Tls12AeadAlgorithm::decrypter(&Tagged, key, &iv),
        };
        let plain = decrypter.decrypt(message, number)?;
        assert_eq!(plain.typ, ContentType::Handshake);
        Ok(plain.payload.to_vec())
    }

    #[test]
    fn only_what_was_sealed_opens() {
        for (version, typ) in [
            (ProtocolVersion::TLSv1_2, ContentType::Handshake),
            (ProtocolVersion::TLSv1_3, ContentType::ApplicationData),
        ] {
            let under = (version, 1, 2, 3);
            let sealed = seal(under, b"plaintext");
            assert_eq!(open(under, typ, &mut sealed.clone()).unwrap(), b"plaintext");
            for other in [(version, 0, 2, 3), (version, 1, 0, 3), (version, 1, 2, 0)] {
                open(other, typ, &mut sealed.clone()).unwrap_err();
            }
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                open(under, typ, &mut changed).unwrap_err();
                open(under, typ, &mut sealed.clone()[..at]).unwrap_err();
            }
        }
        let under = (ProtocolVersion::TLSv1_2, 1, 2, 3);
        let mut sealed = seal(under, b"plaintext");
        open(under, ContentType::Alert, &mut sealed).unwrap_err();
    }
}

//! When are two client identities the same?

/// A client certificate as the peer sees it, and the key that signs for it.
///
/// Two are the same when every byte of the chain is the same and the private key is the same. Nothing less has been
/// enough: not the file's path (curl issue 5617), not the presence of one, not the chain alone (CVE-2026-8932: same
/// chain, other key), and a serial number is unique only for its issuer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClientIdentity {
    /// The certificates in DER, the end entity's first.
    pub chain: Vec<Vec<u8>>,
    /// The private key.
    pub key: KeyHandle,
}

/// A private key, by a number that whoever loads keys gives to each once, and never to another.
///
/// A key loaded a second time may get a second number: that costs a connection. Where keys live in a token, intern
/// what names the key for good there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyHandle(pub u64);

//! When are two ways to verify a server the same?

/// What decides whether a server is believed to be who it says it is.
///
/// All of it is compared byte by byte, in order. Two that would accept the same servers but are written differently
/// count as different, which costs a connection; the other way round costs the user (CVE-2022-27782, CVE-2024-35195).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ServerTrust {
    /// What is verified at all.
    pub verification: Verification,
    /// Which certificates are believed.
    pub roots: Roots,
    /// Digests of public keys, one of which must be in the chain; none: no pinning.
    pub pins: Vec<Vec<u8>>,
    /// Revocation lists in DER.
    pub revocation_lists: Vec<Vec<u8>>,
}

/// What is verified of a server's certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Verification {
    /// Chain and name.
    #[default]
    Full,
    /// The chain; any name is taken.
    ChainOnly,
    /// Nothing.
    Nothing,
}

/// Which root certificates are believed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Roots {
    /// The platform's.
    #[default]
    Platform,
    /// These, in DER.
    Only(Vec<Vec<u8>>),
}

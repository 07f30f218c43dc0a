//! What may a case use?
//!
//! *Swarm testing* (Groce et al., 2012): a case that may do everything does nothing often enough. Each case draws a
//! [`Swarm`] and uses only what it allows; histories without a destructive step are then as common as wild ones.

use crate::scenario::Choose;

/// Which features a case may use: one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swarm(pub(super) u64);

/// One feature of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Feature {
    SecondServer,
    SecondHost,
    HostRules,
    Addresses,
    Issuers,
    SecondPort,
    Redirects,
    Request,
    Require,
    Late,
    OldTls,
    H2,
    NoTickets,
    EarlyData,
    Untrusted,
    Partitions,
    Identities,
    OwnIdentity,
    BorrowedCertificate,
    Declines,
    Insecure,
    ServerNames,
    Proxies,
    SmallRecords,
    CorsRefusals,
    MaxAge,
    Profiles,
    Unsafe,
    Omit,
    SameOrigin,
    Images,
    Navigations,
    Sockets,
    Preconnect,
    Overlap,
    Time,
    Close,
    Restart,
    ChangeMode,
    Logout,
    Renew,
    NetworkChange,
}

impl Swarm {
    /// Everything.
    pub const ALL: Self = Self(u64::MAX);

    /// Each feature in half of the cases; what makes connections authenticated in most.
    pub fn draw(from: &mut impl Choose) -> Self {
        let mut bits = 0;
        for word in 0..4 {
            bits |= (from.below(1 << 16) as u64) << (16 * word);
        }
        if from.chance(3, 4) {
            bits |= 1 << Feature::Request as u8 | 1 << Feature::Unsafe as u8;
        }
        if from.chance(1, 2) {
            bits &= !(u64::MAX << Feature::Time as u8);
        }
        if from.chance(1, 2) {
            bits &= !(1 << Feature::CorsRefusals as u8 | 1 << Feature::Untrusted as u8);
        }
        if from.chance(3, 4) {
            bits &= !(1 << Feature::Profiles as u8);
        }
        Self(bits)
    }

    pub(super) fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u8) != 0
    }
}

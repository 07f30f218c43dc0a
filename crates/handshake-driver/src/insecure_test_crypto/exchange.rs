//! Do both ends have the same secret? Diffie and Hellman's scheme where anybody can divide: multiplication modulo 2^128.

use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};

use super::random;

/// A generator: it is odd, so no two private numbers have the same product.
const G: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// A group, by its number among `ecdhe_private_use` (RFC 9846 section 4.2.7). All of them are the same but for that.
#[derive(Debug)]
pub(super) struct Group(u16);

/// All groups, the preferred one first. There are two, so that a server may want the other: HelloRetryRequest.
pub(super) static GROUPS: [Group; 2] = [Group(0xfe00), Group(0xfe01)];

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        // An even number would lose bits of the other's.
        let private = u128::from_le_bytes(random::draw()) | 1;
        Ok(Box::new(Exchange {
            group: self.name(),
            private,
            public: private.wrapping_mul(G).to_le_bytes(),
        }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::Unknown(self.0)
    }
}

struct Exchange {
    group: NamedGroup,
    private: u128,
    public: [u8; 16],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer_pub_key: &[u8]) -> Result<SharedSecret, Error> {
        let peer = peer_pub_key
            .try_into()
            .map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = self.private.wrapping_mul(u128::from_le_bytes(peer));
        Ok(SharedSecret::from(&shared.to_le_bytes()[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_agree_and_a_third_does_not() {
        let [alice, bob, eve] = [(); 3].map(|()| GROUPS[0].start().unwrap());
        let (to_alice, to_bob) = (bob.pub_key().to_vec(), alice.pub_key().to_vec());
        let secret = alice.complete(&to_alice).unwrap();
        assert_eq!(
            secret.secret_bytes(),
            bob.complete(&to_bob).unwrap().secret_bytes()
        );
        assert_ne!(
            secret.secret_bytes(),
            eve.complete(&to_bob).unwrap().secret_bytes()
        );
        assert!(GROUPS[0].start().unwrap().complete(&[0; 15]).is_err());
    }
}

//! The client certificates that the user holds, and which of them the user chooses for a host.

use core::num::NonZeroU32;

use bareflight_pool_key::{Id, IdentityId};

use crate::HeldIdentity;

/// The user's client certificates.
///
/// Each (chain, key) pair has an [`IdentityId`] of its own; a renewed certificate is another pair and gets another one,
/// so that no connection or session of the old one can serve the new one.
#[derive(Clone, Debug, Default)]
pub struct Identities {
    held: Vec<Held>,
    issued: u32,
}

#[derive(Clone, Debug)]
struct Held {
    name: String,
    hosts: Vec<String>,
    id: IdentityId,
    /// The first identity that showed its chain.
    chain: IdentityId,
    serial: u32,
}

/// What people call an identity by. Unlike its [`IdentityId`] it stands for more than one (chain, key) pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its place in the user's store, as a file name would be: a renewed certificate keeps it.
    pub held: HeldIdentity,
    /// Its certificate's number among those that its own issuer made for its holder, from 1.
    pub serial: NonZeroU32,
    /// The first identity in the store whose name differs from its own in the case of letters at most: itself, unless
    /// there is one before it.
    pub folded: IdentityId,
    /// The first identity that showed its chain: itself, unless it shows another's under a key of its own.
    pub chain: IdentityId,
}

impl Identities {
    /// Adds an identity that the user knows as `name` (case matters) and chooses for `hosts`; earlier ones are preferred.
    pub fn add<H: Into<String>>(
        &mut self,
        name: impl Into<String>,
        hosts: impl IntoIterator<Item = H>,
    ) -> HeldIdentity {
        let index = u32::try_from(self.held.len()).expect("nobody holds four billion certificates");
        let id = self.next_id();
        let hosts = hosts.into_iter().map(Into::into).collect();
        self.held.push(Held {
            name: name.into(),
            hosts,
            id,
            chain: id,
            serial: 1,
        });
        HeldIdentity(index)
    }

    /// The identity shows the chain of another, under a key of its own, until one of the two is renewed. Unknown identities
    /// are ignored.
    pub fn shows_chain_of(&mut self, identity: HeldIdentity, other: HeldIdentity) {
        let chain = self.held.get(other.0 as usize).map(|held| held.chain);
        if let (Some(held), Some(chain)) = (self.held.get_mut(identity.0 as usize), chain) {
            held.chain = chain;
        }
    }

    /// The identity got a new certificate and key. Unknown identities are ignored.
    pub fn renew(&mut self, identity: HeldIdentity) {
        let id = self.next_id();
        if let Some(held) = self.held.get_mut(identity.0 as usize) {
            (held.id, held.chain) = (id, id);
            held.serial = held.serial.saturating_add(1);
        }
    }

    /// The identity that the user chooses for a host.
    pub fn for_host(&self, host: &str) -> Option<HeldIdentity> {
        let index = self
            .held
            .iter()
            .position(|held| held.hosts.iter().any(|name| name == host))?;
        u32::try_from(index).ok().map(HeldIdentity)
    }

    /// What stands for the identity in a key.
    pub fn id(&self, identity: HeldIdentity) -> Option<IdentityId> {
        self.held.get(identity.0 as usize).map(|held| held.id)
    }

    /// What people call the identity by.
    pub fn label(&self, identity: HeldIdentity) -> Option<Label> {
        let held = self.held.get(identity.0 as usize)?;
        let alike = |other: &&Held| other.name.eq_ignore_ascii_case(&held.name);
        NonZeroU32::new(held.serial).map(|serial| Label {
            held: identity,
            serial,
            folded: self.held.iter().find(alike).unwrap_or(held).id,
            chain: held.chain,
        })
    }

    /// The identity that an id stands for, if it was not renewed since.
    pub fn held(&self, id: IdentityId) -> Option<HeldIdentity> {
        let index = self.held.iter().position(|held| held.id == id)?;
        u32::try_from(index).ok().map(HeldIdentity)
    }

    fn next_id(&mut self) -> IdentityId {
        self.issued = self
            .issued
            .checked_add(1)
            .expect("nobody renews four billion certificates");
        IdentityId::from_number(NonZeroU32::new(self.issued).expect("counted from one"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_without_case_and_the_first_stands_for_them() {
        let mut identities = Identities::default();
        let [alice, bob, other] =
            ["alice", "bob", "ALICE"].map(|name| identities.add(name, ["api.test"]));
        let folded = |of: &Identities, who| of.label(who).unwrap().folded;
        let id = |of: &Identities, who| of.id(who).unwrap();
        for (who, first) in [(alice, alice), (bob, bob), (other, alice)] {
            assert_eq!(folded(&identities, who), id(&identities, first));
        }
        identities.renew(alice);
        assert_eq!(folded(&identities, other), id(&identities, alice));
        assert_ne!(id(&identities, other), id(&identities, alice));
    }

    #[test]
    fn a_chain_is_shared_until_one_of_the_two_is_renewed() {
        let mut identities = Identities::default();
        let [alice, bob, carol] =
            ["alice", "bob", "carol"].map(|name| identities.add(name, ["api.test"]));
        identities.shows_chain_of(bob, alice);
        identities.shows_chain_of(carol, bob);
        let chain = |of: &Identities, who| of.label(who).unwrap().chain;
        let first = chain(&identities, alice);
        assert_eq!([bob, carol].map(|who| chain(&identities, who)), [first; 2]);
        assert_ne!(identities.id(bob), identities.id(alice));
        identities.renew(alice);
        assert_ne!(chain(&identities, alice), first);
        assert_eq!(chain(&identities, bob), first);
        identities.renew(carol);
        assert_ne!(chain(&identities, carol), first);
    }
}

//! How does a description become the two keys, and how are keys compared?
//!
//! A key is the description's fields packed side by side into five words, and their hash: no text, nothing that two
//! different descriptions could have in common. `Eq` compares all of it; the hash, made once with the key, only chooses
//! a bucket and turns most unequal keys away at the first word.

use core::{
    fmt,
    hash::{Hash, Hasher},
    num::{NonZeroU32, NonZeroU64},
};

use crate::{
    Description, Epoch, Id, Keys, Leg, OriginId, PartitionId, ProtocolClass, ProxyId, Route,
    Transport,
};

/// Which connections may serve a request: equal keys may share one, unequal keys never do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ConnectionKey(Words);

/// Which TLS sessions may be resumed for a request: equal keys may, unequal keys never do.
///
/// All of the connection's key but two fields:
/// - the route, because the session is between the client and the far end of the leg: a tunnel carries the same TLS,
///   and the identity shown in it is in the key (what tells a proxy's own sessions apart is the leg);
/// - the protocol class, because it starts above TLS: a WebSocket and a fetch show a server the same credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionKey(Words);

impl Description {
    /// The two keys of this description.
    ///
    /// The description is taken apart twice, by name and without `..`, so that a field added later does not compile
    /// until both keys have said what becomes of it.
    #[must_use]
    #[deny(unused_variables)]
    #[inline]
    pub fn keys(&self) -> Keys {
        let connection = {
            let Description {
                origin,
                partition,
                credentials,
                identity,
                trust,
                server_name,
                route,
                leg,
                transport,
                class,
                tenant,
                epoch,
            } = *self;
            ConnectionKey(Words::new(Fields {
                epoch: epoch.0,
                peer: peer(origin, partition),
                rest: [
                    pair(identity, Some(trust)),
                    pair(server_name, via(route)),
                    join(number(tenant), flags(credentials, leg, transport, class)),
                ],
            }))
        };
        let session = {
            let Description {
                origin,
                partition,
                credentials,
                identity,
                trust,
                server_name,
                route: _,
                leg,
                transport,
                class: _,
                tenant,
                epoch,
            } = *self;
            SessionKey(Words::new(Fields {
                epoch: epoch.0,
                peer: peer(origin, partition),
                rest: [
                    pair(identity, Some(trust)),
                    pair(server_name, None::<ProxyId>),
                    join(
                        number(tenant),
                        flags(credentials, leg, transport, ProtocolClass::default()),
                    ),
                ],
            }))
        };
        Keys {
            connection,
            session,
        }
    }
}

impl ConnectionKey {
    /// The description that this key was built from.
    #[must_use]
    #[inline]
    pub fn description(&self) -> Description {
        self.0.fields.description()
    }

    /// The epoch that this key belongs to.
    #[must_use]
    #[inline]
    pub fn epoch(&self) -> Epoch {
        self.0.fields.epoch()
    }

    /// The hash that was made with the key.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        self.0.hash
    }
}

impl SessionKey {
    /// The description that this key was built from, with the two fields that it does not hold at their defaults:
    /// [`Route::Direct`] and [`ProtocolClass::Http`].
    #[must_use]
    #[inline]
    pub fn description(&self) -> Description {
        self.0.fields.description()
    }

    /// The epoch that this key belongs to.
    #[must_use]
    #[inline]
    pub fn epoch(&self) -> Epoch {
        self.0.fields.epoch()
    }

    /// The hash that was made with the key.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        self.0.hash
    }
}

impl fmt::Debug for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectionKey")
            .field(&self.description())
            .finish()
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionKey")
            .field(&self.description())
            .finish()
    }
}

impl Hash for ConnectionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl Hash for SessionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// What a table of keys needs to know of one.
pub(crate) trait Key: Copy + Eq + Hash {
    /// The epoch that the key belongs to.
    fn epoch(&self) -> Epoch;
}

impl Key for ConnectionKey {
    #[inline]
    fn epoch(&self) -> Epoch {
        self.0.fields.epoch()
    }
}

impl Key for SessionKey {
    #[inline]
    fn epoch(&self) -> Epoch {
        self.0.fields.epoch()
    }
}

/// A description, packed, and its hash. The hash comes first, and so does the comparison of it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Words {
    hash: u64,
    fields: Fields,
}

/// A description, packed: the epoch; origin and partition; identity and trust, server name and proxy, tenant and flags.
///
/// That no origin is zero tells a table where there is a key and where there is none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fields {
    epoch: u64,
    peer: NonZeroU64,
    rest: [u64; 3],
}

impl Words {
    #[inline]
    fn new(fields: Fields) -> Self {
        Self {
            hash: fields.hash(),
            fields,
        }
    }
}

impl Fields {
    #[inline]
    fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }

    #[inline]
    fn description(&self) -> Description {
        let (peer, [parties, way, rest]) = (self.peer.get(), self.rest);
        let flags = high(rest);
        Description {
            origin: id(low(peer)).expect("a key is packed from an origin"),
            partition: id(high(peer)),
            credentials: flags & CREDENTIALS != 0,
            identity: id(low(parties)),
            trust: id(high(parties)).expect("a key is packed from a trust"),
            server_name: id(low(way)),
            route: id(high(way)).map_or(Route::Direct, Route::Via),
            leg: if flags & PROXY_LEG == 0 {
                Leg::Origin
            } else {
                Leg::Proxy
            },
            transport: if flags & QUIC == 0 {
                Transport::Tcp
            } else {
                Transport::Quic
            },
            class: match flags >> CLASS_SHIFT {
                0 => ProtocolClass::Http,
                1 => ProtocolClass::Http1,
                2 => ProtocolClass::WebSocket,
                _ => ProtocolClass::Dedicated,
            },
            tenant: id(low(rest)),
            epoch: self.epoch(),
        }
    }

    /// Every field mixed into one word. Different fields may have the same, as with any hash.
    #[inline]
    fn hash(&self) -> u64 {
        let (peer, [parties, way, rest]) = (self.peer.get(), self.rest);
        fold(peer ^ MIX[0], parties ^ MIX[1]) ^ fold(way ^ MIX[2], rest ^ MIX[3]) ^ self.epoch
    }
}

/// Digits of π, as good as any.
const MIX: [u64; 4] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
];

/// Two words mixed into one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let [low, high] = [product, product >> 64].map(|half| half as u64);
    low ^ high
}

const CREDENTIALS: u32 = 1;
const PROXY_LEG: u32 = 1 << 1;
const QUIC: u32 = 1 << 2;
const CLASS_SHIFT: u32 = 3;

#[inline]
fn flags(credentials: bool, leg: Leg, transport: Transport, class: ProtocolClass) -> u32 {
    let credentials = if credentials { CREDENTIALS } else { 0 };
    let leg = match leg {
        Leg::Origin => 0,
        Leg::Proxy => PROXY_LEG,
    };
    let transport = match transport {
        Transport::Tcp => 0,
        Transport::Quic => QUIC,
    };
    let class = match class {
        ProtocolClass::Http => 0,
        ProtocolClass::Http1 => 1,
        ProtocolClass::WebSocket => 2,
        ProtocolClass::Dedicated => 3,
    };
    credentials | leg | transport | class << CLASS_SHIFT
}

#[inline]
fn via(route: Route) -> Option<ProxyId> {
    match route {
        Route::Direct => None,
        Route::Via(proxy) => Some(proxy),
    }
}

/// An absent id is zero, which no id is.
fn number<I: Id>(id: Option<I>) -> u32 {
    id.map_or(0, |id| id.number().get())
}

fn id<I: Id>(number: u32) -> Option<I> {
    NonZeroU32::new(number).map(I::from_number)
}

#[inline]
fn peer(origin: OriginId, partition: Option<PartitionId>) -> NonZeroU64 {
    NonZeroU64::from(origin.number()) | join(0, number(partition))
}

fn pair<A: Id, B: Id>(low: Option<A>, high: Option<B>) -> u64 {
    join(number(low), number(high))
}

#[inline]
fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// The lower half, where `join` put it.
#[allow(clippy::cast_possible_truncation)]
#[inline]
fn low(word: u64) -> u32 {
    word as u32
}

#[inline]
fn high(word: u64) -> u32 {
    low(word >> 32)
}

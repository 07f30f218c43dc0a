//! Do two descriptions have one key exactly when they should?

use core::hash::BuildHasher;
use std::collections::{HashMap, HashSet};

use bareflight_pool_key::{
    CoalesceFacts, CoalesceRefused, Description, Epoch, Id, Leg, ProtocolClass, Route, Transport,
    coalesce,
};
use proptest::{option, prelude::*, sample::select};

use crate::common::{Constant, description, id};

fn any_id<I: Id>() -> impl Strategy<Value = I> {
    // The ends of the range, where fields packed side by side would run into each other.
    prop_oneof![1..4_u32, Just(u32::MAX), Just(1 << 31), 1..=u32::MAX].prop_map(id)
}

fn any_route() -> impl Strategy<Value = Route> {
    option::of(any_id()).prop_map(|proxy| proxy.map_or(Route::Direct, Route::Via))
}

const CLASSES: [ProtocolClass; 4] = [
    ProtocolClass::Http,
    ProtocolClass::Http1,
    ProtocolClass::WebSocket,
    ProtocolClass::Dedicated,
];

prop_compose! {
    fn any_description()(
        (origin, partition, credentials, identity) in (any_id(), option::of(any_id()), any::<bool>(), option::of(any_id())),
        (trust, server_name, route, leg) in (any_id(), option::of(any_id()), any_route(), select(&[Leg::Origin, Leg::Proxy][..])),
        (transport, class) in (select(&[Transport::Tcp, Transport::Quic][..]), select(&CLASSES[..])),
        (tenant, epoch) in (option::of(any_id()), prop_oneof![0..3_u64, any::<u64>()]),
    ) -> Description {
        let epoch = Epoch(epoch);
        Description { origin, partition, credentials, identity, trust, server_name, route, leg, transport, class, tenant, epoch }
    }
}

/// A field's name, whether the session key holds it, and how to take it from another description.
type Field = (&'static str, bool, fn(&mut Description, &Description));

/// Every field of a description.
const FIELDS: [Field; 12] = [
    ("origin", true, |d, from| {
        d.origin = from.origin;
    }),
    ("partition", true, |d, from| {
        d.partition = from.partition;
    }),
    ("credentials", true, |d, from| {
        d.credentials = from.credentials;
    }),
    ("identity", true, |d, from| {
        d.identity = from.identity;
    }),
    ("trust", true, |d, from| {
        d.trust = from.trust;
    }),
    ("server_name", true, |d, from| {
        d.server_name = from.server_name;
    }),
    ("route", false, |d, from| {
        d.route = from.route;
    }),
    ("leg", true, |d, from| {
        d.leg = from.leg;
    }),
    ("transport", true, |d, from| {
        d.transport = from.transport;
    }),
    ("class", false, |d, from| {
        d.class = from.class;
    }),
    ("tenant", true, |d, from| {
        d.tenant = from.tenant;
    }),
    ("epoch", true, |d, from| {
        d.epoch = from.epoch;
    }),
];

/// A description in which every field differs from `description(0, 1)`.
fn unlike() -> Description {
    Description {
        origin: id(2),
        partition: None,
        credentials: false,
        identity: None,
        trust: id(2),
        server_name: Some(id(1)),
        route: Route::Via(id(1)),
        leg: Leg::Proxy,
        transport: Transport::Quic,
        class: ProtocolClass::WebSocket,
        tenant: Some(id(1)),
        epoch: Epoch(2),
    }
}

#[test]
fn one_field_makes_another_key() {
    let base = description(0, 1);
    for (field, in_session, set) in FIELDS {
        let mut other = base;
        set(&mut other, &unlike());
        assert_ne!(base, other, "{field} differs");
        assert_ne!(
            base.keys().connection,
            other.keys().connection,
            "{field} is in the connection key"
        );
        assert_eq!(
            base.keys().session != other.keys().session,
            in_session,
            "{field} in the session key"
        );
    }
}

#[test]
fn the_table_has_every_field() {
    let mut all = description(0, 1);
    FIELDS
        .iter()
        .for_each(|(_, _, set)| set(&mut all, &unlike()));
    assert_eq!(all, unlike());
    let named: HashSet<_> = FIELDS.iter().map(|(name, ..)| name).collect();
    assert_eq!(
        named.len(),
        format!("{all:?}").matches(": ").count(),
        "one row for each field that Debug shows"
    );
}

#[test]
fn keys_are_six_words() {
    assert_eq!(size_of::<bareflight_pool_key::ConnectionKey>(), 48);
    assert_eq!(size_of::<bareflight_pool_key::SessionKey>(), 48);
}

proptest! {
    /// A key that gives its description back has lost nothing: no two descriptions share one.
    #[test]
    fn a_connection_key_gives_its_description_back(d in any_description()) {
        prop_assert_eq!(d.keys().connection.description(), d);
        prop_assert_eq!(d.keys().connection.epoch(), d.epoch);
    }

    /// The same for the session key, but for the two fields that it leaves out.
    #[test]
    fn a_session_key_gives_back_all_but_route_and_class(d in any_description()) {
        let left = Description { route: Route::Direct, class: ProtocolClass::Http, ..d };
        prop_assert_eq!(d.keys().session.description(), left);
        prop_assert_eq!(d.keys().session, left.keys().session);
        prop_assert_eq!(d.keys().session.epoch(), d.epoch);
    }

    /// Neighbours: all but one field alike, whatever the others are.
    #[test]
    fn neighbours_differ(a in any_description(), b in any_description(), which in 0..FIELDS.len()) {
        let (_, in_session, set) = FIELDS[which];
        let mut near = a;
        set(&mut near, &b);
        prop_assert_eq!(a == near, a.keys().connection == near.keys().connection);
        prop_assert_eq!(a == near || !in_session, a.keys().session == near.keys().session);
    }

    /// A map whose hashes all collide tells keys apart as one whose hashes do not.
    #[test]
    fn the_hash_decides_nothing(all in proptest::collection::vec(any_description(), 0..60)) {
        let mut collided = HashMap::with_hasher(Constant);
        let mut ordinary = HashMap::with_hasher(foldhash::fast::FixedState::default());
        for (n, d) in all.iter().enumerate() {
            collided.insert(d.keys().connection, n);
            ordinary.insert(d.keys().connection, n);
        }
        for (n, d) in all.iter().enumerate() {
            let last = all.iter().rposition(|other| other == d);
            prop_assert_eq!(collided.get(&d.keys().connection).copied(), last, "{}", n);
            prop_assert_eq!(ordinary.get(&d.keys().connection).copied(), last, "{}", n);
        }
    }
}

#[test]
fn every_field_reaches_the_hash() {
    let hasher = foldhash::fast::FixedState::default();
    let hashes = |description: Description| {
        let keys = description.keys();
        [
            hasher.hash_one(keys.connection),
            hasher.hash_one(keys.session),
        ]
    };
    let base = hashes(description(0, 1));
    let mut seen = base.map(|hash| HashSet::from([hash]));
    for (field, in_session, set) in FIELDS {
        let mut other = description(0, 1);
        set(&mut other, &unlike());
        let [connection, session] = hashes(other);
        assert!(seen[0].insert(connection), "{field}");
        assert_eq!(seen[1].insert(session), in_session, "{field}");
    }
}

/// Takes the one word that a key gives its hasher.
#[derive(Default)]
struct Word(u64);

impl core::hash::Hasher for Word {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("a key gives a word");
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

/// Ids are small and in order, so that only mixing spreads them.
#[test]
fn hashes_are_spread_over_all_bits() {
    let hasher = core::hash::BuildHasherDefault::<Word>::default();
    let (mut set, mut distinct, mut count) = ([0_u32; 64], HashSet::new(), 0);
    for (origin, partition, identity) in
        (1..40).flat_map(|o| (1..20).flat_map(move |p| (1..10).map(move |i| (o, p, i))))
    {
        let key = Description {
            origin: id(origin),
            partition: Some(id(partition)),
            identity: Some(id(identity)),
            ..description(0, 0)
        };
        let hash = hasher.hash_one(key.keys().connection);
        (0..64).for_each(|bit| set[bit] += u32::from(hash >> bit & 1 == 1));
        distinct.insert(hash);
        count += 1;
    }
    assert_eq!(distinct.len(), count as usize);
    for (bit, set) in set.iter().enumerate() {
        assert!(
            (count * 2 / 5..count * 3 / 5).contains(set),
            "bit {bit}: {set} of {count}"
        );
    }
}

#[test]
fn keys_show_their_description() {
    let keys = description(0, 1).keys();
    for shown in [
        format!("{:?}", keys.connection),
        format!("{:?}", keys.session),
    ] {
        assert!(shown.contains("epoch: Epoch(1)"), "{shown}");
    }
}

const COVERED: CoalesceFacts = CoalesceFacts {
    certificate_covers: true,
    client_certificate_asked: false,
    client_certificate_sent: false,
};

#[test]
fn only_the_origin_may_differ_in_coalescing() {
    for (field, _, set) in FIELDS {
        let (mut request, connection) = (description(0, 1), description(0, 1).keys().connection);
        set(&mut request, &unlike());
        let expected = if field == "origin" {
            Ok(())
        } else {
            Err(CoalesceRefused::KeyDiffers)
        };
        assert_eq!(
            coalesce(&connection, &request.keys().connection, COVERED),
            expected,
            "{field}"
        );
    }
}

#[test]
fn coalescing_has_its_conditions() {
    use CoalesceRefused::{CertificateDoesNotCover, ClientCertificate, NotCoalescable};
    let http = description(0, 1);
    let proxy = Description {
        leg: Leg::Proxy,
        ..http
    };
    let dedicated = Description {
        class: ProtocolClass::Dedicated,
        ..http
    };
    let asked = CoalesceFacts {
        client_certificate_asked: true,
        ..COVERED
    };
    let sent = CoalesceFacts {
        client_certificate_sent: true,
        ..COVERED
    };
    let uncovered = CoalesceFacts {
        certificate_covers: false,
        ..COVERED
    };
    let table = [
        (http, COVERED, Ok(())),
        (http, uncovered, Err(CertificateDoesNotCover)),
        (http, asked, Err(ClientCertificate)),
        (http, sent, Err(ClientCertificate)),
        (proxy, COVERED, Err(NotCoalescable)),
        (dedicated, COVERED, Err(NotCoalescable)),
    ];
    for (connection, facts, expected) in table {
        let request = Description {
            origin: id(2),
            ..connection
        }
        .keys()
        .connection;
        assert_eq!(
            coalesce(&connection.keys().connection, &request, facts),
            expected,
            "{connection:?} {facts:?}"
        );
    }
}

//! Does an id always stand for one value, within the bound, whatever comes?

use std::collections::HashMap;

use bareflight_pool_key::{ClientIdentity, IdentityId, Interner, KeyHandle, OriginId};
use proptest::{collection::vec, prelude::*};

use crate::common::Constant;

const CAPACITY: u32 = 4;

proptest! {
    /// An id, once given out, never stands for another value; a kept value keeps its id; the bound holds.
    #[test]
    fn an_id_stands_for_one_value(values in vec((0..12_u32, any::<bool>()), 0..200)) {
        let mut interner: Interner<OriginId, u32, _> = Interner::with_hasher(CAPACITY, Constant);
        let mut meanings = HashMap::new();
        for (value, given_back) in values {
            let before = interner.find(&value);
            let id = interner.intern(&value).expect("ids left");
            prop_assert!(before.is_none_or(|before| before == id));
            prop_assert_eq!(*meanings.entry(id).or_insert(value), value);
            prop_assert_eq!(interner.value(id), Some(&value));
            if given_back && value % 3 == 0 {
                interner.retain(|_, &kept| kept != value);
                prop_assert_eq!((interner.find(&value), interner.value(id)), (None, None));
            }
            prop_assert!(interner.len() <= CAPACITY);
            let kept = meanings.iter().filter(|&(&id, value)| interner.value(id) == Some(value)).count();
            prop_assert_eq!(kept, interner.len() as usize, "what is kept can be found");
        }
    }
}

#[test]
fn a_million_one_off_origins_push_out_each_other() {
    let mut interner: Interner<OriginId, String> = Interner::new(1000);
    let hot: Vec<String> = (0..100).map(|n| format!("https://{n}.hot.test")).collect();
    let ask = |interner: &mut Interner<OriginId, String>| -> Vec<OriginId> {
        hot.iter()
            .map(|origin| interner.intern(origin).expect("ids left"))
            .collect()
    };
    ask(&mut interner);
    let ids = ask(&mut interner);
    let mut text = String::new();
    for n in 0..1_000_000_u32 {
        use core::fmt::Write;
        text.clear();
        write!(text, "https://{n}.cold.test").expect("a string takes it");
        interner.intern(text.as_str()).expect("ids left");
        assert!(interner.len() <= 1000);
    }
    assert_eq!(
        ask(&mut interner),
        ids,
        "what was asked for twice is still here"
    );
}

#[test]
fn what_is_asked_for_again_cannot_fill_the_bound() {
    let mut interner: Interner<OriginId, u32> = Interner::new(CAPACITY);
    for value in 0..100 {
        for _ in 0..3 {
            interner.intern(&value).expect("ids left");
        }
        assert!(interner.len() <= CAPACITY);
    }
    assert!(interner.find(&99).is_some() && interner.find(&98).is_some());
    assert_eq!(interner.find(&0), None);
    for value in [100, 101] {
        interner.intern(&value).expect("ids left");
    }
    assert!(
        interner.find(&100).is_some(),
        "new values have room beside old favourites"
    );
}

/// Asks for each of these as often as it is here.
fn ask(interner: &mut Interner<OriginId, u32>, values: &[u32]) {
    for value in values {
        interner.intern(value).expect("ids left");
    }
}

/// Which of these are kept.
fn kept(interner: &Interner<OriginId, u32>, values: core::ops::Range<u32>) -> Vec<u32> {
    values
        .filter(|value| interner.find(value).is_some())
        .collect()
}

#[test]
fn half_of_the_bound_is_for_what_is_asked_for_again() {
    let mut interner: Interner<OriginId, u32> = Interner::new(CAPACITY);
    // The third that is asked for again puts the first of them back among the others.
    ask(&mut interner, &[1, 1, 2, 2, 3, 3, 4, 5]);
    assert_eq!(kept(&interner, 1..9), [2, 3, 4, 5]);
    // However often the two are asked for, both stay.
    ask(&mut interner, &[2, 2, 2, 6, 7, 8]);
    assert_eq!(kept(&interner, 1..9), [2, 3, 7, 8]);
}

#[test]
fn what_was_asked_for_lately_has_a_second_round() {
    let mut interner: Interner<OriginId, u32> = Interner::new(CAPACITY);
    ask(&mut interner, &[1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5]);
    assert_eq!(kept(&interner, 1..9), [1, 3, 4, 5]);
    // And no third, however often it was.
    ask(&mut interner, &[4, 5, 6, 7]);
    assert_eq!(kept(&interner, 1..9), [4, 5, 6, 7]);
}

#[test]
fn what_is_given_back_leaves_its_half_to_others() {
    let mut interner: Interner<OriginId, u32> = Interner::new(CAPACITY);
    ask(&mut interner, &[1, 1, 2, 2]);
    interner.retain(|_, &value| value > 2);
    ask(&mut interner, &[3, 3, 4, 4, 5, 6, 7, 8]);
    assert_eq!(kept(&interner, 1..9), [3, 4, 7, 8]);
    interner.retain(|_, &value| value > 4);
    ask(&mut interner, &[11, 11, 12, 12, 13, 14, 15]);
    assert_eq!(kept(&interner, 1..16), [11, 12, 14, 15]);
}

#[test]
fn it_says_how_full_it_is() {
    let mut interner: Interner<OriginId, u32> = Interner::new(CAPACITY);
    assert!(interner.is_empty());
    ask(&mut interner, &[1, 2]);
    assert!(!interner.is_empty());
    let shown = format!("{interner:?}");
    assert!(
        shown.contains("len: 2") && shown.contains("capacity: 4"),
        "{shown}"
    );
}

#[test]
fn clearing_starts_to_number_anew() {
    let mut interner: Interner<OriginId, u32> = Interner::new(CAPACITY);
    let first = interner.intern(&1);
    interner.intern(&1).expect("ids left");
    interner.clear();
    assert!(interner.is_empty());
    assert_eq!(interner.intern(&2), first);
    assert_eq!(interner.find(&1), None);
}

#[test]
fn identities_are_told_apart_by_every_part() {
    let mut interner: Interner<IdentityId, ClientIdentity> = Interner::new(100);
    let identity = |chain: &[&[u8]], key| ClientIdentity {
        chain: chain
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect(),
        key: KeyHandle(key),
    };
    let all = [
        identity(&[b"leaf", b"issuer"], 1),
        identity(&[b"leaf", b"issuer"], 2),
        identity(&[b"leaf"], 1),
        identity(&[b"leafissuer"], 1),
        identity(&[b"leaf", b"issue", b"r"], 1),
        identity(&[b"Leaf", b"issuer"], 1),
        identity(&[b"leaf", b"another"], 1),
        identity(&[], 1),
    ];
    let ids: Vec<_> = all
        .iter()
        .map(|identity| interner.intern(identity))
        .collect();
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(
            ids.iter().position(|other| other == id),
            Some(n),
            "{:?}",
            all[n]
        );
        assert_eq!(interner.intern(&all[n].clone()), *id);
    }
}

//! Every value comes back as it went, and no bytes pass for what they are not: every type in every profile.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::mutate::Mutator;
use common::uper::{self, Fate};
use common::values::Values;
use jxz_v2x::asn::{Profile, TypeInfo};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Every type that a profile has.
fn types(profile: Profile) -> impl Iterator<Item = &'static TypeInfo> {
    TypeInfo::all().iter().filter(move |info| info.is_in(profile))
}

#[test]
fn every_random_value_of_every_type_comes_back_as_it_went() {
    for profile in Profile::ALL {
        let mut values = Values::new(3709, profile);
        for info in types(profile) {
            for _ in 0..60 {
                let value = values.of(info);
                let name = info.name;
                let bytes =
                    info.encode(&value, profile).unwrap_or_else(|error| panic!("{name}, {profile}: {error}\n{value}"));
                let decoded =
                    info.decode(&bytes, profile).unwrap_or_else(|error| panic!("{name}, {profile}: {error}\n{value}"));
                assert_eq!(decoded.value, value, "{name}, {profile}");
                assert!(decoded.canonical && decoded.unknown_extensions == 0, "{name}, {profile}: {value}");
            }
        }
    }
}

/// Decodes `count` byte strings of each type and profile; how many met each fate.
fn fates(count: usize, mut bytes: impl FnMut(&'static TypeInfo, Profile) -> Vec<u8>) -> BTreeMap<Fate, usize> {
    let mut fates = BTreeMap::new();
    for profile in Profile::ALL {
        for info in types(profile) {
            for _ in 0..count {
                *fates.entry(uper::value(info, &bytes(info, profile), profile)).or_default() += 1;
            }
        }
    }
    fates
}

#[test]
fn random_bytes_are_refused_or_say_what_they_say_in_one_way_only() {
    let mut rng = ChaCha8Rng::seed_from_u64(3710);
    let fates = fates(300, |_, _| {
        let length = rng.random_range(1..16);
        // Sparse ones get further: fewer optional members, shorter lists.
        let ones = [0.05, 0.5, 0.95][rng.random_range(0..3)];
        (0..length).map(|_| (0..8).fold(0, |byte, _| byte << 1 | u8::from(rng.random_bool(ones)))).collect()
    });
    assert!(fates.values().all(|count| *count > 1_000) && fates.len() == 3, "{fates:?}");
}

#[test]
fn changed_bytes_are_refused_or_say_what_they_say_in_one_way_only() {
    let mut seed = 0;
    let fates = fates(60, |info, profile| {
        seed += 1;
        let encoded = info.encode(&Values::new(seed, profile).of(info), profile).unwrap();
        Mutator::new(seed, &[encoded]).next().to_vec()
    });
    assert!(fates.values().all(|count| *count > 1_000) && fates.len() == 3, "{fates:?}");
}

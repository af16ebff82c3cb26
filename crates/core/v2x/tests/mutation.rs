//! A million frames that were changed on the way: none is a panic, and none passes for what it is not.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::mutate::Mutator;
use common::uper::{self, Fate};
use common::vectors;
use jxz_v2x::asn::Profile;
use std::collections::BTreeMap;

const FRAMES_A_PROFILE: usize = 333_334;

fn check(profile: Profile) {
    let corpus = vectors::corpus();
    let mut mutator = Mutator::new(1_000_000 + profile as u64, &corpus);
    let mut fates = BTreeMap::new();
    for _ in 0..FRAMES_A_PROFILE {
        *fates.entry(uper::frame(mutator.next(), profile)).or_insert(0_usize) += 1;
    }
    // All ways are taken, or it would show little.
    for fate in [Fate::Refused, Fate::Canonical, Fate::NotCanonical] {
        assert!(fates.get(&fate).is_some_and(|count| *count > 300), "{profile}: {fates:?}");
    }
}

#[test]
fn a_third_of_a_million_changed_frames_of_day_1() {
    check(Profile::Day1);
}

#[test]
fn a_third_of_a_million_changed_frames_of_day_2() {
    check(Profile::Day2);
}

#[test]
fn a_third_of_a_million_changed_frames_of_release_2019_07() {
    check(Profile::Release2019);
}

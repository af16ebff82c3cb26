//! Two codecs on the same bytes: what rasn and ours say of every type in every profile.
//!
//! They agree but for the differences named in [`Difference`], each of which is met.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "../../../../crates/core/v2x/tests/common/mutate.rs"]
mod mutate;
#[path = "../../../../crates/core/v2x/tests/common/values.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod values;
#[path = "../../../../crates/core/v2x/tests/common/vectors.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod vectors;

use jxz_peer_rasn::{Again, Codec, day_1, day_2, release_2019_07};
use jxz_v2x::asn::{AsnError, Cause, Decoded, MAX_BITS, Profile, TypeInfo};
use mutate::Mutator;
use serde_json::Value;
use std::collections::BTreeMap;
use values::Values;

/// Where both may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// A message of the second phase is bytes to rasn's type, which does not look into them; ours does.
    OpenType,
    /// A number of more than 64 bits, beyond extensible bounds: rasn's are of any width.
    LongNumber,
    /// A bit string of more than 64 bits, beyond an extensible size: ours keeps 64, and says that it is not all.
    LongBits,
}

fn rasn(info: &TypeInfo, profile: Profile) -> Codec {
    let types: &[(&str, Codec)] = match profile {
        Profile::Day1 => &day_1::TYPES,
        Profile::Release2019 => &release_2019_07::TYPES,
        _ => &day_2::TYPES,
    };
    types.iter().find(|(name, _)| *name == info.name).unwrap().1
}

/// Both decode the bytes and encode them again as they were.
fn check(info: &TypeInfo, profile: Profile, bytes: &[u8], what: &str) {
    let again = rasn(info, profile)(bytes).unwrap_or_else(|error| panic!("{what}, {profile}: {error}"));
    assert_eq!(again, Again { bytes: bytes.to_vec(), trailing: 0 }, "{what}, {profile}");
    assert!(info.decode(bytes, profile).is_ok_and(|decoded| decoded.canonical), "{what}, {profile}");
}

#[test]
fn rasn_reads_and_writes_every_vector() {
    let vectors = vectors::all();
    assert!(vectors.len() > 2_500);
    for vector in vectors {
        let again = rasn(vector.info, vector.profile)(&vector.bytes).unwrap_or_else(|e| panic!("{}: {e}", vector.name));
        assert_eq!(again, Again { bytes: vector.bytes, trailing: 0 }, "{}", vector.name);
    }
}

#[test]
fn rasn_reads_and_writes_our_bytes_of_random_values() {
    for profile in Profile::ALL {
        let mut values = Values::new(31, profile);
        for info in TypeInfo::all().iter().filter(|info| info.is_in(profile)) {
            for _ in 0..60 {
                let value = values.of(info);
                check(info, profile, &info.encode(&value, profile).unwrap(), &format!("{} {value}", info.name));
            }
        }
    }
}

#[test]
fn of_changed_bytes_both_say_the_same_but_for_named_differences() {
    let mut met = BTreeMap::<Difference, usize>::new();
    for profile in Profile::ALL {
        let mut values = Values::new(32, profile);
        for info in TypeInfo::all().iter().filter(|info| info.is_in(profile)) {
            for seed in 0..60 {
                let corpus = [info.encode(&values.of(info), profile).unwrap()];
                let mut mutator = Mutator::new(seed, &corpus);
                for _ in 0..10 {
                    if let Some(difference) = compare(info, profile, mutator.next()) {
                        *met.entry(difference).or_default() += 1;
                    }
                }
            }
        }
    }
    println!("differences met: {met:?}");
    assert_eq!(met.len(), 3, "{met:?}");
}

fn compare(info: &TypeInfo, profile: Profile, bytes: &[u8]) -> Option<Difference> {
    let theirs = rasn(info, profile)(bytes).ok().filter(|again| again.trailing == 0);
    match (info.decode(bytes, profile), theirs) {
        (Err(_), None) => None,
        (Ok(ours), Some(theirs)) if info.encode(&ours.value, profile).unwrap() == theirs.bytes => None,
        (Ok(ours), Some(_)) => Some(
            both_read(info, &ours)
                .unwrap_or_else(|| panic!("{}, {profile}: {bytes:02x?} is read, but encodes to two things", info.name)),
        ),
        (Err(error), Some(_)) => Some(
            only_they_read(&error)
                .unwrap_or_else(|| panic!("{}, {profile}: {bytes:02x?} is read by rasn only: {error}", info.name)),
        ),
        (Ok(_), None) => panic!("{}, {profile}: {bytes:02x?} is read by us only", info.name),
    }
}

/// Why both read bytes, yet write them in two ways.
fn both_read(info: &TypeInfo, ours: &Decoded<Value>) -> Option<Difference> {
    if ours.canonical {
        return None;
    }
    if ours.unknown_extensions > 0 && has_all_bits(&ours.value) {
        return Some(Difference::LongBits);
    }
    info.name.starts_with("MessageFrame").then_some(Difference::OpenType)
}

/// Why rasn reads what we refuse.
fn only_they_read(error: &AsnError) -> Option<Difference> {
    match error.cause {
        _ if error.path.contains("msgFrameExt.value") || error.path.starts_with("MessageFrameExt.value") => {
            Some(Difference::OpenType)
        }
        Cause::Length(9..=127) => Some(Difference::LongNumber),
        _ => None,
    }
}

/// Whether a bit string within is as long as ours can be.
fn has_all_bits(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() == MAX_BITS as usize && text.bytes().all(|b| b == b'0' || b == b'1'),
        Value::Array(items) => items.iter().any(has_all_bits),
        Value::Object(members) => members.values().any(has_all_bits),
        _ => false,
    }
}

//! The reference vectors, on which two other implementations agree: value to bytes and bytes to value.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, too")]

use jxz_v2x::asn::{Cause, Profile, Shape, TypeInfo};
use jxz_v2x::{DecodeError, from_hex, to_hex};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The open type of the second phase, which other codecs know only inside a frame.
const NOT_A_TYPE_OF_ITS_OWN: [&str; 0] = [];

fn lines(path: PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The reference data beside the workspace; `None` (said aloud) where they are not there.
fn shared(name: &str) -> Option<Vec<Value>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/v2x").join(name);
    if !path.exists() {
        println!("skipped: there are no reference data {}", path.display());
        return None;
    }
    Some(lines(path))
}

fn profile_of(module: &str) -> Profile {
    match module {
        "phase1" => Profile::Day1,
        "combined" => Profile::Day2,
        other => other.parse().unwrap(),
    }
}

fn own(name: &str) -> Vec<Value> {
    lines(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name))
}

fn type_and_profile(vector: &Value) -> (&'static TypeInfo, Profile) {
    let name = vector["type"].as_str().unwrap();
    let info = TypeInfo::find(name).unwrap_or_else(|| panic!("no type {name}"));
    (info, profile_of(vector["module"].as_str().unwrap()))
}

/// More flags than are kept: the first 64 are read, and nobody can send them.
fn check_too_many_bits(vector: &Value) {
    let (info, profile) = type_and_profile(vector);
    let decoded = info.decode(&from_hex(vector["uper_hex"].as_str().unwrap()).unwrap(), profile).unwrap();
    assert_eq!(decoded.value.as_str().unwrap(), &vector["value"].as_str().unwrap()[..64]);
    assert_eq!((decoded.unknown_extensions, decoded.canonical), (1, false));
    assert!(matches!(info.encode(&vector["value"], profile).unwrap_err().cause, Cause::Count { of: "bits", .. }));
}

/// Encodes to the very bytes, and decodes to the very value.
fn check(vector: &Value) {
    let name = &vector["name"];
    let (info, profile) = type_and_profile(vector);
    let bytes = info.encode(&vector["value"], profile).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(to_hex(&bytes), vector["uper_hex"].as_str().unwrap(), "{name}");
    let decoded = info.decode(&bytes, profile).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(decoded.value, vector["value"], "{name}");
    assert!(decoded.canonical, "{name}");
}

#[test]
fn every_reference_vector_is_exact_in_both_directions() {
    let Some(vectors) = shared("vectors.jsonl") else { return };
    assert_eq!(vectors.len(), 80);
    vectors.iter().for_each(check);
}

#[test]
fn every_type_of_every_profile_is_exact_in_both_directions() {
    let vectors: Vec<Value> =
        ["day-1.jsonl", "day-2.jsonl", "release-2019-07.jsonl", "bits-beyond.jsonl", "benchmark.jsonl"]
            .into_iter()
            .flat_map(own)
            .collect();
    let too_many = |vector: &Value| {
        vector["value"].as_str().is_some_and(|text| text.len() > 64 && text.bytes().all(|b| b == b'0' || b == b'1'))
    };
    let is_bits = |vector: &Value| matches!(type_and_profile(vector).0.shape, Shape::Bits(..));
    let (long, vectors): (Vec<Value>, Vec<Value>) = vectors.into_iter().partition(|v| is_bits(v) && too_many(v));
    assert!(!long.is_empty());
    long.iter().for_each(check_too_many_bits);
    vectors.iter().for_each(check);
    let seen: BTreeSet<(Profile, &str)> =
        vectors.iter().map(type_and_profile).map(|(info, profile)| (profile, info.name)).collect();
    let missing: Vec<&str> = TypeInfo::all()
        .iter()
        .filter(|info| !seen.contains(&(Profile::Day2, info.name)))
        .map(|info| info.name)
        .collect();
    assert_eq!(missing, NOT_A_TYPE_OF_ITS_OWN, "types without a vector");
}

#[test]
fn what_other_codecs_refuse_is_refused_with_its_place() {
    for vector in own("refused.jsonl") {
        let (name, reason) = (&vector["name"], &vector["reason"]);
        let (info, profile) = type_and_profile(&vector);
        let refusal = match vector.get("uper_hex") {
            Some(hex) => info.decode(&from_hex(hex.as_str().unwrap()).unwrap(), profile).map(|_| ()),
            None => info.encode(&vector["value"], profile).map(|_| ()),
        };
        match refusal {
            Err(error) => assert!(error.path.starts_with(info.name), "{name}: {error}"),
            Ok(()) => panic!("{name} is accepted, though {reason}"),
        }
    }
}

#[test]
fn bytes_of_a_newer_schema_lose_what_is_new_or_are_refused_as_newer() {
    for vector in own("newer.jsonl") {
        let name = &vector["name"];
        let (info, profile) = type_and_profile(&vector);
        let bytes = from_hex(vector["uper_hex"].as_str().unwrap()).unwrap();
        match (vector.get("value"), info.decode(&bytes, profile)) {
            (Some(value), Ok(decoded)) => {
                assert_eq!(decoded.value, *value, "{name}");
                assert!(decoded.unknown_extensions > 0 && !decoded.canonical, "{name}");
            }
            (None, Err(error)) => {
                let place = vector["index"].as_u64().unwrap() as usize;
                let expected = match vector["unknown"].as_str().unwrap() {
                    "enumeral" => Cause::UnknownEnumeral { index: place, extension: true },
                    _ => Cause::UnknownAlternative { index: place, extension: true },
                };
                assert_eq!(error.cause, expected, "{name}: {error}");
                assert!(DecodeError::from(error).is_newer_edition());
            }
            (_, outcome) => panic!("{name}: {outcome:?}"),
        }
    }
    let Some(frames) = shared("forward-compatibility.jsonl") else { return };
    let decode = |index: usize, profile| {
        TypeInfo::find("MessageFrame")
            .unwrap()
            .decode(&from_hex(frames[index]["uper_hex"].as_str().unwrap()).unwrap(), profile)
    };
    for profile in Profile::ALL {
        let bsm = decode(0, profile).unwrap();
        assert_eq!((&bsm.value["bsmFrame"]["msgCnt"], bsm.unknown_extensions), (&Value::from(42), 2));
        let enumeral = decode(1, profile).unwrap_err();
        assert_eq!(
            enumeral.to_string(),
            "MessageFrame.rsmFrame.participants[0].ptcType: unknown enumeral 0 behind the extension marker"
        );
    }
    let alternative = decode(2, Profile::Day1).unwrap_err();
    assert_eq!(alternative.cause, Cause::UnknownAlternative { index: 0, extension: true });
    // The second phase's `msgFrameExt` has that index: it is known there, and these bytes are none.
    assert!(decode(2, Profile::Day2).is_err());
}

#[test]
fn captured_frames_decode_under_the_profiles_named_for_them() {
    let Some(frames) = shared("captured-frames.jsonl") else { return };
    for frame in frames {
        let bytes = from_hex(frame["uper_hex"].as_str().unwrap()).unwrap();
        for (profile, name) in
            [(Profile::Day1, "ydt3709"), (Profile::Release2019, "rel20190724"), (Profile::Day2, "phase1+2")]
        {
            let expected = frame["decodes_exactly_under"].as_array().unwrap().iter().any(|known| known == name);
            let decoded = TypeInfo::find("MessageFrame").unwrap().decode(&bytes, profile);
            let exact = decoded.as_ref().is_ok_and(|decoded| decoded.canonical);
            assert_eq!(exact, expected, "{} under {profile}: {decoded:?}", frame["name"]);
        }
    }
}

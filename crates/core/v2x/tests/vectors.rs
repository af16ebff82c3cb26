//! The wire against the outside: reference vectors on which two other encoders agree, frames of newer schemas,
//! frames captured from vendors' equipment, and frames mutated at random.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, too")]

use jxz_geo::{LocalFrame, Wgs84};
use jxz_units::Utc;
use jxz_v2x::asn::{DecodeError, MAX_FRAME_BYTES, decode_frame, encode_frame, from_json, to_json};
use jxz_v2x::{decode, from_hex};
use serde_json::Value;
use std::path::Path;

/// The lines of a data file beside the workspace; `None` (said aloud) where the data are not there.
fn lines(file: &str) -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/v2x").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()),
        Err(error) => {
            println!("skipped: reference data {} cannot be read ({error})", path.display());
            None
        }
    }
}

fn bytes(line: &Value) -> Vec<u8> {
    from_hex(line["uper_hex"].as_str().unwrap()).unwrap()
}

fn day1_frames() -> Option<Vec<Value>> {
    let is_day1_frame = |line: &Value| line["module"] == "phase1" && line["type"] == "MessageFrame";
    Some(lines("vectors.jsonl")?.into_iter().filter(is_day1_frame).collect())
}

#[test]
fn reference_vectors_encode_and_decode_to_the_byte() {
    let Some(vectors) = day1_frames() else { return };
    assert_eq!(vectors.len(), 29, "the day-1 frames among the vectors");
    for vector in vectors {
        let name = &vector["name"];
        let frame = from_json(&vector["value"]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(encode_frame(&frame).unwrap(), bytes(&vector), "{name}: encoding");
        let decoded = decode_frame(&bytes(&vector)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(to_json(&decoded).unwrap(), vector["value"], "{name}: decoding");
    }
}

#[test]
fn frames_of_newer_schemas_are_read_or_refused_by_the_rules() {
    let Some(vectors) = lines("forward-compatibility.jsonl") else { return };
    for vector in vectors {
        let outcome = decode_frame(&bytes(&vector));
        match vector["name"].as_str().unwrap() {
            "fc_bsm_unknown_extension" => {
                let value = to_json(&outcome.unwrap()).unwrap();
                assert_eq!(value["bsmFrame"]["msgCnt"], 42, "unknown additions are skipped, the rest is read");
            }
            "fc_rsm_unknown_enum" => assert_eq!(
                outcome,
                Err(DecodeError::UnknownEnumeral {
                    path: "RoadsideSafetyMessage.participants.ptc_type".to_owned(),
                    index: 0
                })
            ),
            "fc_unknown_choice" => {
                assert_eq!(outcome, Err(DecodeError::UnknownAlternative { path: "MessageFrame".to_owned(), index: 0 }));
            }
            other => panic!("a vector that no scenario covers: {other}"),
        }
    }
}

#[test]
fn second_phase_frames_are_refused_as_unknown_alternatives() {
    let Some(vectors) = lines("vectors.jsonl") else { return };
    let later = vectors.iter().filter(|line| line["name"].as_str().unwrap().starts_with("ext"));
    for vector in later {
        let outcome = decode_frame(&bytes(vector));
        assert!(matches!(outcome, Err(DecodeError::UnknownAlternative { index: 0, .. })), "{}", vector["name"]);
    }
}

#[test]
fn captured_frames_of_this_profile_decode_and_encode_back() {
    let Some(captures) = lines("captured-frames.jsonl") else { return };
    let mut decoded = 0;
    for capture in captures {
        let day1 = capture["decodes_exactly_under"].as_array().unwrap().iter().any(|p| p == "ydt3709");
        let outcome = decode_frame(&bytes(&capture));
        if day1 {
            let frame = outcome.unwrap_or_else(|error| panic!("{}: {error}", capture["name"]));
            assert_eq!(encode_frame(&frame).unwrap(), bytes(&capture), "{}", capture["name"]);
            decoded += 1;
        } else {
            assert!(outcome.is_err(), "{} is of another profile", capture["name"]);
        }
    }
    assert_eq!(decoded, 5);
}

#[test]
fn bounds_are_kept_on_both_sides() {
    let Some(vectors) = day1_frames() else { return };
    let vector = vectors.iter().find(|v| v["name"] == "bsm_frame_min").unwrap();
    let mut value = vector["value"].clone();
    value["bsmFrame"]["heading"] = 28_801.into();
    let error = encode_frame(&from_json(&value).unwrap()).unwrap_err().to_string();
    assert!(error.contains("28801"), "{error}");

    let mut long = bytes(vector);
    long.push(0);
    assert_eq!(decode_frame(&long), Err(DecodeError::TrailingBytes { bytes: 1 }));
    long.resize(MAX_FRAME_BYTES + 1, 0);
    assert_eq!(decode_frame(&long), Err(DecodeError::Oversize { bytes: MAX_FRAME_BYTES + 1 }));
    let short = &bytes(vector)[..20];
    assert_eq!(decode_frame(short), Err(DecodeError::Truncated { path: "BasicSafetyMessage.pos.long".to_owned() }));

    let mut frame = bytes(vector);
    // Bit 268 on: transmission (3), speed (13), heading (15) of a frame without optional members.
    set_bits(&mut frame, heading_at(), 15, 28_801);
    let error = decode_frame(&frame).unwrap_err();
    assert!(matches!(&error, DecodeError::OutOfBounds { path, .. } if path == "BasicSafetyMessage.heading"), "{error}");
}

/// Where the heading of `bsm_frame_min` begins: frame 1+3, extension and optional bits 8, count 7, id 64, second 16,
/// position 1+31+32, gear 3, speed 13.
const fn heading_at() -> usize {
    4 + 8 + 7 + 64 + 16 + 64 + 3 + 13
}

fn set_bits(bytes: &mut [u8], at: usize, width: usize, value: u32) {
    for bit in 0..width {
        let on = value >> (width - 1 - bit) & 1 == 1;
        let mask = 0x80 >> ((at + bit) % 8);
        if on { bytes[(at + bit) / 8] |= mask } else { bytes[(at + bit) / 8] &= !mask }
    }
}

/// A small generator of reproducible numbers (SplitMix64).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

#[test]
fn mutated_frames_never_panic_and_what_decodes_encodes() {
    let Some(vectors) = day1_frames() else { return };
    let seeds: Vec<Vec<u8>> = vectors.iter().map(bytes).collect();
    let local = LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap();
    let mut chance = SplitMix(20);
    let (mut good, mut bad) = (0, 0);
    for round in 0..100_000 {
        let mut frame = seeds[round % seeds.len()].clone();
        for _ in 0..=chance.below(4) {
            let at = chance.below(frame.len());
            match chance.below(4) {
                0 => frame[at] ^= 1 << chance.below(8),
                1 => frame[at] = chance.next() as u8,
                2 => frame.truncate(at.max(1)),
                _ => frame.insert(at, chance.next() as u8),
            }
        }
        // The doors read whatever decodes, too; what they make of it is not the question here.
        let _ = decode(&frame, Utc::from_unix_ms(1_786_270_272_345), &local);
        match decode_frame(&frame) {
            Ok(decoded) => {
                // Whatever is accepted obeys every bound, so it can be said again.
                assert!(encode_frame(&decoded).is_ok(), "round {round}");
                good += 1;
            }
            Err(_) => bad += 1,
        }
    }
    assert!(good > 1000 && bad > 1000, "{good} decoded, {bad} refused: the mutations do not reach both sides");
}

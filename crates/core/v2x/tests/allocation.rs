//! What the codec takes from the allocator: nothing to encode once warm, and to decode no more than the bytes warrant.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use allocation_counter::{AllocationInfo, measure};
use common::mutate::Mutator;
use common::values::Values;
use common::vectors;
use jxz_v2x::asn::{Codec, Profile, TypeInfo, decode_frame, from_json};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;

/// Bytes that decoding may take for each byte that came in.
const BYTES_A_BYTE: usize = 64;
/// Bytes that it may take beside: an error with its way, a message behind its own length.
const BYTES_BESIDE: usize = 1_024;

#[test]
fn encoding_takes_nothing_once_the_buffers_have_grown() {
    let mut codec = Codec::default();
    let frames: Vec<_> = vectors::frames();
    assert!(frames.len() > 100, "{} frames", frames.len());
    let frames: Vec<_> = frames.iter().map(|v| (&v.name, from_json(&v.value, v.profile).unwrap(), v.profile)).collect();
    for (_, frame, profile) in &frames {
        codec.encode(frame, *profile).unwrap();
    }
    for (name, frame, profile) in &frames {
        let taken = measure(|| {
            black_box(codec.encode(black_box(frame), *profile).unwrap());
        });
        assert_eq!((taken.count_total, taken.bytes_total), (0, 0), "{name}");
    }
}

/// What decoding takes, errors included.
fn taken(bytes: &[u8], profile: Profile) -> AllocationInfo {
    measure(|| {
        let _ = black_box(decode_frame(black_box(bytes), profile));
    })
}

fn check(bytes: &[u8], profile: Profile, what: &str) -> f64 {
    let taken = taken(bytes, profile).bytes_total as usize;
    let bound = BYTES_A_BYTE * bytes.len() + BYTES_BESIDE;
    assert!(taken <= bound, "{what}, {profile}: {taken} bytes taken for {}: {bytes:02x?}", bytes.len());
    taken.saturating_sub(BYTES_BESIDE) as f64 / bytes.len().max(1) as f64
}

#[test]
fn no_frame_takes_more_than_its_length_warrants() {
    let corpus = vectors::corpus();
    for profile in Profile::ALL {
        let mut mutator = Mutator::new(64, &corpus);
        let mut worst = 0.0_f64;
        for _ in 0..30_000 {
            worst = worst.max(check(mutator.next(), profile, "a changed frame"));
        }
        let frame = TypeInfo::find("MessageFrame").unwrap();
        let mut values = Values::new(65, profile);
        let mut rng = ChaCha8Rng::seed_from_u64(66);
        for _ in 0..1_000 {
            let Ok(bytes) = frame.encode(&values.hollow(frame), profile) else { continue };
            worst = worst.max(check(&bytes, profile, "long lists of little"));
            // A list's room is taken before its items are seen.
            for _ in 0..10 {
                let cut = &bytes[..rng.random_range(0..bytes.len())];
                worst = worst.max(check(cut, profile, "the beginning of long lists"));
            }
        }
        println!("{profile}: at worst {worst:.1} bytes a byte");
    }
}

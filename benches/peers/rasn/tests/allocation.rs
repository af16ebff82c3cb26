//! What rasn takes from the allocator (docs/decisions/0007): nothing to encode into a buffer that has grown, as ours;
//! more than ours to decode.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "../../../../crates/core/v2x/tests/common/vectors.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod vectors;

use allocation_counter::measure;
use jxz_peer_rasn::day_2::MessageFrame;
use jxz_v2x::asn::{Profile, decode_frame};
use std::hint::black_box;

#[test]
fn rasn_encodes_into_a_buffer_that_has_grown_and_decodes_with_more_memory_than_ours() {
    for name in ["bsm_hard_brake", "rsm_16_participants", "spat_8_phases", "map_4x3"] {
        let vector = vectors::frames().into_iter().find(|vector| vector.name == name).unwrap();
        let frame: MessageFrame = rasn::uper::decode(&vector.bytes).unwrap();
        let mut buffer = Vec::with_capacity(8_192);
        let mut encode = || rasn::uper::encode_buf(black_box(&frame), &mut buffer).unwrap();
        encode();
        assert_eq!(measure(encode).count_total, 0, "{name}");
        let theirs = measure(|| drop(black_box(rasn::uper::decode::<MessageFrame>(&vector.bytes).unwrap())));
        let ours = measure(|| drop(black_box(decode_frame(&vector.bytes, Profile::Day2).unwrap())));
        println!("{name}: to decode, rasn {theirs:?}, ours {ours:?}");
        assert!(theirs.bytes_total > ours.bytes_total, "{name}");
    }
}

//! rasn on the four messages of the codec's bench, beside ours.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench of our own messages, which speaks by printing")]

use jxz_benches::measure::medians_ns;
use jxz_peer_rasn::day_2;
use jxz_v2x::asn::{Codec, Profile, decode_frame};
use jxz_v2x::from_hex;
use serde_json::Value;
use std::hint::black_box;

const ROUNDS: usize = 200;

fn print(vector: &Value) {
    let bytes = from_hex(vector["uper_hex"].as_str().unwrap()).unwrap();
    let theirs: day_2::MessageFrame = rasn::uper::decode(&bytes).unwrap();
    let ours = decode_frame(&bytes, Profile::Day2).unwrap().value;
    let (mut codec, mut buffer) = (Codec::default(), Vec::new());
    let [their_encode, their_decode, our_encode, our_decode] = medians_ns(
        [
            &mut || rasn::uper::encode_buf(black_box(&theirs), &mut buffer).unwrap(),
            &mut || drop(black_box(rasn::uper::decode::<day_2::MessageFrame>(black_box(&bytes)).unwrap())),
            &mut || {
                black_box(codec.encode(black_box(&ours), Profile::Day2).unwrap());
            },
            &mut || drop(black_box(decode_frame(black_box(&bytes), Profile::Day2).unwrap())),
        ],
        ROUNDS,
    );
    let ratio = (their_encode + their_decode) / (our_encode + our_decode);
    println!(
        "{:<22}{their_encode:>9.0}{their_decode:>9.0}{our_encode:>9.0}{our_decode:>9.0}  {ratio:.1}x as fast",
        vector["name"].as_str().unwrap()
    );
}

fn main() {
    println!("ns of thread time, medians; rasn encodes into a buffer that has grown");
    println!("{:<22}{:>9}{:>9}{:>9}{:>9}", "", "rasn enc", "dec", "ours enc", "dec");
    let text = include_str!("../../../../crates/core/v2x/tests/vectors/benchmark.jsonl");
    text.lines().for_each(|line| print(&serde_json::from_str(line).unwrap()));
}

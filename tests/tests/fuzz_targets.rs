//! The fuzz targets' own functions, on seeded bytes: what a fuzzer would run for hours runs here for a moment.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

#[path = "../../fuzz/src/coer.rs"]
#[allow(unreachable_pub, reason = "a library elsewhere")]
mod coer;
#[path = "../../fuzz/src/ingest.rs"]
#[allow(unreachable_pub, reason = "a library elsewhere")]
mod ingest;
#[path = "../../crates/core/v2x/tests/common/mutate.rs"]
mod mutate;
#[path = "../../fuzz/src/uper.rs"]
#[allow(unreachable_pub, reason = "a library elsewhere")]
mod uper;
#[path = "../../crates/core/v2x/tests/common/vectors.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod vectors;

use jxz_security::{Algorithm, Identity, Psid, Signer, SigningKey, Subject, Validity};
use jxz_units::{Now, Utc};
use mutate::Mutator;
use std::time::Duration;

const BSM: Psid = Psid(111);

/// A message with its certificate and one with its digest only, by each algorithm.
fn signed() -> Vec<Vec<u8>> {
    let start = Utc::from_unix_ms(1_786_270_272_000);
    let validity = Validity { from: start, until: start + Duration::from_secs(3_600) };
    let subject = Subject { name: Some("fuzz"), validity, region: None, psids: &[BSM] };
    let mut messages = Vec::new();
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Sm2] {
        let key = |number: u8| SigningKey::from_seed(algorithm, &[number; 32]);
        let root = Identity::root(key(1), &subject).unwrap();
        let ca = root.issue_authority(&key(2).public_key(), &subject).unwrap();
        let ca = Identity::new(ca, key(2)).unwrap();
        let certificate = ca.issue_application(&key(3).public_key(), &subject).unwrap();
        let mut signer = Signer::new(Identity::new(certificate, key(3)).unwrap());
        for ms in [0, 100] {
            let now = Now::after_start(start, Duration::from_millis(ms));
            messages.push(signer.sign(now, BSM, &[0x5a; 60]).unwrap());
        }
    }
    messages
}

#[test]
fn coer_spdu_holds_for_changed_messages() {
    let corpus = signed();
    corpus.iter().for_each(|message| coer::spdu(message));
    let mut mutator = Mutator::new(7, &corpus);
    for _ in 0..100_000 {
        coer::spdu(mutator.next());
    }
}

#[test]
fn uper_frame_holds_for_changed_frames_in_every_profile() {
    let corpus = vectors::corpus();
    let mut mutator = Mutator::new(8, &corpus);
    for _ in 0..30_000 {
        uper::any_frame(mutator.next());
    }
}

#[test]
fn uper_any_type_holds_for_changed_values_behind_any_choice_of_type() {
    let chosen = |vector: vectors::Vector| {
        let types = jxz_v2x::asn::TypeInfo::all();
        let index = types.iter().position(|info| info.name == vector.info.name).unwrap() as u16;
        [&index.to_be_bytes()[..], &[vector.profile as u8], &vector.bytes].concat()
    };
    let corpus: Vec<Vec<u8>> = vectors::all().into_iter().map(chosen).collect();
    let mut mutator = Mutator::new(9, &corpus);
    for _ in 0..30_000 {
        uper::any_type(mutator.next());
    }
}

#[test]
fn sensor_json_holds_for_changed_messages() {
    let corpus = [
        br#"{ "dev": "SN-20417", "ts": 1786270272123, "targets": [ { "x": 4120, "y": -310, "vx": -38.5, "vy": 1.2, "type": 2, "conf": 87, "len": 450, "wid": 180 } ] }"#.to_vec(),
        br#"{ "t": 1786270272123000000, "n": 4294967296, "o": [ { "r": 41200, "a": -3.1, "v": "12.5" }, { "r": 1e99, "a": 1e300 }, null ] }"#.to_vec(),
    ];
    corpus.iter().for_each(|message| ingest::json(message));
    let mut mutator = Mutator::new(10, &corpus);
    for _ in 0..30_000 {
        ingest::json(mutator.next());
    }
}

#[test]
fn sensor_stream_holds_for_changed_streams_cut_anywhere() {
    let framed = |length: u32, byte: u8| [&length.to_be_bytes()[..], &vec![byte; length as usize]].concat();
    let corpus = [
        [vec![0], framed(3, 1), framed(1, 2), framed(40, 3)].concat(),
        [vec![6], framed(8192, 4), framed(2, 5), framed(8193, 6)].concat(),
        [vec![255], framed(30, 0), framed(0, 0)].concat(),
    ];
    corpus.iter().for_each(|stream| ingest::stream(stream));
    let mut mutator = Mutator::new(11, &corpus);
    for _ in 0..30_000 {
        ingest::stream(mutator.next());
    }
}

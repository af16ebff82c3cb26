//! Messages to bytes and back, and their signatures: a table with the budget beside it, or `--json` for machines.
//!
//! The budget is asn1c's time: C from the same ASN.1 modules, on the same four messages. What it took is told twice:
//! where it was first measured, and on a machine like the one that this bench was written on.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench of our own messages, which speaks by printing")]

use jxz_benches::measure::{Operation, medians_ns};
use jxz_security::{
    Algorithm, Identity, Psid, Receiver, ReceiverConfig, Signer, SigningKey, Subject, TrustStore, Validity,
};
use jxz_units::{Now, Utc};
use jxz_v2x::asn::{Codec, MessageFrame, Profile, decode_frame, from_json};
use jxz_v2x::from_hex;
use serde_json::{Map, Value, json};
use std::hint::black_box;
use std::time::Duration;

const ROUNDS: usize = 800;
const PROFILE: Profile = Profile::Day2;
const BSM: Psid = Psid(111);
const PAYLOAD_BYTES: usize = 500;
/// 2026-08-09T10:11:12Z.
const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

/// A message of `tests/vectors/benchmark.jsonl`, and what asn1c takes to encode it, and to decode and free it, in ns.
struct Message {
    name: &'static str,
    vector: &'static str,
    asn1c: [f64; 2],
    asn1c_here: [f64; 2],
}

const MESSAGES: [Message; 4] = [
    Message { name: "bsm", vector: "bsm_hard_brake", asn1c: [871.0, 1609.0], asn1c_here: [685.0, 1136.0] },
    Message {
        name: "rsm_16",
        vector: "rsm_16_participants",
        asn1c: [10_013.0, 17_579.0],
        asn1c_here: [7_790.0, 12_720.0],
    },
    Message { name: "spat_8", vector: "spat_8_phases", asn1c: [6_320.0, 12_083.0], asn1c_here: [5_300.0, 9_200.0] },
    Message { name: "map_4x3", vector: "map_4x3", asn1c: [13_904.0, 29_832.0], asn1c_here: [11_400.0, 22_300.0] },
];

const ALGORITHMS: [(&str, Algorithm); 2] = [("p256", Algorithm::EcdsaP256), ("sm2", Algorithm::Sm2)];

fn vectors() -> Vec<Value> {
    let text = include_str!("../../crates/core/v2x/tests/vectors/benchmark.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// ns to encode and to decode, and the message's bytes.
fn codec(vector: &Value) -> ([f64; 2], usize) {
    let bytes = from_hex(vector["uper_hex"].as_str().unwrap()).unwrap();
    let frame: MessageFrame = from_json(&vector["value"], PROFILE).unwrap();
    let mut codec = Codec::default();
    assert_eq!(codec.encode(&frame, PROFILE).unwrap(), bytes);
    let mut encode = || {
        black_box(codec.encode(black_box(&frame), PROFILE).unwrap());
    };
    let mut decode = || {
        black_box(decode_frame(black_box(&bytes), PROFILE).unwrap());
    };
    (medians_ns([&mut encode, &mut decode], ROUNDS), bytes.len())
}

/// A vehicle with a certificate below our root, and a receiver that knows it.
fn parties(algorithm: Algorithm) -> (Signer, Receiver) {
    let hours = |from: i64, until: i64| Validity {
        from: Utc::from_unix_ns(START.unix_ns() + from * 3_600_000_000_000),
        until: Utc::from_unix_ns(START.unix_ns() + until * 3_600_000_000_000),
    };
    let key = |number: u8| SigningKey::from_seed(algorithm, &[number; 32]);
    let authority = Subject { name: Some("bench"), validity: hours(-1, 100_000), region: None, psids: &[BSM] };
    let vehicle = Subject { name: None, ..authority };
    let root = Identity::root(key(1), &authority).unwrap();
    let ca = root.issue_authority(&key(2).public_key(), &authority).unwrap();
    let ca = Identity::new(ca, key(2)).unwrap();
    let certificate = ca.issue_application(&key(3).public_key(), &vehicle).unwrap();
    let mut trust = TrustStore::new();
    trust.add_root(root.certificate().bytes()).unwrap();
    trust.add_authority(ca.certificate().bytes()).unwrap();
    let signer = Signer::new(Identity::new(certificate, key(3)).unwrap());
    (signer, Receiver::new(ReceiverConfig::default(), trust))
}

/// Ten messages a second, as a vehicle sends them: one in five with its certificate in full.
fn after(messages: u32) -> Now {
    Now::after_start(START, Duration::from_millis(100) * messages)
}

struct Sign {
    signer: Signer,
    sent: u32,
    out: Vec<u8>,
}

impl Operation for Sign {
    fn run(&mut self, calls: usize) {
        for _ in 0..calls {
            self.sent += 1;
            self.signer.sign_into(after(self.sent), BSM, &[0x5a; PAYLOAD_BYTES], &mut self.out).unwrap();
            black_box(&self.out);
        }
    }
}

struct Verify {
    signer: Signer,
    receiver: Receiver,
    sent: u32,
    waiting: Vec<(Now, Vec<u8>)>,
}

impl Operation for Verify {
    fn prepare(&mut self, calls: usize) {
        self.waiting.clear();
        for _ in 0..calls {
            self.sent += 1;
            let now = after(self.sent);
            self.waiting.push((now, self.signer.sign(now, BSM, &[0x5a; PAYLOAD_BYTES]).unwrap()));
        }
    }

    fn run(&mut self, _calls: usize) {
        for (now, bytes) in &self.waiting {
            let verdict = self.receiver.admit(*now, bytes).unwrap().job.run();
            black_box(self.receiver.conclude(*now, verdict).unwrap());
        }
    }
}

/// µs to sign a message, and to check one with a known certificate.
fn signatures(algorithm: Algorithm) -> [f64; 2] {
    let (signer, receiver) = parties(algorithm);
    let mut sign = Sign { signer: signer.clone(), sent: 0, out: Vec::new() };
    let mut verify = Verify { signer, receiver, sent: 0, waiting: Vec::new() };
    medians_ns([&mut sign, &mut verify], ROUNDS).map(|ns| ns / 1e3)
}

fn tenths(value: f64) -> Value {
    json!((value * 10.0).round() / 10.0)
}

fn print_table(codecs: &[([f64; 2], usize); 4], signatures: &[[f64; 2]; 2]) {
    println!("ns of thread time, medians; {PROFILE}; decoding includes dropping what was decoded");
    println!("{:<9}{:>6}{:>9}{:>9}{:>9}", "", "bytes", "encode", "decode", "both");
    for (message, ([encode, decode], bytes)) in MESSAGES.iter().zip(codecs) {
        let both = encode + decode;
        println!("{:<9}{bytes:>6}{encode:>9.0}{decode:>9.0}{both:>9.0}", message.name);
        for (whose, [encode, decode]) in [("asn1c", message.asn1c), ("asn1c *", message.asn1c_here)] {
            let budget = encode + decode;
            let verdict = if both <= budget { "within" } else { "BEYOND" };
            println!(
                "  {whose:<13}{encode:>9.0}{decode:>9.0}{budget:>9.0}  {:.1}x as fast: {verdict} the budget",
                budget / both
            );
        }
    }
    println!("* asn1c 0.9.28, gcc 12 -O2, on a machine like the one that this bench was written on\n");
    println!("µs of thread time, medians; {PAYLOAD_BYTES} B signed with envelope, checked with a known certificate");
    println!("{:<15}{:>9}{:>9}", "", "sign", "verify");
    for ((name, _), [sign, verify]) in ALGORITHMS.iter().zip(signatures) {
        println!("{name:<15}{sign:>9.1}{verify:>9.1}");
    }
}

fn main() {
    let vectors = vectors();
    let codecs =
        MESSAGES.each_ref().map(|message| codec(vectors.iter().find(|v| v["name"] == message.vector).unwrap()));
    let signatures = ALGORITHMS.map(|(_, algorithm)| signatures(algorithm));
    if !std::env::args().any(|argument| argument == "--json") {
        return print_table(&codecs, &signatures);
    }
    let mut out = Map::new();
    for (message, ([encode, decode], _)) in MESSAGES.iter().zip(codecs) {
        out.insert(message.name.to_owned(), json!({"encode_ns": tenths(encode), "decode_ns": tenths(decode)}));
    }
    for ((name, _), [sign, verify]) in ALGORITHMS.iter().zip(signatures) {
        out.insert((*name).to_owned(), json!({"sign_us": tenths(sign), "verify_us": tenths(verify)}));
    }
    println!("{}", Value::Object(out));
}

//! The vectors beside the tests, and the frames captured from equipment.

use jxz_v2x::asn::{Profile, TypeInfo};
use jxz_v2x::from_hex;
use serde_json::Value;

/// One line of a file of vectors that has bytes.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) info: &'static TypeInfo,
    pub(crate) profile: Profile,
    pub(crate) value: Value,
    pub(crate) bytes: Vec<u8>,
}

const FILES: [&str; 5] = [
    include_str!("../vectors/day-1.jsonl"),
    include_str!("../vectors/day-2.jsonl"),
    include_str!("../vectors/release-2019-07.jsonl"),
    include_str!("../vectors/bits-beyond.jsonl"),
    include_str!("../vectors/benchmark.jsonl"),
];
const NEWER_OR_REFUSED: [&str; 2] = [include_str!("../vectors/newer.jsonl"), include_str!("../vectors/refused.jsonl")];

fn lines(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn profile(module: &str) -> Profile {
    match module {
        "phase1" => Profile::Day1,
        "combined" => Profile::Day2,
        other => other.parse().unwrap(),
    }
}

/// Every vector of every type and profile.
pub(crate) fn all() -> Vec<Vector> {
    let parsed = |line: Value| Vector {
        name: line["name"].as_str().unwrap().to_owned(),
        info: TypeInfo::find(line["type"].as_str().unwrap()).unwrap(),
        profile: profile(line["module"].as_str().unwrap()),
        bytes: from_hex(line["uper_hex"].as_str().unwrap()).unwrap(),
        value: line["value"].clone(),
    };
    FILES.into_iter().flat_map(lines).map(parsed).collect()
}

/// The vectors of whole frames.
pub(crate) fn frames() -> Vec<Vector> {
    all().into_iter().filter(|vector| vector.info.name == "MessageFrame").collect()
}

/// Bytes that were once a frame: the vectors', those of a newer schema, and those that must be refused.
pub(crate) fn corpus() -> Vec<Vec<u8>> {
    let others = NEWER_OR_REFUSED.into_iter().flat_map(lines).filter(|line| line["type"] == "MessageFrame");
    let others = others.filter_map(|line| from_hex(line["uper_hex"].as_str()?).ok());
    frames().into_iter().map(|vector| vector.bytes).chain(others).collect()
}

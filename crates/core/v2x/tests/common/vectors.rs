//! The vectors beside the tests, and the frames captured from equipment.

use jxz_v2x::asn::{Profile, TypeInfo};
use jxz_v2x::from_hex;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One line of a file of vectors that has bytes.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) info: &'static TypeInfo,
    pub(crate) profile: Profile,
    pub(crate) value: Value,
    pub(crate) bytes: Vec<u8>,
}

const FILES: [&str; 5] =
    ["day-1.jsonl", "day-2.jsonl", "release-2019-07.jsonl", "bits-beyond.jsonl", "benchmark.jsonl"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
    FILES.iter().flat_map(|name| lines(&folder().join(name))).map(parsed).collect()
}

/// The vectors of whole frames.
pub(crate) fn frames() -> Vec<Vector> {
    all().into_iter().filter(|vector| vector.info.name == "MessageFrame").collect()
}

/// Bytes that were once a frame: the vectors', those of a newer schema, and those that must be refused.
pub(crate) fn corpus() -> Vec<Vec<u8>> {
    let others = ["newer.jsonl", "refused.jsonl"].into_iter().flat_map(|name| lines(&folder().join(name)));
    let others = others.filter(|line| line["type"] == "MessageFrame");
    let others = others.filter_map(|line| from_hex(line["uper_hex"].as_str()?).ok());
    frames().into_iter().map(|vector| vector.bytes).chain(others).collect()
}

//! The small map that these tests break.
#![allow(dead_code, reason = "each test file uses its part")]

use jxz_map::{Map, MapError};
use std::path::{Path, PathBuf};

pub(crate) fn crossroads_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crossroads")
}

pub(crate) fn island() -> Map {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Map::load(&dir).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn crossroads() -> Map {
    Map::load(&crossroads_dir()).unwrap_or_else(|error| panic!("{error}"))
}

/// The crossroads with one piece of one file replaced.
pub(crate) fn edited(file: &str, old: &str, new: &str) -> Result<Map, MapError> {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(crossroads_dir()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = dir.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{file} has no {old:?}");
    std::fs::write(&path, text.replacen(old, new, 1)).unwrap();
    Map::load(dir.path())
}

//! `jxz sim --black-box` and `jxz replay`: from a recording to "identical, bit for bit", to a warning's life, and to an
//! honest no.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_tests::{program, succeed};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const SITE: &str = "zhongxin-minan";

/// Records one site for some seconds of a busy hour and returns what was said at the end.
fn record(file: &Path, more: &[&str]) -> String {
    let mut sim = program("jxz");
    let wanted = format!("{SITE}={}", file.display());
    sim.args(["sim", "--virtual", "--minutes", "0.5", "--black-box", &wanted]).args(more);
    String::from_utf8(succeed(&mut sim).stderr).unwrap()
}

fn replay(file: &Path, more: &[&str]) -> Command {
    let mut replay = program("jxz");
    replay.arg("replay").arg(file).args(more);
    replay
}

#[test]
fn a_recording_in_virtual_time_replays_to_the_same_digest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("box.mcap");
    let said = record(&file, &[]);
    let result: Value = serde_json::from_slice(&succeed(&mut replay(&file, &["--json"])).stdout).unwrap();
    assert_eq!((&result["identical"], &result["exact"], &result["site"]), (&true.into(), &true.into(), &SITE.into()));
    assert_eq!(result["digest"], result["digest_recorded"]);
    let digest = result["digest"].as_str().unwrap();
    assert!(digest.len() == 64 && said.contains(digest), "the recorder said the same: {said}");
    assert!(result["inputs"].as_u64().unwrap() > 3000 && result["outputs"].as_u64().unwrap() > 500, "{result}");
    let words = String::from_utf8(succeed(&mut replay(&file, &[])).stdout).unwrap();
    assert!(words.contains("identical, bit for bit") && words.contains(digest), "{words}");
}

#[test]
fn a_warnings_life_is_told_with_its_tracks_its_scans_and_its_delay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("box.mcap");
    record(&file, &[]);
    // No such warning: it says which there are.
    let unknown = replay(&file, &["--explain", "1"]).output().unwrap();
    let said = String::from_utf8(unknown.stderr).unwrap();
    let (_, ids) = said.split_once("there are ").expect(&said);
    let ids: Vec<&str> = ids.split(|c: char| !c.is_ascii_hexdigit()).filter(|id| id.len() == 16).collect();
    assert!(!unknown.status.success() && !ids.is_empty(), "{said}");
    let lives: Vec<String> = ids
        .iter()
        .take(6)
        .map(|id| String::from_utf8(succeed(&mut replay(&file, &["--explain", &format!("#{id}")])).stdout).unwrap())
        .collect();
    for (id, life) in ids.iter().zip(&lives) {
        assert!(life.starts_with(&format!("warning {id} of {SITE}")), "{life}");
        assert!(life.contains(" raised ") && life.contains("ms after its newest measurement"), "{life}");
    }
    let fed = lives.iter().find(|life| life.contains("before it was raised")).expect("one is about road users");
    assert!(fed.contains("fed by") && fed.contains("scans that could see it") && fed.contains("weight"), "{fed}");
}

#[test]
fn a_damaged_file_is_replayed_as_far_as_it_goes_and_no_more_is_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("box.mcap");
    record(&file, &[]);
    let bytes = std::fs::read(&file).unwrap();
    let cut = folder.path().join("cut.mcap");
    std::fs::write(&cut, &bytes[..bytes.len() - 5000]).unwrap();
    let output = replay(&cut, &["--json"]).output().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!output.status.success() && result["identical"] == false, "{result}");
    assert_eq!(result["first_difference"], Value::Null);
    assert!(result["error"].as_str().unwrap().contains("cut.mcap"), "{result}");

    let other = folder.path().join("other.mcap");
    std::fs::write(&other, b"no recording at all").unwrap();
    for (file, wanted) in [(&other, "other.mcap"), (&folder.path().join("none.mcap"), "cannot open")] {
        let output = replay(file, &[]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(wanted), "{said}");
    }
}

#[test]
fn a_site_that_is_not_there_is_refused_with_those_that_are() {
    let refused = program("jxz").args(["sim", "--virtual", "--black-box", "nowhere=x.mcap"]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("no site nowhere") && said.contains(SITE), "{said}");
}

//! The command line as people use it.

use jxz_tests::{json, program, shared, succeed};
use serde_json::Value;

fn last_line(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    serde_json::from_str(text.lines().last().unwrap_or_default()).expect("the last line is JSON")
}

#[test]
fn one_seed_gives_one_digest_and_another_seed_another() {
    let digest = |seed: &str| {
        let mut sim = program("jxz");
        let output = succeed(sim.args(["sim", "--seed", seed, "--virtual", "--minutes", "0.25"]));
        let report = last_line(&output.stdout);
        assert!(report["times_real_time"].as_f64().expect("a number") > 0.0);
        report["digest"].as_str().expect("a digest").to_owned()
    };
    let first = digest("7");
    assert_eq!(first, digest("7"));
    assert_ne!(first, digest("8"));
}

#[test]
fn the_islands_own_map_has_no_findings() {
    let _clean = succeed(program("jxz").args(["map", "check", "seeds/island"]));
}

#[test]
fn real_road_users_past_a_site_end_in_a_report() {
    let Some(tracks) = shared("data/real/dut") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.json");
    let mut run = program("jxz");
    let _said =
        succeed(run.args(["run", "--site", "size-zhouning", "--tracks"]).arg(tracks).arg("--report").arg(&path));
    let report = json(&path);
    let clips = report["clips"].as_array().expect("clips");
    assert_eq!(clips.len(), 4);
    for clip in clips {
        let name = &clip["clip"];
        assert!(clip["rounds"].as_u64() > Some(50), "{name}");
        assert!(clip["tracks"]["gospa_m"].is_number() && clip["tracks"]["velocity_rmse_mps"].is_number(), "{name}");
        assert!(clip["frames_sent"]["rsm"].as_u64() > Some(50), "{name}: {}", clip["frames_sent"]);
        for warning in clip["warnings"].as_array().expect("warnings") {
            assert!(warning["confidence"].as_f64() <= Some(1.0), "{name}: {warning}");
        }
    }
}

#[test]
fn a_site_that_is_not_there_is_named_with_those_that_are() {
    let output = program("jxz").args(["run", "--tracks", ".", "--site", "nowhere", "--report", "/dev/null"]).output();
    let output = output.expect("jxz starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("nowhere") && said.contains("zhongxin-minan"), "{said}");
}

#[test]
fn sample_configurations_pass_their_own_check() {
    for (name, config) in [("jxz-edge", "deploy/edge.example.toml"), ("jxz-cloud", "deploy/cloud.example.toml")] {
        let _fine = succeed(program(name).args(["check-config", config]));
    }
}

//! `jxz fuse` on recorded scans, as a user runs it.
#![allow(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use jxz_fusion::metrics::{Moving, Score, TrackingScore};
use jxz_geo::{Point, Vector};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fuse(dir: &Path) -> Output {
    fuse_with(dir, &[])
}

fn fuse_with(dir: &Path, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jxz"))
        .arg("fuse")
        .args(options)
        .args(["--site".as_ref(), dir.join("site.json").as_os_str()])
        .args(["--in".as_ref(), dir.join("scans.jsonl").as_os_str()])
        .args(["--out".as_ref(), dir.join("tracks.jsonl").as_os_str()])
        .output()
        .unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn moving(fields: [&Value; 4]) -> Moving {
    let [x, y, vx, vy] = fields.map(|v| v.as_f64().unwrap());
    Moving { position: Point::new(x, y), velocity: Vector::new(vx, vy) }
}

/// Scores the tracks against the truth of the same instants, the first second skipped.
fn score(dir: &Path) -> Score {
    score_after(dir, 1.0)
}

fn score_after(dir: &Path, skipped_s: f64) -> Score {
    let (truth, tracks) = (lines(&dir.join("truth.jsonl")), lines(&dir.join("tracks.jsonl")));
    assert_eq!(truth.len(), tracks.len(), "one line for each line of truth");
    let mut total = TrackingScore::default();
    for (truth, tracks) in truth.iter().zip(&tracks) {
        assert_eq!(truth["t"].as_f64(), tracks["t"].as_f64());
        if truth["t"].as_f64().unwrap() < skipped_s {
            continue;
        }
        let objects = truth["objects"].as_array().unwrap().iter();
        let tracks = tracks["tracks"].as_array().unwrap().iter();
        total.add(
            &objects.map(|o| moving([&o[2], &o[3], &o[4], &o[5]])).collect::<Vec<_>>(),
            &tracks.map(|t| moving([&t["x_m"], &t["y_m"], &t["vx_mps"], &t["vy_mps"]])).collect::<Vec<_>>(),
        );
    }
    total.score()
}

/// Makes a scene with the shared scene maker; `None`, saying why, if it or its numpy is not there.
fn scene(dir: &Path, options: &[&str]) -> Option<()> {
    let maker = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/tools/fusion/make_scene.py");
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if !maker.exists() || !numpy.is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: needs {} and a python3 with numpy (or PYTHON naming one)", maker.display());
        return None;
    }
    let made = Command::new(python).arg(maker).args(options).arg("--out").arg(dir).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(())
}

#[test]
fn thirty_targets_are_fused_well_below_the_bar() {
    // The bar is a GOSPA of 3.0; the figures are those measured with some room.
    for (options, bar) in [
        (&["--seed", "7", "--targets", "30"][..], 0.6),
        (&["--seed", "7", "--targets", "30", "--hard"], 1.0),
        (&["--seed", "7", "--targets", "30", "--shuffle-ms", "60"], 0.9),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let Some(()) = scene(dir.path(), options) else { return };
        let output = fuse(dir.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        for what in ["cpu_ms_per_scan", "cpu_ms_per_frame"] {
            let (p50, p99) = (report[what]["p50"].as_f64().unwrap(), report[what]["p99"].as_f64().unwrap());
            assert!(p50 > 0.0 && p99 >= p50, "{report}");
        }
        assert_eq!((report["scans"].as_u64(), report["instants"].as_u64()), (Some(1600), Some(400)));
        let score = score(dir.path());
        assert!(score.gospa_m.unwrap() <= bar, "{options:?}: {score:?}");
    }
}

#[test]
fn sensors_put_up_wrong_are_found_out_and_made_good() {
    let (plain, wrong) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let scene_of = ["--seed", "2", "--targets", "100"];
    let errors = ["--yaw-bias-deg", "1", "--position-bias-m", "0.3", "--late-ms", "10"];
    let Some(()) = scene(plain.path(), &scene_of) else { return };
    let Some(()) = scene(wrong.path(), &[&scene_of[..], &errors[..]].concat()) else { return };
    let file = wrong.path().join("calibration.json");
    assert!(fuse(plain.path()).status.success());
    assert!(fuse_with(wrong.path(), &["--calibration", file.to_str().unwrap()]).status.success());
    let (right, made_good) = (score_after(plain.path(), 10.0), score_after(wrong.path(), 10.0));
    assert!(made_good.gospa_m.unwrap() <= 1.3 * right.gospa_m.unwrap(), "{made_good:?}, as surveyed {right:?}");

    let found: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let away = 0.3 / 2.0_f64.sqrt();
    for (sensor, yaw_deg, position, late_s) in [
        ("radar-ne", 1.0, [away, away], 0.0),
        ("camera-nw", -1.0, [-away, away], 0.01),
        ("radar-sw", 1.0, [away, -away], 0.0),
        ("camera-se", -1.0, [-away, -away], 0.01),
    ] {
        let of = &found["sensors"][sensor];
        let near = |value: &Value, truth: f64, within: f64| (value.as_f64().unwrap() - truth).abs() <= within;
        assert!(near(&of["yaw_bias_rad"], f64::to_radians(yaw_deg), 0.2 * f64::to_radians(1.0)), "{sensor}: {of}");
        assert!((0..2).all(|k| near(&of["position_bias_m"][k], position[k], 0.2 * away)), "{sensor}: {of}");
        assert!(near(&of["clock_offset_s"], late_s, 0.002), "{sensor}: {of}");
        assert!(of["yaw_sigma_rad"].as_f64().unwrap() > 0.0 && of["trust"] == "believed", "{sensor}: {of}");
    }

    // Left as surveyed, it is as bad as ever.
    assert!(fuse_with(wrong.path(), &["--calibrate", "off"]).status.success());
    assert!(score_after(wrong.path(), 10.0).gospa_m.unwrap() > 5.0 * right.gospa_m.unwrap());
}

/// A site of one all-seeing radar at the origin.
fn write_site(dir: &Path) {
    let site = json!({"bounds_m": [-100, -100, 100, 100], "sensors": [{
        "id": "r", "kind": "radar", "position_m": [0, 0], "yaw_rad": 0, "range_sigma_m": 0.3,
        "range_sigma_fraction": null, "range_sigma_floor_m": null, "azimuth_sigma_rad": 0.01,
        "doppler_sigma_mps": 0.1, "detection_probability": 0.9, "clutter_per_scan": 1,
        "class_accuracy": null, "period_s": 0.05}]});
    std::fs::write(dir.join("site.json"), site.to_string()).unwrap();
}

fn scan_line(k: u32) -> String {
    let t = f64::from(k) * 0.05;
    json!({"t": t, "arrival": t + 0.02, "sensor": "r", "detections": [[50.0 - 10.0 * t, 0.0, -10.0, null, 0.9]]})
        .to_string()
}

#[test]
fn a_car_driving_up_to_one_radar_is_tracked() {
    let dir = tempfile::tempdir().unwrap();
    write_site(dir.path());
    let scans: Vec<String> = (0..60).map(scan_line).collect();
    std::fs::write(dir.path().join("scans.jsonl"), scans.join("\n")).unwrap();
    let output = fuse(dir.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let frames = lines(&dir.path().join("tracks.jsonl"));
    let last = frames.last().unwrap();
    let t = last["t"].as_f64().unwrap();
    let track = &last["tracks"][0];
    assert!((track["x_m"].as_f64().unwrap() - (50.0 - 10.0 * t)).abs() < 0.2, "{last}");
    assert!((track["vx_mps"].as_f64().unwrap() + 10.0).abs() < 0.2, "{last}");
    // No label, but faster than bicycles: a motor vehicle.
    assert_eq!(track["class"], 0, "{last}");
}

#[test]
fn a_track_can_be_explained_and_others_cannot() {
    let dir = tempfile::tempdir().unwrap();
    write_site(dir.path());
    let scans: Vec<String> = (0..60).map(scan_line).collect();
    std::fs::write(dir.path().join("scans.jsonl"), scans.join("\n")).unwrap();
    for mode in ["pmb", "gnn"] {
        let output = fuse_with(dir.path(), &["--explain", "1", "--mode", mode]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.matches("r: seen").count() > 50, "{text}");
        assert!(text.contains("detection 0 at") && text.contains("fed it"), "{text}");
        let last = text.lines().last().unwrap();
        assert!(serde_json::from_str::<Value>(last).is_ok(), "the report comes last: {last}");
    }
    let output = fuse_with(dir.path(), &["--explain", "77"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no track has the number 77"));
}

#[test]
fn an_unreadable_line_stops_the_run_with_file_and_line() {
    for (bad, says) in [
        ("{\"t\": 0.1, \"arr", "EOF"),
        ("\u{1}\u{2} rubbish", "expected value"),
        (r#"{"t":0.1,"arrival":0.12,"sensor":"lidar","detections":[]}"#, "sensor lidar"),
        (r#"{"t":0.1,"arrival":0.12,"sensor":"r","detections":[[1,2,3,9,0.5]]}"#, "class 9"),
        (r#"{"t":0.1,"arrival":0.01,"sensor":"r","detections":[]}"#, "before the line above"),
        (r#"{"t":1e9,"arrival":0.12,"sensor":"r","detections":[]}"#, "an hour apart"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        write_site(dir.path());
        let scans = [scan_line(0), scan_line(1), bad.into(), scan_line(3)];
        std::fs::write(dir.path().join("scans.jsonl"), scans.join("\n")).unwrap();
        let output = fuse(dir.path());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(
            stderr.contains("scans.jsonl") && stderr.contains("line 3") && stderr.contains(says),
            "{bad}: {stderr}"
        );
    }
}

#[test]
fn impossible_detections_are_counted_and_the_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    write_site(dir.path());
    let bad =
        r#"{"t":0.1,"arrival":0.12,"sensor":"r","detections":[[-5,0,0,null,0.5],[1e300,0,0,null,0.5],[9,1,2,null,1]]}"#;
    std::fs::write(dir.path().join("scans.jsonl"), [&scan_line(0), bad].join("\n")).unwrap();
    let output = fuse(dir.path());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["dropped"]["detection_unusable"], 2);
    assert_eq!(report["scans"], 2);
}

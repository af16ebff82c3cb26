//! The demo with real processes and real sockets, from start to a clean stop.

use jxz_tests::{json, program, succeed};
use std::process::Stdio;
use std::time::Duration;

const STAGES: [&str; 6] = ["ingest", "fuse", "predict", "encode_sign", "radio", "sensing_to_vehicle"];

#[test]
fn a_short_demo_brings_warnings_to_vehicles_and_every_record_to_the_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut demo = program("jxz");
    demo.args(["demo", "--headless", "--seconds", "40", "--sites", "6", "--report"]).arg(&report);
    let _said = succeed(&mut demo);

    let report = json(&report);
    assert_eq!(report["nodes_total"], 6);
    assert_eq!(report["nodes_online"], 6, "every node that was started is online at the end");
    let lost = &report["must_arrive"];
    assert_eq!(lost["lost"], 0, "{lost}");
    assert!(lost["sent"].as_u64().unwrap() > 6, "each node sent its health more than once: {lost}");
    for stage in STAGES {
        let row = &report["latency_ms"][stage];
        assert!(row["count"].as_u64().unwrap_or(0) > 0, "nothing measured for {stage}: {}", report["latency_ms"]);
        assert!(row["p50"].as_f64().unwrap() <= row["p99"].as_f64().unwrap(), "{stage}: {row}");
    }
    let shown = |channel: &str| -> u64 {
        let kinds = report["warnings"].as_object().unwrap();
        assert_eq!(kinds.len(), 8, "every kind has its row, also when there was none");
        kinds.values().map(|row| row[channel].as_u64().unwrap()).sum()
    };
    assert!(shown("uu") > 0 && shown("pc5") > 0, "{}", report["warnings"]);
    assert!(report["tracks"]["gospa_m"].as_f64().unwrap() < 10.0, "{}", report["tracks"]);
}

#[test]
fn ctrl_c_stops_everything_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = program("jxz");
    demo.args(["demo", "--headless", "--sites", "2", "--keep"]).arg(folder.path()).stderr(Stdio::null());
    let mut demo = demo.spawn().unwrap();
    let status = folder.path().join("cloud.log");
    let started = std::time::Instant::now();
    while !status.exists() && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(3));
    let interrupt = std::process::Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let ended = demo.wait().unwrap();
    assert!(ended.success(), "the demo ended with {ended}");
    let logs =
        std::fs::read_dir(folder.path()).unwrap().flatten().filter(|f| f.path().extension() == Some("log".as_ref()));
    for log in logs {
        let text = std::fs::read_to_string(log.path()).unwrap();
        assert!(!text.contains("panicked"), "{}: {text}", log.path().display());
    }
}

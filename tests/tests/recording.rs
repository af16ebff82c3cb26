//! A recording of the island: the same bytes for the same seed, and readable by the format's own Python library, which
//! finds in it what the run reported.
//!
//! The second is skipped, with the reason, where Python has no `mcap` (`pip install mcap mcap-protobuf-support`).

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_tests::{program, root, succeed};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const SECONDS: f64 = 6.0;

/// Records some seconds and returns the run's report.
fn record(file: &Path, seed: &str) -> Value {
    let mut sim = program("jxz");
    let minutes = (SECONDS / 60.0).to_string();
    sim.args(["sim", "--virtual", "--seed", seed, "--minutes", &minutes, "--record"]).arg(file);
    let output = succeed(&mut sim);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("recording ") && said.contains(" MB"), "it says how large the recording is: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_same_seed_makes_the_same_file_and_recording_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.mcap", "b.mcap", "c.mcap"].map(|name| folder.path().join(name));
    let reports = [record(&paths[0], "7"), record(&paths[1], "7"), record(&paths[2], "8")];
    let files = paths.map(|path| std::fs::read(path).unwrap());
    assert!(files[0] == files[1], "byte for byte");
    assert!(files[0] != files[2]);
    let minutes = (SECONDS / 60.0).to_string();
    let plain = succeed(program("jxz").args(["sim", "--virtual", "--seed", "7", "--minutes", &minutes]));
    let plain: Value = serde_json::from_slice(&plain.stdout).unwrap();
    assert_eq!(plain["digest"], reports[0]["digest"]);
}

/// Counts by topic, decodes every message, and gives what the test compares as JSON.
const READER: &str = r#"
import json, sys
from collections import Counter
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory
counts, kinds, last_truth, warnings, shown_first, bad = Counter(), Counter(), None, set(), Counter(), 0
run = None
with open(sys.argv[1], "rb") as f:
    reader = make_reader(f, decoder_factories=[DecoderFactory()], validate_crcs=True)
    statistics = reader.get_summary().statistics
    for schema, channel, message, proto in reader.iter_decoded_messages():
        counts[channel.topic] += 1
        if proto.DESCRIPTOR.full_name != schema.name: bad += 1
        if channel.topic == "/run": run = proto
        if channel.topic == "/truth": last_truth = proto
        if channel.topic.startswith("/messages/"): kinds[proto.kind] += 1
        if channel.topic == "/warnings": warnings.add(proto.warning.id)
        if channel.topic == "/on_board/shown" and proto.first: shown_first[proto.channel] += 1
print(json.dumps({
    "counts": counts, "kinds": kinds, "bad": bad, "total": statistics.message_count, "seed": run.seed,
    "start_unix_ns": run.start_unix_ns, "truth_at": last_truth.valid_at_unix_ns, "truth_users": len(last_truth.road_users),
    "truth_ids": len({u.id for u in last_truth.road_users}), "warnings": len(warnings), "shown_first": sum(shown_first.values()),
    "on_island": all(abs(u.east_m) < 10000 and abs(u.north_m) < 10000 for u in last_truth.road_users),
}))
"#;

#[test]
fn the_formats_own_library_reads_every_message_and_finds_what_the_run_reported() {
    let has = Command::new("python3").args(["-c", "import mcap, mcap_protobuf"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 has no mcap (pip install mcap mcap-protobuf-support)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.mcap");
    let report = record(&file, "7");
    let read = succeed(Command::new("python3").args(["-c", READER]).arg(&file));
    let read: Value = serde_json::from_slice(&read.stdout).unwrap();
    let count = |topic: &str| read["counts"][topic].as_u64().unwrap_or(0);
    let sum = |start: &str, end: &str| -> u64 {
        let counts = read["counts"].as_object().unwrap().iter();
        counts.filter(|(t, _)| t.starts_with(start) && t.ends_with(end)).map(|(_, n)| n.as_u64().unwrap()).sum()
    };

    assert_eq!((read["bad"].as_u64(), read["seed"].as_u64()), (Some(0), Some(7)));
    assert_eq!(sum("/", ""), read["total"].as_u64().unwrap(), "the index counts as many as there are");
    // Ten truths a second; the last is at the beginning of the second last step.
    assert_eq!((count("/truth"), count("/scene/truth")), (60, 60));
    let last_s = (read["truth_at"].as_i64().unwrap() - read["start_unix_ns"].as_i64().unwrap()) as f64 * 1e-9;
    assert!((last_s - (SECONDS - 0.1)).abs() < 1e-6, "{last_s}");
    let (users, reported) = (read["truth_users"].as_i64().unwrap(), report["road_users"].as_i64().unwrap());
    assert!((users - reported).abs() <= 3, "{users} on the last truth, {reported} reported a tenth of a second later");
    assert_eq!(read["truth_ids"], read["truth_users"], "each once");
    assert_eq!(read["on_island"], Value::Bool(true));
    // Twelve sites with four sensors at about 20 Hz, and a state ten times a second.
    let map = jxz_map::Map::load(&root().join("seeds/island")).unwrap();
    let sensors: usize = map.sites.iter().map(|site| site.sensors.len()).sum();
    let scans = read["counts"].as_object().unwrap().iter().filter(|(topic, _)| topic.contains("/scans/"));
    let scans: Vec<u64> = scans.map(|(_, n)| n.as_u64().unwrap()).collect();
    assert_eq!(scans.len(), sensors, "every sensor has its topic");
    assert!(scans.iter().all(|n| *n > 5), "{scans:?}");
    assert!(sum("/sites/", "/tracks") >= 12 * 50, "{read}");
    // Every record that a node put out is there.
    let records = count("/warnings") + count("/health") + count("/misbehaviour");
    assert_eq!(records, report["must_arrive"]["sent"].as_u64().unwrap());
    assert_eq!(count("/messages/pc5"), count("/messages/5g"), "both channels carry every message");
    for kind in ["bsm", "map", "rsm", "spat", "ssm"] {
        assert!(read["kinds"][kind].as_u64() > Some(0), "{kind}: {read}");
    }
    assert_eq!((count("/run"), count("/map"), count("/scene/map")), (1, 1, 1));
}

#[test]
fn plots_of_a_recording_are_drawings_and_mistakes_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("run.mcap"), folder.path().join("out.svg"));
    record(&file, "7");
    let plot = |arguments: &[&str]| {
        let mut command = program("jxz");
        command.args(["sim", "plot"]).arg(&file).args(arguments).arg("-o").arg(&out);
        command
    };
    let map = jxz_map::Map::load(&root().join("seeds/island")).unwrap();
    let site = &map.sites[0];
    let _drawn = succeed(&mut plot(&["--kind", "trajectories", "--site", &site.id.0]));
    let text = std::fs::read_to_string(&out).unwrap();
    let drawing = roxmltree::Document::parse(&text).unwrap();
    let words: String = drawing.descendants().filter_map(|node| node.text()).collect();
    assert!(words.contains(&site.name_zh) && words.contains("east, m") && words.contains("tracks:"), "{words}");

    for (arguments, wanted) in [
        (&["--kind", "time-space", "--road", "no such road"][..], "its roads are"),
        (&["--kind", "time-space"][..], "need --road NAME or --lane ID"),
        (&["--kind", "trajectories", "--site", "nowhere"][..], "its sites are"),
        (&["--kind", "trajectories", "--site", &site.id.0, "--from", "100"][..], "look at --from and --to"),
        (&["--kind", "speed", "--lane", "none"][..], "lanes are named like"),
    ] {
        let output = plot(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(wanted), "{arguments:?}: {said}");
    }
}

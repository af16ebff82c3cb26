//! The island in SUMO: netconvert takes it, and SUMO's traffic past our sites ends in tracks and warnings.
//!
//! Skipped, with the reason, where SUMO is not installed (`pip install eclipse-sumo`): name its folder in `JXZ_SUMO`,
//! or put it on the PATH.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_map::{Control, LaneKind, Map};
use jxz_tests::{program, root, succeed};
use jxz_traci::find_program;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn sumo(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os("JXZ_SUMO").map(PathBuf::from);
    match find_program(name, given.as_deref()) {
        Ok(path) => Some(path),
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    }
}

/// Exports the island into a folder and gives it to netconvert; what that warned of.
fn converted(netconvert: &Path, folder: &Path) -> Vec<String> {
    let mut export = program("jxz");
    export.args(["map", "export", "--to", "sumo", "--minutes", "10", "--vehicles-per-hour", "1800", "--out"]);
    let _files = succeed(export.arg(folder.join("island")));
    let mut convert = Command::new(netconvert);
    convert.current_dir(folder).args(["-c", "island.netccfg", "--aggregate-warnings", "-1"]);
    let output = succeed(&mut convert);
    let words = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    words.lines().filter(|line| line.contains("Warning") || line.contains("Error")).map(str::to_owned).collect()
}

#[test]
fn netconvert_keeps_lengths_lanes_ways_and_signals() {
    let Some(netconvert) = sumo("netconvert") else { return };
    let folder = tempfile::tempdir().unwrap();
    let warnings = converted(&netconvert, folder.path());
    // What it finds is in the map itself: lanes that begin at a junction, and three bends of its tightest ramps.
    let of_the_map = |w: &&String| w.contains("not connected from any incoming") || w.contains("sharp turn");
    let others: Vec<&String> = warnings.iter().filter(|w| !of_the_map(w)).collect();
    assert!(others.is_empty() && warnings.len() <= 15, "{warnings:#?}");

    let map = Map::load(&root().join("seeds/island")).unwrap();
    let text = std::fs::read_to_string(folder.path().join("island.net.xml")).unwrap();
    let net = roxmltree::Document::parse(&text).unwrap();
    let elements = |name: &'static str| net.root_element().children().filter(move |n| n.has_tag_name(name));
    let edges: BTreeMap<&str, roxmltree::Node<'_, '_>> = elements("edge")
        .filter(|e| e.attribute("function").is_none())
        .map(|e| (e.attribute("id").unwrap(), e))
        .collect();
    assert_eq!(edges.len(), map.links.len());
    for link in &map.links {
        let lanes: Vec<_> = edges[link.id.as_str()].children().filter(|n| n.has_tag_name("lane")).collect();
        assert_eq!(lanes.len(), link.lanes.len(), "{}", link.id);
        for (theirs, ours) in lanes.iter().zip(link.lanes.iter().rev().map(|ix| map.lane(*ix))) {
            let number = |name| theirs.attribute(name).unwrap().parse::<f64>().unwrap();
            // SUMO has one length for all lanes of an edge.
            assert!((number("length") - link.line.length_m()).abs() < 0.01, "{}", link.id);
            assert!((number("speed") - ours.speed_limit_mps).abs() < 0.01, "{}", ours.id);
            let ends: Vec<&str> = theirs.attribute("shape").unwrap().split(' ').collect();
            for (end, place) in [(ends[0], ours.centre.start()), (ends[ends.len() - 1], ours.centre.end())] {
                let (x, y) = end.split_once(',').unwrap();
                let off = (jxz_geo::Point::new(x.parse().unwrap(), y.parse().unwrap()) - place).norm();
                assert!(off < 0.1, "{}: an end {off} m off", ours.id);
            }
        }
    }
    let drives = |lane: &jxz_map::Lane| lane.movement.is_some() && lane.kind != LaneKind::Footway;
    let ways = map.lanes.iter().filter(|lane| drives(lane)).count();
    let outside = |n: &roxmltree::Node<'_, '_>| {
        let own = |name| n.attribute(name).is_some_and(|id| edges.contains_key(id));
        own("from") && own("to")
    };
    assert_eq!(elements("connection").filter(outside).count(), ways);
    let crossings = elements("edge").filter(|e| e.attribute("function") == Some("crossing")).count();
    let at_junctions: usize = map.junctions.iter().map(|junction| junction.crossings.len()).sum();
    assert!(crossings + 15 >= at_junctions && crossings <= at_junctions, "{crossings} of {at_junctions}");
    for junction in &map.junctions {
        let Control::Signals(plan) = &junction.control else { continue };
        let program = elements("tlLogic").find(|n| n.attribute("id") == Some(junction.id.0.as_str())).unwrap();
        let steps = program.children().filter(|n| n.has_tag_name("phase"));
        let cycle_s: f64 = steps.map(|n| n.attribute("duration").unwrap().parse::<f64>().unwrap()).sum();
        let ours_s: f64 = plan.stages.iter().map(|s| s.green_s + s.yellow_s + s.all_red_s).sum();
        assert!((cycle_s - ours_s).abs() < 1e-6, "{}: {cycle_s} s", junction.id);
    }
}

#[test]
fn ten_minutes_of_sumos_traffic_are_tracked_and_warned() {
    let (Some(netconvert), Some(program_of_sumo)) = (sumo("netconvert"), sumo("sumo")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let _warnings = converted(&netconvert, folder.path());
    let mut sim = program("jxz");
    sim.args(["sim", "--traffic", "sumo", "--minutes", "10", "--sumo"]).arg(program_of_sumo);
    sim.arg("--net").arg(folder.path().join("island.net.xml"));
    let output = succeed(sim.arg("--routes").arg(folder.path().join("island.rou.xml")));
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let count = |path: &str| report.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path}: {report}"));
    assert!((report["seconds"].as_f64().unwrap() - 600.0).abs() < 1e-6);
    assert!(count("/sumo/departed") > 200 && count("/sumo/road_users_seen") > 200, "{report}");
    let (there, tracked) = (count("/sumo/in_coverage"), count("/sumo/tracked"));
    assert!(there > 1000 && tracked as f64 > 0.9 * there as f64, "{tracked} of {there} were tracked");
    let warnings = report["warnings"].as_object().unwrap();
    let shown: u64 = warnings.values().map(|by| by["uu"].as_u64().unwrap() + by["pc5"].as_u64().unwrap()).sum();
    assert!(warnings.len() >= 2 && shown >= 20, "{warnings:?}");
    assert_eq!(count("/must_arrive/lost"), 0);
    assert_eq!(count("/sumo/left_out"), 0);
    // What nodes say of a signal is what SUMO's drivers see.
    assert_eq!((count("/sumo/signals/not_ours"), count("/sumo/signals/differed")), (0, 0), "{report}");
    assert!(count("/sumo/signals/compared") > 1000, "{report}");
}

#[test]
fn the_commands_of_the_page_on_sumo_run() {
    let page = std::fs::read_to_string(root().join("docs/sumo.md")).unwrap();
    let blocks = page.split("```console\n").skip(1).filter_map(|block| block.split("```").next());
    let lines: Vec<&str> = blocks.flat_map(str::lines).collect();
    assert!(lines.iter().filter(|line| line.starts_with("jxz ")).count() >= 5, "{lines:?}");
    let folder = tempfile::tempdir().unwrap();
    let here = format!("{}/", folder.path().display());
    for line in lines.into_iter().filter(|line| !line.starts_with("pip ") && !line.contains("--gui")) {
        // Seconds of it show the same as minutes.
        let line = line.replace("work/", &here).replace("--minutes 10", "--minutes 0.1");
        let mut words = line.split_whitespace();
        let mut command = match words.next().unwrap() {
            "jxz" if !line.contains("--traffic sumo") => program("jxz"),
            "jxz" => {
                let Some(sumo) = sumo("sumo") else { return };
                let mut command = program("jxz");
                command.args(words.by_ref().take(1)).arg("--sumo").arg(sumo);
                command
            }
            name => {
                let Some(path) = sumo(name) else { return };
                Command::new(path)
            }
        };
        let _said = succeed(command.args(words));
    }
}

#[test]
fn netconvert_takes_the_island_as_opendrive_too() {
    let Some(netconvert) = sumo("netconvert") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("island.xodr");
    let _written = succeed(program("jxz").args(["map", "export", "--to", "opendrive", "--out"]).arg(&file));
    let mut convert = Command::new(netconvert);
    convert.args(["--opendrive.import-all-lanes", "--offset.disable-normalization", "--no-turnarounds"]);
    let output = succeed(convert.arg("--opendrive-files").arg(&file).arg("-o").arg(folder.path().join("x.net.xml")));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!words.contains("Error"), "{words}");
    let net = std::fs::read_to_string(folder.path().join("x.net.xml")).unwrap();
    assert!(net.contains("+proj=tmerc +lat_0=32.03 +lon_0=118.7"), "it knows where on the earth it is");
}

#[test]
fn a_network_of_sumos_own_comes_in_by_opendrive_as_it_is() {
    let (Some(netgenerate), Some(netconvert)) = (sumo("netgenerate"), sumo("netconvert")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let here = |program: &Path, words: &str| {
        let mut command = Command::new(program);
        let _said = succeed(command.args(words.split(' ')).current_dir(folder.path()));
    };
    let grid = "--grid --grid.number 4 --grid.length 200 --default.lanenumber 2 --default-junction-type traffic_light";
    here(&netgenerate, &format!("{grid} --no-turnarounds true -o g.net.xml"));
    here(&netconvert, "-s g.net.xml --no-turnarounds true --opendrive-output g.xodr -o again.net.xml");
    let (file, out) = (folder.path().join("g.xodr"), folder.path().join("map"));
    let _said = succeed(program("jxz").args(["map", "import"]).arg(file).arg("--out").arg(&out));
    let _clean = succeed(program("jxz").args(["map", "check"]).arg(&out));
    let map = Map::load(&out).unwrap();
    // Four by four junctions: 24 streets of two links, each of two lanes.
    assert_eq!((map.junctions.len(), map.links.len()), (16, 48));
    let text = std::fs::read_to_string(folder.path().join("g.net.xml")).unwrap();
    let net = roxmltree::Document::parse(&text).unwrap();
    let outside = |n: &roxmltree::Node<'_, '_>| n.attribute("from").is_some_and(|id| !id.starts_with(':'));
    let connections = net.root_element().children().filter(|n| n.has_tag_name("connection")).filter(outside).count();
    assert_eq!(map.lanes.len(), 96 + connections);
    let limit_mps = map.links[0].speed_limit_mps;
    assert!((limit_mps - 13.89).abs() < 0.01, "{limit_mps} m/s");
}

#[test]
fn without_sumo_the_message_says_how_to_get_it_and_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x.net.xml", "x.rou.xml"] {
        let net = r#"<net><location netOffset="0,0" convBoundary="" origBoundary="" projParameter="!"/></net>"#;
        std::fs::write(folder.path().join(name), net).unwrap();
    }
    let mut sim = program("jxz");
    sim.args(["sim", "--traffic", "sumo", "--sumo"]).arg(folder.path());
    sim.arg("--net").arg(folder.path().join("x.net.xml")).arg("--routes").arg(folder.path().join("x.rou.xml"));
    let output = sim.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("pip install eclipse-sumo"), "{words}");
    assert!(words.contains(&folder.path().display().to_string()), "{words}");
}

//! The island out to OpenDRIVE and back is the same lanes.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_exchange::{export, import};
use jxz_map::{Control, Lane, Map, check};
use std::path::Path;

fn island() -> Map {
    Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island")).unwrap()
}

fn again(map: &Map) -> Map {
    let imported = import(&export(map), "again").unwrap();
    assert!(imported.notes.is_empty(), "{:?}", &imported.notes[..imported.notes.len().min(5)]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("map.toml"), &imported.map_toml).unwrap();
    std::fs::write(folder.path().join("lanes.toml"), &imported.lanes_toml).unwrap();
    Map::load(folder.path()).unwrap()
}

/// The lane of `map` that begins and ends nearest to where this one does, of its kind.
fn same<'a>(map: &'a Map, lane: &Lane) -> &'a Lane {
    let away = |other: &Lane| {
        (other.centre.start() - lane.centre.start()).norm() + (other.centre.end() - lane.centre.end()).norm()
    };
    let candidates = map.lanes.iter().filter(|o| o.kind == lane.kind && o.link.is_some() == lane.link.is_some());
    candidates.min_by(|a, b| away(a).total_cmp(&away(b))).unwrap()
}

#[test]
fn every_lane_comes_back_within_centimetres() {
    let map = island();
    let again = again(&map);
    let counts = |m: &Map| (m.lanes.len(), m.links.len(), m.junctions.len(), m.crossings.len());
    assert_eq!(counts(&again), counts(&map));
    assert_eq!(again.frame, map.frame);
    let (mut worst_m, mut total_m) = (0.0_f64, 0.0);
    for lane in &map.lanes {
        let back = same(&again, lane);
        let off =
            |k: i32| back.centre.project(lane.centre.point_at(lane.centre.length_m() * f64::from(k) / 40.0)).distance_m;
        let off_m = (0..=40).map(off).fold(0.0, f64::max);
        worst_m = worst_m.max(off_m);
        total_m += off_m;
        assert!((back.width_m - lane.width_m).abs() < 1e-3, "{}: width {} m", lane.id, back.width_m);
        assert!(
            (back.speed_limit_mps - lane.speed_limit_mps).abs() < 1e-2,
            "{}: {} m/s",
            lane.id,
            back.speed_limit_mps
        );
        assert_eq!(back.successors.len(), lane.successors.len(), "{}: ways on", lane.id);
        assert_eq!(back.predecessors.len(), lane.predecessors.len(), "{}: ways in", lane.id);
        // Where nothing but a rule says that one stops, OpenDRIVE has no place for it.
        let to = lane.link.and_then(|link| map.link(link).to);
        if to.is_some_and(|to| matches!(map.junction(to).control, Control::Signals(_))) {
            let stop = |l: &Lane| l.stop_line_m.map(|at| l.centre.point_at(at));
            let off = stop(lane).map(|place| (stop(back).unwrap() - place).norm());
            assert!(off.is_none_or(|m| m < 0.1), "{}: stop line {off:?} m off", lane.id);
        }
    }
    let mean_m = total_m / map.lanes.len() as f64;
    assert!(worst_m < 0.05 && mean_m < 0.01, "worst {worst_m} m, mean {mean_m} m");
}

#[test]
fn signals_crossings_and_ways_come_back_and_the_map_is_sound() {
    let map = island();
    let again = again(&map);
    let signalled = |m: &Map| {
        let with = m.junctions.iter().filter(|j| matches!(j.control, Control::Signals(_)));
        let mut ids: Vec<String> = with.map(|j| j.id.0.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(signalled(&again), signalled(&map));
    for crossing in &map.crossings {
        let middle = crossing.line.point_at(crossing.line.length_m() / 2.0);
        let back = again.crossings.iter().find(|other| other.line.project(middle).distance_m < 0.1);
        let back = back.unwrap_or_else(|| panic!("{} is gone", crossing.id));
        assert!((back.line.length_m() - crossing.line.length_m()).abs() < 0.05, "{}", crossing.id);
        assert_eq!(back.lanes.len(), crossing.lanes.len(), "{}", crossing.id);
    }
    let findings = check(&again);
    assert!(findings.is_empty(), "{findings:?}");
}

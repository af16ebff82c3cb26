//! Every mistake that `check` knows, made in a small map.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{crossroads, edited};
use jxz_geo::{Polyline, Vector};
use jxz_map::{FindingKind, Map, check};

fn kinds(map: &Map) -> Vec<FindingKind> {
    let mut kinds: Vec<_> = check(map).into_iter().map(|finding| finding.kind).collect();
    kinds.dedup();
    kinds
}

fn found(map: &Map, kind: FindingKind, object: &str) {
    let findings = check(map);
    let hit = findings.iter().any(|f| f.kind == kind && f.object.contains(object));
    assert!(hit, "no {} of {object} in {findings:#?}", kind.name());
}

#[test]
fn a_sound_map_has_no_findings() {
    assert_eq!(check(&crossroads()), []);
}

#[test]
fn movements_that_are_not_offered_cut_lanes_off() {
    let forbid = "control = \"signals\"\nforbid = [\n    { from = \"west\", to = \"north\" }, { from = \"east\", to = \"north\" }, \
                  { from = \"south\", to = \"north\" },\n]";
    let map = edited("junctions.toml", "control = \"signals\"", forbid).unwrap();
    found(&map, FindingKind::UnreachableLane, "\"north:b:0\"");
    let mut map = crossroads();
    let lane = map.lane_by_id("north:f:0").unwrap();
    map.lanes[lane.0 as usize].successors.clear();
    found(&map, FindingKind::NoWayOn, "\"north:f:0\"");
}

#[test]
fn a_moved_or_bent_lane_leaves_a_gap_or_a_kink() {
    let mut map = crossroads();
    let lane = map.lane_by_id("east:f:1").unwrap();
    let centre = &map.lane(lane).centre;
    let moved = centre.points().iter().map(|p| p + Vector::new(0.0, 0.4)).collect();
    map.lanes[lane.0 as usize].centre = Polyline::new(moved).unwrap();
    assert_eq!(kinds(&map), [FindingKind::Gap]);

    let mut map = crossroads();
    let lane = map.lane_by_id("east:f:1").unwrap();
    let mut bent = map.lane(lane).centre.points().to_vec();
    let (a, b) = (bent[0], bent[1]);
    bent.insert(1, a + (b - a) * 0.5 + Vector::new(0.0, 30.0));
    map.lanes[lane.0 as usize].centre = Polyline::new(bent).unwrap();
    found(&map, FindingKind::Kink, "\"east:f:1\"");
}

#[test]
fn a_crossing_needs_a_signal_or_a_yield_rule() {
    let map = edited("crossings.toml", "width_m = 4.0\ncontrol = \"yield\"", "width_m = 4.0").unwrap();
    assert_eq!(kinds(&map), [FindingKind::CrossingWithoutRule]);
    found(&map, FindingKind::CrossingWithoutRule, "\"zebra\"");
}

#[test]
fn phases_and_movements_must_match() {
    let map = edited("signals.toml", "green = [2, 4]", "green = [2, 4, 77]").unwrap();
    assert_eq!(kinds(&map), [FindingKind::UnusedPhase]);
    let map = edited("signals.toml", "green = [2, 4]", "green = [2]").unwrap();
    found(&map, FindingKind::MissingPhase, "east:b:0>south:f:0");
    let map = edited("signals.toml", "to = [\"north\"] }", "to = [\"east\"] }").unwrap();
    found(&map, FindingKind::MissingPhase, "west:f:0>north:b:0");
    let map = edited("signals.toml", "green = [1, 3, 10]", "green = [1, 3]").unwrap();
    found(&map, FindingKind::MissingPhase, "\"over-north\"");
}

#[test]
fn streams_that_meet_may_not_be_green_together() {
    // The left turn off the main road with the through stream that it meets.
    let map = edited("signals.toml", "green = [1, 3, 10]", "green = [1, 3, 4, 10]").unwrap();
    found(&map, FindingKind::GreenConflict, "");
    // The same, permissive: it gives way, so nothing is wrong.
    let map = edited("signals.toml", "green = [1, 3, 10]", "green = [1, 3, 4, 10], permissive = [4]").unwrap();
    assert_eq!(check(&map), []);
    // Through streams that cross.
    let map = edited("signals.toml", "green = [1, 3, 10]", "green = [1, 3, 5]").unwrap();
    found(&map, FindingKind::GreenConflict, "");
    // People walk over the approach that is green.
    let map = edited("signals.toml", "green = [1, 3, 10]", "green = [1, 3, 9, 10]").unwrap();
    let findings = check(&map);
    assert!(!findings.is_empty() && findings.iter().all(|f| f.detail.contains("over-west")), "{findings:#?}");
}

#[test]
fn every_lane_into_signals_has_a_stop_line() {
    let mut map = crossroads();
    let lane = map.lane_by_id("south:b:1").unwrap();
    map.lanes[lane.0 as usize].stop_line_m = None;
    assert_eq!(kinds(&map), [FindingKind::MissingStopLine]);
}

#[test]
fn sites_need_sensors_and_sensors_their_site() {
    let mut map = crossroads();
    map.sites[0].sensors[0].position += Vector::new(0.0, 151.0);
    assert_eq!(kinds(&map), [FindingKind::SensorOutsideSite]);
    map.sites[0].sensors.clear();
    assert_eq!(kinds(&map), [FindingKind::SiteWithoutSensors]);
}

#[test]
fn ids_are_unique() {
    let map = edited("crossings.toml", "id = \"zebra\"", "id = \"over-west\"").unwrap();
    assert_eq!(kinds(&map), [FindingKind::DuplicateId]);
    let mut map = crossroads();
    let mut twin = map.junctions[0].clone();
    twin.id.0.push('2');
    twin.connectors.clear();
    twin.incoming.clear();
    twin.control = jxz_map::Control::Uncontrolled;
    map.junctions.push(twin);
    found(&map, FindingKind::DuplicateId, "node_id \"7\"");
}

#[test]
fn findings_say_where() {
    let map = edited("crossings.toml", "width_m = 4.0\ncontrol = \"yield\"", "width_m = 4.0").unwrap();
    let text = check(&map)[0].to_string();
    assert!(text.starts_with("crossing-without-rule: crossing \"zebra\": "), "{text}");
    // 31.9985 N is 0.0015 degrees south of the frame's origin: 166.3 m; the left kerb lies 5.5 m east.
    assert!(text.ends_with("(at 5.5, -166.3)"), "{text}");
}

//! A map whose lanes are written out in `lanes.toml`: what it becomes, and what is refused.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_map::{CrossingControl, LaneKind, Map, MapError, Turn, check};

const HEADER: &str =
    "name = 'x'\nedition = '1'\ncredit = ''\n[frame]\nlat_deg = 32.0\nlon_deg = 118.7\n[speed_limits_kmh]\n";

/// Two arms of a bend to the left under signals, with a pavement on the way in and a crossing before the junction.
const LANES: &str = "
[[junction]]
id = 'middle'
node_id = 1
at_m = [100, 0]
control = 'signals'
[junction.plan]
offset_s = 3
stages = [{ green = [1], green_s = 20, yellow_s = 3, all_red_s = 2 }, { green = [1], green_s = 5, yellow_s = 3, all_red_s = 2 }]
[[link]]
id = 'in'
to = 'middle'
speed_limit_kmh = 54
line_m = [[0, 1.75], [95, 1.75]]
[[link.lane]]
kind = 'driving'
width_m = 3.5
stop_line_m = 90
centre_m = [[0, 0], [95, 0]]
[[link.lane]]
kind = 'footway'
width_m = 2
speed_limit_kmh = 7.2
centre_m = [[0, -3], [95, -3]]
[[link]]
id = 'out'
from = 'middle'
speed_limit_kmh = 36
line_m = [[98.25, 5], [98.25, 50]]
[[link.lane]]
kind = 'driving'
width_m = 3.5
centre_m = [[100, 5], [100, 50]]
then = ['on:0']
[[link]]
id = 'on'
speed_limit_kmh = 36
line_m = [[98.25, 50], [98.25, 90]]
[[link.lane]]
kind = 'driving'
width_m = 3.5
centre_m = [[100, 50], [100, 90]]
[[way]]
junction = 'middle'
from = 'in:0'
to = 'out:0'
phase = 1
width_m = 3.5
speed_limit_kmh = 30
centre_m = [[95, 0], [95.868, 0.076], [96.71, 0.302], [97.5, 0.67], [98.214, 1.17], [98.83, 1.786], [99.33, 2.5],
    [99.698, 3.29], [99.924, 4.132], [100, 5]]
[[crossing]]
id = 'zebra'
width_m = 4
control = 'yield'
line_m = [[92, 2], [92, -2]]
";

fn load(lanes: &str) -> Result<Map, MapError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("map.toml"), HEADER).unwrap();
    std::fs::write(folder.path().join("lanes.toml"), lanes).unwrap();
    Map::load(folder.path())
}

#[test]
fn lanes_ways_signals_and_crossings_are_there_as_written() {
    let map = load(LANES).unwrap();
    assert_eq!((map.links.len(), map.lanes.len(), map.junctions.len()), (3, 5, 1));
    let lane = |id: &str| map.lane_by_id(id).unwrap();
    let way = lane("middle:in:0>out:0");
    let movement = map.lane(way).movement.as_ref().unwrap();
    assert_eq!((movement.turn, movement.phase.unwrap().0, movement.on_red), (Turn::Left, 1, false));
    assert_eq!(map.lane(lane("in:0")).successors, [way]);
    assert_eq!(map.lane(lane("out:0")).predecessors, [way]);
    assert_eq!(map.lane(lane("out:0")).successors, [lane("on:0")], "it goes on without a junction");
    assert!((map.lane(lane("in:0")).speed_limit_mps - 15.0).abs() < 1e-9);
    let pavement = map.lane(lane("in:1"));
    assert_eq!((pavement.kind, pavement.left), (LaneKind::Footway, None), "nobody changes onto a pavement");
    let zebra = &map.crossings[0];
    assert_eq!(zebra.control, Some(CrossingControl::Yield));
    assert_eq!(zebra.lanes, [(lane("in:0"), 2.0, 92.0)]);
    assert_eq!(map.junctions[0].crossings.len(), 1, "it lies at the junction");
    assert!(check(&map).iter().all(|finding| finding.object.contains("in:1")), "{:?}", check(&map));
}

#[test]
fn what_makes_no_sense_is_named_with_its_line() {
    for (old, new, expected) in [
        ("to = 'middle'\nspeed", "to = 'muddle'\nspeed", "link \"in\": junction \"muddle\" is not"),
        ("id = 'on'", "id = 'out'", "link \"out\": its id is taken"),
        ("[95, 0]]\n[[link.lane]]", "[nan, 0]]\n[[link.lane]]", "make no line near"),
        ("[95, 0]]\n[[link.lane]]", "[1e7, 0]]\n[[link.lane]]", "make no line near"),
        ("stop_line_m = 90", "stop_line_m = 900", "a stop line beyond"),
        ("width_m = 2\n", "width_m = -2\n", "width of -2 m"),
        ("speed_limit_kmh = 54", "speed_limit_kmh = 5400", "limit of 5400 km/h"),
        ("then = ['on:0']", "then = ['off:0']", "\"off:0\" is no other lane"),
        ("to = 'out:0'", "to = 'in:1'", "another kind"),
        ("from = 'in:0'", "from = 'in:7'", "is no lane"),
        ("control = 'signals'", "control = 'priority'", "a plan without signals"),
        ("green_s = 20", "green_s = 2000", "time is outside"),
        ("width_m = 4\ncontrol", "width_m = 40\ncontrol", "crossing \"zebra\""),
    ] {
        assert!(LANES.contains(old), "{old}");
        let said = load(&LANES.replacen(old, new, 1)).unwrap_err().to_string();
        assert!(said.starts_with("lanes.toml:") && said.contains(expected), "{new}: {said}");
    }
    let said = load(&LANES.replacen("id = 'on'", "id = 'on'\ncolour = 'red'", 1)).unwrap_err().to_string();
    assert!(said.contains("lanes.toml") && said.contains("colour"), "{said}");
}

#[test]
fn lanes_and_roads_do_not_stand_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let junctions = "[[junction]]\nid = 'a'\nnode_id = 2\nat = [118.7, 32.0]\ncontrol = 'uncontrolled'\n";
    for (name, text) in [("map.toml", HEADER), ("lanes.toml", LANES), ("junctions.toml", junctions)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let said = Map::load(folder.path()).unwrap_err().to_string();
    assert!(said.starts_with("junctions.toml") && said.contains("remove one of the two"), "{said}");
}

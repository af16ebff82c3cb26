//! What loading refuses, and what it says then.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{crossroads, edited};
use jxz_map::{LaneKind, Turn};

fn refusal(file: &str, old: &str, new: &str) -> String {
    edited(file, old, new).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn unknown_keys_are_refused_with_their_line() {
    let said = refusal("roads.toml", "profile = \"side\"\nfrom", "profile = \"side\"\nwidth = 3\nfrom");
    assert!(said.contains("roads.toml") && said.contains("line 23") && said.contains("width"), "{said}");
    for file in ["map.toml", "junctions.toml", "signals.toml", "crossings.toml", "sites.toml", "bus-stops.toml"] {
        let said = refusal(file, "", "unheard_of = 1\n");
        assert!(said.contains(file) && said.contains("unheard_of"), "{said}");
    }
}

#[test]
fn a_wrong_object_is_named_with_file_line_and_remedy() {
    let said = refusal("roads.toml", "from = \"edge\"\nto = \"middle\"", "from = \"nowhere\"\nto = \"middle\"");
    assert!(said.starts_with("roads.toml:2: road \"west\": junction \"nowhere\" is not in junctions.toml; "), "{said}");
    for (file, old, new, expected) in [
        ("roads.toml", "id = \"east\"", "id = \"west\"", "its id is taken"),
        ("roads.toml", "class = \"side\"", "class = \"canal\"", "no speed limit for class \"canal\""),
        ("roads.toml", "[118.703, 32.0]", "[18.703, 32.0]", "make no line near"),
        ("roads.toml", "[118.703, 32.0]", "[118.703, nan]", "make no line near"),
        ("junctions.toml", "at = [118.7", "at = [0.0", "far away"),
        ("signals.toml", "from = \"west\", to = [\"north\"]", "from = \"moon\", to = [\"north\"]", "\"moon\""),
        ("signals.toml", "green_s = 30", "green_s = -30", "time is outside"),
        ("signals.toml", "permissive = [6, 8]", "permissive = [6, 9, 44]", "permissive phase is not green"),
        ("signals.toml", "junction = \"middle\"", "junction = \"muddle\"", "no such junction"),
        ("junctions.toml", "control = \"signals\"", "control = \"priority\"", "not under signals"),
        ("crossings.toml", "road = \"north\"", "road = \"up\"", "its road is not in roads.toml"),
        ("crossings.toml", "id = \"over-west\"", "id = \"over-east\"", "no phase in signals.toml"),
        ("sites.toml", "model = \"radar\"", "model = \"sonar\"", "unknown model"),
        ("sites.toml", "detection_probability = 0.9", "detection_probability = 90", "impossible"),
        ("bus-stops.toml", "at = [118.702, 32.0]", "at = [118.702, 32.01]", "far away from its road"),
    ] {
        let said = refusal(file, old, new);
        assert!(said.contains(expected), "{file}, {new}: {said}");
    }
}

#[test]
fn the_version_changes_with_any_file() {
    let base = crossroads().version;
    assert_eq!(base, crossroads().version);
    let other = edited("base-stations.toml", "power_dbm = 46", "power_dbm = 47").unwrap().version;
    assert_ne!(base, other);
}

#[test]
fn a_crossroads_is_expanded_as_one_would_draw_it() {
    let map = crossroads();
    // Eight links: in and out on four arms. Main: 3 driving, cycle, footway; side: 1, 1, 1.
    assert_eq!(map.links.len(), 8);
    assert_eq!(map.lanes.iter().filter(|l| l.link.is_some()).count(), 4 * 5 + 4 * 3);
    let lane = |id: &str| map.lane(map.lane_by_id(id).unwrap());
    // Traffic keeps right: eastbound lanes lie south of the reference line, the first 1 m (half the median) plus
    // half a lane away.
    let eastbound = &lane("west:f:0").centre;
    assert!((eastbound.start().y + 2.75).abs() < 0.01 && eastbound.direction_at(0.0).x > 0.99);
    let turns = |id: &str| {
        let mut turns: Vec<Turn> =
            lane(id).successors.iter().map(|l| map.lane(*l).movement.as_ref().unwrap().turn).collect();
        turns.sort();
        turns
    };
    assert_eq!(turns("west:f:0"), [Turn::Left]);
    assert_eq!(turns("west:f:1"), [Turn::Straight]);
    assert_eq!(turns("west:f:2"), [Turn::Straight, Turn::Right]);
    assert_eq!(turns("north:f:0"), [Turn::Straight, Turn::Left, Turn::Right]);
    // Only right turns go on red.
    for connector in map.lanes.iter().filter(|l| l.kind != LaneKind::Footway) {
        let Some(movement) = &connector.movement else { continue };
        assert_eq!(movement.on_red, movement.turn == Turn::Right, "{}", connector.id);
    }
    // The crossing over the west arm spans 2 + 2 * (3 * 3.5 + 2) = 27 m and eight lanes; one stops 1.5 m before it.
    let over = map.crossings.iter().find(|c| c.id == "over-west").unwrap();
    assert!((over.line.length_m() - 27.0).abs() < 1e-6);
    assert_eq!(over.lanes.len(), 8);
    let (_, at) = lane("west:f:1").crossings[0];
    assert!((at - 2.0 - 1.5 - lane("west:f:1").stop_line_m.unwrap()).abs() < 1e-6);
    // The stop serves the outermost westbound lane, some 189 m east of the junction.
    let stop = &map.bus_stops[0];
    assert_eq!(map.lane(stop.lane).id, "east:b:2");
    assert!((map.lane(stop.lane).centre.point_at(stop.s_m).x - 189.0).abs() < 0.5);
}

//! Map messages: a junction of the map arrives with its lanes, movements and limits.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

use jxz_geo::{LocalFrame, Point, Polyline, Wgs84};
use jxz_map::{
    Control, Junction, JunctionIx, Lane, LaneIx, LaneKind, Link, LinkIx, Map, Movement, SignalPlan, Stage, Turn,
};
use jxz_units::Utc;
use jxz_v2x::asn::{Profile, decode_frame, to_json};
use jxz_v2x::{Encoded, Encoder, NodeRef, Received, ReceivedConnection, ReceivedNode, Subject, UnitId, decode};
use jxz_world::{JunctionId, PhaseId};
use serde_json::json;

fn frame() -> LocalFrame {
    LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap()
}

fn line(points: &[[f64; 2]]) -> Polyline {
    Polyline::try_from(points.to_vec()).unwrap()
}

fn junction(name: &str, node_id: u16, at: [f64; 2]) -> Junction {
    Junction {
        id: JunctionId(name.to_owned()),
        node_id,
        name_zh: "路口".to_owned(),
        centre: Point::from(at),
        control: Control::Priority,
        incoming: Vec::new(),
        outgoing: Vec::new(),
        connectors: Vec::new(),
        crossings: Vec::new(),
    }
}

/// A map that grows link by link.
struct Sketch(Map);

impl Sketch {
    fn new(junctions: Vec<Junction>) -> Self {
        Self(Map {
            frame: frame(),
            name: "sketch".to_owned(),
            version: "1".to_owned(),
            credit: String::new(),
            lanes: Vec::new(),
            links: Vec::new(),
            junctions,
            crossings: Vec::new(),
            bus_stops: Vec::new(),
            sites: Vec::new(),
            base_stations: Vec::new(),
        })
    }

    fn lane(&mut self, kind: LaneKind, centre: Polyline, link: Option<LinkIx>, position: u8) -> LaneIx {
        self.0.lanes.push(Lane {
            id: format!("lane-{}", self.0.lanes.len()),
            kind,
            centre,
            width_m: 3.5,
            speed_limit_mps: 60.0 / 3.6,
            link,
            position,
            movement: None,
            successors: Vec::new(),
            predecessors: Vec::new(),
            left: None,
            right: None,
            stop_line_m: None,
            crossings: Vec::new(),
        });
        LaneIx(self.0.lanes.len() as u32 - 1)
    }

    fn link(
        &mut self,
        id: &str,
        from: Option<u32>,
        to: Option<u32>,
        shape: &Polyline,
        kinds: &[LaneKind],
    ) -> Vec<LaneIx> {
        let ix = LinkIx(self.0.links.len() as u32);
        let offset = |n: u8| shape.offset(-3.5 * (f64::from(n) + 0.5)).unwrap();
        let lanes: Vec<LaneIx> =
            kinds.iter().zip(0..).map(|(kind, n)| self.lane(*kind, offset(n), Some(ix), n)).collect();
        self.0.links.push(Link {
            id: id.to_owned(),
            name_zh: "中新大道".to_owned(),
            line: shape.clone(),
            lanes: lanes.clone(),
            from: from.map(JunctionIx),
            to: to.map(JunctionIx),
            speed_limit_mps: 60.0 / 3.6,
            opposite: None,
            level: 0,
        });
        if let Some(to) = to {
            self.0.junctions[to as usize].incoming.push(ix);
        }
        lanes
    }

    fn connect(&mut self, from: LaneIx, to: LaneIx, turn: Turn, phase: Option<u8>) {
        let shape = Polyline::new(vec![self.0.lane(from).centre.end(), self.0.lane(to).centre.start()]).unwrap();
        let connector = self.lane(LaneKind::Driving, shape, None, 0);
        self.0.lanes[connector.0 as usize].movement = Some(Movement {
            junction: JunctionIx(0),
            turn,
            phase: phase.map(PhaseId),
            on_red: turn == Turn::Right,
            conflicts: Vec::new(),
            yields_to: Vec::new(),
        });
        self.0.lanes[connector.0 as usize].successors = vec![to];
        self.0.lanes[from.0 as usize].successors.push(connector);
    }
}

/// Junction 1001 with a curved road from junction 1000: two lanes and a cycle lane, on to the east (off the map) and
/// back to junction 1000 by the north.
fn crossing_roads() -> Map {
    use LaneKind::{Cycle, Driving};
    let mut sketch =
        Sketch::new(vec![junction("zhongxin-minan", 1001, [500.0, 300.0]), junction("west", 1000, [0.0, 300.0])]);
    sketch.0.junctions[0].control = Control::Signals(SignalPlan {
        offset_s: 0.0,
        stages: vec![Stage {
            green: vec![PhaseId(1), PhaseId(2)],
            permissive: Vec::new(),
            green_s: 30.0,
            yellow_s: 3.0,
            all_red_s: 2.0,
        }],
    });
    let wave: Vec<[f64; 2]> =
        (0..240).map(f64::from).map(|i| [20.0 + 1.9 * i, 300.0 + 12.0 * libm::sin(i / 25.0)]).collect();
    let west = sketch.link("west-in", Some(1), Some(0), &line(&wave), &[Driving, Driving, Cycle]);
    let east = sketch.link("east-out", None, None, &line(&[[520.0, 300.0], [900.0, 300.0]]), &[Driving, Driving]);
    let north = sketch.link("north-out", Some(0), Some(1), &line(&[[500.0, 320.0], [500.0, 700.0]]), &[Driving]);
    sketch.connect(west[0], north[0], Turn::Left, Some(1));
    sketch.connect(west[0], east[0], Turn::Straight, Some(2));
    sketch.connect(west[1], east[1], Turn::Straight, Some(2));
    sketch.0.lanes[west[1].0 as usize].left = Some(west[0]);
    sketch.0.lanes[west[1].0 as usize].speed_limit_mps = 40.0 / 3.6;
    sketch.0
}

fn encoder() -> Encoder {
    Encoder::new(frame(), Profile::Day2, UnitId([1; 8]), Point::origin(), 0)
}

/// 2026-08-09T10:11:12.345Z: minute 317,411 of the year.
fn now() -> Utc {
    Utc::from_unix_ms(1_786_270_272_345)
}

fn told_map(map: &Map) -> Encoded {
    let mut told = Encoded::default();
    encoder().map_message(now(), map, JunctionIx(0), &mut told);
    told
}

fn nodes(told: &Encoded) -> Vec<ReceivedNode> {
    let read = |bytes: &[u8]| match decode(bytes, Profile::Day2, Utc::from_unix_ms(0), &frame()).unwrap() {
        Received::Map(map) => map.nodes,
        other => panic!("{other:?}"),
    };
    told.frames.iter().flat_map(|frame| read(&frame.bytes)).collect()
}

#[test]
fn a_junction_arrives_with_lanes_movements_and_limits() {
    let map = crossing_roads();
    let told = told_map(&map);
    assert!(told.refused.is_empty(), "{:?}", told.refused);
    let node = &nodes(&told)[0];
    assert_eq!((node.node, node.name.as_deref()), (NodeRef { region: None, id: 1001 }, Some("zhongxin-minan")));
    assert!((node.position - map.junctions[0].centre).norm() < 0.008);
    let link = &node.links[0];
    assert_eq!((node.links.len(), link.upstream.id, link.name.as_deref()), (1, 1000, Some("west-in")));
    assert!((link.speed_limit_mps.unwrap() - 60.0 / 3.6).abs() <= 0.01, "to half a step of 0.02 m/s");

    let kinds: Vec<_> = link.lanes.iter().map(|lane| (lane.number, lane.kind, lane.width_m)).collect();
    let driving = Some(LaneKind::Driving);
    assert_eq!(kinds, [(1, driving, Some(3.5)), (2, driving, Some(3.5)), (3, Some(LaneKind::Cycle), Some(3.5))]);
    let way = |id, lane, phase| ReceivedConnection {
        node: NodeRef { region: None, id },
        lane: Some(lane),
        phase: Some(PhaseId(phase)),
    };
    assert_eq!(link.lanes[0].connections, [way(1000, 1, 1), way(0, 1, 2)], "0 stands for the edge of the map");
    assert_eq!(link.lanes[1].connections, [way(0, 2, 2)]);
    assert_eq!(link.lanes[2].connections, []);
    assert_eq!(link.lanes[0].speed_limit_mps, None, "no limit of its own");
    assert!((link.lanes[1].speed_limit_mps.unwrap() - 40.0 / 3.6).abs() <= 0.01);

    for (lane, sent) in link.lanes.iter().zip(&map.links[0].lanes) {
        assert!(lane.line.len() <= 31);
        let told = Polyline::new(lane.line.clone()).unwrap();
        for point in map.lane(*sent).centre.points() {
            assert!(told.project(*point).distance_m < 0.5, "lanes are asked for within 0.5 m");
        }
    }
}

#[test]
fn manoeuvres_and_movements_are_said_in_the_flags_of_the_set() {
    let told = told_map(&crossing_roads());
    let raw = to_json(&decode_frame(&told.frames[0].bytes, Profile::Day2).unwrap().value, Profile::Day2);
    let link = &raw["mapFrame"]["nodes"][0]["inLinks"][0];
    // Bit 0 straight on, 1 left, 6 lane change.
    assert_eq!(link["lanes"][0]["maneuvers"], "110000000000");
    assert_eq!(link["lanes"][1]["maneuvers"], "100000100000");
    assert_eq!(link["lanes"][2]["laneAttributes"]["laneType"], json!({"bikeLane": "0000000000000000"}));
    assert_eq!((&link["linkWidth"], &link["lanes"][0]["laneWidth"]), (&json!(1050), &json!(350)));
    let both = json!([
        {"remoteIntersection": {"id": 0}, "phaseId": 2},
        {"remoteIntersection": {"id": 1000}, "phaseId": 1}
    ]);
    assert_eq!(link["movements"], both);
}

#[test]
fn a_big_junction_takes_several_frames_that_fit_a_packet() {
    let mut sketch = Sketch::new(vec![junction("star", 2000, [0.0, 0.0])]);
    for i in 0..20 {
        let angle = f64::from(i) / 20.0 * core::f64::consts::TAU;
        let at = |r: f64, bend: f64| [r * libm::cos(angle + bend), r * libm::sin(angle + bend)];
        let shape: Vec<[f64; 2]> =
            (0..60).map(|k| at(400.0 - 6.0 * f64::from(k), libm::sin(f64::from(k) / 9.0) * 0.1)).collect();
        sketch.link(&format!("ray-{i:02}"), None, Some(0), &line(&shape), &[LaneKind::Driving; 3]);
    }
    let told = told_map(&sketch.0);
    assert!(told.refused.is_empty() && told.frames.len() > 1);
    assert!(told.frames.iter().all(|frame| frame.bytes.len() <= 1300), "every frame fits a packet");
    let all = nodes(&told);
    assert!(all.iter().all(|node| node.node.id == 2000));
    let names: Vec<_> = all.iter().flat_map(|node| &node.links).map(|link| link.name.clone().unwrap()).collect();
    assert_eq!(names, (0..20).map(|i| format!("ray-{i:02}")).collect::<Vec<_>>(), "each link once, in order");
}

#[test]
fn a_lane_may_lead_as_many_ways_as_the_profile_has_room_for() {
    let mut sketch = Sketch::new(vec![junction("fan", 3000, [0.0, 0.0])]);
    let west = sketch.link("west-in", None, Some(0), &line(&[[-300.0, 0.0], [-20.0, 0.0]]), &[LaneKind::Driving]);
    let east = sketch.link("east-out", None, None, &line(&[[20.0, 0.0], [300.0, 0.0]]), &[LaneKind::Driving; 12]);
    for (ways, profile, fits) in [
        (8, Profile::Day1, true),
        (9, Profile::Day1, false),
        (9, Profile::Day2, false),
        (12, Profile::Release2019, true),
    ] {
        sketch.0.lanes[west[0].0 as usize].successors.clear();
        for lane in &east[..ways] {
            sketch.connect(west[0], *lane, Turn::Straight, None);
        }
        let mut told = Encoded::default();
        let mut encoder = Encoder::new(frame(), profile, UnitId([1; 8]), Point::origin(), 0);
        encoder.map_message(now(), &sketch.0, JunctionIx(0), &mut told);
        let Received::Map(map) = decode(&told.frames[0].bytes, profile, now(), &frame()).unwrap() else {
            panic!("not a MAP")
        };
        let told_ways = map.nodes[0].links.first().map(|link| link.lanes[0].connections.len());
        assert_eq!(told_ways, fits.then_some(ways), "{ways} ways, {profile}");
        let reasons: Vec<String> = told.refused.iter().map(ToString::to_string).collect();
        assert_eq!(reasons.iter().any(|reason| reason.contains(&format!("connections: {ways} is not"))), !fits);
    }
}

#[test]
fn a_link_that_cannot_be_said_is_left_out_by_name() {
    let mut map = crossing_roads();
    map.links[0].speed_limit_mps = f64::NAN;
    let told = told_map(&map);
    assert_eq!(told.refused[0].subject, Subject::Map("west-in".to_owned()));
    assert!(told.refused[0].to_string().contains("speed_limit_mps"));
    assert_eq!(nodes(&told)[0].links, [], "the junction itself is still told");
}

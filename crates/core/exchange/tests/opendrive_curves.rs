//! A document written by hand: lines, arcs, spirals and lane offsets lie where their formulas say, wherever on the earth.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_exchange::{Projection, import};
use jxz_geo::Point;
use jxz_map::{LaneKind, Map, check};

const RADIUS_M: f64 = 60.0;
/// Lengths of the line, the arc and the spiral, metres.
const PARTS_M: [f64; 3] = [20.0, 30.0, 40.0];

/// A road of a line, an arc to the left and a spiral back to straight, beginning at `start` under `heading`.
fn road(start: (f64, f64), heading: f64) -> String {
    let [line, arc, spiral] = PARTS_M;
    let k = 1.0 / RADIUS_M;
    let (a, b) = (pose(start, heading, line), pose(start, heading, line + arc));
    let geometry = |s: f64, (x, y, hdg): (f64, f64, f64), length: f64, shape: &str| {
        format!("<geometry s='{s}' x='{x:.9}' y='{y:.9}' hdg='{hdg:.12}' length='{length}'>{shape}</geometry>")
    };
    let plan = [
        geometry(0.0, (start.0, start.1, heading), line, "<line/>"),
        geometry(line, a, arc, &format!("<arc curvature='{k:.12}'/>")),
        geometry(line + arc, b, spiral, &format!("<spiral curvStart='{k:.12}' curvEnd='0'/>")),
    ];
    let lane = |id: i32, kind: &str, width: f64, speed: &str| {
        format!(
            "<lane id='{id}' type='{kind}' level='false'><link/><width sOffset='0' a='{width}' b='0' c='0' d='0'/>{speed}</lane>"
        )
    };
    format!(
        "<road name='曲线路' length='{}' id='7' junction='-1'><link/><planView>{}</planView><lanes>
         <laneOffset s='0' a='1' b='0' c='0' d='0'/><laneOffset s='30' a='1' b='-0.02' c='0' d='0'/>
         <laneSection s='0'><left>{}</left><center><lane id='0' type='none' level='false'/></center>
         <right>{}{}{}</right></laneSection></lanes></road>",
        PARTS_M.iter().sum::<f64>(),
        plan.concat(),
        lane(1, "driving", 3.25, ""),
        lane(-1, "driving", 3.5, "<speed sOffset='0' max='60' unit='km/h'/>"),
        lane(-2, "shoulder", 1.0, ""),
        lane(-3, "sidewalk", 2.0, ""),
    )
}

fn document(header: &str, body: &str) -> String {
    format!("<?xml version='1.0'?><OpenDRIVE><header revMajor='1' revMinor='7'>{header}</header>{body}</OpenDRIVE>")
}

/// The reference line by its formula: place and heading `s` metres along.
fn pose(start: (f64, f64), heading: f64, s: f64) -> (f64, f64, f64) {
    let [line, arc, spiral] = PARTS_M;
    let k = 1.0 / RADIUS_M;
    let on_line = s.min(line);
    let (mut x, mut y, mut hdg) =
        (start.0 + libm::cos(heading) * on_line, start.1 + libm::sin(heading) * on_line, heading);
    let on_arc = (s - line).clamp(0.0, arc);
    x += RADIUS_M * (libm::sin(hdg + k * on_arc) - libm::sin(hdg));
    y -= RADIUS_M * (libm::cos(hdg + k * on_arc) - libm::cos(hdg));
    hdg += k * on_arc;
    let on_spiral = (s - line - arc).max(0.0);
    // The clothoid's heading is hdg + k u - k u²/(2 L); its place the integral of that, by Simpson's rule.
    let turned = |u: f64| hdg + k * u - k * u * u / (2.0 * spiral);
    let n = 2000;
    let h = on_spiral / f64::from(n);
    let weight = |i: i32| {
        if i == 0 || i == n {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    let sum = |f: fn(f64) -> f64| (0..=n).map(|i| weight(i) * f(turned(h * f64::from(i)))).sum::<f64>() * h / 3.0;
    (x + sum(libm::cos), y + sum(libm::sin), turned(on_spiral))
}

/// The middle of a lane at distance `t` from lane 0, metres to the left.
fn beside(start: (f64, f64), heading: f64, s: f64, t: f64) -> Point {
    let offset = if s < 30.0 { 1.0 } else { 1.0 - 0.02 * (s - 30.0) };
    let (x, y, hdg) = pose(start, heading, s);
    Point::new(x - libm::sin(hdg) * (t + offset), y + libm::cos(hdg) * (t + offset))
}

fn load(text: &str) -> Map {
    let imported = import(text, "by hand").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("map.toml"), &imported.map_toml).unwrap();
    std::fs::write(folder.path().join("lanes.toml"), &imported.lanes_toml).unwrap();
    Map::load(folder.path()).unwrap()
}

/// The greatest distance of the formula's points from a lane's line, metres.
fn off_m(map: &Map, lane: &str, places: impl Iterator<Item = Point>) -> f64 {
    let lane = map.lane(map.lane_by_id(lane).unwrap());
    places.map(|place| lane.centre.project(place).distance_m).fold(0.0, f64::max)
}

fn stations() -> impl Iterator<Item = f64> {
    (0..=900).map(|k| f64::from(k) * 0.1)
}

#[test]
fn lanes_lie_beside_line_arc_and_spiral() {
    let (start, heading) = ((12.0, -7.0), 0.4);
    let map = load(&document("", &road(start, heading)));
    assert_eq!(map.lanes.len(), 3, "the shoulder is nobody's");
    let right = off_m(&map, "road-7:f:0", stations().map(|s| beside(start, heading, s, -1.75)));
    let left = off_m(&map, "road-7:b:0", stations().map(|s| beside(start, heading, s, 1.625)));
    let pavement = off_m(&map, "road-7:f:1", stations().map(|s| beside(start, heading, s, -5.5)));
    // A chord of 2 m on a radius of 60 m is 8 mm from its arc.
    assert!(right < 0.012 && left < 0.012 && pavement < 0.012, "{right} {left} {pavement}");
    let lane = map.lane(map.lane_by_id("road-7:f:0").unwrap());
    let (first, last) = (beside(start, heading, 0.0, -1.75), beside(start, heading, 90.0, -1.75));
    assert!((lane.centre.start() - first).norm() < 0.003 && (lane.centre.end() - last).norm() < 0.003);
    let opposite = map.lane(map.lane_by_id("road-7:b:0").unwrap());
    assert!((opposite.centre.start() - beside(start, heading, 90.0, 1.625)).norm() < 0.003, "it runs the other way");
    assert!((lane.speed_limit_mps - 60.0 / 3.6).abs() < 1e-3 && (lane.width_m - 3.5).abs() < 1e-3);
    assert_eq!(map.lane(map.lane_by_id("road-7:f:1").unwrap()).kind, LaneKind::Footway);
    assert_eq!(map.links[0].name_zh, "曲线路");
    assert!(check(&map).is_empty(), "{:?}", check(&map));
}

#[test]
fn metres_far_from_the_documents_origin_keep_their_millimetres() {
    // In UTM zone 50 the island is 3,545 km from the origin, where 32-bit numbers are a quarter of a metre apart.
    let start = (660_123.456, 3_545_678.912);
    let proj = "+proj=utm +zone=50 +datum=WGS84 +units=m +no_defs";
    let map = load(&document(&format!("<geoReference><![CDATA[{proj}]]></geoReference>"), &road(start, 2.0)));
    let projection = Projection::parse(proj).unwrap();
    let origin = map.frame.origin();
    assert!((origin.lat_deg - 32.03).abs() < 0.05 && (origin.lon_deg - 118.7).abs() < 0.1, "{origin:?}");
    let local = |s: f64| map.frame.to_local(projection.to_wgs84(beside(start, 2.0, s, -1.75)));
    let off = off_m(&map, "road-7:f:0", stations().map(local));
    assert!(off < 0.012, "{off}");
}

#[test]
fn the_headers_offset_turns_and_then_shifts() {
    let (start, heading, turn) = ((3.0, 4.0), 0.0, 0.5_f64);
    let map = load(&document(&format!("<offset x='1000' y='-200' z='9' hdg='{turn}'/>"), &road(start, heading)));
    let moved = |p: Point| {
        Point::new(
            libm::cos(turn) * p.x - libm::sin(turn) * p.y + 1000.0,
            libm::sin(turn) * p.x + libm::cos(turn) * p.y - 200.0,
        )
    };
    let off = off_m(&map, "road-7:f:0", stations().map(|s| moved(beside(start, heading, s, -1.75))));
    assert!(off < 0.012, "{off}");
}

#[test]
fn a_zone_of_utm_is_where_others_say_it_is() {
    // GeographicLib's documentation: 33.3 N 44.4 E is 38n 444140.5 3684706.3.
    let projection = Projection::parse("+proj=utm +zone=38 +datum=WGS84").unwrap();
    let there = projection.to_wgs84(Point::new(444_140.54, 3_684_706.36));
    assert!((there.lat_deg - 33.3).abs() < 2e-7 && (there.lon_deg - 44.4).abs() < 2e-7, "{there:?}");
    let words = Projection::parse("+proj=lcc +lat_1=1").unwrap_err().to_string();
    assert!(words.contains("+proj=lcc") && words.contains("tmerc"), "{words}");
    assert!(
        Projection::parse("+proj=utm +zone=61").is_err() && Projection::parse("+proj=tmerc +lat_0=1 +lon_0=x").is_err()
    );
}

//! SUMO's plain XML: what `netconvert` makes a network of.

mod connections;
mod edges;
mod location;
mod signals;

pub use location::{LocationError, NetLocation};

use crate::projection::proj_string;
use crate::xml::{Value, Xml};
use jxz_geo::{Point, Vector};
use jxz_map::{Control, Junction, LaneKind, LinkIx, Map};

/// The files that `netconvert` takes, and a configuration that names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumoFiles {
    /// Junctions: `NAME.nod.xml`.
    pub nodes: String,
    /// Links with their lanes: `NAME.edg.xml`.
    pub edges: String,
    /// Ways through junctions and pedestrian crossings: `NAME.con.xml`.
    pub connections: String,
    /// Signal programs: `NAME.tll.xml`.
    pub signals: String,
    /// `NAME.netccfg`: `netconvert -c NAME.netccfg` writes `NAME.net.xml`.
    pub configuration: String,
}

/// The map for SUMO, under a file name without ending that the configuration is to use.
///
/// Ids are the map's own; where the map ends a node is named after the link. Coordinates are the map's local frame,
/// which `netconvert` is told to keep. SUMO numbers lanes from the kerb, so that its lane 0 is our outermost. Signal
/// programs begin as if SUMO's time 0 were midnight of 1970-01-01 UTC; whoever runs SUMO at another time sets them.
#[must_use]
pub fn sumo_files(map: &Map, name: &str) -> SumoFiles {
    SumoFiles {
        nodes: nodes(map),
        edges: edges::edges(map),
        connections: connections::connections(map),
        signals: signals::signals(map),
        configuration: configuration(name),
    }
}

fn nodes(map: &Map) -> String {
    let mut xml = document(map, "nodes");
    let proj = proj_string(&map.frame);
    let bounds = bounds(map);
    let boundary = bounds.map(|x| crate::xml::decimal(x, 2)).join(",");
    xml.leaf(
        "location",
        &[
            ("netOffset", Value::Text("0.00,0.00")),
            ("convBoundary", Value::Text(&boundary)),
            ("origBoundary", Value::Text("-180.00,-90.00,180.00,90.00")),
            ("projParameter", Value::Text(&proj)),
        ],
    );
    for junction in &map.junctions {
        let kind = match &junction.control {
            Control::Signals(_) => "traffic_light",
            Control::Priority => "priority",
            Control::Uncontrolled => "right_before_left",
        };
        // Where a road just ends and turns back, SUMO would draw its lanes out to the middle.
        let at = match (junction.incoming.as_slice(), junction.outgoing.as_slice()) {
            ([only], [_]) if map.link(*only).opposite == junction.outgoing.first().copied() => {
                map.link(*only).line.end()
            }
            _ => junction.centre,
        };
        let id = Value::Text(&junction.id.0);
        let mut attributes = vec![("id", id), ("x", metres(at.x)), ("y", metres(at.y)), ("type", Value::Text(kind))];
        if kind == "traffic_light" {
            attributes.push(("tl", Value::Text(&junction.id.0)));
        }
        let outline = shape(&outline(map, junction));
        if junction.incoming.len() + junction.outgoing.len() > 2 {
            attributes.push(("shape", Value::Text(&outline)));
        }
        xml.leaf("node", &attributes);
    }
    for (k, link) in map.links.iter().enumerate() {
        let ends = [(link.from.is_none(), link.line.start()), (link.to.is_none(), link.line.end())];
        for (which, (open, at)) in ends.into_iter().enumerate() {
            if open && is_first_at_edge(map, LinkIx(k as u32), which == 1) {
                let id = edge_node(map, LinkIx(k as u32), which == 1);
                let place = [("x", metres(at.x)), ("y", metres(at.y))];
                let [x, y] = place;
                xml.leaf("node", &[("id", Value::Text(&id)), x, y, ("type", Value::Text("dead_end"))]);
            }
        }
    }
    xml.finish()
}

/// A junction's outline: the corners of all mouths around it. Left to itself netconvert takes a larger one where roads
/// meet at a sharp angle, and cuts their lanes short.
fn outline(map: &Map, junction: &Junction) -> Vec<Point> {
    let mut corners = Vec::new();
    let ends =
        junction.incoming.iter().map(|link| (link, true)).chain(junction.outgoing.iter().map(|link| (link, false)));
    for (link, at_end) in ends {
        let lanes = &map.link(*link).lanes;
        for (lane, side) in [(lanes.first(), 0.5), (lanes.last(), -0.5)] {
            let Some(lane) = lane.map(|lane| map.lane(*lane)) else { continue };
            let at_m = if at_end { lane.centre.length_m() } else { 0.0 };
            let (place, along) = (lane.centre.point_at(at_m), lane.centre.direction_at(at_m));
            corners.push(place + Vector::new(-along.y, along.x) * (side * lane.width_m));
        }
    }
    let count = corners.len().max(1) as f64;
    let middle = Point::from(corners.iter().map(|p| p.coords).sum::<Vector>() / count);
    let angle = |p: &Point| libm::atan2(p.y - middle.y, p.x - middle.x);
    corners.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
    corners
}

/// The node where a link meets the edge of the map, shared with its opposite.
fn edge_node(map: &Map, link: LinkIx, at_end: bool) -> String {
    let this = map.link(link);
    match this.opposite {
        Some(opposite) if opposite < link => edge_node_of(&map.link(opposite).id, !at_end),
        _ => edge_node_of(&this.id, at_end),
    }
}

fn edge_node_of(link: &str, at_end: bool) -> String {
    format!("{}.{}", link, if at_end { "end" } else { "start" })
}

fn is_first_at_edge(map: &Map, link: LinkIx, at_end: bool) -> bool {
    map.link(link).opposite.is_none_or(|opposite| {
        let other = map.link(opposite);
        let open = if at_end { other.from.is_none() } else { other.to.is_none() };
        link < opposite || !open
    })
}

/// Least and greatest x and y of all lanes, metres: west, south, east, north.
fn bounds(map: &Map) -> [f64; 4] {
    let points = map.lanes.iter().flat_map(|lane| lane.centre.points());
    points.fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |b, p| {
        [b[0].min(p.x), b[1].min(p.y), b[2].max(p.x), b[3].max(p.y)]
    })
}

fn document(map: &Map, root: &'static str) -> Xml {
    let mut xml = Xml::new();
    xml.comment(&format!("{} {}; {}", map.name, map.version, map.credit));
    xml.begin(root, &[]);
    xml
}

fn metres(x: f64) -> Value<'static> {
    Value::Number(x, 3)
}

fn shape(points: &[Point]) -> String {
    let place = |p: &Point| format!("{},{}", crate::xml::decimal(p.x, 3), crate::xml::decimal(p.y, 3));
    points.iter().map(place).collect::<Vec<_>>().join(" ")
}

/// SUMO's number of a lane on its link: counted from the kerb.
pub(crate) fn lane_number(map: &Map, lane: jxz_map::LaneIx) -> Option<(LinkIx, usize)> {
    let link = map.lane(lane).link?;
    let lanes = &map.link(link).lanes;
    let place = lanes.iter().position(|l| *l == lane)?;
    Some((link, lanes.len() - 1 - place))
}

/// Whether people walk on a lane.
fn is_footway(kind: LaneKind) -> bool {
    kind == LaneKind::Footway
}

fn configuration(name: &str) -> String {
    let mut xml = Xml::new();
    xml.begin("configuration", &[]);
    let file = |ending: &str| format!("{name}.{ending}");
    let inputs = [
        ("node-files", file("nod.xml")),
        ("edge-files", file("edg.xml")),
        ("connection-files", file("con.xml")),
        ("tllogic-files", file("tll.xml")),
        ("output-file", file("net.xml")),
    ];
    for (key, value) in &inputs {
        xml.leaf(key, &[("value", Value::Text(value))]);
    }
    // Our coordinates stay; nothing is guessed that the files do not say; people on foot get their corners.
    let options = [
        ("offset.disable-normalization", "true"),
        ("no-turnarounds", "true"),
        ("walkingareas", "true"),
        ("junctions.limit-turn-speed", "-1"),
        ("tls.rebuild", "false"),
    ];
    for (key, value) in options {
        xml.leaf(key, &[("value", Value::Text(value))]);
    }
    xml.finish()
}

//! A network as the text of a map's folder.

use super::network::{NetLane, NetLink, NetWay, Network, reference_line};
use crate::xml::decimal;
use core::fmt::Write as _;
use jxz_geo::{LocalFrame, Point, Polyline};
use jxz_map::LaneKind;

/// The plan of a junction of which only is known that it has signals: one approach after the other.
const GREEN_S: f64 = 20.0;
const YELLOW_S: f64 = 3.0;
const ALL_RED_S: f64 = 2.0;

pub(super) fn map_toml(name: &str, frame: &LocalFrame) -> String {
    let (name, origin) = (quoted(name), frame.origin());
    format!(
        "# Made from an OpenDRIVE file. Lanes stand in lanes.toml; sites.toml and base-stations.toml may be added.\n\n\
         name = {name}\nedition = \"1\"\ncredit = \"\"\n\n[frame]\nlat_deg = {:?}\nlon_deg = {:?}\n\n[speed_limits_kmh]\n",
        origin.lat_deg, origin.lon_deg
    )
}

pub(super) fn lanes_toml(network: &Network) -> String {
    let mut out =
        String::from("# Lanes as they were in an OpenDRIVE file. Metres east and north of the frame's origin.\n");
    for junction in 0..network.junctions.len() {
        push_junction(&mut out, network, junction);
    }
    for link in 0..network.links.len() {
        push_link(&mut out, network, link);
    }
    push_ways(&mut out, network);
    for (k, crossing) in network.crossings.iter().enumerate() {
        let (width, line) = (decimal(crossing.width_m, 3), places(&crossing.line));
        line_to(&mut out, format_args!("\n[[crossing]]\nid = \"crossing-{k}\"\nwidth_m = {width}"));
        line_to(&mut out, format_args!("control = \"yield\"\nline_m = {line}"));
    }
    out
}

/// Writing to a string cannot fail.
fn line_to(out: &mut String, line: core::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{line}");
}

fn push_junction(out: &mut String, network: &Network, index: usize) {
    let junction = &network.junctions[index];
    let control = if junction.signalled.is_empty() { "uncontrolled" } else { "signals" };
    line_to(out, format_args!("\n[[junction]]\nid = {}\nnode_id = {}", quoted(&junction.id), index + 1));
    line_to(out, format_args!("at_m = {}\ncontrol = \"{control}\"", place(&junction.centre)));
    if junction.signalled.is_empty() {
        return;
    }
    line_to(out, format_args!("[junction.plan]\noffset_s = 0\nstages = ["));
    let phases: Vec<usize> = (0..junction.signalled.len()).filter(|k| is_used(network, index, *k)).collect();
    for phase in phases {
        let times = format!("green_s = {GREEN_S:?}, yellow_s = {YELLOW_S:?}, all_red_s = {ALL_RED_S:?}");
        // Where an approach's own ways cross, who gives way is told apart.
        let link = network.junctions[index].signalled[phase];
        let permissive = if crosses_itself(network, index, link) {
            format!("permissive = [{}], ", phase + 1)
        } else {
            String::new()
        };
        line_to(out, format_args!("    {{ green = [{}], {permissive}{times} }},", phase + 1));
    }
    line_to(out, format_args!("]"));
}

/// Whether an approach has a way that its phase lets go.
fn is_used(network: &Network, junction: usize, approach: usize) -> bool {
    let link = network.junctions[junction].signalled[approach];
    let drives = |at: (usize, usize)| network.links[at.0].lanes[at.1].kind != LaneKind::Footway;
    network.ways.iter().any(|way| way.junction == junction && way.from.0 == link && drives(way.from))
}

/// Whether two ways of one approach cross or meet.
fn crosses_itself(network: &Network, junction: usize, link: usize) -> bool {
    let drives = |at: (usize, usize)| network.links[at.0].lanes[at.1].kind != LaneKind::Footway;
    let ways: Vec<&NetWay> =
        network.ways.iter().filter(|way| way.junction == junction && way.from.0 == link && drives(way.from)).collect();
    let crossed = |a: &NetWay, b: &NetWay| a.from != b.from && (a.to == b.to || meet(&a.centre, &b.centre));
    ways.iter().enumerate().any(|(k, a)| ways[k + 1..].iter().any(|b| crossed(a, b)))
}

/// Whether two lines have a point in common.
fn meet(a: &Polyline, b: &Polyline) -> bool {
    let side = |p: Point, q: Point, r: Point| (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
    let apart = |p: Point, q: Point, r: Point, s: Point| side(p, q, r) * side(p, q, s) > 0.0;
    a.points()
        .windows(2)
        .any(|p| b.points().windows(2).any(|q| !apart(p[0], p[1], q[0], q[1]) && !apart(q[0], q[1], p[0], p[1])))
}

fn push_link(out: &mut String, network: &Network, index: usize) {
    let link = &network.links[index];
    let Some(first) = link.lanes.first() else { return };
    line_to(out, format_args!("\n[[link]]\nid = {}", quoted(&link.id)));
    if !link.name.is_empty() {
        line_to(out, format_args!("name_zh = {}", quoted(&link.name)));
    }
    for (key, junction) in [("from", link.from), ("to", link.to)] {
        if let Some(junction) = junction {
            line_to(out, format_args!("{key} = {}", quoted(&network.junctions[junction].id)));
        }
    }
    if let Some(opposite) = link.opposite {
        line_to(out, format_args!("opposite = {}", quoted(&network.links[opposite].id)));
    }
    line_to(out, format_args!("speed_limit_kmh = {}", kmh(fastest(link))));
    line_to(out, format_args!("line_m = {}", places(&reference_line(first))));
    for lane in &link.lanes {
        push_lane(out, network, lane);
    }
}

fn push_lane(out: &mut String, network: &Network, lane: &NetLane) {
    let kind = match lane.kind {
        LaneKind::Driving => "driving",
        LaneKind::Cycle => "cycle",
        LaneKind::Footway => "footway",
    };
    line_to(out, format_args!("[[link.lane]]\nkind = \"{kind}\"\nwidth_m = {}", decimal(lane.width_m, 3)));
    line_to(out, format_args!("speed_limit_kmh = {}", kmh(lane.speed_mps)));
    if let Some(at) = lane.stop_line_m {
        line_to(out, format_args!("stop_line_m = {}", decimal(at, 3)));
    }
    line_to(out, format_args!("centre_m = {}", places(&lane.centre)));
    if !lane.then.is_empty() {
        let then: Vec<String> = lane.then.iter().map(|at| quoted(&lane_id(network, *at))).collect();
        line_to(out, format_args!("then = [{}]", then.join(", ")));
    }
}

fn push_ways(out: &mut String, network: &Network) {
    for way in &network.ways {
        let junction = &network.junctions[way.junction];
        line_to(out, format_args!("\n[[way]]\njunction = {}", quoted(&junction.id)));
        let ends = [way.from, way.to].map(|at| quoted(&lane_id(network, at)));
        line_to(out, format_args!("from = {}\nto = {}", ends[0], ends[1]));
        let drives = network.links[way.from.0].lanes[way.from.1].kind != LaneKind::Footway;
        if let Some(phase) = junction.signalled.iter().position(|link| *link == way.from.0).filter(|_| drives) {
            line_to(out, format_args!("phase = {}", phase + 1));
        }
        line_to(out, format_args!("width_m = {}", decimal(way.width_m, 3)));
        line_to(out, format_args!("speed_limit_kmh = {}", kmh(way.speed_mps)));
        line_to(out, format_args!("centre_m = {}", places(&way.centre)));
    }
}

fn lane_id(network: &Network, (link, position): (usize, usize)) -> String {
    format!("{}:{position}", network.links[link].id)
}

fn fastest(link: &NetLink) -> f64 {
    link.lanes.iter().map(|lane| lane.speed_mps).fold(0.0, f64::max)
}

fn kmh(mps: f64) -> String {
    decimal((mps * 3.6).clamp(1.0, 300.0), 3)
}

fn place(p: &Point) -> String {
    format!("[{}, {}]", decimal(p.x, 4), decimal(p.y, 4))
}

fn places(line: &Polyline) -> String {
    let points: Vec<String> = line.points().iter().map(place).collect();
    format!("[{}]", points.join(", "))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

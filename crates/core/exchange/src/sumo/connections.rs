//! Ways through junctions as SUMO's connections, and pedestrian crossings.

use super::signals::{Controlled, controlled};
use super::{document, lane_number, shape};
use crate::xml::{Value, Xml};
use jxz_map::{CrossingControl, CrossingIx, JunctionIx, LaneIx, LaneKind, LinkIx, Map};
use std::collections::BTreeSet;

pub(super) fn connections(map: &Map) -> String {
    let mut xml = document(map, "connections");
    let mut joined: BTreeSet<LinkIx> = BTreeSet::new();
    for (k, junction) in map.junctions.iter().enumerate() {
        let controlled = controlled(map, JunctionIx(k as u32));
        let number = |wanted: Controlled| controlled.iter().position(|which| *which == wanted);
        for lane in &junction.connectors {
            joined.extend(connection(&mut xml, map, *lane));
        }
        for crossing in &junction.crossings {
            let signal = number(Controlled::Crossing(*crossing));
            crossing_of(&mut xml, map, JunctionIx(k as u32), *crossing, signal);
        }
    }
    // Where nobody may go on, nothing is to be guessed.
    for (k, link) in map.links.iter().enumerate() {
        if link.to.is_some() && !joined.contains(&LinkIx(k as u32)) {
            xml.leaf("connection", &[("from", Value::Text(&link.id))]);
        }
    }
    xml.finish()
}

/// One way for vehicles; the link that it leaves. Those on foot go by SUMO's own walking areas.
fn connection(xml: &mut Xml, map: &Map, lane: LaneIx) -> Option<LinkIx> {
    let way = map.lane(lane);
    if way.kind == LaneKind::Footway {
        return None;
    }
    let mut attributes = ends_of(map, lane)?;
    let line = shape(way.centre.points());
    attributes.push(("speed", Value::Number(way.speed_limit_mps, 3)));
    attributes.push(("shape", Value::Text(&line)));
    xml.leaf("connection", &attributes);
    map.lane(*way.predecessors.first()?).link
}

/// What names a way: the edges and the lanes that it joins.
pub(super) fn ends_of(map: &Map, lane: LaneIx) -> Option<Vec<(&'static str, Value<'_>)>> {
    let way = map.lane(lane);
    let (from, from_lane) = lane_number(map, *way.predecessors.first()?)?;
    let (to, to_lane) = lane_number(map, *way.successors.first()?)?;
    Some(vec![
        ("from", Value::Text(map.link(from).id.as_str())),
        ("to", Value::Text(map.link(to).id.as_str())),
        ("fromLane", Value::Count(from_lane)),
        ("toLane", Value::Count(to_lane)),
    ])
}

fn crossing_of(xml: &mut Xml, map: &Map, junction: JunctionIx, crossing: CrossingIx, signal: Option<usize>) {
    let this = map.crossing(crossing);
    let mut links: Vec<LinkIx> = this.lanes.iter().filter_map(|(lane, ..)| map.lane(*lane).link).collect();
    links.sort();
    links.dedup();
    // SUMO lets people on foot reach a crossing only from pavements.
    let paved = |link: &LinkIx| map.link(*link).lanes.iter().any(|lane| map.lane(*lane).kind == LaneKind::Footway);
    if links.is_empty() || !links.iter().any(paved) {
        return;
    }
    let edges = links.iter().map(|link| map.link(*link).id.as_str()).collect::<Vec<_>>().join(" ");
    let line = shape(this.line.points());
    let mut attributes = vec![
        ("node", Value::Text(map.junction(junction).id.0.as_str())),
        ("edges", Value::Text(&edges)),
        ("width", Value::Number(this.width_m, 2)),
        ("shape", Value::Text(&line)),
    ];
    if this.control == Some(CrossingControl::Yield) {
        attributes.push(("priority", Value::Text("true")));
    }
    if let Some(signal) = signal {
        attributes.push(("linkIndex", Value::Count(signal)));
    }
    xml.leaf("crossing", &attributes);
}

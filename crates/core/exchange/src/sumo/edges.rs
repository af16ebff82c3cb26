//! Links and their lanes as SUMO's edges.

use super::{document, edge_node, is_footway, metres, shape};
use crate::xml::Value;
use jxz_map::{Control, Lane, LaneKind, LinkIx, Map};

/// Who may use a driving lane.
const MOTOR: &str = "private emergency authority army vip passenger hov taxi bus coach delivery truck trailer motorcycle moped evehicle custom1 custom2";

pub(super) fn edges(map: &Map) -> String {
    let mut xml = document(map, "edges");
    for (k, link) in map.links.iter().enumerate() {
        let ix = LinkIx(k as u32);
        let node = |junction: Option<jxz_map::JunctionIx>, at_end: bool| match junction {
            Some(junction) => map.junction(junction).id.0.clone(),
            None => edge_node(map, ix, at_end),
        };
        let (from, to) = (node(link.from, false), node(link.to, true));
        let lanes: Vec<&Lane> = link.lanes.iter().rev().map(|lane| map.lane(*lane)).collect();
        let (line, priority) = (shape(link.line.points()), priority(map, ix));
        let side = if link.opposite.is_some() { "right" } else { "center" };
        let mut attributes = vec![
            ("id", Value::Text(link.id.as_str())),
            ("from", Value::Text(&from)),
            ("to", Value::Text(&to)),
            ("priority", Value::Count(priority)),
            ("numLanes", Value::Count(lanes.len())),
            ("speed", Value::Number(link.speed_limit_mps, 3)),
            ("length", metres(link.line.length_m())),
            ("spreadType", Value::Text(side)),
            ("shape", Value::Text(&line)),
        ];
        if !link.name_zh.is_empty() {
            attributes.push(("name", Value::Text(&link.name_zh)));
        }
        xml.begin("edge", &attributes);
        for (index, lane) in lanes.into_iter().enumerate() {
            let (speed, centre) = (lane.speed_limit_mps, shape(lane.centre.points()));
            xml.leaf(
                "lane",
                &[
                    ("index", Value::Count(index)),
                    ("allow", Value::Text(users(lane.kind))),
                    ("width", metres(lane.width_m)),
                    ("speed", Value::Number(speed, 3)),
                    ("shape", Value::Text(&centre)),
                ],
            );
        }
        xml.end();
    }
    xml.finish()
}

fn users(kind: LaneKind) -> &'static str {
    match kind {
        LaneKind::Driving => MOTOR,
        LaneKind::Cycle => "bicycle",
        LaneKind::Footway => "pedestrian",
    }
}

/// Who goes first where no signals say it: a link that has a stop line gives way to one that has none.
fn priority(map: &Map, link: LinkIx) -> usize {
    let this = map.link(link);
    let by_rule = this.to.is_some_and(|to| matches!(map.junction(to).control, Control::Priority));
    let lanes = || this.lanes.iter().map(|lane| map.lane(*lane)).filter(|lane| !is_footway(lane.kind));
    match by_rule {
        true if lanes().any(|lane| lane.stop_line_m.is_some()) => 1,
        true => 9,
        false => 5,
    }
}

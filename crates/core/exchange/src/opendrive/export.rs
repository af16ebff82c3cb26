//! Our map as an OpenDRIVE document.

use super::plan_view::PlanView;
use super::road::{Section, Strip, type_of};
use crate::projection::proj_string;
use crate::xml::{Value, Xml};
use jxz_map::{Control, CrossingIx, JunctionIx, LaneIx, LinkIx, Map};
use jxz_world::PhaseId;
use std::collections::BTreeMap;

/// What OpenDRIVE calls a three-coloured signal head.
const SIGNAL_TYPE: &str = "1000001";

/// A link on its road.
struct Place {
    road: usize,
    forward: bool,
}

/// A signal head: for which phase of which junction, where over its road, and for which of its lanes.
struct Head {
    junction: JunctionIx,
    phase: PhaseId,
    s_m: f64,
    t_m: f64,
    forward: bool,
    /// OpenDRIVE's number.
    lane: i64,
}

/// What the parts of the document need to know of each other.
struct Book<'a> {
    map: &'a Map,
    sections: Vec<Section>,
    /// By link.
    places: Vec<Place>,
    /// Signal ids by junction and phase.
    heads: BTreeMap<(JunctionIx, PhaseId), Vec<usize>>,
    next_head: usize,
}

/// The map as OpenDRIVE 1.7. A road and its two links have one reference line; each way through a junction is a road
/// of its own. What OpenDRIVE cannot say is left out: the times of signal plans, bus stops, sites, base stations; and heights, which
/// the map does not have.
#[must_use]
pub fn export(map: &Map) -> String {
    let mut book = Book { map, sections: Vec::new(), places: Vec::new(), heads: BTreeMap::new(), next_head: 1 };
    book.lay_out();
    let mut xml = Xml::new();
    xml.comment(&map.credit);
    xml.begin("OpenDRIVE", &[]);
    header(&mut xml, map);
    for road in 0..book.sections.len() {
        book.road(&mut xml, road);
    }
    let mut ways = Vec::new();
    for junction in &map.junctions {
        for lane in &junction.connectors {
            ways.push(*lane);
        }
    }
    for (k, lane) in ways.iter().enumerate() {
        book.way(&mut xml, book.sections.len() + k, *lane);
    }
    book.controllers(&mut xml);
    book.junctions(&mut xml, &ways);
    xml.finish()
}

fn header(xml: &mut Xml, map: &Map) {
    let points = || map.lanes.iter().flat_map(|lane| lane.centre.points());
    let least = |of: fn(&jxz_geo::Point) -> f64| Value::Number(points().map(of).fold(f64::INFINITY, f64::min), 3);
    let most = |of: fn(&jxz_geo::Point) -> f64| Value::Number(points().map(of).fold(f64::NEG_INFINITY, f64::max), 3);
    xml.begin(
        "header",
        &[
            ("revMajor", Value::Count(1)),
            ("revMinor", Value::Count(7)),
            ("name", Value::Text(&map.name)),
            ("version", Value::Text(&map.version)),
            ("north", most(|p| p.y)),
            ("south", least(|p| p.y)),
            ("east", most(|p| p.x)),
            ("west", least(|p| p.x)),
            ("vendor", Value::Text("Jiangxin")),
        ],
    );
    xml.cdata("geoReference", &proj_string(&map.frame));
    xml.end();
}

impl Book<'_> {
    fn lay_out(&mut self) {
        self.places = self.map.links.iter().map(|_| Place { road: usize::MAX, forward: true }).collect();
        for k in 0..self.map.links.len() {
            if self.places[k].road != usize::MAX {
                continue;
            }
            let section = Section::of(self.map, LinkIx(k as u32));
            let road = self.sections.len();
            self.places[k] = Place { road, forward: true };
            if let Some(backward) = section.backward {
                self.places[backward.0 as usize] = Place { road, forward: false };
            }
            self.sections.push(section);
        }
    }

    fn road(&mut self, xml: &mut Xml, road: usize) {
        let link = self.map.link(self.sections[road].forward);
        let plan = PlanView::of(&link.line);
        let name = link.id.trim_end_matches(":f");
        xml.begin(
            "road",
            &[
                ("name", Value::Text(name)),
                ("length", Value::Number(plan.length_m(), 9)),
                ("id", Value::Count(road)),
                ("junction", Value::Text("-1")),
                ("rule", Value::Text("RHT")),
            ],
        );
        xml.begin("link", &[]);
        for (end, junction) in [("predecessor", link.from), ("successor", link.to)] {
            if let Some(junction) = junction {
                let id = Value::Count(junction.0 as usize);
                xml.leaf(end, &[("elementType", Value::Text("junction")), ("elementId", id)]);
            }
        }
        xml.end();
        xml.begin("type", &[("s", Value::Count(0)), ("type", Value::Text("town"))]);
        xml.leaf("speed", &[("max", Value::Number(link.speed_limit_mps, 4)), ("unit", Value::Text("m/s"))]);
        xml.end();
        plan.write(xml);
        let section = &self.sections[road];
        begin_lanes(xml, section.offset_m);
        self.side(xml, "left", &section.left);
        xml.begin("center", &[]);
        xml.leaf("lane", &[("id", Value::Count(0)), ("type", Value::Text("none")), ("level", Value::Text("false"))]);
        xml.end();
        self.side(xml, "right", &section.right);
        xml.end();
        xml.end();
        self.crossings(xml, road, &plan);
        self.heads(xml, road, &plan);
        xml.end();
    }

    fn side(&self, xml: &mut Xml, side: &'static str, strips: &[Strip]) {
        if strips.is_empty() {
            return;
        }
        xml.begin(side, &[]);
        // Within a side OpenDRIVE writes lanes from left to right.
        let mut numbers: Vec<usize> = (0..strips.len()).collect();
        if side == "left" {
            numbers.reverse();
        }
        for k in numbers {
            let strip = strips[k];
            let number = (k as i64 + 1) * if side == "left" { 1 } else { -1 };
            let kind = strip.lane.map_or("none", |lane| type_of(self.map.lane(lane).kind));
            lane(
                xml,
                number,
                kind,
                strip.width_m,
                strip.lane.map(|lane| self.map.lane(lane).speed_limit_mps),
                (None, None),
            );
        }
        xml.end();
    }

    /// A way through a junction, a road of one lane.
    fn way(&self, xml: &mut Xml, id: usize, ix: LaneIx) {
        let way = self.map.lane(ix);
        let Some(movement) = &way.movement else { return };
        let plan = PlanView::of(&way.centre);
        xml.begin(
            "road",
            &[
                ("name", Value::Text(&way.id)),
                ("length", Value::Number(plan.length_m(), 9)),
                ("id", Value::Count(id)),
                ("junction", Value::Count(movement.junction.0 as usize)),
                ("rule", Value::Text("RHT")),
            ],
        );
        let ends = [way.predecessors.first().copied(), way.successors.first().copied()];
        xml.begin("link", &[]);
        let mut numbers = [None, None];
        for (k, (name, lane)) in ["predecessor", "successor"].into_iter().zip(ends).enumerate() {
            let Some((road, forward, number)) = lane.and_then(|lane| self.place(lane)) else { continue };
            // A link that runs along its road is left at the road's end and entered at its start.
            let contact = if forward == (k == 0) { "end" } else { "start" };
            numbers[k] = Some(number);
            let element = [("elementType", Value::Text("road")), ("elementId", Value::Count(road))];
            let [kind, element] = element;
            xml.leaf(name, &[kind, element, ("contactPoint", Value::Text(contact))]);
        }
        xml.end();
        plan.write(xml);
        begin_lanes(xml, way.width_m / 2.0);
        xml.begin("center", &[]);
        xml.leaf("lane", &[("id", Value::Count(0)), ("type", Value::Text("none")), ("level", Value::Text("false"))]);
        xml.end();
        xml.begin("right", &[]);
        let kind = type_of(way.kind);
        lane(xml, -1, kind, way.width_m, Some(way.speed_limit_mps), (numbers[0], numbers[1]));
        for _ in 0..4 {
            xml.end();
        }
    }

    /// A lane's road, whether its link runs along that road, and its number there.
    fn place(&self, lane: LaneIx) -> Option<(usize, bool, i64)> {
        let place = &self.places[self.map.lane(lane).link?.0 as usize];
        Some((place.road, place.forward, self.sections[place.road].number(lane)?))
    }

    fn crossings(&self, xml: &mut Xml, road: usize, plan: &PlanView) {
        let section = &self.sections[road];
        let line = &self.map.link(section.forward).line;
        let links = [Some(section.forward), section.backward];
        let lanes = links.into_iter().flatten().flat_map(|link| &self.map.link(link).lanes);
        let mut over: Vec<CrossingIx> =
            lanes.flat_map(|lane| self.map.lane(*lane).crossings.iter().map(|(crossing, _)| *crossing)).collect();
        over.sort();
        over.dedup();
        if over.is_empty() {
            return;
        }
        xml.begin("objects", &[]);
        for ix in over {
            let crossing = self.map.crossing(ix);
            let (middle, along) =
                (crossing.line.point_at(crossing.line.length_m() / 2.0), crossing.line.direction_at(0.0));
            let foot = line.project(middle);
            let beside = line.direction_at(foot.s_m);
            let turned = libm::atan2(beside.x * along.y - beside.y * along.x, beside.dot(&along));
            let (s_m, t_m) = plan.place_of(middle);
            xml.leaf(
                "object",
                &[
                    ("id", Value::Count(ix.0 as usize)),
                    ("name", Value::Text(&crossing.id)),
                    ("type", Value::Text("crosswalk")),
                    ("s", Value::Number(s_m, 6)),
                    ("t", Value::Number(t_m, 6)),
                    ("zOffset", Value::Count(0)),
                    ("orientation", Value::Text("none")),
                    ("hdg", Value::Number(turned, 9)),
                    ("length", Value::Number(crossing.line.length_m(), 6)),
                    ("width", Value::Number(crossing.width_m, 6)),
                    ("height", Value::Count(0)),
                ],
            );
        }
        xml.end();
    }

    /// Signal heads over a road's stop lines, one a lane and phase.
    fn heads_of(&self, road: usize, plan: &PlanView) -> Vec<Head> {
        let section = &self.sections[road];
        let mut heads = Vec::new();
        for (link, forward) in [(Some(section.forward), true), (section.backward, false)] {
            let Some(link) = link.map(|ix| self.map.link(ix)) else { continue };
            let Some(junction) = link.to.filter(|ix| matches!(self.map.junction(*ix).control, Control::Signals(_)))
            else {
                continue;
            };
            for ix in &link.lanes {
                let (lane, Some(number)) = (self.map.lane(*ix), section.number(*ix)) else { continue };
                let stop = lane.centre.point_at(lane.stop_line_m.unwrap_or(lane.centre.length_m()));
                let (s_m, t_m) = plan.place_of(stop);
                let ways = lane.successors.iter().filter_map(|way| self.map.lane(*way).movement.as_ref());
                let mut phases: Vec<PhaseId> = ways.filter_map(|movement| movement.phase).collect();
                phases.sort();
                phases.dedup();
                let head = |phase| Head { junction, phase, s_m, t_m, forward, lane: number };
                heads.extend(phases.into_iter().map(head));
            }
        }
        heads
    }

    fn heads(&mut self, xml: &mut Xml, road: usize, plan: &PlanView) {
        let heads = self.heads_of(road, plan);
        if heads.is_empty() {
            return;
        }
        xml.begin("signals", &[]);
        for head in heads {
            let id = self.next_head;
            self.next_head += 1;
            self.heads.entry((head.junction, head.phase)).or_default().push(id);
            let name = format!("{} {}", self.map.junction(head.junction).id, head.phase.0);
            xml.begin(
                "signal",
                &[
                    ("id", Value::Count(id)),
                    ("name", Value::Text(&name)),
                    ("s", Value::Number(head.s_m, 6)),
                    ("t", Value::Number(head.t_m, 6)),
                    ("dynamic", Value::Text("yes")),
                    ("orientation", Value::Text(if head.forward { "+" } else { "-" })),
                    ("zOffset", Value::Number(4.5, 1)),
                    ("country", Value::Text("OpenDRIVE")),
                    ("type", Value::Text(SIGNAL_TYPE)),
                    ("subtype", Value::Text("-1")),
                    ("value", Value::Text("-1")),
                    ("height", Value::Number(0.9, 1)),
                    ("width", Value::Number(0.3, 1)),
                ],
            );
            let lane = head.lane.to_string();
            xml.leaf("validity", &[("fromLane", Value::Text(&lane)), ("toLane", Value::Text(&lane))]);
            xml.end();
        }
        xml.end();
    }

    fn controllers(&self, xml: &mut Xml) {
        for (id, ((junction, phase), heads)) in self.heads.iter().enumerate() {
            let name = format!("{} {}", self.map.junction(*junction).id, phase.0);
            xml.begin("controller", &[("id", Value::Count(id)), ("name", Value::Text(&name))]);
            for head in heads {
                xml.leaf("control", &[("signalId", Value::Count(*head)), ("type", Value::Text("phase"))]);
            }
            xml.end();
        }
    }

    fn junctions(&self, xml: &mut Xml, ways: &[LaneIx]) {
        for (k, junction) in self.map.junctions.iter().enumerate() {
            let id = Value::Count(k);
            xml.begin(
                "junction",
                &[("name", Value::Text(&junction.id.0)), ("id", id), ("type", Value::Text("default"))],
            );
            let mut number = 0;
            for (way, lane) in ways.iter().enumerate().filter(|(_, lane)| junction.connectors.contains(lane)) {
                let from = self.map.lane(*lane).predecessors.first().and_then(|from| self.place(*from));
                let Some((road, _, from)) = from else { continue };
                let from = from.to_string();
                xml.begin(
                    "connection",
                    &[
                        ("id", Value::Count(number)),
                        ("incomingRoad", Value::Count(road)),
                        ("connectingRoad", Value::Count(self.sections.len() + way)),
                        ("contactPoint", Value::Text("start")),
                    ],
                );
                xml.leaf("laneLink", &[("from", Value::Text(&from)), ("to", Value::Text("-1"))]);
                xml.end();
                number += 1;
            }
            for (id, (of, _)) in self.heads.keys().enumerate() {
                if of.0 as usize == k {
                    xml.leaf("controller", &[("id", Value::Count(id)), ("type", Value::Text("phase"))]);
                }
            }
            xml.end();
        }
    }
}

fn begin_lanes(xml: &mut Xml, offset_m: f64) {
    let zero = || Value::Count(0);
    xml.begin("lanes", &[]);
    let a = Value::Number(offset_m, 6);
    xml.leaf("laneOffset", &[("s", zero()), ("a", a), ("b", zero()), ("c", zero()), ("d", zero())]);
    xml.begin("laneSection", &[("s", zero())]);
}

fn lane(
    xml: &mut Xml,
    number: i64,
    kind: &str,
    width_m: f64,
    speed_mps: Option<f64>,
    (from, to): (Option<i64>, Option<i64>),
) {
    let (zero, id) = (|| Value::Count(0), number.to_string());
    xml.begin("lane", &[("id", Value::Text(&id)), ("type", Value::Text(kind)), ("level", Value::Text("false"))]);
    xml.begin("link", &[]);
    for (name, number) in [("predecessor", from), ("successor", to)] {
        if let Some(number) = number {
            let number = number.to_string();
            xml.leaf(name, &[("id", Value::Text(&number))]);
        }
    }
    xml.end();
    let a = Value::Number(width_m, 6);
    xml.leaf("width", &[("sOffset", zero()), ("a", a), ("b", zero()), ("c", zero()), ("d", zero())]);
    if let Some(speed_mps) = speed_mps {
        xml.leaf("speed", &[("sOffset", zero()), ("max", Value::Number(speed_mps, 4)), ("unit", Value::Text("m/s"))]);
    }
    xml.end();
}

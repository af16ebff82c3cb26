//! Where ways through a junction meet, and who gives way.

use crate::geometry::intersections;
use crate::load::Draft;
use crate::model::{Control, JunctionIx, LaneIx, LaneKind, Map, Turn};
use crate::movements::angle_between;
use crate::source::Source;
use jxz_geo::Polyline;
use std::collections::BTreeSet;

/// Two ways into one lane meet where they come this near, metres.
const MERGED_M: f64 = 1.0;

pub(crate) fn add_conflicts(source: &Source, draft: &mut Draft) {
    for index in 0..draft.map.junctions.len() {
        let junction = JunctionIx(index as u32);
        let written = source.junctions.data.junction.get(index).map_or(&[][..], |junction| &junction.main);
        let main: BTreeSet<usize> = written.iter().filter_map(|name| draft.road_ix.get(name).copied()).collect();
        let ways: Vec<Way> =
            draft.map.junctions[index].connectors.iter().filter_map(|lane| Way::of(draft, *lane, &main)).collect();
        for (k, a) in ways.iter().enumerate() {
            for b in &ways[k + 1..] {
                let Some((at_a, at_b)) = meeting(&draft.map, a, b) else { continue };
                let a_yields = yields(&draft.map, junction, a, b);
                record(&mut draft.map, a.lane, b.lane, (at_a, at_b), a_yields);
                record(&mut draft.map, b.lane, a.lane, (at_b, at_a), !a_yields);
            }
        }
    }
}

fn record(map: &mut Map, lane: LaneIx, other: LaneIx, (at, there): (f64, f64), gives_way: bool) {
    if let Some(movement) = &mut map.lanes[lane.0 as usize].movement {
        movement.conflicts.push((other, at, there));
        if gives_way {
            movement.yields_to.push(other);
        }
    }
}

/// What decides who gives way.
struct Way {
    lane: LaneIx,
    from: LaneIx,
    to: LaneIx,
    turn: Turn,
    motor: bool,
    main: bool,
    /// On red after giving way: never has priority over a stream with a phase of its own.
    heading: jxz_geo::Vector,
}

impl Way {
    fn of(draft: &Draft, lane: LaneIx, main: &BTreeSet<usize>) -> Option<Self> {
        let connector = draft.map.lane(lane);
        if connector.kind == LaneKind::Footway {
            return None;
        }
        let from = *connector.predecessors.first()?;
        let road = draft.link_road[draft.map.lane(from).link?.0 as usize];
        Some(Self {
            lane,
            from,
            to: *connector.successors.first()?,
            turn: connector.movement.as_ref()?.turn,
            motor: connector.kind == LaneKind::Driving,
            main: main.contains(&road),
            heading: connector.centre.direction_at(0.0),
        })
    }
}

fn meeting(map: &Map, a: &Way, b: &Way) -> Option<(f64, f64)> {
    if a.from == b.from {
        return None;
    }
    let (line_a, line_b) = (&map.lane(a.lane).centre, &map.lane(b.lane).centre);
    if a.to == b.to {
        return Some((joins_at(line_a, line_b), joins_at(line_b, line_a)));
    }
    intersections(line_a, line_b).first().copied()
}

/// Where along `a` it comes near `b` for good.
fn joins_at(a: &Polyline, b: &Polyline) -> f64 {
    let steps = (a.length_m() / 0.5).ceil().max(1.0) as usize;
    let at = |k: usize| a.length_m() * k as f64 / steps as f64;
    (0..=steps)
        .rev()
        .take_while(|k| b.project(a.point_at(at(*k))).distance_m < MERGED_M)
        .map(at)
        .last()
        .unwrap_or(at(steps))
}

/// Whether `a` gives way to `b`; exactly one of the two does.
fn yields(map: &Map, junction: JunctionIx, a: &Way, b: &Way) -> bool {
    if matches!(map.junction(junction).control, Control::Priority) && a.main != b.main {
        return b.main;
    }
    // Regulation on the road traffic safety law, articles 51 and 52: turning gives way to straight, right to left turns.
    let order = |turn: Turn| match turn {
        Turn::Straight => 0,
        Turn::Left => 1,
        Turn::Right => 2,
        Turn::UTurn => 3,
    };
    if order(a.turn) != order(b.turn) {
        return order(a.turn) > order(b.turn);
    }
    let from_same_side = angle_between(a.heading, b.heading).abs() < 0.3;
    if from_same_side && a.motor != b.motor {
        return a.motor;
    }
    let side = angle_between(a.heading, b.heading);
    if side.abs() > 0.3 && side.abs() < 2.9 {
        // Heading further left than ours: it comes from our right.
        return side > 0.0;
    }
    a.lane > b.lane
}

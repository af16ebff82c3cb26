//! Ways through junctions: which lane leads to which, and along which curve.

use crate::MapError;
use crate::load::Draft;
use crate::model::{JunctionIx, Lane, LaneIx, LaneKind, LinkIx, Movement, Turn};
use crate::signals::Phases;
use crate::source::{JunctionSource, Source};
use jxz_geo::{Point, Polyline, Vector};
use jxz_units::wrap_pi;
use std::collections::BTreeSet;
use std::f64::consts::PI;
use std::ops::Range;

/// Turning traffic may not exceed this (Regulation on the road traffic safety law, article 46), metres per second.
const TURNING_LIMIT_MPS: f64 = 30.0 / 3.6;
const STRAIGHT_RAD: f64 = PI / 6.0;

/// A way out of a junction for one way in.
#[derive(Debug, Clone, Copy)]
struct Exit {
    link: LinkIx,
    /// Change of direction, radians, left positive.
    angle: f64,
    turn: Turn,
    /// How lanes are assigned: the straightest way goes straight on, others branch off to their side.
    side: Turn,
}

pub(crate) fn add_connectors(source: &Source, draft: &mut Draft, phases: &Phases) -> Result<(), MapError> {
    for index in 0..draft.map.junctions.len() {
        let junction = JunctionIx(index as u32);
        let written = &source.junctions.data.junction[index];
        let rules = rules_of(source, draft, written)?;
        for incoming in draft.map.junction(junction).incoming.clone() {
            for kind in [LaneKind::Driving, LaneKind::Cycle] {
                connect(draft, junction, incoming, kind, &rules, phases);
            }
        }
        connect_footways(draft, junction);
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Rules {
    forbidden: BTreeSet<(usize, usize)>,
    u_turn: BTreeSet<usize>,
    signals: bool,
}

fn rules_of(source: &Source, draft: &Draft, written: &JunctionSource) -> Result<Rules, MapError> {
    let road = |name: &str| {
        draft.road_ix.get(name).copied().ok_or_else(|| {
            let problem = format!("road {name:?} is not in roads.toml");
            source.junctions.error("junction", &written.id, problem, "correct the name")
        })
    };
    let mut rules = Rules::default();
    for movement in &written.forbid {
        rules.forbidden.insert((road(&movement.from)?, road(&movement.to)?));
    }
    for name in &written.u_turn {
        rules.u_turn.insert(road(name)?);
    }
    for name in &written.main {
        road(name)?;
    }
    rules.signals = written.control == crate::source::ControlKind::Signals;
    Ok(rules)
}

fn lanes_of(draft: &Draft, link: LinkIx, kind: LaneKind) -> Vec<LaneIx> {
    draft.map.link(link).lanes.iter().copied().filter(|l| draft.map.lane(*l).kind == kind).collect()
}

fn connect(draft: &mut Draft, junction: JunctionIx, incoming: LinkIx, kind: LaneKind, rules: &Rules, phases: &Phases) {
    let from = lanes_of(draft, incoming, kind);
    if from.is_empty() {
        return;
    }
    let mut exits = exits_of(draft, junction, incoming, kind, rules);
    if kind == LaneKind::Cycle && rules.signals && exits.iter().any(|e| e.turn == Turn::Straight) {
        // At signals cyclists turn left in two steps, over the crossings: no way across the through lanes.
        exits.retain(|e| e.turn != Turn::Left);
    }
    let sides: BTreeSet<Turn> = exits.iter().map(|e| e.side).collect();
    let (from_road, count) = (draft.link_road[incoming.0 as usize], from.len());
    for exit in exits {
        let to = lanes_of(draft, exit.link, kind);
        let to_road = draft.link_road[exit.link.0 as usize];
        let phase = phases.of_movement.get(&(junction, from_road, to_road)).copied();
        for k in lanes_for(exit.side, count, &sides) {
            let target = match exit.side {
                Turn::Left | Turn::UTurn => k.min(to.len() - 1),
                Turn::Right => (to.len() + k).saturating_sub(count).min(to.len() - 1),
                Turn::Straight => straightest(draft, from[k], &to),
            };
            let movement = Movement {
                junction,
                turn: exit.turn,
                phase,
                on_red: exit.turn == Turn::Right && phase.is_some(),
                conflicts: Vec::new(),
                yields_to: Vec::new(),
            };
            add_connector(draft, from[k], to[target], movement);
        }
    }
}

fn exits_of(draft: &Draft, junction: JunctionIx, incoming: LinkIx, kind: LaneKind, rules: &Rules) -> Vec<Exit> {
    let map = &draft.map;
    let link = map.link(incoming);
    let heading = link.line.direction_at(link.line.length_m());
    let from_road = draft.link_road[incoming.0 as usize];
    let mut exits: Vec<Exit> = Vec::new();
    let mut back = None;
    for outgoing in &map.junction(junction).outgoing {
        if lanes_of(draft, *outgoing, kind).is_empty() {
            continue;
        }
        let angle = angle_between(heading, map.link(*outgoing).line.direction_at(0.0));
        let to_road = draft.link_road[outgoing.0 as usize];
        if to_road == from_road {
            back = Some(Exit { link: *outgoing, angle: PI, turn: Turn::UTurn, side: Turn::UTurn });
        } else if !rules.forbidden.contains(&(from_road, to_road)) {
            // Another road is never a turn back, however sharp the bend into it.
            let turn = match turn_of(angle) {
                Turn::UTurn if angle > 0.0 => Turn::Left,
                Turn::UTurn => Turn::Right,
                turn => turn,
            };
            exits.push(Exit { link: *outgoing, angle, turn, side: turn });
        }
    }
    // Of ways that lie side by side the one with most lanes goes straight on; a ramp branches off it.
    let score = |e: &Exit| e.angle.abs() - 0.1 * lanes_of(draft, e.link, kind).len() as f64;
    if let Some(primary) = exits.iter().min_by(|a, b| score(a).total_cmp(&score(b))).copied() {
        let start = map.link(primary.link).line.start();
        for exit in exits.iter_mut().filter(|e| e.turn == Turn::Straight && e.link != primary.link) {
            let aside = map.link(exit.link).line.start() - start;
            exit.side = if heading.x * aside.y - heading.y * aside.x > 0.0 { Turn::Left } else { Turn::Right };
            exit.turn = exit.side;
        }
    }
    // Turning back only where there is no other way on, or where the map says so.
    if exits.is_empty() || rules.u_turn.contains(&from_road) {
        exits.extend(back);
    }
    exits
}

/// Which of `count` lanes, from the centre outwards, serve a side, given the sides that there are.
fn lanes_for(side: Turn, count: usize, sides: &BTreeSet<Turn>) -> Range<usize> {
    let (left, straight, right) =
        (sides.contains(&Turn::Left), sides.contains(&Turn::Straight), sides.contains(&Turn::Right));
    match side {
        _ if count == 1 => 0..1,
        Turn::UTurn if sides.len() > 1 => 0..1,
        Turn::UTurn => 0..count,
        Turn::Straight if left && count >= 3 => 1..count,
        Turn::Straight => 0..count,
        Turn::Left if straight => 0..1,
        Turn::Left if right => 0..count - count / 2,
        Turn::Left => 0..count,
        Turn::Right if straight => count - 1..count,
        Turn::Right if left => count - count / 2..count,
        Turn::Right => 0..count,
    }
}

/// The lane among `to` that lies most nearly straight ahead.
fn straightest(draft: &Draft, from: LaneIx, to: &[LaneIx]) -> usize {
    let centre = &draft.map.lane(from).centre;
    let (end, direction) = (centre.end(), centre.direction_at(centre.length_m()));
    let sideways = |lane: &LaneIx| {
        let target = &draft.map.lane(*lane).centre;
        let mean = direction + target.direction_at(0.0);
        let d = target.start() - end;
        (mean.x * d.y - mean.y * d.x).abs()
    };
    (0..to.len()).min_by(|a, b| sideways(&to[*a]).total_cmp(&sideways(&to[*b]))).unwrap_or(0)
}

/// What a change of direction is, radians, left positive: a turn back from 160 degrees on.
pub(crate) fn turn_of(angle: f64) -> Turn {
    match angle {
        a if a.abs() <= STRAIGHT_RAD => Turn::Straight,
        a if a.abs() > PI * 8.0 / 9.0 => Turn::UTurn,
        a if a > 0.0 => Turn::Left,
        _ => Turn::Right,
    }
}

/// Signed change of direction from `a` to `b`, radians, left positive.
pub(crate) fn angle_between(a: Vector, b: Vector) -> f64 {
    wrap_pi(libm::atan2(b.y, b.x) - libm::atan2(a.y, a.x))
}

fn add_connector(draft: &mut Draft, from: LaneIx, to: LaneIx, movement: Movement) {
    let map = &mut draft.map;
    let (a, b) = (&map.lanes[from.0 as usize], &map.lanes[to.0 as usize]);
    let (start, leave) = (a.centre.end(), a.centre.direction_at(a.centre.length_m()));
    let (end, arrive) = (b.centre.start(), b.centre.direction_at(0.0));
    let centre = curve(start, leave, end, arrive);
    let limit = a.speed_limit_mps.min(b.speed_limit_mps);
    let junction = movement.junction;
    let lane = Lane {
        id: format!("{}:{}>{}", map.junctions[junction.0 as usize].id, a.id, b.id),
        kind: a.kind,
        width_m: a.width_m.min(b.width_m),
        speed_limit_mps: if movement.turn == Turn::Straight { limit } else { limit.min(TURNING_LIMIT_MPS) },
        centre,
        link: None,
        position: 0,
        movement: Some(movement),
        successors: vec![to],
        predecessors: vec![from],
        left: None,
        right: None,
        stop_line_m: None,
        crossings: Vec::new(),
    };
    let ix = LaneIx(map.lanes.len() as u32);
    map.lanes.push(lane);
    map.lanes[from.0 as usize].successors.push(ix);
    map.lanes[to.0 as usize].predecessors.push(ix);
    map.junctions[junction.0 as usize].connectors.push(ix);
}

/// A smooth curve that leaves `start` along `leave` and reaches `end` along `arrive`: a cubic Bézier whose handles are
/// those of a circular arc where the two lie on one.
fn curve(start: Point, leave: Vector, end: Point, arrive: Vector) -> Polyline {
    let chord = (end - start).norm();
    let angle = angle_between(leave, arrive).abs();
    let ratio =
        if angle < 0.05 { 1.0 / 3.0 } else { (4.0 / 3.0) * libm::tan(angle / 4.0) / (2.0 * libm::sin(angle / 2.0)) };
    // A tight turn back swings out; elsewhere a handle never passes the point where the two directions meet.
    let handle = if angle > 2.8 { (ratio * chord).max(2.5 * chord.min(3.6)) } else { ratio * chord };
    let meet = |from: Point, along: Vector, to: Point, other: Vector| {
        let cross = along.x * other.y - along.y * other.x;
        let d = to - from;
        let t = (d.x * other.y - d.y * other.x) / cross;
        if angle > 0.3 && angle < 1.8 && t > 1.0 { (t * 0.9).max(0.3 * chord) } else { f64::INFINITY }
    };
    let first = start + leave * handle.min(meet(start, leave, end, arrive));
    let second = end - arrive * handle.min(meet(end, -arrive, start, -leave));
    let steps = ((chord / 2.0).max(angle.to_degrees() / 2.0).ceil() as usize).clamp(8, 90);
    let points = (0..=steps).map(|k| {
        let t = k as f64 / steps as f64;
        let u = 1.0 - t;
        Point::from(
            start.coords * (u * u * u)
                + first.coords * (3.0 * u * u * t)
                + second.coords * (3.0 * u * t * t)
                + end.coords * (t * t * t),
        )
    });
    Polyline::new(points.collect()).unwrap_or_else(|_| {
        // Mouths that coincide: the shortest line that keeps the direction.
        Polyline::new(vec![start, start + leave * 0.01]).unwrap_or_else(|_| unreachable!("two distinct finite points"))
    })
}

/// Pavements round the corners: from the right of each way in to the right of the next way out anticlockwise.
fn connect_footways(draft: &mut Draft, junction: JunctionIx) {
    let map = &draft.map;
    let node = map.junction(junction);
    let footway = |link: &LinkIx| lanes_of(draft, *link, LaneKind::Footway).first().copied();
    let outward = |link: LinkIx, out: bool| {
        let line = &map.link(link).line;
        if out { line.direction_at(0.0) } else { -line.direction_at(line.length_m()) }
    };
    let mut pairs = Vec::new();
    for incoming in &node.incoming {
        let Some(from) = footway(incoming) else { continue };
        let mine = outward(*incoming, false);
        let next = node.outgoing.iter().filter_map(|link| {
            let to = footway(link)?;
            let same = draft.link_road[link.0 as usize] == draft.link_road[incoming.0 as usize];
            let turned = angle_between(mine, outward(*link, true)).rem_euclid(2.0 * PI);
            Some((if same { 2.0 * PI } else { turned }, to))
        });
        if let Some((turned, to)) = next.min_by(|a, b| a.0.total_cmp(&b.0)) {
            pairs.push((from, to, turned));
        }
    }
    for (from, to, turned) in pairs {
        // `turned` counts from the road one comes on: π is straight on.
        let turn = match turned - PI {
            a if a.abs() <= STRAIGHT_RAD => Turn::Straight,
            a if a > PI - 0.2 => Turn::UTurn,
            a if a > 0.0 => Turn::Left,
            _ => Turn::Right,
        };
        let movement =
            Movement { junction, turn, phase: None, on_red: false, conflicts: Vec::new(), yields_to: Vec::new() };
        add_connector(draft, from, to, movement);
    }
}

//! Where actors begin and which way they go: the scenario's words for places, found on the map.

use super::Mark;
use crate::rng::Stream;
use crate::scenario::{ActorKind, ChangeTo, Place, ScenarioError, TurnName};
use crate::traffic::roads::RoadNet;
use jxz_geo::{Point, Polyline, Vector, Wgs84};
use jxz_map::{JunctionIx, LaneIx, LaneKind, LinkIx, Turn};

/// How far a way is laid out, metres.
const WAY_M: f64 = 1500.0;
/// An approach lies within this angle of its compass name, degrees.
const SECTOR_DEG: f64 = 60.0;
const COMPASS: [&str; 8] = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];
/// A lane is near a place up to this distance, metres.
const NEAR_M: f64 = 60.0;
/// People stand so far from the road's edge, metres.
const ASIDE_M: f64 = 1.0;

type Found<T> = Result<T, ScenarioError>;

/// A place on a lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    pub(super) lane: LaneIx,
    pub(super) s_m: f64,
    /// To the left of the lane's middle, metres; of people only.
    pub(super) aside_m: f64,
}

impl Spot {
    pub(super) fn mark(&self, net: &RoadNet) -> Mark {
        let line = &net.lane(self.lane).centre;
        let along = line.direction_at(self.s_m);
        Mark { at: line.point_at(self.s_m) + Vector::new(-along.y, along.x) * self.aside_m, along }
    }
}

/// What an actor wants at the next junction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Want {
    Turn(Turn),
    Link(LinkIx),
}

const fn turn_of(name: TurnName) -> Turn {
    match name {
        TurnName::Straight => Turn::Straight,
        TurnName::Left => Turn::Left,
        TurnName::Right => Turn::Right,
        TurnName::UTurn => Turn::UTurn,
    }
}

const fn turn_name(turn: Turn) -> &'static str {
    match turn {
        Turn::Straight => "straight",
        Turn::Left => "left",
        Turn::Right => "right",
        Turn::UTurn => "u-turn",
    }
}

/// The lanes that an actor of a kind uses, the first choice first.
const fn lane_kinds(kind: ActorKind) -> &'static [LaneKind] {
    match kind {
        ActorKind::Cyclist | ActorKind::EBike => &[LaneKind::Cycle, LaneKind::Driving],
        _ => &[LaneKind::Driving],
    }
}

/// Finds a place for an actor of a kind; `path` is the key that says it.
pub(super) fn find(net: &RoadNet, place: &Place, kind: ActorKind, path: &str, stream: &mut Stream) -> Found<Spot> {
    let map = &net.map;
    let mut draw = |amount: Option<crate::scenario::Amount>| amount.map(|amount| amount.draw(stream));
    let (before_m, at_m, aside_m) = (draw(place.before_m), draw(place.at_m), draw(place.aside_m));
    let walks = kind == ActorKind::Pedestrian;
    let mut spot = if let (Some(junction), Some(from)) = (&place.junction, &place.from) {
        let link = approach(net, junction_of(net, junction, path)?, from, path)?;
        let lane = lane_of(net, link, (place.movement, place.nth.map(usize::from)), kind, path)?;
        let s_m = match before_m {
            Some(before_m) => net.facts(lane).hold_m - before_m,
            None => crossing_on(net, lane, true, path)?,
        };
        back_to(net, lane, s_m, path)?
    } else if let Some(at) = place.at {
        anywhere(net, at, path)?
    } else if let Some(name) = &place.bus_stop {
        let stop = map.bus_stops.iter().find(|stop| stop.id == *name);
        let known = || map.bus_stops.iter().map(|stop| stop.id.clone()).collect();
        let stop =
            stop.ok_or_else(|| ScenarioError::unknown(&format!("{path}.bus_stop"), "bus stop", name, known()))?;
        Spot { lane: stop.lane, s_m: stop.s_m, aside_m: 0.0 }
    } else {
        let lane = match (&place.lane, &place.link) {
            (Some(name), _) => map.lane_by_id(name).ok_or_else(|| {
                let known = map.lanes.iter().filter(|lane| lane.link.is_some()).map(|lane| lane.id.clone());
                ScenarioError::unknown(&format!("{path}.lane"), "lane", name, known.collect())
            })?,
            (None, link) => {
                let link = link_of(net, link.as_deref().unwrap_or_default(), &format!("{path}.link"))?;
                let nth = place.nth.map_or(usize::MAX, usize::from);
                lane_of(net, link, (None, Some(nth)), kind, path)?
            }
        };
        let s_m = match at_m {
            Some(at_m) if at_m > net.length_m(lane) => {
                let what = format!(
                    "{at_m:.0} m is beyond the lane's end: {} is {:.0} m long",
                    net.lane(lane).id,
                    net.length_m(lane)
                );
                return Err(ScenarioError::at(&format!("{path}.at_m"), what));
            }
            Some(at_m) => at_m,
            None => crossing_on(net, lane, false, path)?,
        };
        Spot { lane, s_m, aside_m: 0.0 }
    };
    if walks && place.at.is_none() {
        let (right_m, left_m) = edges_m(net, spot.lane, spot.s_m);
        let aside_m = aside_m.unwrap_or(ASIDE_M);
        spot.aside_m = match place.side.unwrap_or(ChangeTo::Right) {
            ChangeTo::Right => right_m - aside_m,
            ChangeTo::Left => left_m + aside_m,
        };
    }
    Ok(spot)
}

fn junction_of(net: &RoadNet, name: &str, path: &str) -> Found<JunctionIx> {
    let site = net.map.sites.iter().find(|site| site.id.0 == name).and_then(|site| site.junction.as_ref());
    let id = site.map_or(name, |junction| junction.0.as_str());
    let index = net.map.junctions.iter().position(|junction| junction.id.0 == id);
    index.map(|index| JunctionIx(index as u32)).ok_or_else(|| {
        let known = net.map.junctions.iter().map(|junction| junction.id.0.clone()).collect();
        ScenarioError::unknown(&format!("{path}.junction"), "junction", name, known)
    })
}

fn link_of(net: &RoadNet, name: &str, path: &str) -> Found<LinkIx> {
    let index = net.map.links.iter().position(|link| link.id == name);
    index.map(|index| LinkIx(index as u32)).ok_or_else(|| {
        let known = net.map.links.iter().map(|link| link.id.clone()).collect();
        ScenarioError::unknown(path, "link", name, known)
    })
}

/// The link into a junction that comes from a direction or has a name.
fn approach(net: &RoadNet, junction: JunctionIx, from: &str, path: &str) -> Found<LinkIx> {
    let junction = net.map.junction(junction);
    let bearing_deg = |link: &LinkIx| {
        let line = &net.map.link(*link).line;
        let way = line.point_at((line.length_m() - 30.0).max(0.0)) - junction.centre;
        libm::atan2(way.x, way.y).to_degrees()
    };
    let off_deg = |link: &LinkIx, number: usize| {
        let off_deg = (bearing_deg(link) - 45.0 * number as f64).rem_euclid(360.0);
        off_deg.min(360.0 - off_deg)
    };
    let found = match COMPASS.iter().position(|name| *name == from) {
        Some(number) => {
            let nearest = junction.incoming.iter().min_by(|a, b| off_deg(a, number).total_cmp(&off_deg(b, number)));
            nearest.filter(|link| off_deg(link, number) < SECTOR_DEG)
        }
        None => junction.incoming.iter().find(|link| net.map.link(**link).id == from),
    };
    found.copied().ok_or_else(|| {
        let name = |link: &LinkIx| {
            let nearest = (0..8).min_by(|a, b| off_deg(link, *a).total_cmp(&off_deg(link, *b))).unwrap_or(0);
            [COMPASS[nearest].to_owned(), net.map.link(*link).id.clone()]
        };
        let known = junction.incoming.iter().flat_map(name).collect();
        ScenarioError::unknown(&format!("{path}.from"), "approach", from, known)
    })
}

/// A lane of a link for a movement, or the one of a number (beyond the last: the last).
fn lane_of(
    net: &RoadNet,
    link: LinkIx,
    (movement, nth): (Option<TurnName>, Option<usize>),
    kind: ActorKind,
    path: &str,
) -> Found<LaneIx> {
    let of_kind = |kind: &LaneKind| {
        let lanes = net.map.link(link).lanes.iter().copied();
        lanes.filter(|lane| net.lane(*lane).kind == *kind).collect::<Vec<_>>()
    };
    let lanes = lane_kinds(kind).iter().map(of_kind).find(|lanes| !lanes.is_empty());
    let id = &net.map.link(link).id;
    let lanes =
        lanes.ok_or_else(|| ScenarioError::at(path, format!("link {id} has no lane for this kind of actor")))?;
    if let Some(nth) = nth.filter(|nth| *nth < usize::MAX && *nth >= lanes.len()) {
        let what =
            format!("link {id} has no lane {nth} for this kind of actor: it has {}, counted from 0", lanes.len());
        return Err(ScenarioError::at(&format!("{path}.nth"), what));
    }
    let Some(movement) = movement else { return Ok(lanes[nth.unwrap_or(0).min(lanes.len() - 1)]) };
    let turn = turn_of(movement);
    let suits = |lane: &&LaneIx| onward(net, **lane).any(|(_, made)| made == Some(turn));
    let given = nth.map(|nth| &lanes[nth.min(lanes.len() - 1)]).filter(suits);
    let chosen = if nth.is_some() { given } else { lanes.iter().find(suits) };
    chosen.copied().ok_or_else(|| {
        let turns = lanes.iter().flat_map(|lane| onward(net, *lane)).filter_map(|(_, turn)| turn);
        let known = turns.map(|turn| turn_name(turn).to_owned()).collect();
        ScenarioError::unknown(&format!("{path}.movement"), "movement", turn_name(turn), known)
    })
}

/// What continues a lane, with the movement that it makes.
fn onward(net: &RoadNet, lane: LaneIx) -> impl Iterator<Item = (LaneIx, Option<Turn>)> + '_ {
    let kind = net.lane(lane).kind;
    let next = net.lane(lane).successors.iter().copied().filter(move |next| net.lane(*next).kind == kind);
    next.map(|next| (next, net.lane(next).movement.as_ref().map(|movement| movement.turn)))
}

fn crossing_on(net: &RoadNet, lane: LaneIx, last: bool, path: &str) -> Found<f64> {
    let crossings = &net.lane(lane).crossings;
    let one = if last { crossings.last() } else { crossings.first() };
    one.map(|(_, s_m)| *s_m).ok_or_else(|| {
        let what = format!("there is no pedestrian crossing on lane {}", net.lane(lane).id);
        ScenarioError::at(&format!("{path}.at_crossing"), what)
    })
}

/// A station that may lie before a lane's beginning: then on the lanes that lead there straightest.
fn back_to(net: &RoadNet, mut lane: LaneIx, mut s_m: f64, path: &str) -> Found<Spot> {
    while s_m < 0.0 {
        let kind = net.lane(lane).kind;
        let before = net.lane(lane).predecessors.iter().filter(|before| net.lane(**before).kind == kind);
        let turned = |lane: &LaneIx| net.lane(*lane).movement.as_ref().map_or(0, |m| m.turn as usize);
        let Some(&before) = before.min_by_key(|before| turned(before)) else {
            let what = format!("the road begins {:.0} m after this place: give less before_m", -s_m);
            return Err(ScenarioError::at(&format!("{path}.before_m"), what));
        };
        s_m += net.length_m(before);
        lane = before;
    }
    Ok(Spot { lane, s_m, aside_m: 0.0 })
}

fn anywhere(net: &RoadNet, at: [f64; 2], path: &str) -> Found<Spot> {
    let point = net.map.frame.to_local(Wgs84 { lon_deg: at[0], lat_deg: at[1] });
    let lanes = net.lanes().filter(|lane| {
        let lane = net.lane(*lane);
        lane.kind == LaneKind::Driving && lane.link.is_some_and(|link| net.map.link(link).level == 0)
    });
    let feet = lanes.map(|lane| (lane, net.lane(lane).centre.project(point)));
    let nearest = feet.min_by(|a, b| a.1.distance_m.total_cmp(&b.1.distance_m));
    let near = nearest.filter(|(_, foot)| foot.distance_m < NEAR_M);
    let (lane, foot) = near.ok_or_else(|| {
        let far_m = nearest.map_or(f64::INFINITY, |(_, foot)| foot.distance_m);
        let what = format!("no road within {NEAR_M} m: the nearest is {far_m:.0} m away (longitude comes first)");
        ScenarioError::at(&format!("{path}.at"), what)
    })?;
    Ok(Spot { lane, s_m: foot.s_m, aside_m: foot.offset_m })
}

/// The road's edges at a station, both directions together: to the left of a lane's middle, metres; right, left.
pub(super) fn edges_m(net: &RoadNet, lane: LaneIx, s_m: f64) -> (f64, f64) {
    let own = net.lane(lane);
    let (at, along) = (own.centre.point_at(s_m), own.centre.direction_at(s_m));
    let link = own.link.map(|link| net.map.link(link));
    let other = link.and_then(|link| link.opposite).map(|link| net.map.link(link));
    let lanes = link.into_iter().chain(other).flat_map(|link| link.lanes.iter());
    let mut edges_m = (-own.width_m / 2.0, own.width_m / 2.0);
    for lane in lanes.map(|lane| net.lane(*lane)).filter(|lane| lane.kind != LaneKind::Footway) {
        let way = lane.centre.point_at(lane.centre.project(at).s_m) - at;
        let offset_m = along.x * way.y - along.y * way.x;
        edges_m.0 = edges_m.0.min(offset_m - lane.width_m / 2.0);
        edges_m.1 = edges_m.1.max(offset_m + lane.width_m / 2.0);
    }
    edges_m
}

/// What an actor wants at the junctions that it comes to.
pub(super) fn wants(net: &RoadNet, route: &[String], start: &Place, path: &str) -> Found<Vec<Want>> {
    if route.is_empty() {
        return Ok(start.movement.map(|movement| Want::Turn(turn_of(movement))).into_iter().collect());
    }
    let turns = [Turn::Straight, Turn::Left, Turn::Right, Turn::UTurn];
    let want = |(number, name): (usize, &String)| match turns.iter().find(|turn| turn_name(**turn) == name) {
        Some(turn) => Ok(Want::Turn(*turn)),
        None => link_of(net, name, &format!("{path}.route[{number}]")).map(Want::Link),
    };
    route.iter().enumerate().map(want).collect()
}

/// The way from a lane on that does what is wanted, and straight on after that.
pub(super) fn way(net: &RoadNet, from: LaneIx, wants: &[Want], path: &str) -> Found<Vec<LaneIx>> {
    let (mut way, mut wants) = (vec![from], wants.iter().enumerate());
    let mut length_m = 0.0;
    let mut last = from;
    while length_m < WAY_M {
        let options: Vec<_> = onward(net, last).collect();
        let straightest = options.iter().min_by_key(|(_, turn)| turn.map_or(0, |turn| turn as usize));
        let Some(&straightest) = straightest else { break };
        let makes_choice = straightest.1.is_some();
        let want = if makes_choice { wants.next() } else { None };
        let next = match want {
            None => straightest.0,
            Some((number, want)) => {
                let leads = |next: LaneIx| net.lane(next).successors.first().and_then(|exit| net.lane(*exit).link);
                let suits = |(next, turn): &&(LaneIx, Option<Turn>)| match want {
                    Want::Turn(wanted) => *turn == Some(*wanted),
                    Want::Link(link) => leads(*next) == Some(*link),
                };
                let (next, _) = options.iter().find(suits).ok_or_else(|| {
                    let name = match want {
                        Want::Turn(turn) => turn_name(*turn).to_owned(),
                        Want::Link(link) => net.map.link(*link).id.clone(),
                    };
                    let turns = options.iter().filter_map(|(_, turn)| *turn).map(|turn| turn_name(turn).to_owned());
                    let links = options.iter().filter_map(|(next, _)| leads(*next)).map(|l| net.map.link(l).id.clone());
                    let kind = format!("way from lane {}", net.lane(last).id);
                    ScenarioError::unknown(
                        &format!("{path}.route[{number}]"),
                        &kind,
                        &name,
                        turns.chain(links).collect(),
                    )
                })?;
                *next
            }
        };
        length_m += net.length_m(next);
        way.push(next);
        last = next;
    }
    Ok(way)
}

/// The line against a lane's direction from a station on.
pub(super) fn way_against(net: &RoadNet, spot: Spot) -> Option<Polyline> {
    let mut points: Vec<Point> = Vec::new();
    let mut add = |line: &Polyline| points.extend(line.reversed().points().iter().copied());
    add(&net.lane(spot.lane).centre.slice(0.0, spot.s_m)?);
    let (mut lane, mut length_m) = (spot.lane, spot.s_m);
    while length_m < WAY_M {
        let kind = net.lane(lane).kind;
        let before = net.lane(lane).predecessors.iter().filter(|before| net.lane(**before).kind == kind);
        let turned = |lane: &LaneIx| net.lane(*lane).movement.as_ref().map_or(0, |m| m.turn as usize);
        let Some(&before) = before.min_by_key(|before| turned(before)) else { break };
        add(&net.lane(before).centre);
        length_m += net.length_m(before);
        lane = before;
    }
    Polyline::new(points).ok()
}

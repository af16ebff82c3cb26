//! Where to go: random turns that stay near the sites, and shortest ways for buses.

use super::guide::CHANGE_COST_M;
use super::roads::RoadNet;
use super::vehicle::{Aim, Vehicle};
use crate::rng::{Stream, weighted};
use jxz_map::{LaneIx, LaneKind, Turn};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How far a path is planned, metres.
const PLAN_M: f64 = 160.0;
/// A lane that ends this far from every site's coverage leads away, metres.
pub(crate) const AWAY_M: f64 = 250.0;

/// How much a driver likes to continue on a lane after this one.
fn appeal(net: &RoadNet, next: LaneIx, kind: LaneKind) -> f64 {
    let lane = net.lane(next);
    if lane.kind != kind {
        return 0.0;
    }
    let turn = match lane.movement.as_ref().map(|m| m.turn) {
        Some(Turn::Straight) | None => 1.0,
        Some(Turn::Left | Turn::Right) => 0.4,
        Some(Turn::UTurn) => 0.02,
    };
    let exit = if lane.movement.is_some() { lane.successors.first().copied() } else { Some(next) };
    let Some(exit) = exit else { return turn * 1e-4 };
    let level = net.lane(exit).link.map_or(0, |link| net.map.link(link).level);
    let reach_m = net.facts(exit).reach_end_m;
    let stays = if reach_m.is_infinite() || reach_m < AWAY_M * 0.6 { 1.0 } else { 0.04 };
    let open = if net.lane(exit).successors.is_empty() { 0.05 } else { 1.0 };
    turn * stays * open * if level == 0 { 1.0 } else { 0.01 }
}

/// A lane to continue on, drawn by appeal; `None` at a dead end.
fn draw_next(net: &RoadNet, from: LaneIx, kind: LaneKind, stream: &mut Stream) -> Option<LaneIx> {
    let successors = &net.lane(from).successors;
    let weights: Vec<f64> = successors.iter().map(|&next| appeal(net, next, kind)).collect();
    weighted(stream, &weights).map(|index| successors[index])
}

/// Continues a path until it reaches far enough; `bound` is the lane that a bus is bound for.
pub(crate) fn extend(net: &RoadNet, vehicle: &mut Vehicle, bound: Option<LaneIx>) {
    let mut ahead_m: f64 = vehicle.path[vehicle.at..].iter().map(|&l| net.length_m(l)).sum::<f64>() - vehicle.s_m;
    while ahead_m < PLAN_M {
        let Some(&last) = vehicle.path.last() else { return };
        let on_way = bound.filter(|&to| to != last).and_then(|to| net.guides.to(to)?.next(net, last));
        let next = match on_way {
            Some(next) => Some(next),
            None => draw_next(net, last, vehicle.lane_kind(), &mut vehicle.stream),
        };
        let Some(next) = next else { return };
        vehicle.path.push(next);
        ahead_m += net.length_m(next);
    }
}

/// On entering a link: decides which lane to take and which way to go on from it.
pub(crate) fn choose_aim(net: &RoadNet, vehicle: &mut Vehicle, bound: Option<LaneIx>) {
    vehicle.aim = None;
    // An actor's way is laid out.
    if vehicle.acted().is_some() {
        return;
    }
    let here = vehicle.lane();
    if net.lane(here).link.is_none()
        || !vehicle.tickets.iter().all(|t| vehicle.path[..vehicle.at].contains(&t.connector))
    {
        return;
    }
    let aim = match bound {
        Some(to) => bound_aim(net, here, to),
        None => car_aim(net, vehicle),
    };
    let Some(aim) = aim else { return };
    if aim.lane == here {
        take(net, vehicle, aim, bound);
    } else {
        vehicle.aim = Some(aim);
    }
}

/// Plans on from the present lane, which is the aim's.
pub(crate) fn take(net: &RoadNet, vehicle: &mut Vehicle, aim: Aim, bound: Option<LaneIx>) {
    vehicle.path.truncate(vehicle.at + 1);
    vehicle.path.extend(aim.connector);
    extend(net, vehicle, bound);
}

/// Where to be at the link's end so as to come to a goal; there already on the goal's own lane.
fn bound_aim(net: &RoadNet, here: LaneIx, to: LaneIx) -> Option<Aim> {
    if here == to {
        return Some(Aim { lane: here, connector: None });
    }
    if net.lane(here).link == net.lane(to).link {
        return Some(Aim { lane: to, connector: None });
    }
    net.guides.to(to)?.aim(net, here)
}

/// Any lane of the link, the nearer the likelier, and any way on from it.
fn car_aim(net: &RoadNet, vehicle: &mut Vehicle) -> Option<Aim> {
    let here = vehicle.lane();
    let left_m = net.length_m(here) - vehicle.s_m;
    let mut options = Vec::new();
    let mut weights = Vec::new();
    for side in [Side::Left, Side::Right] {
        let (mut lane, mut changes) = (Some(here), 0);
        while let Some(current) = lane {
            // The present lane is on both chains: halve it.
            let likes = if changes == 0 { 0.5 } else { 0.5_f64.powi(changes) };
            if left_m > 70.0 * f64::from(changes) || changes == 0 {
                for &next in &net.lane(current).successors {
                    options.push(Aim { lane: current, connector: Some(next) });
                    weights.push(likes * appeal(net, next, vehicle.lane_kind()));
                }
            }
            lane = side.of(net, current);
            changes += 1;
        }
    }
    weighted(&mut vehicle.stream, &weights).map(|index| options[index])
}

/// A side of the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    pub(crate) fn of(self, net: &RoadNet, lane: LaneIx) -> Option<LaneIx> {
        match self {
            Self::Left => net.lane(lane).left,
            Self::Right => net.lane(lane).right,
        }
    }
}

/// The neighbour of `from` on the way to `to` on the same link; `None` if that is no neighbour's neighbour.
pub(crate) fn towards(net: &RoadNet, from: LaneIx, to: LaneIx) -> Option<LaneIx> {
    [Side::Left, Side::Right].into_iter().find_map(|side| {
        let first = side.of(net, from)?;
        let mut lane = first;
        for _ in 0..8 {
            if lane == to {
                return Some(first);
            }
            lane = side.of(net, lane)?;
        }
        None
    })
}

/// The shortest way from a lane to another over successors and lane changes, both ends included.
pub(crate) fn shortest(net: &RoadNet, from: LaneIx, to: LaneIx) -> Option<Vec<LaneIx>> {
    shortest_by(net, from, to, |_| true)
}

/// The same over lanes that `open` accepts (Dijkstra).
pub(crate) fn shortest_by(
    net: &RoadNet,
    from: LaneIx,
    to: LaneIx,
    open: impl Fn(LaneIx) -> bool,
) -> Option<Vec<LaneIx>> {
    let mut best: Vec<(u64, Option<LaneIx>)> = vec![(u64::MAX, None); net.map.lanes.len()];
    let mut heap = BinaryHeap::new();
    best[from.0 as usize].0 = 0;
    heap.push(Reverse((0, from)));
    while let Some(Reverse((cost, lane_ix))) = heap.pop() {
        if lane_ix == to {
            let mut way = vec![to];
            let mut at = to;
            while let Some(before) = best[at.0 as usize].1.filter(|_| at != from) {
                way.push(before);
                at = before;
            }
            way.reverse();
            return Some(way);
        }
        if cost > best[lane_ix.0 as usize].0 {
            continue;
        }
        let lane = net.lane(lane_ix);
        let onward = lane.successors.iter().map(|&next| (next, net.length_m(lane_ix)));
        let aside = [lane.left, lane.right].into_iter().flatten().map(|next| (next, CHANGE_COST_M));
        for (next, way_m) in onward.chain(aside) {
            let reached = cost + (way_m * 1000.0) as u64 + 1;
            if net.lane(next).kind == lane.kind && open(next) && reached < best[next.0 as usize].0 {
                best[next.0 as usize] = (reached, Some(lane_ix));
                heap.push(Reverse((reached, next)));
            }
        }
    }
    None
}

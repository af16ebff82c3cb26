//! Drivers and walkers at pedestrian crossings.

use super::Scene;
use super::follow::{Occupancy, can_stop, stop_mps2, time_to_s};
use super::roads::RoadNet;
use super::vehicle::Vehicle;
use super::walker::{Stage, Walker};
use jxz_map::{CrossingIx, LaneIx};

/// Free space wanted between a lane's edge and someone on foot, metres.
const BESIDE_LANE_M: f64 = 0.8;
/// A front that is this far over the near edge or less still leaves room to walk past, metres.
const OVER_EDGE_M: f64 = 0.5;
/// How far from a crossing its traffic is looked at, metres.
const LOOK_M: f64 = 70.0;

/// Someone driving towards or standing on a crossing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Approach {
    pub(crate) vehicle: usize,
    pub(crate) lane: LaneIx,
    /// From the front to the crossing's near edge, metres; below zero: on it.
    pub(crate) to_edge_m: f64,
}

/// Who is at each crossing, rebuilt each step.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrossingBook {
    /// Walkers that have left the kerb.
    pub(crate) walkers: Vec<Vec<OnFoot>>,
    pub(crate) approaches: Vec<Vec<Approach>>,
    /// Those with anyone.
    used: Vec<CrossingIx>,
}

/// Someone who has left the kerb of a crossing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnFoot {
    /// Distance along the crossing, metres.
    pub(crate) at_m: f64,
    /// Speed along it; below zero against its direction, metres per second.
    pub(crate) speed_mps: f64,
}

/// Half of what a crossing takes of a lane's length, metres.
fn half_depth_m(net: &RoadNet, crossing: CrossingIx) -> f64 {
    net.map.crossing(crossing).width_m / 2.0 + 0.4
}

impl CrossingBook {
    pub(crate) fn rebuild(&mut self, net: &RoadNet, vehicles: &[Vehicle], walkers: &[Walker]) {
        let count = net.map.crossings.len();
        self.walkers.resize_with(count, Vec::new);
        self.approaches.resize_with(count, Vec::new);
        for crossing in self.used.drain(..) {
            self.walkers[crossing.0 as usize].clear();
            self.approaches[crossing.0 as usize].clear();
        }
        for walker in walkers {
            if let (Stage::Crossing, Some(crossing)) = (walker.stage, walker.crossing) {
                self.walkers[crossing.0 as usize].push(walker.on_crossing());
                self.used.push(crossing);
            }
        }
        let anyone = if count > 0 { vehicles } else { &[] };
        for (index, vehicle) in anyone.iter().enumerate() {
            visit_crossings(net, vehicle, |crossing, lane, to_edge_m| {
                let approaches = &mut self.approaches[crossing.0 as usize];
                if approaches.is_empty() {
                    self.used.push(crossing);
                }
                approaches.push(Approach { vehicle: index, lane, to_edge_m });
            });
        }
    }
}

/// Every crossing that the vehicle is on or comes to, with the lane and the distance from its front to the near edge.
fn visit_crossings(net: &RoadNet, vehicle: &Vehicle, mut visit: impl FnMut(CrossingIx, LaneIx, f64)) {
    // Begin far enough back to include what the tail is on.
    let (mut index, mut offset_m) = (vehicle.at, -vehicle.s_m);
    while index > 0 && -offset_m < vehicle.length_m + 8.0 {
        index -= 1;
        offset_m -= net.length_m(vehicle.path[index]);
    }
    for &lane in &vehicle.path[index..] {
        let facts = net.facts(lane);
        let crossings = if facts.has_crossings { &net.lane(lane).crossings[..] } else { &[] };
        for &(crossing, s_m) in crossings {
            let half_m = half_depth_m(net, crossing);
            let to_edge_m = offset_m + s_m - half_m;
            if to_edge_m + 2.0 * half_m + vehicle.length_m > 0.0 && to_edge_m < LOOK_M {
                visit(crossing, lane, to_edge_m);
            }
        }
        offset_m += facts.length_m;
        if offset_m > LOOK_M {
            break;
        }
    }
}

/// From when to when someone on foot is in the way on a lane of a crossing, seconds; `None` once past.
fn in_way_s(net: &RoadNet, crossing: CrossingIx, lane: LaneIx, on_foot: OnFoot) -> Option<(f64, f64)> {
    let &(_, at_m, _) = net.map.crossing(crossing).lanes.iter().find(|(l, _, _)| *l == lane)?;
    let half_m = net.lane(lane).width_m / 2.0 + BESIDE_LANE_M;
    let ahead_m = (at_m - on_foot.at_m) * on_foot.speed_mps.signum();
    let pace_mps = on_foot.speed_mps.abs().max(0.2);
    let leaves_s = (ahead_m + half_m) / pace_mps;
    (leaves_s > 0.0).then(|| (((ahead_m - half_m) / pace_mps).max(0.0), leaves_s))
}

/// Whether a vehicle and someone on foot would be on the same piece of a crossing at the same time.
fn would_meet(net: &RoadNet, vehicle: &Vehicle, crossing: CrossingIx, lane: LaneIx, edge_m: f64, foot: OnFoot) -> bool {
    let Some((from_s, to_s)) = in_way_s(net, crossing, lane, foot) else { return false };
    let beyond_m = edge_m + 2.0 * half_depth_m(net, crossing) + vehicle.length_m + 0.5;
    let cruise_mps = net.facts(lane).comfortable_mps.min(vehicle.driver.top_mps);
    let time = |m: f64| time_to_s(vehicle.v_mps, m, cruise_mps, vehicle.driver.accelerate_mps2);
    !(time(beyond_m) + 0.8 < from_s || to_s + 0.2 < time(edge_m))
}

/// What crossings ahead demand of a driver: the acceleration that it may use at most, m/s². It has to wait for others in
/// the junction `wait_m` ahead; infinite: nowhere.
pub(crate) fn yield_mps2(scene: &Scene<'_>, vehicle: &Vehicle, leader: Option<(f64, f64)>, wait_m: f64) -> f64 {
    let mut limit_mps2 = f64::INFINITY;
    if scene.net.map.crossings.is_empty() {
        return limit_mps2;
    }
    visit_crossings(scene.net, vehicle, |crossing, lane, to_edge_m| {
        if to_edge_m < -OVER_EDGE_M {
            return;
        }
        let stop = stop_mps2(vehicle.v_mps, to_edge_m - 0.8, vehicle.driver.brake_mps2);
        let on_foot = &scene.crossings.walkers[crossing.0 as usize];
        if on_foot.iter().any(|&foot| would_meet(scene.net, vehicle, crossing, lane, to_edge_m, foot)) {
            limit_mps2 = limit_mps2.min(stop);
        }
        // Keep it clear: do not stop on it behind someone who stands, nor where others in the junction go first. Someone
        // on foot who waits for the one may be whom the others wait for.
        let beyond_m = to_edge_m + 2.0 * half_depth_m(scene.net, crossing) + vehicle.length_m + 1.0;
        let on_it = |gap_m: f64| gap_m > to_edge_m && gap_m < beyond_m;
        if (leader.is_some_and(|(gap_m, v_mps)| v_mps < 0.5 && on_it(gap_m)) || on_it(wait_m))
            && can_stop(vehicle.v_mps, to_edge_m - 0.8, 3.0)
        {
            limit_mps2 = limit_mps2.min(stop);
        }
    });
    limit_mps2
}

/// Whether someone on foot is on a crossing that a turn through a junction would meet.
pub(crate) fn walkers_in_turn(scene: &Scene<'_>, vehicle: &Vehicle, to_start_m: f64, connector: LaneIx) -> bool {
    let turn_end_m = to_start_m + scene.net.length_m(connector) + 12.0;
    let mut found = false;
    visit_crossings(scene.net, vehicle, |crossing, lane, to_edge_m| {
        if to_edge_m >= to_start_m - 8.0 && to_edge_m < turn_end_m {
            let on_foot = &scene.crossings.walkers[crossing.0 as usize];
            found |= on_foot.iter().any(|&foot| would_meet(scene.net, vehicle, crossing, lane, to_edge_m, foot));
        }
    });
    found
}

/// Whether someone at the kerb can step out: everyone who comes can still stop, or meets nobody.
pub(crate) fn may_step_out(net: &RoadNet, book: &CrossingBook, vehicles: &[Vehicle], walker: &Walker) -> bool {
    let Some(crossing) = walker.crossing else { return true };
    let foot = walker.on_crossing();
    book.approaches[crossing.0 as usize].iter().all(|approach| {
        let vehicle = &vehicles[approach.vehicle];
        let stands_on_it = approach.to_edge_m < -OVER_EDGE_M && vehicle.v_mps < 1.0;
        let yields = approach.to_edge_m > 0.0
            && can_stop(vehicle.v_mps, approach.to_edge_m - 1.2 - 0.3 * vehicle.v_mps, 2.2)
            && !vehicle.is_reckless();
        !stands_on_it && (yields || !would_meet(net, vehicle, crossing, approach.lane, approach.to_edge_m, foot))
    })
}

/// Whether someone at the kerb can cross without anyone's having to brake.
pub(crate) fn meets_nobody(net: &RoadNet, book: &CrossingBook, vehicles: &[Vehicle], walker: &Walker) -> bool {
    let Some(crossing) = walker.crossing else { return true };
    let foot = walker.on_crossing();
    book.approaches[crossing.0 as usize].iter().all(|approach| {
        let vehicle = &vehicles[approach.vehicle];
        let near = approach.to_edge_m < 25.0 + 1.5 * vehicle.v_mps;
        !near && !would_meet(net, vehicle, crossing, approach.lane, approach.to_edge_m, foot)
    })
}

/// Whether a vehicle is on the piece of a crossing right before someone who walks on it.
pub(crate) fn blocked_on_crossing(net: &RoadNet, book: &CrossingBook, walker: &Walker) -> bool {
    let Some(crossing) = walker.crossing else { return false };
    book.approaches[crossing.0 as usize].iter().filter(|a| a.to_edge_m < -OVER_EDGE_M).any(|approach| {
        in_way_s(net, crossing, approach.lane, walker.on_crossing())
            .is_some_and(|(from_s, _)| from_s > 0.0 && from_s * walker.pace_mps < 0.4)
    })
}

/// Whether anything is on a lane between two stations.
pub(crate) fn is_free(occupancy: &Occupancy, lane: LaneIx, from_m: f64, to_m: f64) -> bool {
    occupancy.on(lane).iter().all(|entry| entry.rear_m > to_m || entry.front_m < from_m)
}

//! Incidents that shut a lane, slow a road or a place down, or bring in somebody where nobody should be.

use super::Scene;
use super::follow::leader;
use super::incident::{Deed, on_link};
use super::obstacle::{Block, Condition, PASS_MPS, Slow};
use super::script::Script;
use super::vehicle::{Aim, RoadUserKind, Vehicle};
use super::walker::{Stage, Walker};
use crate::scenario::IncidentKind;
use jxz_geo::Point;
use jxz_map::{LaneIx, LaneKind};
use jxz_world::RoadHazard;

/// Speed on a flooded road, beside road works and in fog, metres per second.
const FLOOD_MPS: f64 = 2.5;
const WORKS_MPS: f64 = 5.5;
const FOG_MPS: f64 = 8.0;
/// How far fog reaches from a site, metres.
pub(super) const FOG_M: f64 = 300.0;
/// A lane that is shut matters to those on the lane beside it, metres.
const BESIDE_M: f64 = 3.0;
/// Who drives against the traffic does so at this speed, metres per second.
const WRONG_WAY_MPS: f64 = 6.0;
/// Drivers make way for someone who hurries up this close behind, metres.
const MAKE_WAY_M: f64 = 70.0;

/// A driving lane with an open one beside it, and room before its junction.
fn can_be_passed(scene: &Scene<'_>, lane: LaneIx) -> bool {
    let around = scene.net.lane(lane);
    let open = |lane: LaneIx| !scene.obstacles.is_shut(lane);
    around.kind == LaneKind::Driving && open(lane) && [around.left, around.right].into_iter().flatten().any(open)
}

/// A car runs into the one ahead: both stand, and what lies around them is shut.
pub(super) fn crash(scene: &Scene<'_>, vehicles: &[Vehicle], behind: usize, until_s: f64) -> Option<Deed> {
    let (ahead, gap_m) = leader(scene.net, scene.occupancy, vehicles, behind)?;
    let (first, second) = (&vehicles[ahead], &vehicles[behind]);
    let left_m = on_link(scene, first)?;
    let way_m = first.v_mps * first.v_mps / (2.0 * 4.0) + 2.0;
    let suits = first.lane() == second.lane()
        && first.kind == RoadUserKind::Car
        && first.script.is_none()
        && first.duty.is_none()
        && gap_m < 25.0
        && first.v_mps > 3.0
        && left_m > way_m + 40.0
        && can_be_passed(scene, first.lane());
    let (lane, at_m) = (first.lane(), first.s_m + way_m);
    let rear_m = at_m - first.length_m - 0.2;
    let stand = |at_m: f64| Script::Stand { lane, at_m, until_s };
    let block = Block { lane, from_m: rear_m - second.length_m - 1.0, to_m: at_m + 2.0, until_s };
    (suits && block.from_m > 45.0).then_some(Deed::Crash([(ahead, stand(at_m)), (behind, stand(rear_m))], block))
}

/// A stretch of the lane that a car is on is shut some way before the car.
pub(super) fn shut(scene: &Scene<'_>, car: &Vehicle, length_m: f64, until_s: f64) -> Option<Deed> {
    let left_m = on_link(scene, car)?;
    let lane = car.lane();
    let from_m = car.s_m + car.v_mps * car.v_mps / (2.0 * 1.6) + 25.0;
    let block = Block { lane, from_m, to_m: from_m + length_m, until_s };
    let empty = scene.occupancy.on(lane).iter().all(|entry| entry.rear_m > block.to_m || entry.front_m < from_m);
    let suits = left_m > from_m - car.s_m + length_m + 30.0 && from_m > 60.0 && empty && can_be_passed(scene, lane);
    let works =
        (length_m > 10.0).then(|| Slow { lanes: lanes_of_link(scene, lane), mps: WORKS_MPS, until_s, fog: None });
    suits.then_some(Deed::Shut(block, works))
}

fn lanes_of_link(scene: &Scene<'_>, lane: LaneIx) -> Vec<LaneIx> {
    scene.net.lane(lane).link.map(|link| scene.net.map.link(link).lanes.clone()).unwrap_or_default()
}

/// Water on the road that a car is on.
pub(super) fn flood(scene: &Scene<'_>, car: &Vehicle, until_s: f64) -> Option<Deed> {
    on_link(scene, car)?;
    Some(Deed::Slow(Slow { lanes: lanes_of_link(scene, car.lane()), mps: FLOOD_MPS, until_s, fog: None }))
}

/// Fog around a place.
pub(super) fn fog(scene: &Scene<'_>, centre: Point, until_s: f64) -> Slow {
    let near = |ix: &LaneIx| {
        let line = &scene.net.lane(*ix).centre;
        (line.point_at(line.length_m() / 2.0) - centre).norm() < FOG_M
    };
    Slow { lanes: scene.net.lanes().filter(near).collect(), mps: FOG_MPS, until_s, fog: Some(centre) }
}

/// What an incident that lies on the road is to those who watch it; `None`: it moves, or is traffic.
pub(super) fn condition(scene: &Scene<'_>, kind: IncidentKind, deed: &Deed, id: u64) -> Option<Condition> {
    let shut = |hazard, block: &Block, safe_mps| {
        let at = scene.net.lane(block.lane).centre.point_at((block.from_m + block.to_m) / 2.0);
        (hazard, at, (block.to_m - block.from_m) / 2.0 + BESIDE_M, safe_mps, block.until_s)
    };
    let (hazard, at, radius_m, safe_mps, until_s) = match (kind, deed) {
        (IncidentKind::ThrownObject, Deed::Shut(block, _)) => shut(RoadHazard::Object, block, PASS_MPS),
        (IncidentKind::RoadWorks, Deed::Shut(block, _)) => shut(RoadHazard::Works, block, WORKS_MPS),
        (IncidentKind::Crash, Deed::Crash(_, block)) => shut(RoadHazard::Crash, block, PASS_MPS),
        (IncidentKind::Flood, Deed::Slow(slow)) => {
            let line = &scene.net.lane(*slow.lanes.first()?).centre;
            let half_m = line.length_m() / 2.0;
            (RoadHazard::Water, line.point_at(half_m), half_m, slow.mps, slow.until_s)
        }
        (IncidentKind::Fog, Deed::Slow(slow)) => (RoadHazard::Fog, slow.fog?, FOG_M, slow.mps, slow.until_s),
        _ => return None,
    };
    Some(Condition { id, hazard, at, radius_m, safe_mps, since_s: scene.time_s, until_s })
}

/// Somebody comes towards a car on the car's own lane, from the end of its link to its beginning, and stops when
/// face to face with anyone.
pub(super) fn wrong_way(scene: &Scene<'_>, vehicles: &[Vehicle], index: usize) -> Option<Deed> {
    let car = &vehicles[index];
    let left_m = on_link(scene, car)?;
    let lane = car.lane();
    let from_m = car.s_m + left_m - 20.0;
    let empty = scene.occupancy.on(lane).iter().all(|entry| entry.front_m < from_m - 60.0);
    let beside = [scene.net.lane(lane).left, scene.net.lane(lane).right].into_iter().flatten().next().is_some();
    let route = scene.net.lane(lane).centre.slice(0.0, from_m)?.reversed();
    let kerbs_m = (0.0, route.length_m());
    let stray = Walker {
        id: 0,
        route,
        s_m: 0.0,
        pace_mps: WRONG_WAY_MPS,
        v_mps: WRONG_WAY_MPS,
        stage: Stage::Crossing,
        crossing: None,
        backwards: false,
        kerbs_m,
        impatient: true,
        body: RoadUserKind::Car,
        scripted: true,
    };
    (empty && beside && left_m > 100.0).then(|| Deed::Stray(Box::new(stray)))
}

/// Those ahead of someone who hurries change to the lane beside, the right one first.
pub(super) fn make_way(scene: &Scene<'_>, vehicles: &mut [Vehicle]) {
    for index in 0..vehicles.len() {
        if !vehicles[index].hurries() {
            continue;
        }
        let mut behind = index;
        for _ in 0..4 {
            let Some((ahead, gap_m)) = leader(scene.net, scene.occupancy, vehicles, behind) else { break };
            if gap_m > MAKE_WAY_M {
                break;
            }
            let lane = scene.net.lane(vehicles[ahead].lane());
            let beside = lane.right.or(lane.left);
            if vehicles[ahead].script.is_none() && vehicles[ahead].aim.is_none() {
                vehicles[ahead].aim = beside.map(|lane| Aim { lane, connector: None });
            }
            behind = ahead;
        }
    }
}

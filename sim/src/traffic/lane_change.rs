//! Changing lanes: towards the lane that the route needs, and past someone slow.

use super::Scene;
use super::follow::{Entry, free_mps2, interaction_mps2};
use super::route;
use super::vehicle::{Aim, Vehicle};
use jxz_map::LaneIx;
use smallvec::smallvec;

/// Sideways metres for each metre driven, at most.
const SLANT: f64 = 0.3;
/// Greatest speed sideways, metres per second.
const SIDEWAYS_MPS: f64 = 1.2;

/// Moves a vehicle on sideways after a change began.
pub(crate) fn drift(vehicle: &mut Vehicle, dt_s: f64) {
    let (left_m, mps) = left_over(vehicle);
    vehicle.lateral_m -= left_m.clamp(-mps * dt_s, mps * dt_s);
    if vehicle.lateral_m.abs() < 0.4 {
        vehicle.leaving = None;
    }
}

/// How far to the left of where it wants to be a vehicle is, metres, and how fast it moves there, metres per second.
fn left_over(vehicle: &Vehicle) -> (f64, f64) {
    match vehicle.acted() {
        Some(acted) => {
            let mps = f64::from(acted.sideways_mps).min(vehicle.v_mps);
            (vehicle.lateral_m - f64::from(acted.offset_m), mps)
        }
        None => (vehicle.lateral_m, (vehicle.v_mps * SLANT).min(SIDEWAYS_MPS)),
    }
}

/// Speed sideways, metres per second, positive to the left.
pub(crate) fn drift_mps(vehicle: &Vehicle) -> f64 {
    let (left_m, mps) = left_over(vehicle);
    if left_m == 0.0 { 0.0 } else { -left_m.signum() * mps }
}

/// How much a driver weighs what others lose or gain by its change (MOBIL's politeness).
const POLITENESS: f64 = 0.25;
/// A change must be worth this much, m/s².
const WORTH_MPS2: f64 = 0.25;
/// Nobody may be made to brake harder by it, m/s².
const SAFE_MPS2: f64 = 2.5;

/// Thinks about another lane, as MOBIL does (Kesting, Treiber, Helbing 2007): one's own gain in acceleration, and a
/// share of what those behind gain or lose, against a threshold, nobody being made to brake hard. Sets the aim.
pub(crate) fn consider_overtaking(scene: &Scene<'_>, vehicles: &mut [Vehicle], own: usize, bound: Option<LaneIx>) {
    let vehicle = &vehicles[own];
    let here = vehicle.lane();
    if vehicle.aim.is_some() || vehicle.duty.is_some() || !is_free_to_change(scene, vehicle) {
        return;
    }
    let lane = scene.net.lane(here);
    let guide = bound.and_then(|goal| scene.net.guides.to(goal));
    let leads_on = |lane: &LaneIx| guide.is_none_or(|guide| guide.is_as_good(*lane, here));
    let gains = [lane.left, lane.right].into_iter().flatten().filter(leads_on).filter_map(|lane| {
        let gain_mps2 = gain_mps2(scene, vehicles, own, lane)?;
        (gain_mps2 > WORTH_MPS2).then_some((gain_mps2, lane))
    });
    let best = gains.max_by(|a, b| a.0.total_cmp(&b.0));
    vehicles[own].aim = best.map(|(_, lane)| Aim { lane, connector: None });
}

/// What a change to `lane` gains by MOBIL's sum, m/s²; `None` if it is not safe.
fn gain_mps2(scene: &Scene<'_>, vehicles: &[Vehicle], own: usize, lane: LaneIx) -> Option<f64> {
    let vehicle = &vehicles[own];
    let here = vehicle.lane();
    let s_m = vehicle.s_m * scene.net.length_m(lane) / scene.net.length_m(here);
    let (old_ahead, new_ahead) =
        (scene.occupancy.ahead_on(here, vehicle.s_m, own), scene.occupancy.ahead_on(lane, s_m, own));
    let gap = |entry: Option<Entry>, s_m: f64| entry.map(|entry| (entry.rear_m - s_m, entry.v_mps));
    let own_gain = accelerates_mps2(scene, vehicle, lane, gap(new_ahead, s_m))
        - accelerates_mps2(scene, vehicle, here, gap(old_ahead, vehicle.s_m));
    let mut others = 0.0;
    if let Some(entry) = scene.occupancy.behind_on(lane, s_m, own) {
        let follower = &vehicles[entry.vehicle];
        let before = accelerates_mps2(scene, follower, lane, gap(new_ahead, entry.front_m));
        let behind = (s_m - vehicle.length_m - entry.front_m, vehicle.v_mps);
        let after = accelerates_mps2(scene, follower, lane, Some(behind));
        if after < -SAFE_MPS2 || behind.0 < 0.0 {
            return None;
        }
        others += after - before;
    }
    if let Some(entry) = scene.occupancy.behind_on(here, vehicle.s_m, own) {
        let follower = &vehicles[entry.vehicle];
        let behind = (vehicle.s_m - vehicle.length_m - entry.front_m, vehicle.v_mps);
        others += accelerates_mps2(scene, follower, here, gap(old_ahead, entry.front_m))
            - accelerates_mps2(scene, follower, here, Some(behind));
    }
    Some(own_gain + POLITENESS * others)
}

/// The model's acceleration of a driver on a lane behind someone at a gap and a speed, m/s².
fn accelerates_mps2(scene: &Scene<'_>, vehicle: &Vehicle, lane: LaneIx, ahead: Option<(f64, f64)>) -> f64 {
    let driver = &vehicle.driver;
    let wanted_mps = (scene.net.facts(lane).comfortable_mps * driver.eagerness).min(driver.top_mps);
    let free = free_mps2(driver, vehicle.v_mps, wanted_mps);
    ahead.map_or(free, |(gap_m, mps)| free - interaction_mps2(driver, vehicle.v_mps, gap_m, mps)).max(-9.0)
}

/// Whether a change could begin here at all: not in a junction, not in another change, not just before the line.
fn is_free_to_change(scene: &Scene<'_>, vehicle: &Vehicle) -> bool {
    let here = vehicle.lane();
    let lane = scene.net.lane(here);
    let line_m = scene.net.facts(here).hold_m;
    // Who stands before what blocks the lane steers out from where it stands.
    let steers_out = !scene.obstacles.is_empty() && scene.obstacles.is_shut(here);
    lane.link.is_some()
        && vehicle.leaving.is_none()
        && vehicle.lateral_m == 0.0
        && (vehicle.v_mps > 1.0 || steers_out)
        && vehicle.script.is_none()
        && vehicle.s_m > vehicle.length_m + 2.0
        && line_m - vehicle.s_m > 14.0 + 3.0 * vehicle.v_mps
        && vehicle.path.get(vehicle.at + 1).is_none_or(|&next| !vehicle.has_ticket(next))
}

/// Begins the change that the aim needs, when there is room. `taken` are lanes that someone moved to in this step.
pub(crate) fn change(
    scene: &Scene<'_>,
    vehicles: &mut [Vehicle],
    own: usize,
    bound: Option<LaneIx>,
    taken: &mut Vec<LaneIx>,
) {
    let vehicle = &vehicles[own];
    let Some(aim) = vehicle.aim else { return };
    let here = vehicle.lane();
    let Some(target) = route::towards(scene.net, here, aim.lane) else {
        vehicles[own].aim = None;
        return;
    };
    if !is_free_to_change(scene, vehicle) || taken.contains(&target) || !has_room(scene, vehicles, own, target) {
        return;
    }
    taken.push(target);
    let (old, new) = (&scene.net.lane(here).centre, &scene.net.lane(target).centre);
    let vehicle = &mut vehicles[own];
    let foot = new.project(old.point_at(vehicle.s_m));
    (vehicle.path, vehicle.at, vehicle.s_m) = (smallvec![target], 0, foot.s_m);
    (vehicle.lateral_m, vehicle.leaving) = (foot.offset_m, Some(here));
    if target == aim.lane {
        vehicle.aim = None;
        route::take(scene.net, vehicle, aim, bound);
    } else {
        route::extend(scene.net, vehicle, bound);
    }
}

fn has_room(scene: &Scene<'_>, vehicles: &[Vehicle], own: usize, target: LaneIx) -> bool {
    let vehicle = &vehicles[own];
    let here = vehicle.lane();
    let s_m = vehicle.s_m * scene.net.length_m(target) / scene.net.length_m(here);
    let v_mps = vehicle.v_mps;
    let enough_ahead = |gap_m: f64, ahead_mps: f64| gap_m > 4.0 + 0.5 * v_mps + 2.5 * (v_mps - ahead_mps).max(0.0);
    let enough_behind = |gap_m: f64, mps: f64| gap_m > 4.0 + 0.7 * mps + 3.0 * (mps - v_mps).max(0.0);
    // The way sideways needs room before the one ahead in the old lane too.
    let old = scene.occupancy.ahead_on(here, vehicle.s_m, own);
    let ahead = scene.occupancy.ahead_on(target, s_m, own);
    let behind = scene.occupancy.behind_on(target, s_m, own);
    let speed = |entry: &Entry| vehicles[entry.vehicle].v_mps;
    if old.is_some_and(|e| e.rear_m - vehicle.s_m < 3.0 + 3.5 / SLANT - 2.0 * speed(&e).min(5.0))
        || ahead.is_some_and(|e| !enough_ahead(e.rear_m - s_m, speed(&e)))
        || behind.is_some_and(|e| !enough_behind(s_m - vehicle.length_m - e.front_m, speed(&e)))
    {
        return false;
    }
    behind.is_some()
        || scene.net.lane(target).predecessors.iter().all(|&before| {
            let length_m = scene.net.length_m(before);
            scene
                .occupancy
                .on(before)
                .iter()
                .all(|e| enough_behind(s_m - vehicle.length_m + length_m - e.front_m, speed(e)) || e.vehicle == own)
        })
}

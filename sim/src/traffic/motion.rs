//! One step of a vehicle: how hard to accelerate, and where that leads.

use super::Scene;
use super::follow::{Entry, HARDEST_MPS2, LOOK_AHEAD_M, ahead, free_mps2, interaction_mps2, stop_mps2};
use super::junction::{Desks, inside};
use super::obstacle::block_mps2;
use super::roads::RoadNet;
use super::script::Script;
use super::vehicle::Vehicle;
use super::walker::Walker;
use super::{crossing, lane_change, route};
use jxz_map::{LaneIx, Turn};

/// Deceleration ahead of a lower limit or a bend, m/s².
const EASY_MPS2: f64 = 1.4;
/// Braking that even a driver who looks away notices to be needed, m/s².
const NOTICED_MPS2: f64 = 5.0;
/// Who stood for this long needs a moment to drive off again, seconds.
const STOOD_S: f64 = 1.0;
/// The way is free when it allows this acceleration, m/s².
const FREE_MPS2: f64 = 0.2;
/// Longer vehicles need room where the road turns back on itself, metres: so much behind them, so much to one ahead.
const LONG_M: f64 = 6.0;
const SWING_M: f64 = 4.0;
const FOLD_M: f64 = 7.0;
/// A warned driver brakes so hard, m/s²: most do in emergencies, on a dry road, before the tyres' limit.
const HEEDING_MPS2: f64 = 6.0;
/// Scripted hard braking, m/s².
const HARD_BRAKE_MPS2: f64 = 6.0;

/// The acceleration of one vehicle in this step, m/s².
pub(crate) fn acceleration_mps2(scene: &Scene<'_>, vehicles: &[Vehicle], desks: &Desks, own: usize) -> f64 {
    let vehicle = &vehicles[own];
    let v_mps = vehicle.v_mps;
    if let Some(acted) = vehicle.acted()
        && !acted.reacts
    {
        if !(acted.heeds && vehicle.is_warned(scene.time_s)) {
            return acted.a_mps2;
        }
        // Who was warned looks at the road from then on, and brakes at once down to what the warning asks for.
        let asked = vehicle.wary_mps(scene.time_s).is_some_and(|mps| mps < v_mps);
        let asked_mps2 = if asked { -HEEDING_MPS2 } else { f64::INFINITY };
        let acted_mps2 = if acted.a_mps2 < 0.0 { acted.a_mps2 } else { f64::INFINITY };
        return attentive_mps2(scene, vehicles, desks, own).min(asked_mps2).min(acted_mps2);
    }
    attentive_mps2(scene, vehicles, desks, own)
}

/// The acceleration of somebody who looks at the road, m/s².
fn attentive_mps2(scene: &Scene<'_>, vehicles: &[Vehicle], desks: &Desks, own: usize) -> f64 {
    let vehicle = &vehicles[own];
    let (driver, v_mps) = (&vehicle.driver, vehicle.v_mps);
    let free = free_mps2(driver, v_mps, desired_mps(scene, vehicle));
    let ahead = ahead(scene.net, scene.occupancy, vehicle, own)
        .map(|(entry, gap_m)| (gap_m - fold_m(scene.net, vehicle, vehicles, &entry), entry.v_mps));
    let behind = |(gap_m, mps)| free - interaction_mps2(driver, v_mps, gap_m, mps);
    let late = vehicle.is_distracted(scene.time_s);
    let mut limit = match ahead {
        Some(ahead) if !late || ahead.0 < 5.0 || needs_mps2(vehicle, ahead) > NOTICED_MPS2 => behind(ahead),
        _ => free,
    };
    if let Some(leaving) = vehicle.leaving
        && let Some(entry) = scene.occupancy.ahead_on(leaving, vehicle.s_m, own)
    {
        limit = limit.min(behind((entry.rear_m - vehicle.s_m, entry.v_mps)));
    }
    if let Some(to_line_m) = desks.to_line_m(scene, vehicle, own) {
        limit = limit.min(stop_mps2(v_mps, to_line_m - 0.8, driver.brake_mps2));
    }
    let others = inside(scene, vehicle, desks, own);
    limit = limit.min(others.limit_mps2);
    let on_foot = crossing::yield_mps2(scene, vehicle, ahead, others.wait_m).min(loose_walkers_mps2(scene, vehicle));
    if !late || on_foot < -NOTICED_MPS2 {
        limit = limit.min(on_foot);
    }
    limit = limit.min(halt_mps2(scene, vehicle)).min(script_mps2(vehicle)).min(block_mps2(scene, vehicle));
    limit.clamp(-HARDEST_MPS2, driver.accelerate_mps2)
}

/// The speed that the driver wants here, with what comes ahead in mind, metres per second.
fn desired_mps(scene: &Scene<'_>, vehicle: &Vehicle) -> f64 {
    let factor = vehicle.speed_factor(scene.time_s);
    let mut offset_m = -vehicle.s_m;
    let mut desired_mps = vehicle.driver.top_mps;
    for &lane in &vehicle.path[vehicle.at..] {
        let facts = scene.net.facts(lane);
        let bend_mps = facts.comfortable_mps;
        // Only a limit is broken at will; a bend is not.
        let limit_mps = if bend_mps < facts.speed_limit_mps { bend_mps } else { bend_mps * factor };
        let limit_mps = limit_mps.min(scene.obstacles.limit_mps(lane));
        let crawls = scene.crawls.iter().filter(|c| c.lanes.contains(&lane));
        let limit_mps = crawls.fold(limit_mps, |v, c| v.min(c.mps));
        desired_mps = desired_mps.min((limit_mps * limit_mps + 2.0 * EASY_MPS2 * offset_m.max(0.0)).sqrt());
        offset_m += facts.length_m;
        if offset_m > LOOK_AHEAD_M {
            break;
        }
    }
    if let Some(Script::Run { mps, .. }) = vehicle.script {
        desired_mps = desired_mps.min(mps);
    }
    vehicle.wary_mps(scene.time_s).map_or(desired_mps, |mps| desired_mps.min(mps))
}

/// What is left beside the usual gap where the road turns back on itself, metres: a long vehicle's rear swings out behind
/// it there, and who follows in a long one meets it coming back.
fn fold_m(net: &RoadNet, vehicle: &Vehicle, vehicles: &[Vehicle], ahead: &Entry) -> f64 {
    // The entry tells the length: of most who lead nothing more is looked at.
    let leads_long = ahead.front_m - ahead.rear_m > LONG_M;
    let turns_back = |vehicle: &Vehicle| {
        vehicle.length_m > LONG_M && {
            let near = &vehicle.path[vehicle.at.saturating_sub(1)..vehicle.path.len().min(vehicle.at + 2)];
            let turn = |lane: &LaneIx| net.lane(*lane).movement.as_ref().map(|movement| movement.turn);
            near.iter().any(|lane| turn(lane) == Some(Turn::UTurn))
        }
    };
    let room = |folds: bool, m| if folds { m } else { 0.0 };
    room(leads_long && turns_back(&vehicles[ahead.vehicle]), SWING_M) + room(turns_back(vehicle), FOLD_M)
}

/// The braking that keeps a vehicle off the one ahead even if that brakes to a stop, m/s².
fn needs_mps2(vehicle: &Vehicle, (gap_m, ahead_mps): (f64, f64)) -> f64 {
    let room_m = gap_m - 2.0 + ahead_mps * ahead_mps / (2.0 * HARD_BRAKE_MPS2);
    vehicle.v_mps * vehicle.v_mps / (2.0 * room_m.max(0.5))
}

/// What someone on foot away from any crossing demands, m/s².
fn loose_walkers_mps2(scene: &Scene<'_>, vehicle: &Vehicle) -> f64 {
    let mut limit_mps2 = f64::INFINITY;
    for walker in scene.loose {
        let (position, _) = walker.pose();
        let mut offset_m = -vehicle.s_m;
        for &lane in &vehicle.path[vehicle.at..] {
            let foot = scene.net.lane(lane).centre.project(position);
            let ahead_m = offset_m + foot.s_m;
            let half_m = walker.body.size_m().0 / 2.0;
            let ahead_m = ahead_m - half_m;
            if ahead_m > 0.5 && ahead_m < 60.0 && foot.distance_m < 4.5 && is_in_way(walker, scene, lane, vehicle) {
                limit_mps2 = limit_mps2.min(stop_mps2(vehicle.v_mps, ahead_m - 1.5, vehicle.driver.brake_mps2));
            }
            offset_m += scene.net.length_m(lane);
            if offset_m > 60.0 {
                break;
            }
        }
    }
    limit_mps2
}

/// Whether a walker is on or about to be on the part of a lane that the vehicle takes.
fn is_in_way(walker: &Walker, scene: &Scene<'_>, lane: LaneIx, vehicle: &Vehicle) -> bool {
    let line = &scene.net.lane(lane).centre;
    let offset_m = |s_m: f64| line.project(walker.route.point_at(s_m)).offset_m;
    let (now_m, soon_m) = (offset_m(walker.s_m), offset_m(walker.s_m + walker.v_mps * 1.5));
    let half_m = vehicle.kind.size_m().1 / 2.0 + 0.6;
    now_m.abs() < half_m || soon_m.abs() < half_m || now_m * soon_m < 0.0
}

/// Bus stops and scripted places to stand, m/s².
fn halt_mps2(scene: &Scene<'_>, vehicle: &Vehicle) -> f64 {
    let place = match (&vehicle.script, &vehicle.duty) {
        (Some(Script::Stand { lane, at_m, .. }), _) => Some((*lane, *at_m)),
        (_, Some(duty)) => scene.service.stop(duty),
        _ => None,
    };
    let Some((lane, at_m)) = place else { return f64::INFINITY };
    let mut offset_m = -vehicle.s_m;
    for &ahead in &vehicle.path[vehicle.at..] {
        let to_m = offset_m + at_m;
        if ahead == lane && to_m > -3.0 {
            return stop_mps2(vehicle.v_mps, to_m, 1.6);
        }
        offset_m += scene.net.length_m(ahead);
        if offset_m > LOOK_AHEAD_M {
            break;
        }
    }
    f64::INFINITY
}

fn script_mps2(vehicle: &Vehicle) -> f64 {
    match vehicle.script {
        Some(Script::Brake { .. }) if vehicle.v_mps > 1.0 => -HARD_BRAKE_MPS2,
        Some(Script::Brake { .. }) => 0.0,
        Some(Script::Run { brakes: true, .. }) => -7.0,
        Some(Script::Acted(acted)) => acted.a_mps2,
        _ => f64::INFINITY,
    }
}

/// What is left of an acceleration: nothing until who stands has noticed that the way is free.
fn driven_off(vehicle: &mut Vehicle, a_mps2: f64, dt_s: f64) -> f64 {
    if vehicle.v_mps > 0.05 || vehicle.standing_s < STOOD_S {
        vehicle.free_s = 0.0;
        return a_mps2;
    }
    vehicle.free_s = if a_mps2 > FREE_MPS2 { vehicle.free_s + dt_s as f32 } else { 0.0 };
    if vehicle.free_s > vehicle.driver.start_s { a_mps2 } else { a_mps2.min(0.0) }
}

/// Moves a vehicle on; true if it came onto another lane.
pub(crate) fn advance(scene: &Scene<'_>, vehicle: &mut Vehicle, a_mps2: f64, bound: Option<LaneIx>) {
    let before_mps = vehicle.v_mps;
    let a_mps2 = if vehicle.acted().is_some() { a_mps2 } else { driven_off(vehicle, a_mps2, scene.dt_s) };
    vehicle.v_mps = (before_mps + a_mps2 * scene.dt_s).max(0.0);
    vehicle.a_mps2 = (vehicle.v_mps - before_mps) / scene.dt_s;
    vehicle.s_m += (before_mps + vehicle.v_mps) / 2.0 * scene.dt_s;
    vehicle.standing_s = if vehicle.v_mps < 0.3 { vehicle.standing_s + scene.dt_s } else { 0.0 };
    lane_change::drift(vehicle, scene.dt_s);
    while vehicle.s_m > scene.net.length_m(vehicle.lane()) && vehicle.at + 1 < vehicle.path.len() {
        vehicle.s_m -= scene.net.length_m(vehicle.lane());
        vehicle.at += 1;
        vehicle.leaving = None;
        route::choose_aim(scene.net, vehicle, bound);
    }
    let mut behind_m: f64 = vehicle.path[..vehicle.at].iter().map(|&l| scene.net.length_m(l)).sum();
    while vehicle.at > 0 && behind_m - scene.net.length_m(vehicle.path[0]) > vehicle.length_m + 12.0 {
        behind_m -= scene.net.length_m(vehicle.path.remove(0));
        vehicle.at -= 1;
    }
    route::extend(scene.net, vehicle, bound);
    let (lane, s_m) = (vehicle.lane(), vehicle.s_m);
    scene.net.follow(&mut vehicle.place, lane, s_m);
}

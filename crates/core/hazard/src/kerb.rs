//! What a pedestrian beside the carriageway is about to do.

use crate::actor::Actor;
use crate::config::VrucwConfig;
use crate::scene::Scene;
use jxz_geo::Point;
use jxz_map::{CrossingControl, LaneKind};
use jxz_world::RoadUserClass;

/// Nearer to the carriageway than this, metres, and slower than the next, m/s, one stands at the kerb.
const AT_KERB_M: f64 = 1.5;
const STANDING_MPS: f64 = 0.25;
/// One who slows by this part of what stopping at the kerb takes is going to stop.
const STOPPING_SHARE: f64 = 0.7;
/// The probability that one steps out is multiplied by this when they slow to stop there, and at a red light.
const STOPPING: f64 = 0.15;
const AT_RED: f64 = 0.15;
/// Who waits becomes impatient: the probability of one who stands grows by as much again in this, seconds.
const IMPATIENT_S: f64 = 20.0;
/// Longer standing vehicles hide people, metres.
const HIDING_M: f64 = 6.5;
/// How often the way to the carriageway is looked at, seconds, and how far, steps.
const STEP_S: f64 = 0.2;
const STEPS: u32 = 20;

/// Whether a point is on a lane of motor vehicles.
fn is_on_road(scene: &Scene<'_>, at: Point, near: &mut Vec<crate::roads::OnLane>) -> bool {
    scene.roads.near(at, 3.0, near);
    near.iter().any(|on| {
        let lane = scene.map.lane(on.lane);
        lane.kind == LaneKind::Driving && on.distance_m < 0.5 * lane.width_m
    })
}

/// The probability that a pedestrian is on the carriageway or will step onto it: from how soon they would at their
/// present velocity, whether they slow, how long they wait, what their light shows, and where they come from.
pub(crate) fn steps_out(scene: &Scene<'_>, walker: &Actor<'_>, config: &VrucwConfig) -> f64 {
    let mut near = Vec::new();
    if is_on_road(scene, walker.at, &mut near) {
        return 1.0;
    }
    let steps = if walker.speed_mps > STANDING_MPS { STEPS } else { 0 };
    // How far the nearest carriageway is at least: before that is walked there is nothing to look at.
    let reach_m = walker.speed_mps * f64::from(steps) * STEP_S;
    scene.roads.near(walker.at, 3.0 + reach_m, &mut near);
    let edge_m = |on: &crate::roads::OnLane| on.distance_m - 0.5 * scene.map.lane(on.lane).width_m;
    let driving = near.iter().filter(|on| scene.map.lane(on.lane).kind == LaneKind::Driving);
    let away_m = driving.map(edge_m).fold(f64::INFINITY, f64::min);
    let first = if away_m > reach_m { steps + 1 } else { (away_m / (walker.speed_mps * STEP_S)) as u32 };
    let enters = (first.max(1)..=steps).find(|k| {
        let at = walker.at + walker.velocity * (f64::from(*k) * STEP_S);
        is_on_road(scene, at, &mut near)
    });
    let Some(entry_s) = enters.map(|k| f64::from(k) * STEP_S) else {
        scene.roads.near(walker.at, 3.0 + AT_KERB_M, &mut near);
        let at_kerb = near.iter().any(|on| {
            let lane = scene.map.lane(on.lane);
            lane.kind == LaneKind::Driving && on.distance_m < 0.5 * lane.width_m + AT_KERB_M
        });
        let waits = 1.0 + (walker.standing_s.unwrap_or(0.0) / IMPATIENT_S).min(1.0);
        return if at_kerb && steps == 0 { config.standing * waits } else { 0.0 };
    };
    if appeared(scene, walker, config) {
        return 1.0;
    }
    // At a crossing one waits for a gap or for green; who walks up to the road elsewhere means to cross there.
    let half_s = if at_crossing(scene, walker, entry_s) { config.crossing_s } else { config.entry_s };
    let soon = 1.0 / (1.0 + libm::exp((entry_s - half_s) / config.entry_spread_s));
    let needs_mps2 = walker.speed_mps / (2.0 * entry_s);
    let stopping = -walker.acceleration_mps2 > (STOPPING_SHARE * needs_mps2).max(0.4);
    let red = red_light(scene, walker);
    soon * if stopping { STOPPING } else { 1.0 } * if red { AT_RED } else { 1.0 }
}

/// Whether they came to be seen just now beside a standing long vehicle, which hid them.
pub(crate) fn appeared(scene: &Scene<'_>, walker: &Actor<'_>, config: &VrucwConfig) -> bool {
    let new = scene.at.seconds_since(walker.track.since) <= config.hidden_s;
    new && scene.actors.iter().any(|other| {
        let stands = other.class == RoadUserClass::Motor && !other.moves() && other.length_m >= HIDING_M;
        stands && outside_m(other, walker.at) <= config.hidden_m
    })
}

/// Distance from a road user's outline, metres; 0 inside.
fn outside_m(actor: &Actor<'_>, point: Point) -> f64 {
    let to = point - actor.at;
    let dir = actor.dir.unwrap_or_else(jxz_geo::Vector::x);
    let along = (dir.dot(&to).abs() - 0.5 * actor.length_m).max(0.0);
    let aside = (dir.perp(&to).abs() - 0.5 * actor.width_m).max(0.0);
    libm::hypot(along, aside)
}

/// Whether they would step onto the road at a crossing.
fn at_crossing(scene: &Scene<'_>, walker: &Actor<'_>, entry_s: f64) -> bool {
    let at = walker.at + walker.velocity * entry_s;
    scene.map.crossings.iter().any(|c| c.line.project(at).distance_m < 0.5 * c.width_m + 1.0)
}

/// Whether they walk towards a crossing whose light for them is red.
fn red_light(scene: &Scene<'_>, walker: &Actor<'_>) -> bool {
    scene.map.crossings.iter().any(|crossing| {
        let Some(CrossingControl::Signal(junction, phase)) = crossing.control else { return false };
        let light = scene.signals.phase_light(junction, phase);
        // The light is the dear part's gate: most crossings are not at this junction.
        light.is_some_and(|light| !light.is_go())
            && crossing.line.project(walker.at + walker.velocity).distance_m < 0.5 * crossing.width_m + 1.0
    })
}

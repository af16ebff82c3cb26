//! What a pedestrian beside the carriageway is about to do.

use crate::actor::Actor;
use crate::config::VrucwConfig;
use crate::roads::OnLane;
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
/// No lane of motor vehicles is wider to either side of its middle, metres.
const HALF_LANE_M: f64 = 3.0;
/// How often the way to the carriageway is looked at, seconds, and how far, steps.
const STEP_S: f64 = 0.2;
const STEPS: u32 = 20;

/// What is thought of a pedestrian.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intent {
    /// The probability that they are on the carriageway or will step onto it.
    pub(crate) steps_out: f64,
    /// Whether they came to be seen just now beside a standing long vehicle, which hid them.
    pub(crate) hidden: bool,
}

impl Intent {
    pub(crate) fn of(scene: &Scene<'_>, walker: &Actor<'_>, config: &VrucwConfig) -> Self {
        let hidden = appeared(scene, walker, config);
        Self { steps_out: steps_out(scene, walker, config, hidden), hidden }
    }
}

/// Distance from a point to the nearest lane of motor vehicles whose middle is within `radius_m`, metres: below zero on
/// it, infinite without one.
fn to_carriageway_m(scene: &Scene<'_>, at: Point, radius_m: f64, near: &mut Vec<OnLane>) -> f64 {
    scene.roads.near(at, radius_m, near);
    let lanes = near.iter().map(|on| (on, scene.map.lane(on.lane)));
    let driving = lanes.filter(|(_, lane)| lane.kind == LaneKind::Driving);
    driving.map(|(on, lane)| on.distance_m - 0.5 * lane.width_m).fold(f64::INFINITY, f64::min)
}

/// From how soon they would step onto the carriageway at their present velocity, whether they slow, how long they wait,
/// what their light shows, and where they come from.
fn steps_out(scene: &Scene<'_>, walker: &Actor<'_>, config: &VrucwConfig, hidden: bool) -> f64 {
    let mut near = Vec::new();
    let steps = if walker.speed_mps > STANDING_MPS { STEPS } else { 0 };
    // One look for how far the nearest carriageway is: before that is walked there is nothing to look at.
    let reach_m = walker.speed_mps * f64::from(steps) * STEP_S;
    let away_m = to_carriageway_m(scene, walker.at, HALF_LANE_M + reach_m.max(AT_KERB_M), &mut near);
    if away_m < 0.0 {
        return 1.0;
    }
    let first = if away_m > reach_m { steps + 1 } else { (away_m / (walker.speed_mps * STEP_S)) as u32 };
    let enters = (first.max(1)..=steps).find(|k| {
        let at = walker.at + walker.velocity * (f64::from(*k) * STEP_S);
        to_carriageway_m(scene, at, HALF_LANE_M, &mut near) < 0.0
    });
    let Some(entry_s) = enters.map(|k| f64::from(k) * STEP_S) else {
        let waits = 1.0 + (walker.standing_s.unwrap_or(0.0) / IMPATIENT_S).min(1.0);
        return if away_m < AT_KERB_M && steps == 0 { config.standing * waits } else { 0.0 };
    };
    if hidden {
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

/// Whether they came to be seen just now beside a standing long vehicle, which hid them. What a radar alone sees there is
/// mostly an echo that the vehicle throws to and fro.
fn appeared(scene: &Scene<'_>, walker: &Actor<'_>, config: &VrucwConfig) -> bool {
    let new = scene.at.seconds_since(walker.track.since) <= config.hidden_s && !walker.a_radar_alone_knows();
    new && scene.actors.iter().any(|other| {
        let stands = other.class == RoadUserClass::Motor && !other.moves() && other.length_m >= HIDING_M;
        // Within its outline is nobody but itself.
        let outside_m = outside_m(other, walker.at);
        stands && outside_m > 0.0 && outside_m <= config.hidden_m
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

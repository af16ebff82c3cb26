//! Vehicles that are not as they should be: abnormal ones ahead (AVW), and ones out of control (CLW).

use crate::config::{AvwConfig, ClwConfig};
use crate::ledger::{EventKey, Proposal};
use crate::level;
use crate::memory::Memory;
use crate::normal;
use crate::place::Spot;
use crate::queue::Halt;
use crate::scene::Scene;
use jxz_units::wrap_pi;
use jxz_world::{Application, Cause, Level, RoadUserClass};

/// A vehicle with hazard lights is abnormal below this, m/s: others use them in heavy rain.
const HAZARD_LIGHTS_MPS: f64 = 8.0;
/// Slower than this it stands, m/s: standing vehicles are for `hlw`, unless they say that they cannot drive.
const STANDING_MPS: f64 = 0.6;
/// A younger track's heading is not believed against its course, seconds.
const SURE_HEADING_S: f64 = 2.0;

pub(crate) fn abnormal(
    scene: &Scene<'_>,
    memory: &mut Memory,
    halts: &[Halt],
    config: &AvwConfig,
    least: f64,
    out: &mut Vec<Proposal>,
) {
    for (i, actor) in scene.actors.iter().enumerate() {
        let Some(on) = actor.placements.first().filter(|_| actor.class == RoadUserClass::Motor) else { continue };
        let usual_mps = scene.map.lane(on.lane).speed_limit_mps;
        let bound_mps = config.slow_fraction * usual_mps;
        let crawls = actor.speed_mps > STANDING_MPS
            && actor.speed_mps < bound_mps
            && !matches!(halts[i], Halt::Excused | Halt::Behind)
            && scene.map.lane(on.lane).movement.is_none()
            && !near_end(scene, on.lane, on.s_m, config.alone_m)
            && !slow_near(scene, i, bound_mps, config.alone_m);
        let slow_s = memory.slow_s(scene.at, actor.track.id, crawls);
        let events = actor.events();
        let lights = events.hazard_lights && actor.speed_mps < HAZARD_LIGHTS_MPS;
        let reported = lights || (events.disabled || events.flat_tire) && actor.speed_mps < bound_mps;
        if !reported && slow_s < config.slow_s {
            continue;
        }
        let slow = 1.0 - normal::above(actor.speed_mps, actor.sigma_mps, bound_mps);
        let probability = actor.motor_probability() * if reported { 1.0 } else { slow };
        if probability < least {
            continue;
        }
        let rear_m = (on.s_m - 0.5 * actor.length_m).max(0.0);
        let coming = scene.approaching_from(on.lane, rear_m, scene.life.approach_m, &[actor.track.id]);
        let time_s = |(m, j): &(f64, usize)| m / (scene.actors[*j].speed_mps - actor.speed_mps).max(0.1);
        let nearest_s = coming.iter().map(time_s).fold(f64::INFINITY, f64::min);
        out.push(Proposal {
            application: Application::Avw,
            key: EventKey::Track(actor.event),
            level: level::of(scene.life, nearest_s, 0.0).min(Level::Warning),
            at_once: false,
            probability,
            cause: Cause::SlowVehicle { speed_mps: actor.speed_mps, usual_mps },
            about: vec![actor.track.id],
            concerned: coming.into_iter().map(|(_, j)| scene.concerned(j)).collect(),
            spot: Spot::OnLane { lane: on.lane, s_m: rear_m },
            ways: None,
            sensed_at: actor.track.measured_at,
        });
    }
}

/// Whether others are slow too: the one ahead, or one beside that goes the same way.
fn slow_near(scene: &Scene<'_>, i: usize, bound_mps: f64, within_m: f64) -> bool {
    let actor = &scene.actors[i];
    let ahead = scene.leaders[i].is_some_and(|l| l.gap_m < within_m && scene.actors[l.actor].speed_mps < bound_mps);
    let Some(dir) = actor.dir else { return ahead };
    ahead
        || scene.actors.iter().enumerate().any(|(j, other)| {
            let apart = other.at - actor.at;
            let beside = (2.0..8.0).contains(&dir.perp(&apart).abs()) && dir.dot(&apart).abs() < within_m;
            let same_way = other.class == RoadUserClass::Motor && other.dir.is_some_and(|d| d.dot(&dir) > 0.8);
            j != i && beside && same_way && other.speed_mps < bound_mps
        })
}

/// Whether a lane ends, in a junction or otherwise, within a distance: vehicles slow there, and start from there.
fn near_end(scene: &Scene<'_>, lane: jxz_map::LaneIx, s_m: f64, within_m: f64) -> bool {
    let lane = scene.map.lane(lane);
    lane.centre.length_m() - s_m < within_m || s_m < 0.5 * within_m
}

/// CLW: one that reports that its tyres lost their hold, or that is seen to slide.
pub(crate) fn control_loss(scene: &Scene<'_>, config: &ClwConfig, least: f64, out: &mut Vec<Proposal>) {
    for (i, actor) in scene.actors.iter().enumerate() {
        if actor.class != RoadUserClass::Motor || actor.speed_mps < config.min_speed_mps {
            continue;
        }
        let events = actor.events();
        let reported = events.abs_activated || events.traction_control_loss || events.stability_control_activated;
        let off_rad = actor
            .track
            .heading
            .zip(actor.track.course())
            .map_or(0.0, |(heading, course)| wrap_pi(heading.rad() - course.to_heading().rad()).abs());
        let sigma_rad = 0.1 + actor.sigma_mps / actor.speed_mps;
        let slides = if reported {
            1.0
        } else if actor.tracked_s < SURE_HEADING_S {
            0.0
        } else {
            normal::above(off_rad, sigma_rad, config.slide_rad)
        };
        let probability = slides * actor.motor_probability();
        if probability < least {
            continue;
        }
        let mut near: Vec<(f64, usize)> = Vec::new();
        for (j, other) in scene.actors.iter().enumerate().filter(|(j, _)| *j != i) {
            let apart = actor.at - other.at;
            let comes_near = (other.velocity - actor.velocity).dot(&apart) > 0.0 || !other.moves();
            if apart.norm() <= config.reach_m && comes_near {
                near.push((apart.norm(), j));
            }
        }
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        near.truncate(32);
        let Some((distance_m, nearest)) = near.first().copied() else { continue };
        let closing_mps = (actor.velocity - scene.actors[nearest].velocity).norm();
        out.push(Proposal {
            application: Application::Clw,
            key: EventKey::Track(actor.event),
            level: level::of(scene.life, distance_m / closing_mps.max(0.1), 0.0).max(Level::Warning),
            at_once: reported,
            probability,
            cause: Cause::ControlLoss { speed_mps: actor.speed_mps, distance_m },
            about: vec![actor.track.id],
            concerned: near.into_iter().map(|(_, j)| scene.concerned(j)).collect(),
            spot: Spot::OnWay { actor: i, way: 0, s_m: 0.0, at: actor.at },
            ways: None,
            sensed_at: actor.track.measured_at,
        });
    }
}

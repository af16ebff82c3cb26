//! Signals: red lights about to be run (SVW), and the speed that meets a green one (GLOSA).

use crate::actor::Actor;
use crate::config::{GlosaConfig, SvwConfig};
use crate::ledger::{EventKey, Proposal};
use crate::level;
use crate::place::Spot;
use crate::scene::Scene;
use crate::signals::Plan;
use jxz_map::Turn;
use jxz_world::{Application, Cause, Level, RoadUserClass};

/// SVW: over the ways with a light that is red on arrival, the probability that the driver does not stop.
pub(crate) fn violation(scene: &Scene<'_>, config: &SvwConfig, least: f64, out: &mut Vec<Proposal>) {
    for (i, actor) in scene.actors.iter().enumerate() {
        if actor.class != RoadUserClass::Motor || actor.speed_mps < config.min_speed_mps {
            continue;
        }
        let mut sum = 0.0;
        let mut worst: Option<(f64, usize, f64)> = None;
        for (way, path) in actor.paths.iter().enumerate() {
            let Some(stop) = path.stop.filter(|stop| stop.red) else { continue };
            let front_m = stop.at_m - 0.5 * actor.length_m;
            if front_m / actor.speed_mps > config.max_time_s {
                continue;
            }
            let weight = path.probability * stop.pass_probability;
            sum += weight;
            if worst.is_none_or(|(known, ..)| weight > known) {
                worst = Some((weight, way, stop.at_m));
            }
        }
        let Some((_, way, at_m)) = worst else { continue };
        let probability = sum.min(1.0) * actor.motor_probability();
        if probability < least {
            continue;
        }
        let stop_m = (at_m - 0.5 * actor.length_m).max(0.0);
        let needs_mps2 = actor.stopping_mps2(stop_m).min(20.0);
        let after = level::needs_mps2(scene.life, actor.speed_mps, stop_m);
        out.push(Proposal {
            application: Application::Svw,
            key: EventKey::Track(actor.event),
            level: level::of(scene.life, stop_m / actor.speed_mps, after).max(Level::Warning),
            at_once: false,
            probability,
            cause: Cause::RedLight { stop_m, needs_mps2 },
            about: vec![actor.track.id],
            concerned: vec![scene.concerned(i)],
            spot: Spot::OnWay { actor: i, way, s_m: at_m.max(0.0), at: actor.paths[way].pose(at_m.max(0.0)).at },
            ways: None,
            sensed_at: actor.track.measured_at,
        });
    }
}

/// GLOSA: the highest speed, between a fraction of the limit and the limit, that meets the green of a known plan.
pub(crate) fn green_speed(scene: &Scene<'_>, config: &GlosaConfig, least: f64, out: &mut Vec<Proposal>) {
    for (i, actor) in scene.actors.iter().enumerate() {
        let told = config.everyone || actor.track.vehicle.is_some();
        if actor.class != RoadUserClass::Motor || !told || !actor.moves() || actor.motor_probability() < least {
            continue;
        }
        let Some(advice) = advice(scene, config, actor) else { continue };
        let Some(on) = actor.placements.first() else { continue };
        out.push(Proposal {
            application: Application::Glosa,
            key: EventKey::Track(actor.event),
            level: Level::Advice,
            at_once: false,
            probability: actor.motor_probability() * on.probability,
            cause: Cause::GreenSpeed {
                stop_m: advice.stop_m,
                advised_mps: advice.speed_mps,
                green_in_s: advice.green_in_s,
            },
            about: Vec::new(),
            concerned: vec![scene.concerned(i)],
            spot: Spot::OnLane { lane: on.lane, s_m: on.s_m + advice.stop_m + 0.5 * actor.length_m },
            ways: None,
            sensed_at: actor.track.measured_at,
        });
    }
}

struct Advice {
    stop_m: f64,
    speed_mps: f64,
    green_in_s: f64,
}

fn advice(scene: &Scene<'_>, config: &GlosaConfig, actor: &Actor<'_>) -> Option<Advice> {
    let on = actor.placements.first()?;
    let lane = scene.map.lane(on.lane);
    let line_m = lane.stop_line_m?;
    let stop_m = line_m - on.s_m - 0.5 * actor.length_m;
    if !(config.nearest_m..=config.farthest_m).contains(&stop_m) {
        return None;
    }
    // Straight on if one may, else the lane's only movement.
    let movements = || lane.successors.iter().filter_map(|next| scene.map.lane(*next).movement.as_ref());
    let movement = movements().find(|m| m.turn == Turn::Straight).or_else(|| movements().next())?;
    let Plan { light, ends_in_s, next } = scene.signals.plan(movement)?;
    let (next, lasts_s) = next?;
    let standing_ahead = |o: &&crate::scene::Occupant| o.s_m > on.s_m && scene.actors[o.actor].speed_mps < 1.0;
    let waiting = scene.occupancy.get(&on.lane).into_iter().flatten().filter(standing_ahead).count();
    let (from_s, to_s) = if light.is_go() {
        (0.0, ends_in_s - config.spare_s)
    } else if next.is_go() {
        let cleared_s = ends_in_s + config.start_s * waiting as f64 + config.spare_s;
        (cleared_s, ends_in_s + lasts_s - config.spare_s)
    } else {
        return None;
    };
    if to_s <= from_s.max(0.1) {
        return None;
    }
    let limit_mps = lane.speed_limit_mps;
    let speed_mps = if from_s > 0.1 { (stop_m / from_s).min(limit_mps) } else { limit_mps };
    let meets = stop_m / speed_mps.max(0.1) <= to_s && speed_mps >= config.slowest_fraction * limit_mps;
    // Who meets it at the present speed needs no advice.
    let now_s = stop_m / actor.speed_mps.max(0.1);
    let good = (from_s..=to_s).contains(&now_s) || (actor.speed_mps - speed_mps).abs() < config.differs_mps;
    (meets && !good).then_some(Advice { stop_m, speed_mps, green_in_s: if light.is_go() { 0.0 } else { ends_in_s } })
}

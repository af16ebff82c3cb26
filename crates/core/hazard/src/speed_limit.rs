//! SLW: over the limit here, or too fast for a lower one ahead, a bend, works, or the road's state.

use crate::actor::Actor;
use crate::config::SlwConfig;
use crate::ledger::{EventKey, Proposal};
use crate::normal;
use crate::place::Spot;
use crate::scene::Scene;
use jxz_world::{Application, Cause, Level, RoadUserClass};

/// Straighter than this is no bend, 1/m.
const BEND_PER_M: f64 = 0.005;
/// Over the limit by this fraction is more than a slip.
const GROSSLY: f64 = 0.2;

/// A limit that a vehicle exceeds.
#[derive(Debug, Clone, Copy)]
struct Excess {
    probability: f64,
    limit_mps: f64,
    way: usize,
    s_m: f64,
}

pub(crate) fn propose(scene: &Scene<'_>, config: &SlwConfig, least: f64, out: &mut Vec<Proposal>) {
    let motor = |actor: &Actor<'_>| actor.class == RoadUserClass::Motor && !actor.placements.is_empty();
    for (i, actor) in scene.actors.iter().enumerate().filter(|(_, actor)| motor(actor)) {
        let mut excess = here(scene, config, actor);
        if excess.probability < least {
            let worst = ahead(scene, config, actor);
            excess = worst.filter(|w| w.probability > excess.probability).unwrap_or(excess);
        }
        let probability = excess.probability * actor.motor_probability();
        if probability < least {
            continue;
        }
        let grossly = actor.speed_mps > (1.0 + GROSSLY) * excess.limit_mps;
        out.push(Proposal {
            application: Application::Slw,
            key: EventKey::Track(actor.event),
            level: if grossly { Level::Warning } else { Level::Advice },
            at_once: false,
            probability,
            cause: Cause::Overspeed { speed_mps: actor.speed_mps, limit_mps: excess.limit_mps },
            about: vec![actor.track.id],
            concerned: vec![scene.concerned(i)],
            spot: Spot::OnWay {
                actor: i,
                way: excess.way,
                s_m: excess.s_m,
                at: actor.paths[excess.way].pose(excess.s_m).at,
            },
            ways: None,
            sensed_at: actor.track.measured_at,
        });
    }
}

/// Speed that is let pass under a limit.
fn tolerated_mps(limit_mps: f64, config: &SlwConfig) -> f64 {
    limit_mps + config.margin_mps.max(config.margin_fraction * limit_mps)
}

/// Over the limit of the lanes that it may be on, or of what is reported there.
fn here(scene: &Scene<'_>, config: &SlwConfig, actor: &Actor<'_>) -> Excess {
    let mut least_mps = f64::INFINITY;
    let probability = actor.placements.iter().fold(0.0, |sum, on| {
        let zones = scene.zones.iter().filter(|zone| {
            zone.lanes.iter().any(|(lane, from_m, to_m)| *lane == on.lane && (*from_m..=*to_m).contains(&on.s_m))
        });
        let limit = zones.map(|z| z.report.safe_mps).fold(scene.map.lane(on.lane).speed_limit_mps, f64::min);
        least_mps = least_mps.min(limit);
        sum + on.probability * normal::above(actor.speed_mps, actor.sigma_mps, tolerated_mps(limit, config))
    });
    Excess { probability, limit_mps: least_mps, way: 0, s_m: 0.0 }
}

/// Too fast to be down to a lower limit ahead without braking hard, over all the ways that it may take.
fn ahead(scene: &Scene<'_>, config: &SlwConfig, actor: &Actor<'_>) -> Option<Excess> {
    if actor.acceleration_mps2 <= -0.8 * config.needs_mps2 {
        return None;
    }
    let on_ways = actor.paths.iter().enumerate().filter_map(|(way, _)| on_way(scene, config, actor, way));
    let (mut sum, mut worst) = (0.0, None::<Excess>);
    for excess in on_ways {
        let share = actor.paths[excess.way].probability;
        sum += share * excess.probability;
        let weight = |e: &Excess| e.probability * actor.paths[e.way].probability;
        if worst.as_ref().is_none_or(|known| weight(&excess) > weight(known)) {
            worst = Some(excess);
        }
    }
    worst.map(|excess| Excess { probability: sum.min(1.0), ..excess })
}

/// The worst of one way.
fn on_way(scene: &Scene<'_>, config: &SlwConfig, actor: &Actor<'_>, way: usize) -> Option<Excess> {
    let mut worst: Option<Excess> = None;
    let mut note = |s_m: f64, limit_mps: f64, tolerated_mps: f64| {
        if s_m <= 0.5 || s_m > config.look_ahead_m {
            return;
        }
        // Speed from which the configured deceleration just reaches what is tolerated there.
        let from_mps = (tolerated_mps * tolerated_mps + 2.0 * config.needs_mps2 * s_m).sqrt();
        let probability = normal::above(actor.speed_mps, actor.sigma_mps, from_mps);
        if worst.is_none_or(|known| probability > known.probability) {
            worst = Some(Excess { probability, limit_mps, way, s_m });
        }
    };
    for on in &actor.paths[way].lanes {
        let limit_mps = scene.map.lane(on.lane).speed_limit_mps;
        note(on.from_m, limit_mps, tolerated_mps(limit_mps, config));
        for zone in scene.zones {
            for (_, from_m, _) in zone.lanes.iter().filter(|(lane, ..)| *lane == on.lane) {
                let safe_mps = zone.report.safe_mps.min(limit_mps);
                note(on.from_m + from_m, safe_mps, tolerated_mps(safe_mps, config));
            }
        }
        // A bend: as fast as it can be driven is faster than anybody wants to, so there is no margin.
        if let Some(shape) = scene.roads.shape(on.lane).filter(|shape| shape.curvature > BEND_PER_M) {
            let safe_mps = (config.sideways_mps2 / shape.curvature).sqrt();
            note(on.from_m.max(0.6), safe_mps, safe_mps);
        }
    }
    worst
}

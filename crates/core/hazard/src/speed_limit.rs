//! Speed limit: a vehicle over the limit of its lane, or too fast for a lower one ahead.

use crate::actor::Actor;
use crate::config::SpeedLimitConfig;
use crate::ledger::{EventKey, Proposal};
use crate::normal;
use crate::place::Spot;
use crate::scene::Scene;
use jxz_world::{Cause, RoadUserClass};

/// A limit that a vehicle exceeds.
struct Excess {
    probability: f64,
    limit_mps: f64,
    way: usize,
    s_m: f64,
}

pub(crate) fn propose(scene: &Scene<'_>, config: &SpeedLimitConfig, least: f64) -> Vec<Proposal> {
    scene
        .actors
        .iter()
        .enumerate()
        .filter(|(_, actor)| actor.class == RoadUserClass::Motor && !actor.placements.is_empty())
        .filter_map(|(i, actor)| {
            let here = here(scene, config, actor);
            let ahead = ahead(scene, config, actor);
            let excess = if here.probability >= least { here } else { ahead.unwrap_or(here) };
            let certain = actor.track.existence.min(1.0) * actor.track.class.of(RoadUserClass::Motor);
            let probability = excess.probability * certain;
            (probability >= least).then(|| Proposal {
                key: EventKey::SpeedLimit(actor.track.id),
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
                sensed_at: actor.track.measured_at,
            })
        })
        .collect()
}

/// Speed that is let pass under a limit.
fn tolerated_mps(limit_mps: f64, config: &SpeedLimitConfig) -> f64 {
    limit_mps + config.margin_mps.max(config.margin_fraction * limit_mps)
}

/// Over the limit of the lanes that it may be on.
fn here(scene: &Scene<'_>, config: &SpeedLimitConfig, actor: &Actor<'_>) -> Excess {
    let mut limit_mps = f64::INFINITY;
    let probability = actor.placements.iter().fold(0.0, |sum, placement| {
        let limit = scene.map.lane(placement.lane).speed_limit_mps;
        limit_mps = limit_mps.min(limit);
        sum + placement.probability * normal::above(actor.speed_mps, actor.sigma_mps, tolerated_mps(limit, config))
    });
    let likeliest = actor.placements.first().map(|p| scene.map.lane(p.lane).speed_limit_mps);
    Excess { probability, limit_mps: likeliest.unwrap_or(limit_mps), way: 0, s_m: 0.0 }
}

/// Too fast to be down to a lower limit ahead without braking hard.
fn ahead(scene: &Scene<'_>, config: &SpeedLimitConfig, actor: &Actor<'_>) -> Option<Excess> {
    let way = actor.paths.first()?;
    way.lanes
        .iter()
        .filter(|on| on.from_m > 0.5 && on.from_m <= config.look_ahead_m)
        .map(|on| {
            let limit_mps = scene.map.lane(on.lane).speed_limit_mps;
            // Speed from which the configured deceleration just reaches what is tolerated there.
            let tolerated = tolerated_mps(limit_mps, config);
            let from_mps = (tolerated * tolerated + 2.0 * config.needs_mps2 * on.from_m).sqrt();
            let braking = actor.acceleration_mps2 <= -0.8 * config.needs_mps2;
            let over = if braking { 0.0 } else { normal::above(actor.speed_mps, actor.sigma_mps, from_mps) };
            Excess { probability: way.probability * over, limit_mps, way: 0, s_m: on.from_m }
        })
        .max_by(|a, b| a.probability.total_cmp(&b.probability))
}

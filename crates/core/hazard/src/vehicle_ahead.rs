//! Vehicle ahead: much slower than the one behind it, or suddenly slowing.

use crate::actor::Actor;
use crate::config::VehicleAheadConfig;
use crate::ledger::{EventKey, Proposal};
use crate::memory::Memory;
use crate::normal;
use crate::place::Spot;
use crate::scene::{Leader, Scene};
use jxz_world::{Cause, RoadUserClass};

/// Distance that drivers keep when standing behind one another, metres.
const STANDING_GAP_M: f64 = 1.5;
/// 1-sigma doubt about the deceleration that is still comfortable, m/s².
const NEED_SIGMA_MPS2: f64 = 0.4;
/// Loss of speed within about a second that goes with sudden braking, m/s.
const SUDDEN_DROP_MPS: f64 = 2.5;
/// A follower that brakes within this of what is needed has seen it, m/s².
const SEEN_WITHIN_MPS2: f64 = 0.7;

pub(crate) fn propose(scene: &Scene<'_>, memory: &Memory, config: &VehicleAheadConfig, least: f64) -> Vec<Proposal> {
    let followers = scene.actors.iter().enumerate().zip(&scene.leaders);
    followers
        .filter_map(|((i, follower), leader)| {
            let leader = leader.filter(|l| l.gap_m <= config.look_ahead_m)?;
            if follower.class != RoadUserClass::Motor || follower.speed_mps < config.min_speed_mps {
                return None;
            }
            warn(scene, memory, config, least, i, leader)
        })
        .collect()
}

fn warn(
    scene: &Scene<'_>,
    memory: &Memory,
    config: &VehicleAheadConfig,
    least: f64,
    follower_ix: usize,
    leader: Leader,
) -> Option<Proposal> {
    let (follower, ahead) = (&scene.actors[follower_ix], &scene.actors[leader.actor]);
    let closing_mps = closing_speed(follower, ahead, &leader)?;
    let drop_mps = memory.speed_drop_mps(ahead.track.id);
    let danger = needs_probability(follower, ahead, &leader, closing_mps, config)
        .max(sudden_probability(follower, ahead, &leader, drop_mps, config));
    let certain = follower.track.existence.min(1.0)
        * ahead.track.existence.min(1.0)
        * follower.track.class.of(RoadUserClass::Motor);
    let probability = danger * certain * leader.probability;
    let way = follower.paths.first()?;
    let s_m = (leader.gap_m + 0.5 * follower.length_m).max(0.0);
    (probability >= least).then(|| Proposal {
        key: EventKey::VehicleAhead(follower.track.id, ahead.track.id),
        probability,
        cause: Cause::Closing { gap_m: leader.gap_m.max(0.0), ahead_mps: ahead.speed_mps, closing_mps },
        about: vec![ahead.track.id],
        concerned: vec![scene.concerned(follower_ix)],
        spot: Spot::OnWay { actor: follower_ix, way: 0, s_m, at: way.pose(s_m).at },
        sensed_at: follower.track.measured_at.max(ahead.track.measured_at),
    })
}

/// Speed of the follower less that of the one ahead along the follower's way; `None` if the two are one body.
fn closing_speed(follower: &Actor<'_>, ahead: &Actor<'_>, leader: &Leader) -> Option<f64> {
    let closing = follower.speed_mps - if ahead.moves() { ahead.speed_mps } else { 0.0 };
    let one_body = leader.gap_m < -1.0 && closing.abs() < 1.5;
    (!one_body).then_some(closing)
}

/// The deceleration that keeps the follower off the one ahead, given that both keep on from after `reaction_s`, and
/// how much it grows with the closing speed: (m/s², 1/s).
fn needed_mps2(follower: &Actor<'_>, ahead: &Actor<'_>, gap_m: f64, reaction_s: f64) -> (f64, f64) {
    let v = follower.speed_mps;
    let braking = (-ahead.acceleration_mps2).max(0.0);
    if braking > 1.0 && ahead.speed_mps > 1.0 {
        // The one ahead brakes to a stop: the follower has its stopping distance besides the gap.
        let room = gap_m - STANDING_GAP_M + ahead.speed_mps.powi(2) / (2.0 * braking) - v * reaction_s;
        let room = room.max(0.5);
        (v * v / (2.0 * room), v / room)
    } else {
        let closing = (v - ahead.speed_mps).max(0.0);
        let room = (gap_m - STANDING_GAP_M - closing * reaction_s).max(0.5);
        (closing * closing / (2.0 * room), closing / room)
    }
}

/// The probability that, after reacting, more than the configured deceleration is needed.
fn needs_probability(
    follower: &Actor<'_>,
    ahead: &Actor<'_>,
    leader: &Leader,
    closing_mps: f64,
    config: &VehicleAheadConfig,
) -> f64 {
    if closing_mps < 1.0 || sees(follower, ahead, leader) {
        return 0.0;
    }
    let (needs, per_mps) = needed_mps2(follower, ahead, leader.gap_m, config.reaction_s);
    let sigma = (per_mps * follower.sigma_mps.hypot(ahead.sigma_mps)).hypot(NEED_SIGMA_MPS2);
    normal::above(needs, sigma, config.needs_mps2)
}

/// The probability that the one ahead is braking suddenly, within a time gap in which that matters.
fn sudden_probability(
    follower: &Actor<'_>,
    ahead: &Actor<'_>,
    leader: &Leader,
    drop_mps: f64,
    config: &VehicleAheadConfig,
) -> f64 {
    let time_gap_s = leader.gap_m / follower.speed_mps.max(0.1);
    if drop_mps < SUDDEN_DROP_MPS || time_gap_s > config.sudden_gap_s || sees(follower, ahead, leader) {
        return 0.0;
    }
    normal::above(-ahead.acceleration_mps2, 2.0 * NEED_SIGMA_MPS2, config.sudden_mps2)
}

/// Whether the follower already brakes about as much as it has to.
fn sees(follower: &Actor<'_>, ahead: &Actor<'_>, leader: &Leader) -> bool {
    let (needs_now, _) = needed_mps2(follower, ahead, leader.gap_m, 0.0);
    follower.acceleration_mps2 < -0.5 && -follower.acceleration_mps2 >= needs_now - SEEN_WITHIN_MPS2
}

//! Road condition: a vehicle that stands where none should, and congestion.

use crate::actor::Actor;
use crate::config::RoadConditionConfig;
use crate::congestion::Jam;
use crate::ledger::{EventKey, Proposal};
use crate::normal;
use crate::place::Spot;
use crate::queue::Halt;
use crate::scene::Scene;
use jxz_world::{Cause, RoadUserClass};

/// Slower than this counts as standing, m/s.
const STANDING_MPS: f64 = 1.0;

pub(crate) fn propose(
    scene: &Scene<'_>,
    halts: &[Halt],
    jams: &[Jam],
    config: &RoadConditionConfig,
    reach_m: f64,
    least: f64,
) -> Vec<Proposal> {
    let stopped = scene.actors.iter().zip(halts).filter_map(|(actor, halt)| {
        let standing_s = actor.standing_s.filter(|s| *halt == Halt::Unexplained && *s >= config.stopped_s)?;
        stopped(scene, actor, standing_s, reach_m, least)
    });
    let congested = jams.iter().filter(|jam| jam.probability >= least).map(|jam| congestion(scene, jam, reach_m));
    stopped.chain(congested).collect()
}

fn stopped(scene: &Scene<'_>, actor: &Actor<'_>, standing_s: f64, reach_m: f64, least: f64) -> Option<Proposal> {
    let on = actor.placements.first()?;
    let half_m = 0.5 * scene.map.lane(on.lane).width_m;
    let in_lane = normal::between(on.offset_m, actor.sigma_m, -half_m, half_m);
    let stands = normal::between(actor.speed_mps, actor.sigma_mps, -STANDING_MPS, STANDING_MPS);
    let track = actor.track;
    let probability = track.existence.min(1.0) * track.class.of(RoadUserClass::Motor) * in_lane * stands;
    let rear_m = (on.s_m - 0.5 * actor.length_m).max(0.0);
    (probability >= least).then(|| Proposal {
        key: EventKey::StoppedVehicle(track.id),
        probability,
        cause: Cause::StoppedVehicle { standing_s },
        about: vec![track.id],
        concerned: concerned(scene, (on.lane, rear_m), reach_m, &[track.id]),
        spot: Spot::OnLane { lane: on.lane, s_m: rear_m },
        sensed_at: track.measured_at,
    })
}

fn congestion(scene: &Scene<'_>, jam: &Jam, reach_m: f64) -> Proposal {
    Proposal {
        key: EventKey::Congestion(jam.link),
        probability: jam.probability,
        cause: Cause::Congestion {
            mean_mps: jam.mean_mps,
            vehicles: u32::try_from(jam.vehicles.len()).unwrap_or(u32::MAX),
        },
        about: jam.vehicles.clone(),
        concerned: concerned(scene, jam.tail, reach_m, &jam.vehicles),
        spot: Spot::OnLane { lane: jam.tail.0, s_m: jam.tail.1 },
        sensed_at: jam.sensed_at,
    }
}

fn concerned(
    scene: &Scene<'_>,
    (lane, s_m): (jxz_map::LaneIx, f64),
    reach_m: f64,
    except: &[jxz_world::TrackId],
) -> Vec<jxz_world::Concerned> {
    scene.approaching(lane, s_m, reach_m, except).into_iter().map(|i| scene.concerned(i)).collect()
}

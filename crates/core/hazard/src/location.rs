//! Places with trouble: hazardous locations (HLW), jams (TJW), road works, and signs ahead (IVS).

use crate::actor::Actor;
use crate::conditions::Zone;
use crate::config::{HlwConfig, IvsConfig};
use crate::congestion::Jam;
use crate::ledger::{EventKey, Proposal};
use crate::level;
use crate::normal;
use crate::place::Spot;
use crate::queue::Halt;
use crate::scene::Scene;
use jxz_geo::Point;
use jxz_map::{LaneIx, LaneKind};
use jxz_world::{Application, Cause, Concerned, Level, RoadHazard, RoadUserClass};
use std::collections::BTreeMap;

/// Slower than this counts as standing, m/s.
const STANDING_MPS: f64 = 1.0;
/// A condition that reaches farther than this is one of a whole area, not of its lanes, metres.
const WIDE_M: f64 = 50.0;
/// The sign of a speed limit, in the list of signs that messages use.
pub(crate) const SPEED_LIMIT_SIGN: u16 = 85;
/// A speed beside an object that lies on the road, m/s.
const BESIDE_OBJECT_MPS: f64 = 8.3;

/// HLW from what is seen: vehicles that stand where none should, and things on the road.
pub(crate) fn seen(scene: &Scene<'_>, halts: &[Halt], config: &HlwConfig, least: f64, out: &mut Vec<Proposal>) {
    for (i, halt) in halts.iter().enumerate() {
        let Some(standing_s) = scene.actors[i].standing_s else { continue };
        let stopped = *halt == Halt::Unexplained && standing_s >= config.stopped_s;
        let proposal = if is_object(scene, i, config, standing_s) {
            lies(scene, i)
        } else if stopped {
            stands(scene, i, standing_s)
        } else {
            None
        };
        out.extend(proposal.filter(|p| p.probability >= least));
    }
}

fn is_object(scene: &Scene<'_>, i: usize, config: &HlwConfig, standing_s: f64) -> bool {
    let actor = &scene.actors[i];
    let small = actor.track.extent_m.is_some_and(|(l, w)| l.max(w) <= config.object_m);
    // Whatever ever moved by itself is somebody; of people one is surer than of things.
    let somebody = actor.fastest_mps > STANDING_MPS || actor.track.class.of(RoadUserClass::Pedestrian) > 0.8;
    small && !somebody && standing_s >= config.object_s
}

fn lies(scene: &Scene<'_>, i: usize) -> Option<Proposal> {
    let actor = &scene.actors[i];
    let mut near = Vec::new();
    scene.roads.near(actor.at, 2.0, &mut near);
    near.retain(|on| scene.map.lane(on.lane).kind == LaneKind::Driving);
    let on = near.into_iter().min_by(|a, b| a.distance_m.total_cmp(&b.distance_m))?;
    let half_m = 0.5 * scene.map.lane(on.lane).width_m;
    let probability = actor.track.existence.min(1.0) * normal::between(on.offset_m, actor.sigma_m, -half_m, half_m);
    let cause = Cause::Hazard { hazard: RoadHazard::Object, safe_mps: BESIDE_OBJECT_MPS };
    Some(ahead(scene, i, (on.lane, on.s_m), probability, cause))
}

fn stands(scene: &Scene<'_>, i: usize, standing_s: f64) -> Option<Proposal> {
    let actor = &scene.actors[i];
    let on = actor.placements.first()?;
    let half_m = 0.5 * scene.map.lane(on.lane).width_m;
    let in_lane = normal::between(on.offset_m, actor.sigma_m, -half_m, half_m);
    let stands = normal::between(actor.speed_mps, actor.sigma_mps, -STANDING_MPS, STANDING_MPS);
    let rear_m = (on.s_m - 0.5 * actor.length_m).max(0.0);
    let probability = actor.motor_probability() * in_lane * stands;
    Some(ahead(scene, i, (on.lane, rear_m), probability, Cause::StoppedVehicle { standing_s }))
}

fn ahead(scene: &Scene<'_>, i: usize, (lane, s_m): (LaneIx, f64), probability: f64, cause: Cause) -> Proposal {
    let actor = &scene.actors[i];
    let coming = scene.approaching_from(lane, s_m, scene.life.approach_m, &[actor.track.id]);
    Proposal {
        application: Application::Hlw,
        key: EventKey::Track(actor.event),
        level: soonest(scene, &coming).min(Level::Warning),
        at_once: false,
        probability,
        cause,
        about: vec![actor.track.id],
        concerned: coming.into_iter().map(|(_, j)| scene.concerned(j)).collect(),
        spot: Spot::OnLane { lane, s_m },
        ways: None,
        sensed_at: actor.track.measured_at,
    }
}

fn soonest(scene: &Scene<'_>, coming: &[(f64, usize)]) -> Level {
    let time_s = coming.iter().map(|(m, j)| m / scene.actors[*j].speed_mps.max(0.1)).fold(f64::INFINITY, f64::min);
    level::of(scene.life, time_s, 0.0)
}

/// HLW and ROAD_WORKS from what is reported.
pub(crate) fn reported(scene: &Scene<'_>, application: Application, out: &mut Vec<Proposal>) {
    for zone in scene.zones {
        let works = zone.report.hazard == RoadHazard::Works;
        let Some((lane, from_m, _)) = zone.lanes.first().filter(|_| works == (application == Application::RoadWorks))
        else {
            continue;
        };
        let concerned = concerned(scene, zone);
        let level = if concerned.is_empty() { Level::Advice } else { Level::Warning };
        let (hazard, safe_mps) = (zone.report.hazard, zone.report.safe_mps);
        out.push(Proposal {
            application,
            key: EventKey::Report(zone.report.id),
            level,
            at_once: true,
            probability: 1.0,
            cause: Cause::Hazard { hazard, safe_mps },
            about: Vec::new(),
            concerned,
            spot: Spot::OnLane { lane: *lane, s_m: *from_m },
            ways: None,
            sensed_at: scene.at,
        });
    }
}

/// Motor vehicles in a condition, or on their way into it.
fn concerned(scene: &Scene<'_>, zone: &Zone) -> Vec<Concerned> {
    let mut found: Vec<usize> = Vec::new();
    let is_in = |at: Point| (at - zone.report.at).norm() <= zone.report.radius_m;
    if zone.report.radius_m > WIDE_M {
        let comes =
            |actor: &Actor<'_>| is_in(actor.at) || actor.paths.iter().any(|way| way.timed.iter().any(|p| is_in(p.at)));
        found.extend((0..scene.actors.len()).filter(|i| {
            let actor = &scene.actors[*i];
            actor.class == RoadUserClass::Motor && !actor.placements.is_empty() && comes(actor)
        }));
    }
    for (lane, from_m, to_m) in zone.lanes.iter().take(8) {
        found.extend(scene.approaching(*lane, *from_m, scene.life.approach_m, &[]));
        let inside = scene.occupancy.get(lane).into_iter().flatten().filter(|o| (*from_m..=*to_m).contains(&o.s_m));
        found.extend(inside.map(|o| o.actor).filter(|i| scene.actors[*i].class == RoadUserClass::Motor));
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(64);
    found.into_iter().map(|i| scene.concerned(i)).collect()
}

pub(crate) fn jams(scene: &Scene<'_>, jams: &[Jam], least: f64, out: &mut Vec<Proposal>) {
    for jam in jams.iter().filter(|jam| jam.probability >= least) {
        let coming = scene.approaching_from(jam.tail.0, jam.tail.1, scene.life.approach_m, &jam.vehicles);
        out.push(Proposal {
            application: Application::Tjw,
            key: EventKey::Link(jam.link),
            level: soonest(scene, &coming).min(Level::Warning),
            at_once: false,
            probability: jam.probability,
            cause: Cause::Congestion {
                mean_mps: jam.mean_mps,
                vehicles: u32::try_from(jam.vehicles.len()).unwrap_or(u32::MAX),
            },
            about: jam.vehicles.clone(),
            concerned: coming.into_iter().map(|(_, j)| scene.concerned(j)).collect(),
            spot: Spot::OnLane { lane: jam.tail.0, s_m: jam.tail.1 },
            ways: None,
            sensed_at: jam.sensed_at,
        });
    }
}

/// IVS: one sign for each place at which a lower limit begins, while somebody comes towards it.
pub(crate) fn signs(scene: &Scene<'_>, config: &IvsConfig, least: f64, out: &mut Vec<Proposal>) {
    let mut signs: BTreeMap<LaneIx, Vec<usize>> = BTreeMap::new();
    for (i, actor) in scene.actors.iter().enumerate().filter(|(_, a)| a.class == RoadUserClass::Motor) {
        let (Some(on), Some(way)) = (actor.placements.first(), actor.paths.first()) else { continue };
        let mut limit_mps = scene.map.lane(on.lane).speed_limit_mps;
        // A limit belongs to a link; connectors are as short as their turns.
        for next in way.lanes.iter().filter(|next| scene.map.lane(next.lane).link.is_some()) {
            let then_mps = scene.map.lane(next.lane).speed_limit_mps;
            let lower = then_mps <= limit_mps - config.lower_mps;
            if lower && next.from_m > 0.0 && next.from_m <= config.reach_m && way.probability >= 0.5 {
                signs.entry(next.lane).or_default().push(i);
            }
            limit_mps = then_mps;
        }
    }
    for (lane, coming) in signs {
        let probability = coming.iter().map(|i| scene.actors[*i].motor_probability()).fold(0.0, f64::max);
        let Some(sensed_at) = coming.iter().map(|i| scene.actors[*i].track.measured_at).max() else { continue };
        if probability < least {
            continue;
        }
        let value = (scene.map.lane(lane).speed_limit_mps * 3.6).round();
        out.push(Proposal {
            application: Application::Ivs,
            key: EventKey::Lane(lane),
            level: Level::Advice,
            at_once: false,
            probability,
            cause: Cause::Sign { code: SPEED_LIMIT_SIGN, value },
            about: Vec::new(),
            concerned: coming.into_iter().map(|i| scene.concerned(i)).collect(),
            spot: Spot::OnLane { lane, s_m: 0.5 },
            ways: None,
            sensed_at,
        });
    }
}

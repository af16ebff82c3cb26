//! EVW: an emergency vehicle on its way, for those ahead of it and those whose ways cross its own.

use crate::actor::Actor;
use crate::config::EvwConfig;
use crate::ledger::{EventKey, Proposal};
use crate::place::Spot;
use crate::scene::Scene;
use jxz_map::{LaneIx, Turn};
use jxz_world::{Application, Cause, Level, Response, RoadUserClass};

/// It arrives within this: make way now, seconds.
const SOON_S: f64 = 8.0;
/// Most road users told.
const MOST: usize = 32;

pub(crate) fn propose(scene: &Scene<'_>, config: &EvwConfig, least: f64, out: &mut Vec<Proposal>) {
    for (i, actor) in scene.actors.iter().enumerate() {
        let probability = actor.track.existence.min(1.0);
        if !on_call(actor) || !actor.moves() || probability < least {
            continue;
        }
        let reach_m = config.reach_m.min(config.reach_s * actor.speed_mps);
        let ahead = ahead(scene, actor, reach_m);
        let mut told: Vec<(f64, usize)> = scene
            .actors
            .iter()
            .enumerate()
            .filter(|(j, other)| *j != i && other.class != RoadUserClass::Pedestrian)
            .filter_map(|(j, other)| Some((distance_m(scene, &ahead, other, reach_m)?, j)))
            .collect();
        told.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        told.truncate(MOST);
        let Some(&(distance_m, _)) = told.first() else { continue };
        let arrives_s = distance_m / actor.speed_mps;
        let way_m = actor.travel_m[scene.steps];
        out.push(Proposal {
            application: Application::Evw,
            key: EventKey::Track(actor.event),
            level: if arrives_s < SOON_S { Level::Warning } else { Level::Advice },
            at_once: false,
            probability,
            cause: Cause::Emergency { distance_m, arrives_s },
            about: vec![actor.track.id],
            concerned: told.into_iter().map(|(_, j)| scene.concerned(j)).collect(),
            spot: Spot::OnWay { actor: i, way: 0, s_m: way_m, at: actor.at },
            ways: None,
            sensed_at: actor.track.measured_at,
        });
    }
}

fn on_call(actor: &Actor<'_>) -> bool {
    let emergency = actor.details.and_then(|details| details.emergency);
    emergency
        .is_some_and(|e| matches!(e.response, Some(Response::Emergency | Response::Pursuit)) || e.siren == Some(true))
}

/// The lanes that it will most likely drive over, each with the distance at which it begins, metres.
fn ahead(scene: &Scene<'_>, actor: &Actor<'_>, reach_m: f64) -> Vec<(LaneIx, f64)> {
    let Some(way) = actor.paths.first() else { return Vec::new() };
    let mut lanes: Vec<(LaneIx, f64)> = way.lanes.iter().map(|on| (on.lane, on.from_m)).collect();
    while let Some(&(last, from_m)) = lanes.last() {
        let end_m = from_m + scene.map.lane(last).centre.length_m();
        let rank = |lane: &LaneIx| match scene.map.lane(*lane).movement.as_ref().map(|m| m.turn) {
            None | Some(Turn::Straight) => 0,
            Some(_) => 1,
        };
        let next = scene.map.lane(last).successors.iter().copied().min_by_key(|lane| (rank(lane), *lane));
        match next {
            Some(next) if end_m < reach_m && lanes.len() < 32 => lanes.push((next, end_m)),
            _ => break,
        }
    }
    lanes
}

/// How far along its way it meets another, metres: on the same road, or where that one's way crosses; `None` if nowhere.
fn distance_m(scene: &Scene<'_>, ahead: &[(LaneIx, f64)], other: &Actor<'_>, reach_m: f64) -> Option<f64> {
    let on = other.placements.first()?;
    let link = scene.map.lane(on.lane).link;
    for (lane, from_m) in ahead {
        let same_road = *lane == on.lane || (link.is_some() && scene.map.lane(*lane).link == link);
        if same_road {
            return Some(from_m + on.s_m).filter(|m| (0.0..=reach_m).contains(m));
        }
    }
    // Its connectors, crossed or joined by the other's way.
    let crossed = ahead.iter().filter(|(lane, _)| scene.map.lane(*lane).movement.is_some()).find(|(lane, _)| {
        other.paths.first().is_some_and(|way| way.lanes.iter().any(|theirs| scene.roads.meet(*lane, theirs.lane)))
    });
    crossed.map(|(_, from_m)| *from_m).filter(|m| (0.0..=reach_m).contains(m))
}

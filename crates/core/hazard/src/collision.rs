//! Collision: crossing, merging and turning paths that meet.

use crate::actor::{Actor, TIME_STEP_S};
use crate::config::CollisionConfig;
use crate::conflict::{Meeting, Pairing};
use crate::ledger::{EventKey, Proposal};
use crate::path::Path;
use crate::place::Spot;
use crate::scene::Scene;
use crate::signals::drives_on_probability;
use jxz_map::Map;
use jxz_world::{Cause, RoadUserClass};

/// Slower than this against each other, two vehicles do not collide but park, m/s.
const LEAST_RELATIVE_MPS: f64 = 2.0;
/// Pairs of ways less probable than this are not looked at.
const LEAST_WAYS: f64 = 0.02;

/// The more telling combination of ways of a pair, and the probability over all of them.
struct Best<'a> {
    pairing: Pairing<'a>,
    meeting: Meeting,
    way_a: usize,
    weight: f64,
}

pub(crate) fn propose(scene: &Scene<'_>, config: &CollisionConfig, least: f64) -> Vec<Proposal> {
    let on_wheels = |actor: &Actor<'_>| actor.class != RoadUserClass::Pedestrian;
    let motor = |actor: &Actor<'_>| actor.class == RoadUserClass::Motor;
    scene
        .pairs
        .iter()
        .filter(|(i, j)| {
            let (a, b) = (&scene.actors[*i], &scene.actors[*j]);
            on_wheels(a) && on_wheels(b) && (motor(a) || motor(b))
        })
        .filter_map(|(i, j)| pair(scene, config, least, *i, *j))
        .collect()
}

fn pair(scene: &Scene<'_>, config: &CollisionConfig, least: f64, i: usize, j: usize) -> Option<Proposal> {
    // The one whose swath is looked along must move; of two, the motor vehicle, of two, the faster.
    let rank = |actor: &Actor<'_>| (actor.moves(), actor.class == RoadUserClass::Motor, actor.speed_mps);
    let (i, j) = if rank(&scene.actors[j]) > rank(&scene.actors[i]) { (j, i) } else { (i, j) };
    let (a, b) = (&scene.actors[i], &scene.actors[j]);
    if (a.velocity - b.velocity).norm() < LEAST_RELATIVE_MPS {
        return None;
    }
    if far_in_column(a, b, config.rear_end_time_s) {
        return None;
    }
    // A little beyond the latest meeting that counts, to see it end.
    let steps = scene.steps.min((config.max_time_s / TIME_STEP_S).ceil() as usize + 2);
    if (a.at - b.at).norm() > a.travel_m[steps] + b.travel_m[steps] + a.length_m + b.length_m {
        return None;
    }
    let mut sum = 0.0;
    let mut best: Option<Best<'_>> = None;
    for (way_ix, way_a) in a.paths.iter().enumerate() {
        for way_b in &b.paths {
            let ways = way_a.probability * way_b.probability;
            if ways < LEAST_WAYS || !lanes_meet(scene, way_a, way_b) {
                continue;
            }
            let pairing = Pairing { a, way_a, b, way_b };
            let Some(meeting) = pairing.meet(steps, config.margin_s) else { continue };
            if !counts(&meeting, config) {
                continue;
            }
            let weight = ways * meeting.probability * go_probability(scene, &pairing, &meeting);
            sum += weight;
            if best.as_ref().is_none_or(|known| weight > known.weight) {
                best = Some(Best { pairing, meeting, way_a: way_ix, weight });
            }
        }
    }
    let probability = sum.min(1.0) * a.track.existence.min(1.0) * b.track.existence.min(1.0);
    let Best { pairing, meeting, way_a, .. } = best.filter(|_| probability >= least)?;
    let (first, second) = if a.track.id < b.track.id { (i, j) } else { (j, i) };
    let (first_id, second_id) = (scene.actors[first].track.id, scene.actors[second].track.id);
    Some(Proposal {
        key: EventKey::Collision(first_id, second_id),
        probability,
        cause: Cause::Conflict {
            time_to_conflict_s: meeting.first_s,
            post_encroachment_s: meeting.post_encroachment_s,
            closest_m: pairing.closest_m(meeting.nearest_s),
        },
        about: vec![first_id, second_id],
        concerned: vec![scene.concerned(first), scene.concerned(second)],
        spot: Spot::OnWay { actor: i, way: way_a, s_m: meeting.s_m.max(0.0), at: meeting.at },
        sensed_at: a.track.measured_at.max(b.track.measured_at),
    })
}

/// Whether two drive one behind the other with more time between them than a rear-end conflict of this application.
fn far_in_column(a: &Actor<'_>, b: &Actor<'_>, rear_end_time_s: f64) -> bool {
    let (Some(dir_a), Some(dir_b)) = (a.dir, b.dir) else { return false };
    let apart = b.at - a.at;
    let one_column = dir_a.dot(&dir_b) > 0.95 && dir_a.perp(&apart).abs() < 0.4 * (a.width_m + b.width_m);
    let gap_m = apart.norm() - 0.5 * (a.length_m + b.length_m);
    one_column && gap_m > 1.5 * rear_end_time_s * (a.velocity - b.velocity).norm()
}

/// Whether two ways come near one another by their lanes; off the lanes anything can.
fn lanes_meet(scene: &Scene<'_>, way_a: &Path, way_b: &Path) -> bool {
    let free = way_a.lanes.is_empty() || way_b.lanes.is_empty();
    free || way_a.lanes.iter().any(|a| way_b.lanes.iter().any(|b| scene.roads.meet(a.lane, b.lane)))
}

/// Whether a meeting is one for this application: soon, not of two tracks of one body, not a mere following.
fn counts(meeting: &Meeting, config: &CollisionConfig) -> bool {
    let limit_s = if meeting.following { config.rear_end_time_s } else { config.max_time_s };
    !meeting.touching && meeting.second_s <= limit_s
}

/// The probability that neither stops before: for a red light, or to give way.
fn go_probability(scene: &Scene<'_>, pairing: &Pairing<'_>, meeting: &Meeting) -> f64 {
    let Pairing { a, way_a, b, way_b } = *pairing;
    let mut hint = way_b.start_hint(meeting.at);
    let s_b_m = way_b.foot(meeting.at, &mut hint).0;
    let before = |own: &Actor<'_>, other: &Actor<'_>| 0.5 * own.length_m + 0.5 * other.width_m;
    let mut go = way_a.reach_probability(meeting.s_m) * way_b.reach_probability(s_b_m);
    if gives_way(scene.map, way_a, way_b) {
        go *= drives_on_probability(a, meeting.s_m - before(a, b), scene.predict);
    } else if gives_way(scene.map, way_b, way_a) {
        go *= drives_on_probability(b, s_b_m - before(b, a), scene.predict);
    }
    go
}

/// Whether the first way has a movement that must give way to one of the second.
fn gives_way(map: &Map, own: &Path, other: &Path) -> bool {
    own.lanes
        .iter()
        .filter_map(|on| map.lane(on.lane).movement.as_ref())
        .any(|movement| movement.yields_to.iter().any(|lane| other.lane_from(*lane).is_some()))
}

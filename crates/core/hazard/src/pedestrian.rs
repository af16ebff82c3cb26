//! Pedestrian: someone on foot who is, or by their walking will be, in a vehicle's way.

use crate::actor::{Actor, TIME_STEP_S};
use crate::config::PedestrianConfig;
use crate::conflict::{Meeting, Pairing};
use crate::ledger::{EventKey, Proposal};
use crate::place::Spot;
use crate::scene::Scene;
use jxz_map::LaneKind;
use jxz_world::{Cause, RoadUserClass};
use std::collections::BTreeMap;

/// Slower than this against each other, the two are one body (a passenger, a second track).
const LEAST_RELATIVE_MPS: f64 = 1.5;

/// How one vehicle would meet the pedestrian.
struct Approach<'a> {
    vehicle: usize,
    way: usize,
    probability: f64,
    pairing: Pairing<'a>,
    meeting: Meeting,
}

pub(crate) fn propose(scene: &Scene<'_>, config: &PedestrianConfig, least: f64) -> Vec<Proposal> {
    let class = |i: usize| scene.actors[i].class;
    let mut intent = BTreeMap::new();
    let mut approaches: BTreeMap<usize, Vec<Approach<'_>>> = BTreeMap::new();
    for &(i, j) in &scene.pairs {
        let (vehicle, walker) = match (class(i), class(j)) {
            (RoadUserClass::Motor, RoadUserClass::Pedestrian) => (i, j),
            (RoadUserClass::Pedestrian, RoadUserClass::Motor) => (j, i),
            _ => continue,
        };
        if scene.actors[vehicle].speed_mps < config.min_vehicle_mps {
            continue;
        }
        let steps_out = *intent.entry(walker).or_insert_with(|| steps_out(scene, &scene.actors[walker], config));
        if let Some(approach) = approach(scene, config, vehicle, walker, steps_out)
            && approach.probability >= least
        {
            approaches.entry(walker).or_default().push(approach);
        }
    }
    approaches.into_iter().filter_map(|(walker, approaches)| warn(scene, walker, approaches)).collect()
}

/// The probability that a vehicle meets a pedestrian, over the vehicle's ways.
fn approach<'a>(
    scene: &'a Scene<'_>,
    config: &PedestrianConfig,
    vehicle: usize,
    walker: usize,
    steps_out: bool,
) -> Option<Approach<'a>> {
    let (a, b) = (&scene.actors[vehicle], &scene.actors[walker]);
    if (a.velocity - b.velocity).norm() < LEAST_RELATIVE_MPS {
        return None;
    }
    let way_b = b.paths.first()?;
    let steps = scene.steps.min((config.max_time_s / TIME_STEP_S).ceil() as usize + 2);
    let mut sum = 0.0;
    let mut best: Option<(f64, usize, Pairing<'_>, Meeting)> = None;
    for (way, way_a) in a.paths.iter().enumerate() {
        let pairing = Pairing { a, way_a, b, way_b };
        let Some(meeting) = pairing.meet(steps, config.margin_s) else { continue };
        // Off the lanes there is no kerb to wait at.
        let steps_out = steps_out || way_a.lanes.is_empty();
        if meeting.second_s > config.max_time_s || meeting.touching || !steps_out {
            continue;
        }
        let weight = way_a.probability * meeting.probability * way_a.reach_probability(meeting.s_m);
        sum += weight;
        if best.as_ref().is_none_or(|(known, ..)| weight > *known) {
            best = Some((weight, way, pairing, meeting));
        }
    }
    let (_, way, pairing, meeting) = best?;
    let there = a.track.existence.min(1.0) * b.track.existence.min(1.0);
    let probability = sum.min(1.0) * there * b.track.class.of(RoadUserClass::Pedestrian);
    Some(Approach { vehicle, way, probability, pairing, meeting })
}

/// Whether a point is on a lane of motor vehicles.
fn on_road_at(scene: &Scene<'_>, at: jxz_geo::Point) -> bool {
    let mut near = Vec::new();
    scene.roads.near(at, 3.0, &mut near);
    near.iter().any(|on| {
        let lane = scene.map.lane(on.lane);
        lane.kind == LaneKind::Driving && on.distance_m < 0.5 * lane.width_m
    })
}

/// Whether a pedestrian is on the carriageway, or about to step onto it at their present velocity.
///
/// Beside the carriageway people stop at the kerb: only the last steps before it show that they will not.
fn steps_out(scene: &Scene<'_>, walker: &Actor<'_>, config: &PedestrianConfig) -> bool {
    let steps = if walker.moves() { (config.entry_s.clamp(0.0, 5.0) / 0.25) as u32 } else { 0 };
    (0..=steps).any(|k| on_road_at(scene, walker.at + walker.velocity * (f64::from(k) * 0.25)))
}

fn warn(scene: &Scene<'_>, walker: usize, approaches: Vec<Approach<'_>>) -> Option<Proposal> {
    let worst = approaches.iter().max_by(|a, b| {
        a.probability.total_cmp(&b.probability).then(b.meeting.second_s.total_cmp(&a.meeting.second_s))
    })?;
    let track = scene.actors[walker].track;
    let sensed = |i: usize| scene.actors[i].track.measured_at;
    Some(Proposal {
        key: EventKey::Pedestrian(track.id),
        probability: worst.probability,
        cause: Cause::Conflict {
            time_to_conflict_s: worst.meeting.first_s,
            post_encroachment_s: worst.meeting.post_encroachment_s,
            closest_m: worst.pairing.closest_m(worst.meeting.nearest_s),
        },
        about: vec![track.id],
        concerned: approaches.iter().map(|a| scene.concerned(a.vehicle)).collect(),
        spot: Spot::OnWay {
            actor: worst.vehicle,
            way: worst.way,
            s_m: worst.meeting.s_m.max(0.0),
            at: worst.meeting.at,
        },
        sensed_at: approaches.iter().map(|a| sensed(a.vehicle)).fold(track.measured_at, Ord::max),
    })
}

//! VRUCW: someone on foot or on a bicycle who is, or by their moving will be, in a motor vehicle's way.

use crate::actor::TIME_STEP_S;
use crate::config::VrucwConfig;
use crate::conflict::{Meeting, Pairing};
use crate::encounter::{self, Encounter};
use crate::kerb::Intent;
use crate::ledger::{EventKey, Proposal};
use crate::level;
use crate::place::{Spot, Way};
use crate::scene::Scene;
use crate::signals::keeps_way_probability;
use jxz_world::{Application, Cause, Level, RoadUserClass};
use std::collections::BTreeMap;

/// Slower than this against each other, the two are one body (a passenger, a second track), m/s.
const LEAST_RELATIVE_MPS: f64 = 1.5;

/// How one vehicle would meet the pedestrian.
struct Approach<'a> {
    vehicle: usize,
    way: usize,
    probability: f64,
    pairing: Pairing<'a>,
    meeting: Meeting,
}

/// Cyclists, from the encounters of everyone on wheels.
pub(crate) fn cyclists(
    scene: &Scene<'_>,
    encounters: &[Encounter],
    config: &VrucwConfig,
    least: f64,
    out: &mut Vec<Proposal>,
) {
    let own = encounters.iter().filter(|e| e.application == Application::Vrucw && e.probability >= least);
    for met in own {
        let cyclist = |i: usize| scene.actors[i].class == RoadUserClass::NonMotor;
        let (cyclist, vehicle) = if cyclist(met.b) { (met.b, met.a) } else { (met.a, met.b) };
        if scene.actors[vehicle].speed_mps < config.min_vehicle_mps {
            continue;
        }
        let about = &scene.actors[cyclist];
        let proposal = encounter::proposal(scene, met);
        out.push(Proposal {
            key: EventKey::pair(scene.actors[vehicle].event, about.event),
            about: vec![about.track.id],
            ..proposal
        });
    }
}

/// Pedestrians: one event each, with every vehicle that would meet them.
pub(crate) fn pedestrians(scene: &Scene<'_>, config: &VrucwConfig, least: f64, out: &mut Vec<Proposal>) {
    let class = |i: usize| scene.actors[i].class;
    let mut intents = BTreeMap::new();
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
        let intent = *intents.entry(walker).or_insert_with(|| Intent::of(scene, &scene.actors[walker], config));
        if let Some(approach) = approach(scene, config, vehicle, walker, intent, least)
            && approach.probability >= least
        {
            approaches.entry(walker).or_default().push(approach);
        }
    }
    out.extend(approaches.into_iter().filter_map(|(walker, approaches)| {
        warn(scene, walker, intents.get(&walker).is_some_and(|intent| intent.hidden), &approaches)
    }));
}

/// The probability that a vehicle meets a pedestrian, over the vehicle's ways.
fn approach<'a>(
    scene: &'a Scene<'_>,
    config: &VrucwConfig,
    vehicle: usize,
    walker: usize,
    Intent { steps_out, hidden }: Intent,
    least: f64,
) -> Option<Approach<'a>> {
    let (a, b) = (&scene.actors[vehicle], &scene.actors[walker]);
    if (a.velocity - b.velocity).norm() < LEAST_RELATIVE_MPS {
        return None;
    }
    let way_b = b.paths.first()?;
    let settled = a.is_settled(scene.predict) && b.is_settled(scene.predict);
    if !(hidden || settled) || a.is_doubtful(scene.predict) {
        return None;
    }
    let there = a.track.existence.min(1.0) * b.track.existence.min(1.0);
    // Far off, a radar does not tell who walks from who pushes a bicycle: both are in the way.
    let classes = a.track.class.of(RoadUserClass::Motor) * (1.0 - b.track.class.of(RoadUserClass::Motor));
    let steps = scene.steps.min((config.max_time_s / TIME_STEP_S).ceil() as usize + 2);
    // From here on the vehicle cannot be nearer to where they meet: who is still far away has time to show what they do.
    let nearest_m = (a.at - b.at).norm() - b.travel_m[steps] - 0.5 * (a.length_m + a.width_m + b.length_m + b.width_m);
    let most_goes = if hidden { 1.0 } else { keeps_way_probability(a, nearest_m, scene.predict) };
    let most_steps_out = if a.placements.is_empty() { 1.0 } else { steps_out };
    if most_steps_out * most_goes * there * classes < least {
        return None;
    }
    let mut sum = 0.0;
    let mut best: Option<(f64, usize, Pairing<'_>, Meeting)> = None;
    for (way, way_a) in a.paths.iter().enumerate() {
        // Off the lanes there is no kerb to wait at.
        let steps_out = if way_a.lanes.is_empty() { 1.0 } else { steps_out };
        if steps_out * way_a.probability < 0.01 {
            continue;
        }
        let pairing = Pairing { a, way_a, b, way_b };
        let Some(meeting) = pairing.meet(steps, config.margin_s) else { continue };
        if meeting.second_s > config.max_time_s || meeting.touching {
            continue;
        }
        // Most drivers see those who cross, and show it in time.
        let to_m = meeting.s_m - 0.5 * a.length_m - 0.5 * b.width_m;
        let goes = if hidden { 1.0 } else { keeps_way_probability(a, to_m, scene.predict) };
        let weight = way_a.probability * steps_out * meeting.probability * way_a.reach_probability(meeting.s_m) * goes;
        sum += weight;
        if best.as_ref().is_none_or(|(known, ..)| weight > *known) {
            best = Some((weight, way, pairing, meeting));
        }
    }
    let (_, way, pairing, meeting) = best?;
    let probability = sum.min(1.0) * there * classes;
    let counts = hidden || !pairing.passes_clear(&meeting, config.margin_s, scene.predict);
    counts.then_some(Approach { vehicle, way, probability, pairing, meeting })
}

fn warn(scene: &Scene<'_>, walker: usize, hidden: bool, approaches: &[Approach<'_>]) -> Option<Proposal> {
    let worst = approaches.iter().max_by(|a, b| {
        a.probability.total_cmp(&b.probability).then(b.meeting.second_s.total_cmp(&a.meeting.second_s))
    })?;
    let actor = &scene.actors[walker];
    let track = actor.track;
    let sensed = |i: usize| scene.actors[i].track.measured_at;
    let vehicle = &scene.actors[worst.vehicle];
    let to_m = worst.meeting.s_m - 0.5 * vehicle.length_m - 0.5 * actor.width_m;
    let needs_mps2 = level::needs_mps2(scene.life, vehicle.speed_mps, to_m);
    // One with a radio is told as well.
    let own = track.vehicle.is_some().then(|| scene.concerned(walker));
    Some(Proposal {
        application: Application::Vrucw,
        key: EventKey::Track(actor.event),
        level: level::of(scene.life, worst.meeting.first_s, needs_mps2).max(Level::Warning),
        at_once: hidden,
        probability: worst.probability,
        cause: Cause::Conflict {
            time_to_conflict_s: worst.meeting.first_s,
            post_encroachment_s: worst.meeting.post_encroachment_s,
            closest_m: worst.pairing.closest_m(worst.meeting.nearest_s),
        },
        about: vec![track.id],
        concerned: approaches.iter().map(|a| scene.concerned(a.vehicle)).chain(own).collect(),
        spot: Spot::OnWay {
            actor: worst.vehicle,
            way: worst.way,
            s_m: worst.meeting.s_m.max(0.0),
            at: worst.meeting.at,
        },
        ways: Way::of_two((worst.vehicle, worst.way), (walker, 0), worst.meeting.second_s),
        sensed_at: approaches.iter().map(|a| sensed(a.vehicle)).fold(track.measured_at, Ord::max),
    })
}

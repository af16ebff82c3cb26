//! Every pair on wheels whose ways may meet, looked at once for all applications, and which of them it concerns.

use crate::actor::{Actor, TIME_STEP_S};
use crate::config::HazardConfig;
use crate::conflict::{Meeting, Pairing};
use crate::ledger::{EventKey, Proposal};
use crate::level;
use crate::path::Path;
use crate::place::{Spot, Way};
use crate::scene::Scene;
use crate::signals::keeps_way_probability;
use jxz_map::{Map, Turn};
use jxz_units::Utc;
use jxz_world::{Application, Cause, RoadUserClass, TrackId};
use std::collections::BTreeMap;

/// Slower than this against each other, two vehicles do not collide but park, m/s.
const LEAST_RELATIVE_MPS: f64 = 2.0;
/// Pairs of ways less probable than this are not looked at.
const LEAST_WAYS: f64 = 0.02;
/// Who is on wheels with this probability is: labels are not surer.
const SURE: f64 = 0.9;
/// Parts of one vehicle move at least so fast, m/s, lie at most so far aside of each other, metres, and so far behind,
/// metres and seconds: nobody follows closer.
const BODY_MPS: f64 = 2.5;
const BODY_ASIDE_M: f64 = 2.0;
const BODY_M: f64 = 5.0;
const BODY_HEADWAY_S: f64 = 0.35;
/// Courses that differ by less than this are along one road, cosine.
const ALONG_COS: f64 = 0.9;
/// A pair stays with the application that saw it first until it was not seen for this long, seconds.
const STAYS_S: f64 = 2.0;
/// From this probability on it stays.
const STAYS_FROM: f64 = 0.25;
/// Most pairs of which that is remembered.
const MAX_PAIRS: usize = 4096;

/// Two who may meet.
pub(crate) struct Encounter {
    /// `a` is the one along whose way it is looked.
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) application: Application,
    pub(crate) probability: f64,
    pub(crate) way_a: usize,
    pub(crate) way_b: usize,
    pub(crate) meeting: Meeting,
}

/// Which application a pair belongs to.
#[derive(Debug, Default)]
pub(crate) struct EncounterBook(BTreeMap<(TrackId, TrackId), (Application, Utc)>);

impl EncounterBook {
    /// Knows the road users' events by other numbers from now on; pairs of which one has none are forgotten.
    pub(crate) fn rename(&mut self, events: &BTreeMap<TrackId, TrackId>) {
        let pair = |((a, b), said)| {
            let (a, b) = (*events.get(&a)?, *events.get(&b)?);
            Some(((a.min(b), a.max(b)), said))
        };
        self.0 = std::mem::take(&mut self.0).into_iter().filter_map(pair).collect();
    }

    /// The encounters of a round, in the order of the scene's pairs.
    pub(crate) fn update(&mut self, scene: &Scene<'_>, config: &HazardConfig) -> Vec<Encounter> {
        self.0.retain(|_, (_, last)| scene.at.seconds_since(*last).abs() < STAYS_S);
        // Nobody asks for less.
        let asked =
            [&config.fcw.probability, &config.icw.probability, &config.lta.probability, &config.vrucw.probability];
        let least = asked.into_iter().map(|asked| asked.raise.min(asked.hold)).fold(STAYS_FROM, f64::min);
        let mut found = Vec::new();
        for (i, j) in &scene.pairs {
            let (a, b) = (&scene.actors[*i], &scene.actors[*j]);
            let motor = |actor: &Actor<'_>| actor.class == RoadUserClass::Motor;
            let walks = |actor: &Actor<'_>| actor.class == RoadUserClass::Pedestrian;
            if walks(a) || walks(b) || !(motor(a) || motor(b)) {
                continue;
            }
            let Some(mut encounter) = encounter(scene, config, least, *i, *j) else { continue };
            let key = (a.event.min(b.event), a.event.max(b.event));
            if let Some((application, last)) = self.0.get_mut(&key) {
                encounter.application = *application;
                *last = scene.at;
            } else if encounter.probability >= STAYS_FROM && self.0.len() < MAX_PAIRS {
                self.0.insert(key, (encounter.application, scene.at));
            }
            found.push(encounter);
        }
        found
    }
}

/// The warnings of one application about pairs of vehicles.
pub(crate) fn propose(
    scene: &Scene<'_>,
    encounters: &[Encounter],
    application: Application,
    least: f64,
    out: &mut Vec<Proposal>,
) {
    let own = encounters.iter().filter(|e| e.application == application && e.probability >= least);
    out.extend(own.map(|encounter| proposal(scene, encounter)));
}

pub(crate) fn proposal(scene: &Scene<'_>, encounter: &Encounter) -> Proposal {
    let meeting = &encounter.meeting;
    let (a, b) = (&scene.actors[encounter.a], &scene.actors[encounter.b]);
    let (first, second) = if a.event < b.event { (encounter.a, encounter.b) } else { (encounter.b, encounter.a) };
    let id = |i: usize| scene.actors[i].track.id;
    Proposal {
        application: encounter.application,
        key: EventKey::pair(a.event, b.event),
        level: level(scene, encounter),
        at_once: false,
        probability: encounter.probability,
        cause: cause(scene, encounter),
        about: vec![id(first), id(second)],
        concerned: vec![scene.concerned(first), scene.concerned(second)],
        spot: Spot::OnWay { actor: encounter.a, way: encounter.way_a, s_m: meeting.s_m.max(0.0), at: meeting.at },
        ways: Way::of_two((encounter.a, encounter.way_a), (encounter.b, encounter.way_b), meeting.second_s),
        sensed_at: a.track.measured_at.max(b.track.measured_at),
    }
}

fn cause(scene: &Scene<'_>, encounter: &Encounter) -> Cause {
    let (a, b) = (&scene.actors[encounter.a], &scene.actors[encounter.b]);
    let pairing = Pairing { a, way_a: &a.paths[encounter.way_a], b, way_b: &b.paths[encounter.way_b] };
    Cause::Conflict {
        time_to_conflict_s: encounter.meeting.first_s,
        post_encroachment_s: encounter.meeting.post_encroachment_s,
        closest_m: pairing.closest_m(encounter.meeting.nearest_s),
    }
}

/// One of the two stopping is enough: the less of both decelerations counts.
fn level(scene: &Scene<'_>, encounter: &Encounter) -> jxz_world::Level {
    let (a, b, meeting) = (&scene.actors[encounter.a], &scene.actors[encounter.b], &encounter.meeting);
    let to_a = meeting.s_m - 0.5 * a.length_m - 0.5 * b.width_m;
    let to_b = meeting.s_b_m - 0.5 * b.length_m - 0.5 * a.width_m;
    let needs = |actor: &Actor<'_>, m: f64| level::needs_mps2(scene.life, actor.speed_mps, m);
    let needs_mps2 = if b.moves() { needs(a, to_a).min(needs(b, to_b)) } else { needs(a, to_a) };
    level::of(scene.life, meeting.first_s, needs_mps2)
}

/// The more telling combination of ways of a pair.
struct Best {
    meeting: Meeting,
    way_a: usize,
    way_b: usize,
    weight: f64,
    application: Application,
}

fn encounter(scene: &Scene<'_>, config: &HazardConfig, least: f64, i: usize, j: usize) -> Option<Encounter> {
    // The one whose swath is looked along must move; of two, the motor vehicle, of two, the faster.
    let rank = |actor: &Actor<'_>| (actor.moves(), actor.class == RoadUserClass::Motor, actor.speed_mps);
    let (i, j) = if rank(&scene.actors[j]) > rank(&scene.actors[i]) { (j, i) } else { (i, j) };
    let (a, b) = (&scene.actors[i], &scene.actors[j]);
    let apart = (a.velocity - b.velocity).norm() < LEAST_RELATIVE_MPS || far_in_column(a, b, config);
    let settled = a.is_settled(scene.predict) && b.is_settled(scene.predict);
    let doubtful = |actor: &Actor<'_>| actor.is_doubtful(scene.predict) || actor.may_be_image();
    if apart || !settled || one_body(a, b) || doubtful(a) || doubtful(b) {
        return None;
    }
    // A little beyond the latest meeting that counts, to see it end.
    let latest_s = config.icw.max_time_s.max(config.lta.max_time_s).max(config.vrucw.max_time_s);
    let steps = scene.steps.min((latest_s / TIME_STEP_S).ceil() as usize + 2);
    if (a.at - b.at).norm() > a.travel_m[steps] + b.travel_m[steps] + a.length_m + b.length_m {
        return None;
    }
    let margin_s = config.icw.margin_s;
    let there = a.track.existence.min(1.0) * b.track.existence.min(1.0);
    let most = there * concerns(a, b);
    if most < least {
        return None;
    }
    let mut sum = 0.0;
    let mut best: Option<Best> = None;
    for (way_ix, way_a) in a.paths.iter().enumerate() {
        for (way_b_ix, way_b) in b.paths.iter().enumerate() {
            let ways = way_a.probability * way_b.probability;
            if ways < LEAST_WAYS || !lanes_meet(scene, way_a, way_b) {
                continue;
            }
            let pairing = Pairing { a, way_a, b, way_b };
            let Some(meeting) = pairing.meet(steps, margin_s) else { continue };
            let Some(application) = application(scene.map, config, &pairing, &meeting) else { continue };
            let weight = ways * meeting.probability * go_probability(scene, &pairing, &meeting);
            sum += weight;
            if best.as_ref().is_none_or(|known| weight > known.weight) {
                best = Some(Best { meeting, way_a: way_ix, way_b: way_b_ix, weight, application });
            }
        }
    }
    let Best { meeting, way_a, way_b, application, .. } = best?;
    let in_way = if application == Application::Fcw { a.in_way_factor() * b.in_way_factor() } else { 1.0 };
    let probability = sum.min(1.0) * most * in_way;
    let pairing = Pairing { a, way_a: &a.paths[way_a], b, way_b: &b.paths[way_b] };
    let counts = probability >= least && !pairing.passes_clear(&meeting, margin_s, scene.predict);
    counts.then_some(Encounter { a: i, b: j, application, probability, way_a, way_b, meeting })
}

/// Which application a meeting is for; `None` if it is too far off, of one body, or nobody's.
fn application(map: &Map, config: &HazardConfig, pairing: &Pairing<'_>, meeting: &Meeting) -> Option<Application> {
    let Pairing { a, way_a, b, way_b } = *pairing;
    let motors = a.class == RoadUserClass::Motor && b.class == RoadUserClass::Motor;
    let against = a.against.is_some_and(|x| x.off_own) || b.against.is_some_and(|x| x.off_own);
    let cos = a.dir.zip(b.dir).map_or(0.0, |(a, b)| a.dot(&b));
    let oncoming = cos < -0.5;
    // One behind the other, or beside it, along one road: what is between them is the time that one follows at.
    let following = meeting.following || (cos > ALONG_COS && (meeting.cos > ALONG_COS || !b.moves()));
    let (application, latest_s) = if !motors {
        (Application::Vrucw, if following { config.fcw.time_s } else { config.vrucw.max_time_s })
    } else if following {
        (Application::Fcw, rear_end_s(config, (a.velocity - b.velocity).norm()))
    } else if against && meeting.cos < -0.7 {
        // Overtaking and wrong-way driving have their own applications.
        return None;
    } else if oncoming && (turns(map, way_a, meeting.s_m) || turns(map, way_b, meeting.s_b_m)) {
        (Application::Lta, config.lta.max_time_s)
    } else {
        (Application::Icw, config.icw.max_time_s)
    };
    (!meeting.touching && meeting.second_s <= latest_s).then_some(application)
}

/// How early a rear-end conflict counts: when braking as hard as is worth a warning would have to begin once the driver
/// has reacted, seconds.
fn rear_end_s(config: &HazardConfig, closing_mps: f64) -> f64 {
    (config.life.reaction_s + closing_mps / (2.0 * config.fcw.needs_mps2)).max(config.fcw.time_s)
}

/// Whether a way turns before it is `s_m` along.
fn turns(map: &Map, way: &Path, s_m: f64) -> bool {
    way.lanes
        .iter()
        .take_while(|on| on.from_m < s_m + 1.0)
        .any(|on| map.lane(on.lane).movement.as_ref().is_some_and(|movement| movement.turn != Turn::Straight))
}

/// Whether two tracks are parts of one long vehicle: one behind the other along one direction, closer than anybody follows.
pub(crate) fn one_body(a: &Actor<'_>, b: &Actor<'_>) -> bool {
    let (Some(dir_a), Some(dir_b)) = (a.dir, b.dir) else { return false };
    // Two that each speak for themselves are two.
    if a.details.is_some() && b.details.is_some() {
        return false;
    }
    let apart = b.at - a.at;
    let slower_mps = a.speed_mps.min(b.speed_mps);
    slower_mps > BODY_MPS
        && dir_a.dot(&dir_b) > 0.94
        && dir_a.perp(&apart).abs() < BODY_ASIDE_M
        && apart.norm() < BODY_M + BODY_HEADWAY_S * slower_mps
}

/// The probability that both are on wheels and one of them is a motor vehicle: who may be on foot is another
/// application's.
fn concerns(a: &Actor<'_>, b: &Actor<'_>) -> f64 {
    let of = |actor: &Actor<'_>, class| actor.track.class.of(class);
    let wheels = |actor| ((1.0 - of(actor, RoadUserClass::Pedestrian)) / SURE).min(1.0);
    let riders = of(a, RoadUserClass::NonMotor) * of(b, RoadUserClass::NonMotor);
    (wheels(a) * wheels(b) - riders).max(0.0)
}

/// Whether two drive one behind the other with more time between them than a rear-end conflict has here.
fn far_in_column(a: &Actor<'_>, b: &Actor<'_>, config: &HazardConfig) -> bool {
    let (Some(dir_a), Some(dir_b)) = (a.dir, b.dir) else { return false };
    let apart = b.at - a.at;
    let one_column = dir_a.dot(&dir_b) > 0.95 && dir_a.perp(&apart).abs() < 0.4 * (a.width_m + b.width_m);
    let gap_m = apart.norm() - 0.5 * (a.length_m + b.length_m);
    let closing_mps = (a.velocity - b.velocity).norm();
    one_column && gap_m > 1.5 * rear_end_s(config, closing_mps) * closing_mps
}

/// Whether two ways come near one another by their lanes; off the lanes anything can.
fn lanes_meet(scene: &Scene<'_>, way_a: &Path, way_b: &Path) -> bool {
    let free = way_a.lanes.is_empty() || way_b.lanes.is_empty();
    free || way_a.lanes.iter().any(|a| way_b.lanes.iter().any(|b| scene.roads.meet(a.lane, b.lane)))
}

/// The probability that neither stops before: for a red light, or to give way.
fn go_probability(scene: &Scene<'_>, pairing: &Pairing<'_>, meeting: &Meeting) -> f64 {
    let Pairing { a, way_a, b, way_b } = *pairing;
    let mut hint = way_b.start_hint(meeting.at);
    let s_b_m = way_b.foot(meeting.at, &mut hint).0;
    let before = |own: &Actor<'_>, other: &Actor<'_>| 0.5 * own.length_m + 0.5 * other.width_m;
    let mut go = way_a.reach_probability(meeting.s_m) * way_b.reach_probability(s_b_m);
    if gives_way(scene.map, way_a, way_b) {
        go *= keeps_way_probability(a, meeting.s_m - before(a, b), scene.predict);
    } else if gives_way(scene.map, way_b, way_a) {
        go *= keeps_way_probability(b, s_b_m - before(b, a), scene.predict);
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

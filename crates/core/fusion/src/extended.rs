//! Long vehicles: several radar points, one road user with an extent.
//!
//! A radar sees a bus as a few points anywhere along it. Points inside the outline of a vehicle known to be long are its
//! own and start nothing; where its length is not known yet, tracks that move as one, one behind the other and closer
//! than anybody follows, are found out to be one vehicle and joined.

use crate::bernoulli::{Bernoulli, BirthKey, lately};
use crate::gate::Candidate;
use crate::lanes::LaneField;
use crate::sensor::SensorModel;
use jxz_geo::Vector;
use jxz_units::{Utc, Yaw};
use jxz_world::Detection;

/// A vehicle longer than this may be several points, metres.
pub(crate) const LONG_M: f64 = 6.0;
/// The longest vehicle joined from points, metres.
const LONGEST_M: f64 = 20.0;
/// Points this far outside an outline, beside their own error, are still its own, metres.
const MARGIN_M: f64 = 0.8;
/// And a radial speed this different, beside the error, metres per second.
const DOPPLER_MARGIN_MPS: f64 = 2.0;
/// Nobody follows closer than a car's length and this many seconds, centre to centre.
const CAR_M: f64 = 4.5;
const HEADWAY_S: f64 = 0.35;
/// Moving as one: at least this fast, within this speed and this much to the side, for this long.
const MOVING_MPS: f64 = 2.5;
const SAME_MPS: f64 = 0.7;
/// For one inside the other's outline, within this speed.
const SAME_INSIDE_MPS: f64 = 2.5;
const BESIDE_M: f64 = 1.2;
const TOGETHER_S: f64 = 1.2;
/// For one inside the other's outline this is enough.
const INSIDE_S: f64 = 0.25;
/// A vehicle shorter than this may be a bicycle, metres.
const SHORTEST_CAR_M: f64 = 3.0;
/// Standing, or nearly so, inside the outline of a long vehicle: by this much at least, for so long, within this speed.
const WELL_INSIDE_M: f64 = 0.5;
const STANDING_INSIDE_S: f64 = 1.0;
const SAME_STANDING_MPS: f64 = 1.0;
/// A point so far within an outline is no one else's, metres.
const WITHIN_M: f64 = 0.3;
/// Points of one vehicle that stands, seen by radars alone, are joined after this time, seconds.
const STANDING_POINTS_S: f64 = 3.0;
/// The most that is allowed for the errors of two, metres and metres per second.
const MOST_DOUBT_M: f64 = 1.2;
const MOST_DOUBT_MPS: f64 = 0.8;
/// One whose detections are a camera's at least to this share is a road user in that camera's eyes.
const CAMERA_SHARE: f64 = 0.25;
/// Width taken for a vehicle of which only the length is known, metres.
const USUAL_WIDTH_M: f64 = 2.5;
/// Length taken for a single point of a vehicle, metres.
const POINT_M: f64 = 1.5;
/// Share of a point beyond the present length by which the length grows.
const GROWTH: f64 = 0.2;

/// Since when an older track has moved as one with this.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Companion {
    older: BirthKey,
    since: Utc,
}

/// An outline on the ground: centre, unit vector forward, length and width.
#[derive(Debug, Clone, Copy)]
struct Outline {
    track: usize,
    centre: jxz_geo::Point,
    forward: Vector,
    length_m: f64,
    width_m: f64,
    /// Of its centre.
    variance_m2: f64,
    velocity: Vector,
}

impl Outline {
    /// Where a point lies along and across it, metres from its centre.
    fn within(&self, place: jxz_geo::Point) -> (f64, f64) {
        let d = place - self.centre;
        (d.dot(&self.forward), d.x * -self.forward.y + d.y * self.forward.x)
    }
}

/// Working space, kept between scans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extended {
    outlines: Vec<Outline>,
    order: Vec<(f64, usize)>,
    /// For each track an older one that it moves as one with, and how long that must last, seconds.
    partners: Vec<Option<(f64, usize)>>,
    joined: Vec<(usize, usize)>,
}

impl Extended {
    /// Finds which radar points lie inside long vehicles' outlines, and lets these grow by points beyond their ends.
    pub(crate) fn claim(
        &mut self,
        tracks: &mut [Bernoulli],
        candidates: &mut [Candidate],
        detections: &[Detection],
        sensor: &SensorModel,
        at: Utc,
    ) {
        self.outlines.clear();
        let vehicles = tracks.iter().enumerate().filter(|(_, t)| may_be_vehicle(t));
        let long = vehicles.filter_map(|(k, t)| outline(k, t));
        self.outlines.extend(long.filter(|o| o.length_m > LONG_M));
        if self.outlines.is_empty() || !sensor.is_radar() {
            return;
        }
        for candidate in candidates {
            let error_m2 = sensor.worst_variance_m2(candidate.place);
            for outline in &self.outlines {
                let (along, across) = outline.within(candidate.place);
                let reach = MARGIN_M + 2.0 * (error_m2 + outline.variance_m2).sqrt();
                let beyond = along.abs() - outline.length_m / 2.0;
                let radial = outline.velocity.dot(&candidate.direction);
                let measured = detections[candidate.index].doppler_mps;
                let slack = DOPPLER_MARGIN_MPS + 3.0 * sensor.spec.doppler_sigma_mps.unwrap_or(0.0);
                if beyond > reach
                    || across.abs() > outline.width_m / 2.0 + reach
                    || measured.is_some_and(|d| (d - radial).abs() > slack)
                {
                    continue;
                }
                candidate.owner = Some(outline.track);
                candidate.is_within = beyond < -WITHIN_M
                    && across.abs() < outline.width_m / 2.0 - WITHIN_M
                    && is_vouched(&tracks[outline.track], at);
                let error_m = error_along_m(sensor, candidate.place, outline.forward);
                grow(&mut tracks[outline.track], outline, beyond - error_m, along.signum());
                break;
            }
        }
    }

    /// Finds tracks that have moved as one for long enough, and joins them.
    pub(crate) fn join(&mut self, tracks: &mut Vec<Bernoulli>, lanes: &LaneField, at: Utc) {
        self.order.clear();
        let vehicles = tracks.iter().enumerate().filter(|(_, t)| may_be_part(t));
        self.order.extend(vehicles.map(|(k, t)| (t.imm.combined().mean[0], k)));
        self.order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.partners.clear();
        self.partners.resize(tracks.len(), None);
        for (n, &(east, a)) in self.order.iter().enumerate() {
            let near = self.order[n + 1..].iter().take_while(|(other, _)| other - east <= LONGEST_M / 2.0);
            for &(_, b) in near {
                let (younger, older) = if tracks[a].birth > tracks[b].birth { (a, b) } else { (b, a) };
                let Some(enough_s) = as_one(&tracks[younger], &tracks[older], lanes, at) else { continue };
                let better = |(_, other): (f64, usize)| {
                    let lengths = (half_length(&tracks[older]), half_length(&tracks[other]));
                    lengths.0 > lengths.1 || (lengths.0 >= lengths.1 && tracks[older].birth < tracks[other].birth)
                };
                if self.partners[younger].is_none_or(better) {
                    self.partners[younger] = Some((enough_s, older));
                }
            }
        }
        self.joined.clear();
        for (younger, partner) in self.partners.iter().enumerate() {
            let known = tracks[younger].companion;
            tracks[younger].companion = partner.map(|(enough_s, older)| {
                let birth = tracks[older].birth;
                let since = known.filter(|c| c.older == birth).map_or(at, |c| c.since);
                if at.seconds_since(since) >= enough_s {
                    self.joined.push((younger, older));
                }
                Companion { older: birth, since }
            });
        }
        for &(younger, older) in &self.joined {
            if tracks[younger].existence > 0.0 && tracks[older].existence > 0.0 {
                let part = tracks[younger].clone();
                join(&mut tracks[older], &part, lanes);
                tracks[younger].existence = 0.0;
            }
        }
        if !self.joined.is_empty() {
            tracks.retain(|t| t.existence > 0.0);
        }
    }
}

/// The probability that a place is inside a vehicle that is known to be there, where nobody else can be: nothing is born
/// there. Errors of measurement put some of those beside it a little within.
pub(crate) fn taken(tracks: &[Bernoulli], place: jxz_geo::Point) -> f64 {
    let covers = |track: &Bernoulli| {
        let state = track.imm.combined();
        let apart = place - state.position();
        if !track.confirmed || apart.norm_squared() > LONGEST_M * LONGEST_M / 4.0 {
            return false;
        }
        let [vehicle, ..] = track.class.probabilities();
        let outline = outline(0, track).filter(|outline| vehicle > 0.5 && outline.length_m > SHORTEST_CAR_M);
        outline.is_some_and(|outline| {
            let (along, across) = outline.within(place);
            along.abs() < outline.length_m / 2.0 - WELL_INSIDE_M && across.abs() < outline.width_m / 2.0 - WELL_INSIDE_M
        })
    };
    tracks.iter().filter(|track| covers(track)).map(|track| track.existence).fold(0.0, f64::max)
}

/// Lengthens a vehicle by a part of what lies beyond one of its ends, for the rest of it is where it was. Who sees the whole
/// of it, or is it, knows better.
fn grow(track: &mut Bernoulli, outline: &Outline, beyond_m: f64, end: f64) {
    if beyond_m <= 0.0 || has_own_image(track) || track.vehicle.is_some() {
        return;
    }
    let (before_m, width_m) = track.extent_m.unwrap_or((outline.length_m, outline.width_m));
    let length_m = (before_m + GROWTH * beyond_m).min(LONGEST_M);
    track.extent_m = Some((length_m, width_m));
    track.imm.shift(outline.forward * (0.5 * end * (length_m - before_m)));
}

/// 1-sigma error of a detection's place along a direction, metres.
fn error_along_m(sensor: &SensorModel, place: jxz_geo::Point, forward: Vector) -> f64 {
    let d = place - sensor.position();
    let range_m = d.norm().max(1.0);
    let towards = d / range_m;
    let (radial, lateral) = (towards.dot(&forward), towards.perp(&forward));
    libm::hypot(radial * sensor.spec.range_sigma_at(range_m), lateral * range_m * sensor.spec.azimuth_sigma_rad)
}

fn outline(index: usize, track: &Bernoulli) -> Option<Outline> {
    let (length_m, width_m) = track.extent_m?;
    let forward = track.forward()?;
    let state = track.imm.combined();
    Some(Outline {
        track: index,
        centre: state.position(),
        forward,
        length_m,
        width_m,
        variance_m2: track.spread(),
        velocity: state.velocity(),
    })
}

/// Whether a camera, or the vehicle itself, told of its place and size just now.
fn is_vouched(track: &Bernoulli, at: Utc) -> bool {
    lately(track.heard.camera, at) || (lately(track.heard.v2x, at) && track.vehicle.is_some())
}

/// Only a vehicle that is confirmed may be a part of another.
fn may_be_part(track: &Bernoulli) -> bool {
    may_be_vehicle(track) || (track.confirmed && is_long(track))
}

fn may_be_vehicle(track: &Bernoulli) -> bool {
    let [vehicle, ..] = track.class.probabilities();
    track.confirmed && vehicle > 0.3
}

fn is_long(track: &Bernoulli) -> bool {
    track.extent_m.is_some_and(|(length_m, _)| length_m > LONG_M)
}

/// Whether two of which one stands, or nearly so, are one vehicle: one is well inside the other's outline, where no other
/// vehicle is; unless it is a short one that a camera sees, when it is the outline that is wrong.
fn stand_as_one(younger: &Bernoulli, older: &Bernoulli, at: Utc) -> bool {
    let longer = |a: &Bernoulli, b: &Bernoulli| half_length(a) > half_length(b);
    let vouched = (is_vouched(younger, at), is_vouched(older, at));
    let (host, guest) = match vouched {
        (true, false) => (younger, older),
        (false, true) => (older, younger),
        _ if longer(younger, older) => (younger, older),
        _ => (older, younger),
    };
    // What a camera saw once, and sees no more where it sees the other, is a track that was left behind.
    let left_behind = vouched.0 != vouched.1;
    if !is_long(host) || (has_own_image(guest) && !is_long(guest) && !left_behind) {
        return false;
    }
    let Some(outline) = outline(0, host) else { return false };
    let state = guest.imm.combined();
    let (along, across) = outline.within(state.position());
    let margin_m = if left_behind { WITHIN_M } else { -WELL_INSIDE_M };
    along.abs() < outline.length_m / 2.0 + margin_m
        && across.abs() < outline.width_m / 2.0 + margin_m.max(0.0)
        && (state.velocity() - outline.velocity).norm() < SAME_STANDING_MPS
}

/// Whether a camera sees it as a road user of its own.
fn has_own_image(track: &Bernoulli) -> bool {
    f64::from(track.camera_hits) >= CAMERA_SHARE * f64::from(track.hits)
}

/// Whether two tracks move as parts of one vehicle would, and how long that must last to be believed, seconds.
fn as_one(younger: &Bernoulli, older: &Bernoulli, lanes: &LaneField, at: Utc) -> Option<f64> {
    if younger.vehicle.is_some() && older.vehicle.is_some() {
        return None;
    }
    let (a, b) = (younger.imm.combined(), older.imm.combined());
    if a.velocity().norm() < MOVING_MPS || b.velocity().norm() < MOVING_MPS {
        if stand_as_one(younger, older, at) {
            return Some(STANDING_INSIDE_S);
        }
        return points_of_one(younger, older, lanes).then_some(STANDING_POINTS_S);
    }
    let doubt = Doubt::of(younger, older);
    let (velocity, apart) = (b.velocity(), a.position() - b.position());
    let speed = velocity.norm().max(1e-3);
    let forward = velocity / speed;
    let centres = apart.dot(&forward).abs();
    let across = (apart.x * -forward.y + apart.y * forward.x).abs();
    let apart_mps = (a.velocity() - velocity).norm();
    if across > BESIDE_M + doubt.place_m || apart_mps > SAME_INSIDE_MPS {
        return None;
    }
    let longer = half_length(older).max(half_length(younger));
    if 2.0 * longer > LONG_M && centres <= longer + MARGIN_M {
        // Nobody else drives inside a vehicle's outline.
        return Some(INSIDE_S);
    }
    // A camera that sees both as road users of their own knows better.
    if apart_mps > SAME_MPS + doubt.velocity_mps || (has_own_image(younger) && has_own_image(older)) {
        return None;
    }
    let between = centres - half_length(older) - half_length(younger) + POINT_M;
    (between <= CAR_M + HEADWAY_S * speed).then_some(TOGETHER_S)
}

/// By how much two that no camera ever saw may seem farther aside of one another, and otherwise fast, than they are: far off, a
/// radar errs across the way by as much as a lane's half.
struct Doubt {
    place_m: f64,
    velocity_mps: f64,
}

impl Doubt {
    fn of(a: &Bernoulli, b: &Bernoulli) -> Self {
        if a.camera_hits + b.camera_hits > 0 {
            return Self { place_m: 0.0, velocity_mps: 0.0 };
        }
        let (x, y) = (&a.imm.combined().cov, &b.imm.combined().cov);
        let sigma = |k: usize| (0.5 * (x[(k, k)] + x[(k + 1, k + 1)] + y[(k, k)] + y[(k + 1, k + 1)])).max(0.0).sqrt();
        Self { place_m: sigma(0).min(MOST_DOUBT_M), velocity_mps: sigma(2).min(MOST_DOUBT_MPS) }
    }
}

/// Whether two that stand on a lane, and that no camera and no word ever vouched for, are points of one vehicle: nobody
/// stands that close behind another.
fn points_of_one(younger: &Bernoulli, older: &Bernoulli, lanes: &LaneField) -> bool {
    let unseen = |track: &Bernoulli| track.camera_hits == 0 && track.vehicle.is_none() && track.word.is_none();
    let (a, b) = (younger.imm.combined(), older.imm.combined());
    let stands = |state: &crate::filter::Gaussian| state.velocity().norm() < SAME_STANDING_MPS;
    if !(unseen(younger) && unseen(older) && stands(a) && stands(b)) {
        return false;
    }
    let Some(forward) = lanes.along(b.position()) else { return false };
    let apart = a.position() - b.position();
    let (along, across) = (apart.dot(&forward).abs(), apart.perp(&forward).abs());
    across <= BESIDE_M + Doubt::of(younger, older).place_m
        && along - half_length(older) - half_length(younger) + POINT_M <= CAR_M
}

fn half_length(track: &Bernoulli) -> f64 {
    track.extent_m.map_or(POINT_M, |(length, _)| length) / 2.0
}

/// Makes one of two: from end to end, with the older one's identity. A camera's box is the whole vehicle already.
fn join(older: &mut Bernoulli, younger: &Bernoulli, lanes: &LaneField) {
    if has_own_image(younger) && younger.extent_m.is_some() {
        older.imm = younger.imm;
        older.class = younger.class;
        (older.hits, older.camera_hits) = (younger.hits, younger.camera_hits);
        older.heard.camera = younger.heard.camera;
        older.extent_m = younger.extent_m;
    } else if !(has_own_image(older) && older.extent_m.is_some()) {
        let state = *older.imm.combined();
        let velocity = state.velocity();
        let course = || velocity / velocity.norm().max(1e-3);
        // The course of what stands is noise.
        if velocity.norm() < MOVING_MPS && older.heading.is_none() {
            older.heading = lanes.along(state.position()).map(|d| Yaw::of_vector(d.x, d.y).to_heading());
        }
        let forward = older.forward().filter(|_| velocity.norm() < MOVING_MPS).unwrap_or_else(course);
        let offset = (younger.imm.combined().position() - state.position()).dot(&forward);
        let (own, other) = (half_length(older), half_length(younger));
        let (front, back) = (own.max(offset + other), (-own).min(offset - other));
        let width_m = older.extent_m.map_or(USUAL_WIDTH_M, |(_, width)| width);
        older.extent_m = Some(((front - back).min(LONGEST_M), width_m));
        older.imm.shift(forward * (0.5 * (front + back)));
    }
    older.existence = older.existence.max(younger.existence);
    older.vehicle = older.vehicle.or(younger.vehicle);
}

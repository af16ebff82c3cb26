//! One road user as prediction sees it: a box that moves, placed on the lanes it may be on.

use crate::config::PredictConfig;
use crate::memory::Motion;
use crate::path::{self, Discs, NOWHERE, Path};
use crate::roads::{OnLane, Roads, drives_on};
use jxz_geo::{Point, Vector};
use jxz_map::{LaneIx, LaneKind, Map};
use jxz_units::Utc;
use jxz_world::{RoadUserClass, Track, TrackId, VehicleDetails, VehicleEvents};

/// Time between two predicted states, seconds.
pub(crate) const TIME_STEP_S: f64 = 0.25;
/// Most predicted states: the longest horizon that a configuration may ask for.
pub(crate) const MAX_STEPS: usize = 41;
/// Most lanes that a road user is thought to be on at once.
const MAX_PLACEMENTS: usize = 4;
/// A state older or newer than this is not carried to the time of the round, seconds.
const MAX_CARRY_S: f64 = 1.0;
/// Largest difference between course and lane that still counts as driving along it, radians.
const MAX_YAW_OFF_RAD: f64 = 1.05;
/// A course is believed before the last heading where the speed stands so clear of its own error, 1-sigma.
const SURE_COURSE_SIGMAS: f64 = 2.0;
/// How much less one whose class is a guess counts as being in the way of who drives behind it.
const IN_WAY_UNKNOWN: f64 = 0.7;
/// A class less probable than this is a guess.
const KNOWN_CLASS: f64 = 0.6;
/// What a radar alone sees is of a kind by its pace, never surer than this: so much a camera's word is.
const TOLD_CLASS: f64 = 0.75;
/// Slower than this a vehicle is an obstacle, m/s.
pub(crate) const MOVING_MPS: f64 = 0.5;

/// A lane that a road user may be on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placement {
    pub(crate) lane: LaneIx,
    pub(crate) s_m: f64,
    pub(crate) offset_m: f64,
    pub(crate) probability: f64,
}

/// A lane against whose direction someone drives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Against {
    pub(crate) lane: LaneIx,
    pub(crate) s_m: f64,
    /// Distance of the centre from the lane's nearer edge, inwards, metres; below zero: outside.
    pub(crate) inside_m: f64,
    /// How fast that grows, m/s.
    pub(crate) inwards_mps: f64,
    /// Whether it is on no lane of its own direction.
    pub(crate) off_own: bool,
}

/// A road user at the time of the round.
#[derive(Debug)]
pub(crate) struct Actor<'a> {
    pub(crate) track: &'a Track,
    pub(crate) class: RoadUserClass,
    pub(crate) at: Point,
    pub(crate) velocity: Vector,
    pub(crate) speed_mps: f64,
    /// Course while moving, last heading while standing.
    pub(crate) dir: Option<Vector>,
    pub(crate) length_m: f64,
    pub(crate) width_m: f64,
    pub(crate) sigma_m: f64,
    pub(crate) sigma_mps: f64,
    pub(crate) acceleration_mps2: f64,
    pub(crate) standing_s: Option<f64>,
    /// For how long it is tracked, seconds.
    pub(crate) tracked_s: f64,
    /// Whether it began beside a vehicle that was tracked already.
    began_beside: bool,
    /// The number under which its events are known.
    pub(crate) event: TrackId,
    pub(crate) fastest_mps: f64,
    /// What it says of itself.
    pub(crate) details: Option<&'a VehicleDetails>,
    pub(crate) placements: Vec<Placement>,
    /// The lane that it is on, or about to be, in the direction against that lane's.
    pub(crate) against: Option<Against>,
    pub(crate) paths: Vec<Path>,
    /// Where it may touch somebody on any of its ways, second by second.
    pub(crate) discs: Discs,
    /// Distance travelled at each time step, metres.
    pub(crate) travel_m: [f64; MAX_STEPS],
    /// 1-sigma distance along the path at each time step, metres.
    pub(crate) spread_m: [f64; MAX_STEPS],
}

/// Why a track takes no part in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    NotFinite,
    OutOfTime,
    Doubtful,
}

impl<'a> Actor<'a> {
    /// Carries a track that is fit for use (see [`usable`]) to the time of the round.
    pub(crate) fn new(at: Utc, track: &'a Track, motion: Motion, config: &PredictConfig) -> Self {
        let class = track.class.best().0;
        let carry_s = at.seconds_since(track.valid_at);
        let speed_mps = track.speed_mps();
        // The course of one who stands is that of noise.
        let sure_mps =
            SURE_COURSE_SIGMAS * (0.5 * (track.covariance[(2, 2)] + track.covariance[(3, 3)])).max(0.0).sqrt();
        let course = track.course().map(|yaw| Vector::new(libm::cos(yaw.rad()), libm::sin(yaw.rad())));
        let heading = track.heading.map(|h| Vector::new(libm::sin(h.rad()), libm::cos(h.rad())));
        let dir = if speed_mps >= MOVING_MPS.max(sure_mps) { course.or(heading) } else { heading };
        // What may as well be a bicycle is taken for as narrow as one: most that is overtaken closely is.
        let sure = track.class.best().1 >= KNOWN_CLASS;
        let usual = match class {
            RoadUserClass::Motor if sure => (4.6, 1.85),
            RoadUserClass::Motor | RoadUserClass::NonMotor => (1.8, 0.7),
            RoadUserClass::Pedestrian => (0.5, 0.5),
        };
        let (length_m, width_m) =
            track.extent_m.filter(|(l, w)| *l > 0.1 && *w > 0.1 && *l < 40.0 && *w < 6.0).unwrap_or(usual);
        let sigma_mps = velocity_sigma_mps(track, dir.unwrap_or_else(Vector::x)).clamp(0.02, 10.0);
        let mut actor = Self {
            track,
            class,
            at: track.position + track.velocity * carry_s,
            velocity: track.velocity,
            speed_mps,
            dir,
            length_m,
            width_m,
            sigma_m: track.position_sigma_m().clamp(0.02, 20.0),
            sigma_mps,
            acceleration_mps2: motion.acceleration_mps2,
            standing_s: motion.standing_s,
            tracked_s: at.seconds_since(track.since),
            began_beside: motion.began_beside,
            event: motion.event,
            fastest_mps: motion.fastest_mps,
            details: None,
            placements: Vec::new(),
            against: None,
            paths: Vec::new(),
            discs: NOWHERE,
            travel_m: [0.0; MAX_STEPS],
            spread_m: [0.0; MAX_STEPS],
        };
        actor.fill_motion(config);
        actor
    }

    fn fill_motion(&mut self, config: &PredictConfig) {
        let sigma_mps2 = match self.class {
            RoadUserClass::Motor => config.motor_sigma_mps2,
            RoadUserClass::NonMotor => config.cyclist_sigma_mps2,
            RoadUserClass::Pedestrian => config.pedestrian_sigma_mps2,
        };
        for k in 0..MAX_STEPS {
            let t = k as f64 * TIME_STEP_S;
            self.travel_m[k] = self.travel_at(t);
            // Nobody's unknown acceleration carries them back past where they are.
            let own = (0.5 * sigma_mps2 * t * t).min(self.travel_m[k] + 0.1);
            self.spread_m[k] = (self.sigma_m.powi(2) + (self.sigma_mps * t).powi(2) + own * own).sqrt();
        }
    }

    /// Distance travelled in `t` seconds: braking goes on to standstill, accelerating only for a second.
    pub(crate) fn travel_at(&self, t: f64) -> f64 {
        if !self.moves() {
            return 0.0;
        }
        let v = self.speed_mps;
        // Below half a metre per second squared the fit over 0.9 s cannot be told from noise.
        let a = if self.acceleration_mps2.abs() < 0.5 || self.class == RoadUserClass::Pedestrian {
            0.0
        } else {
            self.acceleration_mps2.min(2.5)
        };
        if a < 0.0 {
            let t = t.min(v / -a);
            v * t + 0.5 * a * t * t
        } else {
            let t_a = t.min(1.0);
            v * t + a * t_a * (t - 0.5 * t_a)
        }
    }

    /// How far from its nominal place at a time step it may touch somebody, with a probability of more than about a
    /// hundredth, metres: its outline, what it may be ahead or behind, its doubtful position, and off the lanes the doubt
    /// about its course.
    pub(crate) fn touch_m(&self, off_lanes: bool, step: usize) -> f64 {
        let wander_mps = if off_lanes { self.sigma_mps } else { 0.0 };
        let aside_m = self.sigma_m + wander_mps * step as f64 * TIME_STEP_S;
        0.5 * (self.length_m + self.width_m) + 2.0 * (self.spread_m[step] + aside_m)
    }

    /// The events that it tells of itself; none of them if it tells nothing.
    pub(crate) fn events(&self) -> VehicleEvents {
        self.details.and_then(|details| details.events).unwrap_or_default()
    }

    /// A factor for what is on the same way: a radar alone does not tell a bicycle, which others pass closely, from a car.
    pub(crate) fn in_way_factor(&self) -> f64 {
        if self.track.class.best().1 < KNOWN_CLASS { IN_WAY_UNKNOWN } else { 1.0 }
    }

    /// Variance of its position along a unit direction, m².
    pub(crate) fn variance_m2(&self, d: Vector) -> f64 {
        variance_along(self.track, 0, d).clamp(4e-4, 400.0)
    }

    /// Whether it is known for long enough for its velocity to be believed, or tells it itself.
    pub(crate) fn is_settled(&self, config: &PredictConfig) -> bool {
        let unprotected = self.class != RoadUserClass::Motor;
        let least_s = if unprotected && self.a_radar_alone_knows() { config.settled_radar_s } else { config.settled_s };
        self.tracked_s >= least_s || self.details.is_some()
    }

    /// Whether neither a camera nor it itself has said anything of it: cameras measure a size and tell what it is.
    pub(crate) fn a_radar_alone_knows(&self) -> bool {
        let sources = self.track.sources;
        let told = sources.camera || sources.v2x || self.track.extent_m.is_some();
        !told && self.track.class.best().1 < TOLD_CLASS
    }

    /// Whether it may be a second track of somebody, or of nobody: on wheels, not tracked for long, and begun beside a
    /// vehicle. Who steps from between vehicles is not doubted.
    pub(crate) fn is_doubtful(&self, config: &PredictConfig) -> bool {
        self.began_beside
            && self.class != RoadUserClass::Pedestrian
            && self.tracked_s < config.settled_beside_s
            && self.details.is_none()
    }

    /// The probability that it is there and a motor vehicle.
    pub(crate) fn motor_probability(&self) -> f64 {
        self.track.existence.min(1.0) * self.track.class.of(RoadUserClass::Motor)
    }

    /// Whether it may be a radar's image of another: on no lane, and no sensor has said what it is.
    pub(crate) fn may_be_image(&self) -> bool {
        let (class, sure) = self.track.class.best();
        class != RoadUserClass::Pedestrian && sure < KNOWN_CLASS && self.placements.is_empty()
    }

    /// Whether it moves.
    pub(crate) fn moves(&self) -> bool {
        self.speed_mps >= MOVING_MPS
    }

    /// The deceleration that stops it within `distance_m`, m/s²; infinite if there is no distance.
    pub(crate) fn stopping_mps2(&self, distance_m: f64) -> f64 {
        let v = self.speed_mps;
        if v < 0.1 {
            0.0
        } else if distance_m <= 0.1 {
            f64::INFINITY
        } else {
            v * v / (2.0 * distance_m)
        }
    }

    /// Lanes it may be on, most probable first; the probabilities sum to 1.
    pub(crate) fn place(&mut self, map: &Map, roads: &Roads, before: &[Placement], near: &mut Vec<OnLane>) {
        self.placements.clear();
        if self.class == RoadUserClass::Pedestrian {
            return;
        }
        roads.near(self.at, 3.5 + 2.0 * self.sigma_m.min(2.0), near);
        let mut sum = 0.0;
        self.against = against(map, roads, self, near);
        for on in near.iter() {
            let lane = map.lane(on.lane);
            if !drives_on(self.class, lane.kind) || on.distance_m > 0.5 * lane.width_m + 1.0 + self.sigma_m {
                continue;
            }
            let Some(shape) = roads.shape(on.lane) else { continue };
            let sigma_lat = libm::hypot(0.25 * lane.width_m, self.sigma_m);
            let mut log_weight = -0.5 * (on.distance_m / sigma_lat).powi(2);
            if let Some(dir) = self.dir {
                let lane_dir = shape.pose(on.s_m).dir;
                let off = libm::atan2(lane_dir.perp(&dir).abs(), lane_dir.dot(&dir));
                if off > MAX_YAW_OFF_RAD {
                    continue;
                }
                let sigma_yaw = 0.12 + self.sigma_mps / self.speed_mps.max(1.0);
                log_weight -= 0.5 * (off / sigma_yaw).powi(2);
            }
            let mut weight = libm::exp(log_weight) * path::prior(map, roads, self, on.lane, on.s_m);
            if !before.is_empty() && !continues(map, before, on.lane) {
                weight *= 0.3;
            }
            if weight > 1e-4 {
                sum += weight;
                let (lane, s_m, offset_m) = (on.lane, on.s_m, on.offset_m);
                self.placements.push(Placement { lane, s_m, offset_m, probability: weight });
            }
        }
        self.placements.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.lane.cmp(&b.lane)));
        self.placements.truncate(MAX_PLACEMENTS);
        self.placements.retain(|p| p.probability > 0.03 * sum);
        let kept: f64 = self.placements.iter().map(|p| p.probability).sum();
        self.placements.iter_mut().for_each(|p| p.probability /= kept);
    }
}

/// The 1-sigma error of a track's velocity along a direction, m/s.
pub(crate) fn velocity_sigma_mps(track: &Track, d: Vector) -> f64 {
    variance_along(track, 2, d).max(0.0).sqrt()
}

/// The variance along a direction of the pair of state numbers that begins at `first`: 0 position, 2 velocity.
fn variance_along(track: &Track, first: usize, d: Vector) -> f64 {
    let (c, next) = (&track.covariance, first + 1);
    d.x * d.x * c[(first, first)] + 2.0 * d.x * d.y * c[(first, next)] + d.y * d.y * c[(next, next)]
}

/// The oncoming lane of a road that a motor vehicle is on or beside.
fn against(map: &Map, roads: &Roads, actor: &Actor<'_>, near: &[OnLane]) -> Option<Against> {
    let dir = actor.dir.filter(|_| actor.class == RoadUserClass::Motor && actor.speed_mps > 2.0)?;
    let mut best: Option<Against> = None;
    let mut off_own = true;
    for on in near {
        let lane = map.lane(on.lane);
        let Some(shape) = roads.shape(on.lane).filter(|_| lane.kind == LaneKind::Driving) else { continue };
        let lane_dir = shape.pose(on.s_m).dir;
        let cos = lane_dir.dot(&dir);
        // The area of a junction belongs to every direction.
        off_own &= !((cos > -0.7 && on.distance_m < 0.5 * lane.width_m + 0.2) || lane.movement.is_some());
        if cos > -0.85 || lane.movement.is_some() {
            continue;
        }
        let inside_m = 0.5 * lane.width_m - on.offset_m.abs();
        let inwards_mps = -on.offset_m.signum() * lane_dir.perp(&actor.velocity);
        if best.is_none_or(|known| inside_m > known.inside_m) {
            best = Some(Against { lane: on.lane, s_m: on.s_m, inside_m, inwards_mps, off_own: false });
        }
    }
    best.map(|against| Against { off_own, ..against })
}

/// Whether a lane is one of those of the last round, or follows one of them.
fn continues(map: &Map, before: &[Placement], lane: LaneIx) -> bool {
    before.iter().any(|p| p.lane == lane || map.lane(p.lane).successors.contains(&lane))
}

/// Whether a track may take part in a round.
pub(crate) fn usable(at: Utc, track: &Track, config: &PredictConfig) -> Result<(), Unusable> {
    let numbers = [track.position.x, track.position.y, track.velocity.x, track.velocity.y, track.existence];
    // Beyond these no road user of an island moves: arithmetic on them would only make infinities.
    let in_range = track.position.coords.amax() < 1e7 && track.velocity.amax() < 150.0;
    if !(numbers.iter().all(|n| n.is_finite()) && track.covariance.iter().all(|n| n.is_finite()) && in_range) {
        return Err(Unusable::NotFinite);
    }
    if track.extent_m.is_some_and(|(l, w)| !(l.is_finite() && w.is_finite())) {
        return Err(Unusable::NotFinite);
    }
    if at.seconds_since(track.valid_at).abs() > MAX_CARRY_S {
        return Err(Unusable::OutOfTime);
    }
    if track.existence < config.min_existence { Err(Unusable::Doubtful) } else { Ok(()) }
}

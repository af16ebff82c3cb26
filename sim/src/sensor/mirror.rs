//! Ghosts: echoes that come by way of something else, so that a radar sees somebody where nobody is.
//!
//! A flat face mirrors whoever passes it: range, direction and Doppler of the ghost are those of the mirror image. Two
//! vehicles side by side throw the wave to and fro: a ghost stands behind the large one.

use super::Look;
use super::radar::{Echo, cross_section_m2};
use crate::radio::Streets;
use crate::rng::{SmallStream, uniform};
use jxz_geo::{Point, Vector};
use jxz_map::{LaneKind, Map};
use jxz_world::SensorSpec;

/// Fronts of buildings and sides of parked vehicles that mirror, a radar; half their length, metres; and the share of
/// power that two reflections leave: 8 dB each at a front of concrete and glass, 5 dB each at sheet metal.
const WALLS: usize = 2;
const WALL_HALF_M: f64 = 6.0;
const WALL_SHARE: f64 = 0.025;
const PARKED: usize = 1;
const PARKED_HALF_M: f64 = 2.3;
const PARKED_SHARE: f64 = 0.1;
/// How far from the middle of the outermost lane they park, and farthest that a front is looked for, metres.
const KERB_M: f64 = 3.0;
const FARTHEST_FRONT_M: f64 = 30.0;
/// How far from the radar faces stand, metres.
const FACES_M: (f64, f64) = (12.0, 70.0);
/// Farthest of whom a ghost is looked for, metres.
const SOURCE_M: f64 = 80.0;
/// Share of power that two more bounces leave of a large vehicle's echo, for a neighbour as large as a car.
const DOUBLE_SHARE: f64 = 0.01;
/// Farthest neighbour that takes part, metres; and the least echo of a large vehicle, m².
const NEIGHBOUR_M: f64 = 12.0;
const LARGE_M2: f64 = 50.0;

/// A flat upright face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mirror {
    pub(super) at: Point,
    /// Unit vector along it.
    pub(super) along: Vector,
    pub(super) half_m: f64,
    /// Share of power that is left after two reflections.
    pub(super) share: f64,
}

impl Mirror {
    /// Tells of each mirror image that the radar sees: where it is from the radar, its velocity, and its cross-section.
    pub(super) fn ghosts(&self, look: &Look<'_>, mut tell: impl FnMut(Vector, Vector, f64)) {
        let normal = Vector::new(-self.along.y, self.along.x);
        let radar_m = (look.pose.position - self.at).dot(&normal);
        let to_face = self.at - look.pose.position;
        for sight in look.sights.iter().take_while(|sight| sight.range_m < SOURCE_M) {
            let aside_m = radar_m + sight.centre.dot(&normal);
            // Both before the same side of the face.
            if sight.hidden || aside_m * radar_m <= 0.25 {
                continue;
            }
            let image = sight.centre - normal * (2.0 * aside_m);
            // Where the ray to the image passes the face.
            let along_m = (image * (radar_m / (radar_m + aside_m)) - to_face).dot(&self.along);
            if along_m.abs() <= self.half_m {
                let object = &look.truth[sight.index];
                let velocity = object.velocity - normal * (2.0 * object.velocity.dot(&normal));
                tell(image, velocity, self.share * cross_section_m2(object.kind));
            }
        }
    }
}

/// Tells of ghosts behind buses and lorries: on the way radar, bus, neighbour, bus, radar the wave goes their distance
/// twice more, and comes from the bus's direction.
pub(super) fn double_bounces(look: &Look<'_>, mut tell: impl FnMut(Echo, f64)) {
    for (k, large) in look.sights.iter().enumerate().take_while(|(_, sight)| sight.range_m < SOURCE_M) {
        let object = &look.truth[large.index];
        let m2 = cross_section_m2(object.kind);
        if large.hidden || m2 < LARGE_M2 {
            continue;
        }
        let reach = NEIGHBOUR_M + 1.0;
        let near = |other: &(usize, &super::sight::Sight)| {
            other.0 != k && (other.1.range_m - large.range_m).abs() < reach && !other.1.hidden
        };
        let apart = |other: &super::sight::Sight| (other.centre - large.centre).norm();
        let others = look.sights.iter().enumerate().filter(near).map(|(_, other)| (apart(other), other));
        let Some((apart_m, other)) = others.filter(|(m, _)| *m < NEIGHBOUR_M).min_by(|a, b| a.0.total_cmp(&b.0)) else {
            continue;
        };
        let neighbour = &look.truth[other.index];
        let between = (other.centre - large.centre) / apart_m.max(0.5);
        let radial_mps = object.velocity.dot(&large.centre) / large.range_m;
        let echo = Echo {
            range_m: large.range_m + apart_m,
            azimuth_rad: large.azimuth_rad,
            doppler_mps: radial_mps + (neighbour.velocity - object.velocity).dot(&between),
            snr: 0.0,
            id: None,
        };
        tell(echo, DOUBLE_SHARE * m2 * (cross_section_m2(neighbour.kind) / 10.0).min(1.0));
    }
}

/// Faces around a radar, drawn from the places where there may be some. `streets`: where buildings begin; `None`: there
/// are none.
pub(super) fn around(spec: &SensorSpec, map: &Map, streets: Option<&Streets>, stream: &mut SmallStream) -> Vec<Mirror> {
    let (mut fronts, mut kerbs) = (Vec::new(), Vec::new());
    for lane in &map.lanes {
        if lane.right.is_some() || lane.link.is_none() || lane.kind != LaneKind::Driving {
            continue;
        }
        let length_m = lane.centre.length_m();
        for k in 0..(length_m / 10.0) as usize {
            let s_m = 10.0 * k as f64 + 5.0;
            let at = lane.centre.point_at(s_m);
            let away_m = (at - spec.position).norm();
            if away_m < FACES_M.0 || away_m > FACES_M.1 || !spec.sees(at) {
                continue;
            }
            let along = lane.centre.direction_at(s_m);
            let right = Vector::new(along.y, -along.x);
            kerbs.push((at + right * KERB_M, along));
            fronts.extend(streets.and_then(|streets| streets.front(at, right, FARTHEST_FRONT_M)).map(|at| (at, along)));
        }
    }
    let mut mirrors = Vec::with_capacity(WALLS + PARKED);
    let mut draw = |places: &[(Point, Vector)], count: usize, half_m: f64, share: f64| {
        for _ in 0..count.min(places.len()) {
            let place = (uniform(stream, 0.0, places.len() as f64) as usize).min(places.len() - 1);
            let (at, along) = places[place];
            mirrors.push(Mirror { at, along, half_m, share });
        }
    };
    draw(&fronts, WALLS, WALL_HALF_M, WALL_SHARE);
    draw(&kerbs, PARKED, PARKED_HALF_M, PARKED_SHARE);
    mirrors
}

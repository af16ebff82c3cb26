//! Mirrored, rotated and time-shifted scenes give mirrored, rotated and time-shifted warnings.

mod common;

use common::*;
use jxz_geo::{Point, Polyline, Vector};
use jxz_hazard::{HazardConfig, Hazards, Round};
use jxz_map::{Map, Turn};
use jxz_units::{Heading, Yaw};
use jxz_world::{Application, RoadUserClass, Track, Warning, WarningStage};
use nalgebra::Matrix4;
use std::sync::Arc;

/// A movement of the plane: a mirror at the y axis, then a turn, then a shift of time.
#[derive(Clone, Copy)]
struct Moved {
    mirror: bool,
    turn_rad: f64,
    later_s: f64,
}

impl Moved {
    fn vector(self, v: Vector) -> Vector {
        let x = if self.mirror { -v.x } else { v.x };
        let (sin, cos) = (libm::sin(self.turn_rad), libm::cos(self.turn_rad));
        Vector::new(cos * x - sin * v.y, sin * x + cos * v.y)
    }

    fn point(self, p: Point) -> Point {
        Point::from(self.vector(p.coords))
    }

    fn line(self, line: &Polyline) -> Polyline {
        Polyline::new(line.points().iter().map(|p| self.point(*p)).collect()).expect("a line stays a line")
    }

    fn map(self, map: &Map) -> Arc<Map> {
        let mut map = map.clone();
        for lane in &mut map.lanes {
            lane.centre = self.line(&lane.centre);
            if let Some(movement) = lane.movement.as_mut().filter(|_| self.mirror) {
                movement.turn = match movement.turn {
                    Turn::Left => Turn::Right,
                    Turn::Right => Turn::Left,
                    other => other,
                };
            }
        }
        for link in &mut map.links {
            link.line = self.line(&link.line);
        }
        for crossing in &mut map.crossings {
            crossing.line = self.line(&crossing.line);
        }
        for junction in &mut map.junctions {
            junction.centre = self.point(junction.centre);
        }
        Arc::new(map)
    }

    fn track(self, track: &Track) -> Track {
        let velocity = self.vector(track.velocity);
        let heading = track.heading.map(|heading: Heading| {
            let along = self.vector(Vector::new(libm::sin(heading.rad()), libm::cos(heading.rad())));
            Yaw::of_vector(along.x, along.y).to_heading()
        });
        let mut basis = Matrix4::zeros();
        for (i, axis) in [Vector::x(), Vector::y()].into_iter().enumerate() {
            let image = self.vector(axis);
            for k in [0, 2] {
                (basis[(k, k + i)], basis[(k + 1, k + i)]) = (image.x, image.y);
            }
        }
        Track {
            position: self.point(track.position),
            velocity,
            heading,
            covariance: basis * track.covariance * basis.transpose(),
            valid_at: track.valid_at.plus_seconds(self.later_s),
            measured_at: track.measured_at.plus_seconds(self.later_s),
            since: track.since.plus_seconds(self.later_s),
            ..track.clone()
        }
    }
}

/// Numbers from a seed, for scenes that nobody chose (a linear congruential generator; Knuth, MMIX).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }
}

/// Straight movers of every class on and beside the four legs.
fn scene(seed: u64) -> impl Fn(f64) -> Vec<Track> {
    let mut seeded = Seeded(seed);
    let movers: Vec<_> = (0..9_u64)
        .map(|id| {
            let leg = (seeded.next() * 4.0) as usize;
            let lane = right_of((seeded.next() * 2.0) as u8) + seeded.within(-0.4, 0.4);
            let (from, v) = (seeded.within(-170.0, -30.0), seeded.within(5.0, 19.0));
            let walks = seeded.next() < 0.25;
            let crossing = (seeded.within(-80.0, 80.0), seeded.within(1.0, 2.5));
            move |t: f64| {
                if walks {
                    return user(
                        id,
                        RoadUserClass::Pedestrian,
                        t,
                        (crossing.0, -9.0 + crossing.1 * t),
                        (0.1, crossing.1),
                    );
                }
                let s = from + v * t;
                let (p, d) = match leg {
                    0 => ((s, -lane), (v, 0.0)),
                    1 => ((-s, lane), (-v, 0.0)),
                    2 => ((lane, s), (0.0, v)),
                    _ => ((-lane, -s), (0.0, -v)),
                };
                car(id, t, p, d)
            }
        })
        .collect();
    move |t| movers.iter().map(|mover| mover(t)).collect()
}

fn said(moved: Moved, tracks: &impl Fn(f64) -> Vec<Track>) -> Vec<(u32, Warning)> {
    let mut hazards = Hazards::new(moved.map(&town()), &site(), HazardConfig::default());
    let mut all = Vec::new();
    for i in 0..50_u32 {
        let t = f64::from(i) * 0.1;
        let tracks: Vec<Track> = tracks(t).iter().map(|track| moved.track(track)).collect();
        let mut lights = signals(t, EAST_WEST);
        lights.valid_at = lights.valid_at.plus_seconds(moved.later_s);
        lights.phases.iter_mut().for_each(|p| p.likely_end = p.likely_end.plus_seconds(moved.later_s));
        let at = at(t).plus_seconds(moved.later_s);
        all.extend(hazards.assess(&Round::of_tracks(at, &tracks, Some(&lights))).into_iter().map(|w| (i, w)));
    }
    all
}

fn compare(moved: Moved, what: &str) {
    let still = Moved { mirror: false, turn_rad: 0.0, later_s: 0.0 };
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..=24 {
        let scene = scene(seed);
        let (before, after) = (said(still, &scene), said(moved, &scene));
        let key = |(i, w): &(u32, Warning)| (*i, w.application, w.id, w.stage == WarningStage::Cancelled);
        let (mut before, mut after) = (before, after);
        before.sort_by_key(key);
        after.sort_by_key(key);
        assert_eq!(before.len(), after.len(), "{what}, seed {seed}");
        for (one, other) in before.iter().zip(&after) {
            let ((_, a), (_, b)) = (one, other);
            assert_eq!(
                (key(one).0, a.application, a.stage, a.level, &a.about, &a.concerned),
                (key(other).0, b.application, b.stage, b.level, &b.about, &b.concerned),
                "{what}, seed {seed}"
            );
            assert!((moved.point(a.place.at) - b.place.at).norm() < 1e-6, "{what}, seed {seed}: {a:?} {b:?}");
            assert!((a.confidence - b.confidence).abs() < 1e-6 && a.place.radius_m == b.place.radius_m);
            assert_eq!(a.paths.len(), b.paths.len(), "{what}, seed {seed}");
            for (a, b) in a.paths.iter().zip(&b.paths) {
                assert_eq!((a.track, a.points.len()), (b.track, b.points.len()));
                // Told to the centimetre, by axis.
                let apart_m = a.points.iter().zip(&b.points).map(|(a, b)| (moved.point(*a) - b).norm());
                assert!(apart_m.fold(0.0, f64::max) < 0.015, "{what}, seed {seed}");
            }
            assert_eq!(a.since.plus_seconds(moved.later_s), b.since);
        }
        seen.extend(before.iter().filter(|(_, w)| w.stage == WarningStage::Raised).map(|(_, w)| w.application));
    }
    assert!(seen.len() >= 5 && seen.contains(&Application::Vrucw) && seen.contains(&Application::Icw), "{seen:?}");
}

#[test]
fn rotated() {
    for turn_rad in [0.7, 2.0, -1.3] {
        compare(Moved { mirror: false, turn_rad, later_s: 0.0 }, "rotated");
    }
}

#[test]
fn mirrored() {
    compare(Moved { mirror: true, turn_rad: 0.0, later_s: 0.0 }, "mirrored");
}

#[test]
fn time_shifted() {
    compare(Moved { mirror: false, turn_rad: 0.0, later_s: 86_400.0 }, "a day later");
}

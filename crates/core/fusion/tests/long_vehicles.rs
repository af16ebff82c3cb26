//! Several radar points of one long vehicle are one track; what is near it stays itself.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

mod common;

use common::{STEP_S, Scene, User, gauss, tracker, utc};
use jxz_geo::{Point, Vector};
use jxz_units::wrap_pi;
use jxz_world::RoadUserClass::{Motor, Pedestrian};
use jxz_world::{Detection, Scan, SensorSpec, Track};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BUS_LENGTH_M: f64 = 12.0;
const BUS_SPEED_MPS: f64 = 9.0;

/// Along the road to the east, then braking to a stand at t = 9 s.
fn bus_at(t: f64) -> (Point, Vector) {
    let (brakes_s, stands_s) = (4.0, 9.0);
    let brake_mps2 = BUS_SPEED_MPS / (stands_s - brakes_s);
    let braking_s = (t.min(stands_s) - brakes_s).max(0.0);
    let east = BUS_SPEED_MPS * t.min(stands_s) - 0.5 * brake_mps2 * braking_s * braking_s;
    (Point::new(-60.0 + east, -1.75), Vector::new(BUS_SPEED_MPS - brake_mps2 * braking_s, 0.0))
}

/// One to four echoes from anywhere along the bus, or a camera's one box.
fn see_bus(rng: &mut ChaCha8Rng, spec: &SensorSpec, t: f64, boxed: bool) -> Vec<Detection> {
    let (centre, velocity) = bus_at(t);
    let camera = spec.class_accuracy.is_some();
    let echoes = if camera { 1 } else { rng.random_range(1..5) };
    let mut seen = Vec::new();
    for _ in 0..echoes {
        let along = if camera { 0.0 } else { rng.random_range(-0.5..0.5) * BUS_LENGTH_M };
        let d = centre + Vector::new(along, 0.0) - spec.position;
        let range = d.norm();
        seen.push(Detection {
            range_m: range + gauss(rng) * spec.range_sigma_at(range),
            azimuth_rad: wrap_pi(libm::atan2(d.y, d.x) - spec.boresight.rad() + gauss(rng) * spec.azimuth_sigma_rad),
            doppler_mps: spec.doppler_sigma_mps.map(|sigma| velocity.dot(&d) / range + gauss(rng) * sigma),
            class: spec.class_accuracy.map(|_| Motor),
            score: 0.8,
            extent_m: (camera && boxed).then_some((BUS_LENGTH_M, 2.5)),
        });
    }
    seen
}

/// Runs the bus among others; gives the tracks within the bus's outline for each frame after `from_s`.
fn play(others: Vec<User>, cameras: bool, boxed: bool, from_s: f64) -> Vec<(f64, Vec<Track>, Vec<Track>)> {
    let mut scene = Scene::new(31, others);
    let mut rng = ChaCha8Rng::seed_from_u64(32);
    let mut tracker = tracker();
    let mut frames = Vec::new();
    for step in 0..800 {
        let t = step as f64 * STEP_S;
        let mut scan: Scan = scene.scan(step);
        let spec = scene.sensors[step % 4].clone();
        scan.detections.extend(see_bus(&mut rng, &spec, t, boxed));
        if cameras || spec.doppler_sigma_mps.is_some() {
            tracker.handle_scan(&scan).unwrap();
        }
        if step % 4 == 3 && t >= from_s {
            let all = tracker.tracks_at(utc(t));
            let centre = bus_at(t).0;
            let on_bus = |track: &Track| {
                let d = track.position - centre;
                d.x.abs() < BUS_LENGTH_M / 2.0 + 1.0 && d.y.abs() < 2.0
            };
            let bus = all.iter().filter(|t| on_bus(t)).cloned().collect();
            frames.push((t, bus, all));
        }
    }
    frames
}

#[test]
fn a_bus_whose_box_the_cameras_know_is_one_track() {
    let frames = play(Vec::new(), true, true, 2.0);
    let one = frames.iter().filter(|(_, bus, _)| bus.len() == 1).count();
    assert!(one * 100 >= frames.len() * 99, "one track in {one} of {} frames", frames.len());
    let id = frames[0].1[0].id;
    assert!(frames.iter().all(|(_, bus, _)| bus.iter().all(|t| t.id == id)), "one number throughout");
    let mut squares = Vector::zeros();
    for (t, bus, _) in frames.iter().filter(|(t, ..)| *t > 3.0) {
        let off = bus[0].position - bus_at(*t).0;
        squares += off.component_mul(&off) / frames.len() as f64;
        assert!(off.norm() < 2.0, "{off:?} at {t} s");
        let (length, _) = bus[0].extent_m.unwrap();
        assert!((length - BUS_LENGTH_M).abs() < 2.5, "{length} m long at {t} s");
    }
    assert!(squares.x.sqrt() < 0.6 && squares.y.sqrt() < 0.35, "squared errors {squares:?}");
}

#[test]
fn a_bus_that_only_radars_see_becomes_one_track_with_a_length() {
    let frames = play(Vec::new(), false, false, 4.0);
    let one = frames.iter().filter(|(_, bus, _)| bus.len() == 1).count();
    assert!(one * 100 >= frames.len() * 95, "one track in {one} of {} frames", frames.len());
    let (length, _) = frames.last().unwrap().1[0].extent_m.expect("it was found to be long");
    assert!((8.0..=16.0).contains(&length), "{length} m");
}

#[test]
fn a_car_behind_and_a_pedestrian_beside_stay_themselves() {
    let car = |t: f64| {
        Some(jxz_fusion::metrics::Moving { position: bus_at(t).0 - Vector::new(14.0, 0.0), velocity: bus_at(t).1 })
    };
    let others =
        vec![User { class: Motor, path: Box::new(car) }, User::straight(Pedestrian, (-20.0, -5.0), (1.3, 0.0))];
    let frames = play(others, true, true, 3.0);
    let near = |all: &[Track], place: Point| all.iter().any(|t| (t.position - place).norm() < 1.5);
    let both = frames
        .iter()
        .filter(|(t, _, all)| near(all, car(*t).unwrap().position) && near(all, Point::new(-20.0 + 1.3 * t, -5.0)));
    let both = both.count();
    assert!(both * 100 >= frames.len() * 97, "both were there in {both} of {} frames", frames.len());
}

#[test]
fn cars_in_a_platoon_are_not_joined_even_without_cameras() {
    let speed = 12.0;
    let cars: Vec<User> =
        (0..4).map(|k| User::straight(Motor, (-90.0 + 13.0 * f64::from(k), -1.75), (speed, 0.0))).collect();
    let mut scene = Scene::new(33, cars);
    let mut tracker = tracker();
    for step in 0..560 {
        let scan = scene.scan(step);
        if step % 2 == 0 {
            tracker.handle_scan(&scan).unwrap();
        }
    }
    let t = 559.0 * STEP_S;
    let tracks = tracker.tracks_at(utc(t));
    for truth in scene.truth(t) {
        assert!(common::nearest(&tracks, truth.position).is_some(), "no track at {}", truth.position);
    }
}

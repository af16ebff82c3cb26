//! What sensors report, held against what they are said to do.

use super::*;
use crate::RoadUserKind;
use crate::scenario::WeatherPlan;
use core::f64::consts::PI;
use jxz_geo::{Point, Vector, Wgs84};
use jxz_units::Yaw;
use jxz_world::{RoadUserClass, SensorId};

const NANJING: Wgs84 = Wgs84 { lat_deg: 32.05, lon_deg: 118.71 };
const START: Utc = Utc::from_unix_ns(1_000_000_000);

/// A radar that looks east and has neither clutter nor anything that mirrors.
fn radar() -> SensorSpec {
    SensorSpec {
        id: SensorId("radar".into()),
        kind: SensorKind::Radar,
        position: Point::new(10.0, -5.0),
        height_m: 6.5,
        boresight: Yaw::from_rad(0.0),
        half_fov_rad: 1.0,
        range_m: (2.0, 180.0),
        range_sigma_m: 0.3,
        range_sigma_fraction: 0.0,
        azimuth_sigma_rad: 0.01,
        doppler_sigma_mps: Some(0.1),
        detection_probability: 0.9,
        clutter_per_scan: 0.0,
        class_accuracy: None,
        period_s: 0.1,
    }
}

fn camera() -> SensorSpec {
    SensorSpec {
        id: SensorId("camera".into()),
        kind: SensorKind::Camera,
        range_m: (3.0, 120.0),
        range_sigma_fraction: 0.03,
        azimuth_sigma_rad: 0.003,
        doppler_sigma_mps: None,
        class_accuracy: Some(0.9),
        ..radar()
    }
}

fn object(id: u64, kind: RoadUserKind, at: Point, velocity: Vector) -> TruthObject {
    let (length_m, width_m, height_m) = kind.size_m();
    TruthObject {
        id,
        kind,
        class: kind.class(),
        position: at,
        velocity,
        yaw: Yaw::of_vector(velocity.x, velocity.y),
        extent_m: (length_m, width_m),
        height_m,
        acceleration_mps2: 0.0,
        vehicle: None,
        scripted: false,
    }
}

/// A road user `ahead_m` before the sensor and `left_m` to its left.
fn before(id: u64, kind: RoadUserKind, ahead_m: f64, left_m: f64, velocity: Vector) -> TruthObject {
    object(id, kind, Point::new(10.0 + ahead_m, -5.0 + left_m), velocity)
}

fn still() -> Vector {
    Vector::new(0.0, 1e-6)
}

/// A sensor under test, in its weather.
struct Trial {
    sensor: Sensor,
    weather: WeatherPlan,
    /// Road users detected, in all scans together.
    seen: usize,
}

impl Trial {
    fn of(spec: &SensorSpec) -> Self {
        Self::with(spec, "", "")
    }

    fn with(spec: &SensorSpec, weather: &str, faults: &str) -> Self {
        let faults = if faults.is_empty() { Vec::new() } else { vec![toml::from_str(faults).unwrap()] };
        let map = empty_map();
        let place = Place { map: &map, streets: None, seed: Seed(3) };
        let sensor = Sensor::new(spec, &place, faults, 1, 0.25);
        Self { sensor, weather: toml::from_str(weather).unwrap(), seen: 0 }
    }

    /// Scans of so many seconds in which the truth stays as it is.
    fn sent(&mut self, truth: &[TruthObject], seconds: u64) -> Vec<Sent> {
        let near: Vec<usize> = (0..truth.len()).collect();
        let (mut out, mut scratch) = (Vec::new(), Scratch::default());
        for step in 0..seconds * 20 {
            let from_ns = step * 50_000_000;
            let utc = START.plus_seconds(from_ns as f64 * 1e-9);
            let conditions = Conditions::of(&self.weather, NANJING, utc, from_ns as f64 * 1e-9);
            let to_ns = from_ns + 50_000_000;
            let around = Around { truth, near: &near, conditions: &conditions, utc, from_ns, to_ns };
            self.sensor.scans(&around, &mut scratch, &mut out);
            self.seen += self.sensor.seen().len();
        }
        out
    }

    fn scans(&mut self, truth: &[TruthObject], seconds: u64) -> Vec<Scan> {
        self.sent(truth, seconds).into_iter().map(|sent| sent.scan).collect()
    }

    /// Detections a scan.
    fn rate(&mut self, truth: &[TruthObject]) -> f64 {
        let scans = self.scans(truth, 100);
        scans.iter().map(|scan| scan.detections.len()).sum::<usize>() as f64 / scans.len() as f64
    }
}

fn empty_map() -> Map {
    let mut map = Map::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap();
    map.lanes.clear();
    map
}

fn sigma(values: impl Iterator<Item = f64>) -> f64 {
    let (n, sum) = values.fold((0.0, 0.0), |(n, sum), value| (n + 1.0, sum + value * value));
    f64::sqrt(sum / f64::max(n, 1.0))
}

fn rate_of(spec: &SensorSpec, kind: RoadUserKind, ahead_m: f64, weather: &str) -> f64 {
    Trial::with(spec, weather, "").rate(&[before(1, kind, ahead_m, 0.0, still())])
}

#[test]
fn errors_misses_and_clutter_of_a_radar_have_the_stated_sizes() {
    let spec = radar();
    let car = before(1, RoadUserKind::Car, 40.0, 10.0, still());
    let scans = Trial::of(&spec).scans(core::slice::from_ref(&car), 400);
    assert_eq!(scans.len(), 4000);
    assert!(scans.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1
        && (pair[1].valid_at.seconds_since(pair[0].valid_at) - 0.1).abs() < 1e-9));
    let (range_m, azimuth_rad) = (libm::hypot(40.0, 10.0), libm::atan2(10.0, 40.0));
    let hits: Vec<Detection> = scans.iter().flat_map(|scan| scan.detections.clone()).collect();
    assert!((hits.len() as f64 / 4000.0 - 0.9).abs() < 0.02, "{}", hits.len());
    assert!((sigma(hits.iter().map(|hit| hit.range_m - range_m)) - 0.3).abs() < 0.015);
    assert!((sigma(hits.iter().map(|hit| hit.azimuth_rad - azimuth_rad)) - 0.01).abs() < 5e-4);
    assert!((sigma(hits.iter().map(|hit| hit.doppler_mps.unwrap())) - 0.1).abs() < 0.006);
    let cluttered = SensorSpec { clutter_per_scan: 3.0, ..spec };
    let rate = Trial::of(&cluttered).rate(&[]);
    assert!((rate - 3.0).abs() < 0.2, "{rate}");
}

#[test]
fn a_radars_clutter_stands_in_part_at_the_same_places() {
    let spec = SensorSpec { clutter_per_scan: 3.0, range_sigma_m: 0.05, azimuth_sigma_rad: 1e-3, ..radar() };
    let scans = Trial::of(&spec).scans(&[], 100);
    let all: Vec<Detection> = scans.iter().flat_map(|scan| scan.detections.clone()).collect();
    let standing = all.iter().filter(|d| {
        let same = |o: &&Detection| (o.range_m - d.range_m).abs() < 0.5 && (o.azimuth_rad - d.azimuth_rad).abs() < 0.01;
        all.iter().filter(same).count() > 8
    });
    let share = standing.clone().count() as f64 / all.len() as f64;
    assert!((share - 0.4).abs() < 0.06, "{share}");
    // One of nothing may lie where something stands.
    let moving = standing.clone().filter(|d| d.doppler_mps.unwrap().abs() > 1.0).count();
    assert!(moving * 50 < standing.count(), "{moving} of those that stand move");
    let rain = Trial::with(&spec, "rain_mm_h = 25", "").rate(&[]);
    assert!((rain - 4.5).abs() < 0.3, "{rain} with the rain's own echoes");
}

#[test]
fn doppler_is_positive_when_the_range_grows() {
    let car = before(1, RoadUserKind::Car, 30.0, 25.0, Vector::new(30.0, 25.0).normalize() * 9.0);
    let hits: Vec<Detection> = Trial::of(&radar()).scans(&[car], 2).into_iter().flat_map(|s| s.detections).collect();
    assert!(hits.len() > 10 && hits.iter().all(|hit| (hit.doppler_mps.unwrap() - 9.0).abs() < 0.6));
}

#[test]
fn a_radar_loses_the_small_with_distance_and_some_in_rain() {
    // The radar equation by hand: a car has 28.9 dB at 180 m, a pedestrian 18 dB less; P = 0.9 exp(-9.21 / (1 + SNR)).
    for (kind, m2, ahead_m) in [
        (RoadUserKind::Car, 10.0, 100.0),
        (RoadUserKind::Car, 10.0, 175.0),
        (RoadUserKind::Pedestrian, 0.16, 40.0),
        (RoadUserKind::Pedestrian, 0.16, 100.0),
        (RoadUserKind::EBike, 1.0, 150.0),
    ] {
        let snr = 780.0 * m2 / 10.0 * libm::pow(180.0 / ahead_m, 4.0);
        let expected = 0.9 * libm::exp(-9.21 / (1.0 + snr));
        let rate = rate_of(&radar(), kind, ahead_m, "");
        assert!((rate - expected).abs() < 0.05, "{kind:?} at {ahead_m} m: {rate}, expected {expected}");
    }
    // 50 mm/h take 18.8 dB a kilometre, so 3.75 dB to 100 m and back.
    let walker = [before(1, RoadUserKind::Pedestrian, 100.0, 0.0, still())];
    let scans = Trial::with(&radar(), "rain_mm_h = 50", "").scans(&walker, 100);
    let far = scans.iter().flat_map(|scan| &scan.detections).filter(|hit| hit.range_m > 50.0).count() as f64 / 1000.0;
    let snr = 12.48 * libm::pow(1.8, 4.0) * libm::pow(10.0, -0.375);
    let expected = 0.9 * libm::exp(-9.21 / (1.0 + snr));
    assert!((far - expected).abs() < 0.05, "in rain {far}, expected {expected}");
}

#[test]
fn two_in_one_cell_are_one_detection_and_outside_two() {
    let (ahead, cell) = (Vector::new(3.0, 0.0), (4.0 * 0.3, 4.0 * 0.01, 4.0 * 0.1));
    let rate = |apart_m: f64, aside_rad: f64, faster_mps: f64| {
        let first = before(1, RoadUserKind::Car, 80.0, 0.0, ahead);
        let (x, y) = ((80.0 + apart_m) * libm::cos(aside_rad), (80.0 + apart_m) * libm::sin(aside_rad));
        let second = before(2, RoadUserKind::Car, x, y, ahead + Vector::new(faster_mps, 0.0));
        Trial::of(&SensorSpec { detection_probability: 1.0, height_m: 90.0, ..radar() }).rate(&[first, second])
    };
    assert!((rate(0.8 * cell.0, 0.5 * cell.1, 0.5 * cell.2) - 1.0).abs() < 0.02);
    for (apart_m, aside_rad, faster_mps) in
        [(1.3 * cell.0, 0.0, 0.0), (0.0, 1.3 * cell.1, 0.0), (0.0, 0.0, 1.5 * cell.2)]
    {
        let rate = rate(apart_m, aside_rad, faster_mps);
        assert!(rate > 1.95, "{apart_m} m, {aside_rad} rad, {faster_mps} m/s apart: {rate}");
    }
}

#[test]
fn what_merges_lies_where_the_power_is() {
    let car = before(1, RoadUserKind::Car, 60.0, 0.0, still());
    let walker = before(2, RoadUserKind::Pedestrian, 61.0, 0.0, still());
    let spec = SensorSpec { height_m: 90.0, ..radar() };
    let scans = Trial::of(&spec).scans(&[car, walker], 200);
    let hits: Vec<f64> = scans.iter().flat_map(|scan| scan.detections.iter().map(|hit| hit.range_m)).collect();
    let mean = hits.iter().sum::<f64>() / hits.len() as f64;
    assert!((mean - 60.016).abs() < 0.03, "{mean}");
}

#[test]
fn a_bus_gives_several_detections_within_its_outline_each_with_its_own_doppler() {
    let yaw_rad = 0.6;
    let velocity = Vector::new(libm::cos(yaw_rad), libm::sin(yaw_rad)) * 8.0;
    let spec = SensorSpec { range_sigma_m: 0.1, azimuth_sigma_rad: 1e-3, doppler_sigma_mps: Some(0.02), ..radar() };
    let mut trial = Trial::of(&spec);
    let scans = trial.scans(&[before(1, RoadUserKind::Bus, 35.0, -5.0, velocity)], 20);
    let mean = scans.iter().map(|scan| scan.detections.len()).sum::<usize>() as f64 / scans.len() as f64;
    assert!((3.0..6.0).contains(&mean), "{mean} detections a scan");
    assert!(trial.seen <= scans.len(), "one road user all the same");
    for scan in &scans {
        // Scans are at most a step later than the truth.
        let late_s = scan.valid_at.seconds_since(START) % 0.05;
        for hit in &scan.detections {
            let at = Vector::new(hit.range_m * libm::cos(hit.azimuth_rad), hit.range_m * libm::sin(hit.azimuth_rad));
            let d = at - (Vector::new(35.0, -5.0) + velocity * late_s);
            let (along, across) = (d.dot(&velocity) / 8.0, (velocity.x * d.y - velocity.y * d.x) / 8.0);
            assert!(along.abs() < 5.75 + 0.4 && across.abs() < 1.25 + 0.4, "{along} {across}");
            assert!((hit.doppler_mps.unwrap() - velocity.dot(&at) / at.norm()).abs() < 0.12);
        }
    }
    let car = Trial::of(&spec).rate(&[before(1, RoadUserKind::Car, 35.0, -5.0, velocity)]);
    assert!(car < 1.0, "a car gives one: {car}");
}

#[test]
fn a_wall_shows_a_ghost_where_the_mirror_image_is_scan_after_scan() {
    // A wall along the road 20 m to the left; the car passes at 10 m/s, 4 m to the left.
    let mut trial = Trial::of(&SensorSpec { detection_probability: 1.0, ..radar() });
    let wall = mirror::Mirror { at: Point::new(30.0, 15.0), along: Vector::new(1.0, 0.0), half_m: 8.0, share: 0.5 };
    let Eye::Radar(radar) = &mut trial.sensor.eye else { panic!("a radar") };
    radar.add_mirror(wall);
    let velocity = Vector::new(10.0, -3.0);
    let car = before(1, RoadUserKind::Car, 40.0, 4.0, velocity);
    let mirrored = Vector::new(10.0, 3.0);
    let scans = trial.scans(core::slice::from_ref(&car), 10);
    let mut ghosts = 0;
    for scan in &scans {
        let late_s = scan.valid_at.seconds_since(START) % 0.05;
        let image = Vector::new(40.0, 36.0) + mirrored * late_s;
        for hit in scan.detections.iter().filter(|hit| hit.azimuth_rad > 0.4) {
            ghosts += 1;
            assert!((hit.range_m - image.norm()).abs() < 1.5, "{}", hit.range_m);
            assert!((hit.azimuth_rad - libm::atan2(image.y, image.x)).abs() < 0.05);
            assert!((hit.doppler_mps.unwrap() - mirrored.dot(&image) / image.norm()).abs() < 0.5);
        }
    }
    assert!(ghosts * 10 > scans.len() * 9, "{ghosts} ghosts in {} scans: they stay", scans.len());
    // Where the ray would pass beside the wall there is none.
    let past = before(1, RoadUserKind::Car, 80.0, 4.0, velocity);
    assert!(trial.scans(&[past], 10).iter().all(|scan| scan.detections.iter().all(|hit| hit.azimuth_rad < 0.3)));
}

#[test]
fn behind_a_bus_stands_the_ghost_of_the_car_beside_it() {
    let spec = SensorSpec { detection_probability: 1.0, height_m: 60.0, ..radar() };
    let bus = before(1, RoadUserKind::Bus, 30.0, 0.0, Vector::new(6.0, 0.0));
    let car = before(2, RoadUserKind::Car, 30.0, 8.0, Vector::new(9.0, 0.0));
    let ghost = |truth: &[TruthObject]| {
        let scans = Trial::of(&spec).scans(truth, 20);
        let near = |hit: &&Detection| (hit.range_m - 38.0).abs() < 1.3 && hit.azimuth_rad.abs() < 0.05;
        scans.iter().filter(|scan| scan.detections.iter().any(|hit| near(&hit))).count() as f64 / scans.len() as f64
    };
    // The bus alone has no echo behind its front end at 35.6 m.
    assert!(ghost(&[bus, car]) > 0.9 && ghost(&[bus]) < 0.02, "{} {}", ghost(&[bus, car]), ghost(&[bus]));
}

#[test]
fn a_cameras_range_errs_with_the_square_of_the_distance() {
    let error = |ahead_m: f64| {
        let scans = Trial::of(&camera()).scans(&[before(1, RoadUserKind::Car, ahead_m, 0.0, still())], 300);
        sigma(scans.iter().flat_map(|scan| &scan.detections).map(|hit| hit.range_m - ahead_m))
    };
    // 3 % at 120 m: 3.6 m, so 0.9 m at 60 m and the constant 0.3 m below 34 m.
    for (ahead_m, expected) in [(100.0, 2.5), (60.0, 0.9), (20.0, 0.3)] {
        let error = error(ahead_m);
        assert!((error / expected - 1.0).abs() < 0.08, "{error} at {ahead_m} m, expected {expected}");
    }
}

#[test]
fn a_camera_takes_one_class_for_another_more_often_far_away_and_at_night() {
    let labels = |kind, ahead_m, weather| {
        let scans = Trial::with(&camera(), weather, "").scans(&[before(1, kind, ahead_m, 0.0, still())], 400);
        let mut counts = [0.0; 3];
        scans.iter().flat_map(|scan| &scan.detections).for_each(|hit| counts[hit.class.unwrap().index()] += 1.0);
        let all: f64 = counts.iter().sum();
        counts.map(|count| count / all)
    };
    // 10 % wrong on the mean over range: half of it near, twice of it at the far end.
    for (ahead_m, wrong) in [(12.0, 0.05), (60.0, 0.0875), (115.0, 0.188)] {
        let counts = labels(RoadUserKind::Car, ahead_m, "");
        assert!((1.0 - counts[0] - wrong).abs() < 0.02, "{counts:?} at {ahead_m} m");
    }
    let car = labels(RoadUserKind::Car, 115.0, "");
    assert!(car[1] > 2.0 * car[2], "a car is taken for a cyclist rather than for somebody on foot: {car:?}");
    let walker = labels(RoadUserKind::Pedestrian, 60.0, "");
    assert!(walker[RoadUserClass::NonMotor.index()] > 2.0 * walker[RoadUserClass::Motor.index()], "{walker:?}");
    let night = labels(RoadUserKind::Car, 60.0, "light = 'night'");
    assert!((1.0 - night[0] - 0.131).abs() < 0.025, "{night:?}");
}

#[test]
fn at_night_a_camera_sees_lamps_and_few_people() {
    let of = |kind, ahead_m, weather| rate_of(&camera(), kind, ahead_m, weather);
    let (day, night) = ("", "light = 'night'");
    assert!(of(RoadUserKind::Pedestrian, 90.0, day) > 0.7 && of(RoadUserKind::Pedestrian, 90.0, night) < 0.35);
    assert!(of(RoadUserKind::Pedestrian, 25.0, night) > 0.8, "near by they are seen");
    assert!(of(RoadUserKind::Car, 90.0, night) > of(RoadUserKind::Pedestrian, 90.0, night) + 0.15);
}

#[test]
fn fog_blinds_cameras_and_not_radars() {
    let fog = "visibility_m = 80";
    assert!(rate_of(&camera(), RoadUserKind::Car, 70.0, "") > 0.85);
    assert!(rate_of(&camera(), RoadUserKind::Car, 70.0, fog) < 0.2);
    assert!(rate_of(&camera(), RoadUserKind::Car, 20.0, fog) > 0.8);
    assert!(rate_of(&radar(), RoadUserKind::Car, 150.0, fog) > 0.8);
}

#[test]
fn a_low_sun_dazzles_only_the_camera_that_looks_at_it() {
    let glare = "glare = true\nsun_azimuth_deg = 90\nsun_elevation_deg = 4";
    let west = SensorSpec { boresight: Yaw::from_rad(PI), ..camera() };
    assert!(rate_of(&camera(), RoadUserKind::Car, 60.0, glare) < 0.5, "east, into the sun");
    let away = Trial::with(&west, glare, "").rate(&[before(1, RoadUserKind::Car, -60.0, 0.0, still())]);
    assert!(away > 0.85, "west, the sun behind: {away}");
    let high = "glare = true\nsun_azimuth_deg = 90\nsun_elevation_deg = 50";
    assert!(rate_of(&camera(), RoadUserKind::Car, 60.0, high) > 0.85, "a high sun dazzles nobody");
}

#[test]
fn a_bus_hides_a_car_behind_it_from_a_low_mast_and_not_from_a_high_one() {
    let truth = [
        before(1, RoadUserKind::Bus, 40.0, 0.0, Vector::new(0.0, 1e-3)),
        before(2, RoadUserKind::Car, 47.0, 0.0, Vector::new(0.0, 1e-3)),
    ];
    for (height_m, seen) in [(4.0, 1), (40.0, 2)] {
        let spec = SensorSpec { detection_probability: 1.0, height_m, ..camera() };
        let rate = Trial::of(&spec).rate(&truth);
        assert!((rate - f64::from(seen)).abs() < 0.02, "{rate} from a mast of {height_m} m");
    }
}

#[test]
fn houses_hide_whom_open_streets_show() {
    let map = Map::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap();
    let streets = Streets::new(&map);
    let (mut open, mut seen, mut built, mut hidden) = (0, 0, 0, 0);
    for spec in map.sites.iter().flat_map(|site| &site.sensors) {
        let skyline = Skyline::new(spec, &streets);
        for lane in &map.lanes {
            for k in 0..(lane.centre.length_m() / 10.0) as usize {
                let at = lane.centre.point_at(10.0 * k as f64);
                let d = at - spec.position;
                if !spec.sees(at) || d.norm() < 60.0 {
                    continue;
                }
                let sees = skyline.sees(libm::atan2(d.y, d.x), d.norm());
                if streets.see(spec.position, at) {
                    (open, seen) = (open + 1, seen + usize::from(sees));
                } else {
                    (built, hidden) = (built + 1, hidden + usize::from(!sees));
                }
            }
        }
    }
    // Directions are half a degree wide, so at a corner both may be wrong.
    assert!(open > 1000 && seen * 100 > open * 97, "{seen} seen of {open} in plain sight");
    assert!(built > 20 && hidden * 10 > built * 6, "{hidden} hidden of {built} behind buildings");
}

#[test]
fn a_frozen_sensor_repeats_itself() {
    let truth = [before(1, RoadUserKind::Car, 40.0, 0.0, still()), before(2, RoadUserKind::Car, 60.0, 9.0, still())];
    let run = |freeze: &str| {
        let spec = SensorSpec { detection_probability: 1.0, ..radar() };
        Trial::with(&spec, "", &format!("from_s = 1\nfreeze = '{freeze}'")).scans(&truth, 3)
    };
    let content = run("content");
    assert_eq!(content.len(), 30);
    assert!(content[..9].windows(2).all(|pair| pair[0].detections != pair[1].detections));
    assert!(content[11..].iter().all(|scan| scan.detections == content[11].detections));
    assert!(
        content.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1 && pair[1].valid_at > pair[0].valid_at)
    );
    let all = run("all");
    assert!(all[11..].iter().all(|scan| *scan == all[11]) && all[0] != all[5]);
    let spec = SensorSpec { detection_probability: 1.0, ..radar() };
    let now_and_then = Trial::with(&spec, "", "freeze = 'content'\nfreeze_share = 0.3").scans(&truth, 100);
    let repeats = now_and_then.windows(2).filter(|pair| pair[0].detections == pair[1].detections).count();
    assert!((repeats as f64 / 1000.0 - 0.3).abs() < 0.05, "{repeats}");
}

#[test]
fn a_clock_that_is_off_and_drifts_shifts_times_and_nothing_else() {
    let truth = [before(1, RoadUserKind::Car, 40.0, 0.0, still())];
    let right = Trial::of(&radar()).sent(&truth, 5);
    let wrong = Trial::with(&radar(), "", "offset_ms = 40\ndrift_ppm = 1000").sent(&truth, 5);
    for (k, (a, b)) in right.iter().zip(&wrong).enumerate() {
        let expected_s = 0.04 + 1e-3 * (0.025 + 0.1 * k as f64);
        assert!((b.scan.valid_at.seconds_since(a.scan.valid_at) - expected_s).abs() < 1e-6, "{k}");
        assert_eq!((a.arrives, &a.scan.detections), (b.arrives, &b.scan.detections));
    }
}

#[test]
fn scans_arrive_25_ms_later_as_usual_and_overtake_each_other_with_much_jitter() {
    let delays = |sent: &[Sent]| -> Vec<f64> {
        sent.iter().map(|s| s.arrives.ns() as f64 * 1e-6 - s.scan.valid_at.seconds_since(START) * 1e3).collect()
    };
    let usual = delays(&Trial::of(&radar()).sent(&[], 200));
    let mean = usual.iter().sum::<f64>() / usual.len() as f64;
    assert!((mean - 25.0).abs() < 0.2 && (sigma(usual.iter().map(|d| d - 25.0)) - 2.0).abs() < 0.15, "{mean}");
    let sent = Trial::with(&radar(), "", "latency_ms = 200\njitter_ms = 100").sent(&[], 100);
    let mean = delays(&sent).iter().sum::<f64>() / sent.len() as f64;
    let overtaken = sent.windows(2).filter(|pair| pair[1].arrives < pair[0].arrives).count();
    assert!((200.0..220.0).contains(&mean) && overtaken > 100, "{mean} ms, {overtaken} overtaken");
    let in_order = Trial::of(&radar()).sent(&[], 100);
    assert!(in_order.windows(2).all(|pair| pair[1].arrives > pair[0].arrives));
}

#[test]
fn a_turned_or_shifted_sensor_says_what_it_sees_from_there() {
    let car = before(1, RoadUserKind::Car, 50.0, 0.0, still());
    let mean = |faults: &str| {
        let scans = Trial::with(&radar(), "", faults).scans(core::slice::from_ref(&car), 200);
        let hits: Vec<_> = scans.iter().flat_map(|scan| &scan.detections).collect();
        let n = hits.len() as f64;
        (hits.iter().map(|hit| hit.azimuth_rad).sum::<f64>() / n, hits.iter().map(|hit| hit.range_m).sum::<f64>() / n)
    };
    let (azimuth, range) = mean("yaw_deg = 2");
    assert!((azimuth + f64::to_radians(2.0)).abs() < 1e-3 && (range - 50.0).abs() < 0.03, "{azimuth} {range}");
    let (azimuth, range) = mean("position_m = [5.0, 0.0]");
    assert!(azimuth.abs() < 1e-3 && (range - 45.0).abs() < 0.03, "{azimuth} {range}");
}

#[test]
fn a_sensor_loses_scans_dies_for_a_time_and_errs_as_it_is_told() {
    let truth = [before(1, RoadUserKind::Car, 50.0, 0.0, still())];
    let lossy = Trial::with(&radar(), "", "drop = 0.3").scans(&truth, 200);
    assert!((lossy.len() as f64 / 2000.0 - 0.7).abs() < 0.04, "{}", lossy.len());
    assert!(lossy.windows(2).any(|pair| pair[1].sequence > pair[0].sequence + 1), "the gap shows");
    let dead = Trial::with(&radar(), "", "dead = true\nfrom_s = 2\nlasts_s = 3").scans(&truth, 10);
    let at_s = |scan: &Scan| scan.valid_at.seconds_since(START);
    assert_eq!(dead.len(), 70);
    assert!(dead.iter().all(|scan| !(2.0..5.0).contains(&at_s(scan))));
    let noisy = Trial::with(&radar(), "", "noise = 4\nclutter = 0").scans(&truth, 200);
    let error = sigma(noisy.iter().flat_map(|scan| &scan.detections).map(|hit| hit.range_m - 50.0));
    assert!((error - 1.2).abs() < 0.08, "{error}");
    let spec = SensorSpec { clutter_per_scan: 2.0, ..radar() };
    let rate = Trial::with(&spec, "", "clutter = 3").rate(&[]);
    assert!((rate - 6.0).abs() < 0.3, "{rate}");
}

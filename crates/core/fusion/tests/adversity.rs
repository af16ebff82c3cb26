//! Outages, late scans, garbage and floods.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::rings;
use common::{STEP_S, Scene, User, config, nearest, run, sensors, tracker, utc};
use jxz_fusion::metrics::{Moving, TrackingScore};
use jxz_fusion::{FusionConfig, FusionError, Lateness, Tracker};
use jxz_world::RoadUserClass::{Motor, Pedestrian};
use jxz_world::{Detection, Scan, SensorId};
use rand::{RngExt, SeedableRng};

fn street() -> Vec<User> {
    vec![
        User::straight(Motor, (-95.0, -1.75), (12.0, 0.0)),
        User::straight(Motor, (90.0, 1.75), (-11.0, 0.0)),
        User::straight(Pedestrian, (-9.0, -11.0), (1.2, 0.0)),
        User::straight(Pedestrian, (12.0, 3.0), (0.0, 0.0)),
    ]
}

#[test]
fn half_the_sensors_failing_costs_accuracy_not_tracks() {
    // From 4 s on only one radar and one camera work.
    let mut scene = Scene::new(10, street());
    let run = run(&mut tracker(), &mut scene, 12.0, 1.0, |sensor, t| t < 4.0 || sensor < 2);
    let score = run.score.score();
    assert!(score.missed.unwrap() < 0.02 && score.false_tracks.unwrap() < 0.05, "{score:?}");
    assert!(score.position_rmse_m.unwrap() < 0.2, "{score:?}");
}

#[test]
fn silence_of_all_sensors_is_coasted_through_and_then_admitted() {
    let mut scene = Scene::new(11, street());
    let mut tracker = tracker();
    let first = run(&mut tracker, &mut scene, 4.0, 1.0, |_, _| true);
    let before: Vec<_> = first.frames.last().unwrap().1.iter().map(|t| t.id).collect();
    assert_eq!(before.len(), 4);

    // A second later all are still shown, moved on, with less certainty and the true age of what is known.
    let coasting = tracker.tracks_at(utc(5.0));
    assert_eq!(coasting.iter().map(|t| t.id).collect::<Vec<_>>(), before);
    for truth in scene.truth(5.0) {
        let track = nearest(&coasting, truth.position).expect("carried to where it would be");
        assert!(utc(5.0).seconds_since(track.measured_at) > 0.9);
        let seen = first.frames.last().unwrap().1.iter().find(|t| t.id == track.id).unwrap();
        assert!(track.position_sigma_m() > 2.0 * seen.position_sigma_m());
    }
    // Later nothing is claimed any more.
    assert!(tracker.tracks_at(utc(4.0 + config().coast_s + 0.1)).is_empty());
}

/// The scans of a scene with the arrival time of each, in order of arrival.
fn shuffled(scene: &mut Scene, steps: usize, most_late_s: f64) -> Vec<(f64, Scan)> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(99);
    let mut scans: Vec<_> =
        (0..steps).map(|k| (k as f64 * STEP_S + rng.random_range(0.0..most_late_s), scene.scan(k))).collect();
    scans.sort_by(|a, b| a.0.total_cmp(&b.0));
    scans
}

/// Plays the same scene twice, shuffled and in order.
fn assert_used_as_if_in_order(users: impl Fn() -> Vec<User>, most_gospa_m: f64) {
    let plain = || Tracker::new(sensors(), FusionConfig { calibrate: false, ..config() }).unwrap();
    let mut late_scene = Scene::new(12, users());
    let mut late = plain();
    let mut inserted = 0;
    let mut score = TrackingScore::default();
    for (arrival, scan) in shuffled(&mut late_scene, 640, 0.15) {
        let outcome = late.handle_scan(&scan).unwrap();
        assert_ne!(outcome.lateness, Lateness::TooLate);
        inserted += u32::from(outcome.lateness == Lateness::Inserted);
        if arrival > 1.0 {
            let estimates: Vec<Moving> = late.tracks_at(utc(arrival)).iter().map(Moving::from).collect();
            score.add(&late_scene.truth(arrival), &estimates);
        }
    }
    assert!(inserted > 200, "the scene does shuffle: {inserted}");
    // Asked for the present, though scans arrive up to 150 ms late.
    let score = score.score();
    assert!(score.gospa_m.unwrap() < most_gospa_m && score.position_rmse_m.unwrap() < 0.2, "{score:?}");

    // Once all have arrived hardly anything tells that they came late. Not to the bit: what scores are worth, and
    // where road users come from, is learned in the order in which scans are heard, and weighs in association.
    let mut in_order = plain();
    let mut scene = Scene::new(12, users());
    (0..640).for_each(|k| assert!(in_order.handle_scan(&scene.scan(k)).is_ok()));
    let (a, b) = (late.tracks_at(utc(8.0)), in_order.tracks_at(utc(8.0)));
    assert_eq!((a.len(), b.len()), (users().len(), users().len()));
    for a in &a {
        let b = nearest(&b, a.position).unwrap();
        let (moved, drift) = ((a.position - b.position).norm(), (a.velocity - b.velocity).norm());
        assert!(moved < 0.002 && drift < 0.005, "{moved} m and {drift} m/s: late {a:#?}, in order {b:#?}");
        assert!((a.position_sigma_m() - b.position_sigma_m()).abs() < 0.05 * b.position_sigma_m());
        assert_eq!((a.class.best().0, a.measured_at), (b.class.best().0, b.measured_at));
    }
}

#[test]
fn scans_up_to_150_ms_late_are_used_as_if_in_order() {
    assert_used_as_if_in_order(street, 0.6);
}

#[test]
fn so_they_are_where_thirty_drive_close_together() {
    assert_used_as_if_in_order(|| rings::users(12), 1.2);
}

#[test]
fn a_scan_beyond_the_limit_is_refused_and_changes_nothing() {
    let mut scene = Scene::new(13, street());
    let mut tracker = tracker();
    let kept_back = scene.scan(0);
    (1..200).for_each(|k| assert!(tracker.handle_scan(&scene.scan(k)).is_ok()));
    let before = tracker.tracks_at(utc(2.5));
    let outcome = tracker.handle_scan(&kept_back).unwrap();
    assert_eq!((outcome.lateness, outcome.associated, outcome.births), (Lateness::TooLate, 0, 0));
    assert_eq!(tracker.tracks_at(utc(2.5)), before);
}

#[test]
fn garbage_in_a_scan_is_skipped_and_counted_and_the_rest_used() {
    let nan = f64::NAN;
    let good =
        Detection { range_m: 30.0, azimuth_rad: 0.1, doppler_mps: None, class: None, score: 0.9, extent_m: None };
    let garbage = [
        Detection { range_m: nan, ..good },
        Detection { range_m: -1.0, ..good },
        Detection { range_m: f64::INFINITY, ..good },
        Detection { azimuth_rad: nan, ..good },
        Detection { azimuth_rad: 1e9, ..good },
        Detection { doppler_mps: Some(nan), ..good },
        Detection { doppler_mps: Some(f64::NEG_INFINITY), ..good },
        Detection { score: nan, ..good },
        Detection { extent_m: Some((nan, 2.0)), ..good },
    ];
    let mut scene = Scene::new(14, street());
    let mut tracker = tracker();
    let mut score = TrackingScore::default();
    for k in 0..400 {
        let mut scan = scene.scan(k);
        scan.detections.splice(0..0, garbage);
        assert_eq!(tracker.handle_scan(&scan).unwrap().unusable, garbage.len());
        let t = k as f64 * STEP_S;
        if t > 1.0 {
            let estimates: Vec<Moving> = tracker.tracks_at(utc(t)).iter().map(Moving::from).collect();
            score.add(&scene.truth(t), &estimates);
        }
    }
    assert!(score.score().gospa_m.unwrap() < 0.4, "{:?}", score.score());
}

#[test]
fn strangers_twins_and_nonsense_are_refused_by_name() {
    let unknown = SensorId("lidar-7".into());
    let scan = Scan { sensor: unknown.clone(), sequence: 0, valid_at: utc(0.0), detections: Vec::new() };
    assert_eq!(tracker().handle_scan(&scan), Err(FusionError::UnknownSensor(unknown)));

    let mut twins = sensors();
    twins[1].id = twins[0].id.clone();
    assert!(matches!(Tracker::new(twins, config()), Err(FusionError::DuplicateSensor(_))));

    let mut blind = sensors();
    blind[2].azimuth_sigma_rad = f64::NAN;
    let error = Tracker::new(blind, config()).unwrap_err();
    assert_eq!(error.to_string(), "sensor s2: azimuth error is NaN");

    let wrong = FusionConfig { gate_chi2: -1.0, ..config() };
    assert_eq!(Tracker::new(sensors(), wrong).unwrap_err().to_string(), "fusion configuration: gate_chi2 is -1");
}

#[test]
fn floods_are_cut_at_the_limits_and_counted() {
    let limits = FusionConfig { max_detections: 50, max_tracks: 30, ..config() };
    let mut tracker = Tracker::new(sensors(), limits).unwrap();
    let flood = |k: u32| Detection {
        range_m: 1.0 + f64::from(k % 70),
        azimuth_rad: f64::from(k) * 0.05 - 3.0,
        doppler_mps: None,
        class: None,
        score: 0.5,
        extent_m: None,
    };
    let scan = Scan {
        sensor: SensorId("s0".into()),
        sequence: 0,
        valid_at: utc(0.0),
        detections: (0..120).map(flood).collect(),
    };
    let outcome = tracker.handle_scan(&scan).unwrap();
    assert_eq!((outcome.over_limit, outcome.births, outcome.births_refused), (70, 30, 20));
}

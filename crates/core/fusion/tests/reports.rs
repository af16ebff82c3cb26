//! Vehicles' own reports: tied to the right track, believed as far as they deserve.

mod common;

use common::{STEP_S, Scene, User, config, gauss, nearest, sensors, tracker, utc};
use jxz_fusion::{FusionConfig, Lateness, ReportFate, Tracker};
use jxz_geo::{Point, Vector};
use jxz_units::Yaw;
use jxz_world::RoadUserClass::{Motor, Pedestrian};
use jxz_world::{VehicleDetails, VehicleId, VehicleReport};
use rand::SeedableRng;

const EGO: VehicleId = VehicleId([7; 8]);

fn report(t: f64, position: Point, velocity: Vector) -> VehicleReport {
    VehicleReport {
        vehicle: EGO,
        message_count: 0,
        valid_at: utc(t),
        position,
        position_sigma_m: Some(1.5),
        speed_mps: Some(velocity.norm()),
        heading: Some(Yaw::of_vector(velocity.x, velocity.y).to_heading()),
        acceleration_mps2: None,
        extent_m: Some((4.6, 1.8)),
        class: None,
        details: VehicleDetails::default(),
    }
}

#[test]
fn a_report_names_the_track_it_belongs_to_and_does_not_drag_it() {
    // Two cars a lane apart, driving alike, and a pedestrian. The second reports itself ten times a second, 1.2 m
    // north of where it is, always.
    let mut scene = Scene::new(
        20,
        vec![
            User::straight(Motor, (-60.0, -1.75), (10.0, 0.0)),
            User::straight(Motor, (-60.0, -5.25), (10.0, 0.0)),
            User::straight(Pedestrian, (-9.0, -11.0), (1.2, 0.0)),
        ],
    );
    let mut tracker = tracker();
    for step in 0..480 {
        tracker.handle_scan(&scene.scan(step)).unwrap();
        let t = step as f64 * STEP_S;
        if t > 1.0 && step % 8 == 0 {
            let truth = scene.truth(t)[1];
            let outcome =
                tracker.handle_vehicle_report(&report(t, truth.position + Vector::new(0.0, 1.2), truth.velocity));
            assert_eq!(outcome.fate, ReportFate::Updated);
        }
    }
    let t = 479.0 * STEP_S;
    let tracks = tracker.tracks_at(utc(t));
    assert_eq!(tracks.len(), 3);
    let tied: Vec<_> = tracks.iter().filter(|track| track.vehicle == Some(EGO)).collect();
    assert_eq!(tied.len(), 1);
    let error = (tied[0].position - scene.truth(t)[1].position).norm();
    assert!(error < 0.25, "dragged {error} m by a report that errs by 1.2 m");
    assert!(
        tied[0].sources.v2x && tied[0].extent_m.is_some_and(|(l, w)| (l - 4.6).abs() < 0.1 && (w - 1.8).abs() < 0.1)
    );
}

#[test]
fn a_vehicle_that_no_sensor_sees_is_tracked_by_its_reports_with_honest_doubt() {
    // Satellite errors are nearly constant, so the mean of many reports is no better than one: the stated 1.5 m must
    // not be averaged away. Over many runs the error has to fit the stated covariance.
    let mut squared = 0.0;
    let mut stated = 0.0;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let runs = 60;
    for _ in 0..runs {
        let mut tracker = tracker();
        let bias = Vector::new(gauss(&mut rng), gauss(&mut rng)) * 1.5;
        let velocity = Vector::new(8.0, 0.0);
        for k in 0..40 {
            let t = f64::from(k) * 0.1;
            let outcome =
                tracker.handle_vehicle_report(&report(t, Point::new(-50.0, 2.0) + velocity * t + bias, velocity));
            assert_eq!(outcome.fate, if k == 0 { ReportFate::Started } else { ReportFate::Updated });
            assert_eq!(tracker.tracks_at(utc(t)).len(), usize::from(k > 0), "the second report confirms");
        }
        let track = &tracker.tracks_at(utc(3.9))[0];
        assert!(track.sources.v2x && !track.sources.radar && track.vehicle == Some(EGO));
        squared += (track.position - (Point::new(-50.0, 2.0) + velocity * 3.9)).norm_squared() / 2.0;
        stated += track.position_sigma_m().powi(2);
    }
    let (error, stated) = ((squared / f64::from(runs)).sqrt(), (stated / f64::from(runs)).sqrt());
    assert!((0.6..1.8).contains(&(error / stated)), "errs by {error} m, states {stated} m");
}

#[test]
fn reports_late_out_of_place_or_senseless_are_told_apart() {
    let (here, slow) = (Point::new(0.0, 0.0), Vector::new(5.0, 0.0));
    let mut tracker = tracker();
    assert_eq!(tracker.handle_vehicle_report(&report(10.0, here, slow)).fate, ReportFate::Started);
    let late = tracker.handle_vehicle_report(&report(9.9, here - slow * 0.1, slow));
    assert_eq!((late.lateness, late.fate), (Lateness::Inserted, ReportFate::Started));
    assert_eq!(tracker.tracks_at(utc(10.0)).len(), 1, "two reports, put in order, are one vehicle");
    let old = tracker.handle_vehicle_report(&report(9.0, here, slow));
    assert_eq!((old.lateness, old.fate), (Lateness::TooLate, ReportFate::TooLate));
    let far = tracker.handle_vehicle_report(&report(10.1, Point::new(500.0, 0.0), slow));
    assert_eq!(far.fate, ReportFate::OutsideBounds);
    let senseless = VehicleReport { position: Point::new(f64::NAN, 0.0), ..report(10.1, here, slow) };
    assert_eq!(tracker.handle_vehicle_report(&senseless).fate, ReportFate::Unusable);
    let negative = VehicleReport { position_sigma_m: Some(-1.0), ..report(10.1, here, slow) };
    assert_eq!(tracker.handle_vehicle_report(&negative).fate, ReportFate::Unusable);
}

#[test]
fn a_person_with_a_radio_is_known_for_what_it_says_it_is() {
    let walk = Vector::new(1.2, 0.0);
    let mut tracker = tracker();
    for k in 0..20 {
        let t = f64::from(k) * 0.1;
        let said = VehicleReport {
            class: Some(Pedestrian),
            extent_m: None,
            ..report(t, Point::new(0.0, 8.0) + walk * t, walk)
        };
        tracker.handle_vehicle_report(&said);
    }
    let track = &tracker.tracks_at(utc(1.9))[0];
    assert_eq!((track.class.best().0, track.vehicle), (Pedestrian, Some(EGO)));
    assert!((0.9..0.97).contains(&track.class.best().1), "twenty times said is not twenty times known");
}

#[test]
fn a_full_tracker_says_so() {
    let one = FusionConfig { max_tracks: 1, ..config() };
    let mut tracker = Tracker::new(sensors(), one).unwrap();
    tracker.handle_vehicle_report(&report(0.0, Point::new(0.0, 0.0), Vector::new(5.0, 0.0)));
    let other = VehicleReport { vehicle: VehicleId([8; 8]), ..report(0.0, Point::new(50.0, 50.0), Vector::zeros()) };
    assert_eq!(tracker.handle_vehicle_report(&other).fate, ReportFate::OverLimit);
    assert!(nearest(&tracker.tracks_at(utc(0.0)), Point::new(50.0, 50.0)).is_none());
}

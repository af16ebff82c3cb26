//! Long vehicles from inside: what is a part of one, where nothing is born, and what kind they are.

use super::utc;
use crate::FusionConfig;
use crate::bernoulli::{Bernoulli, BirthKey, Identity};
use crate::extended::{Extended, taken};
use crate::filter::{Gaussian, Imm};
use crate::lanes::LaneField;
use jxz_geo::Point;
use jxz_units::Heading;
use jxz_world::{ClassBelief, IslandId, RoadUserClass, TrackId};
use nalgebra::{Matrix4, Vector4};

const NORTH: f64 = 0.0;

/// A vehicle that has stood for long, pointing to the north, and of how many of its ten detections a camera made.
fn stands(item: u64, east: f64, north: f64, extent_m: Option<(f64, f64)>, camera_hits: u32) -> Bernoulli {
    let birth = BirthKey { at: utc(0.0), source: 0, item };
    let state = Gaussian { mean: Vector4::new(east, north, 0.0, 0.0), cov: Matrix4::from_diagonal_element(0.01) };
    let config = FusionConfig::default();
    let class = ClassBelief::from_weights([0.8, 0.1, 0.1]);
    let mut track = Bernoulli::new(birth, Imm::new(state), 0.99, class, &config);
    track.confirm(&config);
    (track.extent_m, track.heading) = (extent_m, Some(Heading::from_deg(NORTH)));
    (track.hits, track.camera_hits) = (10, camera_hits);
    (track.id, track.identity) = (Some(TrackId(item)), Some(Identity { since: utc(0.0), island: IslandId(item) }));
    track
}

/// A bus that a camera sees, at the origin.
fn bus() -> Bernoulli {
    stands(1, 0.0, 0.0, Some((12.0, 2.5)), 5)
}

/// How many tracks are left of these after so long.
fn left_of(mut tracks: Vec<Bernoulli>, seconds: f64) -> Vec<Bernoulli> {
    let mut extended = Extended::default();
    for k in 0..=(seconds / 0.1) as u32 {
        extended.join(&mut tracks, &LaneField::default(), utc(f64::from(k) * 0.1));
    }
    tracks
}

#[test]
fn a_part_that_stands_within_a_long_vehicle_becomes_it() {
    for part in [stands(2, 0.4, 4.0, None, 0), stands(2, 0.2, -3.0, Some((11.0, 2.4)), 5)] {
        assert_eq!(left_of(vec![bus(), part.clone()], 0.5).len(), 2, "half a second proves nothing");
        let left = left_of(vec![bus(), part], 1.5);
        assert_eq!(left.len(), 1);
        let (length_m, _) = left[0].extent_m.unwrap_or_default();
        assert!((10.0..13.0).contains(&length_m) && left[0].birth.item == 1, "{length_m} m");
    }
}

#[test]
fn who_stands_beside_or_behind_a_long_vehicle_stays() {
    for other in [stands(2, 3.2, 0.0, Some((4.5, 1.8)), 5), stands(2, 0.0, -9.5, Some((4.5, 1.8)), 5)] {
        assert_eq!(left_of(vec![bus(), other], 3.0).len(), 2);
    }
}

#[test]
fn a_car_that_a_camera_sees_is_no_part_of_an_outline_that_radars_made_too_long() {
    let long = stands(1, 0.0, 0.0, Some((19.0, 2.5)), 0);
    let car = stands(2, 0.2, -7.0, Some((4.5, 1.8)), 5);
    assert_eq!(left_of(vec![long, car], 3.0).len(), 2);
}

#[test]
fn nobody_is_born_within_a_vehicle() {
    let tracks = [bus()];
    assert!(taken(&tracks, Point::new(0.3, 4.0)) > 0.98);
    for free in [Point::new(1.1, 0.0), Point::new(2.0, 0.0), Point::new(0.0, 5.8), Point::new(40.0, 0.0)] {
        assert_eq!(taken(&tracks, free), 0.0, "{free}");
    }
    let mut cyclist = stands(1, 0.0, 0.0, Some((1.8, 0.7)), 5);
    cyclist.class = ClassBelief::from_weights([0.1, 0.8, 0.1]);
    let mut tentative = bus();
    tentative.confirmed = false;
    assert_eq!(taken(&[cyclist, tentative], Point::origin()), 0.0);
}

#[test]
fn what_is_as_long_as_a_bus_is_no_bicycle_whatever_labels_said() {
    let kind = |extent_m| {
        let mut track = stands(1, 0.0, 0.0, Some(extent_m), 5);
        for _ in 0..200 {
            track.class = track.class.updated([0.1, 0.8, 0.1]);
        }
        let told = track.track_at(utc(0.0), utc(0.0), &FusionConfig::default());
        told.map(|track| track.class.best().0)
    };
    assert_eq!(kind((12.0, 2.5)), Some(RoadUserClass::Motor));
    assert_eq!(kind((1.8, 0.7)), Some(RoadUserClass::NonMotor));
}

/// North, on a lane in the middle of a road.
fn lane() -> LaneField {
    let line = [Point::new(0.0, -60.0), Point::new(0.0, 60.0)];
    LaneField::new([&line[..]])
}

fn left_on_lane(mut tracks: Vec<Bernoulli>, seconds: f64) -> Vec<Bernoulli> {
    let (mut extended, lanes) = (Extended::default(), lane());
    for k in 0..=(seconds / 0.1) as u32 {
        extended.join(&mut tracks, &lanes, utc(f64::from(k) * 0.1));
    }
    tracks
}

/// What a radar alone sees of something that has stood from the start.
fn point(item: u64, east: f64, north: f64) -> Bernoulli {
    let mut track = stands(item, east, north, None, 0);
    (track.heading, track.class) = (None, ClassBelief::UNIFORM);
    track
}

#[test]
fn points_that_stand_along_a_lane_closer_than_anybody_stands_are_one_vehicle() {
    let points = || vec![point(1, 0.2, 0.0), point(2, -0.4, 2.7), point(3, 0.3, -3.4)];
    assert_eq!(left_on_lane(points(), 2.5).len(), 3, "at first they may be anything");
    let left = left_on_lane(points(), 7.0);
    assert_eq!(left.len(), 1);
    let (length_m, _) = left[0].extent_m.unwrap_or_default();
    assert!((6.0..9.0).contains(&length_m), "{length_m} m");
    let forward = left[0].forward().unwrap_or_default();
    assert!(forward.y > 0.99, "it points along the lane: {forward}");
    assert_eq!(left_of(points(), 7.0).len(), 3, "off the lanes nothing says which way a vehicle would lie");
}

#[test]
fn who_stands_as_far_apart_as_drivers_do_or_was_seen_by_a_camera_stays() {
    assert_eq!(left_on_lane(vec![point(1, 0.0, 0.0), point(2, 0.0, 6.5)], 9.0).len(), 2);
    assert_eq!(left_on_lane(vec![point(1, 0.0, 0.0), point(2, 3.3, 0.5)], 9.0).len(), 2, "in the next lane");
    let mut seen = point(2, 0.0, 2.0);
    seen.camera_hits = 1;
    assert_eq!(left_on_lane(vec![point(1, 0.0, 0.0), seen], 9.0).len(), 2);
}

#[test]
fn what_a_camera_sees_no_more_within_a_bus_that_it_sees_was_left_behind() {
    let seen = |mut track: Bernoulli, camera_at: f64| {
        track.heard.camera = Some(utc(camera_at));
        track
    };
    let car = || stands(2, 1.3, 3.0, Some((4.5, 1.8)), 5);
    assert_eq!(left_of(vec![seen(bus(), 0.0), seen(car(), -3.0)], 0.9).len(), 2, "it has to last");
    let mut tracks = vec![seen(bus(), 2.0), seen(car(), -3.0)];
    let mut extended = Extended::default();
    for k in 0..20 {
        extended.join(&mut tracks, &LaneField::default(), utc(1.0 + f64::from(k) * 0.1));
    }
    assert_eq!(tracks.len(), 1);
    assert_eq!(tracks[0].birth.item, 1);
    let mut both = vec![seen(bus(), 2.0), seen(car(), 2.0)];
    for k in 0..20 {
        extended.join(&mut both, &LaneField::default(), utc(1.0 + f64::from(k) * 0.1));
    }
    assert_eq!(both.len(), 2, "a camera sees both: it is the place of one that is wrong");
}

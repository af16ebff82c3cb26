//! Pedestrian: someone on foot in a vehicle's way.

mod common;

use common::*;
use jxz_hazard::HazardConfig;
use jxz_world::{Cause, TrackId, WarningKind};

#[test]
fn one_who_walks_over_the_zebra_into_a_cars_way_is_warned_of() {
    // They meet at t = 0 on the zebra, in eastbound lane 1.
    let tracks = |t: f64| {
        vec![
            car(1, t, (40.0 + 12.0 * t, -right_of(1)), (12.0, 0.0)),
            walker(2, t, (40.0, -right_of(1) + 1.4 * t), (0.0, 1.4)),
        ]
    };
    let said = play(&mut hazards(HazardConfig::default()), (-6.0, 0.0), tracks, None);
    let raised = said.raised(WarningKind::Pedestrian);
    assert_eq!(raised.len(), 1, "{:?}", said.0);
    let (t, warning) = raised[0];
    assert!(*t <= -2.5, "raised {:.1} s before they meet", -t);
    assert_eq!(warning.about, [TrackId(2)]);
    assert_eq!(warning.concerned[0].track, TrackId(1));
    assert!(matches!(warning.cause, Cause::Conflict { closest_m, .. } if closest_m < 0.01), "{:?}", warning.cause);
    assert!((warning.place.at - jxz_geo::Point::new(40.0, -right_of(1))).norm() < 4.0);
}

#[test]
fn a_jaywalker_stepping_off_the_kerb_is_warned_of() {
    // 100 m from any crossing, running.
    let tracks = |t: f64| {
        vec![
            car(1, t, (140.0 + 13.0 * t, -right_of(1)), (13.0, 0.0)),
            walker(2, t, (140.0, -right_of(1) + 2.5 * t), (0.0, 2.5)),
        ]
    };
    let said = play(&mut hazards(HazardConfig::default()), (-6.0, 0.0), tracks, None);
    let raised = said.raised(WarningKind::Pedestrian);
    assert_eq!(raised.len(), 1);
    assert!(raised[0].0 <= -2.0, "raised at {}", raised[0].0);
}

#[test]
fn one_who_waits_at_the_kerb_or_walks_along_it_is_left_alone() {
    let tracks = |t: f64| {
        vec![
            car(1, t, (-60.0 + 12.0 * t, -right_of(1)), (12.0, 0.0)),
            walker(2, t, (40.0, -7.2), (0.0, 0.05)),
            walker(3, t, (20.0 + 1.3 * t, -7.7), (1.3, 0.0)),
        ]
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 12.0), tracks, None);
    assert!(said.kinds().is_empty(), "{:?}", said.0);
}

#[test]
fn one_who_walks_up_to_the_kerb_and_stops_there_is_left_alone() {
    // Walks at 1.3 m/s, slows over the last step, stands at 7.3 m from the middle: 0.8 m from the lane's edge.
    let tracks = |t: f64| {
        let (s, v) = braking(1.3, 1.3, t - 4.0);
        vec![
            car(1, t, (40.0 - 12.0 * 6.5 + 12.0 * t, -right_of(1)), (12.0, 0.0)),
            walker(2, t, (40.0, -7.3 - 0.65 + s), (0.0, v)),
        ]
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 9.0), tracks, None);
    let raised = said.raised(WarningKind::Pedestrian);
    // Until they slow they cannot be told from one who walks on: nothing may last beyond that.
    assert!(raised.iter().all(|(t, _)| *t < 5.0), "{raised:?}");
}

#[test]
fn a_car_that_brakes_for_the_pedestrian_is_not_warned() {
    // The car brakes at 2.5 m/s² to stand 4 m before the zebra while someone walks over it.
    let tracks = |t: f64| {
        let (s, v) = braking(10.0, 2.5, t - 2.0);
        vec![
            car(1, t, (40.0 - 4.0 - 2.3 - 20.0 - 20.0 + 20.0 + s, -right_of(0)), (v, 0.0)),
            walker(2, t, (40.0, -14.0 + 1.4 * t), (0.0, 1.4)),
        ]
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 10.0), tracks, None);
    assert!(said.raised(WarningKind::Pedestrian).iter().all(|(t, _)| *t <= 2.6), "{:?}", said.0);
}

#[test]
fn one_standing_in_the_lane_is_in_the_way() {
    let tracks =
        |t: f64| vec![car(1, t, (12.0 * t, -right_of(0)), (12.0, 0.0)), walker(2, t, (90.0, -right_of(0)), (0.0, 0.0))];
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 7.0), tracks, None);
    assert_eq!(said.raised(WarningKind::Pedestrian).len(), 1);
}

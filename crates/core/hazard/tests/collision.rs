//! Collision: two on wheels whose ways meet.

mod common;

use common::*;
use jxz_hazard::HazardConfig;
use jxz_world::{Application, Cause, PredictedPath, Track, TrackId, WarningKind};

/// Eastbound and northbound at the speeds given, their centres at the crossing of their lanes at t = 0 and at
/// t = `late_s`.
fn crossing(t: f64, (east_mps, north_mps): (f64, f64), late_s: f64) -> Vec<Track> {
    let (x, y) = (right_of(0), -right_of(0));
    vec![
        car(1, t, (x + east_mps * t, y), (east_mps, 0.0)),
        car(2, t, (x, y + north_mps * (t - late_s)), (0.0, north_mps)),
    ]
}

#[test]
fn two_cars_that_meet_at_a_right_angle_without_signals_are_warned_in_time() {
    let said = play(&mut hazards(HazardConfig::default()), (-8.0, 0.0), |t| crossing(t, (12.0, 12.0), 0.0), None);
    let raised = said.raised(WarningKind::Collision);
    assert_eq!(raised.len(), 1, "{raised:?}");
    let (t, warning) = raised[0];
    assert!(*t <= -3.0, "raised only {:.1} s before they meet", -t);
    assert_eq!((warning.application, &warning.about[..]), (Application::Icw, &[TrackId(1), TrackId(2)][..]));
    assert_eq!(warning.concerned.iter().map(|c| c.track).collect::<Vec<_>>(), [TrackId(1), TrackId(2)]);
    let Cause::Conflict { time_to_conflict_s, post_encroachment_s, closest_m } = warning.cause else {
        panic!("{:?}", warning.cause)
    };
    // Closed form: fronts reach the other's swath when the centres are half a length and half a width short of it.
    let enters = -t - (2.3 + 0.925) / 12.0;
    assert!((time_to_conflict_s - enters).abs() < 0.3, "{time_to_conflict_s} against {enters}");
    assert!(post_encroachment_s < 0.0 && closest_m < 0.01, "{post_encroachment_s} {closest_m}");
    let meet = jxz_geo::Point::new(right_of(0), -right_of(0));
    assert!((warning.place.at - meet).norm() < 4.0, "{:?}", warning.place.at);
    assert!((warning.place.path.end() - warning.place.at).norm() < 4.0);
    assert!(warning.place.path.length_m() > 100.0 && warning.confidence > 0.5);
    // The ways that it supposes are those that they take, and lead beyond where they meet.
    for path in &warning.paths {
        let steps = path.points.len() as f64 - 1.0;
        assert!(steps * PredictedPath::STEP_S > -t, "{path:?} ends before they meet");
        for (n, point) in (0..).zip(&path.points) {
            let then = crossing(t + PredictedPath::STEP_S * f64::from(n), (12.0, 12.0), 0.0);
            let there = then.iter().find(|track| track.id == path.track).map(|track| track.position);
            assert!(there.is_some_and(|there| (there - point).norm() < 0.3), "{point:?} is not {there:?}");
        }
    }
    let whose: std::collections::BTreeSet<_> = warning.paths.iter().map(|path| path.track).collect();
    assert_eq!(whose, [TrackId(1), TrackId(2)].into());
}

#[test]
fn passing_well_before_the_other_is_not_a_collision() {
    // 3 s apart at 12 m/s: 36 m between centres.
    let said = play(&mut hazards(HazardConfig::default()), (-8.0, 6.0), |t| crossing(t, (12.0, 12.0), 3.0), None);
    assert!(said.raised(WarningKind::Collision).is_empty(), "{:?}", said.kinds());
}

#[test]
fn one_who_can_still_stop_at_red_is_not_on_a_collision_path_and_one_who_cannot_is() {
    // Northbound has red. It brakes at 2 m/s² to stand with its front at the stop line.
    let stop_y = -BOX_M - 1.0 - 2.3;
    let obeys = |t: f64| {
        let (s, v) = braking(12.0, 2.0, t + 6.0);
        let north = (right_of(0), stop_y - 36.0 + s);
        vec![car(1, t, (right_of(0) + 12.0 * t, -right_of(0)), (12.0, 0.0)), car(2, t, north, (0.0, v))]
    };
    let said = play(&mut hazards(HazardConfig::default()), (-10.0, 4.0), obeys, Some(EAST_WEST));
    assert!(said.kinds().is_empty(), "{:?}", said.0);

    let runs = |t: f64| crossing(t, (12.0, 12.0), 0.0);
    let said = play(&mut hazards(HazardConfig::default()), (-8.0, 0.0), runs, Some(EAST_WEST));
    let raised = said.raised(WarningKind::Collision);
    assert_eq!(raised.len(), 1);
    let t = raised[0].0;
    // It cannot stop comfortably (2.5 m/s²) once nearer than 28.8 m to the line: 3.6 s before they meet.
    assert!((-3.9..=-2.0).contains(&t), "raised at {t}");
}

#[test]
fn a_left_turn_across_an_oncoming_car_is_warned_and_one_that_waits_is_not() {
    // From the east, turning left (south) over the lane of one from the west; both green.
    let map = town();
    let turn = map.lanes.iter().find(|l| {
        l.id.starts_with('c') && {
            let m = l.movement.as_ref().unwrap();
            m.turn == jxz_map::Turn::Left && l.centre.start().x > 14.0
        }
    });
    let line = turn.unwrap().centre.clone();
    // Where the turn crosses the middle of the eastbound lane 0.
    let cross_s = (0..300).map(|i| f64::from(i) * 0.1).find(|s| line.point_at(*s).y <= -right_of(0)).unwrap();
    let cross = line.point_at(cross_s);
    let turning = |t: f64, moving: bool| {
        let s = if moving { cross_s + 7.0 * t } else { 2.0 };
        let (p, d) = (line.point_at(s), line.direction_at(s));
        let oncoming = car(1, t, (cross.x + 12.0 * t, -right_of(0)), (12.0, 0.0));
        let turner =
            if moving { car(2, t, (p.x, p.y), (7.0 * d.x, 7.0 * d.y)) } else { standing(2, t, (p.x, p.y), 268.0) };
        vec![oncoming, turner]
    };
    let green = Some(EAST_WEST);
    let said = play(&mut hazards(HazardConfig::default()), (-6.0, 0.0), |t| turning(t, true), green);
    let raised = said.raised(WarningKind::Collision);
    assert_eq!(raised.len(), 1, "{:?}", said.0);
    assert_eq!(raised[0].1.application, Application::Lta);
    assert!(raised[0].0 <= -1.0, "raised at {}", raised[0].0);
    let said = play(&mut hazards(HazardConfig::default()), (-6.0, 3.0), |t| turning(t, false), green);
    assert!(said.raised(WarningKind::Collision).is_empty());
}

#[test]
fn neighbouring_lanes_and_oncoming_traffic_are_no_conflict() {
    let tracks = |t: f64| {
        vec![
            car(1, t, (-100.0 + 14.0 * t, -right_of(0)), (14.0, 0.0)),
            car(2, t, (-60.0 + 8.0 * t, -right_of(1)), (8.0, 0.0)),
            car(3, t, (100.0 - 13.0 * t, right_of(0)), (-13.0, 0.0)),
            car(4, t, (120.0 - 10.0 * t, right_of(1)), (-10.0, 0.0)),
        ]
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 12.0), tracks, Some(EAST_WEST));
    assert!(said.kinds().is_empty(), "{:?}", said.kinds());
}

#[test]
fn a_cyclist_crossing_a_cars_way_is_warned() {
    let tracks = |t: f64| {
        let mut cyclist = user(2, jxz_world::RoadUserClass::NonMotor, t, (60.0, 5.0 * t - right_of(0)), (0.0, 5.0));
        cyclist.position.x += 3.0;
        vec![car(1, t, (63.0 + 12.0 * t, -right_of(0)), (12.0, 0.0)), cyclist]
    };
    let said = play(&mut hazards(HazardConfig::default()), (-5.0, 0.0), tracks, None);
    let raised = said.raised(WarningKind::Pedestrian);
    assert_eq!(raised.len(), 1);
    assert!(raised[0].0 <= -2.0);
}

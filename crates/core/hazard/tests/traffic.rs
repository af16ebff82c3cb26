//! Speed limit and vehicle ahead.

mod common;

use common::*;
use jxz_hazard::HazardConfig;
use jxz_world::{Application, Cause, Track, TrackId, WarningKind};

#[test]
fn one_well_over_the_limit_is_warned_once_and_one_within_the_margin_is_not() {
    // The limit is 13.9 m/s: one at 18, one at 14.5.
    let tracks = |t: f64| {
        vec![
            car(1, t, (-180.0 + 18.0 * t, -right_of(0)), (18.0, 0.0)),
            car(2, t, (180.0 - 14.5 * t, right_of(1)), (-14.5, 0.0)),
        ]
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 8.0), tracks, Some(EAST_WEST));
    let raised = said.raised(WarningKind::SpeedLimit);
    assert_eq!(said.kinds(), [WarningKind::SpeedLimit]);
    assert_eq!(raised.len(), 1, "{raised:?}");
    let (t, warning) = raised[0];
    assert!(*t < 0.35 && warning.concerned[0].track == TrackId(1) && warning.confidence > 0.9);
    let Cause::Overspeed { speed_mps, limit_mps } = warning.cause else { panic!("{:?}", warning.cause) };
    assert!((speed_mps - 18.0).abs() < 1e-9 && (limit_mps - LIMIT_MPS).abs() < 1e-9);
}

#[test]
fn a_speed_that_is_not_known_well_is_not_held_against_anyone() {
    let tracks = |t: f64| {
        let mut track = car(1, t, (-180.0 + 16.5 * t, -right_of(0)), (16.5, 0.0));
        track.covariance[(2, 2)] = 9.0;
        vec![track]
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 5.0), tracks, Some(EAST_WEST));
    assert!(said.kinds().is_empty(), "{:?}", said.kinds());
}

/// Two eastbound in one lane, bumper to bumper `gap_m` at t = 0, when the one ahead brakes with `brake_mps2`; the
/// follower brakes with `follow_mps2` from `follow_s` on.
fn column(t: f64, gap_m: f64, brake_mps2: f64, (follow_mps2, follow_s): (f64, f64)) -> Vec<Track> {
    let (ahead_m, ahead_mps) = braking(13.0, brake_mps2, t);
    let (own_m, own_mps) = braking(13.0, follow_mps2, t - follow_s);
    // Both have been driving: their distances count from where they are at t = 0 and t = follow_s.
    let own_m = own_m + 13.0 * follow_s;
    let y = -right_of(0);
    vec![
        car(1, t, (-100.0 + own_m, y), (own_mps, 0.0)),
        car(2, t, (-100.0 + gap_m + 4.6 + ahead_m, y), (ahead_mps, 0.0)),
    ]
}

#[test]
fn a_leader_that_brakes_hard_before_an_inattentive_follower_is_warned_of() {
    let tracks = |t: f64| column(t, 20.0, 7.0, (1.0, 9.0));
    let said = play(&mut hazards(HazardConfig::default()), (-2.0, 1.6), tracks, Some(EAST_WEST));
    assert_eq!(said.by(Application::Ebw).len(), 1, "{:?}", said.0);
    assert!(
        said.by(Application::Ebw)[0].0 <= 1.2 && matches!(said.by(Application::Ebw)[0].1.cause, Cause::Braking { .. })
    );
    let raised = said.by(Application::Fcw);
    assert_eq!(raised.len(), 1, "{:?}", said.0);
    let (t, warning) = raised[0];
    assert!((0.0..=1.0).contains(t), "raised at {t}");
    assert_eq!((warning.about[0], warning.concerned[0].track), (TrackId(2), TrackId(1)));
    let Cause::Closing { gap_m, ahead_mps, closing_mps } = warning.cause else { panic!("{:?}", warning.cause) };
    // Closed form of both.
    assert!((closing_mps - 7.0 * t).abs() < 0.1 && (ahead_mps - (13.0 - 7.0 * t)).abs() < 0.1);
    assert!((gap_m - (20.0 - 3.5 * t * t)).abs() < 0.3, "{gap_m}");
}

#[test]
fn a_standing_vehicle_ahead_is_warned_of_while_there_is_time() {
    let tracks = |t: f64| {
        vec![car(1, t, (-180.0 + 13.0 * t, -right_of(1)), (13.0, 0.0)), standing(2, t, (-60.0, -right_of(1)), 90.0)]
    };
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 7.5), tracks, Some(EAST_WEST));
    let raised = said.by(Application::Fcw);
    assert_eq!(raised.len(), 1, "{:?}", said.0);
    let left_s = (115.4 - 13.0 * raised[0].0) / 13.0;
    assert!((2.5..=6.0).contains(&left_s), "{left_s:.1} s before the bumpers touch");
}

#[test]
fn following_at_a_steady_gap_or_braking_in_time_is_not_worth_a_warning() {
    // 16 m at 13 m/s: 1.2 s.
    let steady = |t: f64| column(t, 16.0, 0.0001, (0.0001, 0.0));
    let said = play(&mut hazards(HazardConfig::default()), (-4.0, 6.0), steady, Some(EAST_WEST));
    assert!(said.kinds().is_empty(), "{:?}", said.0);
    let gentle = |t: f64| column(t, 25.0, 2.0, (2.0, 0.8));
    let said = play(&mut hazards(HazardConfig::default()), (-3.0, 5.0), gentle, Some(EAST_WEST));
    assert!(said.kinds().is_empty(), "{:?}", said.0);
}

//! What a light says of the way that somebody takes.

mod common;

use common::{BOX_M, EAST_WEST, NORTH_SOUTH, car, hazards, play, right_of};
use jxz_hazard::HazardConfig;
use jxz_world::{Application, Track};

/// From the west, on the lane from which one may also turn right on red, rolling over the line at the pace of a turn; one
/// from the south drives straight on and would meet it, did it go straight on as well.
fn rolls_at_red(t: f64) -> Vec<Track> {
    let (mps, meet_s) = (4.5, (BOX_M + 1.0 + right_of(1)) / 4.5);
    vec![
        car(1, t, (-BOX_M - 1.0 + mps * t, -right_of(1)), (mps, 0.0)),
        car(2, t, (right_of(1), -right_of(1) + 9.0 * (t - meet_s)), (0.0, 9.0)),
    ]
}

#[test]
fn who_comes_in_at_red_at_the_pace_of_a_turn_is_taken_to_turn() {
    let mut config = HazardConfig::default();
    config.icw.probability.raise = 0.5;
    let with = |green| play(&mut hazards(config.clone()), (-2.0, 1.2), rolls_at_red, green);
    let on_red = with(Some(NORTH_SOUTH));
    assert!(on_red.applications().is_empty(), "{:?}", on_red.0);
    // The same where nothing is known of lights is a conflict.
    let unknown = with(None);
    assert_eq!(unknown.by(Application::Icw).len(), 1, "{:?}", unknown.0);
}

#[test]
fn who_does_not_brake_for_red_where_nothing_else_is_allowed_runs_it() {
    // On the left lane there is no way on red.
    let tracks = |t: f64| vec![car(1, t, (-BOX_M - 40.0 + 13.0 * t, -right_of(0)), (13.0, 0.0))];
    let said = play(&mut hazards(HazardConfig::default()), (-2.0, 2.8), tracks, Some(NORTH_SOUTH));
    assert_eq!(said.by(Application::Svw).len(), 1, "{:?}", said.0);
    let green = play(&mut hazards(HazardConfig::default()), (-2.0, 2.8), tracks, Some(EAST_WEST));
    assert!(green.by(Application::Svw).is_empty());
}

#[test]
fn who_drives_fast_at_red_runs_it_though_one_may_turn_there() {
    let tracks = |t: f64| vec![car(1, t, (-BOX_M - 40.0 + 13.0 * t, -right_of(1)), (13.0, 0.0))];
    let said = play(&mut hazards(HazardConfig::default()), (-2.0, 2.8), tracks, Some(NORTH_SOUTH));
    assert_eq!(said.by(Application::Svw).len(), 1, "{:?}", said.0);
    assert!(said.by(Application::Svw)[0].0 < 1.6, "{:?}", said.0);
}

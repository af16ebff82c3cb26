//! What is doubted before it counts: ways that nobody would take at that speed, and tracks that may be nobody's.

mod common;

use common::{BOX_M, EAST_WEST, at, car, hazards, play, right_of, user, walker};
use jxz_hazard::HazardConfig;
use jxz_world::{Application, ClassBelief, RoadUserClass, Sources, Track, TrackId, WarningKind};

/// East through the junction on the lane from which one may also turn left, so fast at its beginning, gaining 1 m/s a second.
fn eastbound(t: f64, start_mps: f64) -> Track {
    car(1, t, (-BOX_M + start_mps * t + 0.5 * t * t, -right_of(0)), (start_mps + t, 0.0))
}

#[test]
fn who_accelerates_into_the_junction_is_not_taken_to_turn_across_an_oncoming_cyclist() {
    for (start_mps, cyclist_m) in [(8.5, 14.0), (9.0, 17.0), (9.5, 20.0), (10.0, 23.0)] {
        let tracks = |t: f64| {
            let oncoming = user(2, RoadUserClass::NonMotor, t, (cyclist_m - 5.0 * t, right_of(0)), (-5.0, 0.0));
            vec![eastbound(t, start_mps), oncoming]
        };
        let said = play(&mut hazards(HazardConfig::default()), (-2.0, 2.0), tracks, Some(EAST_WEST));
        assert!(said.kinds().is_empty(), "from {start_mps} m/s: {:?}", said.applications());
    }
}

/// A car drives up at 10 m/s behind another that drives at 9 m/s; beside that, something stands from `since` on.
fn queue(t: f64, since: f64) -> Vec<Track> {
    let mut tracks = vec![
        car(1, t, (-120.0 + 10.0 * t, -right_of(1)), (10.0, 0.0)),
        car(2, t, (-95.0 + 9.0 * t, -right_of(1)), (9.0, 0.0)),
    ];
    if t >= since {
        let place = (-95.0 + 9.0 * 2.0 - 4.5, -right_of(1));
        tracks.push(Track { since: at(since), heading: None, ..car(3, t, place, (0.0, 0.0)) });
    }
    tracks
}

#[test]
fn a_track_that_begins_beside_a_vehicle_has_to_last_before_it_counts() {
    let raised = |config: HazardConfig| {
        let said = play(&mut hazards(config), (0.0, 3.5), |t| queue(t, 2.0), None);
        said.by(Application::Fcw).len()
    };
    assert_eq!(raised(HazardConfig::default()), 0);
    let mut hasty = HazardConfig::default();
    hasty.predict.settled_beside_s = hasty.predict.settled_s;
    assert!(raised(hasty) > 0, "without the doubt it is warned of");
}

#[test]
fn a_successor_doubts_what_its_predecessor_doubted() {
    // It comes to see the track when the vehicle has gone on from where that began.
    let raised = |told: bool| {
        let mut first = hazards(HazardConfig::default());
        play(&mut first, (0.0, 2.7), |t| queue(t, 2.0), None);
        let mut second = hazards(HazardConfig::default());
        play(&mut second, (2.6, 2.7), |t| queue(t, 2.0), None);
        if told {
            second.succeed(&(1..=3).map(|n| (TrackId(n), TrackId(n))).collect(), &first.legacy());
        }
        play(&mut second, (2.8, 3.6), |t| queue(t, 2.0), None).by(Application::Fcw).len()
    };
    assert_eq!(raised(true), 0);
    assert!(raised(false) > 0, "who is not told believes it");
}

#[test]
fn what_stands_there_for_long_is_warned_of_whatever_it_began_beside() {
    let said = play(&mut hazards(HazardConfig::default()), (0.0, 4.0), |t| queue(t, -4.0), None);
    let warned = said.by(Application::Fcw).iter().any(|(_, warning)| {
        warning.concerned.iter().any(|c| c.track.0 == 1) && warning.about.iter().any(|track| track.0 == 3)
    });
    assert!(warned, "{:?}", said.applications());
}

#[test]
fn who_appears_within_a_standing_bus_did_not_step_from_behind_it() {
    let scene = |t: f64, appears_y: f64| {
        let bus = Track { extent_m: Some((12.0, 2.5)), ..common::standing(1, t, (-60.0, -right_of(1)), 90.0) };
        let mut tracks = vec![bus, car(2, t, (-85.0 + 12.0 * t, -right_of(0)), (12.0, 0.0))];
        if t >= 0.5 {
            let y = appears_y + 1.4 * (t - 0.5);
            tracks.push(Track { since: at(0.5), ..walker(3, t, (-58.0, y), (0.0, 1.4)) });
        }
        tracks
    };
    let by = |appears_y: f64| {
        let said = play(&mut hazards(HazardConfig::default()), (0.0, 0.9), |t| scene(t, appears_y), None);
        said.raised(WarningKind::Pedestrian).len()
    };
    assert_eq!(by(-right_of(1)), 0, "the bus itself");
    assert_eq!(by(-right_of(1) + 1.5), 1, "from behind it, at once");
}

/// Somebody whom a radar alone sees: on foot by their pace.
fn by_radar(track: Track) -> Track {
    let sources = Sources { radar: true, ..Sources::default() };
    Track { class: ClassBelief::from_weights([0.15, 0.3, 1.0]), sources, ..track }
}

#[test]
fn who_a_radar_alone_sees_on_foot_has_to_last_before_they_count() {
    // Crosses before a car that comes at 12 m/s, tracked for `known_s` when the car is 3.5 s away.
    let raised = |known_s: f64, seen: fn(Track) -> Track| {
        let scene = |t: f64| {
            let crosses = walker(2, t, (-60.0, -right_of(0) - 4.0 + 1.2 * t), (0.0, 1.2));
            let crosses = Track { since: at(-known_s), ..seen(crosses) };
            vec![car(1, t, (-102.0 + 12.0 * t, -right_of(0)), (12.0, 0.0)), crosses]
        };
        let said = play(&mut hazards(HazardConfig::default()), (0.0, 1.0), scene, None);
        said.raised(WarningKind::Pedestrian).len()
    };
    assert_eq!(raised(1.2, |track| track), 1, "a camera has told what they are");
    assert_eq!(raised(1.2, by_radar), 0);
    assert_eq!(raised(3.0, by_radar), 1);
}

#[test]
fn an_echo_beside_a_standing_bus_has_not_come_from_behind_it() {
    let by = |seen: fn(Track) -> Track| {
        let scene = |t: f64| {
            let bus = Track { extent_m: Some((12.0, 2.5)), ..common::standing(1, t, (-60.0, -right_of(1)), 90.0) };
            let mut tracks = vec![bus, car(2, t, (-85.0 + 12.0 * t, -right_of(0)), (12.0, 0.0))];
            if t >= 0.5 {
                let walks = walker(3, t, (-58.0, -right_of(1) + 1.5 + 1.4 * (t - 0.5)), (0.0, 1.4));
                tracks.push(Track { since: at(0.5), ..seen(walks) });
            }
            tracks
        };
        let said = play(&mut hazards(HazardConfig::default()), (0.0, 0.9), scene, None);
        said.raised(WarningKind::Pedestrian).len()
    };
    assert_eq!(by(|track| track), 1);
    assert_eq!(by(by_radar), 0);
}

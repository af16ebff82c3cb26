//! A road user goes from one site to the next: one identity, honest doubt, nothing counted twice.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{STEP_S, Scene, User, config, nearest, sensors, tracker, utc};
use jxz_fusion::{FusionConfig, NeighbourFate, Tracker};
use jxz_geo::{Point, Vector};
use jxz_world::RoadUserClass::{Motor, Pedestrian};
use jxz_world::{ClassBelief, IslandId, RoadUserClass, SiteId, Sources, Track, TrackId};
use nalgebra::{Matrix4, Vector4};

fn site(name: &str) -> SiteId {
    SiteId(name.to_owned())
}

fn named(name: &str) -> Tracker {
    tracker().of_site(&site(name))
}

/// The word of site `east` on its road user `number`, that it has known for ten seconds.
fn word(t: f64, number: u64, position: (f64, f64), velocity: (f64, f64), class: RoadUserClass) -> Track {
    Track {
        id: TrackId(number),
        island: IslandId::new(&site("east"), TrackId(number)),
        valid_at: utc(t),
        measured_at: utc(t - 0.02),
        since: utc(-10.0),
        position: Point::new(position.0, position.1),
        velocity: Vector::new(velocity.0, velocity.1),
        covariance: Matrix4::from_diagonal(&Vector4::new(0.04, 0.04, 0.04, 0.04)),
        existence: 0.999,
        class: ClassBelief::from_weights(RoadUserClass::ALL.map(|c| if c == class { 0.9 } else { 0.05 })),
        extent_m: Some((4.5, 1.8)),
        heading: None,
        vehicle: None,
        sources: Sources { radar: true, camera: true, v2x: false },
    }
}

#[test]
fn a_word_starts_a_track_that_lives_a_second_on_it_and_stays_when_own_sensors_agree() {
    // A car drives in; the neighbour's word comes before our sensors have it. Of a second car only the word comes.
    let mut tracker = named("west");
    let mut scene = Scene::new(31, vec![User::straight(Motor, (-80.0, -2.0), (12.0, 0.0))]);
    let seen = word(0.0, 5, (-80.0, -2.0), (12.0, 0.0), Motor);
    let unseen = Track {
        position: Point::new(60.0, 70.0),
        velocity: Vector::zeros(),
        ..word(0.0, 6, (0.0, 0.0), (0.0, 0.0), Motor)
    };
    // Sensors look both ways from the beginning, so let them be blind to the second: out of the scene's area.
    assert_eq!(tracker.handle_neighbours(&[seen.clone(), unseen.clone()]), [NeighbourFate::Adopted; 2]);
    let shown = tracker.tracks_at(utc(0.0));
    assert_eq!(shown.len(), 2, "shown at once");
    for (track, said) in shown.iter().zip([&seen, &unseen]) {
        assert_eq!((track.island, track.since, track.sources), (said.island, said.since, Sources::default()));
        assert!(track.existence < config().confirm_existence && track.extent_m == Some((4.5, 1.8)));
    }
    let number = nearest(&shown, seen.position).unwrap().id;
    let mut last_of_unseen = 0.0;
    for step in 1..200 {
        tracker.handle_scan(&scene.scan(step)).unwrap();
        let t = step as f64 * STEP_S;
        if tracker.tracks_at(utc(t)).iter().any(|track| track.island == unseen.island) {
            last_of_unseen = t;
        }
    }
    assert!(last_of_unseen <= 1.0, "lived {last_of_unseen} s on a word alone");
    let t = 199.0 * STEP_S;
    let tracks = tracker.tracks_at(utc(t));
    let car = nearest(&tracks, scene.truth(t)[0].position).unwrap();
    assert_eq!((car.island, car.id, tracks.len()), (seen.island, number, 1));
    assert!(car.existence > config().confirm_existence && car.sources.radar && car.since == seen.since);
}

#[test]
fn where_no_sensor_looks_a_word_is_shown_for_a_second_after_the_last() {
    let mut blind = sensors();
    blind.truncate(1);
    blind[0].range_m = (0.0, 5.0);
    let mut tracker = Tracker::new(blind, config()).unwrap().of_site(&site("west"));
    for k in 0..10 {
        let t = f64::from(k) * 0.2;
        let fate = tracker.handle_neighbour(&word(t, 5, (-80.0 + 10.0 * t, 0.0), (10.0, 0.0), Motor));
        assert_eq!(fate, if k == 0 { NeighbourFate::Adopted } else { NeighbourFate::Merged });
        assert!(tracker.tracks_at(utc(t))[0].existence < config().confirm_existence, "said often is not known better");
    }
    assert_eq!(tracker.tracks_at(utc(2.7)).len(), 1);
    assert_eq!(tracker.tracks_at(utc(2.9)).len(), 0);
}

#[test]
fn two_sites_that_both_know_a_road_user_agree_on_the_older_name() {
    // Both see the crossing; west saw the car two seconds before east did.
    let (mut west, mut east) = (named("west"), named("east"));
    let user = || vec![User::straight(Motor, (-70.0, -2.0), (10.0, 0.0))];
    let (mut west_scene, mut east_scene) = (Scene::new(32, user()), Scene::new(33, user()));
    let mut exchanged = 0;
    for step in 0..640 {
        let t = step as f64 * STEP_S;
        west.handle_scan(&west_scene.scan(step)).unwrap();
        if t > 2.0 {
            east.handle_scan(&east_scene.scan(step)).unwrap();
        }
        if t > 4.0 && step % 16 == 0 {
            let (from_west, from_east) = (west.tracks_at(utc(t)), east.tracks_at(utc(t)));
            assert_eq!((from_west.len(), from_east.len()), (1, 1), "no second track on either side at {t} s");
            if exchanged > 0 {
                assert_eq!((from_west[0].island, from_west[0].since), (from_east[0].island, from_east[0].since));
                assert!(from_west[0].island.is_of(&site("west")));
            } else {
                assert_ne!(from_west[0].island, from_east[0].island);
            }
            assert_eq!(east.handle_neighbours(&from_west), [NeighbourFate::Merged]);
            assert_eq!(west.handle_neighbours(&from_east), [NeighbourFate::Merged]);
            exchanged += 1;
        }
    }
    assert_eq!(exchanged, 19);
}

#[test]
fn an_echo_between_two_sites_adds_no_knowledge() {
    // Each has a second of its own sensors. Then nobody sees anything, and both repeat what the other said.
    let (mut west, mut east) = (named("west"), named("east"));
    let user = || vec![User::straight(Motor, (-30.0, -2.0), (0.0, 0.0))];
    let (mut west_scene, mut east_scene) = (Scene::new(34, user()), Scene::new(35, user()));
    for step in 0..160 {
        west.handle_scan(&west_scene.scan(step)).unwrap();
        east.handle_scan(&east_scene.scan(step)).unwrap();
    }
    let mut least = f64::INFINITY;
    let t = 160.0 * STEP_S;
    for round in 0..50 {
        // All at one time: no process noise hides a gain.
        let (from_west, from_east) = (west.tracks_at(utc(t)), east.tracks_at(utc(t)));
        east.handle_neighbours(&from_west);
        west.handle_neighbours(&from_east);
        let now = west.tracks_at(utc(t))[0].covariance.determinant();
        if round < 2 {
            least = least.min(now);
        }
        assert!(now >= 0.9 * least, "round {round}: {now:e} m⁴(m/s)⁴ below {least:e}");
    }
    let track = &west.tracks_at(utc(t))[0];
    assert!((track.position - Point::new(-30.0, -2.0)).norm() < 5.0 * track.position_sigma_m());
}

#[test]
fn people_side_by_side_are_told_apart_by_one_word_on_both() {
    let mut tracker = named("west");
    let walk = (1.2, 0.0);
    let both = |t: f64| [word(t, 7, (1.2 * t, 0.0), walk, Pedestrian), word(t, 8, (1.2 * t, 0.9), walk, Pedestrian)];
    assert_eq!(tracker.handle_neighbour(&both(0.0)[0]), NeighbourFate::Adopted);
    // In two datagrams of one word, the second is still known to be somebody else.
    assert_eq!(tracker.handle_neighbour(&both(0.0)[1]), NeighbourFate::Adopted);
    assert_eq!(tracker.handle_neighbours(&both(0.2)), [NeighbourFate::Merged; 2]);
    let tracks = tracker.tracks_at(utc(0.2));
    assert_eq!(tracks.iter().map(|t| t.island).collect::<Vec<_>>(), both(0.2).map(|w| w.island));
    // A third name near one of them, from elsewhere, may be one of them: it starts nothing.
    let mut third = word(0.25, 9, (1.3, 0.2), walk, Pedestrian);
    third.velocity = Vector::new(-1.5, 0.0);
    assert_eq!(tracker.handle_neighbour(&third), NeighbourFate::KeptSeparate);
    assert_eq!(tracker.tracks_at(utc(0.25)).len(), 2);
}

#[test]
fn a_name_on_the_wrong_track_is_moved_and_an_own_name_is_kept() {
    let mut tracker = named("west");
    let users =
        vec![User::straight(Motor, (-60.0, -2.0), (8.0, 0.0)), User::straight(Motor, (-30.0, -2.0), (8.0, 0.0))];
    let mut scene = Scene::new(36, users);
    for step in 0..200 {
        tracker.handle_scan(&scene.scan(step)).unwrap();
    }
    let t = 199.0 * STEP_S;
    let truth = scene.truth(t);
    let at = |k: usize| (truth[k].position.x, truth[k].position.y);
    assert_eq!(tracker.handle_neighbour(&word(t, 5, at(0), (8.0, 0.0), Motor)), NeighbourFate::Merged);
    assert_eq!(tracker.handle_neighbour(&word(t + 1e-3, 5, at(1), (8.0, 0.0), Motor)), NeighbourFate::Merged);
    let tracks = tracker.tracks_at(utc(t + 1e-3));
    let [first, second] = [0, 1].map(|k| nearest(&tracks, truth[k].position).unwrap());
    assert!(second.island == word(t, 5, (0.0, 0.0), (0.0, 0.0), Motor).island && first.island.is_of(&site("west")));
    // Somebody says that our own first is where nobody is.
    let stray = Track { island: first.island, ..word(t + 2e-3, 5, (50.0, 50.0), (0.0, 0.0), Motor) };
    assert_eq!(tracker.handle_neighbour(&stray), NeighbourFate::KeptSeparate);
    assert_eq!(tracker.tracks_at(utc(t + 2e-3)).len(), 2);
}

#[test]
fn late_words_are_put_in_their_place_or_refused() {
    let user = || vec![User::straight(Motor, (-70.0, -2.0), (10.0, 0.0))];
    let said = |step: usize| {
        let t = step as f64 * STEP_S + 1e-3;
        word(t, 5, (-70.0 + 10.0 * t, -2.0), (10.0, 0.0), Motor)
    };
    // What a sensor's scores and errors teach follows arrival: left aside here.
    let fixed = || {
        let config = FusionConfig { calibrate: false, ..config() };
        Tracker::new(sensors(), config).unwrap().of_site(&site("west"))
    };
    let (mut in_order, mut late) = (fixed(), fixed());
    let (mut one, mut other) = (Scene::new(37, user()), Scene::new(37, user()));
    for step in 0..100 {
        in_order.handle_scan(&one.scan(step)).unwrap();
        late.handle_scan(&other.scan(step)).unwrap();
        if (40..90).contains(&step) && step % 16 == 0 {
            assert_ne!(in_order.handle_neighbour(&said(step)), NeighbourFate::TooLate);
        }
        // The same words ten scans, 125 ms, later.
        if step >= 50 && (step - 10) % 16 == 0 {
            assert_ne!(late.handle_neighbour(&said(step - 10)), NeighbourFate::TooLate);
        }
    }
    let t = utc(99.0 * STEP_S);
    let (expected, got) = (in_order.tracks_at(t), late.tracks_at(t));
    assert_eq!((expected.len(), got.len()), (1, 1));
    assert_eq!((expected[0].island, expected[0].since), (got[0].island, got[0].since));
    assert!((expected[0].position - got[0].position).norm() < 0.01);
    assert!((expected[0].covariance - got[0].covariance).amax() < 1e-3);
    assert_eq!(late.handle_neighbour(&said(60)), NeighbourFate::TooLate);
}

#[test]
fn what_cannot_be_is_refused_and_so_is_what_finds_no_room() {
    let mut tracker =
        Tracker::new(sensors(), FusionConfig { max_tracks: 1, ..config() }).unwrap().of_site(&site("west"));
    let good = word(0.0, 5, (0.0, 0.0), (5.0, 0.0), Motor);
    let mut not_positive = good.clone();
    not_positive.covariance[(0, 1)] = 0.05;
    not_positive.covariance[(1, 0)] = 0.05;
    let mut lopsided = good.clone();
    lopsided.covariance[(0, 1)] = 0.1;
    let cases = [
        Track { position: Point::new(f64::NAN, 0.0), ..good.clone() },
        Track { velocity: Vector::new(f64::INFINITY, 0.0), ..good.clone() },
        Track { velocity: Vector::new(200.0, 0.0), ..good.clone() },
        Track { covariance: Matrix4::zeros(), ..good.clone() },
        Track { covariance: Matrix4::from_element(f64::NAN), ..good.clone() },
        Track { covariance: Matrix4::identity() * 1e9, ..good.clone() },
        not_positive,
        lopsided,
        Track { existence: 1.5, ..good.clone() },
        Track { existence: f64::NAN, ..good.clone() },
        Track { since: utc(1.0), ..good.clone() },
        Track { measured_at: utc(1.0), ..good.clone() },
        Track { extent_m: Some((f64::NAN, 1.0)), ..good.clone() },
    ];
    for (k, case) in cases.iter().enumerate() {
        assert_eq!(tracker.handle_neighbour(case), NeighbourFate::Unusable, "case {k}");
    }
    let unsure = Track { existence: 0.3, ..good.clone() };
    assert_eq!(tracker.handle_neighbour(&unsure), NeighbourFate::KeptSeparate);
    let outside = Track { position: Point::new(500.0, 0.0), ..good.clone() };
    assert_eq!(tracker.handle_neighbour(&outside), NeighbourFate::OutsideBounds);
    assert!(tracker.tracks_at(utc(0.0)).is_empty());
    let other = word(0.0, 6, (40.0, 40.0), (0.0, 0.0), Motor);
    let later = word(0.1, 7, (40.0, 40.0), (0.0, 0.0), Motor);
    let fates = tracker.handle_neighbours(&[good, other, later]);
    assert_eq!(fates, [NeighbourFate::Adopted, NeighbourFate::OverLimit, NeighbourFate::Unusable]);
    assert!(tracker.handle_neighbours(&[]).is_empty());
}

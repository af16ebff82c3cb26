//! Road users of every kind are found, followed and told apart.

mod common;

use common::{STEP_S, Scene, User, nearest, run, tracker, utc};
use jxz_fusion::metrics::Moving;
use jxz_geo::{Point, Vector};
use jxz_world::RoadUserClass::{Motor, NonMotor, Pedestrian};

#[test]
fn straight_movers_are_followed_with_their_class_and_heading() {
    let mut scene = Scene::new(
        1,
        vec![
            User::straight(Motor, (-95.0, -1.75), (12.0, 0.0)),
            User::straight(Motor, (5.25, 95.0), (0.0, -9.0)),
            User::straight(NonMotor, (-40.0, 8.75), (4.5, 0.0)),
            User::straight(Pedestrian, (-12.0, -11.0), (1.3, 0.0)),
        ],
    );
    let mut tracker = tracker();
    let run = run(&mut tracker, &mut scene, 10.0, 1.0, |_, _| true);
    let score = run.score.score();
    assert!(score.gospa_m.unwrap() < 0.3, "{score:?}");
    assert!(score.missed.unwrap() < 0.01 && score.false_tracks.unwrap() < 0.02, "{score:?}");
    assert!(score.position_rmse_m.unwrap() < 0.10 && score.velocity_rmse_mps.unwrap() < 0.20, "{score:?}");

    let (t, tracks) = run.frames.last().unwrap();
    for user in &scene.users {
        let truth = (user.path)(*t).unwrap();
        let track = nearest(tracks, truth.position).expect("a track on every road user");
        assert_eq!(track.class.best().0, user.class);
        assert!(track.class.best().1 > 0.95 && track.existence > 0.95, "{track:?}");
        assert!(track.sources.radar && track.sources.camera && !track.sources.v2x);
        let turn = track.heading.unwrap().to_yaw().rad() - libm::atan2(truth.velocity.y, truth.velocity.x);
        assert!(jxz_units::wrap_pi(turn).abs() < 0.2, "heading off by {turn} rad");
        assert!(utc(*t).seconds_since(track.measured_at) < 0.1 && track.since < utc(1.0));
        let settled = run.frames.iter().filter(|(s, _)| *s > 1.0);
        let ids: Vec<_> =
            settled.map(|(s, all)| nearest(all, (user.path)(*s).unwrap().position).map(|n| n.id)).collect();
        assert!(ids.iter().all(|id| *id == Some(track.id)), "one number throughout");
    }
}

#[test]
fn two_cars_and_a_cyclist_cross_without_trading_numbers() {
    let mut scene = Scene::new(
        2,
        vec![
            User::straight(Motor, (-50.0, 1.0), (10.0, 0.0)),
            User::straight(Motor, (1.0, 52.5), (0.0, -10.0)),
            User::straight(NonMotor, (-21.0, -19.0), (4.0, 4.0)),
        ],
    );
    let run = run(&mut tracker(), &mut scene, 9.0, 1.0, |_, _| true);
    for user in &scene.users {
        let id_at = |frame: &(f64, Vec<jxz_world::Track>)| {
            nearest(&frame.1, (user.path)(frame.0).unwrap().position).map(|t| t.id)
        };
        let (before, after) = (id_at(&run.frames[40]), id_at(run.frames.last().unwrap()));
        assert!(before.is_some() && before == after, "{before:?} became {after:?}");
    }
    assert!(run.score.score().gospa_m.unwrap() < 0.4, "{:?}", run.score.score());
}

#[test]
fn two_walkers_shoulder_to_shoulder_stay_two() {
    let walkers = |gap: f64| {
        vec![
            User::straight(Pedestrian, (-12.0, -11.0), (1.3, 0.0)),
            User::straight(Pedestrian, (-12.0, -11.0 + gap), (1.3, 0.0)),
        ]
    };
    let run = run(&mut tracker(), &mut Scene::new(3, walkers(1.0)), 15.0, 2.0, |_, _| true);
    let score = run.score.score();
    assert!(score.missed.unwrap() < 0.05 && score.false_tracks.unwrap() < 0.05, "{score:?}");
}

#[test]
fn what_stands_is_not_lost_and_keeps_its_heading() {
    // A car brakes to a stand at 5 s and waits for 25 s; a pedestrian stands all the while.
    let car = |t: f64| {
        let (speed, x) = if t < 5.0 { (10.0 - 2.0 * t, 10.0 * t - t * t) } else { (0.0, 25.0) };
        Some(Moving { position: Point::new(-40.0 + x, -1.75), velocity: Vector::new(speed, 0.0) })
    };
    let mut scene = Scene::new(
        4,
        vec![User { class: Motor, path: Box::new(car) }, User::straight(Pedestrian, (9.0, -13.0), (0.0, 0.0))],
    );
    let run = run(&mut tracker(), &mut scene, 30.0, 1.0, |_, _| true);
    let score = run.score.score();
    assert!(score.missed.unwrap() == 0.0 && score.false_tracks.unwrap() < 0.02, "{score:?}");
    for user in &scene.users {
        let place = |t: f64| (user.path)(t).unwrap().position;
        let ids: Vec<_> = run.frames.iter().skip(20).map(|(t, all)| nearest(all, place(*t)).map(|n| n.id)).collect();
        assert!(ids.iter().all(|id| id.is_some() && *id == ids[0]), "one number all along");
    }
    let (_, last) = run.frames.last().unwrap();
    let stopped = nearest(last, Point::new(-15.0, -1.75)).unwrap();
    assert!(stopped.course().is_none() && stopped.speed_mps() < 0.2, "{stopped:?}");
    assert!((stopped.heading.unwrap().deg() - 90.0).abs() < 10.0, "still facing east: {:?}", stopped.heading);
    assert_eq!(nearest(last, Point::new(9.0, -13.0)).unwrap().heading, None, "never moved: no heading");
}

#[test]
fn noise_alone_makes_no_tracks() {
    for seed in 0..5 {
        let mut tracker = tracker();
        let run = run(&mut tracker, &mut Scene::new(seed, Vec::new()), 20.0, 0.0, |_, _| true);
        let shown = run.frames.iter().filter(|(_, tracks)| !tracks.is_empty()).count();
        assert!(shown <= 2, "seed {seed}: {shown} of {} frames show a track", run.frames.len());
        assert!(tracker.stages().tentative > 0, "the noise did reach the tracker");
    }
}

#[test]
fn who_leaves_the_area_is_let_go_at_its_edge() {
    let mut scene = Scene::new(6, vec![User::straight(Motor, (60.0, 1.75), (12.0, 0.0))]);
    let mut tracker = tracker();
    let run = run(&mut tracker, &mut scene, 4.5, 10.0, |_, t| t < 3.4);
    let shown = |t: f64| run.frames.iter().find(|f| f.0 >= t).unwrap().1.len();
    assert_eq!((shown(1.0), shown(3.0), shown(3.5)), (1, 1, 0));
}

#[test]
fn the_stated_covariance_is_honest() {
    // Normalised estimation error squared over independent runs: four degrees of freedom, so 4 on average. A filter
    // that allows for manoeuvres which do not come is cautious (below 4); above 5 would be overconfident.
    let (mut sum, mut count) = (0.0, 0);
    for seed in 100..140 {
        let user = User::straight(Motor, (-60.0, 5.0), (11.0, 1.0));
        let truth = (user.path)(5.0 - STEP_S).unwrap();
        let run = run(&mut tracker(), &mut Scene::new(seed, vec![user]), 5.0, 10.0, |_, _| true);
        let (_, tracks) = run.frames.last().unwrap();
        let track = nearest(tracks, truth.position).unwrap();
        let (p, v) = (track.position - truth.position, track.velocity - truth.velocity);
        let error = nalgebra::Vector4::new(p.x, p.y, v.x, v.y);
        sum += error.dot(&(track.covariance.try_inverse().unwrap() * error));
        count += 1;
    }
    let nees = sum / f64::from(count);
    assert!((1.5..5.0).contains(&nees), "{nees}");
}

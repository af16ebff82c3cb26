//! The lane map helps those who follow a lane and holds nobody on it.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

mod common;

use common::{Scene, User, bounds, config, run, sensors};
use jxz_fusion::metrics::{Moving, Score};
use jxz_fusion::{LaneField, Tracker};
use jxz_geo::{Point, Vector};
use jxz_world::RoadUserClass::Motor;

const SPEED_MPS: f64 = 10.0;

fn lanes() -> LaneField {
    let ends = bounds().corners();
    let street = |y: f64| vec![Point::new(ends.0.x, y), Point::new(ends.1.x, y)];
    let middle_lines = [street(-1.75), street(-5.25)];
    LaneField::new(middle_lines.iter().map(Vec::as_slice))
}

/// Sparse sensing, where a prior matters: each sensor's scans come four times a second.
fn score(users: fn() -> Vec<User>, lanes: Option<LaneField>) -> Score {
    let mut totals = [0.0; 2];
    let mut last = None;
    for seed in 0..6 {
        let mut scene = Scene::new(seed, users());
        let tracker = Tracker::new(sensors(), config()).unwrap();
        let mut tracker = match &lanes {
            Some(lanes) => tracker.with_lanes(lanes.clone()),
            None => tracker,
        };
        let run = run(&mut tracker, &mut scene, 9.0, 2.0, |_, t| ((t / 0.05) as usize).is_multiple_of(5));
        let score = run.score.score();
        totals[0] += score.position_rmse_m.unwrap();
        totals[1] += score.velocity_rmse_mps.unwrap();
        last = Some(score);
    }
    Score { position_rmse_m: Some(totals[0] / 6.0), velocity_rmse_mps: Some(totals[1] / 6.0), ..last.unwrap() }
}

fn followers() -> Vec<User> {
    (0..5).map(|k| User::straight(Motor, (-80.0 + 15.0 * f64::from(k), -1.75), (SPEED_MPS, 0.0))).collect()
}

/// From one lane to the next in three seconds, and off the road altogether later.
fn leavers() -> Vec<User> {
    let path = |start: f64| {
        move |t: f64| {
            let (mut y, mut vy) = (-1.75, 0.0);
            if t > 3.0 {
                let s = (t - 3.0).min(3.0);
                let half_turn = std::f64::consts::PI / 3.0;
                y -= 1.75 * (1.0 - libm::cos(half_turn * s));
                vy = if t < 6.0 { -1.75 * half_turn * libm::sin(half_turn * s) } else { 0.0 };
            }
            if t > 6.0 {
                vy = -2.5;
                y += vy * (t - 6.0);
            }
            Some(Moving { position: Point::new(start + SPEED_MPS * t, y), velocity: Vector::new(SPEED_MPS, vy) })
        }
    };
    (0..4).map(|k| User { class: Motor, path: Box::new(path(-80.0 + 20.0 * f64::from(k))) }).collect()
}

#[test]
fn those_who_follow_a_lane_are_followed_better() {
    let (with, without) = (score(followers, Some(lanes())), score(followers, None));
    let gain = without.velocity_rmse_mps.unwrap() / with.velocity_rmse_mps.unwrap();
    assert!(gain > 1.05, "velocity error {without:?} without, {with:?} with the lanes");
    assert!(with.position_rmse_m.unwrap() <= without.position_rmse_m.unwrap() * 1.01, "{without:?}, {with:?}");
}

#[test]
fn those_who_change_lanes_or_leave_the_road_are_not_held() {
    let (with, without) = (score(leavers, Some(lanes())), score(leavers, None));
    let worse = with.position_rmse_m.unwrap() / without.position_rmse_m.unwrap();
    assert!(worse < 1.1, "position error {without:?} without, {with:?} with the lanes");
}

#[test]
fn nothing_changes_where_there_is_no_lane() {
    let far = LaneField::new([[Point::new(500.0, 0.0), Point::new(600.0, 0.0)].as_slice()]);
    assert_eq!(score(followers, Some(far)), score(followers, None));
    assert_eq!(score(followers, Some(LaneField::default())), score(followers, None));
}

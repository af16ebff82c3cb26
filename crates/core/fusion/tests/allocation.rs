//! What fusing takes from the allocator: nothing for a scan, once the buffers have grown.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use allocation_counter::measure;
use common::{STEP_S, Scene, User, tracker};
use jxz_fusion::Tracker;
use jxz_fusion::metrics::Moving;
use jxz_geo::{Point, Vector};
use jxz_world::RoadUserClass::{Motor, NonMotor, Pedestrian};
use jxz_world::Scan;
use std::hint::black_box;

/// Buffers may grow for so long: twice around for every road user, so that all that comes has come before.
const WARM_SCANS: usize = 2 * ROUND_SCANS;
/// Every road user has been everywhere after this: 20 s.
const ROUND_SCANS: usize = (20.0 / STEP_S) as usize;

/// Forty road users who cross the area again and again: tracks begin and end all the time, among clutter.
fn scene() -> Scene {
    let user = |k: usize| {
        let class = [Motor, NonMotor, Pedestrian, Motor][k % 4];
        let speed_mps = [12.0, 5.0, 1.4, 7.0][k % 4];
        let (lane_m, start_m) = (-90.0 + 4.5 * k as f64, (k * 37 % 200) as f64);
        let along = move |t: f64| (start_m + speed_mps * t) % 210.0 - 100.0;
        let path = move |t: f64| {
            let at = along(t);
            let (position, velocity) = if k.is_multiple_of(2) {
                (Point::new(at, lane_m), Vector::new(speed_mps, 0.0))
            } else {
                (Point::new(lane_m, at), Vector::new(0.0, speed_mps))
            };
            // Between two crossings it is out of sight.
            (at < 100.0).then_some(Moving { position, velocity })
        };
        User { class, path: Box::new(path) }
    };
    Scene::new(7, (0..40).map(user).collect())
}

/// Feeds the scans and answers, for those after the warm-up that took anything: which, how often, how many bytes.
fn takings(tracker: &mut Tracker, scans: &[Scan]) -> Vec<(usize, u64, u64)> {
    let mut found = Vec::new();
    for (number, scan) in scans.iter().enumerate() {
        let taken = measure(|| {
            black_box(tracker.handle_scan(black_box(scan)).unwrap());
        });
        if number >= WARM_SCANS && taken.count_total > 0 {
            found.push((number, taken.count_total, taken.bytes_total));
        }
    }
    found
}

fn check(found: &[(usize, u64, u64)], scans: usize) {
    let (count, bytes) = found.iter().fold((0, 0), |(count, bytes), (_, c, b)| (count + c, bytes + b));
    assert!(
        found.is_empty(),
        "{} of {scans} scans took from the allocator: {count} times, {bytes} bytes; the first: {:?}",
        found.len(),
        &found[..found.len().min(5)]
    );
}

#[test]
fn a_scan_in_order_takes_nothing_once_warm() {
    let mut scene = scene();
    let scans: Vec<Scan> = (0..WARM_SCANS + ROUND_SCANS).map(|step| scene.scan(step)).collect();
    let mut tracker = tracker();
    let found = takings(&mut tracker, &scans);
    let stages = tracker.stages();
    assert!(stages.confirmed >= 30, "the scene is followed: {stages:?}");
    check(&found, ROUND_SCANS);
}

#[test]
fn a_late_scan_takes_nothing_once_warm() {
    let mut scene = scene();
    let mut scans: Vec<Scan> = (0..WARM_SCANS + ROUND_SCANS).map(|step| scene.scan(step)).collect();
    // One of each twelve comes after the five that follow it: 62.5 ms late.
    for twelve in scans.chunks_exact_mut(12) {
        twelve[..6].rotate_left(1);
    }
    let mut tracker = tracker();
    let found = takings(&mut tracker, &scans);
    let stages = tracker.stages();
    assert!(stages.confirmed >= 30, "the scene is followed: {stages:?}");
    check(&found, ROUND_SCANS);
}

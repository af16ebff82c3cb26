//! Cameras take longer than radars to say what they saw, so their scans always come late: they count all the same, also
//! for what is learned of sensors.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::rings::{Error, Site, users};
use common::{STEP_S, Scene, utc};
use jxz_fusion::metrics::{Moving, TrackingScore};
use jxz_fusion::{Lateness, Tracker, Trust};
use jxz_world::Scan;
use std::collections::VecDeque;

const SEEDS: u64 = 3;
/// Whole steps of the site: 0, 50, and 100 ms.
const DELAYS: [usize; 3] = [0, 4, 8];

/// A site whose cameras' scans arrive `delay` steps after the radars' of the same time.
struct Delayed {
    scene: Scene,
    tracker: Tracker,
    errors: [Error; 4],
    delay: usize,
    on_the_way: VecDeque<(usize, Scan)>,
    step: usize,
    inserted: u32,
}

impl Delayed {
    fn new(seed: u64, delay: usize, errors: [Error; 4]) -> Self {
        let tracker = Site::new(seed, errors).tracker;
        let scene = Scene::new(seed, users(seed));
        Self { scene, tracker, errors, delay, on_the_way: VecDeque::new(), step: 0, inserted: 0 }
    }

    /// Runs until `until_s`, every scan changed by `fault`; gives the score of the tracks as of then known.
    fn run(&mut self, until_s: f64, fault: impl Fn(usize, &mut Scan)) -> TrackingScore {
        let mut score = TrackingScore::default();
        while (self.step as f64) * STEP_S < until_s {
            let k = self.step % 4;
            let mut scan = self.scene.scan(self.step);
            scan.valid_at = scan.valid_at.plus_seconds(self.errors[k].clock_s);
            fault(k, &mut scan);
            let delay = if k % 2 == 1 { self.delay } else { 0 };
            let place = self.on_the_way.partition_point(|(due, _)| *due <= self.step + delay);
            self.on_the_way.insert(place, (self.step + delay, scan));
            while self.on_the_way.front().is_some_and(|(due, _)| *due <= self.step) {
                let (_, scan) = self.on_the_way.pop_front().unwrap();
                let outcome = self.tracker.handle_scan(&scan).unwrap();
                self.inserted += u32::from(outcome.lateness == Lateness::Inserted);
            }
            if k == 3 {
                let t = self.step as f64 * STEP_S;
                let estimates: Vec<Moving> = self.tracker.tracks_at(utc(t)).iter().map(Moving::from).collect();
                score.add(&self.scene.truth(t), &estimates);
            }
            self.step += 1;
        }
        score
    }
}

fn yaws() -> [Error; 4] {
    core::array::from_fn(|k| {
        let side = if k % 2 == 0 { 1.0 } else { -1.0 };
        Error { yaw_rad: side * 1_f64.to_radians(), ..Error::default() }
    })
}

#[test]
fn sensors_are_corrected_whichever_is_late() {
    for seed in 0..SEEDS {
        for delay in DELAYS {
            let (mut right, mut wrong) =
                (Delayed::new(seed, delay, [Error::default(); 4]), Delayed::new(seed, delay, yaws()));
            right.run(10.0, |_, _| {});
            wrong.run(10.0, |_, _| {});
            assert!(delay == 0 || wrong.inserted > 300, "seed {seed}: {} scans came late", wrong.inserted);
            for (found, made) in wrong.tracker.calibration().iter().zip(yaws()) {
                let error = (found.yaw_bias_rad - made.yaw_rad).abs();
                assert!(error < 0.1 * 1_f64.to_radians(), "seed {seed}, {delay} steps late: {found:?}");
            }
            let (right, wrong) = (right.run(14.0, |_, _| {}).score(), wrong.run(14.0, |_, _| {}).score());
            let bound = 1.3 * right.gospa_m.unwrap();
            assert!(wrong.gospa_m.unwrap() < bound, "seed {seed}, {delay} steps late: {wrong:?} against {right:?}");
        }
    }
}

#[test]
fn clocks_that_put_every_scan_of_a_camera_behind_the_radars_are_found() {
    // Stamped 20 ms early: each scan of a camera is older than the radar's that came before it.
    let early = |k: usize| Error { clock_s: if k % 2 == 1 { -0.020 } else { 0.0 }, ..Error::default() };
    let mut squared = 0.0;
    for seed in 0..SEEDS {
        for delay in DELAYS {
            let mut site = Delayed::new(seed, delay, core::array::from_fn(early));
            site.run(10.0, |_, _| {});
            for (found, made) in site.tracker.calibration().iter().zip((0..4).map(early)) {
                squared += (found.clock_offset_s - made.clock_s).powi(2);
            }
        }
    }
    let clock_s = (squared / (4 * SEEDS as usize * DELAYS.len()) as f64).sqrt();
    assert!(clock_s < 0.004, "a fifth of 20 ms; found {clock_s} s (root mean square)");
}

#[test]
fn a_broken_camera_is_voted_out_though_it_is_always_late() {
    for seed in 0..SEEDS {
        for delay in DELAYS {
            let mut site = Delayed::new(seed, delay, [Error::default(); 4]);
            site.run(8.0, |_, _| {});
            assert!(site.tracker.calibration().iter().all(|c| c.trust == Trust::Believed));
            site.run(11.0, |k, scan| {
                if k == 1 {
                    scan.detections.iter_mut().for_each(|d| d.azimuth_rad = -d.azimuth_rad);
                }
            });
            let trust: Vec<Trust> = site.tracker.calibration().iter().map(|c| c.trust).collect();
            let expected = [Trust::Believed, Trust::Contradicted, Trust::Believed, Trust::Believed];
            assert_eq!(trust, expected, "seed {seed}, {delay} steps late");
            site.run(14.5, |_, _| {});
            assert!(site.tracker.calibration().iter().all(|c| c.trust == Trust::Believed), "seed {seed}, {delay}");
        }
    }
}

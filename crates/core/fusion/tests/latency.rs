//! Cameras take longer than radars to say what they saw: their scans always come late.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::rings::{Error, Site, users};
use common::{STEP_S, Scene, utc};
use jxz_fusion::metrics::{Moving, TrackingScore};
use jxz_fusion::{Lateness, Trust};
use jxz_world::Scan;
use std::collections::VecDeque;

#[test]
fn look() {
    for seed in 0..4 { for delay in [0usize, 4, 8] { for wrong in 0..3 {
        let errors: [Error; 4] = core::array::from_fn(|k| {
            let side = if k % 2 == 0 { 1.0 } else { -1.0 };
            Error { yaw_rad: if wrong == 1 { side * 1_f64.to_radians() } else { 0.0 }, clock_s: if wrong == 2 && k % 2 == 1 { -0.02 } else { 0.0 }, ..Error::default() }
        });
        let mut tracker = Site::new(seed, errors).tracker;
        let mut scene = Scene::new(seed, users(seed));
        let mut held: VecDeque<(usize, Scan)> = VecDeque::new();
        let (mut score, mut late) = (TrackingScore::default(), 0);
        let mut out = None;
        for step in 0..1120_usize {
            let mut scan = scene.scan(step);
            scan.valid_at = scan.valid_at.plus_seconds(errors[step % 4].clock_s);
            if step % 4 == 1 && step > 1120 - 250 { scan.detections.iter_mut().for_each(|d| d.azimuth_rad = -d.azimuth_rad); }
            if step % 2 == 1 { held.push_back((step + delay, scan)); } else { tracker.handle_scan(&scan).unwrap(); }
            while held.front().is_some_and(|(due, _)| *due <= step) {
                let outcome = tracker.handle_scan(&held.pop_front().unwrap().1).unwrap();
                late += u32::from(outcome.lateness == Lateness::Inserted);
            }
            let t = step as f64 * STEP_S;
            if step % 4 == 3 && (8.0..10.8).contains(&t) {
                let estimates: Vec<Moving> = tracker.tracks_at(utc(t)).iter().map(Moving::from).collect();
                score.add(&scene.truth(t), &estimates);
            }
            if step == 1120 - 250 {
                println!("seed {seed} {} ms wrong {wrong}: late {late} gospa {:.3}", delay as f64 * 12.5, score.score().gospa_m.unwrap());
                for (c, e) in tracker.calibration().iter().zip(&errors) { println!("   yaw {:.4} pos {:.3?} clock {:.4} of {:?}", c.yaw_bias_rad, c.position_bias_m, c.clock_offset_s, e.clock_s); }
            }
            if out.is_none() && step > 1120 - 250 && tracker.calibration()[1].trust != Trust::Believed { out = Some((step - 1120 + 250) as f64 * STEP_S); }
        }
        println!("   mirrored camera out after {out:?}");
    } } }
}

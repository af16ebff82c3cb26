//! Sensors that are not where, or when, they say they are: corrected by the traffic.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::rings::{Error, Site, sound};
use jxz_fusion::Trust;

/// Seconds after which the corrections have to be right, and for how long what follows is judged.
const LEARNT_S: f64 = 10.0;
const JUDGED_S: f64 = 4.0;
/// A fifth of what is wrong.
const SHARE: f64 = 0.2;
const SEEDS: u64 = 5;
const CLOCK_TOLERANCE_S: f64 = 0.002;

/// Which of a site's errors are made: none has a part that all sensors have in common, for the traffic cannot show it.
#[derive(Debug, Clone, Copy, Default)]
struct Wrong {
    yaw: bool,
    position: bool,
    clock: bool,
}

impl Wrong {
    /// Yaws 1 degree off, to either side in turn; places 0.3 m off, opposite sensors alike; cameras stamp 10 ms late.
    fn errors(self) -> [Error; 4] {
        core::array::from_fn(|k| {
            let side = if k % 2 == 0 { 1.0 } else { -1.0 };
            Error {
                yaw_rad: if self.yaw { side * 1_f64.to_radians() } else { 0.0 },
                position_m: if self.position { [side * 0.18, side * 0.24] } else { [0.0, 0.0] },
                clock_s: if self.clock && k % 2 == 1 { 0.010 } else { 0.0 },
            }
        })
    }
}

#[derive(Debug)]
struct Learnt {
    gospa_m: f64,
    /// The largest error of all sensors' estimates, radians and metres.
    worst: (f64, f64),
    /// Sum of the squares of the clocks' errors, s².
    clock_s2: f64,
}

fn learn(seed: u64, wrong: Wrong) -> Learnt {
    let errors = wrong.errors();
    let mut site = Site::new(seed, errors);
    site.run(LEARNT_S, LEARNT_S, sound);
    let (mut worst, mut clock_s2) = ((0.0_f64, 0.0_f64), 0.0);
    for (found, made) in site.tracker.calibration().iter().zip(&errors) {
        let place = [0, 1].map(|i| found.position_bias_m[i] - made.position_m[i]);
        let (yaw, clock) = (found.yaw_bias_rad - made.yaw_rad, found.clock_offset_s - made.clock_s);
        worst = (worst.0.max(yaw.abs()), worst.1.max(libm::hypot(place[0], place[1])));
        clock_s2 += clock * clock;
        assert_eq!(found.trust, Trust::Believed, "wrong is not broken: {found:?}");
        assert!(yaw.abs() < 3.0 * found.yaw_sigma_rad && clock.abs() < 3.0 * found.clock_sigma_s, "{found:?}");
        assert!((0..2).all(|i| place[i].abs() < 3.0 * found.position_sigma_m[i]), "{found:?}");
    }
    let score = site.run(LEARNT_S + JUDGED_S, LEARNT_S, sound).score();
    assert!(score.false_tracks.unwrap() < 0.05, "one road user seen from four places is one: {score:?}");
    Learnt { gospa_m: score.gospa_m.unwrap(), worst, clock_s2 }
}

/// That every estimate is near what was made wrong, and tracks are as good as if nothing had been.
fn assert_learnt(wrong: Wrong) {
    let mut clock_s2 = 0.0;
    for seed in 0..SEEDS {
        let right = learn(seed, Wrong::default());
        let learnt = learn(seed, wrong);
        let (yaw, place) = learnt.worst;
        assert!(yaw < SHARE * 1_f64.to_radians() && place < SHARE * 0.3, "seed {seed}: {learnt:?}");
        assert!(learnt.gospa_m <= 1.3 * right.gospa_m, "seed {seed}: {learnt:?} against {right:?}");
        clock_s2 += learnt.clock_s2;
    }
    // A clock is known to 1 to 2 ms by then: one of twenty may be further off, all together may not.
    let clock_s = (clock_s2 / (4.0 * SEEDS as f64)).sqrt();
    assert!(clock_s < CLOCK_TOLERANCE_S, "clocks are off by {clock_s} s (root mean square)");
}

#[test]
fn yaws_one_degree_off_are_found_and_corrected() {
    assert_learnt(Wrong { yaw: true, ..Wrong::default() });
}

#[test]
fn places_a_foot_off_are_found_and_corrected() {
    assert_learnt(Wrong { position: true, ..Wrong::default() });
}

#[test]
fn cameras_that_stamp_late_are_found_and_corrected() {
    assert_learnt(Wrong { clock: true, ..Wrong::default() });
}

#[test]
fn all_three_at_once_are_told_apart() {
    assert_learnt(Wrong { yaw: true, position: true, clock: true });
}

#[test]
fn what_is_not_corrected_costs_many_times_more() {
    // So that the tests above prove anything: the same errors, left alone.
    let right = learn(0, Wrong::default());
    let config = jxz_fusion::FusionConfig { calibrate: false, ..common::config() };
    let mut site = Site::with(0, Wrong { yaw: true, ..Wrong::default() }.errors(), config);
    let score = site.run(LEARNT_S, 2.0, sound).score();
    assert!(score.gospa_m.unwrap() > 5.0 * right.gospa_m, "{score:?} against {right:?}");
}

#[test]
fn a_site_without_errors_is_left_alone() {
    // What is estimated is noise, and is not applied: the tracks are those of a tracker that never calibrates, but for
    // the little doubt that is left of every survey.
    let config = jxz_fusion::FusionConfig { calibrate: false, ..common::config() };
    for seed in 0..SEEDS {
        let learnt = learn(seed, Wrong::default());
        let (yaw, place) = learnt.worst;
        assert!(yaw < 0.1_f64.to_radians() && place < 0.04, "seed {seed}: {learnt:?}");
        let mut plain = Site::with(seed, Wrong::default().errors(), config.clone());
        let score = plain.run(LEARNT_S + JUDGED_S, LEARNT_S, sound).score();
        assert!(learnt.gospa_m < 1.05 * score.gospa_m.unwrap(), "seed {seed}: {learnt:?} against {score:?}");
    }
}

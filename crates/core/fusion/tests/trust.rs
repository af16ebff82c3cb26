//! Sensors that are broken: voted out, and in again when they have healed.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::rings::{Error, Site, sound};
use common::{config, sensors};
use jxz_fusion::metrics::{Score, TrackingScore};
use jxz_fusion::{Tracker, Trust};
use jxz_units::wrap_pi;
use jxz_world::{Detection, Scan};

/// When it breaks, when it has to have been noticed, when it heals, and when it has to be used again, seconds.
const BREAKS_S: f64 = 8.0;
const NOTICED_S: f64 = BREAKS_S + 3.0;
const HEALS_S: f64 = 13.0;
const BACK_S: f64 = HEALS_S + 3.0;

/// What a broken sensor does to its scans.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Turned by 6 degrees, as if hit by a lorry.
    Jumped,
    /// Mounted upside down, or set up so: left is right.
    Mirrored,
    /// Sends its last scan for ever, newly stamped.
    Frozen,
    /// Sends nothing: what a perfect judge would make of any of them.
    Silent,
}

impl Fault {
    /// Says whether the scan is sent at all.
    fn apply(self, scan: &mut Scan, last: &mut Option<Vec<Detection>>) -> bool {
        match self {
            Self::Jumped => {
                scan.detections.iter_mut().for_each(|d| d.azimuth_rad = wrap_pi(d.azimuth_rad + 6_f64.to_radians()));
            }
            Self::Mirrored => scan.detections.iter_mut().for_each(|d| d.azimuth_rad = -d.azimuth_rad),
            Self::Frozen => scan.detections = last.get_or_insert_with(|| scan.detections.clone()).clone(),
            Self::Silent => return false,
        }
        true
    }
}

/// What is seen of a site on which one sensor breaks.
struct Story {
    /// Seconds from breaking to being voted out, and from healing to being used again.
    out_after_s: Option<f64>,
    back_after_s: Option<f64>,
    /// While it was broken and may not have been noticed, while it has to have been, and when all was over.
    meanwhile: Score,
    noticed: Score,
    after: Score,
}

fn tell(seed: u64, broken: usize, fault: Fault) -> Story {
    let mut site = Site::new(seed, [Error::default(); 4]);
    site.run(BREAKS_S, BREAKS_S, sound);
    assert!(site.trust().iter().all(|t| *t == Trust::Believed));
    let (mut out_after_s, mut back_after_s, mut last) = (None, None, None);
    let (mut meanwhile, mut noticed) = (TrackingScore::default(), TrackingScore::default());
    while site.now_s() < HEALS_S {
        let score = if site.now_s() < NOTICED_S { &mut meanwhile } else { &mut noticed };
        site.frame(score, |k, scan| k != broken || fault.apply(scan, &mut last));
        if site.trust()[broken] != Trust::Believed {
            out_after_s.get_or_insert(site.now_s() - BREAKS_S);
        }
        assert_others_believed(&site, broken, fault);
    }
    while site.now_s() < BACK_S {
        site.frame(&mut TrackingScore::default(), sound);
        let believed = site.trust()[broken] == Trust::Believed;
        if believed {
            back_after_s.get_or_insert(site.now_s() - HEALS_S);
        }
        assert!(believed || back_after_s.is_none(), "seed {seed}, sensor {broken}, {fault:?}: voted out once more");
        assert_others_believed(&site, broken, fault);
    }
    let after = site.run(BACK_S + 2.0, BACK_S, sound).score();
    Story { out_after_s, back_after_s, meanwhile: meanwhile.score(), noticed: noticed.score(), after }
}

#[track_caller]
fn assert_others_believed(site: &Site, broken: usize, fault: Fault) {
    let others = site.trust().into_iter().enumerate().filter(|(k, _)| *k != broken);
    assert!(
        others.into_iter().all(|(_, t)| t == Trust::Believed),
        "{fault:?}: {:?} at {} s",
        site.trust(),
        site.now_s()
    );
}

#[track_caller]
fn assert_voted_out(fault: Fault) {
    for seed in 0..3 {
        for broken in 0..4 {
            let (story, silent) = (tell(seed, broken, fault), tell(seed, broken, Fault::Silent));
            let what = format!("seed {seed}, sensor {broken}, {fault:?}");
            assert!(story.out_after_s.is_some_and(|s| s <= NOTICED_S - BREAKS_S), "{what}: {:?}", story.out_after_s);
            assert!(story.back_after_s.is_some(), "{what}: did not come back");
            assert_eq!(
                (silent.out_after_s, silent.back_after_s.is_some()),
                (None, true),
                "silence is no contradiction"
            );
            // No road user is lost because of it. Until it is noticed each may be shown once more, where the broken
            // sensor has it: with one sensor of four that is not known to be wrong nobody could say otherwise.
            let (missed, ghosts) = (story.meanwhile.missed.unwrap(), story.meanwhile.false_tracks.unwrap());
            assert!(missed < 0.1 && ghosts < 12.0, "{what}: {:?}", story.meanwhile);
            // From then on tracks are those of the three others; the rest is chance: one frame in twenty in which a road
            // user is shown twice, or not, is worth 0.18 m.
            for (found, perfect) in [(story.noticed, silent.noticed), (story.after, silent.after)] {
                assert!(
                    found.gospa_m.unwrap() < 1.1 * perfect.gospa_m.unwrap() + 0.1,
                    "{what}: {found:?}, {perfect:?}"
                );
            }
        }
    }
}

#[test]
fn a_sensor_that_is_knocked_round_is_voted_out_and_in_again() {
    assert_voted_out(Fault::Jumped);
}

#[test]
fn a_sensor_that_takes_left_for_right_is_voted_out_and_in_again() {
    assert_voted_out(Fault::Mirrored);
}

#[test]
fn a_sensor_that_repeats_itself_is_voted_out_and_in_again() {
    assert_voted_out(Fault::Frozen);
}

#[test]
fn a_sensor_mirrored_from_the_first_scan_is_voted_out_and_what_it_taught_forgotten() {
    for seed in 0..3 {
        for broken in 0..4 {
            let mut site = Site::new(seed, [Error::default(); 4]);
            let mirror = |k: usize, scan: &mut Scan| k != broken || Fault::Mirrored.apply(scan, &mut None);
            site.run(5.0, 5.0, mirror);
            assert_ne!(site.trust()[broken], Trust::Believed, "seed {seed}, sensor {broken}");
            assert_others_believed(&site, broken, Fault::Mirrored);
            site.run(8.0, 8.0, sound);
            assert_eq!(site.trust(), [Trust::Believed; 4], "seed {seed}, sensor {broken}");
            let score = site.run(14.0, 10.0, sound).score();
            assert!(score.gospa_m.unwrap() < 0.5, "seed {seed}, sensor {broken}: {score:?}");
        }
    }
}

#[test]
fn of_three_sensors_two_outvote_one() {
    for seed in 0..3 {
        for broken in 0..3 {
            let tracker = Tracker::new(sensors()[..3].to_vec(), config()).unwrap();
            let mut site = Site { tracker, ..Site::new(seed, [Error::default(); 4]) };
            site.run(6.0, 6.0, |k, _| k < 3);
            site.run(9.0, 9.0, |k, scan| k < 3 && (k != broken || Fault::Jumped.apply(scan, &mut None)));
            assert_ne!(site.trust()[broken], Trust::Believed, "seed {seed}, sensor {broken}");
            assert_others_believed(&site, broken, Fault::Jumped);
        }
    }
}

#[test]
fn of_two_sensors_that_contradict_each_other_neither_is_voted_out() {
    // Nobody can tell which is right; both stay, from the beginning or later, and what is shown stays bounded.
    for fault in [Fault::Jumped, Fault::Mirrored] {
        for from_s in [0.0, 5.0] {
            let tracker = Tracker::new(sensors()[..2].to_vec(), config()).unwrap();
            let mut site = Site { tracker, ..Site::new(1, [Error::default(); 4]) };
            site.run(from_s, from_s, |k, _| k < 2);
            while site.now_s() < from_s + 6.0 {
                let mut score = TrackingScore::default();
                site.frame(&mut score, |k, scan| k < 2 && (k != 1 || fault.apply(scan, &mut None)));
                assert_eq!(site.trust(), [Trust::Believed; 2], "{fault:?} at {} s", site.now_s());
                let shown = site.tracker.stages();
                assert!(shown.confirmed + shown.coasting <= 120, "{fault:?} at {} s: {shown:?}", site.now_s());
            }
        }
    }
}

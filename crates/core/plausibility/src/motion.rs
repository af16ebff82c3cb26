//! Whether a vehicle is where its own speeds and headings lead.

use crate::assessment::{Check, Failure, Grade};
use crate::config::PlausibilityConfig;
use jxz_geo::{Point, Vector};
use jxz_units::Utc;
use jxz_world::VehicleReport;
use std::collections::VecDeque;

/// How far back a drift is looked for, seconds.
const WINDOW_S: f64 = 10.0;
/// A place to look back to is kept each so often, seconds.
const ANCHOR_S: f64 = 1.0;
const MAX_ANCHORS: usize = 12;
/// A GNSS receiver's noise alone moves a position by more than this, metres.
const SAME_PLACE_M: f64 = 0.01;
/// Points of a drift: it takes many reports to show, and forgiving starts anew after it.
pub(crate) const DRIFT_POINTS: f64 = 2.0;

/// A place in the past, with how far the vehicle said to have driven by then.
struct Anchor {
    at: Utc,
    position: Point,
    sigma_m: f64,
    driven: Vector,
    slack_m: f64,
}

/// A vehicle's dead reckoning by its own word.
pub(crate) struct Motion {
    /// The last report's place, and older ones before it.
    anchors: VecDeque<Anchor>,
    /// Sum of said velocities times time.
    driven: Vector,
    /// Sum of what the reckoning may be wrong by, metres.
    slack_m: f64,
    still: Still,
}

/// Since when the position is the very same.
struct Still {
    since: Utc,
    position: Point,
    driven_m: f64,
}

impl Motion {
    pub(crate) fn new(config: &PlausibilityConfig, report: &VehicleReport) -> Self {
        let still = Still { since: report.valid_at, position: report.position, driven_m: 0.0 };
        let mut motion = Self { anchors: VecDeque::new(), driven: Vector::zeros(), slack_m: 0.0, still };
        motion.restart(config, report);
        motion
    }

    fn restart(&mut self, config: &PlausibilityConfig, report: &VehicleReport) {
        self.anchors.clear();
        (self.driven, self.slack_m) = (Vector::zeros(), 0.0);
        self.anchors.push_back(self.anchor(config, report));
    }

    fn anchor(&self, config: &PlausibilityConfig, report: &VehicleReport) -> Anchor {
        let sigma_m = config.sigma_of(report.position_sigma_m);
        let (driven, slack_m) = (self.driven, self.slack_m);
        Anchor { at: report.valid_at, position: report.position, sigma_m, driven, slack_m }
    }

    /// Goes on from `last` to `report`, which is later. The failure is of the newest place that the report does not
    /// fit; after one, only places from then on are asked, so that a single jump fails once. The points are what it
    /// weighs.
    pub(crate) fn advance(
        &mut self,
        config: &PlausibilityConfig,
        last: &VehicleReport,
        report: &VehicleReport,
    ) -> Option<(Failure, f64)> {
        let dt_s = report.valid_at.seconds_since(last.valid_at);
        if dt_s > config.gap_s {
            let failure = out_of_reach(config, last, report, dt_s);
            self.restart(config, report);
            return failure.map(|failure| (failure, 1.0));
        }
        let (step, slack_m) = said_step(config, last, report, dt_s);
        self.driven += step;
        self.slack_m += slack_m;
        let failure = self.misfit(config, report);
        match failure {
            Some(_) => self.restart(config, report),
            None => self.keep(config, report),
        }
        failure
    }

    fn misfit(&self, config: &PlausibilityConfig, report: &VehicleReport) -> Option<(Failure, f64)> {
        let sigma_m = config.sigma_of(report.position_sigma_m);
        self.anchors.iter().rev().enumerate().find_map(|(back, anchor)| {
            let off_m = (report.position - anchor.position - (self.driven - anchor.driven)).norm();
            // No less than by the larger error alone: mostly enough, without a root.
            if off_m <= config.position_sigmas * sigma_m.max(anchor.sigma_m) + self.slack_m - anchor.slack_m {
                return None;
            }
            let noise_m = config.position_sigmas * libm::hypot(sigma_m, anchor.sigma_m);
            let allowed_m = noise_m + self.slack_m - anchor.slack_m;
            let points = if back == 0 { 1.0 } else { DRIFT_POINTS };
            (off_m > allowed_m).then(|| (Failure::new(Check::Position, Grade::Doubt, off_m, allowed_m), points))
        })
    }

    /// The newest anchor is always the last report's; behind it one each second.
    fn keep(&mut self, config: &PlausibilityConfig, report: &VehicleReport) {
        let n = self.anchors.len();
        if n >= 2 && self.anchors[n - 1].at.seconds_since(self.anchors[n - 2].at) < ANCHOR_S {
            self.anchors.pop_back();
        }
        self.anchors.push_back(self.anchor(config, report));
        let is_old = |anchor: &Anchor| report.valid_at.seconds_since(anchor.at) > WINDOW_S;
        while self.anchors.len() > MAX_ANCHORS || self.anchors.front().is_some_and(is_old) {
            self.anchors.pop_front();
        }
    }

    /// The very same position while the vehicle says that it drives. A receiver that gives a position a second holds it
    /// for ten reports; longer than [`PlausibilityConfig::frozen_s`] none does.
    pub(crate) fn frozen(
        &mut self,
        config: &PlausibilityConfig,
        last: &VehicleReport,
        report: &VehicleReport,
    ) -> Option<Failure> {
        if (report.position - self.still.position).norm() > SAME_PLACE_M {
            self.still = Still { since: report.valid_at, position: report.position, driven_m: 0.0 };
            return None;
        }
        let dt_s = report.valid_at.seconds_since(last.valid_at).min(config.gap_s);
        self.still.driven_m += report.speed_mps?.min(last.speed_mps?).max(0.0) * dt_s;
        let lasts_s = report.valid_at.seconds_since(self.still.since);
        (lasts_s >= config.frozen_s && self.still.driven_m > config.frozen_m)
            .then(|| Failure::new(Check::Frozen, Grade::Doubt, self.still.driven_m, config.frozen_m))
    }
}

/// The displacement that two reports say together, and what it may be wrong by, metres.
fn said_step(config: &PlausibilityConfig, last: &VehicleReport, report: &VehicleReport, dt_s: f64) -> (Vector, f64) {
    let (Some(from), Some(to)) = (velocity(last), velocity(report)) else {
        // Without speed and heading any direction goes, at the speed if that at least is known.
        let speed_mps = last.speed_mps.or(report.speed_mps).unwrap_or(config.speed_mps).min(config.speed_mps);
        return (Vector::zeros(), (speed_mps + config.speed_error_mps) * dt_s);
    };
    let speed_mps = from.norm().midpoint(to.norm());
    // A bend or a brake between two reports that do not tell of it: the worst case for known velocities at both ends
    // and a bounded acceleration is a dt²/4. The rest is the error of said speed and heading.
    let hidden_m = config.grip_mps2 * dt_s * dt_s / 4.0;
    let error_m = (0.5 + 0.05 * speed_mps) * dt_s;
    // A slow vehicle's heading may be latched, or it backs up.
    let either_way_m = if speed_mps < config.slow_mps { 2.0 * speed_mps * dt_s } else { 0.0 };
    ((from + to) * (dt_s / 2.0), hidden_m + error_m + either_way_m)
}

fn velocity(report: &VehicleReport) -> Option<Vector> {
    let (speed_mps, yaw) = (report.speed_mps?, report.heading?.to_yaw().rad());
    Some(Vector::new(libm::cos(yaw), libm::sin(yaw)) * speed_mps)
}

/// After a gap: no vehicle could have come here from there.
fn out_of_reach(
    config: &PlausibilityConfig,
    last: &VehicleReport,
    report: &VehicleReport,
    dt_s: f64,
) -> Option<Failure> {
    let moved_m = (report.position - last.position).norm();
    let sigma_m = libm::hypot(config.sigma_of(last.position_sigma_m), config.sigma_of(report.position_sigma_m));
    let allowed_m = config.speed_hard_mps * dt_s + config.position_sigmas * sigma_m;
    (moved_m > allowed_m).then(|| Failure::new(Check::Position, Grade::Doubt, moved_m, allowed_m))
}

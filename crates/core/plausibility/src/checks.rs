//! What one report says, and what two that follow each other say: each check a function of its own.

use crate::assessment::{Check, Failure, Grade};
use crate::config::PlausibilityConfig;
use jxz_geo::Point;
use jxz_units::{Utc, wrap_pi};
use jxz_world::VehicleReport;

/// Every number must be one. Nothing else can be checked if not.
pub(crate) fn finite(report: &VehicleReport) -> Option<Failure> {
    let extent = report.extent_m.map(|(length_m, width_m)| length_m + width_m);
    let optional = [report.position_sigma_m, report.speed_mps, report.acceleration_mps2, extent];
    let heading = report.heading.map(jxz_units::Heading::rad);
    let said = optional.into_iter().chain([heading]).flatten().chain([report.position.x, report.position.y]);
    let bad = said.filter(|number| !number.is_finite()).count();
    (bad > 0).then(|| Failure::new(Check::NotFinite, Grade::Impossible, bad as f64, 0.0))
}

/// The time of validity must be about now.
pub(crate) fn age(config: &PlausibilityConfig, now: Utc, report: &VehicleReport) -> Option<Failure> {
    let age_s = now.seconds_since(report.valid_at);
    if age_s > config.behind_s {
        return Some(Failure::new(Check::Stale, Grade::Impossible, age_s, config.behind_s));
    }
    (age_s < -config.ahead_s).then(|| Failure::new(Check::Stale, Grade::Impossible, age_s, -config.ahead_s))
}

/// The vehicle must be where the radio can hear it.
pub(crate) fn range(config: &PlausibilityConfig, receiver: Point, report: &VehicleReport) -> Option<Failure> {
    let range_m = (report.position - receiver).norm();
    graded(Check::Range, range_m, config.range_m, config.range_hard_m, Grade::Impossible)
}

/// The said speed must be one that vehicles have.
pub(crate) fn speed(config: &PlausibilityConfig, report: &VehicleReport) -> Option<Failure> {
    let speed_mps = report.speed_mps?.abs();
    graded(Check::Speed, speed_mps, config.speed_mps, config.speed_hard_mps, Grade::Impossible)
}

/// The said acceleration must be one that vehicles have. In a crash it is not: doubt, and no more.
pub(crate) fn said_acceleration(config: &PlausibilityConfig, report: &VehicleReport) -> Option<Failure> {
    let said_mps2 = report.acceleration_mps2?;
    let (check, usual_mps2) = direction(config, said_mps2);
    graded(check, said_mps2.abs(), usual_mps2, config.grip_mps2, Grade::Doubt)
}

/// The speed must have changed as a vehicle's can since the last report.
pub(crate) fn speed_change(
    config: &PlausibilityConfig,
    last: &VehicleReport,
    report: &VehicleReport,
) -> Option<Failure> {
    let dt_s = report.valid_at.seconds_since(last.valid_at);
    let change_mps = report.speed_mps? - last.speed_mps?;
    let (check, usual_mps2) = direction(config, change_mps);
    // Above what the error of two speeds explains.
    let allowed = |limit_mps2: f64| limit_mps2 + config.speed_error_mps / dt_s;
    graded(check, change_mps.abs() / dt_s, allowed(usual_mps2), allowed(config.grip_mps2), Grade::Doubt)
}

/// The heading must have changed as a vehicle's can since the last report. Not asked of slow vehicles: the message set
/// latches their heading and lets it jump when they move off.
pub(crate) fn turn(config: &PlausibilityConfig, last: &VehicleReport, report: &VehicleReport) -> Option<Failure> {
    if last.speed_mps?.min(report.speed_mps?) < config.slow_mps {
        return None;
    }
    let dt_s = report.valid_at.seconds_since(last.valid_at);
    let turned_rad = wrap_pi(report.heading?.rad() - last.heading?.rad()).abs();
    let allowed_rad = config.heading_error_rad + config.turn_rad_per_s * dt_s;
    (turned_rad > allowed_rad).then(|| Failure::new(Check::Turn, Grade::Doubt, turned_rad, allowed_rad))
}

const fn direction(config: &PlausibilityConfig, change: f64) -> (Check, f64) {
    if change >= 0.0 {
        (Check::Acceleration, config.acceleration_mps2)
    } else {
        (Check::Deceleration, config.deceleration_mps2)
    }
}

/// Beyond what is usual a notice, beyond what can be of the given grade.
fn graded(check: Check, said: f64, usual: f64, hard: f64, beyond: Grade) -> Option<Failure> {
    if said > hard {
        return Some(Failure::new(check, beyond, said, hard));
    }
    (said > usual).then(|| Failure::new(check, Grade::Notice, said, usual))
}

//! What a vehicle's own report does to the tracks.

use crate::FusionConfig;
use crate::bernoulli::{Bernoulli, BirthKey};
use crate::filter::{Fit, Gaussian, Imm, Row, Rows};
use crate::gate::{NEW_GATE_CHI2, TIED_GATE_CHI2};
use crate::lanes::LaneField;
use crate::population::Population;
use crate::sensor::MAX_SENSORS;
use crate::tracker::ReportFate;
use jxz_geo::Vector;
use jxz_units::Utc;
use jxz_world::{ClassBelief, RoadUserClass, VehicleReport};
use nalgebra::{Matrix4, Vector4};

/// Odds by which one report raises existence.
const REPORT_ODDS: f64 = 1000.0;
/// Existence of a track that a report alone starts: the second report confirms it.
const FIRST_EXISTENCE: f64 = 0.5;
/// Class weights of something that sends reports: on-board units are in vehicles, some of them electric bicycles.
const SENDER_CLASS: [f64; 3] = [0.85, 0.14, 0.01];
/// Probability that a sender is what it says it is.
const STATED_CLASS: f64 = 0.94;
/// Who states a length above this is no bicycle, metres; a measured length needs more (`bernoulli.rs`).
const CYCLE_M: f64 = 2.9;
/// A tie is let go when this long without a report, seconds.
const TIE_S: f64 = 1.0;

impl Population {
    /// Fuses one vehicle report, valid at or after `now`: position and velocity with their stated accuracy.
    pub(crate) fn fuse_report(
        &mut self,
        report: &VehicleReport,
        lanes: &LaneField,
        config: &FusionConfig,
    ) -> ReportFate {
        if !is_usable(report) {
            return ReportFate::Unusable;
        }
        self.advance(report.valid_at, lanes, config);
        if config.bounds.is_some_and(|b| !b.contains(report.position)) {
            return ReportFate::OutsideBounds;
        }
        let tied = self.tracks.iter().position(|t| t.vehicle == Some(report.vehicle));
        let independence = tied.map_or(1.0, |k| independence(&self.tracks[k], report.valid_at, config));
        let measure = |state: &Gaussian| rows(report, state, independence, config);
        let fits = |t: &Bernoulli| -> Fit {
            let mut state = *t.imm.combined();
            let measured = measure(&state);
            state.update(&measured)
        };
        let kept = tied.filter(|k| fits(&self.tracks[*k]).chi2 <= TIED_GATE_CHI2);
        if let (Some(wrong), None) = (tied, kept) {
            self.tracks[wrong].vehicle = None;
        }
        let found = kept.or_else(|| {
            let free = |t: &Bernoulli| {
                t.vehicle.is_none() || t.heard.v2x.is_none_or(|h| report.valid_at.seconds_since(h) > TIE_S)
            };
            let sender = ClassBelief::from_weights(sender_class(report));
            let likeness = |t: &Bernoulli| sender.mean(t.class.probabilities());
            let candidates = self.tracks.iter().enumerate().filter(|(_, t)| free(t));
            let scored = candidates.map(|(k, t)| (k, fits(t), likeness(t)));
            let inside = scored.filter(|(_, fit, _)| fit.chi2 <= NEW_GATE_CHI2);
            let score = |fit: &Fit, likeness: f64| fit.log_density() + libm::log(likeness.max(1e-9));
            inside.max_by(|a, b| score(&a.1, a.2).total_cmp(&score(&b.1, b.2))).map(|(k, _, _)| k)
        });
        match found {
            Some(k) => {
                let track = &mut self.tracks[k];
                track.imm.update(measure);
                let r = track.existence;
                track.existence = (r * REPORT_ODDS / (1.0 - r + r * REPORT_ODDS)).min(1.0 - 1e-6);
                note(track, report, config);
                ReportFate::Updated
            }
            None if self.tracks.len() >= config.max_tracks => ReportFate::OverLimit,
            None => {
                let mut track = started(report, config);
                note(&mut track, report, config);
                self.tracks.push(track);
                ReportFate::Started
            }
        }
    }
}

/// Class weights of a sender.
fn sender_class(report: &VehicleReport) -> [f64; 3] {
    let told = |stated| {
        let others = (1.0 - STATED_CLASS) / 2.0;
        RoadUserClass::ALL.map(|class| if class == stated { STATED_CLASS } else { others })
    };
    // Who states no class, but a length that no bicycle has, has stated it.
    let long = report.extent_m.is_some_and(|(length_m, _)| length_m > CYCLE_M);
    match report.class {
        Some(stated) => told(stated),
        None if long => told(RoadUserClass::Motor),
        None => SENDER_CLASS,
    }
}

fn is_usable(report: &VehicleReport) -> bool {
    report.position.coords.iter().all(|v| v.is_finite())
        && report.position_sigma_m.is_none_or(|s| s.is_finite() && s > 0.0)
        && report.speed_mps.is_none_or(|s| s.is_finite() && s.abs() <= 150.0)
        && report.heading.is_none_or(|h| h.rad().is_finite())
        && report.extent_m.is_none_or(|(l, w)| l.is_finite() && w.is_finite() && l > 0.0 && w > 0.0)
}

/// How many reports share one independent position error: satellite positions err slowly, so that ten reports a
/// second are not ten times the knowledge.
fn independence(track: &Bernoulli, at: Utc, config: &FusionConfig) -> f64 {
    let Some(last) = track.heard.v2x else { return 1.0 };
    (config.report_correlation_s / at.seconds_since(last).max(0.02)).max(1.0)
}

fn velocity_of(report: &VehicleReport) -> Option<Vector> {
    let (speed, yaw) = (report.speed_mps?, report.heading?.to_yaw().rad());
    Some(Vector::new(libm::cos(yaw), libm::sin(yaw)) * speed)
}

fn sigmas(report: &VehicleReport, config: &FusionConfig) -> (f64, f64) {
    let position = report.position_sigma_m.unwrap_or(config.report_position_sigma_m).max(0.05);
    let sideways = report.speed_mps.unwrap_or(0.0).abs() * config.report_heading_sigma_rad;
    (position, libm::hypot(config.report_speed_sigma_mps, sideways))
}

pub(crate) fn rows(report: &VehicleReport, state: &Gaussian, repeats: f64, config: &FusionConfig) -> Rows {
    let (position_sigma, velocity_sigma) = sigmas(report, config);
    let mut rows = Rows::default();
    for axis in 0..2 {
        let mut gradient = Vector4::zeros();
        gradient[axis] = 1.0;
        let residual = report.position[axis] - state.mean[axis];
        rows.push(Row { gradient, residual, variance: position_sigma.powi(2) * repeats });
    }
    if let Some(velocity) = velocity_of(report) {
        for axis in 0..2 {
            let mut gradient = Vector4::zeros();
            gradient[axis + 2] = 1.0;
            let residual = velocity[axis] - state.mean[axis + 2];
            rows.push(Row { gradient, residual, variance: velocity_sigma.powi(2) });
        }
    }
    rows
}

fn note(track: &mut Bernoulli, report: &VehicleReport, config: &FusionConfig) {
    // Said ten times a second, it is still said by one: it counts when the tie is made.
    if (report.class.is_some() || report.extent_m.is_some()) && track.vehicle != Some(report.vehicle) {
        track.class = track.class.updated(sender_class(report));
    }
    track.vehicle = Some(report.vehicle);
    track.heard.v2x = Some(report.valid_at);
    track.measured_at = report.valid_at;
    track.hits = track.hits.saturating_add(1);
    track.confirmed |= track.existence >= config.confirm_existence;
    if let Some(extent) = report.extent_m {
        track.absorb_extent(extent);
    }
    track.latch_heading();
}

fn started(report: &VehicleReport, config: &FusionConfig) -> Bernoulli {
    let (position_sigma, velocity_sigma) = sigmas(report, config);
    let speed = velocity_of(report);
    let speed_sigma = if speed.is_some() { velocity_sigma } else { config.motion[0].speed_sigma_mps };
    let velocity = speed.unwrap_or_default();
    let mean = Vector4::new(report.position.x, report.position.y, velocity.x, velocity.y);
    let (p, v) = (position_sigma.powi(2), speed_sigma.powi(2));
    let cov = Matrix4::from_diagonal(&Vector4::new(p, p, v, v));
    let item = u64::from_be_bytes(report.vehicle.0);
    let key = BirthKey { at: report.valid_at, source: MAX_SENSORS, item };
    // What it states counts when the tie is made, just after.
    let stated = report.class.is_some() || report.extent_m.is_some();
    let class = if stated { ClassBelief::UNIFORM } else { ClassBelief::from_weights(SENDER_CLASS) };
    Bernoulli::new(key, Imm::new(Gaussian { mean, cov }), FIRST_EXISTENCE, class, config)
}

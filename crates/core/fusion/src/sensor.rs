//! A sensor as a measurement model: what it would see of a state, where its detections lie, how often it errs.

use crate::filter::{Gaussian, Row, Rows};
use crate::{Bounds, FusionConfig, FusionError};
use jxz_geo::{Point, Vector};
use jxz_units::wrap_pi;
use jxz_world::{ClassBelief, Detection, RoadUserClass, SensorKind, SensorSpec};
use nalgebra::{Matrix2, Matrix4, Vector4};

/// Most sensors of one site: each track remembers its visibility to every one.
pub(crate) const MAX_SENSORS: usize = 16;
/// Below this range bearings mean nothing and Jacobians blow up, metres.
const MIN_RANGE_M: f64 = 0.5;
/// Farthest range believed of any detection, metres.
const MAX_RANGE_M: f64 = 5_000.0;

#[derive(Debug, Clone)]
pub(crate) struct SensorModel {
    pub(crate) spec: SensorSpec,
    pub(crate) index: usize,
    clutter_per_m2: f64,
}

impl SensorModel {
    pub(crate) fn new(spec: SensorSpec, index: usize, bounds: Option<Bounds>) -> Result<Self, FusionError> {
        check(&spec)?;
        let clutter_per_m2 = spec.clutter_per_scan.max(1e-2) / seen_area_m2(&spec, bounds);
        Ok(Self { spec, index, clutter_per_m2 })
    }

    /// Whether a detection can be used at all: finite, and of a possible range and azimuth.
    pub(crate) fn is_usable(detection: &Detection) -> bool {
        (0.0..=MAX_RANGE_M).contains(&detection.range_m)
            && detection.azimuth_rad.abs() <= core::f64::consts::TAU
            && detection.doppler_mps.is_none_or(|d| d.abs() <= 200.0)
            && detection.extent_m.is_none_or(|(l, w)| l.is_finite() && w.is_finite() && l > 0.0 && w > 0.0)
            && detection.score.is_finite()
    }

    /// Where a detection lies, local frame.
    pub(crate) fn locate(&self, detection: &Detection) -> Point {
        let yaw = self.spec.boresight.rad() + detection.azimuth_rad;
        self.spec.position + Vector::new(yaw.cos(), yaw.sin()) * detection.range_m
    }

    /// 1-sigma cross-range and range error at a range, whichever is larger, metres.
    pub(crate) fn worst_sigma_m(&self, point: Point) -> f64 {
        let range = (point - self.spec.position).norm();
        self.range_sigma_m(range).max(range * self.spec.azimuth_sigma_rad)
    }

    /// Linearises a detection about a state: range, azimuth, and Doppler if it has one.
    pub(crate) fn linearise(&self, state: &Gaussian, detection: &Detection) -> Rows {
        let d = state.position() - self.spec.position;
        let range = d.norm().max(MIN_RANGE_M);
        let along = d / range;
        let across = Vector::new(-along.y, along.x);
        let azimuth = d.y.atan2(d.x) - self.spec.boresight.rad();
        let mut rows = Rows::default();
        rows.push(Row {
            gradient: Vector4::new(along.x, along.y, 0.0, 0.0),
            residual: detection.range_m - range,
            variance: self.range_sigma_m(range).powi(2),
        });
        rows.push(Row {
            gradient: Vector4::new(across.x / range, across.y / range, 0.0, 0.0),
            residual: wrap_pi(detection.azimuth_rad - azimuth),
            variance: self.spec.azimuth_sigma_rad.powi(2),
        });
        if let (Some(doppler), Some(sigma)) = (detection.doppler_mps, self.spec.doppler_sigma_mps) {
            let velocity = state.velocity();
            let turn = across * (velocity.dot(&across) / range);
            rows.push(Row {
                gradient: Vector4::new(turn.x, turn.y, along.x, along.y),
                residual: doppler - velocity.dot(&along),
                variance: sigma * sigma,
            });
        }
        rows
    }

    /// Density of false detections at a detection, per scan, in the space of its own measurements
    /// (per metre and radian, and per metre per second with Doppler).
    pub(crate) fn clutter_density(&self, detection: &Detection, config: &FusionConfig) -> f64 {
        self.in_measurement_space(self.clutter_per_m2, detection, config)
    }

    /// Density of detections of road users not yet tracked, in the same space.
    pub(crate) fn birth_density(&self, detection: &Detection, config: &FusionConfig) -> f64 {
        let per_m2 = config.birth_per_m2 * self.spec.detection_probability;
        self.in_measurement_space(per_m2, detection, config)
    }

    fn in_measurement_space(&self, per_m2: f64, detection: &Detection, config: &FusionConfig) -> f64 {
        let polar = per_m2 * detection.range_m.max(MIN_RANGE_M);
        match (detection.doppler_mps, self.spec.doppler_sigma_mps) {
            (Some(doppler), Some(_)) => {
                let sigma = config.clutter_doppler_sigma_mps;
                // A floor as of a uniform density over ±50 m/s keeps fast movers from looking impossible.
                let bell = (-0.5 * (doppler / sigma).powi(2)).exp() / (sigma * core::f64::consts::TAU.sqrt());
                polar * bell.max(0.01)
            }
            _ => polar,
        }
    }

    /// Probability of detecting a road user in plain view at a point: zero outside the field of view.
    pub(crate) fn detection_probability(&self, point: Point) -> f64 {
        if self.spec.sees(point) { self.spec.detection_probability.clamp(0.01, 0.999) } else { 0.0 }
    }

    /// Likelihood of a class label under each class; `None` without a label.
    pub(crate) fn class_likelihood(&self, detection: &Detection) -> Option<[f64; 3]> {
        let label = detection.class?;
        let right = self.spec.class_accuracy?.clamp(1.0 / 3.0, 0.999);
        let wrong = (1.0 - right) / 2.0;
        Some(RoadUserClass::ALL.map(|class| if class == label { right } else { wrong }))
    }

    /// The state that one detection alone suggests: its place, its radial speed if known, else the class's prior.
    pub(crate) fn first_state(&self, detection: &Detection, class: ClassBelief, config: &FusionConfig) -> Gaussian {
        let position = self.locate(detection);
        let d = position - self.spec.position;
        let range = d.norm().max(MIN_RANGE_M);
        let along = Vector::new(d.x / range, d.y / range);
        let rotation = Matrix2::new(along.x, -along.y, along.y, along.x);
        let (radial, lateral) = (self.range_sigma_m(range), range * self.spec.azimuth_sigma_rad);
        let place = rotation * Matrix2::new(radial * radial, 0.0, 0.0, lateral * lateral) * rotation.transpose();
        let speed_variance: f64 =
            class.probabilities().iter().zip(config.motion).map(|(p, m)| p * m.speed_sigma_mps.powi(2)).sum();
        let mut cov = Matrix4::zeros();
        cov.fixed_view_mut::<2, 2>(0, 0).copy_from(&place);
        cov[(2, 2)] = speed_variance;
        cov[(3, 3)] = speed_variance;
        let mut state = Gaussian { mean: Vector4::new(position.x, position.y, 0.0, 0.0), cov };
        if let (Some(doppler), Some(sigma)) = (detection.doppler_mps, self.spec.doppler_sigma_mps) {
            let mut rows = Rows::default();
            let gradient = Vector4::new(0.0, 0.0, along.x, along.y);
            rows.push(Row { gradient, residual: doppler, variance: sigma * sigma });
            state.update(&rows);
        }
        state
    }

    pub(crate) fn is_radar(&self) -> bool {
        self.spec.kind == SensorKind::Radar
    }

    fn range_sigma_m(&self, range_m: f64) -> f64 {
        self.spec.range_sigma_at(range_m).max(1e-3)
    }
}

fn check(spec: &SensorSpec) -> Result<(), FusionError> {
    let bad = |what, value| Err(FusionError::SensorSpec { sensor: spec.id.clone(), what, value });
    let finite = [
        ("position east", spec.position.x),
        ("position north", spec.position.y),
        ("range error", spec.range_sigma_m),
        ("range error fraction", spec.range_sigma_fraction),
        ("clutter per scan", spec.clutter_per_scan),
    ];
    let positive = [
        ("azimuth error", spec.azimuth_sigma_rad),
        ("Doppler error", spec.doppler_sigma_mps.unwrap_or(1.0)),
        ("half field of view", spec.half_fov_rad),
        ("period", spec.period_s),
        ("range error", spec.range_sigma_m.max(spec.range_sigma_fraction)),
        ("range span", spec.range_m.1 - spec.range_m.0),
    ];
    if let Some((what, value)) = finite.into_iter().find(|(_, v)| !v.is_finite()) {
        return bad(what, value);
    }
    if let Some((what, value)) = positive.into_iter().find(|(_, v)| !(v.is_finite() && *v > 0.0)) {
        return bad(what, value);
    }
    for (what, p) in
        [("detection probability", spec.detection_probability), ("class accuracy", spec.class_accuracy.unwrap_or(1.0))]
    {
        if !(p > 0.0 && p <= 1.0) {
            return bad(what, p);
        }
    }
    Ok(())
}

/// Area that a sensor sees of the tracked area, m², counted on a grid; its whole field of view if they do not meet.
fn seen_area_m2(spec: &SensorSpec, bounds: Option<Bounds>) -> f64 {
    const CELLS: u32 = 64;
    let whole = spec.half_fov_rad.min(core::f64::consts::PI) * (spec.range_m.1.powi(2) - spec.range_m.0.powi(2));
    let Some(bounds) = bounds else { return whole };
    let (min, max) = bounds.corners();
    let step = (max - min) / f64::from(CELLS);
    let mut seen = 0_u32;
    for i in 0..CELLS {
        for j in 0..CELLS {
            let point = min + Vector::new(step.x * (f64::from(i) + 0.5), step.y * (f64::from(j) + 0.5));
            seen += u32::from(bounds.contains(point) && spec.sees(point));
        }
    }
    if seen == 0 { whole } else { f64::from(seen) * step.x * step.y }
}

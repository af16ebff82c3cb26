//! A sensor as a measurement model: what it would see of a state, where its detections lie, how often it errs.

use crate::calibration::Bias;
use crate::filter::{Gaussian, Row, Rows};
use crate::occlusion::HiddenModel;
use crate::score::ScoreModel;
use crate::{Bounds, FusionConfig, FusionError};
use jxz_geo::{Point, Vector};
use jxz_units::{Utc, Yaw, wrap_pi};
use jxz_world::{ClassBelief, Detection, RoadUserClass, SensorKind, SensorSpec};
use nalgebra::{Matrix2, Matrix4, Vector4};

/// Most sensors of one site: each track remembers its visibility to every one.
pub(crate) const MAX_SENSORS: usize = 16;
/// Below this range bearings mean nothing and Jacobians blow up, metres.
const MIN_RANGE_M: f64 = 0.5;
/// Farthest range believed of any detection, metres.
const MAX_RANGE_M: f64 = 5_000.0;

/// How far from the side that is seen points lie, 1-sigma, as a share of half the width.
const ACROSS_SHARE: f64 = 0.5;
/// Points this far beyond an end of a long vehicle, by their error or its, still say nothing of where it is along itself,
/// metres.
const END_M: f64 = 0.3;

/// A bus or lorry as a radar sees it: one point, anywhere along the side that faces the radar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LongBody {
    pub(crate) forward: Vector,
    pub(crate) half_length_m: f64,
    pub(crate) half_width_m: f64,
}

impl LongBody {
    /// From its middle to the side that is seen from `viewer`, relative to the middle; nothing from right before or behind.
    fn side_facing(&self, viewer: Vector) -> Vector {
        let left = Vector::new(-self.forward.y, self.forward.x);
        let aside_m = viewer.dot(&left);
        if aside_m.abs() > self.half_width_m { left * (self.half_width_m * aside_m.signum()) } else { Vector::zeros() }
    }

    /// 1-sigma of a point along it, metres.
    pub(crate) fn sigma_m(&self) -> f64 {
        self.half_length_m / 3.0_f64.sqrt()
    }
}

/// The side of a long vehicle that a radar sees.
#[derive(Debug, Clone, Copy)]
struct Side {
    /// Its middle as seen from the radar, metres.
    middle: Vector,
    forward: Vector,
    half_length_m: f64,
    velocity: Vector,
    /// Variances of range and azimuth of a point that is known.
    variances: [f64; 2],
}

impl Side {
    /// The point of it that is nearest to a place, and whether the place is abeam of it.
    fn nearest(&self, place: Vector) -> (Vector, bool) {
        let along_m = (place - self.middle).dot(&self.forward);
        let reach_m = self.half_length_m + END_M;
        (self.middle + self.forward * along_m.clamp(-reach_m, reach_m), along_m.abs() < reach_m)
    }

    /// Turns rows about the middle into rows about the point nearest to a place. Abeam, that point stays where it is when the
    /// vehicle moves along itself.
    fn linearise(&self, place: Vector, rows: &mut Rows) {
        let (point, is_abeam) = self.nearest(place);
        let range_m = point.norm().max(MIN_RANGE_M);
        let towards = point / range_m;
        let across = Vector::new(-towards.y, towards.x) / range_m;
        let by_place = [towards, across, across * self.velocity.dot(&across) * range_m];
        for (row, by_place) in rows.as_mut_slice().iter_mut().zip(by_place) {
            let along = if is_abeam { self.forward * by_place.dot(&self.forward) } else { Vector::zeros() };
            row.gradient[0] = by_place.x - along.x;
            row.gradient[1] = by_place.y - along.y;
        }
        if let Some(doppler) = rows.as_mut_slice().get_mut(2) {
            (doppler.gradient[2], doppler.gradient[3]) = (towards.x, towards.y);
        }
        if is_abeam {
            for (row, variance) in rows.as_mut_slice().iter_mut().zip(self.variances) {
                row.variance = variance;
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct SensorModel {
    pub(crate) spec: SensorSpec,
    pub(crate) index: usize,
    clutter_per_m2: f64,
    position: Point,
    boresight: Yaw,
    clock_s: f64,
    /// 1-sigma of what calibration leaves open.
    doubt: Bias,
    pub(crate) scores: ScoreModel,
    pub(crate) hidden: HiddenModel,
}

/// The edge of a field of view is soft over this width, as a share of its half, and of the range limits, metres.
const SOFT_FOV_RAD: f64 = 0.02;
const SOFT_RANGE_M: f64 = 2.0;
/// Calibration this uncertain makes doubles, radians.
const IN_DOUBT_RAD: f64 = 1e-3;

impl SensorModel {
    pub(crate) fn new(spec: SensorSpec, index: usize, config: &FusionConfig) -> Result<Self, FusionError> {
        check(&spec)?;
        let clutter_per_m2 = spec.clutter_per_scan.max(1e-2) / seen_area_m2(&spec, config.bounds);
        let (position, boresight) = (spec.position, spec.boresight);
        let (doubt, scores, hidden) = (Bias::default(), ScoreModel::default(), HiddenModel::new(config));
        Ok(Self { spec, index, clutter_per_m2, position, boresight, clock_s: 0.0, doubt, scores, hidden })
    }

    /// Takes a calibration into account: its biases, and by how much (1-sigma) they may still be wrong.
    pub(crate) fn correct(&mut self, bias: Bias, doubt: Bias) {
        self.position = self.spec.position - Vector::new(bias.position_m[0], bias.position_m[1]);
        self.boresight = Yaw::from_rad(self.spec.boresight.rad() - bias.yaw_rad);
        self.clock_s = bias.clock_s;
        self.doubt = doubt;
    }

    /// Whether it may still disagree with the others by more than its own errors at any distance.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.doubt.yaw_rad > IN_DOUBT_RAD
    }

    /// When a scan stamped `stamp` was really taken.
    pub(crate) fn taken_at(&self, stamp: Utc) -> Utc {
        stamp.plus_seconds(-self.clock_s)
    }

    /// Where it stands, calibration considered.
    pub(crate) fn position(&self) -> Point {
        self.position
    }

    /// Whether a detection can be used at all: finite, and of a possible range and azimuth.
    pub(crate) fn is_usable(detection: &Detection) -> bool {
        (0.0..=MAX_RANGE_M).contains(&detection.range_m)
            && detection.azimuth_rad.abs() <= core::f64::consts::TAU
            && detection.doppler_mps.is_none_or(|d| d.abs() <= 200.0)
            && detection.extent_m.is_none_or(|(l, w)| l.is_finite() && w.is_finite() && l > 0.0 && w > 0.0)
            && detection.score.is_finite()
    }

    /// The unit vector from the sensor towards a detection, local frame.
    pub(crate) fn direction(&self, detection: &Detection) -> Vector {
        let (sin, cos) = libm::sincos(self.boresight.rad() + detection.azimuth_rad);
        Vector::new(cos, sin)
    }

    /// Where a detection lies, local frame.
    pub(crate) fn locate(&self, detection: &Detection, direction: Vector) -> Point {
        self.position + direction * detection.range_m
    }

    /// Variance of the cross-range or range error at a point, whichever is larger, m².
    pub(crate) fn worst_variance_m2(&self, point: Point) -> f64 {
        let squared = (point - self.position).norm_squared();
        let doubt_m = self.doubt.position_m[0].max(self.doubt.position_m[1]);
        let lateral = squared * (self.spec.azimuth_sigma_rad.powi(2) + self.doubt.yaw_rad.powi(2));
        self.range_sigma_m(squared.sqrt()).powi(2).max(lateral) + doubt_m * doubt_m
    }

    /// What the sensor would measure of a state, to first order; of a long vehicle a radar sees the side that faces it,
    /// and which point of that nobody knows before.
    #[inline]
    pub(crate) fn sight(&self, state: &Gaussian, long: Option<LongBody>) -> Sight {
        let long = long.filter(|_| self.is_radar());
        let middle = state.position() - self.position;
        let d = middle + long.map_or_else(Vector::zeros, |body| body.side_facing(-middle));
        let range_m = d.norm().max(MIN_RANGE_M);
        let towards = d / range_m;
        let across = Vector::new(-towards.y, towards.x);
        let velocity = state.velocity();
        let place = self.doubt.position_m[0].max(self.doubt.position_m[1]).powi(2);
        let late = self.doubt.clock_s.powi(2);
        let (radial_mps, lateral) = (velocity.dot(&towards), velocity.dot(&across));
        let mut rows = Rows::default();
        rows.push(Row {
            gradient: Vector4::new(towards.x, towards.y, 0.0, 0.0),
            residual: 0.0,
            variance: self.range_sigma_m(range_m).powi(2) + place + late * radial_mps * radial_mps,
        });
        rows.push(Row {
            gradient: Vector4::new(across.x / range_m, across.y / range_m, 0.0, 0.0),
            residual: 0.0,
            variance: self.spec.azimuth_sigma_rad.powi(2)
                + self.doubt.yaw_rad.powi(2)
                + (place + late * lateral * lateral) / (range_m * range_m),
        });
        let side = long.map(|body| {
            let forward = Vector4::new(body.forward.x, body.forward.y, 0.0, 0.0);
            let left = Vector4::new(-body.forward.y, body.forward.x, 0.0, 0.0);
            let mut variances = [0.0; 2];
            for (row, known) in rows.as_mut_slice().iter_mut().zip(&mut variances) {
                // Wheels, mirrors and the floor send back as well as the side does.
                row.variance += (row.gradient.dot(&left) * ACROSS_SHARE * body.half_width_m).powi(2);
                *known = row.variance;
                row.variance += (row.gradient.dot(&forward) * body.sigma_m()).powi(2);
            }
            Side { middle: d, forward: body.forward, half_length_m: body.half_length_m, velocity, variances }
        });
        if let Some(sigma) = self.spec.doppler_sigma_mps {
            let turn = across * (lateral / range_m);
            rows.push(Row {
                gradient: Vector4::new(turn.x, turn.y, towards.x, towards.y),
                residual: 0.0,
                variance: sigma * sigma,
            });
        }
        Sight { range_m, towards, radial_mps, side, rows }
    }

    /// Density of false detections at a detection, per scan, in the space of its own measurements
    /// (per metre and radian, and per metre per second with Doppler).
    pub(crate) fn clutter_density(&self, detection: &Detection, config: &FusionConfig) -> f64 {
        self.in_measurement_space(self.clutter_per_m2, detection, config)
    }

    /// Density of detections of road users not yet tracked, in the same space, where there are `undetected_per_m2`.
    pub(crate) fn birth_density(&self, detection: &Detection, undetected_per_m2: f64, config: &FusionConfig) -> f64 {
        self.in_measurement_space(undetected_per_m2 * self.spec.detection_probability, detection, config)
    }

    fn in_measurement_space(&self, per_m2: f64, detection: &Detection, config: &FusionConfig) -> f64 {
        let polar = per_m2 * detection.range_m.max(MIN_RANGE_M);
        match (detection.doppler_mps, self.spec.doppler_sigma_mps) {
            (Some(doppler), Some(_)) => {
                let sigma = config.clutter_doppler_sigma_mps;
                // A floor as of a uniform density over ±50 m/s keeps fast movers from looking impossible.
                let bell = libm::exp(-0.5 * (doppler / sigma).powi(2)) / (sigma * core::f64::consts::TAU.sqrt());
                polar * bell.max(0.01)
            }
            _ => polar,
        }
    }

    /// Probability of detecting a road user in plain view, in the direction `azimuth_rad` (local frame, anticlockwise
    /// from east) at a distance in metres: zero outside the field of view, and less near its edges.
    pub(crate) fn detection_probability(&self, azimuth_rad: f64, range: f64) -> f64 {
        let (near, far) = self.spec.range_m;
        let mut view = ((range - near) / SOFT_RANGE_M + 0.5).min((far - range) / SOFT_RANGE_M + 0.5);
        if near <= 0.0 {
            view = (far - range) / SOFT_RANGE_M + 0.5;
        }
        if self.spec.half_fov_rad < core::f64::consts::PI {
            let off = wrap_pi(azimuth_rad - self.boresight.rad()).abs();
            view = view.min((self.spec.half_fov_rad - off) / SOFT_FOV_RAD + 0.5);
        }
        if view <= 0.0 { 0.0 } else { (self.spec.detection_probability * view.min(1.0)).clamp(0.01, 0.999) }
    }

    /// Detection probability of a road user that is hidden with a probability, from its probability in plain view.
    pub(crate) fn blended_pd(&self, plain_pd: f64, hidden: f64) -> f64 {
        plain_pd * (1.0 - hidden) + plain_pd.min(self.hidden.detection_probability()) * hidden
    }

    /// Likelihood of a class label under each class; `None` without a label.
    pub(crate) fn class_likelihood(&self, detection: &Detection) -> Option<[f64; 3]> {
        let label = detection.class?;
        let right = self.spec.class_accuracy?.clamp(1.0 / 3.0, 0.999);
        let wrong = (1.0 - right) / 2.0;
        Some(RoadUserClass::ALL.map(|class| if class == label { right } else { wrong }))
    }

    /// The state that one detection alone suggests: its place, its radial speed if known, and for the rest what others
    /// had who began there, else the class's prior.
    pub(crate) fn first_state(
        &self,
        detection: &Detection,
        class: ClassBelief,
        custom: Option<(Vector, f64)>,
        config: &FusionConfig,
    ) -> Gaussian {
        let position = self.locate(detection, self.direction(detection));
        let d = position - self.position;
        let range = d.norm().max(MIN_RANGE_M);
        let along = Vector::new(d.x / range, d.y / range);
        let rotation = Matrix2::new(along.x, -along.y, along.y, along.x);
        let (radial, lateral) =
            (self.range_sigma_m(range), range * libm::hypot(self.spec.azimuth_sigma_rad, self.doubt.yaw_rad));
        let place = rotation * Matrix2::new(radial * radial, 0.0, 0.0, lateral * lateral) * rotation.transpose();
        let speed_variance = class.mean(config.motion.map(|m| m.speed_sigma_mps.powi(2)));
        let (velocity, speed_variance) = custom.map_or((Vector::zeros(), speed_variance), |(v, s)| (v, s * s));
        let mut cov = Matrix4::zeros();
        cov.fixed_view_mut::<2, 2>(0, 0).copy_from(&place);
        cov[(2, 2)] = speed_variance;
        cov[(3, 3)] = speed_variance;
        let mut state = Gaussian { mean: Vector4::new(position.x, position.y, velocity.x, velocity.y), cov };
        if let (Some(doppler), Some(sigma)) = (detection.doppler_mps, self.spec.doppler_sigma_mps) {
            let mut rows = Rows::default();
            let gradient = Vector4::new(0.0, 0.0, along.x, along.y);
            rows.push(Row { gradient, residual: doppler - velocity.dot(&along), variance: sigma * sigma });
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

/// What a sensor would measure of a state, to first order: range, azimuth, and Doppler if it has that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    range_m: f64,
    /// Unit vector from the sensor.
    towards: Vector,
    radial_mps: f64,
    side: Option<Side>,
    /// Their residuals are zero.
    pub(crate) rows: Rows,
}

impl Sight {
    /// By what a detection differs from what was to be seen, row by row; two if it has no Doppler. `direction` is the
    /// unit vector from the sensor towards the detection ([`SensorModel::direction`]).
    #[inline]
    pub(crate) fn residuals(&self, detection: &Detection, direction: Vector) -> ([f64; 3], usize) {
        let (range_m, towards, radial_mps) = match self.side {
            Some(side) => {
                let (point, _) = side.nearest(direction * detection.range_m);
                let range_m = point.norm().max(MIN_RANGE_M);
                (range_m, point / range_m, side.velocity.dot(&point) / range_m)
            }
            None => (self.range_m, self.towards, self.radial_mps),
        };
        let doppler = detection.doppler_mps.map(|measured| measured - radial_mps);
        let count = if doppler.is_some() { self.rows.as_slice().len() } else { 2 };
        let place = (detection.range_m - range_m, angle_between(towards, direction));
        ([place.0, place.1, doppler.unwrap_or(0.0)], count)
    }

    /// The rows of a detection. A point abeam of a long vehicle says how far aside that is, and nothing of where it is
    /// along itself: radars see the same end of it scan after scan, and the mean of such points is not its middle.
    #[inline]
    pub(crate) fn of(mut self, detection: &Detection, direction: Vector) -> Rows {
        let (residuals, count) = self.residuals(detection, direction);
        if let Some(side) = self.side {
            side.linearise(direction * detection.range_m, &mut self.rows);
        }
        self.rows.shorten(count);
        for (row, residual) in self.rows.as_mut_slice().iter_mut().zip(residuals) {
            row.residual = residual;
        }
        self.rows
    }
}

/// The angle from one unit vector to another, radians, anticlockwise.
fn angle_between(from: Vector, to: Vector) -> f64 {
    let (sin, cos) = (from.x * to.y - from.y * to.x, from.dot(&to));
    if cos > 0.95 {
        // The arc sine's series: wrong by less than 1e-6 rad here, where the gate lies.
        let square = sin * sin;
        sin * (1.0 + square * (1.0 / 6.0 + square * (3.0 / 40.0 + square * (15.0 / 336.0))))
    } else {
        libm::atan2(sin, cos)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_of_a_long_vehicle_faces_the_radar() {
        let bus = LongBody { forward: Vector::x(), half_length_m: 6.0, half_width_m: 1.25 };
        assert_eq!(bus.side_facing(Vector::new(-40.0, 8.0)), Vector::new(0.0, 1.25));
        assert_eq!(bus.side_facing(Vector::new(25.0, -3.0)), Vector::new(0.0, -1.25));
        // From right behind, no side is seen.
        assert_eq!(bus.side_facing(Vector::new(-40.0, 0.5)), Vector::zeros());
    }

    /// A bus of 12 m that drives to the east at 10 m/s, 40 m before a radar and 10 m aside.
    fn bus_before_radar() -> (SensorModel, Gaussian, LongBody) {
        let spec = SensorSpec {
            id: jxz_world::SensorId("r".into()),
            kind: SensorKind::Radar,
            position: Point::origin(),
            height_m: 5.0,
            boresight: Yaw::from_rad(0.0),
            half_fov_rad: 3.2,
            range_m: (0.0, 200.0),
            range_sigma_m: 0.3,
            range_sigma_fraction: 0.0,
            azimuth_sigma_rad: 0.01,
            doppler_sigma_mps: Some(0.1),
            detection_probability: 0.9,
            clutter_per_scan: 5.0,
            class_accuracy: None,
            period_s: 0.05,
        };
        let model = SensorModel::new(spec, 0, &FusionConfig::default()).unwrap();
        let state = Gaussian { mean: Vector4::new(40.0, 10.0, 10.0, 0.0), cov: Matrix4::from_diagonal_element(1.0) };
        (model, state, LongBody { forward: Vector::x(), half_length_m: 6.0, half_width_m: 1.25 })
    }

    fn echo_at(place: Vector, velocity: Vector) -> Detection {
        let range_m = place.norm();
        Detection {
            range_m,
            azimuth_rad: libm::atan2(place.y, place.x),
            doppler_mps: Some(velocity.dot(&place) / range_m),
            class: None,
            score: 0.9,
            extent_m: None,
        }
    }

    #[test]
    fn the_same_end_of_a_bus_seen_again_and_again_does_not_draw_its_middle_there() {
        let (model, mut state, bus) = bus_before_radar();
        let front = echo_at(Vector::new(45.8, 8.95), Vector::new(10.0, 0.0));
        for _ in 0..200 {
            let rows = model.sight(&state, Some(bus)).of(&front, model.direction(&front));
            state.update(&rows);
        }
        assert!((state.mean[0] - 40.0).abs() < 0.2, "{}", state.mean);
        assert!((state.mean[1] - 10.0).abs() < 0.2, "how far aside it is, is seen: {}", state.mean);
        assert!(state.cov[(0, 0)] > 0.5, "and nothing is known of its middle: {}", state.cov);
    }

    #[test]
    fn a_point_beyond_the_end_of_a_bus_draws_it_there() {
        let (model, state, bus) = bus_before_radar();
        let mut after = state;
        let beyond = echo_at(Vector::new(49.0, 8.75), Vector::new(10.0, 0.0));
        after.update(&model.sight(&state, Some(bus)).of(&beyond, model.direction(&beyond)));
        assert!(after.mean[0] > state.mean[0] + 0.2, "{}", after.mean);
    }
}

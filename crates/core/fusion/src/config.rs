//! What can be tuned, with defaults fit for an urban intersection.

use crate::FusionError;
use jxz_geo::Point;

/// The area in which road users are tracked, local frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// All points between two corners.
    Rectangle {
        /// South-west corner.
        min: Point,
        /// North-east corner.
        max: Point,
    },
    /// All points near a centre.
    Disc {
        /// The centre.
        centre: Point,
        /// Distance from it, metres.
        radius_m: f64,
    },
}

impl Bounds {
    /// How far a point lies outside, metres; zero inside.
    #[must_use]
    pub fn distance_outside_m(&self, point: Point) -> f64 {
        match *self {
            Self::Rectangle { min, max } => {
                let dx = (min.x - point.x).max(point.x - max.x).max(0.0);
                let dy = (min.y - point.y).max(point.y - max.y).max(0.0);
                // Beside a side, and within: no corner is the nearest.
                if dx == 0.0 || dy == 0.0 { dx + dy } else { libm::hypot(dx, dy) }
            }
            Self::Disc { centre, radius_m } => ((point - centre).norm() - radius_m).max(0.0),
        }
    }

    /// Whether a point lies inside or on the edge.
    #[must_use]
    pub fn contains(&self, point: Point) -> bool {
        self.distance_outside_m(point) <= 0.0
    }

    /// South-west and north-east corners of the smallest rectangle around it.
    #[must_use]
    pub fn corners(&self) -> (Point, Point) {
        match *self {
            Self::Rectangle { min, max } => (min, max),
            Self::Disc { centre, radius_m } => {
                let reach = jxz_geo::Vector::new(radius_m, radius_m);
                (centre - reach, centre + reach)
            }
        }
    }

    fn is_usable(&self) -> bool {
        let (min, max) = self.corners();
        [min.x, min.y, max.x, max.y].iter().all(|v| v.is_finite()) && min.x < max.x && min.y < max.y
    }
}

/// How detections are given to tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FusionMode {
    /// Poisson multi-Bernoulli: by marginal probabilities, existence considered.
    #[default]
    Pmb,
    /// Global nearest neighbour: by the one best assignment.
    Gnn,
}

/// How a class of road user moves: white-noise acceleration densities of the models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// When keeping course and speed, m²/s³.
    pub steady_m2ps3: f64,
    /// Across the course, when turning, m²/s³.
    pub turn_m2ps3: f64,
    /// Along the course, when braking or setting off, m²/s³.
    pub speed_change_m2ps3: f64,
    /// Prior 1-sigma speed in each direction when first seen, metres per second.
    pub speed_sigma_mps: f64,
}

/// How far surveys and clocks may be off, 1-sigma: where self-calibration starts, and what it holds on to where the
/// traffic cannot tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Survey {
    /// Yaw of a sensor, radians.
    pub yaw_sigma_rad: f64,
    /// Position of a sensor in each direction, metres.
    pub position_sigma_m: f64,
    /// Stamps of a radar, seconds: it stamps in its own hardware.
    pub radar_clock_sigma_s: f64,
    /// Stamps of a camera, seconds: exposure, encoding and detection lie between the light and the stamp.
    pub camera_clock_sigma_s: f64,
}

/// Parameters of a [`crate::Tracker`].
#[derive(Debug, Clone, PartialEq)]
pub struct FusionConfig {
    /// How detections are given to tracks.
    pub mode: FusionMode,
    /// Whether sensors are calibrated by the traffic, and those that contradict the others left out.
    pub calibrate: bool,
    /// Where calibration starts.
    pub survey: Survey,
    /// Area to track; `None` is wherever any sensor sees.
    pub bounds: Option<Bounds>,
    /// Motion of motor vehicles, non-motor vehicles and pedestrians, in that order.
    pub motion: [Motion; 3],
    /// Changes per second from keeping course and speed to a manoeuvre, and back.
    pub switch_per_s: (f64, f64),
    /// Squared Mahalanobis distance beyond which a detection is not a track's.
    pub gate_chi2: f64,
    /// Undetected road users per square metre where none are known to come from, as seen by one scan: sets what a new
    /// track is worth at first.
    pub birth_per_m2: f64,
    /// 1-sigma Doppler of false detections, metres per second.
    pub clutter_doppler_sigma_mps: f64,
    /// Detection probability of a road user that is hidden from a sensor, as far as the sensor's own record does not say
    /// otherwise.
    pub hidden_detection_probability: f64,
    /// Times per second that a road user gets hidden from one sensor, and comes into its view again.
    pub hide_show_per_s: (f64, f64),
    /// Chance per second that a road user of each class ceases to be without leaving the area (parks, enters a house).
    pub death_per_s: [f64; 3],
    /// The same within 0.2 s of the edge of the area, heading out.
    pub leave_per_s: f64,
    /// Least existence with which a tentative track is started.
    pub start_existence: f64,
    /// Existence at which a tentative track is confirmed.
    pub confirm_existence: f64,
    /// Existence below which a confirmed track is not reported (it is kept, and reported again if found).
    pub report_existence: f64,
    /// Existence below which a track is deleted.
    pub delete_existence: f64,
    /// A confirmed track is not reported longer than this after its last measurement, seconds.
    pub coast_s: f64,
    /// A confirmed track that stood when last seen is kept and reported this long whatever its existence, seconds.
    pub standing_hold_s: f64,
    /// Scans up to this late are used, seconds.
    pub late_limit_s: f64,
    /// 1-sigma position error of a vehicle report that states none, metres.
    pub report_position_sigma_m: f64,
    /// 1-sigma speed error of a vehicle report, metres per second.
    pub report_speed_sigma_mps: f64,
    /// 1-sigma heading error of a vehicle report, radians.
    pub report_heading_sigma_rad: f64,
    /// How long the position error of one vehicle's reports persists, seconds (satellite positions err slowly).
    pub report_correlation_s: f64,
    /// Most tracks kept, tentative ones included.
    pub max_tracks: usize,
    /// Most detections used of one scan.
    pub max_detections: usize,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self {
            mode: FusionMode::Pmb,
            calibrate: true,
            survey: Survey {
                yaw_sigma_rad: 0.01,
                position_sigma_m: 0.2,
                radar_clock_sigma_s: 0.001,
                camera_clock_sigma_s: 0.015,
            },
            bounds: None,
            motion: [
                Motion { steady_m2ps3: 0.3, turn_m2ps3: 8.0, speed_change_m2ps3: 8.0, speed_sigma_mps: 8.0 },
                Motion { steady_m2ps3: 0.1, turn_m2ps3: 1.0, speed_change_m2ps3: 1.0, speed_sigma_mps: 4.5 },
                Motion { steady_m2ps3: 0.04, turn_m2ps3: 0.5, speed_change_m2ps3: 0.5, speed_sigma_mps: 1.5 },
            ],
            switch_per_s: (1.0, 2.0),
            gate_chi2: 16.0,
            birth_per_m2: 5e-6,
            clutter_doppler_sigma_mps: 6.0,
            hidden_detection_probability: 0.1,
            hide_show_per_s: (0.03, 1.0),
            death_per_s: [0.01, 0.01, 0.04],
            leave_per_s: 6.0,
            start_existence: 1e-3,
            confirm_existence: 0.8,
            report_existence: 0.5,
            delete_existence: 1e-3,
            coast_s: 3.0,
            standing_hold_s: 2.0,
            late_limit_s: 0.2,
            report_position_sigma_m: 2.0,
            report_speed_sigma_mps: 0.4,
            report_heading_sigma_rad: 0.05,
            report_correlation_s: 5.0,
            max_tracks: 1000,
            max_detections: 1000,
        }
    }
}

impl FusionConfig {
    /// Checks every value's range.
    ///
    /// # Errors
    /// [`FusionError::Config`] names the first value out of range.
    pub fn validate(&self) -> Result<(), FusionError> {
        let positive = [
            ("gate_chi2", self.gate_chi2),
            ("birth_per_m2", self.birth_per_m2),
            ("clutter_doppler_sigma_mps", self.clutter_doppler_sigma_mps),
            ("coast_s", self.coast_s),
            ("survey.yaw_sigma_rad", self.survey.yaw_sigma_rad),
            ("survey.position_sigma_m", self.survey.position_sigma_m),
            ("survey.radar_clock_sigma_s", self.survey.radar_clock_sigma_s),
            ("survey.camera_clock_sigma_s", self.survey.camera_clock_sigma_s),
            ("report_position_sigma_m", self.report_position_sigma_m),
            ("report_speed_sigma_mps", self.report_speed_sigma_mps),
            ("report_heading_sigma_rad", self.report_heading_sigma_rad),
        ];
        let not_negative = [
            ("switch_per_s.0", self.switch_per_s.0),
            ("switch_per_s.1", self.switch_per_s.1),
            ("hide_show_per_s.0", self.hide_show_per_s.0),
            ("hide_show_per_s.1", self.hide_show_per_s.1),
            ("death_per_s", self.death_per_s[0]),
            ("death_per_s", self.death_per_s[1]),
            ("death_per_s", self.death_per_s[2]),
            ("leave_per_s", self.leave_per_s),
            ("standing_hold_s", self.standing_hold_s),
            ("late_limit_s", self.late_limit_s),
            ("report_correlation_s", self.report_correlation_s),
        ];
        let probability = [
            ("hidden_detection_probability", self.hidden_detection_probability),
            ("start_existence", self.start_existence),
            ("confirm_existence", self.confirm_existence),
            ("report_existence", self.report_existence),
            ("delete_existence", self.delete_existence),
        ];
        let motion = self.motion.iter().flat_map(|m| {
            [
                ("motion.steady_m2ps3", m.steady_m2ps3),
                ("motion.turn_m2ps3", m.turn_m2ps3),
                ("motion.speed_change_m2ps3", m.speed_change_m2ps3),
                ("motion.speed_sigma_mps", m.speed_sigma_mps),
            ]
        });
        let bad = positive
            .into_iter()
            .chain(motion)
            .find(|(_, v)| !(v.is_finite() && *v > 0.0))
            .or_else(|| not_negative.into_iter().find(|(_, v)| !(v.is_finite() && *v >= 0.0)))
            .or_else(|| probability.into_iter().find(|(_, v)| !(*v > 0.0 && *v < 1.0)));
        match bad {
            Some((what, value)) => Err(FusionError::Config { what, value }),
            None if self.bounds.is_some_and(|b| !b.is_usable()) => {
                Err(FusionError::Config { what: "bounds (empty or not finite), area", value: 0.0 })
            }
            None => Ok(()),
        }
    }
}

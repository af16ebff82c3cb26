//! Cameras and radars: how they are mounted, how good they are, and what they say.

use crate::RoadUserClass;
use jxz_geo::Point;
use jxz_units::{Utc, Yaw};
use serde::{Deserialize, Serialize};

/// A sensor's name, unique on its site (`radar-ne`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SensorId(pub String);

impl core::fmt::Display for SensorId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a sensor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SensorKind {
    /// Range, azimuth and Doppler; no class.
    Radar,
    /// Bearing and ground-plane range, with a class; no Doppler.
    Camera,
}

/// A sensor as surveyed: pose, field of view and accuracy, all 1-sigma.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorSpec {
    /// Its name on the site.
    pub id: SensorId,
    /// What it measures.
    pub kind: SensorKind,
    /// Where it stands, local frame.
    pub position: Point,
    /// Height above the road, metres.
    pub height_m: f64,
    /// The yaw of its boresight: azimuth 0.
    pub boresight: Yaw,
    /// Half of its horizontal field of view, radians (π sees all around).
    pub half_fov_rad: f64,
    /// Nearest and farthest range it reports, metres.
    pub range_m: (f64, f64),
    /// Range error independent of range, metres.
    pub range_sigma_m: f64,
    /// Range error as a fraction of range; the larger of the two counts.
    pub range_sigma_fraction: f64,
    /// Azimuth error, radians.
    pub azimuth_sigma_rad: f64,
    /// Doppler error, metres per second; `None` if it measures none.
    pub doppler_sigma_mps: Option<f64>,
    /// Probability of detecting a road user in plain view.
    pub detection_probability: f64,
    /// Mean number of false detections a scan over the field of view.
    pub clutter_per_scan: f64,
    /// Probability that its class label is right; `None` if it gives none.
    pub class_accuracy: Option<f64>,
    /// Time between scans, seconds.
    pub period_s: f64,
}

impl SensorSpec {
    /// 1-sigma range error at a range, metres.
    #[must_use]
    pub fn range_sigma_at(&self, range_m: f64) -> f64 {
        self.range_sigma_m.max(self.range_sigma_fraction * range_m)
    }

    /// Whether a point lies inside the range limits and the horizontal field of view.
    #[must_use]
    pub fn sees(&self, point: Point) -> bool {
        let d = point - self.position;
        let range = d.norm();
        range >= self.range_m.0
            && range <= self.range_m.1
            && jxz_units::wrap_pi(libm::atan2(d.y, d.x) - self.boresight.rad()).abs() <= self.half_fov_rad
    }
}

/// One detection, in its sensor's polar coordinates on the ground plane.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Ground range from the sensor, metres.
    pub range_m: f64,
    /// Azimuth from the boresight, radians anticlockwise.
    pub azimuth_rad: f64,
    /// Range rate, metres per second; positive when the range grows.
    pub doppler_mps: Option<f64>,
    /// The sensor's class label.
    pub class: Option<RoadUserClass>,
    /// The sensor's own confidence, 0 to 1.
    pub score: f64,
    /// Length and width, metres, where the sensor measures them.
    pub extent_m: Option<(f64, f64)>,
}

/// All that one sensor saw at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// Which sensor.
    pub sensor: SensorId,
    /// Counts up by one a scan, wraps at 2³².
    pub sequence: u32,
    /// When the light or the echo was received.
    pub valid_at: Utc,
    /// What it saw.
    pub detections: Vec<Detection>,
}

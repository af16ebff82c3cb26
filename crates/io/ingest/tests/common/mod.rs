//! A radar of a site.

use jxz_geo::Point;
use jxz_units::Yaw;
use jxz_world::{SensorId, SensorKind, SensorSpec};

pub(crate) fn radar(id: &str) -> SensorSpec {
    SensorSpec {
        id: SensorId(id.to_owned()),
        kind: SensorKind::Radar,
        position: Point::new(0.0, 0.0),
        height_m: 6.0,
        boresight: Yaw::from_rad(0.0),
        half_fov_rad: 1.0,
        range_m: (2.0, 180.0),
        range_sigma_m: 0.35,
        range_sigma_fraction: 0.0,
        azimuth_sigma_rad: 0.012,
        doppler_sigma_mps: Some(0.12),
        detection_probability: 0.9,
        clutter_per_scan: 3.0,
        class_accuracy: None,
        period_s: 0.1,
    }
}

//! Physical numbers to wire integers and back: checked, never clamped unless the set defines the end code so.

use crate::asn::{
    Heading as WireHeading, HeadingConfidence, Speed, SpeedConfidence, VehicleLength, VehicleSize, VehicleWidth,
};
use crate::asn::{PositionConfidence, PositionConfidenceSet};
use crate::error::EncodeError;
use jxz_units::Heading;

/// 95 % of a circular normal error lies within this many standard deviations of one axis: √(−2 ln 0.05).
const SIGMAS_RADIAL_95: f64 = 2.447_746_830_680_816;
/// 95 % of a normal error lies within this many standard deviations.
const SIGMAS_95: f64 = 1.959_963_984_540_054;

const SPEED_STEP_MPS: f64 = 0.02;
const HEADING_STEP_DEG: f64 = 0.0125;
const SPEED_UNAVAILABLE: u16 = 8191;
/// A full turn in steps, and the code for "unavailable".
const FULL_TURN: u16 = 28_800;
/// No heading.
pub(crate) const HEADING_UNAVAILABLE: WireHeading = WireHeading(FULL_TURN);
/// No size.
pub(crate) const SIZE_UNAVAILABLE: VehicleSize =
    VehicleSize { width: VehicleWidth(0), length: VehicleLength(0), height: None };

/// `value` in units of `step`, rounded, if it lies within `low..=high` of them.
pub(crate) fn steps(field: &'static str, value: f64, step: f64, low: i64, high: i64) -> Result<i64, EncodeError> {
    let rounded = (value / step).round();
    // The comparison is false for NaN too.
    if rounded >= low as f64 && rounded <= high as f64 {
        Ok(rounded as i64)
    } else {
        Err(EncodeError::Value { field, value, low: low as f64 * step, high: high as f64 * step })
    }
}

/// A finite number, or the error that names it.
pub(crate) fn finite(field: &'static str, value: f64) -> Result<f64, EncodeError> {
    if value.is_finite() { Ok(value) } else { Err(EncodeError::Value { field, value, low: f64::MIN, high: f64::MAX }) }
}

/// A speed; `None` is said as unavailable.
pub(crate) fn speed_to_wire(field: &'static str, speed_mps: Option<f64>) -> Result<Speed, EncodeError> {
    let Some(speed_mps) = speed_mps else { return Ok(Speed(SPEED_UNAVAILABLE)) };
    Ok(Speed(steps(field, speed_mps, SPEED_STEP_MPS, 0, i64::from(SPEED_UNAVAILABLE) - 1)? as u16))
}

/// A speed, metres per second.
pub(crate) fn speed_from_wire(speed: Speed) -> Option<f64> {
    (speed.0 != SPEED_UNAVAILABLE).then(|| f64::from(speed.0) / 50.0)
}

/// A heading; `None` is said as unavailable.
pub(crate) fn heading_to_wire(heading: Option<Heading>) -> Result<WireHeading, EncodeError> {
    let Some(heading) = heading else { return Ok(HEADING_UNAVAILABLE) };
    let turns = steps("heading_deg", heading.deg(), HEADING_STEP_DEG, 0, i64::from(FULL_TURN))? as u16;
    // 359.995° rounds to north, not to "unavailable".
    Ok(WireHeading(turns % FULL_TURN))
}

/// A heading.
pub(crate) fn heading_from_wire(heading: WireHeading) -> Option<Heading> {
    (heading != HEADING_UNAVAILABLE).then(|| Heading::from_deg(f64::from(heading.0) / 80.0))
}

/// Length and width in metres; `None` is said as 0, the set's "unavailable".
pub(crate) fn size_to_wire(extent_m: Option<(f64, f64)>) -> Result<VehicleSize, EncodeError> {
    let Some((length_m, width_m)) = extent_m else { return Ok(SIZE_UNAVAILABLE) };
    Ok(VehicleSize {
        width: VehicleWidth(steps("width_m", width_m, 0.01, 1, 1023)? as u16),
        length: VehicleLength(steps("length_m", length_m, 0.01, 1, 4095)? as u16),
        height: None,
    })
}

/// Length and width, metres, if both are said.
pub(crate) fn size_from_wire(size: &VehicleSize) -> Option<(f64, f64)> {
    let known = size.length.0 > 0 && size.width.0 > 0;
    known.then(|| (f64::from(size.length.0) / 100.0, f64::from(size.width.0) / 100.0))
}

/// 95 % bounds of the horizontal position, metres, coarse to fine.
const POSITION_BOUNDS_M: [(f64, PositionConfidence); 15] = [
    (500.0, PositionConfidence::A500m),
    (200.0, PositionConfidence::A200m),
    (100.0, PositionConfidence::A100m),
    (50.0, PositionConfidence::A50m),
    (20.0, PositionConfidence::A20m),
    (10.0, PositionConfidence::A10m),
    (5.0, PositionConfidence::A5m),
    (2.0, PositionConfidence::A2m),
    (1.0, PositionConfidence::A1m),
    (0.5, PositionConfidence::A50cm),
    (0.2, PositionConfidence::A20cm),
    (0.1, PositionConfidence::A10cm),
    (0.05, PositionConfidence::A5cm),
    (0.02, PositionConfidence::A2cm),
    (0.01, PositionConfidence::A1cm),
];

/// 95 % bounds of the speed, metres per second, coarse to fine.
const SPEED_BOUNDS_MPS: [(f64, SpeedConfidence); 7] = [
    (100.0, SpeedConfidence::Prec100ms),
    (10.0, SpeedConfidence::Prec10ms),
    (5.0, SpeedConfidence::Prec5ms),
    (1.0, SpeedConfidence::Prec1ms),
    (0.1, SpeedConfidence::Prec0_1ms),
    (0.05, SpeedConfidence::Prec0_05ms),
    (0.01, SpeedConfidence::Prec0_01ms),
];

/// 95 % bounds of the heading, degrees, coarse to fine.
const HEADING_BOUNDS_DEG: [(f64, HeadingConfidence); 7] = [
    (10.0, HeadingConfidence::Prec10deg),
    (5.0, HeadingConfidence::Prec05deg),
    (1.0, HeadingConfidence::Prec01deg),
    (0.1, HeadingConfidence::Prec0_1deg),
    (0.05, HeadingConfidence::Prec0_05deg),
    (0.01, HeadingConfidence::Prec0_01deg),
    (0.0125, HeadingConfidence::Prec0_0125deg),
];

/// The finest code whose bound still holds; `None` if even the coarsest does not.
fn finest<C: Copy>(bounds: &[(f64, C)], bound: f64) -> Option<C> {
    bounds.iter().filter(|(limit, _)| *limit >= bound).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, code)| *code)
}

/// The bound of a code; `None` for "unavailable".
fn bound_of<C: PartialEq>(bounds: &[(f64, C)], code: &C) -> Option<f64> {
    bounds.iter().find(|(_, known)| known == code).map(|(limit, _)| *limit)
}

/// How well a position is known, from its 1-sigma error.
pub(crate) fn position_confidence(sigma_m: Option<f64>) -> Result<PositionConfidenceSet, EncodeError> {
    let pos = match sigma_m {
        Some(sigma_m) => {
            let sigma_m = steps("position_sigma_m", sigma_m, 1e-6, 0, i64::MAX >> 11)? as f64 * 1e-6;
            finest(&POSITION_BOUNDS_M, sigma_m * SIGMAS_RADIAL_95).unwrap_or(PositionConfidence::Unavailable)
        }
        None => PositionConfidence::Unavailable,
    };
    Ok(PositionConfidenceSet { pos, elevation: None })
}

/// The 1-sigma error of a position, metres; rounded up, since the set says bounds.
pub(crate) fn position_sigma(confidence: &PositionConfidenceSet) -> Option<f64> {
    bound_of(&POSITION_BOUNDS_M, &confidence.pos).map(|bound| bound / SIGMAS_RADIAL_95)
}

/// How well a speed is known, from its 1-sigma error.
pub(crate) fn speed_confidence(sigma_mps: f64) -> Option<SpeedConfidence> {
    finest(&SPEED_BOUNDS_MPS, sigma_mps * SIGMAS_95)
}

/// How well a heading is known, from its 1-sigma error.
pub(crate) fn heading_confidence(sigma_rad: f64) -> Option<HeadingConfidence> {
    finest(&HEADING_BOUNDS_DEG, sigma_rad.to_degrees() * SIGMAS_95)
}

/// The 1-sigma error of a speed, metres per second; rounded up.
pub(crate) fn speed_sigma(confidence: SpeedConfidence) -> Option<f64> {
    bound_of(&SPEED_BOUNDS_MPS, &confidence).map(|bound| bound / SIGMAS_95)
}

/// The 1-sigma error of a heading, radians; rounded up.
pub(crate) fn heading_sigma(confidence: HeadingConfidence) -> Option<f64> {
    bound_of(&HEADING_BOUNDS_DEG, &confidence).map(|bound| (bound / SIGMAS_95).to_radians())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_bounds_are_never_finer_than_the_truth() {
        // σ = 0.3 m: 95 % within 0.734 m, so 1 m is the finest bound that holds.
        assert_eq!(position_confidence(Some(0.3)).unwrap().pos, PositionConfidence::A1m);
        assert_eq!(position_confidence(Some(0.0)).unwrap().pos, PositionConfidence::A1cm);
        assert_eq!(position_confidence(Some(1000.0)).unwrap().pos, PositionConfidence::Unavailable);
        assert!(position_confidence(Some(f64::NAN)).is_err());
        assert_eq!(speed_confidence(0.3), Some(SpeedConfidence::Prec1ms));
        assert_eq!(heading_confidence(1.0_f64.to_radians()), Some(HeadingConfidence::Prec05deg));
        assert_eq!(heading_confidence(1.0), None);
        assert!(speed_sigma(SpeedConfidence::Prec1ms).unwrap() > 0.3);
    }

    #[test]
    fn ends_of_the_scales_are_told_from_unavailable() {
        assert_eq!(speed_to_wire("speed_mps", Some(163.8)).unwrap(), Speed(8190));
        assert!(speed_to_wire("speed_mps", Some(163.82)).is_err());
        assert!(speed_to_wire("speed_mps", Some(-0.1)).is_err());
        assert_eq!(speed_from_wire(Speed(8191)), None);
        assert_eq!(heading_to_wire(Some(Heading::from_deg(359.999))).unwrap(), WireHeading(0));
        assert_eq!(heading_from_wire(WireHeading(28_800)), None);
        assert!(size_to_wire(Some((50.0, 2.0))).is_err());
    }
}

//! How well a position is known, as an ellipse.

use crate::asn::{PositionalAccuracy, SemiMajorAxisAccuracy, SemiMajorAxisOrientation, SemiMinorAxisAccuracy};
use crate::error::EncodeError;
use crate::scale;
use jxz_units::Heading;

const AXIS_STEP_M: f64 = 0.05;
const AXIS_LARGEST: u8 = 254;
const AXIS_UNAVAILABLE: u8 = 255;
/// A full turn in steps of the orientation, less the code for "unavailable".
const TURN_STEPS: f64 = 65_535.0;
const ORIENTATION_UNAVAILABLE: u16 = 65_535;

/// A 1-sigma ellipse of a position's error. The set's largest axis, 12.7 m, stands for that or more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ellipse {
    /// The long half axis, metres.
    pub major_m: f64,
    /// The short half axis, metres.
    pub minor_m: f64,
    /// Which way the long axis lies; `None` when not told (or when it does not matter).
    pub orientation: Option<Heading>,
}

impl Ellipse {
    /// The same error every way, metres.
    #[must_use]
    pub fn circle(sigma_m: f64) -> Self {
        Self { major_m: sigma_m, minor_m: sigma_m, orientation: Some(Heading::from_deg(0.0)) }
    }

    /// Root mean square of the axes, metres.
    #[must_use]
    pub fn sigma_m(self) -> f64 {
        libm::hypot(self.major_m, self.minor_m) / core::f64::consts::SQRT_2
    }

    pub(crate) fn to_wire(self) -> Result<PositionalAccuracy, EncodeError> {
        let axis = |value: f64| {
            let steps = scale::steps("position_sigma_m", value, AXIS_STEP_M, 0, i64::MAX >> 11)?;
            Ok::<u8, EncodeError>(steps.min(i64::from(AXIS_LARGEST)) as u8)
        };
        let orientation = match self.orientation {
            Some(heading) => {
                let steps = scale::steps("ellipse_deg", heading.deg(), 360.0 / TURN_STEPS, 0, TURN_STEPS as i64)?;
                steps as u16 % ORIENTATION_UNAVAILABLE
            }
            None => ORIENTATION_UNAVAILABLE,
        };
        Ok(PositionalAccuracy {
            semi_major: SemiMajorAxisAccuracy(axis(self.major_m)?),
            semi_minor: SemiMinorAxisAccuracy(axis(self.minor_m)?),
            orientation: SemiMajorAxisOrientation(orientation),
        })
    }

    /// `None` unless both axes are told.
    pub(crate) fn from_wire(accuracy: &PositionalAccuracy) -> Option<Self> {
        let (major, minor) = (accuracy.semi_major.0, accuracy.semi_minor.0);
        let orientation = accuracy.orientation.0;
        (major != AXIS_UNAVAILABLE && minor != AXIS_UNAVAILABLE).then(|| Self {
            major_m: f64::from(major) * AXIS_STEP_M,
            minor_m: f64::from(minor) * AXIS_STEP_M,
            orientation: (orientation != ORIENTATION_UNAVAILABLE)
                .then(|| Heading::from_deg(f64::from(orientation) * 360.0 / TURN_STEPS)),
        })
    }

    /// Nothing told.
    pub(crate) const UNAVAILABLE: PositionalAccuracy = PositionalAccuracy {
        semi_major: SemiMajorAxisAccuracy(AXIS_UNAVAILABLE),
        semi_minor: SemiMinorAxisAccuracy(AXIS_UNAVAILABLE),
        orientation: SemiMajorAxisOrientation(ORIENTATION_UNAVAILABLE),
    };
}

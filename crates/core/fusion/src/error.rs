//! Why fusion refuses something.

use jxz_world::SensorId;

/// What a tracker cannot work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FusionError {
    /// A scan names a sensor that the site does not have.
    #[error("scan from sensor {0}, which is not a sensor of this site")]
    UnknownSensor(SensorId),
    /// Two sensors of one site share a name.
    #[error("two sensors are named {0}")]
    DuplicateSensor(SensorId),
    /// More sensors than a track can remember.
    #[error("{given} sensors given, at most {limit} can be fused")]
    TooManySensors {
        /// Sensors given.
        given: usize,
        /// Sensors allowed.
        limit: usize,
    },
    /// A sensor's description cannot be used as a measurement model.
    #[error("sensor {sensor}: {what} is {value}")]
    SensorSpec {
        /// Which sensor.
        sensor: SensorId,
        /// Which property.
        what: &'static str,
        /// What it was.
        value: f64,
    },
    /// A configuration value is out of its range.
    #[error("fusion configuration: {what} is {value}")]
    Config {
        /// Which value.
        what: &'static str,
        /// What it was.
        value: f64,
    },
}

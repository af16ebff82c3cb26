//! What a node runs, and how well it serves.

use crate::{Application, SensorId};
use serde::{Deserialize, Serialize};

/// A configuration as a node runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConfigVersion {
    /// Counts up with every change the cloud makes for the site.
    pub revision: u64,
    /// The first eight octets of the document's SHA-256: two documents of one revision do not pass for each other.
    pub digest: u64,
}

/// What a node runs, by its own word.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Running {
    /// The cloud's configuration that it has taken on; `None`: it runs by its own file alone.
    pub config: Option<ConfigVersion>,
    /// The applications that are switched on.
    pub applications: Vec<Application>,
}

/// How well a node serves, by its own judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// All that it is there for.
    Full,
    /// Less, and in what way; at least one.
    Degraded(Vec<Shortfall>),
}

impl Service {
    /// Whether it is all that it should be.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }

    /// In what way it falls short; nothing when it is full.
    #[must_use]
    pub fn shortfalls(&self) -> &[Shortfall] {
        match self {
            Self::Full => &[],
            Self::Degraded(shortfalls) => shortfalls,
        }
    }
}

/// One way in which a node falls short.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shortfall {
    /// A sensor delivers nothing.
    SensorSilent(SensorId),
    /// Fusion takes too long over its scans.
    FusionSlow,
    /// A good part of the scans is dropped.
    ScansDropped,
    /// The wall clock was set: road users are tracked anew, and vehicles were told nothing for two seconds.
    ClockSet,
    /// Nobody disciplines the wall clock, or it may be wrong by more than the node was told to put up with.
    ClockUnsure,
    /// Another, of which this version knows no more than its name.
    Other(String),
}

impl Shortfall {
    /// Its name in reports and metrics, `snake_case`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::SensorSilent(_) => "sensor_silent",
            Self::FusionSlow => "fusion_slow",
            Self::ScansDropped => "scans_dropped",
            Self::ClockSet => "clock_set",
            Self::ClockUnsure => "clock_unsure",
            Self::Other(name) => name,
        }
    }

    /// What it is about: a sensor's id; empty when it is about the node itself.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::SensorSilent(sensor) => &sensor.0,
            Self::FusionSlow | Self::ScansDropped | Self::ClockSet | Self::ClockUnsure | Self::Other(_) => "",
        }
    }

    /// The shortfall of this name and subject; one of a name not known here is [`Shortfall::Other`].
    #[must_use]
    pub fn from_parts(name: &str, subject: &str) -> Self {
        match name {
            "sensor_silent" => Self::SensorSilent(SensorId(subject.to_owned())),
            "fusion_slow" => Self::FusionSlow,
            "scans_dropped" => Self::ScansDropped,
            "clock_set" => Self::ClockSet,
            "clock_unsure" => Self::ClockUnsure,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl core::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.subject() {
            "" => f.write_str(self.name()),
            subject => write!(f, "{} ({subject})", self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortfall_comes_back_from_its_name_and_subject() {
        let known = [
            Shortfall::SensorSilent(SensorId("radar-1".into())),
            Shortfall::FusionSlow,
            Shortfall::ScansDropped,
            Shortfall::ClockSet,
            Shortfall::ClockUnsure,
        ];
        for shortfall in known.into_iter().chain([Shortfall::Other("clock_lost".into())]) {
            assert_eq!(Shortfall::from_parts(shortfall.name(), shortfall.subject()), shortfall);
        }
    }
}

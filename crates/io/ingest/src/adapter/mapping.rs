//! Where in a vendor's JSON the parts of a scan are, in which units and with which signs.

use jxz_wire::MAX_NAME_BYTES;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Where the parts of a scan are. Pointers are JSON pointers (RFC 6901): `/a/b/0`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Which sensor.
    pub sensor: Sensor,
    /// When what was seen was so.
    pub time: Time,
    /// The frame's number, if there is one that counts up by one; else it is made of the time, in milliseconds.
    #[serde(default)]
    pub sequence: Option<Pointer>,
    /// The list of objects; the pointers below start at one of them.
    pub objects: Pointer,
    /// Where an object is, as seen from the sensor.
    pub position: Position,
    /// How fast, if that is measured.
    #[serde(default)]
    pub speed: Option<Speed>,
    /// What it is, if that is said.
    #[serde(default)]
    pub class: Option<Class>,
    /// The sensor's confidence; without it 1.
    #[serde(default)]
    pub score: Option<Quantity<Share>>,
    /// Its length and width, if measured.
    #[serde(default)]
    pub size: Option<Size>,
}

/// Why a text is no mapping.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// Not TOML, an unknown key, or a value that does not belong; the message has the line.
    #[error("{0}")]
    Text(#[from] Box<toml::de::Error>),
    /// Values that are each right and do not go together.
    #[error("{0}")]
    Contradiction(String),
}

impl Mapping {
    /// Reads a mapping file's text.
    ///
    /// # Errors
    /// [`MappingError`], with the line where there is one.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let mapping: Self = toml::from_str(text).map_err(Box::new)?;
        let wrong = |what: &str| Err(MappingError::Contradiction(what.to_owned()));
        match &mapping.sensor {
            Sensor { name: Some(name), pointer: None, names } if names.is_empty() => {
                if name.is_empty() || name.len() > MAX_NAME_BYTES {
                    return wrong("sensor.name must have 1 to 64 bytes");
                }
            }
            Sensor { name: None, pointer: Some(_), .. } => {}
            _ => return wrong("sensor needs either a name, or a pointer (with names, if theirs are not ours)"),
        }
        if matches!((&mapping.speed, &mapping.position), (Some(Speed::Vector { .. }), Position::Polar { .. })) {
            return wrong("speed.x and speed.y need position.x and position.y: they are along the same axes");
        }
        Ok(mapping)
    }
}

/// A JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer(String);

impl Pointer {
    /// What it points to, if anything.
    #[must_use]
    pub fn of<'a>(&self, value: &'a serde_json::Value) -> Option<&'a serde_json::Value> {
        value.pointer(&self.0)
    }
}

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is no JSON pointer: it starts with / (/objects/0/range), or is empty for the whole"))
        }
    }
}

/// Which sensor a message is of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// Always this one, by its name in the map.
    #[serde(default)]
    pub name: Option<String>,
    /// Where the message says it, as text or a number.
    #[serde(default)]
    pub pointer: Option<Pointer>,
    /// The vendor's name for it, and ours. Who is not here keeps the vendor's.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

/// When what was seen was so.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Where it is, as a number since 1970-01-01T00:00:00Z.
    pub pointer: Pointer,
    /// What that counts.
    pub unit: TimeUnit,
    /// Added to it: below zero for a stamp that is made after the measurement.
    #[serde(default)]
    pub offset_ms: f64,
}

/// What a time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TimeUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
}

impl TimeUnit {
    /// Nanoseconds in one.
    #[must_use]
    pub const fn ns(self) -> i64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Milliseconds => 1_000_000,
            Self::Microseconds => 1_000,
            Self::Nanoseconds => 1,
        }
    }
}

/// A number with its unit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity<U> {
    /// Where it is.
    pub pointer: Pointer,
    /// What it counts.
    pub unit: U,
    /// Turns its sign.
    #[serde(default)]
    pub negate: bool,
}

/// Units of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// Metres.
    M,
    /// Centimetres.
    Cm,
    /// Millimetres.
    Mm,
}

/// Units of angle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Angle {
    /// Degrees.
    Deg,
    /// Radians.
    Rad,
}

/// Units of speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Pace {
    /// Metres per second.
    #[serde(rename = "m/s")]
    MetresPerSecond,
    /// Kilometres per hour.
    #[serde(rename = "km/h")]
    KilometresPerHour,
    /// Centimetres per second.
    #[serde(rename = "cm/s")]
    CentimetresPerSecond,
}

/// Units of confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Share {
    /// 0 to 1.
    Fraction,
    /// 0 to 100.
    Percent,
}

/// A unit, by what it is of ours: metres, radians, metres per second, 1.
pub(super) trait Unit: Copy {
    fn factor(self) -> f64;
}

impl Unit for Length {
    fn factor(self) -> f64 {
        match self {
            Self::M => 1.0,
            Self::Cm => 0.01,
            Self::Mm => 0.001,
        }
    }
}

impl Unit for Angle {
    fn factor(self) -> f64 {
        match self {
            Self::Deg => 1.0_f64.to_radians(),
            Self::Rad => 1.0,
        }
    }
}

impl Unit for Pace {
    fn factor(self) -> f64 {
        match self {
            Self::MetresPerSecond => 1.0,
            Self::KilometresPerHour => 1.0 / 3.6,
            Self::CentimetresPerSecond => 0.01,
        }
    }
}

impl Unit for Share {
    fn factor(self) -> f64 {
        match self {
            Self::Fraction => 1.0,
            Self::Percent => 0.01,
        }
    }
}

/// Where an object is, as seen from the sensor. Ours: azimuth 0 and x are along the boresight, azimuth grows
/// anticlockwise seen from above, y is to the left.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Position {
    /// Range and azimuth.
    Polar {
        /// Ground range from the sensor.
        range: Quantity<Length>,
        /// Azimuth. `negate = true` for one that grows clockwise.
        azimuth: Quantity<Angle>,
        /// Added to it, degrees anticlockwise: where the vendor's zero is, from our boresight.
        #[serde(default)]
        rotate_deg: f64,
    },
    /// Along two axes.
    Cartesian {
        /// One. `negate = true` for one that points the other way.
        x: Quantity<Length>,
        /// The other, a quarter turn anticlockwise from it.
        y: Quantity<Length>,
        /// Degrees anticlockwise from our boresight to the vendor's x axis: 90 for one that points to the left.
        #[serde(default)]
        rotate_deg: f64,
    },
}

/// How fast an object is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Speed {
    /// Away from the sensor. `negate = true` for one that is positive towards it.
    Radial {
        /// The rate at which its range grows.
        radial: Quantity<Pace>,
    },
    /// Along the same axes as its position; its part along the line of sight is taken.
    Vector {
        /// Along x.
        x: Quantity<Pace>,
        /// Along y.
        y: Quantity<Pace>,
    },
}

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Where it is said, as text or a number.
    pub pointer: Pointer,
    /// The vendor's word for it, and ours. What is not here counts as not said.
    pub names: BTreeMap<String, jxz_world::RoadUserClass>,
}

/// Length and width.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Along the direction of travel.
    pub length: Quantity<Length>,
    /// Across it.
    pub width: Quantity<Length>,
}

//! Where other programs put their maps on the earth: the transverse-Mercator part of the PROJ language.

use jxz_geo::{LocalFrame, Point, Wgs84};

/// A map projection as a PROJ string names it: transverse Mercator with any origin and scale, or a UTM zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection {
    frame: LocalFrame,
    scale: f64,
    false_m: (f64, f64),
}

/// Why a projection cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// Another projection than the two that are read.
    #[error("projection {0:?} is not read: only +proj=tmerc and +proj=utm are; convert the file to one of them")]
    Unknown(String),
    /// A parameter that makes no sense.
    #[error("parameter {parameter:?} of projection {projection:?} is missing or makes no sense")]
    Parameter {
        /// The whole string.
        projection: String,
        /// Which of its parameters.
        parameter: &'static str,
    },
}

impl Projection {
    /// Reads a PROJ string such as `+proj=tmerc +lat_0=32.03 +lon_0=118.7` or `+proj=utm +zone=50`. Datum and ellipsoid
    /// are taken to be WGS 84 whatever it says: GRS 80, the other one in use, differs from it by a tenth of a millimetre.
    ///
    /// # Errors
    /// Another projection, or a parameter missing or out of range.
    pub fn parse(text: &str) -> Result<Self, ProjectionError> {
        let shown: String = text.chars().take(200).collect();
        let bad = |parameter| ProjectionError::Parameter { projection: shown.clone(), parameter };
        let value = |name: &str| {
            let mut pairs = text.split_whitespace().filter_map(|word| word.strip_prefix('+')?.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim_end_matches(','))
        };
        let number = |name: &'static str, default: Option<f64>| match value(name) {
            Some(text) => text.parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(|| bad(name)),
            None => default.ok_or_else(|| bad(name)),
        };
        if value("units").is_some_and(|units| units != "m") {
            return Err(bad("units"));
        }
        let (lat_deg, lon_deg, scale, false_m) = match value("proj") {
            Some("tmerc") => {
                let scale = if value("k_0").is_some() { number("k_0", None)? } else { number("k", Some(1.0))? };
                let false_m = (number("x_0", Some(0.0))?, number("y_0", Some(0.0))?);
                (number("lat_0", Some(0.0))?, number("lon_0", Some(0.0))?, scale, false_m)
            }
            Some("utm") => {
                let zone = number("zone", None)?;
                if !(1.0..=60.0).contains(&zone) || zone.fract() != 0.0 {
                    return Err(bad("zone"));
                }
                let south = text.split_whitespace().any(|word| word == "+south");
                (0.0, zone * 6.0 - 183.0, 0.9996, (500_000.0, if south { 1e7 } else { 0.0 }))
            }
            _ => return Err(ProjectionError::Unknown(shown)),
        };
        if !(0.5..=2.0).contains(&scale) {
            return Err(bad("k"));
        }
        let frame = LocalFrame::new(Wgs84 { lat_deg, lon_deg }).map_err(|_| bad("lat_0"))?;
        Ok(Self { frame, scale, false_m })
    }

    /// The projection that a frame of ours is.
    #[must_use]
    pub fn of_frame(frame: LocalFrame) -> Self {
        Self { frame, scale: 1.0, false_m: (0.0, 0.0) }
    }

    /// Geodetic position of projected metres.
    #[must_use]
    pub fn to_wgs84(&self, projected: Point) -> Wgs84 {
        let (x, y) = (projected.x - self.false_m.0, projected.y - self.false_m.1);
        self.frame.to_wgs84(Point::new(x / self.scale, y / self.scale))
    }

    /// Whether projected metres are a frame's local metres as they stand.
    #[must_use]
    pub fn is(&self, frame: &LocalFrame) -> bool {
        *self == Self::of_frame(*frame)
    }

    /// The frame whose metres are this projection's as they stand, if there is one: scale 1 and nothing added.
    #[must_use]
    pub fn as_frame(&self) -> Option<LocalFrame> {
        (self.scale == 1.0 && self.false_m == (0.0, 0.0)).then_some(self.frame)
    }

    /// Projected metres of local ones.
    #[must_use]
    pub fn of_local(&self, local: Point, frame: &LocalFrame) -> Point {
        if self.is(frame) {
            return local;
        }
        let at = self.frame.to_local(frame.to_wgs84(local));
        Point::new(at.x * self.scale + self.false_m.0, at.y * self.scale + self.false_m.1)
    }

    /// Local metres of projected ones.
    #[must_use]
    pub fn to_local(&self, projected: Point, frame: &LocalFrame) -> Point {
        if self.is(frame) { projected } else { frame.to_local(self.to_wgs84(projected)) }
    }
}

/// The PROJ string of a frame of ours.
#[must_use]
pub fn proj_string(frame: &LocalFrame) -> String {
    let origin = frame.origin();
    format!(
        "+proj=tmerc +lat_0={} +lon_0={} +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs",
        origin.lat_deg, origin.lon_deg
    )
}

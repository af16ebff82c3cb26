//! Where a SUMO network lies.

use crate::projection::{Projection, ProjectionError};
use jxz_geo::{LocalFrame, Point};

/// The element stands within this many bytes from the beginning of any network that netconvert writes.
const WITHIN_BYTES: usize = 1 << 20;

/// Why a network's place is not known.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// There is no such element.
    #[error("element <location> is not in the first MiB: this is not a SUMO network (.net.xml)")]
    Missing,
    /// One of its attributes makes no sense.
    #[error("element <location>: {0:?} is missing or makes no sense")]
    Attribute(&'static str),
    /// Its projection cannot be used.
    #[error("element <location>, projParameter: {0}")]
    Projection(#[from] ProjectionError),
}

/// How a SUMO network's metres lie on the earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetLocation {
    offset_m: (f64, f64),
    /// `None`: the network has none, and its metres are taken to be the local frame's.
    projection: Option<Projection>,
}

impl NetLocation {
    /// Reads it from the text of a `.net.xml`; the first MiB is enough.
    ///
    /// # Errors
    /// No `<location>`, an attribute that is not two numbers, or a projection other than transverse Mercator.
    pub fn of_net(text: &str) -> Result<Self, LocationError> {
        let mut end = text.len().min(WITHIN_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text[..end];
        let start = text.find("<location").ok_or(LocationError::Missing)?;
        let length = text[start..].find('>').ok_or(LocationError::Missing)?;
        let element = format!("{}/>", text[start..start + length].trim_end_matches('/'));
        let document = roxmltree::Document::parse(&element).map_err(|_| LocationError::Missing)?;
        let attribute =
            |name: &'static str| document.root_element().attribute(name).ok_or(LocationError::Attribute(name));
        let offset = attribute("netOffset")?;
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| x.abs() < 1e8);
        let pair = offset.split_once(',').and_then(|(x, y)| Some((number(x)?, number(y)?)));
        let offset_m = pair.ok_or(LocationError::Attribute("netOffset"))?;
        let projection = match attribute("projParameter")?.trim() {
            "!" | "-" | "" => None,
            text => Some(Projection::parse(text)?),
        };
        Ok(Self { offset_m, projection })
    }

    /// Whether the network says where on the earth it lies; if not, its metres are taken as they are.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        self.projection.is_some()
    }

    /// The network's metres in a local frame.
    #[must_use]
    pub fn to_local(&self, x_m: f64, y_m: f64, frame: &LocalFrame) -> Point {
        let projected = Point::new(x_m - self.offset_m.0, y_m - self.offset_m.1);
        self.projection.map_or(projected, |projection| projection.to_local(projected, frame))
    }

    /// A local frame's metres in the network's: the inverse of [`Self::to_local`].
    #[must_use]
    pub fn of_local(&self, local: Point, frame: &LocalFrame) -> Point {
        let projected = self.projection.map_or(local, |projection| projection.of_local(local, frame));
        Point::new(projected.x + self.offset_m.0, projected.y + self.offset_m.1)
    }
}

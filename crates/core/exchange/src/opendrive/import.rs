//! An OpenDRIVE document as a map's folder.

use super::folder::{lanes_toml, map_toml};
use super::network::Network;
use super::recentre::recentred;
use crate::projection::{Projection, ProjectionError};
use jxz_geo::{LocalFrame, Point, Vector, Wgs84};

/// A document longer than this is refused, bytes.
const LONGEST: usize = 64 << 20;
/// So many notes are kept; the rest is counted.
const MOST_NOTES: usize = 200;

/// Why a document cannot be imported.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The document is longer than is read.
    #[error("the document has {bytes} bytes, at most {most} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The greatest allowed.
        most: usize,
    },
    /// It is not well-formed XML.
    #[error("the document is not well-formed XML: {0}")]
    Xml(String),
    /// An attribute that must be a number is none, or an impossible one.
    #[error("{element}: {attribute} is {value:?}, not a number of metres on the earth")]
    Number {
        /// Which element of which road.
        element: String,
        /// Which attribute.
        attribute: &'static str,
        /// What it says.
        value: String,
    },
    /// It is wider than a deployment.
    #[error("the document's roads are {width_m:.0} m apart, at most {most_m:.0} m are read: is a coordinate wrong?")]
    TooWide {
        /// Greatest extent, metres.
        width_m: f64,
        /// The greatest allowed, metres.
        most_m: f64,
    },
    /// No road of it can be used.
    #[error("the document has no lane that could be used: {0}")]
    Empty(&'static str),
    /// It cannot be read as OpenDRIVE.
    #[error("the document cannot be read as OpenDRIVE: {0}")]
    Unreadable(String),
    /// There is more of something than is read.
    #[error("the document has {count} {what}, at most {most} are read")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The greatest allowed.
        most: usize,
    },
    /// Its projection cannot be used.
    #[error("<geoReference>: {0}")]
    Projection(#[from] ProjectionError),
}

/// A map's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of `map.toml`.
    pub map_toml: String,
    /// The text of `lanes.toml`.
    pub lanes_toml: String,
    /// What was left out or taken otherwise than written, one a line.
    pub notes: Vec<String>,
}

/// Where a document's metres lie in the map's frame.
pub(super) struct Place {
    pub(super) frame: LocalFrame,
    projection: Option<Projection>,
    /// Added after the turn.
    offset_m: Vector,
    turn: (f64, f64),
}

impl Place {
    /// Local metres of the document's.
    pub(super) fn to_local(&self, p: Point) -> Point {
        let projected = self.projected(p);
        self.projection.map_or(projected, |projection| projection.to_local(projected, &self.frame))
    }

    /// The header's offset: first the turn, then the shift (OpenDRIVE 1.7, 7.3).
    fn projected(&self, p: Point) -> Point {
        let (cos, sin) = self.turn;
        Point::new(cos * p.x - sin * p.y + self.offset_m.x, sin * p.x + cos * p.y + self.offset_m.y)
    }

    fn of(geo: &xodr::GeoReference, middle: Point, notes: &mut Notes) -> Result<Self, ImportError> {
        let offset = geo.offset.unwrap_or_default();
        let projection = geo.proj.as_deref().map(Projection::parse).transpose()?;
        let nowhere = LocalFrame::new(Wgs84 { lat_deg: 0.0, lon_deg: 0.0 }).ok();
        let frame = nowhere.ok_or(ImportError::Empty("no frame"))?;
        let turn = (libm::cos(offset.hdg), libm::sin(offset.hdg));
        let mut place = Self { frame, projection, offset_m: Vector::new(offset.x, offset.y), turn };
        if !offset.x.is_finite() || !offset.y.is_finite() || !offset.hdg.is_finite() {
            return Err(ImportError::Unreadable("<offset> is not finite".into()));
        }
        match projection {
            None => notes.add("it does not say where on the earth it lies: put at latitude 0, longitude 0".into()),
            // Metres that are a frame's as they stand stay as they are.
            Some(projection) if projection.as_frame().is_some_and(|_| place.projected(middle).coords.norm() < 5e4) => {
                place.frame = projection.as_frame().unwrap_or(place.frame);
            }
            Some(projection) => {
                let at = projection.to_wgs84(place.projected(middle));
                let round = |deg: f64| (deg * 1e4).round() / 1e4;
                let origin = Wgs84 { lat_deg: round(at.lat_deg), lon_deg: round(at.lon_deg) };
                let frame = LocalFrame::new(origin);
                place.frame = frame.map_err(|error| ImportError::Unreadable(format!("its place: {error}")))?;
            }
        }
        Ok(place)
    }
}

/// What is said of an import, bounded.
#[derive(Default)]
pub(super) struct Notes {
    lines: Vec<String>,
    more: usize,
}

impl Notes {
    pub(super) fn add(&mut self, line: String) {
        if self.lines.len() < MOST_NOTES { self.lines.push(line) } else { self.more += 1 }
    }

    fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.lines.push(format!("and {} more of the like", self.more));
        }
        self.lines
    }
}

/// A map's folder of an OpenDRIVE document, named `name`.
///
/// Taken: roads and lanes that are driven, ridden or walked on, with the header's place and offset applied; ways
/// through junctions; speed limits; signals, with a plan that serves one approach after the other, since OpenDRIVE has
/// no times; crossings, over which vehicles yield. Everything else is left out, heights among it. What could not be
/// taken is in the notes.
///
/// # Errors
/// The document is too long, not XML, has an impossible coordinate, no usable lane, or another projection than
/// transverse Mercator.
pub fn import(text: &str, name: &str) -> Result<Imported, ImportError> {
    if text.len() > LONGEST {
        return Err(ImportError::TooLong { bytes: text.len(), most: LONGEST });
    }
    if nested_deeper_than(text, 256) {
        return Err(ImportError::Xml("elements are nested more than 256 deep".into()));
    }
    let (text, shift) = recentred(text)?;
    let read = xodr::load_str_with_provenance(&text).map_err(|error| ImportError::Unreadable(error.to_string()));
    let (net, provenance) = read?;
    let mut notes = Notes::default();
    for warning in provenance.warnings.iter().filter(|warning| !warning.is_ignored()) {
        notes.add(warning.to_string());
    }
    let place = Place::of(net.geo_reference(), shift, &mut notes)?;
    let network = Network::of(&net, &provenance, (&place, shift), &mut notes)?;
    if network.links.is_empty() {
        return Err(ImportError::Empty("no road outside a junction is driven, ridden or walked on"));
    }
    Ok(Imported { map_toml: map_toml(name, &place.frame), lanes_toml: lanes_toml(&network), notes: notes.finish() })
}

/// Whether tags are nested deeper than this: told without recursion, before a parser that recurses sees them.
fn nested_deeper_than(text: &str, most: usize) -> bool {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    for (k, byte) in bytes.iter().enumerate() {
        match (byte, bytes.get(k + 1), k.checked_sub(1).and_then(|before| bytes.get(before))) {
            (b'<', Some(b'/'), _) => depth = depth.saturating_sub(1),
            (b'<', Some(b'!' | b'?'), _) => {}
            (b'<', ..) => depth += 1,
            (b'>', _, Some(b'/')) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

//! Moving a document near its own origin before its curves are evaluated in 32 bits.

use super::import::ImportError;
use jxz_geo::Point;
use roxmltree::{Document, Node};
use std::ops::Range;

/// Coordinates beyond this are a mistake, metres: no projection of the earth has them.
const FARTHEST_M: f64 = 3e7;
/// A map wider than this is not one deployment's, metres.
const WIDEST_M: f64 = 200_000.0;

/// The document with its plan moved by `-shift`, and the shift: whole metres, so that no digit is lost in it.
pub(super) fn recentred(text: &str) -> Result<(String, Point), ImportError> {
    let document = Document::parse(text).map_err(|error| ImportError::Xml(error.to_string()))?;
    let mut places: Vec<(f64, Range<usize>, bool)> = Vec::new();
    for node in document.descendants() {
        let placed = node.has_tag_name("geometry") && node.parent().is_some_and(|p| p.has_tag_name("planView"));
        if placed || node.has_tag_name("positionInertial") {
            for (name, is_x) in [("x", true), ("y", false)] {
                let Some(attribute) = node.attribute_node(name) else { continue };
                places.push((number(node, name, attribute.value())?, attribute.range_value(), is_x));
            }
        }
    }
    let span = |is_x: bool| {
        let of = || places.iter().filter(|(.., x)| *x == is_x).map(|(value, ..)| *value);
        (of().fold(f64::INFINITY, f64::min), of().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((west, east), (south, north)) = (span(true), span(false));
    if !(west <= east && south <= north) {
        return Err(ImportError::Empty("no <planView> has a <geometry> with x and y"));
    }
    if (east - west).max(north - south) > WIDEST_M {
        return Err(ImportError::TooWide { width_m: (east - west).max(north - south), most_m: WIDEST_M });
    }
    let shift = Point::new(((west + east) / 2.0).round(), ((south + north) / 2.0).round());
    places.sort_by_key(|(_, range, _)| range.start);
    let mut out = String::with_capacity(text.len() + 16 * places.len());
    let mut done = 0;
    for (value, range, is_x) in places {
        out.push_str(&text[done..range.start]);
        out.push_str(&crate::xml::decimal(value - if is_x { shift.x } else { shift.y }, 9));
        done = range.end;
    }
    out.push_str(&text[done..]);
    Ok((out, shift))
}

fn number(node: Node<'_, '_>, attribute: &'static str, text: &str) -> Result<f64, ImportError> {
    let value = text.trim().parse::<f64>().ok().filter(|value| value.abs() < FARTHEST_M);
    value.ok_or_else(|| {
        let road = node.ancestors().find(|above| above.has_tag_name("road") || above.has_tag_name("junction"));
        let id = road.and_then(|road| road.attribute("id")).unwrap_or("?");
        let element =
            format!("{} {id:?}: <{}>", road.map_or("document", |r| r.tag_name().name()), node.tag_name().name());
        ImportError::Number { element: shortened(&element), attribute, value: shortened(text) }
    })
}

/// At most the first 80 letters of what a file says, for an error or a name.
pub(super) fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

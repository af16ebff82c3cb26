//! The island's local frame, and plane geometry on it.
//!
//! Every map, track and message of one deployment shares a single transverse-Mercator frame
//! ([`LocalFrame`]): x is metres east, y metres north, of the frame's origin.

mod frame;
mod near;
mod polyline;

pub use frame::{FrameError, LocalFrame, Wgs84};
pub use near::Near;
pub use polyline::{Polyline, PolylineError, Projection};

/// A point of the local frame, metres east and north.
pub type Point = nalgebra::Point2<f64>;
/// A displacement or velocity in the local frame, metres (per second) east and north.
pub type Vector = nalgebra::Vector2<f64>;

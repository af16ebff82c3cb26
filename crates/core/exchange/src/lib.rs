//! The island's map in the formats of others: OpenDRIVE out and in, SUMO's plain XML out.
//!
//! Everything here turns one text into another; files, programs and sockets are the caller's.

mod demand;
mod opendrive;
mod projection;
mod sumo;
mod xml;

pub use demand::{Demand, demand};
pub use opendrive::{ImportError, Imported, export, import};
pub use projection::{Projection, ProjectionError, proj_string};
pub use sumo::{LocationError, NetLocation, SumoFiles, sumo_files};

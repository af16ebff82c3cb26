//! What must hold for any bytes. The fuzz targets and short seeded tests both call these functions.

pub mod black_box;
pub mod coer;
pub mod ingest;
pub mod uper;

//! The wire formats: protobuf compiled from `proto/`, and the checked way between it and the vocabulary.
//!
//! Wire types stop here. [`sensor`](mod@sensor), [`node`](mod@node), `console` and the other packages hold the
//! generated messages; the functions below turn them into [`jxz_world`] types, or say which field is wrong.

#[allow(missing_docs, unreachable_pub, clippy::all, rustdoc::all)]
mod packages {
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));
}

mod congestion;
mod error;
mod fleet;
mod health;
mod json;
mod log;
mod misbehaviour;
mod neighbour;
mod picture;
mod plain;
mod record;
mod scan;
mod schema;
mod signals;
mod state;
mod track;
mod uu;
mod warning;

pub use congestion::{decode_congestion, encode_congestion};
pub use error::WireError;
pub use fleet::{
    Desired, DesiredReply, Issued, JoinRequest, MAX_DESIRED_BYTES, MAX_DOCUMENT_BYTES, MAX_JOIN_BYTES, Outcome,
    SECRET_BYTES, decode_desired_reply, decode_join, decode_join_reply, encode_desired, encode_desired_reply,
    encode_join, encode_join_reply,
};
pub use health::{spool_from_wire, spool_to_wire};
pub use log::{
    Ask, LogLevel, LogLine, LogLines, LogRequest, MAX_LOG_BYTES, MAX_LOG_LINES, MAX_LOG_TARGET_BYTES,
    MAX_LOG_TEXT_BYTES, decode_ask, decode_log_lines, encode_log_lines, encode_log_request, legible,
};
pub use neighbour::{decode_neighbour_tracks, split_neighbour_tracks};
pub use packages::foxglove;
pub use packages::jxz::*;
pub use picture::RoadUserPicture;
pub use record::{
    Reply, Verdict, decode_hello, decode_record, decode_reply, encode_record, encode_reply, hello, record_from_wire,
    record_to_wire,
};
pub use scan::{ScanHead, decode_sensor, detection_from_wire, encode_scan, scan_from_wire, scan_head, scan_to_wire};
pub use schema::{descriptor_set, descriptors};
pub use signals::{encode_signals, signals_from_wire, signals_to_wire};
pub use state::{decode_state, split_state, state_from_wire, state_to_wire};
pub use uu::{Downlink, MAX_DOWNLINK_BYTES};
pub use uu::{
    decode_downlink, decode_vehicle_hello, decode_welcome, encode_downlink, encode_vehicle_hello, encode_welcome,
};
pub use warning::{application_number, from_wire as warning_from_wire, to_wire as warning_to_wire};

/// The most bytes of one UDP datagram from a sensor or a signal controller.
pub const MAX_SENSOR_BYTES: usize = 8192;
/// The most detections in one scan.
pub const MAX_DETECTIONS: usize = 512;
/// The most phases of one junction.
pub const MAX_PHASES: usize = 64;
/// The most bytes of a sensor's, site's or junction's name.
pub const MAX_NAME_BYTES: usize = 64;
/// The most bytes of one datagram from a node, to the cloud or to a neighbour.
pub const MAX_STATE_BYTES: usize = 1150;
/// The most bytes of one must-arrive record.
pub const MAX_RECORD_BYTES: usize = 256 * 1024;
/// The most bytes of a hello, a welcome or a record's reply.
pub const MAX_CONTROL_BYTES: usize = 1024;

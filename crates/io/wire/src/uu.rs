//! Node to vehicle over 5G.

use crate::error::{decode, length, name};
use crate::node::v1 as wire;
use crate::{MAX_CONTROL_BYTES, WireError};
use bytes::Bytes;
use jxz_units::Utc;
use prost::Message;

/// The most bytes of one message to a vehicle.
pub const MAX_DOWNLINK_BYTES: usize = 16 * 1024;

/// One message to a vehicle, with the times that its delay and its age are told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downlink {
    /// When the node handed it to the channel.
    pub sent_at: Utc,
    /// Not to be used after this.
    pub expires_at: Utc,
    /// The message's own bytes (UPER).
    pub message: Bytes,
}

/// A downlink as one datagram or stream.
#[must_use]
pub fn encode_downlink(downlink: &Downlink) -> Bytes {
    wire::Downlink {
        sent_at_unix_ns: downlink.sent_at.unix_ns(),
        expires_at_unix_ns: downlink.expires_at.unix_ns(),
        message: downlink.message.clone(),
    }
    .encode_to_vec()
    .into()
}

/// The downlink of a datagram or stream.
///
/// # Errors
/// Not a downlink, an empty message, or one over [`MAX_DOWNLINK_BYTES`].
pub fn decode_downlink(bytes: &[u8]) -> Result<Downlink, WireError> {
    let downlink: wire::Downlink = decode("Downlink", bytes, MAX_DOWNLINK_BYTES + 64)?;
    length("Downlink.message", downlink.message.len(), 1, MAX_DOWNLINK_BYTES)?;
    Ok(Downlink {
        sent_at: Utc::from_unix_ns(downlink.sent_at_unix_ns),
        expires_at: Utc::from_unix_ns(downlink.expires_at_unix_ns),
        message: downlink.message,
    })
}

/// A vehicle's hello.
#[must_use]
pub fn encode_vehicle_hello(vehicle: &str) -> Bytes {
    wire::VehicleHello { vehicle: vehicle.to_owned() }.encode_to_vec().into()
}

/// The name in a vehicle's hello.
///
/// # Errors
/// Not a hello, or a name of no or more than 64 bytes.
pub fn decode_vehicle_hello(bytes: &[u8]) -> Result<String, WireError> {
    let hello: wire::VehicleHello = decode("VehicleHello", bytes, MAX_CONTROL_BYTES)?;
    name("VehicleHello.vehicle", hello.vehicle)
}

/// The answer to a hello.
#[must_use]
pub fn encode_welcome(now: Utc) -> Bytes {
    wire::Welcome { now_unix_ns: now.unix_ns() }.encode_to_vec().into()
}

/// The answering side's UTC in the answer to a hello.
///
/// # Errors
/// Not a welcome.
pub fn decode_welcome(bytes: &[u8]) -> Result<Utc, WireError> {
    let welcome: wire::Welcome = decode("Welcome", bytes, MAX_CONTROL_BYTES)?;
    Ok(Utc::from_unix_ns(welcome.now_unix_ns))
}

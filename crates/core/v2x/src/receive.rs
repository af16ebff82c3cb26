//! The receiving side: bytes from a radio to domain terms.

use crate::asn::{AsnError, Cause, MessageFrame, Profile, decode_frame};
use crate::encoder::MAX_FRAME_BYTES;
use crate::error::DecodeError;
use crate::map_read::ReceivedMap;
use crate::rsi::ReceivedRsi;
use crate::rsm::ReceivedRsm;
use crate::spat::ReceivedSpat;
use crate::{bsm, map_read, rsi, rsm, spat};
use jxz_geo::LocalFrame;
use jxz_units::Utc;
use jxz_world::VehicleReport;

/// A message received.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Received {
    /// A vehicle of itself.
    Bsm(VehicleReport),
    /// A unit of the road users that it sees.
    Rsm(ReceivedRsm),
    /// A unit of events and signs.
    Rsi(ReceivedRsi),
    /// A unit of traffic signals.
    Spat(ReceivedSpat),
    /// A unit of the roads around it.
    Map(ReceivedMap),
}

/// Decodes one frame. Times in the message are told apart by being near `near`, the time of receipt; positions come
/// out in the local frame.
///
/// # Errors
/// [`DecodeError`], with the place. Nothing that a radio delivers makes this panic.
pub fn decode(bytes: &[u8], profile: Profile, near: Utc, frame: &LocalFrame) -> Result<Received, DecodeError> {
    if bytes.len() > MAX_FRAME_BYTES {
        let cause = Cause::Oversize { bytes: bytes.len(), limit: MAX_FRAME_BYTES };
        return Err(AsnError { path: "MessageFrame".to_owned(), cause }.into());
    }
    match decode_frame(bytes, profile)?.value {
        MessageFrame::BsmFrame(message) => bsm::read(&message, near, frame).map(Received::Bsm),
        MessageFrame::RsmFrame(message) => rsm::read(&message, near, frame).map(Received::Rsm),
        MessageFrame::RsiFrame(message) => rsi::read(&message, near, frame).map(Received::Rsi),
        MessageFrame::SpatFrame(message) => Ok(Received::Spat(spat::read(&message, near))),
        MessageFrame::MapFrame(message) => map_read::read(&message, frame).map(Received::Map),
        MessageFrame::MsgFrameExt(message) => Err(DecodeError::NoDoor { message: message.name() }),
    }
}

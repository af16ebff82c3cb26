//! The receiving side: bytes from a radio to domain terms.

use crate::asn::{AsnError, Cause, MessageFrame, MessageFrameExt, Profile, decode_frame};
use crate::encoder::MAX_FRAME_BYTES;
use crate::error::DecodeError;
use crate::map_read::ReceivedMap;
use crate::psm::ReceivedPsm;
use crate::rsi::ReceivedRsi;
use crate::rsm::ReceivedRsm;
use crate::spat::ReceivedSpat;
use crate::ssm_read::ReceivedSsm;
use crate::{bsm, map_read, psm, rsi, rsm, spat, ssm_read};
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
    /// A unit or a vehicle of what its sensors cover and see.
    Ssm(ReceivedSsm),
    /// A pedestrian or cyclist of itself.
    Psm(ReceivedPsm),
    /// A whole and valid message of a kind that has no door.
    Other {
        /// Its type in the message set.
        name: &'static str,
    },
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
        MessageFrame::MsgFrameExt(MessageFrameExt::Ssm(message)) => {
            ssm_read::read(&message, near, frame).map(Received::Ssm)
        }
        MessageFrame::MsgFrameExt(MessageFrameExt::Psm(message)) => psm::read(&message, near, frame).map(Received::Psm),
        MessageFrame::MsgFrameExt(message) => Ok(Received::Other { name: message.name() }),
    }
}

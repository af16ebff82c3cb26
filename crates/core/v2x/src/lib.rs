//! The Chinese C-V2X messages of day 1 (BSM, MAP, RSM, SPAT, RSI) in unaligned PER, by doors that speak of metres,
//! seconds and UTC.
//!
//! A roadside unit sends through an [`Encoder`], a vehicle through [`encode_bsm`]; whatever a radio delivers goes
//! through [`decode`]. What cannot be said is refused by name, never clamped; what is not told is `None`. The wire's
//! own types are in [`asn`], for tools.

pub mod asn;

mod bsm;
mod details;
mod ellipse;
mod encoder;
mod error;
mod hex;
mod kind;
mod map_message;
mod map_read;
mod notice;
mod number;
mod place;
mod receive;
mod rsi;
mod rsm;
mod scale;
mod spat;
mod time;

pub use asn::Profile;
pub use bsm::{OnBoardState, encode_bsm};
pub use ellipse::Ellipse;
pub use encoder::{Encoded, Encoder, Frame, MAX_FRAME_BYTES, Refusal, Subject, UnitId};
pub use error::{DecodeError, EncodeError};
pub use hex::{HexError, from_hex, to_hex};
pub use kind::{MessageKind, RsiClass};
pub use map_read::{ReceivedConnection, ReceivedLane, ReceivedLink, ReceivedMap, ReceivedNode};
pub use notice::{Audience, Notice};
pub use number::MsgCount;
pub use receive::{Received, decode};
pub use rsi::{ReceivedRsi, ReceivedWarning, RsiCode};
pub use rsm::{Participant, ParticipantKind, ParticipantSource, ReceivedRsm};
pub use spat::{NodeRef, ReceivedLight, ReceivedPhase, ReceivedSignals, ReceivedSpat};

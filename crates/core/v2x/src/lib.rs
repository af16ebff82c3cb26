//! Chinese C-V2X messages of day 1.
pub mod asn;

mod bsm;
mod encoder;
mod hex;
mod kind;
mod notice;
mod number;
mod place;
mod receive;
mod rsi;
mod rsm;
mod scale;
mod spat;
mod time;

pub use asn::{DecodeError, EncodeError};
pub use bsm::{OnBoardState, encode_bsm};
pub use encoder::{Encoded, Encoder, Frame, Refusal, Subject, UnitId};
pub use hex::{HexError, from_hex};
pub use kind::{MessageKind, RsiClass};
pub use notice::{Audience, Notice};
pub use number::MsgCount;
pub use receive::{Received, decode};
pub use rsi::{ReceivedRsi, ReceivedWarning, RsiCode};
pub use rsm::{Participant, ParticipantKind, ParticipantSource, ReceivedRsm};
pub use spat::{NodeRef, ReceivedLight, ReceivedPhase, ReceivedSignals, ReceivedSpat};

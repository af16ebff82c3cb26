//! The Chinese C-V2X messages of day 1 (BSM, MAP, RSM, SPAT, RSI) and of the second phase (SSM, PSM, RTCM) in
//! unaligned PER, by doors that speak of metres, seconds and UTC.
//!
//! A roadside unit sends through an [`Encoder`], a vehicle through [`encode_bsm`], a pedestrian's or cyclist's unit
//! through [`encode_psm`]; whatever a radio delivers goes through [`decode`]. What cannot be said is refused by name,
//! never clamped; what is not told is `None`. The wire's own types are in [`asn`], for tools.

pub mod asn;

mod bsm;
mod codes;
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
mod psm;
mod receive;
mod region;
mod road_user;
mod roads;
mod rsi;
mod rsm;
mod rtcm;
mod scale;
mod service;
mod signs;
mod spat;
mod ssm;
mod ssm_read;
mod time;

pub use asn::Profile;
pub use bsm::{OnBoardState, encode_bsm};
pub use codes::{CODES, RsiCode, Standing};
pub use ellipse::Ellipse;
pub use encoder::{AirNumbers, Encoded, Encoder, Frame, MAX_FRAME_BYTES, Refusal, Sink, Subject, UnitId};
pub use error::{DecodeError, EncodeError};
pub use hex::{HexError, from_hex, to_hex};
pub use kind::{ApplicationIds, MessageKind, RsiClass};
pub use map_read::{ReceivedConnection, ReceivedLane, ReceivedLink, ReceivedMap, ReceivedNode};
pub use notice::{Audience, Notice};
pub use number::MsgCount;
pub use psm::{ClusterSize, Crossing, PastPoint, PersonalKind, PersonalState, ReceivedPsm, encode_psm};
pub use receive::{Received, decode};
pub use road_user::RoadUser;
pub use rsi::{LinkRef, ReceivedRsi, ReceivedWarning};
pub use rsm::{Participant, ParticipantKind, ParticipantSource, ReceivedRsm};
pub use service::ServiceNotice;
pub use spat::{NodeRef, ReceivedLight, ReceivedPhase, ReceivedSignals, ReceivedSpat};
pub use ssm_read::{DetectedKind, Equipment, Obstacle, ObstacleKind, ReceivedSsm, SharedParticipant};

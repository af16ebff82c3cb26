//! A roadside unit's sending side: counters, numbers, and the frames of each kind.

use crate::asn::MessageFrame;
use crate::asn::Position3D;
use crate::asn::{Codec, MsgCount as WireCount, Profile};
use crate::error::EncodeError;
use crate::kind::MessageKind;
use crate::number::{MsgCount, NumberTable};
use crate::place::Steps;
use jxz_geo::{LocalFrame, Point};
use jxz_world::{TrackId, WarningId};
use serde::{Deserialize, Serialize};

/// Frames are filled up to this length where one message may be told in several, so that a frame with its security
/// envelope and link headers still travels in one packet.
pub(crate) const FRAME_BUDGET_BYTES: usize = 1200;

/// No frame that a radio carries is longer; anything longer is refused unread.
pub const MAX_FRAME_BYTES: usize = 8192;

/// A roadside unit's temporary id (8 octets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(pub [u8; 8]);

impl core::fmt::Display for UnitId {
    /// Sixteen hexadecimal digits.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&crate::hex::to_hex(&self.0))
    }
}

/// One frame, ready for the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is: priority, application id and period hang on it.
    pub kind: MessageKind,
    /// Unaligned PER.
    pub bytes: Vec<u8>,
}

/// What a [`Refusal`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A track.
    Track(TrackId),
    /// A warning.
    Warning(WarningId),
    /// A junction or link of the map, by its id.
    Map(String),
    /// The unit itself: its position, or a whole message.
    Unit,
}

/// Something that could not be said. The rest of the message was sent without it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{subject:?} left out: {error}")]
pub struct Refusal {
    /// What is missing.
    pub subject: Subject,
    /// Why.
    #[source]
    pub error: EncodeError,
}

/// The frames of one message, and what is missing in them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Encoded {
    /// In the order in which they count.
    pub frames: Vec<Frame>,
    /// To be counted as [`jxz_world::DropCause::EncodeFailed`].
    pub refused: Vec<Refusal>,
}

impl Encoded {
    pub(crate) fn refuse(&mut self, subject: Subject, error: EncodeError) {
        self.refused.push(Refusal { subject, error });
    }
}

/// A roadside unit's encoder. It owns the message counters (one a kind of message, modulo 128) and the numbers of
/// tracks (`ptcId`, 1..=255) and warnings (`rteId`, `rtsId`, 0..=255), which stay the same while the track or the
/// warning lives and are then reused, the longest unused first.
///
/// One message may take several frames; each counts on its own.
#[derive(Debug, Clone)]
pub struct Encoder {
    pub(crate) frame: LocalFrame,
    pub(crate) profile: Profile,
    pub(crate) codec: Codec,
    pub(crate) unit: UnitId,
    pub(crate) position: Point,
    pub(crate) map_count: MsgCount,
    pub(crate) rsi_count: MsgCount,
    pub(crate) rsm_count: MsgCount,
    pub(crate) spat_count: MsgCount,
    pub(crate) participants: NumberTable<TrackId>,
    pub(crate) events: NumberTable<WarningId>,
}

impl Encoder {
    /// An encoder for the unit at `position` of the local frame, on links that speak `profile`. `first_count` (modulo 128) is where the counters
    /// start: a number drawn at random by the caller, as the rules ask.
    #[must_use]
    pub fn new(frame: LocalFrame, profile: Profile, unit: UnitId, position: Point, first_count: u8) -> Self {
        let count = MsgCount::new(first_count);
        Self {
            frame,
            profile,
            codec: Codec::default(),
            unit,
            position,
            map_count: count,
            rsi_count: count,
            rsm_count: count,
            spat_count: count,
            participants: NumberTable::new(1..=255),
            events: NumberTable::new(0..=255),
        }
    }

    /// Encodes a frame into `out`, or notes there why not.
    pub(crate) fn push(&mut self, out: &mut Encoded, kind: MessageKind, frame: &MessageFrame) {
        match self.length_of(frame) {
            Ok(_) => out.frames.push(Frame { kind, bytes: self.codec.last().to_vec() }),
            Err(error) => out.refuse(Subject::Unit, error),
        }
    }

    /// The length of a frame in bytes.
    pub(crate) fn length_of(&mut self, frame: &MessageFrame) -> Result<usize, EncodeError> {
        let bytes = self.codec.encode(frame, self.profile)?.len();
        if bytes > MAX_FRAME_BYTES { Err(EncodeError::Oversize { bytes, limit: MAX_FRAME_BYTES }) } else { Ok(bytes) }
    }

    /// The unit's id on the wire.
    pub(crate) fn wire_id(&self) -> [u8; 8] {
        self.unit.0
    }

    /// The unit's position, to which offsets refer.
    pub(crate) fn reference(&self) -> Result<Steps, EncodeError> {
        Steps::of("unit_position_deg", &self.frame, self.position)
    }

    pub(crate) const fn wire_count(count: &mut MsgCount) -> WireCount {
        WireCount(count.take().get())
    }

    pub(crate) const fn ref_pos(reference: Steps) -> Position3D {
        reference.to_position()
    }
}

/// Packs items into frames: as many as `most` and [`FRAME_BUDGET_BYTES`] allow, in order, at least one a frame.
pub(crate) fn packed<T>(items: Vec<(T, usize)>, most: usize) -> Vec<Vec<T>> {
    let mut packs: Vec<Vec<T>> = Vec::new();
    let mut filled = 0;
    for (item, bytes) in items {
        match packs.last_mut() {
            Some(pack) if pack.len() < most && filled + bytes <= FRAME_BUDGET_BYTES => {
                pack.push(item);
                filled += bytes;
            }
            _ => {
                packs.push(vec![item]);
                filled = bytes;
            }
        }
    }
    packs
}

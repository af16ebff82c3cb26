//! A roadside unit's sending side: counters, numbers, and the frames of each kind.

use crate::asn::{Codec, DetectedPtcData, MessageFrame, MsgCount as WireCount, ParticipantData, Profile, Spat};
use crate::error::EncodeError;
use crate::kind::MessageKind;
use crate::number::{MsgCount, NumberTable};
use crate::place::Anchor;
use crate::region::Regions;
use crate::roads::Roads;
use jxz_geo::{LocalFrame, Point};
use jxz_map::{LinkIx, Map};
use jxz_world::{Site, TrackId, WarningId};
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

/// What takes the frames of an [`Encoder`], in the order in which they count, and what could not be said.
pub trait Sink {
    /// One frame in unaligned PER; the bytes are lent.
    fn frame(&mut self, kind: MessageKind, bytes: &[u8]);

    /// Something was left out, to be counted as [`jxz_world::DropCause::EncodeFailed`].
    fn refused(&mut self, refusal: Refusal);
}

/// The frames of one message or several, kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Encoded {
    /// In the order in which they count.
    pub frames: Vec<Frame>,
    /// What is missing in them.
    pub refused: Vec<Refusal>,
}

impl Sink for Encoded {
    fn frame(&mut self, kind: MessageKind, bytes: &[u8]) {
        self.frames.push(Frame { kind, bytes: bytes.to_vec() });
    }

    fn refused(&mut self, refusal: Refusal) {
        self.refused.push(refusal);
    }
}

/// The counters of a unit's messages, modulo 128, one a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) map: MsgCount,
    pub(crate) rsi: MsgCount,
    pub(crate) rsm: MsgCount,
    pub(crate) spat: MsgCount,
    pub(crate) ssm: MsgCount,
    pub(crate) rtcm: MsgCount,
}

impl Counts {
    const fn starting(first: u8) -> Self {
        let count = MsgCount::new(first);
        Self { map: count, rsi: count, rsm: count, spat: count, ssm: count, rtcm: count }
    }
}

/// What listeners know a unit's messages by, for an encoder that takes another's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AirNumbers {
    /// The next count of MAP, RSI, RSM, SPAT, SSM and RTCM.
    pub counts: [MsgCount; 6],
    /// Tracks and their `ptcId`, the longest unused first.
    pub tracks: Vec<(TrackId, u8)>,
    /// Warnings and their `rteId` or `rtsId`, the longest unused first.
    pub warnings: Vec<(WarningId, u8)>,
}

/// Wire structures that outlive a message, so that the next one of its kind allocates nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    pub(crate) participants: Vec<ParticipantData>,
    pub(crate) shared: Vec<DetectedPtcData>,
    pub(crate) spat: Option<Spat>,
}

/// A roadside unit's encoder. It owns the message counters (one a kind of message, modulo 128) and the numbers of
/// tracks (`ptcId`, 1..=255), warnings (`rteId`, `rtsId`, 0..=191) and the site's own signs (`rtsId`, 192..=254; 255 says how the unit serves),
/// which stay the same while the track or the warning lives and are then reused, the longest unused first.
///
/// Every message goes into a [`Sink`]; one message may take several frames, and each counts on its own. Once it has
/// grown, RSM, SSM and SPAT allocate nothing.
#[derive(Debug, Clone)]
pub struct Encoder {
    pub(crate) profile: Profile,
    pub(crate) codec: Codec,
    pub(crate) unit: UnitId,
    pub(crate) here: Result<Anchor, EncodeError>,
    pub(crate) roads: Roads,
    pub(crate) regions: Regions,
    pub(crate) counts: Counts,
    pub(crate) participants: NumberTable<TrackId>,
    pub(crate) events: NumberTable<WarningId>,
    pub(crate) signs: NumberTable<LinkIx>,
    pub(crate) scratch: Scratch,
}

impl Encoder {
    /// An encoder for the unit at `position` of the local frame, on links that speak `profile`. `first_count` (modulo
    /// 128) is where the counters start: a number drawn at random by the caller, as the rules ask.
    ///
    /// It knows no roads and no sensors: its RSI refer to no links, and its SSM say nothing of regions.
    #[must_use]
    pub fn new(frame: LocalFrame, profile: Profile, unit: UnitId, position: Point, first_count: u8) -> Self {
        Self {
            profile,
            codec: Codec::default(),
            unit,
            here: Anchor::new("unit_position_deg", frame, position),
            roads: Roads::default(),
            regions: Regions::default(),
            counts: Counts::starting(first_count),
            participants: NumberTable::new(1..=255),
            events: NumberTable::new(0..=191),
            // The last one is the service sign's.
            signs: NumberTable::new(192..=254),
            scratch: Scratch::default(),
        }
    }

    /// An encoder for a site of a map: it knows the roads within 1 km, and the fields of view of the site's first
    /// eight sensors.
    #[must_use]
    pub fn for_site(map: &Map, site: &Site, profile: Profile, unit: UnitId, first_count: u8) -> Self {
        let mut encoder = Self::new(map.frame, profile, unit, site.position, first_count);
        encoder.roads = Roads::around(map, site.position);
        encoder.look_around(&site.sensors);
        encoder
    }

    /// Begins all counters anew, as when another certificate begins to sign: the numbers of two certificates must
    /// not be joined by their counters. Draw `first` (modulo 128) at random.
    pub fn restart_counts(&mut self, first: u8) {
        self.counts = Counts::starting(first);
    }

    /// What messages count on with, and who has which number on the air.
    #[must_use]
    pub fn air_numbers(&self) -> AirNumbers {
        let Counts { map, rsi, rsm, spat, ssm, rtcm } = self.counts;
        AirNumbers {
            counts: [map, rsi, rsm, spat, ssm, rtcm],
            tracks: self.participants.given(),
            warnings: self.events.given(),
        }
    }

    /// Goes on where another encoder of the same unit has stopped. Numbers that no encoder could have given are left, and
    /// new ones are given.
    pub fn take_over(&mut self, numbers: &AirNumbers) {
        let [map, rsi, rsm, spat, ssm, rtcm] = numbers.counts;
        self.counts = Counts { map, rsi, rsm, spat, ssm, rtcm };
        self.participants.take_over(&numbers.tracks);
        self.events.take_over(&numbers.warnings);
    }

    /// Encodes a frame into the sink, or tells it why not.
    pub(crate) fn send(&mut self, sink: &mut dyn Sink, kind: MessageKind, frame: &MessageFrame) {
        match self.length_of(frame) {
            Ok(_) => sink.frame(kind, self.codec.last()),
            Err(error) => sink.refused(Refusal { subject: Subject::Unit, error }),
        }
    }

    /// The unit's own place, or `None` after telling the sink that it cannot be said.
    pub(crate) fn anchor(&self, sink: &mut dyn Sink) -> Option<Anchor> {
        match &self.here {
            Ok(here) => Some(*here),
            Err(error) => {
                sink.refused(Refusal { subject: Subject::Unit, error: error.clone() });
                None
            }
        }
    }

    /// The length of a frame in bytes.
    pub(crate) fn length_of(&mut self, frame: &MessageFrame) -> Result<usize, EncodeError> {
        let bytes = self.codec.encode(frame, self.profile)?.len();
        if bytes > MAX_FRAME_BYTES { Err(EncodeError::Oversize { bytes, limit: MAX_FRAME_BYTES }) } else { Ok(bytes) }
    }

    pub(crate) const fn wire_count(count: &mut MsgCount) -> WireCount {
        WireCount(count.take().get())
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

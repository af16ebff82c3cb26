//! Roadside safety messages: the road users that a unit sees.

use crate::asn::{
    MessageFrame, ParticipantData, ParticipantList, ParticipantType, PositionConfidence, PositionConfidenceSet,
    RoadsideSafetyMessage, SourceType, Speed,
};
use crate::encoder::{Encoder, Refusal, Sink, Subject, UnitId};
use crate::error::DecodeError;
use crate::kind::MessageKind;
use crate::place::{Anchor, Steps};
use crate::road_user::RoadUser;
use crate::time::{sec_mark, valid_at};
use crate::{bsm, details, scale};
use jxz_geo::{LocalFrame, Point};
use jxz_units::{Heading, Utc};
use jxz_world::{Gear, RoadUserClass, VehicleId};

/// Participants a frame may hold, the unit itself among them.
const MOST_PARTICIPANTS: usize = 16;

/// What a participant of an RSM is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParticipantKind {
    /// Not told.
    Unknown,
    /// A road user.
    RoadUser(RoadUserClass),
    /// The roadside unit that speaks.
    RoadsideUnit,
}

/// Where knowledge of a participant comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParticipantSource {
    /// Not told.
    Unknown,
    /// The unit of itself.
    Itself,
    /// The road user's own messages.
    V2x,
    /// Cameras.
    Video,
    /// Radars.
    Radar,
    /// Induction loops.
    Loop,
    /// Lidars.
    Lidar,
    /// Several of these together.
    Integrated,
}

/// One participant of an RSM or of an SSM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Participant {
    /// Its number with this unit: 0 is the unit itself.
    pub number: u16,
    /// What it is.
    pub kind: ParticipantKind,
    /// Who says so.
    pub source: ParticipantSource,
    /// The temporary id of its own messages, if the source is those.
    pub vehicle: Option<VehicleId>,
    /// When the state was so.
    pub valid_at: Utc,
    /// Where, local frame.
    pub position: Point,
    /// 1-sigma position error, metres, rounded up to the set's steps.
    pub position_sigma_m: Option<f64>,
    /// Speed, metres per second.
    pub speed_mps: Option<f64>,
    /// 1-sigma speed error, metres per second, rounded up to the set's steps.
    pub speed_sigma_mps: Option<f64>,
    /// Direction of travel.
    pub heading: Option<Heading>,
    /// 1-sigma heading error, radians, rounded up to the set's steps.
    pub heading_sigma_rad: Option<f64>,
    /// Length and width, metres.
    pub extent_m: Option<(f64, f64)>,
    /// Longitudinal acceleration, metres per second squared.
    pub acceleration_mps2: Option<f64>,
    /// The gear.
    pub gear: Option<Gear>,
    /// Class of vehicle, 1 to 255, in the set's own list.
    pub vehicle_class: Option<u8>,
}

/// A received RSM.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedRsm {
    /// Who sent it.
    pub unit: UnitId,
    /// Its counter, 0..=127.
    pub message_count: u8,
    /// The sender's reference position, local frame.
    pub position: Point,
    /// The unit itself and the road users.
    pub participants: Vec<Participant>,
}

impl Encoder {
    /// The road users as RSM frames, in the order given: put the nearest to a conflict first. Each frame begins with
    /// the unit itself and holds up to 15 road users; with none there is one frame with the unit alone. A road user
    /// is refused when a number of it is NaN or cannot be said, when its time lies 29 s or more from `now`, or beyond
    /// 255 tracks.
    ///
    /// A track has its `id` when its vehicle's own messages feed it; its source is then `v2x`, and what these
    /// messages say of gear, acceleration and class goes with it.
    pub fn rsm<'t, I>(&mut self, now: Utc, users: I, sink: &mut dyn Sink)
    where
        I: IntoIterator<Item = RoadUser<'t>, IntoIter: Clone>,
    {
        let users = users.into_iter();
        let Some(here) = self.anchor(sink) else { return };
        self.participants.begin(users.clone().map(|user| user.track.id));
        let mut frame = core::mem::take(&mut self.scratch.participants);
        frame.clear();
        frame.push(itself(now, &here));
        for user in users {
            match user.participant(now, &here, &mut self.participants) {
                Ok(participant) => {
                    if frame.len() == MOST_PARTICIPANTS {
                        frame = self.send_rsm(&here, frame, sink);
                        frame.truncate(1);
                    }
                    frame.push(participant);
                }
                Err(error) => sink.refused(Refusal { subject: Subject::Track(user.track.id), error }),
            }
        }
        self.scratch.participants = self.send_rsm(&here, frame, sink);
    }

    /// Sends a frame and gives its participants back.
    fn send_rsm(&mut self, here: &Anchor, frame: Vec<ParticipantData>, sink: &mut dyn Sink) -> Vec<ParticipantData> {
        let message = MessageFrame::RsmFrame(RoadsideSafetyMessage {
            msg_cnt: Self::wire_count(&mut self.counts.rsm),
            id: self.unit.0,
            ref_pos: here.steps().to_position(),
            participants: ParticipantList(frame),
        });
        self.send(sink, MessageKind::Rsm, &message);
        match message {
            MessageFrame::RsmFrame(message) => message.participants.0,
            _ => Vec::new(),
        }
    }
}

fn itself(now: Utc, here: &Anchor) -> ParticipantData {
    ParticipantData {
        ptc_type: ParticipantType::Rsu,
        ptc_id: 0,
        source: SourceType::Selfinfo,
        id: None,
        sec_mark: sec_mark(now),
        pos: here.steps().offset_from(here.steps()),
        pos_confidence: PositionConfidenceSet { pos: PositionConfidence::Unavailable, elevation: None },
        transmission: None,
        speed: Speed(0),
        heading: scale::HEADING_UNAVAILABLE,
        angle: None,
        motion_cfd: None,
        accel_set: None,
        size: scale::SIZE_UNAVAILABLE,
        vehicle_class: None,
    }
}

/// The participants of an RSM, in local terms.
pub(crate) fn read(message: &RoadsideSafetyMessage, near: Utc, frame: &LocalFrame) -> Result<ReceivedRsm, DecodeError> {
    let reference = Steps::from_position(&message.ref_pos)
        .ok_or(DecodeError::Unavailable { path: "RoadsideSafetyMessage.ref_pos" })?;
    let participants = message
        .participants
        .0
        .iter()
        .map(|data| read_participant(data, reference, near, frame, &PATHS))
        .collect::<Result<_, _>>()?;
    Ok(ReceivedRsm {
        unit: UnitId(message.id),
        message_count: message.msg_cnt.0,
        position: reference.to_point(frame),
        participants,
    })
}

/// Where a participant stands in its message, for errors.
pub(crate) struct Paths {
    pub(crate) pos: &'static str,
    pub(crate) sec_mark: &'static str,
}

const PATHS: Paths =
    Paths { pos: "RoadsideSafetyMessage.participants.pos", sec_mark: "RoadsideSafetyMessage.participants.sec_mark" };

/// One participant, its position told from `reference`.
pub(crate) fn read_participant(
    data: &ParticipantData,
    reference: Steps,
    near: Utc,
    frame: &LocalFrame,
    paths: &Paths,
) -> Result<Participant, DecodeError> {
    let position =
        Steps::from_offset(reference, &data.pos).ok_or(DecodeError::Unavailable { path: paths.pos })?.to_point(frame);
    let motion = data.motion_cfd.as_ref();
    Ok(Participant {
        number: data.ptc_id,
        kind: kind_from_wire(data.ptc_type),
        source: source_from_wire(data.source),
        vehicle: data.id.map(VehicleId),
        valid_at: valid_at(&data.sec_mark, near, paths.sec_mark)?,
        position,
        position_sigma_m: scale::position_sigma(&data.pos_confidence),
        speed_mps: scale::speed_from_wire(data.speed),
        speed_sigma_mps: motion.and_then(|m| m.speed_cfd).and_then(scale::speed_sigma),
        heading: scale::heading_from_wire(data.heading),
        heading_sigma_rad: motion.and_then(|m| m.heading_cfd).and_then(scale::heading_sigma),
        extent_m: scale::size_from_wire(&data.size),
        acceleration_mps2: data.accel_set.as_ref().and_then(bsm::longitudinal_mps2),
        gear: data.transmission.and_then(details::gear_from_wire),
        vehicle_class: data.vehicle_class.as_ref().and_then(details::class_from_wire),
    })
}

const fn kind_from_wire(kind: ParticipantType) -> ParticipantKind {
    match kind {
        ParticipantType::Unknown => ParticipantKind::Unknown,
        ParticipantType::Motor => ParticipantKind::RoadUser(RoadUserClass::Motor),
        ParticipantType::NonMotor => ParticipantKind::RoadUser(RoadUserClass::NonMotor),
        ParticipantType::Pedestrian => ParticipantKind::RoadUser(RoadUserClass::Pedestrian),
        ParticipantType::Rsu => ParticipantKind::RoadsideUnit,
    }
}

pub(crate) const fn source_from_wire(source: SourceType) -> ParticipantSource {
    match source {
        SourceType::Unknown => ParticipantSource::Unknown,
        SourceType::Selfinfo => ParticipantSource::Itself,
        SourceType::V2x => ParticipantSource::V2x,
        SourceType::Video => ParticipantSource::Video,
        SourceType::MicrowaveRadar => ParticipantSource::Radar,
        SourceType::Loop => ParticipantSource::Loop,
        SourceType::Lidar => ParticipantSource::Lidar,
        SourceType::Integrated => ParticipantSource::Integrated,
    }
}

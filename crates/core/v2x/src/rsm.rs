//! Roadside safety messages: the road users that a unit sees.

use crate::asn::MessageFrame;
use crate::asn::{MotionConfidenceSet, Speed};
use crate::asn::{ParticipantData, ParticipantList, ParticipantType, RoadsideSafetyMessage, SourceType};
use crate::asn::{PositionConfidence, PositionConfidenceSet};
use crate::encoder::{Encoded, Encoder, Subject, UnitId};
use crate::error::{DecodeError, EncodeError};
use crate::kind::MessageKind;
use crate::place::Steps;
use crate::scale;
use crate::time::{sec_mark, valid_at};
use jxz_geo::{LocalFrame, Point};
use jxz_units::{Heading, Utc};
use jxz_world::{RoadUserClass, Track, VehicleId};

/// Participants a frame may hold, the unit itself among them.
const MOST_PARTICIPANTS: usize = 16;
/// A class is said when it is more likely than all others together.
const CLASS_SURE: f64 = 0.5;
/// A `secMark` tells times apart only within half a minute.
const OLDEST_S: f64 = 29.0;

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

/// One participant of an RSM.
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
    /// The tracks as RSM frames, in the order given. Each frame begins with the unit itself and holds up to 15
    /// tracks; with no tracks there is one frame with the unit alone. A track is refused when a number of it is
    /// NaN or cannot be said, when its time lies 29 s or more from `now`, or beyond 255 tracks.
    ///
    /// A track has its `id` when its vehicle's own messages feed it; its source is then `v2x`.
    pub fn rsm(&mut self, now: Utc, tracks: &[Track]) -> Encoded {
        let mut out = Encoded::default();
        let reference = match self.reference() {
            Ok(reference) => reference,
            Err(error) => {
                out.refuse(Subject::Unit, error);
                return out;
            }
        };
        self.participants.begin(tracks.iter().map(|track| track.id));
        let mut told = Vec::with_capacity(tracks.len());
        for track in tracks {
            match self.participant(now, reference, track) {
                Ok(participant) => told.push(participant),
                Err(error) => out.refuse(Subject::Track(track.id), error),
            }
        }
        let mut rest = told.into_iter();
        loop {
            let mut participants = vec![self.itself(now, reference)];
            participants.extend(rest.by_ref().take(MOST_PARTICIPANTS - 1));
            let message = RoadsideSafetyMessage {
                msg_cnt: Self::wire_count(&mut self.rsm_count),
                id: self.wire_id(),
                ref_pos: Self::ref_pos(reference),
                participants: ParticipantList(participants),
            };
            self.push(&mut out, MessageKind::Rsm, &MessageFrame::RsmFrame(message));
            if rest.len() == 0 {
                return out;
            }
        }
    }

    fn itself(&self, now: Utc, reference: Steps) -> ParticipantData {
        ParticipantData {
            ptc_type: ParticipantType::Rsu,
            ptc_id: 0,
            source: SourceType::Selfinfo,
            id: None,
            sec_mark: sec_mark(now),
            pos: reference.offset_from(reference),
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

    fn participant(&mut self, now: Utc, reference: Steps, track: &Track) -> Result<ParticipantData, EncodeError> {
        let age_s = now.seconds_since(track.valid_at);
        if age_s.abs() > OLDEST_S {
            return Err(EncodeError::Value { field: "track_age_s", value: age_s, low: -OLDEST_S, high: OLDEST_S });
        }
        let pos = Steps::of("track_position_deg", &self.frame, track.position)?.offset_from(reference);
        let sigma_m =
            scale::finite("track_covariance_m2", track.covariance.trace()).map(|_| track.position_sigma_m())?;
        let own = track.vehicle.filter(|_| track.sources.v2x);
        let heading = track.heading.or_else(|| track.course().map(jxz_units::Yaw::to_heading));
        let speed = scale::speed_to_wire("track_speed_mps", Some(track.speed_mps()))?;
        let heading = scale::heading_to_wire(heading)?;
        let size = scale::size_to_wire(track.extent_m)?;
        let pos_confidence = scale::position_confidence(Some(sigma_m))?;
        // Last, so that a refused track takes no number from another.
        let ptc_id = self.participants.number(track.id).ok_or(EncodeError::Count {
            field: "tracks",
            count: 256,
            low: 0,
            high: 255,
        })?;
        Ok(ParticipantData {
            ptc_type: kind_to_wire(track),
            ptc_id: ptc_id.into(),
            source: source_to_wire(track, own.is_some()),
            id: own.map(|vehicle| vehicle.0),
            sec_mark: sec_mark(track.valid_at),
            pos,
            pos_confidence,
            transmission: None,
            speed,
            heading,
            angle: None,
            motion_cfd: motion_confidence(track),
            accel_set: None,
            size,
            vehicle_class: None,
        })
    }
}

fn kind_to_wire(track: &Track) -> ParticipantType {
    match track.class.best() {
        (RoadUserClass::Motor, p) if p > CLASS_SURE => ParticipantType::Motor,
        (RoadUserClass::NonMotor, p) if p > CLASS_SURE => ParticipantType::NonMotor,
        (RoadUserClass::Pedestrian, p) if p > CLASS_SURE => ParticipantType::Pedestrian,
        _ => ParticipantType::Unknown,
    }
}

fn source_to_wire(track: &Track, own: bool) -> SourceType {
    match (own, track.sources.radar, track.sources.camera) {
        (true, _, _) => SourceType::V2x,
        (false, true, true) => SourceType::Integrated,
        (false, true, false) => SourceType::MicrowaveRadar,
        (false, false, true) => SourceType::Video,
        (false, false, false) => SourceType::Unknown,
    }
}

/// Errors along and across the velocity, from the covariance; nothing while standing, where they mean nothing.
fn motion_confidence(track: &Track) -> Option<MotionConfidenceSet> {
    let speed_mps = track.speed_mps();
    track.course()?;
    let along = track.velocity / speed_mps;
    let across = jxz_geo::Vector::new(-along.y, along.x);
    let velocity_covariance = track.covariance.fixed_view::<2, 2>(2, 2).into_owned();
    let sigma = |direction: jxz_geo::Vector| (direction.dot(&(velocity_covariance * direction))).max(0.0).sqrt();
    Some(MotionConfidenceSet {
        speed_cfd: scale::speed_confidence(sigma(along)),
        heading_cfd: scale::heading_confidence(sigma(across) / speed_mps),
        steer_cfd: None,
    })
}

/// The participants of an RSM, in local terms.
pub(crate) fn read(message: &RoadsideSafetyMessage, near: Utc, frame: &LocalFrame) -> Result<ReceivedRsm, DecodeError> {
    let reference = Steps::from_position(&message.ref_pos)
        .ok_or(DecodeError::Unavailable { path: "RoadsideSafetyMessage.ref_pos" })?;
    let participants = message
        .participants
        .0
        .iter()
        .map(|data| read_participant(data, reference, near, frame))
        .collect::<Result<_, _>>()?;
    Ok(ReceivedRsm {
        unit: UnitId(message.id),
        message_count: message.msg_cnt.0,
        position: reference.to_point(frame),
        participants,
    })
}

fn read_participant(
    data: &ParticipantData,
    reference: Steps,
    near: Utc,
    frame: &LocalFrame,
) -> Result<Participant, DecodeError> {
    let position = Steps::from_offset(reference, &data.pos)
        .ok_or(DecodeError::Unavailable { path: "RoadsideSafetyMessage.participants.pos" })?
        .to_point(frame);
    let motion = data.motion_cfd.as_ref();
    Ok(Participant {
        number: data.ptc_id,
        kind: kind_from_wire(data.ptc_type),
        source: source_from_wire(data.source),
        vehicle: data.id.map(VehicleId),
        valid_at: valid_at(&data.sec_mark, near, "RoadsideSafetyMessage.participants.sec_mark")?,
        position,
        position_sigma_m: scale::position_sigma(&data.pos_confidence),
        speed_mps: scale::speed_from_wire(data.speed),
        speed_sigma_mps: motion.and_then(|m| m.speed_cfd).and_then(scale::speed_sigma),
        heading: scale::heading_from_wire(data.heading),
        heading_sigma_rad: motion.and_then(|m| m.heading_cfd).and_then(scale::heading_sigma),
        extent_m: scale::size_from_wire(&data.size),
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

const fn source_from_wire(source: SourceType) -> ParticipantSource {
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

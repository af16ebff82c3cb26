//! Personal safety messages: what a pedestrian or cyclist with a radio says of itself.

use crate::asn::{
    MessageFrame, MessageFrameExt, MsgCount as WireCount, NonMotorData, NumberOfParticipantsInCluster, PathHistory,
    PathHistoryPoint, PersonalCrossing, PersonalDeviceUserType, PersonalRequest, PersonalSafetyMessage, Profile,
    encode_frame,
};
use crate::bsm::{acceleration_set, longitudinal_mps2};
use crate::ellipse::Ellipse;
use crate::error::{DecodeError, EncodeError};
use crate::number::MsgCount;
use crate::place::Steps;
use crate::scale;
use crate::time::{sec_mark, valid_at};
use jxz_geo::{LocalFrame, Point};
use jxz_units::{Heading, Utc};
use jxz_world::{RoadUserClass, VehicleDetails, VehicleId, VehicleReport};

/// The set's code for an age that is not told.
const AGE_UNAVAILABLE: u16 = 65_535;
const COARSE_HEADING_UNAVAILABLE: u8 = 240;

/// Who carries the radio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalKind {
    /// Someone on foot.
    Pedestrian,
    /// Someone on a bicycle.
    Cyclist,
    /// Someone at work on the road.
    RoadWorker,
    /// An animal.
    Animal,
}

impl PersonalKind {
    /// The class of road user; an animal is none of them.
    #[must_use]
    pub const fn class(self) -> Option<RoadUserClass> {
        match self {
            Self::Pedestrian | Self::RoadWorker => Some(RoadUserClass::Pedestrian),
            Self::Cyclist => Some(RoadUserClass::NonMotor),
            Self::Animal => None,
        }
    }
}

/// How many one radio speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterSize {
    /// A few.
    Small,
    /// Some more.
    Medium,
    /// Many.
    Large,
}

/// Where somebody is with crossing the road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// Asks to be let over.
    Request,
    /// Is on the way.
    Under,
    /// Is over.
    Finished,
}

/// What a personal unit knows of its bearer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PersonalState {
    /// The unit's temporary id.
    pub id: VehicleId,
    /// When the state was so.
    pub valid_at: Utc,
    /// Where, local frame.
    pub position: Point,
    /// How well that is known.
    pub accuracy: Option<Ellipse>,
    /// Speed, metres per second, 0 to 163.8.
    pub speed_mps: Option<f64>,
    /// Direction of travel.
    pub heading: Option<Heading>,
    /// Acceleration along that, metres per second squared.
    pub acceleration_mps2: Option<f64>,
    /// How far the bearer and what belongs to it reach around the position, metres, 0 to 20 (in decimetres on the
    /// wire: our reading; no public text gives the unit).
    pub radius_m: f64,
    /// Who it is.
    pub kind: Option<PersonalKind>,
    /// How many the radio speaks for.
    pub cluster: Option<ClusterSize>,
    /// Where it is with crossing the road.
    pub crossing: Option<Crossing>,
}

/// Where somebody was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PastPoint {
    /// Where, local frame.
    pub position: Point,
    /// How long before the message, seconds; `None` beyond what the set can say.
    pub age_s: Option<f64>,
    /// The speed there, metres per second.
    pub speed_mps: Option<f64>,
    /// The direction there, to 1.5 degrees.
    pub heading: Option<Heading>,
}

/// A received PSM.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedPsm {
    /// Its counter, 0..=127.
    pub message_count: u8,
    /// What it says.
    pub state: PersonalState,
    /// Where it was, the newest first; empty if not told.
    pub path: Vec<PastPoint>,
}

impl ReceivedPsm {
    /// As a report that fusion takes.
    #[must_use]
    pub fn report(&self) -> VehicleReport {
        let state = &self.state;
        VehicleReport {
            vehicle: state.id,
            message_count: self.message_count,
            valid_at: state.valid_at,
            position: state.position,
            position_sigma_m: state.accuracy.map(Ellipse::sigma_m),
            speed_mps: state.speed_mps,
            heading: state.heading,
            acceleration_mps2: state.acceleration_mps2,
            extent_m: None,
            class: state.kind.and_then(PersonalKind::class),
            details: VehicleDetails::default(),
        }
    }
}

/// A PSM frame in unaligned PER.
///
/// # Errors
/// [`EncodeError::NotInProfile`] unless the profile is `day-2`; [`EncodeError::Value`] naming the number that is NaN
/// or that the message cannot say.
pub fn encode_psm(
    frame: &LocalFrame,
    profile: Profile,
    state: &PersonalState,
    count: MsgCount,
) -> Result<Vec<u8>, EncodeError> {
    if profile != Profile::Day2 {
        return Err(EncodeError::NotInProfile { message: "PSM", profile });
    }
    let message = PersonalSafetyMessage {
        msg_cnt: WireCount(count.get()),
        id: state.id.0,
        sec_mark: sec_mark(state.valid_at),
        time_confidence: None,
        pos: Steps::of("position_deg", frame, state.position)?.to_position(),
        pos_accuracy: state.accuracy.map_or(Ok(Ellipse::UNAVAILABLE), Ellipse::to_wire)?,
        speed: scale::speed_to_wire("speed_mps", state.speed_mps)?,
        heading: scale::heading_to_wire(state.heading)?,
        accel_set: state.acceleration_mps2.map(|value| acceleration_set(Some(value))).transpose()?,
        path_history: None,
        path_planning: None,
        overall_radius: scale::steps("radius_m", state.radius_m, 0.1, 0, 200)? as u8,
        non_motor_data: NonMotorData {
            basic_type: kind_to_wire(state.kind),
            propulsion: None,
            cluster_size: state.cluster.map(cluster_to_wire),
            attachment: None,
            personal_ext: None,
            road_worker_ext: None,
            personal_req: state.crossing.map(|crossing| PersonalRequest { crossing: Some(crossing_to_wire(crossing)) }),
        },
    };
    Ok(encode_frame(&MessageFrame::MsgFrameExt(MessageFrameExt::Psm(message)), profile)?)
}

const fn kind_to_wire(kind: Option<PersonalKind>) -> PersonalDeviceUserType {
    match kind {
        None => PersonalDeviceUserType::Unavailable,
        Some(PersonalKind::Pedestrian) => PersonalDeviceUserType::APedestrian,
        Some(PersonalKind::Cyclist) => PersonalDeviceUserType::APedalcyclist,
        Some(PersonalKind::RoadWorker) => PersonalDeviceUserType::ARoadworker,
        Some(PersonalKind::Animal) => PersonalDeviceUserType::AnAnimal,
    }
}

const fn kind_from_wire(kind: PersonalDeviceUserType) -> Option<PersonalKind> {
    match kind {
        PersonalDeviceUserType::Unavailable => None,
        PersonalDeviceUserType::APedestrian => Some(PersonalKind::Pedestrian),
        PersonalDeviceUserType::APedalcyclist => Some(PersonalKind::Cyclist),
        PersonalDeviceUserType::ARoadworker => Some(PersonalKind::RoadWorker),
        PersonalDeviceUserType::AnAnimal => Some(PersonalKind::Animal),
    }
}

const fn cluster_to_wire(size: ClusterSize) -> NumberOfParticipantsInCluster {
    match size {
        ClusterSize::Small => NumberOfParticipantsInCluster::Small,
        ClusterSize::Medium => NumberOfParticipantsInCluster::Medium,
        ClusterSize::Large => NumberOfParticipantsInCluster::Large,
    }
}

const fn cluster_from_wire(size: NumberOfParticipantsInCluster) -> Option<ClusterSize> {
    match size {
        NumberOfParticipantsInCluster::Unavailable => None,
        NumberOfParticipantsInCluster::Small => Some(ClusterSize::Small),
        NumberOfParticipantsInCluster::Medium => Some(ClusterSize::Medium),
        NumberOfParticipantsInCluster::Large => Some(ClusterSize::Large),
    }
}

const fn crossing_to_wire(crossing: Crossing) -> PersonalCrossing {
    match crossing {
        Crossing::Request => PersonalCrossing::Request,
        Crossing::Under => PersonalCrossing::Crossing,
        Crossing::Finished => PersonalCrossing::Finish,
    }
}

const fn crossing_from_wire(crossing: PersonalCrossing) -> Option<Crossing> {
    match crossing {
        PersonalCrossing::Unavailable => None,
        PersonalCrossing::Request => Some(Crossing::Request),
        PersonalCrossing::Crossing => Some(Crossing::Under),
        PersonalCrossing::Finish => Some(Crossing::Finished),
    }
}

/// What somebody says of itself, in local terms.
pub(crate) fn read(message: &PersonalSafetyMessage, near: Utc, frame: &LocalFrame) -> Result<ReceivedPsm, DecodeError> {
    let position =
        Steps::from_position(&message.pos).ok_or(DecodeError::Unavailable { path: "PersonalSafetyMessage.pos" })?;
    let data = &message.non_motor_data;
    let crossing = data.personal_req.as_ref().and_then(|request| request.crossing);
    Ok(ReceivedPsm {
        message_count: message.msg_cnt.0,
        state: PersonalState {
            id: VehicleId(message.id),
            valid_at: valid_at(&message.sec_mark, near, "PersonalSafetyMessage.secMark")?,
            position: position.to_point(frame),
            accuracy: Ellipse::from_wire(&message.pos_accuracy),
            speed_mps: scale::speed_from_wire(message.speed),
            heading: scale::heading_from_wire(message.heading),
            acceleration_mps2: message.accel_set.as_ref().and_then(longitudinal_mps2),
            radius_m: f64::from(message.overall_radius) / 10.0,
            kind: kind_from_wire(data.basic_type),
            cluster: data.cluster_size.and_then(cluster_from_wire),
            crossing: crossing.and_then(crossing_from_wire),
        },
        path: message.path_history.as_ref().map_or_else(Vec::new, |path| read_path(path, position, frame)),
    })
}

/// The points of a path, told from where it begins, or else from where its owner is; those that are not told are left
/// out.
fn read_path(path: &PathHistory, here: Steps, frame: &LocalFrame) -> Vec<PastPoint> {
    let begins = path.initial_position.as_ref().map_or(Some(here), |initial| Steps::from_position(&initial.pos));
    let Some(from) = begins else { return Vec::new() };
    let point = |crumb: &PathHistoryPoint| {
        let age = crumb.time_offset.0;
        let heading = crumb.heading.as_ref().map(|heading| heading.0);
        Some(PastPoint {
            position: Steps::from_offset(from, &crumb.llv_offset)?.to_point(frame),
            age_s: (age != AGE_UNAVAILABLE).then(|| f64::from(age) / 100.0),
            speed_mps: crumb.speed.and_then(scale::speed_from_wire),
            heading: heading
                .filter(|steps| *steps != COARSE_HEADING_UNAVAILABLE)
                .map(|steps| Heading::from_deg(f64::from(steps) * 1.5)),
        })
    };
    path.crumb_data.0.iter().filter_map(point).collect()
}

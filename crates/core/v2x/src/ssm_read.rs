//! Received sensor sharing messages.

use crate::asn::{
    DetectedObstacleData, DetectedPtcData, DetectedPtcType, EquipmentType, ObstacleType, Polygon, SensorSharingMsg,
};
use crate::encoder::UnitId;
use crate::error::DecodeError;
use crate::place::Steps;
use crate::rsi::{self, ReceivedWarning};
use crate::rsm::{Participant, ParticipantSource, Paths, read_participant, source_from_wire};
use crate::scale;
use crate::time::valid_at;
use jxz_geo::{LocalFrame, Point};
use jxz_units::{Heading, Utc};

/// Who shares what its sensors see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equipment {
    /// Not told.
    Unknown,
    /// A roadside unit.
    RoadsideUnit,
    /// A vehicle.
    OnBoardUnit,
    /// A pedestrian or cyclist.
    Personal,
}

/// What a detected participant is, finer than [`crate::ParticipantKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetectedKind {
    /// It may move.
    Movable,
    /// It cannot move.
    Unmovable,
    /// A car.
    Car,
    /// A van.
    Van,
    /// A lorry.
    Truck,
    /// A bus.
    Bus,
    /// Someone on a bicycle.
    Cyclist,
    /// Someone on a motorcycle.
    Motorcyclist,
    /// Someone on a tricycle.
    Tricyclist,
    /// Someone on foot.
    Pedestrian,
}

/// What an obstacle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObstacleKind {
    /// A fallen rock.
    Rockfall,
    /// A landslide.
    Landslide,
    /// An animal.
    Animal,
    /// Spilt liquid.
    LiquidSpill,
    /// Lost load.
    ScatteredGoods,
    /// A cone.
    TrafficCone,
    /// A warning triangle.
    SafetyTriangle,
    /// A road block.
    Roadblock,
    /// A manhole without its cover.
    OpenManhole,
    /// Fragments of something.
    Fragments,
    /// Something hard.
    Hard,
    /// Something soft.
    Soft,
}

/// A participant that somebody's sensors see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharedParticipant {
    /// As in RSM.
    pub participant: Participant,
    /// What it is, where that is told.
    pub kind: Option<DetectedKind>,
    /// Probability of that, 0 to 1, in steps of 0.005.
    pub kind_probability: Option<f64>,
    /// For how long it has been tracked, seconds (our reading; no public text gives the unit).
    pub tracked_s: Option<f64>,
}

/// An obstacle that somebody's sensors see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Obstacle {
    /// Its number with the sender.
    pub number: u16,
    /// What it is, where that is told.
    pub kind: Option<ObstacleKind>,
    /// Probability of that, 0 to 1, in steps of 0.005.
    pub kind_probability: Option<f64>,
    /// Who says so.
    pub source: ParticipantSource,
    /// When the state was so.
    pub valid_at: Utc,
    /// Where, local frame.
    pub position: Point,
    /// 1-sigma position error, metres, rounded up to the set's steps.
    pub position_sigma_m: Option<f64>,
    /// Speed, metres per second.
    pub speed_mps: Option<f64>,
    /// Direction of movement.
    pub heading: Option<Heading>,
    /// Length and width, metres.
    pub extent_m: Option<(f64, f64)>,
    /// For how long it has been tracked, seconds (as for participants).
    pub tracked_s: Option<f64>,
}

/// A received SSM.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedSsm {
    /// Who sent it.
    pub sender: UnitId,
    /// Its counter, 0..=127.
    pub message_count: u8,
    /// What the sender is.
    pub equipment: Equipment,
    /// When it was made.
    pub valid_at: Utc,
    /// The sender's reference position, local frame.
    pub position: Point,
    /// What its sensors cover: outlines in the local frame, empty if not told. Where nothing is told within one, the
    /// sender saw nothing there.
    pub regions: Vec<Vec<Point>>,
    /// The road users.
    pub participants: Vec<SharedParticipant>,
    /// Everything else in the way.
    pub obstacles: Vec<Obstacle>,
    /// Events, as in an RSI.
    pub events: Vec<ReceivedWarning>,
}

const PATHS: Paths =
    Paths { pos: "SensorSharingMsg.participants.ptc.pos", sec_mark: "SensorSharingMsg.participants.ptc.secMark" };

/// What somebody's sensors cover and see, in local terms.
pub(crate) fn read(message: &SensorSharingMsg, near: Utc, frame: &LocalFrame) -> Result<ReceivedSsm, DecodeError> {
    let reference = Steps::from_position(&message.sensor_pos)
        .ok_or(DecodeError::Unavailable { path: "SensorSharingMsg.sensorPos" })?;
    let regions = message.detected_region.iter().flat_map(|region| &region.0);
    let participants = message.participants.iter().flat_map(|list| &list.0);
    let obstacles = message.obstacles.iter().flat_map(|list| &list.0);
    Ok(ReceivedSsm {
        sender: UnitId(message.id),
        message_count: message.msg_cnt.0,
        equipment: match message.equipment_type {
            EquipmentType::Unknown => Equipment::Unknown,
            EquipmentType::Rsu => Equipment::RoadsideUnit,
            EquipmentType::Obu => Equipment::OnBoardUnit,
            EquipmentType::Vru => Equipment::Personal,
        },
        valid_at: valid_at(&message.sec_mark, near, "SensorSharingMsg.secMark")?,
        position: reference.to_point(frame),
        regions: regions.map(|polygon| read_polygon(polygon, reference, frame)).collect::<Result<_, _>>()?,
        participants: participants.map(|data| read_shared(data, reference, near, frame)).collect::<Result<_, _>>()?,
        obstacles: obstacles.map(|data| read_obstacle(data, reference, near, frame)).collect::<Result<_, _>>()?,
        events: rsi::read_events(message.rtes.as_ref(), reference, near, frame)?,
    })
}

fn read_polygon(polygon: &Polygon, reference: Steps, frame: &LocalFrame) -> Result<Vec<Point>, DecodeError> {
    let corner = |offset| Steps::from_offset(reference, offset).map(|steps| steps.to_point(frame));
    let path = "SensorSharingMsg.detectedRegion";
    polygon.0.iter().map(|offset| corner(offset).ok_or(DecodeError::Unavailable { path })).collect()
}

fn read_shared(
    data: &DetectedPtcData,
    reference: Steps,
    near: Utc,
    frame: &LocalFrame,
) -> Result<SharedParticipant, DecodeError> {
    Ok(SharedParticipant {
        participant: read_participant(&data.ptc, reference, near, frame, &PATHS)?,
        kind: data.detected_ptc_type.and_then(kind_from_wire),
        kind_probability: data.type_confidence.as_ref().map(|confidence| f64::from(confidence.0) / 200.0),
        tracked_s: data.tracking.map(f64::from),
    })
}

const fn kind_from_wire(kind: DetectedPtcType) -> Option<DetectedKind> {
    match kind {
        DetectedPtcType::Unknown => None,
        DetectedPtcType::UnknownMovable => Some(DetectedKind::Movable),
        DetectedPtcType::UnknownUnmovable => Some(DetectedKind::Unmovable),
        DetectedPtcType::Car => Some(DetectedKind::Car),
        DetectedPtcType::Van => Some(DetectedKind::Van),
        DetectedPtcType::Truck => Some(DetectedKind::Truck),
        DetectedPtcType::Bus => Some(DetectedKind::Bus),
        DetectedPtcType::Cyclist => Some(DetectedKind::Cyclist),
        DetectedPtcType::Motorcyclist => Some(DetectedKind::Motorcyclist),
        DetectedPtcType::Tricyclist => Some(DetectedKind::Tricyclist),
        DetectedPtcType::Pedestrian => Some(DetectedKind::Pedestrian),
    }
}

fn read_obstacle(
    data: &DetectedObstacleData,
    reference: Steps,
    near: Utc,
    frame: &LocalFrame,
) -> Result<Obstacle, DecodeError> {
    let position = Steps::from_offset(reference, &data.pos)
        .ok_or(DecodeError::Unavailable { path: "SensorSharingMsg.obstacles.pos" })?
        .to_point(frame);
    let (length, width) = (data.size.length.0, data.size.width.0);
    Ok(Obstacle {
        number: data.obs_id,
        kind: obstacle_from_wire(data.obs_type),
        kind_probability: data.obj_type_confidence.as_ref().map(|confidence| f64::from(confidence.0) / 200.0),
        source: source_from_wire(data.source),
        valid_at: valid_at(&data.sec_mark, near, "SensorSharingMsg.obstacles.secMark")?,
        position,
        position_sigma_m: scale::position_sigma(&data.pos_confidence),
        speed_mps: scale::speed_from_wire(data.speed),
        heading: scale::heading_from_wire(data.heading),
        extent_m: (length > 0 && width > 0).then(|| (f64::from(length) / 100.0, f64::from(width) / 100.0)),
        tracked_s: data.tracking.map(f64::from),
    })
}

const fn obstacle_from_wire(kind: ObstacleType) -> Option<ObstacleKind> {
    match kind {
        ObstacleType::Unknown => None,
        ObstacleType::Rockfall => Some(ObstacleKind::Rockfall),
        ObstacleType::Landslide => Some(ObstacleKind::Landslide),
        ObstacleType::AnimalIntrusion => Some(ObstacleKind::Animal),
        ObstacleType::LiquidSpill => Some(ObstacleKind::LiquidSpill),
        ObstacleType::GoodsScattered => Some(ObstacleKind::ScatteredGoods),
        ObstacleType::Trafficcone => Some(ObstacleKind::TrafficCone),
        ObstacleType::SafetyTriangle => Some(ObstacleKind::SafetyTriangle),
        ObstacleType::TrafficRoadblock => Some(ObstacleKind::Roadblock),
        ObstacleType::InspectionShaftWithoutCover => Some(ObstacleKind::OpenManhole),
        ObstacleType::UnknownFragments => Some(ObstacleKind::Fragments),
        ObstacleType::UnknownHardObject => Some(ObstacleKind::Hard),
        ObstacleType::UnknownSoftObject => Some(ObstacleKind::Soft),
    }
}

//! Map: nodes, links, lanes, movements.

use super::common::{DescriptiveName, MsgCount, NodeReferenceId, PhaseId, Speed};
use super::json;
use super::position::{Position3d, PositionOffsetLlv};
use super::time::MinuteOfTheYear;
use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// Roads and junctions (MAP).
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct MapData {
    pub msg_cnt: MsgCount,
    pub time_stamp: Option<MinuteOfTheYear>,
    pub nodes: NodeList,
}

/// Lanes of a link.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=32"))]
pub struct LaneList(pub Vec<Lane>);

/// One lane.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Lane {
    #[serde(rename = "laneID")]
    pub lane_id: LaneId,
    pub lane_width: Option<LaneWidth>,
    pub lane_attributes: Option<LaneAttributes>,
    pub maneuvers: Option<AllowedManeuvers>,
    pub connects_to: Option<ConnectsToList>,
    pub speed_limits: Option<SpeedLimitList>,
    pub points: Option<PointList>,
}

/// Number of a lane on its link; 0 is unknown.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=255"))]
pub struct LaneId(pub u8);

/// 1 cm.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=32767"))]
pub struct LaneWidth(pub u16);

/// Where a lane leads.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=8"))]
pub struct ConnectsToList(pub Vec<Connection>);

/// One way on from a lane.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    pub remote_intersection: NodeReferenceId,
    pub connecting_lane: Option<ConnectingLane>,
    pub phase_id: Option<PhaseId>,
}

/// The lane that a connection leads to.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectingLane {
    pub lane: LaneId,
    pub maneuver: Option<AllowedManeuvers>,
}

/// Twelve flags: straight, left, right, U-turn, left on red, right on red, lane change, no stopping, yield, stop first, caution.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("12"))]
pub struct AllowedManeuvers(#[serde(with = "json::bits")] pub BitString);

/// What a lane is.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaneAttributes {
    pub share_with: Option<LaneSharing>,
    pub lane_type: LaneTypeAttributes,
}

/// Ten flags: who shares the lane.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("10"))]
pub struct LaneSharing(#[serde(with = "json::bits")] pub BitString);

/// The kind of lane, with flags of that kind.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(choice, automatic_tags)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum LaneTypeAttributes {
    Vehicle(LaneAttributesVehicle),
    Crosswalk(LaneAttributesCrosswalk),
    BikeLane(LaneAttributesBike),
    Sidewalk(LaneAttributesSidewalk),
    Median(LaneAttributesBarrier),
    Striping(LaneAttributesStriping),
    TrackedVehicle(LaneAttributesTrackedVehicle),
    Parking(LaneAttributesParking),
}

/// Flags of a vehicle lane; extensible size.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("8", extensible))]
pub struct LaneAttributesVehicle(#[serde(with = "json::bits")] pub BitString);

/// Flags of a crossing.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct LaneAttributesCrosswalk(#[serde(with = "json::bits")] pub BitString);

/// Flags of a cycle lane.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct LaneAttributesBike(#[serde(with = "json::bits")] pub BitString);

/// Flags of a footway.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct LaneAttributesSidewalk(#[serde(with = "json::bits")] pub BitString);

/// Flags of a median.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct LaneAttributesBarrier(#[serde(with = "json::bits")] pub BitString);

/// Flags of road markings.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct LaneAttributesStriping(#[serde(with = "json::bits")] pub BitString);

/// Flags of a rail track.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct LaneAttributesTrackedVehicle(#[serde(with = "json::bits")] pub BitString);

/// Flags of a parking lane.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct LaneAttributesParking(#[serde(with = "json::bits")] pub BitString);

/// Links that enter a node.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=32"))]
pub struct LinkList(pub Vec<Link>);

/// A road from one node to the next.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Link {
    pub name: Option<DescriptiveName>,
    pub upstream_node_id: NodeReferenceId,
    pub speed_limits: Option<SpeedLimitList>,
    pub link_width: LaneWidth,
    pub points: Option<PointList>,
    pub movements: Option<MovementList>,
    pub lanes: LaneList,
}

/// Movements at a link's end.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=32"))]
pub struct MovementList(pub Vec<Movement>);

/// A movement through the node.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Movement {
    pub remote_intersection: NodeReferenceId,
    pub phase_id: Option<PhaseId>,
}

/// Nodes of a map.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=32"))]
pub struct NodeList(pub Vec<Node>);

/// A junction with the links that enter it.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Node {
    pub name: Option<DescriptiveName>,
    pub id: NodeReferenceId,
    pub ref_pos: Position3d,
    pub in_links: Option<LinkList>,
}

/// Points of a centre line.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("2..=31"))]
pub struct PointList(pub Vec<RoadPoint>);

/// One point of a centre line.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RoadPoint {
    pub pos_offset: PositionOffsetLlv,
}

/// Speed limits.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=9"))]
pub struct SpeedLimitList(pub Vec<RegulatorySpeedLimit>);

/// One speed limit.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegulatorySpeedLimit {
    #[serde(rename = "type")]
    pub kind: SpeedLimitType,
    pub speed: Speed,
}

/// What a speed limit is for.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum SpeedLimitType {
    Unknown,
    MaxSpeedInSchoolZone,
    MaxSpeedInSchoolZoneWhenChildrenArePresent,
    MaxSpeedInConstructionZone,
    VehicleMinSpeed,
    VehicleMaxSpeed,
    VehicleNightMaxSpeed,
    TruckMinSpeed,
    TruckMaxSpeed,
    TruckNightMaxSpeed,
    VehiclesWithTrailersMinSpeed,
    VehiclesWithTrailersMaxSpeed,
    VehiclesWithTrailersNightMaxSpeed,
}

//! Received map messages.

use crate::asn::{Lane, LaneTypeAttributes, Link, MapData, Node, PointList, SpeedLimitList, SpeedLimitType};
use crate::error::DecodeError;
use crate::place::Steps;
use crate::scale;
use crate::spat::{NodeRef, name_from_wire};
use jxz_geo::{LocalFrame, Point};
use jxz_map::LaneKind;
use jxz_world::PhaseId;

/// A way on from a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceivedConnection {
    /// The junction that it leads to.
    pub node: NodeRef,
    /// The lane that it leads into, from 1.
    pub lane: Option<u8>,
    /// The phase that lets it go.
    pub phase: Option<PhaseId>,
}

/// A lane of a received link.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedLane {
    /// Its number on the link, from 1; 0 is not told.
    pub number: u8,
    /// Who may use it, if it is one of ours.
    pub kind: Option<LaneKind>,
    /// Width, metres.
    pub width_m: Option<f64>,
    /// Speed limit of its own, metres per second.
    pub speed_limit_mps: Option<f64>,
    /// Where it leads.
    pub connections: Vec<ReceivedConnection>,
    /// Centre line in the direction of travel, local frame; empty if not told.
    pub line: Vec<Point>,
}

/// A link of a received node.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedLink {
    /// Its name.
    pub name: Option<String>,
    /// The junction where it begins.
    pub upstream: NodeRef,
    /// Speed limit, metres per second.
    pub speed_limit_mps: Option<f64>,
    /// Reference line in the direction of travel, local frame; empty if not told.
    pub line: Vec<Point>,
    /// Its lanes.
    pub lanes: Vec<ReceivedLane>,
}

/// A junction of a received map.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedNode {
    /// Which.
    pub node: NodeRef,
    /// Its name.
    pub name: Option<String>,
    /// Where, local frame.
    pub position: Point,
    /// Links that enter it; a big node comes in several messages.
    pub links: Vec<ReceivedLink>,
}

/// A received MAP.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedMap {
    /// Its counter, 0..=127.
    pub message_count: u8,
    /// Its junctions.
    pub nodes: Vec<ReceivedNode>,
}

/// The junctions of a MAP, in local terms.
pub(crate) fn read(message: &MapData, frame: &LocalFrame) -> Result<ReceivedMap, DecodeError> {
    let nodes = message.nodes.0.iter().map(|node| read_node(node, frame)).collect::<Result<_, _>>()?;
    Ok(ReceivedMap { message_count: message.msg_cnt.0, nodes })
}

fn read_node(node: &Node, frame: &LocalFrame) -> Result<ReceivedNode, DecodeError> {
    let reference =
        Steps::from_position(&node.ref_pos).ok_or(DecodeError::Unavailable { path: "MapData.nodes.ref_pos" })?;
    let links = node.in_links.iter().flat_map(|links| &links.0);
    Ok(ReceivedNode {
        node: NodeRef::from_wire(&node.id),
        name: node.name.as_ref().map(name_from_wire),
        position: reference.to_point(frame),
        links: links.map(|link| read_link(link, reference, frame)).collect::<Result<_, _>>()?,
    })
}

fn read_link(link: &Link, reference: Steps, frame: &LocalFrame) -> Result<ReceivedLink, DecodeError> {
    Ok(ReceivedLink {
        name: link.name.as_ref().map(name_from_wire),
        upstream: NodeRef::from_wire(&link.upstream_node_id),
        speed_limit_mps: link.speed_limits.as_ref().and_then(general_limit),
        line: read_line(link.points.as_ref(), reference, frame, "MapData.nodes.in_links.points")?,
        lanes: link.lanes.0.iter().map(|lane| read_lane(lane, reference, frame)).collect::<Result<_, _>>()?,
    })
}

fn read_lane(lane: &Lane, reference: Steps, frame: &LocalFrame) -> Result<ReceivedLane, DecodeError> {
    let connections = lane.connects_to.iter().flat_map(|list| &list.0).map(|connection| ReceivedConnection {
        node: NodeRef::from_wire(&connection.remote_intersection),
        lane: connection.connecting_lane.as_ref().map(|connecting| connecting.lane.0),
        phase: connection.phase_id.as_ref().map(|phase| PhaseId(phase.0)),
    });
    let kind = lane.lane_attributes.as_ref().and_then(|attributes| match attributes.lane_type {
        LaneTypeAttributes::Vehicle(_) => Some(LaneKind::Driving),
        LaneTypeAttributes::BikeLane(_) => Some(LaneKind::Cycle),
        LaneTypeAttributes::Sidewalk(_) => Some(LaneKind::Footway),
        _ => None,
    });
    Ok(ReceivedLane {
        number: lane.lane_id.0,
        kind,
        width_m: lane.lane_width.as_ref().map(|width| f64::from(width.0) / 100.0),
        speed_limit_mps: lane.speed_limits.as_ref().and_then(general_limit),
        connections: connections.collect(),
        line: read_line(lane.points.as_ref(), reference, frame, "MapData.nodes.in_links.lanes.points")?,
    })
}

/// The limit that holds for every vehicle.
fn general_limit(limits: &SpeedLimitList) -> Option<f64> {
    let general = limits.0.iter().find(|limit| limit.kind == SpeedLimitType::VehicleMaxSpeed)?;
    scale::speed_from_wire(general.speed)
}

fn read_line(
    points: Option<&PointList>,
    reference: Steps,
    frame: &LocalFrame,
    path: &'static str,
) -> Result<Vec<Point>, DecodeError> {
    let point = |offset| Steps::from_offset(reference, offset).map(|steps| steps.to_point(frame));
    points
        .iter()
        .flat_map(|points| &points.0)
        .map(|road_point| point(&road_point.pos_offset).ok_or(DecodeError::Unavailable { path }))
        .collect()
}

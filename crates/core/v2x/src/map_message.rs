//! Map messages: one junction with the roads that enter it.

use crate::asn::{
    AllowedManeuvers, ConnectingLane, Connection, ConnectsToList, Lane as WireLane, LaneAttributes, LaneAttributesBike,
    LaneAttributesSidewalk, LaneAttributesVehicle, LaneId, LaneList, LaneTypeAttributes, LaneWidth, Link as WireLink,
    LinkList, MapData, Movement as WireMovement, MovementList, Node, NodeList, PointList, RegulatorySpeedLimit,
    RoadPoint, SpeedLimitList, SpeedLimitType,
};
use crate::asn::{Bits, MessageFrame, PhaseId as WirePhase, Profile, Speed};
use crate::encoder::{Encoder, Refusal, Sink, Subject, packed};
use crate::error::EncodeError;
use crate::kind::MessageKind;
use crate::place::{Anchor, thinned};
use crate::roads::EDGE_OF_MAP;
use crate::scale;
use crate::spat::{NodeRef, name_to_wire};
use crate::time::moy;
use jxz_geo::Polyline;
use jxz_map::{Junction, JunctionIx, Lane, LaneIx, LaneKind, Link, LinkIx, Map, Turn};
use jxz_units::Utc;
use std::collections::BTreeSet;

/// Links a node may have, lanes a link, movements a link.
const MOST: usize = 32;
/// Ways on from one lane.
const fn most_connections(profile: Profile) -> usize {
    match profile {
        Profile::Release2019 => 16,
        _ => 8,
    }
}
/// Points of a centre line.
const MOST_POINTS: usize = 31;
const MANEUVER_BITS: u32 = 12;
const LEFT_ON_RED: u32 = 4;
const RIGHT_ON_RED: u32 = 5;
const LANE_CHANGE: u32 = 6;

impl Encoder {
    /// A junction of the map as MAP frames: one node with the links that enter it, their lanes, movements, speed
    /// limits and centre lines. Lines are thinned to 31 points, within 5 cm where that suffices; a node too big for
    /// about 1200 bytes takes several frames, each with some of its links. A link that cannot be said in the profile
    /// is refused.
    ///
    /// `lane` numbers count from 1, the lane next to the centre of the road. Node 0 stands for an edge of the map.
    /// `timeStamp` is the minute of sending: nothing says when the map itself was made.
    pub fn map_message(&mut self, now: Utc, map: &Map, junction: JunctionIx, sink: &mut dyn Sink) {
        let junction = map.junction(junction);
        let here = match Anchor::new("junction_position_deg", map.frame, junction.centre) {
            Ok(here) => here,
            Err(error) => {
                sink.refused(Refusal { subject: Subject::Map(junction.id.0.clone()), error });
                return;
            }
        };
        let mut links = Vec::new();
        for &ix in &junction.incoming {
            match self.measured_link(map, junction, &here, ix) {
                Ok(link) => links.push(link),
                Err(error) => sink.refused(Refusal { subject: Subject::Map(map.link(ix).id.clone()), error }),
            }
        }
        let mut packs = packed(links, MOST);
        if packs.is_empty() {
            packs.push(Vec::new());
        }
        for pack in packs {
            let mut data = node_frame(junction, &here, pack);
            data.msg_cnt = Self::wire_count(&mut self.counts.map);
            data.time_stamp = Some(moy(now));
            self.send(sink, MessageKind::Map, &MessageFrame::MapFrame(data));
        }
    }

    /// A link with the length of a frame that holds it alone.
    fn measured_link(
        &mut self,
        map: &Map,
        junction: &Junction,
        here: &Anchor,
        ix: LinkIx,
    ) -> Result<(WireLink, usize), EncodeError> {
        let link = link_to_wire(map, self.profile, here, map.link(ix))?;
        let alone = MessageFrame::MapFrame(node_frame(junction, here, vec![link.clone()]));
        Ok((link, self.length_of(&alone)?))
    }
}

/// A node with some of its links, at no time yet.
fn node_frame(junction: &Junction, here: &Anchor, links: Vec<WireLink>) -> MapData {
    let node = Node {
        name: name_to_wire(&junction.id.0),
        id: NodeRef::to_wire(junction.node_id),
        ref_pos: here.steps().to_position(),
        in_links: (!links.is_empty()).then_some(LinkList(links)),
        in_links_ex: None,
        prohibitedzone: None,
    };
    MapData { msg_cnt: crate::asn::MsgCount(0), time_stamp: None, nodes: NodeList(vec![node]) }
}

fn link_to_wire(map: &Map, profile: Profile, here: &Anchor, link: &Link) -> Result<WireLink, EncodeError> {
    in_bounds("lanes", link.lanes.len(), 1, MOST)?;
    let width_m: f64 = link.lanes.iter().map(|&ix| map.lane(ix).width_m).sum();
    let lanes = link
        .lanes
        .iter()
        .zip(1..)
        .map(|(&ix, number)| lane_to_wire(map, profile, here, link, (map.lane(ix), number)))
        .collect::<Result<_, _>>()?;
    Ok(WireLink {
        name: name_to_wire(&link.id),
        upstream_node_id: NodeRef::to_wire(link.from.map_or(EDGE_OF_MAP, |ix| map.junction(ix).node_id)),
        speed_limits: Some(speed_limit(link.speed_limit_mps)?),
        link_width: Some(lane_width(width_m)?),
        points: Some(line_to_wire(here, &link.line)?),
        movements: movements(map, link)?,
        lanes: LaneList(lanes),
    })
}

fn lane_to_wire(
    map: &Map,
    profile: Profile,
    here: &Anchor,
    link: &Link,
    (lane, number): (&Lane, u8),
) -> Result<WireLane, EncodeError> {
    // Rounded alike, so that no digit beyond the message's makes a limit of its own.
    let own_limit = speed_limit(lane.speed_limit_mps)?;
    let connections = ways_on(map, lane).map(|way| way.to_wire(map)).collect::<Vec<_>>();
    in_bounds("connections", connections.len(), 0, most_connections(profile))?;
    Ok(WireLane {
        lane_id: LaneId(number),
        lane_width: Some(lane_width(lane.width_m)?),
        lane_attributes: Some(LaneAttributes { share_with: None, lane_type: lane_type(lane.kind) }),
        maneuvers: Some(lane_maneuvers(map, lane)),
        connects_to: (!connections.is_empty()).then_some(ConnectsToList(connections)),
        speed_limits: (own_limit != speed_limit(link.speed_limit_mps)?).then_some(own_limit),
        points: Some(line_to_wire(here, &lane.centre)?),
    })
}

fn lane_type(kind: LaneKind) -> LaneTypeAttributes {
    match kind {
        LaneKind::Driving => LaneTypeAttributes::Vehicle(LaneAttributesVehicle(Bits::zeros(8))),
        LaneKind::Cycle => LaneTypeAttributes::BikeLane(LaneAttributesBike(Bits::zeros(16))),
        LaneKind::Footway => LaneTypeAttributes::Sidewalk(LaneAttributesSidewalk(Bits::zeros(16))),
    }
}

/// A way from a lane through the junction into the lane after it.
#[derive(Clone, Copy)]
struct WayOn<'a> {
    connector: &'a Lane,
    into: LaneIx,
    link: LinkIx,
}

/// The ways on from a lane of a link that end on a lane of another.
fn ways_on<'a>(map: &'a Map, lane: &'a Lane) -> impl Iterator<Item = WayOn<'a>> + 'a {
    let connectors = lane.successors.iter().map(|&ix| map.lane(ix)).filter(|lane| lane.movement.is_some());
    connectors.flat_map(move |connector| {
        connector
            .successors
            .iter()
            .filter_map(move |&into| map.lane(into).link.map(|link| WayOn { connector, into, link }))
    })
}

impl WayOn<'_> {
    fn remote(self, map: &Map) -> u16 {
        map.link(self.link).to.map_or(EDGE_OF_MAP, |ix| map.junction(ix).node_id)
    }

    fn phase(self) -> Option<WirePhase> {
        self.connector.movement.as_ref().and_then(|movement| movement.phase).map(|phase| WirePhase(phase.0))
    }

    fn to_wire(self, map: &Map) -> Connection {
        let position = map.link(self.link).lanes.iter().position(|&ix| ix == self.into);
        let lane = position.and_then(|position| u8::try_from(position + 1).ok());
        Connection {
            remote_intersection: NodeRef::to_wire(self.remote(map)),
            connecting_lane: lane.map(|lane| ConnectingLane {
                lane: LaneId(lane),
                maneuver: Some(maneuvers(core::iter::once(self.connector))),
            }),
            phase_id: self.phase(),
        }
    }
}

fn lane_maneuvers(map: &Map, lane: &Lane) -> AllowedManeuvers {
    let mut flags = maneuvers(lane.successors.iter().map(|&ix| map.lane(ix)));
    if lane.left.is_some() || lane.right.is_some() {
        flags.0 = flags.0.with(LANE_CHANGE);
    }
    flags
}

fn maneuvers<'a>(connectors: impl Iterator<Item = &'a Lane>) -> AllowedManeuvers {
    let mut bits = Bits::zeros(MANEUVER_BITS);
    for movement in connectors.filter_map(|connector| connector.movement.as_ref()) {
        let (turn, on_red) = match movement.turn {
            Turn::Straight => (0, None),
            Turn::Left => (1, Some(LEFT_ON_RED)),
            Turn::Right => (2, Some(RIGHT_ON_RED)),
            Turn::UTurn => (3, None),
        };
        bits = bits.with(turn);
        if let Some(bit) = on_red.filter(|_| movement.on_red) {
            bits = bits.with(bit);
        }
    }
    AllowedManeuvers(bits)
}

/// Where the link leads under which phases; several lanes with one movement make one entry.
fn movements(map: &Map, link: &Link) -> Result<Option<MovementList>, EncodeError> {
    let ways: BTreeSet<(u16, Option<u8>)> = link
        .lanes
        .iter()
        .flat_map(|&ix| ways_on(map, map.lane(ix)))
        .map(|way| (way.remote(map), way.phase().map(|phase| phase.0)))
        .collect();
    in_bounds("movements", ways.len(), 0, MOST)?;
    let movement = |(remote, phase): (u16, Option<u8>)| WireMovement {
        remote_intersection: NodeRef::to_wire(remote),
        phase_id: phase.map(WirePhase),
    };
    Ok((!ways.is_empty()).then(|| MovementList(ways.into_iter().map(movement).collect())))
}

fn speed_limit(limit_mps: f64) -> Result<SpeedLimitList, EncodeError> {
    let speed: Speed = scale::speed_to_wire("speed_limit_mps", Some(limit_mps))?;
    Ok(SpeedLimitList(vec![RegulatorySpeedLimit { kind: SpeedLimitType::VehicleMaxSpeed, speed }]))
}

fn lane_width(width_m: f64) -> Result<LaneWidth, EncodeError> {
    Ok(LaneWidth(scale::steps("width_m", width_m, 0.01, 0, 32_767)? as u16))
}

fn line_to_wire(here: &Anchor, line: &Polyline) -> Result<PointList, EncodeError> {
    let point = |point| Ok(RoadPoint { pos_offset: here.offset("line_deg", point)? });
    thinned(line.points(), MOST_POINTS).into_iter().map(point).collect::<Result<_, EncodeError>>().map(PointList)
}

fn in_bounds(field: &'static str, count: usize, low: usize, high: usize) -> Result<(), EncodeError> {
    if (low..=high).contains(&count) { Ok(()) } else { Err(EncodeError::Count { field, count, low, high }) }
}

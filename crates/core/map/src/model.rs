//! The map as the rest of the system sees it: expanded to lanes, indexed, immutable.

use jxz_geo::{LocalFrame, Point, Polyline};
use jxz_world::{JunctionId, PhaseId, Site, SiteId};

/// Index of a lane in [`Map::lanes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LaneIx(pub u32);

/// Index of a link in [`Map::links`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkIx(pub u32);

/// Index of a junction in [`Map::junctions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JunctionIx(pub u32);

/// Index of a crossing in [`Map::crossings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrossingIx(pub u32);

/// Who may use a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneKind {
    /// Motor vehicles.
    Driving,
    /// Cyclists.
    Cycle,
    /// Pedestrians.
    Footway,
}

/// What a movement through a junction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Within 30 degrees of straight on.
    Straight,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Back.
    UTurn,
}

/// One lane: on a link, or through a junction (a connector, with `movement` set).
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// Its name, stable across edits elsewhere in the map.
    pub id: String,
    /// Who may use it.
    pub kind: LaneKind,
    /// Centre line in the direction of travel.
    pub centre: Polyline,
    /// Width, metres.
    pub width_m: f64,
    /// Speed limit, metres per second.
    pub speed_limit_mps: f64,
    /// The link it belongs to; `None` for a connector.
    pub link: Option<LinkIx>,
    /// Its place on the link, 0 next to the centre of the road, for connectors 0.
    pub position: u8,
    /// Its movement, for a connector.
    pub movement: Option<Movement>,
    /// Lanes that continue it.
    pub successors: Vec<LaneIx>,
    /// Lanes that it continues.
    pub predecessors: Vec<LaneIx>,
    /// The neighbour to the left that one may change to (same direction and kind).
    pub left: Option<LaneIx>,
    /// The neighbour to the right that one may change to (same direction and kind).
    pub right: Option<LaneIx>,
    /// Distance along the centre line of the stop line, metres, if it has one.
    pub stop_line_m: Option<f64>,
    /// Crossings over it, with the distance along the centre line at which each is met, in that order.
    pub crossings: Vec<(CrossingIx, f64)>,
}

/// What a connector lane does in its junction.
#[derive(Debug, Clone, PartialEq)]
pub struct Movement {
    /// Which junction.
    pub junction: JunctionIx,
    /// What it does.
    pub turn: Turn,
    /// The signal phase that lets it go; `None`: no signal.
    pub phase: Option<PhaseId>,
    /// Whether it may go on red after giving way (right turns in China).
    pub on_red: bool,
    /// Connectors whose path meets this one's, with the distance along this connector and along that one at which
    /// they meet, metres.
    pub conflicts: Vec<(LaneIx, f64, f64)>,
    /// Those of the conflicts that this one gives way to.
    pub yields_to: Vec<LaneIx>,
}

/// A stretch of road in one direction between two junctions (or a junction and an end).
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Its name, stable across edits elsewhere in the map.
    pub id: String,
    /// Road name, Chinese; empty where the source has none.
    pub name_zh: String,
    /// Reference line in the direction of travel.
    pub line: Polyline,
    /// Its lanes, from the centre of the road outwards.
    pub lanes: Vec<LaneIx>,
    /// Where it begins; `None` at an edge of the map.
    pub from: Option<JunctionIx>,
    /// Where it ends; `None` at an edge of the map.
    pub to: Option<JunctionIx>,
    /// Speed limit, metres per second.
    pub speed_limit_mps: f64,
    /// The link on the same road in the other direction, if any.
    pub opposite: Option<LinkIx>,
    /// Height class: 0 on the island's ground, 1 the motorway above it, −1 in a tunnel.
    pub level: i8,
}

/// How a junction is controlled.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// Traffic signals on a fixed plan.
    Signals(SignalPlan),
    /// Side roads give way to the main road.
    Priority,
    /// Everyone gives way to the right.
    Uncontrolled,
}

/// A fixed-time signal plan. Its cycle starts at UTC multiples of the cycle plus the offset.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalPlan {
    /// Offset of the cycle's start, seconds.
    pub offset_s: f64,
    /// The stages, in order; their times add up to the cycle.
    pub stages: Vec<Stage>,
}

/// One stage of a signal plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Phases that are green.
    pub green: Vec<PhaseId>,
    /// Those of the green ones that must give way (permissive).
    pub permissive: Vec<PhaseId>,
    /// Time of green, seconds.
    pub green_s: f64,
    /// Time of yellow after it, seconds.
    pub yellow_s: f64,
    /// Time of all-red after that, seconds.
    pub all_red_s: f64,
}

/// A place where links meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Junction {
    /// Its name.
    pub id: JunctionId,
    /// Its number in messages (`NodeReferenceID.id`), unique on the island.
    pub node_id: u16,
    /// Name for people, Chinese.
    pub name_zh: String,
    /// Its middle, local frame.
    pub centre: Point,
    /// How it is controlled.
    pub control: Control,
    /// Links that end here.
    pub incoming: Vec<LinkIx>,
    /// Links that begin here.
    pub outgoing: Vec<LinkIx>,
    /// Lanes through it.
    pub connectors: Vec<LaneIx>,
    /// Crossings around it.
    pub crossings: Vec<CrossingIx>,
}

/// Who has priority on a pedestrian crossing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrossingControl {
    /// Pedestrians wait for this phase of this junction.
    Signal(JunctionIx, PhaseId),
    /// Vehicles yield (zebra).
    Yield,
}

/// A pedestrian crossing.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// Its name.
    pub id: String,
    /// From kerb to kerb.
    pub line: Polyline,
    /// Width along the road, metres.
    pub width_m: f64,
    /// Who has priority.
    pub control: Option<CrossingControl>,
    /// Lanes that it crosses, with the distance along the crossing and along the lane's centre line, metres.
    pub lanes: Vec<(LaneIx, f64, f64)>,
}

/// A bus stop.
#[derive(Debug, Clone, PartialEq)]
pub struct BusStop {
    /// Its name.
    pub id: String,
    /// Name for people, Chinese.
    pub name_zh: String,
    /// The lane that it serves and the distance along it, metres.
    pub lane: LaneIx,
    /// Distance along the lane, metres.
    pub s_m: f64,
    /// Lines that stop here (`486`).
    pub lines: Vec<String>,
}

/// A 5G base station.
#[derive(Debug, Clone, PartialEq)]
pub struct BaseStation {
    /// Its name.
    pub id: String,
    /// Where it stands, local frame.
    pub position: Point,
    /// Antenna height, metres.
    pub height_m: f64,
    /// Carrier, gigahertz.
    pub carrier_ghz: f64,
    /// Transmit power, dBm.
    pub power_dbm: f64,
}

/// The whole map.
#[derive(Debug, Clone)]
pub struct Map {
    /// The frame that every coordinate is in.
    pub frame: LocalFrame,
    /// Name for people.
    pub name: String,
    /// Version: the first eight bytes of SHA-256 over its files, or any string that changes with them.
    pub version: String,
    /// Where the data come from and what they ask for (shown wherever the map is).
    pub credit: String,
    /// Every lane.
    pub lanes: Vec<Lane>,
    /// Every link.
    pub links: Vec<Link>,
    /// Every junction.
    pub junctions: Vec<Junction>,
    /// Every crossing.
    pub crossings: Vec<Crossing>,
    /// Every bus stop.
    pub bus_stops: Vec<BusStop>,
    /// Every roadside site.
    pub sites: Vec<Site>,
    /// Every 5G base station.
    pub base_stations: Vec<BaseStation>,
}

impl Map {
    /// The lane of an index that this map gave out.
    #[must_use]
    pub fn lane(&self, ix: LaneIx) -> &Lane {
        &self.lanes[ix.0 as usize]
    }

    /// The link of an index that this map gave out.
    #[must_use]
    pub fn link(&self, ix: LinkIx) -> &Link {
        &self.links[ix.0 as usize]
    }

    /// The junction of an index that this map gave out.
    #[must_use]
    pub fn junction(&self, ix: JunctionIx) -> &Junction {
        &self.junctions[ix.0 as usize]
    }

    /// The crossing of an index that this map gave out.
    #[must_use]
    pub fn crossing(&self, ix: CrossingIx) -> &Crossing {
        &self.crossings[ix.0 as usize]
    }

    /// The lane of a name.
    #[must_use]
    pub fn lane_by_id(&self, id: &str) -> Option<LaneIx> {
        self.lanes.iter().position(|lane| lane.id == id).map(|k| LaneIx(k as u32))
    }

    /// The junction of a name.
    #[must_use]
    pub fn junction_by_id(&self, id: &JunctionId) -> Option<JunctionIx> {
        self.junctions.iter().position(|junction| junction.id == *id).map(|k| JunctionIx(k as u32))
    }

    /// The site of a name.
    #[must_use]
    pub fn site_by_id(&self, id: &SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == *id)
    }
}

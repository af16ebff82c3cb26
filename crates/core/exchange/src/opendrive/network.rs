//! OpenDRIVE's lanes and lane graph as links, lanes and ways through junctions.

mod crossings;
mod strands;
mod ways;

use super::import::{ImportError, Notes, Place};
use super::recentre::shortened;
use jxz_geo::{Point, Polyline};
use jxz_map::LaneKind;
use std::collections::{BTreeMap, BTreeSet};
use strands::Strand;
pub(super) use strands::reference_line;

/// More lanes than this are refused.
const MOST_LANES: usize = 200_000;
/// More points than this are refused.
const MOST_POINTS: usize = 8_000_000;

/// A link: the lanes of a stretch of road in one direction.
pub(super) struct NetLink {
    pub(super) id: String,
    pub(super) name: String,
    /// Index of the link on the same stretch in the other direction.
    pub(super) opposite: Option<usize>,
    /// From the centre of the road outwards.
    pub(super) lanes: Vec<NetLane>,
    pub(super) from: Option<usize>,
    pub(super) to: Option<usize>,
}

/// A lane of a link.
pub(super) struct NetLane {
    pub(super) kind: LaneKind,
    pub(super) width_m: f64,
    pub(super) speed_mps: f64,
    pub(super) centre: Polyline,
    /// Lanes that it goes on in without a junction: link and position.
    pub(super) then: Vec<(usize, usize)>,
    pub(super) stop_line_m: Option<f64>,
}

/// A way through a junction.
pub(super) struct NetWay {
    pub(super) junction: usize,
    pub(super) from: (usize, usize),
    pub(super) to: (usize, usize),
    pub(super) width_m: f64,
    pub(super) speed_mps: f64,
    pub(super) centre: Polyline,
}

/// A junction.
pub(super) struct NetJunction {
    pub(super) id: String,
    pub(super) centre: Point,
    /// Links that end here under its signals, each with a phase of its own from 1; empty: no signals.
    pub(super) signalled: Vec<usize>,
}

/// A pedestrian crossing.
pub(super) struct NetCrossing {
    pub(super) line: Polyline,
    pub(super) width_m: f64,
}

/// Everything that is taken from a document.
pub(super) struct Network {
    pub(super) links: Vec<NetLink>,
    pub(super) ways: Vec<NetWay>,
    pub(super) junctions: Vec<NetJunction>,
    pub(super) crossings: Vec<NetCrossing>,
}

/// The document, with what turns its places into ours.
pub(super) struct Document<'a> {
    pub(super) net: &'a xodr::RoadNetwork,
    place: &'a Place,
    shift: Point,
    /// Lanes by their number.
    pub(super) lanes: BTreeMap<usize, &'a xodr::Lane>,
}

impl<'a> Document<'a> {
    pub(super) fn lane(&self, id: xodr::LaneId) -> Option<&'a xodr::Lane> {
        self.lanes.get(&id.0).copied()
    }

    pub(super) fn road_of(&self, id: xodr::LaneId) -> Option<&'a xodr::Road> {
        self.net.road(self.net.road_lane(id)?.road)
    }

    /// A lane's middle in the direction of travel, local frame.
    pub(super) fn points(&self, lane: &xodr::Lane) -> Vec<Point> {
        let mut points: Vec<Point> = lane.center.points().iter().map(|p| self.local(*p)).collect();
        if lane.direction == xodr::Direction::Backward {
            points.reverse();
        }
        points
    }

    pub(super) fn local(&self, p: xodr::Point) -> Point {
        self.place.to_local(Point::new(f64::from(p.x) + self.shift.x, f64::from(p.y) + self.shift.y))
    }

    pub(super) fn speed_mps(&self, lane: &xodr::Lane, kind: LaneKind) -> f64 {
        // Where nothing is written: a town's limit, a cyclist's and a walker's pace.
        let usual = match kind {
            LaneKind::Driving => 50.0 / 3.6,
            LaneKind::Cycle => 20.0 / 3.6,
            LaneKind::Footway => 2.0,
        };
        match self.net.speed_limit_at(lane.id, lane.center.length() / 2.0) {
            Some(xodr::SpeedLimit::Max(mps)) if (0.3..=80.0).contains(&mps) => f64::from(mps),
            _ => usual,
        }
    }
}

/// Who uses a lane; `None`: nobody that we know.
pub(super) fn kind_of(lane: &xodr::Lane) -> Option<LaneKind> {
    match lane.kind {
        xodr::LaneType::Biking => Some(LaneKind::Cycle),
        xodr::LaneType::Sidewalk => Some(LaneKind::Footway),
        kind if kind.is_drivable() => Some(LaneKind::Driving),
        _ => None,
    }
}

impl Network {
    pub(super) fn of(
        net: &xodr::RoadNetwork,
        provenance: &xodr::Provenance,
        (place, shift): (&Place, Point),
        notes: &mut Notes,
    ) -> Result<Self, ImportError> {
        bounded("lanes", net.lanes().len(), MOST_LANES)?;
        let points = net.lanes().iter().map(|lane| lane.center.points().len()).sum();
        bounded("points of lanes", points, MOST_POINTS)?;
        let lanes = net.lanes().iter().map(|lane| (lane.id.0, lane)).collect();
        let document = Document { net, place, shift, lanes };
        let (mut links, strands) = strands::links(&document, notes);
        let mut junctions = Junctions::new(provenance);
        let ways = ways::ways(&document, &mut links, &strands, &mut junctions, notes)?;
        let mut junctions = junctions.finish(&ways);
        bounded("junctions", junctions.len(), usize::from(u16::MAX))?;
        for way in &ways {
            links[way.from.0].to.get_or_insert(way.junction);
            links[way.to.0].from.get_or_insert(way.junction);
        }
        strands::place_signals(&document, &mut links, &strands, &mut junctions, notes);
        let crossings = crossings::crossings(&document);
        Ok(Self { links, ways, junctions, crossings })
    }
}

fn bounded(what: &'static str, count: usize, most: usize) -> Result<(), ImportError> {
    if count > most { Err(ImportError::TooMany { what, count, most }) } else { Ok(()) }
}

/// Junctions by their id in the document, as ways name them.
pub(super) struct Junctions {
    names: BTreeMap<String, String>,
    index: BTreeMap<String, usize>,
    ids: Vec<String>,
    taken: BTreeSet<String>,
}

impl Junctions {
    fn new(provenance: &xodr::Provenance) -> Self {
        let names = provenance.junctions.iter().map(|j| (j.od_id.clone(), j.name.clone())).collect();
        Self { names, index: BTreeMap::new(), ids: Vec::new(), taken: BTreeSet::new() }
    }

    pub(super) fn index_of(&mut self, od_id: &str) -> usize {
        if let Some(index) = self.index.get(od_id) {
            return *index;
        }
        let name = self.names.get(od_id).filter(|name| !name.is_empty());
        let id = name.map_or_else(|| format!("junction-{}", shortened(od_id)), |name| shortened(name));
        let id = unique(&mut self.taken, id);
        self.index.insert(od_id.to_owned(), self.ids.len());
        self.ids.push(id);
        self.ids.len() - 1
    }

    fn finish(self, ways: &[NetWay]) -> Vec<NetJunction> {
        let mut sums = vec![(Point::origin(), 0.0); self.ids.len()];
        for way in ways {
            let (sum, count) = &mut sums[way.junction];
            *sum += way.centre.point_at(way.centre.length_m() / 2.0).coords;
            *count += 1.0;
        }
        let junction = |(id, (sum, count)): (String, (Point, f64))| NetJunction {
            id,
            centre: sum / f64::max(count, 1.0),
            signalled: Vec::new(),
        };
        self.ids.into_iter().zip(sums).map(junction).collect()
    }
}

/// The name, or the name with the first free number.
pub(super) fn unique(taken: &mut BTreeSet<String>, name: String) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}

/// Where a lane of the document went: which link, which of its lanes, and whether it is that lane's last stretch.
pub(super) type Strands = BTreeMap<usize, Strand>;

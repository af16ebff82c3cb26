//! From files to the expanded map, step by step.

use crate::model::{LinkIx, Map};
use crate::source::{LonLat, Source};
use crate::{JunctionIx, MapError, conflicts, expanded, fixtures, movements, roads, signals};
use jxz_geo::{LocalFrame, Point, Polyline, Wgs84};
use std::collections::BTreeMap;
use std::path::Path;

/// A road while it is being expanded.
#[derive(Debug, Clone)]
pub(crate) struct RoadShape {
    /// Its reference line between its mouths, in the direction it is written in.
    pub(crate) line: Polyline,
    pub(crate) forward: LinkIx,
    pub(crate) backward: Option<LinkIx>,
    /// From the reference line to the left and the right kerb, metres.
    pub(crate) kerb_m: (f64, f64),
    pub(crate) from: Option<JunctionIx>,
    pub(crate) to: Option<JunctionIx>,
}

/// The map while it is being expanded.
pub(crate) struct Draft {
    pub(crate) map: Map,
    pub(crate) roads: Vec<RoadShape>,
    pub(crate) road_ix: BTreeMap<String, usize>,
    pub(crate) junction_ix: BTreeMap<String, JunctionIx>,
    /// Which road each link belongs to.
    pub(crate) link_road: Vec<usize>,
}

impl Draft {
    /// Local metres of a place as written, if its numbers are a place within 200 km.
    pub(crate) fn place(&self, at: LonLat) -> Option<Point> {
        let position = Wgs84 { lat_deg: at[1], lon_deg: at[0] };
        let origin = self.map.frame.origin();
        let near = (position.lat_deg - origin.lat_deg).abs() < 2.0 && (position.lon_deg - origin.lon_deg).abs() < 2.0;
        near.then(|| self.map.frame.to_local(position))
    }
}

impl Map {
    /// Loads a map from its folder of TOML files and expands it to lanes. Where the folder has a `lanes.toml`, the lanes
    /// are written out there and no roads are read.
    ///
    /// The same files give the same map, index for index.
    ///
    /// # Errors
    /// [`MapError`] names the file, the line, the object, what is wrong and what to do.
    pub fn load(dir: &Path) -> Result<Self, MapError> {
        let source = Source::read(dir)?;
        let header = &source.map.data;
        let origin = Wgs84 { lat_deg: header.frame.lat_deg, lon_deg: header.frame.lon_deg };
        let frame = LocalFrame::new(origin).map_err(|error| MapError::Object {
            file: "map.toml",
            line: 1,
            object: "frame".into(),
            problem: error.to_string(),
            remedy: "give the origin in WGS84 degrees".into(),
        })?;
        let mut draft = Draft {
            map: Self {
                frame,
                name: header.name.clone(),
                version: source.version.clone(),
                credit: header.credit.clone(),
                lanes: Vec::new(),
                links: Vec::new(),
                junctions: Vec::new(),
                crossings: Vec::new(),
                bus_stops: Vec::new(),
                sites: Vec::new(),
                base_stations: Vec::new(),
            },
            roads: Vec::new(),
            road_ix: BTreeMap::new(),
            junction_ix: BTreeMap::new(),
            link_road: Vec::new(),
        };
        if let Some(lanes) = &source.lanes {
            expanded::add(&source, lanes, &mut draft)?;
            conflicts::add_conflicts(&source, &mut draft);
        } else {
            roads::add_junctions(&source, &mut draft)?;
            roads::add_links(&source, &mut draft)?;
            let phases = signals::add_plans(&source, &mut draft)?;
            movements::add_connectors(&source, &mut draft, &phases)?;
            fixtures::add_crossings(&source, &mut draft, &phases)?;
            conflicts::add_conflicts(&source, &mut draft);
            fixtures::add_stop_lines(&source, &mut draft);
            fixtures::add_bus_stops(&source, &mut draft)?;
        }
        fixtures::add_sites(&source, &mut draft)?;
        fixtures::add_base_stations(&source, &mut draft)?;
        Ok(draft.map)
    }
}

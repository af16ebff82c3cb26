//! The map as it is written: TOML files, human-edited, every key known.

use crate::MapError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;

/// A place as written: longitude, latitude, WGS84 degrees.
pub(crate) type LonLat = [f64; 2];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapFile {
    pub(crate) name: String,
    pub(crate) edition: String,
    pub(crate) credit: String,
    pub(crate) frame: FrameSource,
    pub(crate) speed_limits_kmh: BTreeMap<String, f64>,
    #[serde(default)]
    pub(crate) profile: Vec<ProfileSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameSource {
    pub(crate) lat_deg: f64,
    pub(crate) lon_deg: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileSource {
    pub(crate) id: Spanned<String>,
    pub(crate) median_m: f64,
    pub(crate) strips: Vec<StripSource>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StripKind {
    Driving,
    Cycle,
    Footway,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StripSource {
    pub(crate) kind: StripKind,
    pub(crate) width_m: f64,
    #[serde(default = "one")]
    pub(crate) count: u8,
    #[serde(default)]
    pub(crate) gap_m: f64,
}

fn one() -> u8 {
    1
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoadsFile {
    #[serde(default)]
    pub(crate) road: Vec<RoadSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoadSource {
    pub(crate) id: Spanned<String>,
    #[serde(default)]
    pub(crate) name_zh: String,
    pub(crate) class: String,
    pub(crate) profile: String,
    #[serde(default)]
    pub(crate) one_way: bool,
    #[serde(default)]
    pub(crate) level: i8,
    pub(crate) speed_limit_kmh: Option<f64>,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) points: Vec<LonLat>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JunctionsFile {
    #[serde(default)]
    pub(crate) junction: Vec<JunctionSource>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ControlKind {
    Signals,
    Priority,
    Uncontrolled,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JunctionSource {
    pub(crate) id: Spanned<String>,
    pub(crate) node_id: u16,
    #[serde(default)]
    pub(crate) name_zh: String,
    pub(crate) at: LonLat,
    pub(crate) control: ControlKind,
    /// Roads with priority, where control is by priority.
    #[serde(default)]
    pub(crate) main: Vec<String>,
    /// Movements that are not offered.
    #[serde(default)]
    pub(crate) forbid: Vec<MovementSource>,
    /// Roads whose traffic may turn back here.
    #[serde(default)]
    pub(crate) u_turn: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MovementSource {
    pub(crate) from: String,
    pub(crate) to: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignalsFile {
    #[serde(default)]
    pub(crate) signals: Vec<SignalsSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignalsSource {
    pub(crate) junction: Spanned<String>,
    pub(crate) offset_s: f64,
    pub(crate) phases: Vec<PhaseSource>,
    pub(crate) stages: Vec<StageSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PhaseSource {
    pub(crate) id: u8,
    pub(crate) from: Option<String>,
    #[serde(default)]
    pub(crate) to: Vec<String>,
    #[serde(default)]
    pub(crate) crossings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StageSource {
    pub(crate) green: Vec<u8>,
    #[serde(default)]
    pub(crate) permissive: Vec<u8>,
    pub(crate) green_s: f64,
    pub(crate) yellow_s: f64,
    pub(crate) all_red_s: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrossingsFile {
    #[serde(default)]
    pub(crate) crossing: Vec<CrossingSource>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RoadEnd {
    Start,
    End,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(crate) enum CrossingPlace {
    End(RoadEnd),
    Point(LonLat),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CrossingRule {
    Signal,
    Yield,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrossingSource {
    pub(crate) id: Spanned<String>,
    pub(crate) road: String,
    pub(crate) at: CrossingPlace,
    pub(crate) width_m: f64,
    pub(crate) control: Option<CrossingRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusStopsFile {
    #[serde(default)]
    pub(crate) bus_stop: Vec<BusStopSource>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    Forward,
    Backward,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusStopSource {
    pub(crate) id: Spanned<String>,
    #[serde(default)]
    pub(crate) name_zh: String,
    pub(crate) lines: Vec<String>,
    pub(crate) road: String,
    pub(crate) direction: Direction,
    pub(crate) at: LonLat,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SitesFile {
    #[serde(default)]
    pub(crate) sensor_model: Vec<SensorModelSource>,
    #[serde(default)]
    pub(crate) site: Vec<SiteSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SensorModelSource {
    pub(crate) id: Spanned<String>,
    pub(crate) kind: jxz_world::SensorKind,
    pub(crate) half_fov_deg: f64,
    pub(crate) range_m: (f64, f64),
    pub(crate) range_sigma_m: f64,
    #[serde(default)]
    pub(crate) range_sigma_percent: f64,
    pub(crate) azimuth_sigma_deg: f64,
    pub(crate) doppler_sigma_mps: Option<f64>,
    pub(crate) detection_probability: f64,
    pub(crate) clutter_per_scan: f64,
    pub(crate) class_accuracy: Option<f64>,
    pub(crate) period_s: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteSource {
    pub(crate) id: Spanned<String>,
    pub(crate) name_zh: String,
    pub(crate) name_en: String,
    pub(crate) at: LonLat,
    pub(crate) coverage_m: f64,
    pub(crate) junction: Option<String>,
    #[serde(default)]
    pub(crate) sensor: Vec<SensorSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SensorSource {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) at: LonLat,
    pub(crate) height_m: f64,
    pub(crate) heading_deg: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BaseStationsFile {
    #[serde(default)]
    pub(crate) base_station: Vec<BaseStationSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BaseStationSource {
    pub(crate) id: Spanned<String>,
    pub(crate) at: LonLat,
    pub(crate) height_m: f64,
    pub(crate) carrier_ghz: f64,
    pub(crate) power_dbm: f64,
}

/// A place as written: metres east and north in the map's local frame.
pub(crate) type Metres = [f64; 2];

/// Lanes written out, in place of roads with profiles.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanesFile {
    #[serde(default)]
    pub(crate) junction: Vec<LaneJunctionSource>,
    #[serde(default)]
    pub(crate) link: Vec<LinkSource>,
    #[serde(default)]
    pub(crate) way: Vec<WaySource>,
    #[serde(default)]
    pub(crate) crossing: Vec<CrossingLineSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LaneJunctionSource {
    pub(crate) id: Spanned<String>,
    pub(crate) node_id: u16,
    #[serde(default)]
    pub(crate) name_zh: String,
    pub(crate) at_m: Metres,
    pub(crate) control: ControlKind,
    pub(crate) plan: Option<PlanSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanSource {
    pub(crate) offset_s: f64,
    pub(crate) stages: Vec<StageSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkSource {
    pub(crate) id: Spanned<String>,
    #[serde(default)]
    pub(crate) name_zh: String,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) opposite: Option<String>,
    #[serde(default)]
    pub(crate) level: i8,
    pub(crate) speed_limit_kmh: f64,
    pub(crate) line_m: Vec<Metres>,
    pub(crate) lane: Vec<LaneSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LaneSource {
    pub(crate) kind: StripKind,
    pub(crate) width_m: f64,
    pub(crate) speed_limit_kmh: Option<f64>,
    pub(crate) stop_line_m: Option<f64>,
    pub(crate) centre_m: Vec<Metres>,
    /// Lanes (`link:position`) that it goes on in without a junction.
    #[serde(default)]
    pub(crate) then: Vec<String>,
}

/// A way through a junction, from lane to lane.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaySource {
    pub(crate) junction: String,
    pub(crate) from: Spanned<String>,
    pub(crate) to: String,
    pub(crate) phase: Option<u8>,
    pub(crate) width_m: f64,
    pub(crate) speed_limit_kmh: f64,
    pub(crate) centre_m: Vec<Metres>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrossingLineSource {
    pub(crate) id: Spanned<String>,
    pub(crate) width_m: f64,
    pub(crate) control: Option<CrossingRule>,
    pub(crate) line_m: Vec<Metres>,
}

/// One file with its text, so that errors can name lines.
pub(crate) struct File<T> {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) data: T,
}

impl<T: DeserializeOwned> File<T> {
    fn parse(name: &'static str, text: String) -> Result<Self, MapError> {
        let data = toml::from_str(&text).map_err(|cause| MapError::Parse { file: name, cause: Box::new(cause) })?;
        Ok(Self { name, text, data })
    }
}

impl<T> File<T> {
    /// An error about the object of which `id` is the id.
    pub(crate) fn error(
        &self,
        kind: &str,
        id: &Spanned<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> MapError {
        let before = self.text.get(..id.span().start).unwrap_or("");
        MapError::Object {
            file: self.name,
            line: before.matches('\n').count() + 1,
            object: format!("{kind} {:?}", id.get_ref()),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// Every file of a map.
pub(crate) struct Source {
    pub(crate) map: File<MapFile>,
    pub(crate) roads: File<RoadsFile>,
    pub(crate) junctions: File<JunctionsFile>,
    pub(crate) signals: File<SignalsFile>,
    pub(crate) crossings: File<CrossingsFile>,
    pub(crate) bus_stops: File<BusStopsFile>,
    pub(crate) sites: File<SitesFile>,
    pub(crate) base_stations: File<BaseStationsFile>,
    /// Every lane written out; then nothing of roads is.
    pub(crate) lanes: Option<File<LanesFile>>,
    /// The edition and the first eight bytes of SHA-256 over all files' names and texts.
    pub(crate) version: String,
}

impl Source {
    /// Reads a map's folder; `map.toml` and either `lanes.toml` or `roads.toml` and `junctions.toml` must be there, the
    /// others may be missing.
    pub(crate) fn read(dir: &Path) -> Result<Self, MapError> {
        let mut digest = Sha256::new();
        let mut text = |name: &'static str, required: bool| -> Result<String, MapError> {
            let path = dir.join(name);
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(cause) => return Err(MapError::Read { path, cause }),
            };
            digest.update(name.as_bytes());
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text.as_bytes());
            Ok(text)
        };
        let map: File<MapFile> = File::parse("map.toml", text("map.toml", true)?)?;
        let expanded = dir.join("lanes.toml").exists();
        let roads = File::parse("roads.toml", text("roads.toml", !expanded)?)?;
        let junctions = File::parse("junctions.toml", text("junctions.toml", !expanded)?)?;
        let signals = File::parse("signals.toml", text("signals.toml", false)?)?;
        let crossings = File::parse("crossings.toml", text("crossings.toml", false)?)?;
        let bus_stops = File::parse("bus-stops.toml", text("bus-stops.toml", false)?)?;
        let sites = File::parse("sites.toml", text("sites.toml", false)?)?;
        let base_stations = File::parse("base-stations.toml", text("base-stations.toml", false)?)?;
        let lanes = match expanded {
            true => Some(File::parse("lanes.toml", text("lanes.toml", true)?)?),
            false => None,
        };
        let hash = digest.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect::<String>();
        let version = format!("{}+{hash}", map.data.edition);
        Ok(Self { map, roads, junctions, signals, crossings, bus_stops, sites, base_stations, lanes, version })
    }
}

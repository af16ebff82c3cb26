//! The map as GeoJSON (RFC 7946), for the console and for viewers.

use crate::model::{LaneKind, Map};
use jxz_geo::{Point, Polyline};
use jxz_world::SensorKind;
use serde_json::{Value, json};

/// The map as a GeoJSON `FeatureCollection` in WGS84 degrees.
///
/// Each feature's `properties.layer` is one of `link`, `lane`, `connector`, `junction`, `stop_line`, `crossing`,
/// `bus_stop`, `site`, `sensor`, `base_station`; the collection's foreign members `name`, `version` and `credit` are the map's own.
#[must_use]
pub fn geojson(map: &Map) -> String {
    let mut features = Vec::new();
    links(map, &mut features);
    lanes(map, &mut features);
    junctions(map, &mut features);
    crossings(map, &mut features);
    roadside(map, &mut features);
    json!({
        "type": "FeatureCollection",
        "name": map.name,
        "version": map.version,
        "credit": map.credit,
        "features": features,
    })
    .to_string()
}

/// Degrees to seven decimals: a centimetre.
fn degrees(map: &Map, point: Point) -> Value {
    let position = map.frame.to_wgs84(point);
    let round = |v: f64| (v * 1e7).round() / 1e7;
    json!([round(position.lon_deg), round(position.lat_deg)])
}

fn feature(geometry: Value, properties: Value) -> Value {
    json!({ "type": "Feature", "geometry": geometry, "properties": properties })
}

fn line(map: &Map, line: &Polyline, properties: Value) -> Value {
    let coordinates: Vec<Value> = line.points().iter().map(|p| degrees(map, *p)).collect();
    feature(json!({ "type": "LineString", "coordinates": coordinates }), properties)
}

fn point(map: &Map, point: Point, properties: Value) -> Value {
    feature(json!({ "type": "Point", "coordinates": degrees(map, point) }), properties)
}

fn kmh(mps: f64) -> f64 {
    (mps * 36.0).round() / 10.0
}

const fn kind_name(kind: LaneKind) -> &'static str {
    match kind {
        LaneKind::Driving => "driving",
        LaneKind::Cycle => "cycle",
        LaneKind::Footway => "footway",
    }
}

fn links(map: &Map, out: &mut Vec<Value>) {
    for link in &map.links {
        let properties = json!({
            "layer": "link", "id": link.id, "name_zh": link.name_zh, "level": link.level,
            "lanes": link.lanes.len(), "speed_limit_kmh": kmh(link.speed_limit_mps),
        });
        out.push(line(map, &link.line, properties));
    }
}

fn lanes(map: &Map, out: &mut Vec<Value>) {
    for lane in &map.lanes {
        let link = lane.link.map(|ix| map.link(ix));
        let first = lane.predecessors.first().and_then(|ix| map.lane(*ix).link).map(|ix| map.link(ix));
        let mut properties = json!({
            "layer": if link.is_some() { "lane" } else { "connector" },
            "id": lane.id, "name_zh": link.map_or("", |l| l.name_zh.as_str()), "kind": kind_name(lane.kind),
            "width_m": lane.width_m, "level": link.or(first).map_or(0, |l| l.level),
            "speed_limit_kmh": kmh(lane.speed_limit_mps),
        });
        if let Some(movement) = &lane.movement {
            properties["junction"] = json!(map.junction(movement.junction).id);
            properties["turn"] = json!(format!("{:?}", movement.turn).to_lowercase());
            properties["phase"] = json!(movement.phase);
        }
        out.push(line(map, &lane.centre, properties));
        if let Some(at) = lane.stop_line_m {
            let (middle, along) = (lane.centre.point_at(at), lane.centre.direction_at(at));
            let half = jxz_geo::Vector::new(-along.y, along.x) * (lane.width_m / 2.0);
            if let Ok(across) = Polyline::new(vec![middle + half, middle - half]) {
                let id = format!("{}:stop", lane.id);
                out.push(line(map, &across, json!({ "layer": "stop_line", "id": id, "lane": lane.id })));
            }
        }
    }
}

fn junctions(map: &Map, out: &mut Vec<Value>) {
    for junction in &map.junctions {
        let control = match junction.control {
            crate::Control::Signals(_) => "signals",
            crate::Control::Priority => "priority",
            crate::Control::Uncontrolled => "uncontrolled",
        };
        let properties = json!({
            "layer": "junction", "id": junction.id, "node_id": junction.node_id, "name_zh": junction.name_zh,
            "control": control,
        });
        out.push(point(map, junction.centre, properties));
    }
}

fn crossings(map: &Map, out: &mut Vec<Value>) {
    for crossing in &map.crossings {
        let control = match crossing.control {
            Some(crate::CrossingControl::Signal(..)) => Some("signal"),
            Some(crate::CrossingControl::Yield) => Some("yield"),
            None => None,
        };
        let properties =
            json!({ "layer": "crossing", "id": crossing.id, "width_m": crossing.width_m, "control": control });
        out.push(line(map, &crossing.line, properties));
    }
}

fn roadside(map: &Map, out: &mut Vec<Value>) {
    for stop in &map.bus_stops {
        let at = map.lane(stop.lane).centre.point_at(stop.s_m);
        let properties = json!({ "layer": "bus_stop", "id": stop.id, "name_zh": stop.name_zh, "lines": stop.lines });
        out.push(point(map, at, properties));
    }
    for site in &map.sites {
        let properties = json!({
            "layer": "site", "id": site.id, "name_zh": site.name_zh, "name_en": site.name_en,
            "coverage_m": site.coverage_m, "junction": site.junction,
        });
        out.push(point(map, site.position, properties));
        for sensor in &site.sensors {
            let kind = match sensor.kind {
                SensorKind::Radar => "radar",
                SensorKind::Camera => "camera",
            };
            let properties = json!({
                "layer": "sensor", "id": sensor.id, "site": site.id, "kind": kind,
                "boresight_deg": (sensor.boresight.to_heading().deg() * 100.0).round() / 100.0,
                "half_fov_deg": (sensor.half_fov_rad.to_degrees() * 100.0).round() / 100.0,
                "range_m": sensor.range_m.1,
            });
            out.push(point(map, sensor.position, properties));
        }
    }
    for station in &map.base_stations {
        let properties = json!({
            "layer": "base_station", "id": station.id, "height_m": station.height_m,
            "carrier_ghz": station.carrier_ghz, "power_dbm": station.power_dbm,
        });
        out.push(point(map, station.position, properties));
    }
}

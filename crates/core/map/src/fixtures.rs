//! What stands on and beside the roads: crossings, stop lines, bus stops, sites, base stations.

use crate::MapError;
use crate::geometry::intersections;
use crate::load::{Draft, RoadShape};
use crate::model::{
    BaseStation, BusStop, Control, Crossing, CrossingControl, CrossingIx, JunctionIx, LaneIx, LaneKind, LinkIx,
};
use crate::signals::Phases;
use crate::source::{
    CrossingPlace, CrossingRule, CrossingSource, Direction, RoadEnd, SensorModelSource, SensorSource, SiteSource,
    Source,
};
use jxz_geo::Polyline;
use jxz_units::Heading;
use jxz_world::{JunctionId, SensorId, SensorSpec, Site, SiteId};

/// From the mouth of a road to the near edge of the crossing over it.
const SETBACK_M: f64 = 1.5;
/// From a crossing's edge, or the junction where there is none, back to the stop line.
const STOP_BEFORE_M: f64 = 1.5;

pub(crate) fn add_crossings(source: &Source, draft: &mut Draft, phases: &Phases) -> Result<(), MapError> {
    let file = &source.crossings;
    for written in &file.data.crossing {
        let error = |problem: &str, remedy: &str| file.error("crossing", &written.id, problem, remedy);
        let Some(road) = draft.road_ix.get(&written.road).map(|k| draft.roads[*k].clone()) else {
            return Err(error("its road is not in roads.toml", "correct the name"));
        };
        if !(1.0..=20.0).contains(&written.width_m) {
            return Err(error("its width is outside 1 to 20 m", "correct `width_m`"));
        }
        let Some((at_m, junction)) = place_of(draft, &road, written) else {
            return Err(error("its place is far away from its road", "correct `at`"));
        };
        let (point, direction) = (road.line.point_at(at_m), road.line.direction_at(at_m));
        let left = jxz_geo::Vector::new(-direction.y, direction.x);
        let line = Polyline::new(vec![point + left * road.kerb_m.0, point - left * road.kerb_m.1]);
        let Ok(line) = line else {
            return Err(error("its road has no carriageway to cross", "put it on another road"));
        };
        let control = match written.control {
            None => None,
            Some(CrossingRule::Yield) => Some(CrossingControl::Yield),
            Some(CrossingRule::Signal) => match phases.of_crossing.get(written.id.get_ref()) {
                Some((junction, phase)) => Some(CrossingControl::Signal(*junction, *phase)),
                None => {
                    return Err(error("no phase in signals.toml lets it go", "add one, or set control = \"yield\""));
                }
            },
        };
        let ix = CrossingIx(draft.map.crossings.len() as u32);
        let lanes = lay_over(draft, &road, &line, ix);
        if let Some(junction) = junction {
            draft.map.junctions[junction.0 as usize].crossings.push(ix);
        }
        let id = written.id.get_ref().clone();
        draft.map.crossings.push(Crossing { id, line, width_m: written.width_m, control, lanes });
    }
    Ok(())
}

/// Distance along the road's line, and the junction it belongs to.
fn place_of(draft: &Draft, road: &RoadShape, written: &CrossingSource) -> Option<(f64, Option<JunctionIx>)> {
    let back = SETBACK_M + written.width_m / 2.0;
    match written.at {
        CrossingPlace::End(RoadEnd::Start) => Some((back, road.from)),
        CrossingPlace::End(RoadEnd::End) => Some((road.line.length_m() - back, road.to)),
        CrossingPlace::Point(at) => {
            let foot = road.line.project(draft.place(at)?);
            (foot.distance_m < 50.0).then_some((foot.s_m, None))
        }
    }
}

/// Marks the crossing on the lanes of its road that it goes over.
fn lay_over(draft: &mut Draft, road: &RoadShape, line: &Polyline, ix: CrossingIx) -> Vec<(LaneIx, f64, f64)> {
    let links = [Some(road.forward), road.backward];
    let mut lanes = Vec::new();
    let under: Vec<LaneIx> =
        links.into_iter().flatten().flat_map(|link| draft.map.link(link).lanes.iter().copied()).collect();
    for lane in under {
        if draft.map.lane(lane).kind == LaneKind::Footway {
            continue;
        }
        if let Some((along, on_lane)) = intersections(line, &draft.map.lane(lane).centre).first().copied() {
            lanes.push((lane, along, on_lane));
            let over = &mut draft.map.lanes[lane.0 as usize].crossings;
            over.push((ix, on_lane));
            over.sort_by(|a, b| a.1.total_cmp(&b.1));
        }
    }
    lanes.sort_by(|a, b| a.1.total_cmp(&b.1));
    lanes
}

/// Stop lines: at signals on every approach, elsewhere on the approaches that give way, before the crossing if there is one.
pub(crate) fn add_stop_lines(source: &Source, draft: &mut Draft) {
    for (index, written) in source.junctions.data.junction.iter().enumerate() {
        let junction = &draft.map.junctions[index];
        if junction.incoming.len() + junction.outgoing.len() < 5 && !matches!(junction.control, Control::Signals(_)) {
            continue;
        }
        let main: Vec<usize> = written.main.iter().filter_map(|name| draft.road_ix.get(name).copied()).collect();
        for link in junction.incoming.clone() {
            let stops = match draft.map.junctions[index].control {
                Control::Signals(_) => true,
                Control::Priority => !main.contains(&draft.link_road[link.0 as usize]),
                Control::Uncontrolled => false,
            };
            if stops {
                stop_lines_of(draft, link);
            }
        }
    }
}

fn stop_lines_of(draft: &mut Draft, link: LinkIx) {
    for lane in draft.map.link(link).lanes.clone() {
        let this = draft.map.lane(lane);
        if this.kind == LaneKind::Footway {
            continue;
        }
        let end = this.centre.length_m();
        // A crossing in the mouth of the road: stop before it.
        let before = this.crossings.last().map(|(ix, at)| at - draft.map.crossing(*ix).width_m / 2.0);
        let at = before.filter(|at| end - at < 15.0).unwrap_or(end) - STOP_BEFORE_M;
        draft.map.lanes[lane.0 as usize].stop_line_m = Some(at.max(0.5 * end));
    }
}

pub(crate) fn add_bus_stops(source: &Source, draft: &mut Draft) -> Result<(), MapError> {
    let file = &source.bus_stops;
    for written in &file.data.bus_stop {
        let error = |problem: &str, remedy: &str| file.error("bus stop", &written.id, problem, remedy);
        let Some(road) = draft.road_ix.get(&written.road).map(|k| &draft.roads[*k]) else {
            return Err(error("its road is not in roads.toml", "correct the name"));
        };
        let link = match written.direction {
            Direction::Forward => Some(road.forward),
            Direction::Backward => road.backward,
        };
        let outermost = link.and_then(|link| {
            let lanes = draft.map.link(link).lanes.iter().rev();
            lanes.copied().find(|lane| draft.map.lane(*lane).kind == LaneKind::Driving)
        });
        let Some(lane) = outermost else {
            return Err(error("its road has no driving lane in that direction", "correct `direction`"));
        };
        let foot = draft.place(written.at).map(|p| draft.map.lane(lane).centre.project(p));
        let Some(foot) = foot.filter(|foot| foot.distance_m < 60.0) else {
            return Err(error("it stands far away from its road", "correct `at`"));
        };
        draft.map.bus_stops.push(BusStop {
            id: written.id.get_ref().clone(),
            name_zh: written.name_zh.clone(),
            lane,
            s_m: foot.s_m,
            lines: written.lines.clone(),
        });
    }
    Ok(())
}

pub(crate) fn add_sites(source: &Source, draft: &mut Draft) -> Result<(), MapError> {
    let file = &source.sites;
    for written in &file.data.site {
        let error = |problem: String, remedy: &str| file.error("site", &written.id, problem, remedy);
        if let Some(name) = written.junction.as_ref().filter(|name| !draft.junction_ix.contains_key(*name)) {
            return Err(error(format!("its junction {name:?} is not in junctions.toml"), "correct the name"));
        }
        let Some(position) = draft.place(written.at) else {
            return Err(error("it is far away from the frame's origin".into(), "correct `at`"));
        };
        let sensors = written
            .sensor
            .iter()
            .map(|sensor| {
                let model = file.data.sensor_model.iter().find(|m| *m.id.get_ref() == sensor.model);
                let spec = model.and_then(|model| sensor_of(draft, model, sensor));
                let problem = || format!("sensor {:?} has an unknown model or an impossible pose or model", sensor.id);
                spec.ok_or_else(|| error(problem(), "correct it"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        draft.map.sites.push(site_of(written, position, sensors));
    }
    Ok(())
}

fn site_of(written: &SiteSource, position: jxz_geo::Point, sensors: Vec<SensorSpec>) -> Site {
    Site {
        id: SiteId(written.id.get_ref().clone()),
        name_zh: written.name_zh.clone(),
        name_en: written.name_en.clone(),
        position,
        coverage_m: written.coverage_m,
        junction: written.junction.clone().map(JunctionId),
        sensors,
    }
}

fn sensor_of(draft: &Draft, model: &SensorModelSource, sensor: &SensorSource) -> Option<SensorSpec> {
    let (near, far) = model.range_m;
    let probability = |p: f64| (0.0..=1.0).contains(&p);
    let sane = sensor.heading_deg.is_finite()
        && (0.0..=100.0).contains(&sensor.height_m)
        && model.half_fov_deg > 0.0
        && model.half_fov_deg <= 180.0
        && near >= 0.0
        && near < far
        && far <= 2000.0
        && model.range_sigma_m > 0.0
        && model.range_sigma_percent >= 0.0
        && model.azimuth_sigma_deg > 0.0
        && model.doppler_sigma_mps.is_none_or(|s| s > 0.0)
        && probability(model.detection_probability)
        && model.clutter_per_scan >= 0.0
        && model.class_accuracy.is_none_or(probability)
        && (0.01..=10.0).contains(&model.period_s);
    sane.then_some(())?;
    Some(SensorSpec {
        id: SensorId(sensor.id.clone()),
        kind: model.kind,
        position: draft.place(sensor.at)?,
        height_m: sensor.height_m,
        boresight: Heading::from_deg(sensor.heading_deg).to_yaw(),
        half_fov_rad: model.half_fov_deg.to_radians(),
        range_m: model.range_m,
        range_sigma_m: model.range_sigma_m,
        range_sigma_fraction: model.range_sigma_percent / 100.0,
        azimuth_sigma_rad: model.azimuth_sigma_deg.to_radians(),
        doppler_sigma_mps: model.doppler_sigma_mps,
        detection_probability: model.detection_probability,
        clutter_per_scan: model.clutter_per_scan,
        class_accuracy: model.class_accuracy,
        period_s: model.period_s,
    })
}

pub(crate) fn add_base_stations(source: &Source, draft: &mut Draft) -> Result<(), MapError> {
    let file = &source.base_stations;
    for written in &file.data.base_station {
        let Some(position) = draft.place(written.at) else {
            let problem = "it is far away from the frame's origin";
            return Err(file.error("base station", &written.id, problem, "correct `at`"));
        };
        draft.map.base_stations.push(BaseStation {
            id: written.id.get_ref().clone(),
            position,
            height_m: written.height_m,
            carrier_ghz: written.carrier_ghz,
            power_dbm: written.power_dbm,
        });
    }
    Ok(())
}

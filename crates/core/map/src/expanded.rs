//! A map whose lanes are written out, in `lanes.toml`: what comes from a format that knows lanes and curves, not
//! roads with profiles. Coordinates are metres of the map's local frame.

use crate::load::Draft;
use crate::model::{
    Control, Crossing, CrossingControl, CrossingIx, Junction, JunctionIx, Lane, LaneIx, LaneKind, Link, LinkIx,
    Movement, Turn,
};
use crate::movements::{angle_between, turn_of};
use crate::source::{ControlKind, CrossingRule, File, LanesFile, LinkSource, Metres, Source, StripKind, WaySource};
use crate::{MapError, geometry, signals};
use jxz_geo::{Point, Polyline};
use jxz_world::{JunctionId, PhaseId};
use std::collections::BTreeMap;
use toml::Spanned;

/// A coordinate farther than this from the frame's origin is a mistake, metres.
const FARTHEST_M: f64 = 200_000.0;
/// A crossing belongs to a junction when it lies within this distance of the end of a lane there, metres.
const AT_JUNCTION_M: f64 = 25.0;

/// Adds everything that `lanes.toml` says to an empty draft; conflicts are left to those who work them out for all maps.
pub(crate) fn add(source: &Source, file: &File<LanesFile>, draft: &mut Draft) -> Result<(), MapError> {
    add_junctions(file, draft)?;
    let mut lanes = BTreeMap::new();
    for link in &file.data.link {
        add_link(file, draft, link, &mut lanes)?;
    }
    for (index, link) in file.data.link.iter().enumerate() {
        bind(file, draft, (LinkIx(index as u32), link), &lanes)?;
    }
    for way in &file.data.way {
        add_way(file, draft, way, &lanes)?;
    }
    for crossing in &file.data.crossing {
        add_crossing(file, draft, crossing)?;
    }
    // Nothing else of the roads' language has a meaning here.
    let others = [
        (!source.roads.data.road.is_empty(), "roads.toml"),
        (!source.junctions.data.junction.is_empty(), "junctions.toml"),
        (!source.signals.data.signals.is_empty(), "signals.toml"),
        (!source.crossings.data.crossing.is_empty(), "crossings.toml"),
        (!source.bus_stops.data.bus_stop.is_empty(), "bus-stops.toml"),
    ];
    match others.iter().find(|(written, _)| *written) {
        Some((_, name)) => Err(MapError::Object {
            file: name,
            line: 1,
            object: "the file".into(),
            problem: "lanes.toml beside it has every lane written out".into(),
            remedy: "remove one of the two".into(),
        }),
        None => Ok(()),
    }
}

fn line_of(file: &File<LanesFile>, kind: &str, id: &Spanned<String>, points: &[Metres]) -> Result<Polyline, MapError> {
    let near = |p: &Metres| p.iter().all(|x| x.abs() <= FARTHEST_M);
    let line = points.iter().all(near).then(|| Polyline::new(points.iter().map(|p| Point::new(p[0], p[1])).collect()));
    line.and_then(Result::ok)
        .ok_or_else(|| file.error(kind, id, "its points make no line near the frame's origin", "correct them"))
}

fn limit(file: &File<LanesFile>, kind: &str, id: &Spanned<String>, kmh: f64) -> Result<f64, MapError> {
    if (1.0..=300.0).contains(&kmh) {
        return Ok(kmh / 3.6);
    }
    Err(file.error(kind, id, format!("limit of {kmh} km/h"), "give 1 to 300 km/h"))
}

fn width(file: &File<LanesFile>, kind: &str, id: &Spanned<String>, m: f64) -> Result<f64, MapError> {
    if (0.2..=30.0).contains(&m) {
        return Ok(m);
    }
    Err(file.error(kind, id, format!("width of {m} m"), "give 0.2 to 30 m"))
}

fn add_junctions(file: &File<LanesFile>, draft: &mut Draft) -> Result<(), MapError> {
    for written in &file.data.junction {
        let id = written.id.get_ref();
        let ix = JunctionIx(draft.map.junctions.len() as u32);
        if draft.junction_ix.insert(id.clone(), ix).is_some() {
            return Err(file.error("junction", &written.id, "its id is taken", "rename one of the two"));
        }
        if !written.at_m.iter().all(|x| x.abs() <= FARTHEST_M) {
            return Err(file.error("junction", &written.id, "is far away from the frame's origin", "correct `at_m`"));
        }
        let control = match (written.control, &written.plan) {
            (ControlKind::Signals, Some(plan)) => {
                Control::Signals(signals::plan_of(file, &written.id, plan.offset_s, &plan.stages)?)
            }
            (ControlKind::Signals, None) => {
                return Err(file.error("junction", &written.id, "under signals without a plan", "add its plan"));
            }
            (_, Some(_)) => {
                return Err(file.error("junction", &written.id, "a plan without signals", "set control = \"signals\""));
            }
            (ControlKind::Priority, None) => Control::Priority,
            (ControlKind::Uncontrolled, None) => Control::Uncontrolled,
        };
        draft.map.junctions.push(Junction {
            id: JunctionId(id.clone()),
            node_id: written.node_id,
            name_zh: written.name_zh.clone(),
            centre: Point::new(written.at_m[0], written.at_m[1]),
            control,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            connectors: Vec::new(),
            crossings: Vec::new(),
        });
    }
    Ok(())
}

fn junction_of(
    file: &File<LanesFile>,
    draft: &Draft,
    (kind, id): (&str, &Spanned<String>),
    name: &str,
) -> Result<JunctionIx, MapError> {
    draft.junction_ix.get(name).copied().ok_or_else(|| {
        file.error(kind, id, format!("junction {name:?} is not in lanes.toml"), "add it or correct the name")
    })
}

fn add_link(
    file: &File<LanesFile>,
    draft: &mut Draft,
    written: &LinkSource,
    names: &mut BTreeMap<String, LaneIx>,
) -> Result<(), MapError> {
    let link = LinkIx(draft.map.links.len() as u32);
    let error = |problem: String, remedy: &str| file.error("link", &written.id, problem, remedy);
    if written.lane.is_empty() || written.lane.len() > 64 {
        return Err(error(format!("it has {} lanes", written.lane.len()), "give 1 to 64"));
    }
    let [from, to] = [&written.from, &written.to];
    let end = |name: &Option<String>| name.as_ref().map(|name| junction_of(file, draft, ("link", &written.id), name));
    let (from, to) = (end(from).transpose()?, end(to).transpose()?);
    let speed_limit_mps = limit(file, "link", &written.id, written.speed_limit_kmh)?;
    let mut lanes: Vec<LaneIx> = Vec::new();
    for lane in &written.lane {
        let ix = LaneIx(draft.map.lanes.len() as u32);
        let id = format!("{}:{}", written.id.get_ref(), lanes.len());
        if names.insert(id.clone(), ix).is_some() {
            return Err(error("its id is taken".into(), "rename one of the two"));
        }
        let kind = kind_of(lane.kind);
        let beside = lanes.last().copied().filter(|l| draft.map.lane(*l).kind == kind);
        if let Some(beside) = beside {
            draft.map.lanes[beside.0 as usize].right = Some(ix);
        }
        let mps = lane.speed_limit_kmh.map_or(Ok(speed_limit_mps), |kmh| limit(file, "link", &written.id, kmh))?;
        let centre = line_of(file, "link", &written.id, &lane.centre_m)?;
        let end_m = centre.length_m();
        if lane.stop_line_m.is_some_and(|at| !(0.0..=end_m + 0.1).contains(&at)) {
            return Err(error(format!("a stop line beyond its lane's {end_m:.1} m"), "correct `stop_line_m`"));
        }
        draft.map.lanes.push(Lane {
            id,
            kind,
            width_m: width(file, "link", &written.id, lane.width_m)?,
            speed_limit_mps: mps,
            link: Some(link),
            position: lanes.len() as u8,
            movement: None,
            successors: Vec::new(),
            predecessors: Vec::new(),
            left: beside,
            right: None,
            stop_line_m: lane.stop_line_m.map(|at| at.min(end_m)),
            crossings: Vec::new(),
            centre,
        });
        lanes.push(ix);
    }
    if let Some(from) = from {
        draft.map.junctions[from.0 as usize].outgoing.push(link);
    }
    if let Some(to) = to {
        draft.map.junctions[to.0 as usize].incoming.push(link);
    }
    draft.link_road.push(link.0 as usize);
    draft.map.links.push(Link {
        id: written.id.get_ref().clone(),
        name_zh: written.name_zh.clone(),
        line: line_of(file, "link", &written.id, &written.line_m)?,
        lanes,
        from,
        to,
        speed_limit_mps,
        opposite: None,
        level: written.level,
    });
    Ok(())
}

/// Opposite links, and lanes that go on in others without a junction.
fn bind(
    file: &File<LanesFile>,
    draft: &mut Draft,
    (ix, written): (LinkIx, &LinkSource),
    lanes: &BTreeMap<String, LaneIx>,
) -> Result<(), MapError> {
    if let Some(name) = &written.opposite {
        let other = draft.map.links.iter().position(|link| link.id == *name).filter(|other| *other != ix.0 as usize);
        let Some(other) = other else {
            return Err(file.error(
                "link",
                &written.id,
                format!("its opposite {name:?} is no other link"),
                "correct it",
            ));
        };
        draft.map.links[ix.0 as usize].opposite = Some(LinkIx(other as u32));
    }
    for (lane, from) in written.lane.iter().zip(draft.map.link(ix).lanes.clone()) {
        for name in &lane.then {
            let Some(to) = lanes.get(name).copied().filter(|to| *to != from) else {
                return Err(file.error("link", &written.id, format!("{name:?} is no other lane"), "correct `then`"));
            };
            draft.map.lanes[from.0 as usize].successors.push(to);
            draft.map.lanes[to.0 as usize].predecessors.push(from);
        }
    }
    Ok(())
}

fn add_way(
    file: &File<LanesFile>,
    draft: &mut Draft,
    written: &WaySource,
    lanes: &BTreeMap<String, LaneIx>,
) -> Result<(), MapError> {
    let error = |problem: String, remedy: &str| file.error("way from", &written.from, problem, remedy);
    let junction = junction_of(file, draft, ("way from", &written.from), &written.junction)?;
    let ends = (lanes.get(written.from.get_ref()).copied(), lanes.get(&written.to).copied());
    let (Some(from), Some(to)) = ends else {
        return Err(error(
            format!("one of {:?} and {:?} is no lane", written.from.get_ref(), written.to),
            "correct it",
        ));
    };
    let kind = draft.map.lane(from).kind;
    if kind != draft.map.lane(to).kind {
        return Err(error(format!("it leads to a lane of another kind, {:?}", written.to), "correct `to`"));
    }
    let centre = line_of(file, "way from", &written.from, &written.centre_m)?;
    let angle = angle_between(centre.direction_at(0.0), centre.direction_at(centre.length_m()));
    let turn = turn_of(angle);
    let lane = Lane {
        id: format!("{}:{}>{}", written.junction, written.from.get_ref(), written.to),
        kind,
        width_m: width(file, "way from", &written.from, written.width_m)?,
        speed_limit_mps: limit(file, "way from", &written.from, written.speed_limit_kmh)?,
        link: None,
        position: 0,
        movement: Some(Movement {
            junction,
            turn,
            phase: written.phase.filter(|phase| *phase != 0).map(PhaseId),
            on_red: turn == Turn::Right && written.phase.is_some(),
            conflicts: Vec::new(),
            yields_to: Vec::new(),
        }),
        successors: vec![to],
        predecessors: vec![from],
        left: None,
        right: None,
        stop_line_m: None,
        crossings: Vec::new(),
        centre,
    };
    let ix = LaneIx(draft.map.lanes.len() as u32);
    draft.map.lanes.push(lane);
    draft.map.lanes[from.0 as usize].successors.push(ix);
    draft.map.lanes[to.0 as usize].predecessors.push(ix);
    draft.map.junctions[junction.0 as usize].connectors.push(ix);
    Ok(())
}

fn add_crossing(
    file: &File<LanesFile>,
    draft: &mut Draft,
    written: &crate::source::CrossingLineSource,
) -> Result<(), MapError> {
    let line = line_of(file, "crossing", &written.id, &written.line_m)?;
    if !(1.0..=20.0).contains(&written.width_m) || line.length_m() > 200.0 {
        return Err(file.error(
            "crossing",
            &written.id,
            "it is narrower than 1 m, wider than 20 m or longer than 200 m",
            "correct it",
        ));
    }
    let control = match written.control {
        None => None,
        Some(CrossingRule::Yield) => Some(CrossingControl::Yield),
        Some(CrossingRule::Signal) => {
            return Err(file.error(
                "crossing",
                &written.id,
                "crossings of lanes.toml have no phases",
                "set control = \"yield\"",
            ));
        }
    };
    let ix = CrossingIx(draft.map.crossings.len() as u32);
    let mut over: Vec<(LaneIx, f64, f64)> = Vec::new();
    for k in 0..draft.map.lanes.len() {
        let lane = &draft.map.lanes[k];
        if lane.link.is_none() || lane.kind == LaneKind::Footway {
            continue;
        }
        if let Some((along, on_lane)) = geometry::intersections(&line, &lane.centre).first().copied() {
            over.push((LaneIx(k as u32), along, on_lane));
            let crossings = &mut draft.map.lanes[k].crossings;
            crossings.push((ix, on_lane));
            crossings.sort_by(|a, b| a.1.total_cmp(&b.1));
        }
    }
    over.sort_by(|a, b| a.1.total_cmp(&b.1));
    let at_end = |(lane, _, at): &(LaneIx, f64, f64)| {
        let (lane, left_m) = (draft.map.lane(*lane), draft.map.lane(*lane).centre.length_m() - at);
        let link = draft.map.link(lane.link?);
        if left_m < AT_JUNCTION_M { link.to } else { link.from.filter(|_| *at < AT_JUNCTION_M) }
    };
    if let Some(junction) = over.iter().find_map(at_end) {
        draft.map.junctions[junction.0 as usize].crossings.push(ix);
    }
    draft.map.crossings.push(Crossing {
        id: written.id.get_ref().clone(),
        line,
        width_m: written.width_m,
        control,
        lanes: over,
    });
    Ok(())
}

fn kind_of(kind: StripKind) -> LaneKind {
    match kind {
        StripKind::Driving => LaneKind::Driving,
        StripKind::Cycle => LaneKind::Cycle,
        StripKind::Footway => LaneKind::Footway,
    }
}

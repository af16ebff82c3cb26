//! Roads: rounding their bends, opening junctions, laying lanes.

use crate::load::{Draft, RoadShape};
use crate::model::{Control, Junction, JunctionIx, Lane, LaneIx, LaneKind, Link, LinkIx};
use crate::source::{ControlKind, ProfileSource, RoadSource, Source, StripKind};
use crate::{MapError, SignalPlan};
use jxz_geo::{Point, Polyline, Vector};
use jxz_units::wrap_pi;
use jxz_world::JunctionId;
use std::collections::BTreeMap;

/// A road without junctions: `from = "edge"` or `to = "edge"` in the files.
const EDGE: &str = "edge";
/// A stretch of road shorter than this between two junctions cannot be driven.
const SHORTEST_M: f64 = 6.0;

pub(crate) fn add_junctions(source: &Source, draft: &mut Draft) -> Result<(), MapError> {
    let file = &source.junctions;
    for junction in &file.data.junction {
        let id = junction.id.get_ref();
        let Some(centre) = draft.place(junction.at) else {
            return Err(file.error("junction", &junction.id, "is far away from the frame's origin", "correct `at`"));
        };
        let ix = JunctionIx(draft.map.junctions.len() as u32);
        if draft.junction_ix.insert(id.clone(), ix).is_some() {
            return Err(file.error("junction", &junction.id, "its id is taken", "rename one of the two"));
        }
        let control = match junction.control {
            ControlKind::Signals => Control::Signals(SignalPlan { offset_s: 0.0, stages: Vec::new() }),
            ControlKind::Priority => Control::Priority,
            ControlKind::Uncontrolled => Control::Uncontrolled,
        };
        draft.map.junctions.push(Junction {
            id: JunctionId(id.clone()),
            node_id: junction.node_id,
            name_zh: junction.name_zh.clone(),
            centre,
            control,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            connectors: Vec::new(),
            crossings: Vec::new(),
        });
    }
    Ok(())
}

/// A road as read, before its ends are cut back.
struct Plain<'a> {
    source: &'a RoadSource,
    profile: &'a ProfileSource,
    line: Polyline,
    ends: [Option<JunctionIx>; 2],
    /// From the line to the left and right kerb.
    kerb_m: (f64, f64),
    /// From the line to the outer edges of all strips.
    edge_m: (f64, f64),
    speed_limit_mps: f64,
}

pub(crate) fn add_links(source: &Source, draft: &mut Draft) -> Result<(), MapError> {
    let plain =
        source.roads.data.road.iter().map(|road| read_road(source, draft, road)).collect::<Result<Vec<_>, _>>()?;
    let cuts = cut_back(&plain, draft.map.junctions.len());
    for (road, (cut_from, cut_to)) in plain.iter().zip(cuts) {
        let file = &source.roads;
        let total = road.line.length_m();
        let line = road.line.slice(cut_from, total - cut_to).filter(|line| line.length_m() >= SHORTEST_M);
        let Some(line) = line else {
            let problem = format!("nothing is left of its {total:.1} m between its two junctions");
            return Err(file.error("road", &road.source.id, problem, "merge the two junctions"));
        };
        add_road(source, draft, road, line)?;
    }
    Ok(())
}

fn read_road<'a>(source: &'a Source, draft: &mut Draft, road: &'a RoadSource) -> Result<Plain<'a>, MapError> {
    let file = &source.roads;
    let index = draft.road_ix.len();
    if draft.road_ix.insert(road.id.get_ref().clone(), index).is_some() {
        return Err(file.error("road", &road.id, "its id is taken", "rename one of the two"));
    }
    let Some(profile) = source.map.data.profile.iter().find(|p| *p.id.get_ref() == road.profile) else {
        let problem = format!("its profile {:?} is not in map.toml", road.profile);
        return Err(file.error("road", &road.id, problem, "add the profile or name another"));
    };
    let limits = &source.map.data.speed_limits_kmh;
    let Some(limit_kmh) = road.speed_limit_kmh.or_else(|| limits.get(&road.class).copied()) else {
        let problem = format!("there is no speed limit for class {:?}", road.class);
        return Err(file.error("road", &road.id, problem, "add the class to speed_limits_kmh in map.toml"));
    };
    if !(1.0..=130.0).contains(&limit_kmh) {
        return Err(file.error("road", &road.id, format!("limit of {limit_kmh} km/h"), "give 1 to 130 km/h"));
    }
    let end = |name: &str| match draft.junction_ix.get(name) {
        _ if name == EDGE => Ok(None),
        Some(ix) => Ok(Some(*ix)),
        None => {
            let problem = format!("junction {name:?} is not in junctions.toml");
            Err(file.error("road", &road.id, problem, "add it, or write \"edge\" where the map ends"))
        }
    };
    let ends = [end(&road.from)?, end(&road.to)?];
    let points = road.points.iter().map(|at| draft.place(*at)).collect::<Option<Vec<_>>>();
    let line = points.and_then(|points| Polyline::new(points).ok());
    let Some(line) = line else {
        return Err(file.error("road", &road.id, "its points make no line near the frame's origin", "correct them"));
    };
    let kerb_m = edges(profile, road.one_way, |kind| kind != StripKind::Footway);
    let edge_m = edges(profile, road.one_way, |_| true);
    let line = rounded(&line, kerb_m.0.max(kerb_m.1) + 12.0);
    Ok(Plain { source: road, profile, line, ends, kerb_m, edge_m, speed_limit_mps: limit_kmh / 3.6 })
}

/// From the reference line to the left and right edge of the strips that count.
fn edges(profile: &ProfileSource, one_way: bool, counts: impl Fn(StripKind) -> bool) -> (f64, f64) {
    let strips = profile.strips.iter().filter(|s| counts(s.kind));
    let width: f64 = strips.map(|s| s.gap_m + s.width_m * f64::from(s.count)).sum();
    if one_way {
        let driving = driving_width(profile);
        (driving / 2.0, width - driving / 2.0)
    } else {
        let half = profile.median_m / 2.0 + width;
        (half, half)
    }
}

fn driving_width(profile: &ProfileSource) -> f64 {
    let driving = profile.strips.iter().filter(|s| s.kind == StripKind::Driving);
    driving.map(|s| s.gap_m + s.width_m * f64::from(s.count)).sum()
}

/// The line with each corner replaced by a parabola that leaves and rejoins it tangentially.
fn rounded(line: &Polyline, radius_m: f64) -> Polyline {
    let points = line.points();
    let mut out = vec![points[0]];
    for corner in points.windows(3) {
        let (before, after) = (corner[1] - corner[0], corner[2] - corner[1]);
        let angle = wrap_pi(libm::atan2(after.y, after.x) - libm::atan2(before.y, before.x)).abs();
        if angle < 0.5_f64.to_radians() {
            out.push(corner[1]);
            continue;
        }
        let wanted = (radius_m * 1.6 * libm::tan(angle / 2.0)).max(6.0);
        let reach = wanted.min(0.45 * before.norm()).min(0.45 * after.norm());
        let (start, end) = (corner[1] - before.normalize() * reach, corner[1] + after.normalize() * reach);
        let steps = ((angle.to_degrees() / 4.0).ceil() as usize).clamp(2, 32);
        for k in 0..=steps {
            let t = k as f64 / steps as f64;
            let (a, b) = (start + (corner[1] - start) * t, corner[1] + (end - corner[1]) * t);
            out.push(a + (b - a) * t);
        }
    }
    out.push(line.end());
    Polyline::new(out).unwrap_or_else(|_| line.clone())
}

/// One mouth of a road at a junction, seen from the junction outwards.
struct Mouth {
    road: usize,
    end: usize,
    direction: Vector,
    /// From the line to the road's outer edges, left and right, looking outwards.
    edge_m: (f64, f64),
}

/// How far each road is cut back at its two ends so that the mouths of a junction do not overlap.
fn cut_back(roads: &[Plain<'_>], junctions: usize) -> Vec<(f64, f64)> {
    let mut mouths: BTreeMap<JunctionIx, Vec<Mouth>> = BTreeMap::new();
    for (road, plain) in roads.iter().enumerate() {
        for (end, junction) in plain.ends.iter().enumerate() {
            let Some(junction) = junction else { continue };
            let line = if end == 0 { plain.line.clone() } else { plain.line.reversed() };
            let edge_m = if end == 0 { plain.edge_m } else { (plain.edge_m.1, plain.edge_m.0) };
            let reach = line.length_m().min(25.0);
            let direction = (line.point_at(reach) - line.start()).normalize();
            mouths.entry(*junction).or_default().push(Mouth { road, end, direction, edge_m });
        }
    }
    debug_assert!(mouths.len() <= junctions);
    let mut cuts = vec![(0.0, 0.0); roads.len()];
    for mouths in mouths.values() {
        for (i, mouth) in mouths.iter().enumerate() {
            let others = mouths.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| other);
            let base = match mouths.len() {
                1 => 9.0,
                2 => 2.5,
                _ => 6.0,
            };
            let wanted = others.map(|other| clearance_m(mouth, other)).fold(base, f64::max);
            let cut = wanted.min(0.42 * roads[mouth.road].line.length_m());
            if mouth.end == 0 {
                cuts[mouth.road].0 = cut;
            } else {
                cuts[mouth.road].1 = cut;
            }
        }
    }
    cuts
}

/// The distance from the junction at which a mouth is clear of another, with room to round the corner.
fn clearance_m(mouth: &Mouth, other: &Mouth) -> f64 {
    let sin = mouth.direction.x * other.direction.y - mouth.direction.y * other.direction.x;
    let cos = mouth.direction.dot(&other.direction);
    let angle = libm::atan2(sin, cos).abs();
    if angle > 150_f64.to_radians() {
        return 2.5;
    }
    // The other lies to our left if sin > 0: then our left edge faces its right one.
    let (mine, its) = if sin > 0.0 { (mouth.edge_m.0, other.edge_m.1) } else { (mouth.edge_m.1, other.edge_m.0) };
    let corner = (its + mine * libm::cos(angle)) / libm::sin(angle).max(0.2);
    let rounding = (4.0 / libm::tan(angle / 2.0)).min(10.0);
    (corner + rounding).clamp(2.5, 60.0)
}

fn add_road(source: &Source, draft: &mut Draft, road: &Plain<'_>, line: Polyline) -> Result<(), MapError> {
    let id = road.source.id.get_ref();
    let [from, to] = road.ends;
    let index = draft.roads.len();
    let forward = add_link(source, draft, road, &format!("{id}:f"), &line, (from, to))?;
    let backward = if road.source.one_way {
        None
    } else {
        Some(add_link(source, draft, road, &format!("{id}:b"), &line.reversed(), (to, from))?)
    };
    draft.map.links[forward.0 as usize].opposite = backward;
    draft.link_road.push(index);
    if let Some(backward) = backward {
        draft.map.links[backward.0 as usize].opposite = Some(forward);
        draft.link_road.push(index);
    }
    draft.roads.push(RoadShape { line, forward, backward, kerb_m: road.kerb_m, from, to });
    Ok(())
}

type Ends = (Option<JunctionIx>, Option<JunctionIx>);

fn add_link(
    source: &Source,
    draft: &mut Draft,
    road: &Plain<'_>,
    id: &str,
    line: &Polyline,
    (from, to): Ends,
) -> Result<LinkIx, MapError> {
    let link = LinkIx(draft.map.links.len() as u32);
    let mut lanes: Vec<LaneIx> = Vec::new();
    let mut edge_m = if road.source.one_way { -driving_width(road.profile) / 2.0 } else { road.profile.median_m / 2.0 };
    let cycle_limit = source.map.data.speed_limits_kmh.get("cycle_lane").copied().unwrap_or(20.0) / 3.6;
    for strip in &road.profile.strips {
        edge_m += strip.gap_m;
        for _ in 0..strip.count {
            let kind = kind_of(strip.kind);
            let Ok(centre) = line.offset(-(edge_m + strip.width_m / 2.0)) else {
                let problem = "a lane collapses in a bend";
                return Err(source.roads.error("road", &road.source.id, problem, "ease the bend in `points`"));
            };
            edge_m += strip.width_m;
            let speed_limit_mps = match kind {
                LaneKind::Driving => road.speed_limit_mps,
                LaneKind::Cycle => road.speed_limit_mps.min(cycle_limit),
                LaneKind::Footway => 2.0,
            };
            let ix = LaneIx(draft.map.lanes.len() as u32);
            let left = lanes.last().copied().filter(|l| draft.map.lane(*l).kind == kind);
            if let Some(left) = left {
                draft.map.lanes[left.0 as usize].right = Some(ix);
            }
            let position = lanes.len() as u8;
            lanes.push(ix);
            draft.map.lanes.push(Lane {
                id: format!("{id}:{position}"),
                kind,
                centre: without_reversals(centre, line),
                width_m: strip.width_m,
                speed_limit_mps,
                link: Some(link),
                position,
                movement: None,
                successors: Vec::new(),
                predecessors: Vec::new(),
                left,
                right: None,
                stop_line_m: None,
                crossings: Vec::new(),
            });
        }
    }
    if let Some(from) = from {
        draft.map.junctions[from.0 as usize].outgoing.push(link);
    }
    if let Some(to) = to {
        draft.map.junctions[to.0 as usize].incoming.push(link);
    }
    draft.map.links.push(Link {
        id: id.to_owned(),
        name_zh: road.source.name_zh.clone(),
        line: line.clone(),
        lanes,
        from,
        to,
        speed_limit_mps: road.speed_limit_mps,
        opposite: None,
        level: road.source.level,
    });
    Ok(link)
}

fn kind_of(kind: StripKind) -> LaneKind {
    match kind {
        StripKind::Driving => LaneKind::Driving,
        StripKind::Cycle => LaneKind::Cycle,
        StripKind::Footway => LaneKind::Footway,
    }
}

/// Drops points of a line moved sideways that run back against the reference line (the inside of a tight bend).
fn without_reversals(moved: Polyline, reference: &Polyline) -> Polyline {
    let points = moved.points();
    if points.len() != reference.points().len() {
        return moved;
    }
    let last = points.len() - 1;
    let mut kept: Vec<Point> = vec![points[0]];
    let steps = reference.points().windows(2).map(|pair| pair[1] - pair[0]);
    for (k, (point, along)) in points.iter().skip(1).zip(steps).enumerate() {
        let step = point - kept[kept.len() - 1];
        if step.dot(&along) > 0.2 * along.norm() * step.norm() {
            kept.push(*point);
        } else if k + 1 == last {
            kept.pop();
            kept.push(*point);
        }
    }
    Polyline::new(kept).unwrap_or(moved)
}

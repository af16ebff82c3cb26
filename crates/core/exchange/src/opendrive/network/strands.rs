//! Links: a road's lane sections joined to stretches on which no lane begins or ends.

use super::{Document, NetJunction, NetLane, NetLink, Strands, kind_of, unique};
use crate::opendrive::import::Notes;
use crate::opendrive::recentre::shortened;
use jxz_geo::{Point, Polyline, Vector};
use jxz_map::LaneKind;
use std::collections::{BTreeMap, BTreeSet};

/// Lanes that are nowhere wider than this are paint, metres.
const NARROWEST_M: f64 = 0.3;
/// From the end of a lane back to its stop line where no signal stands, metres.
const STOP_BEFORE_M: f64 = 1.5;
/// Corners between these are eased, radians, and this far from them at most, metres.
const SHARP_RAD: f64 = 0.17;
const BACK_RAD: f64 = 2.1;
const CUT_M: f64 = 0.3;
/// Points nearer than this to the one before are left out, metres.
const NEAREST_M: f64 = 0.08;
/// A plan serves at most so many approaches; a phase is a byte.
const MOST_PHASES: usize = 60;

/// Where a lane of the document went.
#[derive(Debug, Clone, Copy)]
pub(in crate::opendrive) struct Strand {
    pub(in crate::opendrive) link: usize,
    pub(in crate::opendrive) position: usize,
}

/// A lane of a section, by its number there.
type Section<'a> = BTreeMap<i32, &'a xodr::Lane>;

/// All links, and where each lane of the document outside junctions went.
pub(super) fn links(document: &Document<'_>, notes: &mut Notes) -> (Vec<NetLink>, Strands) {
    let mut roads: BTreeMap<usize, BTreeMap<usize, Section<'_>>> = BTreeMap::new();
    for lane in document.net.lanes() {
        let Some(at) = document.net.road_lane(lane.id) else { continue };
        let through = document.net.road(at.road).is_some_and(|road| road.junction().is_some());
        let used = kind_of(lane).is_some() && lane.width > NARROWEST_M as f32;
        if !through && used && lane.layer == xodr::Layer::Permanent {
            roads.entry(at.road.0).or_default().entry(at.section).or_default().insert(at.od_id, lane);
        }
    }
    let (mut links, mut strands) = (Vec::new(), Strands::new());
    let mut taken = BTreeSet::new();
    for (road, sections) in roads {
        let road = document.net.road(xodr::RoadId(road));
        let (od_id, name) = road.map_or(("?", ""), |road| (road.od_id(), road.name()));
        let runs = runs(sections.into_values().collect());
        for (k, run) in runs.iter().enumerate() {
            let suffix = if runs.len() > 1 { format!(".{k}") } else { String::new() };
            let id = unique(&mut taken, format!("road-{}{suffix}", shortened(od_id)));
            add_run(document, (&id, name), run, (&mut links, &mut strands), notes);
        }
    }
    (links, strands)
}

/// Sections one after the other, joined where every lane goes on as the one of the same number.
fn runs(sections: Vec<Section<'_>>) -> Vec<Vec<Section<'_>>> {
    let mut runs: Vec<Vec<Section<'_>>> = Vec::new();
    for section in sections {
        let goes_on = runs.last().and_then(|run| run.last()).is_some_and(|last| {
            last.len() == section.len()
                && last.iter().zip(&section).all(|((a, from), (b, to))| {
                    a == b
                        && from.kind == to.kind
                        && (from.successors.contains(&to.id) || to.successors.contains(&from.id))
                })
        });
        match runs.last_mut() {
            Some(run) if goes_on => run.push(section),
            _ => runs.push(vec![section]),
        }
    }
    runs
}

fn add_run(
    document: &Document<'_>,
    (id, name): (&str, &str),
    run: &[Section<'_>],
    (links, strands): (&mut Vec<NetLink>, &mut Strands),
    notes: &mut Notes,
) {
    let Some(first) = run.first() else { return };
    let mut pair = Vec::new();
    for backward in [false, true] {
        // From the centre outwards: by the distance of the lane's number from 0.
        let mut numbers: Vec<i32> = first
            .iter()
            .filter(|(_, lane)| (lane.direction == xodr::Direction::Backward) == backward)
            .map(|(number, _)| *number)
            .collect();
        numbers.sort_by_key(|number| number.unsigned_abs());
        let link = links.len();
        let mut lanes = Vec::new();
        for number in numbers {
            let mut stretches: Vec<&xodr::Lane> =
                run.iter().filter_map(|section| section.get(&number).copied()).collect();
            if backward {
                stretches.reverse();
            }
            let Some(lane) = lane_of(document, &stretches) else {
                notes.add(format!("{id}: lane {number} has no length and is left out"));
                continue;
            };
            for stretch in stretches {
                strands.insert(stretch.id.0, Strand { link, position: lanes.len() });
            }
            lanes.push(lane);
        }
        if !lanes.is_empty() {
            pair.push(link);
            let id = format!("{id}:{}", if backward { 'b' } else { 'f' });
            links.push(NetLink { id, name: shortened(name), opposite: None, lanes, from: None, to: None });
        }
    }
    if let [forward, backward] = pair[..] {
        links[forward].opposite = Some(backward);
        links[backward].opposite = Some(forward);
    }
}

fn lane_of(document: &Document<'_>, stretches: &[&xodr::Lane]) -> Option<NetLane> {
    let first = stretches.first()?;
    let kind = kind_of(first)?;
    let longest = stretches.iter().max_by(|a, b| a.center.length().total_cmp(&b.center.length()))?;
    Some(NetLane {
        kind,
        width_m: f64::from(longest.width_at(longest.center.length() / 2.0)).clamp(NARROWEST_M, 20.0),
        speed_mps: document.speed_mps(longest, kind),
        centre: joined(document, stretches)?,
        then: Vec::new(),
        stop_line_m: None,
    })
}

/// The stretches' middles as one line.
pub(super) fn joined(document: &Document<'_>, stretches: &[&xodr::Lane]) -> Option<Polyline> {
    let mut points: Vec<Point> = Vec::new();
    for stretch in stretches {
        for point in document.points(stretch) {
            // Two ends of one joint differ in the last bits.
            if points.last().is_none_or(|last| (point - last).norm() > 0.01) {
                points.push(point);
            }
        }
    }
    points = thinned(unfolded(points));
    for _ in 0..4 {
        points = eased(points);
    }
    Polyline::new(points).ok().filter(|line| line.length_m() > 0.05)
}

/// The line without the loops that a lane draws on the inside of a bend tighter than its distance from the reference
/// line: points at which it would turn back are left out.
fn unfolded(points: Vec<Point>) -> Vec<Point> {
    let mut out: Vec<Point> = Vec::with_capacity(points.len());
    let turns_back = |a: &Point, b: &Point, c: &Point| {
        let (before, after) = (b - a, c - b);
        before.dot(&after) < libm::cos(BACK_RAD) * before.norm() * after.norm()
    };
    for point in points {
        while let [.., a, b] = out[..]
            && turns_back(&a, &b, &point)
        {
            out.pop();
        }
        out.push(point);
    }
    out
}

/// The line without points so near to the one before that rounding decides the direction between them.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    let end = points.last().copied();
    let mut out: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        if out.last().is_none_or(|last| (point - last).norm() > NEAREST_M) {
            out.push(point);
        }
    }
    if let (Some(end), Some(last)) = (end, out.last_mut()) {
        *last = end;
    }
    out
}

/// The line with each corner sharper than a lane's may be cut (Chaikin's step): tight bends come with few points.
fn eased(points: Vec<Point>) -> Vec<Point> {
    let mut out = Vec::with_capacity(points.len() + 8);
    out.extend(points.first().copied());
    for corner in points.windows(3) {
        let (before, after) = (corner[1] - corner[0], corner[2] - corner[1]);
        let (a, b) = (before.norm(), after.norm());
        let turn = libm::atan2(before.x * after.y - before.y * after.x, before.dot(&after)).abs();
        if !(SHARP_RAD..=BACK_RAD).contains(&turn) || a < 1e-3 || b < 1e-3 {
            out.push(corner[1]);
            continue;
        }
        let reach = |m: f64| (0.25 * m).min(CUT_M);
        out.push(corner[1] - before / a * reach(a));
        out.push(corner[1] + after / b * reach(b));
    }
    if points.len() > 1 {
        out.extend(points.last().copied());
    }
    out
}

/// Signals: which junctions have them, and where vehicles stop.
pub(super) fn place_signals(
    document: &Document<'_>,
    links: &mut [NetLink],
    strands: &Strands,
    junctions: &mut [NetJunction],
    notes: &mut Notes,
) {
    let mut signalled = vec![false; junctions.len()];
    for signal in document.net.signals().iter().filter(|signal| signal.dynamic) {
        let place = document.local(signal.position);
        for lane in &signal.lanes {
            let through = document.road_of(*lane).and_then(|road| road.junction()).is_some();
            // A signal on a way through a junction is that of the lanes before it.
            let before = document.lane(*lane).filter(|_| through).map_or(vec![*lane], |lane| lane.predecessors.clone());
            for strand in before.iter().filter_map(|lane| strands.get(&lane.0)) {
                let Some(junction) = links[strand.link].to else { continue };
                signalled[junction] = true;
                let lane = &mut links[strand.link].lanes[strand.position];
                let (end, foot) = (lane.centre.length_m(), lane.centre.project(place));
                if !through && end - foot.s_m < 60.0 {
                    lane.stop_line_m = Some(foot.s_m);
                }
            }
        }
    }
    for (junction, _) in signalled.iter().enumerate().filter(|(_, signalled)| **signalled) {
        let here =
            |k: &usize| links[*k].to == Some(junction) && links[*k].lanes.iter().any(|l| l.kind != LaneKind::Footway);
        let approaches: Vec<usize> = (0..links.len()).filter(here).collect();
        if approaches.len() > MOST_PHASES {
            notes.add(format!("{}: {} approaches are too many for signals", junctions[junction].id, approaches.len()));
            continue;
        }
        for link in &approaches {
            for lane in links[*link].lanes.iter_mut().filter(|lane| lane.kind != LaneKind::Footway) {
                let end = lane.centre.length_m();
                lane.stop_line_m.get_or_insert((end - STOP_BEFORE_M).max(end / 2.0));
            }
        }
        junctions[junction].signalled = approaches;
    }
}

/// The reference line of a link: the inner edge of its innermost lane.
pub(in crate::opendrive) fn reference_line(lane: &NetLane) -> Polyline {
    let line = &lane.centre;
    let points = line.points();
    let last = points.len() - 1;
    let beside = |k: usize| {
        let along: Vector = points[(k + 1).min(last)] - points[k.saturating_sub(1)];
        let along = along.try_normalize(1e-9).unwrap_or_default();
        points[k] + Vector::new(-along.y, along.x) * (lane.width_m / 2.0)
    };
    Polyline::new((0..=last).map(beside).collect()).unwrap_or_else(|_| line.clone())
}

//! Whether traffic can flow: reachability, gaps, kinks.

use super::{Finding, FindingKind};
use crate::model::{Lane, LaneIx, LaneKind, Map};
use crate::movements::angle_between;

const GAP_M: f64 = 0.3;
const KINK_DEG: f64 = 15.0;

pub(super) fn check(map: &Map, findings: &mut Vec<Finding>) {
    for kind in [LaneKind::Driving, LaneKind::Cycle, LaneKind::Footway] {
        reachability(map, kind, findings);
    }
    for lane in &map.lanes {
        joints(map, lane, findings);
        kinks(lane, findings);
    }
}

fn named(lane: &Lane) -> String {
    format!("lane {:?}", lane.id)
}

/// Ways on from each lane: its successors and its neighbours. People on foot also walk back, over crossings, and from
/// side to side of a path that has no motor traffic.
fn ways(map: &Map, kind: LaneKind) -> Vec<Vec<usize>> {
    let mut ways = vec![Vec::new(); map.lanes.len()];
    for (k, lane) in map.lanes.iter().enumerate().filter(|(_, lane)| lane.kind == kind) {
        let next = lane.successors.iter().chain(&lane.left).chain(&lane.right).map(|ix| ix.0 as usize);
        ways[k].extend(next.filter(|n| map.lanes[*n].kind == kind));
    }
    if kind == LaneKind::Footway {
        for crossing in &map.crossings {
            let links = crossing.lanes.iter().filter_map(|(lane, ..)| map.lane(*lane).link);
            let beside: Vec<LaneIx> = links.flat_map(|link| map.link(link).lanes.iter().copied()).collect();
            let beside: Vec<usize> =
                beside.iter().filter(|l| map.lane(**l).kind == kind).map(|l| l.0 as usize).collect();
            for a in &beside {
                ways[*a].extend(beside.iter().filter(|b| *b != a));
            }
        }
        for link in map.links.iter().filter(|link| link.lanes.iter().all(|l| map.lane(*l).kind != LaneKind::Driving)) {
            let Some(opposite) = link.opposite else { continue };
            for a in link.lanes.iter().filter(|l| map.lane(**l).kind == kind) {
                let across = map.link(opposite).lanes.iter().filter(|l| map.lane(**l).kind == kind);
                ways[a.0 as usize].extend(across.map(|b| b.0 as usize));
            }
        }
        let forward = ways.clone();
        for (a, list) in forward.iter().enumerate() {
            for b in list {
                ways[*b].push(a);
            }
        }
    }
    ways
}

fn reversed(ways: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut back = vec![Vec::new(); ways.len()];
    for (a, list) in ways.iter().enumerate() {
        for b in list {
            back[*b].push(a);
        }
    }
    back
}

fn reached(ways: &[Vec<usize>], from: impl IntoIterator<Item = usize>) -> Vec<bool> {
    let mut seen = vec![false; ways.len()];
    let mut stack: Vec<usize> = from.into_iter().collect();
    while let Some(k) = stack.pop() {
        if !std::mem::replace(&mut seen[k], true) {
            stack.extend(ways[k].iter().copied().filter(|n| !seen[*n]));
        }
    }
    seen
}

/// The largest set of lanes each of which is reached from each other: the main network.
fn core(ways: &[Vec<usize>], back: &[Vec<usize>], members: &[usize]) -> Vec<usize> {
    let mut left: Vec<bool> = vec![false; ways.len()];
    members.iter().for_each(|k| left[*k] = true);
    let mut best = Vec::new();
    for k in members {
        if !left[*k] {
            continue;
        }
        let (ahead, behind) = (reached(ways, [*k]), reached(back, [*k]));
        let both: Vec<usize> = members.iter().copied().filter(|m| ahead[*m] && behind[*m]).collect();
        both.iter().for_each(|m| left[*m] = false);
        if both.len() > best.len() {
            best = both;
        }
    }
    best
}

fn reachability(map: &Map, kind: LaneKind, findings: &mut Vec<Finding>) {
    let members: Vec<usize> = (0..map.lanes.len()).filter(|k| map.lanes[*k].kind == kind).collect();
    let ways = ways(map, kind);
    let back = reversed(&ways);
    let main = core(&ways, &back, &members);
    let at_edge = |k: usize, start: bool| {
        map.lanes[k].link.is_some_and(|ix| {
            let link = map.link(ix);
            if start { link.from.is_none() } else { link.to.is_none() }
        })
    };
    let entries = members.iter().copied().filter(|k| at_edge(*k, true));
    let exits = members.iter().copied().filter(|k| at_edge(*k, false));
    let from_main = reached(&ways, entries.chain(main.iter().copied()));
    let to_main = reached(&back, exits.chain(main.iter().copied()));
    for k in members {
        let lane = &map.lanes[k];
        if !from_main[k] {
            let detail = "no way leads here from the map's edges or its main network".to_owned();
            findings.push(Finding {
                kind: FindingKind::UnreachableLane,
                object: named(lane),
                at: lane.centre.start(),
                detail,
            });
        }
        let ends_here = lane.successors.is_empty() && !at_edge(k, false);
        if ends_here || !to_main[k] {
            let detail = if ends_here { "it ends inside the map" } else { "no way leads from it to the main network" };
            findings.push(Finding {
                kind: FindingKind::NoWayOn,
                object: named(lane),
                at: lane.centre.end(),
                detail: detail.to_owned(),
            });
        }
    }
}

fn joints(map: &Map, lane: &Lane, findings: &mut Vec<Finding>) {
    let end = lane.centre.end();
    for next in &lane.successors {
        let next = map.lane(*next);
        let gap = (next.centre.start() - end).norm();
        if gap > GAP_M {
            let detail = format!("ends {gap:.2} m from lane {:?}", next.id);
            findings.push(Finding { kind: FindingKind::Gap, object: named(lane), at: end, detail });
        }
        let turn = angle_between(lane.centre.direction_at(lane.centre.length_m()), next.centre.direction_at(0.0));
        if turn.abs().to_degrees() > KINK_DEG {
            let detail = format!("turns {:.0} degrees into lane {:?}", turn.to_degrees(), next.id);
            findings.push(Finding { kind: FindingKind::Kink, object: named(lane), at: end, detail });
        }
    }
}

fn kinks(lane: &Lane, findings: &mut Vec<Finding>) {
    for corner in lane.centre.points().windows(3) {
        let turn = angle_between(corner[1] - corner[0], corner[2] - corner[1]).to_degrees();
        if turn.abs() > KINK_DEG {
            let detail = format!("turns {turn:.0} degrees at one point");
            findings.push(Finding { kind: FindingKind::Kink, object: named(lane), at: corner[1], detail });
        }
    }
}

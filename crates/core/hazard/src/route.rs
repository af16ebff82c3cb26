//! Ways around, over the map's links.

use jxz_map::{LaneIx, LaneKind, LinkIx, Map, Turn};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

/// A movement from one link to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Onward {
    pub(crate) to: LinkIx,
    pub(crate) turn: Turn,
    /// The lane that the movement leaves from.
    pub(crate) from_lane: LaneIx,
}

/// Which links follow which, for motor vehicles.
#[derive(Debug)]
pub(crate) struct LinkGraph {
    onward: Vec<Vec<Onward>>,
}

/// What a way around costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) junction_s: f64,
    pub(crate) longest_m: f64,
}

#[derive(Debug, PartialEq)]
struct Open {
    time_s: f64,
    length_m: f64,
    link: LinkIx,
}

impl Eq for Open {}

impl Ord for Open {
    /// The least time first, out of a heap that gives the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.time_s.total_cmp(&self.time_s).then(other.link.cmp(&self.link))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl LinkGraph {
    pub(crate) fn new(map: &Map) -> Self {
        let mut onward: Vec<Vec<Onward>> = vec![Vec::new(); map.links.len()];
        for (i, lane) in map.lanes.iter().enumerate().filter(|(_, lane)| lane.kind == LaneKind::Driving) {
            let Some(from) = lane.link else { continue };
            for next in &lane.successors {
                let connector = map.lane(*next);
                let turn = connector.movement.as_ref().map_or(Turn::Straight, |m| m.turn);
                let ends =
                    connector.link.into_iter().chain(connector.successors.iter().filter_map(|s| map.lane(*s).link));
                for to in ends.filter(|to| *to != from) {
                    let known = &mut onward[from.0 as usize];
                    if !known.iter().any(|o| o.to == to) {
                        known.push(Onward { to, turn, from_lane: LaneIx(i as u32) });
                    }
                }
            }
        }
        Self { onward }
    }

    /// Movements out of a link.
    pub(crate) fn onward(&self, link: LinkIx) -> &[Onward] {
        self.onward.get(link.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Movements into a link, with the links that they come from.
    pub(crate) fn into(&self, link: LinkIx) -> impl Iterator<Item = (LinkIx, &Onward)> {
        self.onward.iter().enumerate().flat_map(move |(from, onward)| {
            onward.iter().filter(move |o| o.to == link).map(move |o| (LinkIx(from as u32), o))
        })
    }

    /// The least travel time from the end of `from` to the beginning of `to` without `avoiding`, seconds.
    /// `slow` gives the travel times of links that are known to be slow.
    pub(crate) fn fastest_s(
        &self,
        map: &Map,
        (from, to, avoiding): (LinkIx, LinkIx, LinkIx),
        slow: &BTreeMap<LinkIx, f64>,
        cost: Cost,
    ) -> Option<f64> {
        let mut best: BTreeMap<LinkIx, f64> = BTreeMap::new();
        let mut open = BinaryHeap::new();
        open.push(Open { time_s: 0.0, length_m: 0.0, link: from });
        while let Some(Open { time_s, length_m, link }) = open.pop() {
            for next in self.onward(link).iter().filter(|o| o.turn != Turn::UTurn && o.to != avoiding) {
                let entered_s = time_s + cost.junction_s;
                if next.to == to {
                    // Links leave the heap in order of time and every junction costs the same: none is faster.
                    return Some(entered_s);
                }
                let road = map.link(next.to);
                let run_m = length_m + road.line.length_m();
                let run_s =
                    slow.get(&next.to).copied().unwrap_or_else(|| road.line.length_m() / road.speed_limit_mps.max(1.0));
                let left_s = entered_s + run_s;
                let better = best.get(&next.to).is_none_or(|known| left_s < *known);
                if better && run_m <= cost.longest_m {
                    best.insert(next.to, left_s);
                    open.push(Open { time_s: left_s, length_m: run_m, link: next.to });
                }
            }
        }
        None
    }
}

//! The way to a goal from anywhere: for each goal, what is left of the way from each lane.

use super::roads::RoadNet;
use super::vehicle::Aim;
use jxz_map::{LaneIx, LaneKind, Map};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A change of lanes costs as much as this much way, metres.
pub(crate) const CHANGE_COST_M: f64 = 60.0;
/// No way.
const NEVER: u32 = u32::MAX;

/// What is left of the way to one goal, by lane, decimetres.
#[derive(Debug, Clone)]
pub(crate) struct Guide {
    left_dm: Vec<u32>,
}

/// The guides of every place where someone may be bound for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guides(BTreeMap<LaneIx, Guide>);

impl Guides {
    /// To every bus stop and every lane on which cars leave the map.
    pub(crate) fn new(map: &Map) -> Self {
        let stops = map.bus_stops.iter().map(|stop| stop.lane);
        let goals = stops.chain(edge_lanes(map, Edge::Exit));
        Self(goals.map(|goal| (goal, Guide::to(map, goal))).collect())
    }

    pub(crate) fn to(&self, goal: LaneIx) -> Option<&Guide> {
        self.0.get(&goal)
    }
}

/// Which edge of the map: where cars come in, or where they leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Entry,
    Exit,
}

/// Lanes on which cars enter or leave the map.
pub(crate) fn edge_lanes(map: &Map, edge: Edge) -> impl Iterator<Item = LaneIx> + '_ {
    (0..map.lanes.len() as u32).map(LaneIx).filter(move |&ix| {
        let lane = map.lane(ix);
        let beyond = match edge {
            Edge::Entry => &lane.predecessors,
            Edge::Exit => &lane.successors,
        };
        beyond.is_empty() && lane.link.is_some() && lane.kind == LaneKind::Driving && lane.centre.length_m() > 40.0
    })
}

impl Guide {
    /// Dijkstra's algorithm from the goal backwards.
    fn to(map: &Map, goal: LaneIx) -> Self {
        let length_dm = |ix: LaneIx| (map.lane(ix).centre.length_m() * 10.0) as u32 + 1;
        let mut left_dm = vec![NEVER; map.lanes.len()];
        let mut heap = BinaryHeap::new();
        left_dm[goal.0 as usize] = length_dm(goal);
        heap.push(Reverse((length_dm(goal), goal)));
        while let Some(Reverse((left, ix))) = heap.pop() {
            if left > left_dm[ix.0 as usize] {
                continue;
            }
            let lane = map.lane(ix);
            let before = lane.predecessors.iter().map(|&p| (p, length_dm(p)));
            let beside = [lane.left, lane.right].into_iter().flatten().map(|l| (l, (CHANGE_COST_M * 10.0) as u32));
            for (other, way_dm) in before.chain(beside) {
                let reached = left.saturating_add(way_dm);
                if map.lane(other).kind == lane.kind && reached < left_dm[other.0 as usize] {
                    left_dm[other.0 as usize] = reached;
                    heap.push(Reverse((reached, other)));
                }
            }
        }
        Self { left_dm }
    }

    /// Whether a lane leads there without a change that another lane beside it does not need.
    pub(crate) fn is_as_good(&self, lane: LaneIx, other: LaneIx) -> bool {
        self.left_dm[lane.0 as usize] <= self.left_dm[other.0 as usize].saturating_add(20)
    }

    /// The lane to continue on after `last`; `None` if none leads there.
    pub(crate) fn next(&self, net: &RoadNet, last: LaneIx) -> Option<LaneIx> {
        let left = |next: &LaneIx| self.left_dm[next.0 as usize];
        net.lane(last).successors.iter().copied().min_by_key(left).filter(|next| left(next) != NEVER)
    }

    /// The lane of the present link to be on at its end, and the way on from it.
    pub(crate) fn aim(&self, net: &RoadNet, here: LaneIx) -> Option<Aim> {
        let beside = |side: fn(&jxz_map::Lane) -> Option<LaneIx>| {
            core::iter::successors(Some(here), move |&lane| side(net.lane(lane))).take(8).enumerate()
        };
        let options = beside(|lane| lane.left).chain(beside(|lane| lane.right));
        let costs = options.filter_map(|(changes, lane)| {
            let connector = self.next(net, lane);
            let left = connector.map_or(self.left_dm[lane.0 as usize], |next| self.left_dm[next.0 as usize]);
            let there = connector.is_some() || net.lane(lane).successors.is_empty();
            let cost = left.saturating_add((changes as f64 * CHANGE_COST_M * 10.0) as u32);
            (there && left != NEVER).then_some((cost, Aim { lane, connector }))
        });
        costs.min_by_key(|(cost, _)| *cost).map(|(_, aim)| aim)
    }
}

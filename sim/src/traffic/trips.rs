//! Trips from one edge of the map to another, as many an hour as the scenario's table says.

use super::guide::{Edge, edge_lanes};
use super::roads::RoadNet;
use super::vehicle::RoadUserKind;
use crate::rng::{Purpose, Seed, Stream, chance, uniform};
use crate::scenario::{Demand, TrafficPlan};
use jxz_map::{LaneIx, Map};
use jxz_units::Utc;
use std::collections::{BTreeSet, VecDeque};

/// Vehicles that wait before one entry at most; who comes then turns away.
const MOST_WAITING: usize = 40;
/// China's time is ahead of UTC by this, hours.
const CHINA_H: f64 = 8.0;
/// The stream of trips among those of the demand.
const STREAM: u64 = 16;

/// Someone who wants to come in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trip {
    pub(crate) kind: RoadUserKind,
    /// The lane on which it leaves.
    pub(crate) goal: LaneIx,
}

/// A line of the table with its lanes.
#[derive(Debug, Clone)]
struct Relation {
    demand: Demand,
    /// Indices into the entries.
    from: Vec<usize>,
    to: Vec<LaneIx>,
}

/// Who waits to come in, and where.
#[derive(Debug, Clone)]
pub(crate) struct Trips {
    entries: Vec<LaneIx>,
    relations: Vec<Relation>,
    truck_share: f64,
    /// By entry, those who wait.
    waiting: Vec<VecDeque<Trip>>,
    stream: Stream,
    /// Vehicles that found their entry's queue full, or no way to an exit.
    pub(crate) turned_away: u64,
}

/// The id of the road that a link is one direction of (`approach` of `approach:f`).
fn road_of(link: &str) -> &str {
    link.split_once(':').map_or(link, |(road, _)| road)
}

/// The lanes at the map's edge that a road's name stands for; without a name those on the ground.
fn lanes_of(map: &Map, edge: Edge, road: Option<&str>) -> Vec<LaneIx> {
    let link = |ix: LaneIx| map.lane(ix).link.map(|link| map.link(link));
    let named = |ix: &LaneIx| match (road, link(*ix)) {
        (None, Some(link)) => link.level == 0,
        (Some(road), Some(link)) => road_of(&link.id) == road || link.name_zh == road,
        (_, None) => false,
    };
    edge_lanes(map, edge).filter(named).collect()
}

/// The first road of the table that is at no edge of the map, as `key`, name, and those that there are.
pub(crate) fn unknown_road(map: &Map, plan: &TrafficPlan) -> Option<(&'static str, String, Vec<String>)> {
    let ends = |demand: &Demand| [("from", Edge::Entry, demand.from.clone()), ("to", Edge::Exit, demand.to.clone())];
    let (key, edge, road) = plan.demand.iter().flat_map(ends).find_map(|(key, edge, road)| {
        let road = road.filter(|road| lanes_of(map, edge, Some(road)).is_empty())?;
        Some((key, edge, road))
    })?;
    let links = edge_lanes(map, edge).filter_map(|ix| map.lane(ix).link).map(|link| map.link(link));
    let names: BTreeSet<String> = links
        .map(|link| match link.name_zh.as_str() {
            "" => road_of(&link.id).to_owned(),
            name => format!("{} ({name})", road_of(&link.id)),
        })
        .collect();
    Some((key, road, names.into_iter().collect()))
}

impl Trips {
    pub(crate) fn new(net: &RoadNet, plan: &TrafficPlan, seed: Seed) -> Self {
        let entries: Vec<LaneIx> = edge_lanes(&net.map, Edge::Entry).collect();
        let relation = |demand: &Demand| {
            let from = lanes_of(&net.map, Edge::Entry, demand.from.as_deref());
            Relation {
                from: from.iter().filter_map(|lane| entries.iter().position(|entry| entry == lane)).collect(),
                to: lanes_of(&net.map, Edge::Exit, demand.to.as_deref()),
                demand: demand.clone(),
            }
        };
        Self {
            relations: plan.demand.iter().map(relation).collect(),
            truck_share: plan.truck_share,
            waiting: vec![VecDeque::new(); entries.len()],
            entries,
            stream: seed.stream(Purpose::Demand, STREAM),
            turned_away: 0,
        }
    }

    /// Those who come within one step: at each of twenty moments of it one of each line at most.
    pub(crate) fn come(&mut self, net: &RoadNet, utc: Utc, dt_s: f64) {
        let hour = (utc.unix_ns() as f64 * 1e-9 / 3600.0 + CHINA_H).rem_euclid(24.0);
        for number in 0..self.relations.len() {
            let demand = &self.relations[number].demand;
            if hour < demand.from_h || hour >= demand.to_h {
                continue;
            }
            let expected = demand.per_h / 3600.0 * dt_s;
            let moments = if expected > 0.05 { 20 } else { 1 };
            for _ in 0..moments {
                if chance(&mut self.stream, expected / f64::from(moments)) {
                    self.one(net, number);
                }
            }
        }
    }

    fn one(&mut self, net: &RoadNet, number: usize) {
        let relation = &self.relations[number];
        let mut pick = |count: usize| ((uniform(&mut self.stream, 0.0, 1.0) * count as f64) as usize).min(count - 1);
        if relation.from.is_empty() || relation.to.is_empty() {
            self.turned_away += 1;
            return;
        }
        let (entry, exit) = (relation.from[pick(relation.from.len())], pick(relation.to.len()));
        let (from, mut goal) = (self.entries[entry], relation.to[exit]);
        if is_back(net, from, goal) {
            goal = relation.to[(exit + relation.to.len() / 2) % relation.to.len()];
        }
        let truck = chance(&mut self.stream, self.truck_share);
        let kind = if truck { RoadUserKind::Truck } else { RoadUserKind::Car };
        let leads = net.guides.to(goal).is_some_and(|guide| guide.aim(net, from).is_some());
        if leads && !is_back(net, from, goal) && self.waiting[entry].len() < MOST_WAITING {
            self.waiting[entry].push_back(Trip { kind, goal });
        } else {
            self.turned_away += 1;
        }
    }

    /// Every entry with the first who waits there.
    pub(crate) fn first(&self) -> impl Iterator<Item = (usize, LaneIx, Trip)> + '_ {
        let heads = self.waiting.iter().zip(&self.entries).enumerate();
        heads.filter_map(|(number, (queue, &entry))| queue.front().map(|&trip| (number, entry, trip)))
    }

    /// The first who waits at an entry is in.
    pub(crate) fn enter(&mut self, number: usize) {
        self.waiting[number].pop_front();
    }
}

/// Whether an exit is on the road that an entry is on, the other way.
fn is_back(net: &RoadNet, from: LaneIx, to: LaneIx) -> bool {
    let (from, to) = (net.lane(from).link, net.lane(to).link);
    from == to || from.is_some_and(|from| net.map.link(from).opposite == to)
}

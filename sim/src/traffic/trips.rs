//! Trips from one edge of the map to another, as many an hour as the scenario's table says.

use super::guide::{entries, exits};
use super::roads::RoadNet;
use crate::rng::{Purpose, Seed, Stream, chance, uniform};
use crate::scenario::TrafficPlan;
use jxz_map::LaneIx;
use jxz_units::Utc;
use std::collections::VecDeque;

/// Vehicles that wait before one entry at most; who comes then turns away.
const MOST_WAITING: usize = 40;
/// China's time is ahead of UTC by this, hours.
const CHINA_H: f64 = 8.0;
/// The stream of trips among those of the demand.
const STREAM: u64 = 16;

/// Who waits to come in, and where.
#[derive(Debug, Clone)]
pub(crate) struct Trips {
    entries: Vec<LaneIx>,
    exits: Vec<LaneIx>,
    /// By entry, the goals of those who wait.
    waiting: Vec<VecDeque<LaneIx>>,
    stream: Stream,
    /// Vehicles that found their entry's queue full, or no way to an exit.
    pub(crate) turned_away: u64,
}

impl Trips {
    pub(crate) fn new(net: &RoadNet, seed: Seed) -> Self {
        let entries: Vec<LaneIx> = entries(&net.map).collect();
        Self {
            waiting: vec![VecDeque::new(); entries.len()],
            entries,
            exits: exits(&net.map).collect(),
            stream: seed.stream(Purpose::Demand, STREAM),
            turned_away: 0,
        }
    }

    /// Those who come within one step: at each of twenty moments of it one at most.
    pub(crate) fn come(&mut self, net: &RoadNet, plan: &TrafficPlan, utc: Utc, dt_s: f64) {
        if plan.demand.is_empty() {
            return;
        }
        let hour = (utc.unix_ns() as f64 * 1e-9 / 3600.0 + CHINA_H).rem_euclid(24.0);
        let expected = plan.demand_per_h(hour) / 3600.0 * dt_s;
        let moments = if expected > 0.05 { 20 } else { 1 };
        for _ in 0..moments {
            if chance(&mut self.stream, expected / f64::from(moments)) {
                self.one(net);
            }
        }
    }

    fn one(&mut self, net: &RoadNet) {
        let mut pick = |count: usize| ((uniform(&mut self.stream, 0.0, 1.0) * count as f64) as usize).min(count - 1);
        if self.entries.is_empty() || self.exits.is_empty() {
            self.turned_away += 1;
            return;
        }
        let (entry, exit) = (pick(self.entries.len()), pick(self.exits.len()));
        let (from, mut to) = (self.entries[entry], self.exits[exit]);
        if self.is_back(net, from, to) {
            to = self.exits[(exit + self.exits.len() / 2) % self.exits.len()];
        }
        let leads = net.guides.to(to).is_some_and(|guide| guide.aim(net, from).is_some());
        if leads && !self.is_back(net, from, to) && self.waiting[entry].len() < MOST_WAITING {
            self.waiting[entry].push_back(to);
        } else {
            self.turned_away += 1;
        }
    }

    /// Whether an exit is on the road that an entry is on.
    fn is_back(&self, net: &RoadNet, from: LaneIx, to: LaneIx) -> bool {
        let (from, to) = (net.lane(from).link, net.lane(to).link);
        from == to || from.is_some_and(|from| net.map.link(from).opposite == to)
    }

    /// Every entry with the goal of the first who waits there.
    pub(crate) fn first(&self) -> impl Iterator<Item = (usize, LaneIx, LaneIx)> + '_ {
        let heads = self.waiting.iter().zip(&self.entries).enumerate();
        heads.filter_map(|(number, (queue, &entry))| queue.front().map(|&goal| (number, entry, goal)))
    }

    /// The first who waits at an entry is in.
    pub(crate) fn enter(&mut self, number: usize) {
        self.waiting[number].pop_front();
    }
}

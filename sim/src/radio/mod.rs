//! Both channels: PC5 mode 4 from antenna to antenna, 5G through base stations and the network behind them.

mod air;
mod cells;
mod delay;
mod highway;
mod pc5;
mod propagation;
mod reference;
mod scheduling;
mod streets;
mod uu;

pub use air::Pc5Counts;
pub use cells::Cell;
pub use delay::Deployment;
pub use highway::{HighwayTrial, HighwayTrialError, TrialResult};
pub use pc5::{Pc5Loss, Pc5Losses};
pub use reference::{Pc5Reference, ROWS as PC5_REFERENCE};
pub use uu::{UuCounts, UuLoss};

use crate::rng::Seed;
use crate::scenario::RadioPlan;
use crate::truth::TruthObject;
use air::Air;
use core::time::Duration;
use jxz_geo::Point;
use jxz_map::Map;
use jxz_units::Instant;
use jxz_world::VehicleId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
pub(crate) use streets::Streets;
use uu::Uu;

/// Vehicles within this distance of a site are subscribed to it over 5G, metres.
const SUBSCRIBED_M: f64 = 450.0;
/// Sites' numbers on the air begin here; vehicles' are below.
const SITES: u64 = 1 << 47;
/// A vehicle's only kind of message.
const BSM_FLOW: u32 = 0;

/// Looked into for every message. In order of insertion, and hashed without a key: the same on every run.
type Table<K, V> = indexmap::IndexMap<K, V, rustc_hash::FxBuildHasher>;

/// How a message came to a vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Over 5G, through the network.
    Uu,
    /// Directly over the sidelink.
    Pc5,
}

/// One end of a path: its number on the air, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct End {
    number: u64,
    at: Point,
}

/// What the channels did since the start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RadioReport {
    /// Sidelink messages, once for every receiver in reach.
    pub pc5: Pc5Counts,
    /// The busiest site's channel busy ratio in the last second, 0 to 1.
    pub channel_busy_ratio: f64,
    /// 5G messages, once for every receiver; those to the cloud too.
    pub uu: UuCounts,
    /// Changes of cell.
    pub cell_hand_overs: u64,
}

/// A message that arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reception<To> {
    pub(crate) to: To,
    pub(crate) channel: Channel,
    pub(crate) delay: Duration,
}

/// Decides which messages arrive, and when.
#[derive(Debug, Clone)]
pub struct Radio {
    air: Air,
    uu: Uu,
    sites: Arc<[Point]>,
    /// Vehicles with a unit, then sites.
    places: Vec<(u64, Point)>,
    vehicles: Vec<VehicleId>,
    /// By site.
    audiences: Vec<Audience>,
}

/// Who may hear a site now, by their place among the vehicles.
#[derive(Debug, Clone, Default)]
struct Audience {
    /// Over the sidelink, and how many more are in reach with a path that carries nothing.
    pc5: Vec<usize>,
    hopeless: u64,
    /// Over 5G.
    uu: Vec<usize>,
}

impl Radio {
    pub(crate) fn new(map: &Map, plan: &RadioPlan, seed: Seed) -> Self {
        let streets = plan.pc5.buildings.then(|| Streets::new(map));
        Self {
            air: Air::new(seed, plan.pc5.power_dbm, plan.pc5.wait_ms * 1e-3, streets),
            uu: Uu::new(seed, plan, &map.base_stations),
            sites: map.sites.iter().map(|site| site.position).collect(),
            places: Vec::new(),
            vehicles: Vec::new(),
            audiences: vec![Audience::default(); map.sites.len()],
        }
    }

    /// Every base station's cell as it is now, in the map's order.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        self.uu.cells.all()
    }

    /// The cell that a vehicle is on, by the road user's number; `None` without service or unit.
    #[must_use]
    pub fn cell_of(&self, road_user: u64) -> Option<&Cell> {
        self.uu.cells.of(road_user)
    }

    /// What the channels did since the start.
    #[must_use]
    pub fn report(&self) -> RadioReport {
        let busy = (0..self.sites.len() as u64).filter_map(|site| self.air.busy_ratio(SITES | site));
        RadioReport {
            channel_busy_ratio: busy.fold(0.0, f64::max),
            pc5: self.air.counts.clone(),
            uu: self.uu.counts.clone(),
            cell_hand_overs: self.uu.cells.hand_overs,
        }
    }

    /// Takes down where everybody is now.
    pub(crate) fn step(&mut self, now: Instant, truth: &[TruthObject]) {
        self.places.clear();
        self.vehicles.clear();
        for (object, vehicle) in truth.iter().filter_map(|o| Some((o, o.vehicle?))) {
            self.places.push((object.id, object.position));
            self.vehicles.push(vehicle);
        }
        self.places.extend(self.sites.iter().enumerate().map(|(k, at)| (SITES | k as u64, *at)));
        self.uu.step(now, &self.places);
        for ((k, at), audience) in self.sites.iter().enumerate().zip(&mut self.audiences) {
            let site = End { number: SITES | k as u64, at: *at };
            audience.hopeless = 0;
            audience.pc5.clear();
            audience.uu.clear();
            for (index, (number, at)) in self.places[..self.vehicles.len()].iter().enumerate() {
                let distance_m = (at - site.at).norm();
                if distance_m < self.air.reach_m() {
                    if self.air.follow(now, site, End { number: *number, at: *at }) {
                        audience.pc5.push(index);
                    } else {
                        audience.hopeless += 1;
                    }
                }
                if distance_m < SUBSCRIBED_M {
                    audience.uu.push(index);
                }
            }
        }
        self.air.measure(now, self.places.iter().map(|(number, at)| End { number: *number, at: *at }));
    }

    /// A site's message to the vehicles in reach of either channel, as they were at the last step. `flow` is its kind.
    pub(crate) fn broadcast(
        &mut self,
        now: Instant,
        site: usize,
        (flow, bytes): (u32, usize),
    ) -> Vec<Reception<VehicleId>> {
        let from = End { number: SITES | site as u64, at: self.sites[site] };
        self.air.sent(from.number, bytes);
        let audience = &self.audiences[site];
        self.air.carry_nothing(audience.hopeless);
        let mut receptions = Vec::with_capacity(audience.pc5.len() + audience.uu.len());
        for &index in &audience.pc5 {
            let (number, at) = self.places[index];
            if let Ok(delay) = self.air.fate(now, (from, End { number, at }), flow, bytes) {
                receptions.push(Reception { to: self.vehicles[index], channel: Channel::Pc5, delay });
            }
        }
        for &index in &audience.uu {
            if let Ok(delay) = self.uu.fate(now, from.number, self.places[index].0) {
                receptions.push(Reception { to: self.vehicles[index], channel: Channel::Uu, delay });
            }
        }
        receptions
    }

    /// A vehicle's message to the sites: over PC5 to all in reach, over 5G to the nearest that it is subscribed to.
    pub(crate) fn tell(&mut self, now: Instant, number: u64, at: Point, bytes: usize) -> Vec<Reception<usize>> {
        let from = End { number, at };
        self.air.sent(number, bytes);
        let mut receptions = Vec::new();
        let sites = Arc::clone(&self.sites);
        for (site, position) in sites.iter().enumerate() {
            let end = End { number: SITES | site as u64, at: *position };
            if (at - position).norm() < self.air.reach_m()
                && let Ok(delay) = self.air.fate(now, (from, end), BSM_FLOW, bytes)
            {
                receptions.push(Reception { to: site, channel: Channel::Pc5, delay });
            }
        }
        let away_m = |site: &usize| (sites[*site] - at).norm();
        let nearest = (0..sites.len()).min_by(|a, b| away_m(a).total_cmp(&away_m(b)));
        if let Some(site) = nearest.filter(|site| away_m(site) < SUBSCRIBED_M)
            && let Ok(delay) = self.uu.fate(now, number, SITES | site as u64)
        {
            receptions.push(Reception { to: site, channel: Channel::Uu, delay });
        }
        receptions
    }

    /// The delay of a site's message to the cloud, or why it is lost.
    pub(crate) fn uplink(&mut self, now: Instant, site: usize) -> Result<Duration, UuLoss> {
        self.uu.uplink(now, SITES | site as u64)
    }

    /// The delay of the cloud's word to a site, or why it is lost.
    pub(crate) fn downlink(&mut self, now: Instant, site: usize) -> Result<Duration, UuLoss> {
        self.uu.downlink(now, SITES | site as u64)
    }
}

/// One number below 2⁴⁸ for two: the finaliser of SplitMix64 over both.
fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.rotate_left(32);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & 0xffff_ffff_ffff
}

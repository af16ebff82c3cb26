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
use air::{Ether, Paths, Stations};
use core::time::Duration;
use jxz_geo::Point;
use jxz_map::Map;
use jxz_units::Instant;
use jxz_world::VehicleId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
pub(crate) use streets::Streets;
use uu::{Messages, Uu};

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
    common: Common,
    /// By site.
    ears: Vec<Ear>,
}

/// What all sites share: it changes from step to step only.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    ether: Ether,
    stations: Stations,
    uu: Uu,
    sites: Arc<[Point]>,
    /// Vehicles with a unit, then sites.
    places: Vec<(u64, Point)>,
    vehicles: Vec<VehicleId>,
}

/// One site on both channels. Sites share nothing that they change: each can do its own while others do theirs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ear {
    site: usize,
    audience: Audience,
    paths: Paths,
    messages: Messages,
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

/// One step of the radio, in parts that several can do at once; [`Radio::settle`] comes after all of them.
pub(crate) struct RadioStep<'a> {
    now: Instant,
    ether: &'a Ether,
    sites: &'a [Point],
    places: &'a [(u64, Point)],
    vehicles: usize,
}

impl RadioStep<'_> {
    /// Moves one site's paths on, and looks who is in its reach.
    pub(crate) fn listen(&self, ear: &mut Ear) {
        let site = End { number: SITES | ear.site as u64, at: self.sites[ear.site] };
        let audience = &mut ear.audience;
        audience.hopeless = 0;
        audience.pc5.clear();
        audience.uu.clear();
        for (index, (number, at)) in self.places[..self.vehicles].iter().enumerate() {
            let distance_m = (at - site.at).norm();
            if distance_m < self.ether.reach_m() {
                if ear.paths.follow(self.now, self.ether, site, End { number: *number, at: *at }) {
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

    /// Measures the load of every station, if it is time.
    pub(crate) fn measure(&self, stations: &mut Stations) {
        let ends = self.places.iter().map(|(number, at)| End { number: *number, at: *at });
        stations.measure(self.now, self.ether, ends);
    }

    /// Brings the cellular network on. True if those who left are to be forgotten.
    pub(crate) fn serve(&self, until: Instant, uu: &mut Uu) -> bool {
        uu.step(self.now, until, self.places)
    }
}

impl Radio {
    pub(crate) fn new(map: &Map, plan: &RadioPlan, seed: Seed) -> Self {
        let streets = plan.pc5.buildings.then(|| Streets::new(map));
        Self {
            common: Common {
                ether: Ether::new(seed, plan.pc5.power_dbm, plan.pc5.wait_ms * 1e-3, streets),
                stations: Stations::default(),
                uu: Uu::new(seed, plan, &map.base_stations),
                sites: map.sites.iter().map(|site| site.position).collect(),
                places: Vec::new(),
                vehicles: Vec::new(),
            },
            ears: (0..map.sites.len()).map(|site| Ear { site, ..Ear::default() }).collect(),
        }
    }

    /// Every base station's cell as it is now, in the map's order.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        self.common.uu.cells.all()
    }

    /// The cell that a vehicle is on, by the road user's number; `None` without service or unit.
    #[must_use]
    pub fn cell_of(&self, road_user: u64) -> Option<&Cell> {
        self.common.uu.cells.of(road_user)
    }

    /// What the channels did since the start.
    #[must_use]
    pub fn report(&self) -> RadioReport {
        let busy = (0..self.ears.len() as u64).filter_map(|site| self.common.stations.busy_ratio(SITES | site));
        let mut report = RadioReport {
            channel_busy_ratio: busy.fold(0.0, f64::max),
            pc5: Pc5Counts::default(),
            uu: self.common.uu.counts().clone(),
            cell_hand_overs: self.common.uu.cells.hand_overs,
        };
        for ear in &self.ears {
            report.pc5.add(&ear.paths.counts);
            report.uu.add(&ear.messages.counts);
        }
        report
    }

    /// Takes down where everybody is now, and gives the step's parts: the sites' ears, the stations, the network.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        truth: &[TruthObject],
    ) -> (RadioStep<'_>, &mut [Ear], &mut Stations, &mut Uu) {
        let Common { ether, stations, uu, sites, places, vehicles } = &mut self.common;
        places.clear();
        vehicles.clear();
        for (object, vehicle) in truth.iter().filter_map(|o| Some((o, o.vehicle?))) {
            places.push((object.id, object.position));
            vehicles.push(vehicle);
        }
        places.extend(sites.iter().enumerate().map(|(k, at)| (SITES | k as u64, *at)));
        let step = RadioStep { now, ether, sites, places, vehicles: vehicles.len() };
        (step, &mut self.ears, stations, uu)
    }

    /// Ends a step, all of whose parts are done: `measured` if the load was measured, `forgets` if the network forgot
    /// those who left.
    pub(crate) fn settle(&mut self, now: Instant, measured: bool, forgets: bool) {
        if measured {
            self.ears.iter_mut().for_each(|ear| ear.paths.forget(now));
        }
        if forgets {
            let present: BTreeSet<u64> = self.common.places.iter().map(|(number, _)| *number).collect();
            self.ears.iter_mut().for_each(|ear| ear.messages.forget(&present));
        }
    }

    /// Whether the load is measured in the step that begins at `now`.
    pub(crate) fn measures(&self, now: Instant) -> bool {
        self.common.stations.is_due(now)
    }

    /// What all sites share, and each site's own.
    pub(crate) fn split(&mut self) -> (&Common, &mut [Ear]) {
        (&self.common, &mut self.ears)
    }

    /// A site sends a message: it loads the channel.
    pub(crate) fn site_sent(&mut self, site: usize, bytes: usize) {
        self.common.stations.sent(SITES | site as u64, bytes);
    }

    /// A vehicle sends a message: it loads the channel.
    pub(crate) fn vehicle_sent(&mut self, number: u64, bytes: usize) {
        self.common.stations.sent(number, bytes);
    }

    /// The delay of a site's message to the cloud, or why it is lost.
    pub(crate) fn uplink(&mut self, now: Instant, site: usize) -> Result<Duration, UuLoss> {
        self.common.uu.uplink(now, SITES | site as u64)
    }

    /// The delay of the cloud's word to a site, or why it is lost.
    pub(crate) fn downlink(&mut self, now: Instant, site: usize) -> Result<Duration, UuLoss> {
        self.common.uu.downlink(now, SITES | site as u64)
    }
}

impl Common {
    /// The site that a vehicle at a place is subscribed to: the nearest, if it is near enough.
    pub(crate) fn subscribed_at(&self, at: Point) -> Option<usize> {
        let away_m = |site: &usize| (self.sites[*site] - at).norm();
        let nearest = (0..self.sites.len()).min_by(|a, b| away_m(a).total_cmp(&away_m(b)));
        nearest.filter(|site| away_m(site) < SUBSCRIBED_M)
    }

    fn end_of(&self, site: usize) -> End {
        End { number: SITES | site as u64, at: self.sites[site] }
    }
}

impl Ear {
    /// What becomes of the site's message at the vehicles in reach of either channel, as they were at the step's
    /// beginning: calls `arrive` for each that gets it. `flow` is its kind.
    pub(crate) fn broadcast(
        &mut self,
        common: &Common,
        now: Instant,
        (flow, bytes): (u32, usize),
        mut arrive: impl FnMut(Reception<VehicleId>),
    ) {
        let from = common.end_of(self.site);
        self.paths.carry_nothing(self.audience.hopeless);
        for &index in &self.audience.pc5 {
            let (number, at) = common.places[index];
            let ends = (from, End { number, at });
            if let Ok(delay) = self.paths.fate(now, (&common.ether, &common.stations), ends, flow, bytes) {
                arrive(Reception { to: common.vehicles[index], channel: Channel::Pc5, delay });
            }
        }
        for &index in &self.audience.uu {
            if let Ok(delay) = self.messages.fate(&common.uu, now, from.number, common.places[index].0) {
                arrive(Reception { to: common.vehicles[index], channel: Channel::Uu, delay });
            }
        }
    }

    /// What becomes of a vehicle's message at the site: over PC5 if it is in reach, over 5G if the vehicle is
    /// `subscribed` there. Calls `arrive` with the channel and the delay.
    pub(crate) fn hear(
        &mut self,
        common: &Common,
        now: Instant,
        (number, at, bytes): (u64, Point, usize),
        subscribed: Option<usize>,
        mut arrive: impl FnMut(Channel, Duration),
    ) {
        let (from, end) = (End { number, at }, common.end_of(self.site));
        if (at - end.at).norm() < common.ether.reach_m()
            && let Ok(delay) = self.paths.fate(now, (&common.ether, &common.stations), (from, end), BSM_FLOW, bytes)
        {
            arrive(Channel::Pc5, delay);
        }
        if subscribed == Some(self.site)
            && let Ok(delay) = self.messages.fate(&common.uu, now, number, end.number)
        {
            arrive(Channel::Uu, delay);
        }
    }
}

/// One number below 2⁴⁸ for two: the finaliser of SplitMix64 over both.
fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.rotate_left(32);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & 0xffff_ffff_ffff
}

//! Traffic on a link over a minute, by Edie's definitions.
//!
//! Over an area of road and time with `A` metre-seconds in which vehicles travel `d` metres and spend `t` seconds, flow
//! is `d/A`, density `t/A`, and space-mean speed `d/t` (Edie, "Discussion of traffic stream measurements and
//! definitions", 1963). The area here is what was in view: not all of a link, and not all of a minute.

use super::LevelOfService;
use super::coverage::CoveredLink;
use crate::GlobalTrackId;
use jxz_map::LinkIx;
use jxz_units::Utc;
use std::collections::BTreeSet;

/// Less of a minute and of a link in view says too little: metres times seconds.
const LEAST_AREA_MS: f64 = 20.0 * 30.0;

/// Traffic over one minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Minute {
    /// When it began, a whole minute of UTC.
    pub from: Utc,
    /// Links that were observed, by link. Those that are not here were not observed: nothing is known of them.
    pub links: Vec<LinkMinute>,
}

/// Motor traffic on one link over one minute, as far as it was in view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkMinute {
    /// Which link.
    pub link: LinkIx,
    /// How much of the link's length times the minute was in view, 0 to 1.
    pub observed_share: f64,
    /// Different vehicles seen on it.
    pub vehicles: u32,
    /// Vehicles an hour.
    pub flow_veh_h: f64,
    /// Vehicles a kilometre, over all lanes.
    pub density_veh_km: f64,
    /// Space-mean speed where it was in view, metres per second; `None`: no vehicle was there.
    pub speed_mps: Option<f64>,
    /// Time over the whole link, seconds: the part in view at the speed there, the rest at free flow (so with little
    /// in view it is a lower bound). `None`: no vehicle was there.
    pub travel_time_s: Option<f64>,
    /// By that time; `None`: no vehicle was there.
    pub level: Option<LevelOfService>,
    /// Longest queue before its stop line in the minute, over its lanes, metres; `None`: it has no signal or its stop
    /// line was not in view.
    pub queue_m: Option<f64>,
    /// Whether it was congested at the end of the minute.
    pub congested: bool,
}

impl LinkMinute {
    /// Travel speed over free-flow speed; `None`: no vehicle was there.
    #[must_use]
    pub fn speed_ratio(&self, length_m: f64, free_mps: f64) -> Option<f64> {
        self.travel_time_s.map(|time_s| length_m / time_s.max(0.1) / free_mps)
    }
}

/// A link's minute while it lasts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathering {
    /// In view, metres times seconds.
    area_ms: f64,
    /// Travelled, metres.
    travelled_m: f64,
    /// Spent, seconds.
    spent_s: f64,
    vehicles: BTreeSet<GlobalTrackId>,
    queue_m: Option<f64>,
}

/// Vehicles told apart on one link in one minute; further ones are still part of flow and density.
const MAX_VEHICLES: usize = 1_000;

impl Gathering {
    pub(crate) fn view(&mut self, covered_m: f64, dt_s: f64) {
        self.area_ms += covered_m * dt_s;
    }

    /// A vehicle that is there with a probability, at a speed along the link.
    pub(crate) fn vehicle(&mut self, id: GlobalTrackId, probability: f64, along_mps: f64, dt_s: f64) {
        self.travelled_m += probability * along_mps.max(0.0) * dt_s;
        self.spent_s += probability * dt_s;
        if self.vehicles.len() < MAX_VEHICLES {
            self.vehicles.insert(id);
        }
    }

    pub(crate) fn queue(&mut self, length_m: f64) {
        self.queue_m = Some(self.queue_m.unwrap_or(0.0).max(length_m));
    }

    /// The minute, if enough of it was in view.
    pub(crate) fn finish(self, link: &CoveredLink) -> Option<LinkMinute> {
        if self.area_ms < LEAST_AREA_MS {
            return None;
        }
        let observed_share = (self.area_ms / (link.length_m * 60.0)).min(1.0);
        let speed_mps = (self.spent_s > 0.5).then(|| self.travelled_m / self.spent_s);
        // A standing vehicle's time over the link is not infinite, only longer than the minute.
        let travel_time_s = speed_mps.map(|speed_mps| {
            let slowness = observed_share / speed_mps.max(0.1) + (1.0 - observed_share) / link.free_mps;
            link.length_m * slowness
        });
        let level = travel_time_s.map(|s| LevelOfService::of_ratio(link.length_m / s / link.free_mps));
        Some(LinkMinute {
            link: link.link,
            observed_share,
            vehicles: self.vehicles.len() as u32,
            flow_veh_h: self.travelled_m / self.area_ms * 3600.0,
            density_veh_km: self.spent_s / self.area_ms * 1000.0,
            speed_mps,
            travel_time_s,
            level,
            queue_m: self.queue_m,
            congested: false,
        })
    }
}

//! When a link counts as congested, and who is told.

use super::LinkMinute;
use super::coverage::Coverage;
use jxz_map::{LinkIx, Map};
use jxz_units::Utc;
use jxz_world::{CongestionReport, SiteId};
use std::collections::{BTreeMap, BTreeSet};

/// When congestion begins and ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrafficConfig {
    /// A minute is slow when travel speed is at most this share of free flow: level of service F.
    pub slow_ratio: f64,
    /// With fewer vehicles in the minute it is not: one that waits is no congestion.
    pub least_vehicles: u32,
    /// A minute is free when travel speed is above this share, or nobody is there.
    pub free_ratio: f64,
    /// Minutes in a row that begin or end it; more than a signal's cycle, so that red alone does not.
    pub minutes: u32,
    /// Minutes in a row without a view of the link after which nothing is claimed any more.
    pub forget_minutes: u32,
}

impl Default for TrafficConfig {
    fn default() -> Self {
        Self { slow_ratio: 0.30, least_vehicles: 5, free_ratio: 0.40, minutes: 3, forget_minutes: 10 }
    }
}

/// A word to the sites holds for so long: two minutes may be lost, since it is said again each minute, seconds.
const WORD_VALID_S: f64 = 150.0;

/// What a site is told of congestion on a link that it sees or that traffic in its view goes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Guidance {
    /// Which link.
    pub link: LinkIx,
    /// Since when.
    pub since: Utc,
    /// `false`: it is over.
    pub congested: bool,
    /// Space-mean speed in the last minute in view, metres per second.
    pub speed_mps: f64,
    /// Vehicles seen in it.
    pub vehicles: u32,
    /// Time over the link now, seconds.
    pub travel_time_s: f64,
    /// Time over it at free flow, seconds.
    pub free_flow_s: f64,
    /// Sites that are told: those that see the link, and those that see a link leading into it.
    pub sites: Vec<SiteId>,
}

impl Guidance {
    /// The word that its sites are told.
    #[must_use]
    pub fn word(&self, map: &Map, now: Utc) -> CongestionReport {
        let valid_s = if self.congested { WORD_VALID_S } else { 0.0 };
        CongestionReport {
            link: map.link(self.link).id.clone(),
            said_at: now,
            speed_mps: self.speed_mps.clamp(0.0, CongestionReport::MOST_MPS),
            vehicles: self.vehicles,
            valid_until: now.plus_seconds(valid_s),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct State {
    slow: u32,
    free: u32,
    unseen: u32,
    now: Option<Guidance>,
}

/// The links' states.
#[derive(Debug, Clone, Default)]
pub(crate) struct Congestion(BTreeMap<LinkIx, State>);

impl Congestion {
    /// Takes a minute's links, marks those congested, and returns what changed or is renewed.
    pub(crate) fn take(
        &mut self,
        config: &TrafficConfig,
        (map, coverage): (&Map, &Coverage),
        from: Utc,
        minutes: &mut [LinkMinute],
    ) -> Vec<Guidance> {
        let mut told = Vec::new();
        for minute in minutes.iter_mut() {
            let Some(link) = coverage.link(minute.link) else { continue };
            let state = self.0.entry(minute.link).or_default();
            state.unseen = 0;
            let ratio = minute.speed_ratio(link.length_m, link.free_mps);
            let slow = ratio.is_some_and(|r| r <= config.slow_ratio) && minute.vehicles >= config.least_vehicles;
            let free = ratio.is_none_or(|r| r > config.free_ratio);
            state.slow = if slow { state.slow + 1 } else { 0 };
            state.free = if free { state.free + 1 } else { 0 };
            let begins = state.now.is_none() && state.slow >= config.minutes;
            let ends = state.now.is_some() && state.free >= config.minutes;
            if begins || (state.now.is_some() && !ends) {
                let since = state.now.as_ref().map_or(from, |now| now.since);
                let time_s = minute.travel_time_s.unwrap_or(link.length_m / link.free_mps);
                let guidance = Guidance {
                    link: minute.link,
                    since,
                    congested: true,
                    speed_mps: minute.speed_mps.unwrap_or(link.free_mps),
                    vehicles: minute.vehicles,
                    travel_time_s: time_s,
                    free_flow_s: link.length_m / link.free_mps,
                    sites: sites(map, coverage, minute.link),
                };
                state.now = Some(guidance.clone());
                told.push(guidance);
            } else if ends {
                told.extend(state.now.take().map(over));
            }
            minute.congested = state.now.is_some();
        }
        let seen: BTreeSet<LinkIx> = minutes.iter().map(|minute| minute.link).collect();
        for (_, state) in self.0.iter_mut().filter(|(link, _)| !seen.contains(link)) {
            (state.slow, state.free, state.unseen) = (0, 0, state.unseen + 1);
            if state.unseen >= config.forget_minutes {
                told.extend(state.now.take().map(over));
            }
        }
        self.0.retain(|_, state| state.unseen < config.forget_minutes);
        told
    }

    /// Links congested now.
    pub(crate) fn now(&self) -> Vec<Guidance> {
        self.0.values().filter_map(|state| state.now.clone()).collect()
    }
}

fn over(guidance: Guidance) -> Guidance {
    Guidance { congested: false, ..guidance }
}

fn sites(map: &Map, coverage: &Coverage, link: LinkIx) -> Vec<SiteId> {
    let before = map.link(link).from.map_or(&[][..], |junction| &map.junction(junction).incoming);
    let near = core::iter::once(&link).chain(before);
    let sites: BTreeSet<&SiteId> = near.flat_map(|link| coverage.sites_of(*link)).collect();
    sites.into_iter().cloned().collect()
}

//! The life of warnings: raised once per event, held through flicker, cancelled when the event is past.

use crate::config::{HazardConfig, LifeConfig, Thresholds};
use crate::place::{self, Spot};
use crate::scene::Scene;
use jxz_map::LinkIx;
use jxz_units::Utc;
use jxz_world::{Cause, Concerned, SiteId, TrackId, Warning, WarningId, WarningKind, WarningStage};
use std::collections::BTreeMap;

/// Most events watched that are not warnings yet, for each that may be alive.
const CANDIDATES_PER_ALIVE: usize = 4;

/// What makes two sightings the same event. The order is that in which events find room when there is little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EventKey {
    Collision(TrackId, TrackId),
    Pedestrian(TrackId),
    VehicleAhead(TrackId, TrackId),
    StoppedVehicle(TrackId),
    Congestion(LinkIx),
    Guidance(LinkIx, LinkIx),
    SpeedLimit(TrackId),
}

impl EventKey {
    pub(crate) const fn kind(self) -> WarningKind {
        match self {
            Self::Collision(..) => WarningKind::Collision,
            Self::Pedestrian(_) => WarningKind::Pedestrian,
            Self::VehicleAhead(..) => WarningKind::VehicleAhead,
            Self::StoppedVehicle(_) | Self::Congestion(_) => WarningKind::RoadCondition,
            Self::Guidance(..) => WarningKind::Guidance,
            Self::SpeedLimit(_) => WarningKind::SpeedLimit,
        }
    }
}

/// What an application sees in one round.
#[derive(Debug, Clone)]
pub(crate) struct Proposal {
    pub(crate) key: EventKey,
    pub(crate) probability: f64,
    pub(crate) cause: Cause,
    pub(crate) about: Vec<TrackId>,
    pub(crate) concerned: Vec<Concerned>,
    pub(crate) spot: Spot,
    pub(crate) sensed_at: Utc,
}

#[derive(Debug)]
struct Entry {
    /// One bit a round, the newest lowest: was there support?
    history: u32,
    misses: u32,
    warning: Option<Warning>,
    sent_at: Utc,
}

/// Every event watched and every warning alive.
#[derive(Debug)]
pub(crate) struct Ledger {
    site_hash: u32,
    next: Option<u32>,
    entries: BTreeMap<EventKey, Entry>,
    alive: usize,
    /// Events that found no room.
    pub(crate) refused: u64,
}

impl Ledger {
    pub(crate) fn new(site: &SiteId) -> Self {
        Self { site_hash: fnv1a(site.0.as_bytes()), next: None, entries: BTreeMap::new(), alive: 0, refused: 0 }
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = &Warning> {
        self.entries.values().filter_map(|entry| entry.warning.as_ref())
    }

    /// Whether a warning of this event is alive.
    pub(crate) fn is_alive(&self, key: EventKey) -> bool {
        self.entries.get(&key).is_some_and(|entry| entry.warning.is_some())
    }

    /// Takes in what a round saw; returns the warnings that changed, in the order of their events.
    pub(crate) fn round(&mut self, scene: &Scene<'_>, proposals: Vec<Proposal>, config: &HazardConfig) -> Vec<Warning> {
        let mut proposed: BTreeMap<EventKey, Proposal> = BTreeMap::new();
        for proposal in proposals {
            let better = proposed.get(&proposal.key).is_none_or(|known| proposal.probability > known.probability);
            if better {
                proposed.insert(proposal.key, proposal);
            }
        }
        let mut changed = Vec::new();
        let keys: Vec<EventKey> = self.entries.keys().copied().collect();
        for key in keys {
            if !proposed.contains_key(&key) {
                self.miss(key, scene.at, config, &mut changed);
            }
        }
        for (key, proposal) in proposed {
            self.see(scene, proposal, config, &mut changed);
            debug_assert!(self.alive <= self.entries.len(), "more alive than watched at {key:?}");
        }
        changed
    }

    fn see(&mut self, scene: &Scene<'_>, proposal: Proposal, config: &HazardConfig, changed: &mut Vec<Warning>) {
        let (key, at, life) = (proposal.key, scene.at, &config.life);
        let thresholds = thresholds(config, key.kind());
        let alive = self.is_alive(key);
        if proposal.probability < if alive { thresholds.hold } else { thresholds.raise } {
            self.miss(key, at, config, changed);
            return;
        }
        let room = life.max_alive as usize;
        let candidates = self.entries.len() - self.alive;
        if !self.entries.contains_key(&key) && candidates >= room * CANDIDATES_PER_ALIVE {
            self.refused += 1;
            return;
        }
        let entry = self.entries.entry(key).or_insert(Entry { history: 0, misses: 0, warning: None, sent_at: at });
        entry.history = (entry.history << 1) | 1;
        entry.misses = 0;
        if alive {
            if due(entry, &proposal, at, life) {
                hold(entry, scene, proposal, life, changed);
            }
            return;
        }
        if (entry.history & window_mask(life)).count_ones() < life.raise_hits {
            return;
        }
        if self.alive >= room {
            self.refused += 1;
            return;
        }
        // The place is drawn only for what is sent: most rounds send nothing.
        let Some(place) = place::draw(scene, proposal.spot, life.approach_m) else { return };
        let id = WarningId((u64::from(self.site_hash) << 32) | u64::from(take_number(&mut self.next, at)));
        let warning = Warning {
            id,
            revision: 0,
            kind: key.kind(),
            stage: WarningStage::Raised,
            cause: proposal.cause,
            about: proposal.about,
            concerned: proposal.concerned,
            place,
            since: at,
            sensed_at: proposal.sensed_at,
            valid_until: at.plus_seconds(life.validity_s),
            confidence: proposal.probability.clamp(0.0, 1.0),
        };
        changed.push(warning.clone());
        entry.warning = Some(warning);
        entry.sent_at = at;
        self.alive += 1;
    }

    /// A round without support: cancels after enough of them, and at once if the application is off.
    fn miss(&mut self, key: EventKey, at: Utc, config: &HazardConfig, changed: &mut Vec<Warning>) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        entry.history <<= 1;
        entry.misses = entry.misses.saturating_add(1);
        let over = entry.misses >= config.life.cancel_after || !enabled(config, key.kind());
        match &mut entry.warning {
            Some(warning) if over => {
                warning.stage = WarningStage::Cancelled;
                warning.revision += 1;
                warning.valid_until = at;
                changed.push(warning.clone());
                self.entries.remove(&key);
                self.alive -= 1;
            }
            Some(_) => {}
            None if entry.history & window_mask(&config.life) == 0 || over => {
                self.entries.remove(&key);
            }
            None => {}
        }
    }
}

/// Renewed at a bounded rate, and at once when someone more is concerned.
fn due(entry: &Entry, proposal: &Proposal, at: Utc, life: &LifeConfig) -> bool {
    let Some(warning) = &entry.warning else { return false };
    at.seconds_since(entry.sent_at).abs() >= life.hold_period_s - 1e-6
        || proposal.concerned.iter().any(|who| !warning.concerned.contains(who))
}

fn hold(entry: &mut Entry, scene: &Scene<'_>, proposal: Proposal, life: &LifeConfig, changed: &mut Vec<Warning>) {
    let Some(warning) = &mut entry.warning else { return };
    if let Some(place) = place::draw(scene, proposal.spot, life.approach_m) {
        warning.place = place;
    }
    warning.stage = WarningStage::Held;
    warning.revision += 1;
    warning.cause = proposal.cause;
    warning.about = proposal.about;
    warning.concerned = proposal.concerned;
    warning.sensed_at = warning.sensed_at.max(proposal.sensed_at);
    warning.valid_until = scene.at.plus_seconds(life.validity_s);
    warning.confidence = proposal.probability.clamp(0.0, 1.0);
    entry.sent_at = scene.at;
    changed.push(warning.clone());
}

fn window_mask(life: &LifeConfig) -> u32 {
    u32::MAX >> (32 - life.raise_window.clamp(1, 32))
}

/// Numbers begin at the tenths of seconds since 1970, so that a restarted node does not give an old event's number
/// to a new one (it would have to raise ten warnings a second all its life).
fn take_number(next: &mut Option<u32>, at: Utc) -> u32 {
    let number = next.unwrap_or((at.unix_ms().div_euclid(100) & i64::from(u32::MAX)) as u32);
    *next = Some(number.wrapping_add(1));
    number
}

fn thresholds(config: &HazardConfig, kind: WarningKind) -> Thresholds {
    match kind {
        WarningKind::Collision => config.collision.probability,
        WarningKind::Pedestrian => config.pedestrian.probability,
        WarningKind::SpeedLimit => config.speed_limit.probability,
        WarningKind::VehicleAhead => config.vehicle_ahead.probability,
        WarningKind::RoadCondition => config.road_condition.probability,
        WarningKind::Guidance => config.guidance.probability,
    }
}

fn enabled(config: &HazardConfig, kind: WarningKind) -> bool {
    match kind {
        WarningKind::Collision => config.collision.enabled,
        WarningKind::Pedestrian => config.pedestrian.enabled,
        WarningKind::SpeedLimit => config.speed_limit.enabled,
        WarningKind::VehicleAhead => config.vehicle_ahead.enabled,
        WarningKind::RoadCondition => config.road_condition.enabled,
        WarningKind::Guidance => config.guidance.enabled,
    }
}

/// FNV-1a, 32 bits (Fowler, Noll, Vo).
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_hash_agrees_with_the_published_vectors() {
        // From the reference test suite of FNV.
        for (text, hash) in [("", 0x811c_9dc5), ("a", 0xe40c_292c), ("foobar", 0xbf9c_f968)] {
            assert_eq!(fnv1a(text.as_bytes()), hash);
        }
    }
}

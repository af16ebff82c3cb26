//! The life of warnings: raised once per event, held through flicker, cancelled when the event is past.

use crate::config::{HazardConfig, LifeConfig, Thresholds};
use crate::place::{self, Spot, Way};
use crate::scene::Scene;
use crate::succession::{EventLegacy, Legacy};
use jxz_map::{LaneIx, LinkIx};
use jxz_units::Utc;
use jxz_world::{Application, Cause, Concerned, Level, SiteId, TrackId, Warning, WarningId, WarningStage};
use std::collections::BTreeMap;

/// Most events watched that are not warnings yet, for each that may be alive.
const CANDIDATES_PER_ALIVE: usize = 4;
/// A warning's number: 32 bits of the site, 5 of the application, and these of a counter of that application's own.
const NUMBER_BITS: u32 = 27;

/// What makes two sightings of one application the same event. The order is that in which events find room when there
/// is little. Tracks go by the number under which their events are known, which outlives a change of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EventKey {
    Pair(TrackId, TrackId),
    Track(TrackId),
    Report(u64),
    Lane(LaneIx),
    Link(LinkIx),
    Links(LinkIx, LinkIx),
}

impl EventKey {
    /// Of two road users, whichever is named first.
    pub(crate) fn pair(a: TrackId, b: TrackId) -> Self {
        Self::Pair(a.min(b), a.max(b))
    }
}

/// What an application sees in one round.
#[derive(Debug, Clone)]
pub(crate) struct Proposal {
    pub(crate) application: Application,
    pub(crate) key: EventKey,
    pub(crate) level: Level,
    /// Whether there is no time to wait for a second round.
    pub(crate) at_once: bool,
    pub(crate) probability: f64,
    pub(crate) cause: Cause,
    pub(crate) about: Vec<TrackId>,
    pub(crate) concerned: Vec<Concerned>,
    pub(crate) spot: Spot,
    /// The ways of two who meet, if it rests on them.
    pub(crate) ways: Option<[Way; 2]>,
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

/// One application's events. Nothing in it depends on any other application.
#[derive(Debug, Default)]
struct Part {
    next: Option<u32>,
    entries: BTreeMap<EventKey, Entry>,
    alive: usize,
    /// Cancelled lately: the same event goes on under its number.
    gone: BTreeMap<EventKey, (Warning, Utc)>,
    refused: u64,
}

/// Every event watched and every warning alive.
#[derive(Debug)]
pub(crate) struct Ledger {
    site_hash: u32,
    parts: Vec<Part>,
}

/// What a part needs to know in one round.
struct Turn<'a> {
    scene: &'a Scene<'a>,
    application: Application,
    number_base: u64,
    enabled: bool,
    thresholds: Thresholds,
    changed: &'a mut Vec<Warning>,
}

impl Ledger {
    pub(crate) fn new(site: &SiteId) -> Self {
        let parts = Application::ALL.iter().map(|_| Part::default()).collect();
        Self { site_hash: fnv1a(site.0.as_bytes()), parts }
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = &Warning> {
        self.parts.iter().flat_map(|part| part.entries.values()).filter_map(|entry| entry.warning.as_ref())
    }

    /// The warnings alive, each with its event.
    pub(crate) fn legacy(&self) -> Vec<EventLegacy> {
        let entries = self.parts.iter().flat_map(|part| &part.entries);
        let alive = entries.filter_map(|(key, entry)| {
            Some(EventLegacy { key: key.to_words(), sent_at: entry.sent_at, warning: entry.warning.clone()? })
        });
        alive.collect()
    }

    /// The number of each application's next warning.
    pub(crate) fn next_numbers(&self) -> Vec<Option<u32>> {
        self.parts.iter().map(|part| part.next).collect()
    }

    /// Has the warnings alive that `theirs` says and no others; what was seen here goes on as events that have not been
    /// told of, under the present numbers of their tracks.
    pub(crate) fn succeed(&mut self, events: &BTreeMap<TrackId, TrackId>, theirs: &Legacy, room: usize) {
        for (k, part) in self.parts.iter_mut().enumerate() {
            let entries = std::mem::take(&mut part.entries).into_iter();
            part.entries = entries
                .filter_map(|(key, entry)| Some((key.renamed(events)?, Entry { warning: None, ..entry })))
                .collect();
            part.alive = 0;
            part.gone.clear();
            part.next = theirs.next.get(k).copied().flatten().or(part.next);
        }
        for EventLegacy { key, sent_at, warning } in &theirs.events {
            let index = Application::ALL.iter().position(|application| *application == warning.application);
            let part = index.and_then(|index| self.parts.get_mut(index)).filter(|part| part.alive < room);
            let (Some(key), Some(part)) = (EventKey::from_words(*key), part) else { continue };
            let seen = Entry { history: 1, misses: 0, warning: None, sent_at: *sent_at };
            let entry = part.entries.entry(key).or_insert(seen);
            if entry.warning.is_none() {
                part.alive += 1;
            }
            (entry.misses, entry.sent_at, entry.warning) = (0, *sent_at, Some(warning.clone()));
        }
    }

    /// Events that found no room.
    pub(crate) fn refused(&self) -> u64 {
        self.parts.iter().map(|part| part.refused).sum()
    }

    /// Takes in what a round saw and leaves `proposals` empty; returns the warnings that changed, by application and event.
    pub(crate) fn round(
        &mut self,
        scene: &Scene<'_>,
        proposals: &mut Vec<Proposal>,
        config: &HazardConfig,
    ) -> Vec<Warning> {
        // Of two views of one event the more probable comes first, and the others are dropped.
        proposals.sort_by(|a, b| {
            (a.application, a.key).cmp(&(b.application, b.key)).then(b.probability.total_cmp(&a.probability))
        });
        proposals.dedup_by(|b, a| (a.application, a.key) == (b.application, b.key));
        let mut changed = Vec::new();
        let mut waiting = proposals.drain(..).peekable();
        for (index, application) in Application::ALL.into_iter().enumerate() {
            let (enabled, thresholds) = config.switch(application);
            let number_base = (u64::from(self.site_hash) << 32) | ((index as u64) << NUMBER_BITS);
            let part = &mut self.parts[index];
            let mut turn = Turn { scene, application, number_base, enabled, thresholds, changed: &mut changed };
            let own: Vec<Proposal> = std::iter::from_fn(|| waiting.next_if(|p| p.application == application)).collect();
            part.round(&mut turn, own);
        }
        changed
    }
}

impl Part {
    fn round(&mut self, turn: &mut Turn<'_>, proposals: Vec<Proposal>) {
        let at = turn.scene.at;
        if turn.enabled {
            let again_s = turn.scene.life.again_s;
            self.gone.retain(|_, (_, when)| at.seconds_since(*when).abs() < again_s);
        } else {
            self.gone.clear();
        }
        let unseen = |key: &EventKey| proposals.binary_search_by(|p| p.key.cmp(key)).is_err();
        let missed: Vec<EventKey> = self.entries.keys().copied().filter(unseen).collect();
        for key in missed {
            self.miss(key, turn);
        }
        for proposal in proposals {
            self.see(turn, proposal);
        }
    }

    fn see(&mut self, turn: &mut Turn<'_>, proposal: Proposal) {
        let (key, scene, life) = (proposal.key, turn.scene, turn.scene.life);
        let alive = self.entries.get(&key).is_some_and(|entry| entry.warning.is_some());
        if proposal.probability < if alive { turn.thresholds.hold } else { turn.thresholds.raise } {
            self.miss(key, turn);
            return;
        }
        let room = life.max_alive as usize;
        let candidates = self.entries.len() - self.alive;
        if !self.entries.contains_key(&key) && candidates >= room * CANDIDATES_PER_ALIVE {
            self.refused += 1;
            return;
        }
        let entry =
            self.entries.entry(key).or_insert(Entry { history: 0, misses: 0, warning: None, sent_at: scene.at });
        entry.history = (entry.history << 1) | 1;
        entry.misses = 0;
        if alive {
            if due(entry, &proposal, scene.at, life) {
                hold(entry, scene, proposal, life, turn.changed);
            }
            return;
        }
        if (entry.history & window_mask(life)).count_ones() < life.raise_hits && !proposal.at_once {
            return;
        }
        if self.alive >= room {
            self.refused += 1;
            return;
        }
        if let Some((warning, _)) = self.gone.remove(&key) {
            entry.warning = Some(warning);
            hold(entry, scene, proposal, life, turn.changed);
            self.alive += 1;
            return;
        }
        // The place is drawn only for what is sent: most rounds send nothing.
        let Some(place) = place::draw(scene, proposal.spot, life.approach_m) else { return };
        let id = WarningId(turn.number_base | u64::from(take_number(&mut self.next, scene.at)));
        let warning = raised(turn, id, proposal, place);
        turn.changed.push(warning.clone());
        entry.warning = Some(warning);
        entry.sent_at = scene.at;
        self.alive += 1;
    }

    /// A round without support: cancels after enough of them, and at once if the application is off.
    fn miss(&mut self, key: EventKey, turn: &mut Turn<'_>) {
        let (at, life) = (turn.scene.at, turn.scene.life);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        entry.history <<= 1;
        entry.misses = entry.misses.saturating_add(1);
        let over = entry.misses >= life.cancel_after || !turn.enabled;
        match &mut entry.warning {
            Some(warning) if over => {
                warning.stage = WarningStage::Cancelled;
                warning.revision += 1;
                warning.valid_until = at;
                turn.changed.push(warning.clone());
                if turn.enabled && self.gone.len() < life.max_alive as usize {
                    self.gone.insert(key, (warning.clone(), at));
                }
                self.entries.remove(&key);
                self.alive -= 1;
            }
            Some(_) => {}
            None if entry.history & window_mask(life) == 0 || over => {
                self.entries.remove(&key);
            }
            None => {}
        }
    }
}

fn raised(turn: &Turn<'_>, id: WarningId, proposal: Proposal, place: jxz_world::Place) -> Warning {
    let at = turn.scene.at;
    Warning {
        id,
        revision: 0,
        application: turn.application,
        level: proposal.level,
        stage: WarningStage::Raised,
        cause: proposal.cause,
        about: proposal.about,
        concerned: proposal.concerned,
        place,
        paths: place::predicted(turn.scene, proposal.ways),
        since: at,
        sensed_at: proposal.sensed_at,
        valid_until: at.plus_seconds(turn.scene.life.validity_s),
        confidence: proposal.probability.clamp(0.0, 1.0),
    }
}

/// Renewed at a bounded rate, and at once when it is more pressing or someone more is concerned.
fn due(entry: &Entry, proposal: &Proposal, at: Utc, life: &LifeConfig) -> bool {
    let Some(warning) = &entry.warning else { return false };
    at.seconds_since(entry.sent_at).abs() >= life.hold_period_s - 1e-6
        || proposal.level > warning.level
        || proposal.concerned.iter().any(|who| !warning.concerned.contains(who))
}

fn hold(entry: &mut Entry, scene: &Scene<'_>, proposal: Proposal, life: &LifeConfig, changed: &mut Vec<Warning>) {
    let Some(warning) = &mut entry.warning else { return };
    if let Some(place) = place::draw(scene, proposal.spot, life.approach_m) {
        warning.place = place;
    }
    warning.paths = place::predicted(scene, proposal.ways);
    warning.stage = WarningStage::Held;
    warning.level = warning.level.max(proposal.level);
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
/// to a new one (it would have to raise ten warnings a second all its life). They come round after 155 days.
fn take_number(next: &mut Option<u32>, at: Utc) -> u32 {
    let most = (1_u32 << NUMBER_BITS) - 1;
    let number = next.unwrap_or((at.unix_ms().div_euclid(100) & i64::from(most)) as u32);
    *next = Some(number.wrapping_add(1) & most);
    number
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

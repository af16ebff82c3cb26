//! The twin of one node.

use crate::held::HeldTracks;
use crate::ledger::Ledger;
use crate::view::{GlobalTrackId, NodeView, SensorView};
use crate::{CloudConfig, Freshness, Validity};
use jxz_units::Utc;
use jxz_world::{DropCause, Drops, NodeHealth, NodeState, SensorHealth, SensorId, Site, SiteId, TrackId};
use std::collections::VecDeque;
use std::sync::Arc;

/// Boots remembered as past, so that their late datagrams are not taken for a restart.
const PAST_BOOTS: usize = 8;
/// Sensors and stages that one health report may list.
const MAX_HEALTH_ROWS: usize = 64;
/// Longest name or version in a health report, bytes.
const MAX_TEXT: usize = 128;

/// The node's newest state, less its tracks.
#[derive(Debug, Clone, Copy)]
struct StateHead {
    boot: u64,
    sequence: u64,
    validity: Validity,
    /// From the time of validity to receipt, by the two clocks as they are, seconds.
    delay_s: f64,
}

/// The node's newest health report.
#[derive(Debug, Clone)]
struct HeldHealth {
    boot: u64,
    sequence: u64,
    report: Arc<NodeHealth>,
    validity: Validity,
}

/// The twin of one node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) site: Arc<SiteId>,
    /// Its place in the map's sites; `None` for a site that the map does not have.
    pub(crate) on_map: Option<usize>,
    /// The freshness that was told last.
    pub(crate) told: Option<Freshness>,
    connected: bool,
    last_heard: Option<Utc>,
    head: Option<StateHead>,
    past_boots: VecDeque<u64>,
    tracks: HeldTracks,
    health: Option<HeldHealth>,
    pub(crate) ledger: Ledger,
    pub(crate) drops: Drops,
}

impl Node {
    pub(crate) fn new(site: SiteId, on_map: Option<usize>) -> Self {
        Self {
            site: Arc::new(site),
            on_map,
            told: None,
            connected: false,
            last_heard: None,
            head: None,
            past_boots: VecDeque::new(),
            tracks: HeldTracks::default(),
            health: None,
            ledger: Ledger::default(),
            drops: Drops::default(),
        }
    }

    pub(crate) fn set_connected(&mut self, connected: bool) {
        self.connected = connected;
    }

    pub(crate) fn heard(&mut self, now: Utc) {
        self.last_heard = Some(now);
    }

    /// Takes a state or a part of one, with its tracks; `false` if it is dropped whole (and counted).
    pub(crate) fn take_state(&mut self, config: &CloudConfig, now: Utc, state: &mut NodeState) -> bool {
        self.heard(now);
        if !(state.valid_for_s.is_finite() && state.valid_for_s > 0.0) {
            self.drops.count(DropCause::PeerGarbage);
            return false;
        }
        let span_s = state.valid_for_s.min(config.max_valid_for_s);
        let new_part = match self.head {
            Some(head) if head.boot == state.boot && state.sequence < head.sequence => None,
            Some(head) if head.boot == state.boot => Some(state.sequence > head.sequence),
            _ if self.past_boots.contains(&state.boot) => None,
            Some(head) => {
                self.retire(head.boot);
                Some(true)
            }
            None => Some(true),
        };
        let Some(newer) = new_part else {
            self.drops.count(DropCause::PeerStale);
            return false;
        };
        if newer {
            let validity = Validity::new(state.valid_at, span_s, now);
            let delay_s = now.seconds_since(state.valid_at);
            self.head = Some(StateHead { boot: state.boot, sequence: state.sequence, validity, delay_s });
        }
        let tracks = std::mem::take(&mut state.tracks);
        let news = self.tracks.take((config, &mut self.drops), now, (state.sequence, span_s), tracks);
        if !newer && news == 0 && state.signals.is_none() {
            // The same part again: datagrams may be duplicated on the way.
            self.drops.count(DropCause::PeerDuplicate);
        }
        true
    }

    /// A restart: the tracks of the earlier process are nobody's any more.
    fn retire(&mut self, boot: u64) {
        self.tracks.clear();
        self.past_boots.push_back(boot);
        while self.past_boots.len() > PAST_BOOTS {
            self.past_boots.pop_front();
        }
    }

    /// Takes a health report unless a newer one is held.
    pub(crate) fn take_health(
        &mut self,
        config: &CloudConfig,
        now: Utc,
        (boot, sequence): (u64, u64),
        report: &NodeHealth,
    ) {
        let newer = self
            .health
            .as_ref()
            .is_none_or(|held| if held.boot == boot { sequence > held.sequence } else { report.at >= held.report.at });
        if !newer {
            self.drops.count(DropCause::PeerStale);
            return;
        }
        let mut report = report.clone();
        report.sensors.retain(|sensor| sensor.id.0.len() <= MAX_TEXT);
        report.sensors.truncate(MAX_HEALTH_ROWS);
        report.latencies.retain(|stage| stage.p50_ms.is_finite() && stage.p99_ms.is_finite());
        report.latencies.truncate(MAX_HEALTH_ROWS);
        clip(&mut report.software_version);
        clip(&mut report.map_version);
        let validity = Validity::new(report.at, config.health_valid_for_s, now);
        self.health = Some(HeldHealth { boot, sequence, report: Arc::new(report), validity });
    }

    /// Removes tracks that have been lost for long enough; returns whether any track is left.
    pub(crate) fn forget(&mut self, config: &CloudConfig, now: Utc) -> bool {
        self.tracks.forget(config, now)
    }

    /// How its newest state stands; `None` if there never was one.
    pub(crate) fn state_freshness(&self, config: &CloudConfig, now: Utc) -> Option<Freshness> {
        self.head.map(|head| head.validity.freshness(now, config.aging))
    }

    /// The better of what its states and its health reports say; lost if there is neither.
    pub(crate) fn freshness(&self, config: &CloudConfig, now: Utc) -> Freshness {
        let state = self.state_freshness(config, now);
        let health = self.health.as_ref().map(|held| held.validity.freshness(now, config.aging));
        state.into_iter().chain(health).min().unwrap_or(Freshness::Lost)
    }

    /// The island-wide number of one of its tracks, while it is held and of this boot.
    pub(crate) fn number_of(&self, boot: u64, track: TrackId) -> Option<GlobalTrackId> {
        self.head.filter(|head| head.boot == boot).and_then(|_| Some(self.tracks.get(track)?.id))
    }

    /// Its site and its tracks, shared.
    pub(crate) fn said(&self) -> (Arc<SiteId>, HeldTracks) {
        (Arc::clone(&self.site), self.tracks.clone())
    }

    /// Its tracks that are fresh or late.
    fn live(&self, config: &CloudConfig, now: Utc) -> usize {
        let tracks = self.tracks.as_slice().iter();
        tracks.filter(|held| held.validity.freshness(now, config.aging).is_live()).count()
    }

    /// The node as shown; `warnings` is how many of its warnings are alive.
    pub(crate) fn view(&self, config: &CloudConfig, now: Utc, site: Option<&Site>, warnings: usize) -> NodeView {
        let clock_ahead_s = self.head.map(|head| -head.delay_s).filter(|ahead_s| *ahead_s > config.clock_tolerance_s);
        NodeView {
            site: self.site.as_ref().clone(),
            name_zh: site.map(|site| site.name_zh.clone()),
            name_en: site.map(|site| site.name_en.clone()),
            position: site.map(|site| site.position),
            connected: self.connected,
            freshness: self.freshness(config, now),
            state_freshness: self.state_freshness(config, now),
            last_heard: self.last_heard,
            delay_s: self.head.map(|head| head.delay_s),
            clock_ahead_s,
            boot: self.head.map(|head| head.boot).or(self.health.as_ref().map(|held| held.boot)),
            tracks: self.live(config, now),
            warnings,
            sensors: self.sensors(config, now, site),
            health: self.health.as_ref().map(|held| Arc::clone(&held.report)),
            health_freshness: self.health.as_ref().map(|held| held.validity.freshness(now, config.aging)),
            drops: self.drops.clone(),
            records_missing: self.ledger.missing(),
        }
    }

    /// The site's sensors as the map lists them, then those that only the node knows.
    fn sensors(&self, config: &CloudConfig, now: Utc, site: Option<&Site>) -> Vec<SensorView> {
        let specs = site.map_or(&[][..], |site| &site.sensors);
        let reported = |id: &SensorId| {
            self.health.as_ref().and_then(|held| {
                held.report.sensors.iter().find(|sensor| sensor.id == *id).map(|sensor| (held, sensor))
            })
        };
        let mut sensors: Vec<SensorView> = specs
            .iter()
            .map(|spec| {
                let report = reported(&spec.id);
                SensorView {
                    id: spec.id.clone(),
                    kind: spec.kind,
                    freshness: sensor_freshness(config, now, spec.period_s, report),
                    scans_per_s: report.and_then(|(_, sensor)| sensor.scans_per_s).filter(|rate| rate.is_finite()),
                }
            })
            .collect();
        if let Some(held) = &self.health {
            let unknown = held.report.sensors.iter().filter(|sensor| specs.iter().all(|spec| spec.id != sensor.id));
            sensors.extend(unknown.map(|sensor| SensorView {
                id: sensor.id.clone(),
                kind: sensor.kind,
                freshness: sensor_freshness(config, now, config.unknown_sensor_period_s, Some((held, sensor))),
                scans_per_s: sensor.scans_per_s.filter(|rate| rate.is_finite()),
            }));
        }
        sensors
    }
}

/// How the sensor stood when the node reported, or how the report stands now if that is worse.
fn sensor_freshness(
    config: &CloudConfig,
    now: Utc,
    period_s: f64,
    report: Option<(&HeldHealth, &SensorHealth)>,
) -> Freshness {
    let Some((held, sensor)) = report else { return Freshness::Lost };
    let Some(last_scan_at) = sensor.last_scan_at else { return Freshness::Lost };
    // Both times are of the node's clock, so a difference between its clock and ours does not matter here.
    let then = Validity::new(last_scan_at, period_s * config.sensor_periods, held.report.at)
        .freshness(held.report.at, config.aging);
    then.max(held.validity.freshness(now, config.aging))
}

fn clip(text: &mut String) {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(end);
    }
}

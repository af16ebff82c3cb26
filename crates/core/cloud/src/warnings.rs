//! Warnings and signals of the whole island.

use crate::view::{GlobalTrackId, SignalView, WarningView, global_track_id};
use crate::{CloudConfig, Freshness, Validity};
use jxz_units::Utc;
use jxz_world::{DropCause, Drops, JunctionId, JunctionSignals, SiteId, TrackId, Warning, WarningId, WarningStage};
use std::collections::BTreeMap;

/// A warning as held.
#[derive(Debug, Clone)]
struct HeldWarning {
    site: SiteId,
    boot: u64,
    sequence: u64,
    received: Utc,
    warning: Warning,
    validity: Validity,
}

/// The warnings of the island.
#[derive(Debug, Clone, Default)]
pub(crate) struct Warnings(BTreeMap<WarningId, HeldWarning>);

impl Warnings {
    /// Takes what a node says of a warning, unless a newer revision is held.
    pub(crate) fn take(
        &mut self,
        (config, drops): (&CloudConfig, &mut Drops),
        now: Utc,
        (site, boot, sequence): (&SiteId, u64, u64),
        warning: &Warning,
    ) {
        if !is_sound(warning) {
            drops.count(DropCause::PeerGarbage);
            return;
        }
        if let Some(held) = self.0.get(&warning.id) {
            let same_life = held.site == *site && held.boot == boot;
            let older = if same_life {
                warning.revision <= held.warning.revision
            } else {
                warning.sensed_at < held.warning.sensed_at
            };
            if older {
                drops.count(DropCause::PeerStale);
                return;
            }
        } else if self.0.len() >= config.max_warnings {
            drops.count(DropCause::TwinFull);
            let first = self.0.iter().min_by_key(|(_, held)| held.validity.until()).map(|(id, _)| *id);
            first.map(|id| self.0.remove(&id));
        }
        let span_s = warning.valid_until.seconds_since(warning.sensed_at).max(0.0);
        let validity = Validity::new(warning.sensed_at, span_s, now);
        self.0.insert(
            warning.id,
            HeldWarning { site: site.clone(), boot, sequence, received: now, warning: warning.clone(), validity },
        );
    }

    /// Removes warnings that were lost, or cancelled, long enough ago; returns whether any is left.
    pub(crate) fn forget(&mut self, config: &CloudConfig, now: Utc) -> bool {
        self.0.retain(|_, held| {
            let cancelled = held.warning.stage == WarningStage::Cancelled;
            let forget_at = if cancelled {
                held.validity.until().plus_seconds(config.forget_after_s)
            } else {
                held.validity.forget_at(config.aging, config.forget_after_s)
            };
            now < forget_at
        });
        !self.0.is_empty()
    }

    /// Warnings that are not lost, by number; cancelled ones stay for a short while so that their end is seen.
    /// `number_of` gives the island-wide number of a track that is still held.
    pub(crate) fn views(
        &self,
        config: &CloudConfig,
        now: Utc,
        number_of: impl Fn(&SiteId, u64, TrackId) -> Option<GlobalTrackId>,
    ) -> Vec<WarningView> {
        let shown = self.0.values().filter_map(|held| {
            let freshness = held.validity.freshness(now, config.aging);
            let global = |track: &TrackId| {
                number_of(&held.site, held.boot, *track)
                    .unwrap_or_else(|| global_track_id(&held.site, held.boot, *track))
            };
            (freshness != Freshness::Lost).then(|| WarningView {
                site: held.site.clone(),
                freshness,
                concerned: held.warning.concerned.iter().map(|who| global(&who.track)).collect(),
                about: held.warning.about.iter().map(global).collect(),
                paths_of: held.warning.paths.iter().map(|path| global(&path.track)).collect(),
                warning: held.warning.clone(),
                record: (held.boot, held.sequence, held.received),
            })
        });
        shown.collect()
    }
}

fn is_sound(warning: &Warning) -> bool {
    warning.place.at.iter().all(|x| x.is_finite())
        && warning.place.radius_m.is_finite()
        && (0.0..=1.0).contains(&warning.confidence)
}

/// The signals of the island's junctions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals(BTreeMap<JunctionId, (SiteId, JunctionSignals, Validity)>);

impl Signals {
    /// Takes a junction's signals, unless newer ones are held.
    pub(crate) fn take(
        &mut self,
        (config, drops): (&CloudConfig, &mut Drops),
        now: Utc,
        (site, valid_for_s): (&SiteId, f64),
        signals: &JunctionSignals,
    ) {
        match self.0.get(&signals.junction) {
            // Two nodes may report one junction, and a node's clock may step back: an old report only bars newer
            // ones while it is fresh itself.
            Some((_, held, validity))
                if signals.valid_at < held.valid_at && validity.freshness(now, config.aging) == Freshness::Fresh =>
            {
                drops.count(DropCause::PeerStale);
                return;
            }
            None if self.0.len() >= config.max_junctions => {
                drops.count(DropCause::TwinFull);
                return;
            }
            _ => {}
        }
        let validity = Validity::new(signals.valid_at, valid_for_s.min(config.max_valid_for_s), now);
        self.0.insert(signals.junction.clone(), (site.clone(), signals.clone(), validity));
    }

    /// Removes signals that have been lost for long enough; returns whether any is left.
    pub(crate) fn forget(&mut self, config: &CloudConfig, now: Utc) -> bool {
        self.0.retain(|_, (_, _, validity)| now < validity.forget_at(config.aging, config.forget_after_s));
        !self.0.is_empty()
    }

    /// Signals that are not lost, by junction.
    pub(crate) fn views(&self, config: &CloudConfig, now: Utc) -> Vec<SignalView> {
        let shown = self.0.values().filter_map(|(site, signals, validity)| {
            let freshness = validity.freshness(now, config.aging);
            (freshness != Freshness::Lost).then(|| SignalView {
                site: site.clone(),
                freshness,
                signals: signals.clone(),
            })
        });
        shown.collect()
    }
}

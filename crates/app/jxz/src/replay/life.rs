//! A warning's life as a replay sees it: every change, and who it is about at each.

use super::Told;
use jxz_edge::Output;
use jxz_fusion::TrackOrigin;
use jxz_units::{Now, Utc};
use jxz_world::{RecordBody, Track, TrackId, Warning, WarningId};
use std::collections::{BTreeMap, BTreeSet};

/// More changes of one warning are not told.
const MOST_CHANGES: usize = 10_000;

/// One change.
pub(super) struct Change {
    /// When it was put out.
    pub(super) now: Now,
    pub(super) warning: Warning,
    /// Its road users as they were tracked then; who is missing was lost.
    pub(super) tracks: BTreeMap<TrackId, Track>,
}

/// All of it.
pub(super) struct Life {
    id: WarningId,
    pub(super) changes: Vec<Change>,
    /// What each of its road users' tracks grew out of.
    pub(super) origins: BTreeMap<TrackId, TrackOrigin>,
}

impl Life {
    pub(super) fn of(id: WarningId) -> Self {
        Self { id, changes: Vec::new(), origins: BTreeMap::new() }
    }

    pub(super) fn take(&mut self, told: &Told<'_>) {
        let Told::Replayed(edge, now, Output::Record(record)) = told else { return };
        let RecordBody::Warning(warning) = &record.body else { return };
        if warning.id != self.id || self.changes.len() >= MOST_CHANGES {
            return;
        }
        for id in road_users(warning) {
            if let Some(origin) = edge.origin(id) {
                self.origins.entry(id).or_insert(origin);
            }
        }
        let all: BTreeSet<TrackId> = self.origins.keys().copied().chain(road_users(warning)).collect();
        let tracks = edge.tracks_at(now.utc).into_iter().filter(|track| all.contains(&track.id));
        let tracks = tracks.map(|track| (track.id, track)).collect();
        self.changes.push(Change { now: *now, warning: warning.clone(), tracks });
    }

    /// From when to when it was alive.
    pub(super) fn span(&self) -> Option<(Utc, Utc)> {
        Some((self.changes.first()?.now.utc, self.changes.last()?.now.utc))
    }

    /// Whom it is or was for.
    pub(super) fn concerned(&self) -> BTreeSet<TrackId> {
        self.changes.iter().flat_map(|change| change.warning.concerned.iter().map(|who| who.track)).collect()
    }
}

/// Who it is for and who caused it.
fn road_users(warning: &Warning) -> impl Iterator<Item = TrackId> + '_ {
    warning.concerned.iter().map(|who| who.track).chain(warning.about.iter().copied())
}

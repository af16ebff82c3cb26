//! Incidents: what several warnings say of one event, from its first sign to its end.

mod record;

pub use record::{Closure, Entry, Event, Incident, IncidentKind};

use jxz_geo::Point;
use jxz_units::Utc;
use jxz_world::{DropCause, Drops, SiteId, Warning, WarningId, WarningStage};
use std::collections::{BTreeMap, VecDeque};

/// How incidents are opened, merged and closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IncidentConfig {
    /// Warnings whose places are this near, edge to edge, may be of one incident, metres.
    pub merge_m: f64,
    /// The same for congestion, which moves with its tail.
    pub merge_congestion_m: f64,
    /// And no later than this after the last evidence, seconds.
    pub merge_s: f64,
    /// The condition must be gone for this long while its place is in view, seconds.
    pub close_after_s: f64,
    /// A warning stands for this long past its validity, seconds: its renewal may be on its way.
    pub grace_s: f64,
    /// Open at a time; a further one is not opened ([`jxz_world::DropCause::TwinFull`]).
    pub max_open: usize,
}

impl Default for IncidentConfig {
    fn default() -> Self {
        Self {
            merge_m: 40.0,
            merge_congestion_m: 200.0,
            merge_s: 300.0,
            close_after_s: 180.0,
            grace_s: 2.0,
            max_open: 1_000,
        }
    }
}

/// Warnings remembered whose incident an operator closed: they do not open it again.
const MAX_DONE: usize = 4_096;
/// Renewals alone are told of no more often than this, seconds.
const RENEWAL_S: f64 = 30.0;

#[derive(Debug, Clone)]
struct Open {
    incident: Incident,
    told: Utc,
}

/// The incidents that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incidents {
    open: BTreeMap<u64, Open>,
    last_number: u64,
    done: VecDeque<(WarningId, SiteId)>,
    kept_at: Option<Utc>,
    changed: VecDeque<Incident>,
}

impl Incidents {
    /// Takes up incidents that were open when an earlier process ended, and the highest number given so far.
    pub(crate) fn recall(&mut self, open: Vec<Incident>, last_number: u64) {
        self.last_number = self.last_number.max(last_number);
        for incident in open {
            self.last_number = self.last_number.max(incident.number);
            self.open.insert(incident.number, Open { told: incident.last_evidence, incident });
        }
    }

    /// Takes what a node says of a warning.
    pub(crate) fn take(
        &mut self,
        (config, drops): (&IncidentConfig, &mut Drops),
        now: Utc,
        site: &SiteId,
        warning: &Warning,
    ) {
        let Some(kind) = IncidentKind::of(&warning.cause) else { return };
        let speaks = |open: &&mut Open| open.incident.speaks(site, warning.id);
        let known = self.open.values_mut().find(speaks).map(|open| open.incident.number);
        let ends = warning.stage == WarningStage::Cancelled;
        let taken = match known.and_then(|number| self.open.get_mut(&number)) {
            Some(open) if ends => open.incident.end(now, site, warning.id).then_some(open),
            Some(open) => {
                let changed = open.incident.hear(kind, now, site, warning);
                (changed || now.seconds_since(open.told) >= RENEWAL_S).then_some(open)
            }
            None if ends || self.done.iter().any(|(id, of)| *id == warning.id && of == site) => None,
            None => match nearest(&self.open, config, now, kind, warning) {
                Some(number) => {
                    let open = self.open.get_mut(&number);
                    open.and_then(|open| open.incident.hear(kind, now, site, warning).then_some(open))
                }
                None if self.open.len() >= config.max_open => {
                    drops.count(DropCause::TwinFull);
                    None
                }
                None => {
                    self.last_number += 1;
                    let incident = Incident::open(self.last_number, kind, now, site, warning);
                    Some(self.open.entry(self.last_number).or_insert(Open { incident, told: now }))
                }
            },
        };
        if let Some(open) = taken {
            open.told = now;
            self.changed.push_back(open.incident.clone());
        }
    }

    /// Closes what evidence closes; `in_view` says whether a site sees a place at present.
    pub(crate) fn keep(&mut self, config: &IncidentConfig, now: Utc, in_view: impl Fn(Point) -> bool) {
        let dt_s = self.kept_at.replace(now).map_or(0.0, |at| now.seconds_since(at)).clamp(0.0, 2.0);
        let changed = &mut self.changed;
        self.open.retain(|_, open| {
            let incident = &mut open.incident;
            if incident.is_there(now, config.grace_s) {
                incident.gone_s = 0.0;
                return true;
            }
            if in_view(incident.place) {
                incident.gone_s += dt_s;
            }
            let gone = incident.gone_s >= config.close_after_s;
            if gone {
                incident.closed = Some(Closure { at: now });
                incident.note(now, Event::Closed);
                changed.push_back(incident.clone());
            }
            !gone
        });
    }

    /// An operator closed it; `false` if it is not open.
    pub(crate) fn close(&mut self, number: u64) -> bool {
        let Some(Open { incident, .. }) = self.open.remove(&number) else { return false };
        self.done.extend(incident.warnings().map(|(id, site)| (id, site.clone())));
        while self.done.len() > MAX_DONE {
            self.done.pop_front();
        }
        true
    }

    /// The next incident that changed, as it then was.
    pub(crate) fn next_changed(&mut self) -> Option<Incident> {
        self.changed.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.changed.is_empty()
    }
}

/// Of the incidents that a new warning may speak of, the nearest one's number.
fn nearest(
    open: &BTreeMap<u64, Open>,
    config: &IncidentConfig,
    now: Utc,
    kind: IncidentKind,
    warning: &Warning,
) -> Option<u64> {
    let reach_m = if kind == IncidentKind::Congestion { config.merge_congestion_m } else { config.merge_m };
    let near = open.values().filter_map(|Open { incident, .. }| {
        let between_m = (incident.place - warning.place.at).norm();
        let near = between_m - incident.radius_m - warning.place.radius_m.max(0.0) <= reach_m;
        let lately = now.seconds_since(incident.last_evidence) <= config.merge_s;
        (near && lately && incident.kind.may_be_one_with(kind)).then_some((between_m, incident.number))
    });
    near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, number)| number)
}

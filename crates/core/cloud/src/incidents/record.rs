//! An incident and its record.

use jxz_geo::Point;
use jxz_units::Utc;
use jxz_world::{Cause, Level, RoadHazard, SiteId, Warning, WarningId};
use serde::{Deserialize, Serialize};

/// What an incident is; ordered, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// Slow traffic.
    Congestion,
    /// A vehicle that stands where none should.
    StoppedVehicle,
    /// Something lies on the road.
    Object,
    /// A vehicle out of control.
    ControlLoss,
    /// A vehicle against the traffic.
    WrongWay,
    /// Vehicles have crashed.
    Crash,
}

impl IncidentKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Congestion, Self::StoppedVehicle, Self::Object, Self::ControlLoss, Self::WrongWay, Self::Crash];

    /// The kind that a warning's cause speaks of; `None`: no incident.
    #[must_use]
    pub const fn of(cause: &Cause) -> Option<Self> {
        match cause {
            Cause::Congestion { .. } => Some(Self::Congestion),
            Cause::StoppedVehicle { .. } => Some(Self::StoppedVehicle),
            Cause::ControlLoss { .. } => Some(Self::ControlLoss),
            Cause::WrongWay { .. } => Some(Self::WrongWay),
            Cause::Hazard { hazard: RoadHazard::Object, .. } => Some(Self::Object),
            Cause::Hazard { hazard: RoadHazard::Crash, .. } => Some(Self::Crash),
            _ => None,
        }
    }

    /// Its name, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Congestion => "congestion",
            Self::StoppedVehicle => "stopped_vehicle",
            Self::Object => "object",
            Self::ControlLoss => "control_loss",
            Self::WrongWay => "wrong_way",
            Self::Crash => "crash",
        }
    }

    /// Whether the two may be of one event: a vehicle out of control crashes and then stands.
    pub(crate) const fn may_be_one_with(self, other: Self) -> bool {
        const fn in_crash(kind: IncidentKind) -> bool {
            matches!(kind, IncidentKind::StoppedVehicle | IncidentKind::ControlLoss | IncidentKind::Crash)
        }
        self as u8 == other as u8 || (in_crash(self) && in_crash(other))
    }
}

/// A warning that speaks of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) warning: WarningId,
    pub(crate) site: SiteId,
    /// `None`: cancelled.
    pub(crate) holds_until: Option<Utc>,
}

/// What happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A warning spoke of it first.
    Opened {
        /// Which warning.
        warning: WarningId,
        /// Of which site.
        site: SiteId,
    },
    /// Another warning of a site that spoke of it before.
    Warned {
        /// Which warning.
        warning: WarningId,
        /// Of which site.
        site: SiteId,
    },
    /// A further site spoke of it.
    Confirmed {
        /// Its warning.
        warning: WarningId,
        /// Which site.
        site: SiteId,
    },
    /// What was warned of turned out to be something graver.
    Became {
        /// What.
        kind: IncidentKind,
    },
    /// A warning was cancelled.
    Ended {
        /// Which warning.
        warning: WarningId,
        /// Of which site.
        site: SiteId,
    },
    /// The condition was gone for long enough while its place was in view.
    Closed,
}

/// A line of an incident's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, cloud's clock.
    pub at: Utc,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// When.
    pub at: Utc,
}

/// Lines of a record; beyond them only the last is kept up, and the others are counted.
const MAX_ENTRIES: usize = 200;
/// Warnings that speak of one incident; further ones count as evidence only by those before them.
const MAX_EVIDENCE: usize = 64;

/// An incident, from the first warning of it to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number, from 1.
    pub number: u64,
    /// What it is.
    pub kind: IncidentKind,
    /// The highest level that a warning gave it.
    pub level: Level,
    /// Where, local frame: by the first warning.
    pub place: Point,
    /// How far around, metres.
    pub radius_m: f64,
    /// When the first warning of it came.
    pub opened: Utc,
    /// When a warning last said that it is there.
    pub last_evidence: Utc,
    /// The highest confidence that a warning had, 0 to 1.
    pub confidence: f64,
    /// Sites that spoke of it, the first first.
    pub sites: Vec<SiteId>,
    /// Its record, oldest first.
    pub timeline: Vec<Entry>,
    /// Lines that found no room in it.
    pub left_out: u32,
    /// How it ended by evidence; `None`: it has not.
    pub closed: Option<Closure>,
    pub(crate) evidence: Vec<Evidence>,
    /// For how long the condition has been gone while the place was in view, seconds.
    pub(crate) gone_s: f64,
}

impl Incident {
    pub(crate) fn open(number: u64, kind: IncidentKind, now: Utc, site: &SiteId, warning: &Warning) -> Self {
        let mut incident = Self {
            number,
            kind,
            level: warning.level,
            place: warning.place.at,
            radius_m: warning.place.radius_m.max(0.0),
            opened: now,
            last_evidence: now,
            confidence: warning.confidence,
            sites: Vec::new(),
            timeline: Vec::new(),
            left_out: 0,
            closed: None,
            evidence: Vec::new(),
            gone_s: 0.0,
        };
        incident.hear(kind, now, site, warning);
        incident
    }

    /// Takes a warning that speaks of it for the first time, or again; returns whether its record changed.
    pub(crate) fn hear(&mut self, kind: IncidentKind, now: Utc, site: &SiteId, warning: &Warning) -> bool {
        self.last_evidence = now;
        self.gone_s = 0.0;
        self.confidence = self.confidence.max(warning.confidence);
        self.radius_m = self.radius_m.max(warning.place.radius_m);
        let mut changed = warning.level > self.level;
        self.level = self.level.max(warning.level);
        let holds_until = Some(warning.valid_until);
        if let Some(known) = self.evidence_of(site, warning.id) {
            known.holds_until = holds_until;
        } else {
            let (warning, site) = (warning.id, site.clone());
            let event = if self.sites.is_empty() {
                Event::Opened { warning, site: site.clone() }
            } else if self.sites.contains(&site) {
                Event::Warned { warning, site: site.clone() }
            } else {
                Event::Confirmed { warning, site: site.clone() }
            };
            if !self.sites.contains(&site) {
                self.sites.push(site.clone());
            }
            self.note(now, event);
            if self.evidence.len() >= MAX_EVIDENCE {
                self.evidence.retain(|e| e.holds_until.is_some());
            }
            if self.evidence.len() < MAX_EVIDENCE {
                self.evidence.push(Evidence { warning, site, holds_until });
            }
            changed = true;
        }
        if kind > self.kind {
            self.kind = kind;
            self.note(now, Event::Became { kind });
            changed = true;
        }
        changed
    }

    /// Takes the end of a warning; returns whether its record changed.
    pub(crate) fn end(&mut self, now: Utc, site: &SiteId, warning: WarningId) -> bool {
        let Some(known) = self.evidence_of(site, warning).filter(|known| known.holds_until.is_some()) else {
            return false;
        };
        known.holds_until = None;
        self.note(now, Event::Ended { warning, site: site.clone() });
        true
    }

    pub(crate) fn note(&mut self, at: Utc, event: Event) {
        if self.timeline.len() >= MAX_ENTRIES {
            self.timeline.pop();
            self.left_out = self.left_out.saturating_add(1);
        }
        self.timeline.push(Entry { at, event });
    }

    fn evidence_of(&mut self, site: &SiteId, warning: WarningId) -> Option<&mut Evidence> {
        self.evidence.iter_mut().find(|e| e.warning == warning && e.site == *site)
    }

    pub(crate) fn speaks(&self, site: &SiteId, warning: WarningId) -> bool {
        self.evidence.iter().any(|e| e.warning == warning && e.site == *site)
    }

    pub(crate) fn warnings(&self) -> impl Iterator<Item = (WarningId, &SiteId)> {
        self.evidence.iter().map(|e| (e.warning, &e.site))
    }

    /// Whether a warning says at `now` that it is there.
    pub(crate) fn is_there(&self, now: Utc, grace_s: f64) -> bool {
        self.evidence.iter().filter_map(|e| e.holds_until).any(|until| now <= until.plus_seconds(grace_s))
    }
}

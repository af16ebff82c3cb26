//! What is wrong with a map.

mod flow;
mod ids;
mod roadside;
mod signals;

use crate::model::Map;
use core::fmt;
use jxz_geo::Point;

/// What kind of mistake a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FindingKind {
    /// No way leads from the map's edges or its main network to the lane.
    UnreachableLane,
    /// The lane ends inside the map, or no way leads from it to the main network or an edge.
    NoWayOn,
    /// A lane's end lies more than 0.3 m from the start of the lane that continues it.
    Gap,
    /// A lane turns by more than 15 degrees at one point, or where it is continued.
    Kink,
    /// A crossing without a signal or a yield rule.
    CrossingWithoutRule,
    /// A phase of a plan that lets nothing go.
    UnusedPhase,
    /// A movement or crossing under signals whose phase no stage makes green, or that has none.
    MissingPhase,
    /// Two movements, or a movement and a crossing, that meet and are green together while neither must give way.
    GreenConflict,
    /// A lane into a junction under signals without a stop line.
    MissingStopLine,
    /// A site that has no camera and no radar.
    SiteWithoutSensors,
    /// A sensor farther from its site than the site's coverage.
    SensorOutsideSite,
    /// A name or number that two objects of a kind share.
    DuplicateId,
}

impl FindingKind {
    /// The kind's name in lists, `kebab-case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnreachableLane => "unreachable-lane",
            Self::NoWayOn => "no-way-on",
            Self::Gap => "gap",
            Self::Kink => "kink",
            Self::CrossingWithoutRule => "crossing-without-rule",
            Self::UnusedPhase => "unused-phase",
            Self::MissingPhase => "missing-phase",
            Self::GreenConflict => "green-conflict",
            Self::MissingStopLine => "missing-stop-line",
            Self::SiteWithoutSensors => "site-without-sensors",
            Self::SensorOutsideSite => "sensor-outside-site",
            Self::DuplicateId => "duplicate-id",
        }
    }
}

/// One mistake in a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// The object, by kind and name (`lane "zhongxin-03:f:0"`).
    pub object: String,
    /// Where, local frame, metres.
    pub at: Point,
    /// What exactly, in words.
    pub detail: String,
}

impl fmt::Display for Finding {
    /// `gap: lane "a:f:0": ends 1.20 m from lane "b:f:0" (at 12.0, -3.5)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, object, at, detail } = self;
        write!(f, "{}: {object}: {detail} (at {:.1}, {:.1})", kind.name(), at.x, at.y)
    }
}

/// Everything that is wrong with a map, by kind and then in the map's order; empty for a sound map.
#[must_use]
pub fn check(map: &Map) -> Vec<Finding> {
    let mut findings = Vec::new();
    flow::check(map, &mut findings);
    signals::check(map, &mut findings);
    roadside::check(map, &mut findings);
    ids::check(map, &mut findings);
    findings.sort_by_key(|finding| finding.kind);
    findings
}

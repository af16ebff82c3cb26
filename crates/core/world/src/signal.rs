//! What traffic signals show.

use jxz_units::Utc;
use serde::{Deserialize, Serialize};

/// A junction's name in the map (`zhongxin-minan`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JunctionId(pub String);

impl core::fmt::Display for JunctionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A signal phase of one junction, 1..=255, as the message set numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhaseId(pub u8);

/// What a phase shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Light {
    /// Stop.
    Red,
    /// Go, with conflicting streams held.
    Green,
    /// Go after giving way (permissive).
    PermissiveGreen,
    /// About to be red.
    Yellow,
    /// Signal out of work, drive by the rules of priority.
    FlashingYellow,
    /// No light.
    Dark,
}

impl Light {
    /// Whether a stream may enter.
    #[must_use]
    pub const fn is_go(self) -> bool {
        matches!(self, Self::Green | Self::PermissiveGreen)
    }
}

/// One phase now, and when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PhaseSignal {
    /// Which phase.
    pub phase: PhaseId,
    /// What it shows.
    pub light: Light,
    /// When it will most likely change.
    pub likely_end: Utc,
    /// The light after that and how long it lasts, seconds, where the plan is fixed.
    pub next: Option<(Light, f64)>,
}

/// Every phase of a junction at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JunctionSignals {
    /// Which junction.
    pub junction: JunctionId,
    /// When this was so.
    pub valid_at: Utc,
    /// The phases, by number.
    pub phases: Vec<PhaseSignal>,
}

//! What goes first when there is no room.

use jxz_world::{Level, Record, RecordBody, WarningStage};

/// How important a record is, rising: with no room for all, the lowest go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// A health report: the next one says it anew.
    Health,
    /// Advice, or a warning that goes on as before.
    Advice,
    /// Evidence against a vehicle.
    Misbehaviour,
    /// A warning raised or cancelled.
    Warning,
    /// An urgent warning raised or cancelled.
    Urgent,
}

impl Importance {
    /// Every importance, rising.
    pub const ALL: [Self; 5] = [Self::Health, Self::Advice, Self::Misbehaviour, Self::Warning, Self::Urgent];

    /// Its name in reports and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Advice => "advice",
            Self::Misbehaviour => "misbehaviour",
            Self::Warning => "warning",
            Self::Urgent => "urgent",
        }
    }

    /// The importance of a record.
    #[must_use]
    pub const fn of(record: &Record) -> Self {
        match &record.body {
            RecordBody::Health(_) => Self::Health,
            RecordBody::Misbehaviour(_) => Self::Misbehaviour,
            RecordBody::Warning(warning) => match (warning.stage, warning.level) {
                (WarningStage::Held, _) | (_, Level::Advice) => Self::Advice,
                (_, Level::Warning) => Self::Warning,
                (_, Level::Urgent) => Self::Urgent,
            },
        }
    }

    /// Its number on disk.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// The importance of a number on disk.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

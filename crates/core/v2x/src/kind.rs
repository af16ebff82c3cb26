//! Kinds of message, with the priority, application id and period that the rules give them.

use core::time::Duration;
use jxz_world::WarningKind;

/// How fast what an RSI says changes; one RSI carries one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RsiClass {
    /// Signs that stand.
    Static,
    /// Conditions that last minutes: congestion, a stopped vehicle, advice.
    SemiStatic,
    /// Conflicts that last seconds.
    Dynamic,
}

impl RsiClass {
    /// The class in which warnings of a kind are sent.
    #[must_use]
    pub const fn of(kind: WarningKind) -> Self {
        match kind {
            WarningKind::Collision | WarningKind::Pedestrian | WarningKind::SpeedLimit | WarningKind::VehicleAhead => {
                Self::Dynamic
            }
            WarningKind::RoadCondition | WarningKind::Guidance => Self::SemiStatic,
        }
    }
}

/// A kind of message of the day-1 set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// Basic safety message, from vehicles.
    Bsm,
    /// Map.
    Map,
    /// Roadside safety message: road users seen.
    Rsm,
    /// Signal phase and timing.
    Spat,
    /// Roadside information: events and signs.
    Rsi(RsiClass),
}

impl MessageKind {
    /// Priority on the channel, 0 (lowest) to 255; `None` for BSM, whose priority its vehicle chooses.
    #[must_use]
    pub const fn priority(self) -> Option<u8> {
        match self {
            Self::Bsm => None,
            Self::Map => Some(16),
            Self::Rsi(RsiClass::Static) => Some(48),
            Self::Rsi(RsiClass::SemiStatic) => Some(80),
            Self::Rsi(RsiClass::Dynamic) => Some(112),
            Self::Spat => Some(176),
            Self::Rsm => Some(208),
        }
    }

    /// Application id; for BSM the first of 111 to 114.
    #[must_use]
    pub const fn application_id(self) -> u32 {
        match self {
            Self::Bsm => 111,
            Self::Map => 3618,
            Self::Spat => 3619,
            Self::Rsi(RsiClass::Static) => 3620,
            Self::Rsi(RsiClass::SemiStatic) => 3621,
            Self::Rsi(RsiClass::Dynamic) => 3622,
            Self::Rsm => 3623,
        }
    }

    /// The longest time between two messages of the kind.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_millis(match self {
            Self::Bsm | Self::Rsm | Self::Rsi(RsiClass::Dynamic) => 100,
            Self::Spat | Self::Rsi(RsiClass::SemiStatic) => 500,
            Self::Map | Self::Rsi(RsiClass::Static) => 1000,
        })
    }

    /// The kind's name in reports and metrics, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bsm => "bsm",
            Self::Map => "map",
            Self::Rsm => "rsm",
            Self::Spat => "spat",
            Self::Rsi(RsiClass::Static) => "rsi_static",
            Self::Rsi(RsiClass::SemiStatic) => "rsi_semi_static",
            Self::Rsi(RsiClass::Dynamic) => "rsi_dynamic",
        }
    }
}

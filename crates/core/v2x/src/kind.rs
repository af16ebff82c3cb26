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
            WarningKind::Collision
            | WarningKind::Pedestrian
            | WarningKind::SpeedLimit
            | WarningKind::VehicleAhead
            | WarningKind::Signal
            | WarningKind::EmergencyVehicle => Self::Dynamic,
            WarningKind::RoadCondition | WarningKind::Guidance => Self::SemiStatic,
        }
    }
}

/// A kind of message that this crate sends.
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
    /// Sensor sharing message: what a unit's sensors cover and see (second phase).
    Ssm,
    /// Personal safety message, from pedestrians and cyclists with a radio (second phase).
    Psm,
    /// Corrections for satellite positioning (second phase).
    Rtcm,
}

/// Application ids of the second phase's messages. No public list has them: the defaults are ours, 10,000 and the
/// message's number in the set, and a deployment that knows better sets its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationIds {
    /// Of SSM.
    pub ssm: u32,
    /// Of PSM.
    pub psm: u32,
    /// Of RTCM.
    pub rtcm: u32,
}

impl ApplicationIds {
    /// Ours.
    pub const DEFAULT: Self = Self { ssm: 10_012, psm: 10_015, rtcm: 10_010 };

    /// The application id of a kind: the rules' own for the first phase.
    #[must_use]
    pub const fn of(self, kind: MessageKind) -> u32 {
        match kind {
            MessageKind::Ssm => self.ssm,
            MessageKind::Psm => self.psm,
            MessageKind::Rtcm => self.rtcm,
            MessageKind::Bsm => 111,
            MessageKind::Map => 3618,
            MessageKind::Spat => 3619,
            MessageKind::Rsi(RsiClass::Static) => 3620,
            MessageKind::Rsi(RsiClass::SemiStatic) => 3621,
            MessageKind::Rsi(RsiClass::Dynamic) => 3622,
            MessageKind::Rsm => 3623,
        }
    }
}

impl Default for ApplicationIds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl MessageKind {
    /// What roadside units send.
    pub const ROADSIDE: [Self; 8] = [
        Self::Map,
        Self::Spat,
        Self::Rsm,
        Self::Rsi(RsiClass::Static),
        Self::Rsi(RsiClass::SemiStatic),
        Self::Rsi(RsiClass::Dynamic),
        Self::Ssm,
        Self::Rtcm,
    ];

    /// What road users send.
    pub const ROAD_USERS: [Self; 2] = [Self::Bsm, Self::Psm];

    /// Priority on the channel, 0 (lowest) to 255; `None` for BSM and PSM, whose sender chooses.
    ///
    /// No public list has those of the second phase. Ours: SSM 192, above SPAT and below RSM, which tells the nearest
    /// of the same road users sooner; RTCM 32, which can wait.
    #[must_use]
    pub const fn priority(self) -> Option<u8> {
        match self {
            Self::Bsm | Self::Psm => None,
            Self::Map => Some(16),
            Self::Rtcm => Some(32),
            Self::Rsi(RsiClass::Static) => Some(48),
            Self::Rsi(RsiClass::SemiStatic) => Some(80),
            Self::Rsi(RsiClass::Dynamic) => Some(112),
            Self::Spat => Some(176),
            Self::Ssm => Some(192),
            Self::Rsm => Some(208),
        }
    }

    /// Application id, by [`ApplicationIds::DEFAULT`] in the second phase; for BSM the first of 111 to 114.
    #[must_use]
    pub const fn application_id(self) -> u32 {
        ApplicationIds::DEFAULT.of(self)
    }

    /// The longest time between two messages of the kind. Sensor sharing is asked for at 10 Hz; of PSM and RTCM the
    /// facts say nothing: 100 ms as for BSM, and 1 s, which is what RTCM's own sources send.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_millis(match self {
            Self::Bsm | Self::Rsm | Self::Rsi(RsiClass::Dynamic) | Self::Ssm | Self::Psm => 100,
            Self::Spat | Self::Rsi(RsiClass::SemiStatic) => 500,
            Self::Map | Self::Rsi(RsiClass::Static) | Self::Rtcm => 1000,
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
            Self::Ssm => "ssm",
            Self::Psm => "psm",
            Self::Rtcm => "rtcm",
        }
    }
}

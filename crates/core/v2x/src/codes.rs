//! The public codes of events and signs, as far as we know them.

use jxz_world::{Application, Cause, RoadHazard, Warning, WarningKind};

/// What an item of an RSI is, by the public codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RsiCode {
    /// An event: GB/T 29100 class × 100 + sequence. 0: none of them.
    Event(u16),
    /// A sign: its place in the list of GB 5768.2. 0: text.
    Sign(u16),
}

/// How well a code is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Read in a public text.
    Read,
    /// From memory, not verified against a text.
    Unverified,
}

/// A speed limit's sign.
pub(crate) const SPEED_LIMIT: u16 = 85;

/// The codes known, with their meaning. `Read` ones stand in public texts; `Unverified` ones do not stand in any that
/// was at hand. What is missing here has a code in the lists that we do not know.
pub const CODES: &[(RsiCode, &str, Standing)] = {
    use RsiCode::{Event, Sign};
    use Standing::{Read, Unverified};
    &[
        (Event(0), "not in the list", Read),
        (Event(100), "accident", Unverified),
        (Event(202), "fire", Read),
        (Event(301), "rain", Read),
        (Event(305), "fog", Read),
        (Event(308), "snow", Read),
        (Event(401), "thrown object", Read),
        (Event(405), "pedestrian", Read),
        (Event(406), "animal", Read),
        (Event(408), "slippery road", Read),
        (Event(409), "ice", Read),
        (Event(501), "road works", Unverified),
        (Event(502), "road works", Unverified),
        (Event(707), "congestion", Read),
        (Event(901), "vehicle above the speed limit", Read),
        (Event(902), "slow vehicle", Read),
        (Event(903), "stopped vehicle", Read),
        (Event(904), "vehicle on the wrong way", Read),
        (Event(905), "emergency vehicle", Read),
        (Sign(0), "text", Read),
        (Sign(2), "sharp turn", Read),
        (Sign(15), "falling rocks", Read),
        (Sign(17), "slippery road", Read),
        (Sign(21), "tunnel", Read),
        (Sign(37), "danger", Read),
        (Sign(38), "road works", Read),
        (Sign(SPEED_LIMIT), "speed limit", Unverified),
    ]
};

impl RsiCode {
    /// The code under which a warning is sent. A conflict of vehicles has no public code: 0, and the description
    /// says it.
    #[must_use]
    pub const fn of(warning: &Warning) -> Self {
        match (warning.application, &warning.cause) {
            (Application::WrongWay, _) => Self::Event(904),
            (Application::Evw, _) => Self::Event(905),
            (Application::Vrucw, _) => Self::Event(405),
            (Application::Slw, _) => Self::Sign(SPEED_LIMIT),
            (_, Cause::StoppedVehicle { .. }) => Self::Event(903),
            (Application::LeadSpeed | Application::Ebw | Application::Avw, _) => Self::Event(902),
            (Application::Tjw, _) => Self::Event(707),
            (Application::RoadWorks, _) => Self::Event(501),
            (Application::Hlw, Cause::Hazard { hazard, .. }) => Self::Event(match hazard {
                RoadHazard::Object => 401,
                RoadHazard::Water => 408,
                RoadHazard::Ice => 409,
                RoadHazard::Fog => 305,
                RoadHazard::Crash => 100,
                RoadHazard::Works => 501,
            }),
            (_, Cause::Sign { code, .. }) => Self::Sign(*code),
            (Application::Guidance | Application::Glosa | Application::Ivs, _) => Self::Sign(0),
            (
                Application::Fcw
                | Application::Icw
                | Application::Lta
                | Application::Bsw
                | Application::Dnpw
                | Application::Clw
                | Application::Svw
                | Application::Hlw,
                _,
            ) => Self::Event(0),
        }
    }

    /// The kind of warning that a code from another vendor's unit stands for, if it is one of ours.
    #[must_use]
    pub const fn kind(self) -> Option<WarningKind> {
        match self {
            Self::Event(405) => Some(WarningKind::Pedestrian),
            Self::Event(100..=199 | 305 | 401 | 408 | 409 | 501 | 707 | 903) => Some(WarningKind::RoadCondition),
            Self::Event(904) => Some(WarningKind::Collision),
            Self::Event(905) => Some(WarningKind::EmergencyVehicle),
            Self::Event(902) => Some(WarningKind::VehicleAhead),
            Self::Sign(SPEED_LIMIT) => Some(WarningKind::SpeedLimit),
            Self::Event(_) | Self::Sign(_) => None,
        }
    }

    /// What the code means and how well that is known, if it is in [`CODES`]. Events 101 to 199 are accidents of one
    /// kind or another.
    #[must_use]
    pub fn meaning(self) -> Option<(&'static str, Standing)> {
        let listed = match self {
            Self::Event(101..=199) => Self::Event(100),
            other => other,
        };
        CODES.iter().find(|(code, ..)| *code == listed).map(|(_, meaning, standing)| (*meaning, *standing))
    }
}

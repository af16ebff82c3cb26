//! Warnings: what is wrong, for whom, where, since when and until when.

use crate::{TrackId, VehicleId};
use jxz_geo::{Point, Polyline};
use jxz_units::Utc;
use serde::{Deserialize, Serialize};

/// The six kinds that the pilot asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Two vehicles (or a vehicle and a cyclist) are about to meet.
    Collision,
    /// A pedestrian is or will be in a vehicle's way.
    Pedestrian,
    /// A vehicle is faster than the limit ahead of it.
    SpeedLimit,
    /// The vehicle ahead is much slower, or has suddenly slowed.
    VehicleAhead,
    /// Congestion or a stopped vehicle on the road ahead.
    RoadCondition,
    /// Advice to take another way past a congested link.
    Guidance,
}

impl WarningKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Collision, Self::Pedestrian, Self::SpeedLimit, Self::VehicleAhead, Self::RoadCondition, Self::Guidance];

    /// The kind's name in reports, metrics and the console, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collision => "collision",
            Self::Pedestrian => "pedestrian",
            Self::SpeedLimit => "speed_limit",
            Self::VehicleAhead => "vehicle_ahead",
            Self::RoadCondition => "road_condition",
            Self::Guidance => "guidance",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A warning's number: the same for the whole life of one event. Unique on the island: the upper 32 bits are a
/// hash of the site's name, the lower 32 a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WarningId(pub u64);

/// Where in its life a warning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningStage {
    /// New.
    Raised,
    /// Still true; numbers may have changed.
    Held,
    /// No longer true.
    Cancelled,
}

/// Why a warning was raised, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cause")]
pub enum Cause {
    /// Paths that meet.
    Conflict {
        /// Time until the first of the two reaches the conflict point, seconds.
        time_to_conflict_s: f64,
        /// Time between the first leaving and the second reaching the conflict point, seconds; below zero: overlap.
        post_encroachment_s: f64,
        /// Least distance predicted between the two outlines, metres.
        closest_m: f64,
    },
    /// Over the limit.
    Overspeed {
        /// Speed now, metres per second.
        speed_mps: f64,
        /// The limit, metres per second.
        limit_mps: f64,
    },
    /// Closing on the vehicle ahead.
    Closing {
        /// Distance bumper to bumper, metres.
        gap_m: f64,
        /// Speed of the vehicle ahead, metres per second.
        ahead_mps: f64,
        /// Own speed less that, metres per second.
        closing_mps: f64,
    },
    /// Slow traffic.
    Congestion {
        /// Mean speed, metres per second.
        mean_mps: f64,
        /// How many vehicles that is the mean of.
        vehicles: u32,
    },
    /// A vehicle that stands where none should.
    StoppedVehicle {
        /// For how long, seconds.
        standing_s: f64,
    },
    /// A way around.
    Detour {
        /// Travel time on the congested way, seconds.
        congested_s: f64,
        /// Travel time on the way advised, seconds.
        detour_s: f64,
    },
}

/// Who a warning is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concerned {
    /// The site's track of the road user.
    pub track: TrackId,
    /// Its own temporary id, if it sends one.
    pub vehicle: Option<VehicleId>,
}

/// Where a warning holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The point of the event.
    pub at: Point,
    /// The way towards it along which road users are concerned, in their direction of travel.
    pub path: Polyline,
    /// How far from that way still counts, metres.
    pub radius_m: f64,
}

/// A warning as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// Its number, the same for the life of the event.
    pub id: WarningId,
    /// Counts up with every change of it.
    pub revision: u32,
    /// What kind.
    pub kind: WarningKind,
    /// Where in its life.
    pub stage: WarningStage,
    /// Why.
    pub cause: Cause,
    /// The road users that caused it (the pedestrian, the stopped vehicle), if any.
    pub about: Vec<TrackId>,
    /// For whom; empty: for everyone on the place's path.
    pub concerned: Vec<Concerned>,
    /// Where.
    pub place: Place,
    /// When it was first raised.
    pub since: Utc,
    /// The time of validity of the newest measurement it rests on: delays count from here.
    pub sensed_at: Utc,
    /// Until when it may be shown unless renewed.
    pub valid_until: Utc,
    /// Probability that it is right, 0 to 1.
    pub confidence: f64,
}

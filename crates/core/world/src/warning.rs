//! Warnings: what is wrong, for whom, where, since when and until when.

use crate::{TrackId, VehicleId};
use jxz_geo::{Point, Polyline};
use jxz_units::Utc;
use serde::{Deserialize, Serialize};

/// What a warning is about, in the words of who is warned: the six kinds that the pilot asks for, signals, and emergency
/// vehicles. An [`Application`] raises warnings of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Two vehicles (or a vehicle and a cyclist) are about to meet.
    Collision,
    /// A pedestrian or cyclist is or will be in a vehicle's way.
    Pedestrian,
    /// A vehicle is faster than is allowed or safe here or ahead.
    SpeedLimit,
    /// The vehicle ahead is much slower, or has suddenly slowed.
    VehicleAhead,
    /// Something is wrong with the road ahead: an object, a queue, water, works.
    RoadCondition,
    /// Advice to take another way past a congested link.
    Guidance,
    /// A light: one that is about to be run, or the speed that meets it green.
    Signal,
    /// An emergency vehicle comes near.
    EmergencyVehicle,
}

impl WarningKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Collision,
        Self::Pedestrian,
        Self::SpeedLimit,
        Self::VehicleAhead,
        Self::RoadCondition,
        Self::Guidance,
        Self::Signal,
        Self::EmergencyVehicle,
    ];

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
            Self::Signal => "signal",
            Self::EmergencyVehicle => "emergency_vehicle",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What raises warnings: the applications of the field, by its abbreviations (T/CSAE 53, T/CSAE 157, C2C-CC), and four of the
/// pilot's that have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Application {
    /// Forward collision: about to run into the one ahead.
    Fcw,
    /// Intersection collision: crossing or merging paths.
    Icw,
    /// Left turn assist: turning across an oncoming vehicle.
    Lta,
    /// Blind spot and lane change: about to move over onto someone beside.
    Bsw,
    /// Do not pass: overtaking into oncoming traffic.
    Dnpw,
    /// Emergency brake: someone ahead brakes hard.
    Ebw,
    /// Abnormal vehicle: one ahead that creeps, stands with hazard lights, or cannot drive.
    Avw,
    /// Control loss: one near that slides.
    Clw,
    /// Vulnerable road user collision: someone on foot or on a bicycle in the way.
    Vrucw,
    /// Speed limit: over what is allowed here or ahead, by sign, works, bend or weather.
    Slw,
    /// The speed of the vehicle ahead.
    LeadSpeed,
    /// Hazardous location: an object, a stopped vehicle, water, ice, fog.
    Hlw,
    /// Traffic jam.
    Tjw,
    /// Someone drives against the traffic.
    WrongWay,
    /// Road works.
    RoadWorks,
    /// In-vehicle signage: what the signs ahead say.
    Ivs,
    /// Signal violation: about to run a red light.
    Svw,
    /// Green light optimal speed advice.
    Glosa,
    /// Emergency vehicle.
    Evw,
    /// A way past congestion.
    Guidance,
}

impl Application {
    /// Every application.
    pub const ALL: [Self; 20] = [
        Self::Fcw,
        Self::Icw,
        Self::Lta,
        Self::Bsw,
        Self::Dnpw,
        Self::Ebw,
        Self::Avw,
        Self::Clw,
        Self::Vrucw,
        Self::Slw,
        Self::LeadSpeed,
        Self::Hlw,
        Self::Tjw,
        Self::WrongWay,
        Self::RoadWorks,
        Self::Ivs,
        Self::Svw,
        Self::Glosa,
        Self::Evw,
        Self::Guidance,
    ];

    /// Its name in reports, configuration and messages, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fcw => "fcw",
            Self::Icw => "icw",
            Self::Lta => "lta",
            Self::Bsw => "bsw",
            Self::Dnpw => "dnpw",
            Self::Ebw => "ebw",
            Self::Avw => "avw",
            Self::Clw => "clw",
            Self::Vrucw => "vrucw",
            Self::Slw => "slw",
            Self::LeadSpeed => "lead_speed",
            Self::Hlw => "hlw",
            Self::Tjw => "tjw",
            Self::WrongWay => "wrong_way",
            Self::RoadWorks => "road_works",
            Self::Ivs => "ivs",
            Self::Svw => "svw",
            Self::Glosa => "glosa",
            Self::Evw => "evw",
            Self::Guidance => "guidance",
        }
    }

    /// The application of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|application| application.name() == name)
    }

    /// What its warnings are about.
    #[must_use]
    pub const fn kind(self) -> WarningKind {
        match self {
            Self::Fcw | Self::Icw | Self::Lta | Self::Bsw | Self::Dnpw | Self::Clw | Self::WrongWay => {
                WarningKind::Collision
            }
            Self::Vrucw => WarningKind::Pedestrian,
            Self::Slw => WarningKind::SpeedLimit,
            Self::LeadSpeed | Self::Ebw => WarningKind::VehicleAhead,
            Self::Avw | Self::Hlw | Self::Tjw | Self::RoadWorks | Self::Ivs => WarningKind::RoadCondition,
            Self::Svw | Self::Glosa => WarningKind::Signal,
            Self::Evw => WarningKind::EmergencyVehicle,
            Self::Guidance => WarningKind::Guidance,
        }
    }
}

/// How pressing a warning is. It rises within a warning's life and does not fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know: nothing has to be done at once.
    Advice,
    /// Something has to be done.
    Warning,
    /// It has to be done now: braking hard just suffices, or hardly.
    Urgent,
}

impl Level {
    /// Every level, rising.
    pub const ALL: [Self; 3] = [Self::Advice, Self::Warning, Self::Urgent];

    /// Its name in reports and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Urgent => "urgent",
        }
    }

    /// The level of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
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
    /// The one ahead brakes hard.
    Braking {
        /// Distance bumper to bumper, metres.
        gap_m: f64,
        /// Its deceleration, m/s².
        braking_mps2: f64,
    },
    /// A vehicle ahead that creeps, or says that it cannot drive.
    SlowVehicle {
        /// Its speed, metres per second.
        speed_mps: f64,
        /// The speed usual there, metres per second.
        usual_mps: f64,
    },
    /// A vehicle near that is out of control.
    ControlLoss {
        /// Its speed, metres per second.
        speed_mps: f64,
        /// Distance to it, metres.
        distance_m: f64,
    },
    /// Someone beside, where a lane change would lead.
    Beside {
        /// Distance along the road from its front to the own rear; below zero: beside, metres.
        gap_m: f64,
        /// Its speed less the own, metres per second.
        closing_mps: f64,
    },
    /// A vehicle that comes against the traffic.
    WrongWay {
        /// Its speed, metres per second.
        speed_mps: f64,
    },
    /// Something on the road, or the road's state.
    Hazard {
        /// What.
        hazard: RoadHazard,
        /// The speed that is safe there, metres per second.
        safe_mps: f64,
    },
    /// A sign ahead.
    Sign {
        /// Its number in the list of signs that messages use.
        code: u16,
        /// The number on it: a limit, a length; 0: none.
        value: f64,
    },
    /// A light that will be red when the stop line is reached.
    RedLight {
        /// Distance to the stop line, metres.
        stop_m: f64,
        /// The deceleration that stops before it, m/s².
        needs_mps2: f64,
    },
    /// The speed that meets a green light.
    GreenSpeed {
        /// Distance to the stop line, metres.
        stop_m: f64,
        /// The speed, metres per second.
        advised_mps: f64,
        /// When the light can be passed, seconds from now.
        green_in_s: f64,
    },
    /// An emergency vehicle on its way here.
    Emergency {
        /// Distance along the road, metres.
        distance_m: f64,
        /// When it is here, seconds from now.
        arrives_s: f64,
    },
    /// A way around.
    Detour {
        /// Travel time on the congested way, seconds.
        congested_s: f64,
        /// Travel time on the way advised, seconds.
        detour_s: f64,
    },
}

/// What can be wrong with a road.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoadHazard {
    /// Something lies on it.
    Object,
    /// Water stands on it.
    Water,
    /// It is icy.
    Ice,
    /// Fog.
    Fog,
    /// Vehicles have crashed.
    Crash,
    /// Works.
    Works,
}

impl RoadHazard {
    /// Every hazard.
    pub const ALL: [Self; 6] = [Self::Object, Self::Water, Self::Ice, Self::Fog, Self::Crash, Self::Works];

    /// Its name in messages, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Water => "water",
            Self::Ice => "ice",
            Self::Fog => "fog",
            Self::Crash => "crash",
            Self::Works => "works",
        }
    }

    /// The hazard of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hazard| hazard.name() == name)
    }
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

/// Where a road user is going, as a warning supposes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictedPath {
    /// Whose.
    pub track: TrackId,
    /// Where it will be, every [`Self::STEP_S`] from the newest measurement on, in the map's frame, to the centimetre.
    pub points: Vec<Point>,
}

impl PredictedPath {
    /// Time from one point to the next, seconds.
    pub const STEP_S: f64 = 0.5;
}

/// A warning as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// Its number, the same for the life of the event.
    pub id: WarningId,
    /// Counts up with every change of it.
    pub revision: u32,
    /// What raised it.
    pub application: Application,
    /// How pressing it is.
    pub level: Level,
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
    /// The ways that lead to it of those who move; empty where the warning does not rest on a prediction.
    pub paths: Vec<PredictedPath>,
    /// When it was first raised.
    pub since: Utc,
    /// The time of validity of the newest measurement it rests on: delays count from here.
    pub sensed_at: Utc,
    /// Until when it may be shown unless renewed.
    pub valid_until: Utc,
    /// Probability that it is right, 0 to 1.
    pub confidence: f64,
}

impl Warning {
    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> WarningKind {
        self.application.kind()
    }
}

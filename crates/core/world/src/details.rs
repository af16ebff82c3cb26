//! What a vehicle says of itself beyond its motion.

use serde::{Deserialize, Serialize};

/// What a vehicle says of its state beyond its motion; what it does not say is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VehicleDetails {
    /// The gear.
    pub gear: Option<Gear>,
    /// Its brakes.
    pub brakes: Brakes,
    /// Class of vehicle, 1 to 255, in the message set's own list (10 is a car of any kind).
    pub vehicle_class: Option<u8>,
    /// What happened lately; `None` when it says nothing of events.
    pub events: Option<VehicleEvents>,
    /// What it is doing as an emergency or special vehicle; `None` for every other.
    pub emergency: Option<Emergency>,
}

/// A gear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gear {
    /// None.
    Neutral,
    /// Locked.
    Park,
    /// Any of the forward ones.
    Forward,
    /// Backwards.
    Reverse,
}

/// How a driver's aid stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemState {
    /// Switched off.
    Off,
    /// Ready.
    On,
    /// At work just now.
    Engaged,
}

/// Which wheels are braked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wheels {
    /// Front left.
    pub left_front: bool,
    /// Rear left.
    pub left_rear: bool,
    /// Front right.
    pub right_front: bool,
    /// Rear right.
    pub right_rear: bool,
}

/// What a vehicle says of its brakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Brakes {
    /// Whether the pedal is pressed.
    pub pedal: Option<bool>,
    /// The wheels that are braked.
    pub wheels: Option<Wheels>,
    /// Traction control.
    pub traction: Option<SystemState>,
    /// Anti-lock braking.
    pub abs: Option<SystemState>,
    /// Stability control.
    pub stability: Option<SystemState>,
    /// Whether the boost of an emergency braking works.
    pub boost: Option<bool>,
    /// Whether auxiliary brakes (the hand brake) are on.
    pub auxiliary: Option<bool>,
}

/// Events that a vehicle tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VehicleEvents {
    /// Its hazard lights are on.
    pub hazard_lights: bool,
    /// It expects to pass a stop line that it should not.
    pub stop_line_violation: bool,
    /// Anti-lock braking worked for longer than a moment.
    pub abs_activated: bool,
    /// Traction control worked for longer than a moment.
    pub traction_control_loss: bool,
    /// Stability control worked for longer than a moment.
    pub stability_control_activated: bool,
    /// It carries dangerous goods.
    pub hazardous_materials: bool,
    /// It brakes hard (the set asks for more than 0.4 g).
    pub hard_braking: bool,
    /// Its lights changed.
    pub lights_changed: bool,
    /// Its wipers changed.
    pub wipers_changed: bool,
    /// It has a flat tyre.
    pub flat_tire: bool,
    /// It cannot drive.
    pub disabled: bool,
    /// An airbag opened.
    pub airbag_deployed: bool,
}

/// What an emergency or special vehicle is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Emergency {
    /// On what errand.
    pub response: Option<Response>,
    /// Whether its siren sounds.
    pub siren: Option<bool>,
    /// Its light.
    pub light: Option<LightBar>,
}

/// The errand of an emergency or special vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// None, or not such a vehicle.
    None,
    /// On its way to an emergency.
    Emergency,
    /// On its way, with no hurry.
    NonEmergency,
    /// In pursuit.
    Pursuit,
    /// Standing at work.
    Stationary,
    /// Moving slowly at work.
    SlowMoving,
    /// Stopping now and then.
    StopAndGo,
}

/// The light of an emergency or special vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LightBar {
    /// Off.
    Off,
    /// On.
    On,
    /// Yellow caution lights.
    YellowCaution,
    /// A school bus' lights.
    SchoolBus,
    /// An arrow.
    Arrow,
    /// The sign of a slow vehicle.
    SlowVehicle,
    /// The sign of frequent stops.
    FrequentStops,
}

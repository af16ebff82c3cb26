//! Single road users with scripts, as a scenario describes them.

mod check;

use super::Amount;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use check::check;
pub(crate) use check::order;

/// What an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// A passenger car.
    Car,
    /// A bus.
    Bus,
    /// A lorry.
    Truck,
    /// An ambulance or fire engine: others make way for it.
    EmergencyVehicle,
    /// A bicycle with its rider.
    Cyclist,
    /// An e-bike with its rider.
    EBike,
    /// Someone on foot.
    Pedestrian,
}

impl ActorKind {
    /// Whether it can have an on-board unit.
    pub(crate) const fn is_motor(self) -> bool {
        matches!(self, Self::Car | Self::Bus | Self::Truck | Self::EmergencyVehicle)
    }
}

/// A single road user with a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Its name, unique in the scenario.
    pub name: String,
    /// What it is.
    pub kind: ActorKind,
    /// Whether it has an on-board unit; left out: motor vehicles on their side of the road have one.
    #[serde(default)]
    pub connected: Option<bool>,
    /// Whether it brakes for others and acts on warnings. If not, its script is carried out whatever happens.
    #[serde(default = "yes")]
    pub reacts: bool,
    /// Whether its driver brakes when warned, if drivers obey warnings, though it does not react.
    #[serde(default)]
    pub heeds: bool,
    /// Whether it keeps to lights, right of way and limits, as far as its script leaves it a choice.
    #[serde(default = "yes")]
    pub obeys: bool,
    /// Where it begins.
    pub start: Place,
    /// How fast it begins, and goes until a step says otherwise, metres per second; left out: vehicles at the lane's
    /// limit, people stand. Vehicles slow down for bends of themselves.
    #[serde(default)]
    pub speed_mps: Option<Amount>,
    /// Whether it drives against the lane's direction.
    #[serde(default)]
    pub against: bool,
    /// What it does at the junctions that it comes to, one after the other (`straight`, `left`, `right`, `u-turn`), or
    /// the link that it takes next, by name. After the last: straight on.
    #[serde(default)]
    pub route: Vec<String>,
    /// When it appears; left out: at the start.
    #[serde(default)]
    pub appears: Option<Appears>,
    /// What it does, one after the other.
    #[serde(default)]
    pub steps: Vec<Step>,
}

const fn yes() -> bool {
    true
}

/// A place: before a junction's stop line, on a lane or link, at a bus stop, or anywhere.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Place {
    /// On an approach to this junction, a site's or a junction's name; with `from`.
    pub junction: Option<String>,
    /// The approach: where it comes from (`north`, `south-west` ...) or the link's name.
    pub from: Option<String>,
    /// On a lane for this movement; the actor makes it unless `route` says otherwise.
    pub movement: Option<TurnName>,
    /// So far before the stop line, metres; on the links before this one if need be.
    pub before_m: Option<Amount>,
    /// Where the first pedestrian crossing is: of an approach, the one before the junction.
    pub at_crossing: bool,
    /// On this lane.
    pub lane: Option<String>,
    /// On this link.
    pub link: Option<String>,
    /// Its lane of the actor's kind, counted from the middle of the road, from zero; left out: of an approach the first
    /// with the movement, of a link the outermost.
    pub nth: Option<u8>,
    /// So far along the lane, metres.
    pub at_m: Option<Amount>,
    /// At this bus stop.
    pub bus_stop: Option<String>,
    /// At this longitude and latitude, degrees.
    pub at: Option<[f64; 2]>,
    /// People stand beside the road, on this side of the lane's direction; left out: right.
    pub side: Option<ChangeTo>,
    /// So far from the road's edge, metres; below zero: on the road. Left out: 1.
    pub aside_m: Option<Amount>,
}

/// A movement through a junction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TurnName {
    /// Straight on.
    Straight,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Back.
    UTurn,
}

/// When an actor appears: one of these.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Appears {
    /// Seconds from the start.
    pub at_s: Option<Amount>,
    /// When something is so.
    pub when: Option<When>,
    /// So that it meets another.
    pub meet: Option<Meet>,
}

/// A condition: one of `within_m`, `ttc_s`, `reaches`, `stands`, `light`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The other actor; left out with `reaches` and `stands`: this one.
    pub actor: Option<String>,
    /// The outlines of both are nearer than this, metres.
    pub within_m: Option<Amount>,
    /// The time to collision of both is less than this, seconds.
    pub ttc_s: Option<Amount>,
    /// Its front passes a place.
    pub reaches: Option<Place>,
    /// It stands.
    pub stands: bool,
    /// What the signal shows for this actor's next movement.
    pub light: Option<LightName>,
}

/// What a signal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LightName {
    /// Green, with or without others to yield to.
    Green,
    /// Yellow.
    Yellow,
    /// Red.
    Red,
}

/// A meeting: the cue is set so that it comes about when nobody reacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Meet {
    /// With whom.
    pub actor: String,
    /// From the first's leaving to the second's reaching the place that both use, seconds; below zero: both are in it
    /// for so long.
    pub gap_s: Amount,
    /// Who is first.
    #[serde(default)]
    pub first: Order,
    /// Where; left out: where their ways cross.
    #[serde(default)]
    pub at: Option<Place>,
}

/// Who is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The other.
    #[default]
    Other,
    /// This actor.
    Me,
}

/// A trigger (`at_s`, `after_s`, `when` or `meet`; none: once the step before is done) and one action.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Seconds from the start.
    pub at_s: Option<Amount>,
    /// Seconds after the step before is done.
    pub after_s: Option<Amount>,
    /// When something is so.
    pub when: Option<When>,
    /// So that it meets another.
    pub meet: Option<Meet>,
    /// Take up a speed.
    pub drive: Option<Drive>,
    /// Brake.
    pub brake: Option<Brake>,
    /// Stop, and go on after a time.
    pub stop: Option<Stop>,
    /// Follow another.
    pub follow: Option<Follow>,
    /// Change to the lane beside.
    pub change_lane: Option<ChangeTo>,
    /// Move sideways within or out of the lane.
    pub shift: Option<Shift>,
    /// Pass another over the lane to the left, also the oncoming one, and come back.
    pub overtake: Option<Overtake>,
    /// On foot: cross the road from here, straight to its other side.
    pub cross: Option<Cross>,
    /// On foot: walk along the road.
    pub walk: Option<Walk>,
    /// On foot: step back to where the crossing began.
    pub step_back: Option<StepBack>,
    /// What the vehicle says of its lights.
    pub lights: Option<Lamps>,
    /// Disappear.
    pub leave: bool,
}

/// Take up a speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drive {
    /// The speed, metres per second.
    pub mps: Amount,
    /// The change of speed, m/s²; left out: 2.
    #[serde(default)]
    pub mps2: Option<Amount>,
}

/// Brake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Brake {
    /// How hard, m/s².
    pub mps2: Amount,
    /// Down to this speed, metres per second; left out: 0.
    #[serde(default)]
    pub to_mps: Option<Amount>,
}

/// Stop.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// With the front at this place; left out: at once.
    pub at: Option<Place>,
    /// How hard to brake where that is not given by the place, m/s²; left out: 3.
    pub mps2: Option<Amount>,
    /// For how long, seconds; left out: for good.
    pub for_s: Option<Amount>,
}

/// Follow another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// Whom.
    pub actor: String,
    /// At this distance from bumper to bumper, metres.
    pub gap_m: Amount,
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeTo {
    /// To the left.
    Left,
    /// To the right.
    Right,
}

/// Move sideways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// To this distance from the lane's middle, metres, to the left above zero.
    pub to_m: Amount,
    /// How fast, metres per second sideways; left out: 1.2.
    #[serde(default)]
    pub mps: Option<Amount>,
}

/// Pass another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overtake {
    /// Whom.
    pub actor: String,
    /// At this speed, metres per second.
    pub mps: Amount,
    /// Come back once so far ahead, metres; left out: 8.
    #[serde(default)]
    pub clear_m: Option<Amount>,
}

/// Cross the road.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cross {
    /// How fast, metres per second.
    pub mps: Amount,
    /// Stop after so much way, metres; left out: on the other side.
    #[serde(default)]
    pub m: Option<Amount>,
}

/// Walk along the road.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// How fast, metres per second.
    pub mps: Amount,
    /// Stop after so much way, metres; left out: where the lane ends.
    #[serde(default)]
    pub m: Option<Amount>,
    /// Against the lane's direction.
    #[serde(default)]
    pub against: bool,
}

/// Step back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepBack {
    /// How fast, metres per second.
    pub mps: Amount,
}

/// What a vehicle's unit says of its lights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lamps {
    /// Hazard lights.
    pub hazard: bool,
    /// That it cannot drive.
    pub disabled: bool,
}

impl Actor {
    /// Whether it moves on a line of its own, not on the lanes.
    pub(crate) const fn is_off_lanes(&self) -> bool {
        self.against || matches!(self.kind, ActorKind::Pedestrian)
    }
}

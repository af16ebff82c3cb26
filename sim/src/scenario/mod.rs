//! Scenarios: what lives on the island and what goes wrong there, as TOML.

mod actor;
mod amount;
mod area;
mod drivers;
mod expect;
mod incident;
mod on_board;
mod radio;
mod sensors;
mod traffic;
mod weather;

pub(crate) use actor::order as actor_order;
pub use actor::{
    Actor, ActorKind, Appears, Brake, ChangeTo, Cross, Drive, Follow, Lamps, LightName, Meet, Order, Overtake, Place,
    Shift, Step, StepBack, Stop, TurnName, Walk, When,
};
pub use amount::{Amount, Span};
pub use area::Area;
pub use drivers::DriverPlan;
pub use expect::{EncounterExpected, Expect, SeedRange, WarningExpected, Within};
pub use incident::{Incident, IncidentKind};
pub use on_board::{BlockagePlan, GnssPlan, OnBoardPlan};
pub use radio::{BurstPlan, Outage, Pc5Plan, RadioPlan};
pub use sensors::{FaultySensor, Freeze, SensorFault};
pub use traffic::{Demand, TrafficPlan};
pub use weather::{Buildings, Light, WeatherChange, WeatherPlan};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a scenario was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The text is not a scenario; the message has line and column.
    #[error(transparent)]
    Parse(#[from] toml::de::Error),
    /// A number is outside its range.
    #[error("{name} is {value}, must be within {low}..={high}")]
    Range {
        /// The key.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The least allowed.
        low: f64,
        /// The most allowed.
        high: f64,
    },
    /// Something is wrong with one key's value, in itself or on this map.
    #[error("{path}: {what}")]
    At {
        /// The key, with those around it: `actors[1].steps[0].when.actor`.
        path: String,
        /// What is wrong, and what to do.
        what: String,
        /// A name that is not known, if that is what is wrong.
        given: Option<String>,
        /// The names that are.
        known: Vec<String>,
    },
}

/// Names that an error lists at most.
const LISTED: usize = 12;

impl ScenarioError {
    pub(crate) fn at(path: &str, what: String) -> Self {
        Self::At { path: path.to_owned(), what, given: None, known: Vec::new() }
    }

    /// A name that is not among those of its kind.
    pub(crate) fn unknown(path: &str, kind: &str, given: &str, mut known: Vec<String>) -> Self {
        known.sort();
        known.dedup();
        let mut list = known.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
        if known.len() > LISTED {
            list = format!("{list} and {} more", known.len() - LISTED);
        }
        let what = match known.len() {
            0 => format!("there is no {kind} {given:?}, nor any other"),
            _ => format!("there is no {kind} {given:?}; there are {list}"),
        };
        Self::At { path: path.to_owned(), what, given: Some(given.to_owned()), known }
    }
}

/// A scenario. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// For people.
    pub name: String,
    /// How many road users.
    pub traffic: TrafficPlan,
    /// Vehicles with on-board units.
    pub on_board: OnBoardPlan,
    /// The two channels.
    pub radio: RadioPlan,
    /// Rain, fog and light for the sensors.
    pub weather: WeatherPlan,
    /// What is wrong with sensors.
    pub sensors: Vec<SensorFault>,
    /// What goes wrong.
    pub incidents: Vec<Incident>,
    /// The part of the map that it plays on.
    pub area: Area,
    /// Single road users with scripts.
    pub actors: Vec<Actor>,
    /// What should come out.
    pub expect: Expect,
}

impl Scenario {
    /// Reads a scenario from TOML.
    ///
    /// # Errors
    /// Text that is not TOML, unknown keys, missing or mistyped ones, numbers out of range.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// A JSON Schema of scenarios, for editors: keys, types, what each means and its default. Ranges are checked by
    /// [`Self::check`] alone.
    #[must_use]
    pub fn json_schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }

    /// Checks every number's range.
    ///
    /// # Errors
    /// [`ScenarioError::Range`] with the first that is outside.
    pub fn check(&self) -> Result<(), ScenarioError> {
        self.traffic.check()?;
        self.on_board.check()?;
        self.radio.check()?;
        self.weather.check()?;
        SensorFault::check_all(&self.sensors)?;
        self.incidents.iter().try_for_each(Incident::check)?;
        self.area.check()?;
        actor::check(&self.actors)?;
        self.expect.check(&self.actors)
    }
}

fn range(name: &'static str, value: f64, low: f64, high: f64) -> Result<(), ScenarioError> {
    if value >= low && value <= high { Ok(()) } else { Err(ScenarioError::Range { name, value, low, high }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_v2x::Profile;

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let text = "name = 'x'\n[traffic]\nvehicles = 3\nhorses = 2\n";
        let message = Scenario::from_toml(text).unwrap_err().to_string();
        assert!(message.contains("line 4") && message.contains("horses"), "{message}");
    }

    #[test]
    fn left_out_keys_have_defaults_and_ranges_hold() {
        let scenario = Scenario::from_toml("[[incidents]]\nkind = 'hard-brake'\nevery_s = 30\n").unwrap();
        assert_eq!(scenario.traffic.vehicles, 150);
        assert_eq!(scenario.incidents[0].kind, IncidentKind::HardBrake);
        let message = Scenario::from_toml("[on_board]\nshare = 1.5\n").unwrap_err().to_string();
        assert!(message.contains("on_board.share") && message.contains("1.5"), "{message}");
        assert!(Scenario::from_toml("[on_board]\nshare = nan\n").is_err());
    }

    #[test]
    fn the_schema_has_every_key_and_only_editions_that_there_are() {
        let schema = Scenario::json_schema().to_value();
        let scenario = serde_json::to_value(Scenario::default()).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(keys(&schema["properties"]), keys(&scenario));
        assert_eq!(keys(&schema["$defs"]["TrafficPlan"]["properties"]), keys(&scenario["traffic"]));
        let editions = schema["$defs"]["ProfileName"]["enum"].as_array().unwrap();
        assert_eq!(editions.len(), Profile::ALL.len());
        for edition in editions {
            assert!(serde_json::from_value::<Profile>(edition.clone()).is_ok(), "{edition}");
        }
    }
}

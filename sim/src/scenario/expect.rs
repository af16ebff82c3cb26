//! What should come out of a scenario.

use super::{Actor, ScenarioError, range};
use core::fmt;
use core::str::FromStr;
use jxz_world::Application;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Most seeds of a range.
const MOST_SEEDS: u64 = 10_000;

/// What should come out of a scenario: checked at a run's end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Seeds for which it should, as `"1..20"`, both included.
    #[schemars(with = "Option<String>")]
    pub seeds: Option<SeedRange>,
    /// How long a run is, seconds; left out: as the command line says.
    pub seconds: Option<f64>,
    /// For scoring: the application that a conflict of the actors belongs to; left out: told from how they meet.
    #[schemars(with = "Option<ApplicationName>")]
    pub conflict: Option<Application>,
    /// Warnings that must be shown.
    pub warnings: Vec<WarningExpected>,
    /// Applications that must show nothing to anybody.
    #[schemars(with = "Vec<ApplicationName>")]
    pub none: Vec<Application>,
    /// How near actors come to each other, from truth.
    pub encounters: Vec<EncounterExpected>,
    /// How many pairs of road users touch, of which one at least is an actor.
    pub collisions: Option<u32>,
    /// Share of looks, twice a second from the third second on, at which an actor in a site's coverage has a track
    /// within three metres, 0 to 1: at least.
    pub tracked: Option<f64>,
}

/// A warning that must be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningExpected {
    /// Which application raises it.
    #[schemars(with = "ApplicationName")]
    pub application: Application,
    /// To which actor.
    pub to: String,
    /// At least so long before the actor's closest encounter (first touch, else least distance), seconds.
    #[serde(default)]
    pub before_s: Option<f64>,
}

/// How near two actors come to each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncounterExpected {
    /// The two actors.
    pub of: [String; 2],
    /// Least distance of their outlines, metres.
    #[serde(default)]
    pub gap_m: Option<Within>,
    /// Least time to collision, seconds.
    #[serde(default)]
    pub ttc_s: Option<Within>,
    /// Post-encroachment time, seconds; zero when they touch.
    #[serde(default)]
    pub pet_s: Option<Within>,
}

/// Bounds; a value that there is not (they never come near) is above every number.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Within {
    /// Not below this.
    pub at_least: Option<f64>,
    /// Not above this.
    pub at_most: Option<f64>,
}

impl Within {
    /// Whether a value is within the bounds.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        self.at_least.is_none_or(|least| value >= least) && self.at_most.is_none_or(|most| value <= most)
    }
}

/// The applications' names, for editors.
struct ApplicationName;

impl JsonSchema for ApplicationName {
    fn schema_name() -> Cow<'static, str> {
        "ApplicationName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Application::ALL.map(Application::name) })
    }
}

/// Seeds from the first to the last, both included: `1..20`, or one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SeedRange {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl SeedRange {
    /// Every seed.
    pub fn seeds(self) -> impl Iterator<Item = u64> {
        self.first..=self.last
    }
}

impl FromStr for SeedRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("seeds are {text:?}, must be a number or the first and the last as in \"1..20\"");
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| form());
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(text)?, number(text)?),
        };
        match last.checked_sub(first) {
            Some(count) if count < MOST_SEEDS => Ok(Self { first, last }),
            Some(_) => Err(format!("seeds are {text:?}: more than {MOST_SEEDS}")),
            None => Err(format!("seeds are {text:?}: the last is below the first, so there are none")),
        }
    }
}

impl TryFrom<String> for SeedRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SeedRange> for String {
    fn from(range: SeedRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for SeedRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}..{}", self.first, self.last)
    }
}

impl Expect {
    /// Whether anything is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.warnings.is_empty()
            && self.none.is_empty()
            && self.encounters.is_empty()
            && self.collisions.is_none()
            && self.tracked.is_none()
    }

    pub(super) fn check(&self, actors: &[Actor]) -> Result<(), ScenarioError> {
        range("expect.seconds", self.seconds.unwrap_or(1.0), 1.0, 86_400.0)?;
        range("expect.tracked", self.tracked.unwrap_or(0.0), 0.0, 1.0)?;
        let known = |path: String, name: &str| match actors.iter().any(|actor| actor.name == name) {
            true => Ok(()),
            false => {
                let names = actors.iter().map(|actor| actor.name.clone()).collect();
                Err(ScenarioError::unknown(&path, "actor", name, names))
            }
        };
        for (number, warning) in self.warnings.iter().enumerate() {
            let path = format!("expect.warnings[{number}]");
            known(format!("{path}.to"), &warning.to)?;
            if self.none.contains(&warning.application) {
                let what = format!("{} is expected here and forbidden by none", warning.application.name());
                return Err(ScenarioError::at(&format!("{path}.application"), what));
            }
            let before_s = warning.before_s.unwrap_or(0.0);
            if !(-10.0..=60.0).contains(&before_s) {
                let what = format!("{before_s} is out of range, must be within -10..=60");
                return Err(ScenarioError::at(&format!("{path}.before_s"), what));
            }
        }
        for (number, encounter) in self.encounters.iter().enumerate() {
            let path = format!("expect.encounters[{number}]");
            for (place, name) in encounter.of.iter().enumerate() {
                known(format!("{path}.of[{place}]"), name)?;
            }
            if encounter.of[0] == encounter.of[1] {
                return Err(ScenarioError::at(&format!("{path}.of"), "an actor does not meet itself: name two".into()));
            }
            let bounds = [("gap_m", encounter.gap_m), ("ttc_s", encounter.ttc_s), ("pet_s", encounter.pet_s)];
            if bounds.iter().all(|(_, bounds)| bounds.is_none()) {
                return Err(ScenarioError::at(&path, "says nothing: give gap_m, ttc_s or pet_s".into()));
            }
            for (key, bounds) in bounds {
                if let Some(Within { at_least: Some(least), at_most: Some(most) }) = bounds
                    && least > most
                {
                    let what = format!("at_least {least} is above at_most {most}: nothing is within");
                    return Err(ScenarioError::at(&format!("{path}.{key}"), what));
                }
            }
        }
        Ok(())
    }
}

//! Rain, fog and light, as a scenario describes them for the sensors.

use super::{ScenarioError, range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most changes of the weather.
const MOST_CHANGES: usize = 100;

/// How bright it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Light {
    /// Daylight.
    #[default]
    Day,
    /// Between day and night.
    Dusk,
    /// Night with street lamps.
    Night,
    /// As the sun stands at the map's place and the run's time.
    Clock,
}

/// What stands beside the streets, in the sensors' way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Buildings {
    /// All that is not near a lane is built over.
    #[default]
    AlongStreets,
    /// Nothing is built.
    None,
}

/// The weather that sensors feel. Drivers do not; the incident `fog` slows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WeatherPlan {
    /// Rain, millimetres an hour: 2 is light, 10 moderate, 50 violent.
    pub rain_mm_h: f64,
    /// Meteorological visibility, metres: fog is below 1000, dense fog below 200.
    pub visibility_m: f64,
    /// How bright it is.
    pub light: Light,
    /// Whether a low sun dazzles cameras.
    pub glare: bool,
    /// The sun's azimuth, degrees clockwise from north; left out: by the clock. Together with `sun_elevation_deg`.
    pub sun_azimuth_deg: Option<f64>,
    /// The sun's height above the horizon, degrees; left out: by the clock.
    pub sun_elevation_deg: Option<f64>,
    /// What stands beside the streets and hides road users from sensors; `radio.pc5.buildings` is the sidelink's.
    pub buildings: Buildings,
    /// What changes later.
    pub changes: Vec<WeatherChange>,
}

/// What changes at a time; what is left out stays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeatherChange {
    /// When, seconds from the start.
    pub at_s: f64,
    /// Rain from then on, millimetres an hour.
    #[serde(default)]
    pub rain_mm_h: Option<f64>,
    /// Visibility from then on, metres.
    #[serde(default)]
    pub visibility_m: Option<f64>,
    /// How bright it is from then on.
    #[serde(default)]
    pub light: Option<Light>,
}

impl Default for WeatherPlan {
    fn default() -> Self {
        Self {
            rain_mm_h: 0.0,
            visibility_m: 20_000.0,
            light: Light::Day,
            glare: false,
            sun_azimuth_deg: None,
            sun_elevation_deg: None,
            buildings: Buildings::AlongStreets,
            changes: Vec::new(),
        }
    }
}

impl WeatherPlan {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        range("weather.rain_mm_h", self.rain_mm_h, 0.0, 200.0)?;
        range("weather.visibility_m", self.visibility_m, 10.0, 100_000.0)?;
        range("weather.sun_azimuth_deg", self.sun_azimuth_deg.unwrap_or(0.0), 0.0, 360.0)?;
        range("weather.sun_elevation_deg", self.sun_elevation_deg.unwrap_or(0.0), -90.0, 90.0)?;
        let given = [self.sun_azimuth_deg, self.sun_elevation_deg].into_iter().flatten().count();
        if given == 1 {
            return Err(ScenarioError::Range {
                name: "the number of weather.sun_azimuth_deg and weather.sun_elevation_deg that are given (both or none)",
                value: 1.0,
                low: 2.0,
                high: 2.0,
            });
        }
        range("weather.changes: number of changes", self.changes.len() as f64, 0.0, MOST_CHANGES as f64)?;
        let mut before_s = 0.0;
        for change in &self.changes {
            range("weather.changes.at_s (in order of time)", change.at_s, before_s, 1e6)?;
            range("weather.changes.rain_mm_h", change.rain_mm_h.unwrap_or(0.0), 0.0, 200.0)?;
            range("weather.changes.visibility_m", change.visibility_m.unwrap_or(1000.0), 10.0, 100_000.0)?;
            before_s = change.at_s;
        }
        Ok(())
    }

    /// The plan with the changes up to a time made.
    pub(crate) fn at(&self, time_s: f64) -> (f64, f64, Light) {
        let mut now = (self.rain_mm_h, self.visibility_m, self.light);
        for change in self.changes.iter().take_while(|change| change.at_s <= time_s) {
            now.0 = change.rain_mm_h.unwrap_or(now.0);
            now.1 = change.visibility_m.unwrap_or(now.1);
            now.2 = change.light.unwrap_or(now.2);
        }
        now
    }
}

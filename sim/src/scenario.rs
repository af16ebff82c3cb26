//! Scenarios: what lives on the island and what goes wrong there, as TOML.

use jxz_v2x::Profile;
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
}

/// A scenario. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// What goes wrong.
    pub incidents: Vec<Incident>,
}

/// How many road users live on the island at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrafficPlan {
    /// Cars and trucks.
    pub vehicles: u32,
    /// Of those, the share that are trucks, 0 to 1.
    pub truck_share: f64,
    /// Buses of each line that the map's stops name.
    pub buses_per_line: u32,
    /// Cyclists.
    pub cyclists: u32,
    /// Pedestrians.
    pub pedestrians: u32,
}

impl Default for TrafficPlan {
    fn default() -> Self {
        Self { vehicles: 150, truck_share: 0.08, buses_per_line: 2, cyclists: 40, pedestrians: 60 }
    }
}

/// Vehicles with on-board units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnBoardPlan {
    /// Share of cars, trucks and buses that have a unit, 0 to 1.
    pub share: f64,
    /// 1-sigma error of the unit's position, metres.
    pub gnss_sigma_m: f64,
    /// 1-sigma error of the unit's speed, metres per second.
    pub speed_sigma_mps: f64,
    /// The edition of the message set that units speak: day-1, day-2 or release-2019-07.
    pub profile: Profile,
    /// Whether drivers act on warnings that are shown to them.
    pub obey: bool,
}

impl Default for OnBoardPlan {
    fn default() -> Self {
        Self { share: 0.4, gnss_sigma_m: 0.6, speed_sigma_mps: 0.1, profile: Profile::default(), obey: true }
    }
}

/// The two channels of the virtual runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RadioPlan {
    /// PC5: the distance at which half of the messages arrive, metres.
    pub pc5_range_m: f64,
    /// PC5: mean delay, milliseconds.
    pub pc5_delay_ms: f64,
    /// Uu: least delay, milliseconds.
    pub uu_floor_ms: f64,
    /// Uu: median of what comes on top of that, milliseconds (log-normal).
    pub uu_median_ms: f64,
    /// Uu: sigma of the logarithm of what comes on top.
    pub uu_log_sigma: f64,
    /// Uu: share of messages lost, 0 to 1.
    pub uu_loss: f64,
}

impl Default for RadioPlan {
    fn default() -> Self {
        Self {
            pc5_range_m: 350.0,
            pc5_delay_ms: 4.0,
            uu_floor_ms: 8.0,
            uu_median_ms: 6.0,
            uu_log_sigma: 0.5,
            uu_loss: 0.005,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentKind {
    /// A car drives at 1.4 times the limit.
    Speeder,
    /// A car stops in its lane and stays.
    StoppedVehicle,
    /// Traffic on one approach crawls.
    Congestion,
    /// A pedestrian steps before a car, away from any crossing.
    Jaywalker,
    /// A car passes a red light, or fails to yield, on a collision course with another.
    Runner,
    /// A car with another close behind brakes hard.
    HardBrake,
}

/// One scripted incident, repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// What happens.
    pub kind: IncidentKind,
    /// At which site; left out: at each time the next one of all sites.
    #[serde(default)]
    pub site: Option<String>,
    /// When it may first begin, seconds from the start.
    #[serde(default)]
    pub from_s: f64,
    /// After when it no longer begins, seconds from the start; left out: never.
    #[serde(default)]
    pub until_s: Option<f64>,
    /// Time from one beginning to the next, seconds.
    pub every_s: f64,
    /// For how long it lasts where that can be chosen, seconds.
    #[serde(default = "default_lasts_s")]
    pub lasts_s: f64,
}

const fn default_lasts_s() -> f64 {
    20.0
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

    /// Checks every number's range.
    ///
    /// # Errors
    /// [`ScenarioError::Range`] with the first that is outside.
    pub fn check(&self) -> Result<(), ScenarioError> {
        let (traffic, on_board, radio) = (&self.traffic, &self.on_board, &self.radio);
        range("traffic.vehicles", f64::from(traffic.vehicles), 0.0, 2000.0)?;
        range("traffic.truck_share", traffic.truck_share, 0.0, 1.0)?;
        range("traffic.buses_per_line", f64::from(traffic.buses_per_line), 0.0, 20.0)?;
        range("traffic.cyclists", f64::from(traffic.cyclists), 0.0, 2000.0)?;
        range("traffic.pedestrians", f64::from(traffic.pedestrians), 0.0, 2000.0)?;
        range("on_board.share", on_board.share, 0.0, 1.0)?;
        range("on_board.gnss_sigma_m", on_board.gnss_sigma_m, 0.0, 100.0)?;
        range("on_board.speed_sigma_mps", on_board.speed_sigma_mps, 0.0, 10.0)?;
        range("radio.pc5_range_m", radio.pc5_range_m, 1.0, 5000.0)?;
        range("radio.pc5_delay_ms", radio.pc5_delay_ms, 0.0, 1000.0)?;
        range("radio.uu_floor_ms", radio.uu_floor_ms, 0.0, 1000.0)?;
        range("radio.uu_median_ms", radio.uu_median_ms, 0.0, 1000.0)?;
        range("radio.uu_log_sigma", radio.uu_log_sigma, 0.0, 2.0)?;
        range("radio.uu_loss", radio.uu_loss, 0.0, 1.0)?;
        for incident in &self.incidents {
            range("incidents.from_s", incident.from_s, 0.0, 1e6)?;
            range("incidents.until_s", incident.until_s.unwrap_or(0.0), 0.0, 1e6)?;
            range("incidents.every_s", incident.every_s, 1.0, 1e6)?;
            range("incidents.lasts_s", incident.lasts_s, 0.0, 600.0)?;
        }
        Ok(())
    }
}

fn range(name: &'static str, value: f64, low: f64, high: f64) -> Result<(), ScenarioError> {
    if value >= low && value <= high { Ok(()) } else { Err(ScenarioError::Range { name, value, low, high }) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}

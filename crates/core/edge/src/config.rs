//! What can be set on an edge node's brain.

use jxz_fusion::FusionConfig;
use jxz_hazard::HazardConfig;
use jxz_v2x::Profile;
use jxz_world::ConfigVersion;
use serde::{Deserialize, Serialize};

/// Settings of the roadside brain; every one has a default that suits the pilot.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// Distinguishes one start of the node from another; also where message counters start.
    pub boot: u64,
    /// Version of the software, as health reports give it.
    pub software_version: String,
    /// The edition of the message set that the site's radio links speak.
    pub profile: Profile,
    /// Whether the node shares what its sensors cover and see (SSM, ten times a second). A message of the second
    /// phase: on links of another profile than `day-2` it is not sent, whatever is set here.
    pub share_sensors: bool,
    /// Fusion's settings.
    pub fusion: FusionConfig,
    /// The warnings' switches and thresholds.
    pub hazard: HazardConfig,
    /// Time between rounds of prediction, RSM, SSM and fresh state, seconds; each is held just after a scan.
    pub round_s: f64,
    /// For how long a round's state may be shown as fresh, seconds.
    pub state_valid_s: f64,
    /// Time between health records, seconds.
    pub health_s: f64,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            boot: 0,
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            profile: Profile::default(),
            share_sensors: true,
            fusion: FusionConfig::default(),
            hazard: HazardConfig::default(),
            // RSM is due every 100 ms.
            round_s: 0.1,
            state_valid_s: 0.5,
            health_s: 2.0,
        }
    }
}

/// What the cloud may change while the node runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// What health reports name it by.
    pub version: ConfigVersion,
    /// The warnings' switches and thresholds.
    pub hazard: HazardConfig,
    /// Time between health records, seconds.
    pub health_s: f64,
}

/// Health records may be this near each other and this far apart, seconds: the cloud calls a node lost without them.
pub const HEALTH_PERIODS_S: core::ops::RangeInclusive<f64> = 0.5..=5.0;

impl Configuration {
    /// Checks every number that could make nonsense of the whole.
    ///
    /// # Errors
    /// The first setting outside its range, in words.
    pub fn check(&self) -> Result<(), String> {
        if !HEALTH_PERIODS_S.contains(&self.health_s) {
            let (low, high) = (HEALTH_PERIODS_S.start(), HEALTH_PERIODS_S.end());
            return Err(format!("health_s is {}, outside {low} to {high}", self.health_s));
        }
        self.hazard.check().map_err(|error| error.to_string())
    }
}

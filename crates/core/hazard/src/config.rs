//! Thresholds: one part for each application, and what they share.

use serde::{Deserialize, Serialize};

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number outside its range.
    #[error("hazard setting {name} is {value}, which is outside {low} to {high}")]
    OutOfRange {
        /// Dotted name of the setting.
        name: &'static str,
        /// Value given.
        value: f64,
        /// Least value allowed.
        low: f64,
        /// Greatest value allowed.
        high: f64,
    },
}

/// When a warning is raised and until when it is held, as probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Raised at this probability or above.
    pub raise: f64,
    /// Held while at this probability or above.
    pub hold: f64,
}

macro_rules! config {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }
        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

config! {
    /// How road users are carried forward in time.
    PredictConfig {
        /// How far ahead to look, seconds (at most 10).
        horizon_s: f64 = 6.0,
        /// Mean deceleration with which drivers stop for a red light or to give way, m/s².
        comfortable_mps2: f64 = 2.5,
        /// 1-sigma spread of that between drivers, m/s².
        comfortable_sigma_mps2: f64 = 0.6,
        /// 1-sigma unknown future acceleration of a motor vehicle, m/s².
        motor_sigma_mps2: f64 = 0.6,
        /// The same of a cyclist, m/s².
        cyclist_sigma_mps2: f64 = 0.5,
        /// The same of a pedestrian, m/s².
        pedestrian_sigma_mps2: f64 = 0.2,
        /// Tracks below this existence probability are left out.
        min_existence: f64 = 0.5,
    }
}

config! {
    /// The life of every warning.
    LifeConfig {
        /// Rounds with support, among the last `raise_window`, that raise a warning.
        raise_hits: u32 = 2,
        /// Rounds looked back on for raising (at most 32).
        raise_window: u32 = 3,
        /// Rounds in a row without support that cancel a warning.
        cancel_after: u32 = 8,
        /// Least time between two renewals of one warning, seconds.
        hold_period_s: f64 = 0.5,
        /// For how long a warning may be shown unless renewed, seconds.
        validity_s: f64 = 2.0,
        /// Most warnings alive at once; what does not fit is counted.
        max_alive: u32 = 64,
        /// How far upstream road users are concerned, metres.
        approach_m: f64 = 150.0,
    }
}

config! {
    /// Crossing, merging and turning paths that meet.
    CollisionConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.5, hold: 0.3 },
        /// Conflicts further ahead than this are left for later, seconds.
        max_time_s: f64 = 4.5,
        /// Missing each other by less than this counts as meeting, seconds.
        margin_s: f64 = 0.3,
        /// A rear-end conflict nearer than this is a collision and not only a matter of the vehicle ahead, seconds.
        rear_end_time_s: f64 = 1.2,
    }
}

config! {
    /// Pedestrians in the way of vehicles.
    PedestrianConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.4, hold: 0.25 },
        /// Meetings further ahead than this are left for later, seconds.
        max_time_s: f64 = 5.0,
        /// Missing each other by less than this counts as meeting, seconds.
        margin_s: f64 = 0.5,
        /// A pedestrian still beside the carriageway counts when this near to stepping onto it, seconds.
        entry_s: f64 = 2.0,
        /// Vehicles slower than this are not warned, m/s.
        min_vehicle_mps: f64 = 2.0,
    }
}

config! {
    /// Over the speed limit, here or ahead.
    SpeedLimitConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.9, hold: 0.6 },
        /// Speed over the limit that is let pass, m/s; the larger of the two margins counts.
        margin_mps: f64 = 1.5,
        /// The same as a fraction of the limit.
        margin_fraction: f64 = 0.1,
        /// How far ahead a lower limit counts, metres.
        look_ahead_m: f64 = 120.0,
        /// A lower limit ahead counts when reaching it needs more deceleration than this, m/s².
        needs_mps2: f64 = 2.0,
    }
}

config! {
    /// The vehicle ahead much slower, or suddenly slowing.
    VehicleAheadConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.35 },
        /// How far ahead to look, metres.
        look_ahead_m: f64 = 120.0,
        /// Time a driver takes to react, seconds.
        reaction_s: f64 = 1.0,
        /// Deceleration needed after reacting that is worth a warning, m/s².
        needs_mps2: f64 = 3.0,
        /// Deceleration of the vehicle ahead that counts as sudden, m/s².
        sudden_mps2: f64 = 3.5,
        /// A sudden slowing matters within this time gap, seconds.
        sudden_gap_s: f64 = 3.0,
        /// Vehicles slower than this are not warned, m/s.
        min_speed_mps: f64 = 4.0,
    }
}

config! {
    /// Stopped vehicles and congestion.
    RoadConditionConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// A vehicle standing longer than this where none should is a stopped vehicle, seconds.
        stopped_s: f64 = 8.0,
        /// Least number of vehicles that make congestion.
        congestion_vehicles: u32 = 4,
        /// Mean speed below this fraction of the limit is congestion.
        congestion_fraction: f64 = 0.3,
        /// For how long it must be so, seconds.
        congestion_s: f64 = 12.0,
        /// A queue at a red light longer than this is congestion too, metres.
        longest_queue_m: f64 = 150.0,
    }
}

config! {
    /// Advice past a congested link.
    GuidanceConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// Advice must save at least this much, seconds.
        min_saving_s: f64 = 15.0,
        /// Time added for each junction passed, seconds.
        junction_s: f64 = 5.0,
        /// Slowest speed believed when working out the congested way's travel time, m/s.
        slowest_mps: f64 = 0.8,
        /// Longest detour considered, metres.
        longest_m: f64 = 4000.0,
    }
}

/// Everything that can be set, acted on from the next round on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HazardConfig {
    /// How road users are carried forward in time.
    pub predict: PredictConfig,
    /// The life of every warning.
    pub life: LifeConfig,
    /// Crossing, merging and turning paths that meet.
    pub collision: CollisionConfig,
    /// Pedestrians in the way of vehicles.
    pub pedestrian: PedestrianConfig,
    /// Over the speed limit.
    pub speed_limit: SpeedLimitConfig,
    /// The vehicle ahead.
    pub vehicle_ahead: VehicleAheadConfig,
    /// Stopped vehicles and congestion.
    pub road_condition: RoadConditionConfig,
    /// Advice past a congested link.
    pub guidance: GuidanceConfig,
}

impl HazardConfig {
    /// Checks every number that could make nonsense of the whole.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let within = |name, value: f64, low, high| {
            if value >= low && value <= high { Ok(()) } else { Err(ConfigError::OutOfRange { name, value, low, high }) }
        };
        within("predict.horizon_s", self.predict.horizon_s, 1.0, 10.0)?;
        within("predict.comfortable_mps2", self.predict.comfortable_mps2, 0.5, 8.0)?;
        within("predict.comfortable_sigma_mps2", self.predict.comfortable_sigma_mps2, 0.01, 4.0)?;
        within("predict.min_existence", self.predict.min_existence, 0.0, 1.0)?;
        within("life.raise_window", f64::from(self.life.raise_window), 1.0, 32.0)?;
        within("life.raise_hits", f64::from(self.life.raise_hits), 1.0, f64::from(self.life.raise_window))?;
        within("life.cancel_after", f64::from(self.life.cancel_after), 1.0, 1000.0)?;
        within("life.hold_period_s", self.life.hold_period_s, 0.05, 60.0)?;
        within("life.validity_s", self.life.validity_s, self.life.hold_period_s, 600.0)?;
        within("life.max_alive", f64::from(self.life.max_alive), 1.0, 4096.0)?;
        within("life.approach_m", self.life.approach_m, 10.0, 1000.0)?;
        for (name, t) in [
            ("collision.probability", self.collision.probability),
            ("pedestrian.probability", self.pedestrian.probability),
            ("speed_limit.probability", self.speed_limit.probability),
            ("vehicle_ahead.probability", self.vehicle_ahead.probability),
            ("road_condition.probability", self.road_condition.probability),
            ("guidance.probability", self.guidance.probability),
        ] {
            within(name, t.raise, 0.0, 1.0)?;
            within(name, t.hold, 0.0, t.raise)?;
        }
        within("road_condition.stopped_s", self.road_condition.stopped_s, 1.0, 600.0)?;
        within("road_condition.congestion_vehicles", f64::from(self.road_condition.congestion_vehicles), 2.0, 64.0)?;
        within("road_condition.congestion_fraction", self.road_condition.congestion_fraction, 0.01, 1.0)?;
        within("guidance.slowest_mps", self.guidance.slowest_mps, 0.05, 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range_and_nonsense_is_named() {
        assert_eq!(HazardConfig::default().check(), Ok(()));
        let mut config = HazardConfig::default();
        config.collision.probability.raise = f64::NAN;
        assert!(config.check().unwrap_err().to_string().contains("collision.probability"));
        let mut config = HazardConfig::default();
        config.life.raise_hits = 9;
        assert!(config.check().is_err());
    }
}

//! How pressing a warning is: by the time that is left and by the deceleration that is needed.

use crate::config::LifeConfig;
use jxz_world::Level;

/// The level of a conflict `time_s` ahead that takes `needs_mps2` after reacting to avoid.
pub(crate) fn of(life: &LifeConfig, time_s: f64, needs_mps2: f64) -> Level {
    if time_s < life.urgent_s || needs_mps2 > life.urgent_mps2 {
        Level::Urgent
    } else if time_s < life.warning_s || needs_mps2 > life.warning_mps2 {
        Level::Warning
    } else {
        Level::Advice
    }
}

/// The deceleration that stops within `distance_m` after reacting, m/s²; infinite if there is no distance left.
pub(crate) fn needs_mps2(life: &LifeConfig, speed_mps: f64, distance_m: f64) -> f64 {
    let room_m = distance_m - speed_mps * life.reaction_s;
    if room_m > 0.1 { speed_mps * speed_mps / (2.0 * room_m) } else { f64::INFINITY }
}

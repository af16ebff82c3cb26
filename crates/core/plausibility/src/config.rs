//! What can be tuned, with defaults fit for an urban roadside unit.

/// A setting that cannot work.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("plausibility setting `{name}` is {value}; it must be from {least} to {most}")]
pub struct ConfigError {
    /// The setting.
    pub name: &'static str,
    /// What it was given.
    pub value: f64,
    /// The least that works.
    pub least: f64,
    /// The most that works.
    pub most: f64,
}

/// Thresholds and limits.
#[derive(Debug, Clone, PartialEq)]
pub struct PlausibilityConfig {
    /// Reports from farther are remarked on, metres. F2MD's 420 m; a clear line of sight carries farther.
    pub range_m: f64,
    /// Reports from farther cannot be, metres. With the path loss of Gonzalez-Martin et al. (23 dBm, -90.5 dBm, free
    /// sight) the median reach is 560 m, and three sigmas of shadowing make it 940 m.
    pub range_hard_m: f64,
    /// Faster is remarked on, metres per second. F2MD's 40 m/s; a speeder is a danger and no liar.
    pub speed_mps: f64,
    /// Faster cannot be, metres per second.
    pub speed_hard_mps: f64,
    /// Speeding up harder is remarked on, m/s² (F2MD).
    pub acceleration_mps2: f64,
    /// Slowing down harder is remarked on, m/s² (F2MD). Emergency braking does.
    pub deceleration_mps2: f64,
    /// What tyres on a dry road can do in any direction, m/s². Beyond is a crash, a broken sensor, or a lie.
    pub grip_mps2: f64,
    /// Error of said speeds that is forgiven in their differences, metres per second.
    pub speed_error_mps: f64,
    /// Turning faster is doubted, radians per second. Forgiven besides: `heading_error_rad`.
    pub turn_rad_per_s: f64,
    /// Error of said headings that is forgiven in their differences, radians.
    pub heading_error_rad: f64,
    /// Slower than this a heading says little (the message set latches it below 5 km/h; vehicles back up), m/s.
    pub slow_mps: f64,
    /// 1-sigma position error of a vehicle that states none, metres.
    pub sigma_unstated_m: f64,
    /// Stated 1-sigma position errors are taken as no less and no more than this, metres.
    pub sigma_m: (f64, f64),
    /// How many sigmas of a difference of two positions are forgiven.
    pub position_sigmas: f64,
    /// Longer gaps between two reports are not bridged by said speeds, seconds (F2MD's 1.1 s).
    pub gap_s: f64,
    /// The same position for this long at speed is frozen, seconds.
    pub frozen_s: f64,
    /// The same position while this much is said to be driven is frozen, metres.
    pub frozen_m: f64,
    /// Heard first nearer than this and at speed is sudden, metres. F2MD takes half the range, 210 m; behind buildings
    /// the radio carries 120 m (TR 37.885), and a bus hides a car for longer.
    pub appearance_m: f64,
    /// Only vehicles at this speed or faster appear suddenly: slower ones were just switched on, m/s.
    pub appearance_speed_mps: f64,
    /// After this time on the air a receiver knows who is near, seconds. Begins again when nobody was heard for 2 s.
    pub warm_up_s: f64,
    /// Two reports at most this far apart in time are of the same time, seconds (F2MD).
    pub same_time_s: f64,
    /// Two vehicles that share more than this part of the smaller one's area for two seconds overlap (F2MD's 0.5).
    pub overlap: f64,
    /// Reports a second, sustained. The set allows 10; the rest is for unsteady clocks.
    pub rate_hz: f64,
    /// Reports at once. Two seconds' worth may have waited for their signatures to be checked.
    pub rate_burst: f64,
    /// A time of validity may be this far ahead of the clock, seconds.
    pub ahead_s: f64,
    /// A time of validity may be this far behind the clock, seconds.
    pub behind_s: f64,
    /// Points at which a sender is suspect, also with nothing new to remark: four seconds after a single doubt.
    pub suspect_points: f64,
    /// Points at which a sender's reports are rejected.
    pub reject_points: f64,
    /// Points that leak away a second.
    pub leak_per_s: f64,
    /// Vehicles remembered; beyond, the one heard longest ago is forgotten, and counted.
    pub max_vehicles: usize,
    /// States remembered to know a copy of them; beyond, the oldest is forgotten.
    pub max_states: usize,
    /// A vehicle not heard for this long is forgotten, seconds.
    pub forget_s: f64,
    /// At most one misbehaviour report of a vehicle and check in this time, seconds.
    pub report_period_s: f64,
    /// Misbehaviour reports waiting to be polled; beyond, new ones are dropped, and counted.
    pub max_reports: usize,
}

impl Default for PlausibilityConfig {
    fn default() -> Self {
        Self {
            range_m: 420.0,
            range_hard_m: 1000.0,
            speed_mps: 40.0,
            speed_hard_mps: 70.0,
            acceleration_mps2: 3.0,
            deceleration_mps2: 4.5,
            grip_mps2: 12.0,
            speed_error_mps: 2.0,
            turn_rad_per_s: 90_f64.to_radians(),
            heading_error_rad: 15_f64.to_radians(),
            slow_mps: 3.0,
            sigma_unstated_m: 3.0,
            sigma_m: (1.5, 5.0),
            position_sigmas: 6.0,
            gap_s: 1.1,
            frozen_s: 1.5,
            frozen_m: 5.0,
            appearance_m: 60.0,
            appearance_speed_mps: 5.0,
            warm_up_s: 5.0,
            same_time_s: 0.4,
            overlap: 0.5,
            rate_hz: 12.0,
            rate_burst: 20.0,
            ahead_s: 0.2,
            behind_s: 2.0,
            suspect_points: 0.2,
            reject_points: 5.0,
            leak_per_s: 0.2,
            max_vehicles: 4096,
            max_states: 16_384,
            forget_s: 30.0,
            report_period_s: 10.0,
            max_reports: 1024,
        }
    }
}

impl PlausibilityConfig {
    /// # Errors
    /// The first setting that is out of its range, with the range.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let bounds = [
            ("range_m", self.range_m, 1.0, self.range_hard_m),
            ("range_hard_m", self.range_hard_m, 1.0, 1e5),
            ("speed_mps", self.speed_mps, 1.0, self.speed_hard_mps),
            ("speed_hard_mps", self.speed_hard_mps, 1.0, 163.8),
            ("acceleration_mps2", self.acceleration_mps2, 0.1, self.grip_mps2),
            ("deceleration_mps2", self.deceleration_mps2, 0.1, self.grip_mps2),
            ("grip_mps2", self.grip_mps2, 1.0, 20.0),
            ("speed_error_mps", self.speed_error_mps, 0.0, 20.0),
            ("turn_rad_per_s", self.turn_rad_per_s, 0.1, 20.0),
            ("heading_error_rad", self.heading_error_rad, 0.0, 3.0),
            ("slow_mps", self.slow_mps, 0.0, 20.0),
            ("sigma_unstated_m", self.sigma_unstated_m, 0.1, 50.0),
            ("sigma_m.0", self.sigma_m.0, 0.1, self.sigma_m.1),
            ("sigma_m.1", self.sigma_m.1, 0.1, 50.0),
            ("position_sigmas", self.position_sigmas, 1.0, 20.0),
            ("gap_s", self.gap_s, 0.1, 10.0),
            ("frozen_s", self.frozen_s, 0.1, 60.0),
            ("frozen_m", self.frozen_m, 0.1, 100.0),
            ("appearance_m", self.appearance_m, 0.0, 1e4),
            ("appearance_speed_mps", self.appearance_speed_mps, 0.0, 70.0),
            ("warm_up_s", self.warm_up_s, 0.0, 600.0),
            ("same_time_s", self.same_time_s, 0.01, 2.0),
            ("overlap", self.overlap, 0.05, 1.0),
            ("rate_hz", self.rate_hz, 0.1, 1000.0),
            ("rate_burst", self.rate_burst, 1.0, 1000.0),
            ("ahead_s", self.ahead_s, 0.0, 10.0),
            ("behind_s", self.behind_s, 0.1, 60.0),
            ("suspect_points", self.suspect_points, 0.01, self.reject_points),
            // Appearance and overlap together give three points, and so does a crash: they must not reject.
            ("reject_points", self.reject_points, 3.5, 10.0),
            ("leak_per_s", self.leak_per_s, 0.001, 100.0),
            ("max_vehicles", self.max_vehicles as f64, 1.0, 1e6),
            ("max_states", self.max_states as f64, 1.0, 1e7),
            ("forget_s", self.forget_s, 16.0, 3600.0),
            ("report_period_s", self.report_period_s, 0.1, 3600.0),
            ("max_reports", self.max_reports as f64, 1.0, 1e6),
        ];
        let bad = bounds.into_iter().find(|(_, value, least, most)| !(least <= value && value <= most));
        bad.map_or(Ok(()), |(name, value, least, most)| Err(ConfigError { name, value, least, most }))
    }

    /// The 1-sigma position error to reckon with, metres.
    pub(crate) fn sigma_of(&self, stated_m: Option<f64>) -> f64 {
        stated_m.unwrap_or(self.sigma_unstated_m).clamp(self.sigma_m.0, self.sigma_m.1)
    }
}

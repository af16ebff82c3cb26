//! The thresholds of each application.

use super::Thresholds;
use serde::{Deserialize, Serialize};

config! {
    /// Forward collision: running into the one ahead.
    FcwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.7, hold: 0.35 },
        /// How far ahead to look, metres.
        look_ahead_m: f64 = 120.0,
        /// Deceleration needed after reacting that is worth a warning, m/s².
        needs_mps2: f64 = 3.0,
        /// Vehicles slower than this are not warned, m/s.
        min_speed_mps: f64 = 4.0,
        /// A rear-end conflict of vehicles that are not surely in one lane counts when nearer than this, or when as much
        /// deceleration as above is needed, seconds.
        time_s: f64 = 1.2,
    }
}

config! {
    /// Intersection collision: crossing or merging.
    IcwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.75, hold: 0.3 },
        /// Conflicts further ahead than this are left for later, seconds.
        max_time_s: f64 = 4.5,
        /// Missing each other by less than this, where they cross, counts as meeting, seconds. The predictor uses it for
        /// every pair on wheels.
        margin_s: f64 = 1.2,
    }
}

config! {
    /// Turning across an oncoming vehicle.
    LtaConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.5, hold: 0.3 },
        /// Conflicts further ahead than this are left for later, seconds.
        max_time_s: f64 = 4.5,
    }
}

config! {
    /// Blind spot and lane change.
    BswConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.35 },
        /// Closing the sideways gap within this counts, seconds.
        within_s: f64 = 2.0,
        /// One behind in the other lane counts when it is beside within this, seconds.
        behind_s: f64 = 3.0,
        /// Slower sideways motion than this is not a lane change, m/s.
        min_sideways_mps: f64 = 0.4,
        /// Vehicles slower than this are not looked at, m/s.
        min_speed_mps: f64 = 3.0,
    }
}

config! {
    /// Do not pass: on the oncoming side with someone coming.
    DnpwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.85, hold: 0.3 },
        /// Oncoming vehicles met within this count, seconds.
        meet_s: f64 = 6.0,
        /// Centre over the line of the oncoming lane by more than this counts, metres.
        over_line_m: f64 = 0.3,
        /// Sideways motion is carried on for this, seconds.
        look_ahead_s: f64 = 0.8,
    }
}

config! {
    /// Emergency brake ahead.
    EbwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.35 },
        /// Deceleration that counts as sudden, m/s².
        sudden_mps2: f64 = 3.5,
        /// It matters within this time gap, seconds; for the second vehicle behind, twice that.
        gap_s: f64 = 3.0,
        /// Vehicles slower than this are not warned, m/s.
        min_speed_mps: f64 = 4.0,
    }
}

config! {
    /// Abnormal vehicle ahead.
    AvwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// Slower than this fraction of the limit is abnormal.
        slow_fraction: f64 = 0.3,
        /// For how long, seconds.
        slow_s: f64 = 6.0,
        /// With another slow one ahead within this it is traffic, metres.
        alone_m: f64 = 40.0,
    }
}

config! {
    /// Control loss near.
    ClwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// Those within this are warned, metres.
        reach_m: f64 = 100.0,
        /// A slower one is not out of control, m/s.
        min_speed_mps: f64 = 4.0,
        /// Course and heading apart by more than this is a slide, radians.
        slide_rad: f64 = 0.6,
    }
}

config! {
    /// Pedestrians and cyclists in the way of vehicles.
    VrucwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.45, hold: 0.25 },
        /// Meetings further ahead than this are left for later, seconds.
        max_time_s: f64 = 5.0,
        /// Missing a pedestrian by less than this counts as meeting, seconds.
        margin_s: f64 = 0.8,
        /// One walking towards the carriageway, away from any crossing, who is this far from it steps out in half of the
        /// cases, seconds.
        entry_s: f64 = 2.4,
        /// The same at a crossing.
        crossing_s: f64 = 1.9,
        /// How sharply that probability rises around `entry_s`, seconds.
        entry_spread_s: f64 = 0.25,
        /// Probability that one who stands at the kerb steps out within the horizon.
        standing: f64 = 0.05,
        /// One who appears this near to a standing long vehicle came from behind it, metres.
        hidden_m: f64 = 4.0,
        /// For how long that counts, seconds.
        hidden_s: f64 = 2.0,
        /// Vehicles slower than this are not warned, m/s.
        min_vehicle_mps: f64 = 2.0,
    }
}

config! {
    /// Over the speed limit, here or ahead, or too fast for the bend or the road's state.
    SlwConfig {
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
        /// Acceleration sideways that a bend may ask for, m/s² (0.35 g).
        sideways_mps2: f64 = 3.43,
    }
}

config! {
    /// The speed of the vehicle ahead.
    LeadSpeedConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.35 },
        /// How far ahead to look, metres.
        look_ahead_m: f64 = 120.0,
        /// Deceleration needed after reacting that is worth advice, m/s².
        needs_mps2: f64 = 2.5,
        /// Closing slower than this is not worth advice, m/s.
        min_closing_mps: f64 = 4.0,
        /// Vehicles slower than this are not advised, m/s.
        min_speed_mps: f64 = 4.0,
    }
}

config! {
    /// Hazardous location: stopped vehicles, objects, reported water, ice, fog and crashes.
    HlwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// A vehicle standing longer than this where none should is a stopped vehicle, seconds.
        stopped_s: f64 = 8.0,
        /// A small thing that lies in a driving lane for this long is an object, seconds.
        object_s: f64 = 3.0,
        /// Larger things are no objects, metres.
        object_m: f64 = 1.3,
    }
}

config! {
    /// Traffic jam. Guidance looks at the same jams, whether this is enabled or not.
    TjwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// Least number of vehicles that make congestion: a count.
        vehicles: f64 = 4.0,
        /// Mean speed below this fraction of the limit is congestion.
        fraction: f64 = 0.3,
        /// For how long it must be so, seconds.
        for_s: f64 = 12.0,
        /// A queue at a red light longer than this is congestion too, metres.
        longest_queue_m: f64 = 150.0,
    }
}

config! {
    /// Wrong-way drivers.
    WrongWayConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// Driving against the lane for this long is wrong-way driving, seconds.
        for_s: f64 = 1.0,
        /// Slower than this it is not, m/s.
        min_speed_mps: f64 = 2.5,
        /// Those it comes towards within this are warned, metres.
        reach_m: f64 = 300.0,
        /// With one beside it, within this, that it overtakes, it is overtaking (`dnpw`), metres.
        passing_m: f64 = 25.0,
    }
}

config! {
    /// Road works, as reported.
    RoadWorksConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
    }
}

config! {
    /// In-vehicle signage: lower limits ahead.
    IvsConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// A limit lower than the present one by this is shown, m/s.
        lower_mps: f64 = 2.7,
        /// To those within this, metres.
        reach_m: f64 = 120.0,
    }
}

config! {
    /// Signal violation.
    SvwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.35 },
        /// Vehicles slower than this are not warned, m/s.
        min_speed_mps: f64 = 3.0,
        /// Stop lines further ahead than this are left for later, seconds.
        max_time_s: f64 = 5.0,
    }
}

config! {
    /// The speed that meets a green light.
    GlosaConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.5, hold: 0.3 },
        /// Not nearer to the stop line than this, metres.
        nearest_m: f64 = 40.0,
        /// Not farther than this, metres.
        farthest_m: f64 = 300.0,
        /// Not slower than this fraction of the limit.
        slowest_fraction: f64 = 0.5,
        /// Advice must differ from the present speed by this, m/s.
        differs_mps: f64 = 1.5,
        /// Time kept to both ends of the green, seconds.
        spare_s: f64 = 1.0,
        /// Time that each vehicle waiting ahead takes to start, seconds.
        start_s: f64 = 2.0,
        /// Whether vehicles without a radio, which nobody can tell, are advised too.
        everyone: bool = false,
    }
}

config! {
    /// Emergency vehicle on its way.
    EvwConfig {
        /// Whether it runs.
        enabled: bool = true,
        /// When to raise and hold.
        probability: Thresholds = Thresholds { raise: 0.6, hold: 0.4 },
        /// Those ahead of it within this are warned, metres.
        reach_m: f64 = 300.0,
        /// Or within this, seconds; the nearer of both.
        reach_s: f64 = 15.0,
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

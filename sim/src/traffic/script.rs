//! What scripted road users do, beside driving as everyone does.

use super::vehicle::Vehicle;
use jxz_map::LaneIx;

/// A script that a vehicle follows for a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Script {
    /// Drives at a multiple of the limit.
    Speed { factor: f64, until_s: f64 },
    /// Stops on a lane at a place and stays.
    Stand { lane: LaneIx, at_m: f64, until_s: f64 },
    /// Enters a connector at a speed, whatever its light shows or whoever has priority, until it `brakes`.
    Run { connector: LaneIx, mps: f64, until_s: f64, brakes: bool },
    /// Brakes hard, down to a crawl.
    Brake { until_s: f64 },
    /// Hurries to where it is needed, through red where nobody is in the way.
    Hurry { until_s: f64 },
    /// An actor: what its scenario wants of it in this step.
    Acted(Acted),
    /// Looks away: brakes for what is ahead only when that takes hard braking, or when warned.
    Distracted { until_s: f64 },
}

/// What an actor's scenario wants of it in one step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Acted {
    /// Acceleration, m/s²; one that reacts may brake harder.
    pub(crate) a_mps2: f64,
    /// Where across its lane, metres to the left, and how fast to get there, metres per second.
    pub(crate) offset_m: f32,
    pub(crate) sideways_mps: f32,
    pub(crate) reacts: bool,
    /// Does not react, but brakes when warned.
    pub(crate) heeds: bool,
    pub(crate) obeys: bool,
    pub(crate) hurries: bool,
}

impl Script {
    pub(crate) const fn until_s(&self) -> f64 {
        match self {
            Self::Speed { until_s, .. }
            | Self::Stand { until_s, .. }
            | Self::Run { until_s, .. }
            | Self::Brake { until_s }
            | Self::Hurry { until_s }
            | Self::Distracted { until_s } => *until_s,
            Self::Acted(_) => f64::INFINITY,
        }
    }
}

impl Vehicle {
    /// Whether it passes a junction without regard to light and priority.
    pub(crate) const fn is_reckless(&self) -> bool {
        matches!(self.script, Some(Script::Run { brakes: false, .. } | Script::Acted(Acted { obeys: false, .. })))
    }

    /// Whether others make way for it.
    pub(crate) const fn hurries(&self) -> bool {
        matches!(self.script, Some(Script::Hurry { .. } | Script::Acted(Acted { hurries: true, .. })))
    }

    /// What its scenario wants of an actor.
    pub(crate) const fn acted(&self) -> Option<Acted> {
        if let Some(Script::Acted(acted)) = self.script { Some(acted) } else { None }
    }

    /// Whether the driver looks away.
    pub(crate) fn is_distracted(&self, time_s: f64) -> bool {
        matches!(self.script, Some(Script::Distracted { .. })) && self.wary_mps(time_s).is_none()
    }

    /// A driver's attention comes and goes: a triangle wave between -1 and 1, each driver with a period of its own.
    fn mood(&self, time_s: f64) -> f64 {
        let period_s = 20.0 + (self.id % 23) as f64;
        let share = (time_s / period_s + (self.id % 7) as f64 / 7.0).fract();
        4.0 * (share - 0.5).abs() - 1.0
    }

    /// How fast the driver wants to go, as a multiple of the limit.
    pub(crate) fn speed_factor(&self, time_s: f64) -> f64 {
        match self.script {
            Some(Script::Speed { factor, .. }) => factor,
            // Its scenario says how fast; the limit binds who obeys.
            Some(Script::Acted(acted)) => {
                if acted.obeys && !acted.hurries {
                    1.0
                } else {
                    3.0
                }
            }
            Some(Script::Run { .. }) => 1.2,
            Some(Script::Hurry { .. }) => 1.25,
            _ => self.driver.eagerness * (1.0 + f64::from(self.driver.wander) * self.mood(time_s)),
        }
    }
}

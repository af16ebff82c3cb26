//! Thresholds: one part for each application, and what they share.

use jxz_world::Application;
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

mod sections;
pub use sections::{
    AvwConfig, BswConfig, ClwConfig, DnpwConfig, EbwConfig, EvwConfig, FcwConfig, GlosaConfig, GuidanceConfig,
    HlwConfig, IcwConfig, IvsConfig, LeadSpeedConfig, LtaConfig, RoadWorksConfig, SlwConfig, SvwConfig, TjwConfig,
    VrucwConfig, WrongWayConfig,
};

config! {
    /// How road users are carried forward in time.
    PredictConfig {
        /// How far ahead to look, seconds (at most 10).
        horizon_s: f64 = 6.0,
        /// Mean deceleration with which drivers stop for a red light, m/s².
        comfortable_mps2: f64 = 2.7,
        /// 1-sigma spread of that between drivers, m/s².
        comfortable_sigma_mps2: f64 = 0.35,
        /// Who gives way brakes before this deceleration is needed, m/s².
        yield_mps2: f64 = 1.4,
        /// And so long before the place, seconds; when slower than 6 m/s, less in proportion.
        yield_s: f64 = 2.7,
        /// Those who pass each other, at the speeds of now, farther apart than this do not meet, metres; beside what an
        /// application's margin comes to where they cross, and the doubt about both places.
        clear_m: f64 = 1.0,
        /// And those who pass so long one after the other, seconds.
        clear_s: f64 = 2.0,
        /// Who is known for less than this is in nobody's way yet, seconds; one who comes from behind a standing bus is.
        settled_s: f64 = 1.0,
        /// The same of one on foot or on a bicycle whom a radar alone has seen, seconds: a mirror image of somebody walks as
        /// they do, and seldom lasts for as long.
        settled_radar_s: f64 = 2.5,
        /// The same of one on wheels who began to be tracked beside a moving vehicle that was tracked already, seconds: sensors
        /// that confuse those in a queue make tracks of nobody, which seldom last for as long.
        settled_beside_s: f64 = 3.5,
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
    /// The life of every warning, and how its level is judged.
    LifeConfig {
        /// Rounds with support, among the last `raise_window`, that raise a warning.
        raise_hits: u32 = 3,
        /// Rounds looked back on for raising (at most 32).
        raise_window: u32 = 4,
        /// Rounds in a row without support that cancel a warning.
        cancel_after: u32 = 8,
        /// An event seen again within this of its cancellation goes on under its old number, seconds.
        again_s: f64 = 2.0,
        /// Least time between two renewals of one warning, seconds.
        hold_period_s: f64 = 0.5,
        /// For how long a warning may be shown unless renewed, seconds.
        validity_s: f64 = 2.0,
        /// Most warnings of one application alive at once; what does not fit is counted.
        max_alive: u32 = 32,
        /// How far upstream road users are concerned, metres.
        approach_m: f64 = 150.0,
        /// Time a driver takes to react, seconds.
        reaction_s: f64 = 1.0,
        /// Urgent: more deceleration than this is needed after reacting, m/s².
        urgent_mps2: f64 = 4.0,
        /// Urgent: the conflict is nearer than this, seconds.
        urgent_s: f64 = 1.5,
        /// A warning and not only advice: more deceleration than this is needed after reacting, m/s².
        warning_mps2: f64 = 2.0,
        /// A warning and not only advice: the conflict is nearer than this, seconds.
        warning_s: f64 = 4.0,
    }
}

/// Everything that can be set, acted on from the next round on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HazardConfig {
    /// How road users are carried forward in time.
    pub predict: PredictConfig,
    /// The life of every warning, and how its level is judged.
    pub life: LifeConfig,
    /// Forward collision: running into the one ahead.
    pub fcw: FcwConfig,
    /// Intersection collision: crossing or merging.
    pub icw: IcwConfig,
    /// Turning across an oncoming vehicle.
    pub lta: LtaConfig,
    /// Blind spot and lane change.
    pub bsw: BswConfig,
    /// Do not pass: on the oncoming side with someone coming.
    pub dnpw: DnpwConfig,
    /// Emergency brake ahead.
    pub ebw: EbwConfig,
    /// Abnormal vehicle ahead.
    pub avw: AvwConfig,
    /// Control loss near.
    pub clw: ClwConfig,
    /// Pedestrians and cyclists in the way of vehicles.
    pub vrucw: VrucwConfig,
    /// Over the speed limit, here or ahead, or too fast for the bend or the road's state.
    pub slw: SlwConfig,
    /// The speed of the vehicle ahead.
    pub lead_speed: LeadSpeedConfig,
    /// Hazardous location: stopped vehicles, objects, reported water, ice, fog and crashes.
    pub hlw: HlwConfig,
    /// Traffic jam. Guidance looks at the same jams, whether this is enabled or not.
    pub tjw: TjwConfig,
    /// Wrong-way drivers.
    pub wrong_way: WrongWayConfig,
    /// Road works, as reported.
    pub road_works: RoadWorksConfig,
    /// In-vehicle signage: lower limits ahead.
    pub ivs: IvsConfig,
    /// Signal violation.
    pub svw: SvwConfig,
    /// The speed that meets a green light.
    pub glosa: GlosaConfig,
    /// Emergency vehicle on its way.
    pub evw: EvwConfig,
    /// Advice past a congested link.
    pub guidance: GuidanceConfig,
}

impl HazardConfig {
    /// Whether an application runs, and when it raises and holds.
    #[must_use]
    pub const fn switch(&self, application: Application) -> (bool, Thresholds) {
        match application {
            Application::Fcw => (self.fcw.enabled, self.fcw.probability),
            Application::Icw => (self.icw.enabled, self.icw.probability),
            Application::Lta => (self.lta.enabled, self.lta.probability),
            Application::Bsw => (self.bsw.enabled, self.bsw.probability),
            Application::Dnpw => (self.dnpw.enabled, self.dnpw.probability),
            Application::Ebw => (self.ebw.enabled, self.ebw.probability),
            Application::Avw => (self.avw.enabled, self.avw.probability),
            Application::Clw => (self.clw.enabled, self.clw.probability),
            Application::Vrucw => (self.vrucw.enabled, self.vrucw.probability),
            Application::Slw => (self.slw.enabled, self.slw.probability),
            Application::LeadSpeed => (self.lead_speed.enabled, self.lead_speed.probability),
            Application::Hlw => (self.hlw.enabled, self.hlw.probability),
            Application::Tjw => (self.tjw.enabled, self.tjw.probability),
            Application::WrongWay => (self.wrong_way.enabled, self.wrong_way.probability),
            Application::RoadWorks => (self.road_works.enabled, self.road_works.probability),
            Application::Ivs => (self.ivs.enabled, self.ivs.probability),
            Application::Svw => (self.svw.enabled, self.svw.probability),
            Application::Glosa => (self.glosa.enabled, self.glosa.probability),
            Application::Evw => (self.evw.enabled, self.evw.probability),
            Application::Guidance => (self.guidance.enabled, self.guidance.probability),
        }
    }

    /// Switches an application on or off.
    pub const fn set_enabled(&mut self, application: Application, enabled: bool) {
        let switch = match application {
            Application::Fcw => &mut self.fcw.enabled,
            Application::Icw => &mut self.icw.enabled,
            Application::Lta => &mut self.lta.enabled,
            Application::Bsw => &mut self.bsw.enabled,
            Application::Dnpw => &mut self.dnpw.enabled,
            Application::Ebw => &mut self.ebw.enabled,
            Application::Avw => &mut self.avw.enabled,
            Application::Clw => &mut self.clw.enabled,
            Application::Vrucw => &mut self.vrucw.enabled,
            Application::Slw => &mut self.slw.enabled,
            Application::LeadSpeed => &mut self.lead_speed.enabled,
            Application::Hlw => &mut self.hlw.enabled,
            Application::Tjw => &mut self.tjw.enabled,
            Application::WrongWay => &mut self.wrong_way.enabled,
            Application::RoadWorks => &mut self.road_works.enabled,
            Application::Ivs => &mut self.ivs.enabled,
            Application::Svw => &mut self.svw.enabled,
            Application::Glosa => &mut self.glosa.enabled,
            Application::Evw => &mut self.evw.enabled,
            Application::Guidance => &mut self.guidance.enabled,
        };
        *switch = enabled;
    }

    /// Checks every number that could make nonsense of the whole.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let within = |name, value: f64, low, high| {
            if value >= low && value <= high { Ok(()) } else { Err(ConfigError::OutOfRange { name, value, low, high }) }
        };
        let (predict, life) = (&self.predict, &self.life);
        let whole = f64::from;
        for (name, value, low, high) in [
            ("predict.horizon_s", predict.horizon_s, 1.0, 10.0),
            ("predict.comfortable_mps2", predict.comfortable_mps2, 0.5, 8.0),
            ("predict.comfortable_sigma_mps2", predict.comfortable_sigma_mps2, 0.01, 4.0),
            ("predict.yield_mps2", predict.yield_mps2, 0.3, 8.0),
            ("predict.yield_s", predict.yield_s, 0.5, 10.0),
            ("predict.settled_s", predict.settled_s, 0.0, 10.0),
            ("predict.settled_radar_s", predict.settled_radar_s, predict.settled_s, 20.0),
            ("predict.settled_beside_s", predict.settled_beside_s, predict.settled_s, 20.0),
            ("predict.min_existence", predict.min_existence, 0.0, 1.0),
            ("life.raise_window", whole(life.raise_window), 1.0, 32.0),
            ("life.raise_hits", whole(life.raise_hits), 1.0, whole(life.raise_window)),
            ("life.cancel_after", whole(life.cancel_after), 1.0, 1000.0),
            ("life.again_s", life.again_s, 0.0, 60.0),
            ("life.hold_period_s", life.hold_period_s, 0.05, 60.0),
            ("life.validity_s", life.validity_s, life.hold_period_s, 600.0),
            ("life.max_alive", whole(life.max_alive), 1.0, 1024.0),
            ("life.approach_m", life.approach_m, 10.0, 1000.0),
            ("life.reaction_s", life.reaction_s, 0.0, 5.0),
            ("life.urgent_mps2", life.urgent_mps2, life.warning_mps2, 20.0),
            ("life.warning_s", life.warning_s, life.urgent_s, 20.0),
            ("hlw.stopped_s", self.hlw.stopped_s, 1.0, 600.0),
            ("tjw.vehicles", self.tjw.vehicles, 2.0, 64.0),
            ("tjw.fraction", self.tjw.fraction, 0.01, 1.0),
            ("vrucw.entry_spread_s", self.vrucw.entry_spread_s, 0.01, 5.0),
            ("slw.sideways_mps2", self.slw.sideways_mps2, 0.5, 9.0),
            ("guidance.slowest_mps", self.guidance.slowest_mps, 0.05, 10.0),
        ] {
            within(name, value, low, high)?;
        }
        for application in Application::ALL {
            let (_, t) = self.switch(application);
            within(application.name(), t.raise, 0.0, 1.0)?;
            within(application.name(), t.hold, 0.0, t.raise)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range_and_nonsense_is_named() {
        assert_eq!(HazardConfig::default().check(), Ok(()));
        let mut config = HazardConfig::default();
        config.icw.probability.raise = f64::NAN;
        assert!(config.check().unwrap_err().to_string().contains("icw"));
        let mut config = HazardConfig::default();
        config.life.raise_hits = 9;
        assert!(config.check().is_err());
    }
}

//! How road users move: constant velocity, disturbed along and across their course, each model in its own measure.

use crate::FusionConfig;
use crate::config::Motion;
use jxz_geo::Vector;
use jxz_world::ClassBelief;

/// Number of motion models: keeping course and speed (or standing), changing course, braking or setting off.
pub(crate) const MODELS: usize = 3;
/// Below this a course is not told from noise and the disturbance is the same in all directions, metres per second.
const COURSE_MPS: f64 = 1.5;
/// Share of the noise of going straight that is left when standing, and the speed from which it is whole.
const STANDING_NOISE: f64 = 0.1;
const FULL_NOISE_MPS: f64 = 4.0;

/// Symmetric density of the acceleration noise, m²/s³: east-east, east-north, north-north.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Noise {
    pub(crate) ee: f64,
    pub(crate) en: f64,
    pub(crate) nn: f64,
}

impl Noise {
    /// The same in all directions.
    pub(crate) fn round(q_m2ps3: f64) -> Self {
        Self { ee: q_m2ps3, en: 0.0, nn: q_m2ps3 }
    }

    /// `along` a course given as a unit vector, and `across` it.
    fn along_and_across(course: Vector, along: f64, across: f64) -> Self {
        let (c, s) = (course.x, course.y);
        Self { ee: along * c * c + across * s * s, en: (along - across) * c * s, nn: along * s * s + across * c * c }
    }
}

/// Acceleration noise of each model for a road user of this class belief and velocity.
pub(crate) fn noises(class: &ClassBelief, velocity: Vector, config: &FusionConfig) -> [Noise; MODELS] {
    let mean =
        |of: fn(&Motion) -> f64| class.mean([of(&config.motion[0]), of(&config.motion[1]), of(&config.motion[2])]);
    let (straight, turn) = (mean(|m| m.steady_m2ps3), mean(|m| m.turn_m2ps3));
    let speed_change = mean(|m| m.speed_change_m2ps3);
    let speed = velocity.norm();
    // What stands mostly goes on standing: its speed must not wander with the noise.
    let calm = straight * (STANDING_NOISE + speed / FULL_NOISE_MPS).min(1.0);
    if speed < COURSE_MPS {
        return [Noise::round(calm), Noise::round(0.5 * turn), Noise::round(0.5 * speed_change)];
    }
    let course = velocity / speed;
    [
        Noise::round(calm),
        Noise::along_and_across(course, straight, turn),
        Noise::along_and_across(course, speed_change, straight),
    ]
}

/// [`switching`] as it was asked for last: most tracks are moved on by the same times, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Switching {
    known: Option<(f64, [[f64; MODELS]; MODELS])>,
}

impl Switching {
    /// The same as [`switching`], for one configuration.
    pub(crate) fn over(&mut self, dt_s: f64, config: &FusionConfig) -> [[f64; MODELS]; MODELS] {
        match self.known {
            Some((known_s, chances)) if known_s.to_bits() == dt_s.to_bits() => chances,
            _ => {
                let chances = switching(dt_s, config);
                self.known = Some((dt_s, chances));
                chances
            }
        }
    }
}

/// Probability of being in each model `dt_s` later (rows: from; columns: to), for rates a second.
pub(crate) fn switching(dt_s: f64, config: &FusionConfig) -> [[f64; MODELS]; MODELS] {
    let dt = dt_s.abs();
    let chance = |per_s: f64| 1.0 - libm::exp(-per_s * dt);
    let (leave, back) = (chance(config.switch_per_s.0), chance(config.switch_per_s.1));
    [
        [1.0 - leave, 0.5 * leave, 0.5 * leave],
        [0.8 * back, 1.0 - back, 0.2 * back],
        [0.8 * back, 0.2 * back, 1.0 - back],
    ]
}

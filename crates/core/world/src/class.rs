//! What kind of road user something is, and how sure we are.

use serde::{Deserialize, Serialize};

/// The classes that the message set tells apart (`ParticipantType` motor, non-motor, pedestrian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoadUserClass {
    /// Car, bus, truck, motorcycle.
    Motor,
    /// Bicycle or e-bike with its rider.
    NonMotor,
    /// Someone on foot.
    Pedestrian,
}

impl RoadUserClass {
    /// Every class, in the order of their indices.
    pub const ALL: [Self; 3] = [Self::Motor, Self::NonMotor, Self::Pedestrian];

    /// 0 motor, 1 non-motor, 2 pedestrian.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The class of an index, `None` beyond 2.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// `motor`, `non-motor` or `pedestrian`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Motor => "motor",
            Self::NonMotor => "non-motor",
            Self::Pedestrian => "pedestrian",
        }
    }
}

/// Probabilities of the three classes; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassBelief([f64; 3]);

impl Default for ClassBelief {
    fn default() -> Self {
        Self::UNIFORM
    }
}

impl ClassBelief {
    /// Nothing known.
    pub const UNIFORM: Self = Self([1.0 / 3.0; 3]);

    /// Normalises non-negative weights; weights that are all zero or not finite give [`Self::UNIFORM`].
    #[must_use]
    pub fn from_weights(weights: [f64; 3]) -> Self {
        let sum: f64 = weights.iter().sum();
        if sum.is_finite() && sum > 0.0 && weights.iter().all(|w| *w >= 0.0) {
            Self(weights.map(|w| w / sum))
        } else {
            Self::UNIFORM
        }
    }

    /// Bayes' rule with the likelihood of an observation under each class.
    #[must_use]
    pub fn updated(self, likelihood: [f64; 3]) -> Self {
        // A floor keeps a run of wrong labels from making a belief that nothing can turn.
        Self::from_weights(core::array::from_fn(|k| (self.0[k] * likelihood[k]).max(1e-6)))
    }

    /// The probability of a class.
    #[must_use]
    pub const fn of(self, class: RoadUserClass) -> f64 {
        self.0[class.index()]
    }

    /// The most probable class and its probability.
    #[must_use]
    pub fn best(self) -> (RoadUserClass, f64) {
        let mut best = RoadUserClass::Motor;
        for class in RoadUserClass::ALL {
            if self.of(class) > self.of(best) {
                best = class;
            }
        }
        (best, self.of(best))
    }

    /// The mean of what has a value for each class, in index order. Of another's probabilities: the probability that two
    /// independent draws agree.
    #[must_use]
    pub fn mean(self, values: [f64; 3]) -> f64 {
        let [motor, non_motor, pedestrian] = self.0;
        motor * values[0] + non_motor * values[1] + pedestrian * values[2]
    }

    /// Exactly what [`Self::probabilities`] gave; `None` if one is outside 0 to 1.
    #[must_use]
    pub fn from_probabilities(probabilities: [f64; 3]) -> Option<Self> {
        probabilities.iter().all(|p| (0.0..=1.0).contains(p)).then_some(Self(probabilities))
    }

    /// The three probabilities, in index order.
    #[must_use]
    pub const fn probabilities(self) -> [f64; 3] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_turns_a_belief_and_rubbish_does_not() {
        let mut belief = ClassBelief::UNIFORM;
        for _ in 0..50 {
            belief = belief.updated([0.05, 0.05, 0.9]);
        }
        assert_eq!(belief.best().0, RoadUserClass::Pedestrian);
        for _ in 0..8 {
            belief = belief.updated([0.9, 0.05, 0.05]);
        }
        assert_eq!(belief.best().0, RoadUserClass::Motor);
        assert_eq!(ClassBelief::from_weights([f64::NAN, 1.0, 1.0]), ClassBelief::UNIFORM);
    }
}

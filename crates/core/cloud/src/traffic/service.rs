//! Level of service: how traffic on a street feels, in six classes.

use serde::{Deserialize, Serialize};

/// The classes of the Highway Capacity Manual for motor vehicles on urban streets (HCM, 6th edition, 2016, Exhibit
/// 18-1), by the ratio of the travel speed over the whole link to the free-flow speed. The manual's free-flow speed is
/// measured; here it is the speed limit. Its class F for demand above capacity is not used: demand is not observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LevelOfService {
    /// Above 80 %: free.
    A,
    /// Above 67 %.
    B,
    /// Above 50 %: stable.
    C,
    /// Above 40 %.
    D,
    /// Above 30 %: unstable.
    E,
    /// The rest: broken down.
    F,
}

impl LevelOfService {
    /// The class of a ratio of travel speed to free-flow speed.
    #[must_use]
    pub fn of_ratio(ratio: f64) -> Self {
        match ratio {
            r if r > 0.80 => Self::A,
            r if r > 0.67 => Self::B,
            r if r > 0.50 => Self::C,
            r if r > 0.40 => Self::D,
            r if r > 0.30 => Self::E,
            _ => Self::F,
        }
    }

    /// `a` to `f`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::D => "d",
            Self::E => "e",
            Self::F => "f",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_the_manuals() {
        // Exhibit 18-1, base free-flow speed 50 mi/h: A > 40, B > 34, C > 25, D > 20, E > 15 mi/h (34 is 67 % rounded).
        for (mph, expected) in
            [(40.1, "a"), (40.0, "b"), (33.6, "b"), (33.4, "c"), (25.0, "d"), (20.0, "e"), (15.1, "e"), (15.0, "f")]
        {
            assert_eq!(LevelOfService::of_ratio(mph / 50.0).name(), expected, "{mph}");
        }
    }
}

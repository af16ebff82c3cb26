//! The dialects of the message set that are on the road.

use serde::{Deserialize, Serialize};

/// Which edition of the message set a link speaks. Nothing on the wire says so: both ends are configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Profile {
    /// The first phase as its public copies have it (YD/T 3709-2020).
    #[serde(rename = "day-1")]
    Day1 = 0,
    /// The first phase with the second one behind its extension markers.
    #[default]
    #[serde(rename = "day-2")]
    Day2 = 1,
    /// The first phase as equipment of 2019 has it.
    #[serde(rename = "release-2019-07")]
    Release2019 = 2,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Day1, Self::Day2, Self::Release2019];

    /// Its name: `day-1`, `day-2`, `release-2019-07`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day1 => "day-1",
            Self::Day2 => "day-2",
            Self::Release2019 => "release-2019-07",
        }
    }

    /// Whether it is in the set whose bit n is the n-th of [`Self::ALL`].
    pub(crate) const fn is(self, set: u8) -> bool {
        set >> self as u8 & 1 == 1
    }
}

impl core::fmt::Display for Profile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no profile of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no profile `{0}`: there are day-1, day-2 and release-2019-07")]
pub struct UnknownProfile(String);

impl core::str::FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|profile| profile.name() == text).ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}

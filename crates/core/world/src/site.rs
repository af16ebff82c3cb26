//! A roadside site: the place one edge node looks after.

use crate::{JunctionId, SensorSpec};
use jxz_geo::Point;
use serde::{Deserialize, Serialize};

/// A site's name, unique on the island (`zhongxin-minan`). Also the edge node's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SiteId(pub String);

impl SiteId {
    /// 64-bit FNV-1a of the name: stands for the site where eight octets must do (RFC 9923 has the constants).
    #[must_use]
    pub fn hash64(&self) -> u64 {
        self.0
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

impl core::fmt::Display for SiteId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A roadside site as surveyed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Its name.
    pub id: SiteId,
    /// Name for people, Chinese.
    pub name_zh: String,
    /// Name for people, English.
    pub name_en: String,
    /// Where the roadside unit stands, local frame.
    pub position: Point,
    /// Road users within this distance of `position` are this site's to track, metres.
    pub coverage_m: f64,
    /// The junction whose signals it broadcasts, if any.
    pub junction: Option<JunctionId>,
    /// Its cameras and radars.
    pub sensors: Vec<SensorSpec>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_test_vectors() {
        for (name, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(SiteId(name.to_owned()).hash64(), hash, "{name}");
        }
    }
}

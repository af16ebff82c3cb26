//! A roadside site: the place one edge node looks after.

use crate::{JunctionId, SensorSpec};
use jxz_geo::Point;
use serde::{Deserialize, Serialize};

/// A site's name, unique on the island (`zhongxin-minan`). Also the edge node's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SiteId(pub String);

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

//! The part of the map that a scenario plays on.

use super::{ScenarioError, range};
use jxz_geo::Wgs84;
use jxz_map::Map;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The part of the map that a scenario plays on: only these sites have nodes, sensors and traffic. Left out: every site.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Area {
    /// Sites by name.
    pub sites: Vec<String>,
    /// Sites around this place: longitude and latitude, degrees.
    pub centre: Option<[f64; 2]>,
    /// Within this distance of it, metres.
    pub radius_m: Option<f64>,
}

impl Area {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        if self.centre.is_some() != self.radius_m.is_some() {
            let key = if self.centre.is_some() { "area.centre" } else { "area.radius_m" };
            return Err(ScenarioError::at(key, "centre and radius_m go together: give both or neither".into()));
        }
        if self.centre.is_some() && !self.sites.is_empty() {
            return Err(ScenarioError::at("area.centre", "give either sites or centre and radius_m, not both".into()));
        }
        range("area.radius_m", self.radius_m.unwrap_or(1.0), 1.0, 1e5)
    }

    fn is_whole(&self) -> bool {
        self.sites.is_empty() && self.centre.is_none()
    }

    /// The map with these sites alone.
    pub(crate) fn narrow(&self, map: Arc<Map>) -> Result<Arc<Map>, ScenarioError> {
        if self.is_whole() {
            return Ok(map);
        }
        for (number, name) in self.sites.iter().enumerate() {
            if !map.sites.iter().any(|site| site.id.0 == *name) {
                let known = map.sites.iter().map(|site| site.id.0.clone()).collect();
                return Err(ScenarioError::unknown(&format!("area.sites[{number}]"), "site", name, known));
            }
        }
        let near = self
            .centre
            .zip(self.radius_m)
            .map(|([lon_deg, lat_deg], radius_m)| (map.frame.to_local(Wgs84 { lat_deg, lon_deg }), radius_m));
        let mut part = Map::clone(&map);
        part.sites.retain(|site| {
            self.sites.contains(&site.id.0)
                || near.is_some_and(|(centre, radius_m)| (site.position - centre).norm() <= radius_m)
        });
        if part.sites.is_empty() {
            let centre = near.map(|(centre, _)| centre);
            let far = |site: &jxz_world::Site| centre.map_or(0.0, |centre| (site.position - centre).norm());
            let nearest = map.sites.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
            let nearest = nearest
                .map_or(String::new(), |site| format!("; the nearest, {}, is {:.0} m away", site.id.0, far(site)));
            return Err(ScenarioError::at("area.radius_m", format!("no site lies within it{nearest}")));
        }
        Ok(Arc::new(part))
    }
}

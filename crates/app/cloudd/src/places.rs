//! Where things are on the globe, fast near sites.

use jxz_geo::{LocalFrame, Near, Point};
use jxz_map::Map;
use jxz_world::SiteId;
use std::collections::BTreeMap;

/// The map's frame, with its series around each site: most road users are near the one that sees them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) frame: LocalFrame,
    near: BTreeMap<SiteId, Near>,
}

impl Places {
    pub(crate) fn of(map: &Map) -> Self {
        let near = map.sites.iter().map(|site| (site.id.clone(), map.frame.near(site.position))).collect();
        Self { frame: map.frame, near }
    }

    /// The series around a site, if the map has it.
    pub(crate) fn near(&self, site: &SiteId) -> Option<&Near> {
        self.near.get(site)
    }

    /// Longitude and latitude, 1e-7 degrees. Both fit: the wire admits no point farther than 100 km from the origin.
    pub(crate) fn e7(&self, near: Option<&Near>, point: Point) -> (i32, i32) {
        let at = near.and_then(|near| near.to_wgs84(point)).unwrap_or_else(|| self.frame.to_wgs84(point));
        ((at.lon_deg * 1e7).round() as i32, (at.lat_deg * 1e7).round() as i32)
    }
}

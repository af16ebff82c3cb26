//! Which parts of which links the sites can see.

use jxz_map::{LaneIx, LaneKind, LinkIx, Map};
use jxz_world::{Site, SiteId};

/// Length of a cell at most, metres.
const CELL_M: f64 = 5.0;

/// A link with lanes for motor vehicles, cut into cells.
#[derive(Debug, Clone)]
pub(crate) struct CoveredLink {
    pub(crate) link: LinkIx,
    pub(crate) length_m: f64,
    pub(crate) free_mps: f64,
    cell_m: f64,
    /// For each cell, the sites that see its middle, as indices into [`Coverage::sites`].
    cells: Vec<Vec<u16>>,
}

impl CoveredLink {
    /// The cell at a share of the link's length, from 0 to 1.
    fn cell_at(&self, share: f64) -> usize {
        ((share.clamp(0.0, 1.0) * self.cells.len() as f64) as usize).min(self.cells.len() - 1)
    }

    pub(crate) fn summary(&self) -> LinkCoverage {
        let covered = self.cells.iter().filter(|sites| !sites.is_empty()).count();
        LinkCoverage {
            link: self.link,
            length_m: self.length_m,
            free_mps: self.free_mps,
            covered_share: covered as f64 / self.cells.len() as f64,
        }
    }
}

/// A link with lanes for motor vehicles, and how much of it is in view while every site is up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkCoverage {
    /// Which link.
    pub link: LinkIx,
    /// Along the lane in its middle, metres.
    pub length_m: f64,
    /// Free-flow speed: its limit, metres per second.
    pub free_mps: f64,
    /// The share of its length that a site can see, 0 to 1.
    pub covered_share: f64,
}

/// The links of a map and what of them is in view.
#[derive(Debug, Clone)]
pub(crate) struct Coverage {
    pub(crate) sites: Vec<SiteId>,
    /// By [`LinkIx`]; `None` for a link without lanes for motor vehicles.
    links: Vec<Option<CoveredLink>>,
}

impl Coverage {
    pub(crate) fn of(map: &Map) -> Self {
        let links = (0..map.links.len()).map(|ix| covered_link(map, LinkIx(ix as u32))).collect();
        Self { sites: map.sites.iter().map(|site| site.id.clone()).collect(), links }
    }

    /// Links with lanes for motor vehicles.
    pub(crate) fn links(&self) -> impl Iterator<Item = &CoveredLink> {
        self.links.iter().flatten()
    }

    pub(crate) fn link(&self, link: LinkIx) -> Option<&CoveredLink> {
        self.links.get(link.0 as usize)?.as_ref()
    }

    /// Sites that see any of a link.
    pub(crate) fn sites_of(&self, link: LinkIx) -> impl Iterator<Item = &SiteId> {
        let seen = move |k: &u16| self.link(link).is_some_and(|link| link.cells.iter().any(|sites| sites.contains(k)));
        (0..self.sites.len() as u16).filter(seen).map(|k| &self.sites[usize::from(k)])
    }

    /// What is in view while these sites are up, by [`LinkIx`].
    pub(crate) fn in_view(&self, up: &[bool]) -> Vec<InView> {
        let seen = |sites: &Vec<u16>| sites.iter().any(|k| up.get(usize::from(*k)).copied().unwrap_or(false));
        let view = |link: &Option<CoveredLink>| {
            let Some(link) = link else { return InView::default() };
            let cells: Vec<bool> = link.cells.iter().map(seen).collect();
            let covered_m = cells.iter().filter(|seen| **seen).count() as f64 * link.cell_m;
            InView { cells, covered_m }
        };
        self.links.iter().map(view).collect()
    }
}

/// What of a link is in view.
#[derive(Debug, Clone, Default)]
pub(crate) struct InView {
    cells: Vec<bool>,
    pub(crate) covered_m: f64,
}

impl InView {
    /// Whether the place at a share of the link's length is in view.
    pub(crate) fn sees(&self, link: &CoveredLink, share: f64) -> bool {
        self.cells.get(link.cell_at(share)).copied().unwrap_or(false)
    }
}

/// The lane in the middle of those for motor vehicles.
fn middle_lane(map: &Map, link: LinkIx) -> Option<LaneIx> {
    let driving: Vec<LaneIx> =
        map.link(link).lanes.iter().copied().filter(|lane| map.lane(*lane).kind == LaneKind::Driving).collect();
    driving.get(driving.len() / 2).copied()
}

fn covered_link(map: &Map, link: LinkIx) -> Option<CoveredLink> {
    let centre = &map.lane(middle_lane(map, link)?).centre;
    let length_m = centre.length_m();
    let count = (length_m / CELL_M).ceil().max(1.0) as usize;
    let cell_m = length_m / count as f64;
    let cells = (0..count).map(|cell| {
        let middle = centre.point_at((cell as f64 + 0.5) * cell_m);
        let sites = map.sites.iter().zip(0_u16..).filter(|(site, _)| sees(site, middle));
        sites.map(|(_, k)| k).collect()
    });
    let free_mps = map.link(link).speed_limit_mps.max(1.0);
    Some(CoveredLink { link, length_m, free_mps, cell_m, cells: cells.collect() })
}

/// Whether a site is to track what is at a place and has a sensor that points there. What stands in between is not
/// reckoned with.
pub(crate) fn sees(site: &Site, place: jxz_geo::Point) -> bool {
    (place - site.position).norm() <= site.coverage_m && site.sensors.iter().any(|sensor| sensor.sees(place))
}

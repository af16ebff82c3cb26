//! A folder with what a cloud of many nodes needs: a map with their sites, keys, a configuration.

use crate::daemons::{CloudToml, Held, HistoryToml, HttpToml, Listen, Pki, write_toml};
use anyhow::Context;
use jxz_geo::{LocalFrame, Point, Wgs84};
use jxz_link::Plan;
use jxz_wire::console::v1::Viewport;
use jxz_world::SiteId;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Centre of the map's frame.
const CENTRE: (f64, f64) = (32.03, 118.70);
/// Between neighbouring sites, degrees: some 300 m.
const SPACING_DEG: f64 = 0.003;

/// Where everything is.
pub(super) struct Ground {
    nodes: u32,
    frame: LocalFrame,
    pub(super) pki: PathBuf,
    pub(super) config: PathBuf,
    pub(super) quic: SocketAddr,
    pub(super) http: SocketAddr,
}

/// The name of a node's site.
pub(super) fn site(number: u32) -> SiteId {
    SiteId(format!("load-{number:04}"))
}

impl Ground {
    pub(super) fn make(folder: &Path, nodes: u32, history_hz: u32) -> anyhow::Result<Self> {
        let map = folder.join("map");
        write_map(&map, nodes).with_context(|| format!("cannot write a map into {}", map.display()))?;
        let pki = folder.join("pki");
        let plan = Plan {
            sites: (0..nodes).map(site).collect(),
            vehicles: 0,
            operators: vec!["loadgen".to_owned()],
            messages: crate::pki::message_plan(jxz_security::Algorithm::EcdsaP256),
            now: jxz_link::utc_now(),
            days: 2,
        };
        jxz_link::make(&pki, &plan, false).context("cannot make the nodes' keys")?;
        // Held until all are chosen, so that no two are the same.
        let mut held = Held::default();
        let frame = LocalFrame::new(Wgs84 { lat_deg: CENTRE.0, lon_deg: CENTRE.1 }).context("cannot make a frame")?;
        let (quic, http) = (held.udp()?, held.tcp(0)?);
        let ground = Self { nodes, frame, config: folder.join("cloud.toml"), quic, http, pki };
        let config = CloudToml {
            map: &map,
            data_dir: folder.join("data"),
            quic: Listen { listen: ground.quic },
            grpc: Listen { listen: held.tcp(0)? },
            http: HttpToml::open(ground.http, None),
            pki: Pki { dir: &ground.pki },
            authority: None,
            records: None,
            history: Some(HistoryToml { rate_hz: history_hz }),
            trace: None,
        };
        write_toml(&ground.config, &config)?;
        Ok(ground)
    }

    /// Where a node's site is in the map's frame.
    pub(super) fn place(&self, number: u32) -> Point {
        let (lon_deg, lat_deg) = place(number, self.nodes);
        self.frame.to_local(Wgs84 { lat_deg, lon_deg })
    }

    /// A part of the map with about so many sites, in its middle.
    pub(super) fn viewport(&self, sites: u32) -> Viewport {
        let reach_deg = SPACING_DEG * f64::from(sites.max(1)).sqrt() / 2.0;
        // What the cloud adds on each side is a quarter of the whole.
        let reach_e7 = (reach_deg / 1.5 * 1e7) as i32;
        let (lat_e7, lon_e7) = ((CENTRE.0 * 1e7) as i32, (CENTRE.1 * 1e7) as i32);
        Viewport {
            west_e7: lon_e7 - reach_e7,
            south_e7: lat_e7 - reach_e7,
            east_e7: lon_e7 + reach_e7,
            north_e7: lat_e7 + reach_e7,
            zoom: 0.0,
            chosen: 0,
        }
    }
}

/// Longitude and latitude of a site, degrees: rows of as many as there are columns.
fn place(number: u32, nodes: u32) -> (f64, f64) {
    let side = f64::from(nodes).sqrt().ceil();
    let (row, column) = ((f64::from(number) / side).floor(), f64::from(number) % side);
    (CENTRE.1 + SPACING_DEG * (column - side / 2.0), CENTRE.0 + SPACING_DEG * (row - side / 2.0))
}

/// One road, and the sites in rows around it.
fn write_map(folder: &Path, nodes: u32) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let (lat_deg, lon_deg) = CENTRE;
    let map = format!(
        "name = \"load\"\nedition = \"1\"\ncredit = \"synthetic\"\n\n[frame]\nlat_deg = {lat_deg}\nlon_deg = {lon_deg}\n\n\
         [speed_limits_kmh]\nstreet = 50\n\n[[profile]]\nid = \"street\"\nmedian_m = 0.0\n\
         strips = [{{ kind = \"driving\", width_m = 3.5 }}]\n"
    );
    let road = format!(
        "[[road]]\nid = \"road\"\nclass = \"street\"\nprofile = \"street\"\none_way = true\nfrom = \"edge\"\nto = \"edge\"\n\
         points = [[{}, {lat_deg}], [{}, {lat_deg}]]\n",
        lon_deg - 0.01,
        lon_deg + 0.01
    );
    let mut sites = String::new();
    for number in 0..nodes {
        let (lon, lat) = place(number, nodes);
        let id = site(number);
        // Writing into a string cannot fail.
        let _ = write!(
            sites,
            "[[site]]\nid = \"{id}\"\nname_zh = \"{number}号\"\nname_en = \"No. {number}\"\nat = [{lon}, {lat}]\n\
             coverage_m = 150.0\n\n"
        );
    }
    let junctions = String::new();
    let files = [("map.toml", map), ("roads.toml", road), ("junctions.toml", junctions), ("sites.toml", sites)];
    for (name, text) in files {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_has_every_node() {
        let folder = tempfile::tempdir().unwrap();
        write_map(folder.path(), 37).unwrap();
        let map = jxz_map::Map::load(folder.path()).unwrap();
        assert_eq!(map.sites.len(), 37);
        assert!((0..37).all(|number| map.sites.iter().any(|s| s.id == site(number))));
    }
}

//! The island as committed.

use jxz_map::Map;
use std::path::Path;

fn island() -> Map {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Map::load(&dir).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_island_loads() {
    let map = island();
    println!(
        "{} lanes {} links {} junctions {} crossings {} stops {} sites {} stations",
        map.lanes.len(),
        map.links.len(),
        map.junctions.len(),
        map.crossings.len(),
        map.bus_stops.len(),
        map.sites.len(),
        map.base_stations.len()
    );
    assert!(map.sites.len() >= 12);
    assert!(map.base_stations.len() >= 100);
}

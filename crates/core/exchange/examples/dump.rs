fn main() {
    let map = jxz_map::Map::load(std::path::Path::new("seeds/island")).unwrap();
    let f = jxz_exchange::sumo_files(&map, "island");
    for (e, t) in [("nod.xml", f.nodes), ("edg.xml", f.edges), ("con.xml", f.connections), ("tll.xml", f.signals), ("netccfg", f.configuration)] {
        std::fs::write(format!("/tmp/su-out/island.{e}"), t).unwrap();
    }
    std::fs::write("/tmp/su-out/island.rou.xml", jxz_exchange::demand(&map, &jxz_exchange::Demand { seconds: 600.0, ..Default::default() })).unwrap();
}

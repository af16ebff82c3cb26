//! The island as committed.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::island;
use jxz_map::{Control, CrossingControl, LaneKind, Map, MapIndex, check, geojson};
use jxz_world::SensorKind;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn nothing_is_wrong_with_the_island() {
    let findings = check(&island());
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn the_island_is_all_there() {
    let map = island();
    assert!(map.credit.contains("OpenStreetMap contributors") && map.credit.contains("ODbL"));
    let names: BTreeSet<&str> = map.links.iter().map(|l| l.name_zh.as_str()).collect();
    // Every road name of the source.
    for name in "民安路 江堤路 夹江大桥 中新大道 思泽路 红星街 揽江街 亚鹏路 星影街 宏俊街 南京眼步行桥 志坚街 绿水街 科技路 永定街 \
                 南京江心洲长江大桥 梅子洲路 龙恩街 文泰街 环岛东路 文武街 星月街 星洲街 贤达路 星岛街 和韵路 贤坤路 洲宁街 葡园路 环岛西路 \
                 宏俊路 文萃街 熙怡路 林荫路 桃园街"
        .split_whitespace()
    {
        assert!(names.contains(name), "{name} is missing");
    }
    let signalled = map.junctions.iter().filter(|j| matches!(j.control, Control::Signals(_))).count();
    assert!((15..=25).contains(&signalled), "{signalled}");
    assert!((12..=20).contains(&map.sites.len()));
    assert!(map.base_stations.len() >= 100);
    for line in ["486", "552", "553"] {
        assert!(map.bus_stops.iter().any(|s| s.lines.iter().any(|l| l == line)), "line {line}");
    }
    // The source's reader counts about 132 km of carriageway; ours, both directions of two-way roads counted once.
    let both: f64 = map.links.iter().map(|l| if l.opposite.is_some() { 0.5 } else { 1.0 } * l.line.length_m()).sum();
    assert!((60_000.0..140_000.0).contains(&both), "{both}");
}

#[test]
fn the_motorway_meets_the_ground_only_at_its_ramps() {
    let map = island();
    let above: Vec<_> = map.links.iter().filter(|l| l.level == 1).collect();
    assert!(above.len() >= 8);
    for connector in map.lanes.iter().filter(|l| l.link.is_none()) {
        let ends = [connector.predecessors[0], connector.successors[0]].map(|l| map.link(map.lane(l).link.unwrap()));
        if ends[0].level != ends[1].level {
            assert!(ends.iter().any(|l| l.id.starts_with("ramp-")), "{}", connector.id);
        }
    }
}

#[test]
fn of_two_that_meet_exactly_one_gives_way() {
    let map = island();
    let mut met = 0;
    for (k, lane) in map.lanes.iter().enumerate() {
        let Some(movement) = &lane.movement else { continue };
        for (other, here_m, there_m) in &movement.conflicts {
            let there = map.lane(*other);
            let their = there.movement.as_ref().unwrap();
            let back = their.conflicts.iter().find(|c| c.0.0 as usize == k).unwrap();
            assert_eq!((back.1, back.2), (*there_m, *here_m));
            let apart = (lane.centre.point_at(*here_m) - there.centre.point_at(*there_m)).norm();
            let same_end = lane.successors == there.successors;
            assert!(apart < if same_end { 12.0 } else { 0.01 }, "{} and {}: {apart}", lane.id, there.id);
            let mine = movement.yields_to.contains(other);
            assert_ne!(mine, their.yields_to.iter().any(|l| l.0 as usize == k));
            met += 1;
        }
    }
    assert!(met > 1000);
}

/// Share of the points of a site's junction and of its approaches, up to 80 m from the junction, seen by a kind of sensor.
fn seen(map: &Map, site: usize, kind: Option<SensorKind>) -> f64 {
    let site = &map.sites[site];
    let junction = map.junction(map.junction_by_id(site.junction.as_ref().unwrap()).unwrap());
    let incoming = junction.incoming.iter().flat_map(|l| &map.link(*l).lanes);
    let (mut all, mut hit) = (0.0, 0.0);
    for lane in incoming.chain(&junction.connectors).map(|l| map.lane(*l)).filter(|l| l.kind == LaneKind::Driving) {
        let mut s = 0.0;
        while s < lane.centre.length_m() {
            let point = lane.centre.point_at(s);
            s += 2.0;
            if (point - junction.centre).norm() < 80.0 {
                all += 1.0;
                let mut sensors = site.sensors.iter().filter(|s| kind.is_none_or(|k| s.kind == k));
                hit += if sensors.any(|s| s.sees(point)) { 1.0 } else { 0.0 };
            }
        }
    }
    hit / all
}

#[test]
fn each_site_sees_its_junction_and_the_approaches() {
    let map = island();
    for (k, site) in map.sites.iter().enumerate() {
        let count = |kind| site.sensors.iter().filter(|s| s.kind == kind).count();
        assert_eq!((count(SensorKind::Radar), count(SensorKind::Camera)), (2, 2), "{}", site.id);
        let shares = [None, Some(SensorKind::Radar), Some(SensorKind::Camera)].map(|kind| seen(&map, k, kind));
        assert!(shares[0] > 0.97 && shares[1] > 0.85 && shares[2] > 0.75, "{}: {shares:?}", site.id);
    }
}

#[test]
fn crossings_at_signals_wait_for_them() {
    let map = island();
    let mut by_signal = 0;
    for junction in &map.junctions {
        for crossing in junction.crossings.iter().map(|ix| map.crossing(*ix)) {
            let signalled = matches!(crossing.control, Some(CrossingControl::Signal(..)));
            assert_eq!(signalled, matches!(junction.control, Control::Signals(_)), "{}", crossing.id);
            assert!(!crossing.lanes.is_empty(), "{}", crossing.id);
            by_signal += usize::from(signalled);
        }
    }
    assert!(by_signal >= 40);
}

#[test]
fn from_every_edge_one_can_drive_to_every_other() {
    let map = island();
    let index = MapIndex::new(&map);
    let lanes = |start: bool| {
        let links = map.links.iter().filter(move |l| if start { l.from.is_none() } else { l.to.is_none() });
        links.flat_map(|l| &l.lanes).copied().filter(|l| map.lane(*l).kind == LaneKind::Driving).collect::<Vec<_>>()
    };
    let (entries, exits) = (lanes(true), lanes(false));
    assert!(entries.len() >= 4 && exits.len() >= 4);
    let ground: Vec<usize> = (0..map.lanes.len())
        .filter(|k| {
            map.lanes[*k].kind == LaneKind::Driving && map.lanes[*k].link.is_some_and(|l| map.link(l).level == 0)
        })
        .collect();
    let reach: Vec<usize> = entries
        .iter()
        .map(|entry| {
            let costs = index.costs_from(*entry);
            ground.iter().filter(|k| costs[**k].is_some()).count()
        })
        .collect();
    // Some way in reaches the whole of the island's ground.
    assert_eq!(reach.iter().max(), Some(&ground.len()), "{reach:?} of {}", ground.len());
}

#[test]
fn geojson_is_the_same_map_in_degrees() {
    let map = island();
    let value: serde_json::Value = serde_json::from_str(&geojson(&map)).unwrap();
    let features = value["features"].as_array().unwrap();
    let mut layers: BTreeMap<&str, usize> = BTreeMap::new();
    for feature in features {
        *layers.entry(feature["properties"]["layer"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(layers["link"], map.links.len());
    assert_eq!(layers["lane"] + layers["connector"], map.lanes.len());
    assert_eq!(layers["sensor"], map.sites.len() * 4);
    for layer in ["junction", "stop_line", "crossing", "bus_stop", "site", "base_station"] {
        assert!(layers.contains_key(layer), "{layer}");
    }
    let junction = features.iter().find(|f| f["properties"]["layer"] == "junction").unwrap();
    let at = |k: usize| junction["geometry"]["coordinates"][k].as_f64().unwrap();
    let local = map.frame.to_local(jxz_geo::Wgs84 { lon_deg: at(0), lat_deg: at(1) });
    assert!((local - map.junctions[0].centre).norm() < 0.02);
}

//! On the real island's map: every site, every lane.

mod common;

use common::{at, car};
use jxz_hazard::{HazardConfig, Hazards, Round};
use jxz_map::{LaneKind, Map};
use jxz_world::{Application, Track, WarningKind};
use std::path::Path;
use std::sync::Arc;

fn island() -> Arc<Map> {
    Arc::new(Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island")).expect("the seed loads"))
}

/// A car on each driving lane within the site's coverage, on the ground, 40 m before the lane's nearest point to the
/// site (or at its beginning), at 0.6 of its limit.
fn one_on_each_lane(map: &Map, site: &jxz_world::Site, t: f64) -> Vec<Track> {
    let mut cars = Vec::new();
    for (i, lane) in map.lanes.iter().enumerate() {
        let on_ground = lane.link.is_some_and(|link| map.link(link).level == 0);
        let nearest = lane.centre.project(site.position);
        if on_ground && lane.kind == LaneKind::Driving && nearest.distance_m < 0.7 * site.coverage_m {
            let v = 0.6 * lane.speed_limit_mps;
            let s = (nearest.s_m - 40.0).max(0.0) + v * t;
            let (p, d) = (lane.centre.point_at(s), lane.centre.direction_at(s));
            cars.push(car(i as u64, t, (p.x, p.y), (v * d.x, v * d.y)));
        }
    }
    cars
}

#[test]
fn a_lone_driver_on_any_lane_of_any_site_is_left_in_peace() {
    let map = island();
    assert!(map.sites.len() >= 12);
    for site in &map.sites {
        let mut hazards = Hazards::new(map.clone(), site, HazardConfig::default());
        let rounds: Vec<Vec<Track>> = (0..10).map(|i| one_on_each_lane(&map, site, f64::from(i) * 0.1)).collect();
        assert!(!rounds[0].is_empty(), "site {} sees no lane", site.id);
        for k in 0..rounds[0].len() {
            // Each alone, a minute apart, for a second.
            for (i, cars) in rounds.iter().enumerate() {
                let (t, start) = (i as f64 * 0.1, 60.0 * k as f64);
                let mut track = cars[k].clone();
                (track.valid_at, track.measured_at) = (at(start + t), at(start + t - 0.02));
                let said = hazards.assess(&Round::of_tracks(at(start + t), &[track], None));
                // What the signs ahead say is no disturbance.
                assert!(said.iter().all(|w| w.application == Application::Ivs), "site {}: {said:?}", site.id);
            }
        }
    }
}

#[test]
fn places_lead_to_their_events_wherever_they_are() {
    let map = island();
    let mut kinds = std::collections::BTreeSet::new();
    for site in &map.sites {
        let mut hazards = Hazards::new(map.clone(), site, HazardConfig::default());
        for i in 0..45 {
            let t = f64::from(i) * 0.1;
            for warning in hazards.assess(&Round::of_tracks(at(t), &one_on_each_lane(&map, site, t), None)) {
                let place = &warning.place;
                let aside_m = place.path.project(place.at).distance_m;
                assert!(aside_m <= place.radius_m + 3.0, "{aside_m} m beside its way: {warning:?}");
                assert!((0.0..=1.0).contains(&warning.confidence));
                kinds.insert(warning.kind());
            }
        }
    }
    assert!(kinds.contains(&WarningKind::Collision), "all drive at once, without lights: {kinds:?}");
}

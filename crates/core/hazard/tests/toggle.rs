//! Switching any application off changes no byte of the others' output.

mod common;

use common::*;
use jxz_geo::Point;
use jxz_hazard::{HazardConfig, Round};
use jxz_world::{
    Application, Emergency, JunctionSignals, Response, RoadHazard, RoadReport, RoadUserClass, Track, VehicleDetails,
    VehicleEvents, VehicleId, VehicleReport, Warning,
};
use std::collections::{BTreeMap, BTreeSet};

/// Something for every application, one after the other on the same roads.
fn busy(t: f64) -> Vec<Track> {
    let mut all = vec![
        // A speeder closing on one that brakes hard, and one behind that.
        car(1, t, (-190.0 + 18.0 * t, -right_of(0)), (18.0, 0.0)),
        car(2, t, (-110.0 + braking(12.0, 6.0, t - 2.0).0, -right_of(0)), (braking(12.0, 6.0, t - 2.0).1, 0.0)),
        // Northbound against the light, and a left turn's worth of crossing traffic.
        car(3, t, (right_of(0), -95.0 + 12.0 * t), (0.0, 12.0)),
        car(4, t, (95.0 - 12.0 * t, right_of(0)), (-12.0, 0.0)),
        // A pedestrian, a cyclist, a thing on the road, one that stands, one that creeps.
        walker(5, t, (40.0, 9.0 - 1.4 * t), (0.0, -1.4)),
        user(6, RoadUserClass::NonMotor, t, (60.0, -30.0 + 4.5 * t), (0.0, 4.5)),
        Track { extent_m: Some((0.6, 0.5)), ..standing(7, t, (120.0, right_of(1)), 270.0) },
        standing(8, t, (-60.0, -right_of(1)), 90.0),
        car(9, t, (right_of(1), -150.0 + 2.0 * t), (0.0, 2.0)),
        // Against the lane, with one coming.
        car(10, t, (right_of(0), 180.0 - 10.0 * t), (0.0, -10.0)),
        car(11, t, (right_of(0), 20.0 + 10.0 * t), (0.0, 10.0)),
        // Moving over onto one beside.
        car(
            12,
            t,
            (-180.0 + 11.0 * t, -right_of(1) + 0.9 * (t - 4.0).clamp(0.0, 1.5)),
            (11.0, if t > 4.0 && t < 5.5 { 0.9 } else { 0.0 }),
        ),
        car(13, t, (-181.0 + 11.0 * t, -right_of(0)), (11.0, 0.0)),
        // An ambulance, and one that says that it slides.
        car(14, t, (150.0 - 14.0 * t, right_of(1)), (-14.0, 0.0)),
        car(15, t, (-right_of(0), 150.0 - 9.0 * t), (0.0, -9.0)),
    ];
    // Crawling traffic on the way out to the east.
    all.extend((0..10_u32).map(|i| {
        let (x, k) = (60.0 + 13.0 * f64::from(i) + 1.0 * (t % 13.0), (i % 2) as u8);
        car(200 + u64::from(i), t, (x, -right_of(k)), (1.0, 0.0))
    }));
    for track in &mut all {
        track.vehicle = Some(VehicleId(track.id.0.to_be_bytes()));
    }
    all
}

fn reports(t: f64) -> BTreeMap<VehicleId, VehicleReport> {
    let ambulance = Emergency { response: Some(Response::Emergency), siren: Some(true), light: None };
    let slides = VehicleEvents { stability_control_activated: true, ..VehicleEvents::default() };
    [
        report(14, t, VehicleDetails { emergency: Some(ambulance), ..VehicleDetails::default() }),
        report(15, t, VehicleDetails { events: Some(slides), ..VehicleDetails::default() }),
    ]
    .into()
}

fn conditions() -> [RoadReport; 2] {
    [(1, RoadHazard::Water, -120.0, -3.0), (2, RoadHazard::Works, 3.0, -120.0)].map(|(id, hazard, x, y)| RoadReport {
        id,
        hazard,
        at: Point::new(x, y),
        radius_m: 10.0,
        safe_mps: 8.0,
        valid_until: at(1000.0),
    })
}

fn lights(t: f64) -> JunctionSignals {
    let mut lights = signals(t, NORTH_SOUTH);
    // East and west turn green in time for those that come slowly.
    for phase in &mut lights.phases {
        phase.likely_end = at(16.0);
        phase.next =
            Some(if phase.light.is_go() { (jxz_world::Light::Red, 30.0) } else { (jxz_world::Light::Green, 30.0) });
    }
    lights
}

fn said(config: HazardConfig) -> Vec<Warning> {
    let mut hazards = hazards(config);
    let mut all = Vec::new();
    for i in 0..160 {
        let t = f64::from(i) * 0.1;
        let (tracks, reports, lights) = (busy(t), reports(t), lights(t));
        let conditions = conditions();
        let round = Round {
            at: at(t),
            tracks: &tracks,
            signals: Some(&lights),
            reports: &reports,
            conditions: &conditions,
            congested: &[],
        };
        all.extend(hazards.assess(&round));
    }
    all
}

#[test]
fn switching_any_application_off_changes_no_byte_of_the_others() {
    let everything = said(HazardConfig::default());
    let seen: BTreeSet<Application> = everything.iter().map(|w| w.application).collect();
    let missing: Vec<_> = Application::ALL.into_iter().filter(|a| !seen.contains(a)).collect();
    assert!(seen.len() >= 15, "the scene is not busy enough: {missing:?}");
    for off in Application::ALL {
        let mut config = HazardConfig::default();
        config.set_enabled(off, false);
        let without = said(config);
        let others: Vec<&Warning> = everything.iter().filter(|w| w.application != off).collect();
        assert!(without.iter().all(|w| w.application != off), "{off:?} is off");
        assert_eq!(others.len(), without.len(), "{off:?}");
        for (before, after) in others.into_iter().zip(&without) {
            assert_eq!(format!("{before:?}"), format!("{after:?}"), "without {off:?}");
        }
    }
}

#[test]
fn numbers_name_the_site_the_application_and_a_counter_of_its_own() {
    let everything = said(HazardConfig::default());
    let site = everything[0].id.0 >> 32;
    for warning in &everything {
        let index = Application::ALL.iter().position(|a| *a == warning.application).unwrap() as u64;
        assert_eq!((warning.id.0 >> 32, warning.id.0 >> 27 & 31), (site, index));
    }
}

//! One scene in which each application warns, and one much like it in which it must not.

mod common;

use common::*;
use jxz_geo::Point;
use jxz_hazard::{HazardConfig, Round};
use jxz_world::{
    Application, Cause, Emergency, JunctionSignals, Level, Light, PhaseId, Response, RoadHazard, RoadReport,
    RoadUserClass, Track, TrackId, VehicleDetails, VehicleEvents, VehicleId,
};
use std::collections::BTreeMap;

/// What else a scene has besides tracks.
#[derive(Default)]
struct Extra {
    says: Vec<(u64, VehicleDetails)>,
    conditions: Vec<RoadReport>,
    lights: Option<fn(f64) -> JunctionSignals>,
}

fn run((from, to): (f64, f64), tracks: impl Fn(f64) -> Vec<Track>, extra: &Extra) -> Said {
    let mut hazards = hazards(HazardConfig::default());
    let mut said = Said::default();
    for i in 0..((to - from) * 10.0).round() as u32 {
        let t = from + f64::from(i) * 0.1;
        let mut tracks = tracks(t);
        tracks.iter_mut().for_each(|track| track.vehicle = Some(VehicleId(track.id.0.to_be_bytes())));
        let reports: BTreeMap<_, _> = extra.says.iter().map(|(id, details)| report(*id, t, *details)).collect();
        let lights = extra.lights.map(|lights| lights(t));
        let (signals, conditions) = (lights.as_ref(), &extra.conditions[..]);
        let round = Round { at: at(t), tracks: &tracks, signals, reports: &reports, conditions, congested: &[] };
        said.0.extend(hazards.assess(&round).into_iter().map(|warning| (t, warning)));
    }
    said
}

fn events(events: VehicleEvents) -> VehicleDetails {
    VehicleDetails { events: Some(events), ..VehicleDetails::default() }
}

/// Sideways at 0.75 m/s from t = 3 on, of which a report's usual error would be 0.45 m/s.
#[test]
fn bsw_a_change_against_how_steadily_a_vehicle_told_of_its_course() {
    let scene = |t: f64| {
        let v = if t >= 3.0 { 0.75 } else { 0.0 };
        let mut changes = car(1, t, (-180.0 + 11.0 * t, -right_of(1) + v * (t - 3.0)), (11.0, v));
        (changes.covariance[(2, 2)], changes.covariance[(3, 3)]) = (0.2, 0.2);
        vec![changes, car(2, t, (-182.0 + 11.0 * t, -right_of(0)), (11.0, 0.0))]
    };
    let says = vec![(1, VehicleDetails::default())];
    let raised = |says| run((0.0, 4.5), scene, &Extra { says, ..Extra::default() }).by(Application::Bsw).len();
    assert_eq!(raised(says), 1);
    assert_eq!(raised(vec![]), 0, "a radar's error is not steady");
}

fn told(warning: &jxz_world::Warning) -> Vec<u64> {
    warning.concerned.iter().map(|c| c.track.0).collect()
}

#[test]
fn bsw_moving_over_onto_someone_beside() {
    let scene = |sideways: f64| {
        move |t: f64| {
            let v = if (2.0..3.5).contains(&t) { sideways } else { 0.0 };
            let y = -right_of(1) + sideways * (t - 2.0).clamp(0.0, 1.5);
            vec![
                car(1, t, (-180.0 + 11.0 * t, y), (11.0, v)),
                car(2, t, (-182.0 + 11.0 * t, -right_of(0)), (11.0, 0.0)),
            ]
        }
    };
    let said = run((0.0, 4.0), scene(0.9), &Extra::default());
    let raised = said.by(Application::Bsw);
    assert_eq!(raised.len(), 1, "{:?}", said.applications());
    assert_eq!((raised[0].1.about[0], told(&raised[0].1)), (TrackId(2), vec![1, 2]));
    assert!(raised[0].0 <= 2.4 && raised[0].1.level >= Level::Warning);
    // A sway within the lane.
    assert!(run((0.0, 4.0), scene(0.2), &Extra::default()).by(Application::Bsw).is_empty());
}

#[test]
fn dnpw_overtaking_with_someone_coming() {
    // Overtakes a slow one on the north leg, where one comes towards it or goes away from it.
    let scene = |oncoming: f64| {
        move |t: f64| {
            let x = if t < 1.0 { right_of(0) } else { right_of(0) - LANE_M * ((t - 1.0) / 2.0).min(1.0) };
            let aside = if (1.0..3.0).contains(&t) { -LANE_M / 2.0 } else { 0.0 };
            vec![
                car(1, t, (x, 30.0 + 13.0 * t), (aside, 13.0)),
                car(2, t, (right_of(0), 50.0 + 5.0 * t), (0.0, 5.0)),
                car(3, t, (-right_of(0), 190.0 - oncoming * t), (0.0, -oncoming)),
            ]
        }
    };
    let said = run((0.0, 5.0), scene(12.0), &Extra::default());
    let raised = said.by(Application::Dnpw);
    assert_eq!(raised.len(), 1, "{:?}", said.applications());
    assert_eq!(told(&raised[0].1), [1, 3]);
    assert!(said.by(Application::WrongWay).is_empty(), "overtaking is not wrong-way driving");
    let alone = |t: f64| scene(12.0)(t).into_iter().filter(|track| track.id != TrackId(3)).collect();
    assert!(run((0.0, 5.0), alone, &Extra::default()).by(Application::Dnpw).is_empty());
}

#[test]
fn wrong_way_everyone_that_it_comes_towards() {
    let scene = |t: f64| {
        vec![
            car(1, t, (right_of(1), 190.0 - 11.0 * t), (0.0, -11.0)),
            car(2, t, (right_of(1), 20.0 + 8.0 * t), (0.0, 8.0)),
            car(3, t, (-right_of(1), 190.0 - 8.0 * t), (0.0, -8.0)),
        ]
    };
    let said = run((0.0, 5.0), scene, &Extra::default());
    let raised = said.by(Application::WrongWay);
    assert_eq!(raised.len(), 1, "{:?}", said.applications());
    assert!(raised[0].0 < 2.0 && raised[0].1.about == [TrackId(1)]);
    assert_eq!(told(&raised[0].1), [1, 2], "and not the one on the other side");
}

#[test]
fn ebw_reported_before_it_is_seen_and_for_the_second_behind() {
    let scene =
        |t: f64| (0..3).map(|k| car(k, t, (-100.0 - 18.0 * k as f64 + 12.0 * t, -right_of(0)), (12.0, 0.0))).collect();
    let hard = events(VehicleEvents { hard_braking: true, ..VehicleEvents::default() });
    let said = run((0.0, 2.0), scene, &Extra { says: vec![(0, hard)], ..Extra::default() });
    let mut all: Vec<_> = said.by(Application::Ebw).iter().map(|(_, w)| told(w)[0]).collect();
    all.sort_unstable();
    assert_eq!(all, [1, 2]);
    assert!(run((0.0, 2.0), scene, &Extra::default()).by(Application::Ebw).is_empty());
}

#[test]
fn avw_one_that_creeps_alone_or_says_that_it_cannot_drive() {
    let scene = |v: f64| {
        move |t: f64| {
            let behind = car(2, t, (-190.0 + 6.0 * t, -right_of(1)), (6.0, 0.0));
            vec![car(1, t, (-150.0 + v * t, -right_of(1)), (v, 0.0)), behind]
        }
    };
    let said = run((0.0, 9.0), scene(2.0), &Extra::default());
    assert_eq!(said.by(Application::Avw).len(), 1, "{:?}", said.applications());
    assert!(told(&said.by(Application::Avw)[0].1).contains(&2));
    assert!(run((0.0, 9.0), scene(8.0), &Extra::default()).by(Application::Avw).is_empty());
    let disabled = events(VehicleEvents { disabled: true, ..VehicleEvents::default() });
    let said = run((0.0, 1.0), scene(2.0), &Extra { says: vec![(1, disabled)], ..Extra::default() });
    assert_eq!(said.by(Application::Avw).len(), 1);
}

#[test]
fn clw_one_that_reports_a_slide() {
    let scene = |t: f64| {
        vec![
            car(1, t, (-120.0 + 12.0 * t, -right_of(0)), (12.0, 0.0)),
            car(2, t, (-150.0 + 14.0 * t, -right_of(1)), (14.0, 0.0)),
            car(3, t, (190.0, right_of(1)), (-1.0, 0.0)),
        ]
    };
    let slides = events(VehicleEvents { stability_control_activated: true, ..VehicleEvents::default() });
    let said = run((0.0, 1.0), scene, &Extra { says: vec![(1, slides)], ..Extra::default() });
    assert_eq!(said.by(Application::Clw).len(), 1);
    assert_eq!(told(&said.by(Application::Clw)[0].1), [2], "the one far off is not told");
    assert!(run((0.0, 1.0), scene, &Extra::default()).by(Application::Clw).is_empty());
}

#[test]
fn vrucw_one_who_comes_from_behind_a_standing_bus_is_warned_of_at_once() {
    // Runs out at 2 m/s beside a standing bus in the outer lane, first seen at t = 0, 1.8 s before a car meets it.
    let scene = |with_bus: bool| {
        move |t: f64| {
            let mut all = vec![car(1, t, (140.0 - 13.9 * 1.8 + 13.9 * t, -right_of(0)), (13.9, 0.0))];
            let bus = Track { extent_m: Some((12.0, 2.5)), ..standing(2, t, (132.0, -right_of(1)), 90.0) };
            all.extend(with_bus.then_some(bus));
            if t >= 0.0 {
                let y = -right_of(0) - 2.0 * (1.8 - t);
                all.push(Track { since: at(0.0), ..walker(3, t, (140.0, y), (0.0, 2.0)) });
            }
            all
        }
    };
    let said = run((-2.0, 1.8), scene(true), &Extra::default());
    let raised = said.by(Application::Vrucw);
    assert_eq!(raised.len(), 1);
    assert!(raised[0].0 < 0.05, "raised at {}", raised[0].0);
    assert_eq!(raised[0].1.about, [TrackId(3)]);
}

#[test]
fn vrucw_right_hook_over_a_cyclist() {
    // The car turns right at 5 m/s over the way of a cyclist who goes straight on beside it.
    let map = town();
    let turn = map
        .lanes
        .iter()
        .find(|l| l.movement.as_ref().is_some_and(|m| m.turn == jxz_map::Turn::Right) && l.centre.start().x < -14.0);
    let line = turn.unwrap().centre.clone();
    let scene = |t: f64| {
        let s = (8.0 + 5.0 * t).max(0.0);
        let (p, d) = (line.point_at(s), line.direction_at(s));
        let cyclist = user(2, RoadUserClass::NonMotor, t, (p.x, -7.5), (5.0, 0.0));
        let at_zero = line.point_at(8.0 + 5.0 * 1.2).x;
        let cyclist = Track { position: Point::new(at_zero + 5.0 * (t - 1.2), -9.0), ..cyclist };
        vec![car(1, t, (p.x, p.y), (5.0 * d.x, 5.0 * d.y)), cyclist]
    };
    let said = run((-1.5, 1.2), scene, &Extra::default());
    assert_eq!(said.by(Application::Vrucw).len(), 1, "{:?}", said.applications());
    assert_eq!(said.by(Application::Vrucw)[0].1.about, [TrackId(2)]);
}

#[test]
fn hlw_a_thing_on_the_road_and_not_a_person() {
    let scene = |moved: bool| {
        move |t: f64| {
            let v = if moved && t < 1.0 { 3.0 } else { 0.0 };
            let thing = user(1, RoadUserClass::NonMotor, t, (-100.0 + v * t, -right_of(1)), (v, 0.0));
            vec![Track { extent_m: Some((0.6, 0.6)), ..thing }, car(2, t, (-190.0 + 8.0 * t, -right_of(0)), (8.0, 0.0))]
        }
    };
    let said = run((0.0, 6.0), scene(false), &Extra::default());
    let raised = said.by(Application::Hlw);
    assert_eq!(raised.len(), 1, "{:?}", said.applications());
    assert!(matches!(raised[0].1.cause, Cause::Hazard { hazard: RoadHazard::Object, .. }));
    assert!(run((0.0, 6.0), scene(true), &Extra::default()).by(Application::Hlw).is_empty(), "it rode there by itself");
}

fn condition(hazard: RoadHazard, safe_mps: f64) -> Extra {
    let report =
        RoadReport { id: 9, hazard, at: Point::new(-80.0, -3.0), radius_m: 15.0, safe_mps, valid_until: at(4.0) };
    Extra { conditions: vec![report], ..Extra::default() }
}

#[test]
fn reported_water_works_and_the_speed_that_is_safe_there_until_they_are_over() {
    let scene = |t: f64| {
        vec![
            car(1, t, (-150.0 + 12.0 * t, -right_of(0)), (12.0, 0.0)),
            car(2, t, (150.0 - 12.0 * t, right_of(0)), (-12.0, 0.0)),
        ]
    };
    for (hazard, application) in [(RoadHazard::Water, Application::Hlw), (RoadHazard::Works, Application::RoadWorks)] {
        let said = run((0.0, 6.0), scene, &condition(hazard, 5.0));
        let raised = said.by(application);
        assert_eq!(raised.len(), 1, "{:?}", said.applications());
        assert_eq!((raised[0].0, told(&raised[0].1)), (0.0, vec![1]), "at once, to those that drive into it");
        // 12 m/s where 5 is safe in 55 m takes 1.1 m/s²; nearer it takes too much.
        assert_eq!(said.by(Application::Slw).len(), 1);
        let over = said.0.iter().rfind(|(_, w)| w.application == application).unwrap();
        assert_eq!(over.1.stage, jxz_world::WarningStage::Cancelled);
    }
    let said = run((0.0, 6.0), scene, &condition(RoadHazard::Fog, 12.0));
    assert!(said.by(Application::Slw).is_empty(), "slow enough");
    let nonsense = condition(RoadHazard::Fog, f64::NAN);
    assert!(run((0.0, 5.0), scene, &nonsense).applications().is_empty());
}

fn red_soon_green(t: f64) -> JunctionSignals {
    let mut lights = signals(t, NORTH_SOUTH);
    for phase in &mut lights.phases {
        phase.likely_end = at(14.0);
        phase.next = Some((if phase.light.is_go() { Light::Red } else { Light::Green }, 30.0));
    }
    lights
}

#[test]
fn svw_one_who_will_run_the_red_light_and_not_one_who_brakes() {
    let lights = Extra { lights: Some(|t| signals(t, NORTH_SOUTH)), ..Extra::default() };
    let runs = |t: f64| vec![car(1, t, (-100.0 + 13.0 * t, -right_of(0)), (13.0, 0.0))];
    let said = run((0.0, 6.4), runs, &lights);
    let raised = said.by(Application::Svw);
    assert_eq!(raised.len(), 1, "{:?}", said.applications());
    let left_s = (100.0 - BOX_M - 1.0 - 2.3) / 13.0 - raised[0].0;
    assert!((1.8..3.5).contains(&left_s), "{left_s:.1} s before the line");
    let brakes = |t: f64| {
        let (s, v) = braking(13.0, 2.2, t - 2.0);
        vec![car(1, t, (-100.0 + 26.0 - 10.0 + s, -right_of(0)), (v, 0.0))]
    };
    assert!(run((0.0, 8.0), brakes, &lights).by(Application::Svw).is_empty());
    let green = Extra { lights: Some(|t| signals(t, EAST_WEST)), ..Extra::default() };
    assert!(run((0.0, 6.4), runs, &green).by(Application::Svw).is_empty());
}

#[test]
fn glosa_the_speed_that_meets_the_green_and_only_with_a_plan() {
    // 150 m before the line, green in 14 s: 150 m over 15 s is 10 m/s.
    let x = -BOX_M - 1.0 - 2.3 - 150.0;
    let scene = move |t: f64| vec![car(1, t, (x + 13.0 * t, -right_of(0)), (13.0, 0.0))];
    let said = run((0.0, 1.0), scene, &Extra { lights: Some(red_soon_green), ..Extra::default() });
    let raised = said.by(Application::Glosa);
    assert_eq!(raised.len(), 1, "{:?}", said.applications());
    let Cause::GreenSpeed { stop_m, advised_mps, green_in_s } = raised[0].1.cause else { panic!("{:?}", raised[0].1) };
    assert!((advised_mps - stop_m / (green_in_s + 1.0)).abs() < 0.05 && (9.5..10.5).contains(&advised_mps));
    assert_eq!(raised[0].1.level, Level::Advice);
    fn no_plan(t: f64) -> JunctionSignals {
        let mut lights = red_soon_green(t);
        lights.phases.iter_mut().for_each(|phase| phase.next = None);
        lights
    }
    let said = run((0.0, 1.0), scene, &Extra { lights: Some(no_plan), ..Extra::default() });
    assert!(said.by(Application::Glosa).is_empty());
    assert_ne!(PhaseId(1), PhaseId(2));
}

#[test]
fn evw_those_ahead_of_an_ambulance_and_those_whose_ways_cross_its_own() {
    let scene = |t: f64| {
        vec![
            car(1, t, (-190.0 + 15.0 * t, -right_of(0)), (15.0, 0.0)),
            car(2, t, (-90.0 + 8.0 * t, -right_of(0)), (8.0, 0.0)),
            car(3, t, (right_of(0), -70.0 + 8.0 * t), (0.0, 8.0)),
            car(4, t, (-150.0 - 8.0 * t, right_of(0)), (-8.0, 0.0)),
        ]
    };
    let says = |response| {
        let emergency = Emergency { response: Some(response), ..Emergency::default() };
        Extra {
            says: vec![(1, VehicleDetails { emergency: Some(emergency), ..VehicleDetails::default() })],
            ..Extra::default()
        }
    };
    let said = run((0.0, 1.5), scene, &says(Response::Emergency));
    let raised = said.by(Application::Evw);
    assert_eq!(raised.len(), 1);
    let concerned = told(&raised[0].1);
    assert!(concerned.contains(&2) && concerned.contains(&3) && !concerned.contains(&4), "{concerned:?}");
    let said = run((0.0, 1.5), scene, &says(Response::NonEmergency));
    assert!(said.by(Application::Evw).is_empty());
}

#[test]
fn a_warning_becomes_more_pressing_and_never_less() {
    let scene = |t: f64| {
        vec![car(1, t, (-190.0 + 14.0 * t, -right_of(1)), (14.0, 0.0)), standing(2, t, (-60.0, -right_of(1)), 90.0)]
    };
    let said = run((0.0, 8.8), scene, &Extra { lights: Some(|t| signals(t, EAST_WEST)), ..Extra::default() });
    let levels: Vec<Level> =
        said.0.iter().filter(|(_, w)| w.application == Application::Fcw).map(|(_, w)| w.level).collect();
    assert!(levels.is_sorted() && levels.first() == Some(&Level::Warning) && levels.last() == Some(&Level::Urgent));
}

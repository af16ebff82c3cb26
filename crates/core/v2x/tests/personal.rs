//! Pedestrians and cyclists with a radio.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod scene;

use jxz_geo::Point;
use jxz_units::Heading;
use jxz_v2x::{
    ClusterSize, Crossing, Ellipse, EncodeError, MsgCount, PersonalKind, PersonalState, Profile, Received, decode,
    encode_psm,
};
use jxz_world::{RoadUserClass, VehicleId};
use scene::{frame, now, raw};
use serde_json::json;

fn pupil() -> PersonalState {
    PersonalState {
        id: VehicleId([3; 8]),
        valid_at: now(),
        position: Point::new(-40.0, 12.5),
        accuracy: Some(Ellipse { major_m: 3.0, minor_m: 1.5, orientation: Some(Heading::from_deg(90.0)) }),
        speed_mps: Some(1.2),
        heading: Some(Heading::from_deg(180.0)),
        acceleration_mps2: Some(0.3),
        radius_m: 0.5,
        kind: Some(PersonalKind::Pedestrian),
        cluster: Some(ClusterSize::Medium),
        crossing: Some(Crossing::Request),
    }
}

fn heard(state: &PersonalState) -> PersonalState {
    let bytes = encode_psm(&frame(), Profile::Day2, state, MsgCount::new(9)).unwrap();
    match decode(&bytes, Profile::Day2, now(), &frame()).unwrap() {
        Received::Psm(personal) => {
            assert_eq!((personal.message_count, personal.path.len()), (9, 0));
            personal.state
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_class_of_pupils_asks_to_cross_in_the_codes_of_the_set() {
    let bytes = encode_psm(&frame(), Profile::Day2, &pupil(), MsgCount::new(9)).unwrap();
    let psm = raw(&bytes, Profile::Day2)["msgFrameExt"]["value"]["PersonalSafetyMessage"].clone();
    assert_eq!((&psm["speed"], &psm["heading"], &psm["overallRadius"]), (&json!(60), &json!(14_400), &json!(5)));
    // Axes in 5 cm; a quarter of 65,535 parts of a turn.
    assert_eq!(psm["posAccuracy"], json!({"semiMajor": 60, "semiMinor": 30, "orientation": 16_384}));
    let data = json!({"basicType": "aPEDESTRIAN", "clusterSize": "medium", "personalReq": {"crossing": "request"}});
    assert_eq!(psm["non-motorData"], data);
}

#[test]
fn what_a_personal_unit_says_arrives() {
    let sent = pupil();
    let got = heard(&sent);
    assert!((got.position - sent.position).norm() < 0.008);
    let turned = got.accuracy.unwrap().orientation.unwrap().deg();
    assert!((turned - 90.0).abs() < 0.006, "to a step of 0.0055°: {turned}");
    assert_eq!(PersonalState { position: sent.position, accuracy: sent.accuracy, ..got }, sent);
    for kind in [PersonalKind::Cyclist, PersonalKind::RoadWorker, PersonalKind::Animal] {
        for crossing in [Crossing::Under, Crossing::Finished] {
            let got = heard(&PersonalState { kind: Some(kind), crossing: Some(crossing), ..sent });
            assert_eq!((got.kind, got.crossing), (Some(kind), Some(crossing)));
        }
    }
    let classes = [PersonalKind::Cyclist, PersonalKind::RoadWorker, PersonalKind::Animal].map(PersonalKind::class);
    assert_eq!(classes, [Some(RoadUserClass::NonMotor), Some(RoadUserClass::Pedestrian), None]);
}

#[test]
fn what_it_does_not_know_is_unavailable_and_never_a_number() {
    let unknown = PersonalState {
        accuracy: None,
        speed_mps: None,
        heading: None,
        acceleration_mps2: None,
        kind: None,
        cluster: None,
        crossing: None,
        ..pupil()
    };
    let got = heard(&unknown);
    assert_eq!(PersonalState { position: unknown.position, ..got }, unknown);
}

#[test]
fn a_number_that_the_message_cannot_say_is_refused_by_name() {
    type Change = fn(&mut PersonalState);
    let cases: [(&str, Change); 5] = [
        ("position_deg", |s| s.position.y = f64::NAN),
        ("position_sigma_m", |s| s.accuracy = Some(Ellipse::circle(f64::NAN))),
        ("speed_mps", |s| s.speed_mps = Some(-1.0)),
        ("acceleration_mps2", |s| s.acceleration_mps2 = Some(f64::INFINITY)),
        ("radius_m", |s| s.radius_m = 20.1),
    ];
    for (name, change) in cases {
        let mut state = pupil();
        change(&mut state);
        match encode_psm(&frame(), Profile::Day2, &state, MsgCount::default()) {
            Err(EncodeError::Value { field, .. }) => assert_eq!(field, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let early = encode_psm(&frame(), Profile::Day1, &pupil(), MsgCount::default());
    assert_eq!(early, Err(EncodeError::NotInProfile { message: "PSM", profile: Profile::Day1 }));
}

//! Reference vectors through the doors: what other encoders said, in metres and seconds.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, too")]

use jxz_geo::{LocalFrame, Wgs84};
use jxz_units::Utc;
use jxz_v2x::{DecodeError, Equipment, PersonalKind, Profile, Received, RsiCode, decode, from_hex};
use jxz_world::{
    Brakes, Emergency, Gear, Light, LightBar, Response, RoadUserClass, SystemState, VehicleDetails, VehicleEvents,
    WarningKind, Wheels,
};
use std::path::Path;

/// The bytes of a named vector; `None` (said aloud) where the data are not there.
fn vector(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/v2x/vectors.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: reference data {} cannot be read", path.display());
        return None;
    };
    let mut lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let line = lines.find(|line| line["name"] == name).unwrap_or_else(|| panic!("no vector {name}"));
    Some(from_hex(line["uper_hex"].as_str().unwrap()).unwrap())
}

fn frame() -> LocalFrame {
    LocalFrame::new(Wgs84 { lat_deg: 31.230_416, lon_deg: 121.473_701 }).unwrap()
}

/// 2026-03-27T17:36:31.250Z: minute 123,456 of the year.
fn near() -> Utc {
    Utc::from_unix_ms(1_767_225_600_000 + 123_456 * 60_000 + 31_250)
}

#[test]
fn a_braking_vehicle_is_read_in_metres_and_seconds() {
    let Some(bytes) = vector("bsm_hard_brake") else { return };
    let Received::Bsm(report) = decode(&bytes, Profile::Day2, near(), &frame()).unwrap() else { panic!("not a BSM") };
    assert!(report.position.coords.norm() < 0.02, "the frame's origin is the vehicle's place: {}", report.position);
    assert_eq!(
        (report.speed_mps, report.acceleration_mps2, report.extent_m),
        (Some(13.88), Some(-1.2), Some((4.75, 1.85)))
    );
    assert_eq!(report.heading.map(|heading| heading.deg()), Some(90.0));
    assert_eq!(report.valid_at, near());
    // Axes of 10 and 8 steps of 5 cm.
    assert!((report.position_sigma_m.unwrap() - ((0.25 + 0.16) / 2.0_f64).sqrt()).abs() < 1e-9);
}

#[test]
fn an_ambulance_on_its_way_is_known_by_its_class_its_siren_and_its_brakes() {
    let Some(bytes) = vector("bsm_emergency_vehicle") else { return };
    let Received::Bsm(report) = decode(&bytes, Profile::Day2, near(), &frame()).unwrap() else { panic!("not a BSM") };
    let all = Wheels { left_front: true, left_rear: true, right_front: true, right_rear: true };
    let expected = VehicleDetails {
        gear: Some(Gear::Forward),
        brakes: Brakes {
            pedal: Some(true),
            wheels: Some(all),
            traction: Some(SystemState::Off),
            abs: Some(SystemState::On),
            stability: Some(SystemState::On),
            boost: Some(false),
            auxiliary: Some(false),
        },
        vehicle_class: Some(65),
        events: Some(VehicleEvents { hard_braking: true, ..VehicleEvents::default() }),
        emergency: Some(Emergency {
            response: Some(Response::Emergency),
            siren: Some(true),
            light: Some(LightBar::On),
        }),
    };
    assert_eq!(report.details, expected);
}

#[test]
fn a_pedestrian_tells_its_place_its_error_and_where_it_came_from() {
    let Some(bytes) = vector("ext15_PersonalSafetyMessage_rnd") else { return };
    let japan = LocalFrame::new(Wgs84 { lat_deg: 35.483_095_8, lon_deg: 143.880_914_9 }).unwrap();
    let Received::Psm(personal) = decode(&bytes, Profile::Day2, near(), &japan).unwrap() else { panic!("not a PSM") };
    let state = personal.state;
    assert!(state.position.coords.norm() < 0.02, "the frame's origin is its place: {}", state.position);
    assert_eq!((personal.message_count, state.id.to_string().as_str()), (101, "3da2f7861c395207"));
    assert_eq!((state.speed_mps, state.heading.map(|heading| heading.deg())), (Some(78.0), Some(27.3)));
    assert_eq!((state.kind, state.cluster, state.crossing), (Some(PersonalKind::Pedestrian), None, None));
    assert_eq!((state.acceleration_mps2, state.radius_m), (Some(18.36), 11.5));
    let ellipse = state.accuracy.unwrap();
    assert!((ellipse.major_m - 3.05).abs() < 1e-9 && (ellipse.minor_m - 9.95).abs() < 1e-9);
    // 58,730 of 65,535 parts of a turn.
    assert!((ellipse.orientation.unwrap().deg() - 322.618).abs() < 0.01);
    let [crumb] = personal.path[..] else { panic!("{} points", personal.path.len()) };
    assert_eq!((crumb.age_s, crumb.heading.map(|heading| heading.deg())), (Some(293.39), Some(264.0)));
    let report = personal.report();
    assert_eq!((report.vehicle, report.class), (state.id, Some(RoadUserClass::Pedestrian)));
    assert!((report.position_sigma_m.unwrap() - ((3.05_f64.powi(2) + 9.95_f64.powi(2)) / 2.0).sqrt()).abs() < 1e-9);
}

#[test]
fn a_vehicle_shares_what_its_sensors_cover() {
    let Some(bytes) = vector("ext12_SensorSharingMsg_rnd") else { return };
    let there = LocalFrame::new(Wgs84 { lat_deg: -21.683_660_4, lon_deg: 29.903_155_8 }).unwrap();
    let Received::Ssm(shared) = decode(&bytes, Profile::Day2, near(), &there).unwrap() else { panic!("not an SSM") };
    assert!(shared.position.coords.norm() < 0.02);
    assert_eq!((shared.equipment, shared.message_count), (Equipment::OnBoardUnit, 105));
    assert_eq!(shared.regions.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4]);
    // The second corner lies (5,494, −25,868)·1e-7° off: 57 m east, 286 m south.
    let corner = shared.regions[0][1];
    assert!((corner.x - 56.9).abs() < 0.3 && (corner.y + 286.4).abs() < 0.5, "{corner}");
    assert!(shared.participants.is_empty() && shared.obstacles.is_empty());
    let [event] = &shared.events[..] else { panic!("{} events", shared.events.len()) };
    assert_eq!((event.code, event.radius_m), (RsiCode::Event(5837), Some(1804.2)));
    let nodes: Vec<_> = event.links.iter().map(|link| (link.upstream.id, link.downstream.id)).collect();
    assert_eq!(nodes, [(43_837, 49_761), (23_438, 25_242)]);
    // 0110100101011010: lanes 1, 2, 4, 7, 9, 11, 12 and 14.
    assert_eq!(event.links[1].lanes.as_deref(), Some(&[1, 2, 4, 7, 9, 11, 12, 14][..]));
}

#[test]
fn a_message_without_a_door_is_whole_all_the_same() {
    for (vector_name, name) in [
        ("ext10_RTCMcorrections_rnd", "RTCMcorrections"),
        ("ext11_RoadsideCoordination_rnd", "RoadsideCoordination"),
        ("ext13_VehIntentionAndRequest_rnd", "VehIntentionAndRequest"),
    ] {
        let Some(bytes) = vector(vector_name) else { return };
        assert_eq!(decode(&bytes, Profile::Day2, near(), &frame()), Ok(Received::Other { name }));
    }
}

#[test]
fn a_vehicle_without_a_position_is_refused_by_name() {
    let Some(bytes) = vector("bsm_frame_max") else { return };
    assert_eq!(
        decode(&bytes, Profile::Day1, near(), &frame()),
        Err(DecodeError::Unavailable { path: "BasicSafetyMessage.pos" })
    );
}

#[test]
fn a_foreign_congestion_event_is_understood_without_our_convention() {
    let Some(bytes) = vector("rsi_congestion_707") else { return };
    let Received::Rsi(rsi) = decode(&bytes, Profile::Day2, near(), &frame()).unwrap() else { panic!("not an RSI") };
    let event = &rsi.warnings[0];
    assert_eq!((event.code, event.kind()), (RsiCode::Event(707), Some(WarningKind::RoadCondition)));
    assert_eq!((event.notice.as_ref(), event.text.as_ref()), (None, None));
    assert_eq!((event.radius_m, event.priority), (Some(15.0), Some(7)));
    assert!((event.confidence.unwrap() - 0.95).abs() < 1e-9);
    let (path, radius_m) = &event.paths[0];
    assert_eq!((path.len(), *radius_m), (4, 10.0));
    // Steps of (1000, −500)·1e-7°: 9.5 m east, 5.5 m south each at this latitude.
    let step = path[1] - path[0];
    assert!((step.x - 9.53).abs() < 0.05 && (step.y + 5.54).abs() < 0.05, "{step}");
    // Minute 300,000 of 2026.
    assert_eq!(event.starts, Some(Utc::from_unix_ms(1_767_225_600_000 + 300_000 * 60_000)));
}

#[test]
fn chinese_text_comes_as_its_octets() {
    let Some(bytes) = vector("rsi_roadworks_501_gb2312") else { return };
    let Received::Rsi(rsi) = decode(&bytes, Profile::Day2, near(), &frame()).unwrap() else { panic!("not an RSI") };
    assert_eq!(rsi.warnings[0].text.as_deref(), Some("b5c0c2b7caa9b9a4"));
    assert_eq!(rsi.warnings[0].kind(), Some(WarningKind::RoadCondition), "road works");
}

#[test]
fn eight_phases_count_down_from_the_junctions_own_time() {
    let Some(bytes) = vector("spat_8_phases") else { return };
    let Received::Spat(spat) = decode(&bytes, Profile::Day2, near(), &frame()).unwrap() else { panic!("not a SPAT") };
    let junction = &spat.junctions[0];
    assert_eq!((spat.name.as_deref(), junction.node.region, junction.node.id), (Some("X1"), Some(310), 1001));
    let at = Utc::from_unix_ms(1_767_225_600_000 + 123_456 * 60_000 + 29_990);
    assert_eq!((junction.valid_at, junction.phases.len()), (Some(at), 8));
    let lights = &junction.phases[0].lights;
    let told: Vec<_> = lights.iter().map(|light| (light.light.unwrap(), light.likely_end.unwrap())).collect();
    let after_s = |s| at + core::time::Duration::from_secs(s);
    assert_eq!(told, [(Light::Red, after_s(30)), (Light::Green, after_s(70)), (Light::Yellow, after_s(73))]);
}

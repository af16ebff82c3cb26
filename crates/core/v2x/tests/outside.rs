//! Reference vectors through the doors: what other encoders said, in metres and seconds.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, too")]

use jxz_geo::{LocalFrame, Wgs84};
use jxz_units::Utc;
use jxz_v2x::{DecodeError, Profile, Received, RsiCode, decode, from_hex};
use jxz_world::{Light, WarningKind};
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
    assert_eq!(rsi.warnings[0].kind(), None);
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

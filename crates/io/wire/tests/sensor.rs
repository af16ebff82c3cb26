//! What a sensor vendor sends, byte by byte, and what becomes of wrong numbers.

use jxz_units::Utc;
use jxz_wire::sensor::v1 as wire;
use jxz_wire::{
    WireError, decode_sensor, detection_from_wire, encode_scan, encode_signals, scan_from_wire, signals_from_wire,
    signals_to_wire,
};
use jxz_world::*;
use std::time::Duration;

fn scan() -> Scan {
    let detection = Detection {
        range_m: 1.5,
        azimuth_rad: -0.25,
        doppler_mps: Some(-2.0),
        class: None,
        score: 0.5,
        extent_m: None,
    };
    Scan {
        sensor: SensorId("r1".to_owned()),
        sequence: 300,
        valid_at: Utc::from_unix_ns(0x0102_0304_0506_0708),
        detections: vec![detection],
    }
}

/// [`scan`] encoded by hand from the `.proto` file and the protobuf encoding guide.
const SCAN_BYTES: &[u8] = &[
    0x0a, 0x26, // SensorDatagram.scan, 38 bytes
    0x0a, 0x02, b'r', b'1', // sensor_id
    0x10, 0xac, 0x02, // sequence 300
    0x19, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, // valid_at_unix_ns, little-endian
    0x22, 0x14, // detections, 20 bytes
    0x0d, 0x00, 0x00, 0xc0, 0x3f, // range_m 1.5
    0x15, 0x00, 0x00, 0x80, 0xbe, // azimuth_rad -0.25
    0x1d, 0x00, 0x00, 0x00, 0xc0, // doppler_mps -2
    0x2d, 0x00, 0x00, 0x00, 0x3f, // score 0.5
];

#[test]
fn a_scan_is_the_bytes_that_the_encoding_guide_gives() {
    assert_eq!(encode_scan(&scan()), SCAN_BYTES);
    let Ok(wire::sensor_datagram::Body::Scan(frame)) = decode_sensor(SCAN_BYTES) else { panic!("a scan") };
    assert_eq!(scan_from_wire(&frame), Ok(scan()));
}

#[test]
fn every_wrong_number_is_refused_by_the_name_of_its_field() {
    let good =
        wire::Detection { range_m: 10.0, azimuth_rad: 0.1, score: 0.9, doppler_mps: Some(1.0), ..Default::default() };
    assert!(detection_from_wire(&good).is_ok());
    let wrong = [
        (wire::Detection { range_m: f32::NAN, ..good }, "Detection.range_m"),
        (wire::Detection { range_m: -0.1, ..good }, "Detection.range_m"),
        (wire::Detection { azimuth_rad: 3.2, ..good }, "Detection.azimuth_rad"),
        (wire::Detection { azimuth_rad: f32::NEG_INFINITY, ..good }, "Detection.azimuth_rad"),
        (wire::Detection { doppler_mps: Some(f32::INFINITY), ..good }, "Detection.doppler_mps"),
        (wire::Detection { doppler_mps: Some(164.0), ..good }, "Detection.doppler_mps"),
        (wire::Detection { score: 1.01, ..good }, "Detection.score"),
        (wire::Detection { class: 4, ..good }, "Detection.class"),
        (wire::Detection { length_m: Some(4.0), ..good }, "Detection.length_m"),
        (wire::Detection { length_m: Some(4.0), width_m: Some(f32::NAN), ..good }, "Detection.width_m"),
    ];
    for (detection, field) in wrong {
        let error = detection_from_wire(&detection).expect_err(field).to_string();
        assert!(error.starts_with(field), "{error}");
    }
}

#[test]
fn straight_behind_in_single_precision_is_not_out_of_range() {
    let behind = wire::Detection { azimuth_rad: core::f32::consts::PI, ..Default::default() };
    assert!(detection_from_wire(&behind).is_ok());
}

fn signals() -> JunctionSignals {
    let valid_at = Utc::from_unix_ms(1_786_270_272_000);
    let phase = |n, light, ms, next| PhaseSignal {
        phase: PhaseId(n),
        light,
        likely_end: valid_at + Duration::from_millis(ms),
        next,
    };
    let phases = vec![
        phase(1, Light::Green, 12_345, Some((Light::Yellow, 3.0))),
        phase(2, Light::PermissiveGreen, 0, None),
        PhaseSignal { likely_end: valid_at - Duration::from_millis(1500), ..phase(255, Light::Dark, 0, None) },
    ];
    JunctionSignals { junction: JunctionId("zhongxin-minan".to_owned()), valid_at, phases }
}

#[test]
fn signals_come_back_as_they_were_also_when_a_change_is_overdue() {
    let Ok(wire::sensor_datagram::Body::Signals(frame)) = decode_sensor(&encode_signals(&signals(), 9)) else {
        panic!("signals")
    };
    assert_eq!(frame.sequence, 9);
    assert_eq!(signals_from_wire(&frame), Ok(signals()));
}

#[test]
fn signals_that_contradict_themselves_are_refused() {
    let good = signals_to_wire(&signals(), 0);
    let with = |change: fn(&mut wire::SignalFrame)| {
        let mut frame = good.clone();
        change(&mut frame);
        signals_from_wire(&frame).expect_err("refused").to_string()
    };
    assert!(with(|f| f.phases[1].phase = 1).contains("phase 1 comes twice"));
    assert!(with(|f| f.phases[0].phase = 0).starts_with("PhaseState.phase"));
    assert!(with(|f| f.phases[0].light = 0).starts_with("PhaseState.light is missing"));
    assert!(with(|f| f.phases[0].next_lasts_s = None).starts_with("PhaseState.next_light"));
    assert!(with(|f| f.phases[0].next_lasts_s = Some(f32::NAN)).starts_with("PhaseState.next_lasts_s"));
    assert!(with(|f| f.junction_id.clear()).starts_with("SignalFrame.junction_id"));
}

#[test]
fn what_is_too_large_or_has_no_body_is_refused_before_it_is_looked_into() {
    assert!(matches!(decode_sensor(&[0; 8193]), Err(WireError::Oversize { len: 8193, limit: 8192, .. })));
    assert_eq!(decode_sensor(&[]), Err(WireError::Missing { field: "SensorDatagram.body" }));
    assert!(matches!(decode_sensor(b"garbage"), Err(WireError::Undecodable { .. })));
}

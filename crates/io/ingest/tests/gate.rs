//! The gate, in virtual time.

mod common;

use common::radar;
use jxz_ingest::{Gate, Ingested};
use jxz_units::Utc;
use jxz_wire::{encode_scan, encode_signals};
use jxz_world::*;
use std::time::Duration;

fn start() -> Utc {
    Utc::from_unix_ms(1_786_270_272_000)
}

/// `n` milliseconds after the start.
fn ms(n: i64) -> Utc {
    start().plus_seconds(n as f64 * 1e-3)
}

fn gate() -> Gate {
    Gate::new(&[radar("radar-1"), radar("radar-2")], Some(JunctionId("minan".to_owned())))
}

fn at_range(range_m: f64, azimuth_rad: f64) -> Detection {
    Detection { range_m, azimuth_rad, doppler_mps: Some(3.0), class: None, score: 0.875, extent_m: None }
}

fn scan(id: &str, sequence: u32, valid_at: Utc) -> Scan {
    Scan { sensor: SensorId(id.to_owned()), sequence, valid_at, detections: vec![at_range(50.0, 0.25)] }
}

/// Whether a scan of `radar-1` gets through, arriving 20 ms after its time of validity.
fn passes(gate: &mut Gate, sequence: u32, valid_at: Utc) -> bool {
    let scan = scan("radar-1", sequence, valid_at);
    gate.accept(valid_at + Duration::from_millis(20), &encode_scan(&scan)).is_some()
}

#[test]
fn a_good_scan_and_good_signals_get_through_whole() {
    let mut gate = gate();
    let scan = scan("radar-1", 1, ms(0));
    assert_eq!(gate.accept(ms(20), &encode_scan(&scan)), Some(Ingested::Scan(scan)));
    let phase = PhaseSignal { phase: PhaseId(1), light: Light::Red, likely_end: ms(9000), next: None };
    let junction = JunctionId("minan".to_owned());
    let signals = JunctionSignals { junction, valid_at: ms(10), phases: vec![phase] };
    assert_eq!(gate.accept(ms(20), &encode_signals(&signals, 1)), Some(Ingested::Signals(signals)));
    assert_eq!(gate.drops(), &Drops::default());
}

#[test]
fn garbage_oversize_and_strangers_are_counted_apart() {
    let mut gate = gate();
    assert_eq!(gate.accept(ms(0), b"not protobuf at all"), None);
    assert_eq!(gate.accept(ms(0), &[]), None);
    assert_eq!(gate.accept(ms(0), &[0; 8193]), None);
    assert_eq!(gate.accept(ms(0), &encode_scan(&scan("radar-9", 1, ms(0)))), None);
    assert_eq!(gate.accept(ms(0), &encode_scan(&scan("", 1, ms(0)))), None);
    let drops = gate.drops();
    assert_eq!(drops.of(DropCause::SensorGarbage), 3);
    assert_eq!(drops.of(DropCause::SensorOversize), 1);
    assert_eq!(drops.of(DropCause::SensorUnknown), 1);
}

#[test]
fn wrong_detections_are_dropped_and_the_rest_of_the_scan_is_kept() {
    let mut gate = gate();
    let good = [at_range(50.0, 0.25), at_range(181.0, 1.05)];
    let wrong = [
        at_range(f64::NAN, 0.0),
        at_range(50.0, f64::INFINITY),
        Detection { doppler_mps: Some(f64::NAN), ..at_range(50.0, 0.0) },
        Detection { score: -1.0, ..at_range(50.0, 0.0) },
        // Beyond what this radar can see, by more than its errors explain.
        at_range(190.0, 0.0),
        at_range(50.0, 1.2),
    ];
    let mut sent = scan("radar-1", 1, ms(0));
    sent.detections = good.into_iter().chain(wrong).collect();
    let Some(Ingested::Scan(got)) = gate.accept(ms(20), &encode_scan(&sent)) else { panic!("a scan") };
    assert_eq!(got.detections.len(), good.len());
    for (got, sent) in got.detections.iter().zip(good) {
        assert!((got.range_m - sent.range_m).abs() < 1e-4 && (got.azimuth_rad - sent.azimuth_rad).abs() < 1e-6);
    }
    assert_eq!(gate.drops().of(DropCause::SensorNotFinite), wrong.len() as u64);
}

#[test]
fn the_window_of_time_is_half_a_second_back_and_a_fifth_ahead() {
    let mut gate = gate();
    let arrives = |gate: &mut Gate, sequence, age_ms: i64| {
        gate.accept(ms(10_000), &encode_scan(&scan("radar-1", sequence, ms(10_000 - age_ms)))).is_some()
    };
    assert!(!arrives(&mut gate, 1, 501));
    assert!(arrives(&mut gate, 2, 500));
    assert!(arrives(&mut gate, 3, 0));
    assert!(arrives(&mut gate, 4, -200));
    assert!(!arrives(&mut gate, 5, -201));
    assert_eq!(gate.drops().of(DropCause::SensorStale), 1);
    assert_eq!(gate.drops().of(DropCause::SensorFuture), 1);
}

#[test]
fn duplicates_are_dropped_and_frames_that_come_late_are_not() {
    let mut gate = gate();
    assert!(passes(&mut gate, 10, ms(0)));
    assert!(passes(&mut gate, 12, ms(200)));
    // Overtaken on the way: new all the same. Again: not.
    assert!(passes(&mut gate, 11, ms(100)));
    assert!(!passes(&mut gate, 11, ms(100)));
    assert!(!passes(&mut gate, 12, ms(200)));
    assert!(!passes(&mut gate, 10, ms(0)));
    // Another sensor counts on its own.
    assert!(gate.accept(ms(220), &encode_scan(&scan("radar-2", 12, ms(200)))).is_some());
    assert_eq!(gate.drops().of(DropCause::SensorDuplicate), 3);
}

#[test]
fn the_sequence_wraps() {
    let mut gate = gate();
    for (k, sequence) in (u32::MAX - 2..=u32::MAX).chain(0..3).enumerate() {
        assert!(passes(&mut gate, sequence, ms(100 * k as i64)), "{sequence}");
    }
    assert!(!passes(&mut gate, u32::MAX, ms(200)), "from before the wrap, seen");
    assert!(!passes(&mut gate, 1, ms(400)));
    assert_eq!(gate.drops().of(DropCause::SensorDuplicate), 2);
}

#[test]
fn a_sensor_that_starts_again_is_heard_at_once_wherever_it_counts_from() {
    for first in [0, 4_990, 5_000, 3_000_000_000] {
        let mut gate = gate();
        for k in 0..20 {
            assert!(passes(&mut gate, 4_981 + k, ms(100 * i64::from(k))));
        }
        for k in 0..5 {
            assert!(passes(&mut gate, first + k, ms(10_000 + 100 * i64::from(k))), "from {first}, frame {k}");
        }
        // Within 64 ahead an older time is taken for a clock that was set back, and only its age keeps it out.
        if first != 4_990 {
            assert!(!passes(&mut gate, 5_000, ms(1_900)), "what it sent before does not come in again");
        }
    }
}

#[test]
fn signals_of_another_junction_stale_doubled_or_malformed_are_counted_together() {
    let mut gate = gate();
    let signals = |junction: &str, at: Utc| JunctionSignals {
        junction: JunctionId(junction.to_owned()),
        valid_at: at,
        phases: vec![PhaseSignal { phase: PhaseId(1), light: Light::Red, likely_end: at, next: None }],
    };
    let mut twice = signals("minan", ms(0));
    twice.phases.push(twice.phases[0]);
    assert!(gate.accept(ms(0), &encode_signals(&signals("minan", ms(0)), 1)).is_some());
    for (wrong, sequence) in [
        (signals("xingzhou", ms(0)), 2),
        (signals("minan", ms(-600)), 3),
        (signals("minan", ms(300)), 4),
        (signals("minan", ms(0)), 1),
        (twice, 5),
    ] {
        assert_eq!(gate.accept(ms(0), &encode_signals(&wrong, sequence)), None, "{wrong:?}");
    }
    assert_eq!(gate.drops().of(DropCause::SignalRejected), 5);
}

#[test]
fn a_site_without_signals_takes_none() {
    let mut gate = Gate::new(&[], None);
    let signals = JunctionSignals { junction: JunctionId("minan".to_owned()), valid_at: ms(0), phases: vec![] };
    assert_eq!(gate.accept(ms(0), &encode_signals(&signals, 1)), None);
}

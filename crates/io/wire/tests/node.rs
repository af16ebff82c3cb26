//! What nodes and the cloud say to each other.

#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

use jxz_geo::{Point, Polyline, Vector};
use jxz_units::{Heading, Utc};
use jxz_wire::{
    Downlink, LogLevel, LogLine, LogLines, LogRequest, MAX_STATE_BYTES, Reply, Verdict, WireError, decode_ask,
    decode_congestion, decode_downlink, decode_hello, decode_log_lines, decode_record, decode_reply, decode_sensor,
    decode_state, encode_congestion, encode_downlink, encode_log_lines, encode_log_request, encode_record,
    encode_reply, hello, split_state,
};
use jxz_world::*;
use nalgebra::Matrix4;
use std::time::Duration;

fn at() -> Utc {
    Utc::from_unix_ns(1_786_270_272_123_456_789)
}

fn track(n: u64) -> Track {
    let mut covariance = Matrix4::from_diagonal_element(0.5);
    covariance[(0, 2)] = -0.125;
    covariance[(2, 0)] = -0.125;
    Track {
        id: TrackId(n),
        island: IslandId(n),
        valid_at: at() - Duration::from_micros(12_345),
        measured_at: at() - Duration::from_micros(40_000),
        since: at() - Duration::from_secs(100),
        position: Point::new(-1234.5678 + n as f64, 8765.4321),
        velocity: Vector::new(13.8888, -0.0042),
        covariance,
        existence: 0.98765,
        class: ClassBelief::from_weights([0.2, 0.7, 0.1]),
        extent_m: n.is_multiple_of(2).then_some((1.876, 0.654)),
        heading: n.is_multiple_of(3).then(|| Heading::from_deg(359.99)),
        vehicle: n.is_multiple_of(5).then_some(VehicleId(*b"\x00\x01temp\xfe\xff")),
        sources: Sources { radar: n.is_multiple_of(2), camera: n.is_multiple_of(3), v2x: n.is_multiple_of(5) },
    }
}

fn state(tracks: u64) -> NodeState {
    let light = PhaseSignal {
        phase: PhaseId(3),
        light: Light::Red,
        likely_end: at() + Duration::from_secs(20),
        next: Some((Light::Green, 30.0)),
    };
    let junction = JunctionId("zhongxin-minan".to_owned());
    NodeState {
        site: SiteId("zhongxin-minan".to_owned()),
        boot: u64::MAX,
        sequence: 77,
        valid_at: at(),
        valid_for_s: 0.35,
        tracks: (0..tracks).map(track).collect(),
        signals: Some(JunctionSignals { junction, valid_at: at(), phases: vec![light] }),
    }
}

#[test]
fn a_state_is_split_into_datagrams_that_each_stand_alone_and_together_are_the_state() {
    for (tracks, max_bytes) in [(0, 1150), (1, 1150), (10, 1150), (200, 1150), (200, 400)] {
        let sent = state(tracks);
        let datagrams = split_state(&sent, max_bytes).unwrap();
        let parts: Vec<NodeState> = datagrams.iter().map(|bytes| decode_state(bytes).unwrap()).collect();
        assert!(datagrams.iter().all(|bytes| bytes.len() <= max_bytes), "{tracks} tracks in {max_bytes}");
        for part in &parts {
            assert_eq!((&part.site, part.boot, part.sequence), (&sent.site, sent.boot, sent.sequence));
            assert_eq!((part.valid_at, part.valid_for_s), (sent.valid_at, sent.valid_for_s));
        }
        let signals: Vec<_> = parts.iter().filter_map(|part| part.signals.as_ref()).collect();
        assert_eq!(signals, [sent.signals.as_ref().unwrap()], "the signals are in one part");
        let ids: Vec<_> = parts.iter().flat_map(|part| &part.tracks).map(|track| track.id.0).collect();
        assert_eq!(ids, (0..tracks).collect::<Vec<_>>());
        // All but the last are as full as they can be: no further track would have fitted.
        for bytes in datagrams.iter().rev().skip(1) {
            assert!(bytes.len() + 130 > max_bytes, "{} of {max_bytes}", bytes.len());
        }
    }
}

#[test]
fn a_dense_junction_takes_few_datagrams() {
    let datagrams = split_state(&state(100), MAX_STATE_BYTES).unwrap();
    let bytes: usize = datagrams.iter().map(|datagram| datagram.len()).sum();
    assert!(bytes <= 100 * 112 && datagrams.len() <= 11, "{bytes} bytes in {} datagrams", datagrams.len());
}

#[test]
fn tracks_come_back_to_within_the_rounding_that_the_proto_file_states() {
    let sent = state(30);
    let parts = split_state(&sent, MAX_STATE_BYTES).unwrap();
    let got: Vec<Track> = parts.iter().flat_map(|bytes| decode_state(bytes).unwrap().tracks).collect();
    for (got, sent) in got.iter().zip(&sent.tracks) {
        assert!((got.position - sent.position).abs().max() <= 0.5001e-3);
        assert!((got.velocity - sent.velocity).abs().max() <= 0.5001e-3);
        assert!((got.covariance - sent.covariance).abs().max() <= 1e-6);
        assert!((got.existence - sent.existence).abs() <= 0.5001e-4);
        for class in RoadUserClass::ALL {
            assert!((got.class.of(class) - sent.class.of(class)).abs() <= 1e-4);
        }
        assert!(got.valid_at.seconds_since(sent.valid_at).abs() <= 1.001e-6);
        assert!(got.measured_at.seconds_since(sent.measured_at).abs() <= 2.001e-6);
        assert_eq!((got.id, got.island, got.since), (sent.id, sent.island, sent.since));
        assert_eq!((got.vehicle, got.sources), (sent.vehicle, sent.sources));
        assert_eq!(got.extent_m.is_some(), sent.extent_m.is_some());
        if let (Some(got), Some(sent)) = (got.extent_m, sent.extent_m) {
            assert!((got.0 - sent.0).abs() <= 0.5001e-2 && (got.1 - sent.1).abs() <= 0.5001e-2);
        }
        assert_eq!(got.heading.is_some(), sent.heading.is_some());
        if let (Some(got), Some(sent)) = (got.heading, sent.heading) {
            assert!((got.rad() - sent.rad()).abs() <= 1.0001e-3);
        }
    }
}

#[test]
fn a_track_that_fits_no_datagram_is_an_error_and_not_left_out() {
    assert!(matches!(split_state(&state(1), 100), Err(WireError::Oversize { limit: 100, .. })));
}

fn warning(cause: Cause, application: Application, level: Level, stage: WarningStage) -> Warning {
    Warning {
        id: WarningId(0xffee_ddcc_0000_0001),
        revision: 4,
        application,
        level,
        stage,
        cause,
        about: vec![TrackId(1), TrackId(u64::MAX)],
        concerned: vec![
            Concerned { track: TrackId(2), vehicle: None },
            Concerned { track: TrackId(3), vehicle: Some(VehicleId(*b"\x001234567")) },
        ],
        place: Place {
            at: Point::new(0.1, 1.0 / 3.0),
            path: Polyline::new(vec![Point::new(0.0, 0.3), Point::new(7.7, 1e-5), Point::new(9.9, -4.0)]).unwrap(),
            radius_m: 2.2,
        },
        paths: vec![
            PredictedPath { track: TrackId(3), points: vec![Point::new(-812.37, 0.29), Point::new(-807.08, 0.3)] },
            PredictedPath { track: TrackId(1), points: vec![Point::new(1234.56, -0.07)] },
        ],
        since: at(),
        sensed_at: at() - Duration::from_millis(1),
        valid_until: at() + Duration::from_secs(1),
        confidence: 1.0 / 3.0,
    }
}

fn records() -> Vec<Record> {
    let causes = [
        Cause::Conflict { time_to_conflict_s: 1.1, post_encroachment_s: -0.7, closest_m: 0.0 },
        Cause::Overspeed { speed_mps: 20.1, limit_mps: 11.1 },
        Cause::Closing { gap_m: 12.3, ahead_mps: 0.0, closing_mps: 8.9 },
        Cause::Congestion { mean_mps: 1.9, vehicles: 12 },
        Cause::StoppedVehicle { standing_s: 33.3 },
        Cause::Detour { congested_s: 301.0, detour_s: 144.4 },
        Cause::Braking { gap_m: 21.5, braking_mps2: 6.3 },
        Cause::SlowVehicle { speed_mps: 2.4, usual_mps: 13.9 },
        Cause::ControlLoss { speed_mps: 12.5, distance_m: 60.2 },
        Cause::Beside { gap_m: -2.5, closing_mps: 3.3 },
        Cause::WrongWay { speed_mps: 11.1 },
        Cause::Sign { code: 38, value: 200.0 },
        Cause::RedLight { stop_m: 22.2, needs_mps2: 5.5 },
        Cause::GreenSpeed { stop_m: 180.1, advised_mps: 9.6, green_in_s: 12.3 },
        Cause::Emergency { distance_m: 140.0, arrives_s: 9.5 },
    ];
    let hazards = RoadHazard::ALL.map(|hazard| Cause::Hazard { hazard, safe_mps: 5.6 });
    let stages = [WarningStage::Raised, WarningStage::Held, WarningStage::Cancelled];
    let warnings = causes
        .into_iter()
        .chain(hazards)
        .zip(Application::ALL.into_iter().cycle())
        .zip(Level::ALL.into_iter().cycle().zip(stages.into_iter().cycle()))
        .map(|((cause, application), (level, stage))| RecordBody::Warning(warning(cause, application, level, stage)));
    let mut drops = Drops::default();
    drops.add(DropCause::SensorStale, 3);
    drops.add(DropCause::SubscriberSlow, u64::MAX);
    let sensor = |id: &str, kind, last_scan_at, scans_per_s| SensorHealth {
        id: SensorId(id.to_owned()),
        kind,
        last_scan_at,
        scans_per_s,
    };
    let health = NodeHealth {
        at: at(),
        uptime_s: 12.75,
        software_version: "0.1.0".to_owned(),
        map_version: "0123456789abcdef".to_owned(),
        sensors: vec![
            sensor("radar-1", SensorKind::Radar, Some(at()), Some(9.97)),
            sensor("camera-1", SensorKind::Camera, None, None),
        ],
        latencies: LatencyStage::ALL
            .map(|stage| StageLatency { stage, p50_ms: 0.123, p99_ms: 4.56, count: 789 })
            .to_vec(),
        drops,
        tracks: 31,
        warnings: 2,
        subscribers: 64,
        spool: Some(SpoolHealth {
            pending: 7,
            oldest_age_s: Some(61.5),
            bytes: 8192,
            dropped: [("health".to_owned(), 3), ("urgent".to_owned(), 0)].into(),
            damaged: 1,
            failing: true,
        }),
        service: Some(Service::Degraded(vec![
            Shortfall::SensorSilent(SensorId("radar-1".to_owned())),
            Shortfall::Other("clock_lost".to_owned()),
        ])),
        running: Running {
            config: Some(ConfigVersion { revision: 7, digest: u64::MAX }),
            applications: vec![Application::Fcw, Application::Guidance],
        },
    };
    let record = |(sequence, body)| Record { site: SiteId("s".to_owned()), boot: 9, sequence, body };
    let misbehaviour = Misbehaviour {
        subject: VehicleId([1, 2, 3, 4, 5, 6, 7, 8]),
        certificate: Some([8; 8]),
        check: "position".to_owned(),
        said: 33.5,
        allowed: 7.25,
        unit: "m off".to_owned(),
        first: at(),
        last: at(),
        count: 3,
    };
    let others = [RecordBody::Misbehaviour(misbehaviour), RecordBody::Health(health)];
    (0..).zip(warnings.chain(others)).map(record).collect()
}

#[test]
fn records_of_every_kind_come_back_exactly() {
    for record in records() {
        assert_eq!(decode_record(&encode_record(&record)), Ok(record));
    }
}

#[test]
fn a_predicted_path_that_leads_off_the_earth_or_lacks_a_coordinate_is_refused() {
    use jxz_wire::node::v1 as wire;
    use prost::Message;
    let changed = |change: fn(&mut wire::PredictedPath)| {
        let mut record = wire::Record::decode(encode_record(&records()[0])).unwrap();
        let Some(wire::record::Body::Warning(warning)) = &mut record.body else { panic!("a warning") };
        change(&mut warning.paths[0]);
        decode_record(&record.encode_to_vec())
    };
    assert!(changed(|_| ()).is_ok());
    assert!(changed(|path| path.north_cm.truncate(1)).is_err());
    assert!(changed(|path| path.east_cm = vec![i64::MAX, i64::MAX]).is_err());
    assert!(changed(|path| path.north_cm = vec![i64::MIN, 0]).is_err());
    assert!(changed(|path| (path.east_cm, path.north_cm) = (vec![0; 65], vec![0; 65])).is_err());
}

#[test]
fn a_drop_that_this_version_does_not_know_is_left_out_of_a_newer_nodes_health() {
    use jxz_wire::node::v1 as wire;
    use prost::Message;
    let Some(record) = records().pop() else { panic!("a record of health") };
    let mut newer = wire::Record::decode(encode_record(&record)).unwrap();
    let Some(wire::record::Body::Health(health)) = &mut newer.body else { panic!("health") };
    health.drops.insert("eaten_by_a_grue".to_owned(), 5);
    assert_eq!(decode_record(&newer.encode_to_vec()), Ok(record));
}

#[test]
fn replies_hellos_and_downlinks_come_back() {
    for verdict in [Verdict::Kept, Verdict::Refused("no".to_owned())] {
        let reply = Reply { boot: 1, sequence: 2, verdict };
        assert_eq!(decode_reply(&encode_reply(&reply)), Ok(reply));
    }
    let long = Reply { boot: 1, sequence: 2, verdict: Verdict::Refused("长".repeat(1000)) };
    assert!(decode_reply(&encode_reply(&long)).is_ok(), "a reason is cut to what the node takes");
    let site = SiteId("north".to_owned());
    assert_eq!(decode_hello(&hello(&site, 3, "0.1.0")), Ok((site, 3)));
    assert!(decode_hello(&hello(&SiteId(String::new()), 3, "")).is_err());
    let message = vec![1_u8, 2, 3].into();
    let downlink = Downlink { sent_at: at(), expires_at: at() + Duration::from_millis(300), message };
    assert_eq!(decode_downlink(&encode_downlink(&downlink)), Ok(downlink));
}

#[test]
fn no_bytes_make_a_decoder_panic() {
    let mut corpus: Vec<Vec<u8>> = records().iter().map(|record| encode_record(record).to_vec()).collect();
    corpus.extend(split_state(&state(5), MAX_STATE_BYTES).unwrap().iter().map(|bytes| bytes.to_vec()));
    let (said_at, valid_until) = (Utc::from_unix_ms(1_786_233_600_000), Utc::from_unix_ms(1_786_233_750_000));
    let word = CongestionReport { link: "w1".to_owned(), said_at, speed_mps: 1.5, vehicles: 12, valid_until };
    corpus.push(encode_congestion(&word).to_vec());
    corpus.push(encode_log_request(&LogRequest { after: Some((7, 300)), most: 50 }).to_vec());
    let line = |number| LogLine {
        number,
        at: said_at,
        level: LogLevel::Warn,
        target: "jxz_link::uplink".to_owned(),
        text: "connection to the cloud lost".to_owned(),
    };
    corpus.push(encode_log_lines(&LogLines { boot: 7, lost: 2, lines: vec![line(301), line(302)] }).to_vec());
    // A linear congruential generator (Knuth's MMIX constants) decides what is changed.
    let mut random = 7_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let (mut refused, mut taken) = (0, 0);
    for round in 0..20_000 {
        let mut bytes = corpus[round % corpus.len()].clone();
        for _ in 0..=next(4) {
            let place = next(bytes.len());
            bytes[place] = next(256) as u8;
        }
        bytes.truncate(bytes.len() - next(bytes.len().min(3)));
        let decoded = [
            decode_record(&bytes).is_ok(),
            decode_state(&bytes).is_ok(),
            decode_sensor(&bytes).is_ok(),
            decode_congestion(&bytes).is_ok(),
            decode_ask(&bytes).is_ok(),
            decode_log_lines(&bytes).is_ok(),
        ];
        for good in decoded {
            *(if good { &mut taken } else { &mut refused }) += 1;
        }
    }
    assert!(taken > 1000 && refused > 1000, "the changes are neither all harmless nor all fatal: {taken}, {refused}");
}

//! The doors in domain terms: what vehicles and units say arrives as it was meant, in the codes that the set has
//! for it, and nothing that it cannot say gets out.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

use jxz_geo::{LocalFrame, Point, Polyline, Vector, Wgs84};
use jxz_units::{Heading, Utc};
use jxz_v2x::asn::{AsnError, Cause as Wrong, Profile, decode_frame, to_json};
use jxz_v2x::{
    Audience, DecodeError, EncodeError, Encoded, Encoder, MessageKind, MsgCount, OnBoardState, ParticipantKind,
    ParticipantSource, Received, ReceivedRsi, ReceivedRsm, RoadUser, RsiClass, RsiCode, Subject, UnitId, decode,
    encode_bsm,
};
use jxz_world::{
    Application, Brakes, Cause, ClassBelief, Concerned, Emergency, Gear, IslandId, JunctionId, JunctionSignals, Level,
    Light, LightBar, PhaseId, PhaseSignal, Place, Response, RoadHazard, RoadUserClass, Sources, SystemState, Track,
    TrackId, VehicleDetails, VehicleEvents, VehicleId, Warning, WarningId, WarningStage, Wheels,
};
use serde_json::{Value, json};

const UNIT: UnitId = UnitId(*b"RSU00001");

fn frame() -> LocalFrame {
    LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap()
}

/// 2026-08-09T10:11:12.345Z: minute 317,411 of the year, 12,345 ms into it.
fn now() -> Utc {
    Utc::from_unix_ms(1_786_270_272_345)
}

fn encoder() -> Encoder {
    Encoder::new(frame(), Profile::Day2, UNIT, Point::new(100.0, 50.0), 126)
}

fn told_rsm(encoder: &mut Encoder, tracks: &[Track]) -> Encoded {
    let mut told = Encoded::default();
    encoder.rsm(now(), tracks.iter().map(RoadUser::from), &mut told);
    told
}

fn told_rsi(encoder: &mut Encoder, warnings: &[Warning]) -> Encoded {
    let mut told = Encoded::default();
    encoder.rsi(now(), warnings, &mut told);
    told
}

fn told_spat(encoder: &mut Encoder, at: Utc, signals: &JunctionSignals, name: &str) -> Encoded {
    let mut told = Encoded::default();
    encoder.spat(at, signals, 1001, name, &mut told);
    told
}

fn raw(bytes: &[u8]) -> Value {
    to_json(&decode_frame(bytes, Profile::Day2).unwrap().value, Profile::Day2)
}

fn track(id: u64) -> Track {
    Track {
        id: TrackId(id),
        island: IslandId(id),
        valid_at: now(),
        measured_at: now(),
        since: now(),
        position: Point::new(150.0 + id as f64, 20.0),
        velocity: Vector::new(0.0, 10.0),
        covariance: nalgebra::Matrix4::from_diagonal(&nalgebra::Vector4::new(0.09, 0.09, 0.09, 0.09)),
        existence: 0.99,
        class: ClassBelief::from_weights([0.9, 0.05, 0.05]),
        extent_m: Some((4.6, 1.8)),
        heading: Some(Heading::from_deg(0.0)),
        vehicle: None,
        sources: Sources { radar: true, camera: true, v2x: false },
    }
}

fn received_rsm(bytes: &[u8]) -> ReceivedRsm {
    match decode(bytes, Profile::Day2, now(), &frame()).unwrap() {
        Received::Rsm(rsm) => rsm,
        other => panic!("{other:?}"),
    }
}

fn received_rsi(bytes: &[u8]) -> ReceivedRsi {
    match decode(bytes, Profile::Day2, now(), &frame()).unwrap() {
        Received::Rsi(rsi) => rsi,
        other => panic!("{other:?}"),
    }
}

fn on_board() -> OnBoardState {
    OnBoardState {
        vehicle: VehicleId([1, 2, 3, 4, 5, 6, 7, 8]),
        valid_at: now(),
        position: Point::new(12.5, -800.25),
        position_sigma_m: Some(0.4),
        speed_mps: Some(13.88),
        heading: Some(Heading::from_deg(90.0)),
        acceleration_mps2: Some(-1.2),
        extent_m: Some((4.75, 1.85)),
        details: VehicleDetails::default(),
    }
}

#[test]
fn a_vehicle_reports_itself_in_the_codes_of_the_set() {
    let bytes = encode_bsm(&frame(), Profile::Day2, &on_board(), MsgCount::new(42)).unwrap();
    let bsm = raw(&bytes)["bsmFrame"].clone();
    // Scales: 0.02 m/s, 0.0125°, 0.01 m/s², 1 cm, ms of the minute.
    assert_eq!((&bsm["speed"], &bsm["heading"]), (&json!(694), &json!(7200)));
    assert_eq!((&bsm["accelSet"]["long"], &bsm["secMark"]), (&json!(-120), &json!(12_345)));
    assert_eq!(bsm["size"], json!({"width": 185, "length": 475}));
    assert_eq!((&bsm["msgCnt"], &bsm["id"]), (&json!(42), &json!("0102030405060708")));

    let Received::Bsm(report) =
        decode(&bytes, Profile::Day2, now() + core::time::Duration::from_secs(20), &frame()).unwrap()
    else {
        panic!("not a BSM")
    };
    assert_eq!((report.vehicle, report.message_count, report.valid_at), (on_board().vehicle, 42, now()));
    // Half a step of 1e-7° is 6 mm.
    assert!((report.position - on_board().position).norm() < 0.008);
    assert_eq!(report.speed_mps, Some(13.88));
    assert!((report.position_sigma_m.unwrap() - 0.4).abs() < 1e-9);
}

#[test]
fn an_ambulance_that_brakes_hard_says_so() {
    let details = VehicleDetails {
        gear: Some(Gear::Forward),
        brakes: Brakes {
            pedal: Some(true),
            wheels: Some(Wheels { left_front: true, right_rear: true, ..Wheels::default() }),
            traction: Some(SystemState::Off),
            abs: Some(SystemState::Engaged),
            stability: None,
            boost: Some(false),
            auxiliary: None,
        },
        vehicle_class: Some(62),
        events: Some(VehicleEvents { hard_braking: true, hazard_lights: true, ..VehicleEvents::default() }),
        emergency: Some(Emergency {
            response: Some(Response::Emergency),
            siren: Some(true),
            light: Some(LightBar::YellowCaution),
        }),
    };
    let bytes =
        encode_bsm(&frame(), Profile::Day2, &OnBoardState { details, ..on_board() }, MsgCount::default()).unwrap();
    let bsm = raw(&bytes)["bsmFrame"].clone();
    assert_eq!((&bsm["transmission"], &bsm["vehicleClass"]), (&json!("forwardGears"), &json!({"classification": 62})));
    let brakes =
        json!({"brakePadel": "on", "wheelBrakes": "01001", "traction": "off", "abs": "engaged", "brakeBoost": "off"});
    assert_eq!(bsm["brakes"], brakes);
    assert_eq!(bsm["safetyExt"], json!({"events": "1000000100000"}));
    let emergency = json!({"responseType": "emergency", "sirenUse": "inUse", "lightsUse": "yellowCautionLights"});
    assert_eq!(bsm["emergencyExt"], emergency);
    let Received::Bsm(report) = decode(&bytes, Profile::Day2, now(), &frame()).unwrap() else { panic!("not a BSM") };
    assert_eq!((report.details, report.class), (details, None));
}

#[test]
fn what_a_vehicle_does_not_know_is_unavailable_and_never_a_number() {
    let unknown = OnBoardState {
        position_sigma_m: None,
        speed_mps: None,
        heading: None,
        acceleration_mps2: None,
        extent_m: None,
        ..on_board()
    };
    let bytes = encode_bsm(&frame(), Profile::Day2, &unknown, MsgCount::default()).unwrap();
    let bsm = raw(&bytes)["bsmFrame"].clone();
    assert_eq!(
        (&bsm["speed"], &bsm["heading"], &bsm["accelSet"]["long"]),
        (&json!(8191), &json!(28_800), &json!(2001))
    );
    let Received::Bsm(report) = decode(&bytes, Profile::Day2, now(), &frame()).unwrap() else { panic!("not a BSM") };
    assert_eq!((report.speed_mps, report.heading, report.acceleration_mps2), (None, None, None));
    assert_eq!((report.extent_m, report.position_sigma_m), (None, None));
}

#[test]
fn a_number_that_the_message_cannot_say_is_refused_by_name() {
    type Change = fn(&mut OnBoardState);
    let cases: [(&str, Change); 6] = [
        ("position_deg", |s| s.position.x = f64::NAN),
        ("position_sigma_m", |s| s.position_sigma_m = Some(f64::INFINITY)),
        ("speed_mps", |s| s.speed_mps = Some(200.0)),
        ("speed_mps", |s| s.speed_mps = Some(-1.0)),
        ("acceleration_mps2", |s| s.acceleration_mps2 = Some(f64::NAN)),
        ("width_m", |s| s.extent_m = Some((4.0, 11.0))),
    ];
    for (name, change) in cases {
        let mut state = on_board();
        change(&mut state);
        match encode_bsm(&frame(), Profile::Day2, &state, MsgCount::default()) {
            Err(EncodeError::Value { field, .. }) => assert_eq!(field, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_busy_scene_takes_several_frames_and_numbers_stay_with_their_tracks() {
    let mut encoder = encoder();
    let tracks: Vec<Track> = (0..40).map(track).collect();
    let first = told_rsm(&mut encoder, &tracks);
    assert!(first.refused.is_empty());
    let frames: Vec<ReceivedRsm> = first.frames.iter().map(|frame| received_rsm(&frame.bytes)).collect();
    assert_eq!(frames.iter().map(|rsm| rsm.participants.len()).collect::<Vec<_>>(), [16, 16, 11]);
    assert_eq!(frames.iter().map(|rsm| rsm.message_count).collect::<Vec<_>>(), [126, 127, 0], "counted modulo 128");
    for rsm in &frames {
        let unit = rsm.participants[0];
        assert_eq!((rsm.unit, unit.number, unit.kind), (UNIT, 0, ParticipantKind::RoadsideUnit));
        assert_eq!(unit.source, ParticipantSource::Itself);
        assert!((rsm.position - Point::new(100.0, 50.0)).norm() < 0.008);
    }
    let numbers_of = |frames: &[ReceivedRsm]| -> Vec<u16> {
        frames.iter().flat_map(|rsm| &rsm.participants[1..]).map(|participant| participant.number).collect()
    };
    let numbers = numbers_of(&frames);
    let again: Vec<Track> = tracks.iter().rev().cloned().collect();
    let second: Vec<ReceivedRsm> =
        told_rsm(&mut encoder, &again).frames.iter().map(|frame| received_rsm(&frame.bytes)).collect();
    assert_eq!(numbers_of(&second), numbers.iter().rev().copied().collect::<Vec<_>>());
}

#[test]
fn a_track_arrives_with_its_error_and_an_id_only_from_its_own_messages() {
    let vehicle = VehicleId([9; 8]);
    let seen_and_heard =
        Track { vehicle: Some(vehicle), sources: Sources { radar: true, camera: false, v2x: true }, ..track(1) };
    let once_heard =
        Track { vehicle: Some(vehicle), sources: Sources { radar: true, camera: false, v2x: false }, ..track(2) };
    let pedestrian = Track {
        class: ClassBelief::from_weights([0.1, 0.1, 0.8]),
        sources: Sources { radar: false, camera: true, v2x: false },
        extent_m: None,
        velocity: Vector::zeros(),
        ..track(3)
    };
    let anything = Track { class: ClassBelief::UNIFORM, ..track(4) };
    let told = told_rsm(&mut encoder(), &[seen_and_heard.clone(), once_heard, pedestrian, anything]);
    let participants = received_rsm(&told.frames[0].bytes).participants;

    let heard = participants[1];
    assert_eq!((heard.source, heard.vehicle), (ParticipantSource::V2x, Some(vehicle)));
    assert_eq!(heard.kind, ParticipantKind::RoadUser(RoadUserClass::Motor));
    assert!((heard.position - seen_and_heard.position).norm() < 0.008);
    assert_eq!((heard.speed_mps, heard.valid_at, heard.extent_m), (Some(10.0), now(), Some((4.6, 1.8))));
    assert_eq!(heard.heading.map(|heading| heading.deg()), Some(0.0));
    // 0.3 m and 0.3 m/s: the set's next coarser bounds are 1 m and 1 m/s at 95 %.
    assert!((heard.position_sigma_m.unwrap() - 1.0 / 2.4477).abs() < 1e-4);
    assert!((heard.speed_sigma_mps.unwrap() - 1.0 / 1.95996).abs() < 1e-4);

    assert_eq!((participants[2].source, participants[2].vehicle), (ParticipantSource::Radar, None));
    assert_eq!(participants[3].kind, ParticipantKind::RoadUser(RoadUserClass::Pedestrian));
    assert_eq!((participants[3].source, participants[3].speed_mps), (ParticipantSource::Video, Some(0.0)));
    assert_eq!((participants[3].extent_m, participants[3].speed_sigma_mps), (None, None));
    assert_eq!(participants[4].kind, ParticipantKind::Unknown);
}

#[test]
fn what_a_vehicle_says_beyond_its_place_is_passed_on_while_its_messages_feed_the_track() {
    let vehicle = VehicleId([9; 8]);
    let state = OnBoardState {
        vehicle,
        details: VehicleDetails { gear: Some(Gear::Reverse), vehicle_class: Some(10), ..VehicleDetails::default() },
        ..on_board()
    };
    let bytes = encode_bsm(&frame(), Profile::Day2, &state, MsgCount::default()).unwrap();
    let Received::Bsm(report) = decode(&bytes, Profile::Day2, now(), &frame()).unwrap() else { panic!("not a BSM") };
    let heard = Track { vehicle: Some(vehicle), sources: Sources { v2x: true, ..Sources::default() }, ..track(1) };
    let silent = Track { sources: Sources { radar: true, ..Sources::default() }, id: TrackId(2), ..heard.clone() };
    let another = Track { vehicle: Some(VehicleId([8; 8])), id: TrackId(3), ..heard.clone() };
    let mut told = Encoded::default();
    let users = [&heard, &silent, &another].map(|track| RoadUser { track, own: Some(&report) });
    encoder().rsm(now(), users, &mut told);
    let participants = received_rsm(&told.frames[0].bytes).participants;
    let beyond: Vec<_> = participants.iter().map(|p| (p.gear, p.acceleration_mps2, p.vehicle_class)).collect();
    let nothing = (None, None, None);
    assert_eq!(beyond, [nothing, (Some(Gear::Reverse), Some(-1.2), Some(10)), nothing, nothing]);
}

#[test]
fn a_sick_track_is_left_out_by_name_and_the_others_go() {
    let mut sick = track(2);
    sick.velocity.x = f64::NAN;
    let mut old = track(3);
    old.valid_at = now().plus_seconds(-40.0);
    let told = told_rsm(&mut encoder(), &[track(1), sick, old, track(4)]);
    assert_eq!(received_rsm(&told.frames[0].bytes).participants.len(), 3);
    let refused: Vec<_> = told.refused.iter().map(|refusal| refusal.subject.clone()).collect();
    assert_eq!(refused, [Subject::Track(TrackId(2)), Subject::Track(TrackId(3))]);
    assert!(told.refused[1].to_string().contains("track_age_s = 40"), "{}", told.refused[1]);
}

fn warning(id: u64, application: Application, cause: Cause) -> Warning {
    let path =
        Polyline::new((0..100).map(|i| Point::new(f64::from(i) * 2.0, libm::sin(f64::from(i) / 8.0) * 5.0)).collect());
    Warning {
        id: WarningId(id),
        revision: 3,
        application,
        level: Level::Urgent,
        stage: WarningStage::Held,
        cause,
        about: Vec::new(),
        concerned: vec![Concerned { track: TrackId(7), vehicle: Some(VehicleId([7; 8])) }],
        place: Place { at: Point::new(200.0, 0.0), path: path.unwrap(), radius_m: 12.5 },
        paths: Vec::new(),
        since: now().plus_seconds(-70.0),
        sensed_at: now().plus_seconds(-0.085),
        valid_until: now().plus_seconds(1.0),
        confidence: 0.87,
    }
}

fn every_cause() -> Vec<Warning> {
    use Application as A;
    let conflict = |closest_m| Cause::Conflict { time_to_conflict_s: 1.25, post_encroachment_s: -0.3, closest_m };
    let hazards = RoadHazard::ALL.map(|hazard| (A::Hlw, Cause::Hazard { hazard, safe_mps: 5.5 }));
    let others = [
        (A::Icw, conflict(0.5)),
        (A::Vrucw, conflict(0.8)),
        (A::Slw, Cause::Overspeed { speed_mps: 16.7, limit_mps: 11.11 }),
        (A::LeadSpeed, Cause::Closing { gap_m: 30.0, ahead_mps: 2.0, closing_mps: 9.5 }),
        (A::Tjw, Cause::Congestion { mean_mps: 1.5, vehicles: 14 }),
        (A::Hlw, Cause::StoppedVehicle { standing_s: 42.0 }),
        (A::Guidance, Cause::Detour { congested_s: 300.0, detour_s: 120.0 }),
        (A::Ebw, Cause::Braking { gap_m: 21.5, braking_mps2: 6.25 }),
        (A::Avw, Cause::SlowVehicle { speed_mps: 2.5, usual_mps: 13.9 }),
        (A::Clw, Cause::ControlLoss { speed_mps: 12.5, distance_m: 60.0 }),
        (A::Bsw, Cause::Beside { gap_m: -2.5, closing_mps: 3.25 }),
        (A::WrongWay, Cause::WrongWay { speed_mps: 11.0 }),
        (A::Ivs, Cause::Sign { code: 38, value: 200.0 }),
        (A::Svw, Cause::RedLight { stop_m: 22.0, needs_mps2: 5.5 }),
        (A::Glosa, Cause::GreenSpeed { stop_m: 180.0, advised_mps: 9.5, green_in_s: 12.25 }),
        (A::Evw, Cause::Emergency { distance_m: 140.0, arrives_s: 9.5 }),
    ];
    (1..)
        .zip(others.into_iter().chain(hazards))
        .map(|(id, (application, cause))| warning(id, application, cause))
        .collect()
}

#[test]
fn every_kind_of_warning_arrives_whole() {
    let warnings = every_cause();
    let told = told_rsi(&mut encoder(), &warnings);
    assert!(told.refused.is_empty(), "{:?}", told.refused);
    assert!(told.frames.iter().all(|frame| frame.bytes.len() <= 1300), "frames fit a packet");
    let mut arrived = 0;
    for frame in &told.frames {
        let MessageKind::Rsi(class) = frame.kind else { panic!("{:?}", frame.kind) };
        let rsi = received_rsi(&frame.bytes);
        assert_eq!((rsi.unit, rsi.minute), (UNIT, Some(Utc::from_unix_ms(1_786_270_260_000))));
        for got in &rsi.warnings {
            let notice = got.notice.clone().unwrap();
            let sent = warnings.iter().find(|sent| sent.id == notice.id).unwrap();
            assert_eq!(RsiClass::of(sent.kind()), class, "one class a frame");
            assert_eq!((notice.application, notice.level, notice.revision), (sent.application, Level::Urgent, 3));
            assert_eq!(notice.stage, WarningStage::Held);
            assert_eq!((&notice.cause, got.code), (&sent.cause, RsiCode::of(sent)));
            assert_eq!((notice.sensed_at, notice.valid_until), (sent.sensed_at, sent.valid_until));
            assert_eq!(notice.audience, Audience::Vehicles(vec![VehicleId([7; 8])]));
            assert_eq!(notice.confidence, 0.87);
            assert!((got.at.unwrap() - sent.place.at).norm() < 0.008);
            let (path, radius_m) = &got.paths[0];
            assert_eq!((path.len() <= 32, *radius_m), (true, 12.5));
            for point in path {
                assert!(sent.place.path.project(*point).distance_m < 0.01, "the path is thinned, not moved");
            }
            assert!((path[0] - sent.place.path.start()).norm() < 0.008);
            assert!((path[path.len() - 1] - sent.place.path.end()).norm() < 0.008);
            assert_eq!(got.starts, Some(Utc::from_unix_ms(1_786_270_200_000)), "the minute 70 s ago");
            assert_eq!(got.ends, Some(Utc::from_unix_ms(1_786_270_320_000)), "the next full minute");
            arrived += 1;
        }
    }
    assert_eq!(arrived, warnings.len());
}

#[test]
fn public_codes_are_those_of_the_lists() {
    let codes: Vec<RsiCode> = every_cause().iter().map(RsiCode::of).collect();
    use RsiCode::{Event, Sign};
    let causes = [
        Event(0),
        Event(405),
        Sign(85),
        Event(902),
        Event(707),
        Event(903),
        Sign(0),
        Event(902),
        Event(902),
        Event(0),
        Event(0),
        Event(904),
        Sign(38),
        Event(0),
        Sign(0),
        Event(905),
    ];
    // Object, water, ice, fog, crash, works.
    let hazards = [401, 408, 409, 305, 100, 501].map(Event);
    assert_eq!(codes, [&causes[..], &hazards[..]].concat());
}

#[test]
fn a_warning_keeps_its_number_and_a_sick_one_is_left_out_by_name() {
    let mut encoder = encoder();
    let mut warnings = every_cause();
    let number_of = |told: &jxz_v2x::Encoded, id: u64| {
        let all = told.frames.iter().flat_map(|frame| received_rsi(&frame.bytes).warnings);
        all.filter(|w| w.notice.as_ref().unwrap().id == WarningId(id)).map(|w| w.number).next()
    };
    let first = told_rsi(&mut encoder, &warnings);
    let number = number_of(&first, 4).unwrap();
    warnings.remove(1);
    warnings[0].confidence = f64::NAN;
    let second = told_rsi(&mut encoder, &warnings);
    assert_eq!(number_of(&second, 4), Some(number));
    assert_eq!(second.refused.len(), 1);
    assert_eq!(second.refused[0].subject, Subject::Warning(WarningId(1)));
    assert_eq!(told_rsi(&mut encoder, &[]).frames.len(), 0);
}

#[test]
fn a_warning_for_nobody_with_a_radio_is_not_for_everybody() {
    let mut warnings = every_cause();
    warnings.truncate(3);
    warnings[0].concerned.clear();
    warnings[1].concerned = vec![Concerned { track: TrackId(1), vehicle: None }];
    warnings[2].concerned =
        (0..30).map(|i| Concerned { track: TrackId(i), vehicle: Some(VehicleId([i as u8; 8])) }).collect();
    let told = told_rsi(&mut encoder(), &warnings);
    let got: Vec<_> = told.frames.iter().flat_map(|frame| received_rsi(&frame.bytes).warnings).collect();
    let audience = |id: u64| {
        let notices = got.iter().filter_map(|w| w.notice.clone());
        notices.filter(|notice| notice.id == WarningId(id)).map(|notice| notice.audience).next().unwrap()
    };
    assert_eq!(audience(1), Audience::Everyone);
    assert_eq!(audience(2), Audience::Vehicles(Vec::new()));
    assert_eq!(audience(3), Audience::Everyone, "too many to name: the whole path");
}

#[test]
fn signals_count_down_to_the_tenth() {
    let phase = |n, light, ends_in_s, next| PhaseSignal {
        phase: PhaseId(n),
        light,
        likely_end: now().plus_seconds(ends_in_s),
        next,
    };
    let mut signals = JunctionSignals {
        junction: JunctionId("zhongxin-minan".to_owned()),
        valid_at: now(),
        phases: vec![
            phase(1, Light::Green, 12.3, Some((Light::Yellow, 3.0))),
            phase(2, Light::Red, 40.0, Some((Light::PermissiveGreen, 25.0))),
        ],
    };
    let mut encoder = encoder();
    let told = told_spat(&mut encoder, now().plus_seconds(0.1), &signals, "zhongxin-minan");
    let spat = raw(&told.frames[0].bytes)["spatFrame"].clone();
    let state = &spat["intersections"][0];
    assert_eq!(
        (&spat["moy"], &spat["timeStamp"], &spat["name"]),
        (&json!(317_411), &json!(12_445), &json!("zhongxin-minan"))
    );
    assert_eq!((&state["intersectionId"], &state["status"]), (&json!({"id": 1001}), &json!("0000010000000000")));
    assert_eq!(state["phases"][0]["phaseStates"][1]["light"], "yellow");
    let timing = &state["phases"][0]["phaseStates"][1]["timing"]["counting"];
    assert_eq!((&timing["startTime"], &timing["likelyEndTime"]), (&json!(123), &json!(153)));

    let Received::Spat(got) = decode(&told.frames[0].bytes, Profile::Day2, now(), &frame()).unwrap() else {
        panic!("not a SPAT")
    };
    let junction = &got.junctions[0];
    assert_eq!((junction.node.id, junction.valid_at), (1001, Some(now())));
    assert_eq!(junction.phases[0].lights[0].light, Some(Light::Green));
    assert_eq!(junction.phases[0].lights[0].likely_end, Some(now().plus_seconds(12.3)));
    assert_eq!(junction.phases[1].lights[1].light, Some(Light::PermissiveGreen));
    assert_eq!(junction.phases[1].lights[1].likely_end, Some(now().plus_seconds(65.0)));

    signals.phases[0].next = Some((Light::Yellow, f64::NAN));
    let refused = told_spat(&mut encoder, now(), &signals, "中新大道");
    assert!(refused.frames.is_empty() && refused.refused[0].to_string().contains("next_light_s"));
    signals.phases = (1..=17).map(|n| phase(n, Light::Red, 1.0, None)).collect();
    assert!(told_spat(&mut encoder, now(), &signals, "").frames.is_empty());
}

#[test]
fn rubbish_is_refused_with_its_place() {
    assert!(matches!(
        decode(&[], Profile::Day2, now(), &frame()),
        Err(DecodeError::Frame(AsnError { cause: Wrong::Truncated, .. }))
    ));
    assert!(matches!(
        decode(&[0xff; 9000], Profile::Day2, now(), &frame()),
        Err(DecodeError::Frame(AsnError { cause: Wrong::Oversize { bytes: 9000, .. }, .. }))
    ));
}

//! What a node sends, when, and what it counts.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_edge::{Edge, EdgeConfig, Input, NoStopwatch, Output};
use jxz_map::{JunctionIx, Map};
use jxz_signal::Controller;
use jxz_units::{Instant, Now, Utc};
use jxz_v2x::{MessageKind, OnBoardState, Profile, Received};
use jxz_world::{Detection, DropCause, RecordBody, Scan, Site, VehicleId};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Arc::new(Map::load(&seeds).expect("the island's own map loads"))
});

fn at(ms: u64) -> Now {
    Now::after_start(START, Duration::from_millis(ms))
}

fn site() -> &'static Site {
    MAP.sites.iter().find(|s| s.junction.is_some()).expect("a site with signals")
}

fn edge() -> Edge {
    Edge::new(at(0), MAP.clone(), &site().id, EdgeConfig::default(), Box::new(NoStopwatch)).unwrap()
}

/// Runs the node by its own deadlines up to a time, with a signal report every 200 ms until `signals_until_ms`.
fn run(edge: &mut Edge, from_ms: u64, to_ms: u64, signals_until_ms: u64) -> Vec<(u64, Output)> {
    let mut outputs = Vec::new();
    for ms in from_ms..to_ms {
        let due = edge.next_deadline().is_some_and(|deadline| deadline <= at(ms).mono);
        if ms % 200 == 0 && ms < signals_until_ms {
            edge.handle(at(ms), Input::Signals(signals(at(ms).utc)));
        } else if due {
            edge.handle(at(ms), Input::Timer);
        }
        while let Some(output) = edge.poll() {
            outputs.push((ms, output));
        }
    }
    outputs
}

fn signals(utc: Utc) -> jxz_world::JunctionSignals {
    let id = site().junction.clone().unwrap();
    let junction = MAP.junctions.iter().position(|j| j.id == id).unwrap();
    Controller::of(&MAP, JunctionIx(junction as u32)).expect("the junction has a plan").signals(utc)
}

fn times_of(outputs: &[(u64, Output)], kind: MessageKind) -> Vec<u64> {
    let is_kind = |o: &Output| matches!(o, Output::Broadcast(frame) if frame.kind == kind);
    let mut times: Vec<u64> = outputs.iter().filter(|(_, o)| is_kind(o)).map(|(ms, _)| *ms).collect();
    times.dedup();
    times
}

fn scan(sequence: u32, ms: u64) -> Scan {
    let sensor = &site().sensors[0];
    let ahead = Detection {
        range_m: 40.0,
        azimuth_rad: 0.1,
        doppler_mps: sensor.doppler_sigma_mps.map(|_| 0.0),
        class: None,
        score: 0.9,
        extent_m: None,
    };
    Scan { sensor: sensor.id.clone(), sequence, valid_at: at(ms).utc, detections: vec![ahead] }
}

#[test]
fn every_message_keeps_its_period() {
    let mut edge = edge();
    let outputs = run(&mut edge, 0, 3000, 3000);
    let within = |kind, most_ms: u64| {
        let times = times_of(&outputs, kind);
        assert!(times.len() > 1 && times.windows(2).all(|w| w[1] - w[0] <= most_ms), "{kind:?} at {times:?}");
    };
    within(MessageKind::Rsm, 100);
    within(MessageKind::Spat, 500);
    within(MessageKind::Map, 1000);
    assert!(outputs.iter().any(|(_, o)| matches!(o, Output::Record(r) if matches!(r.body, RecordBody::Health(_)))));
}

#[test]
fn signals_that_are_no_longer_fresh_are_no_longer_sent() {
    let mut edge = edge();
    let outputs = run(&mut edge, 0, 5000, 2000);
    let last = *times_of(&outputs, MessageKind::Spat).last().unwrap();
    assert!((2000..=3200).contains(&last), "the last report was at 1800 ms, the last SPAT at {last} ms");
}

#[test]
fn every_frame_sent_decodes_again() {
    let mut edge = edge();
    edge.handle(at(0), Input::Scan(scan(1, 0)));
    for (_, output) in run(&mut edge, 0, 1200, 1200) {
        if let Output::Broadcast(frame) = output {
            let received = jxz_v2x::decode(&frame.bytes, Profile::default(), at(1200).utc, &MAP.frame);
            assert!(received.is_ok(), "{:?}: {received:?}", frame.kind);
        }
    }
}

#[test]
fn a_standing_echo_becomes_a_track_in_state_and_in_rsm() {
    let mut edge = edge();
    let mut tracks = 0;
    for k in 0..30_u32 {
        let ms = u64::from(k) * 100;
        edge.handle(at(ms), Input::Scan(scan(k, ms)));
        while let Some(output) = edge.poll() {
            match output {
                Output::State(state) => tracks = state.tracks.len(),
                Output::Broadcast(frame) if frame.kind == MessageKind::Rsm && tracks > 0 => {
                    let Ok(Received::Rsm(rsm)) =
                        jxz_v2x::decode(&frame.bytes, Profile::default(), at(ms).utc, &MAP.frame)
                    else {
                        panic!("an RSM that does not decode")
                    };
                    assert!(rsm.participants.len() <= 16);
                }
                _ => {}
            }
        }
    }
    assert_eq!(tracks, 1);
}

#[test]
fn a_vehicles_own_report_is_taken_once_and_rubbish_is_counted() {
    let mut edge = edge();
    let state = OnBoardState {
        vehicle: VehicleId([7; 8]),
        valid_at: at(0).utc,
        position: site().position,
        position_sigma_m: Some(0.5),
        speed_mps: Some(0.0),
        heading: None,
        acceleration_mps2: None,
        extent_m: Some((4.6, 1.8)),
        details: jxz_world::VehicleDetails::default(),
    };
    let bsm = jxz_v2x::encode_bsm(&MAP.frame, Profile::default(), &state, jxz_v2x::MsgCount::new(3)).unwrap();
    for bytes in [bsm.clone(), bsm.clone(), vec![0xff; 40], Vec::new(), vec![0; 9000], bsm[..20].to_vec()] {
        edge.handle(at(50), Input::Radio(bytes));
    }
    assert_eq!(edge.drops().of(DropCause::RadioDuplicate), 1);
    assert_eq!(edge.drops().of(DropCause::RadioUndecodable), 4);
    // Twenty seconds later it is too old to be believed.
    edge.handle(at(20_000), Input::Radio(bsm));
    assert_eq!(edge.drops().of(DropCause::RadioImplausible), 1);
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let play = || {
        let mut edge = edge();
        for k in 0..20_u32 {
            edge.handle(at(u64::from(k) * 50), Input::Scan(scan(k, u64::from(k) * 50)));
        }
        run(&mut edge, 1000, 4000, 4000)
    };
    assert_eq!(play(), play());
}

#[test]
fn records_count_up_without_a_gap() {
    let mut edge = edge();
    let mut by_boot: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (_, output) in run(&mut edge, 0, 9000, 9000) {
        if let Output::Record(record) = output {
            by_boot.entry(record.boot).or_default().push(record.sequence);
        }
    }
    let sequences = by_boot.into_values().next().unwrap();
    assert!(sequences.iter().copied().eq(1..=sequences.len() as u64), "{sequences:?}");
}

#[test]
fn an_unknown_site_and_a_wild_setting_are_refused() {
    let make = |site: &str, config: EdgeConfig| {
        Edge::new(at(0), MAP.clone(), &jxz_world::SiteId(site.to_owned()), config, Box::new(NoStopwatch)).err()
    };
    let unknown = make("nowhere", EdgeConfig::default()).unwrap().to_string();
    assert!(unknown.contains("nowhere") && unknown.contains("jxz map info"), "{unknown}");
    let wild = make(&site().id.0, EdgeConfig { round_s: 0.0, ..EdgeConfig::default() }).unwrap().to_string();
    assert!(wild.contains("round_s"), "{wild}");
    assert_eq!(edge().next_deadline(), Some(Instant::ZERO), "the first round is due at once");
}

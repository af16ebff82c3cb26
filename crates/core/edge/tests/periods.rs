//! Every kind of message keeps its period, priority and application id, also when rounds come late; and people with
//! a radio are heard as vehicles are.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_edge::{Edge, EdgeConfig, Input, NoStopwatch, Output};
use jxz_geo::{Point, Vector};
use jxz_map::{JunctionIx, Lane, LaneKind, Map};
use jxz_signal::Controller;
use jxz_units::{Heading, Now, Utc};
use jxz_v2x::{
    Crossing, Ellipse, Encoded, Encoder, Frame, MessageKind, MsgCount, OnBoardState, ParticipantKind,
    ParticipantSource, PersonalKind, PersonalState, Profile, Received, RsiClass, UnitId, decode, encode_bsm,
    encode_psm,
};
use jxz_world::{DropCause, RoadUserClass, Site, VehicleDetails, VehicleId};
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

fn junction() -> JunctionIx {
    MAP.junction_by_id(site().junction.as_ref().unwrap()).unwrap()
}

fn edge(config: EdgeConfig) -> Edge {
    Edge::new(at(0), MAP.clone(), &site().id, config, Box::new(NoStopwatch)).unwrap()
}

/// A node that warns of a speeder whom it knows by its own reports alone: the sender may be an electric bicycle.
fn watchful() -> EdgeConfig {
    let mut config = EdgeConfig::default();
    config.hazard.slw.probability.raise = 0.6;
    config.hazard.slw.probability.hold = 0.4;
    config
}

/// The longest driving lane that leads to the junction.
fn approach() -> &'static Lane {
    let lanes = MAP.junction(junction()).incoming.iter().flat_map(|ix| &MAP.link(*ix).lanes).map(|ix| MAP.lane(*ix));
    let driving = lanes.filter(|lane| lane.kind == LaneKind::Driving);
    driving.max_by(|a, b| a.centre.length_m().total_cmp(&b.centre.length_m())).unwrap()
}

/// A car that drives up to the junction at twice the limit, from 140 m before it.
fn speeder(now: Now, ms: u64) -> Vec<u8> {
    let lane = approach();
    let speed_mps = 2.0 * lane.speed_limit_mps;
    let s_m = (lane.centre.length_m() - 140.0).max(0.0) + speed_mps * ms as f64 / 1000.0;
    let state = OnBoardState {
        vehicle: VehicleId([7; 8]),
        valid_at: now.utc,
        position: lane.centre.point_at(s_m.min(lane.centre.length_m())),
        position_sigma_m: Some(0.3),
        speed_mps: Some(speed_mps),
        heading: Some(lane.centre.yaw_at(s_m).to_heading()),
        acceleration_mps2: Some(0.0),
        extent_m: Some((4.6, 1.8)),
        details: VehicleDetails::default(),
    };
    encode_bsm(&MAP.frame, Profile::default(), &state, MsgCount::new((ms / 100 % 128) as u8)).unwrap()
}

/// When frames of each kind were sent, milliseconds, each time once.
type Times = BTreeMap<MessageKind, Vec<u64>>;

/// Runs a node for five seconds. It is called when it asks to be, but late by what `late_ms` says of the moment it
/// asked for; meanwhile come signals every 200 ms and the speeder's reports every 100 ms.
fn run(edge: &mut Edge, late_ms: impl Fn(u64) -> u64) -> (Times, Vec<Frame>) {
    let (mut times, mut frames) = (Times::new(), Vec::new());
    let controller = Controller::of(&MAP, junction()).expect("the junction has a plan");
    for ms in 0..5000_u64 {
        let now = at(ms);
        let asked_ms = edge.next_deadline().unwrap().since(at(0).mono).as_millis() as u64;
        let is_late = ms < asked_ms + late_ms(asked_ms);
        // What comes in runs what is due, too: while the node is late, nothing comes in.
        if asked_ms <= ms && is_late {
            continue;
        }
        if ms % 200 == 50 {
            edge.handle(now, Input::Signals(controller.signals(now.utc)));
        }
        if ms % 100 == 50 {
            edge.handle(now, Input::Radio(speeder(now, ms)));
        }
        if asked_ms <= ms {
            edge.handle(now, Input::Timer);
        }
        while let Some(output) = edge.poll() {
            let Output::Broadcast(frame) = output else { continue };
            let sent = times.entry(frame.kind).or_default();
            if sent.last() != Some(&ms) {
                sent.push(ms);
            }
            frames.push(frame);
        }
    }
    (times, frames)
}

/// Kind, longest period in milliseconds, priority, application id: the facts of the rules, and for SSM ours.
const RULES: [(MessageKind, u64, u8, u32); 8] = [
    (MessageKind::Map, 1000, 16, 3618),
    (MessageKind::Spat, 500, 176, 3619),
    (MessageKind::Rsi(RsiClass::Static), 1000, 48, 3620),
    (MessageKind::Rsi(RsiClass::SemiStatic), 500, 80, 3621),
    (MessageKind::Rsi(RsiClass::Dynamic), 100, 112, 3622),
    (MessageKind::Rsm, 100, 208, 3623),
    (MessageKind::Ssm, 100, 192, 10_012),
    (MessageKind::Rtcm, 1000, 32, 10_010),
];

#[test]
fn kinds_have_the_periods_priorities_and_application_ids_of_the_rules() {
    for (kind, period_ms, priority, application_id) in RULES {
        assert_eq!((kind.priority(), kind.application_id()), (Some(priority), application_id), "{kind:?}");
        assert_eq!(kind.period(), Duration::from_millis(period_ms), "{kind:?}");
    }
    assert_eq!((MessageKind::Bsm.priority(), MessageKind::Bsm.application_id()), (None, 111));
}

/// Every kind that a running node sends keeps its period but for how late the node is called, and none is said less
/// often for that.
fn assert_periods(times: &Times, most_late_ms: u64) {
    let sent_always =
        [MessageKind::Map, MessageKind::Spat, MessageKind::Rsi(RsiClass::Static), MessageKind::Rsm, MessageKind::Ssm];
    for kind in sent_always {
        let (_, period_ms, ..) = RULES.into_iter().find(|(known, ..)| *known == kind).unwrap();
        let sent = &times[&kind];
        // SPAT begins with the first report of the signals.
        let ends = [0, *sent.first().unwrap(), *sent.last().unwrap(), 5000];
        assert!(
            ends[1] <= period_ms + most_late_ms && ends[3] - ends[2] <= period_ms + most_late_ms,
            "{kind:?} {sent:?}"
        );
        assert!(sent.windows(2).all(|w| w[1] - w[0] <= period_ms + most_late_ms), "{kind:?} at {sent:?}");
        assert!(sent.len() as u64 >= 5000 / period_ms, "{kind:?} {} times", sent.len());
    }
    let dynamic = &times[&MessageKind::Rsi(RsiClass::Dynamic)];
    assert!(dynamic.len() > 10, "the speeder is warned: {dynamic:?}");
    assert!(dynamic.windows(2).all(|w| w[1] - w[0] <= 100 + most_late_ms), "{dynamic:?}");
}

#[test]
fn a_node_that_is_called_in_time_keeps_every_period() {
    let (times, frames) = run(&mut edge(watchful()), |_| 0);
    assert_periods(&times, 0);
    assert!(frames.iter().all(|frame| frame.bytes.len() <= 1300));
    for frame in &frames {
        decode(&frame.bytes, Profile::default(), at(2500).utc, &MAP.frame).unwrap();
    }
}

#[test]
fn rounds_that_come_late_do_not_make_messages_rarer() {
    // Up to 30 ms late, each time otherwise; once in a second 60 ms.
    let late_ms = |asked_ms: u64| if asked_ms % 1000 == 300 { 60 } else { asked_ms / 100 * 7 % 31 };
    let (times, _) = run(&mut edge(watchful()), late_ms);
    assert_periods(&times, 60);
}

#[test]
fn sensors_are_shared_by_a_switch_and_only_in_the_second_phase() {
    let is_shared = |config| run(&mut edge(config), |_| 0).0.contains_key(&MessageKind::Ssm);
    assert!(is_shared(EdgeConfig::default()));
    assert!(!is_shared(EdgeConfig { share_sensors: false, ..EdgeConfig::default() }));
    let mut first_phase = edge(EdgeConfig { profile: Profile::Day1, ..EdgeConfig::default() });
    first_phase.handle(at(0), Input::Timer);
    let kinds: Vec<_> = std::iter::from_fn(|| first_phase.poll())
        .filter_map(|output| if let Output::Broadcast(frame) = output { Some(frame.kind) } else { None })
        .collect();
    assert!(kinds.contains(&MessageKind::Rsm) && !kinds.contains(&MessageKind::Ssm), "{kinds:?}");
    assert_eq!(first_phase.drops().of(DropCause::EncodeFailed), 0, "not sent is not failed");
}

fn pedestrian(now: Now, ms: u64) -> PersonalState {
    let position = site().position + Vector::new(12.0, 0.8 * ms as f64 / 1000.0);
    PersonalState {
        id: VehicleId([5; 8]),
        valid_at: now.utc,
        position,
        accuracy: Some(Ellipse::circle(1.0)),
        speed_mps: Some(0.8),
        heading: Some(Heading::from_deg(0.0)),
        acceleration_mps2: None,
        radius_m: 0.3,
        kind: Some(PersonalKind::Pedestrian),
        cluster: None,
        crossing: Some(Crossing::Under),
    }
}

#[test]
fn a_pedestrian_with_a_radio_becomes_a_track_that_is_told_as_a_pedestrian() {
    let mut edge = edge(EdgeConfig::default());
    let mut told = None;
    for ms in (0..2000).step_by(100) {
        let now = at(ms);
        let personal = pedestrian(now, ms);
        let bytes = encode_psm(&MAP.frame, Profile::default(), &personal, MsgCount::new(ms as u8)).unwrap();
        edge.handle(now, Input::Radio(bytes));
        while let Some(output) = edge.poll() {
            if let Output::Broadcast(Frame { kind: MessageKind::Rsm, bytes }) = output {
                let Ok(Received::Rsm(rsm)) = decode(&bytes, Profile::default(), now.utc, &MAP.frame) else {
                    panic!("an RSM that does not decode")
                };
                told = rsm.participants.get(1).copied().or(told);
            }
        }
    }
    let told = told.expect("told of");
    assert_eq!(told.kind, ParticipantKind::RoadUser(RoadUserClass::Pedestrian));
    assert_eq!((told.source, told.vehicle), (ParticipantSource::V2x, Some(VehicleId([5; 8]))));
    assert!((told.position - pedestrian(at(1900), 1900).position).norm() < 1.5, "{}", told.position);
}

#[test]
fn whole_messages_of_no_use_here_are_irrelevant_and_not_undecodable() {
    let mut edge = edge(EdgeConfig::default());
    let mut other = Encoded::default();
    let mut unit = Encoder::new(MAP.frame, Profile::default(), UnitId([2; 8]), Point::origin(), 0);
    unit.rtcm(&[&[0xd3, 0, 0]], &mut other);
    unit.rsm(at(0).utc, [], &mut other);
    unit.ssm(at(0).utc, [], &mut other);
    for frame in other.frames {
        edge.handle(at(10), Input::Radio(frame.bytes));
    }
    assert_eq!(edge.drops().of(DropCause::RadioIrrelevant), 3);
    assert_eq!(edge.drops().of(DropCause::RadioUndecodable), 0);
}

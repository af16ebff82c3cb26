//! A unit that has run for a round needs no more memory for the next ones.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod scene;

use jxz_v2x::{Encoder, MessageKind, Profile, Refusal, RoadUser, Sink};
use jxz_world::{JunctionId, JunctionSignals, Light, PhaseId, PhaseSignal, Sources, Track, VehicleId};
use scene::{ISLAND, UNIT, now, track};
use std::collections::BTreeMap;

/// Counts frames and their bytes.
#[derive(Default)]
struct Tally {
    frames: BTreeMap<MessageKind, usize>,
    bytes: usize,
}

impl Sink for Tally {
    fn frame(&mut self, kind: MessageKind, bytes: &[u8]) {
        *self.frames.entry(kind).or_default() += 1;
        self.bytes += bytes.len();
    }

    fn refused(&mut self, refusal: Refusal) {
        panic!("{refusal}");
    }
}

fn signals(seconds: f64) -> JunctionSignals {
    let phase = |n: u8| PhaseSignal {
        phase: PhaseId(n),
        light: if n.is_multiple_of(2) { Light::Red } else { Light::Green },
        likely_end: now().plus_seconds(seconds + f64::from(n)),
        next: Some((Light::Yellow, 3.0)),
    };
    JunctionSignals {
        junction: JunctionId("zhongxin-taoyuan".to_owned()),
        valid_at: now().plus_seconds(seconds),
        phases: (1..=12).map(phase).collect(),
    }
}

#[test]
fn road_users_and_signals_are_told_without_allocating_once_warm() {
    let site = &ISLAND.sites[0];
    let mut encoder = Encoder::for_site(&ISLAND, site, Profile::Day2, UNIT, 0);
    let mut tracks: Vec<Track> = (0..40)
        .map(|id| Track { position: site.position + jxz_geo::Vector::new(id as f64, -20.0), ..track(id) })
        .collect();
    tracks[3].vehicle = Some(VehicleId([3; 8]));
    tracks[3].sources = Sources { v2x: true, ..Sources::default() };
    let plans: Vec<JunctionSignals> = (0..5).map(|k| signals(f64::from(k))).collect();
    let mut tally = Tally::default();
    let mut round = |k: usize, tally: &mut Tally| {
        let at = plans[k].valid_at;
        for track in &mut tracks {
            track.valid_at = at;
            track.position.x += 0.5;
        }
        // Every round another road user goes, and a new one comes.
        tracks[k].id.0 += 100;
        tracks.rotate_left(7);
        encoder.rsm(at, tracks.iter().map(RoadUser::from), tally);
        encoder.ssm(at, tracks.iter().map(RoadUser::from), tally);
        encoder.spat(at, &plans[k], 1001, "zhongxin-taoyuan", tally);
    };
    round(0, &mut tally);
    let info = allocation_counter::measure(|| (1..5).for_each(|k| round(k, &mut tally)));
    assert_eq!((info.count_total, info.bytes_total), (0, 0), "allocations in four rounds");
    let frames: Vec<_> = tally.frames.into_iter().collect();
    assert_eq!(frames[0], (MessageKind::Rsm, 15), "three frames a round");
    assert!(frames[1] == (MessageKind::Spat, 5) && frames[2].0 == MessageKind::Ssm && tally.bytes > 10_000);

    // The counter does count.
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100]))).count_total == 1);
}

//! Message counters: each kind counts for itself, and all begin anew together.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod scene;

use jxz_map::JunctionIx;
use jxz_v2x::{Encoded, Encoder, MessageKind, Profile, RoadUser};
use jxz_world::{JunctionSignals, Light, PhaseId, PhaseSignal};
use scene::{ISLAND, UNIT, now, raw, track};
use std::collections::BTreeMap;

fn encoder() -> Encoder {
    Encoder::for_site(&ISLAND, &ISLAND.sites[0], Profile::Day2, UNIT, 250)
}

/// Everything once: one or more frames of each kind.
fn tell_all(encoder: &mut Encoder) -> Encoded {
    let mut told = Encoded::default();
    let junction = ISLAND.junction_by_id(ISLAND.sites[0].junction.as_ref().unwrap()).unwrap();
    let phase = PhaseSignal { phase: PhaseId(1), light: Light::Red, likely_end: now(), next: None };
    let signals =
        JunctionSignals { junction: ISLAND.junction(junction).id.clone(), valid_at: now(), phases: vec![phase] };
    let tracks: Vec<_> = (0..40).map(track).collect();
    encoder.map_message(now(), &ISLAND, junction, &mut told);
    encoder.signs(now(), &ISLAND, junction, &mut told);
    encoder.spat(now(), &signals, 1001, "x", &mut told);
    encoder.rsm(now(), tracks.iter().map(RoadUser::from), &mut told);
    encoder.ssm(now(), tracks.iter().map(RoadUser::from), &mut told);
    encoder.rtcm(&[&[1, 2, 3]], &mut told);
    assert!(told.refused.is_empty(), "{:?}", told.refused);
    told
}

/// The counters of the frames told, by kind.
fn counts(told: &Encoded) -> BTreeMap<MessageKind, Vec<u64>> {
    let mut counts: BTreeMap<MessageKind, Vec<u64>> = BTreeMap::new();
    for frame in &told.frames {
        let json = raw(&frame.bytes, Profile::Day2);
        let message = json.as_object().unwrap().values().next().unwrap();
        let inner = message.get("value").map_or(message, |value| value.as_object().unwrap().values().next().unwrap());
        counts.entry(frame.kind).or_default().push(inner["msgCnt"].as_u64().unwrap());
    }
    counts
}

#[test]
fn each_kind_counts_on_modulo_128_from_the_number_drawn() {
    let mut encoder = encoder();
    // 250 modulo 128.
    let mut expected: BTreeMap<MessageKind, u64> = BTreeMap::new();
    for _ in 0..8 {
        for (kind, got) in counts(&tell_all(&mut encoder)) {
            let next = expected.entry(kind).or_insert(122);
            for count in got {
                assert_eq!(count, *next, "{kind:?}");
                *next = (*next + 1) % 128;
            }
        }
    }
    assert_eq!(expected.len(), 6);
    assert!(expected[&MessageKind::Rsm] == 18 && expected[&MessageKind::Spat] == 2, "24 frames and 8: {expected:?}");
}

#[test]
fn with_another_certificate_every_counter_begins_anew() {
    let mut encoder = encoder();
    tell_all(&mut encoder);
    encoder.restart_counts(205);
    let firsts: Vec<u64> = counts(&tell_all(&mut encoder)).values().map(|counts| counts[0]).collect();
    assert_eq!(firsts, [77; 6], "205 modulo 128");
}

#[test]
fn a_message_that_is_refused_is_not_counted() {
    let mut encoder = encoder();
    let mut told = Encoded::default();
    let signals =
        JunctionSignals { junction: ISLAND.junction(JunctionIx(0)).id.clone(), valid_at: now(), phases: Vec::new() };
    encoder.spat(now(), &signals, 1, "x", &mut told);
    assert_eq!((told.frames.len(), told.refused.len()), (0, 1));
    assert_eq!(counts(&tell_all(&mut encoder))[&MessageKind::Spat], [122], "nothing was counted for it");
}

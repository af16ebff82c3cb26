//! A brain that takes another's place goes on where it stopped: vehicles hear the same numbers, and a warning alive is the
//! same warning. What it was left travels in the black box's own words.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{MAP, listen, written};
use jxz_blackbox::{Entry, Handled, Recording, Replay, brain_of, head_of, input_from_wire, input_to_wire};
use jxz_edge::{Edge, Input, NoStopwatch, Output};
use jxz_security::Software;
use jxz_units::Now;
use jxz_v2x::{MessageKind, Received};
use jxz_world::{RecordBody, Warning, WarningStage};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::time::Duration;

const WARM_UP: Duration = Duration::from_secs(3);

fn at_s(handled: &Handled) -> f64 {
    handled.now.mono.ns() as f64 / 1e9
}

fn told(edge: &mut Edge, now: Now, input: Input) -> Vec<Output> {
    edge.handle(now, input);
    std::iter::from_fn(|| edge.poll()).collect()
}

/// Through the wire, as it goes from an old node to a new one.
fn left(old: &Edge, now: Now) -> Input {
    let left = Input::Succession(Box::new(old.succession(now)));
    let come = input_from_wire(input_to_wire(&left).unwrap()).unwrap();
    assert_eq!(input_to_wire(&come), input_to_wire(&left), "what comes is what was sent");
    come
}

/// Message counts and `ptcId`s of the RSM of one round.
fn rsm(outputs: &[Output], now: Now) -> Option<(Vec<u8>, BTreeSet<u16>)> {
    let frames = outputs.iter().filter_map(|output| match output {
        Output::Broadcast(frame) if frame.kind == MessageKind::Rsm => Some(&frame.bytes),
        _ => None,
    });
    let read = |bytes: &Vec<u8>| match jxz_v2x::decode(bytes, jxz_v2x::Profile::Day2, now.utc, &MAP.frame).unwrap() {
        Received::Rsm(rsm) => rsm,
        other => panic!("{other:?}"),
    };
    let read: Vec<_> = frames.map(read).collect();
    let numbers = read.iter().flat_map(|rsm| &rsm.participants).map(|participant| participant.number).collect();
    (!read.is_empty()).then(|| (read.iter().map(|rsm| rsm.message_count).collect(), numbers))
}

fn warnings(outputs: &[Output]) -> impl Iterator<Item = (u64, &Warning)> {
    outputs.iter().filter_map(|output| match output {
        Output::Record(record) => match &record.body {
            RecordBody::Warning(warning) => Some((record.sequence, warning)),
            _ => None,
        },
        _ => None,
    })
}

#[test]
fn road_users_numbers_counters_and_warnings_go_on() {
    let (head, handled) = listen(40.0, None);
    let begin = handled.iter().position(|h| at_s(h) >= 20.0).unwrap();
    let swap = handled.iter().position(|h| at_s(h) >= 20.0 + WARM_UP.as_secs_f64()).unwrap();
    let mut old = brain_of(&head, &MAP, jxz_units::Now { ..handled[0].now }, Box::new(NoStopwatch)).unwrap();
    for handled in &handled[..begin] {
        told(&mut old, handled.now, handled.input.clone());
    }
    let mut successor = head.clone();
    successor.boot += 20_000;
    let mut new = brain_of(&successor, &MAP, handled[begin].now, Box::new(NoStopwatch)).unwrap();
    let new_head = head_of(&new, false);
    let mut tape = Vec::new();
    let mut note = |new: &mut Edge, now: Now, input: Input| {
        let outputs = told(new, now, input.clone());
        tape.push(Handled { now, input, readings: Vec::new(), outputs: outputs.clone() });
        outputs
    };
    let mut last = None;
    for handled in &handled[begin..swap] {
        let outputs = told(&mut old, handled.now, handled.input.clone());
        last = rsm(&outputs, handled.now).or(last);
        note(&mut new, handled.now, handled.input.clone());
    }
    let now = handled[swap].now;
    let theirs = old.tracks_at(now.utc);
    let alive: BTreeMap<u64, (u32, Vec<u64>)> = {
        let left = old.succession(now);
        let of = |w: &Warning| (w.id.0, (w.revision, w.about.iter().map(|t| t.0).collect()));
        left.hazards.events.iter().map(|event| of(&event.warning)).collect()
    };
    assert!(theirs.len() > 10 && !alive.is_empty(), "{} road users, {} warnings", theirs.len(), alive.len());

    let mut outputs = note(&mut new, now, left(&old, now));
    let ours = new.tracks_at(now.utc);
    // Among people who stand closer than they can be told apart, the nearest may be somebody else; the number is not.
    let kept = theirs.iter().filter(|track| {
        let our = ours.iter().find(|our| our.id == track.id);
        our.is_some_and(|our| {
            (our.island, our.since) == (track.island, track.since) && (our.position - track.position).norm() < 1.0
        })
    });
    let kept = kept.count();
    assert!(kept * 20 >= theirs.len() * 19, "{kept} of {} kept number and identity", theirs.len());
    let ids: BTreeSet<_> = ours.iter().map(|track| track.id).collect();
    assert_eq!(ids.len(), ours.len(), "nobody's number is given twice");

    let (mut first_rsm, mut renewed, mut again) = (None, BTreeSet::new(), 0);
    for handled in &handled[swap..] {
        outputs.extend(note(&mut new, handled.now, handled.input.clone()));
        told(&mut old, handled.now, handled.input.clone());
        first_rsm = first_rsm.or_else(|| rsm(&outputs, handled.now));
        for (_, warning) in warnings(&outputs) {
            if let Some((revision, _)) = alive.get(&warning.id.0) {
                assert!(warning.revision > *revision, "{warning:?} goes on from {revision}");
                renewed.insert(warning.id.0);
            } else if warning.stage == WarningStage::Raised && at_s(handled) < 20.5 + WARM_UP.as_secs_f64() {
                let about: Vec<u64> = warning.about.iter().map(|t| t.0).collect();
                again += usize::from(alive.values().any(|(_, known)| *known == about && !about.is_empty()));
            }
        }
        outputs.clear();
    }
    let ((last_counts, last_numbers), (counts, numbers)) = (last.unwrap(), first_rsm.unwrap());
    assert_eq!(counts[0], (last_counts.last().unwrap() + 1) % 128, "the counter goes on");
    let same = numbers.intersection(&last_numbers).count();
    assert!(same * 10 >= last_numbers.len() * 9, "{numbers:?} after {last_numbers:?}");
    assert_eq!(renewed, alive.keys().copied().collect(), "each warning alive is renewed or cancelled as itself");
    assert!(again <= alive.len() / 4, "{again} of {} are raised anew beside themselves", alive.len());

    // The successor's black box replays from its start, the succession within.
    let recording = Recording::read(Box::new(Cursor::new(written(&new_head, &tape))), "test").unwrap();
    let mut replay = Replay::from_boot(recording.head(), &MAP, &Software).unwrap();
    for entry in recording {
        if let Entry::Step(step) = entry.unwrap() {
            assert_eq!(replay.step(&step, &mut (), |_, _, _| {}).unwrap(), None);
        }
    }
}

#[test]
fn the_successor_speaks_at_once_and_then_at_the_pace_of_the_sensors() {
    let (head, handled) = listen(14.0, None);
    let begin = handled.iter().position(|h| at_s(h) >= 5.0).unwrap();
    let mut old = brain_of(&head, &MAP, handled[0].now, Box::new(NoStopwatch)).unwrap();
    let mut new = brain_of(&head, &MAP, handled[begin].now, Box::new(NoStopwatch)).unwrap();
    let said = |outputs: &[Output], kind: MessageKind| {
        outputs.iter().any(|output| matches!(output, Output::Broadcast(frame) if frame.kind == kind))
    };
    let (mut last, mut times) = (0.0, Vec::new());
    for (n, handled) in handled.iter().enumerate() {
        let olds = told(&mut old, handled.now, handled.input.clone());
        let mut news = if n >= begin { told(&mut new, handled.now, handled.input.clone()) } else { Vec::new() };
        if times.is_empty() {
            let round = said(&olds, MessageKind::Rsm);
            if round && at_s(handled) >= 10.0 {
                // Just after a round: what the new one said by itself was said to nobody.
                news = told(&mut new, handled.now, left(&old, handled.now));
                for kind in [MessageKind::Rsm, MessageKind::Map] {
                    assert!(said(&news, kind), "{kind:?} at once");
                }
                times.push(at_s(handled));
            }
            last = if round { at_s(handled) } else { last };
        } else if said(&news, MessageKind::Rsm) {
            times.push(at_s(handled));
        }
    }
    assert_eq!(times[0], last, "without a round's wait");
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() > 30 && gaps.iter().all(|gap| *gap < 0.115), "{gaps:?}");
    assert!(gaps[1..].iter().all(|gap| *gap > 0.085), "no more rounds than ever: {gaps:?}");
}

#[test]
fn records_are_numbered_from_the_succession_on_and_what_was_seen_before_is_told() {
    let (head, handled) = listen(14.0, None);
    let swap = handled.iter().position(|h| at_s(h) >= 10.0).unwrap();
    // A predecessor that has just started knows nobody and warns of nothing.
    let old = brain_of(&head, &MAP, handled[swap].now, Box::new(NoStopwatch)).unwrap();
    let mut new = brain_of(&head, &MAP, handled[0].now, Box::new(NoStopwatch)).unwrap();
    let mut before = BTreeSet::new();
    for handled in &handled[..swap] {
        let outputs = told(&mut new, handled.now, handled.input.clone());
        before.extend(warnings(&outputs).map(|(_, warning)| warning.id));
    }
    let known = new.tracks_at(handled[swap].now.utc).len();
    let mut outputs = told(&mut new, handled[swap].now, left(&old, handled[swap].now));
    assert_eq!(new.tracks_at(handled[swap].now.utc).len(), known, "nobody is lost");
    for handled in &handled[swap..] {
        outputs.extend(told(&mut new, handled.now, handled.input.clone()));
    }
    let sequences: Vec<u64> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Record(record) => Some(record.sequence),
            _ => None,
        })
        .collect();
    assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>());
    let mut raised = BTreeSet::new();
    for (_, warning) in warnings(&outputs) {
        assert!(raised.contains(&warning.id) || warning.stage == WarningStage::Raised, "{warning:?}");
        raised.insert(warning.id);
    }
    assert!(!raised.is_empty());
}

//! A brain that is told the same says the same, to the last bit; and what was told otherwise shows.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{MAP, START, listen, written};
use jxz_blackbox::{BlackBoxError, Difference, Entry, Handled, Recording, Replay, head_of, measured};
use jxz_edge::{Edge, EdgeConfig, Input, Output, Stopwatch};
use jxz_security::{Algorithm, Software};
use jxz_units::Now;
use jxz_wire::journal::v1 as wire;
use jxz_world::{RecordBody, SiteId};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

fn recording(bytes: &[u8]) -> Recording {
    Recording::read(Box::new(Cursor::new(bytes.to_vec())), "test").unwrap()
}

/// Replays it from the beginning: the last seal, the replay's own, and the first difference.
fn replay(bytes: &[u8]) -> (Option<wire::Seal>, wire::Seal, Option<Difference>) {
    let recording = recording(bytes);
    let mut replay = Replay::from_boot(recording.head(), &MAP, &Software).unwrap();
    let mut seal = None;
    for entry in recording {
        match entry.unwrap() {
            Entry::Step(step) => {
                if let Some(difference) = replay.step(&step, &mut (), |_, _, _| {}).unwrap() {
                    return (seal, replay.seal(), Some(difference));
                }
            }
            Entry::Seal(said) => {
                assert_eq!(said, replay.seal());
                seal = Some(said);
            }
            Entry::Gap(gap) => panic!("{gap:?}"),
            Entry::Warning(..) => {}
        }
    }
    (seal, replay.seal(), None)
}

#[test]
fn signed_or_not_the_replay_is_the_recording() {
    // Signatures in portable code take their time.
    for (seconds, signed) in [(12.0, None), (3.0, Some(Algorithm::EcdsaP256))] {
        let (head, handled) = listen(seconds, signed);
        let kinds: Vec<bool> = [
            handled.iter().any(|h| matches!(h.input, Input::Scan(_))),
            handled.iter().any(|h| matches!(h.input, Input::Radio(_))),
            handled.iter().any(|h| matches!(h.input, Input::Verified(..))) == signed.is_some(),
            signed.is_some() || handled.iter().any(|h| h.warnings().count() > 0),
        ]
        .into();
        assert_eq!(kinds, [true; 4], "{signed:?}: all that is to be replayed is there");
        let (recorded, again, difference) = replay(&written(&head, &handled));
        assert_eq!(difference, None, "{signed:?}");
        assert_eq!(recorded, Some(again), "{signed:?}");
    }
}

#[test]
fn one_bit_of_one_detection_makes_a_difference_that_is_found() {
    let (head, mut handled) = listen(6.0, None);
    let (place, scan) = handled
        .iter_mut()
        .enumerate()
        .skip(400)
        .find_map(|(place, handled)| match &mut handled.input {
            Input::Scan(scan) if scan.detections.len() > 3 => Some((place, scan)),
            _ => None,
        })
        .unwrap();
    for detection in &mut scan.detections {
        detection.range_m = f64::from_bits(detection.range_m.to_bits() + 1);
    }
    let difference = replay(&written(&head, &handled)).2.expect("the outputs are other ones");
    assert!(difference.step >= place as u64 && difference.step < place as u64 + 200, "{difference:?} of step {place}");
}

#[test]
fn a_verdict_that_is_not_what_the_signature_says_is_found() {
    let (head, mut handled) = listen(5.0, Some(Algorithm::EcdsaP256));
    let verdict = handled.iter_mut().find(|h| matches!(h.input, Input::Verified(_, Some(_)))).unwrap();
    let Input::Verified(ticket, _) = verdict.input else { unreachable!() };
    // "No room" was not so: the brain's own words show that it had the report.
    verdict.input = Input::Verified(ticket, None);
    assert!(replay(&written(&head, &handled)).2.is_some());
}

/// A clock that nobody could guess.
struct Odd(u64);

impl Stopwatch for Odd {
    fn now_ns(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1) >> 20;
        self.0
    }
}

#[test]
fn the_stopwatch_is_replayed_so_that_health_records_are_the_same_too() {
    let (stopwatch, readings) = measured(Box::new(Odd(1)));
    let site = SiteId(common::SITE.to_owned());
    let at = |ms| Now::after_start(START, Duration::from_millis(ms));
    let mut edge = Edge::new(at(0), Arc::clone(&MAP), &site, EdgeConfig::default(), stopwatch).unwrap();
    let head = head_of(&edge, true);
    let mut handled: Vec<Handled> = Vec::new();
    for ms in (0..5000).step_by(20) {
        edge.handle(at(ms), Input::Timer);
        let outputs: Vec<Output> = std::iter::from_fn(|| edge.poll()).collect();
        handled.push(Handled { now: at(ms), input: Input::Timer, readings: readings.take(), outputs });
    }
    let is_health = |o: &Output| matches!(o, Output::Record(r) if matches!(r.body, RecordBody::Health(_)));
    assert!(handled.iter().flat_map(|h| &h.outputs).any(is_health));
    let (recorded, again, difference) = replay(&written(&head, &handled));
    assert_eq!((difference, recorded), (None, Some(again)));

    let last = handled.iter_mut().filter(|h| !h.readings.is_empty()).nth(3).unwrap();
    last.readings.pop();
    let difference = replay(&written(&head, &handled)).2.unwrap();
    assert!(difference.detail.contains("stopwatch was read 1 times"), "{difference:?}");
}

#[test]
fn from_the_middle_warnings_come_again_though_not_under_their_numbers() {
    let (head, handled) = listen(30.0, None);
    let from = handled.iter().position(|h| h.now.mono.ns() > 10_000_000_000).unwrap();
    let bytes = written(&head, &handled);
    let steps: Vec<wire::Step> = recording(&bytes)
        .filter_map(|entry| match entry.unwrap() {
            Entry::Step(step) => Some(*step),
            _ => None,
        })
        .skip(from)
        .collect();
    let late = |now: Now| now.mono.ns() > 15_000_000_000;
    let raised = |outputs: &[Output]| outputs.iter().filter(|o| is_raised(o)).count();
    let recorded: usize = handled.iter().filter(|h| late(h.now)).map(|h| raised(&h.outputs)).sum();
    let mut again = 0;
    let mut replay = Replay::from_middle(&head, &[], &steps[0], &MAP, &Software).unwrap();
    for step in &steps {
        let told = |_: &Edge, now: Now, output: Output| again += usize::from(late(now) && is_raised(&output));
        assert_eq!(replay.step(step, &mut (), told).unwrap(), None, "nothing is compared");
    }
    assert!(recorded > 0 && again * 2 >= recorded && again <= recorded * 2, "{again} for {recorded}");
}

fn is_raised(output: &Output) -> bool {
    let Output::Record(record) = output else { return false };
    matches!(&record.body, RecordBody::Warning(warning) if warning.revision == 0)
}

#[test]
fn another_map_and_other_settings_of_fusion_are_refused_in_words() {
    let (head, _) = listen(0.2, None);
    let map = |version: &str| wire::Head { map_version: version.to_owned(), ..head.clone() };
    let refused = |head: &wire::Head| Replay::from_boot(head, &MAP, &Software).err().unwrap();
    assert!(matches!(refused(&map("another")), BlackBoxError::Map { .. }));
    let mut fusion = head.clone();
    fusion.settings.as_mut().unwrap().fusion_digest = vec![1; 32];
    assert!(matches!(refused(&fusion), BlackBoxError::Fusion { .. }));
    let mut nonsense = head.clone();
    nonsense.settings.as_mut().unwrap().round_s = f64::NAN;
    assert!(matches!(refused(&nonsense), BlackBoxError::Edge(_)));
    let security = wire::Security { certificate: vec![1, 2, 3], ..wire::Security::default() };
    assert!(matches!(refused(&wire::Head { security: Some(security), ..head }), BlackBoxError::Certificate(_)));
}

#[test]
fn a_damaged_file_gives_an_error_or_what_was_whole_and_never_a_panic() {
    let (head, handled) = listen(0.3, None);
    let whole = written(&head, &handled);
    let read = |bytes: Vec<u8>| -> (usize, bool) {
        let Ok(recording) = Recording::read(Box::new(Cursor::new(bytes)), "test") else { return (0, true) };
        let (mut steps, mut failed) = (0, false);
        for entry in recording {
            match entry {
                Ok(Entry::Step(step)) => {
                    steps += 1;
                    if let Some(input) = step.input {
                        let _ = jxz_blackbox::input_from_wire(input);
                    }
                }
                Ok(_) => {}
                Err(_) => failed = true,
            }
        }
        (steps, failed)
    };
    let (all, failed) = read(whole.clone());
    assert_eq!((all, failed), (handled.len(), false));
    for length in (0..whole.len()).step_by(whole.len() / 100) {
        let (steps, failed) = read(whole[..length].to_vec());
        assert!(steps <= all && (failed || steps == all), "{length} bytes of it");
    }
    for place in (0..whole.len()).step_by(whole.len() / 400) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        assert!(read(bytes).0 <= all, "byte {place}");
    }
}

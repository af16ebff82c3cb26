//! How well a node serves, told to vehicles; and a clock that nobody vouches for.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{MAP, at, new_edge, site};
use jxz_edge::{ClockError, Edge, Input, Output};
use jxz_v2x::{MessageKind, Profile, Received, ReceivedWarning, RsiCode, ServiceNotice};
use jxz_world::{DropCause, RecordBody, Shortfall};
use std::collections::BTreeMap;

/// What vehicles heard, and of what the cloud was told that the node falls short.
#[derive(Default)]
struct Said {
    frames: usize,
    /// Signs of text that are no warnings, and when they came, milliseconds.
    notices: Vec<(u64, ReceivedWarning)>,
    shortfalls: Vec<Shortfall>,
}

fn run(edge: &mut Edge, from_ms: u64, to_ms: u64) -> Said {
    let mut said = Said::default();
    for ms in from_ms..to_ms {
        edge.handle(at(ms), Input::Timer);
        while let Some(output) = edge.poll() {
            match output {
                Output::Broadcast(frame) => {
                    said.frames += 1;
                    if matches!(frame.kind, MessageKind::Rsi(_)) {
                        let read = jxz_v2x::decode(&frame.bytes, Profile::default(), at(ms).utc, &MAP.frame).unwrap();
                        let Received::Rsi(rsi) = read else { panic!("{read:?}") };
                        let text = |sign: &ReceivedWarning| sign.code == RsiCode::Sign(0) && sign.notice.is_none();
                        said.notices.extend(rsi.warnings.into_iter().filter(text).map(|sign| (ms, sign)));
                    }
                }
                Output::Record(record) => {
                    if let RecordBody::Health(health) = record.body {
                        said.shortfalls = health.service.unwrap().shortfalls().to_vec();
                    }
                }
                _ => {}
            }
        }
    }
    said
}

#[test]
fn vehicles_are_told_when_the_node_falls_short_and_nothing_when_it_does_not() {
    let mut edge = new_edge();
    assert!(run(&mut edge, 0, 5000).notices.is_empty(), "it has just started");
    let said = run(&mut edge, 5000, 12_000);
    let sensors = u32::try_from(site().sensors.len()).unwrap();
    assert!(said.notices.len() >= 3, "with each health report: {:?}", said.notices);
    for (ms, sign) in &said.notices {
        let notice = ServiceNotice::parse(sign.text.as_ref().unwrap()).unwrap();
        assert_eq!(notice.shortfalls, BTreeMap::from([("sensor_silent".to_owned(), sensors)]));
        assert_eq!(
            (sign.number, sign.priority, sign.kind().is_some()),
            (255, Some(0), false),
            "no warning of anything"
        );
        assert!(sign.ends.is_some_and(|ends| ends > at(*ms).utc), "it ends by itself");
    }
}

#[test]
fn with_a_clock_that_nobody_vouches_for_the_node_says_so_and_is_silent_if_it_is_to_be() {
    let unsure = |error_s, hold| Input::ClockError(ClockError { error_s, limit_s: 0.05, hold });
    let mut edge = new_edge();
    edge.handle(at(0), unsure(0.01, true));
    let said = run(&mut edge, 0, 3000);
    assert!(said.frames > 20 && !said.shortfalls.contains(&Shortfall::ClockUnsure));

    edge.handle(at(3000), unsure(f64::INFINITY, false));
    let said = run(&mut edge, 3000, 6000);
    assert!(said.frames > 20 && said.shortfalls.contains(&Shortfall::ClockUnsure), "it goes on, and says so");
    assert!(said.notices.iter().any(|(_, sign)| sign.text.as_ref().unwrap().contains("clock_unsure")));

    edge.handle(at(6000), unsure(0.06, true));
    let said = run(&mut edge, 6000, 9000);
    assert_eq!(said.frames, 0, "told to, it says nothing whose time may be wrong");
    assert!(said.shortfalls.contains(&Shortfall::ClockUnsure));
    assert!(edge.drops().of(DropCause::RadioClockUnsure) > 20);

    edge.handle(at(9000), unsure(f64::NAN, true));
    assert_eq!(run(&mut edge, 9000, 9500).frames, 0, "an error that is no number is none to trust");
    edge.handle(at(9500), unsure(0.02, true));
    let said = run(&mut edge, 9500, 12_500);
    assert!(said.frames > 20 && !said.shortfalls.contains(&Shortfall::ClockUnsure));
}

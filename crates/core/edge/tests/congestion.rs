//! Congestion that the cloud tells of.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{MAP, at, new_edge, site};
use jxz_edge::{Edge, Input, Output};
use jxz_world::{Application, CongestionReport, DropCause, RecordBody, Warning, WarningStage};

fn word(link: &str, said_ms: u64, valid_ms: u64) -> CongestionReport {
    let (said_at, valid_until) = (at(said_ms).utc, at(said_ms + valid_ms).utc);
    CongestionReport { link: link.to_owned(), said_at, speed_mps: 0.5, vehicles: 20, valid_until }
}

fn guidance(edge: &mut Edge, from_ms: u64, to_ms: u64) -> Vec<(u64, Warning)> {
    let mut said = Vec::new();
    for ms in (from_ms..to_ms).step_by(5) {
        edge.handle(at(ms), Input::Timer);
        while let Some(output) = edge.poll() {
            let Output::Record(record) = output else { continue };
            if let RecordBody::Warning(warning) = record.body
                && warning.application == Application::Guidance
            {
                said.push((ms, warning));
            }
        }
    }
    said
}

/// A link of the site's junction with a way around it.
fn link() -> &'static str {
    let near = MAP.junctions.iter().find(|j| Some(&j.id) == site().junction.as_ref()).unwrap();
    let leads_around = |link: &&str| {
        let mut edge = new_edge();
        edge.handle(at(0), Input::Congestion(word(link, 0, 150_000)));
        !guidance(&mut edge, 0, 1000).is_empty()
    };
    let mut outgoing = near.outgoing.iter().map(|link| MAP.link(*link).id.as_str());
    outgoing.find(leads_around).expect("some link of the junction has a way around it")
}

#[test]
fn guidance_begins_with_the_clouds_word_and_ends_with_it() {
    let mut edge = new_edge();
    assert!(guidance(&mut edge, 0, 1000).is_empty());
    edge.handle(at(1000), Input::Congestion(word(link(), 900, 2000)));
    let said = guidance(&mut edge, 1000, 6000);
    assert!(said[0].1.stage == WarningStage::Raised && said[0].0 <= 1500, "{said:?}");
    let (ended_ms, last) = said.last().unwrap();
    assert!(last.stage == WarningStage::Cancelled && (2900..4200).contains(ended_ms), "{ended_ms}");

    // Said again it goes on; taken back it ends at once.
    edge.handle(at(6000), Input::Congestion(word(link(), 5900, 150_000)));
    assert!(!guidance(&mut edge, 6000, 7000).is_empty());
    edge.handle(at(7000), Input::Congestion(word(link(), 6900, 0)));
    let said = guidance(&mut edge, 7000, 9000);
    assert!(said.iter().any(|(ms, w)| w.stage == WarningStage::Cancelled && *ms < 8200), "{said:?}");
    assert_eq!(edge.drops().of(DropCause::CongestionRejected), 0);
}

#[test]
fn nonsense_and_what_is_older_than_what_is_known_changes_nothing() {
    let mut edge = new_edge();
    edge.handle(at(1000), Input::Congestion(word(link(), 900, 150_000)));
    let nonsense = [
        word("no such link", 950, 150_000),
        word(link(), 800, 0),
        word(link(), 60_000, 150_000),
        word(link(), 950, 3_600_000),
        CongestionReport { speed_mps: f64::NAN, ..word(link(), 950, 150_000) },
        CongestionReport { speed_mps: -1.0, ..word(link(), 950, 150_000) },
    ];
    let refused = nonsense.len() as u64;
    for word in nonsense {
        edge.handle(at(1000), Input::Congestion(word));
    }
    assert_eq!(edge.drops().of(DropCause::CongestionRejected), refused);
    assert!(!guidance(&mut edge, 1000, 2000).is_empty(), "the sound word holds");
}

#[test]
fn what_is_known_is_passed_on_to_another_brain_as_it_was_said() {
    let mut old = new_edge();
    let (over, holds) = (word("w", 0, 0), word(link(), 900, 4000));
    assert!(old.congestion(at(0)).next().is_none());
    let other = MAP.links.iter().find(|other| other.id != link()).unwrap();
    for said in [over, word(&other.id, 900, 600), holds.clone()] {
        old.handle(at(1000), Input::Congestion(said));
    }
    let known: Vec<CongestionReport> = old.congestion(at(2000)).cloned().collect();
    assert_eq!(known, [holds], "of two words one is over by now");
    let mut new = new_edge();
    for word in known {
        new.handle(at(2000), Input::Congestion(word));
    }
    let said = guidance(&mut new, 2000, 7000);
    assert!(said[0].1.stage == WarningStage::Raised && said[0].0 <= 2500, "{said:?}");
    let (ended_ms, last) = said.last().unwrap();
    assert!(
        last.stage == WarningStage::Cancelled && (4900..6200).contains(ended_ms),
        "it ends when it would have: {ended_ms}"
    );
}

#[test]
fn no_more_links_are_held_than_there_is_room_for() {
    let mut edge = new_edge();
    for link in MAP.links.iter().take(70) {
        edge.handle(at(0), Input::Congestion(word(&link.id, 0, 150_000)));
    }
    assert_eq!(edge.drops().of(DropCause::CongestionRejected), 6);
}

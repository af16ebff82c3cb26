//! Recordings: what was written comes back, the same bytes each time, and a file from elsewhere does no harm.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_journal::{JournalError, MAX_MESSAGE_BYTES, Reader, Writer};
use jxz_units::Utc;
use jxz_wire::sim::v1::{RoadUser, Shown, Transmission, Truth};
use std::io::Cursor;

const START_MS: i64 = 1_786_233_600_000;

fn truth(number: u64) -> Truth {
    let at = Utc::from_unix_ms(START_MS + number as i64 * 100);
    let road_users = (0..40).map(|id| RoadUser { id, east_m: id as f64 + 0.1 * number as f64, ..RoadUser::default() });
    Truth { valid_at_unix_ns: at.unix_ns(), road_users: road_users.collect() }
}

/// Some chunks of truth with something else between.
fn recording(messages: u64) -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new()), "test".to_owned()).unwrap();
    let truths = writer.channel::<Truth>("/truth").unwrap();
    let shown = writer.channel::<Shown>("/on_board/shown").unwrap();
    for number in 0..messages {
        let at = Utc::from_unix_ms(START_MS + number as i64 * 100);
        writer.write(&truths, at, at, &truth(number)).unwrap();
        if number.is_multiple_of(10) {
            writer.write(&shown, at, at, &Shown { warning: number, ..Shown::default() }).unwrap();
        }
    }
    let (summary, bytes) = writer.finish().unwrap();
    assert_eq!((summary.messages, summary.topics), (messages + messages.div_ceil(10), 2));
    bytes.into_inner()
}

fn read(bytes: &[u8]) -> (usize, Option<JournalError>) {
    let mut count = 0;
    for entry in Reader::new(bytes, "test") {
        match entry {
            Ok(_) => count += 1,
            Err(error) => return (count, Some(error)),
        }
    }
    (count, None)
}

#[test]
fn what_was_written_comes_back_typed_with_topic_and_times() {
    let bytes = recording(3000);
    let mut truths = 0;
    let mut shown = Vec::new();
    for entry in Reader::new(bytes.as_slice(), "test") {
        let entry = entry.unwrap();
        match entry.topic() {
            "/truth" => {
                assert_eq!((entry.decode::<Truth>().unwrap(), entry.message()), (truth(truths), "jxz.sim.v1.Truth"));
                assert_eq!(entry.logged, Utc::from_unix_ms(START_MS + truths as i64 * 100));
                truths += 1;
            }
            _ => shown.push(entry.decode::<Shown>().unwrap().warning),
        }
    }
    assert_eq!((truths, shown), (3000, (0..3000).step_by(10).collect()));
}

#[test]
fn the_same_messages_make_the_same_bytes() {
    assert!(recording(500) == recording(500));
}

#[test]
fn asking_a_topic_for_another_message_says_what_it_holds() {
    let bytes = recording(1);
    let entry = Reader::new(bytes.as_slice(), "test").next().unwrap().unwrap();
    let said = entry.decode::<Transmission>().unwrap_err().to_string();
    assert_eq!(said, "recording test, topic /truth holds jxz.sim.v1.Truth, not jxz.sim.v1.Transmission");
}

#[test]
fn a_recording_that_was_cut_off_gives_its_whole_chunks_and_then_says_so() {
    let bytes = recording(3000);
    let (count, error) = read(&bytes[..bytes.len() / 2]);
    assert!(count > 500 && count < 3300, "{count}");
    let said = error.unwrap().to_string();
    assert!(said.contains("cannot read recording test after"), "{said}");
}

#[test]
fn damage_anywhere_is_an_error_or_harmless_and_never_a_panic() {
    let whole = recording(60);
    let (all, none) = read(&whole);
    assert!(none.is_none());
    for place in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x55;
        let (count, _) = read(&bytes);
        assert!(count <= all, "byte {place}");
    }
    for (what, bytes) in [("nothing", &[][..]), ("text", b"this is no recording"), ("only the magic", &whole[..8])] {
        assert!(read(bytes).1.is_some(), "{what}");
    }
}

#[test]
fn a_file_that_claims_to_be_huge_is_refused_without_taking_the_memory() {
    let mut bytes = recording(1);
    // The first record after the magic: its length, made four exabytes.
    bytes[9..17].copy_from_slice(&(1_u64 << 62).to_le_bytes());
    let said = read(&bytes).1.unwrap().to_string();
    assert!(said.contains("exceeds limit"), "{said}");
}

#[test]
fn too_many_channels_are_refused_in_reading() {
    // Written by the plain library, which has no such limit.
    let mut writer = mcap::Writer::new(Cursor::new(Vec::new())).unwrap();
    let schema = writer.add_schema("a.B", "protobuf", &[]).unwrap();
    for number in 0..5000 {
        writer.add_channel(schema, &format!("/{number}"), "protobuf", &Default::default()).unwrap();
    }
    writer.finish().unwrap();
    let said = read(&writer.into_inner().into_inner()).1.unwrap().to_string();
    assert!(said.contains("number of channels is 4096, the limit is 4095"), "{said}");
}

#[test]
fn a_message_or_name_over_the_limit_is_refused_in_writing() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), "test".to_owned()).unwrap();
    let channel = writer.channel::<Transmission>("/messages/pc5").unwrap();
    let at = Utc::from_unix_ms(START_MS);
    let large = Transmission { message: vec![0; MAX_MESSAGE_BYTES + 1], ..Transmission::default() };
    let said = writer.write(&channel, at, at, &large).unwrap_err().to_string();
    assert!(said.contains("bytes of a message of topic /messages/pc5"), "{said}");
    for topic in [String::new(), "x".repeat(300)] {
        assert!(writer.channel::<Truth>(&topic).is_err());
    }
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = Writer::create(&folder.path().join("no/such/place.mcap")).err().unwrap().to_string();
    assert!(said.contains("cannot create recording") && said.contains("place.mcap"), "{said}");
}

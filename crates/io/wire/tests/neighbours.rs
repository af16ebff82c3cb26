//! What neighbouring nodes say to each other.

#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

use jxz_geo::{Point, Vector};
use jxz_units::Utc;
use jxz_wire::node::v1 as wire;
use jxz_wire::{MAX_STATE_BYTES, WireError, decode_neighbour_tracks, split_neighbour_tracks};
use jxz_world::*;
use nalgebra::Matrix4;
use prost::Message;
use std::time::Duration;

fn at() -> Utc {
    Utc::from_unix_ns(1_786_270_272_123_456_789)
}

fn track(n: u64) -> Track {
    Track {
        id: TrackId(n),
        island: IslandId(0x1234_5600_0000_0000 | n),
        valid_at: at(),
        measured_at: at() - Duration::from_micros(40_000),
        since: at() - Duration::from_nanos(98_765_432_101 + n),
        position: Point::new(-1234.5678 + n as f64, 8765.4321),
        velocity: Vector::new(13.8888, -0.0042),
        covariance: Matrix4::from_diagonal_element(0.5),
        existence: 0.98765,
        class: ClassBelief::from_weights([0.2, 0.7, 0.1]),
        extent_m: Some((4.5, 1.8)),
        heading: None,
        vehicle: n.is_multiple_of(5).then_some(VehicleId(*b"\x00\x01temp\xfe\xff")),
        sources: Sources { radar: true, camera: false, v2x: n.is_multiple_of(5) },
    }
}

fn word(tracks: u64) -> NeighbourTracks {
    let site = SiteId("zhongxin-minan".to_owned());
    NeighbourTracks { site, boot: u64::MAX, sequence: 77, valid_at: at(), tracks: (0..tracks).map(track).collect() }
}

#[test]
fn a_word_is_split_into_datagrams_that_each_stand_alone_and_together_are_the_word() {
    for tracks in [0, 1, 9, 200] {
        let sent = word(tracks);
        let datagrams = split_neighbour_tracks(&sent, MAX_STATE_BYTES).unwrap();
        assert!(datagrams.iter().all(|bytes| bytes.len() <= MAX_STATE_BYTES));
        assert!(datagrams.len() as u64 <= 1 + tracks / 8, "{tracks} tracks in {} datagrams", datagrams.len());
        let parts: Vec<_> = datagrams.iter().map(|bytes| decode_neighbour_tracks(bytes).unwrap()).collect();
        for part in &parts {
            let head = (&part.site, part.boot, part.sequence, part.valid_at);
            assert_eq!(head, (&sent.site, sent.boot, sent.sequence, sent.valid_at));
        }
        let got: Vec<&Track> = parts.iter().flat_map(|part| &part.tracks).collect();
        assert_eq!(got.len(), sent.tracks.len());
        for (got, sent) in got.iter().zip(&sent.tracks) {
            // Who it is, and since when, decide between two names: to the bit.
            assert_eq!((got.island, got.since, got.valid_at), (sent.island, sent.since, sent.valid_at));
            assert_eq!((got.id, got.vehicle, got.sources), (sent.id, sent.vehicle, sent.sources));
            assert!((got.position - sent.position).abs().max() <= 0.5001e-3);
        }
    }
}

#[test]
fn a_word_that_cannot_be_is_refused_by_the_field() {
    let good = split_neighbour_tracks(&word(1), MAX_STATE_BYTES).unwrap().remove(0);
    type Change = fn(&mut wire::NeighbourTracks);
    let refused = |change: Change| {
        let mut word = wire::NeighbourTracks::decode(good.clone()).unwrap();
        change(&mut word);
        decode_neighbour_tracks(&word.encode_to_vec()).unwrap_err().to_string()
    };
    let cases: [(&str, Change); 9] = [
        ("NeighbourTracks.site", |w| w.site.clear()),
        ("Track.since_unix_ns", |w| w.tracks[0].since_unix_ns = None),
        ("Track.since_unix_ns", |w| w.tracks[0].since_unix_ns = Some(i64::MAX)),
        ("Track.valid_at_us", |w| w.tracks[0].valid_at_us = 1),
        ("Track.covariance", |w| w.tracks[0].covariance[0] = f32::NAN),
        ("Track.covariance", |w| w.tracks[0].covariance[0] = 0.0),
        ("Track.covariance", |w| w.tracks[0].covariance[1] = 0.6),
        ("Track.covariance", |w| w.tracks[0].covariance.clear()),
        ("Track.existence_e4", |w| w.tracks[0].existence_e4 = 10_001),
    ];
    for (field, change) in cases {
        let error = refused(change);
        assert!(error.contains(field), "{error} does not name {field}");
    }
    assert!(matches!(decode_neighbour_tracks(&[0; 1151]), Err(WireError::Oversize { len: 1151, .. })));
}

#[test]
fn no_bytes_make_the_decoder_panic() {
    let good = split_neighbour_tracks(&word(6), MAX_STATE_BYTES).unwrap().remove(0);
    // A linear congruential generator (Knuth's MMIX constants) decides what is changed.
    let mut random = 11_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let (mut refused, mut taken) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = good.to_vec();
        for _ in 0..=next(4) {
            let place = next(bytes.len());
            bytes[place] = next(256) as u8;
        }
        bytes.truncate(bytes.len() - next(2) * next(40));
        *(if decode_neighbour_tracks(&bytes).is_ok() { &mut taken } else { &mut refused }) += 1;
    }
    assert!(taken > 1000 && refused > 1000, "neither all harmless nor all fatal: {taken}, {refused}");
}

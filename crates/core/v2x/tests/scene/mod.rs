//! What several scenarios share.
#![allow(dead_code, reason = "not every scenario uses all of it")]

use jxz_geo::{LocalFrame, Point, Vector, Wgs84};
use jxz_map::Map;
use jxz_units::{Heading, Utc};
use jxz_v2x::asn::{decode_frame, to_json};
use jxz_v2x::{Encoded, Encoder, Profile, Received, UnitId, decode};
use jxz_world::{ClassBelief, IslandId, Sources, Track, TrackId};
use serde_json::Value;
use std::path::Path;
use std::sync::LazyLock;

pub(crate) const UNIT: UnitId = UnitId(*b"RSU00001");

/// The island's own map.
pub(crate) static ISLAND: LazyLock<Map> = LazyLock::new(|| {
    Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island")).expect("the island's map loads")
});

pub(crate) fn frame() -> LocalFrame {
    LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap()
}

/// 2026-08-09T10:11:12.345Z: minute 317,411 of the year, 12,345 ms into it.
pub(crate) fn now() -> Utc {
    Utc::from_unix_ms(1_786_270_272_345)
}

pub(crate) fn encoder(profile: Profile) -> Encoder {
    Encoder::new(frame(), profile, UNIT, Point::new(100.0, 50.0), 126)
}

/// A car that drives north, seen by radar and camera.
pub(crate) fn track(id: u64) -> Track {
    Track {
        id: TrackId(id),
        island: IslandId(id),
        valid_at: now(),
        measured_at: now(),
        since: now().plus_seconds(-7.5),
        position: Point::new(150.0 + id as f64, 20.0),
        velocity: Vector::new(0.0, 10.0),
        covariance: nalgebra::Matrix4::from_diagonal(&nalgebra::Vector4::new(0.09, 0.09, 0.09, 0.09)),
        existence: 0.99,
        class: ClassBelief::from_weights([0.9, 0.05, 0.05]),
        extent_m: Some((4.6, 1.8)),
        heading: Some(Heading::from_deg(0.0)),
        vehicle: None,
        sources: Sources { radar: true, camera: true, v2x: false },
    }
}

pub(crate) fn raw(bytes: &[u8], profile: Profile) -> Value {
    to_json(&decode_frame(bytes, profile).unwrap().value, profile)
}

/// Every frame told, as received in the frame of `at`.
pub(crate) fn heard(told: &Encoded, profile: Profile, at: &LocalFrame) -> Vec<Received> {
    told.frames.iter().map(|frame| decode(&frame.bytes, profile, now(), at).unwrap()).collect()
}

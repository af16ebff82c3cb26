//! What must hold for any bytes from a sensor of another make.

use jxz_ingest::{FrameSplitter, Mapping, read_frame};
use jxz_world::DropCause;
use std::sync::LazyLock;

/// The most bytes of one message over TCP.
const MAX_MESSAGE: usize = 8192;

/// The sample mapping, and one with the other ways to say things.
static MAPPINGS: LazyLock<[Mapping; 2]> = LazyLock::new(|| {
    const POLAR: &str = r#"
        objects = "/o"
        sequence = "/n"
        sensor = { name = "radar-1" }
        time = { pointer = "/t", unit = "ns" }
        position = { range = { pointer = "/r", unit = "mm" }, azimuth = { pointer = "/a", unit = "rad" }, rotate_deg = -170 }
        speed = { radial = { pointer = "/v", unit = "cm/s", negate = true } }
    "#;
    [include_str!("../../deploy/mapping.example.toml"), POLAR]
        .map(|text| Mapping::parse(text).unwrap_or_else(|error| panic!("a mapping of ours: {error}")))
});

/// Bytes as a vendor's JSON. What is taken has an azimuth within a turn, or is marked for the gate to drop.
///
/// # Panics
/// If that does not hold.
pub fn json(bytes: &[u8]) {
    for mapping in MAPPINGS.iter() {
        match read_frame(mapping, bytes) {
            Ok(frame) => {
                assert!(!frame.sensor_id.is_empty() || mapping.sensor.pointer.is_some());
                for seen in frame.detections {
                    let turned = seen.azimuth_rad.abs() <= 3.15;
                    assert!(turned, "{} is not within half a turn", seen.azimuth_rad);
                    assert_eq!(seen.length_m.is_some(), seen.width_m.is_some(), "half a size");
                }
            }
            Err(cause) => assert!(matches!(cause, DropCause::SensorGarbage | DropCause::SensorOversize), "{cause:?}"),
        }
    }
}

/// Bytes as a stream of messages: the first says where it is cut. The same messages come out however that is, and no
/// message is of a length that none may have.
///
/// # Panics
/// If that does not hold.
pub fn stream(bytes: &[u8]) {
    let [cut, stream @ ..] = bytes else { return };
    let whole = split(stream.chunks(stream.len().max(1)));
    let parts = split(stream.chunks(usize::from(*cut) + 1));
    assert_eq!(whole, parts, "cut into {}", usize::from(*cut) + 1);
    assert!(whole.iter().all(|message| (1..=MAX_MESSAGE).contains(&message.len())));
}

fn split<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut splitter = FrameSplitter::default();
    let mut messages = Vec::new();
    for chunk in chunks {
        splitter.put(chunk);
        loop {
            match splitter.next_frame() {
                Ok(Some(message)) => messages.push(message.to_vec()),
                Ok(None) => break,
                Err(_) => return messages,
            }
        }
    }
    messages
}

//! A state's bytes without a heap between them and the vocabulary: half a million road users a second come through here.
//!
//! The reader knows what our own writers write and says `None` to everything else: what protobuf allows beyond that, and
//! what is wrong, is left to the general decoder, which says what is wrong. So where both read, they must read the same.

use crate::signals::signals_from_wire;
use crate::track::Rounded;
use jxz_units::Utc;
use jxz_world::{NodeState, SiteId};
use prost::Message as _;
use prost::encoding::encode_varint;

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

fn put_key(field: u64, kind: u64, into: &mut Vec<u8>) {
    encode_varint(field << 3 | kind, into);
}

/// A scalar that is not its default.
fn put(field: u64, value: u64, into: &mut Vec<u8>) {
    if value != 0 {
        put_key(field, VARINT, into);
        encode_varint(value, into);
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn zigzag_32(value: i32) -> u64 {
    u64::from((value << 1 ^ value >> 31) as u32)
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

const fn unzigzag_32(value: u64) -> i32 {
    let value = value as u32;
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// Writes a track as protobuf does: fields in order, defaults left out.
pub(crate) fn put_track(track: &Rounded, into: &mut Vec<u8>) {
    put(1, track.id, into);
    put(2, zigzag(track.valid_at_us), into);
    put(3, zigzag(track.measured_before_us), into);
    put(5, zigzag(track.east_mm), into);
    put(6, zigzag(track.north_mm), into);
    put(7, zigzag_32(track.east_mmps), into);
    put(8, zigzag_32(track.north_mmps), into);
    put_key(9, BYTES, into);
    encode_varint(4 * track.covariance.len() as u64, into);
    for value in track.covariance {
        into.extend_from_slice(&value.to_le_bytes());
    }
    put(10, track.existence_e4.into(), into);
    put_key(11, BYTES, into);
    let at = into.len();
    // No probability takes more than two bytes, so that their length takes one.
    into.push(0);
    for value in track.class_e4 {
        encode_varint(value.into(), into);
    }
    into[at] = (into.len() - at - 1) as u8;
    for (field, value) in [(12, track.length_cm), (13, track.width_cm), (14, track.heading_mrad)] {
        if let Some(value) = value {
            put_key(field, VARINT, into);
            encode_varint(value.into(), into);
        }
    }
    if let Some(vehicle) = track.vehicle {
        put_key(15, BYTES, into);
        encode_varint(vehicle.len() as u64, into);
        into.extend_from_slice(&vehicle);
    }
    put(16, track.sources.into(), into);
    if track.island != 0 {
        put_key(17, FIXED64, into);
        into.extend_from_slice(&track.island.to_le_bytes());
    }
    put(19, zigzag(track.age_ns), into);
}

/// The rest of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0, 0);
        for (i, byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                self.0 = &self.0[i + 1..];
                // The tenth byte has room for one bit.
                return (i < 9 || *byte < 2).then_some(value);
            }
        }
        None
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let n = self.varint()?;
        self.take(usize::try_from(n).ok()?)
    }

    fn fixed64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    /// The next field's number and kind; `None` at the end, too.
    fn key(&mut self) -> Option<(u64, u64)> {
        let key = self.varint()?;
        Some((key >> 3, key & 7))
    }
}

/// A state from its datagram. `None`: ask the general decoder, which says what is wrong, if anything is.
pub(crate) fn read_state(datagram: &[u8]) -> Option<NodeState> {
    let mut outer = Reader(datagram);
    if outer.key()? != (1, BYTES) {
        return None;
    }
    let mut reader = Reader(outer.bytes()?);
    if !outer.0.is_empty() {
        return None;
    }
    let (mut site, mut boot, mut sequence, mut valid_at_ns, mut valid_for_ms) = (None, 0, 0, None, 0_u32);
    // Tracks are some 60 to 112 bytes.
    let (mut tracks, mut signals) = (Vec::with_capacity(reader.0.len() / 64), None);
    while !reader.0.is_empty() {
        let (field, kind) = reader.key()?;
        // What says when tracks are valid comes before them.
        if field < 6 && !tracks.is_empty() {
            return None;
        }
        match (field, kind) {
            (1, BYTES) => site = Some(core::str::from_utf8(reader.bytes()?).ok()?),
            (2, FIXED64) => boot = reader.fixed64()?,
            (3, VARINT) => sequence = reader.varint()?,
            (4, FIXED64) => valid_at_ns = Some(reader.fixed64()? as i64),
            (5, VARINT) => valid_for_ms = reader.varint()? as u32,
            (6, BYTES) => tracks.push(read_track(reader.bytes()?)?.track(Utc::from_unix_ns(valid_at_ns?)).ok()?),
            (7, BYTES) if signals.is_none() => {
                let frame = crate::sensor::v1::SignalFrame::decode(reader.bytes()?).ok()?;
                signals = Some(signals_from_wire(&frame).ok()?);
            }
            _ => return None,
        }
    }
    let site = site.filter(|site| (1..=crate::MAX_NAME_BYTES).contains(&site.len()))?;
    Some(NodeState {
        site: SiteId(site.to_owned()),
        boot,
        sequence,
        valid_at: Utc::from_unix_ns(valid_at_ns?),
        valid_for_s: f64::from(valid_for_ms) / 1e3,
        tracks,
        signals,
    })
}

fn read_track(bytes: &[u8]) -> Option<Rounded> {
    let mut reader = Reader(bytes);
    let mut track = Rounded::default();
    let (mut covariances, mut classes) = (0, 0);
    while !reader.0.is_empty() {
        match reader.key()? {
            (1, VARINT) => track.id = reader.varint()?,
            (2, VARINT) => track.valid_at_us = unzigzag(reader.varint()?),
            (3, VARINT) => track.measured_before_us = unzigzag(reader.varint()?),
            (5, VARINT) => track.east_mm = unzigzag(reader.varint()?),
            (6, VARINT) => track.north_mm = unzigzag(reader.varint()?),
            (7, VARINT) => track.east_mmps = unzigzag_32(reader.varint()?),
            (8, VARINT) => track.north_mmps = unzigzag_32(reader.varint()?),
            (9, BYTES) => {
                let (values, rest) = reader.bytes()?.as_chunks::<4>();
                let values: &[[u8; 4]; 10] = values.try_into().ok()?;
                if !rest.is_empty() {
                    return None;
                }
                track.covariance = values.map(f32::from_le_bytes);
                covariances += 1;
            }
            (10, VARINT) => track.existence_e4 = reader.varint()? as u32,
            (11, BYTES) => {
                let mut values = Reader(reader.bytes()?);
                for value in &mut track.class_e4 {
                    *value = values.varint()? as u32;
                }
                if !values.0.is_empty() {
                    return None;
                }
                classes += 1;
            }
            (12, VARINT) => track.length_cm = Some(reader.varint()? as u32),
            (13, VARINT) => track.width_cm = Some(reader.varint()? as u32),
            (14, VARINT) => track.heading_mrad = Some(reader.varint()? as u32),
            (15, BYTES) => track.vehicle = Some(reader.bytes()?.try_into().ok()?),
            (16, VARINT) => track.sources = reader.varint()? as u32,
            (17, FIXED64) => track.island = reader.fixed64()?,
            (19, VARINT) => track.age_ns = unzigzag(reader.varint()?),
            _ => return None,
        }
    }
    // One of each: a second would be more of the first.
    (covariances == 1 && classes == 1).then_some(track)
}

/// The general decoder's answer, for comparison.
#[cfg(test)]
fn general(datagram: &[u8]) -> Result<NodeState, crate::WireError> {
    use crate::node::v1 as wire;
    let datagram: wire::NodeDatagram = crate::error::decode("NodeDatagram", datagram, crate::MAX_STATE_BYTES)?;
    let wire::node_datagram::Body::State(state) = crate::error::required("NodeDatagram.body", datagram.body)?;
    crate::state_from_wire(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::v1 as wire;
    use jxz_geo::{Point, Vector};
    use jxz_units::Heading;
    use jxz_world::{ClassBelief, IslandId, Sources, Track, TrackId, VehicleId};

    /// Knuth's MMIX generator.
    struct Lot(u64);

    impl Lot {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 20
        }

        fn below(&mut self, n: u64) -> u64 {
            self.next() % n
        }

        fn real(&mut self, least: f64, most: f64) -> f64 {
            least + (most - least) * self.below(1 << 30) as f64 / f64::from(1 << 30)
        }

        fn track(&mut self, at: Utc) -> Track {
            let some = self.below(3) > 0;
            Track {
                id: TrackId(self.below(1 << 20)),
                island: IslandId(if some { self.next() << 20 } else { 0 }),
                valid_at: at.plus_seconds(self.real(-0.2, 0.2)),
                measured_at: at.plus_seconds(self.real(-0.3, 0.1)),
                since: at.plus_seconds(self.real(-3_600.0, 0.0)),
                position: Point::new(self.real(-90_000.0, 90_000.0), self.real(-90_000.0, 90_000.0)),
                velocity: Vector::new(self.real(-60.0, 60.0), self.real(-60.0, 60.0)),
                covariance: nalgebra::Matrix4::from_diagonal_element(self.real(0.0, 9.0)),
                existence: self.real(0.0, 1.0),
                class: ClassBelief::from_weights([self.real(0.1, 9.0), self.real(0.1, 9.0), self.real(0.0, 1.0)]),
                extent_m: some.then(|| (self.real(0.5, 20.0), self.real(0.3, 3.0))),
                heading: some.then(|| Heading::from_rad(self.real(0.0, 6.2))),
                vehicle: (!some).then(|| VehicleId(self.next().to_le_bytes())),
                sources: Sources { radar: some, camera: !some, v2x: self.below(2) == 0 },
            }
        }

        fn state(&mut self, tracks: u64) -> NodeState {
            let at = Utc::from_unix_ms(1_786_270_272_000 + self.below(1 << 30) as i64);
            NodeState {
                site: SiteId("north".to_owned()),
                boot: self.next(),
                sequence: self.below(1 << 40),
                valid_at: at,
                valid_for_s: 0.5,
                tracks: (0..tracks).map(|_| self.track(at)).collect(),
                signals: None,
            }
        }
    }

    #[test]
    fn what_is_written_is_what_protobuf_writes_and_both_read_the_same() {
        let mut lot = Lot(3);
        for k in 0..300 {
            let state = lot.state(k % 9);
            let [datagram] = &crate::split_state(&state, crate::MAX_STATE_BYTES).unwrap()[..] else {
                panic!("one datagram for {} tracks", k % 9)
            };
            let message =
                wire::NodeDatagram { body: Some(wire::node_datagram::Body::State(crate::state_to_wire(&state))) };
            assert_eq!(datagram[..], message.encode_to_vec()[..], "state {k}");
            assert_eq!(read_state(datagram).unwrap(), general(datagram).unwrap(), "state {k}");
        }
    }

    #[test]
    fn bytes_changed_cut_and_doubled_are_read_as_the_general_decoder_reads_them_or_left_to_it() {
        let mut lot = Lot(11);
        let (mut read, mut left) = (0, 0);
        for _ in 0..20_000 {
            let state = lot.state(2);
            let mut bytes = crate::split_state(&state, crate::MAX_STATE_BYTES).unwrap().remove(0).to_vec();
            for _ in 0..=lot.below(2) {
                let at = lot.below(bytes.len() as u64) as usize;
                match lot.below(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes.insert(at, lot.next() as u8),
                    _ => bytes[at] = lot.next() as u8,
                }
            }
            match read_state(&bytes) {
                // NaN is not itself.
                Some(state) => {
                    assert_eq!(
                        format!("{:?}", Ok::<_, crate::WireError>(state)),
                        format!("{:?}", general(&bytes)),
                        "{bytes:02x?}"
                    );
                    read += 1;
                }
                None => left += 1,
            }
        }
        assert!(read > 2_000 && left > 2_000, "{read} read, {left} left");
    }
}

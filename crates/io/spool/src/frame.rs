//! A record in a segment: found again behind damage, checked, and counted when it is missing.
//!
//! | bytes | what (little-endian) |
//! |---|---|
//! | 0..4 | marker, by which the next frame is found behind a damaged one |
//! | 4..8 | CRC32C of all that follows |
//! | 8..12 | length of the record |
//! | 12..16 | the frame's place in its segment, from 0: a jump tells how many are missing |
//! | 16..24 | id |
//! | 24..32 | when it was appended, Unix nanoseconds |
//! | 32..40 | importance, seven zeros |
//! | 40.. | the record |

use crate::{Importance, MAX_RECORD_BYTES};
use jxz_units::Utc;

/// What a segment begins with: name and version.
pub(crate) const SEGMENT_HEAD: &[u8; 8] = b"JXZSPL01";
/// Bytes of a frame before its record.
pub(crate) const HEAD: usize = 40;
/// Not ASCII, no valid UTF-8 and no protobuf of ours.
const MARKER: [u8; 4] = [0xf5, 0x9d, 0xb1, 0xe7];

/// A frame as found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: u64,
    pub(crate) at: Utc,
    pub(crate) importance: Importance,
    pub(crate) ordinal: u32,
    /// Where it begins, and its length with the head.
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

/// A record to put into a frame.
pub(crate) struct Content<'a> {
    pub(crate) id: u64,
    pub(crate) at: Utc,
    pub(crate) importance: Importance,
    pub(crate) record: &'a [u8],
}

/// Adds a frame to what will be written.
pub(crate) fn put(out: &mut Vec<u8>, ordinal: u32, content: &Content<'_>) {
    let start = out.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&[0; 4]);
    // `append` has refused what is longer than a frame can say.
    let len = u32::try_from(content.record.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&ordinal.to_le_bytes());
    out.extend_from_slice(&content.id.to_le_bytes());
    out.extend_from_slice(&content.at.unix_ns().to_le_bytes());
    out.extend_from_slice(&[content.importance.code(), 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(content.record);
    let crc = crc32c::crc32c(&out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The frame that begins at an offset, if a whole and undamaged one does.
pub(crate) fn parse(bytes: &[u8], offset: usize) -> Option<Frame> {
    let rest = bytes.get(offset..)?;
    if word::<4>(rest, 0)? != MARKER {
        return None;
    }
    let crc = u32::from_le_bytes(word(rest, 4)?);
    let record = usize::try_from(u32::from_le_bytes(word(rest, 8)?)).ok()?;
    if record > MAX_RECORD_BYTES {
        return None;
    }
    let len = HEAD + record;
    if crc32c::crc32c(rest.get(8..len)?) != crc {
        return None;
    }
    Some(Frame {
        ordinal: u32::from_le_bytes(word(rest, 12)?),
        id: u64::from_le_bytes(word(rest, 16)?),
        at: Utc::from_unix_ns(i64::from_le_bytes(word(rest, 24)?)),
        importance: Importance::from_code(rest[32])?,
        offset,
        len,
    })
}

/// What is in a segment.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) frames: Vec<Frame>,
    /// The end of the last frame: what lies behind was torn when it was written, or is damaged.
    pub(crate) end: usize,
    /// Frames that must have been between those found.
    pub(crate) missing: u64,
}

/// Finds every whole frame.
pub(crate) fn scan(bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    if bytes.starts_with(SEGMENT_HEAD) {
        at = SEGMENT_HEAD.len();
        scan.end = at;
    }
    let (mut next_ordinal, mut last_id) = (0_u32, None);
    while at < bytes.len() {
        let found = parse(bytes, at).filter(|f| f.ordinal >= next_ordinal && last_id.is_none_or(|last| f.id > last));
        let Some(frame) = found else {
            let behind = bytes.get(at + 1..).unwrap_or_default();
            let Some(step) = behind.windows(MARKER.len()).position(|window| window == MARKER) else { break };
            at += 1 + step;
            continue;
        };
        scan.missing += u64::from(frame.ordinal - next_ordinal);
        next_ordinal = frame.ordinal.saturating_add(1);
        last_id = Some(frame.id);
        at += frame.len;
        scan.end = at;
        scan.frames.push(frame);
    }
    scan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(records: &[&[u8]]) -> Vec<u8> {
        let mut bytes = SEGMENT_HEAD.to_vec();
        for (n, record) in (0_u32..).zip(records) {
            let at = Utc::from_unix_ms(1_786_270_272_000);
            let content = Content { id: 100 + u64::from(n), at, importance: Importance::Warning, record };
            put(&mut bytes, n, &content);
        }
        bytes
    }

    /// Published check value of CRC-32C: RFC 3720, appendix B.4 (32 bytes of zeros).
    #[test]
    fn the_checksum_is_crc32c() {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn any_single_flipped_bit_costs_one_record_at_most_and_is_noticed() {
        let whole = segment(&[b"first", b"", b"the third record", b"last"]);
        let ids = |scan: &Scan| scan.frames.iter().map(|frame| frame.id).collect::<Vec<_>>();
        assert_eq!(ids(&scan(&whole)), [100, 101, 102, 103]);
        let frames = scan(&whole).frames;
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found = scan(&bytes);
            let hit = frames.iter().find(|f| (f.offset..f.offset + f.len).contains(&(bit / 8))).map(|f| f.id);
            let rest: Vec<u64> = (100..104).filter(|id| Some(*id) != hit).collect();
            assert_eq!(ids(&found), rest, "bit {bit}");
            let tail = found.end < bytes.len();
            assert_eq!(found.missing + u64::from(tail), u64::from(hit.is_some()), "bit {bit}");
        }
    }

    #[test]
    fn a_tail_cut_anywhere_costs_what_is_not_whole() {
        let whole = segment(&[b"one", b"two", b"three"]);
        let frames = scan(&whole).frames;
        for len in 0..whole.len() {
            let found = scan(&whole[..len]);
            assert_eq!(found.frames.len(), frames.iter().filter(|f| f.offset + f.len <= len).count(), "cut to {len}");
            assert_eq!(found.missing, 0);
        }
    }
}

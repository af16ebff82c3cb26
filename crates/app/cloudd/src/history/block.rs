//! The form of a block on disk (`proto/jxz/history/v1/history.proto` has the layout).

use anyhow::Context;
use jxz_wire::console::v1::Frame;
use jxz_wire::history::v1::Block;
use prost::Message;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

pub(crate) const HEAD: usize = 32;
const MARK: &[u8; 4] = b"JXZ1";
/// A larger block is none of ours, bytes on disk and decompressed.
const MAX_PAYLOAD: usize = 32 << 20;
const MAX_DECOMPRESSED: usize = 256 << 20;
/// Zstandard's own default: a higher level costs more than the disk it saves.
const LEVEL: i32 = 3;

/// Where a block is, and what its head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockAt {
    pub(crate) offset: u64,
    pub(crate) payload: u32,
    pub(crate) frames: u32,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

impl BlockAt {
    pub(crate) fn end(&self) -> u64 {
        self.offset + HEAD as u64 + u64::from(self.payload)
    }
}

/// A block's bytes, and its place were it written at `offset`. Frames are in the order of their times.
pub(crate) fn encode(frames: Vec<Frame>, offset: u64) -> anyhow::Result<(BlockAt, Vec<u8>)> {
    let times = frames.iter().map(|frame| frame.sent_at_ms);
    let (from_ms, to_ms) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
    let count = u32::try_from(frames.len())?;
    let payload = zstd::bulk::compress(&Block { frames }.encode_to_vec(), LEVEL).context("cannot compress a block")?;
    anyhow::ensure!(payload.len() <= MAX_PAYLOAD, "a block of {} bytes is too large", payload.len());
    let at = BlockAt { offset, payload: payload.len() as u32, frames: count, from_ms, to_ms };
    let mut bytes = head(&at).to_vec();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[4..28]);
    crc.update(&payload);
    bytes[28..HEAD].copy_from_slice(&crc.finalize().to_le_bytes());
    bytes.extend(payload);
    Ok((at, bytes))
}

fn head(at: &BlockAt) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(MARK);
    head[4..8].copy_from_slice(&at.payload.to_le_bytes());
    head[8..12].copy_from_slice(&at.frames.to_le_bytes());
    head[12..20].copy_from_slice(&at.from_ms.to_le_bytes());
    head[20..28].copy_from_slice(&at.to_ms.to_le_bytes());
    head
}

/// What a head says; `None` if it is none.
fn parse(head: &[u8; HEAD], offset: u64, len: u64) -> Option<BlockAt> {
    let u32_at = |i: usize| head[i..i + 4].try_into().map(u32::from_le_bytes).ok();
    let u64_at = |i: usize| head[i..i + 8].try_into().map(u64::from_le_bytes).ok();
    let at = BlockAt { offset, payload: u32_at(4)?, frames: u32_at(8)?, from_ms: u64_at(12)?, to_ms: u64_at(20)? };
    let sound = &head[..4] == MARK && at.payload as usize <= MAX_PAYLOAD && at.from_ms <= at.to_ms && at.end() <= len;
    sound.then_some(at)
}

/// The frames of a block.
///
/// # Errors
/// It cannot be read, or it is damaged.
pub(crate) fn read(file: &mut File, at: &BlockAt) -> anyhow::Result<Vec<Frame>> {
    let mut bytes = vec![0; HEAD + at.payload as usize];
    file.seek(SeekFrom::Start(at.offset)).context("cannot seek")?;
    file.read_exact(&mut bytes).context("cannot read a block")?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[4..28]);
    crc.update(&bytes[HEAD..]);
    anyhow::ensure!(bytes[28..HEAD] == crc.finalize().to_le_bytes(), "its check sum is not that of its bytes");
    let block = zstd::bulk::decompress(&bytes[HEAD..], MAX_DECOMPRESSED).context("cannot decompress")?;
    Ok(Block::decode(&block[..]).context("not a block")?.frames)
}

/// The blocks of a file as their heads say, and how many stretches of it are no block.
pub(crate) fn scan(file: &mut File) -> io::Result<(Vec<BlockAt>, u64)> {
    let len = file.seek(SeekFrom::End(0))?;
    let (mut blocks, mut damaged, mut offset) = (Vec::new(), 0, 0);
    while offset + HEAD as u64 <= len {
        file.seek(SeekFrom::Start(offset))?;
        let mut head = [0; HEAD];
        file.read_exact(&mut head)?;
        if let Some(at) = parse(&head, offset, len) {
            blocks.push(at);
            offset = at.end();
        } else {
            damaged += 1;
            match next_mark(file, offset + 1)? {
                Some(next) => offset = next,
                None => return Ok((blocks, damaged)),
            }
        }
    }
    Ok((blocks, damaged + u64::from(offset < len)))
}

/// Where the next mark is, from an offset on.
fn next_mark(file: &mut File, from: u64) -> io::Result<Option<u64>> {
    const WINDOW: usize = 64 << 10;
    let mut start = from;
    let mut window = Vec::with_capacity(WINDOW);
    loop {
        window.clear();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(WINDOW as u64).read_to_end(&mut window)?;
        if let Some(found) = window.windows(MARK.len()).position(|bytes| bytes == MARK) {
            return Ok(Some(start + found as u64));
        }
        if window.len() < WINDOW {
            return Ok(None);
        }
        start += (WINDOW - MARK.len() + 1) as u64;
    }
}

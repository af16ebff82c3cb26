//! Which blocks there are, hour by hour.

use super::block::BlockAt;
use std::collections::BTreeMap;

/// One hour's file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hour {
    pub(crate) blocks: Vec<BlockAt>,
    pub(crate) bytes: u64,
}

/// Every file by its name, which sorts by hour.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) hours: BTreeMap<String, Hour>,
    /// Blocks, or stretches between blocks, that could not be read.
    pub(crate) damaged: u64,
    /// Hours deleted for their age or for want of room.
    pub(crate) deleted: u64,
}

/// A stretch of time without any frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Gap {
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

impl Index {
    pub(crate) fn bytes(&self) -> u64 {
        self.hours.values().map(|hour| hour.bytes).sum()
    }

    /// Blocks that reach into a span of time, oldest first, with the name of their file.
    pub(crate) fn within(&self, from_ms: u64, to_ms: u64) -> Vec<(&str, BlockAt)> {
        let all =
            self.hours.iter().flat_map(|(name, hour)| hour.blocks.iter().map(move |block| (name.as_str(), *block)));
        let mut found: Vec<_> = all.filter(|(_, block)| block.to_ms >= from_ms && block.from_ms <= to_ms).collect();
        found.sort_by_key(|(_, block)| block.from_ms);
        found
    }

    /// A block turned out not to be readable.
    pub(crate) fn forget(&mut self, name: &str, block: &BlockAt) {
        if let Some(hour) = self.hours.get_mut(name) {
            let before = hour.blocks.len();
            hour.blocks.retain(|known| known != block);
            self.damaged += (before - hour.blocks.len()) as u64;
        }
    }

    /// Stretches longer than `longest_ms` between neighbours.
    pub(crate) fn gaps(blocks: &[(&str, BlockAt)], longest_ms: u64) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut known_to = None;
        for (_, block) in blocks {
            match known_to {
                Some(from_ms) if block.from_ms > from_ms + longest_ms => {
                    gaps.push(Gap { from_ms, to_ms: block.from_ms });
                }
                _ => {}
            }
            known_to = known_to.max(Some(block.to_ms));
        }
        gaps
    }
}

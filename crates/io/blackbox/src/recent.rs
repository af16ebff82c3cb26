//! The last seconds of steps, which a clip begins with.

use crate::transcript::Written;
use jxz_units::{Instant, Now};
use jxz_world::Record;
use std::collections::VecDeque;

/// Bytes of a block. Steps by themselves left the memory of a busy site in pieces that nobody else could use: as blocks of
/// more than the allocator keeps for itself they go back to the system whole.
const BLOCK_BYTES: usize = 256 << 10;
/// Steps that hold more bytes than this are too many; the oldest go first.
const MAX_BYTES: usize = 16 << 20;

/// Where a step ends in its block.
struct End {
    number: u64,
    now: Now,
    bytes: usize,
    warnings: usize,
}

struct Block {
    /// Counts steps from the first that was pushed.
    first: u64,
    ends: Vec<End>,
    bytes: Vec<u8>,
    warnings: Vec<Record>,
}

impl Block {
    fn held(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<End>()
    }
}

/// A step in its block.
pub(crate) struct Recent<'r> {
    pub(crate) number: u64,
    pub(crate) now: Now,
    /// As [`Written::bytes`].
    pub(crate) bytes: &'r [u8],
    pub(crate) warnings: &'r [Record],
}

/// Steps in order, in blocks of some hundreds. A step is known by its place: how many were pushed before it.
#[derive(Default)]
pub(crate) struct Recents {
    /// Oldest first; none is empty.
    blocks: VecDeque<Block>,
    bytes: usize,
    end: u64,
}

impl Recents {
    /// Takes the newest in.
    pub(crate) fn push(&mut self, step: &Written) {
        let is_full = |block: &Block| block.bytes.len() + step.bytes.len() > BLOCK_BYTES;
        if self.blocks.back().is_none_or(is_full) {
            let bytes = Vec::with_capacity(BLOCK_BYTES.max(step.bytes.len()));
            self.blocks.push_back(Block { first: self.end, ends: Vec::new(), bytes, warnings: Vec::new() });
        }
        let Some(block) = self.blocks.back_mut() else { return };
        block.bytes.extend_from_slice(&step.bytes);
        block.warnings.extend(step.warnings.iter().cloned());
        let (bytes, warnings) = (block.bytes.len(), block.warnings.len());
        block.ends.push(End { number: step.number, now: step.now, bytes, warnings });
        self.bytes += step.bytes.len() + size_of::<End>();
        self.end += 1;
    }

    /// One past the newest step's place.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The place of the first step from `since` on.
    pub(crate) fn first_from(&self, since: Instant) -> u64 {
        let is_before = |end: &End| end.now.mono < since;
        let block = self.blocks.iter().find(|block| !block.ends.last().is_some_and(is_before));
        block.map_or(self.end, |block| block.first + block.ends.partition_point(is_before) as u64)
    }

    /// The step at a place, while it is there.
    pub(crate) fn get(&self, place: u64) -> Option<Recent<'_>> {
        let after = self.blocks.partition_point(|block| block.first <= place);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        let index = usize::try_from(place - block.first).ok()?;
        let end = block.ends.get(index)?;
        let (bytes, warnings) = match index.checked_sub(1).and_then(|before| block.ends.get(before)) {
            Some(before) => (before.bytes, before.warnings),
            None => (0, 0),
        };
        let (bytes, warnings) = (block.bytes.get(bytes..end.bytes)?, block.warnings.get(warnings..end.warnings)?);
        Some(Recent { number: end.number, now: end.now, bytes, warnings })
    }

    /// Forgets blocks all of whose steps are from before `since`, and the oldest of too many bytes; but none from `needed` on.
    pub(crate) fn forget(&mut self, since: Instant, needed: u64) {
        while let Some(oldest) = self.blocks.front()
            && oldest.first + oldest.ends.len() as u64 <= needed
            && (oldest.ends.last().is_none_or(|last| last.now.mono < since) || self.bytes > MAX_BYTES)
        {
            self.bytes -= oldest.held();
            self.blocks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_units::Utc;
    use std::time::Duration;

    const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

    fn at(ms: u64) -> Now {
        Now::after_start(START, Duration::from_millis(ms))
    }

    /// One every millisecond; its bytes say which it is.
    fn step(number: u64, bytes: usize) -> Written {
        let bytes = vec![(number % 251) as u8; bytes].into_boxed_slice();
        Written { number, now: at(number), outputs: 0, bytes, warnings: Vec::new() }
    }

    #[test]
    fn steps_are_found_by_their_place_and_time_in_whatever_block_they_are() {
        let mut recents = Recents::default();
        (0..2000).for_each(|number| recents.push(&step(number, 100 + (number % 7) as usize * 100)));
        recents.push(&step(2000, BLOCK_BYTES * 2));
        recents.push(&step(2001, 10));
        assert!(recents.blocks.len() > 4, "{} blocks", recents.blocks.len());
        for place in [0, 1, 999, 1999, 2000, 2001] {
            let found = recents.get(place).unwrap();
            let said = step(place, found.bytes.len());
            assert_eq!((found.number, found.now, found.bytes), (place, at(place), &*said.bytes));
            assert_eq!(recents.first_from(at(place).mono), place);
        }
        assert!(recents.get(2002).is_none());
        assert_eq!((recents.end(), recents.first_from(at(5000).mono)), (2002, 2002));
    }

    #[test]
    fn what_is_too_old_or_too_much_goes_by_whole_blocks_but_not_what_is_needed() {
        let mut recents = Recents::default();
        (0..40_000).for_each(|number| recents.push(&step(number, 1000)));
        assert_eq!(recents.bytes, 40_000 * (1000 + size_of::<End>()), "nobody has told it to forget");
        recents.forget(at(0).mono, 3000);
        assert!(recents.get(3000).is_some() && recents.get(2000).is_none(), "only what is not needed");
        recents.forget(at(0).mono, u64::MAX);
        assert!((MAX_BYTES - 2 * BLOCK_BYTES..=MAX_BYTES).contains(&recents.bytes), "{} bytes", recents.bytes);
        recents.forget(at(39_900).mono, u64::MAX);
        assert!(recents.get(39_900).is_some() && recents.bytes <= 2 * BLOCK_BYTES, "{} bytes", recents.bytes);
        recents.forget(at(50_000).mono, u64::MAX);
        assert_eq!((recents.bytes, recents.blocks.len()), (0, 0));
        recents.push(&step(40_000, 10));
        assert_eq!(recents.get(40_000).unwrap().number, 40_000);
    }
}

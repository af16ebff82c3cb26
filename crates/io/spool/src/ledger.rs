//! What is known beside the segments: which of their records are settled, and which ids were given.

use crate::Importance;
use std::collections::BTreeSet;

/// The ledger's file, and the one that will replace it.
pub(crate) const NAME: &str = "ledger";
pub(crate) const DRAFT: &str = "ledger.new";
const HEAD: &[u8; 8] = b"JXZLED01";
/// Runs of settled ids that are written down. What finds no room is sent again after a restart: the cloud has each
/// record once all the same.
const MAX_RUNS: usize = 4096;
const WORDS: usize = 2 + Importance::ALL.len();

/// The ledger as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    /// Every id below has been given.
    pub(crate) next_id: u64,
    /// Records lost to damage, ever.
    pub(crate) damaged: u64,
    /// Records dropped for want of room or for age, ever, by importance.
    pub(crate) dropped: [u64; Importance::ALL.len()],
    /// Ids whose records are settled though they are in a segment still.
    pub(crate) settled: BTreeSet<u64>,
}

impl Ledger {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        bytes.extend_from_slice(&[0; 4]);
        let words = [self.next_id, self.damaged].into_iter().chain(self.dropped);
        words.for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        for (first, last) in runs(&self.settled).into_iter().take(MAX_RUNS) {
            bytes.extend_from_slice(&first.to_le_bytes());
            bytes.extend_from_slice(&last.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes[HEAD.len() + 4..]);
        bytes[HEAD.len()..HEAD.len() + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None`: damaged.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(HEAD)?;
        let (crc, body) = rest.split_at_checked(4)?;
        if crc32c::crc32c(body).to_le_bytes() != crc
            || body.len() < WORDS * 8
            || !(body.len() - WORDS * 8).is_multiple_of(16)
        {
            return None;
        }
        let mut words = body.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
        let mut ledger = Self { next_id: words.next()?, damaged: words.next()?, ..Self::default() };
        for dropped in &mut ledger.dropped {
            *dropped = words.next()?;
        }
        while let (Some(first), Some(last)) = (words.next(), words.next()) {
            let room = MAX_SETTLED.saturating_sub(ledger.settled.len());
            ledger.settled.extend((first..=last).take(room));
        }
        Some(ledger)
    }
}

/// Settled ids that are read back at most.
const MAX_SETTLED: usize = 1 << 20;

fn runs(ids: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &id in ids {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ => runs.push((id, id)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_read_as_written_and_not_at_all_with_a_bit_flipped() {
        let settled = [3, 4, 5, 9, 11, u64::MAX].into();
        let ledger = Ledger { next_id: 12, damaged: 2, dropped: [5, 4, 3, 2, 1], settled };
        let bytes = ledger.encode();
        assert_eq!(Ledger::decode(&bytes), Some(ledger));
        for bit in 0..bytes.len() * 8 {
            let mut rotten = bytes.clone();
            rotten[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Ledger::decode(&rotten), None, "bit {bit}");
        }
        assert_eq!(Ledger::decode(&bytes[..bytes.len() - 16]), None);
    }
}

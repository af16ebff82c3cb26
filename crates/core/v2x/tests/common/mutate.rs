//! Bytes as a broken radio, a careless encoder or an attacker changes them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) struct Mutator<'a> {
    rng: ChaCha8Rng,
    corpus: &'a [Vec<u8>],
    bytes: Vec<u8>,
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, corpus: &'a [Vec<u8>]) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), corpus, bytes: Vec::new() }
    }

    /// One of the corpus with one to four changes.
    pub(crate) fn next(&mut self) -> &[u8] {
        let origin = &self.corpus[self.rng.random_range(0..self.corpus.len())];
        self.bytes.clear();
        self.bytes.extend_from_slice(origin);
        for _ in 0..[1, 1, 1, 2, 4][self.rng.random_range(0..5)] {
            self.change();
        }
        &self.bytes
    }

    fn place(&mut self) -> usize {
        // Headers, with their presence bits and lengths, are worth more than the middle of a number.
        let end = self.bytes.len();
        let end = if self.rng.random_bool(0.3) { end.min(24) } else { end };
        self.rng.random_range(0..=end)
    }

    fn change(&mut self) {
        let at = self.place();
        match self.rng.random_range(0..12) {
            0 => self.bytes.truncate(at),
            1 => self.bytes.insert(at, self.rng.random()),
            2 if at < self.bytes.len() => {
                self.bytes.remove(at);
            }
            3 if at < self.bytes.len() => self.bytes[at] = [0, 0x7f, 0x80, 0xc4, 0xff][self.rng.random_range(0..5)],
            4 => self.splice(at),
            5 => {
                let filling = [self.rng.random(), 0, 0xff][self.rng.random_range(0..3)];
                let more = self.rng.random_range(0..64);
                self.bytes.extend(std::iter::repeat_n(filling, more));
            }
            _ if at < self.bytes.len() => self.bytes[at] ^= 1 << self.rng.random_range(0..8),
            _ => {}
        }
    }

    /// The rest is another message's.
    fn splice(&mut self, at: usize) {
        let other = &self.corpus[self.rng.random_range(0..self.corpus.len())];
        let from = self.rng.random_range(0..=other.len());
        self.bytes.truncate(at);
        self.bytes.extend_from_slice(&other[from..]);
    }
}

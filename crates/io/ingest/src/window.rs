//! Which sequence numbers of one sender were seen.

use jxz_units::Utc;

/// How far behind the newest a frame may come and still be told from a duplicate.
const WIDTH: u32 = 64;

/// The newest sequence number of one sender, and which of the 64 before it were seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    newest: u32,
    newest_at: Utc,
    /// Bit `k`: the frame `k` before the newest was seen.
    seen: u64,
}

impl Window {
    /// After a sender's first frame.
    pub(crate) const fn starting(sequence: u32, valid_at: Utc) -> Self {
        Self { newest: sequence, newest_at: valid_at, seen: 1 }
    }

    /// Whether a frame is new, which is noted.
    ///
    /// Numbers wrap. A number that is not ahead, with a time of validity later than the newest frame's, is a sender that
    /// has started again. One that is far ahead with a time that is not later is an old frame from before such a
    /// start.
    pub(crate) fn admit(&mut self, sequence: u32, valid_at: Utc) -> bool {
        let ahead = sequence.wrapping_sub(self.newest);
        if ahead == 0 || ahead > u32::MAX / 2 {
            let behind = self.newest.wrapping_sub(sequence);
            if valid_at > self.newest_at {
                *self = Self::starting(sequence, valid_at);
                return true;
            }
            let bit = if behind < WIDTH { 1_u64 << behind } else { return false };
            let new = self.seen & bit == 0;
            self.seen |= bit;
            return new;
        }
        if ahead > WIDTH && valid_at <= self.newest_at {
            return false;
        }
        self.seen = if ahead < WIDTH { self.seen << ahead | 1 } else { 1 };
        self.newest = sequence;
        self.newest_at = valid_at;
        true
    }
}

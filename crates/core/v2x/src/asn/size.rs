//! Bounds of numbers, sizes and lengths.

/// Bounds, both included; `extensible` when values beyond them may come behind an extension bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The least.
    pub low: i64,
    /// The greatest.
    pub high: i64,
    /// Whether values beyond may come.
    pub extensible: bool,
}

impl Size {
    /// No bounds; lengths only.
    pub(crate) const ANY: Self = Self::new(0, i64::MAX, false);

    pub(crate) const fn new(low: i64, high: i64, extensible: bool) -> Self {
        Self { low, high, extensible }
    }

    /// Whether a value is within.
    #[must_use]
    pub const fn has(self, value: i64) -> bool {
        value >= self.low && value <= self.high
    }

    /// Whether lengths are told by a general length determinant rather than by a number of fixed width.
    pub(crate) const fn is_any(self) -> bool {
        self.high == i64::MAX
    }

    /// Bits of a number within the bounds.
    pub(crate) const fn width(self) -> u32 {
        64 - ((self.high - self.low) as u64).leading_zeros()
    }
}

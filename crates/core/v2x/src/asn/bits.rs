//! Bit strings.

/// The most bits that a bit string is kept with. The set's own have up to 16; a newer edition's may have more; what
/// comes beyond is skipped, as other extensions are.
pub const MAX_BITS: u32 = 64;

/// A bit string of up to [`MAX_BITS`] bits; bit 0 is the first on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bits {
    len: u8,
    // The first bit of the wire is the most significant of the `len` lowest.
    value: u64,
}

impl Bits {
    /// So many bits, none of them set. More than [`MAX_BITS`] are not kept.
    #[must_use]
    pub const fn zeros(len: u32) -> Self {
        Self { len: if len > MAX_BITS { MAX_BITS as u8 } else { len as u8 }, value: 0 }
    }

    /// The `len` lowest bits of `value`, its most significant one first.
    pub(crate) const fn from_value(len: u32, value: u64) -> Self {
        Self { len: len as u8, value }
    }

    pub(crate) const fn value(self) -> u64 {
        self.value
    }

    /// With bit `bit` set; no change beyond the end.
    #[must_use]
    pub const fn with(self, bit: u32) -> Self {
        if bit >= self.len as u32 {
            return self;
        }
        Self { len: self.len, value: self.value | 1 << (self.len as u32 - 1 - bit) }
    }

    /// Whether bit `bit` is there and set.
    #[must_use]
    pub const fn get(self, bit: u32) -> bool {
        bit < self.len as u32 && self.value >> (self.len as u32 - 1 - bit) & 1 == 1
    }

    /// How many bits there are.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.len as u32
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}

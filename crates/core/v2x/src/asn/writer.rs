//! Unaligned PER, outwards.

use super::bits::Bits;
use super::fault::{Cause, Fault, Outcome, at_item};
use super::size::Size;
use super::{MAX_BYTES, Profile};

/// Pieces of a long length determinant count in units of so many.
const FRAGMENT: usize = 16_384;

/// Buffers that outlive a message, so that encoding allocates nothing once they have grown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers {
    out: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

impl Buffers {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.out
    }
}

/// Writes one value.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: Vec<u8>,
    // The bits that fill no eight bytes yet, in the lowest `count` (< 64).
    pending: u64,
    count: u32,
    profile: Profile,
    spare: &'a mut Vec<Vec<u8>>,
}

impl<'a> Writer<'a> {
    /// Writes what `write` does; the bytes, the last one filled with zeros, at least one.
    pub(crate) fn message(
        buffers: &'a mut Buffers,
        profile: Profile,
        write: impl FnOnce(&mut Self) -> Outcome<()>,
    ) -> Outcome<&'a [u8]> {
        let Buffers { out, spare } = buffers;
        let mut writer = Writer { out: core::mem::take(out), pending: 0, count: 0, profile, spare };
        writer.out.clear();
        let outcome = write(&mut writer);
        writer.pad();
        *out = writer.out;
        outcome?;
        if out.len() > MAX_BYTES {
            return Err(Fault::new(Cause::Oversize { bytes: out.len(), limit: MAX_BYTES }));
        }
        Ok(out)
    }

    pub(crate) const fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) const fn is(&self, set: u8) -> bool {
        self.profile.is(set)
    }

    #[cold]
    pub(crate) fn not_in_profile(&self, name: &str) -> Box<Fault> {
        Fault::new(Cause::NotInProfile { name: name.to_owned(), profile: self.profile })
    }

    /// The `width` (at most 64) lowest bits of `value`, which has no others.
    #[inline]
    fn bits(&mut self, value: u64, width: u32) {
        let free = 64 - self.count;
        if width < free {
            self.pending = self.pending << width | value;
            self.count += width;
            return;
        }
        let over = width - free;
        // A shift by 64 would be no shift at all.
        let word = if free == 64 { 0 } else { self.pending << free } | value >> over;
        self.out.extend_from_slice(&word.to_be_bytes());
        self.pending = if over == 0 { 0 } else { value & (u64::MAX >> (64 - over)) };
        self.count = over;
    }

    /// Fills the last byte with zeros.
    fn pad(&mut self) {
        let bytes = self.count.div_ceil(8) as usize;
        if bytes > 0 {
            let word = self.pending << (64 - self.count);
            self.out.extend_from_slice(&word.to_be_bytes()[..bytes]);
        } else if self.out.is_empty() {
            self.out.push(0);
        }
        (self.pending, self.count) = (0, 0);
    }

    #[inline]
    pub(crate) fn bit(&mut self, bit: bool) {
        self.bits(bit.into(), 1);
    }

    /// What begins a SEQUENCE: whether it is extended, and which optional members are there.
    #[inline]
    pub(crate) fn flags<const N: usize>(&mut self, flags: [bool; N]) {
        self.bits(flags.into_iter().fold(0, |bits, flag| bits << 1 | u64::from(flag)), N as u32);
    }

    pub(crate) fn boolean(&mut self, value: bool) -> Outcome<()> {
        self.bit(value);
        Ok(())
    }

    #[inline]
    pub(crate) fn integer(&mut self, value: i64, range: Size) -> Outcome<()> {
        let within = range.has(value);
        if range.extensible {
            self.bit(!within);
            if !within {
                self.unbounded(value);
                return Ok(());
            }
        } else if !within {
            return Err(Fault::new(Cause::Range { value, low: range.low, high: range.high }));
        }
        self.bits((value - range.low) as u64, range.width());
        Ok(())
    }

    /// A length in bytes, and the number in two's complement.
    fn unbounded(&mut self, value: i64) {
        // One bit more than the magnitude's, for the sign.
        let magnitude = if value < 0 { !value } else { value };
        let bytes = (65 - magnitude.leading_zeros()).div_ceil(8);
        self.bits(u64::from(bytes), 8);
        self.bits(value as u64 & (u64::MAX >> (64 - 8 * bytes)), 8 * bytes);
    }

    #[inline]
    pub(crate) fn enumerated(&mut self, index: usize, count: usize, extensible: bool) -> Outcome<()> {
        if extensible {
            self.bit(false);
        }
        self.alternative(index, count);
        Ok(())
    }

    #[inline]
    pub(crate) fn alternative(&mut self, index: usize, count: usize) {
        self.bits(index as u64, Size::new(0, count as i64 - 1, false).width());
    }

    /// The index of something behind an extension marker.
    pub(crate) fn small(&mut self, index: usize) {
        // The set has fewer than 64 of anything there.
        debug_assert!(index < 64);
        self.bits(index as u64, 7);
    }

    /// How many bits tell which extension additions follow.
    pub(crate) fn small_length(&mut self, count: usize) {
        self.small(count - 1);
    }

    /// A length below [`FRAGMENT`].
    fn short_length(&mut self, length: usize) {
        if length < 128 {
            self.bits(length as u64, 8);
        } else {
            self.bits(0x8000 | length as u64, 16);
        }
    }

    /// How many items follow; `true` when they follow in pieces, each with a length of its own.
    #[inline]
    fn length(&mut self, of: &'static str, count: usize, size: Size) -> Outcome<bool> {
        let within = size.has(count as i64);
        if size.extensible {
            self.bit(!within);
        } else if !within {
            return Err(Fault::new(Cause::Count { of, count, low: size.low as usize, high: size.high as usize }));
        }
        if within && !size.is_any() {
            self.bits(count as u64 - size.low as u64, size.width());
            return Ok(false);
        }
        Ok(true)
    }

    /// `items` behind a general length determinant, in pieces if there are many.
    fn pieces<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &[T]) -> Outcome<()>) -> Outcome<()> {
        let mut rest = items;
        while rest.len() >= FRAGMENT {
            let units = (rest.len() / FRAGMENT).min(4);
            self.bits(0xc0 | units as u64, 8);
            let (piece, after) = rest.split_at(units * FRAGMENT);
            write(self, piece)?;
            rest = after;
        }
        self.short_length(rest.len());
        write(self, rest)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.bits(u64::from_be_bytes(*word), 64);
        }
        for byte in rest {
            self.bits((*byte).into(), 8);
        }
    }

    pub(crate) fn octets(&mut self, octets: &[u8], size: Size) -> Outcome<()> {
        if self.length("octets", octets.len(), size)? {
            return self.pieces(octets, |w, piece| {
                w.bytes(piece);
                Ok(())
            });
        }
        self.bytes(octets);
        Ok(())
    }

    pub(crate) fn text(&mut self, text: &str, size: Size) -> Outcome<()> {
        if !text.is_ascii() {
            return Err(Fault::new(Cause::Kind { expected: "ASCII text", found: text.chars().take(40).collect() }));
        }
        self.length("characters", text.len(), size)?;
        for character in text.bytes() {
            self.bits(character.into(), 7);
        }
        Ok(())
    }

    pub(crate) fn bit_string(&mut self, bits: Bits, size: Size) -> Outcome<()> {
        if self.length("bits", bits.len() as usize, size)? {
            self.short_length(bits.len() as usize);
        }
        if !bits.is_empty() {
            self.bits(bits.value(), bits.len());
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn list<T>(
        &mut self,
        items: &[T],
        size: Size,
        mut write: impl FnMut(&mut Self, &T) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut index = 0;
        let mut all = |w: &mut Self, items: &[T]| {
            for item in items {
                at_item(index, write(w, item))?;
                index += 1;
            }
            Ok(())
        };
        if self.length("items", items.len(), size)? { self.pieces(items, all) } else { all(self, items) }
    }

    /// A value of a type that an older receiver does not know: whole bytes behind their number.
    pub(crate) fn open(&mut self, write: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<()> {
        let mut inner = self.spare.pop().unwrap_or_default();
        inner.clear();
        let outer = core::mem::replace(&mut self.out, inner);
        let (pending, count) = (core::mem::take(&mut self.pending), core::mem::take(&mut self.count));
        let outcome = write(self);
        self.pad();
        let inner = core::mem::replace(&mut self.out, outer);
        (self.pending, self.count) = (pending, count);
        let outcome = outcome.and_then(|()| {
            self.pieces(&inner, |w, piece| {
                w.bytes(piece);
                Ok(())
            })
        });
        self.spare.push(inner);
        outcome
    }
}

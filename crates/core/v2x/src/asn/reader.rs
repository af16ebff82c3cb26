//! Unaligned PER, inwards. Nothing here trusts a length: what it claims is held against the bits that are left before
//! anything is allocated.

use super::Profile;
use super::bits::{Bits, MAX_BITS};
use super::fault::{Cause, Fault, Outcome, at_item};
use super::size::Size;

const FRAGMENT: usize = 16_384;
/// The most memory that a list takes for each byte that tells its items, in bytes.
const MEMORY_A_BYTE: usize = 128;

/// Reads one value.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    // In bits.
    position: usize,
    end: usize,
    profile: Profile,
    unknown: usize,
    canonical: bool,
}

/// What is left to say when a value has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) unread_bytes: usize,
    pub(crate) unknown_extensions: usize,
    pub(crate) canonical: bool,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], profile: Profile) -> Self {
        Self { bytes, position: 0, end: bytes.len() * 8, profile, unknown: 0, canonical: true }
    }

    pub(crate) fn finish(mut self) -> Outcome<Rest> {
        self.padding()?;
        let unread_bytes = (self.end - self.position) / 8;
        Ok(Rest { unread_bytes, unknown_extensions: self.unknown, canonical: self.canonical })
    }

    /// Skips to the next whole byte of the value; an empty value has one.
    fn padding(&mut self) -> Outcome<()> {
        let width = if self.position == 0 { 8 } else { (8 - self.position % 8) % 8 };
        let filling = self.bits(width as u32)?;
        self.canonical &= filling == 0;
        Ok(())
    }

    pub(crate) const fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) const fn is(&self, set: u8) -> bool {
        self.profile.is(set)
    }

    const fn left(&self) -> usize {
        self.end - self.position
    }

    /// The next `width` (at most 64) bits.
    #[inline]
    fn bits(&mut self, width: u32) -> Outcome<u64> {
        if width as usize > self.left() {
            return Err(Fault::new(Cause::Truncated));
        }
        if width == 0 {
            return Ok(0);
        }
        if width > 57 {
            return Ok(self.bits(width - 32)? << 32 | self.bits(32)?);
        }
        // Eight bytes hold them, wherever in a byte they begin; the last eight where they are near the end.
        let from = (self.position / 8).min(self.bytes.len().saturating_sub(8));
        let before = self.position - 8 * from;
        self.position += width as usize;
        let word = match self.bytes.get(from..from + 8).and_then(|word| word.first_chunk()) {
            Some(word) => u64::from_be_bytes(*word),
            None => self.short_word(),
        };
        Ok(word << before >> (64 - width))
    }

    /// All of fewer than eight bytes, as the first of eight.
    #[cold]
    fn short_word(&self) -> u64 {
        let mut word = [0; 8];
        word[..self.bytes.len()].copy_from_slice(self.bytes);
        u64::from_be_bytes(word)
    }

    #[inline]
    pub(crate) fn bit(&mut self) -> Outcome<bool> {
        Ok(self.bits(1)? == 1)
    }

    /// What begins a SEQUENCE: whether it is extended, and which optional members are there.
    #[inline]
    pub(crate) fn flags<const N: usize>(&mut self) -> Outcome<[bool; N]> {
        let bits = self.bits(N as u32)?;
        Ok(core::array::from_fn(|index| bits >> (N - 1 - index) & 1 == 1))
    }

    #[inline]
    pub(crate) fn integer(&mut self, range: Size) -> Outcome<i64> {
        if range.extensible && self.bit()? {
            let value = self.unbounded()?;
            self.canonical &= !range.has(value);
            return Ok(value);
        }
        let value = range.low + self.bits(range.width())? as i64;
        if value > range.high {
            return Err(Fault::new(Cause::Range { value, low: range.low, high: range.high }));
        }
        Ok(value)
    }

    fn unbounded(&mut self) -> Outcome<i64> {
        let bytes = self.bits(8)?;
        if bytes == 0 || bytes > 8 {
            return Err(Fault::new(Cause::Length(bytes as u8)));
        }
        let unused = 64 - 8 * bytes as u32;
        let value = (self.bits(8 * bytes as u32)? << unused) as i64 >> unused;
        // The first nine bits alike: a shorter form says the same.
        self.canonical &= bytes == 1 || !matches!(value >> (8 * bytes - 9), 0 | -1);
        Ok(value)
    }

    #[inline]
    pub(crate) fn enumerated(&mut self, count: usize, extensible: bool) -> Outcome<usize> {
        if extensible && self.bit()? {
            return Err(Fault::new(Cause::UnknownEnumeral { index: self.small()?, extension: true }));
        }
        let index = self.bits(Size::new(0, count as i64 - 1, false).width())? as usize;
        if index < count { Ok(index) } else { Err(Fault::new(Cause::UnknownEnumeral { index, extension: false })) }
    }

    #[inline]
    pub(crate) fn alternative(&mut self, count: usize) -> Outcome<usize> {
        let index = self.bits(Size::new(0, count as i64 - 1, false).width())? as usize;
        if index < count { Ok(index) } else { Err(Fault::new(Cause::UnknownAlternative { index, extension: false })) }
    }

    /// The index of something behind an extension marker.
    pub(crate) fn small(&mut self) -> Outcome<usize> {
        if !self.bit()? {
            return Ok(self.bits(6)? as usize);
        }
        let bytes = self.bits(8)?;
        if bytes == 0 || bytes > 4 {
            return Err(Fault::new(Cause::Length(bytes as u8)));
        }
        let value = self.bits(8 * bytes as u32)? as usize;
        self.canonical &= value >= 64 && (bytes == 1 || value >> (8 * (bytes - 1)) > 0);
        Ok(value)
    }

    /// A general length determinant: so many items, and whether another length follows them.
    fn piece(&mut self) -> Outcome<(usize, bool)> {
        let first = self.bits(8)?;
        match first >> 6 {
            0 | 1 => Ok((first as usize, false)),
            2 => {
                let length = ((first & 0x3f) << 8 | self.bits(8)?) as usize;
                self.canonical &= length >= 128;
                Ok((length, false))
            }
            _ => {
                let units = (first & 0x3f) as usize;
                if !(1..=4).contains(&units) {
                    return Err(Fault::new(Cause::Length(first as u8)));
                }
                Ok((units * FRAGMENT, true))
            }
        }
    }

    /// A length of fixed width; `None` when a general length determinant follows.
    #[inline]
    fn length(&mut self, of: &'static str, size: Size) -> Outcome<Option<usize>> {
        if size.is_any() || (size.extensible && self.bit()?) {
            return Ok(None);
        }
        let count = size.low as u64 + self.bits(size.width())?;
        if count > size.high as u64 {
            let (low, high) = (size.low as usize, size.high as usize);
            return Err(Fault::new(Cause::Count { of, count: count as usize, low, high }));
        }
        Ok(Some(count as usize))
    }

    /// A value behind a general length determinant must lie outside the bounds that are told without one.
    fn beyond(&mut self, count: usize, size: Size) {
        self.canonical &= !(size.extensible && size.has(count as i64));
    }

    fn append(&mut self, count: usize, out: &mut Vec<u8>) -> Outcome<()> {
        if count > self.left() / 8 {
            return Err(Fault::new(Cause::Truncated));
        }
        out.reserve_exact(count);
        for _ in 0..count / 8 {
            let word = self.bits(64)?;
            out.extend_from_slice(&word.to_be_bytes());
        }
        for _ in 0..count % 8 {
            let byte = self.bits(8)? as u8;
            out.push(byte);
        }
        Ok(())
    }

    pub(crate) fn octets(&mut self, size: Size) -> Outcome<Vec<u8>> {
        let mut octets = Vec::new();
        match self.length("octets", size)? {
            Some(count) => self.append(count, &mut octets)?,
            None => {
                self.fragmented(|r, count| r.append(count, &mut octets))?;
                self.beyond(octets.len(), size);
            }
        }
        Ok(octets)
    }

    /// Pieces, each behind its length, to the last one.
    fn fragmented(&mut self, mut read: impl FnMut(&mut Self, usize) -> Outcome<()>) -> Outcome<()> {
        let mut units_before = 4 * FRAGMENT;
        loop {
            let (count, more) = self.piece()?;
            self.canonical &= !more || units_before == 4 * FRAGMENT;
            units_before = count;
            read(self, count)?;
            if !more {
                return Ok(());
            }
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let mut octets = [0; N];
        for chunk in octets.chunks_mut(8) {
            let width = chunk.len() * 8;
            let word = self.bits(width as u32)?;
            chunk.copy_from_slice(&word.to_be_bytes()[8 - chunk.len()..]);
        }
        Ok(octets)
    }

    pub(crate) fn text(&mut self, size: Size) -> Outcome<String> {
        let count = self.length("characters", size)?.unwrap_or(0);
        if count > self.left() / 7 {
            return Err(Fault::new(Cause::Truncated));
        }
        let mut text = String::with_capacity(count);
        for _ in 0..count {
            text.push(char::from(self.bits(7)? as u8));
        }
        Ok(text)
    }

    pub(crate) fn bit_string(&mut self, size: Size) -> Outcome<Bits> {
        let count = match self.length("bits", size)? {
            Some(count) => count,
            None => {
                let (count, _) = self.piece()?;
                self.beyond(count, size);
                count
            }
        };
        let kept = count.min(MAX_BITS as usize) as u32;
        let bits = Bits::from_value(kept, self.bits(kept)?);
        // Flags beyond are a much newer edition's, as unknown to us as an extension.
        let beyond = count - kept as usize;
        if beyond > self.left() {
            return Err(Fault::new(Cause::Truncated));
        }
        self.position += beyond;
        self.unknown += usize::from(beyond > 0);
        Ok(bits)
    }

    /// A list whose items take at least `LEAST` bits each: it takes no more memory than the bits left may need.
    #[inline]
    pub(crate) fn list<T, const LEAST: usize>(
        &mut self,
        size: Size,
        mut read: impl FnMut(&mut Self) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        const { assert!(8 * size_of::<T>() <= MEMORY_A_BYTE * LEAST, "box what is large and may be absent") };
        let mut items = Vec::new();
        let mut some = |r: &mut Self, count: usize| {
            if count * LEAST > r.left() {
                return Err(Fault::new(Cause::Truncated));
            }
            items.reserve_exact(count);
            for _ in 0..count {
                items.push(at_item(items.len(), read(r))?);
            }
            Ok(())
        };
        match self.length("items", size)? {
            Some(count) => some(self, count)?,
            None => {
                self.fragmented(some)?;
                self.beyond(items.len(), size);
            }
        }
        Ok(items)
    }

    /// The extension additions of a structure of which `known` are ours: those are read, the others skipped and counted.
    pub(crate) fn additions(
        &mut self,
        known: usize,
        mut read: impl for<'b> FnMut(&mut Reader<'b>, usize) -> Outcome<()>,
    ) -> Outcome<()> {
        let count = if self.bit()? { self.piece()?.0 } else { self.bits(6)? as usize + 1 };
        if count == 0 || count > 64 {
            return Err(Fault::new(Cause::Count { of: "extension additions", count, low: 1, high: 64 }));
        }
        let present = self.bits(count as u32)?;
        self.canonical &= count == known && present != 0;
        for index in (0..count).filter(|index| present >> (count - 1 - index) & 1 == 1) {
            if index < known {
                self.open(|r| read(r, index))?;
            } else {
                self.fragmented(Self::skip)?;
                self.unknown += 1;
            }
        }
        Ok(())
    }

    fn skip(&mut self, count: usize) -> Outcome<()> {
        if count > self.left() / 8 {
            return Err(Fault::new(Cause::Truncated));
        }
        self.position += count * 8;
        Ok(())
    }

    /// A value of a type that an older receiver does not know: whole bytes behind their number.
    pub(crate) fn open<T>(&mut self, read: impl for<'b> FnOnce(&mut Reader<'b>) -> Outcome<T>) -> Outcome<T> {
        let start = self.position;
        let (count, more) = self.piece()?;
        if more {
            self.position = start;
            return self.open_in_pieces(read);
        }
        if count > self.left() / 8 {
            return Err(Fault::new(Cause::Truncated));
        }
        let begin = self.position;
        let outer = core::mem::replace(&mut self.end, begin + count * 8);
        let value = read(self)?;
        let used = self.position - begin;
        let padding = if used == 0 { 8 } else { (8 - used % 8) % 8 };
        let filling = self.bits(padding as u32)?;
        self.canonical &= filling == 0;
        if self.left() > 0 {
            return Err(Fault::new(Cause::Trailing { bytes: self.left() / 8 }));
        }
        self.end = outer;
        Ok(value)
    }

    /// An open type of 16 KiB or more: its pieces are put together first.
    fn open_in_pieces<T>(&mut self, read: impl for<'b> FnOnce(&mut Reader<'b>) -> Outcome<T>) -> Outcome<T> {
        let mut whole = Vec::new();
        self.fragmented(|r, count| r.append(count, &mut whole))?;
        let mut inner = Reader::new(&whole, self.profile);
        let value = read(&mut inner)?;
        let rest = inner.finish()?;
        if rest.unread_bytes > 0 {
            return Err(Fault::new(Cause::Trailing { bytes: rest.unread_bytes }));
        }
        self.unknown += rest.unknown_extensions;
        self.canonical &= rest.canonical;
        Ok(value)
    }
}

//! A strict reader of canonical OER (ITU-T X.696): lengths and integers in their one shortest form.
//!
//! It borrows from the input and never allocates from a length that the input states, which is why hostile bytes
//! meet it and not a general decoder (see `docs/decisions/0008-signed-envelope.md`).

/// What is wrong with bytes from outside, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// They are not the profile's COER.
    #[error("cannot read {what} before byte {at}")]
    Malformed {
        /// The element that could not be read.
        what: &'static str,
        /// Offset where reading stopped.
        at: usize,
    },
    /// They name an algorithm that is not one of the two, or mix them.
    #[error("cannot use the algorithm of {what} before byte {at}")]
    Algorithm {
        /// The element that names it.
        what: &'static str,
        /// Offset where reading stopped.
        at: usize,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn fault<T>(&self, what: &'static str) -> Result<T, ParseError> {
        Err(ParseError::Malformed { what, at: self.at })
    }

    pub(crate) fn algorithm<T>(&self, what: &'static str) -> Result<T, ParseError> {
        Err(ParseError::Algorithm { what, at: self.at })
    }

    /// The octets from `start` up to here.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.at]
    }

    pub(crate) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], ParseError> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..count) else { return self.fault(what) };
        self.at += count;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ParseError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, ParseError> {
        Ok(self.array::<1>(what)?[0])
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, ParseError> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, ParseError> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn i32(&mut self, what: &'static str) -> Result<i32, ParseError> {
        Ok(i32::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, ParseError> {
        Ok(u64::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn expect(&mut self, wanted: u8, what: &'static str) -> Result<(), ParseError> {
        if self.u8(what)? == wanted { Ok(()) } else { self.fault(what) }
    }

    /// A length determinant (X.696 8.6), at most four octets of it.
    pub(crate) fn length(&mut self, what: &'static str) -> Result<usize, ParseError> {
        let first = self.u8(what)?;
        if first < 0x80 {
            return Ok(usize::from(first));
        }
        let octets = self.take(usize::from(first & 0x7f), what)?;
        if octets.is_empty() || octets.len() > 4 || octets[0] == 0 {
            return self.fault(what);
        }
        let value = octets.iter().fold(0_usize, |value, octet| value << 8 | usize::from(*octet));
        if value < 0x80 { self.fault(what) } else { Ok(value) }
    }

    /// Octets behind a length determinant: an octet string, or an open type (extension) as a whole.
    pub(crate) fn octets(&mut self, what: &'static str) -> Result<&'a [u8], ParseError> {
        let count = self.length(what)?;
        self.take(count, what)
    }

    /// An unsigned integer without an upper bound (X.696 10.3), of at most 32 bits.
    pub(crate) fn unsigned(&mut self, what: &'static str) -> Result<u32, ParseError> {
        let octets = self.octets(what)?;
        if octets.is_empty() || octets.len() > 4 || (octets[0] == 0 && octets.len() > 1) {
            return self.fault(what);
        }
        Ok(octets.iter().fold(0, |value, octet| value << 8 | u32::from(*octet)))
    }

    /// A signed integer without bounds (X.696 10.4), of at most 16 bits.
    pub(crate) fn signed(&mut self, what: &'static str) -> Result<i16, ParseError> {
        match *self.octets(what)? {
            [low] => Ok(i16::from(low.cast_signed())),
            [high, low] if !(-128..128).contains(&i16::from_be_bytes([high, low])) => {
                Ok(i16::from_be_bytes([high, low]))
            }
            _ => self.fault(what),
        }
    }

    /// Number of elements of a SEQUENCE OF; the caller reads them one by one, so the input bounds the work.
    pub(crate) fn quantity(&mut self, limit: u32, what: &'static str) -> Result<u32, ParseError> {
        let quantity = self.unsigned(what)?;
        if quantity > limit { self.fault(what) } else { Ok(quantity) }
    }

    /// Skips the extension additions of a SEQUENCE whose extension bit is set (X.696 16.4).
    pub(crate) fn skip_extensions(&mut self, what: &'static str) -> Result<(), ParseError> {
        let bitmap = self.octets(what)?;
        let Some((unused, bits)) = bitmap.split_first() else { return self.fault(what) };
        let present: u32 = bits.iter().map(|octet| octet.count_ones()).sum();
        let spare = bits.last().map_or(0, |last| last & ((1_u16 << (*unused).min(8)) - 1) as u8);
        if *unused > 7 || spare != 0 || present == 0 {
            return self.fault(what);
        }
        for _ in 0..present {
            self.octets(what)?;
        }
        Ok(())
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), ParseError> {
        if self.at == self.bytes.len() { Ok(()) } else { self.fault("the end") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_form_of_a_number_is_read() {
        let unsigned = |bytes: &[u8]| Reader::new(bytes).unsigned("n").ok();
        assert_eq!(unsigned(&[1, 0x24]), Some(0x24));
        assert_eq!(unsigned(&[2, 0x0e, 0x26]), Some(3622));
        assert_eq!(unsigned(&[2, 0, 0x24]), None);
        assert_eq!(unsigned(&[0x81, 1, 0x24]), None);
        assert_eq!(unsigned(&[0]), None);
        assert_eq!(unsigned(&[5, 1, 0, 0, 0, 0]), None);
        let signed = |bytes: &[u8]| Reader::new(bytes).signed("n").ok();
        assert_eq!(signed(&[1, 0xff]), Some(-1));
        assert_eq!(signed(&[2, 0, 0x80]), Some(128));
        assert_eq!(signed(&[2, 0xff, 0xff]), None);
    }

    #[test]
    fn a_length_beyond_the_input_costs_nothing_and_is_refused() {
        assert!(Reader::new(&[0x84, 0xff, 0xff, 0xff, 0xff]).octets("n").is_err());
        assert!(Reader::new(&[0xff; 200]).octets("n").is_err());
        assert!(Reader::new(&[0x80]).length("n").is_err());
        assert_eq!(Reader::new(&[4, 0xff, 0xff, 0xff, 0xff]).quantity(64, "n").ok(), None);
    }
}

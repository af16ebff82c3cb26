//! Hexadecimal text.

/// Why text is not hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// Digits come in pairs.
    #[error("hexadecimal text of {0} digits is not a whole number of bytes")]
    Odd(usize),
    /// Not a digit of base 16.
    #[error("{0:?} is not a hexadecimal digit")]
    Digit(char),
}

/// Two lower-case digits a byte.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// Bytes of hexadecimal text, upper or lower case, nothing else.
///
/// # Errors
/// An odd number of digits, or a character that is not one.
pub fn from_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let nibbles = text
        .chars()
        .map(|c| c.to_digit(16).map(|d| d as u8).ok_or(HexError::Digit(c)))
        .collect::<Result<Vec<_>, _>>()?;
    if nibbles.len() % 2 != 0 {
        return Err(HexError::Odd(nibbles.len()));
    }
    Ok(nibbles.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

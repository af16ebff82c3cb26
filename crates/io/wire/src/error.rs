//! Why bytes, or a message, do not mean anything.

/// Why bytes from a peer are refused. Each names the field as the `.proto` file does.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes are not protobuf of the expected message.
    #[error("not a {message}: {reason}")]
    Undecodable {
        /// The message expected.
        message: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// More bytes than a message of this kind may have.
    #[error("{message} of {len} bytes is over the limit of {limit}")]
    Oversize {
        /// The message expected.
        message: &'static str,
        /// Its length.
        len: usize,
        /// The most it may have.
        limit: usize,
    },
    /// A field that must be there is not.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A number outside its range, or NaN.
    #[error("{field} is {value}, outside {min} to {max}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The least it may be.
        min: f64,
        /// The most it may be.
        max: f64,
    },
    /// A list, text or byte string with a length it may not have.
    #[error("{field} has length {len}, not {min} to {max}")]
    Length {
        /// The field.
        field: &'static str,
        /// Its length.
        len: usize,
        /// The least it may have.
        min: usize,
        /// The most it may have.
        max: usize,
    },
    /// An enumeration's value that this version does not know, or that may not be here.
    #[error("{field} has no meaning for {value}")]
    Meaningless {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// Values that are each right and do not go together.
    #[error("{field}: {reason}")]
    Contradiction {
        /// The field.
        field: &'static str,
        /// Why they do not.
        reason: String,
    },
}

/// `value` if it is in `min..=max` (NaN is not).
pub(crate) fn in_range(field: &'static str, value: f64, min: f64, max: f64) -> Result<f64, WireError> {
    if value >= min && value <= max { Ok(value) } else { Err(WireError::OutOfRange { field, value, min, max }) }
}

/// `value` if it is neither NaN nor infinite.
pub(crate) fn finite(field: &'static str, value: f64) -> Result<f64, WireError> {
    in_range(field, value, f64::MIN, f64::MAX)
}

/// `len` if it is in `min..=max`.
pub(crate) fn length(field: &'static str, len: usize, min: usize, max: usize) -> Result<usize, WireError> {
    if (min..=max).contains(&len) { Ok(len) } else { Err(WireError::Length { field, len, min, max }) }
}

/// A name of 1 to 64 bytes.
pub(crate) fn name(field: &'static str, text: String) -> Result<String, WireError> {
    length(field, text.len(), 1, crate::MAX_NAME_BYTES)?;
    Ok(text)
}

/// `value` if it is there.
pub(crate) fn required<T>(field: &'static str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or(WireError::Missing { field })
}

/// Decodes a message of at most `limit` bytes.
pub(crate) fn decode<M: prost::Message + Default>(
    message: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<M, WireError> {
    if bytes.len() > limit {
        return Err(WireError::Oversize { message, len: bytes.len(), limit });
    }
    M::decode(bytes).map_err(|error| WireError::Undecodable { message, reason: error.to_string() })
}

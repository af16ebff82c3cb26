//! Frames to bytes and back, with errors that name the place.

use super::MessageFrame;
use rasn::error::DecodeErrorKind;

/// No frame of the day-1 set that a radio carries is longer; anything longer is refused unread.
pub const MAX_FRAME_BYTES: usize = 8192;

/// Why bytes are not a usable frame.
///
/// `path` names the members from the outside in (`BasicSafetyMessage.pos.lat`); items of lists are not numbered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// More bytes than any frame has.
    #[error("{bytes} bytes are more than a frame may have ({MAX_FRAME_BYTES})")]
    Oversize {
        /// How many came.
        bytes: usize,
    },
    /// The bytes end before the frame does.
    #[error("the frame ends early, in `{path}`")]
    Truncated {
        /// Where.
        path: String,
    },
    /// Whole bytes follow the frame.
    #[error("{bytes} bytes follow the end of the frame")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// An alternative that the day-1 set does not have (a later phase's message, say).
    #[error("unknown alternative {index} in `{path}`")]
    UnknownAlternative {
        /// Where.
        path: String,
        /// Its index, counted from 0 behind the extension marker where there is one.
        index: usize,
    },
    /// An enumeral that the day-1 set does not have.
    #[error("unknown enumeral {index} in `{path}`")]
    UnknownEnumeral {
        /// Where.
        path: String,
        /// Its index, counted from 0 behind the extension marker where there is one.
        index: usize,
    },
    /// A number or a size outside its bounds.
    #[error("`{path}` is out of bounds: {bound}")]
    OutOfBounds {
        /// Where.
        path: String,
        /// What is allowed and what came.
        bound: String,
    },
    /// Anything else that the encoding rules do not allow.
    #[error("malformed `{path}`: {reason}")]
    Malformed {
        /// Where.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The bytes decode, but a member says "unavailable" where the message has no meaning without it.
    #[error("`{path}` is unavailable, and the message means nothing without it")]
    Unavailable {
        /// Where.
        path: &'static str,
    },
}

/// Why a message cannot be encoded. Nothing is clamped to make it fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A number that is NaN, infinite or outside what the member can say.
    #[error("{field} = {value} cannot be said in the message (allowed {low} to {high})")]
    Value {
        /// Which, with its unit.
        field: &'static str,
        /// The number.
        value: f64,
        /// Least that can be said.
        low: f64,
        /// Most that can be said.
        high: f64,
    },
    /// Too many or too few of something.
    #[error("{field}: {count} is not within {low} to {high}")]
    Count {
        /// Of what.
        field: &'static str,
        /// How many.
        count: usize,
        /// Fewest.
        low: usize,
        /// Most.
        high: usize,
    },
    /// Text with characters that the member cannot hold.
    #[error("{field}: {text:?} is not plain ASCII")]
    Text {
        /// Which.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A member of a frame is outside its bounds.
    #[error("the frame breaks a bound of the message set: {0}")]
    Bound(String),
    /// The frame is longer than a radio carries.
    #[error("the frame is {bytes} bytes long, and {MAX_FRAME_BYTES} is the limit")]
    Oversize {
        /// Its length.
        bytes: usize,
    },
}

/// A frame in unaligned PER.
///
/// # Errors
/// [`EncodeError::Bound`] if a member is outside its bounds, [`EncodeError::Oversize`] beyond [`MAX_FRAME_BYTES`].
pub fn encode_frame(frame: &MessageFrame) -> Result<Vec<u8>, EncodeError> {
    let bytes = rasn::uper::encode(frame).map_err(|error| EncodeError::Bound(error.kind.to_string()))?;
    if bytes.len() > MAX_FRAME_BYTES { Err(EncodeError::Oversize { bytes: bytes.len() }) } else { Ok(bytes) }
}

/// The frame in bytes of unaligned PER; nothing may follow it but the bits that fill its last byte.
///
/// # Errors
/// [`DecodeError`], with the place. Bytes from outside never panic.
pub fn decode_frame(bytes: &[u8]) -> Result<MessageFrame, DecodeError> {
    if bytes.len() > MAX_FRAME_BYTES {
        return Err(DecodeError::Oversize { bytes: bytes.len() });
    }
    let (frame, rest) = rasn::uper::decode_with_remainder::<MessageFrame>(bytes).map_err(|error| located(&error))?;
    if rest.is_empty() { Ok(frame) } else { Err(DecodeError::TrailingBytes { bytes: rest.len() }) }
}

/// Unwinds the decoder's nested errors into a path and a cause.
fn located(error: &rasn::error::DecodeError) -> DecodeError {
    let mut path = String::new();
    let mut kind = error.kind.as_ref();
    while let DecodeErrorKind::FieldError { name, nested } = kind {
        // The decoder says `Type.member`; the outermost type is enough to begin with.
        match (path.is_empty(), name.split_once('.')) {
            (false, Some((_, member))) => {
                path.push('.');
                path.push_str(member);
            }
            (_, _) => path.push_str(name),
        }
        kind = nested.kind.as_ref();
    }
    if path.is_empty() {
        path.push_str("MessageFrame");
    }
    match kind {
        DecodeErrorKind::Incomplete { .. } | DecodeErrorKind::Eof => DecodeError::Truncated { path },
        DecodeErrorKind::ChoiceIndexNotFound { index, .. } => DecodeError::UnknownAlternative { path, index: *index },
        DecodeErrorKind::EnumerationIndexNotFound { index, .. } => DecodeError::UnknownEnumeral { path, index: *index },
        DecodeErrorKind::ValueConstraintNotSatisfied { .. }
        | DecodeErrorKind::SizeConstraintNotSatisfied { .. }
        | DecodeErrorKind::ExceedsMaxLength { .. } => DecodeError::OutOfBounds { path, bound: kind.to_string() },
        other => DecodeError::Malformed { path, reason: other.to_string() },
    }
}

//! Why a message cannot be said, or cannot be understood.

use crate::asn::{AsnError, Cause, Profile};

/// Why bytes are not a usable message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They are no frame of the profile.
    #[error(transparent)]
    Frame(#[from] AsnError),
    /// A member says "unavailable" where the message has no meaning without it.
    #[error("{path}: unavailable, and the message means nothing without it")]
    Unavailable {
        /// Where.
        path: &'static str,
    },
    /// A text that begins as our convention does, and is none.
    #[error("{path}: {reason}")]
    Text {
        /// Where.
        path: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl DecodeError {
    /// Whether the bytes speak of something that our edition of the set does not have: an enumeral or an alternative
    /// of a newer one. The sender need not be broken.
    #[must_use]
    pub const fn is_newer_edition(&self) -> bool {
        matches!(
            self,
            Self::Frame(AsnError {
                cause: Cause::UnknownEnumeral { extension: true, .. } | Cause::UnknownAlternative { .. },
                ..
            })
        )
    }
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
    /// A member of a frame is outside its bounds, or not in the profile.
    #[error("the frame breaks a bound of the message set: {0}")]
    Frame(#[from] AsnError),
    /// The link's edition of the message set has no such message.
    #[error("the profile {profile} has no {message}")]
    NotInProfile {
        /// The message.
        message: &'static str,
        /// The edition.
        profile: Profile,
    },
    /// The frame is longer than a radio carries.
    #[error("the frame is {bytes} bytes long, and {limit} is the limit")]
    Oversize {
        /// Its length.
        bytes: usize,
        /// The longest.
        limit: usize,
    },
}

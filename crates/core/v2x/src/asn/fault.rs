//! What is wrong with a value or with bytes, and where.

use super::Profile;
use serde_json::Value;

pub(crate) type Outcome<T> = Result<T, Box<Fault>>;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The bytes end before the value does, or a length claims more than they can hold.
    #[error("the bytes end early")]
    Truncated,
    /// Whole bytes follow the value, at its end or within its open type.
    #[error("{bytes} bytes follow the end")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// More bytes than anything of the set has.
    #[error("{bytes} bytes, and {limit} are the limit")]
    Oversize {
        /// How many.
        bytes: usize,
        /// How many may be.
        limit: usize,
    },
    /// A number outside its bounds.
    #[error("{value} is outside {low}..={high}")]
    Range {
        /// The number.
        value: i64,
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
    },
    /// Too few or too many of something.
    #[error("{count} {of}, and {low} to {high} may be")]
    Count {
        /// Of what: items, octets, bits, characters.
        of: &'static str,
        /// How many.
        count: usize,
        /// The fewest.
        low: usize,
        /// The most.
        high: usize,
    },
    /// An enumeral that the profile does not have: of a newer edition, say.
    #[error("unknown enumeral {index}{}", behind(*.extension))]
    UnknownEnumeral {
        /// Its index.
        index: usize,
        /// Counted from behind the extension marker.
        extension: bool,
    },
    /// An alternative, or a message behind `msgFrameExt`, that the profile does not have.
    #[error("unknown alternative {index}{}", behind(*.extension))]
    UnknownAlternative {
        /// Its index; the message's number behind `msgFrameExt`.
        index: usize,
        /// Counted from behind the extension marker.
        extension: bool,
    },
    /// A type, member or alternative that another profile has.
    #[error("`{name}` is not in profile {profile}")]
    NotInProfile {
        /// Which.
        name: String,
        /// Where it is not.
        profile: Profile,
    },
    /// A member that must be there.
    #[error("`{name}` is missing")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// A name that the type does not have.
    #[error("no `{name}` here; there are {known}")]
    UnknownName {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// JSON of another kind than the type's.
    #[error("{expected} belongs here, not {found}")]
    Kind {
        /// What belongs there.
        expected: &'static str,
        /// The beginning of what is there.
        found: String,
    },
    /// A length in a form that only values beyond the limit of a message need.
    #[error("a length that is not one: {0:#x}")]
    Length(u8),
}

const fn behind(extension: bool) -> &'static str {
    if extension { " behind the extension marker" } else { "" }
}

/// A step from a value into its inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Member(&'static str),
    Item(usize),
}

/// A cause, with the way to it: the innermost step first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) way: Vec<Step>,
    pub(crate) cause: Cause,
}

impl Fault {
    #[cold]
    pub(crate) fn new(cause: Cause) -> Box<Self> {
        Box::new(Self { way: Vec::new(), cause })
    }

    #[cold]
    pub(crate) fn alternative(index: usize) -> Box<Self> {
        Self::new(Cause::UnknownAlternative { index, extension: true })
    }

    #[cold]
    pub(crate) fn missing(name: &'static str) -> Box<Self> {
        Self::new(Cause::Missing { name })
    }

    #[cold]
    pub(crate) fn not_in_profile(profile: Profile, value: &Value) -> Box<Self> {
        let mut name = value.to_string();
        name.truncate(name.char_indices().nth(40).map_or(name.len(), |(at, _)| at));
        Self::new(Cause::NotInProfile { name, profile })
    }
}

/// Notes the member in whose inside something went wrong.
#[inline]
pub(crate) fn at<T>(member: &'static str, outcome: Outcome<T>) -> Outcome<T> {
    outcome.map_err(|fault| within(fault, Step::Member(member)))
}

/// Notes the item in whose inside something went wrong.
#[inline]
pub(crate) fn at_item<T>(index: usize, outcome: Outcome<T>) -> Outcome<T> {
    outcome.map_err(|fault| within(fault, Step::Item(index)))
}

#[cold]
fn within(mut fault: Box<Fault>, step: Step) -> Box<Fault> {
    fault.way.push(step);
    fault
}

/// Why a value cannot be encoded, or bytes or JSON not be decoded: where, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct AsnError {
    /// The way from the outermost type inwards, in the set's own names: `MessageFrame.bsmFrame.pos.lat`,
    /// `participants[3].speed`.
    pub path: String,
    /// What is wrong there.
    pub cause: Cause,
}

impl AsnError {
    #[cold]
    #[allow(clippy::boxed_local, reason = "faults travel boxed")]
    pub(crate) fn new(outermost: &str, fault: Box<Fault>) -> Self {
        let mut path = outermost.to_owned();
        for step in fault.way.iter().rev() {
            match step {
                Step::Member(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Step::Item(index) => path.push_str(&format!("[{index}]")),
            }
        }
        Self { path, cause: fault.cause }
    }
}

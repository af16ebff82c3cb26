//! Time and angle types that cannot be mixed up.
//!
//! Distances, speeds and the like are `f64` with their unit in the name (`range_m`, `speed_mps`). What the
//! field confuses most gets a type of its own: the kind of a time ([`Instant`], [`Utc`], [`MinuteOfYear`],
//! [`MilliOfMinute`]) and the kind of an angle ([`Yaw`], [`Heading`]).

mod angle;
mod time;

pub use angle::{Heading, Yaw, wrap_pi};
pub use time::{Instant, MilliOfMinute, MinuteOfYear, Now, Utc};

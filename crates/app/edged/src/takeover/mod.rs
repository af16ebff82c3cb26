//! A new process takes the place of a running one within a round of the brain, or the running one stays
//! (`docs/decisions/0025-takeover.md`).
//!
//! The new one starts beside the old one, checks all that it needs, and connects to its socket ([`Door`]). From then on the
//! old one passes on all that its brain is told ([`Heir`]), and the new one's brain follows without a word to anyone
//! ([`follow()`]). When it knows enough it says so; the old one stops to speak just after a round, leaves what listeners know
//! it by, lays down the one token of the [`Turn`], and waits for the word that the new one's first message has left. With that
//! word it lets go of its sockets, then of its spool, and ends. Without it, it takes the token back, says what it held back,
//! and goes on.

mod door;
mod follow;
mod heir;
mod turn;
mod words;

pub use door::socket_path;
pub use follow::take_over;

pub(crate) use door::{Claim, Door, Sockets};
pub(crate) use follow::{Followed, MAX_WAITING, follow, hello, tell_parent, wait_for_spool};
pub(crate) use heir::{FromHeir, Heir};
pub(crate) use turn::{Giver, Turn};
pub(crate) use words::{Reader, Word};

use std::time::Duration;

/// How long the new brain follows before it speaks: road users are known and stand still for sure by then.
pub(crate) const WARM_UP: Duration = Duration::from_secs(3);
/// The old one speaks again so long after its last round, a round's period, if the new one has not taken its turn by then.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);
/// The new one gives up when the old one says nothing for so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

//! Whether what a vehicle says of itself can be: the checks that follow the signature.
//!
//! A signature says who speaks, not that it is true. [`Plausibility`] looks at each verified report alone, against what
//! the same vehicle said before, and against what others say, and gives a [`Verdict`]:
//!
//! - [`Verdict::Reject`]: the report says what no vehicle can ([`Grade::Impossible`]), or its sender failed again and
//!   again. Do not use it.
//! - [`Verdict::Suspect`]: a check failed, or the sender failed lately. **Use it**: a car that brakes at 8 m/s², loses
//!   its satellites for a moment, or hits a wall looks just so, and its neighbours need to hear of it.
//! - [`Verdict::Accept`]: nothing to remark.
//!
//! A failure of [`Grade::Doubt`] adds one point to its sender, a drift against its own speed two; points leak away.
//! A sender is rejected while it has [`PlausibilityConfig::reject_points`] or more. Checks that honest traffic fails by
//! chance (sudden appearance, overlap) can add only a few points, so that they alone never reject; what is merely
//! unusual ([`Grade::Notice`]) adds none.
//!
//! The checks, and the names that the attacks have in the tests, follow F2MD (Kamel et al., Simulation Framework for
//! Misbehavior Detection in Vehicular Networks, IEEE TVT 2020): its `LegacyChecks.cc` and `F2MDParameters.h`. Its
//! thresholds are for simulated traffic without noise; where honest traffic would fail them, ours say so.

mod assessment;
mod checks;
mod config;
mod counts;
mod crowd;
mod known;
mod motion;
mod plausibility;
mod rectangle;
mod report;

pub use assessment::{Assessment, Check, Failure, Grade, Verdict};
pub use config::{ConfigError, PlausibilityConfig};
pub use counts::PlausibilityCounts;
pub use plausibility::Plausibility;
pub use report::MisbehaviourReport;

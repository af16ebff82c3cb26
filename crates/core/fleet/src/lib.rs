//! What a roadside node ought to run, and how a change of it goes out to many nodes.
//!
//! Pure: the cloud's daemon keeps both in its catalogue and sends them, the node's daemon takes documents on.

mod document;
mod rollout;

pub use document::{Condition, Document, DocumentError, MAX_CONDITIONS, MAX_DOCUMENT_BYTES, digest};
pub use rollout::{Input, MAX_SITES, Output, Phase, Plan, PlanError, Rollout, SiteState, Standing, Step};

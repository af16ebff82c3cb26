//! What one edge node tells another.

use crate::{SiteId, Track};
use jxz_units::Utc;

/// Road users that a node's own sources saw within the last second and that are, or soon will be, a neighbour's too.
#[derive(Debug, Clone, PartialEq)]
pub struct NeighbourTracks {
    /// Whose word it is.
    pub site: SiteId,
    /// Changes with each start of that node.
    pub boot: u64,
    /// Counts up within a boot, for each neighbour it speaks to; the parts of one word share it.
    pub sequence: u64,
    /// The time that every track's state is for.
    pub valid_at: Utc,
    /// The road users, or a part of them when they were split to fit datagrams.
    pub tracks: Vec<Track>,
}

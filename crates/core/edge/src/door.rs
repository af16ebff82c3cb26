//! What goes into the brain and what comes out.

use crate::guard::Verification;
use crate::{Configuration, Succession};
use jxz_hazard::HazardConfig;
use jxz_security::Verdict;
use jxz_v2x::Frame;
use jxz_world::{
    CongestionReport, Drops, JunctionSignals, NeighbourTracks, NodeState, Record, RoadReport, Scan, SiteId, SpoolHealth,
};

/// Something that happened outside.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// A checked scan of one of the site's sensors.
    Scan(Scan),
    /// A checked report of the site's signal controller.
    Signals(JunctionSignals),
    /// Bytes received over a radio channel, as they came.
    Radio(Vec<u8>),
    /// What came of an [`Output::Verify`]: its ticket, and the verdict; `None` when there was no room to verify it.
    Verified(u64, Option<Verdict>),
    /// A revocation list of the security authority, as it came.
    Revocations(Vec<u8>),
    /// A neighbouring node's word, from whom it says that it is.
    Neighbour(NeighbourTracks),
    /// A road condition near the site, from the cloud or a road-weather station; said anew it replaces the older word.
    RoadCondition(RoadReport),
    /// Congestion that the cloud found; said anew it replaces the older word about the link.
    Congestion(CongestionReport),
    /// Other switches and thresholds of the warnings, from the next round on; out of range, they change nothing.
    Hazard(Box<HazardConfig>),
    /// The cloud's configuration, from the next round on; out of range, it changes nothing.
    Configuration(Box<Configuration>),
    /// Take the place of a brain of the same site that was told the same, where it has stopped.
    Succession(Box<Succession>),
    /// How wrong the wall clock may be; replaces what was said before.
    ClockError(ClockError),
    /// How the links outside do; replaces what was said before.
    Links(LinkStatus),
    /// Nothing but the passing of time.
    Timer,
}

/// How wrong the wall clock may be, by the word of who disciplines it, and what to make of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockError {
    /// Its largest error, seconds; infinite if nobody disciplines it.
    pub error_s: f64,
    /// Beyond this the node serves less well than it should, seconds.
    pub limit_s: f64,
    /// Whether vehicles are told nothing then.
    pub hold: bool,
}

impl ClockError {
    /// Whether it is beyond what is put up with. An error that is no number is.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.error_s > self.limit_s || self.error_s.is_nan()
    }
}

/// What the daemon's links count, for the node's health.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinkStatus {
    /// Vehicles subscribed over 5G now.
    pub subscribers: u32,
    /// What ingest and the links dropped since the node started.
    pub drops: Drops,
    /// Must-arrive records on disk, if they are kept there.
    pub spool: Option<SpoolHealth>,
}

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Send to every vehicle in reach, over each channel.
    Broadcast(Frame),
    /// Verify a signature, on any thread, and answer with [`Input::Verified`].
    Verify(Verification),
    /// Send to the cloud while it is fresh.
    State(NodeState),
    /// Send to a neighbouring node while it is fresh (it is said anew after 200 ms).
    Neighbour {
        /// To whom.
        to: SiteId,
        /// Whom it should know of.
        tracks: NeighbourTracks,
    },
    /// Bring to the cloud, however long it takes.
    Record(Record),
}

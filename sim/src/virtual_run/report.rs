//! What a virtual run says of itself at its end.

use super::hand_over::HandOvers;
use crate::on_board::ByChannel;
use crate::radio::RadioReport;
use crate::scenario::IncidentKind;
use jxz_fusion::metrics::Score;
use jxz_world::{LatencyStage, WarningKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Percentiles of one stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Median, milliseconds.
    pub p50: f64,
    /// 99th percentile, milliseconds.
    pub p99: f64,
    /// How many were measured.
    pub count: u64,
}

/// Records from the nodes to the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MustArrive {
    /// Sent by the nodes.
    pub sent: u64,
    /// Taken by the cloud.
    pub acknowledged: u64,
    /// Neither taken nor still on their way.
    pub lost: u64,
}

/// How far the nodes' tracks are from the truth, over all sites twice a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    /// Mean GOSPA of a site's coverage (c = 5 m, p = 2), metres.
    pub gospa_m: Option<f64>,
    /// Root mean square position error of matches, metres.
    pub position_rmse_m: Option<f64>,
    /// Root mean square velocity error of matches, metres per second.
    pub velocity_rmse_mps: Option<f64>,
    /// Road users in coverage without a track, a site and frame.
    pub missed: Option<f64>,
    /// Tracks without a road user, a site and frame.
    pub false_tracks: Option<f64>,
}

impl From<Score> for Tracking {
    fn from(score: Score) -> Self {
        Self {
            gospa_m: score.gospa_m,
            position_rmse_m: score.position_rmse_m,
            velocity_rmse_mps: score.velocity_rmse_mps,
            missed: score.missed,
            false_tracks: score.false_tracks,
        }
    }
}

/// The report of a virtual run. Stages inside a brain take no virtual time: `latency_ms` has those that do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VirtualReport {
    /// The seed.
    pub seed: u64,
    /// Simulated seconds.
    pub seconds: f64,
    /// SHA-256 over all outputs.
    pub digest: String,
    /// Nodes that the cloud sees as up at the end.
    pub nodes_online: usize,
    /// Nodes of the map.
    pub nodes_total: usize,
    /// Vehicles and warnings by kind and channel, as shown.
    pub warnings: BTreeMap<WarningKind, ByChannel>,
    /// Delays by stage.
    pub latency_ms: BTreeMap<LatencyStage, Latency>,
    /// Records.
    pub must_arrive: MustArrive,
    /// What was dropped, by cause, on nodes, in vehicles and in the cloud.
    pub dropped: BTreeMap<String, u64>,
    /// Tracks against truth.
    pub tracks: Tracking,
    /// Road users that went from one site to the next, and how many of them kept their identity.
    pub hand_overs: HandOvers,
    /// What the channels carried and lost.
    pub radio: RadioReport,
    /// Road users at the end.
    pub road_users: usize,
    /// How often each kind of incident happened.
    pub incidents: BTreeMap<IncidentKind, u64>,
    /// Vehicles taken off the road because they stood for five minutes.
    pub removed_stuck: u64,
    /// Trips that could not begin.
    pub turned_away: u64,
}

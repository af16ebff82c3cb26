//! The status in JSON: a few numbers for a terminal, a script or a test.

use crate::brain::Moment;
use crate::frame::counts;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// `/api/v1/status`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Status {
    /// Cloud's UTC, RFC 3339.
    at: String,
    uptime_s: f64,
    version: &'static str,
    map_version: String,
    nodes_online: usize,
    nodes_total: usize,
    nodes: Vec<NodeRow>,
    /// Road users that are fresh or late.
    tracks: usize,
    /// Warnings alive now, by kind.
    warnings: BTreeMap<&'static str, u64>,
    /// Warnings raised since the cloud started, by kind.
    warnings_raised: BTreeMap<&'static str, u64>,
    /// Misbehaviour reports taken from nodes.
    misbehaviours: u64,
    latency_ms: BTreeMap<&'static str, LatencyRow>,
    dropped: BTreeMap<String, u64>,
    must_arrive: MustArrive,
}

#[derive(Debug, Serialize, JsonSchema)]
struct NodeRow {
    site: String,
    freshness: &'static str,
    connected: bool,
    tracks: usize,
    warnings: usize,
    /// `null`: never heard.
    last_heard_s: Option<f64>,
    delay_ms: Option<f64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LatencyRow {
    p50: f64,
    p99: f64,
    count: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MustArrive {
    /// Taken, each once.
    received: u64,
    /// On disk.
    stored: u64,
    /// Acknowledged, repeats included.
    acknowledged: u64,
    /// Came again.
    duplicates: u64,
    /// Known to exist and not here (yet).
    missing: u64,
    /// Whether the disk refuses records at present.
    storage_failing: bool,
}

impl Status {
    /// The status of a moment.
    pub(crate) fn of(moment: &Moment, map_version: &str) -> Self {
        let view = &moment.view;
        let latencies = view
            .latencies()
            .into_iter()
            .map(|row| (row.stage.name(), LatencyRow { p50: row.p50_ms, p99: row.p99_ms, count: row.count }));
        let nodes = view.nodes.iter().map(|node| NodeRow {
            site: node.site.0.clone(),
            freshness: node.freshness.name(),
            connected: node.connected,
            tracks: node.tracks,
            warnings: node.warnings,
            last_heard_s: node.last_heard.map(|at| view.at.seconds_since(at).max(0.0)),
            delay_ms: node.delay_s.map(|s| s * 1e3),
        });
        Self {
            at: view.at.to_string(),
            uptime_s: moment.uptime.as_secs_f64(),
            version: env!("CARGO_PKG_VERSION"),
            map_version: map_version.to_owned(),
            nodes_online: view.nodes_online(),
            nodes_total: view.nodes.len(),
            nodes: nodes.collect(),
            tracks: view.tracks_live(),
            warnings: view.warnings_by_kind().into_iter().map(|(kind, n)| (kind.name(), n as u64)).collect(),
            warnings_raised: view.counts.warnings_raised.iter().map(|(kind, n)| (kind.name(), *n)).collect(),
            misbehaviours: view.counts.misbehaviours,
            latency_ms: latencies.collect(),
            dropped: counts(&moment.dropped),
            must_arrive: MustArrive {
                received: view.counts.records,
                stored: moment.counters.records_stored,
                acknowledged: moment.counters.records_acknowledged,
                duplicates: view.counts.records_again,
                missing: view.records_missing(),
                storage_failing: moment.counters.record_log_failing,
            },
        }
    }
}

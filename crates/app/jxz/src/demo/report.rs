//! What the demo's report says.

use super::live::Outcome;
use super::screen::nodes;
use super::trouble::Survived;
use anyhow::Context;
use jxz_edged::{MustArrive, Status};
use jxz_sim::{ByChannel, Latency, Tracking};
use jxz_world::{Drops, LatencyBook, StageLatency, WarningKind};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The report, as `--report` writes it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    nodes_online: u64,
    nodes_total: u64,
    /// For how long the simulator ran.
    seconds: f64,
    /// Each vehicle and warning once on each channel.
    warnings: BTreeMap<&'static str, ByChannel>,
    latency_ms: BTreeMap<&'static str, Latency>,
    must_arrive: MustArriveReport,
    /// Signed messages that vehicles verified; one heard by many counts once.
    signed_messages_verified: u64,
    dropped: BTreeMap<&'static str, u64>,
    tracks: Tracking,
    /// With `--faults`.
    #[serde(skip_serializing_if = "Option::is_none")]
    survived: Option<Survived>,
}

#[derive(Debug, Serialize)]
struct MustArriveReport {
    sent: u64,
    acknowledged: u64,
    lost: u64,
    /// What the cloud says it has on disk; counts what came before the last status.
    stored_by_cloud: Option<u64>,
}

impl Report {
    /// Puts together what the cloud, the vehicles and each node counted.
    pub(super) fn of(
        cloud: Option<&Value>,
        vehicles: &Outcome,
        state_dirs: &[PathBuf],
        survived: Option<Survived>,
    ) -> anyhow::Result<Self> {
        // The cloud knows every site of the map; the demo's total is the nodes that it started.
        let (nodes_online, nodes_total) = (cloud.map_or(0, |status| nodes(status).0), state_dirs.len() as u64);
        let mut latencies = vehicles.latencies.clone();
        let mut dropped = vehicles.drops.clone();
        let mut must_arrive = MustArrive::default();
        for dir in state_dirs {
            let status = Status::read(dir).context("cannot learn what a node counted")?;
            latencies.merge(&status.latencies);
            dropped.merge(&status.dropped);
            must_arrive.sent += status.must_arrive.sent;
            must_arrive.acknowledged += status.must_arrive.acknowledged;
        }
        Ok(Self {
            nodes_online,
            nodes_total,
            seconds: vehicles.seconds,
            warnings: shown(vehicles),
            latency_ms: percentiles(&latencies),
            must_arrive: MustArriveReport {
                sent: must_arrive.sent,
                acknowledged: must_arrive.acknowledged,
                lost: must_arrive.sent.saturating_sub(must_arrive.acknowledged),
                stored_by_cloud: cloud.and_then(|c| c["must_arrive"]["stored"].as_u64()),
            },
            signed_messages_verified: vehicles.verified,
            dropped: by_name(&dropped),
            tracks: vehicles.tracking.into(),
            survived,
        })
    }
}

fn shown(vehicles: &Outcome) -> BTreeMap<&'static str, ByChannel> {
    let mut all: BTreeMap<_, _> = WarningKind::ALL.iter().map(|k| (k.name(), ByChannel::default())).collect();
    for &(kind, uu, pc5) in &vehicles.warnings {
        all.insert(kind, ByChannel { uu, pc5 });
    }
    all
}

fn percentiles(book: &LatencyBook) -> BTreeMap<&'static str, Latency> {
    let row = |l: StageLatency| (l.stage.name(), Latency { p50: l.p50_ms, p99: l.p99_ms, count: l.count });
    book.summary().into_iter().map(row).collect()
}

fn by_name(drops: &Drops) -> BTreeMap<&'static str, u64> {
    drops.iter().map(|(cause, n)| (cause.name(), n)).collect()
}

/// Stage, p50, p99 for the terminal: the nodes' stages as the cloud has them, the vehicles' from here.
pub(super) fn latencies(vehicles: &LatencyBook, cloud: Option<&Value>) -> Vec<(&'static str, f64, f64)> {
    let own = vehicles.summary();
    let mut rows = Vec::new();
    for stage in jxz_world::LatencyStage::ALL {
        let mine = own.iter().find(|l| l.stage == stage).map(|l| (l.p50_ms, l.p99_ms));
        let theirs = cloud.map(|c| &c["latency_ms"][stage.name()]);
        let theirs = theirs.and_then(|l| Some((l["p50"].as_f64()?, l["p99"].as_f64()?)));
        rows.extend(mine.or(theirs).map(|(p50, p99)| (stage.name(), p50, p99)));
    }
    rows
}

//! What a node says of itself to whoever stands beside it: a file in its state folder.

use crate::spool::RecordStats;
use anyhow::Context;
use jxz_blackbox::Stats;
use jxz_link::UplinkStats;
use jxz_world::{Drops, LatencyBook, Running, SiteId, SpoolHealth};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A node's status, as it writes it every second and once more when it stops.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Which site.
    pub site: SiteId,
    /// Milliseconds since the Unix epoch at which this was written.
    pub written_at_ms: i64,
    /// Seconds since the node started.
    pub uptime_s: f64,
    /// Whether the cloud has let the node in.
    pub cloud_connected: bool,
    /// Vehicles subscribed over 5G.
    pub subscribers: usize,
    /// Neighbouring nodes that this one can speak to.
    #[serde(default)]
    pub neighbours_reached: usize,
    /// What the node runs.
    #[serde(default)]
    pub running: Running,
    /// Records that must arrive.
    pub must_arrive: MustArrive,
    /// What the black box has; `None` if it is off.
    #[serde(default)]
    pub black_box: Option<Stats>,
    /// What was dropped since the start, by cause.
    pub dropped: Drops,
    /// How long the stages took since the start.
    pub latencies: LatencyBook,
}

/// Counts of must-arrive records since the start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MustArrive {
    /// Found in the spool at the start, or taken on since.
    pub sent: u64,
    /// Acknowledged by the cloud.
    pub acknowledged: u64,
    /// Not acknowledged yet.
    pub pending: u64,
    /// Refused by the cloud, or dropped for want of room, for age or for damage.
    pub lost: u64,
    /// Of this start's records, all up to this sequence number are on disk or have arrived.
    #[serde(default)]
    pub durable_sequence: u64,
    /// Which start.
    #[serde(default)]
    pub boot: u64,
    /// Found in the spool at the start.
    #[serde(default)]
    pub recovered: u64,
    /// What has not arrived.
    #[serde(default)]
    pub spool: SpoolHealth,
}

impl MustArrive {
    pub(crate) fn of(records: &RecordStats, uplink: &UplinkStats) -> Self {
        let dropped: u64 = records.drops.iter().map(|(_, n)| n).sum();
        Self {
            sent: records.sent(),
            acknowledged: uplink.acknowledged,
            pending: records.pending(),
            lost: dropped + uplink.refused,
            durable_sequence: records.durable_sequence,
            boot: records.boot,
            recovered: records.spool.recovered,
            spool: records.health(),
        }
    }
}

impl Status {
    fn path(state_dir: &Path) -> PathBuf {
        state_dir.join("status.json")
    }

    /// Writes it, in one step for whoever reads meanwhile.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, state_dir: &Path) -> anyhow::Result<()> {
        let path = Self::path(state_dir);
        let draft = path.with_extension("json.new");
        let text = serde_json::to_vec(self).context("cannot put the status into JSON")?;
        std::fs::write(&draft, text).with_context(|| format!("cannot write {}", draft.display()))?;
        std::fs::rename(&draft, &path).with_context(|| format!("cannot replace {}", path.display()))
    }

    /// Reads what a node wrote last.
    ///
    /// # Errors
    /// The node has not written one, or it is not readable.
    pub fn read(state_dir: &Path) -> anyhow::Result<Self> {
        let path = Self::path(state_dir);
        let text = std::fs::read(&path)
            .with_context(|| format!("cannot read {}: has this node been started?", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not a status of jxz-edge", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let missing = format!("{:#}", Status::read(folder.path()).unwrap_err());
        assert!(missing.contains("has this node been started?"), "{missing}");
        let must_arrive = MustArrive { sent: 5, acknowledged: 4, pending: 1, ..MustArrive::default() };
        let status = Status {
            site: SiteId("a".to_owned()),
            written_at_ms: 7,
            uptime_s: 1.5,
            cloud_connected: true,
            subscribers: 3,
            neighbours_reached: 2,
            running: Running::default(),
            must_arrive: must_arrive.clone(),
            black_box: None,
            dropped: Drops::default(),
            latencies: LatencyBook::default(),
        };
        status.write(folder.path()).unwrap();
        let back = Status::read(folder.path()).unwrap();
        assert_eq!((back.must_arrive, back.subscribers, back.neighbours_reached), (must_arrive, 3, 2));
    }
}

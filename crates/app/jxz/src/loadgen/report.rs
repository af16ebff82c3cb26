//! What was measured, in words and in JSON.

use super::fleet::{Counts, Fleet};
use super::gauge::Reading;
use super::memory::Memory;
use super::viewer::Seen;
use super::{TWIN_LIMIT_MS, VIEWER_LIMIT_MS};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// At least this share of the updates must arrive for a rate to be held.
const ARRIVE_SHARE: f64 = 0.99;
/// And at least this share of what was asked must have been made: else the generator was the limit.
const MADE_SHARE: f64 = 0.95;

/// One rate.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measured {
    /// States a second of each node, as asked.
    pub(super) hz: f64,
    seconds: f64,
    holds: bool,
    /// Nodes whose link stood at the end.
    connected: f64,
    /// Updates of road users a second: asked for, made by the generator, taken into the twin.
    asked_per_s: f64,
    made_per_s: f64,
    taken_per_s: f64,
    datagrams_per_s: f64,
    /// From a state's time to the twin: the upper edge of the class that the quantile is in, milliseconds.
    twin_p50_ms: Option<f64>,
    twin_p99_ms: Option<f64>,
    /// From a state's time to a console, milliseconds.
    viewer_p50_ms: Option<f64>,
    viewer_p99_ms: Option<f64>,
    viewer_frames_per_s: f64,
    /// Road users shown in a frame, on average; frames that could not be applied.
    viewer_shown: f64,
    viewer_refused: u64,
    viewer_mb_per_s: f64,
    /// Must-arrive records a second: made, on the cloud's disk.
    records_per_s: f64,
    records_stored_per_s: f64,
    /// Dropped in this stage by cause: by the links of the nodes, by the cloud.
    shed_by_nodes: BTreeMap<String, u64>,
    shed_by_cloud: BTreeMap<String, u64>,
    /// Datagrams that the cloud's system dropped before the cloud saw them.
    dropped_by_system: f64,
    /// Cores in use.
    cloud_cores: f64,
    generator_cores: f64,
    pub(super) memory: Option<Memory>,
}

/// The whole run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    nodes: u32,
    tracks_per_node: u32,
    /// The highest rate that was held, updates of road users a second.
    held_updates_per_s: Option<f64>,
    held_hz: Option<f64>,
    /// Over the run: must-arrive records made, acknowledged, and refused or given up.
    records: u64,
    records_acknowledged: u64,
    records_lost: u64,
    stages: Vec<Measured>,
}

impl Measured {
    pub(super) fn of(
        (hz, nodes): (f64, usize),
        seconds: f64,
        (before, after): (&Reading, &Reading),
        (sent_before, sent): (&Counts, &Counts),
        seen: &Seen,
    ) -> Self {
        let rate = |name: &str| (after.value(name) - before.value(name)) / seconds;
        let made_per_s = (sent.tracks - sent_before.tracks) as f64 / seconds;
        let per_state = sent.tracks as f64 / sent.states.max(1) as f64;
        let connected = after.by_label("jxz_cloud_node_connected", "site").values().sum::<f64>();
        let delays = difference(
            &before.by_label("jxz_cloud_state_delay_seconds_bucket", "le"),
            &after.by_label("jxz_cloud_state_delay_seconds_bucket", "le"),
        );
        let shed_by_cloud = difference(
            &before.by_label("jxz_cloud_dropped_total", "cause"),
            &after.by_label("jxz_cloud_dropped_total", "cause"),
        );
        let shed_by_nodes = sent.dropped.iter().map(|(cause, n)| {
            let earlier = sent_before.dropped.iter().find(|(c, _)| *c == cause).map_or(0, |(_, n)| n);
            (cause.name().to_owned(), n - earlier)
        });
        let quantile = |q| (!seen.age_ms.is_empty()).then(|| seen.age_ms.value_at_quantile(q) as f64);
        let mut measured = Self {
            hz,
            seconds,
            holds: false,
            connected,
            asked_per_s: hz * nodes as f64 * per_state,
            made_per_s,
            taken_per_s: rate("jxz_cloud_track_updates_received_total"),
            datagrams_per_s: rate("jxz_cloud_states_received_total"),
            twin_p50_ms: bucket_quantile_ms(&delays, 0.5),
            twin_p99_ms: bucket_quantile_ms(&delays, 0.99),
            viewer_p50_ms: quantile(0.5),
            viewer_p99_ms: quantile(0.99),
            viewer_frames_per_s: seen.frames as f64 / seconds,
            viewer_shown: seen.shown as f64 / seen.frames.max(1) as f64,
            viewer_refused: seen.refused,
            viewer_mb_per_s: seen.bytes as f64 / seconds / 1e6,
            records_per_s: (sent.records - sent_before.records) as f64 / seconds,
            records_stored_per_s: rate("jxz_cloud_records_stored_total"),
            shed_by_nodes: shed_by_nodes.filter(|(_, n)| *n > 0).collect(),
            shed_by_cloud: shed_by_cloud.into_iter().filter(|(_, n)| *n > 0.0).map(|(c, n)| (c, n as u64)).collect(),
            dropped_by_system: after.value("jxz_cloud_datagrams_dropped_by_system_total")
                - before.value("jxz_cloud_datagrams_dropped_by_system_total"),
            cloud_cores: rate("jxz_cloud_process_cpu_seconds_total"),
            generator_cores: sent.cpu.saturating_sub(sent_before.cpu).as_secs_f64() / seconds,
            memory: None,
        };
        measured.holds = measured.judge();
        measured
    }

    fn judge(&self) -> bool {
        self.twin_p99_ms.is_some_and(|ms| ms <= TWIN_LIMIT_MS)
            && self.viewer_p99_ms.is_none_or(|ms| ms <= VIEWER_LIMIT_MS)
            && self.viewer_refused == 0
            && self.made_per_s >= MADE_SHARE * self.asked_per_s
            && self.taken_per_s >= ARRIVE_SHARE * self.made_per_s
            && self.records_stored_per_s >= ARRIVE_SHARE * self.records_per_s
    }

    pub(super) const fn holds(&self) -> bool {
        self.holds
    }
}

/// What counters with labels counted between two readings.
fn difference(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    after.iter().map(|(label, n)| (label.clone(), n - before.get(label).copied().unwrap_or(0.0))).collect()
}

/// The upper edge, milliseconds, of the class of a cumulative histogram that a quantile is in; `None` if it is empty.
fn bucket_quantile_ms(cumulative: &BTreeMap<String, f64>, quantile: f64) -> Option<f64> {
    let edge = |le: &str| if le == "+Inf" { Some(f64::INFINITY) } else { le.parse().ok() };
    let mut classes: Vec<(f64, f64)> = cumulative.iter().filter_map(|(le, n)| Some((edge(le)?, *n))).collect();
    classes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total = classes.last().map(|(_, n)| *n).filter(|n| *n > 0.0)?;
    classes.iter().find(|(_, n)| *n >= quantile * total).map(|(edge_s, _)| edge_s * 1e3)
}

impl Report {
    pub(super) fn of(nodes: u32, tracks_per_node: u32, stages: Vec<Measured>, fleet: &Fleet) -> Self {
        let held = stages.iter().filter(|stage| stage.holds).max_by(|a, b| a.hz.total_cmp(&b.hz));
        let counts = fleet.counts();
        Self {
            nodes,
            tracks_per_node,
            held_updates_per_s: held.map(|stage| stage.taken_per_s),
            held_hz: held.map(|stage| stage.hz),
            records: counts.records,
            records_acknowledged: counts.acknowledged,
            records_lost: counts.records.saturating_sub(counts.acknowledged),
            stages,
        }
    }

    pub(super) fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.0}"));
        writeln!(out, "{} nodes, {} road users each", self.nodes, self.tracks_per_node)?;
        writeln!(
            out,
            "{:>6} {:>10} {:>10} {:>10} {:>13} {:>13} {:>9} {:>7} {:>7} {:>8}  holds",
            "Hz",
            "asked/s",
            "made/s",
            "taken/s",
            "twin p50/99",
            "viewer p50/99",
            "records/s",
            "cloud",
            "gen.",
            "in view"
        )?;
        for stage in &self.stages {
            writeln!(
                out,
                "{:>6.2} {:>10.0} {:>10.0} {:>10.0} {:>13} {:>13} {:>9.0} {:>7.2} {:>7.2} {:>8.0}  {}",
                stage.hz,
                stage.asked_per_s,
                stage.made_per_s,
                stage.taken_per_s,
                format!("{}/{} ms", ms(stage.twin_p50_ms), ms(stage.twin_p99_ms)),
                format!("{}/{} ms", ms(stage.viewer_p50_ms), ms(stage.viewer_p99_ms)),
                stage.records_stored_per_s,
                stage.cloud_cores,
                stage.generator_cores,
                stage.viewer_shown,
                if stage.holds { "yes" } else { "no" }
            )?;
            writeln!(
                out,
                "       consoles: {:.1} frames/s, {:.2} MB/s, {} refused",
                stage.viewer_frames_per_s, stage.viewer_mb_per_s, stage.viewer_refused
            )?;
            if let Some(memory) = stage.memory {
                writeln!(
                    out,
                    "       cloud's memory: {:.0} MiB at first, {:.0} at last, {:+.1} MiB a minute",
                    memory.first_mib, memory.last_mib, memory.slope_mib_per_min
                )?;
            }
            if stage.dropped_by_system > 0.0 {
                writeln!(out, "       dropped by the cloud's system: {} datagrams", stage.dropped_by_system)?;
            }
            for (who, shed) in [("nodes", &stage.shed_by_nodes), ("cloud", &stage.shed_by_cloud)] {
                for (cause, n) in shed {
                    writeln!(out, "       dropped by the {who}: {cause} {n}")?;
                }
            }
        }
        match (self.held_updates_per_s, self.held_hz) {
            (Some(rate), Some(hz)) => writeln!(out, "held: {rate:.0} updates of road users a second ({hz:.2} Hz)")?,
            _ => writeln!(out, "held: none of these rates")?,
        }
        writeln!(
            out,
            "records: {} made, {} acknowledged, {} not (warnings are among them)",
            self.records, self.records_acknowledged, self.records_lost
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_edge_of_its_class() {
        let classes = [("0.01", 50.0), ("0.2", 98.0), ("0.1", 90.0), ("+Inf", 100.0)];
        let classes = classes.map(|(le, n)| (le.to_owned(), n)).into();
        assert_eq!(bucket_quantile_ms(&classes, 0.5), Some(10.0));
        assert_eq!(bucket_quantile_ms(&classes, 0.98), Some(200.0));
        assert_eq!(bucket_quantile_ms(&classes, 0.99), Some(f64::INFINITY));
        assert_eq!(bucket_quantile_ms(&BTreeMap::new(), 0.5), None);
    }
}

//! The node's view of itself.

use crate::service::Watch;
use crate::{ClockError, LinkStatus};
use jxz_units::{Now, Utc};
use jxz_world::{Drops, LatencyBook, LatencyStage, NodeHealth, Running, Scan, SensorHealth, SensorId, SensorSpec};
use std::collections::BTreeMap;

/// Measures how long a stage takes. The brain has no clock of its own: the daemon lends it one for this only,
/// and no output but the health record depends on it.
pub trait Stopwatch: Send {
    /// Nanoseconds on any clock that does not go back.
    fn now_ns(&mut self) -> u64;
}

/// A stopwatch that always says zero, for virtual time.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStopwatch;

impl Stopwatch for NoStopwatch {
    fn now_ns(&mut self) -> u64 {
        0
    }
}

/// Counts since the node started.
pub(crate) struct Health {
    started: Now,
    sensors: BTreeMap<SensorId, SensorCount>,
    reported_at: Option<Utc>,
    pub(crate) latencies: LatencyBook,
    pub(crate) drops: Drops,
    pub(crate) links: LinkStatus,
    watch: Watch,
    clock_set: bool,
    pub(crate) clock_error: Option<ClockError>,
    stopwatch: Box<dyn Stopwatch>,
}

struct SensorCount {
    kind: jxz_world::SensorKind,
    last_scan_at: Option<Utc>,
    scans: u64,
}

impl Health {
    pub(crate) fn new(now: Now, sensors: &[SensorSpec], stopwatch: Box<dyn Stopwatch>) -> Self {
        let count = |spec: &SensorSpec| SensorCount { kind: spec.kind, last_scan_at: None, scans: 0 };
        Self {
            started: now,
            sensors: sensors.iter().map(|spec| (spec.id.clone(), count(spec))).collect(),
            reported_at: None,
            latencies: LatencyBook::default(),
            drops: Drops::default(),
            links: LinkStatus::default(),
            watch: Watch::default(),
            clock_set: false,
            clock_error: None,
            stopwatch,
        }
    }

    pub(crate) fn started(&self) -> Now {
        self.started
    }

    pub(crate) fn start(&mut self) -> u64 {
        self.stopwatch.now_ns()
    }

    pub(crate) fn stop(&mut self, stage: LatencyStage, started_ns: u64) {
        let elapsed = core::time::Duration::from_nanos(self.stopwatch.now_ns().saturating_sub(started_ns));
        self.latencies.record(stage, elapsed);
        if stage == LatencyStage::Fuse {
            self.watch.fused(elapsed);
        }
    }

    /// The wall clock was set, by so many seconds.
    pub(crate) fn clock_set(&mut self, moved_s: f64) {
        self.clock_set = true;
        // A rate over the time between two reports would be of two clocks.
        self.reported_at = None;
        for sensor in self.sensors.values_mut() {
            sensor.last_scan_at = sensor.last_scan_at.map(|at| at.plus_seconds(moved_s));
        }
    }

    pub(crate) fn scan_seen(&mut self, scan: &Scan) {
        if let Some(sensor) = self.sensors.get_mut(&scan.sensor) {
            sensor.last_scan_at = sensor.last_scan_at.max(Some(scan.valid_at));
            sensor.scans += 1;
        }
    }

    /// The report for this moment; scan rates count from the last one.
    pub(crate) fn report(
        &mut self,
        now: Now,
        versions: (&str, &str),
        running: Running,
        (tracks, warnings): (usize, usize),
    ) -> NodeHealth {
        let elapsed_s = self.reported_at.map(|at| now.utc.seconds_since(at)).filter(|s| *s > 0.0);
        self.reported_at = Some(now.utc);
        let sensors: Vec<SensorHealth> = self
            .sensors
            .iter_mut()
            .map(|(id, count)| {
                let scans = std::mem::take(&mut count.scans);
                SensorHealth {
                    id: id.clone(),
                    kind: count.kind,
                    last_scan_at: count.last_scan_at,
                    scans_per_s: elapsed_s.map(|s| scans as f64 / s),
                }
            })
            .collect();
        let mut drops = self.drops.clone();
        drops.merge(&self.links.drops);
        let uptime_s = now.mono.since(self.started.mono).as_secs_f64();
        let clock_set = std::mem::take(&mut self.clock_set);
        let clock_unsure = self.clock_error.is_some_and(|error| error.is_unsure());
        let service = self.watch.judge(now.utc, uptime_s, &sensors, &drops, (clock_set, clock_unsure));
        NodeHealth {
            at: now.utc,
            uptime_s,
            software_version: versions.0.to_owned(),
            map_version: versions.1.to_owned(),
            sensors,
            latencies: self.latencies.summary(),
            drops,
            tracks: u32::try_from(tracks).unwrap_or(u32::MAX),
            warnings: u32::try_from(warnings).unwrap_or(u32::MAX),
            subscribers: self.links.subscribers,
            spool: self.links.spool.clone(),
            service: Some(service),
            running,
        }
    }
}

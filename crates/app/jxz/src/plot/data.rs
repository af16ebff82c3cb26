//! What a plot takes from a recording.

use crate::record::topic;
use anyhow::{Context, bail};
use jxz_geo::Point;
use jxz_journal::Reader;
use jxz_map::Map;
use jxz_units::Utc;
use jxz_wire::node::v1 as node;
use jxz_wire::sensor::v1::SignalFrame;
use jxz_wire::sim::v1 as wire;
use jxz_world::{JunctionId, Light, PhaseId, RecordBody, SiteId, TrackId, WarningKind, WarningStage};
use std::collections::BTreeMap;
use std::path::Path;

/// Positions held at once; more than a plot can show.
const MOST_POINTS: usize = 4_000_000;
/// Truths are taken at most so often, seconds: finer than a line on paper.
const LEAST_STEP_S: f64 = 0.19;

/// A road user at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) at_s: f64,
    pub(super) position: Point,
    pub(super) yaw_rad: f64,
    pub(super) speed_mps: f64,
}

/// One road user's life, or one track's.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) motor: bool,
    pub(super) samples: Vec<Sample>,
}

/// A warning when it was raised.
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) position: Point,
    pub(super) kind: WarningKind,
}

/// A signal from one time to the next change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Showing {
    pub(super) from_s: f64,
    pub(super) light: Light,
}

/// What happened within a span of time, seconds from the run's start.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) run: wire::Run,
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    pub(super) truth: BTreeMap<u64, Life>,
    /// By site and its number there: what two sites see is two tracks.
    pub(super) tracks: BTreeMap<(SiteId, TrackId), Life>,
    pub(super) warnings: Vec<Raised>,
    pub(super) signals: BTreeMap<(JunctionId, PhaseId), Vec<Showing>>,
    points: usize,
    last_truth_s: f64,
}

impl Data {
    /// Reads what lies within the span; `to_s` beyond the end means the end.
    pub(super) fn read(path: &Path, map: &Map, from_s: f64, to_s: f64, tracks: bool) -> anyhow::Result<Self> {
        let mut reader = Reader::open(path)?;
        let first = reader.next().with_context(|| format!("recording {} is empty", path.display()))??;
        let run: wire::Run = first.decode().context("what it is of comes first in a recording of `jxz sim`")?;
        if run.map_version != map.version {
            let (recorded, given) = (&run.map_version, &map.version);
            bail!("{} is of map {recorded}, not {given}: name its folder with --map", path.display());
        }
        let mut data = Self {
            run,
            from_s,
            to_s: from_s,
            truth: BTreeMap::new(),
            tracks: BTreeMap::new(),
            warnings: Vec::new(),
            signals: BTreeMap::new(),
            points: 0,
            last_truth_s: f64::NEG_INFINITY,
        };
        let start = Utc::from_unix_ns(data.run.start_unix_ns);
        for entry in reader {
            let entry = entry?;
            let at_s = entry.published.seconds_since(start);
            if at_s < from_s || at_s > to_s {
                continue;
            }
            match entry.topic() {
                topic::TRUTH => data.take_truth(at_s, &entry.decode()?)?,
                topic::WARNINGS => data.take_record(entry.decode()?)?,
                name if name.starts_with(topic::SIGNALS) => data.take_signals(at_s, &entry.decode()?)?,
                name if tracks && name.starts_with(topic::SITES) && name.ends_with(topic::TRACKS) => {
                    data.take_state(start, entry.decode()?)?;
                }
                _ => {}
            }
        }
        if data.truth.is_empty() {
            bail!("{} has no truth from {from_s} to {to_s} s: look at --from and --to", path.display());
        }
        Ok(data)
    }

    fn take_truth(&mut self, at_s: f64, truth: &wire::Truth) -> anyhow::Result<()> {
        if at_s - self.last_truth_s < LEAST_STEP_S {
            return Ok(());
        }
        (self.last_truth_s, self.to_s) = (at_s, at_s);
        for user in &truth.road_users {
            let kind = user.kind();
            let life = self.truth.entry(user.id).or_default();
            life.motor = matches!(kind, wire::RoadUserKind::Car | wire::RoadUserKind::Bus | wire::RoadUserKind::Truck);
            life.samples.push(Sample {
                at_s,
                position: Point::new(user.east_m, user.north_m),
                yaw_rad: f64::from(user.yaw_rad),
                speed_mps: f64::from(user.east_mps).hypot(f64::from(user.north_mps)),
            });
        }
        self.hold(truth.road_users.len())
    }

    fn take_state(&mut self, start: Utc, state: node::NodeState) -> anyhow::Result<()> {
        let state = jxz_wire::state_from_wire(state)?;
        for track in &state.tracks {
            let life = self.tracks.entry((state.site.clone(), track.id)).or_default();
            life.samples.push(Sample {
                at_s: track.valid_at.seconds_since(start),
                position: track.position,
                yaw_rad: track.heading.map_or(0.0, |heading| heading.to_yaw().rad()),
                speed_mps: track.speed_mps(),
            });
        }
        self.hold(state.tracks.len())
    }

    fn take_record(&mut self, record: node::Record) -> anyhow::Result<()> {
        if let RecordBody::Warning(warning) = jxz_wire::record_from_wire(record)?.body
            && warning.stage == WarningStage::Raised
        {
            self.warnings.push(Raised { position: warning.place.at, kind: warning.kind() });
            self.hold(1)?;
        }
        Ok(())
    }

    fn take_signals(&mut self, at_s: f64, frame: &SignalFrame) -> anyhow::Result<()> {
        let signals = jxz_wire::signals_from_wire(frame)?;
        for phase in &signals.phases {
            let shown = self.signals.entry((signals.junction.clone(), phase.phase)).or_default();
            if shown.last().is_none_or(|last| last.light != phase.light) {
                shown.push(Showing { from_s: at_s, light: phase.light });
            }
        }
        Ok(())
    }

    fn hold(&mut self, more: usize) -> anyhow::Result<()> {
        self.points += more;
        if self.points > MOST_POINTS {
            bail!("more than {MOST_POINTS} positions: narrow the plot with --from and --to");
        }
        Ok(())
    }
}

//! `jxz sim --record`: everything that happens in a run, as an MCAP file.

mod black_box;
mod convert;
mod scene;
mod tape;

use anyhow::Context;
use jxz_map::Map;
use jxz_sim::{Observer, STEP, Shown, Transmission, TruthObject, VirtualIsland};
use jxz_units::{Now, Utc};
use jxz_wire::sim::v1::Run;
use jxz_world::{JunctionSignals, NodeState, Record, Scan, SiteId};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tape::Tape;

pub(crate) use black_box::BlackBoxes;
pub(crate) use tape::topic;

/// Truths a second at most: one a step.
const MOST_HZ: f64 = 20.0;

/// What is recorded.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "recording")]
pub(crate) struct Args {
    /// Record everything (truth, scans, tracks, messages, warnings, signals, what drivers were shown) into this MCAP
    /// file, for Foxglove and `jxz sim plot`.
    #[arg(long, value_name = "FILE.mcap")]
    record: Option<PathBuf>,
    /// Truths a second in the recording, 0.1 to 20; rounded to whole steps of 50 ms.
    #[arg(long, value_name = "HZ", default_value_t = 10.0)]
    record_rate: f64,
    /// Record every word to the brain of this site's node and what it said, as the node's black box does, for
    /// `jxz replay`; may be given for several sites.
    #[arg(long, value_name = "SITE=FILE.mcap")]
    black_box: Vec<black_box::Wanted>,
}

/// What a run is of.
pub(crate) struct Subject<'a> {
    pub(crate) map: &'a Arc<Map>,
    pub(crate) scenario: &'a Path,
    pub(crate) seed: u64,
    pub(crate) start: Utc,
    pub(crate) traffic: &'static str,
}

/// A recording in progress.
pub(crate) struct Recorder {
    path: PathBuf,
    tape: Arc<Mutex<Option<Tape>>>,
}

impl Args {
    /// Whether a recording was asked for.
    pub(crate) const fn is_on(&self) -> bool {
        self.record.is_some() || !self.black_box.is_empty()
    }

    /// Begins the black boxes that are asked for.
    pub(crate) fn begin_boxes(&self, island: &VirtualIsland) -> anyhow::Result<BlackBoxes> {
        BlackBoxes::begin(&self.black_box, island)
    }

    /// Begins the recording, if one is asked for.
    pub(crate) fn begin(&self, subject: &Subject<'_>) -> anyhow::Result<Option<Recorder>> {
        self.record.as_deref().map(|path| Recorder::begin(path, self.record_rate, subject)).transpose()
    }
}

impl Recorder {
    pub(crate) fn begin(path: &Path, rate_hz: f64, subject: &Subject<'_>) -> anyhow::Result<Self> {
        anyhow::ensure!(
            (0.1..=MOST_HZ).contains(&rate_hz),
            "--record-rate is {rate_hz}, must be from 0.1 to {MOST_HZ} truths a second"
        );
        let every = (1.0 / (rate_hz * STEP.as_secs_f64())).round().max(1.0) as u64;
        let origin = subject.map.frame.origin();
        let run = Run {
            scenario: subject.scenario.display().to_string(),
            seed: subject.seed,
            map_version: subject.map.version.clone(),
            origin_lat_deg: origin.lat_deg,
            origin_lon_deg: origin.lon_deg,
            start_unix_ns: subject.start.unix_ns(),
            traffic: subject.traffic.to_owned(),
            truth_hz: 1.0 / (every as f64 * STEP.as_secs_f64()),
        };
        let tape = Tape::begin(path, subject.map, &run, every)?;
        Ok(Self { path: path.to_owned(), tape: Arc::new(Mutex::new(Some(tape))) })
    }

    /// What is told of the run's events.
    pub(crate) fn tap(&self) -> Box<dyn Observer> {
        Box::new(Tap(Arc::clone(&self.tape)))
    }

    /// The first thing that went wrong, if anything did: to be asked after each step.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        tape.as_mut().map_or(Ok(()), Tape::check)
    }

    /// A line on how much there is.
    pub(crate) fn progress(&self) -> anyhow::Result<()> {
        let messages = self.tape.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Tape::written);
        let line = format!("recorded {messages} messages, {} on disk", self.size()?);
        writeln!(std::io::stderr(), "{line}").context("write progress")
    }

    /// Writes the recording's index and end, and says how large it is.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(tape) = tape else { return Ok(()) };
        let summary = tape.finish()?;
        let (messages, topics) = (summary.messages, summary.topics);
        let line =
            format!("recording {}: {messages} messages on {topics} topics, {}", self.path.display(), self.size()?);
        writeln!(std::io::stderr(), "{line}").context("write progress")
    }

    fn size(&self) -> anyhow::Result<String> {
        let file = std::fs::metadata(&self.path);
        let bytes = file.with_context(|| format!("cannot see the size of {}", self.path.display()))?.len();
        Ok(format!("{:.1} MB", bytes as f64 / 1e6))
    }
}

/// Hands a run's events to the tape.
struct Tap(Arc<Mutex<Option<Tape>>>);

impl Tap {
    fn tell(&self, what: impl FnOnce(&mut Tape) -> anyhow::Result<()>) {
        if let Some(tape) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            tape.take(what);
        }
    }
}

impl Observer for Tap {
    fn truth(&mut self, now: Now, truth: &[TruthObject]) {
        self.tell(|tape| tape.truth(now.utc, truth));
    }

    fn scan(&mut self, now: Now, site: &SiteId, scan: &Scan) {
        self.tell(|tape| tape.scan(now.utc, site, scan));
    }

    fn signals(&mut self, now: Now, signals: &JunctionSignals) {
        self.tell(|tape| tape.signals(now.utc, signals));
    }

    fn transmission(&mut self, now: Now, transmission: &Transmission<'_>) {
        self.tell(|tape| tape.transmission(now.utc, transmission));
    }

    fn state(&mut self, now: Now, state: &NodeState) {
        self.tell(|tape| tape.state(now.utc, state));
    }

    fn record(&mut self, now: Now, record: &Record) {
        self.tell(|tape| tape.record(now.utc, record));
    }

    fn shown(&mut self, now: Now, shown: &Shown) {
        self.tell(|tape| tape.shown(now.utc, shown));
    }
}

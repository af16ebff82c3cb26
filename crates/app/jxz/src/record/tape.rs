//! The topics of a run's recording, and what goes onto each.

use super::{convert, scene};
use anyhow::Context;
use core::time::Duration;
use jxz_journal::{Channel, JournalError, Summary, Writer};
use jxz_map::Map;
use jxz_sim::{Shown, Transmission, TruthObject};
use jxz_units::Utc;
use jxz_wire::foxglove::{GeoJson, SceneUpdate};
use jxz_wire::node::v1 as node;
use jxz_wire::sensor::v1::{ScanFrame, SignalFrame};
use jxz_wire::sim::v1 as wire;
use jxz_world::{JunctionId, JunctionSignals, NodeState, Record, RecordBody, Scan, SensorId, SiteId};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Names of topics.
pub(crate) mod topic {
    pub(crate) const RUN: &str = "/run";
    pub(crate) const TRUTH: &str = "/truth";
    pub(crate) const WARNINGS: &str = "/warnings";
    pub(crate) const HEALTH: &str = "/health";
    pub(crate) const MISBEHAVIOUR: &str = "/misbehaviour";
    pub(crate) const PC5: &str = "/messages/pc5";
    pub(crate) const UU: &str = "/messages/5g";
    pub(crate) const SHOWN: &str = "/on_board/shown";
    pub(crate) const SIGNALS: &str = "/signals/";
    pub(crate) const SITES: &str = "/sites/";
    pub(crate) const TRACKS: &str = "/tracks";
}

/// A run's recording.
pub(super) struct Tape {
    writer: Writer<BufWriter<File>>,
    truth: Channel<wire::Truth>,
    warnings: Channel<node::Record>,
    health: Channel<node::Record>,
    misbehaviour: Channel<node::Record>,
    pc5: Channel<wire::Transmission>,
    uu: Channel<wire::Transmission>,
    shown: Channel<wire::Shown>,
    scene_truth: Channel<SceneUpdate>,
    scene_tracks: Channel<SceneUpdate>,
    scene_warnings: Channel<SceneUpdate>,
    scans: BTreeMap<(SiteId, SensorId), Channel<ScanFrame>>,
    tracks: BTreeMap<SiteId, Channel<node::NodeState>>,
    signals: BTreeMap<JunctionId, (Channel<SignalFrame>, u32)>,
    /// A truth of so many is recorded.
    every: u64,
    truths: u64,
    lifetime: Duration,
    failed: Option<anyhow::Error>,
}

impl Tape {
    /// Begins a file with what it is of and the map.
    pub(super) fn begin(path: &Path, map: &Map, run: &wire::Run, every: u64) -> anyhow::Result<Self> {
        let mut writer = Writer::create(path)?;
        let start = Utc::from_unix_ns(run.start_unix_ns);
        let channel = writer.channel(topic::RUN)?;
        writer.write(&channel, start, start, run)?;
        let channel = writer.channel("/map")?;
        writer.write(&channel, start, start, &GeoJson { geojson: jxz_map::geojson(map) })?;
        let channel = writer.channel("/scene/map")?;
        writer.write(&channel, start, start, &scene::map(start, map))?;
        let mut tape = Self {
            truth: writer.channel(topic::TRUTH)?,
            warnings: writer.channel(topic::WARNINGS)?,
            health: writer.channel(topic::HEALTH)?,
            misbehaviour: writer.channel(topic::MISBEHAVIOUR)?,
            pc5: writer.channel(topic::PC5)?,
            uu: writer.channel(topic::UU)?,
            shown: writer.channel(topic::SHOWN)?,
            scene_truth: writer.channel("/scene/truth")?,
            scene_tracks: writer.channel("/scene/tracks")?,
            scene_warnings: writer.channel("/scene/warnings")?,
            scans: BTreeMap::new(),
            tracks: BTreeMap::new(),
            signals: BTreeMap::new(),
            every,
            truths: 0,
            // As long as the next one may take, and a little.
            lifetime: Duration::try_from_secs_f64(1.5 / run.truth_hz).unwrap_or_default(),
            failed: None,
            writer,
        };
        tape.open_topics(map)?;
        Ok(tape)
    }

    fn open_topics(&mut self, map: &Map) -> Result<(), JournalError> {
        for site in &map.sites {
            let name = format!("{}{}{}", topic::SITES, site.id, topic::TRACKS);
            self.tracks.insert(site.id.clone(), self.writer.channel(&name)?);
            for sensor in &site.sensors {
                let name = format!("{}{}/scans/{}", topic::SITES, site.id, sensor.id.0);
                self.scans.insert((site.id.clone(), sensor.id.clone()), self.writer.channel(&name)?);
            }
        }
        for junction in &map.junctions {
            let name = format!("{}{}", topic::SIGNALS, junction.id.0);
            self.signals.insert(junction.id.clone(), (self.writer.channel(&name)?, 0));
        }
        Ok(())
    }

    /// Takes something, unless something went wrong before.
    pub(super) fn take(&mut self, what: impl FnOnce(&mut Self) -> anyhow::Result<()>) {
        if self.failed.is_none() {
            self.failed = what(self).err();
        }
    }

    /// What went wrong, once.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    pub(super) fn written(&self) -> u64 {
        self.writer.written()
    }

    pub(super) fn finish(mut self) -> anyhow::Result<Summary> {
        self.check()?;
        Ok(self.writer.finish()?.0)
    }

    pub(super) fn truth(&mut self, at: Utc, truth: &[TruthObject]) -> anyhow::Result<()> {
        self.truths += 1;
        if !(self.truths - 1).is_multiple_of(self.every) {
            return Ok(());
        }
        self.writer.write(&self.truth, at, at, &convert::truth(at, truth))?;
        Ok(self.writer.write(&self.scene_truth, at, at, &scene::truth(at, truth, self.lifetime))?)
    }

    pub(super) fn scan(&mut self, at: Utc, site: &SiteId, scan: &Scan) -> anyhow::Result<()> {
        let channel = self.scans.get(&(site.clone(), scan.sensor.clone()));
        let channel = channel.with_context(|| format!("a scan of {site}, which has no sensor {}", scan.sensor.0))?;
        Ok(self.writer.write(channel, at, scan.valid_at, &jxz_wire::scan_to_wire(scan))?)
    }

    pub(super) fn signals(&mut self, at: Utc, signals: &JunctionSignals) -> anyhow::Result<()> {
        let entry = self.signals.get_mut(&signals.junction);
        let (channel, sequence) =
            entry.with_context(|| format!("signals of unknown junction {}", signals.junction.0))?;
        let frame = jxz_wire::signals_to_wire(signals, *sequence);
        *sequence = sequence.wrapping_add(1);
        Ok(self.writer.write(channel, at, signals.valid_at, &frame)?)
    }

    pub(super) fn transmission(&mut self, at: Utc, sent: &Transmission<'_>) -> anyhow::Result<()> {
        let channel = match sent.channel {
            jxz_sim::Channel::Pc5 => &self.pc5,
            jxz_sim::Channel::Uu => &self.uu,
        };
        Ok(self.writer.write(channel, at, at, &convert::transmission(at, sent))?)
    }

    pub(super) fn state(&mut self, at: Utc, state: &NodeState) -> anyhow::Result<()> {
        let channel = self.tracks.get(&state.site);
        let channel = channel.with_context(|| format!("a state of unknown site {}", state.site))?;
        self.writer.write(channel, at, state.valid_at, &jxz_wire::state_to_wire(state))?;
        Ok(self.writer.write(&self.scene_tracks, at, state.valid_at, &scene::tracks(state))?)
    }

    pub(super) fn record(&mut self, at: Utc, record: &Record) -> anyhow::Result<()> {
        let channel = match &record.body {
            RecordBody::Warning(_) => &self.warnings,
            RecordBody::Health(_) => &self.health,
            RecordBody::Misbehaviour(_) => &self.misbehaviour,
        };
        self.writer.write(channel, at, at, &jxz_wire::record_to_wire(record))?;
        if let RecordBody::Warning(warning) = &record.body {
            self.writer.write(&self.scene_warnings, at, at, &scene::warning(at, warning))?;
        }
        Ok(())
    }

    pub(super) fn shown(&mut self, at: Utc, shown: &Shown) -> anyhow::Result<()> {
        Ok(self.writer.write(&self.shown, at, at, &convert::shown(at, shown))?)
    }
}

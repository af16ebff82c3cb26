//! The node's black box: settings, and the way of every word to the brain past it.

use crate::Config;
use anyhow::Context;
use jxz_blackbox::{BlackBox as Black, Handled, Readings, Settings, Stats};
use jxz_edge::{Edge, Input, Output, Stopwatch};
use jxz_units::Now;
use jxz_world::{DropCause, Drops};
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What is recorded, and how much of it is kept.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlackBox {
    /// Whether anything is.
    pub enabled: bool,
    /// Most of the ring, megabytes; the oldest minute goes first.
    pub max_mb: u64,
    /// How far back the ring reaches, minutes.
    pub max_minutes: u64,
    /// Most clips around urgent warnings; the oldest goes first.
    pub max_clips: usize,
    /// Most of all clips, megabytes; the oldest goes first.
    pub max_clips_mb: u64,
    /// How much before an urgent warning is in its clip, seconds.
    pub before_s: u64,
    /// How much after it, seconds.
    pub after_s: u64,
}

impl Default for BlackBox {
    fn default() -> Self {
        Self {
            enabled: true,
            max_mb: 1024,
            max_minutes: 720,
            max_clips: 100,
            max_clips_mb: 256,
            before_s: 20,
            after_s: 10,
        }
    }
}

impl BlackBox {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let within = |name: &str, value: u64, range: RangeInclusive<u64>| {
            let (least, most) = (range.start(), range.end());
            anyhow::ensure!(range.contains(&value), "black_box.{name} is {value}; {least} to {most} are possible");
            Ok(())
        };
        within("max_mb", self.max_mb, 8..=1_000_000)?;
        within("max_minutes", self.max_minutes, 1..=100_000)?;
        within("max_clips", self.max_clips as u64, 1..=10_000)?;
        within("max_clips_mb", self.max_clips_mb, 8..=1_000_000)?;
        within("before_s", self.before_s, 0..=60)?;
        within("after_s", self.after_s, 0..=60)
    }

    fn settings(&self, config: &Config) -> Settings {
        Settings {
            max_bytes: self.max_mb << 20,
            max_age: Duration::from_secs(self.max_minutes * 60),
            max_clips: self.max_clips,
            max_clip_bytes: self.max_clips_mb << 20,
            before: Duration::from_secs(self.before_s),
            after: Duration::from_secs(self.after_s),
            ..Settings::new(config.state_dir.join("black_box"))
        }
    }
}

/// Stands between the node and its brain.
pub(crate) struct Recorder {
    black_box: Option<Black>,
    readings: Readings,
}

impl Recorder {
    /// The brain's stopwatch, whose readings are recorded too.
    pub(crate) fn stopwatch(clock: impl Stopwatch + 'static) -> (Box<dyn Stopwatch>, Readings) {
        jxz_blackbox::measured(Box::new(clock))
    }

    /// Starts to record a brain that was just made, if that is configured.
    pub(crate) fn start(config: &Config, edge: &Edge, readings: Readings) -> anyhow::Result<Self> {
        let start = || Black::start(config.black_box.settings(config), jxz_blackbox::head_of(edge, true));
        let black_box = config.black_box.enabled.then(start).transpose().context("cannot start the black box")?;
        Ok(Self { black_box, readings })
    }

    /// Tells the brain something, records it, and gives what the brain says to it.
    pub(crate) fn handle(&mut self, edge: &mut Edge, now: Now, input: Input) -> Vec<Output> {
        let noted = self.black_box.is_some().then(|| input.clone());
        edge.handle(now, input);
        let outputs: Vec<Output> = std::iter::from_fn(|| edge.poll()).collect();
        let readings = self.readings.take();
        if let (Some(black_box), Some(input)) = (&mut self.black_box, noted) {
            black_box.record(Handled { now, input, readings, outputs: outputs.clone() });
        }
        outputs
    }

    pub(crate) fn stats(&self) -> Option<Stats> {
        self.black_box.as_ref().map(Black::stats)
    }

    /// Words that could not be kept.
    pub(crate) fn drops(&self) -> Drops {
        let mut drops = Drops::default();
        if let Some(stats) = self.stats() {
            drops.add(DropCause::BlackBoxGap, stats.dropped + stats.lost);
        }
        drops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_make_no_sense_are_refused_by_name() {
        let none = BlackBox { max_mb: 0, ..BlackBox::default() };
        assert!(none.check().unwrap_err().to_string().contains("black_box.max_mb is 0; 8 to 1000000"));
        BlackBox::default().check().unwrap();
    }
}

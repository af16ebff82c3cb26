//! What the recorder's thread does with each step.

use crate::clip::Clips;
use crate::error::BlackBoxError;
use crate::recorder::{Settings, Stats};
use crate::ring::Ring;
use crate::transcript::{Handled, Transcript, Written};
use jxz_units::{Instant, Now};
use jxz_wire::journal::v1 as wire;
use jxz_wire::journal::v1::step::Input;
use std::collections::BTreeMap;
use std::time::Duration;

/// After the disk has failed, it is tried again after this.
const RETRY: Duration = Duration::from_secs(5);
/// Road conditions, and words of congestion, that are told again at the beginning of a file; of more, those told longest ago are left out.
const MAX_CONDITIONS: usize = 256;

/// Words that hold until they are said anew: a file that begins in the middle tells them first.
#[derive(Default)]
struct Standing {
    hazard: Option<wire::Step>,
    configuration: Option<wire::Step>,
    links: Option<wire::Step>,
    clock: Option<wire::Step>,
    /// By whom they are of is written inside: the last few of any authority.
    revocations: Vec<wire::Step>,
    conditions: BTreeMap<u64, wire::Step>,
    /// By link.
    congestion: BTreeMap<String, wire::Step>,
}

/// A node has a few authorities.
const MAX_REVOCATIONS: usize = 4;

impl Standing {
    fn note(&mut self, step: &wire::Step) {
        // What came out then is not said again.
        let bare = || wire::Step { outputs: Vec::new(), kinds: Vec::new(), readings_ns: Vec::new(), ..step.clone() };
        match &step.input {
            // Each has all of the warnings' settings; a configuration has more beside.
            Some(Input::Hazard(_)) => self.hazard = Some(bare()),
            Some(Input::Configuration(_)) => (self.configuration, self.hazard) = (Some(bare()), None),
            Some(Input::Links(_)) => self.links = Some(bare()),
            Some(Input::ClockError(_)) => self.clock = Some(bare()),
            Some(Input::Revocations(_)) => {
                self.revocations.push(bare());
                if self.revocations.len() > MAX_REVOCATIONS {
                    self.revocations.remove(0);
                }
            }
            Some(Input::RoadCondition(condition)) => hold(&mut self.conditions, condition.id, bare()),
            Some(Input::Congestion(report)) => hold(&mut self.congestion, report.link.clone(), bare()),
            _ => {}
        }
    }

    fn steps(&self, now: Now) -> Vec<wire::Step> {
        let holds = |step: &&wire::Step| match &step.input {
            Some(Input::RoadCondition(condition)) => condition.valid_until_ns >= now.utc.unix_ns(),
            Some(Input::Congestion(report)) => report.valid_until_ns >= now.utc.unix_ns(),
            _ => true,
        };
        let many = self.conditions.values().chain(self.congestion.values()).filter(holds);
        let once = self
            .configuration
            .iter()
            .chain(&self.hazard)
            .chain(&self.links)
            .chain(&self.clock)
            .chain(&self.revocations);
        let mut steps: Vec<wire::Step> = once.chain(many).cloned().collect();
        steps.sort_by_key(|step| step.number);
        steps
    }
}

/// Holds a word in place of the one before; of too many, the one told longest ago goes.
fn hold<K: Ord>(words: &mut BTreeMap<K, wire::Step>, key: K, step: wire::Step) {
    words.insert(key, step);
    if words.len() > MAX_CONDITIONS
        && let Some(oldest) = words.values().map(|step| step.number).min()
    {
        words.retain(|_, step| step.number != oldest);
    }
}

/// Both folders, and what is counted.
pub(crate) struct Store {
    settings: Settings,
    head: wire::Head,
    transcript: Transcript,
    standing: Standing,
    ring: Option<Ring>,
    clips: Option<Clips>,
    /// The next step's number if none is missing.
    expected: u64,
    /// Steps that are missing since the last one written, and why.
    gap: Option<wire::Gap>,
    part: u64,
    retry_at: Option<Instant>,
    last: Option<Now>,
    stats: Stats,
}

impl Store {
    pub(crate) fn new(settings: Settings, head: wire::Head) -> Self {
        Self {
            transcript: Transcript::new(&head),
            standing: Standing::default(),
            ring: None,
            clips: None,
            expected: 0,
            gap: None,
            part: 0,
            retry_at: None,
            last: None,
            stats: Stats::default(),
            settings,
            head,
        }
    }

    pub(crate) fn take(&mut self, number: u64, handled: &Handled) {
        self.last = Some(handled.now);
        if number > self.expected {
            self.note_gap(self.expected, number - self.expected, "queue");
        }
        self.expected = number + 1;
        let Some(step) = self.transcript.step(number, handled) else {
            self.note_gap(number, 1, "unknown input");
            return;
        };
        if self.retry_at.is_some_and(|at| handled.now.mono < at) {
            self.lose(number);
        } else if let Err(error) = self.write(&step, handled) {
            self.retry_at = Some(handled.now.mono + RETRY);
            self.fail(&error);
            self.lose(number);
        }
        self.count();
    }

    fn write(&mut self, step: &wire::Step, handled: &Handled) -> Result<(), BlackBoxError> {
        self.standing.note(step);
        let step = Written::new(step, handled);
        if self.retry_at.take().is_some() {
            self.stats.last_error = None;
        }
        let ring = match &mut self.ring {
            Some(ring) => ring,
            None => self.ring.insert(Ring::open(&self.settings, self.head.clone(), self.part)?),
        };
        let standing = &self.standing;
        let before = || standing.steps(handled.now);
        let written = ring.write(&step, (&self.transcript, &before, self.gap.as_ref()));
        self.part = ring.part();
        written?;
        self.gap = None;
        self.stats.steps += 1;
        let clips = match &mut self.clips {
            Some(clips) => clips,
            None => self.clips.insert(Clips::open(&self.settings, self.head.clone())?),
        };
        // The ring has it: a clip that fails is an error, and no step is lost.
        if let Err(error) = clips.take(&step, &before) {
            self.fail(&error);
        }
        Ok(())
    }

    fn fail(&mut self, error: &BlackBoxError) {
        tracing::warn!(%error, "black box");
        self.stats.errors += 1;
        self.stats.last_error = Some(error.to_string());
    }

    fn lose(&mut self, number: u64) {
        self.stats.lost += 1;
        self.note_gap(number, 1, "disk");
    }

    fn note_gap(&mut self, first: u64, count: u64, why: &str) {
        match &mut self.gap {
            Some(gap) => gap.count = (first + count).saturating_sub(gap.first),
            None => self.gap = Some(wire::Gap { first, count, why: why.to_owned() }),
        }
    }

    fn count(&mut self) {
        if let Some(ring) = &self.ring {
            (self.stats.files, self.stats.bytes, self.stats.deleted) = ring.counts();
        }
        if let Some(clips) = &self.clips {
            (self.stats.clips, self.stats.clip_bytes, self.stats.clips_deleted) = clips.counts();
        }
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Seals and ends both files.
    pub(crate) fn close(&mut self) {
        let Some(now) = self.last else { return };
        let seal = self.transcript.seal(self.expected);
        let ended = [
            self.ring.as_mut().map_or(Ok(()), |ring| ring.close(now, &seal)),
            self.clips.as_mut().map_or(Ok(()), |clips| clips.close(now.utc)),
        ];
        for error in ended.into_iter().filter_map(Result::err) {
            self.fail(&error);
        }
        self.count();
    }
}

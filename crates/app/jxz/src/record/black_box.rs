//! `jxz sim --black-box`: the black box that a site's node would write, in virtual time.

use anyhow::{Context, bail};
use jxz_blackbox::{Handled, Tape, head_of};
use jxz_edge::{Input, Output};
use jxz_sim::{Observer, Shown, Transmission, TruthObject, VirtualIsland};
use jxz_units::Now;
use jxz_world::{JunctionSignals, NodeState, Record, Scan, SiteId};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A site and where its black box goes.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    site: SiteId,
    file: PathBuf,
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((site, file)) if !site.is_empty() && !file.is_empty() => {
                Ok(Self { site: SiteId(site.to_owned()), file: file.into() })
            }
            _ => Err(format!("{text:?} is not SITE=FILE")),
        }
    }
}

struct Running {
    wanted: Wanted,
    tape: Tape<BufWriter<File>>,
    steps: u64,
}

#[derive(Default)]
struct Shared {
    running: Vec<Running>,
    failed: Option<anyhow::Error>,
}

/// Black boxes being written.
pub(crate) struct BlackBoxes(Arc<Mutex<Shared>>);

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BlackBoxes {
    /// Begins each; the island has not begun yet.
    pub(crate) fn begin(wanted: &[Wanted], island: &VirtualIsland) -> anyhow::Result<Self> {
        let mut shared = Shared::default();
        for wanted in wanted {
            let Some(brain) = island.brain(&wanted.site) else {
                let sites: Vec<&str> = island.simulation().map().sites.iter().map(|site| site.id.0.as_str()).collect();
                bail!("--black-box: there is no site {}; there are {}", wanted.site, sites.join(", "));
            };
            let tape = Tape::create(&wanted.file, &head_of(brain, false))?;
            shared.running.push(Running { wanted: wanted.clone(), tape, steps: 0 });
        }
        Ok(Self(Arc::new(Mutex::new(shared))))
    }

    /// The island with the black boxes, and whoever else watches, looking on.
    pub(crate) fn watch(&self, island: VirtualIsland, beside: Option<Box<dyn Observer>>) -> VirtualIsland {
        let running: Vec<SiteId> = lock(&self.0).running.iter().map(|running| running.wanted.site.clone()).collect();
        match (running.is_empty(), beside) {
            (true, None) => island,
            (true, Some(beside)) => island.observed_by(beside),
            (false, beside) => {
                island.observed_by(Box::new(Ear { sites: running, shared: Arc::clone(&self.0), beside }))
            }
        }
    }

    /// The first thing that went wrong, if anything did: to be asked after each step.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        lock(&self.0).failed.take().map_or(Ok(()), Err)
    }

    /// Ends the files and says what is in them.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.check()?;
        for Running { wanted: Wanted { site, file }, tape, steps } in std::mem::take(&mut lock(&self.0).running) {
            let (seal, _) = tape.finish()?;
            let digest: String = seal.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let bytes = std::fs::metadata(&file).with_context(|| format!("cannot see {}", file.display()))?.len();
            let (file, outputs, size_mb) = (file.display(), seal.outputs, bytes as f64 / 1e6);
            let line =
                format!("black box of {site} {file}: {steps} inputs, {outputs} outputs, {size_mb:.1} MB, {digest}");
            writeln!(std::io::stderr(), "{line}").context("write progress")?;
        }
        Ok(())
    }
}

/// Hears the brains, and lets another observer see everything else.
struct Ear {
    sites: Vec<SiteId>,
    shared: Arc<Mutex<Shared>>,
    beside: Option<Box<dyn Observer>>,
}

impl Observer for Ear {
    fn truth(&mut self, now: Now, truth: &[TruthObject]) {
        self.beside.iter_mut().for_each(|beside| beside.truth(now, truth));
    }

    fn scan(&mut self, now: Now, site: &SiteId, scan: &Scan) {
        self.beside.iter_mut().for_each(|beside| beside.scan(now, site, scan));
    }

    fn signals(&mut self, now: Now, signals: &JunctionSignals) {
        self.beside.iter_mut().for_each(|beside| beside.signals(now, signals));
    }

    fn transmission(&mut self, now: Now, transmission: &Transmission<'_>) {
        self.beside.iter_mut().for_each(|beside| beside.transmission(now, transmission));
    }

    fn state(&mut self, now: Now, state: &NodeState) {
        self.beside.iter_mut().for_each(|beside| beside.state(now, state));
    }

    fn record(&mut self, now: Now, record: &Record) {
        self.beside.iter_mut().for_each(|beside| beside.record(now, record));
    }

    fn shown(&mut self, now: Now, shown: &Shown) {
        self.beside.iter_mut().for_each(|beside| beside.shown(now, shown));
    }

    fn hears_brain(&self, site: &SiteId) -> bool {
        self.sites.contains(site)
    }

    fn handled(&mut self, now: Now, site: &SiteId, input: Input, outputs: Vec<Output>) {
        let shared = &mut *lock(&self.shared);
        let Some(running) = shared.running.iter_mut().find(|running| running.wanted.site == *site) else { return };
        running.steps += 1;
        if let Err(error) = running.tape.take(&Handled { now, input, readings: Vec::new(), outputs }) {
            shared.failed.get_or_insert(error.into());
        }
    }
}

//! The brain with what it needs of the machine whether it speaks to the world or not: clocks, black box, verifiers.

use crate::Config;
use crate::black_box::Recorder;
use crate::clock::{ClockLook, Kernel};
use anyhow::Context;
use jxz_edge::{Edge, EdgeConfig, Input, Output, Security, Stopwatch, Verification};
use jxz_link::{VerifyPool, load_signer, load_trust, utc_now};
use jxz_map::Map;
use jxz_security::{QueueConfig, ReceiverConfig, Verdict};
use jxz_units::{Instant, Now};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// A longer revocation list is not read: 10,000 entries fit.
const MAX_REVOCATIONS_BYTES: u64 = 1 << 20;

/// The machine's clocks, counted from the start of the node.
#[derive(Clone, Copy)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    pub(crate) fn now(self) -> Now {
        Now { mono: Instant::ZERO + self.0.elapsed(), utc: utc_now() }
    }

    fn at(self, instant: Instant) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.0 + instant.since(Instant::ZERO))
    }
}

impl Stopwatch for Clock {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The revocation list, a file that another replaces.
struct Revocations {
    path: PathBuf,
    read: Option<SystemTime>,
}

impl Revocations {
    fn beside(pki: &Path) -> Self {
        Self { path: pki.join("messages").join("revocations"), read: None }
    }

    /// The list, if the file has changed since it was last read; no file, no list.
    fn changed(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let modified = Some(metadata.modified()?);
        if modified == self.read || metadata.len() > MAX_REVOCATIONS_BYTES {
            return Ok(None);
        }
        let list = std::fs::read(&self.path)?;
        self.read = modified;
        Ok(Some(list))
    }
}

/// The brain, its clocks, its black box and the threads that verify for it.
pub(crate) struct Brain {
    pub(crate) clock: Clock,
    pub(crate) edge: Edge,
    pub(crate) black_box: Recorder,
    pub(crate) boot: u64,
    pub(crate) state_ttl: Duration,
    /// Rounds since the start: each gives one state.
    pub(crate) rounds: u64,
    verifiers: VerifyPool<u64>,
    verdicts: mpsc::Receiver<(Verdict, u64)>,
    revocations: Revocations,
    clock_look: Option<ClockLook>,
}

impl Brain {
    /// Makes it from what is on disk; opens no socket.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let map = Map::load(&config.map).with_context(|| format!("cannot load the map {}", config.map.display()))?;
        std::fs::create_dir_all(&config.state_dir)
            .with_context(|| format!("cannot make the state folder {}", config.state_dir.display()))?;
        let clock = Clock(std::time::Instant::now());
        let now = clock.now();
        // The start's time tells one boot from the next, and starts the message counters at an arbitrary number.
        let boot = u64::try_from(now.utc.unix_ms()).unwrap_or(0);
        let settings = EdgeConfig {
            boot,
            hazard: config.hazard.clone(),
            profile: config.profile,
            share_sensors: config.share_sensors,
            ..EdgeConfig::default()
        };
        let state_ttl = Duration::from_secs_f64(settings.state_valid_s);
        let (stopwatch, readings) = Recorder::stopwatch(clock);
        let mut edge = Edge::new(now, Arc::new(map), &config.site, settings, stopwatch)?;
        if config.security.enabled {
            let security = Security {
                signer: load_signer(&config.pki.dir, &config.site)
                    .context("cannot load what the node signs with (`jxz pki make` makes it)")?,
                trust: load_trust(&config.pki.dir).context("cannot load whose messages to believe")?,
                receiver: ReceiverConfig::default(),
            };
            edge = edge.secured(security);
        }
        let black_box = Recorder::start(config, &edge, readings)?;
        let (verifiers, verdicts) = VerifyPool::start(config.security.verifiers, QueueConfig::default())
            .context("cannot start the threads that verify signatures")?;
        let revocations = Revocations::beside(&config.pki.dir);
        let clock_look = config.clock.map(|settings| ClockLook::new(settings, Box::new(Kernel)));
        Ok(Self { clock, edge, black_box, boot, state_ttl, rounds: 0, verifiers, verdicts, revocations, clock_look })
    }

    /// Tells the brain something, and gives what it says to that. Signatures to be verified are with the threads then.
    pub(crate) fn tell(&mut self, input: Input) -> Vec<Output> {
        let (mut waiting, mut said) = (VecDeque::from([input]), Vec::new());
        while let Some(input) = waiting.pop_front() {
            for output in self.black_box.handle(&mut self.edge, self.clock.now(), input) {
                match output {
                    Output::Verify(verification) => waiting.extend(self.verify(verification)),
                    Output::State(_) => {
                        self.rounds += 1;
                        said.push(output);
                    }
                    _ => said.push(output),
                }
            }
        }
        said
    }

    /// Hands a signature to the threads; what found no room is to be told to the brain at once.
    fn verify(&mut self, verification: Verification) -> Option<Input> {
        let dropped = self.verifiers.submit(verification.job, verification.ticket)?;
        Some(Input::Verified(dropped, None))
    }

    /// The next thing that the brain is to be told of by itself: a verdict, or that its time has come. Safe to cancel.
    pub(crate) async fn due(&mut self) -> Input {
        let deadline = self.edge.next_deadline().map(|at| self.clock.at(at));
        let timer = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some((verdict, ticket)) = self.verdicts.recv() => Input::Verified(ticket, Some(verdict)),
            () = timer => Input::Timer,
        }
    }

    /// What of the machine the brain is to be told: another revocation list, the clock's error. To be asked once a second.
    pub(crate) fn look(&mut self) -> impl Iterator<Item = Input> + use<> {
        let list = match self.revocations.changed() {
            Ok(list) => list.map(Input::Revocations),
            Err(error) => {
                tracing::warn!(%error, path = %self.revocations.path.display(), "read the revocation list");
                None
            }
        };
        let clock = self.clock_look.as_mut().and_then(|look| look.look(std::time::Instant::now()));
        list.into_iter().chain(clock)
    }
}

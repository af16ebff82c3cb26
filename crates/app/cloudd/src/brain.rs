//! The task that owns the twin: feeds it, does what it asks, and publishes what it shows.

use crate::keep::{Keeper, Kept};
use crate::picture::Picture;
use crate::places::Places;
use crate::record_log::Entry;
use crate::stats::{Counters, Stats};
use crate::stop::Stop;
use crate::teller::Teller;
use jxz_cloud::{Cloud, Freshness, Input, Output, View};
use jxz_link::{AckToken, FromNode, NodeListener, utc_now};
use jxz_trace::{Span, Step, Tracer};
use jxz_units::Now;
use jxz_world::{Drops, Record, RecordBody, WarningId, WarningStage};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// How often the twin is published.
pub(crate) const PUBLISH_EVERY: Duration = Duration::from_millis(100);

/// Events taken between two looks at the clock: about a millisecond's work.
const AT_ONCE: usize = 256;

/// The twin as published, with what the daemon knows beside it.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// Counts up by one a moment.
    pub(crate) number: u64,
    /// Since the daemon started.
    pub(crate) uptime: Duration,
    /// The daemon's own counters, read just before the twin: never ahead of it.
    pub(crate) counters: Counters,
    /// The twin.
    pub(crate) view: View,
    pub(crate) picture: OnceLock<Picture>,
    /// What was dropped, by the cloud alone: twin, listener, daemon.
    pub(crate) dropped_by_cloud: Drops,
    /// What was dropped on the island: by nodes as they last reported, and by the cloud.
    pub(crate) dropped: Drops,
}

impl Moment {
    /// Its road users as consoles show them, rounded at the first call.
    pub(crate) fn picture(&self, places: &Places) -> &Picture {
        self.picture.get_or_init(|| Picture::of(&self.view, places))
    }
}

/// The clocks of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Now {
        let elapsed = u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Now { mono: jxz_units::Instant::from_ns(elapsed), utc: utc_now() }
    }

    fn at(self, mono: jxz_units::Instant) -> tokio::time::Instant {
        (self.0 + Duration::from_nanos(mono.ns())).into()
    }
}

/// The twin with its surroundings.
pub(crate) struct Brain {
    pub(crate) cloud: Cloud,
    pub(crate) clock: Clock,
    pub(crate) records: mpsc::Sender<Entry>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) keeper: Keeper,
    pub(crate) teller: Teller,
    pub(crate) tracer: Tracer,
    /// What operators say.
    pub(crate) said: mpsc::Receiver<Input>,
}

impl Brain {
    /// The twin now.
    pub(crate) fn moment(&self, number: u64, listener: &Drops) -> Moment {
        let counters = self.stats.read();
        let view = self.cloud.snapshot(utc_now());
        let mut beside = counters.drops();
        beside.merge(listener);
        let (mut dropped_by_cloud, mut dropped) = (view.drops.clone(), view.dropped());
        dropped_by_cloud.merge(&beside);
        dropped.merge(&beside);
        Moment {
            number,
            uptime: self.clock.0.elapsed(),
            counters,
            view,
            picture: OnceLock::new(),
            dropped_by_cloud,
            dropped,
        }
    }

    /// Runs until told to stop. Everything acknowledged is on disk; what is still queued for it will be.
    pub(crate) async fn run(
        mut self,
        listener: &mut NodeListener,
        moments: &watch::Sender<Arc<Moment>>,
        mut stop: Stop,
    ) {
        let mut tick = tokio::time::interval(PUBLISH_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut number = 0;
        loop {
            let deadline = self.cloud.next_deadline();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(self.clock.at(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = listener.recv() => match event {
                    Some(event) => {
                        self.take(event);
                        // What is there already costs no turn of the loop; the moment and the timer are not kept waiting.
                        for _ in 1..AT_ONCE {
                            let Some(event) = listener.try_recv() else { break };
                            self.take(event);
                        }
                    }
                    None => return,
                },
                Some(input) = self.said.recv() => self.feed(input, None),
                () = timer => self.feed(Input::Timer, None),
                _ = tick.tick() => {
                    number += 1;
                    moments.send_replace(Arc::new(self.moment(number, &listener.drops())));
                }
                () = stop.told() => return,
            }
        }
    }

    fn take(&mut self, event: FromNode) {
        match event {
            FromNode::Connected(site) => self.feed(Input::NodeConnected(site), None),
            FromNode::Disconnected(site) => self.feed(Input::NodeDisconnected(site), None),
            FromNode::State(_, state) => self.feed(Input::State(state), None),
            FromNode::Record(_, record, token) => self.take_record(*record, token),
        }
    }

    /// Takes a record only if the disk's queue has room for it: what the twin has seen must be on its way to disk.
    fn take_record(&mut self, record: Record, token: AckToken) {
        match self.records.clone().try_reserve_owned() {
            Ok(slot) => self.feed(Input::Record(record), Some((token, slot))),
            Err(_) => {
                self.stats.records_refused.fetch_add(1, Relaxed);
                tracing::debug!(site = %record.site, sequence = record.sequence, "record refused: the disk is behind");
            }
        }
    }

    fn feed(&mut self, input: Input, mut duty: Option<(AckToken, mpsc::OwnedPermit<Entry>)>) {
        let now = self.clock.now();
        self.cloud.handle(now, input);
        while let Some(output) = self.cloud.poll() {
            let record = match output {
                Output::Store(record) => Some(record),
                Output::AcknowledgeAgain(_) => None,
                Output::Incident(incident) => {
                    self.keeper.keep(Kept::Incident(incident));
                    continue;
                }
                Output::Minute(minute) => {
                    self.keeper.keep(Kept::Minute(minute));
                    continue;
                }
                Output::Guidance(guidance) => {
                    self.teller.tell(*guidance);
                    continue;
                }
                Output::NodeFreshness { site, from, to } => {
                    tell(&site, from, to);
                    continue;
                }
            };
            // Every record fed comes with its duty, and outputs are polled after each input.
            if let Some((token, slot)) = duty.take() {
                let tracer = self.tracer.clone();
                let step = record.as_deref().filter(|_| tracer.is_on()).and_then(raised);
                let ack = move || {
                    token.ack();
                    if let Some(warning) = step {
                        tracer.tell(|| Span::new(warning, Step::Keep, now.utc, utc_now()));
                    }
                };
                slot.send(Entry { record, ack: Box::new(ack) });
            }
        }
    }
}

/// The warning that a record says is raised.
fn raised(record: &Record) -> Option<WarningId> {
    let RecordBody::Warning(warning) = &record.body else { return None };
    (warning.stage == WarningStage::Raised).then_some(warning.id)
}

fn tell(site: &jxz_world::SiteId, from: Option<Freshness>, to: Freshness) {
    let from = from.map_or("never heard", Freshness::name);
    if to.is_live() {
        tracing::info!(%site, from, to = to.name(), "node");
    } else {
        tracing::warn!(%site, from, to = to.name(), "node");
    }
}

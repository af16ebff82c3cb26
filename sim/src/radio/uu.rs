//! 5G messages: cells, gaps, bursts of loss, delay through the network.

use super::cells::{Cells, Service};
use super::delay::{DelayModel, Deployment};
use super::{Table, mix};
use crate::rng::{Purpose, Seed, SmallStream, chance, uniform};
use crate::scenario::{BurstPlan, RadioPlan};
use core::time::Duration;
use jxz_geo::Point;
use jxz_map::BaseStation;
use jxz_units::Instant;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// No subscriber's number.
const CLOUD: u64 = u64::MAX;

/// Subscribers that left are forgotten when they are this many.
const FORGOTTEN_AT_ONCE: usize = 64;

/// Why a 5G message did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UuLoss {
    /// An end had no cell.
    NoService,
    /// Lost on the radio link of an end.
    Link,
}

/// 5G messages counted once for every receiver.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UuCounts {
    /// Arrived.
    pub delivered: u64,
    /// Did not, by cause.
    pub lost: BTreeMap<UuLoss, u64>,
    /// Of those that arrived, held up by a hand-over.
    pub held_up: u64,
}

impl UuCounts {
    /// Adds another's.
    pub(super) fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.held_up += other.held_up;
        for (loss, count) in &other.lost {
            *self.lost.entry(*loss).or_default() += count;
        }
    }

    fn count(&mut self, fate: Result<Duration, UuLoss>) {
        match fate {
            Ok(_) => self.delivered += 1,
            Err(loss) => *self.lost.entry(loss).or_default() += 1,
        }
    }
}

/// One subscriber's link: good or bad. It changes whether anything is sent or not.
#[derive(Debug, Clone)]
struct Link {
    stream: SmallStream,
    bad: bool,
    /// When it changes next, and after that: beyond a step's end, so that whoever asks within it changes nothing.
    changes: VecDeque<Instant>,
}

/// Chance of the messages from one subscriber to another, and what became of them. No two share anything: those of one
/// site can be asked about while somebody else asks about another's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Messages {
    streams: Table<(u64, u64), SmallStream>,
    pub(crate) counts: UuCounts,
}

/// The cellular network.
#[derive(Debug, Clone)]
pub(crate) struct Uu {
    seed: Seed,
    bursts: BurstPlan,
    delay: DelayModel,
    to_cloud: DelayModel,
    links: Table<u64, Link>,
    /// Those to and from the cloud.
    with_cloud: Messages,
    pub(crate) cells: Cells,
}

impl Uu {
    pub(crate) fn new(seed: Seed, plan: &RadioPlan, stations: &[BaseStation]) -> Self {
        Self {
            seed,
            bursts: plan.bursts.clone(),
            delay: DelayModel::of(plan.deployment),
            // Wherever the server for vehicles stands, the cloud is in the cloud.
            to_cloud: DelayModel::of(plan.deployment.max(Deployment::Cloud)),
            links: Table::default(),
            with_cloud: Messages::default(),
            cells: Cells::new(seed, plan.clone(), stations),
        }
    }

    /// Brings cells and links to the beginning of a step that ends at `until`. True if subscribers that left are to be
    /// forgotten: see [`Messages::forget`].
    pub(crate) fn step(&mut self, now: Instant, until: Instant, places: &[(u64, Point)]) -> bool {
        self.cells.step(now, places);
        for (number, _) in places {
            let link = self.links.entry(*number).or_insert_with(|| Link::new(self.seed, *number, now, &self.bursts));
            link.bring_to(now, until, &self.bursts);
        }
        let forgets = self.links.len() > places.len() + FORGOTTEN_AT_ONCE;
        if forgets {
            let present: BTreeSet<u64> = places.iter().map(|(number, _)| *number).collect();
            self.links.retain(|number, _| present.contains(number));
            self.with_cloud.forget(&present);
        }
        forgets
    }

    /// What became of messages to and from the cloud.
    pub(crate) fn counts(&self) -> &UuCounts {
        &self.with_cloud.counts
    }

    /// The delay of a subscriber's message to the cloud, or why it is lost.
    pub(crate) fn uplink(&mut self, now: Instant, from: u64) -> Result<Duration, UuLoss> {
        self.pass_cloud(now, from, (from, CLOUD))
    }

    /// The delay of the cloud's message to a subscriber, or why it is lost: the way back takes as long.
    pub(crate) fn downlink(&mut self, now: Instant, to: u64) -> Result<Duration, UuLoss> {
        self.pass_cloud(now, to, (CLOUD, to))
    }

    fn pass_cloud(&mut self, now: Instant, subscriber: u64, ends: (u64, u64)) -> Result<Duration, UuLoss> {
        let link = self.links.entry(subscriber);
        link.or_insert_with(|| Link::new(self.seed, subscriber, now, &self.bursts)).bring_to(now, now, &self.bursts);
        let mut messages = core::mem::take(&mut self.with_cloud);
        let fate = messages.pass(self, now, ends, self.to_cloud);
        self.with_cloud = messages;
        fate
    }
}

impl Messages {
    /// The delay of a message from one subscriber to another within the step, or why it is lost.
    pub(crate) fn fate(&mut self, uu: &Uu, now: Instant, from: u64, to: u64) -> Result<Duration, UuLoss> {
        self.pass(uu, now, (from, to), uu.delay)
    }

    /// Forgets those of subscribers that left.
    pub(crate) fn forget(&mut self, present: &BTreeSet<u64>) {
        let there = |end: &u64| *end == CLOUD || present.contains(end);
        self.streams.retain(|(from, to), _| there(from) && there(to));
    }

    fn pass(&mut self, uu: &Uu, now: Instant, ends: (u64, u64), delay: DelayModel) -> Result<Duration, UuLoss> {
        let fate = self.decide(uu, now, ends, delay);
        self.counts.count(fate);
        fate
    }

    fn decide(&mut self, uu: &Uu, now: Instant, (from, to): (u64, u64), delay: DelayModel) -> Result<Duration, UuLoss> {
        let ends = [from, to].into_iter().filter(|end| *end != CLOUD);
        let (mut wait, mut arrives) = (Duration::ZERO, 1.0);
        for end in ends {
            match uu.cells.service(now, end) {
                Service::Now => {}
                Service::From(until) => wait = wait.max(until.since(now)),
                Service::None => return Err(UuLoss::NoService),
            }
            let Some(link) = uu.links.get(&end) else { return Err(UuLoss::NoService) };
            arrives *= 1.0 - link.loss(now, &uu.bursts);
        }
        let stream =
            self.streams.entry((from, to)).or_insert_with(|| uu.seed.small_stream(Purpose::UuMessage, mix(from, to)));
        // Both draws are made whatever becomes of the message.
        let (arrived, drawn) = (chance(stream, arrives), delay.draw(stream));
        if !arrived {
            return Err(UuLoss::Link);
        }
        self.counts.held_up += u64::from(wait > Duration::ZERO);
        Ok(wait + drawn)
    }
}

impl Link {
    fn new(seed: Seed, number: u64, now: Instant, plan: &BurstPlan) -> Self {
        let mut stream = seed.small_stream(Purpose::Uu, number);
        let bad = chance(&mut stream, plan.bad_s / (plan.good_s + plan.bad_s));
        let first = now + stay(bad, &mut stream, plan);
        Self { stream, bad, changes: VecDeque::from([first]) }
    }

    /// Forgets changes up to `now`, and knows all up to `until`.
    fn bring_to(&mut self, now: Instant, until: Instant, plan: &BurstPlan) {
        while let Some(last) = self.changes.back().copied().filter(|last| *last <= now.max(until)) {
            // After an odd number of changes it is what it is not now.
            let bad = self.bad != (self.changes.len() % 2 == 1);
            self.changes.push_back(last + stay(bad, &mut self.stream, plan));
        }
        while self.changes.front().is_some_and(|change| *change <= now) {
            self.changes.pop_front();
            self.bad = !self.bad;
        }
    }

    /// Share of messages lost in the state that the link is in at a moment of the step.
    fn loss(&self, now: Instant, plan: &BurstPlan) -> f64 {
        let changed = self.changes.iter().take_while(|change| **change <= now).count();
        if self.bad != (changed % 2 == 1) { plan.bad_loss } else { plan.good_loss }
    }
}

/// How long a state that begins lasts.
fn stay(bad: bool, stream: &mut SmallStream, plan: &BurstPlan) -> Duration {
    let mean_s = if bad { plan.bad_s } else { plan.good_s };
    let seconds = -mean_s * libm::log(1.0 - uniform(stream, 0.0, 1.0));
    Duration::from_nanos((seconds * 1e9) as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_ns(ms * 1_000_000)
    }

    #[test]
    fn losses_come_in_bursts_of_the_planned_share_and_length() {
        let bursts = BurstPlan { good_s: 4.0, bad_s: 1.0, good_loss: 0.0, bad_loss: 1.0 };
        let mut uu = Uu::new(Seed(2), &RadioPlan { bursts, ..RadioPlan::default() }, &[]);
        let lost: Vec<bool> = (0..400_000).map(|k| uu.uplink(at(100 * k), 1).is_err()).collect();
        let share = lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64;
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
        let length_s = 0.1 * share * lost.len() as f64 / bursts;
        assert!((share - 0.2).abs() < 0.01, "{share}");
        // Seen each 0.1 s, the bad state ends with 0.8 (1 - exp(-0.125)) a look: after 1.064 s in the mean.
        assert!((length_s - 1.064).abs() < 0.05, "{length_s} s");
    }

    #[test]
    fn without_base_stations_everyone_is_served_but_in_an_outage_of_all() {
        let outages = vec![crate::scenario::Outage { cell: None, from_s: 5.0, lasts_s: 1.0 }];
        let bursts = BurstPlan { good_loss: 0.0, bad_loss: 0.0, ..BurstPlan::default() };
        let mut uu = Uu::new(Seed(2), &RadioPlan { outages, bursts, ..RadioPlan::default() }, &[]);
        uu.step(at(0), at(6000), &[(1, Point::origin()), (2, Point::origin())]);
        let mut messages = Messages::default();
        assert!(messages.fate(&uu, at(4999), 1, 2).is_ok());
        assert_eq!(messages.fate(&uu, at(5000), 1, 2), Err(UuLoss::NoService));
        assert!(messages.fate(&uu, at(6000), 1, 2).is_ok());
        assert_eq!((messages.counts.delivered, messages.counts.lost[&UuLoss::NoService]), (2, 1));
    }
}

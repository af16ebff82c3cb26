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
use std::collections::{BTreeMap, BTreeSet};

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

/// One subscriber's link: good or bad. It changes whether anything is sent or not.
#[derive(Debug, Clone)]
struct Link {
    stream: SmallStream,
    bad: bool,
    until: Instant,
}

/// The cellular network.
#[derive(Debug, Clone)]
pub(crate) struct Uu {
    seed: Seed,
    bursts: BurstPlan,
    delay: DelayModel,
    to_cloud: DelayModel,
    links: Table<u64, Link>,
    /// Chance of the messages from one subscriber to another.
    messages: Table<(u64, u64), SmallStream>,
    pub(crate) cells: Cells,
    pub(crate) counts: UuCounts,
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
            messages: Table::default(),
            cells: Cells::new(seed, plan.clone(), stations),
            counts: UuCounts::default(),
        }
    }

    pub(crate) fn step(&mut self, now: Instant, places: &[(u64, Point)]) {
        self.cells.step(now, places);
        for (number, _) in places {
            self.links.entry(*number).or_insert_with(|| Link::new(self.seed, *number, now, &self.bursts));
        }
        if self.links.len() > places.len() + FORGOTTEN_AT_ONCE {
            let present: BTreeSet<u64> = places.iter().map(|(number, _)| *number).collect();
            self.links.retain(|number, _| present.contains(number));
            self.messages.retain(|(from, to), _| {
                (*from == CLOUD || present.contains(from)) && (*to == CLOUD || present.contains(to))
            });
        }
    }

    /// The delay of a message from one subscriber to another, or why it is lost.
    pub(crate) fn fate(&mut self, now: Instant, from: u64, to: u64) -> Result<Duration, UuLoss> {
        self.pass(now, (from, to), self.delay)
    }

    /// The delay of a subscriber's message to the cloud, or why it is lost.
    pub(crate) fn uplink(&mut self, now: Instant, from: u64) -> Result<Duration, UuLoss> {
        self.pass(now, (from, CLOUD), self.to_cloud)
    }

    /// The delay of the cloud's message to a subscriber, or why it is lost: the way back takes as long.
    pub(crate) fn downlink(&mut self, now: Instant, to: u64) -> Result<Duration, UuLoss> {
        self.pass(now, (CLOUD, to), self.to_cloud)
    }

    fn pass(&mut self, now: Instant, ends: (u64, u64), delay: DelayModel) -> Result<Duration, UuLoss> {
        let fate = self.decide(now, ends, delay);
        match fate {
            Ok(_) => self.counts.delivered += 1,
            Err(loss) => *self.counts.lost.entry(loss).or_default() += 1,
        }
        fate
    }

    fn decide(&mut self, now: Instant, (from, to): (u64, u64), delay: DelayModel) -> Result<Duration, UuLoss> {
        let (seed, plan) = (self.seed, &self.bursts);
        let ends = [from, to].into_iter().filter(|end| *end != CLOUD);
        let (mut wait, mut arrives) = (Duration::ZERO, 1.0);
        for end in ends {
            match self.cells.service(now, end) {
                Service::Now => {}
                Service::From(until) => wait = wait.max(until.since(now)),
                Service::None => return Err(UuLoss::NoService),
            }
            let link = self.links.entry(end).or_insert_with(|| Link::new(seed, end, now, plan));
            arrives *= 1.0 - link.loss(now, plan);
        }
        let stream =
            self.messages.entry((from, to)).or_insert_with(|| seed.small_stream(Purpose::UuMessage, mix(from, to)));
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
        let mut link = Self { stream, bad, until: now };
        link.until = now + link.stay(plan);
        link
    }

    /// How long the present state lasts.
    fn stay(&mut self, plan: &BurstPlan) -> Duration {
        let mean_s = if self.bad { plan.bad_s } else { plan.good_s };
        let seconds = -mean_s * libm::log(1.0 - uniform(&mut self.stream, 0.0, 1.0));
        Duration::from_nanos((seconds * 1e9) as u64 + 1)
    }

    /// Share of messages lost in the state that the link is in now.
    fn loss(&mut self, now: Instant, plan: &BurstPlan) -> f64 {
        while self.until <= now {
            self.bad = !self.bad;
            self.until = self.until + self.stay(plan);
        }
        if self.bad { plan.bad_loss } else { plan.good_loss }
    }
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
        assert!(uu.fate(at(4999), 1, 2).is_ok());
        assert_eq!(uu.fate(at(5000), 1, 2), Err(UuLoss::NoService));
        assert!(uu.fate(at(6000), 1, 2).is_ok());
        assert_eq!((uu.counts.delivered, uu.counts.lost[&UuLoss::NoService]), (2, 1));
    }
}

//! Ten minutes without uplink, in virtual time: the records of a real node's brain through the real spool, the real order
//! of sending and the real cloud's brain. Every one arrives once, in order.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

use bytes::Bytes;
use jxz_cloud::{Cloud, CloudConfig, Input, Output};
use jxz_link::{MAX_BYTES_IN_FLIGHT, MAX_IN_FLIGHT, Outbox};
use jxz_map::Map;
use jxz_sim::{Observer, Scenario, VirtualIsland};
use jxz_spool::{DirFiles, Importance, Limits, Spool};
use jxz_tests::root;
use jxz_units::{Instant, Now, Utc};
use jxz_world::Record;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const START: Utc = Utc::from_unix_ms(1_786_233_600_000);
const TICK: Duration = Duration::from_millis(10);
/// What the island plays, once; its records are those of each minute of the run.
const PLAYED_S: f64 = 60.0;
const DOWN_S: std::ops::Range<f64> = 30.0..630.0;
const END_S: f64 = 720.0;
/// The node restarts at these times: twice without uplink, once while it catches up.
const RESTARTS_S: [f64; 3] = [200.0, 400.0, 631.0];
const AHEAD: usize = 64;

#[derive(Default)]
struct Heard(Arc<Mutex<Vec<(Instant, Record)>>>);

impl Observer for Heard {
    fn record(&mut self, now: Now, record: &Record) {
        self.0.lock().unwrap().push((now.mono, record.clone()));
    }
}

/// What the nodes of all sites put out in a minute of the pilot's traffic, as if it were one node's: a load that no single
/// one has.
fn a_minute_of_records(map: &Arc<Map>) -> Vec<(Instant, Record)> {
    let text = std::fs::read_to_string(root().join("seeds/scenarios/morning-peak.toml")).unwrap();
    let scenario = Scenario::from_toml(&text).unwrap();
    let heard = Arc::default();
    let watching = Box::new(Heard(Arc::clone(&heard)));
    let mut island = VirtualIsland::new(Arc::clone(map), &scenario, 7, START).unwrap().observed_by(watching);
    while island.seconds() < PLAYED_S {
        island.step().unwrap();
    }
    let mut records: Vec<(Instant, Record)> = heard.lock().unwrap().drain(..).collect();
    let site = records[0].1.site.clone();
    records.iter_mut().for_each(|(_, record)| record.site = site.clone());
    records.sort_by_key(|(at, _)| *at);
    records
}

/// A node's part: what it holds dies with it, what is in the folder does not.
struct Node {
    spool: Spool<DirFiles>,
    outbox: Outbox<u64>,
    held: usize,
}

impl Node {
    fn start(folder: &Path, now: Utc) -> Self {
        let spool = Spool::open_dir(folder, Limits::default(), now).unwrap();
        Self { spool, outbox: Outbox::new(AHEAD), held: 0 }
    }

    fn feed(&mut self) {
        while self.held < AHEAD
            && let Some(outgoing) = self.spool.take_next().unwrap()
        {
            assert_eq!(self.outbox.push(outgoing.id, Bytes::from(outgoing.record)), Some(true));
            self.held += 1;
        }
    }

    fn settled(&mut self, id: u64) {
        if self.outbox.answered(id) {
            self.spool.acknowledge(id);
            self.held -= 1;
        }
    }
}

/// One connection: what is on its way, in the order of sending; what comes back, in any.
#[derive(Default)]
struct Link {
    there: VecDeque<(Instant, u64, Bytes)>,
    back: Vec<(Instant, u64, bool)>,
    /// The cloud's disk was behind at this record: what follows has to wait for it.
    refused: Option<u64>,
}

struct Cloudside {
    cloud: Cloud,
    stored: Vec<(u64, u64)>,
}

impl Cloudside {
    fn take(&mut self, now: Now, record: Record) {
        self.cloud.handle(now, Input::Record(record));
        while let Some(output) = self.cloud.poll() {
            if let Output::Store(record) = output {
                self.stored.push((record.boot, record.sequence));
            }
        }
    }
}

fn at(elapsed_s: f64) -> Now {
    Now { mono: Instant::ZERO + Duration::from_secs_f64(elapsed_s), utc: START.plus_seconds(elapsed_s) }
}

#[test]
fn ten_minutes_without_uplink_cost_no_record_and_no_order() {
    let map = Arc::new(Map::load(&root().join("seeds/island")).unwrap());
    let minute = a_minute_of_records(&map);
    let home = tempfile::tempdir().unwrap();
    let mut dice = ChaCha8Rng::seed_from_u64(11);
    let mut node = Node::start(home.path(), START);
    let mut link = Link::default();
    let mut side = Cloudside { cloud: Cloud::new(CloudConfig::default(), Arc::clone(&map)), stored: Vec::new() };
    let (mut made, mut boot, mut sequence, mut next) = (Vec::new(), 1, 0, 0_usize);
    let (mut restarts, mut caught_up_s, mut most_pending) = (RESTARTS_S.iter().peekable(), None, 0);
    let mut elapsed_s = 0.0;
    while elapsed_s < END_S {
        let now = at(elapsed_s);
        let up = !DOWN_S.contains(&elapsed_s);
        if restarts.next_if(|restart_s| **restart_s <= elapsed_s).is_some() {
            drop(node);
            node = Node::start(home.path(), now.utc);
            (link, boot, sequence) = (Link::default(), boot + 1, 0);
        }
        if !up && (!link.there.is_empty() || !link.back.is_empty()) {
            link = Link::default();
            node.outbox.connection_lost();
        }
        // The brain's records, with this life's numbers.
        let due = |next: usize| {
            let (played_at, record) = &minute[next % minute.len()];
            let turn_s = PLAYED_S * (next / minute.len()) as f64;
            (turn_s + played_at.since(Instant::ZERO).as_secs_f64(), record)
        };
        while due(next).0 <= elapsed_s {
            sequence += 1;
            let record = Record { boot, sequence, ..due(next).1.clone() };
            let bytes = jxz_wire::encode_record(&record);
            node.spool.append(now.utc, Importance::of(&record), bytes.to_vec()).unwrap();
            made.push((boot, sequence));
            next += 1;
        }
        node.spool.commit(now.utc).unwrap();
        node.feed();
        if up {
            run_link(now, &mut dice, &mut node, &mut link, &mut side);
        }
        let pending = node.spool.stats().pending;
        most_pending = pending.max(most_pending);
        if elapsed_s > DOWN_S.end && pending < 40 {
            caught_up_s = caught_up_s.or(Some(elapsed_s - DOWN_S.end));
        }
        elapsed_s += TICK.as_secs_f64();
    }
    let waiting = usize::try_from(node.spool.stats().pending).unwrap();
    println!(
        "{} records made, {most_pending} waiting at most, {} stored; caught up {:.1} s after the uplink's return",
        made.len(),
        side.stored.len(),
        caught_up_s.unwrap()
    );
    assert!(made.len() > 1000 && most_pending as usize > made.len() / 2, "the node was busy");
    assert!(waiting < 40, "{waiting} still wait");
    // Stored but not yet known to be: those at the end. All others: each once, in the order of their making.
    assert_eq!(side.stored, made[..side.stored.len()]);
    assert!(side.stored.len() + waiting >= made.len(), "nothing is lost");
    assert!(caught_up_s.unwrap() < 60.0, "the backlog goes faster than it came");
}

/// A link of 20 to 60 ms each way with a cloud whose disk is behind now and then.
fn run_link(now: Now, dice: &mut ChaCha8Rng, node: &mut Node, link: &mut Link, side: &mut Cloudside) {
    let delay = |dice: &mut ChaCha8Rng| now.mono + Duration::from_millis(dice.random_range(20..60));
    while let Some((id, record)) = node.outbox.next(now.mono) {
        // Streams are taken in order.
        let arrives = link.there.back().map_or(now.mono, |(last, ..)| *last).max(delay(dice));
        link.there.push_back((arrives, id, record));
    }
    let bytes: usize = link.there.iter().map(|(_, _, record)| record.len()).sum();
    assert!(link.there.len() <= MAX_IN_FLIGHT, "fresh state keeps its room");
    assert!(bytes <= MAX_BYTES_IN_FLIGHT || link.there.len() == 1, "fresh state keeps its room");
    while link.there.front().is_some_and(|(arrives, ..)| *arrives <= now.mono) {
        let Some((_, id, record)) = link.there.pop_front() else { break };
        let behind = dice.random_bool(0.01);
        let taken = !behind && link.refused.is_none_or(|first| id <= first);
        if taken {
            link.refused = None;
            side.take(now, jxz_wire::decode_record(&record).unwrap());
        } else {
            link.refused = Some(link.refused.map_or(id, |first| first.min(id)));
        }
        link.back.push((delay(dice), id, taken));
    }
    let (arrived, rest) = link.back.drain(..).partition::<Vec<_>, _>(|(arrives, ..)| *arrives <= now.mono);
    link.back = rest;
    for (_, id, taken) in arrived {
        if taken { node.settled(id) } else { node.outbox.not_taken(now.mono, id) }
    }
}

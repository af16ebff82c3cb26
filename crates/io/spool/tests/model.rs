//! Thousands of random histories on a disk that tears, forgets, fills up, fails and rots.
#![allow(clippy::unwrap_used, reason = "a history stops at what it cannot set up")]

mod common;

use common::ModelFiles;
use core::time::Duration;
use jxz_spool::{Dropped, Importance, Limits, Spool, SpoolStats};
use jxz_units::Utc;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};

/// More with `JXZ_HISTORIES=100000`.
const HISTORIES: u64 = 4000;
const MAX_BYTES: u64 = 128 << 10;

/// What a history may contain beside appending, sending and restarts.
#[derive(Debug, Clone, Copy)]
struct Weather {
    full_disk: bool,
    trouble: bool,
    rot: bool,
    power: bool,
    /// Records that a step appends, at most: more fill the spool to its bound.
    load: usize,
    ages: bool,
}

impl Weather {
    fn of(seed: u64) -> Self {
        let on = |n: u64| seed / n % 2 == 1;
        let load = if seed % 4 == 3 { 40 } else { 6 };
        Self { full_disk: on(2), trouble: on(4), rot: on(8), power: !on(16), load, ages: on(32) }
    }
}

type Content = (Importance, Vec<u8>);

/// What must hold, whatever the disk does.
struct History {
    seed: u64,
    rng: ChaCha8Rng,
    weather: Weather,
    disk: ModelFiles,
    now: Utc,
    /// What the spool said is durable.
    durable: BTreeMap<u64, Content>,
    /// What was appended and may or may not be on disk; of one id more than one, if it was never durable.
    perhaps: BTreeMap<u64, Vec<Content>>,
    /// Appended by this process and not said to be durable yet.
    staged: BTreeMap<u64, Content>,
    arrived: BTreeSet<u64>,
    dropped: BTreeSet<u64>,
    /// Given out by this process and not answered.
    window: Vec<u64>,
    last_given: u64,
    stats: SpoolStats,
    records: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let disk = ModelFiles::new(ChaCha8Rng::seed_from_u64(rng.random()));
        Self {
            seed,
            rng,
            weather: Weather::of(seed),
            disk,
            now: Utc::from_unix_ms(1_786_270_272_000),
            durable: BTreeMap::new(),
            perhaps: BTreeMap::new(),
            staged: BTreeMap::new(),
            arrived: BTreeSet::new(),
            dropped: BTreeSet::new(),
            window: Vec::new(),
            last_given: 0,
            stats: SpoolStats::default(),
            records: 0,
        }
    }

    fn open(&mut self) -> Spool<ModelFiles> {
        // The process before may have died with things staged: they are on disk or they are not.
        for (id, content) in std::mem::take(&mut self.staged) {
            self.perhaps.entry(id).or_default().push(content);
        }
        self.window.clear();
        self.last_given = 0;
        let limits = Limits { max_bytes: MAX_BYTES, max_age: Duration::from_secs(3600), max_staged: 100 };
        Spool::open(self.disk.clone(), limits, self.now).unwrap()
    }

    fn run(mut self) -> (u64, SpoolStats) {
        let seed = self.seed;
        for _life in 0..self.rng.random_range(1..8) {
            let mut spool = self.open();
            let fuse = self.rng.random_range(0..120);
            self.disk.die_after(fuse);
            let steps = self.rng.random_range(1..40);
            for _ in 0..steps {
                self.step(&mut spool);
                if self.disk.is_dead() {
                    break;
                }
            }
            drop(spool);
            let power_lost = self.weather.power && self.rng.random_bool(0.5);
            self.disk.restart(power_lost);
            if self.weather.rot && self.rng.random_bool(0.3) {
                self.disk.rot();
            }
        }
        // The disk is well again and the uplink is back: everything must come.
        self.disk.trouble(0.0);
        self.disk.room(usize::MAX);
        let mut spool = self.open();
        let fresh = self.append(&mut spool);
        self.commit(&mut spool);
        assert!(self.staged.is_empty(), "seed {seed}: a well disk takes everything");
        while self.give(&mut spool) {
            self.answer(&mut spool);
        }
        assert!(self.arrived.contains(&fresh), "seed {seed}: what is appended at the end arrives");
        let stats = spool.stats();
        assert_eq!((stats.pending, stats.staged), (0, 0), "seed {seed}");
        let missing: Vec<_> = self.durable.keys().filter(|id| !self.arrived.contains(id)).collect();
        let lost: Vec<_> = missing.iter().filter(|id| !self.dropped.contains(id)).collect();
        let counted = stats.dropped.iter().sum::<u64>() + stats.damaged;
        if self.disk.flipped() == 0 {
            assert!(lost.is_empty(), "seed {seed}: durable and lost: {lost:?}, {stats:?}");
            // On a full disk the count may not reach it.
            let counted = if self.weather.full_disk { u64::MAX } else { counted };
            assert!(missing.len() as u64 <= counted, "seed {seed}: not counted: {missing:?}, {stats:?}");
        }
        let noticed = stats.damaged + self.stats.damaged + stats.torn_bytes + self.stats.torn_bytes;
        assert!(lost.is_empty() || noticed > 0, "seed {seed}: lost to rot and not counted: {lost:?}");
        (self.arrived.len() as u64, stats)
    }

    fn step(&mut self, spool: &mut Spool<ModelFiles>) {
        self.now = self.now + Duration::from_millis(self.rng.random_range(0..3000));
        match self.rng.random_range(0..20) {
            0..8 => {
                for _ in 0..self.rng.random_range(1..=self.weather.load) {
                    self.append(spool);
                }
                if self.rng.random_bool(0.8) {
                    self.commit(spool);
                }
            }
            8..12 => {
                for _ in 0..self.rng.random_range(1..10) {
                    self.give(spool);
                }
            }
            12..16 => {
                for _ in 0..self.rng.random_range(1..10) {
                    self.answer(spool);
                }
            }
            16 if self.weather.full_disk => {
                let room = if self.rng.random_bool(0.5) { self.rng.random_range(0..4000) } else { usize::MAX };
                self.disk.room(room);
            }
            17 if self.weather.trouble => {
                let trouble = if self.rng.random_bool(0.5) { 0.2 } else { 0.0 };
                self.disk.trouble(trouble);
            }
            18 if self.weather.rot && self.rng.random_bool(0.2) => self.disk.rot(),
            19 if self.weather.ages => self.now = self.now + Duration::from_secs(self.rng.random_range(0..3000)),
            _ => self.commit(spool),
        }
        self.stats.damaged = self.stats.damaged.max(spool.stats().damaged);
        self.stats.torn_bytes += spool.stats().torn_bytes;
    }

    fn append(&mut self, spool: &mut Spool<ModelFiles>) -> u64 {
        let seed = self.seed;
        let importance = Importance::ALL[self.rng.random_range(0..Importance::ALL.len())];
        self.records += 1;
        let mut record = self.records.to_le_bytes().to_vec();
        record.resize(self.rng.random_range(8..2000), self.records as u8);
        let id = spool.append(self.now, importance, record.clone()).unwrap();
        assert!(!self.durable.contains_key(&id), "seed {seed}: id {id} was given before");
        assert!(self.staged.last_key_value().is_none_or(|(last, _)| id > *last), "seed {seed}: ids rise");
        self.staged.insert(id, (importance, record));
        self.note_dropped(spool);
        id
    }

    fn commit(&mut self, spool: &mut Spool<ModelFiles>) {
        let seed = self.seed;
        let result = spool.commit(self.now);
        if result.is_ok() {
            assert_eq!(spool.stats().staged, 0, "seed {seed}: all is durable, it said");
        }
        self.note_dropped(spool);
        // In order: what is not durable is the newest.
        let still = usize::try_from(spool.stats().staged).unwrap();
        let split = self.staged.keys().nth(self.staged.len() - still).copied();
        let later = split.map(|id| self.staged.split_off(&id)).unwrap_or_default();
        self.durable.extend(std::mem::replace(&mut self.staged, later));
        if result.is_ok() && !self.weather.trouble && !self.weather.full_disk {
            let used = self.disk.used() as u64;
            // A segment more while segments are put together, and a ledger.
            assert!(used <= MAX_BYTES + MAX_BYTES / 8, "seed {seed}: {used} bytes in use");
        }
    }

    /// What was dropped is the least important there was.
    fn note_dropped(&mut self, spool: &mut Spool<ModelFiles>) {
        let seed = self.seed;
        let dropped = spool.take_dropped();
        let dead = self.disk.is_dead();
        let mut most = None;
        for one in dropped {
            let id = match one {
                Dropped::NoRoom(id, importance) => {
                    most = most.max(Some(importance));
                    id
                }
                Dropped::TooOld(id, _) => id,
                // The dead read nothing.
                Dropped::Damaged(..) if dead => continue,
                Dropped::Damaged(id, _) => {
                    // Three failed attempts to read count as damage.
                    let why = self.disk.flipped() > 0 || self.weather.trouble;
                    assert!(why, "seed {seed}: nothing has damaged {id}");
                    id
                }
            };
            // If it died on the way, the record may be gone from the disk or may be there still.
            self.dropped.insert(id);
            // A commit that failed may have brought it to disk all the same.
            if let Some(content) = self.staged.remove(&id) {
                self.perhaps.entry(id).or_default().push(content);
            }
        }
        // While the disk refuses, what is in memory has to make room among itself.
        if let Some(most) = most.filter(|_| spool.stats().staged == 0 && self.disk.flipped() == 0) {
            let gone = |id: &u64| self.arrived.contains(id) || self.dropped.contains(id) || self.window.contains(id);
            let lesser = self.durable.iter().find(|(id, (importance, _))| *importance < most && !gone(id));
            assert!(
                lesser.is_none(),
                "seed {seed}: dropped a record of {most:?} before {:?}",
                lesser.map(|(id, _)| id)
            );
        }
    }

    fn give(&mut self, spool: &mut Spool<ModelFiles>) -> bool {
        let seed = self.seed;
        let given = spool.take_next();
        self.note_dropped(spool);
        let Ok(Some(outgoing)) = given else { return false };
        let id = outgoing.id;
        assert!(id > self.last_given, "seed {seed}: {id} after {}", self.last_given);
        self.last_given = id;
        let got = (outgoing.importance, outgoing.record);
        let known = match self.durable.get(&id).or_else(|| self.staged.get(&id)) {
            Some(content) => *content == got,
            None => self.perhaps.get(&id).is_some_and(|contents| contents.contains(&got)),
        };
        assert!(known, "seed {seed}: {id} is not as it was appended");
        if self.staged.contains_key(&id) {
            assert!(spool.stats().failing, "seed {seed}: {id} is not durable");
        }
        self.window.push(id);
        true
    }

    fn answer(&mut self, spool: &mut Spool<ModelFiles>) {
        if self.window.is_empty() {
            return;
        }
        let id = self.window.swap_remove(self.rng.random_range(0..self.window.len()));
        spool.acknowledge(id);
        self.arrived.insert(id);
        // Given out from memory, since the disk refused: it may be on disk all the same.
        if let Some(content) = self.staged.remove(&id) {
            self.perhaps.entry(id).or_default().push(content);
        }
    }
}

#[test]
fn nothing_durable_is_lost_and_nothing_comes_changed_whatever_the_disk_does() {
    let (mut arrived, mut dropped, mut damaged, mut torn) = (0, 0, 0, 0);
    let histories = std::env::var("JXZ_HISTORIES").map_or(HISTORIES, |n| n.parse().unwrap());
    for seed in 0..histories {
        let (n, stats) = History::new(seed).run();
        arrived += n;
        dropped += stats.dropped.iter().sum::<u64>();
        damaged += stats.damaged;
        torn += u64::from(stats.torn_bytes > 0);
    }
    println!("{arrived} arrived, {dropped} dropped, {damaged} damaged, {torn} torn tails at the end");
    // The histories were not harmless.
    assert!(
        arrived > 10 * histories && dropped > histories / 4 && damaged > histories / 40,
        "{arrived} {dropped} {damaged}"
    );
}

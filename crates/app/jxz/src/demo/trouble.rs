//! `jxz demo --faults SEED`: what goes wrong by chance while the island runs.

use super::Island;
use super::flat::Watch;
use crate::daemons::Daemon;
use anyhow::Context;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::Signal;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// Nothing goes wrong before this, and from one fault to the next, seconds.
const BEGINS_S: f64 = 20.0;
const BETWEEN_S: (f64, f64) = (5.0, 25.0);
/// A process that was killed is started again, and one that was stopped goes on, after this, seconds.
const LASTS_S: (f64, f64) = (0.5, 6.0);
/// Every so many-th node is killed; the others live for as long as the island does, so that what grows in them shows.
const MORTAL: usize = 2;
/// Datagrams of a flood of rubbish, and the longest of them.
const RUBBISH: (usize, usize) = (500, 1400);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Cloud,
    Node(usize),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Restart,
    Continue,
}

/// Faults by chance, each with its end.
pub(super) struct Trouble {
    stream: ChaCha8Rng,
    next_s: f64,
    /// What ends when.
    ends: BTreeMap<Who, (f64, End)>,
    socket: UdpSocket,
    counts: BTreeMap<&'static str, u64>,
    watch: Watch,
}

/// What went wrong, and what that did to the daemons.
#[derive(Debug, Serialize)]
pub(super) struct Survived {
    faults: BTreeMap<&'static str, u64>,
    /// For each daemon that lived long enough, what it held early and late in its longest life.
    daemons: Vec<super::flat::Growth>,
    /// What grew beyond what may grow; empty is good.
    pub(super) grew: Vec<String>,
}

impl Trouble {
    pub(super) fn new(seed: u64) -> anyhow::Result<Self> {
        Ok(Self {
            stream: ChaCha8Rng::seed_from_u64(seed),
            next_s: BEGINS_S,
            ends: BTreeMap::new(),
            socket: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a UDP socket")?,
            counts: BTreeMap::new(),
            watch: Watch::default(),
        })
    }

    /// Ends the faults that are due to end, looks at the daemons, and makes the fault that is due.
    pub(super) async fn step(&mut self, island: &mut Island, elapsed_s: f64) -> anyhow::Result<()> {
        let over: Vec<Who> =
            self.ends.iter().filter(|(_, (at_s, _))| *at_s <= elapsed_s).map(|(who, _)| *who).collect();
        for who in over {
            self.end(island, who)?;
        }
        let stopped = |who: &Who| self.ends.contains_key(who);
        let nodes = island.nodes.iter().zip(&island.layout.sites).enumerate();
        let nodes =
            nodes.filter(|(n, _)| !stopped(&Who::Node(*n))).map(|(_, (node, site))| (node, site.state_dir.as_path()));
        let cloud = (!stopped(&Who::Cloud)).then_some((&island.cloud, island.layout.cloud_data.as_path()));
        self.watch.look(elapsed_s, cloud.into_iter().chain(nodes));
        if elapsed_s >= self.next_s {
            self.next_s = elapsed_s + self.stream.random_range(BETWEEN_S.0..BETWEEN_S.1);
            self.begin(island, elapsed_s).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, island: &mut Island, elapsed_s: f64) -> anyhow::Result<()> {
        let until_s = elapsed_s + self.stream.random_range(LASTS_S.0..LASTS_S.1);
        let node = self.stream.random_range(0..island.nodes.len());
        let name = match self.stream.random_range(0..10) {
            0..3 => {
                let mortal = node - node % MORTAL;
                self.kill(&mut island.nodes[mortal], Who::Node(mortal), until_s).await?;
                "node killed"
            }
            3..6 => {
                self.stop(&island.nodes[node], Who::Node(node), until_s);
                "node stopped for a while"
            }
            6 => {
                self.kill(&mut island.cloud, Who::Cloud, until_s).await?;
                "cloud killed"
            }
            7 => {
                self.stop(&island.cloud, Who::Cloud, until_s);
                "cloud stopped for a while"
            }
            8 => {
                self.flood(island.layout.sites[node].ingest);
                "rubbish at a sensors' port"
            }
            _ => {
                self.flood(SocketAddr::V4(island.layout.sites[node].air));
                "rubbish on the air"
            }
        };
        *self.counts.entry(name).or_default() += 1;
        Ok(())
    }

    async fn kill(&mut self, daemon: &mut Daemon, who: Who, until_s: f64) -> anyhow::Result<()> {
        if self.ends.insert(who, (until_s, End::Restart)).is_some_and(|(_, end)| matches!(end, End::Restart)) {
            return Ok(());
        }
        self.watch.ended(daemon.name());
        daemon.kill().await
    }

    fn stop(&mut self, daemon: &Daemon, who: Who, until_s: f64) {
        // One that is down already stays so.
        self.ends.entry(who).or_insert_with(|| {
            daemon.signal(Signal::STOP);
            (until_s, End::Continue)
        });
    }

    fn end(&mut self, island: &mut Island, who: Who) -> anyhow::Result<()> {
        let daemon = match who {
            Who::Cloud => &mut island.cloud,
            Who::Node(n) => &mut island.nodes[n],
        };
        match self.ends.remove(&who) {
            Some((_, End::Restart)) => daemon.restart(),
            Some((_, End::Continue)) => {
                daemon.signal(Signal::CONT);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn flood(&mut self, to: SocketAddr) {
        for _ in 0..RUBBISH.0 {
            let mut bytes = vec![0; self.stream.random_range(0..RUBBISH.1)];
            self.stream.fill_bytes(&mut bytes);
            // A port that nobody listens on at the moment says so; the rubbish is lost, as it should be.
            let _lost = self.socket.send_to(&bytes, to);
        }
    }

    /// Everything runs again.
    pub(super) fn finish(mut self, island: &mut Island) -> anyhow::Result<Survived> {
        let stopped: Vec<Who> = self.ends.keys().copied().collect();
        for who in stopped {
            self.end(island, who)?;
        }
        let (daemons, grew) = self.watch.judge();
        Ok(Survived { faults: self.counts, daemons, grew })
    }
}

impl Survived {
    /// What is said in the terminal.
    pub(super) fn print(&self) {
        for (name, count) in &self.faults {
            eprintln!("{count:>5} x {name}");
        }
        eprintln!(
            "{:<26} {:>8} {:>16} {:>12} {:>12} {:>16}",
            "", "lived s", "resident MiB", "files", "threads", "disk MiB"
        );
        for growth in &self.daemons {
            eprintln!("{growth}");
        }
        match self.grew.as_slice() {
            [] => eprintln!("nothing grew"),
            grew => grew.iter().for_each(|what| eprintln!("GREW  {what}")),
        }
    }
}

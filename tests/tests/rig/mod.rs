//! A node and a cloud as real processes, with sensors that never stop, and what both must have in the end.

#![allow(dead_code, reason = "each scenario uses a part of it")]

use jxz_map::Map;
use jxz_sim::{STEP, Scenario, Simulation, StepOutput};
use jxz_spool::{Limits, Spool};
use jxz_tests::{json, program, root};
use jxz_units::Instant as Virtual;
use jxz_world::SiteId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than anything here takes: a scenario fails by its checks, not by a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Boot and sequence.
pub(crate) type Key = (u64, u64);

/// A node and a cloud that can be started and killed, and sensors that never stop.
pub(crate) struct Rig {
    pub(crate) home: TempDir,
    pub(crate) sensors: Option<JoinHandle<()>>,
    pub(crate) stop: Arc<AtomicBool>,
    /// What was seen in the spool between two lives of the node.
    pub(crate) seen: BTreeSet<Key>,
    /// By boot: up to where the node said that its records are durable.
    pub(crate) durable: BTreeMap<u64, u64>,
    /// Where vehicles hear the node by radio, and over 5G.
    pub(crate) group: std::net::SocketAddrV4,
    pub(crate) uu: SocketAddr,
    pub(crate) site: SiteId,
}

pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn end(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(asked.success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already, unless the scenario has failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Rig {
    /// Beside other rigs of one machine: on a multicast group of its own.
    pub(crate) fn on_group(group: u8) -> Self {
        let home = tempfile::tempdir().unwrap();
        let map = Arc::new(Map::load(&root().join("seeds/island")).unwrap());
        let site = map.sites[0].id.clone();
        let plan = jxz_link::Plan {
            sites: vec![site.clone()],
            vehicles: 1,
            operators: vec![],
            messages: jxz_link::MessagePlan::default(),
            now: jxz_link::utc_now(),
            days: 2,
        };
        jxz_link::make(&home.path().join("pki"), &plan, false).unwrap();
        // Held until all are chosen, so that no two are the same.
        let held: Vec<UdpSocket> = (0..6).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let port: Vec<u16> = held.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
        drop(held);
        let (here, map_dir) = (home.path().display(), root().join("seeds/island").canonicalize().unwrap());
        let edge = format!(
            "site = \"{site}\"\nmap = {map_dir:?}\nstate_dir = \"{here}/edge\"\n\
             ingest = {{ listen = \"127.0.0.1:{}\" }}\ncloud = {{ address = \"127.0.0.1:{}\" }}\n\
             uu = {{ listen = \"127.0.0.1:{}\" }}\npki = {{ dir = \"{here}/pki\" }}\nsecurity = {{ enabled = false }}\n\
             radio = {{ kind = \"multicast\", interface = \"lo\", group = \"239.255.59.{group}:{}\" }}\n",
            port[0], port[1], port[2], port[3]
        );
        let cloud = format!(
            "map = {map_dir:?}\ndata_dir = \"{here}/records\"\nquic = {{ listen = \"127.0.0.1:{}\" }}\n\
             grpc = {{ listen = \"127.0.0.1:{}\" }}\nhttp = {{ listen = \"127.0.0.1:{}\" }}\n\
             pki = {{ dir = \"{here}/pki\" }}\nrecords = {{ file_bytes = 65536, files = 1000 }}\n",
            port[1], port[4], port[5]
        );
        fs::write(home.path().join("jxz-edge.toml"), edge).unwrap();
        fs::write(home.path().join("jxz-cloud.toml"), cloud).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (to, stopped) = (SocketAddr::from(([127, 0, 0, 1], port[0])), Arc::clone(&stop));
        let at = site.clone();
        let sensors = Some(std::thread::spawn(move || play(&map, &site, to, &stopped)));
        let group = std::net::SocketAddrV4::new([239, 255, 59, group].into(), port[3]);
        let uu = SocketAddr::from(([127, 0, 0, 1], port[2]));
        Self { home, sensors, stop, seen: BTreeSet::new(), durable: BTreeMap::new(), group, uu, site: at }
    }

    pub(crate) fn start(&self, name: &str) -> Process {
        let log = self.home.path().join(name).with_extension("log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = program(name);
        command.args(["run", "--config"]).arg(self.home.path().join(name).with_extension("toml"));
        Process(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// A node of which nothing is known yet.
    pub(crate) fn start_anew(&self) -> Process {
        // Not there if no life was long enough to write it.
        let _ = fs::remove_file(self.home.path().join("edge/status.json"));
        self.start("jxz-edge")
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.home.path().join("edge/spool")
    }

    pub(crate) fn segments(&self) -> usize {
        let newest = |entries: fs::ReadDir| {
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter_map(|name| name.strip_prefix("segment-")?.parse().ok()).max()
        };
        fs::read_dir(self.spool()).ok().and_then(newest).unwrap_or(0)
    }

    pub(crate) fn status(&self) -> Option<Value> {
        let path = self.home.path().join("edge/status.json");
        path.exists().then(|| json(&path))
    }

    /// After the node's death: what its spool holds, and what it had said of it.
    pub(crate) fn look(&mut self) {
        if let Some(status) = self.status() {
            let told = &status["must_arrive"];
            let (boot, to) = (told["boot"].as_u64().unwrap(), told["durable_sequence"].as_u64().unwrap());
            let known = self.durable.entry(boot).or_default();
            *known = to.max(*known);
        }
        let Ok(entries) = fs::read_dir(self.spool()) else { return };
        let copy = tempfile::tempdir().unwrap();
        for entry in entries.map(Result::unwrap) {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let mut spool = Spool::open_dir(copy.path(), Limits::default(), jxz_link::utc_now()).unwrap();
        assert_eq!(spool.stats().damaged, 0);
        while let Some(outgoing) = spool.take_next().unwrap() {
            let record = jxz_wire::decode_record(&outgoing.record).unwrap();
            self.seen.insert((record.boot, record.sequence));
        }
    }

    /// With both up, until the cloud has everything; then both are told to end.
    pub(crate) fn drain(&mut self, mut cloud: Option<Process>) {
        let cloud = cloud.take().unwrap_or_else(|| self.start("jxz-cloud"));
        let started = Instant::now();
        let mut edge = self.start_anew();
        loop {
            assert!(started.elapsed() < PATIENCE, "the cloud does not get everything: {:?}", self.status());
            sleep(Duration::from_millis(500));
            let Some(status) = self.status() else { continue };
            let behind = status["must_arrive"]["pending"].as_u64().unwrap() > 5;
            if behind || status["cloud_connected"] != true || status["uptime_s"].as_f64().unwrap() < 1.0 {
                continue;
            }
            edge.end();
            if self.status().unwrap()["must_arrive"]["pending"] == 0 {
                break;
            }
            edge = self.start_anew();
        }
        self.look();
        cloud.end();
        self.stop.store(true, Ordering::Relaxed);
        self.sensors.take().unwrap().join().unwrap();
    }

    /// What the cloud has, in the order in which it stored it.
    pub(crate) fn stored(&self) -> Vec<(Key, String)> {
        let paths = fs::read_dir(self.home.path().join("records")).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|kind| kind == "jsonl")).collect();
        files.sort();
        let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
        let record = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap();
            let kind = record["body"].as_object().unwrap().keys().next().unwrap().clone();
            ((record["boot"].as_u64().unwrap(), record["sequence"].as_u64().unwrap()), kind)
        };
        texts.flat_map(|text| text.lines().map(record).collect::<Vec<_>>()).collect()
    }

    /// Nothing lost, nothing twice, all in order.
    pub(crate) fn check(&self) {
        let stored = self.stored();
        for pair in stored.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{:?} is stored before {:?}", pair[0], pair[1]);
        }
        let keys: BTreeSet<Key> = stored.iter().map(|(key, _)| *key).collect();
        let lost: Vec<_> = self.seen.difference(&keys).collect();
        assert!(lost.is_empty(), "seen in the spool and not in the cloud: {lost:?}");
        for (boot, to) in &self.durable {
            let lost: Vec<_> = (1..=*to).filter(|sequence| !keys.contains(&(*boot, *sequence))).collect();
            assert!(lost.is_empty(), "boot {boot} said that {to} are durable; the cloud has not {lost:?}");
        }
        let warnings = stored.iter().filter(|(_, kind)| kind == "warning").count();
        let boots: BTreeSet<u64> = keys.iter().map(|(boot, _)| *boot).collect();
        println!(
            "{} records of {} boots stored once and in order, {warnings} of them warnings; {} seen in the spool",
            keys.len(),
            boots.len(),
            self.seen.len()
        );
        assert!(warnings > 0, "the sensors gave the node nothing to warn of");
    }
}

/// The sensors of one site in real time, until told to stop.
fn play(map: &Arc<Map>, site: &SiteId, to: SocketAddr, stop: &AtomicBool) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let scenario = fs::read_to_string(root().join("seeds/scenarios/demo.toml")).unwrap();
    let scenario = Scenario::from_toml(&scenario).unwrap();
    let (started, utc) = (Instant::now(), jxz_link::utc_now());
    let mut sim = Simulation::new(Arc::clone(map), &scenario, 7, utc).unwrap();
    let (mut steps, mut waiting) = (0_u32, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let now = started.elapsed();
        if STEP * steps <= now {
            let StepOutput { scans, .. } = sim.step();
            steps += 1;
            waiting.extend(scans.into_iter().filter(|sent| sent.site == *site));
        }
        waiting.retain(|sent| {
            let due = sent.arrives.since(Virtual::ZERO) <= now;
            if due {
                // With no node there, nobody hears it.
                let _ = socket.send_to(&jxz_wire::encode_scan(&sent.scan), to);
            }
            !due
        });
        sleep(Duration::from_millis(2));
    }
}

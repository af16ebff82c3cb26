//! `kill -9` at any moment, of the node and of the cloud, with real processes, disks and sockets: what the spool said is
//! durable is in the cloud's log in the end, each record once, in order.
//!
//! `JXZ_KILLS=200` kills more often than the suite does.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]
#![allow(clippy::print_stdout, reason = "a scenario tells its figures")]

use jxz_map::Map;
use jxz_sim::{STEP, Scenario, Simulation, StepOutput};
use jxz_spool::{Limits, Spool};
use jxz_tests::{json, program, root};
use jxz_units::Instant as Virtual;
use jxz_world::SiteId;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than anything here takes: a scenario fails by its checks, not by a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Boot and sequence.
type Key = (u64, u64);

fn kills(usual: u32) -> u32 {
    std::env::var("JXZ_KILLS").map_or(usual, |n| n.parse().expect("JXZ_KILLS is a number"))
}

/// A node and a cloud that can be started and killed, and sensors that never stop.
struct Rig {
    home: TempDir,
    sensors: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    /// What was seen in the spool between two lives of the node.
    seen: BTreeSet<Key>,
    /// By boot: up to where the node said that its records are durable.
    durable: BTreeMap<u64, u64>,
}

struct Process(Child);

impl Process {
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn end(mut self) {
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
    fn new() -> Self {
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
             radio = {{ kind = \"multicast\", interface = \"lo\", group = \"239.255.59.7:{}\" }}\n",
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
        let sensors = Some(std::thread::spawn(move || play(&map, &site, to, &stopped)));
        Self { home, sensors, stop, seen: BTreeSet::new(), durable: BTreeMap::new() }
    }

    fn start(&self, name: &str) -> Process {
        let log = self.home.path().join(name).with_extension("log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = program(name);
        command.args(["run", "--config"]).arg(self.home.path().join(name).with_extension("toml"));
        Process(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// A node of which nothing is known yet.
    fn start_anew(&self) -> Process {
        // Not there if no life was long enough to write it.
        let _ = fs::remove_file(self.home.path().join("edge/status.json"));
        self.start("jxz-edge")
    }

    fn spool(&self) -> PathBuf {
        self.home.path().join("edge/spool")
    }

    fn segments(&self) -> usize {
        let newest = |entries: fs::ReadDir| {
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter_map(|name| name.strip_prefix("segment-")?.parse().ok()).max()
        };
        fs::read_dir(self.spool()).ok().and_then(newest).unwrap_or(0)
    }

    fn status(&self) -> Option<Value> {
        let path = self.home.path().join("edge/status.json");
        path.exists().then(|| json(&path))
    }

    /// After the node's death: what its spool holds, and what it had said of it.
    fn look(&mut self) {
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
    fn drain(&mut self, mut cloud: Option<Process>) {
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
    fn stored(&self) -> Vec<(Key, String)> {
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
    fn check(&self) {
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

/// How long after its start the node has its first record on disk.
fn first_record(rig: &Rig, before: usize, started: Instant) -> Option<Duration> {
    let limit = Duration::from_secs(20);
    while started.elapsed() < limit {
        if rig.segments() > before {
            return Some(started.elapsed());
        }
        sleep(Duration::from_millis(2));
    }
    None
}

#[test]
fn a_node_killed_at_any_moment_loses_nothing_that_was_durable_and_nothing_comes_twice() {
    let mut rig = Rig::new();
    let mut dice = ChaCha8Rng::seed_from_u64(20_260_809);
    let mut cloud = Some(rig.start("jxz-cloud"));
    let mut starts = Vec::new();
    for _ in 0..kills(10) {
        let (before, started) = (rig.segments(), Instant::now());
        let edge = rig.start("jxz-edge");
        // Now and then before it has begun.
        if dice.random_bool(0.8) {
            starts.push(first_record(&rig, before, started).expect("a record within seconds of the start"));
        }
        sleep(Duration::from_millis(dice.random_range(0..3000)));
        cloud = match cloud {
            Some(cloud) if dice.random_bool(0.4) => {
                cloud.kill();
                None
            }
            None if dice.random_bool(0.5) => Some(rig.start("jxz-cloud")),
            as_it_is => as_it_is,
        };
        sleep(Duration::from_millis(dice.random_range(0..500)));
        edge.kill();
        rig.look();
    }
    rig.drain(cloud);
    rig.check();
    starts.sort_unstable();
    println!(
        "from the start to the first record on disk: {:?} median, {:?} at most",
        starts[starts.len() / 2],
        starts.last()
    );
}

#[test]
fn a_cloud_killed_while_records_come_has_every_acknowledged_one_once() {
    let mut rig = Rig::new();
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let edge = rig.start("jxz-edge");
    for _ in 0..kills(10) {
        let cloud = rig.start("jxz-cloud");
        sleep(Duration::from_millis(dice.random_range(200..2500)));
        cloud.kill();
        sleep(Duration::from_millis(dice.random_range(0..400)));
    }
    edge.kill();
    rig.look();
    rig.drain(None);
    rig.check();
}

/// A small disk of its own at a folder, while there is one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where none can be mounted, which is said.
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", "size=32m", "jxz-test"]).arg(&at).stderr(Stdio::null()).status();
        if done.is_ok_and(|status| status.success()) {
            return Some(Self(at));
        }
        println!("skipped: no small disk can be mounted here (it takes root and tmpfs)");
        None
    }

    /// Until not a byte more finds room.
    fn fill(&self) {
        let mut rubbish = File::create(self.0.join("rubbish")).unwrap();
        let mut block = vec![0x5a_u8; 1 << 16];
        while !block.is_empty() {
            if rubbish.write_all(&block).is_err() {
                block.truncate(block.len() / 2);
            }
        }
    }

    fn free(&self) {
        fs::remove_file(self.0.join("rubbish")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_ends_no_node_and_costs_nothing_that_was_durable() {
    let mut rig = Rig::new();
    let Some(disk) = SmallDisk::mount(rig.home.path().join("edge")) else {
        rig.stop.store(true, Ordering::Relaxed);
        return;
    };
    let told = |rig: &Rig| {
        let status = rig.status()?;
        Some((status["uptime_s"].as_f64()?, status["must_arrive"]["durable_sequence"].as_u64()?))
    };
    let mut edge = rig.start("jxz-edge");
    let started = Instant::now();
    let durable = loop {
        assert!(started.elapsed() < PATIENCE, "nothing becomes durable: {:?}", rig.status());
        sleep(Duration::from_millis(100));
        if let Some((_, durable)) = told(&rig).filter(|(_, durable)| *durable > 0) {
            break durable;
        }
    };
    disk.fill();
    // Health alone is a record every two seconds.
    sleep(Duration::from_secs(8));
    assert!(edge.0.try_wait().unwrap().is_none(), "the node ended on a full disk");
    disk.free();
    let freed = Instant::now();
    loop {
        assert!(freed.elapsed() < PATIENCE, "with room again nothing becomes durable: {:?}", rig.status());
        assert!(edge.0.try_wait().unwrap().is_none(), "the node ended after a full disk");
        sleep(Duration::from_millis(100));
        if told(&rig).is_some_and(|(_, now)| now > durable + 4) {
            break;
        }
    }
    edge.kill();
    rig.look();
    rig.drain(None);
    rig.check();
}

//! A new process takes the place of a running node: vehicles miss nothing, no record is lost or doubled; and whatever is wrong
//! with the new one, the running one stays.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]
#![allow(clippy::print_stdout, reason = "a scenario tells its figures")]

mod rig;

use jxz_link::{Credentials, MulticastConfig, MulticastRadio, Radio, Role, UuClient};
use jxz_map::Map;
use jxz_tests::{program, root};
use jxz_v2x::{MessageKind, Profile, Received};
use rig::{PATIENCE, Rig};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// An RSM off the air.
#[derive(Debug, Clone)]
struct Heard {
    at: Instant,
    count: u8,
    /// Road users' numbers.
    numbers: BTreeSet<u16>,
}

/// A vehicle near by, on both channels.
struct Vehicle {
    heard: Arc<Mutex<Vec<Heard>>>,
    /// How long each time without 5G was.
    away: Arc<Mutex<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Vehicle {
    fn near(rig: &Rig) -> Self {
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let away = Arc::<Mutex<Vec<Duration>>>::default();
        let stop = Arc::<AtomicBool>::default();
        let map = Map::load(&root().join("seeds/island")).unwrap();
        let group = MulticastConfig { interface: "lo".to_owned(), group: rig.group };
        let (pki, uu, site) = (rig.home.path().join("pki"), rig.uu, rig.site.clone());
        let (hears, times, stopped) = (Arc::clone(&heard), Arc::clone(&away), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let radio = MulticastRadio::open(&group).unwrap();
                let by_radio = async {
                    loop {
                        let frame = radio.recv().await.unwrap().frame;
                        if frame.application_id != MessageKind::Rsm.application_id() {
                            continue;
                        }
                        let now = jxz_link::utc_now();
                        let read = jxz_v2x::decode(&frame.bytes, Profile::Day2, now, &map.frame);
                        let Ok(Received::Rsm(rsm)) = read else { panic!("{read:?}") };
                        let numbers = rsm.participants.iter().map(|participant| participant.number).collect();
                        hears.lock().unwrap().push(Heard { at: Instant::now(), count: rsm.message_count, numbers });
                    }
                };
                let over_5g = async {
                    let credentials = Credentials::load(&pki, &Role::Vehicle("0001".to_owned())).unwrap();
                    let mut since = None;
                    loop {
                        let Ok(mut client) = UuClient::connect(uu, &site, &credentials).await else {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                            continue;
                        };
                        while client.recv().await.is_some() {
                            if let Some(since) = since.take() {
                                times.lock().unwrap().push(Instant::elapsed(&since));
                            }
                        }
                        since = Some(Instant::now());
                    }
                };
                let end = async {
                    while !stopped.load(Ordering::Relaxed) {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                };
                tokio::select! { () = by_radio => {}, () = over_5g => {}, () = end => {} }
            });
        });
        Self { heard, away, stop, thread: Some(thread) }
    }

    fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    fn wait_for(&self, more: usize) {
        let (before, started) = (self.count(), Instant::now());
        while self.count() < before + more {
            assert!(started.elapsed() < PATIENCE, "the node says nothing any more");
            sleep(Duration::from_millis(20));
        }
    }

    /// Every message came, once and in order; tells the longest time between two.
    fn missed_nothing(&self) {
        let heard = self.heard.lock().unwrap();
        assert!(heard.len() > 20);
        for pair in heard.windows(2) {
            assert_eq!(pair[1].count, (pair[0].count + 1) % 128, "one is missing, or came twice: {pair:?}");
        }
        let gap = heard.windows(2).map(|pair| pair[1].at - pair[0].at).max();
        println!("{} RSM without one missing; the longest time between two {gap:?}", heard.len());
    }

    /// Most road users keep their number from any message to the next.
    fn knows_everyone_again(&self) {
        for pair in self.heard.lock().unwrap().windows(2) {
            let kept = pair[0].numbers.intersection(&pair[1].numbers).count();
            assert!(kept * 10 >= pair[0].numbers.len() * 7, "{pair:?}");
        }
    }
}

impl Drop for Vehicle {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it panicked, it has said so.
            let _ = thread.join();
        }
    }
}

fn config(rig: &Rig) -> std::path::PathBuf {
    rig.home.path().join("jxz-edge.toml")
}

fn take_over(config: &Path) -> Output {
    let mut command = program("jxz-edge");
    command.args(["take-over", "--config"]).arg(config).stdin(Stdio::null());
    // What the node that stays says later is not ours to wait for.
    let log = config.with_extension("takeover.log");
    let mut output = command.stderr(fs::File::create(&log).unwrap()).output().unwrap();
    output.stderr = fs::read(&log).unwrap();
    output
}

/// Until a new process has taken over: on a machine that is too busy for two the running one stays, as it should.
fn taken_over(config: &Path) {
    for _ in 0..10 {
        let done = take_over(config);
        if done.status.success() {
            return;
        }
        println!("once more: {}", String::from_utf8_lossy(&done.stderr));
    }
    panic!("no process has taken over");
}

/// The process that runs this configuration; there is one at most.
fn running(config: &Path) -> Option<u32> {
    let mine = |pid: &u32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        words.contains("\0run\0") && words.contains(config.to_str().unwrap())
    };
    let pids = fs::read_dir("/proc").unwrap();
    let mut found = pids.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).filter(mine);
    let first = found.next();
    assert!(found.next().is_none(), "two of one configuration");
    first
}

fn end(pid: u32) {
    assert!(Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap().success());
    let started = Instant::now();
    let lives = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"));
    while lives(pid) {
        assert!(started.elapsed() < PATIENCE, "{pid} does not end");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_new_process_takes_over_and_no_message_is_missing_and_no_record_comes_twice() {
    let mut rig = Rig::on_group(8);
    let cloud = rig.start("jxz-cloud");
    let mut first = rig.start("jxz-edge");
    let vehicle = Vehicle::near(&rig);
    vehicle.wait_for(50);
    for _ in 0..2 {
        taken_over(&config(&rig));
        vehicle.wait_for(30);
    }
    assert!(first.0.wait().unwrap().success(), "the first process ended by itself");
    vehicle.missed_nothing();
    vehicle.knows_everyone_again();
    let started = Instant::now();
    while vehicle.away.lock().unwrap().len() < 2 {
        assert!(started.elapsed() < PATIENCE, "the vehicle is not back on 5G");
        sleep(Duration::from_millis(20));
    }
    println!("without 5G for {:?}", vehicle.away.lock().unwrap());
    end(running(&config(&rig)).expect("the third process runs"));
    rig.look();
    rig.drain(Some(cloud));
    rig.check();
    let boots: BTreeSet<u64> = rig.stored().into_iter().map(|((boot, _), _)| boot).collect();
    assert!(boots.len() >= 3, "each process had records of its own: {boots:?}");
}

#[test]
fn whatever_is_wrong_with_the_new_one_the_running_one_stays() {
    let rig = Rig::on_group(9);
    let mut node = rig.start("jxz-edge");
    let vehicle = Vehicle::near(&rig);
    vehicle.wait_for(30);
    let good = fs::read_to_string(config(&rig)).unwrap();
    // A map that differs in a comment is another map.
    let other_map = rig.home.path().join("island");
    fs::create_dir(&other_map).unwrap();
    for entry in fs::read_dir(root().join("seeds/island")).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            fs::copy(entry.path(), other_map.join(entry.file_name())).unwrap();
        }
    }
    let map = fs::read_to_string(other_map.join("map.toml")).unwrap();
    fs::write(other_map.join("map.toml"), map.replace("name = \"", "name = \"New ")).unwrap();
    let island = root().join("seeds/island").canonicalize().unwrap();
    for (broken, why) in [
        (format!("colour = \"red\"\n{good}"), "colour"),
        (good.replace("/pki\"", "/no-keys\""), "no-keys"),
        (good.replace(&format!("{island:?}"), &format!("{other_map:?}")), "takes a restart"),
        (good.replace("/edge\"", "/nowhere\""), "no node answers"),
    ] {
        assert_ne!(broken, good, "{why}");
        let path = rig.home.path().join("broken.toml");
        fs::write(&path, broken).unwrap();
        let done = take_over(&path);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(why), "{why}: {said}");
        assert!(said.contains("the running one goes on"), "{said}");
    }

    // One that dies while it follows.
    let mut dying = program("jxz-edge");
    dying.args(["run", "--take-over", "--config"]).arg(config(&rig)).stdin(Stdio::null()).stdout(Stdio::null());
    let mut dying = dying.stderr(Stdio::null()).spawn().unwrap();
    vehicle.wait_for(15);
    assert!(dying.try_wait().unwrap().is_none(), "it follows");
    dying.kill().unwrap();
    dying.wait().unwrap();

    // One that is ready and then says nothing; one that is ready and dies.
    for dies in [false, true] {
        let mut heir = Heir::of(&rig);
        heir.stream.write_all(&[0, 0, 0, 1, 4]).unwrap();
        if dies {
            drop(heir);
        } else {
            assert!(heir.refused().contains("has not spoken within a round"));
        }
        vehicle.wait_for(15);
    }
    assert!(node.0.try_wait().unwrap().is_none(), "the node runs");
    vehicle.missed_nothing();

    // And after all this one that is in order takes over.
    taken_over(&config(&rig));
    vehicle.wait_for(15);
    assert!(node.0.wait().unwrap().success());
    vehicle.missed_nothing();
    end(running(&config(&rig)).unwrap());
    rig.stop.store(true, Ordering::Relaxed);
}

/// A successor that does as a scenario wants.
struct Heir {
    stream: UnixStream,
}

impl Heir {
    fn of(rig: &Rig) -> Self {
        let mut stream = UnixStream::connect(rig.home.path().join("edge/takeover.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let map = Map::load(&root().join("seeds/island")).unwrap().version;
        let hello = serde_json::json!({
            "format": 2, "software": "0", "site": rig.site.0, "map": map, "profile": Profile::default().name(),
        });
        let hello = serde_json::to_vec(&hello).unwrap();
        stream.write_all(&u32::try_from(hello.len() + 1).unwrap().to_be_bytes()).unwrap();
        stream.write_all(&[0]).unwrap();
        stream.write_all(&hello).unwrap();
        let mut heir = Self { stream };
        assert_eq!(heir.word(), (1, Vec::new()), "it may follow");
        heir
    }

    fn word(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).unwrap();
        let mut word = vec![0; u32::from_be_bytes(head) as usize];
        self.stream.read_exact(&mut word).unwrap();
        (word[0], word[1..].to_vec())
    }

    /// Why it is sent away, after all that the brain is told until then.
    fn refused(&mut self) -> String {
        loop {
            match self.word() {
                (2, why) => return String::from_utf8(why).unwrap(),
                (3, _) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

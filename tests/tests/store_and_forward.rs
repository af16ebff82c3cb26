//! `kill -9` at any moment, of the node and of the cloud, with real processes, disks and sockets: what the spool said is
//! durable is in the cloud's log in the end, each record once, in order.
//!
//! `JXZ_KILLS=200` kills more often than the suite does.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]
#![allow(clippy::print_stdout, reason = "a scenario tells its figures")]

mod rig;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rig::{PATIENCE, Rig};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn kills(usual: u32) -> u32 {
    std::env::var("JXZ_KILLS").map_or(usual, |n| n.parse().expect("JXZ_KILLS is a number"))
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
    let mut rig = Rig::on_group(7);
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
    let mut rig = Rig::on_group(7);
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
    let mut rig = Rig::on_group(7);
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

//! A real node, fed over UDP, signing what it sends: what its black box recorded replays bit for bit, also when the node
//! was killed.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_blackbox::{Entry, Recording, Replay, parts_before};
use jxz_edged::Status;
use jxz_link::{FastVerifier, MessagePlan, Plan};
use jxz_map::Map;
use jxz_security::{Algorithm, Psid};
use jxz_v2x::MessageKind;
use jxz_world::{Detection, Scan, Site};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// What the machine is given, however busy it is.
const PATIENCE: Duration = Duration::from_secs(60);

static SEEDS: LazyLock<PathBuf> =
    LazyLock::new(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island").canonicalize().unwrap());
static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| Arc::new(Map::load(&SEEDS).unwrap()));

fn site() -> &'static Site {
    MAP.sites.iter().find(|site| site.junction.is_some()).unwrap()
}

struct Node {
    child: Child,
    ingest: SocketAddr,
    state_dir: PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It has ended already unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn start(folder: &Path) -> Node {
    let psid = |kind: MessageKind| Psid(kind.application_id());
    let (roadside, vehicles) = (MessageKind::ROADSIDE.map(psid).to_vec(), MessageKind::ROAD_USERS.map(psid).to_vec());
    let plan = Plan {
        sites: vec![site().id.clone()],
        vehicles: 1,
        operators: Vec::new(),
        messages: MessagePlan { algorithm: Algorithm::Sm2, roadside, vehicles },
        now: jxz_link::utc_now(),
        days: 2,
    };
    let pki = folder.join("pki");
    jxz_link::make(&pki, &plan, false).unwrap();
    let (ingest, uu, cloud, radio) = (free_port(), free_port(), free_port(), free_port().port());
    let state_dir = folder.join("state");
    let config = format!(
        "site = {:?}\nmap = {:?}\nstate_dir = {:?}\n[ingest]\nlisten = \"{ingest}\"\n[cloud]\naddress = \"{cloud}\"\n\
         [uu]\nlisten = \"{uu}\"\n[radio]\nkind = \"multicast\"\ninterface = \"lo\"\ngroup = \"239.255.59.6:{radio}\"\n\
         [pki]\ndir = {:?}\n[log]\nfilter = \"warn\"\n",
        site().id.0,
        *SEEDS,
        state_dir,
        pki
    );
    let file = folder.join("edge.toml");
    std::fs::write(&file, config).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_jxz-edge"))
        .args(["run", "--config"])
        .arg(&file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Node { child, ingest, state_dir }
}

impl Node {
    /// Someone walks past each sensor until the black box has so many steps on disk.
    fn feed_until(&self, steps: u64) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let started = Instant::now();
        for sequence in 0.. {
            assert!(started.elapsed() < PATIENCE, "{:?}", Status::read(&self.state_dir).ok());
            for sensor in &site().sensors {
                let walker = Detection {
                    range_m: 20.0 + 0.07 * f64::from(sequence),
                    azimuth_rad: 0.1,
                    doppler_mps: sensor.doppler_sigma_mps.map(|_| 1.4),
                    class: None,
                    score: 0.9,
                    extent_m: None,
                };
                let (sensor, valid_at) = (sensor.id.clone(), jxz_link::utc_now());
                let scan = Scan { sensor, sequence, valid_at, detections: vec![walker] };
                socket.send_to(&jxz_wire::encode_scan(&scan), self.ingest).unwrap();
            }
            std::thread::sleep(Duration::from_millis(50));
            let black_box = Status::read(&self.state_dir).ok().and_then(|status| status.black_box);
            if black_box.is_some_and(|stats| stats.steps >= steps) {
                return;
            }
        }
    }

    fn newest(&self) -> PathBuf {
        let ring = std::fs::read_dir(self.state_dir.join("black_box/ring")).unwrap();
        ring.map(|file| file.unwrap().path()).max().unwrap()
    }
}

/// Replays it, and gives how many steps and outputs were the same, and whether it could be read to its end.
fn replay(newest: &Path) -> (u64, u64, bool) {
    let recording = Recording::open(&parts_before(newest).expect("the boot is whole")).unwrap();
    assert!(recording.head().measured && recording.head().security.is_some());
    let mut replay = Replay::from_boot(recording.head(), &MAP, &FastVerifier).unwrap();
    let mut whole = true;
    for entry in recording {
        match entry {
            Ok(Entry::Step(step)) => assert_eq!(replay.step(&step, &mut (), |_, _, _| {}).unwrap(), None),
            Ok(Entry::Seal(seal)) => assert_eq!(seal, replay.seal()),
            Ok(Entry::Gap(gap)) => panic!("{gap:?}"),
            Ok(Entry::Warning(..)) => {}
            Err(_) => whole = false,
        }
    }
    let (steps, outputs) = replay.counts();
    (steps, outputs, whole)
}

#[test]
fn a_nodes_black_box_replays_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(folder.path());
    node.feed_until(600);
    let stopped = Command::new("kill").args(["-TERM", &node.child.id().to_string()]).status().unwrap();
    assert!(stopped.success() && node.child.wait().unwrap().success());
    let (steps, outputs, whole) = replay(&node.newest());
    assert!(whole && steps >= 600 && outputs > 100, "{steps} steps, {outputs} outputs");
    let stats = Status::read(&node.state_dir).unwrap().black_box.unwrap();
    assert_eq!((stats.dropped, stats.lost, stats.errors), (0, 0, 0));
    assert!(stats.files >= 1 && stats.bytes > 0, "{stats:?}");
}

#[test]
fn a_node_that_was_killed_leaves_all_but_its_last_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(folder.path());
    node.feed_until(600);
    node.child.kill().unwrap();
    node.child.wait().unwrap();
    let (steps, outputs, whole) = replay(&node.newest());
    assert!(!whole && steps > 100 && outputs > 50, "{steps} steps, {outputs} outputs");
}

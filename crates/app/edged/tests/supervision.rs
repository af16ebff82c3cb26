//! The node under a service manager, and under the doctor's eye: the real program, a real notification socket.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use jxz_link::{MessagePlan, Plan, make, utc_now};
use jxz_security::Algorithm;
use jxz_world::SiteId;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

const SITE: &str = "zhongxin-minan";
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// A unit's folder: keys, state, configuration.
struct Unit {
    folder: tempfile::TempDir,
}

impl Unit {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let messages = MessagePlan { algorithm: Algorithm::EcdsaP256, ..MessagePlan::default() };
        let plan = Plan {
            sites: vec![SiteId(SITE.to_owned())],
            vehicles: 0,
            operators: vec![],
            messages,
            now: utc_now(),
            days: 30,
        };
        make(&folder.path().join("pki"), &plan, false).unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        let unit = Self { folder };
        unit.configure(|text| text);
        unit
    }

    /// The sample configuration with folders and ports of our own, changed further by `change`.
    fn configure(&self, change: impl Fn(String) -> String) {
        let sample = std::fs::read_to_string(root().join("deploy/edge.example.toml")).unwrap();
        let (hand_over, rest) = (sample.find("# Road users on their way").unwrap(), sample.find("[radio]").unwrap());
        let text = format!("{}{}", &sample[..hand_over], &sample[rest..])
            .replace("/usr/share/jiangxin/island", root().join("seeds/island").to_str().unwrap())
            .replace("/var/lib/jiangxin/edge", self.state().to_str().unwrap())
            .replace("/etc/jiangxin/pki", self.folder.path().join("pki").to_str().unwrap())
            .replace("127.0.0.1:7000", "127.0.0.1:0")
            .replace("127.0.0.1:7001", "127.0.0.1:0")
            .replace("127.0.0.1:7100", "127.0.0.1:0")
            // Nobody is there: port 9 is `discard`.
            .replace("127.0.0.1:7400", "127.0.0.1:9")
            .replace("239.255.59.5:5905", "239.255.59.77:5977");
        std::fs::write(self.config(), change(text)).unwrap();
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("edge.toml")
    }

    fn doctor(&self, json: bool) -> Output {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_jxz-edge"));
        doctor.args(["doctor", "--listen-s", "1", "--config"]).arg(self.config());
        if json {
            doctor.arg("--json");
        }
        doctor.output().unwrap()
    }
}

/// A node, and what it tells its service manager.
struct Supervised {
    child: Child,
    socket: UnixDatagram,
}

impl Supervised {
    fn start(unit: &Unit) -> Self {
        let path = unit.folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_jxz-edge"))
            .args(["run", "--config"])
            .arg(unit.config())
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "10000000")
            .spawn()
            .unwrap();
        Self { child, socket }
    }

    /// Waits for a message with this line; `None` if there is none in time.
    fn hears(&self, line: &str, within: Duration) -> Option<String> {
        let until = Instant::now() + within;
        let mut buffer = [0; 4096];
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left)).unwrap();
            let Ok(length) = self.socket.recv(&mut buffer) else { return None };
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if message.lines().any(|found| found == line) {
                return Some(message);
            }
        }
        None
    }

    fn forget_what_was_said(&self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 4096]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[test]
fn a_node_says_that_it_is_ready_that_it_lives_and_that_it_stops() {
    let unit = Unit::new();
    let mut node = Supervised::start(&unit);
    let ready = node.hears("READY=1", PATIENCE).expect("ready");
    assert!(ready.contains(&format!("STATUS=site {SITE}: up")), "{ready}");
    for _ in 0..2 {
        let alive = node.hears("WATCHDOG=1", PATIENCE).expect("a sign of life");
        assert!(alive.contains("rounds, cloud away"), "{alive}");
    }
    node.signal("-TERM");
    assert!(node.hears("STOPPING=1", PATIENCE).is_some());
    assert!(node.child.wait().unwrap().success());
}

#[test]
fn a_process_that_is_stopped_gives_no_sign_of_life_and_one_that_goes_on_does() {
    let unit = Unit::new();
    let node = Supervised::start(&unit);
    node.hears("WATCHDOG=1", PATIENCE).expect("a sign of life");
    node.signal("-STOP");
    node.forget_what_was_said();
    assert_eq!(node.hears("WATCHDOG=1", Duration::from_secs(3)), None);
    node.signal("-CONT");
    assert!(node.hears("WATCHDOG=1", PATIENCE).is_some());
}

#[test]
fn a_live_process_whose_loop_hangs_gives_no_sign_of_life() {
    let unit = Unit::new();
    let node = Supervised::start(&unit);
    node.hears("WATCHDOG=1", PATIENCE).expect("a sign of life");
    // The loop writes its status by way of this file. A pipe that nobody reads holds whoever opens it to write, as a disk
    // that has died does.
    let pipe = unit.state().join("status.json.new");
    let made = || Command::new("mkfifo").arg(&pipe).output().unwrap().status.success();
    let until = Instant::now() + PATIENCE;
    while !made() {
        assert!(Instant::now() < until, "the status file was always in the way");
    }
    // It gets there within a second; one sign of life may be on its way.
    std::thread::sleep(Duration::from_secs(2));
    node.forget_what_was_said();
    assert_eq!(node.hears("WATCHDOG=1", Duration::from_secs(3)), None);
    let state = std::fs::read_to_string(format!("/proc/{}/stat", node.child.id())).unwrap();
    assert!(!state.contains(") Z") && !state.contains(") T"), "the process itself lives: {state}");
}

#[test]
fn the_doctor_says_what_is_wrong_with_a_unit_and_what_to_do() {
    let unit = Unit::new();
    let level = |findings: &serde_json::Value, check: &str| -> Vec<String> {
        let all = findings.as_array().unwrap().iter().filter(|finding| finding["check"] == check);
        all.map(|finding| finding["level"].as_str().unwrap().to_owned()).collect()
    };
    let examined = unit.doctor(true);
    let findings: serde_json::Value = serde_json::from_slice(&examined.stdout).unwrap();
    for check in ["configuration", "radio", "port", "certificate", "expiry", "key", "messages", "map"] {
        let levels = level(&findings, check);
        assert!(!levels.is_empty() && levels.iter().all(|level| level == "ok"), "{check}: {findings:#}");
    }
    // Nobody sends, and nobody answers at the cloud's address: the node would run all the same.
    assert!(level(&findings, "sensors").iter().all(|level| level == "warn"), "{findings:#}");
    assert_eq!(level(&findings, "cloud"), ["warn"]);

    // A certificate of another site, a radio that is not there, a map without the site.
    unit.configure(|text| text.replace(SITE, "nowhere").replace("\"lo\"", "\"no-such-if\""));
    let examined = unit.doctor(false);
    let said = String::from_utf8(examined.stdout).unwrap();
    assert_eq!(examined.status.code(), Some(1), "{said}");
    for wrong in ["FAIL certificate", "FAIL radio", "FAIL map"] {
        assert!(said.contains(wrong), "{wrong} is not in:\n{said}");
    }
    assert!(said.lines().filter(|line| line.starts_with("FAIL")).all(|line| line.contains(" -> ")), "{said}");

    unit.configure(|text| format!("colour = \"red\"\n{text}"));
    let examined = unit.doctor(false);
    let said = String::from_utf8(examined.stdout).unwrap();
    assert!(examined.status.code() == Some(1) && said.contains("colour"), "{said}");
}

#[test]
fn help_and_manual_know_the_doctor() {
    let help = Command::new(env!("CARGO_BIN_EXE_jxz-edge")).args(["doctor", "--help"]).output().unwrap();
    assert!(String::from_utf8(help.stdout).unwrap().contains("Example: "));
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_jxz-edge")).arg("manual").arg(folder.path()).status().unwrap();
    assert!(made.success());
    assert!(std::fs::read_to_string(folder.path().join("jxz-edge-doctor.1")).unwrap().contains("listen"));
}

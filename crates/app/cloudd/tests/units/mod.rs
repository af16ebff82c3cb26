//! A cloud with an authority and real nodes that join it, each with sensors that deliver.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use jxz_cloudd::{AuthorityConfig, Config, Daemon, EXAMPLE};
use jxz_link::{MessagePlan, Plan, make, utc_now};
use jxz_map::Map;
use jxz_world::{Detection, Scan, Site};
use serde_json::{Value, json};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Far longer than anything here takes: a test fails by its checks, not by a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| Arc::new(Map::load(&seeds()).unwrap()));

pub(crate) fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island")
}

pub(crate) fn site(n: usize) -> &'static Site {
    &MAP.sites[n]
}

/// A cloud with an authority, of which no node has a certificate yet.
pub(crate) struct Rig {
    pub(crate) daemon: Option<Daemon>,
    pub(crate) config: Config,
    pub(crate) home: TempDir,
    /// An admin's token.
    pub(crate) admin: String,
}

impl Rig {
    pub(crate) async fn start(life: Option<Duration>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let plan = Plan {
            sites: vec![],
            vehicles: 0,
            operators: vec![],
            messages: MessagePlan::default(),
            now: utc_now(),
            days: 30,
        };
        let pki = home.path().join("authority");
        make(&pki, &plan, false).unwrap();
        let mut config = Config::parse(EXAMPLE).unwrap();
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        (config.quic.listen, config.grpc.listen, config.http.listen) = (free, free, free);
        config.data_dir = home.path().join("data");
        config.pki.dir = pki.clone();
        config.authority = Some(AuthorityConfig { dir: pki, address: None, days: 30, life });
        config.http.open_viewing = true;
        let daemon = Daemon::start_with_map(&config, Arc::clone(&MAP)).await.unwrap();
        // Where nodes have learnt to find it, it must come back.
        config.quic.listen = daemon.quic;
        let mut rig = Self { daemon: Some(daemon), config, home, admin: String::new() };
        rig.let_in().await;
        rig
    }

    /// Makes the first account, and a token of it.
    pub(crate) async fn let_in(&mut self) {
        let link = std::fs::read_to_string(self.config.data_dir.join("first-link")).unwrap();
        let token = link.trim().split_once("token=").unwrap().1;
        let body = json!({ "token": token, "name": "chief", "password": "correct horse battery" });
        let (code, head, answer) =
            self.exchange("POST", "/api/v1/first", "X-Jxz-Request: 1\r\n", &body.to_string()).await;
        assert_eq!(code, 200, "{answer}");
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let session = format!("Cookie: {}\r\nX-Jxz-Request: 1\r\n", cookie.split(';').next().unwrap());
        let body = json!({ "label": "tests", "right": "admin", "days": 1 });
        let (code, _, answer) = self.exchange("POST", "/api/v1/tokens", &session, &body.to_string()).await;
        assert!((200..300).contains(&code), "{answer}");
        self.admin = answer["token"].as_str().unwrap().to_owned();
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    pub(crate) async fn stop(&mut self) {
        self.daemon.take().unwrap().stop().await.unwrap();
    }

    pub(crate) async fn start_again(&mut self) {
        self.daemon = Some(Daemon::start_with_map(&self.config, Arc::clone(&MAP)).await.unwrap());
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let bearer = format!("Authorization: Bearer {}\r\n", self.admin);
        let (code, _, answer) = self.exchange(method, path, &bearer, &body).await;
        (code, answer)
    }

    /// Scrapes until a metric without labels is as wanted.
    pub(crate) async fn metric_when(&self, name: &str, wanted: impl Fn(f64) -> bool) {
        let started = tokio::time::Instant::now();
        loop {
            let text = self.text("/metrics").await;
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            if value.is_some_and(&wanted) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{name} is {value:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn text(&self, path: &str) -> String {
        let to = self.daemon().http;
        let mut stream = TcpStream::connect(to).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn exchange(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, Value) {
        let to = self.daemon().http;
        let mut stream = TcpStream::connect(to).await.unwrap();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {to}\r\n{headers}{kind}Content-Length: {}\r\nConnection: close\r\n\r\n\
             {body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, head.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    pub(crate) async fn node(&self, n: usize) -> Value {
        self.ask("GET", &format!("/api/v1/fleet/{}", site(n).id), None).await.1
    }

    /// Asks for a node until it is as wanted.
    pub(crate) async fn node_when(&self, n: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.when(&format!("/api/v1/fleet/{}", site(n).id), what, wanted).await
    }

    pub(crate) async fn when(&self, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = tokio::time::Instant::now();
        loop {
            let said = self.ask("GET", path, None).await.1;
            if wanted(&said) {
                return said;
            }
            assert!(started.elapsed() < PATIENCE, "in vain for {what}: {said:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn token(&self, n: usize) -> String {
        let path = format!("/api/v1/nodes/{}/join-tokens", site(n).id);
        let (code, answer) = self.ask("POST", &path, None).await;
        assert_eq!(code, 201, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    }

    /// A unit for a site, that has joined.
    pub(crate) async fn joined(&self, n: usize) -> Unit {
        let unit = Unit::new(self, n);
        unit.join(&self.token(n).await).await.unwrap();
        unit
    }

    pub(crate) async fn audit(&self) -> Vec<(String, String)> {
        let page = self.ask("GET", "/api/v1/audit?limit=1000", None).await.1;
        assert_eq!(page["first_break"], Value::Null);
        let said = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
        page["entries"].as_array().unwrap().iter().map(|e| (said(e, "action"), said(e, "detail"))).collect()
    }
}

/// A roadside unit.
pub(crate) struct Unit {
    pub(crate) site: &'static Site,
    pub(crate) config: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) ingest: SocketAddr,
    /// Whether its sensors deliver.
    pub(crate) sees: Arc<AtomicBool>,
}

impl Unit {
    pub(crate) fn new(rig: &Rig, n: usize) -> Self {
        let folder = rig.home.path().join(format!("unit-{n}"));
        std::fs::create_dir_all(&folder).unwrap();
        let ingest = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = folder.join("edge.toml");
        let text = format!(
            "site = \"{site}\"\nmap = \"{map}\"\nstate_dir = \"{dir}/state\"\n[ingest]\nlisten = \"{ingest}\"\n\
             [cloud]\naddress = \"{cloud}\"\n[uu]\nlisten = \"127.0.0.1:0\"\n\
             [radio]\nkind = \"multicast\"\ninterface = \"lo\"\ngroup = \"239.255.61.{group}:{port}\"\n\
             [pki]\ndir = \"{dir}/pki\"\n[security]\nenabled = false\n",
            site = site(n).id,
            map = seeds().display(),
            dir = folder.display(),
            cloud = rig.daemon().quic,
            group = n + 1,
            port = ingest.port(),
        );
        std::fs::write(&config, text).unwrap();
        Self { site: site(n), config, folder, ingest, sees: Arc::new(AtomicBool::new(true)) }
    }

    pub(crate) async fn join(&self, token: &str) -> anyhow::Result<()> {
        jxz_edged::join_cloud(&jxz_edged::Config::read(&self.config)?, token).await
    }

    /// Runs the node and its sensors until it is stopped.
    pub(crate) fn run(&self) -> Running {
        let config = jxz_edged::Config::read(&self.config).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let done = Arc::new(AtomicBool::new(false));
        let node = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(jxz_edged::run(config, async {
                let _ = stopped.await;
            }))
        });
        let (site, to, sees, over) = (self.site, self.ingest, Arc::clone(&self.sees), Arc::clone(&done));
        let sensors = std::thread::spawn(move || deliver(site, to, &sees, &over));
        Running { stop: Some(stop), done, threads: Some((node, sensors)) }
    }

    pub(crate) fn status(&self) -> Option<jxz_edged::Status> {
        jxz_edged::Status::read(&self.folder.join("state")).ok()
    }
}

/// Ten scans a second of each sensor, with an echo that stands still.
pub(crate) fn deliver(site: &Site, to: SocketAddr, sees: &AtomicBool, over: &AtomicBool) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for sequence in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        for sensor in site.sensors.iter().filter(|_| sees.load(Ordering::Relaxed)) {
            let echo = Detection {
                range_m: 40.0,
                azimuth_rad: 0.1,
                doppler_mps: sensor.doppler_sigma_mps.map(|_| 0.0),
                class: None,
                score: 0.9,
                extent_m: None,
            };
            let scan = Scan { sensor: sensor.id.clone(), sequence, valid_at: utc_now(), detections: vec![echo] };
            let _ = socket.send_to(&jxz_wire::encode_scan(&scan), to);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) struct Running {
    stop: Option<oneshot::Sender<()>>,
    done: Arc<AtomicBool>,
    threads: Option<(std::thread::JoinHandle<anyhow::Result<()>>, std::thread::JoinHandle<()>)>,
}

impl Running {
    pub(crate) async fn stop(mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.stop.take();
        let (node, sensors) = self.threads.take().unwrap();
        tokio::task::spawn_blocking(move || {
            node.join().unwrap().unwrap();
            sensors.join().unwrap();
        })
        .await
        .unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// The applications whose warnings are alive at the cloud's own twin, by the console's frames.
pub(crate) async fn warning_applications(rig: &Rig) -> Vec<String> {
    use futures_util::StreamExt;
    use jxz_wire::console::v1 as wire;
    use prost::Message;
    let address = format!("ws://{}/ws/v1", rig.daemon().http);
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let message = socket.next().await.unwrap().unwrap();
    let frame = wire::Frame::decode(message.into_data()).unwrap();
    let Some(wire::frame::Body::Update(update)) = frame.body else { panic!("an update") };
    let alive = |warning: &&wire::WarningState| warning.stage != "cancelled" && [1, 2].contains(&warning.freshness);
    let mut names: Vec<String> = update.warnings.iter().filter(alive).map(|w| w.application.clone()).collect();
    names.sort();
    names.dedup();
    names
}

pub(crate) async fn warned_of(rig: &Rig, expected: &[&str]) {
    let started = tokio::time::Instant::now();
    loop {
        let names = warning_applications(rig).await;
        if names == expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{names:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

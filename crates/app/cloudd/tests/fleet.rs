//! The cloud manages real nodes: they join, run what they are told, and are cut off.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use jxz_cloudd::{AuthorityConfig, Config, Daemon, EXAMPLE};
use jxz_geo::Point;
use jxz_link::{MessagePlan, Plan, Role, make, utc_now};
use jxz_map::Map;
use jxz_world::{Detection, Scan, Site, SiteId};
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
const PATIENCE: Duration = Duration::from_secs(90);

static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| Arc::new(Map::load(&seeds()).unwrap()));

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island")
}

fn site(n: usize) -> &'static Site {
    &MAP.sites[n]
}

/// A cloud with an authority, of which no node has a certificate yet.
struct Rig {
    daemon: Option<Daemon>,
    config: Config,
    home: TempDir,
    /// An admin's token.
    admin: String,
}

impl Rig {
    async fn start(life: Option<Duration>) -> Self {
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
    async fn let_in(&mut self) {
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

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    async fn stop(&mut self) {
        self.daemon.take().unwrap().stop().await.unwrap();
    }

    async fn start_again(&mut self) {
        self.daemon = Some(Daemon::start_with_map(&self.config, Arc::clone(&MAP)).await.unwrap());
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let bearer = format!("Authorization: Bearer {}\r\n", self.admin);
        let (code, _, answer) = self.exchange(method, path, &bearer, &body).await;
        (code, answer)
    }

    async fn exchange(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, Value) {
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

    async fn node(&self, n: usize) -> Value {
        self.ask("GET", &format!("/api/v1/fleet/{}", site(n).id), None).await.1
    }

    /// Asks for a node until it is as wanted.
    async fn node_when(&self, n: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.when(&format!("/api/v1/fleet/{}", site(n).id), what, wanted).await
    }

    async fn when(&self, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
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

    async fn token(&self, n: usize) -> String {
        let path = format!("/api/v1/nodes/{}/join-tokens", site(n).id);
        let (code, answer) = self.ask("POST", &path, None).await;
        assert_eq!(code, 201, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    }

    /// A unit for a site, that has joined.
    async fn joined(&self, n: usize) -> Unit {
        let unit = Unit::new(self, n);
        unit.join(&self.token(n).await).await.unwrap();
        unit
    }

    async fn audit(&self) -> Vec<(String, String)> {
        let page = self.ask("GET", "/api/v1/audit?limit=1000", None).await.1;
        assert_eq!(page["first_break"], Value::Null);
        let said = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
        page["entries"].as_array().unwrap().iter().map(|e| (said(e, "action"), said(e, "detail"))).collect()
    }
}

/// A roadside unit.
struct Unit {
    site: &'static Site,
    config: PathBuf,
    folder: PathBuf,
    ingest: SocketAddr,
    /// Whether its sensors deliver.
    sees: Arc<AtomicBool>,
}

impl Unit {
    fn new(rig: &Rig, n: usize) -> Self {
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

    async fn join(&self, token: &str) -> anyhow::Result<()> {
        jxz_edged::join_cloud(&jxz_edged::Config::read(&self.config)?, token).await
    }

    /// Runs the node and its sensors until it is stopped.
    fn run(&self) -> Running {
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

    fn status(&self) -> Option<jxz_edged::Status> {
        jxz_edged::Status::read(&self.folder.join("state")).ok()
    }
}

/// Ten scans a second of each sensor, with an echo that stands still.
fn deliver(site: &Site, to: SocketAddr, sees: &AtomicBool, over: &AtomicBool) {
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

struct Running {
    stop: Option<oneshot::Sender<()>>,
    done: Arc<AtomicBool>,
    threads: Option<(std::thread::JoinHandle<anyhow::Result<()>>, std::thread::JoinHandle<()>)>,
}

impl Running {
    async fn stop(mut self) {
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

/// Ice and works at a site, of which HLW and ROAD_WORKS warn whether anyone is there or not.
fn ice_and_works(n: usize) -> Value {
    let Point { coords, .. } = site(n).position;
    let at = |hazard: &str| json!({ "hazard": hazard, "east_m": coords.x, "north_m": coords.y, "radius_m": 30.0, "safe_mps": 8.0 });
    json!({ "conditions": { "1": at("ice"), "2": at("works") }, "health_s": 0.5 })
}

fn state_of(node: &Value, application: &str) -> Value {
    let rows = node["applications"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == application).unwrap()["state"].clone()
}

/// The applications whose warnings are alive at the cloud's own twin, by the console's frames.
async fn warning_applications(rig: &Rig) -> Vec<String> {
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

async fn warned_of(rig: &Rig, expected: &[&str]) {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_joins_with_its_token_once_and_no_other_way() {
    let mut rig = Rig::start(None).await;
    let (first, other) = (Unit::new(&rig, 0), Unit::new(&rig, 1));
    let token = rig.token(0).await;
    let refused = other.join(&token).await.unwrap_err();
    assert!(format!("{refused:#}").contains("for another site"), "{refused:#}");
    first.join(&token).await.unwrap();
    let replayed = first.join(&token).await.unwrap_err();
    assert!(format!("{replayed:#}").contains("has been used"), "{replayed:#}");
    let made_up = token.rsplit_once('/').map(|(front, _)| format!("{front}/{}", "0f".repeat(16))).unwrap();
    assert!(format!("{:#}", first.join(&made_up).await.unwrap_err()).contains("no such token"));
    let path = format!("/api/v1/nodes/{}/join-tokens", site(0).id);
    let short = rig.ask("POST", &path, Some(json!({ "hours": 0.01 }))).await.1;
    assert!(short["expires_at_ms"].as_i64().unwrap() - utc_now().unix_ms() <= 36_000);
    assert_eq!(rig.ask("POST", &path, Some(json!({ "hours": 1e9 }))).await.0, 400);
    assert_eq!(rig.ask("POST", "/api/v1/nodes/nowhere/join-tokens", None).await.0, 404);

    let running = first.run();
    let node = rig.node_when(0, "the node to be connected", |node| node["connected"] == true).await;
    assert_eq!(node["managed"], true);
    assert_eq!(node["certificate"]["serial"], node["certificates"][0]["serial"]);
    assert_eq!(
        (&node["certificates"][0]["issued_for"], node["certificates"].as_array().unwrap().len()),
        (&json!("join"), 1)
    );
    // Its key was made there and is nowhere else.
    assert!(Role::Node(site(0).id.clone()).key_path(&first.folder.join("pki")).exists());
    assert!(!rig.home.path().join("authority/node").exists());

    let audit = rig.audit().await;
    let count = |action: &str| audit.iter().filter(|(a, _)| a == action).count();
    assert_eq!((count("node.join"), count("node.join_refused"), count("node.make_token")), (1, 3, 2));
    let secret = token.rsplit('/').next().unwrap();
    assert!(audit.iter().all(|(_, detail)| !detail.contains(secret)));
    let stored = std::fs::read(rig.config.data_dir.join("catalogue.sqlite3-wal")).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&stored).contains(secret), "only its hash is stored");
    running.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_authority_nobody_joins_and_the_cloud_says_why() {
    let mut rig = Rig::start(None).await;
    let token = rig.token(0).await;
    rig.stop().await;
    rig.config.authority = None;
    rig.start_again().await;
    let (code, answer) = rig.ask("POST", &format!("/api/v1/nodes/{}/join-tokens", site(0).id), None).await;
    assert_eq!((code, &answer["error"]["code"]), (503, &json!("no_authority")));
    assert!(answer["error"]["message"].as_str().unwrap().contains("[authority]"));
    assert!(Unit::new(&rig, 0).join(&token).await.is_err());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_switched_off_while_the_others_go_on_and_stays_off_without_a_cloud() {
    let mut rig = Rig::start(None).await;
    let unit = rig.joined(0).await;
    let running = unit.run();
    let path = format!("/api/v1/nodes/{}/configuration", site(0).id);
    assert_eq!(rig.ask("PATCH", &path, Some(ice_and_works(0))).await.0, 202);
    let node =
        rig.node_when(0, "the conditions to be taken on", |node| node["configuration"]["state"] == "applied").await;
    assert_eq!(node["configuration"]["desired"]["digest"], node["configuration"]["actual"]["digest"]);
    warned_of(&rig, &["hlw", "road_works"]).await;

    let switch = format!("/api/v1/nodes/{}/applications/hlw", site(0).id);
    let (code, answer) = rig.ask("PUT", &switch, Some(json!({ "on": false }))).await;
    assert_eq!((code, &answer["revision"]), (202, &json!(2)));
    let node = rig.node_when(0, "hlw to be off", |node| state_of(node, "hlw") == "off").await;
    assert_eq!(state_of(&node, "road_works"), "on");
    let on = node["applications"].as_array().unwrap().iter().filter(|row| row["state"] == "on").count();
    assert_eq!(on, 19, "no other application is touched");
    warned_of(&rig, &["road_works"]).await;

    // What no node could run is refused where it is said, and changes nothing.
    for bad in [json!({ "hazard": { "warp": {} } }), json!({ "hazard": { "fcw": { "probability": { "raise": 7 } } } })]
    {
        let (code, answer) = rig.ask("PATCH", &path, Some(bad)).await;
        assert_eq!((code, &answer["error"]["code"]), (400, &json!("bad_configuration")), "{answer}");
    }
    // What passes there and not at the node comes back as the node's word.
    assert_eq!(rig.ask("PATCH", &path, Some(json!({ "health_s": 60.0 }))).await.0, 202);
    let node = rig.node_when(0, "the node to reject it", |node| node["configuration"]["state"] == "rejected").await;
    assert!(node["configuration"]["reason"].as_str().unwrap().contains("health_s"), "{node:#}");
    assert_eq!(node["configuration"]["actual"]["revision"], 2, "it runs what it ran");
    assert_eq!(rig.ask("PATCH", &path, Some(json!({ "health_s": 0.5 }))).await.0, 202);
    rig.node_when(0, "the node to take it", |node| node["configuration"]["state"] == "applied").await;

    running.stop().await;
    rig.stop().await;
    // No cloud: what the node does, it does by what it kept.
    std::fs::remove_file(unit.folder.join("state/status.json")).unwrap();
    let running = unit.run();
    let started = tokio::time::Instant::now();
    let status = loop {
        if let Some(status) = unit.status() {
            break status;
        }
        assert!(started.elapsed() < PATIENCE, "the node writes its status");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(!status.cloud_connected);
    assert_eq!(status.running.config.map(|config| config.revision), Some(4));
    assert!(!status.running.applications.contains(&jxz_world::Application::Hlw));
    assert_eq!(status.running.applications.len(), 19);

    rig.start_again().await;
    rig.node_when(0, "the node to come back", |node| {
        node["connected"] == true && node["configuration"]["state"] == "applied" && state_of(node, "hlw") == "off"
    })
    .await;
    warned_of(&rig, &["road_works"]).await;
    running.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_is_cut_off_at_once_and_may_join_anew() {
    let mut rig = Rig::start(None).await;
    let unit = rig.joined(0).await;
    let running = unit.run();
    let before = rig.node_when(0, "the node to be connected", |node| node["connected"] == true).await;
    let old_token = rig.token(0).await;
    assert_eq!(rig.ask("POST", &format!("/api/v1/nodes/{}/revoke", site(0).id), None).await.0, 200);
    rig.node_when(0, "the node to be cut off", |node| node["connected"] == false).await;
    assert!(unit.join(&old_token).await.is_err(), "tokens made before are void too");
    rig.when("/api/v1/status", "it to be refused when it tries again", |status| {
        status["dropped"]["peer_refused"].as_u64() >= Some(3)
    })
    .await;
    assert_eq!(rig.node(0).await["connected"], false);
    running.stop().await;
    rig.stop().await;
    rig.start_again().await;
    // Nor after the cloud was started anew.
    let running = unit.run();
    rig.when("/api/v1/status", "it to be refused still", |status| {
        status["dropped"]["peer_refused"].as_u64() >= Some(2)
    })
    .await;
    running.stop().await;

    unit.join(&rig.token(0).await).await.unwrap();
    let running = unit.run();
    let after = rig.node_when(0, "the node to be back", |node| node["connected"] == true).await;
    assert_ne!(before["certificate"]["serial"], after["certificate"]["serial"]);
    assert!(!after["certificates"][1]["revoked_at_ms"].is_null());
    running.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_renews_its_certificate_by_itself_and_stays() {
    let mut rig = Rig::start(Some(Duration::from_secs(20))).await;
    let unit = rig.joined(0).await;
    let running = unit.run();
    let first = rig.node_when(0, "the node to be connected", |node| node["connected"] == true).await;
    let serial = first["certificate"]["serial"].clone();
    let renewed = rig
        .node_when(0, "a connection with the next certificate", |node| {
            node["connected"] == true && node["certificate"]["serial"] != serial
        })
        .await;
    assert_eq!(renewed["certificates"][0]["issued_for"], "renewal");
    assert!(renewed["certificates"].as_array().unwrap().iter().all(|row| row["revoked_at_ms"].is_null()));
    let audit = rig.audit().await;
    assert!(audit.iter().any(|(action, _)| action == "node.renew"));
    running.stop().await;
    rig.stop().await;
}

async fn start_rollout(rig: &Rig, soak_s: f64) -> i64 {
    let sites = [&site(0).id, &site(1).id];
    let request = json!({ "sites": sites, "canary": site(0).id, "soak_s": soak_s, "patience_s": 30.0,
        "change": { "hazard": { "tjw": { "enabled": false } } } });
    let (code, answer) = rig.ask("POST", "/api/v1/rollouts", Some(request)).await;
    assert_eq!(code, 201, "{answer}");
    answer["number"].as_i64().unwrap()
}

/// Two nodes that serve in full and report twice a second.
async fn two(rig: &Rig) -> [(Unit, Running); 2] {
    let (first, second) = (rig.joined(0).await, rig.joined(1).await);
    let running = [first.run(), second.run()];
    for n in 0..2 {
        let path = format!("/api/v1/nodes/{}/configuration", site(n).id);
        assert_eq!(rig.ask("PATCH", &path, Some(json!({ "health_s": 0.5 }))).await.0, 202);
    }
    for n in 0..2 {
        rig.node_when(n, "the node to serve in full", |node| {
            node["service"]["level"] == "full" && node["configuration"]["state"] == "applied"
        })
        .await;
    }
    let [a, b] = running;
    [(first, a), (second, b)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_out_reaches_everyone_also_when_the_cloud_is_started_anew_in_the_middle() {
    let mut rig = Rig::start(None).await;
    let nodes = two(&rig).await;
    let number = start_rollout(&rig, 4.0).await;
    let path = format!("/api/v1/rollouts/{number}");
    rig.when(&path, "the first site to soak", |rollout| rollout["phase"] == "soaking").await;
    assert_eq!(state_of(&rig.node(1).await, "tjw"), "on", "the second waits");
    let (code, answer) =
        rig.ask("PUT", &format!("/api/v1/nodes/{}/applications/fcw", site(1).id), Some(json!({ "on": false }))).await;
    assert_eq!((code, &answer["error"]["code"]), (409, &json!("conflict")), "nobody meddles meanwhile");
    rig.stop().await;
    rig.start_again().await;
    let done = rig.when(&path, "the roll-out to be over", |rollout| rollout["over"] == true).await;
    assert_eq!((&done["phase"], &done["why"]), (&json!("done"), &Value::Null), "{done:#}");
    for n in 0..2 {
        rig.node_when(n, "tjw to be off", |node| state_of(node, "tjw") == "off").await;
    }
    for (_, running) in nodes {
        running.stop().await;
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_out_whose_first_site_falls_short_is_taken_back_by_itself() {
    let mut rig = Rig::start(None).await;
    let nodes = two(&rig).await;
    let number = start_rollout(&rig, 60.0).await;
    let path = format!("/api/v1/rollouts/{number}");
    rig.node_when(0, "the first site to run the change", |node| state_of(node, "tjw") == "off").await;
    nodes[0].0.sees.store(false, Ordering::Relaxed);
    let over = rig.when(&path, "the roll-out to be over", |rollout| rollout["over"] == true).await;
    assert_eq!(over["phase"], "rolled_back", "{over:#}");
    assert!(over["why"].as_str().unwrap().contains("sensor_silent"), "{over:#}");
    rig.node_when(0, "the first site to have back what it had", |node| {
        state_of(node, "tjw") == "on" && node["configuration"]["state"] == "applied"
    })
    .await;
    assert_eq!(rig.node(1).await["configuration"]["desired"]["revision"], 1, "the second was never touched");
    let (code, answer) =
        rig.ask("POST", "/api/v1/rollouts", Some(json!({ "sites": "all", "canary": site(0).id, "change": {} }))).await;
    assert_eq!((code, &answer["error"]["code"]), (409, &json!("unfit_canary")), "{answer}");
    let actions: Vec<String> = rig.audit().await.into_iter().map(|(action, _)| action).collect();
    for action in ["rollout.start", "rollout.end", "node.configure"] {
        assert!(actions.iter().any(|a| a == action), "{action} in {actions:?}");
    }
    for (_, running) in nodes {
        running.stop().await;
    }
    rig.stop().await;
}

#[test]
fn sites_of_the_map_have_names_that_certificates_can_carry() {
    for site in &MAP.sites {
        assert!(Role::Node(SiteId(site.id.0.clone())).check().is_ok(), "{}", site.id);
    }
}

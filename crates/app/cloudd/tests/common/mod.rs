//! A cloud on free ports of loopback with its own authority, two sites in its map, and nodes that speak to it.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use jxz_cloudd::{Config, Daemon, EXAMPLE};
use jxz_geo::{LocalFrame, Point, Polyline, Vector, Wgs84};
use jxz_link::{Credentials, MessagePlan, Plan, Role, Uplink, UplinkConfig, make, utc_now};
use jxz_map::Map;
use jxz_units::Heading;
use jxz_world::*;
use nalgebra::Matrix4;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Far longer than anything here takes: a test fails by its checks, not by a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ORIGIN: Wgs84 = Wgs84 { lat_deg: 32.03, lon_deg: 118.7 };

/// A running cloud and the folders it lives in.
pub(crate) struct Rig {
    pub(crate) daemon: Daemon,
    pub(crate) config: Config,
    pub(crate) home: TempDir,
    /// A token of the admin `chief`, whose password is [`PASSWORD`].
    pub(crate) admin: String,
}

/// The password of every account of the tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

impl Rig {
    /// A cloud at which everybody on this machine may look, with an admin.
    pub(crate) async fn start() -> Self {
        let mut rig = Self::start_without_accounts(|config| config.http.open_viewing = true).await;
        let link = std::fs::read_to_string(rig.config.data_dir.join("first-link")).unwrap();
        let token = link.trim().split_once("token=").unwrap().1;
        let body = json!({ "token": token, "name": "chief", "password": PASSWORD });
        let made = rig.ask("POST", "/api/v1/first", "", &body).await;
        assert_eq!(made.status, 200, "{}", made.body);
        let session = made.session();
        let body = json!({ "label": "tests", "right": "admin", "days": 1 });
        let made = rig.ask("POST", "/api/v1/tokens", &session, &body).await;
        rig.admin = made.json()["token"].as_str().unwrap().to_owned();
        rig
    }

    /// A cloud at which nobody may look without a log-in, with an admin.
    pub(crate) async fn start_closed() -> Self {
        let mut rig = Self::start().await;
        rig.config.http.open_viewing = false;
        rig.restart().await
    }

    /// A cloud as it is started for the first time.
    pub(crate) async fn start_without_accounts(change: impl FnOnce(&mut Config)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let sites = vec![SiteId("north".into()), SiteId("south".into())];
        let plan = Plan {
            sites,
            vehicles: 1,
            operators: vec!["duty".to_owned()],
            messages: MessagePlan::default(),
            now: utc_now(),
            days: 30,
        };
        make(&home.path().join("pki"), &plan, false).unwrap();
        let mut config = Config::parse(EXAMPLE).unwrap();
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        (config.quic.listen, config.grpc.listen, config.http.listen) = (free, free, free);
        config.data_dir = home.path().join("data");
        config.pki.dir = home.path().join("pki");
        config.http.console_dir = Some(home.path().join("console"));
        change(&mut config);
        let daemon = Daemon::start_with_map(&config, Arc::new(map())).await.unwrap();
        Self { daemon, config, home, admin: String::new() }
    }

    /// Stops the cloud and starts another on the same data.
    pub(crate) async fn restart(self) -> Self {
        self.daemon.stop().await.unwrap();
        let daemon = Daemon::start_with_map(&self.config, Arc::new(map())).await.unwrap();
        Self { daemon, ..self }
    }

    pub(crate) fn pki(&self) -> &Path {
        &self.config.pki.dir
    }

    /// A node's link to this cloud.
    pub(crate) fn node(&self, site: &str, boot: u64) -> Uplink {
        let site = SiteId(site.to_owned());
        let credentials = Credentials::load(self.pki(), &Role::Node(site.clone())).unwrap();
        Uplink::spawn(UplinkConfig::new(self.daemon.quic.to_string(), site, boot, credentials)).unwrap()
    }

    /// Status and body of a GET by the admin.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let host = self.daemon.http.to_string();
        let bearer = if self.admin.is_empty() { String::new() } else { self.bearer() };
        get(self.daemon.http, path, &format!("Host: {host}\r\n{bearer}")).await
    }

    /// The admin's header line.
    pub(crate) fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.admin)
    }

    /// Any request with header lines of one's own, and a body unless it is `null`.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = format!("Content-Type: application/json\r\n{headers}");
        ask(self.daemon.http, method, path, &headers, &body).await
    }

    /// Asks by the admin for what must be granted.
    pub(crate) async fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(method, path, &self.bearer(), body).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Makes an account that has taken up its invitation, and returns the header lines of its session.
    pub(crate) async fn person(&self, name: &str, right: &str) -> String {
        let invitation = self.command("POST", "/api/v1/accounts", &json!({ "name": name, "right": right })).await;
        let body = json!({ "token": invitation["token"], "password": PASSWORD });
        let begun = self.ask("POST", "/api/v1/invitation", "", &body).await;
        assert_eq!(begun.status, 200, "{}", begun.body);
        begun.session()
    }

    /// Status and body of a GET by the admin that answers bytes.
    pub(crate) async fn get_bytes(&self, path: &str) -> (u16, Vec<u8>) {
        raw(self.daemon.http, path, &self.bearer()).await
    }

    /// Asks for JSON until it is as wanted.
    pub(crate) async fn json_when(&self, path: &str, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let asking = async {
            loop {
                let answer = serde_json::from_str(&self.get(path).await.1).unwrap();
                if wanted(&answer) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("an answer as wanted, in time")
    }

    /// Asks for the status until it is as wanted.
    pub(crate) async fn status_when(&self, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let asking = async {
            loop {
                let status = serde_json::from_str(&self.get("/api/v1/status").await.1).unwrap();
                if wanted(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("a status as wanted, in time")
    }
}

/// Status and body of a GET with the headers given.
pub(crate) async fn get(to: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    let answer = exchange(to, &request).await;
    (answer.status, answer.body)
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.head, self.body))
    }

    /// An error's code, which also checks its shape.
    pub(crate) fn code(&self) -> String {
        let error = &self.json()["error"];
        assert!(error["message"].is_string() && error["causes"].is_array(), "{} {}", self.head, self.body);
        error["code"].as_str().unwrap().to_owned()
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The header lines of the session that the answer's cookie begins, as our page sends them.
    pub(crate) fn session(&self) -> String {
        let cookie = self.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {} {}", self.head, self.body));
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        format!("Cookie: {}\r\nX-Jxz-Request: 1\r\n", cookie.split(';').next().unwrap())
    }
}

/// A request with a body and header lines.
pub(crate) async fn ask(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    exchange(to, &request).await
}

async fn exchange(to: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // A server that refuses by the head alone may close before it has read the body.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Status and body of a GET by HTTP/1.0, so that the body comes as it is.
async fn raw(to: SocketAddr, path: &str, headers: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {to}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), answer[end + 4..].to_vec())
}

pub(crate) fn map() -> Map {
    let site = |name: &str, at| Site {
        id: SiteId(name.into()),
        name_zh: format!("{name}站"),
        name_en: name.into(),
        position: at,
        coverage_m: 150.0,
        junction: None,
        sensors: vec![],
    };
    Map {
        frame: LocalFrame::new(ORIGIN).unwrap(),
        name: "two sites".into(),
        version: "v-test".into(),
        credit: "nobody".into(),
        lanes: vec![],
        links: vec![],
        junctions: vec![],
        crossings: vec![],
        bus_stops: vec![],
        sites: vec![site("north", Point::new(0.0, 500.0)), site("south", Point::new(0.0, -500.0))],
        base_stations: vec![],
    }
}

/// A state that holds for a minute, with a car at the frame's origin heading south-east and one 300 m east of it.
pub(crate) fn state(site: &str, boot: u64, sequence: u64) -> NodeState {
    let at = utc_now();
    let car = |id, east| Track {
        id: TrackId(id),
        island: IslandId(id),
        valid_at: at,
        measured_at: at,
        since: at,
        position: Point::new(east, 0.0),
        velocity: Vector::new(3.0, -4.0),
        covariance: Matrix4::identity(),
        existence: 0.99,
        class: ClassBelief::from_weights([8.0, 1.0, 1.0]),
        extent_m: Some((4.5, 1.8)),
        heading: (id == 1).then(|| Heading::from_deg(135.0)),
        vehicle: None,
        sources: Sources::default(),
    };
    let tracks = vec![car(1, 0.0), car(2, 300.0)];
    let signals = Some(JunctionSignals {
        junction: JunctionId("crossroads".into()),
        valid_at: at,
        phases: vec![PhaseSignal {
            phase: PhaseId(3),
            light: Light::PermissiveGreen,
            likely_end: at.plus_seconds(20.0),
            next: None,
        }],
    });
    NodeState { site: SiteId(site.into()), boot, sequence, valid_at: at, valid_for_s: 60.0, tracks, signals }
}

/// A collision warning that holds for a minute.
pub(crate) fn warning(site: &str, boot: u64, sequence: u64) -> Record {
    let at = utc_now();
    let warning = Warning {
        id: WarningId(0xabcd_0000_0000_0000 + sequence),
        revision: 1,
        application: Application::Icw,
        level: Level::Warning,
        stage: WarningStage::Raised,
        cause: Cause::Conflict { time_to_conflict_s: 2.0, post_encroachment_s: 0.3, closest_m: 0.5 },
        about: vec![TrackId(2)],
        concerned: vec![Concerned { track: TrackId(1), vehicle: None }],
        place: Place {
            at: Point::origin(),
            path: Polyline::try_from(vec![[-50.0, 0.0], [0.0, 0.0]]).unwrap(),
            radius_m: 3.0,
        },
        paths: Vec::new(),
        since: at,
        sensed_at: at,
        valid_until: at.plus_seconds(60.0),
        confidence: 0.9,
    };
    Record { site: SiteId(site.into()), boot, sequence, body: RecordBody::Warning(warning) }
}

/// A health report with one stage and one cause of drops.
pub(crate) fn health(site: &str, boot: u64, sequence: u64) -> Record {
    let mut drops = Drops::default();
    drops.add(DropCause::SensorStale, 17);
    let health = NodeHealth {
        at: utc_now(),
        uptime_s: 9.0,
        software_version: "0.1.0".into(),
        map_version: "v-test".into(),
        sensors: vec![],
        latencies: vec![StageLatency { stage: LatencyStage::Fuse, p50_ms: 1.25, p99_ms: 2.5, count: 40 }],
        drops,
        tracks: 2,
        warnings: 1,
        subscribers: 0,
        spool: None,
        service: None,
        running: jxz_world::Running::default(),
    };
    Record { site: SiteId(site.into()), boot, sequence, body: RecordBody::Health(health) }
}

/// A gRPC channel under the certificate of a role, or under none.
pub(crate) async fn channel(rig: &Rig, role: Option<&Role>) -> Result<Channel, tonic::transport::Error> {
    let read = |path| std::fs::read_to_string(path).unwrap();
    let dir = rig.pki();
    let mut tls =
        ClientTlsConfig::new().domain_name("cloud.jxz").ca_certificate(Certificate::from_pem(read(dir.join("ca.pem"))));
    if let Some(role) = role {
        tls = tls.identity(Identity::from_pem(read(role.certificate_path(dir)), read(role.key_path(dir))));
    }
    let endpoint = Endpoint::from_shared(format!("https://{}", rig.daemon.grpc)).unwrap();
    endpoint.tls_config(tls)?.connect().await
}

pub(crate) fn operator() -> Role {
    Role::Operator("duty".to_owned())
}

/// The operator's channel.
pub(crate) async fn operator_channel(rig: &Rig) -> Channel {
    channel(rig, Some(&operator())).await.unwrap()
}

/// A vehicle stands so far east of the frame's origin.
pub(crate) fn stopped_vehicle(sequence: u64, east: f64) -> Record {
    let mut record = warning("north", 7, sequence);
    if let RecordBody::Warning(warning) = &mut record.body {
        warning.cause = Cause::StoppedVehicle { standing_s: 12.0 };
        warning.place.at = Point::new(east, 0.0);
    }
    record
}

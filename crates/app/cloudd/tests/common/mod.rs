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
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Far longer than anything here takes: a test fails by its checks, not by a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ORIGIN: Wgs84 = Wgs84 { lat_deg: 32.03, lon_deg: 118.7 };

/// A running cloud and the folders it lives in.
pub(crate) struct Rig {
    pub(crate) daemon: Daemon,
    pub(crate) config: Config,
    pub(crate) home: TempDir,
}

impl Rig {
    pub(crate) async fn start() -> Self {
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
        let daemon = Daemon::start_with_map(&config, Arc::new(map())).await.unwrap();
        Self { daemon, config, home }
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

    /// Status and body of a GET.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let host = self.daemon.http.to_string();
        get(self.daemon.http, path, &format!("Host: {host}\r\n")).await
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
    let mut stream = TcpStream::connect(to).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
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
    };
    Record { site: SiteId(site.into()), boot, sequence, body: RecordBody::Health(health) }
}

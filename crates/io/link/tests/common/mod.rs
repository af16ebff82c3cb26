//! What the scenarios share: an authority in a temporary folder, records and states, and a bad network.
#![allow(dead_code, reason = "each scenario file uses a part")]

use bytes::Bytes;
use jxz_geo::{Point, Polyline, Vector};
use jxz_link::{Credentials, FromNode, ListenerConfig, MessagePlan, NodeListener, Plan, Role, make, utc_now};
use jxz_units::Utc;
use jxz_world::*;
use nalgebra::Matrix4;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

/// Far longer than anything here takes: a scenario fails by its checks, not by a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn site(name: &str) -> SiteId {
    SiteId(name.to_owned())
}

/// A fresh authority for the sites `north` and `south`, two vehicles and one operator.
pub(crate) fn authority() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let sites = vec![site("north"), site("south")];
    let plan = Plan {
        sites,
        vehicles: 2,
        operators: vec!["duty".to_owned()],
        messages: MessagePlan::default(),
        now: utc_now(),
        days: 30,
    };
    make(dir.path(), &plan, false).unwrap();
    dir
}

pub(crate) fn credentials(dir: &Path, role: &Role) -> Credentials {
    Credentials::load(dir, role).unwrap()
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Listens anew where a listener of this process has just been closed: its socket goes a moment after it.
pub(crate) async fn listen_again(config: &ListenerConfig) -> NodeListener {
    let again = async {
        loop {
            match NodeListener::bind(config) {
                Ok(listener) => return listener,
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(PATIENCE, again).await.expect("the address comes free")
}

pub(crate) async fn event(listener: &mut NodeListener) -> FromNode {
    timeout(PATIENCE, listener.recv()).await.expect("an event in time").expect("the listener is up")
}

pub(crate) fn warning(n: u64) -> Warning {
    let at = Utc::from_unix_ms(1_786_270_272_000);
    Warning {
        id: WarningId(n),
        revision: 1,
        application: Application::Vrucw,
        level: Level::Warning,
        stage: WarningStage::Raised,
        cause: Cause::Conflict { time_to_conflict_s: 2.5, post_encroachment_s: -0.25, closest_m: 0.5 },
        about: vec![TrackId(7)],
        concerned: vec![Concerned { track: TrackId(9), vehicle: Some(VehicleId(*b"vehicle1")) }],
        place: Place {
            at: Point::new(12.5, -7.25),
            path: Polyline::new(vec![Point::new(-50.0, -7.0), Point::new(12.5, -7.25)]).unwrap(),
            radius_m: 3.5,
        },
        paths: Vec::new(),
        since: at,
        sensed_at: at,
        valid_until: at + Duration::from_secs(1),
        confidence: 0.875,
    }
}

pub(crate) fn record(name: &str, sequence: u64) -> Record {
    Record { site: site(name), boot: 5, sequence, body: RecordBody::Warning(warning(sequence)) }
}

pub(crate) fn state(name: &str, sequence: u64, tracks: u64) -> NodeState {
    let now = utc_now();
    let track = |id| Track {
        id: TrackId(id),
        island: IslandId(id),
        valid_at: now,
        measured_at: now - Duration::from_millis(40),
        since: now - Duration::from_secs(9),
        position: Point::new(id as f64 * 10.0, -3.0),
        velocity: Vector::new(8.0, 0.5),
        covariance: Matrix4::identity() * 0.25,
        existence: 0.99,
        class: ClassBelief::from_weights([0.9, 0.05, 0.05]),
        extent_m: Some((4.5, 1.8)),
        heading: None,
        vehicle: None,
        sources: Sources { radar: true, camera: true, v2x: false },
    };
    NodeState {
        site: site(name),
        boot: 5,
        sequence,
        valid_at: now,
        valid_for_s: 0.5,
        tracks: (0..tracks).map(track).collect(),
        signals: None,
    }
}

/// How a network misbehaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) seed: u64,
    /// Probability that a datagram is lost.
    pub(crate) loss: f64,
    /// Delay of each datagram, drawn evenly from this range: what makes them overtake each other.
    pub(crate) delay_ms: (f64, f64),
}

/// Sebastiano Vigna's SplitMix64.
struct SplitMix(u64);

impl SplitMix {
    /// Evenly in [0, 1).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A UDP proxy that loses, delays and reorders, both ways; returns the address to send to.
pub(crate) async fn bad_network(to: SocketAddr, weather: Weather) -> SocketAddr {
    let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let address = front.local_addr().unwrap();
    tokio::spawn(async move {
        let mut dice = SplitMix(weather.seed);
        let mut backs: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
        let mut buffer = [0_u8; 65_536];
        while let Ok((len, client)) = front.recv_from(&mut buffer).await {
            if let std::collections::btree_map::Entry::Vacant(entry) = backs.entry(client) {
                let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                back.connect(to).await.unwrap();
                entry.insert(Arc::clone(&back));
                let front = Arc::clone(&front);
                let mut dice = SplitMix(weather.seed ^ 0xdead_beef);
                tokio::spawn(async move {
                    let mut buffer = [0_u8; 65_536];
                    loop {
                        // A closed port answers with an error now and then: the server is just not there yet.
                        let Ok(len) = back.recv(&mut buffer).await else { continue };
                        carry(&mut dice, weather, &front, Some(client), &buffer[..len]);
                    }
                });
            }
            carry(&mut dice, weather, &backs[&client], None, &buffer[..len]);
        }
    });
    address
}

fn carry(dice: &mut SplitMix, weather: Weather, by: &Arc<UdpSocket>, to: Option<SocketAddr>, bytes: &[u8]) {
    let lost = dice.unit() < weather.loss;
    let (least, most) = weather.delay_ms;
    let delay = Duration::from_secs_f64((least + dice.unit() * (most - least)) * 1e-3);
    if lost {
        return;
    }
    let (by, bytes) = (Arc::clone(by), Bytes::copy_from_slice(bytes));
    tokio::spawn(async move {
        sleep(delay).await;
        let _ = match to {
            Some(to) => by.send_to(&bytes, to).await,
            None => by.send(&bytes).await,
        };
    });
}

//! The nodes: their links to the cloud, and what they send.

use super::ground::{Ground, site};
use anyhow::Context;
use jxz_geo::{Point, Polyline, Vector};
use jxz_link::{Credentials, Role, Uplink, UplinkConfig, UplinkStats, utc_now};
use jxz_units::{Heading, Utc};
use jxz_world::{
    Application, Cause, ClassBelief, Concerned, Drops, IslandId, Level, NodeHealth, NodeState, Place, Record,
    RecordBody, SiteId, Sources, Track, TrackId, Warning, WarningId, WarningStage,
};
use nalgebra::Matrix4;
use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::JoinSet;

/// Road users of the load turn once in this time, so that a heading tells when it was valid (see `viewer`).
pub(super) const TURN_S: f64 = 7.2;
/// As an edge node's: a state is worth nothing after this.
const STATE_VALID_S: f64 = 0.5;
/// As an edge node's.
const HEALTH_PERIOD: Duration = Duration::from_secs(2);
/// A number that tells this run's boots from others.
const BOOT: u64 = 1;

struct Node {
    site: SiteId,
    number: u32,
    /// Where its road users are.
    ground: Vector,
    tracks: u32,
    uplink: Uplink,
    states: AtomicU64,
    records: AtomicU64,
    record_sequence: AtomicU64,
    state_sequence: AtomicU64,
}

/// Every node.
pub(super) struct Fleet {
    nodes: Vec<Arc<Node>>,
}

/// What the nodes did, all together.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// States and updates of road users made.
    pub(super) states: u64,
    pub(super) tracks: u64,
    pub(super) records: u64,
    /// As the links count.
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    pub(super) dropped: Drops,
    /// Processor time of this process.
    pub(super) cpu: Duration,
}

impl Fleet {
    /// Starts connecting every node.
    pub(super) fn connect(ground: &Ground, nodes: u32, tracks: u32) -> anyhow::Result<Self> {
        let nodes = (0..nodes).map(|number| {
            let site = site(number);
            let credentials = Credentials::load(&ground.pki, &Role::Node(site.clone()))?;
            let uplink = UplinkConfig::new(ground.quic.to_string(), site.clone(), BOOT, credentials);
            let uplink = Uplink::spawn(uplink).with_context(|| format!("cannot start the link of {site}"))?;
            let zero = AtomicU64::default;
            Ok(Arc::new(Node {
                site,
                number,
                ground: ground.place(number) - Point::origin(),
                tracks,
                uplink,
                states: zero(),
                records: zero(),
                record_sequence: zero(),
                state_sequence: zero(),
            }))
        });
        Ok(Self { nodes: nodes.collect::<anyhow::Result<_>>()? })
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn connected(&self) -> usize {
        self.nodes.iter().filter(|node| node.uplink.stats().connected).count()
    }

    /// Sends until what it returns is dropped.
    pub(super) fn start(&self, hz: f64, warnings_hz: f64) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let (period, nodes) = (Duration::from_secs_f64(1.0 / hz), self.nodes.len() as f64);
        let warning_period = (warnings_hz > 0.0).then(|| Duration::from_secs_f64(nodes / warnings_hz));
        for (node, i) in self.nodes.iter().zip(0_u32..) {
            let share = f64::from(i) / nodes;
            let (state, report, warn) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
            // Spread over the period, as nodes that know nothing of each other are.
            tasks.spawn(repeat(period, share, move || state.send_state()));
            tasks.spawn(repeat(HEALTH_PERIOD, share, move || report.send_health()));
            if let Some(period) = warning_period {
                tasks.spawn(repeat(period, share, move || warn.send_warning()));
            }
        }
        tasks
    }

    /// Waits until every record is acknowledged, at most so long.
    pub(super) async fn flush(&self, limit: Duration) {
        let all = async {
            for node in &self.nodes {
                let _acknowledged = node.uplink.flush(limit).await;
            }
        };
        let _in_time = tokio::time::timeout(limit, all).await;
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts =
            Counts { cpu: jxz_observe::process_usage().map_or(Duration::ZERO, |u| u.cpu), ..Counts::default() };
        for node in &self.nodes {
            let states = node.states.load(Relaxed);
            let UplinkStats { acknowledged, refused, dropped, drops, .. } = node.uplink.stats();
            counts.states += states;
            counts.tracks += states * u64::from(node.tracks);
            counts.records += node.records.load(Relaxed);
            counts.acknowledged += acknowledged;
            counts.refused += refused + dropped;
            counts.dropped.merge(&drops);
        }
        counts
    }
}

async fn repeat(period: Duration, share: f64, mut act: impl FnMut()) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period.mul_f64(share), period);
    // A generator that falls behind leaves states out rather than sending them in a burst: it shows in what was made.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        act();
    }
}

impl Node {
    fn send_state(&self) {
        let at = utc_now();
        // The only sine and cosine of the state: its road users turn together.
        let (sin, cos) = turned(at).sin_cos();
        let state = NodeState {
            site: self.site.clone(),
            boot: BOOT,
            sequence: self.state_sequence.fetch_add(1, Relaxed) + 1,
            valid_at: at,
            valid_for_s: STATE_VALID_S,
            tracks: (0..self.tracks).map(|number| self.track(number, at, Vector::new(sin, cos))).collect(),
            signals: None,
        };
        self.states.fetch_add(1, Relaxed);
        self.uplink.send_state(state, Duration::from_secs_f64(STATE_VALID_S));
    }

    fn track(&self, number: u32, at: Utc, ahead: Vector) -> Track {
        let centre = 20.0 * Vector::new(f64::from(number % 8) - 3.5, f64::from(number / 8 % 8) - 3.5);
        Track {
            id: TrackId(u64::from(number) + 1),
            island: IslandId(u64::from(self.number) << 40 | (u64::from(number) + 1)),
            valid_at: at,
            measured_at: at,
            since: at.plus_seconds(-60.0),
            position: Point::from(self.ground + centre) + 8.0 * ahead,
            velocity: 7.0 * Vector::new(ahead.y, -ahead.x),
            covariance: Matrix4::identity() * 0.25,
            existence: 0.98,
            class: ClassBelief::from_weights([8.0, 1.0, 1.0]),
            extent_m: Some((4.6, 1.8)),
            heading: Some(Heading::from_rad(turned(at))),
            vehicle: None,
            sources: Sources { radar: true, camera: true, v2x: false },
        }
    }

    fn send_record(&self, body: RecordBody) {
        let sequence = self.record_sequence.fetch_add(1, Relaxed) + 1;
        self.records.fetch_add(1, Relaxed);
        // One that finds no room is counted by the link.
        let _taken = self.uplink.send_record(&Record { site: self.site.clone(), boot: BOOT, sequence, body });
    }

    fn send_health(&self) {
        self.send_record(RecordBody::Health(NodeHealth {
            at: utc_now(),
            uptime_s: 60.0,
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            map_version: "load".to_owned(),
            sensors: Vec::new(),
            latencies: Vec::new(),
            drops: Drops::default(),
            tracks: self.tracks,
            warnings: 0,
            subscribers: 0,
            spool: None,
            service: None,
            running: jxz_world::Running::default(),
        }));
    }

    fn send_warning(&self) {
        let at = utc_now();
        let id = self.site.hash64() ^ self.record_sequence.load(Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let way = Polyline::try_from(vec![[-50.0, 0.0], [0.0, 0.0]]);
        let Ok(path) = way else { return };
        self.send_record(RecordBody::Warning(Warning {
            id: WarningId(id),
            revision: 1,
            application: Application::Fcw,
            level: Level::Warning,
            stage: WarningStage::Raised,
            cause: Cause::Conflict { time_to_conflict_s: 2.5, post_encroachment_s: 0.4, closest_m: 0.6 },
            about: vec![TrackId(2)],
            concerned: vec![Concerned { track: TrackId(1), vehicle: None }],
            place: Place { at: Point::origin(), path, radius_m: 3.0 },
            paths: Vec::new(),
            since: at,
            sensed_at: at,
            valid_until: at.plus_seconds(2.0),
            confidence: 0.9,
        }));
    }
}

/// How far a road user of the load has turned at a time, radians clockwise from north.
fn turned(at: Utc) -> f64 {
    let turn_ns = (TURN_S * 1e9) as i64;
    at.unix_ns().rem_euclid(turn_ns) as f64 / turn_ns as f64 * TAU
}

//! A small island and what its nodes say.
#![allow(dead_code, reason = "each test file uses its part")]

use core::time::Duration;
use jxz_cloud::{Cloud, CloudConfig, Input, Output, View};
use jxz_geo::{LocalFrame, Point, Polyline, Vector, Wgs84};
use jxz_map::Map;
use jxz_units::{Now, Utc, Yaw};
use jxz_world::{
    Application, Cause, ClassBelief, Concerned, IslandId, Level, NodeHealth, NodeState, Place, Record, RecordBody,
    SensorId, SensorKind, SensorSpec, Site, SiteId, Sources, Track, TrackId, Warning, WarningId, WarningStage,
};
use nalgebra::Matrix4;
use std::sync::Arc;

pub(crate) const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

/// A cloud on virtual time.
pub(crate) struct Island {
    pub(crate) cloud: Cloud,
    pub(crate) outputs: Vec<Output>,
    elapsed: Duration,
}

impl Island {
    /// Two sites, `north` and `south`, at time zero.
    pub(crate) fn new(config: CloudConfig) -> Self {
        Self::on(map(), config)
    }

    /// The sites of a map, at time zero, which is a whole minute.
    pub(crate) fn on(map: Map, config: CloudConfig) -> Self {
        Self { cloud: Cloud::new(config, Arc::new(map)), outputs: Vec::new(), elapsed: Duration::ZERO }
    }

    fn now(&self) -> Now {
        Now::after_start(START, self.elapsed)
    }

    pub(crate) fn utc(&self) -> Utc {
        self.now().utc
    }

    pub(crate) fn say(&mut self, input: Input) {
        self.say_unpolled(input);
        self.drain();
    }

    pub(crate) fn say_unpolled(&mut self, input: Input) {
        self.cloud.handle(self.now(), input);
    }

    pub(crate) fn drain(&mut self) {
        self.outputs.extend(std::iter::from_fn(|| self.cloud.poll()));
    }

    /// Lets time pass, honouring the core's deadlines.
    pub(crate) fn run_to_ms(&mut self, ms: u64) {
        let end = Duration::from_millis(ms);
        while let Some(at) = self.cloud.next_deadline().filter(|at| at.ns() <= end.as_nanos() as u64) {
            self.elapsed = Duration::from_nanos(at.ns());
            self.say(Input::Timer);
        }
        self.elapsed = end;
    }

    pub(crate) fn view(&self) -> View {
        self.cloud.snapshot(self.utc())
    }
}

pub(crate) fn map() -> Map {
    let site = |name: &str, sensors: Vec<SensorSpec>| Site {
        id: SiteId(name.into()),
        name_zh: name.into(),
        name_en: name.into(),
        position: Point::origin(),
        coverage_m: 150.0,
        junction: None,
        sensors,
    };
    let radar = |id: &str| SensorSpec {
        id: SensorId(id.into()),
        kind: SensorKind::Radar,
        position: Point::origin(),
        height_m: 5.0,
        boresight: Yaw::from_rad(0.0),
        half_fov_rad: 1.0,
        range_m: (1.0, 150.0),
        range_sigma_m: 0.3,
        range_sigma_fraction: 0.0,
        azimuth_sigma_rad: 0.01,
        doppler_sigma_mps: Some(0.1),
        detection_probability: 0.95,
        clutter_per_scan: 1.0,
        class_accuracy: None,
        period_s: 0.05,
    };
    Map {
        frame: LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap(),
        name: "two sites".into(),
        version: "test".into(),
        credit: String::new(),
        lanes: vec![],
        links: vec![],
        junctions: vec![],
        crossings: vec![],
        bus_stops: vec![],
        sites: vec![site("north", vec![radar("radar-n"), radar("radar-s")]), site("south", vec![])],
        base_stations: vec![],
    }
}

/// A state that holds for half a second.
pub(crate) fn node_state(site: &str, boot: u64, sequence: u64, valid_at: Utc, tracks: Vec<Track>) -> NodeState {
    NodeState { site: SiteId(site.into()), boot, sequence, valid_at, valid_for_s: 0.5, tracks, signals: None }
}

pub(crate) fn track_at(id: u64, at: Utc, east: f64, north: f64) -> Track {
    Track {
        id: TrackId(id),
        island: IslandId(id),
        valid_at: at,
        measured_at: at,
        since: at,
        position: Point::new(east, north),
        velocity: Vector::new(5.0, 0.0),
        covariance: Matrix4::identity(),
        existence: 0.99,
        class: ClassBelief::UNIFORM,
        extent_m: None,
        heading: None,
        vehicle: None,
        sources: Sources::default(),
    }
}

/// A pedestrian warning that holds for two seconds.
pub(crate) fn warning(id: u64, revision: u32, stage: WarningStage, at: Utc) -> Warning {
    Warning {
        id: WarningId(id),
        revision,
        application: Application::Vrucw,
        level: Level::Warning,
        stage,
        cause: Cause::Conflict { time_to_conflict_s: 2.0, post_encroachment_s: 0.3, closest_m: 0.5 },
        about: vec![TrackId(2)],
        concerned: vec![Concerned { track: TrackId(1), vehicle: None }],
        place: Place {
            at: Point::new(3.0, 4.0),
            path: Polyline::try_from(vec![[0.0, 0.0], [3.0, 4.0]]).unwrap(),
            radius_m: 3.0,
        },
        paths: Vec::new(),
        since: at,
        sensed_at: at,
        valid_until: at.plus_seconds(2.0),
        confidence: 0.9,
    }
}

pub(crate) fn health(at: Utc) -> NodeHealth {
    NodeHealth {
        at,
        uptime_s: 12.0,
        software_version: "0.1.0".into(),
        map_version: "test".into(),
        sensors: vec![],
        latencies: vec![],
        drops: jxz_world::Drops::default(),
        tracks: 0,
        warnings: 0,
        subscribers: 0,
        spool: None,
        service: None,
        running: jxz_world::Running::default(),
    }
}

pub(crate) fn record(site: &str, boot: u64, sequence: u64, body: RecordBody) -> Record {
    Record { site: SiteId(site.into()), boot, sequence, body }
}

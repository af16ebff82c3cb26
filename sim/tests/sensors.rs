//! What a scenario says of sensors and weather, as the whole simulation plays it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::island;
use jxz_sim::{Executor, Scenario, Serial, Simulation, VirtualIsland};
use jxz_units::Utc;
use jxz_world::SensorKind;
use std::sync::Arc;

const START: Utc = Utc::from_unix_ms(1_786_233_600_000);

fn simulation(toml: &str) -> Simulation {
    Simulation::new(island(), &Scenario::from_toml(toml).unwrap(), 5, START).unwrap()
}

/// Mean number of detections a scan of every sensor of a kind at a site, over some seconds.
fn detections(simulation: &mut Simulation, site: &str, kind: SensorKind, seconds: u64) -> f64 {
    let map = Arc::clone(simulation.map());
    let site = map.sites.iter().find(|s| s.id.0 == site).unwrap();
    let (mut all, mut scans) = (0, 0);
    for _ in 0..seconds * 20 {
        for sent in simulation.step().scans.iter().filter(|sent| sent.site == site.id) {
            let spec = site.sensors.iter().find(|spec| spec.id == sent.scan.sensor).unwrap();
            if spec.kind == kind {
                (all, scans) = (all + sent.scan.detections.len(), scans + 1);
            }
        }
    }
    all as f64 / f64::from(scans)
}

struct TwoThreads;

impl Executor for TwoThreads {
    fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            scope.spawn(|| (0..count).step_by(2).for_each(work));
            (1..count).step_by(2).for_each(work);
        });
    }
}

#[test]
fn with_weather_and_faults_the_digest_is_the_same_on_one_thread_and_on_two() {
    let text = "[weather]\nrain_mm_h = 20\nlight = 'night'\n[[sensors]]\nkind = 'camera'\nlatency_ms = 60\n\
                jitter_ms = 50\ndrop = 0.2\n[[sensors]]\nid = 'radar-*'\nfreeze = 'content'\nfreeze_share = 0.3\nnoise = 2\n\
                noisy_share = 0.5\nyaw_deg = 0.5\n";
    let scenario = Scenario::from_toml(text).unwrap();
    let digest = |executor: Arc<dyn Executor>, scenario: &Scenario| {
        let mut run = VirtualIsland::new(island(), scenario, 5, START).unwrap().executed_by(executor);
        while run.seconds() < 3.0 {
            run.step().unwrap();
        }
        run.report().digest
    };
    let serial = digest(Arc::new(Serial), &scenario);
    assert_eq!(serial, digest(Arc::new(TwoThreads), &scenario));
    assert_ne!(serial, digest(Arc::new(Serial), &Scenario::default()), "what is wrong changes what comes out");
}

#[test]
fn an_entry_that_fits_no_sensor_is_named_with_what_there_is() {
    let scenario = Scenario::from_toml("[[sensors]]\nsite = 'size-zhouning'\nid = 'lidar-*'\ndead = true\n").unwrap();
    let error = Simulation::new(island(), &scenario, 5, START).unwrap_err().to_string();
    for part in ["lidar-*", "size-zhouning", "radar-1", "camera-2"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let error = Scenario::from_toml("[[sensors]]\ndrop = 1.5\n").unwrap_err().to_string();
    assert!(error.contains("sensors.drop") && error.contains("1.5"), "{error}");
    assert!(Scenario::from_toml("[weather]\nrain_mm_h = -1\n").is_err());
    assert!(Scenario::from_toml("[weather]\nsun_azimuth_deg = 90\n").is_err(), "half of a sun");
}

#[test]
fn fog_of_an_incident_blinds_the_cameras_there_and_nowhere_else() {
    let fog = "[[incidents]]\nkind = 'fog'\nsite = 'size-zhouning'\nevery_s = 100\nlasts_s = 100\n";
    let of = |text: &str, site: &str, kind| detections(&mut simulation(text), site, kind, 10);
    let camera = |text: &str, site: &str| of(text, site, SensorKind::Camera);
    let (clear, foggy) = (camera("", "size-zhouning"), camera(fog, "size-zhouning"));
    assert!(foggy < 0.8 * clear, "{foggy} in fog, {clear} without");
    assert!(camera(fog, "zhongxin-minan") > 0.8 * camera("", "zhongxin-minan"));
}

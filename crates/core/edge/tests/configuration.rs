//! The cloud's configuration, taken on while the node runs.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{START, at, new_edge, site};
use jxz_edge::{Configuration, Edge, Input, Output};
use jxz_hazard::HazardConfig;
use jxz_world::{
    Application, ConfigVersion, DropCause, NodeHealth, RecordBody, RoadHazard, RoadReport, Service, Shortfall, Warning,
    WarningStage,
};

/// Ice and works at the site, which the applications HLW and ROAD_WORKS warn of whether anyone is there or not.
fn edge() -> Edge {
    let mut edge = new_edge();
    for (id, hazard) in [(1, RoadHazard::Ice), (2, RoadHazard::Works)] {
        let valid_until = START.plus_seconds(3600.0);
        let report = RoadReport { id, hazard, at: site().position, radius_m: 30.0, safe_mps: 8.0, valid_until };
        edge.handle(at(0), Input::RoadCondition(report));
    }
    edge
}

/// Something, and when it came, milliseconds.
type Timed<T> = Vec<(u64, T)>;

fn run(edge: &mut Edge, from_ms: u64, to_ms: u64) -> (Timed<Warning>, Timed<NodeHealth>) {
    let (mut warnings, mut reports) = (Vec::new(), Vec::new());
    for ms in from_ms..to_ms {
        edge.handle(at(ms), Input::Timer);
        while let Some(output) = edge.poll() {
            let Output::Record(record) = output else { continue };
            match record.body {
                RecordBody::Warning(warning) => warnings.push((ms, warning)),
                RecordBody::Health(health) => reports.push((ms, health)),
                RecordBody::Misbehaviour(_) => {}
            }
        }
    }
    (warnings, reports)
}

fn configuration(revision: u64, off: Option<Application>) -> Input {
    let mut hazard = HazardConfig::default();
    if let Some(application) = off {
        hazard.set_enabled(application, false);
    }
    let version = ConfigVersion { revision, digest: 7 };
    Input::Configuration(Box::new(Configuration { version, hazard, health_s: 1.0 }))
}

#[test]
fn an_application_switched_off_says_no_more_from_the_next_round_and_the_others_go_on() {
    let mut edge = edge();
    let (warnings, reports) = run(&mut edge, 0, 3000);
    for application in [Application::Hlw, Application::RoadWorks] {
        assert!(warnings.iter().any(|(_, w)| w.application == application), "{application:?} warns");
    }
    assert_eq!(reports[0].1.running.config, None, "it runs by its own file");

    edge.handle(at(3000), configuration(4, Some(Application::Hlw)));
    let (warnings, reports) = run(&mut edge, 3000, 9000);
    let of = |application| warnings.iter().filter(move |(_, w)| w.application == application);
    let ended = of(Application::Hlw).find(|(_, w)| w.stage == WarningStage::Cancelled).map(|(ms, _)| *ms).unwrap();
    assert!(ended <= 3100, "ended at {ended} ms");
    assert!(of(Application::Hlw).all(|(ms, _)| *ms <= ended));
    assert!(of(Application::RoadWorks).all(|(_, w)| w.stage != WarningStage::Cancelled));
    assert!(of(Application::RoadWorks).count() > 2, "it is renewed");

    let (first_ms, first) = &reports[0];
    assert!(*first_ms <= 3001, "it is told at once, not at {first_ms} ms");
    assert_eq!(first.running.config, Some(ConfigVersion { revision: 4, digest: 7 }));
    assert!(!first.running.applications.contains(&Application::Hlw));
    assert_eq!(first.running.applications.len(), Application::ALL.len() - 1);
    assert!(reports.windows(2).all(|pair| pair[1].0 - pair[0].0 == 1000), "the period is the configuration's");

    edge.handle(at(9000), configuration(5, None));
    let (warnings, _) = run(&mut edge, 9000, 11_000);
    assert!(warnings.iter().any(|(_, w)| w.application == Application::Hlw && w.stage == WarningStage::Raised));
}

#[test]
fn a_configuration_out_of_range_changes_nothing() {
    let mut edge = edge();
    edge.handle(at(0), configuration(4, Some(Application::Hlw)));
    let before = edge.running();
    for health_s in [0.0, f64::NAN, 3600.0] {
        let version = ConfigVersion { revision: 5, digest: 8 };
        let wild = Configuration { version, hazard: HazardConfig::default(), health_s };
        edge.handle(at(10), Input::Configuration(Box::new(wild)));
    }
    assert_eq!(edge.running(), before);
    assert_eq!(edge.drops().of(DropCause::SettingsRejected), 3);
}

#[test]
fn a_site_whose_sensors_say_nothing_reports_that_it_falls_short() {
    let mut edge = edge();
    let (_, reports) = run(&mut edge, 0, 9000);
    assert_eq!(reports[0].1.service, Some(Service::Full), "it has just started");
    let silent: Vec<Shortfall> = site().sensors.iter().map(|s| Shortfall::SensorSilent(s.id.clone())).collect();
    assert!(!silent.is_empty());
    let last = reports.last().unwrap().1.service.clone().unwrap();
    let mut said = last.shortfalls().to_vec();
    said.sort();
    let mut expected = silent;
    expected.sort();
    assert_eq!(said, expected);
}

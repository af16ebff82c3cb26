//! Incidents from the first warning to their end.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{Island, node_state, record, warning};
use jxz_cloud::{CloudConfig, Event, Incident, IncidentKind, Input, Output};
use jxz_geo::Point;
use jxz_world::{Cause, RecordBody, RoadHazard, WarningStage};

/// The common map's `north` looks 150 m east.
const IN_VIEW: (f64, f64) = (60.0, 0.0);
const OUT_OF_VIEW: (f64, f64) = (-60.0, 0.0);

struct Scene {
    island: Island,
    sequence: u64,
    elapsed_ms: u64,
}

impl Scene {
    fn new() -> Self {
        Self { island: Island::new(CloudConfig::default()), sequence: 0, elapsed_ms: 0 }
    }

    /// A record of a warning that holds for two seconds.
    fn warn(&mut self, site: &str, id: u64, stage: WarningStage, cause: Cause, at: (f64, f64)) {
        self.sequence += 1;
        let mut said = warning(id, self.sequence as u32, stage, self.island.utc());
        (said.cause, said.place.at) = (cause, Point::new(at.0, at.1));
        self.island.say(Input::Record(record(site, 1, self.sequence, RecordBody::Warning(said))));
    }

    /// Lets seconds pass in which `site` reports that nobody is there.
    fn pass(&mut self, seconds: u64, site: Option<&str>) {
        for _ in 0..seconds * 4 {
            self.elapsed_ms += 250;
            self.island.run_to_ms(self.elapsed_ms);
            if let Some(site) = site {
                self.sequence += 1;
                let state = node_state(site, 1, self.sequence, self.island.utc(), vec![]);
                self.island.say(Input::State(state));
            }
        }
    }

    /// Every incident as last told of, by number.
    fn incidents(&self) -> Vec<Incident> {
        let mut last = std::collections::BTreeMap::new();
        for output in &self.island.outputs {
            if let Output::Incident(incident) = output {
                last.insert(incident.number, (**incident).clone());
            }
        }
        last.into_values().collect()
    }
}

const STOPPED: Cause = Cause::StoppedVehicle { standing_s: 12.0 };
const CRASH: Cause = Cause::Hazard { hazard: RoadHazard::Crash, safe_mps: 5.0 };

#[test]
fn a_crash_gathers_its_warnings_from_two_sites_and_grows_graver() {
    let mut scene = Scene::new();
    scene.warn("north", 1, WarningStage::Raised, STOPPED, IN_VIEW);
    scene.warn("north", 1, WarningStage::Held, STOPPED, IN_VIEW);
    scene.warn("north", 2, WarningStage::Raised, CRASH, (IN_VIEW.0 + 20.0, 0.0));
    scene.warn("south", 3, WarningStage::Raised, CRASH, (IN_VIEW.0 + 25.0, 3.0));
    let [incident] = &scene.incidents()[..] else { panic!("{:?}", scene.incidents()) };
    assert_eq!((incident.number, incident.kind, incident.sites.len()), (1, IncidentKind::Crash, 2));
    let events: Vec<&Event> = incident.timeline.iter().map(|entry| &entry.event).collect();
    assert!(
        matches!(
            events[..],
            [
                Event::Opened { .. },
                Event::Warned { .. },
                Event::Became { kind: IncidentKind::Crash },
                Event::Confirmed { .. }
            ]
        ),
        "{events:?}"
    );
}

#[test]
fn what_is_far_or_of_another_nature_is_another_incident_and_what_is_none_is_none() {
    let mut scene = Scene::new();
    scene.warn("north", 1, WarningStage::Raised, STOPPED, IN_VIEW);
    scene.warn("north", 2, WarningStage::Raised, STOPPED, (IN_VIEW.0 + 60.0, 0.0));
    let object = Cause::Hazard { hazard: RoadHazard::Object, safe_mps: 8.0 };
    scene.warn("north", 3, WarningStage::Raised, object, IN_VIEW);
    scene.warn("north", 4, WarningStage::Raised, Cause::Overspeed { speed_mps: 20.0, limit_mps: 11.0 }, IN_VIEW);
    let kinds: Vec<IncidentKind> = scene.incidents().iter().map(|incident| incident.kind).collect();
    assert_eq!(kinds, [IncidentKind::StoppedVehicle, IncidentKind::StoppedVehicle, IncidentKind::Object]);
}

#[test]
fn it_closes_three_minutes_after_the_condition_is_gone_from_view() {
    let mut scene = Scene::new();
    scene.pass(1, Some("north"));
    scene.warn("north", 1, WarningStage::Raised, STOPPED, IN_VIEW);
    scene.warn("north", 1, WarningStage::Cancelled, STOPPED, IN_VIEW);
    scene.pass(170, Some("north"));
    assert_eq!(scene.incidents()[0].closed, None);
    scene.pass(12, Some("north"));
    let incident = scene.incidents().remove(0);
    assert!(incident.closed.is_some() && incident.timeline.last().unwrap().event == Event::Closed, "{incident:?}");
}

#[test]
fn without_a_view_of_its_place_it_stays_open() {
    // Nobody looks west; and then the site that looks east is silent.
    for (at, site) in [(OUT_OF_VIEW, Some("north")), (IN_VIEW, None)] {
        let mut scene = Scene::new();
        scene.warn("north", 1, WarningStage::Raised, STOPPED, at);
        scene.pass(600, site);
        assert_eq!(scene.incidents()[0].closed, None, "{at:?}");
    }
}

#[test]
fn a_warning_that_comes_back_keeps_it_open() {
    let mut scene = Scene::new();
    scene.pass(1, Some("north"));
    scene.warn("north", 1, WarningStage::Raised, STOPPED, IN_VIEW);
    scene.pass(150, Some("north"));
    scene.warn("north", 9, WarningStage::Raised, STOPPED, IN_VIEW);
    scene.pass(150, Some("north"));
    let [incident] = &scene.incidents()[..] else { panic!("{:?}", scene.incidents()) };
    assert_eq!((incident.closed, incident.timeline.len()), (None, 2));
}

#[test]
fn closed_by_an_operator_its_own_warnings_do_not_open_it_again_and_others_do() {
    let mut scene = Scene::new();
    scene.warn("north", 1, WarningStage::Raised, STOPPED, IN_VIEW);
    scene.island.say(Input::IncidentClosed(1));
    scene.warn("north", 1, WarningStage::Held, STOPPED, IN_VIEW);
    assert_eq!(scene.incidents().len(), 1);
    scene.warn("north", 2, WarningStage::Raised, STOPPED, IN_VIEW);
    assert_eq!(scene.incidents().len(), 2);
}

#[test]
fn a_restart_takes_up_what_was_open() {
    let mut scene = Scene::new();
    scene.warn("north", 1, WarningStage::Raised, STOPPED, IN_VIEW);
    let kept: Vec<Incident> = scene
        .incidents()
        .iter()
        .map(|incident| serde_json::from_str(&serde_json::to_string(incident).unwrap()).unwrap())
        .collect();
    assert_eq!(kept, scene.incidents());
    let mut again = Scene::new();
    again.island.cloud.recall_incidents(kept, 6);
    again.sequence = 10;
    again.warn("north", 1, WarningStage::Cancelled, STOPPED, IN_VIEW);
    again.warn("north", 2, WarningStage::Raised, STOPPED, (IN_VIEW.0 + 90.0, 0.0));
    let incidents = again.incidents();
    assert_eq!(incidents.iter().map(|i| i.number).collect::<Vec<_>>(), [1, 7]);
    assert!(matches!(incidents[0].timeline.last().unwrap().event, Event::Ended { .. }));
}

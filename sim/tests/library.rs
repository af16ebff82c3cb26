//! Every scenario of the library: it is in order, its incidents happen, and it runs with nodes, cloud and radio.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::island;
use jxz_sim::{Scenario, Simulation, VirtualIsland};
use jxz_units::Utc;
use std::path::Path;
use std::sync::Arc;

/// Nine in the morning in China.
const START: Utc = Utc::from_unix_ms(1_786_237_200_000);

fn library() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/scenarios");
    // Staged ones, in a folder of their own, are for another test.
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.is_file()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let scenario = Scenario::from_toml(&std::fs::read_to_string(file).unwrap());
        (name.clone(), scenario.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    files.iter().map(read).collect()
}

#[test]
fn what_a_scenario_says_goes_wrong_does() {
    for (name, mut scenario) in library() {
        let mut map = island();
        // Sites are where incidents happen; their sensors are not asked here.
        Arc::make_mut(&mut map).sites.iter_mut().for_each(|site| site.sensors.clear());
        scenario.sensors.clear();
        let mut simulation = Simulation::new(map, &scenario, 3, START).unwrap();
        for _ in 0..20 * 150 {
            simulation.step();
        }
        let kinds: Vec<_> = scenario.incidents.iter().map(|incident| incident.kind).collect();
        println!("{name}: {} road users, {kinds:?} {:?}", simulation.truth().len(), simulation.incidents());
        assert!(
            simulation.incidents().iter().all(|count| *count > 0),
            "{name}: {kinds:?} {:?}",
            simulation.incidents()
        );
        assert!(!simulation.truth().is_empty(), "{name}");
    }
}

#[test]
fn it_runs_with_nodes_cloud_and_radio() {
    for (name, scenario) in library() {
        let mut map = island();
        Arc::make_mut(&mut map).sites.truncate(2);
        let Ok(mut run) = VirtualIsland::new(map, &scenario, 3, START) else {
            // A scenario may name sites that are left out here.
            assert!(scenario.incidents.iter().any(|incident| incident.site.is_some()), "{name}");
            continue;
        };
        while run.seconds() < 6.0 {
            run.step().unwrap();
        }
        let report = run.report();
        assert_eq!((report.nodes_online, report.must_arrive.lost), (2, 0), "{name}");
    }
}

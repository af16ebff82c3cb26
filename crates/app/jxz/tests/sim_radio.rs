//! `jxz sim radio` as a user runs it.
#![allow(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use serde_json::Value;
use std::process::{Command, Output};

fn radio(options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jxz")).args(["sim", "radio"]).args(options).output().unwrap()
}

fn json(options: &[&str]) -> Value {
    let output = radio(options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_machine_reads_delivery_by_distance_and_the_busy_ratio_within_three_points_of_the_reference() {
    let line =
        json(&["--density", "200", "--power-dbm", "23", "--distances", "100,200,300,400", "--seconds", "30", "--json"]);
    for (metres, published) in [("100", 95.4), ("200", 91.8), ("300", 80.4), ("400", 66.6)] {
        let percent = line["delivery_percent"][metres].as_f64().unwrap();
        assert!((percent - published).abs() < 3.0, "{metres} m: {percent} %");
        let lost = line["lost_percent"][metres].as_object().unwrap();
        let sum: f64 = lost.values().map(|share| share.as_f64().unwrap()).sum();
        assert!(lost.len() == 4 && (percent + sum - 100.0).abs() < 0.03, "{metres} m: {percent} % and {lost:?}");
    }
    assert!((line["channel_busy_ratio"].as_f64().unwrap() - 0.51).abs() < 0.03, "{line}");
}

#[test]
fn a_person_reads_the_published_figure_where_there_is_one() {
    let said = |options: &[&str]| String::from_utf8(radio(options).stdout).unwrap();
    let known = said(&["--density", "100", "--power-dbm", "20", "--distances", "400,450", "--seconds", "2"]);
    assert!(known.contains("69.2%") && known.contains("published 0.23"), "{known}");
    let unknown = known.lines().find(|line| line.contains("450 m")).unwrap();
    assert!(unknown.contains(" - |"), "{unknown}");
}

#[test]
fn a_number_out_of_range_is_named_with_its_range() {
    for (options, words) in [
        (["--density", "0"], "density in vehicles a kilometre is 0, must be within 1..=500"),
        (["--power-dbm", "90"], "power in dBm is 90, must be within -10..=33"),
        (["--distances", "100,0"], "distance in metres is 0, must be within 1..=2000"),
    ] {
        let output = radio(&options);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{options:?}: {said}");
    }
}

//! The binary's command line.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::process::{Command, Output};

fn jxz_cloud(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jxz-cloud")).args(arguments).output().unwrap()
}

#[test]
fn a_configuration_is_checked_and_an_unknown_key_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cloud.toml");
    std::fs::write(&path, jxz_cloudd::EXAMPLE).unwrap();
    assert!(jxz_cloud(&["check-config", path.to_str().unwrap()]).status.success());

    std::fs::write(&path, format!("colour = \"red\"\n{}", jxz_cloudd::EXAMPLE)).unwrap();
    let refused = jxz_cloud(&["check-config", path.to_str().unwrap()]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("colour") && said.contains("line 1"), "{said}");
}

#[test]
fn help_shows_an_example() {
    let said = String::from_utf8(jxz_cloud(&["--help"]).stdout).unwrap();
    assert!(said.contains("jxz-cloud run --config") && said.contains("[quic]"), "{said}");
}

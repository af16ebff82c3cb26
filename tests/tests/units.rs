//! The systemd units, judged by systemd's own tools.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_tests::root;
use std::process::{Command, Output};

const UNITS: [&str; 2] = ["jxz-edge", "jxz-cloud"];
/// The most exposure allowed, in tenths of systemd's 0 (none) to 10 (as root, with everything).
const EXPOSURE: &str = "--threshold=20";

/// Runs `systemd-analyze`; `None`, and a word, where it is not installed.
fn analyze(arguments: &[&str]) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).env("SYSTEMD_COLORS", "0").output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: systemd-analyze cannot be run ({error}); apt-get install systemd");
            None
        }
    }
}

fn text(unit: &str) -> String {
    std::fs::read_to_string(root().join(format!("deploy/systemd/{unit}.service"))).unwrap()
}

#[test]
fn an_intruder_in_a_process_would_have_little() {
    for unit in UNITS {
        let path = root().join(format!("deploy/systemd/{unit}.service"));
        let Some(judged) = analyze(&["security", "--offline=true", EXPOSURE, path.to_str().unwrap()]) else { return };
        let said = String::from_utf8_lossy(&judged.stdout);
        assert!(judged.status.success(), "{unit} is too exposed:\n{said}{}", String::from_utf8_lossy(&judged.stderr));
        assert!(said.contains("Overall exposure level"), "{said}");
    }
    // The measure measures: without a sandbox it does not pass.
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare.service");
    std::fs::write(&bare, "[Service]\nExecStart=/bin/true\n").unwrap();
    let judged = analyze(&["security", "--offline=true", EXPOSURE, bare.to_str().unwrap()]).unwrap();
    assert!(!judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}

#[test]
fn systemd_understands_every_line() {
    let folder = tempfile::tempdir().unwrap();
    for unit in UNITS {
        // The programs are not installed here, which is all that may be wrong.
        let program = format!("/usr/bin/{unit}");
        let changed = text(unit).replace(&program, "/bin/true");
        assert!(!changed.contains(&program), "another line names the program");
        let path = folder.path().join(format!("{unit}.service"));
        std::fs::write(&path, changed).unwrap();
        let Some(judged) = analyze(&["verify", "--man=no", path.to_str().unwrap()]) else { return };
        let said = String::from_utf8_lossy(&judged.stderr);
        let ours: Vec<&str> = said.lines().filter(|line| line.contains(unit)).collect();
        assert!(ours.is_empty() && judged.status.success(), "{unit}: {said}");
    }
}

#[test]
fn units_samples_and_packages_speak_of_the_same_places() {
    for (unit, short) in [("jxz-edge", "edge"), ("jxz-cloud", "cloud")] {
        let text = text(unit);
        assert!(text.contains(&format!("run --config /etc/jiangxin/{short}.toml")), "{unit}");
        assert!(text.contains("Type=notify") && text.contains("WatchdogSec=10"), "{unit}");
        let sample = std::fs::read_to_string(root().join(format!("deploy/{short}.example.toml"))).unwrap();
        let state = text.lines().find_map(|line| line.strip_prefix("StateDirectory=")).unwrap();
        assert!(
            sample.contains(&format!("\"/var/lib/{state}\"")),
            "{unit} keeps its state elsewhere than the sample says"
        );
    }
}

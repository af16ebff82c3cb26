//! `cargo xtask layers` fails when a pure crate reaches tokio or an arrow runs up.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of the workspace's manifests, each crate with an empty source: enough for cargo to resolve.
fn copy_of_the_workspace(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(root.join(file), to.join(file)).unwrap();
    }
    let mut folders: Vec<PathBuf> = ["sim", "tests", "benches", "xtask"].map(PathBuf::from).to_vec();
    for floor in ["crates/base", "crates/core", "crates/io", "crates/app", "benches/peers"] {
        let floor = PathBuf::from(floor);
        let crates = fs::read_dir(root.join(&floor)).unwrap().map(|entry| floor.join(entry.unwrap().file_name()));
        folders.extend(crates.filter(|folder| root.join(folder).join("Cargo.toml").exists()));
    }
    for folder in folders {
        fs::create_dir_all(to.join(&folder).join("src")).unwrap();
        let manifest = fs::read_to_string(root.join(&folder).join("Cargo.toml")).unwrap();
        for (name, text) in [("src/lib.rs", ""), ("src/main.rs", "fn main() {}")] {
            fs::write(to.join(&folder).join(name), text).unwrap();
        }
        // Bench and test targets named in a manifest need their files too.
        for line in manifest.lines().filter(|l| l.trim_start().starts_with("path = ") || l.starts_with("name = ")) {
            let value = line.split('"').nth(1).unwrap_or_default();
            let bench = if line.contains("path") { value.to_owned() } else { format!("benches/{value}.rs") };
            let file = to.join(&folder).join(bench);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            if !file.exists() {
                fs::write(file, "fn main() {}").unwrap();
            }
        }
        fs::write(to.join(&folder).join("Cargo.toml"), manifest).unwrap();
    }
}

fn layers(root: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("layers").arg("--root").arg(root).env("CARGO_NET_OFFLINE", "true").env("RUST_BACKTRACE", "0");
    command.output().unwrap()
}

fn add_dependency(root: &Path, folder: &str, line: &str) {
    let path = root.join(folder).join("Cargo.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    assert!(manifest.contains("[dependencies]\n"));
    fs::write(path, manifest.replace("[dependencies]\n", &format!("[dependencies]\n{line}\n"))).unwrap();
}

#[test]
fn the_tree_is_in_order_and_each_fault_is_found() {
    let folder = tempfile::tempdir().unwrap();
    copy_of_the_workspace(folder.path());
    let in_order = layers(folder.path());
    assert!(in_order.status.success(), "{}", String::from_utf8_lossy(&in_order.stderr));

    for (to, line, complaint) in [
        ("crates/core/fusion", "tokio.workspace = true", "jxz-fusion must stay pure but reaches jxz-fusion -> tokio"),
        ("crates/base/geo", "tokio.workspace = true", "jxz-geo must stay pure but reaches jxz-geo -> tokio"),
        ("crates/core/signal", "jxz-hazard.workspace = true", "jxz-signal must not import jxz-hazard"),
        ("xtask", "jxz-units.workspace = true", "xtask must not import jxz-units"),
    ] {
        let broken = tempfile::tempdir().unwrap();
        copy_of_the_workspace(broken.path());
        add_dependency(broken.path(), to, line);
        let output = layers(broken.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{to} with `{line}` passed");
        assert!(said.contains(complaint), "{to} with `{line}`: {said}");
    }
}

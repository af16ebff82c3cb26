//! What the end-to-end tests share: the programs as `cargo xtask test` builds them, and the workspace's folders.
//!
//! The tests themselves are in `tests/`, one file a behaviour.

#![allow(clippy::panic, reason = "this crate exists for tests")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The workspace's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// A program of the workspace, run from its root.
///
/// # Panics
/// The program has not been built.
#[must_use]
pub fn program(name: &str) -> Command {
    let own = std::env::current_exe().unwrap_or_default();
    // A test lives in `<profile>/deps`, the programs in `<profile>`.
    let folder = own.parent().and_then(Path::parent).unwrap_or_else(|| Path::new("."));
    let path = folder.join(name);
    assert!(path.exists(), "{} is not there: run the tests with `cargo xtask test`, which builds it", path.display());
    let mut command = Command::new(path);
    command.current_dir(root()).env("RUST_BACKTRACE", "0");
    command
}

/// Runs a command that must succeed.
///
/// # Panics
/// It cannot be started or fails; the message has what it said.
#[must_use]
pub fn succeed(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) if output.status.success() => output,
        Ok(output) => panic!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("cannot start {command:?}: {error}"),
    }
}

/// Reads a JSON file.
///
/// # Panics
/// It is not there or is no JSON.
#[must_use]
pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{} is no JSON: {e}", path.display()))
}

/// A folder beside the workspace that need not be there; says so when it is not.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    #[allow(clippy::print_stdout, reason = "a skipped test says why")]
    {
        println!("skipped: {} is not there", path.display());
    }
    None
}

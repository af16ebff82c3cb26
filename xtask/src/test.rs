//! `cargo xtask test`: every test there is.

use crate::run::{build_console, cargo, is_there, root, step};
use std::process::Command;

/// Every test: Rust's with nextest where it is there, documentation's, and the console's where npm is.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only tests whose name contains this (Rust's only).
    filter: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // The daemons embed the console, and the end-to-end tests look at it.
    let console = args.filter.is_none() && build_console()?;
    // The end-to-end tests run the programs themselves.
    step("programs", cargo().args(["build", "--workspace", "--bins", "--locked"]))?;
    let with_nextest = is_there("cargo", &["nextest", "--version"]);
    let runner: &[&str] = if with_nextest { &["nextest", "run"] } else { &["test"] };
    // Everything that fails is told at once.
    let targets = ["--workspace", "--lib", "--bins", "--tests", "--locked", "--no-fail-fast"];
    step("tests", cargo().args(runner).args(targets).args(&args.filter))?;
    if args.filter.is_some() {
        return Ok(());
    }
    step("documentation tests", cargo().args(["test", "--workspace", "--doc", "--locked", "--quiet"]))?;
    if console {
        let npm = |script: &str| {
            let mut npm = Command::new("npm");
            npm.args(["run", "--silent", script]).current_dir(root().join("console"));
            npm
        };
        step("console: tests", &mut npm("test"))?;
        step("console: browser", &mut npm("test:browser"))?;
    } else {
        eprintln!("==> console: skipped, npm is not installed");
    }
    Ok(())
}

//! `cargo xtask bench`: what things cost, beside what they may cost.

#![allow(clippy::print_stdout, reason = "it is what was asked for")]

use crate::run::cargo;
use anyhow::{Context, bail};
use clap::ValueEnum;

/// Measures, in a release build, and prints each budget beside the measurement.
///
/// Without a name, lists the benches that there are.
///
/// Example: cargo xtask bench v2x --json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure.
    name: Option<Bench>,
    /// JSON alone on standard output, for machines (v2x).
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// From a scan to a message: fusion, encoding, a node's brain.
    HotPath,
    /// Messages to bytes and back, and their signatures.
    V2x,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match (args.name, args.json) {
        (None, _) => list(),
        (Some(Bench::HotPath), true) => bail!("bench hot-path has no JSON; leave --json out"),
        (Some(Bench::HotPath), false) => measure("jxz-benches", "hot_path", &[]),
        (Some(Bench::V2x), true) => measure("jxz-benches", "v2x", &["--", "--json"]),
        (Some(Bench::V2x), false) => {
            measure("jxz-benches", "v2x", &[])?;
            println!("\nbeside rasn, from the same tables:");
            measure("jxz-peer-rasn", "rasn", &[])
        }
    }
}

fn list() -> anyhow::Result<()> {
    for bench in Bench::value_variants() {
        let Some(value) = bench.to_possible_value() else { continue };
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        println!("cargo xtask bench {:<10} {help}", value.get_name());
    }
    Ok(())
}

/// Runs a bench; its standard output is ours.
fn measure(package: &str, bench: &str, options: &[&str]) -> anyhow::Result<()> {
    let mut command = cargo();
    command.args(["bench", "--locked", "--quiet", "-p", package, "--bench", bench]).args(options);
    let status = command.status().with_context(|| format!("bench {bench}: cannot start cargo"))?;
    if !status.success() {
        bail!("bench {bench} failed ({status})");
    }
    Ok(())
}

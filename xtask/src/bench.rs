//! `cargo xtask bench`: what things cost, beside what they may cost.

#![allow(clippy::print_stdout, reason = "it is what was asked for")]

use crate::run::{cargo, root, step, target_dir};
use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use std::path::PathBuf;
use std::process::Command;

/// Measures, in a release build, and prints each budget beside the measurement.
///
/// Without a name, lists the benches that there are.
///
/// Example: cargo xtask bench v2x --json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure.
    name: Option<Bench>,
    /// JSON alone on standard output, for machines (edge-node, v2x, fusion, fusion-load, sim).
    #[arg(long)]
    json: bool,
    /// Others beside ours: trackers on the same scenes (fusion), SUMO on the same roads (sim). Makes a Python
    /// environment in the target folder and installs them from the package index; some ten minutes.
    #[arg(long)]
    peers: bool,
    /// The folder of make_scene.py and score_tracks.py (fusion --peers).
    #[arg(long, default_value = "../shared/tools/fusion")]
    tools: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// A whole node as it is deployed, at full load: delay, CPU, memory. Starts the real programs.
    EdgeNode,
    /// From a scan to a message: fusion, encoding, a node's brain.
    HotPath,
    /// Fusing a frame, by road users in view; then fusion-load.
    Fusion,
    /// SceneScape's load through a node's brain in real time, a minute.
    FusionLoad,
    /// Simulated traffic alone, and the whole island against real time.
    Sim,
    /// Messages to bytes and back, and their signatures.
    V2x,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let json = ["--", "--json"];
    if args.peers {
        return match args.name {
            Some(Bench::Fusion) => fusion_peers(args),
            Some(Bench::Sim) => sim_peers(args),
            _ => bail!("--peers is for the benches fusion and sim"),
        };
    }
    match (args.name, args.json) {
        (None, _) => list(),
        (Some(Bench::EdgeNode), as_json) => {
            let programs = ["build", "--release", "--locked", "--quiet", "-p", "jxz-edged", "-p", "jxz-cloudd"];
            step("programs", cargo().args(programs))?;
            measure("jxz-benches", "edge_node", if as_json { &json } else { &[] })
        }
        (Some(Bench::HotPath), true) => bail!("bench hot-path has no JSON; leave --json out"),
        (Some(Bench::HotPath), false) => measure("jxz-benches", "hot_path", &[]),
        (Some(Bench::Fusion), true) => measure("jxz-benches", "fusion", &json),
        (Some(Bench::Fusion), false) => {
            measure("jxz-benches", "fusion", &[])?;
            println!();
            measure("jxz-benches", "fusion_load", &[])
        }
        (Some(Bench::FusionLoad), true) => measure("jxz-benches", "fusion_load", &json),
        (Some(Bench::FusionLoad), false) => measure("jxz-benches", "fusion_load", &[]),
        (Some(Bench::Sim), true) => measure("jxz-benches", "sim", &json),
        (Some(Bench::Sim), false) => measure("jxz-benches", "sim", &[]),
        (Some(Bench::V2x), true) => measure("jxz-benches", "v2x", &json),
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
        println!("cargo xtask bench {:<11} {help}", value.get_name());
    }
    Ok(())
}

/// Public trackers in an environment of their own, beside `jxz fuse` in a release build.
fn fusion_peers(args: &Args) -> anyhow::Result<()> {
    let tools = root().join(&args.tools);
    for name in ["make_scene.py", "score_tracks.py"] {
        ensure!(tools.join(name).is_file(), "{name} is not in {}; --tools says where it is", tools.display());
    }
    step("jxz", cargo().args(["build", "--release", "--locked", "--quiet", "-p", "jxz"]))?;
    let mut command = Command::new(python(target_dir().join("fusion-peers-python"))?);
    eprintln!("==> peers: about ten minutes");
    command.arg(root().join("benches/peers/fusion/run.py"));
    command.arg("--jxz").arg(target_dir().join("release/jxz")).arg("--tools").arg(tools);
    command.arg("--out").arg(target_dir().join("fusion-peers"));
    if args.json {
        command.arg("--json");
    }
    let status = command.status().context("peers: cannot start Python")?;
    ensure!(status.success(), "the peers' run failed ({status})");
    Ok(())
}

/// SUMO in an environment of its own, beside our traffic in a release build.
fn sim_peers(args: &Args) -> anyhow::Result<()> {
    let out = target_dir().join("sim-peers");
    let python = python(target_dir().join("sim-peers-python"))?;
    eprintln!("==> peers: some ten minutes");
    let ours = captured("sim_road", &["--", "--out", &out.to_string_lossy()])?;
    let speed: serde_json::Value =
        serde_json::from_str(&captured("sim", &["--", "--json"])?).context("bench sim: its JSON cannot be read")?;
    let updates = speed["traffic_updates_per_core_second"]["1000"].as_f64().context("bench sim: no figure at 1000")?;
    let ours_at = out.join("ours.json");
    std::fs::write(&ours_at, ours).with_context(|| format!("cannot write {}", ours_at.display()))?;
    let mut command = Command::new(python);
    command.arg(root().join("benches/peers/sumo/run.py")).arg("--ours").arg(ours_at);
    command.arg("--updates").arg(updates.to_string()).arg("--out").arg(out);
    command.arg("--docs").arg(root().join("docs"));
    command.arg("--reference").arg(root().join("sim/tests/data/sumo-queue.json"));
    if args.json {
        command.arg("--json");
    }
    let status = command.status().context("peers: cannot start Python")?;
    ensure!(status.success(), "the peers' run failed ({status})");
    Ok(())
}

/// The Python of an environment, which is made where there is none.
fn python(environment: PathBuf) -> anyhow::Result<PathBuf> {
    if !environment.join("bin/pip").is_file() {
        step("Python environment", Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    Ok(environment.join("bin/python3"))
}

/// What a bench of `jxz-benches` prints.
fn captured(bench: &str, options: &[&str]) -> anyhow::Result<String> {
    let mut command = cargo();
    command.args(["bench", "--locked", "--quiet", "-p", "jxz-benches", "--bench", bench]).args(options);
    let output = command.output().with_context(|| format!("bench {bench}: cannot start cargo"))?;
    ensure!(output.status.success(), "bench {bench} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).with_context(|| format!("bench {bench}: what it printed is no text"))
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

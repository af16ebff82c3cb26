//! `jxz sim`: the whole island in virtual time, in one process.

use crate::{sim_check, sim_radio};
use anyhow::{Context, bail};
use jxz_link::FastVerifier;
use jxz_map::Map;
use jxz_security::Algorithm;
use jxz_sim::{Scenario, VirtualIsland, VirtualReport};
use jxz_units::Utc;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// 2026-08-09 00:00 UTC: virtual time begins here unless told otherwise, so that a seed alone decides every output.
const UTC_START_MS: i64 = 1_786_233_600_000;

/// Run the simulated island: road users, sensors, radio, and the real edge and cloud brains.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Everything that is left to chance follows from it.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// As fast as it can, in virtual time (real time against the daemons is `cargo xtask demo`).
    #[arg(long)]
    r#virtual: bool,
    /// Simulated minutes.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Sign and verify every message with this algorithm: sm2 or ecdsa-p256. Plain messages if left out: signatures
    /// take more time than everything else together.
    #[arg(long, value_name = "ALGORITHM", value_parser = crate::pki::algorithm)]
    signed: Option<Algorithm>,
    /// The map's folder.
    #[arg(long, default_value = "seeds/island")]
    map: PathBuf,
    /// The scenario.
    #[arg(long, default_value = "seeds/scenarios/demo.toml")]
    scenario: PathBuf,
    /// Who moves the road users.
    #[arg(long, value_enum, default_value_t = Mover::Own)]
    traffic: Mover,
    #[command(flatten)]
    sumo: crate::sumo::Args,
}

/// Who moves the road users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mover {
    /// This simulator, as the scenario says.
    Own,
    /// SUMO, as its network and routes say; of the scenario count on-board units and radio.
    Sumo,
}

/// One part of the simulator by itself.
#[derive(Debug, clap::Subcommand)]
enum Part {
    Radio(sim_radio::Args),
    Check(sim_check::Args),
    /// Print a JSON Schema of scenarios for editors: keep it in a file and name that in a scenario's first line,
    /// `#:schema scenario.schema.json`.
    ///
    /// Example: jxz sim schema > scenario.schema.json
    Schema,
}

/// The line at the end.
#[derive(serde::Serialize)]
struct Line {
    times_real_time: f64,
    #[serde(flatten)]
    report: VirtualReport,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match &args.part {
        Some(Part::Radio(args)) => return sim_radio::run(args),
        Some(Part::Check(args)) => return sim_check::run(args),
        Some(Part::Schema) => {
            let schema = serde_json::to_string_pretty(&Scenario::json_schema())?;
            return writeln!(std::io::stdout(), "{schema}").context("write the schema");
        }
        None => {}
    }
    if !args.r#virtual && args.traffic == Mover::Own {
        bail!("jxz sim runs in virtual time: add --virtual; the island in real time is `cargo xtask demo`");
    }
    if !(args.minutes > 0.0 && args.minutes <= 1e5) {
        bail!("--minutes is {}, must be above 0 and at most 100000", args.minutes);
    }
    let map = Map::load(&args.map).with_context(|| format!("load map {}", args.map.display()))?;
    let text = std::fs::read_to_string(&args.scenario)
        .with_context(|| format!("read scenario {}", args.scenario.display()))?;
    let scenario = Scenario::from_toml(&text).with_context(|| format!("scenario {}", args.scenario.display()))?;
    let mut island = VirtualIsland::new(Arc::new(map), &scenario, args.seed, Utc::from_unix_ms(UTC_START_MS))?;
    if let Some(algorithm) = args.signed {
        island = island.secured(algorithm, Arc::new(FastVerifier))?;
    }
    if args.traffic == Mover::Sumo {
        return crate::sumo::run(&args.sumo, island, args.minutes, args.seed);
    }
    let started = Instant::now();
    let end_s = args.minutes * 60.0;
    let mut next_s = 0.0;
    while island.seconds() < end_s - 1e-9 {
        island.step()?;
        if island.seconds() >= next_s {
            progress(&island, end_s, started)?;
            next_s += 10.0;
        }
    }
    let times_real_time = island.seconds() / started.elapsed().as_secs_f64().max(1e-9);
    let line = serde_json::to_string(&Line { times_real_time, report: island.report() })?;
    writeln!(std::io::stdout(), "{line}").context("write the report")
}

pub(crate) fn progress(island: &VirtualIsland, end_s: f64, started: Instant) -> anyhow::Result<()> {
    let shown: u64 = island.simulation().on_board().warnings.values().map(|by| by.uu + by.pc5).sum();
    writeln!(
        std::io::stderr(),
        "{:6.1} of {end_s:.0} s, {:.1} x real time, {} road users, {shown} warnings shown",
        island.seconds(),
        island.seconds() / started.elapsed().as_secs_f64().max(1e-9),
        island.simulation().truth().len(),
    )
    .context("write progress")
}

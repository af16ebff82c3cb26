//! `jxz sim`: the whole island in virtual time, in one process.

use crate::record::{BlackBoxes, Recorder, Subject};
use crate::{plot, record, sim_check, sim_judge, sim_radio};
use anyhow::{Context, bail};
use jxz_link::FastVerifier;
use jxz_map::Map;
use jxz_security::Algorithm;
use jxz_sim::{Judge, Scenario, SeedRange, Verdict, VirtualIsland, VirtualReport};
use jxz_units::Utc;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// 2026-08-09 00:00 UTC: virtual time begins here unless told otherwise, so that a seed alone decides every output.
pub(crate) const UTC_START_MS: i64 = 1_786_233_600_000;

/// Run the simulated island: road users, sensors, radio, and the real edge and cloud brains.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  jxz sim --virtual --minutes 5
  jxz sim --virtual --scenario seeds/scenarios/staged/svw-red-light.toml --seeds all
  jxz sim --virtual --minutes 1 --record run.mcap
  jxz sim --virtual --minutes 5 --black-box zhongxin-minan=box.mcap"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Everything that is left to chance follows from it.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// As fast as it can, in virtual time (real time against the daemons is `cargo xtask demo`).
    #[arg(long)]
    r#virtual: bool,
    /// Run each of these seeds and judge it by what the scenario expects: a first and a last as in 1..20, or `all` for
    /// those that the scenario names.
    #[arg(long, value_name = "FIRST..LAST")]
    seeds: Option<String>,
    /// Simulated minutes; left out: what the scenario says under `expect.seconds`, else 5.
    #[arg(long)]
    minutes: Option<f64>,
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
    #[command(flatten)]
    record: record::Args,
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
    Plot(plot::Args),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(flatten)]
    report: VirtualReport,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match &args.part {
        Some(Part::Radio(args)) => return sim_radio::run(args),
        Some(Part::Check(args)) => return sim_check::run(args),
        Some(Part::Plot(args)) => return plot::run(args),
        Some(Part::Schema) => {
            let schema = serde_json::to_string_pretty(&Scenario::json_schema())?;
            return writeln!(std::io::stdout(), "{schema}").context("write the schema");
        }
        None => {}
    }
    if !args.r#virtual && args.traffic == Mover::Own {
        bail!("jxz sim runs in virtual time: add --virtual; the island in real time is `cargo xtask demo`");
    }
    if let Some(minutes) = args.minutes.filter(|minutes| !(*minutes > 0.0 && *minutes <= 1e5)) {
        bail!("--minutes is {minutes}, must be above 0 and at most 100000");
    }
    let map = Map::load(&args.map).with_context(|| format!("load map {}", args.map.display()))?;
    let scenario = read_scenario(&args.scenario)?;
    let (map, signed) = (Arc::new(map), args.signed);
    let start = Utc::from_unix_ms(UTC_START_MS);
    let island_of = |seed| -> anyhow::Result<VirtualIsland> {
        let island = VirtualIsland::new(Arc::clone(&map), &scenario, seed, start)?;
        Ok(match signed {
            Some(algorithm) => island.secured(algorithm, Arc::new(FastVerifier))?,
            None => island,
        })
    };
    let traffic = if args.traffic == Mover::Sumo { "sumo" } else { "own" };
    let subject = Subject { map: &map, scenario: &args.scenario, seed: args.seed, start, traffic };
    let end_s = args.minutes.map(|minutes| minutes * 60.0).or(scenario.expect.seconds).unwrap_or(300.0);
    if args.traffic == Mover::Sumo {
        let recorder = args.record.begin(&subject)?;
        let (island, boxes) = watched(island_of(args.seed)?, recorder.as_ref(), &args.record)?;
        crate::sumo::run(&args.sumo, island, end_s / 60.0, args.seed, recorder)?;
        return boxes.finish();
    }
    if let Some(text) = &args.seeds {
        if args.record.is_on() {
            bail!("--record and --black-box take one run: leave --seeds out and choose one with --seed");
        }
        let range = if text == "all" {
            scenario.expect.seeds.context("--seeds all: the scenario names no seeds under [expect]")?
        } else {
            text.parse::<SeedRange>().map_err(anyhow::Error::msg).context("--seeds")?
        };
        return sim_judge::run_seeds(&scenario, range, end_s, island_of);
    }
    let recorder = args.record.begin(&subject)?;
    let (mut island, boxes) = watched(island_of(args.seed)?, recorder.as_ref(), &args.record)?;
    let mut judge = (!scenario.expect.is_empty()).then(|| Judge::new(&scenario, &island));
    let started = Instant::now();
    let mut next_s = 0.0;
    while island.seconds() < end_s - 1e-9 {
        island.step()?;
        recorder.as_ref().map_or(Ok(()), Recorder::check)?;
        boxes.check()?;
        if let Some(judge) = &mut judge {
            judge.look(&mut island);
        }
        if island.seconds() >= next_s {
            progress(&island, end_s, started)?;
            recorder.as_ref().map_or(Ok(()), Recorder::progress)?;
            next_s += 10.0;
        }
    }
    recorder.map_or(Ok(()), Recorder::finish)?;
    boxes.finish()?;
    let times_real_time = island.seconds() / started.elapsed().as_secs_f64().max(1e-9);
    let verdict = judge.map(|judge| judge.verdict());
    let line = serde_json::to_string(&Line { times_real_time, verdict: verdict.clone(), report: island.report() })?;
    writeln!(std::io::stdout(), "{line}").context("write the report")?;
    verdict.map_or(Ok(()), |verdict| sim_judge::must_hold(&verdict, args.seed))
}

/// The scenario in a file.
pub(crate) fn read_scenario(path: &Path) -> anyhow::Result<Scenario> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read scenario {}", path.display()))?;
    Scenario::from_toml(&text).with_context(|| format!("scenario {}", path.display()))
}

/// The island with the recorder and the black boxes, as far as there are any, looking on.
fn watched(
    island: VirtualIsland,
    recorder: Option<&Recorder>,
    args: &record::Args,
) -> anyhow::Result<(VirtualIsland, BlackBoxes)> {
    let boxes = args.begin_boxes(&island)?;
    Ok((boxes.watch(island, recorder.map(Recorder::tap)), boxes))
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

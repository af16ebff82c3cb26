//! `jxz sim plot`: time-space diagrams, speeds and trajectories of a run, as SVG.

mod data;
mod road;
mod space;
mod svg;
mod trajectories;

use crate::record::{Recorder, Subject};
use anyhow::{Context, bail};
use data::Data;
use jxz_map::Map;
use jxz_sim::VirtualIsland;
use jxz_units::Utc;
use jxz_world::SiteId;
use road::Road;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest run that a plot makes for itself, seconds.
const LONGEST_RUN_S: f64 = 3600.0;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Where along a road each vehicle is, over time, with the signals at its stop lines.
    TimeSpace,
    /// Road users and tracks on the map, and where warnings were raised.
    Trajectories,
    /// How fast vehicles on a road are, over time.
    Speed,
}

/// Draw a run to SVG: a recording (`jxz sim --virtual --record FILE.mcap`), or a scenario that is run for it.
///
/// Example: jxz sim plot run.mcap --kind time-space --road ROAD --from 0 --to 120 -o out.svg
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The recording; without it --scenario and --seed are run up to --to.
    recording: Option<PathBuf>,
    /// What is drawn.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The road, by its name or a link's id: the stretch of links that follow each other.
    #[arg(long, conflicts_with = "lane")]
    road: Option<String>,
    /// The road's other direction.
    #[arg(long, requires = "road")]
    reverse: bool,
    /// One lane, by its id.
    #[arg(long)]
    lane: Option<String>,
    /// For trajectories: the site whose coverage is drawn.
    #[arg(long)]
    site: Option<String>,
    /// From this second of the run.
    #[arg(long, default_value_t = 0.0)]
    from: f64,
    /// To this second of the run; left out: to the recording's end.
    #[arg(long)]
    to: Option<f64>,
    /// Where the drawing goes.
    #[arg(short, long)]
    out: PathBuf,
    /// The map's folder.
    #[arg(long, default_value = "seeds/island")]
    map: PathBuf,
    /// Run this instead of reading a recording.
    #[arg(long, conflicts_with = "recording")]
    scenario: Option<PathBuf>,
    /// The seed of that run.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let map = Map::load(&args.map).with_context(|| format!("load map {}", args.map.display()))?;
    let map = Arc::new(map);
    let to_s = args.to.unwrap_or(f64::INFINITY);
    if !(args.from >= 0.0 && to_s > args.from) {
        bail!("--from is {} and --to {to_s}: seconds of the run, from 0 on, --to after --from", args.from);
    }
    let road = road_of(args, &map)?;
    let temporary = tempfile::tempdir().context("make a temporary folder")?;
    let recording = match (&args.recording, &args.scenario) {
        (Some(path), _) => path.clone(),
        (None, Some(scenario)) => {
            let path = temporary.path().join("run.mcap");
            record(scenario, args.seed, &map, to_s, &path)?;
            path
        }
        (None, None) => bail!("name a recording, or a scenario to run with --scenario"),
    };
    let data = Data::read(&recording, &map, args.from, to_s, args.kind == Kind::Trajectories)?;
    let drawing = match (args.kind, &road) {
        (Kind::TimeSpace, Some(road)) => space::time_space(&data, road)?,
        (Kind::Speed, Some(road)) => space::speed(&data, road)?,
        (Kind::Trajectories, _) => trajectories::draw(&data, &map, &window(args, &map, road.as_ref())?)?,
        (Kind::TimeSpace | Kind::Speed, None) => {
            bail!("--kind time-space and --kind speed need --road NAME or --lane ID")
        }
    };
    std::fs::write(&args.out, &drawing).with_context(|| format!("write {}", args.out.display()))?;
    let line = format!("{}: {:.0} kB", args.out.display(), drawing.len() as f64 / 1e3);
    writeln!(std::io::stderr(), "{line}").context("write progress")
}

fn road_of(args: &Args, map: &Map) -> anyhow::Result<Option<Road>> {
    Ok(match (&args.road, &args.lane) {
        (Some(name), _) => Some(Road::of_name(map, name, args.reverse)?),
        (None, Some(lane)) => Some(Road::of_lane(map, lane)?),
        (None, None) => None,
    })
}

/// Runs a scenario and records it.
fn record(scenario: &Path, seed: u64, map: &Arc<Map>, to_s: f64, path: &Path) -> anyhow::Result<()> {
    if to_s > LONGEST_RUN_S {
        bail!("--scenario needs --to, at most {LONGEST_RUN_S} s: so long is it run");
    }
    let parsed = crate::sim::read_scenario(scenario)?;
    let start = Utc::from_unix_ms(crate::sim::UTC_START_MS);
    let recorder = Recorder::begin(path, 5.0, &Subject { map, scenario, seed, start, traffic: "own" })?;
    let mut island = VirtualIsland::new(Arc::clone(map), &parsed, seed, start)?.observed_by(recorder.tap());
    while island.seconds() < to_s {
        island.step()?;
        recorder.check()?;
    }
    recorder.finish()
}

/// What part of the map trajectories are drawn of.
struct Window {
    title: String,
    centre: jxz_geo::Point,
    /// Half its width and half its height, metres.
    half_m: (f64, f64),
}

fn window(args: &Args, map: &Map, road: Option<&Road>) -> anyhow::Result<Window> {
    if let Some(name) = &args.site {
        let site = map.site_by_id(&SiteId(name.clone())).with_context(|| {
            let names: Vec<&str> = map.sites.iter().map(|site| site.id.0.as_str()).collect();
            format!("the map has no site {name:?}; its sites are {}", names.join(", "))
        })?;
        let half_m = (site.coverage_m, site.coverage_m * 0.75);
        return Ok(Window { title: format!("{} {}", site.name_zh, site.name_en), centre: site.position, half_m });
    }
    let Some(road) = road else { bail!("--kind trajectories needs --site ID, --road NAME or --lane ID") };
    let (low, high) = road.bounds();
    let half_m = ((high.x - low.x) / 2.0 + 40.0, (high.y - low.y) / 2.0 + 40.0);
    Ok(Window { title: road.name.clone(), centre: low + (high - low) / 2.0, half_m })
}

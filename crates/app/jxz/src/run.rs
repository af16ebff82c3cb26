//! `jxz run`: recorded road users past a site.

use crate::passage::{ClipReport, pass};
use crate::recording::Clip;
use anyhow::{Context, bail};
use jxz_map::Map;
use jxz_world::SiteId;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Plays recorded trajectories of real road users past a site: its simulated sensors see them, and the real path
/// follows: fusion, warnings, UPER messages out, vehicles in.
///
/// Example: jxz run --tracks recordings/dut --site SITE --report run.json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of clips: NAME_traj_ped_filtered.csv beside NAME_traj_veh_filtered.csv.
    #[arg(long)]
    tracks: PathBuf,
    /// The site of the map that they pass (`jxz map info` lists them).
    #[arg(long)]
    site: String,
    /// Where the report goes, as JSON.
    #[arg(long)]
    report: PathBuf,
    /// Only the clip of this name.
    #[arg(long)]
    clip: Option<String>,
    /// The map's folder.
    #[arg(long, default_value = "seeds/island")]
    map: PathBuf,
    /// The seed of the sensors' noise and misses.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Serialize)]
struct Report {
    site: String,
    map_version: String,
    seed: u64,
    clips: Vec<ClipReport>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let map = Map::load(&args.map).with_context(|| format!("cannot load the map {}", args.map.display()))?;
    let map = Arc::new(map);
    let site = SiteId(args.site.clone());
    if map.site_by_id(&site).is_none() {
        let names: Vec<&str> = map.sites.iter().map(|s| s.id.0.as_str()).collect();
        bail!("site `{site}` is not in the map; its sites are {}", names.join(", "));
    }
    let mut clips = Clip::all_in(&args.tracks)?;
    if let Some(wanted) = &args.clip {
        let names: Vec<String> = clips.iter().map(|c| c.name.clone()).collect();
        clips.retain(|c| c.name == *wanted);
        if clips.is_empty() {
            bail!("no clip `{wanted}` in {}; there are {}", args.tracks.display(), names.join(", "));
        }
    }
    let mut err = std::io::stderr().lock();
    let mut reports = Vec::new();
    for clip in clips {
        let name = clip.name.clone();
        let report = pass(&map, &site, clip, args.seed).with_context(|| format!("cannot play the clip {name}"))?;
        writeln!(err, "{}", report.line())?;
        reports.push(report);
    }
    let report = Report { site: args.site, map_version: map.version.clone(), seed: args.seed, clips: reports };
    let text = serde_json::to_string_pretty(&report).context("cannot put the report into JSON")?;
    std::fs::write(&args.report, text + "\n")
        .with_context(|| format!("cannot write the report {}", args.report.display()))
}

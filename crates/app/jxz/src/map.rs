//! `jxz map`: looking at a map and finding what is wrong with it.

mod exchange;

use anyhow::{Context, bail};
use jxz_map::{Control, LaneKind, Map, check, geojson};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Look at a map, check it, export it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what is wrong with a map, one finding a line; exit with 1 if there is anything.
    Check {
        /// The map's folder.
        dir: PathBuf,
    },
    /// Print what a map holds.
    Info {
        /// The map's folder.
        dir: PathBuf,
    },
    /// Write a map as GeoJSON (WGS84).
    Geojson {
        /// The map's folder.
        dir: PathBuf,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
    },
    Export(exchange::Export),
    Import(exchange::Import),
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Export(args) => exchange::export(&args),
        Command::Import(args) => exchange::import(&args),
        Command::Check { dir } => run_check(&load(&dir)?),
        Command::Info { dir } => info(&load(&dir)?),
        Command::Geojson { dir, out } => {
            let map = load(&dir)?;
            std::fs::write(&out, geojson(&map)).with_context(|| format!("cannot write {}", out.display()))
        }
    }
}

fn load(dir: &Path) -> anyhow::Result<Map> {
    Map::load(dir).with_context(|| format!("cannot load the map in {}", dir.display()))
}

fn run_check(map: &Map) -> anyhow::Result<()> {
    let findings = check(map);
    let mut out = std::io::stdout().lock();
    for finding in &findings {
        let place = map.frame.to_wgs84(finding.at);
        writeln!(out, "{finding} (lat {:.6}, lon {:.6})", place.lat_deg, place.lon_deg)?;
    }
    if !findings.is_empty() {
        bail!("{} findings in {}", findings.len(), map.name);
    }
    writeln!(out, "{} {}: {} lanes, nothing wrong", map.name, map.version, map.lanes.len())?;
    Ok(())
}

fn info(map: &Map) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let origin = map.frame.origin();
    writeln!(out, "{} {}\n{}", map.name, map.version, map.credit)?;
    writeln!(out, "frame: transverse Mercator at lat {}, lon {} (WGS84)", origin.lat_deg, origin.lon_deg)?;
    let mut lengths: BTreeMap<&str, f64> = BTreeMap::new();
    for lane in &map.lanes {
        let kind = match (lane.link, lane.kind) {
            (None, _) => "connectors",
            (_, LaneKind::Driving) => "driving lanes",
            (_, LaneKind::Cycle) => "cycle lanes",
            (_, LaneKind::Footway) => "footways",
        };
        *lengths.entry(kind).or_default() += lane.centre.length_m() / 1000.0;
    }
    for (kind, km) in lengths {
        writeln!(out, "{kind}: {km:.1} km")?;
    }
    let signalled = map.junctions.iter().filter(|j| matches!(j.control, Control::Signals(_))).count();
    writeln!(out, "links: {}, lanes: {}", map.links.len(), map.lanes.len())?;
    writeln!(out, "junctions: {}, {signalled} of them under signals", map.junctions.len())?;
    writeln!(out, "crossings: {}, bus stops: {}", map.crossings.len(), map.bus_stops.len())?;
    let sensors: usize = map.sites.iter().map(|site| site.sensors.len()).sum();
    writeln!(out, "sites: {} with {sensors} sensors", map.sites.len())?;
    writeln!(out, "base stations: {}", map.base_stations.len())?;
    for site in &map.sites {
        writeln!(out, "  {} {}", site.id, site.name_zh)?;
    }
    Ok(())
}

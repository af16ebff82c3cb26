//! `jxz map export` and `jxz map import`: the map in the formats of others.

use anyhow::{Context, bail};
use jxz_exchange::{Demand, demand, sumo_files};
use jxz_map::{Map, check};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A file longer than this is not read, bytes.
const LONGEST: u64 = 64 << 20;

/// Another format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// ASAM OpenDRIVE 1.7, one file.
    Opendrive,
    /// SUMO's plain XML for netconvert, and routes: NAME.nod.xml, .edg.xml, .con.xml, .tll.xml, .netccfg, .rou.xml.
    Sumo,
}

/// Write a map in another format.
#[derive(Debug, clap::Args)]
#[group(id = "map-export")]
pub(super) struct Export {
    /// Which one.
    #[arg(long, value_enum)]
    to: Format,
    /// The file to write; for sumo what the files' names begin with.
    #[arg(long)]
    out: PathBuf,
    /// The map's folder.
    #[arg(long, default_value = "seeds/island")]
    map: PathBuf,
    /// For sumo: the seed of the routes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// For sumo: how many minutes the routes last.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// For sumo: cars, lorries and buses that set out in an hour; cyclists and people on foot go with them.
    #[arg(long, default_value_t = 2400)]
    vehicles_per_hour: u32,
}

/// Make a map's folder of an OpenDRIVE file.
#[derive(Debug, clap::Args)]
#[group(id = "map-import")]
pub(super) struct Import {
    /// The OpenDRIVE file (.xodr).
    file: PathBuf,
    /// The folder to make; there must be no map in it yet.
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn export(args: &Export) -> anyhow::Result<()> {
    let map = Map::load(&args.map).with_context(|| format!("cannot load the map in {}", args.map.display()))?;
    match args.to {
        Format::Opendrive => write(&args.out, &jxz_exchange::export(&map)),
        Format::Sumo => export_sumo(args, &map),
    }
}

fn export_sumo(args: &Export, map: &Map) -> anyhow::Result<()> {
    if !(args.minutes > 0.0 && args.minutes <= 1440.0) {
        bail!("--minutes is {}, must be above 0 and at most 1440", args.minutes);
    }
    let base = args.out.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = [".net.xml", ".netccfg", ".xml"].iter().find_map(|ending| base.strip_suffix(ending)).unwrap_or(base);
    if name.is_empty() {
        bail!("--out {} has no file name", args.out.display());
    }
    let files = sumo_files(map, name);
    let share = f64::from(args.vehicles_per_hour) / f64::from(Demand::default().vehicles_per_hour);
    let scaled = |usual: u32| (f64::from(usual) * share) as u32;
    let plan = Demand {
        seed: args.seed,
        seconds: args.minutes * 60.0,
        vehicles_per_hour: args.vehicles_per_hour,
        cyclists_per_hour: scaled(Demand::default().cyclists_per_hour),
        walkers_per_hour: scaled(Demand::default().walkers_per_hour),
    };
    let texts = [
        ("nod.xml", files.nodes),
        ("edg.xml", files.edges),
        ("con.xml", files.connections),
        ("tll.xml", files.signals),
        ("netccfg", files.configuration),
        ("rou.xml", demand(map, &plan)),
    ];
    for (ending, text) in texts {
        write(&args.out.with_file_name(format!("{name}.{ending}")), &text)?;
    }
    let configuration = args.out.with_file_name(format!("{name}.netccfg"));
    writeln!(std::io::stdout(), "now: netconvert -c {}", configuration.display()).context("write the next step")
}

pub(super) fn import(args: &Import) -> anyhow::Result<()> {
    let file = std::fs::File::open(&args.file).with_context(|| format!("cannot open {}", args.file.display()))?;
    let mut text = String::new();
    let read = file.take(LONGEST + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {} as text", args.file.display()))?;
    let name = args.file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let imported =
        jxz_exchange::import(&text, &name).with_context(|| format!("cannot import {}", args.file.display()))?;
    let target = args.out.join("map.toml");
    if target.exists() {
        bail!("there is a map in {} already: name another folder", args.out.display());
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make folder {}", args.out.display()))?;
    write(&target, &imported.map_toml)?;
    write(&args.out.join("lanes.toml"), &imported.lanes_toml)?;
    let mut err = std::io::stderr().lock();
    for note in &imported.notes {
        writeln!(err, "note: {note}").context("write the notes")?;
    }
    let map =
        Map::load(&args.out).with_context(|| format!("cannot load the map just made in {}", args.out.display()))?;
    let findings = check(&map).len();
    let mut out = std::io::stdout().lock();
    let (lanes, junctions) = (map.lanes.len(), map.junctions.len());
    writeln!(out, "{}: {lanes} lanes, {junctions} junctions", args.out.display()).context("write the result")?;
    if findings > 0 {
        writeln!(out, "{findings} findings: `jxz map check {}` lists them", args.out.display())
            .context("write the result")?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

//! `jxz score`: warnings held against the simulator's truth, over scenarios and seeds.

mod print;
mod runs;

use crate::sim::read_scenario;
use anyhow::{Context, bail};
use jxz_map::Map;
use jxz_sim::{Scenario, Score, SeedRange};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// A scenario that says nothing is run for this long, seconds.
const LENGTH_S: f64 = 60.0;

/// Score warnings against the truth: recall, precision, false alarms, lead time by application, and what obeying saves.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jxz score
  jxz score --seeds 101..120 --json score.json
  jxz score --only vrucw --seeds 1..3 --events
  jxz score --only dense --seeds 101..104 --explain-false
  jxz score --scenario my-crossing.toml --seeds 1..20")]
pub(crate) struct Args {
    /// Seeds of every scenario, the first and the last.
    #[arg(long, value_name = "FIRST..LAST", default_value = "1..20")]
    seeds: SeedRange,
    /// A scenario from outside of the library, in its place; repeatable.
    #[arg(long, value_name = "FILE")]
    scenario: Vec<PathBuf>,
    /// The library: every scenario below this folder that has `[expect]` is run.
    #[arg(long, value_name = "FOLDER", default_value = "seeds/scenarios")]
    library: PathBuf,
    /// Of the library only scenarios whose file name contains this.
    #[arg(long, value_name = "PART", default_value = "")]
    only: String,
    /// Leave out the second run of each seed, in which drivers obey warnings.
    #[arg(long)]
    no_benefit: bool,
    /// Print every event that was missed or warned of late, and every false alarm.
    #[arg(long)]
    events: bool,
    /// Say what the false alarms of normal traffic came from, counted and one by one: tracks of nobody or second ones of
    /// somebody, wrong in place, velocity or kind; or right ones, of which one took another way, slowed down, or passed by.
    #[arg(long)]
    explain_false: bool,
    /// Write everything into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write every run into this file, a line of JSON each: its events, and its alarms with what they were for.
    #[arg(long, value_name = "FILE")]
    runs: Option<PathBuf>,
    /// Runs at once; left out: as many as there are processors.
    #[arg(long)]
    threads: Option<usize>,
    /// The map's folder.
    #[arg(long, default_value = "seeds/island")]
    map: PathBuf,
}

/// A scenario with where it stands.
struct Entry {
    /// Its file's name without the ending.
    name: String,
    scenario: Scenario,
    seconds: f64,
}

/// What is written for machines.
#[derive(serde::Serialize)]
struct Report<'a> {
    seeds: String,
    scenarios: &'a [print::Line],
    runs: usize,
    /// Simulated seconds a second of ours.
    times_real_time: f64,
    #[serde(flatten)]
    score: &'a Score,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let map = Map::load(&args.map).with_context(|| format!("load map {}", args.map.display()))?;
    let entries = entries(&args)?;
    let started = Instant::now();
    let outcome = runs::play(&Arc::new(map), &entries, &args)?;
    let times_real_time = outcome.simulated_s / started.elapsed().as_secs_f64().max(1e-9);
    let score = outcome.tally.score();
    if let Some(path) = &args.json {
        let report = Report {
            seeds: args.seeds.to_string(),
            scenarios: &outcome.lines,
            runs: outcome.runs,
            times_real_time,
            score: &score,
        };
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, text).with_context(|| format!("write the score to {}", path.display()))?;
    }
    if let Some(path) = &args.runs {
        std::fs::write(path, &outcome.records).with_context(|| format!("write the runs to {}", path.display()))?;
    }
    if args.events {
        print::remarks(&outcome.remarks)?;
    }
    print::report(&outcome.lines, &score, (outcome.runs, times_real_time))?;
    if args.explain_false {
        print::remarks(&outcome.faults)?;
        print::blamed(&score)?;
    }
    Ok(())
}

/// The scenarios to run.
fn entries(args: &Args) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    if args.scenario.is_empty() {
        let mut files = Vec::new();
        collect(&args.library, &mut files)?;
        files.sort();
        for path in files.iter().filter(|path| stem(path).contains(&args.only)) {
            let entry = read(path)?;
            if !entry.scenario.expect.is_empty() {
                entries.push(entry);
            }
        }
        if entries.is_empty() {
            let (library, only) = (args.library.display(), &args.only);
            bail!("no scenario with [expect] below {library} has {only:?} in its name");
        }
    }
    for path in &args.scenario {
        entries.push(read(path)?);
    }
    Ok(entries)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let listing = std::fs::read_dir(folder).with_context(|| format!("list scenarios in {}", folder.display()))?;
    for entry in listing {
        let path = entry.with_context(|| format!("list scenarios in {}", folder.display()))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read(path: &Path) -> anyhow::Result<Entry> {
    let scenario = read_scenario(path)?;
    let seconds = scenario.expect.seconds.unwrap_or(LENGTH_S);
    Ok(Entry { name: stem(path), scenario, seconds })
}

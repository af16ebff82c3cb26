//! Runs every scenario with every seed, several at once, and adds them up in their order.

use super::print::{Line, Remark};
use super::{Args, Entry};
use crate::sim::UTC_START_MS;
use anyhow::Context;
use jxz_map::Map;
use jxz_sim::{RunScore, Scenario, ScoreWatch, Tally, VirtualIsland};
use jxz_units::Utc;
use std::io::{IsTerminal, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// All runs.
pub(super) struct Outcome {
    pub(super) tally: Tally,
    pub(super) lines: Vec<Line>,
    pub(super) remarks: Vec<Remark>,
    /// What false alarms of normal traffic came from.
    pub(super) faults: Vec<Remark>,
    /// A line of JSON for each run with deaf drivers, if they are asked for.
    pub(super) records: String,
    pub(super) runs: usize,
    pub(super) simulated_s: f64,
}

/// What is written of a run.
#[derive(serde::Serialize)]
struct Played<'a> {
    scenario: &'a str,
    seed: u64,
    #[serde(flatten)]
    score: &'a RunScore,
}

/// A run with deaf drivers, and one with drivers who obey.
type Pair = (RunScore, Option<RunScore>);

pub(super) fn play(map: &Arc<Map>, entries: &[Entry], args: &Args) -> anyhow::Result<Outcome> {
    let jobs: Vec<(usize, u64)> =
        (0..entries.len()).flat_map(|entry| args.seeds.seeds().map(move |seed| (entry, seed))).collect();
    let threads = args.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Pair>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let work = || -> anyhow::Result<()> {
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(entry, seed)) = jobs.get(job) else { return Ok(()) };
            let entry = &entries[entry];
            let pair = pair(map, entry, seed, args).with_context(|| format!("{} with seed {seed}", entry.name));
            if pair.is_err() {
                next.store(jobs.len(), Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner)[job] = Some(pair?);
            progress(job + 1, jobs.len())?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.clamp(1, 64)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    let pairs = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut outcome = Outcome {
        tally: Tally::default(),
        lines: Vec::new(),
        remarks: Vec::new(),
        faults: Vec::new(),
        records: String::new(),
        runs: 0,
        simulated_s: 0.0,
    };
    for ((entry, seed), pair) in jobs.into_iter().zip(pairs) {
        let Some((off, on)) = pair else { continue };
        let entry = &entries[entry];
        outcome.tally.add(&off);
        if outcome.lines.last().is_none_or(|line| line.name != entry.name) {
            outcome.lines.push(Line::new(&entry.name));
        }
        if let Some(line) = outcome.lines.last_mut() {
            line.add(&off, on.as_ref());
        }
        outcome.remarks.extend(Remark::of(&entry.name, seed, &off));
        outcome.faults.extend(Remark::faults(&entry.name, seed, &off));
        if args.runs.is_some() {
            outcome.records += &serde_json::to_string(&Played { scenario: &entry.name, seed, score: &off })?;
            outcome.records.push('\n');
        }
        outcome.runs += 1;
        outcome.simulated_s += entry.seconds;
        if let Some(on) = on {
            outcome.tally.compare(&off, &on);
            outcome.runs += 1;
            outcome.simulated_s += entry.seconds;
        }
    }
    Ok(outcome)
}

/// Both runs of a seed; the second only where there are actors, who are the ones that obey.
fn pair(map: &Arc<Map>, entry: &Entry, seed: u64, args: &Args) -> anyhow::Result<Pair> {
    let mut deaf = entry.scenario.clone();
    deaf.on_board.obey = false;
    let off = one(map, &deaf, seed, entry.seconds)?;
    if args.no_benefit || entry.scenario.actors.is_empty() {
        return Ok((off, None));
    }
    let mut obeying = entry.scenario.clone();
    obeying.on_board.obey = true;
    for actor in &mut obeying.actors {
        actor.heeds = true;
    }
    let on = one(map, &obeying, seed, entry.seconds)?;
    Ok((off, Some(on)))
}

fn one(map: &Arc<Map>, scenario: &Scenario, seed: u64, seconds: f64) -> anyhow::Result<RunScore> {
    let island = VirtualIsland::new(Arc::clone(map), scenario, seed, Utc::from_unix_ms(UTC_START_MS))?;
    let (mut island, mut watch) = ScoreWatch::on(scenario, island);
    while island.seconds() < seconds - 1e-9 {
        island.step()?;
        watch.look(&mut island);
    }
    Ok(watch.finish())
}

/// A line that is written over where that can be seen, else one every tenth.
fn progress(done: usize, all: usize) -> anyhow::Result<()> {
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        write!(err, "\r{done} of {all} seeds")?;
        if done == all {
            writeln!(err)?;
        }
    } else if done * 10 / all != (done - 1) * 10 / all {
        writeln!(err, "{done} of {all} seeds")?;
    }
    err.flush().context("write progress")
}

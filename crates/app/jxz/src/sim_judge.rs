//! `jxz sim` on scenarios that expect something: one run or a range of seeds, judged.

use anyhow::{Context, bail};
use jxz_sim::{Judge, Scenario, SeedRange, Verdict, VirtualIsland};
use serde::Serialize;
use std::io::Write as _;

/// One seed's outcome.
#[derive(Serialize)]
struct Outcome {
    seed: u64,
    passed: bool,
    digest: String,
    #[serde(flatten)]
    verdict: Verdict,
}

/// All of them.
#[derive(Serialize)]
struct Outcomes<'a> {
    scenario: &'a str,
    seeds: String,
    passed: usize,
    failed: usize,
    times_real_time: f64,
    runs: &'a [Outcome],
}

/// Fails with what is not as expected.
pub(crate) fn must_hold(verdict: &Verdict, seed: u64) -> anyhow::Result<()> {
    if verdict.failures.is_empty() {
        return Ok(());
    }
    bail!("seed {seed}: {}", verdict.failures.join("; "))
}

/// Runs every seed: a line each while it goes, a table and JSON at the end.
pub(crate) fn run_seeds(
    scenario: &Scenario,
    range: SeedRange,
    seconds: f64,
    mut island_of: impl FnMut(u64) -> anyhow::Result<VirtualIsland>,
) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    let mut runs = Vec::new();
    for seed in range.seeds() {
        let mut island = island_of(seed).with_context(|| format!("seed {seed}"))?;
        let mut judge = Judge::new(scenario, &island);
        while island.seconds() < seconds - 1e-9 {
            island.step()?;
            judge.look(&mut island);
        }
        let verdict = judge.verdict();
        let passed = verdict.failures.is_empty();
        let told = if passed { "as expected".to_owned() } else { verdict.failures.join("; ") };
        writeln!(std::io::stderr(), "seed {seed}: {told}")?;
        runs.push(Outcome { seed, passed, digest: island.report().digest, verdict });
    }
    let simulated_s = seconds * runs.len() as f64;
    let times_real_time = simulated_s / started.elapsed().as_secs_f64().max(1e-9);
    table(&runs)?;
    let failed = runs.iter().filter(|run| !run.passed).count();
    let outcomes = Outcomes {
        scenario: &scenario.name,
        seeds: range.to_string(),
        passed: runs.len() - failed,
        failed,
        times_real_time,
        runs: &runs,
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&outcomes)?).context("write the outcomes")?;
    if failed > 0 {
        bail!("{failed} of {} seeds did not come out as expected", runs.len());
    }
    Ok(())
}

fn table(runs: &[Outcome]) -> anyhow::Result<()> {
    let mut out = std::io::stderr().lock();
    writeln!(
        out,
        "{:>6} {:>8} {:>7} {:>7} {:>7} {:>8}  warned",
        "seed", "expected", "gap m", "ttc s", "pet s", "tracked"
    )?;
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    for run in runs {
        let met = || run.verdict.encounters.iter().map(|met| met.encounter);
        let least = |values: Vec<f64>| values.into_iter().reduce(f64::min);
        let warned: Vec<String> = (run.verdict.warned.iter())
            .map(|w| format!("{} {} {:.1} s", w.actor.as_deref().unwrap_or("?"), w.application.name(), w.at_s))
            .collect();
        writeln!(
            out,
            "{:>6} {:>8} {:>7} {:>7} {:>7} {:>8}  {}",
            run.seed,
            if run.passed { "yes" } else { "NO" },
            number(least(met().map(|met| met.gap_m).collect())),
            number(least(met().filter_map(|met| met.ttc_s).collect())),
            number(least(met().filter_map(|met| met.pet_s).collect())),
            number(run.verdict.tracked),
            warned.join(", "),
        )?;
    }
    Ok(())
}

//! `cargo xtask soak`: the island under random faults for hours.

use crate::demo;
use crate::run::target_dir;
use anyhow::ensure;

/// Runs the demo for hours while nodes and cloud are killed, stopped and flooded by chance, and fails if memory, open files,
/// threads or disk of any of them grow, or a record is lost.
///
/// Example: cargo xtask soak --hours 8
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For how long; parts of an hour, too. Growth shows from a quarter of an hour on.
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// The seed of what goes wrong.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.hours > 0.0 && args.hours <= 24.0 * 30.0, "--hours is {}; up to a month is possible", args.hours);
    let report = target_dir().join("soak.json");
    let seconds = (args.hours * 3600.0).ceil().to_string();
    let options = ["--headless", "--seconds", &seconds, "--faults", &args.seed.to_string(), "--report"];
    let mut options: Vec<_> = options.iter().map(Into::into).collect();
    options.push(report.clone().into_os_string());
    demo::run(&demo::Args { options })?;
    let text = std::fs::read_to_string(&report)?;
    let said: serde_json::Value = serde_json::from_str(&text)?;
    let lost = &said["must_arrive"]["lost"];
    ensure!(lost == 0, "{lost} records that must arrive did not; {}", report.display());
    Ok(())
}

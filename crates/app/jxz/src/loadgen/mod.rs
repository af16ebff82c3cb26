//! `jxz loadgen`: many nodes against one cloud, and what it holds.

mod fleet;
mod gauge;
mod ground;
mod memory;
mod report;
mod viewer;

use crate::daemons::{Daemon, sibling};
use anyhow::{Context, bail};
use fleet::Fleet;
use gauge::Gauge;
use ground::Ground;
use memory::Sampler;
use report::{Measured, Report};
use std::path::PathBuf;
use std::time::Duration;
use viewer::Viewers;

/// The cloud may take this long to start, and every node to be let in.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// After a stage, records that are still on their way may take this long.
const SETTLE: Duration = Duration::from_secs(30);
/// Before a stage is measured.
const SETTLE_IN: Duration = Duration::from_secs(8);
/// What the cloud must keep at the 99th percentile, milliseconds.
const TWIN_LIMIT_MS: f64 = 200.0;
const VIEWER_LIMIT_MS: f64 = 500.0;

/// Drives a cloud with many nodes and says what rate it holds.
///
/// Starts a `jxz-cloud` of its own on loopback with a map of as many sites, connects every node over QUIC with its own
/// certificate, and sends states, health reports and warnings as edge nodes do. A rate is held when the 99th percentile
/// from a state's time to the twin is at most 200 ms, to a viewer at most 500 ms, at least 99 % of the road users'
/// updates arrive, and every record is acknowledged. Without --once it looks for the highest such rate up to --hz.
///
/// The viewers are WebSocket clients of the console's protocol: each looks at a part of the map and gets what changes there.
///
/// Example: jxz loadgen --nodes 1000 --tracks 50 --hz 10
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Roadside nodes.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=2000))]
    nodes: u32,
    /// Road users of each node.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    tracks: u32,
    /// States a second of each node.
    #[arg(long, default_value_t = 10.0)]
    hz: f64,
    /// Seconds that each stage is measured for.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Warnings a second over all nodes.
    #[arg(long, default_value_t = 20.0)]
    warnings_hz: f64,
    /// Consoles that watch.
    #[arg(long, default_value_t = 1)]
    viewers: usize,
    /// Road users in the part of the map that each of them looks at.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    in_view: u32,
    /// Frames of history a second that the cloud keeps: 1, 2, 5 or 10. Disk takes some 10 bytes a road user and frame.
    #[arg(long, default_value_t = 1)]
    history_hz: u32,
    /// Measure this load only: do not look for the highest rate that is held.
    #[arg(long)]
    once: bool,
    /// Also write the report to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    if !(args.hz > 0.0 && args.hz <= 50.0 && (0.0..=1000.0).contains(&args.warnings_hz)) {
        bail!("--hz must be above 0 and at most 50, --warnings-hz 0 to 1000");
    }
    let cloud = sibling("jxz-cloud")?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    eprintln!("making keys for {} nodes", args.nodes);
    let ground = Ground::make(folder.path(), args.nodes, args.history_hz)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let report = runtime.block_on(drive(&args, &cloud, &ground))?;
    report.print(&mut std::io::stdout().lock())?;
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report).context("cannot put the report into JSON")?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn drive(args: &Args, cloud: &std::path::Path, ground: &Ground) -> anyhow::Result<Report> {
    let mut daemon = Daemon::start("jxz-cloud", cloud, &ground.config)?;
    let gauge = Gauge::new(ground.http);
    wait_for(START_PATIENCE, &mut daemon, "the cloud does not answer", async || gauge.read().await.is_ok()).await?;
    let fleet = Fleet::connect(ground, args.nodes, args.tracks)?;
    eprintln!("connecting {} nodes", args.nodes);
    wait_for(START_PATIENCE, &mut daemon, "not every node was let in", async || fleet.connected() == fleet.len())
        .await?;
    let viewers = Viewers::open(ground.http, args.viewers, ground.viewport(args.in_view / args.tracks)).await?;

    let mut stages = Vec::new();
    let (mut held_hz, mut failed_hz) = (0.0_f64, f64::INFINITY);
    let mut hz = args.hz;
    loop {
        eprintln!("{} nodes x {} road users x {hz:.2} Hz for {} s", args.nodes, args.tracks, args.seconds);
        wait_for(START_PATIENCE, &mut daemon, "not every node came back", async || fleet.connected() == fleet.len())
            .await?;
        let measured = stage(args, &fleet, &viewers, (&gauge, daemon.id()), hz).await?;
        daemon.check()?;
        if measured.holds() {
            held_hz = held_hz.max(hz)
        } else {
            failed_hz = failed_hz.min(hz)
        }
        stages.push(measured);
        // The asked rate first; if it is not held, the highest that is, to a tenth.
        let done = args.once || failed_hz.is_infinite() || failed_hz - held_hz < 0.1 * failed_hz || stages.len() >= 8;
        if done {
            break;
        }
        hz = if held_hz > 0.0 { 0.5 * (held_hz + failed_hz) } else { 0.5 * failed_hz };
    }
    drop(viewers);
    fleet.flush(SETTLE).await;
    let report = Report::of(args.nodes, args.tracks, stages, &fleet);
    drop(fleet);
    daemon.ask_to_stop();
    daemon.wait().await?;
    Ok(report)
}

/// One rate: a few seconds to settle, then the measurement.
async fn stage(
    args: &Args,
    fleet: &Fleet,
    viewers: &Viewers,
    (gauge, cloud): (&Gauge, Option<u32>),
    hz: f64,
) -> anyhow::Result<Measured> {
    let load = fleet.start(hz, args.warnings_hz);
    // History's first block is full after five seconds: what is kept is then there.
    tokio::time::sleep(SETTLE_IN).await;
    let sampler = Sampler::start(cloud);
    let (before, sent_before) = (gauge.read().await?, fleet.counts());
    viewers.take();
    let started = std::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let (after, sent_after) = (gauge.read().await?, fleet.counts());
    let seconds = started.elapsed().as_secs_f64();
    let seen = viewers.take();
    drop(load);
    let mut measured = Measured::of((hz, fleet.len()), seconds, (&before, &after), (&sent_before, &sent_after), &seen);
    measured.memory = sampler.stop();
    Ok(measured)
}

async fn wait_for(
    patience: Duration,
    daemon: &mut Daemon,
    problem: &str,
    mut done: impl AsyncFnMut() -> bool,
) -> anyhow::Result<()> {
    let waiting = async {
        loop {
            daemon.check()?;
            if done().await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(patience, waiting)
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("{problem} within {} s", patience.as_secs())))
}

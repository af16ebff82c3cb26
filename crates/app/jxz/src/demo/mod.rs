//! `jxz demo`: the island in real time, every node a process of its own.

mod air;
mod flat;
mod fleet;
mod layout;
mod live;
mod report;
mod screen;
mod tracking;
mod trouble;
mod truth;

use crate::daemons::{Daemon, sibling};
use anyhow::{Context, bail};
use jxz_map::Map;
use jxz_security::Algorithm;
use jxz_sim::Scenario;
use jxz_trace::{TraceSettings, Tracer};
use layout::Layout;
use live::{Live, Snapshot};
use screen::{Screen, Vehicles, cloud_status, nodes};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use trouble::Trouble;

/// How long the nodes may take to come up before the demo says what is missing.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Certificates for on-board units: more vehicles than this are not on 5G at once.
const VEHICLES: u16 = 160;
/// After the simulator has stopped, the cloud may take this long to have every record.
const SETTLE: Duration = Duration::from_secs(30);

/// How messages on the air are signed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Signing {
    /// SM2 with SM3.
    Sm2,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256,
    /// Not at all.
    None,
}

impl Signing {
    const fn algorithm(self) -> Option<Algorithm> {
        match self {
            Self::Sm2 => Some(Algorithm::Sm2),
            Self::EcdsaP256 => Some(Algorithm::EcdsaP256),
            Self::None => None,
        }
    }
}

/// Runs the island in real time: simulator, a process for each roadside node, cloud and console.
///
/// Example: jxz demo --headless --seconds 60 --report r.json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stop by itself after this many seconds, counted from when every node is online.
    #[arg(long)]
    seconds: Option<u64>,
    /// Print a line now and then instead of the block that is redrawn in place.
    #[arg(long)]
    headless: bool,
    /// Write what happened to this file, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
    /// The map's folder.
    #[arg(long, default_value = "seeds/island")]
    map: PathBuf,
    /// What the simulator plays.
    #[arg(long, default_value = "seeds/scenarios/demo.toml")]
    scenario: PathBuf,
    /// The seed of everything by chance.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How messages on the air are signed: sm2, ecdsa-p256 or none.
    #[arg(long, value_enum, default_value = "sm2")]
    signing: Signing,
    /// Start only the map's first N sites.
    #[arg(long)]
    sites: Option<usize>,
    /// Let things go wrong by chance, on this seed: nodes and cloud killed and stopped for a while, rubbish at their ports.
    /// What each holds of memory, files, threads and disk is watched, and the demo fails if it grows. What is kept of
    /// the past is little, so that it is soon full.
    #[arg(long, value_name = "SEED")]
    faults: Option<u64>,
    /// Tell every warning's way, from sensing to the driver, to an OTLP collector (gRPC), as http://127.0.0.1:4317.
    #[arg(long, value_name = "URL")]
    trace: Option<String>,
    /// Keep keys, configurations and logs in this folder instead of a temporary one.
    #[arg(long)]
    keep: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let logs = jxz_observe::LogSettings { filter: "warn".to_owned(), ..Default::default() };
    jxz_observe::init_logs(&logs)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(demo(&args))
}

/// Everything that runs, in the order in which it is started.
struct Island {
    layout: Layout,
    cloud: Daemon,
    nodes: Vec<Daemon>,
}

async fn demo(args: &Args) -> anyhow::Result<()> {
    let map = Map::load(&args.map).with_context(|| format!("cannot load the map {}", args.map.display()))?;
    let count = args.sites.unwrap_or(map.sites.len()).clamp(1, map.sites.len());
    let text = std::fs::read_to_string(&args.scenario)
        .with_context(|| format!("cannot read the scenario {}", args.scenario.display()))?;
    let scenario =
        Scenario::from_toml(&text).with_context(|| format!("{} is not a scenario", args.scenario.display()))?;
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;

    // Ports are found free, let go, and taken by the daemons: another demo must not find the same ones meanwhile.
    let turn = layout::take_turn();
    let trace = args.trace.clone().map(|endpoint| TraceSettings { endpoint });
    let tracer = Tracer::start(trace.as_ref(), "vehicle", "demo", env!("CARGO_PKG_VERSION"))?;
    let plan = layout::Plan {
        sites: count,
        vehicles: VEHICLES,
        signing: args.signing.algorithm(),
        full_soon: args.faults.is_some(),
        trace: args.trace.as_deref(),
    };
    let layout = Layout::make(&folder, &args.map, &map, &plan)?;
    let mut island = Island::start(layout)?;
    let console = format!("http://{}/", island.layout.http);
    eprintln!("console: {console}");
    if let [first, ..] = island.layout.sites.as_slice() {
        let (id, group) = (&first.id, first.air);
        eprintln!(
            "on the air at {id}: {group}, the next sites' groups follow it (jxz v2x capture --group {group} --out air.pcapng)"
        );
    }

    let stop = StopSignal::listen()?;
    let online = tokio::select! {
        online = island.wait_until_online() => online,
        () = stop.clone().wait() => Ok(()),
    };
    if let Err(error) = online {
        island.stop().await.unwrap_or_else(|also| eprintln!("{also:#}"));
        return Err(error);
    }
    drop(turn);
    // Looking is open to whoever sits here; to change something, one makes an account.
    if let Ok(link) = std::fs::read_to_string(island.layout.cloud_data.join("first-link")) {
        eprintln!("first account, an admin: {}", link.trim());
    }
    let live = Live::start(Arc::new(map), &scenario, args.seed, &island.layout, VEHICLES, tracer)?;
    let mut trouble = args.faults.map(Trouble::new).transpose()?;
    let watched = watch(&mut island, &live, args, &console, stop, trouble.as_mut()).await;
    let survived = trouble.map(|trouble| trouble.finish(&mut island)).transpose()?;
    let outcome = live.stop().await?;
    island.settle().await;
    let last_status = cloud_status(island.layout.http).await;
    let state_dirs: Vec<PathBuf> = island.layout.sites.iter().map(|s| s.state_dir.clone()).collect();
    let stopped = island.stop().await;
    let grew = survived.as_ref().map_or(0, |survived| survived.grew.len());
    if let Some(survived) = &survived {
        survived.print();
    }
    let report = report::Report::of(last_status.as_ref(), &outcome, &state_dirs, survived)?;
    if let Some(path) = &args.report {
        write_json(path, &report)?;
        eprintln!("report: {}", path.display());
    }
    watched.and(stopped)?;
    anyhow::ensure!(grew == 0, "{grew} of what the daemons hold grew; above is what");
    Ok(())
}

fn write_json(path: &Path, report: &report::Report) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(report).context("cannot put the report into JSON")?;
    std::fs::write(path, text + "\n").with_context(|| format!("cannot write the report {}", path.display()))
}

/// Shows the island once a second until it is time to stop.
async fn watch(
    island: &mut Island,
    live: &Live,
    args: &Args,
    console: &str,
    stop: StopSignal,
    mut trouble: Option<&mut Trouble>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut screen = Screen::new(args.headless);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stop.clone().wait() => return Ok(()),
            _ = second.tick() => {}
        }
        island.check()?;
        live.check()?;
        let elapsed_s = started.elapsed().as_secs();
        if args.seconds.is_some_and(|limit| elapsed_s >= limit) {
            return Ok(());
        }
        if let Some(trouble) = trouble.as_mut() {
            trouble.step(island, started.elapsed().as_secs_f64()).await?;
        }
        let status = cloud_status(island.layout.http).await;
        let snapshot: Snapshot = live.snapshot();
        let latencies = report::latencies(&snapshot.latencies, status.as_ref());
        let vehicles = Vehicles {
            warnings: &snapshot.warnings,
            latencies: &latencies,
            connected: snapshot.subscribed,
            late: snapshot.late,
        };
        screen.show(elapsed_s, console, status.as_ref(), &vehicles);
    }
}

impl Island {
    fn start(layout: Layout) -> anyhow::Result<Self> {
        let (cloud, edge) = (sibling("jxz-cloud")?, sibling("jxz-edge")?);
        let cloud = Daemon::start("jxz-cloud", &cloud, &layout.cloud_config)?;
        let start = |site: &layout::SiteLayout| Daemon::start(&site.id.0, &edge, &site.config);
        let nodes = layout.sites.iter().map(start).collect::<anyhow::Result<_>>()?;
        Ok(Self { layout, cloud, nodes })
    }

    fn check(&mut self) -> anyhow::Result<()> {
        self.cloud.check()?;
        self.nodes.iter_mut().try_for_each(Daemon::check)
    }

    async fn wait_until_online(&mut self) -> anyhow::Result<()> {
        let total = self.nodes.len() as u64;
        let started = Instant::now();
        loop {
            self.check()?;
            let status = cloud_status(self.layout.http).await;
            let online = status.as_ref().map_or(0, |s| nodes(s).0);
            if online >= total {
                eprintln!("{online} of {total} nodes online");
                return Ok(());
            }
            if started.elapsed() > START_PATIENCE {
                bail!("after {} s only {online} of {total} nodes are online", START_PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until the cloud has acknowledged what the nodes have sent so far, or a while has passed.
    async fn settle(&self) {
        let started = Instant::now();
        while started.elapsed() < SETTLE {
            let pending = self.layout.sites.iter().map(|s| jxz_edged::Status::read(&s.state_dir));
            if pending.flatten().all(|status| status.must_arrive.pending == 0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Nodes first, so that they can still bring to the cloud what must arrive.
    async fn stop(self) -> anyhow::Result<()> {
        self.nodes.iter().for_each(Daemon::ask_to_stop);
        let mut result = Ok(());
        for node in self.nodes {
            result = result.and(node.wait().await);
        }
        self.cloud.ask_to_stop();
        result.and(self.cloud.wait().await)
    }
}

/// Ready once Ctrl-C or SIGTERM has come.
#[derive(Clone)]
struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    fn listen() -> anyhow::Result<Self> {
        let signal = jxz_observe::stop_signal().context("cannot listen for signals")?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signal.await;
            sender.send_replace(true);
            // Kept open: a closed channel would look like a signal.
            std::future::pending::<()>().await;
        });
        Ok(Self(receiver))
    }

    async fn wait(mut self) {
        let _closed = self.0.wait_for(|stop| *stop).await;
    }
}

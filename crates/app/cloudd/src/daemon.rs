//! The daemon: every part wired to the others, started and stopped as one.

use crate::Config;
use crate::access::Access;
use crate::audit;
use crate::brain::{Brain, Clock};
use crate::caller::{Caller, Right};
use crate::catalogue::Catalogue;
use crate::city::City;
use crate::console::Console;
use crate::fleet::{Door, Fleet, Ground};
use crate::history::History;
use crate::http::{self, Shared};
use crate::live::{self, Cast};
use crate::management::Management;
use crate::oidc::Provider;
use crate::operations::{self, Service, Tls};
use crate::places::Places;
use crate::record_log::{self, Found, RecordLog};
use crate::serve::{self, Limits};
use crate::stats::Stats;
use crate::stop::{self, Stop, Stopper};
use crate::truth::{self, Truths};
use crate::{incidents, keep, teller};
use anyhow::Context;
use jxz_cloud::{Cloud, CloudConfig};
use jxz_link::{Credentials, ListenerConfig, NodeListener, Role, utc_now};
use jxz_map::Map;
use jxz_observe::Progress;
use jxz_trace::Tracer;
use jxz_world::Drops;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

/// Time for connections to end by themselves.
const GRACE: Duration = Duration::from_secs(3);

/// A running cloud.
#[derive(Debug)]
pub struct Daemon {
    /// Where it listens for nodes.
    pub quic: SocketAddr,
    /// Where it listens for operators and tools.
    pub grpc: SocketAddr,
    /// Where its console is.
    pub http: SocketAddr,
    moments: watch::Receiver<Arc<crate::brain::Moment>>,
    queued: mpsc::WeakSender<record_log::Entry>,
    stop: Stopper,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Daemon {
    /// Starts a cloud on the current tokio runtime; when this returns, it listens on all its addresses.
    ///
    /// # Errors
    /// A map, certificate or record log that cannot be read, or an address that is taken or not allowed.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        config.check()?;
        let map = Map::load(&config.map).with_context(|| format!("cannot load map {}", config.map.display()))?;
        Self::start_with_map(config, Arc::new(map)).await
    }

    /// As [`Daemon::start`], with a map from elsewhere than `config.map`.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub async fn start_with_map(config: &Config, map: Arc<Map>) -> anyhow::Result<Self> {
        config.check()?;
        let credentials = Credentials::load(&config.pki.dir, &Role::Cloud)?;
        let tls = read_tls(&config.pki.dir).await?;
        let http = bind(config.http.listen, "HTTP").await?;
        let grpc = bind(config.grpc.listen, "gRPC").await?;
        let door = Door::open(config.authority.as_ref())?;
        let mut listen = ListenerConfig::new(config.quic.listen, credentials);
        listen.enrolments.clone_from(&door.sender);
        let listener = NodeListener::bind(&listen)?;
        let truth = match config.http.simulator_truth {
            Some(address) => Some(truth::bind(address).await?),
            None => None,
        };
        let addresses = (listener.local_addr(), grpc.local_addr()?, http.local_addr()?);

        let stats = Arc::new(Stats::default());
        let (mut cloud, mut records) = (Cloud::new(CloudConfig::default(), Arc::clone(&map)), 0_u64);
        let log = RecordLog::open(&config.data_dir, config.records, &mut |found| {
            records += 1;
            match found {
                Found::Key(key) => cloud.recall_key(&key),
                Found::Record(record) => cloud.recall(utc_now(), &record),
            }
        })?;
        tracing::info!(records, dir = %config.data_dir.display(), "record log opened");
        let catalogue = Catalogue::open(&config.data_dir)?;
        catalogue.run(write_start).await.context("cannot write the audit log")?;
        let (open, last) = catalogue.run(incidents::open).await.context("cannot read the incidents")?;
        cloud.recall_incidents(open, last);
        let (sessions, open) = (config.sessions, config.http.open_viewing);
        let (dir, own) = (&config.data_dir, Arc::clone(&stats));
        let access = Access::open(catalogue.clone(), sessions, open, dir, addresses.2, own).await?;
        let provider = config.oidc.clone().map(|oidc| Provider::new(oidc, addresses.2)).transpose().context("oidc")?;
        let (records, log_ended) = record_log::start(log, Arc::clone(&stats)).context("cannot start a thread")?;

        let queued = records.downgrade();
        let places = Arc::new(Places::of(&map));
        let (history, feed) =
            History::start(&config.data_dir, config.history, Arc::clone(&places), Arc::clone(&stats))?;
        let city = City::new(Arc::clone(&map), cloud.links());
        let (keeper, kept) = keep::channel(Arc::clone(&stats));
        let (teller, told) = teller::channel(Arc::clone(&stats));
        let (to_brain, said) = mpsc::channel(64);
        let tracer = Tracer::start(config.trace.as_ref(), "jxz-cloud", "cloud", env!("CARGO_PKG_VERSION"))?;
        let (clock, own) = (Clock::start(), Arc::clone(&stats));
        let brain = Brain { cloud, clock, records, stats: own, keeper, teller, tracer, said };
        let (moments_in, moments) = watch::channel(Arc::new(brain.moment(0, &Drops::default())));
        let none = Cast::none(Arc::clone(&moments.borrow()), places);
        let (casts_in, casts) = watch::channel(Arc::new(none));
        let (stop, stopped) = stop::channel();
        let ground = Ground {
            catalogue: catalogue.clone(),
            links: listener.links(),
            moments: moments.clone(),
            map: Arc::clone(&map),
            quic: addresses.0,
            stats: Arc::clone(&stats),
        };
        let (fleet, managing) = Fleet::open(door, ground, stopped.clone()).await.context("cannot manage nodes")?;
        let management = Management {
            fleet: fleet.clone(),
            catalogue: catalogue.clone(),
            to_brain: to_brain.clone(),
            geo: map.frame,
        };
        let shared = Shared {
            moments: moments.clone(),
            casts,
            quic: addresses.0,
            stats: Arc::clone(&stats),
            stop: stopped.clone(),
            console: Console::new(config.http.console_dir.clone()),
            geojson: jxz_map::geojson(&map).into(),
            map_version: map.version.as_str().into(),
            slots: http::console_slots(),
            catalogue: catalogue.clone(),
            access: Arc::new(access),
            provider: provider.map(Arc::new),
            geo: map.frame,
            fleet,
            history,
            city: city.clone(),
            to_brain,
        };
        let service = Service::new(moments.clone(), map.frame, Arc::clone(&stats), stopped.clone());

        let mut tasks = JoinSet::new();
        tasks.spawn(run_until_told(managing, stopped.clone()));
        let telling = teller::run(told, listener.links(), Arc::clone(&map), Arc::clone(&stats));
        tasks.spawn(run_until_told(telling, stopped.clone()));
        let feeding = feed.run(moments.clone());
        tasks.spawn(async move {
            feeding.await;
            Ok(())
        });
        let keeping = keep::run(kept, catalogue, city, Arc::clone(&stats));
        tasks.spawn(async move {
            keeping.await;
            Ok(())
        });
        let truths = truth.map(|socket| {
            let truths = Arc::new(Truths::default());
            tasks.spawn(run_until_told(truth::listen(socket, Arc::clone(&truths)), stopped.clone()));
            truths
        });
        tasks.spawn(run_brain(brain, listener, moments_in, log_ended, stopped.clone()));
        let casting = live::cast_moments(moments.clone(), casts_in, stats, truths);
        tasks.spawn(run_until_told(casting, stopped.clone()));
        let limits = Limits {
            connections: config.http.max_connections,
            head: Duration::from_secs(config.http.head_timeout_s.into()),
        };
        let router = http::router(shared, config.http.max_body_kib * 1024);
        tasks.spawn(serve::serve(http, router, limits, stopped, GRACE));
        let rights = config.grpc.rights.clone();
        tasks.spawn(
            async move { operations::serve(service, management, grpc, tls, rights).await.context("gRPC failed") },
        );
        let (quic, grpc, http) = addresses;
        tracing::info!(%quic, %grpc, http = %format_args!("http://{http}/"), map = map.version, "cloud is up");
        Ok(Self { quic, grpc, http, moments, queued, stop, tasks })
    }

    /// What must move for the service manager to leave the cloud in peace: the twin, and the log of the records.
    #[must_use]
    pub fn progress(&self) -> [Progress; 2] {
        let moment = self.moments.borrow();
        let queued = self.queued.upgrade().map_or(0, |queue| (queue.max_capacity() - queue.capacity()) as u64);
        // A disk that refuses is reported and tried again; starting anew would not empty it.
        let waiting = if moment.counters.record_log_failing { 0 } else { queued };
        let done = moment.counters.records_acknowledged;
        [Progress::Steps { name: "twin", done: moment.number }, Progress::Work { name: "record log", done, waiting }]
    }

    /// A line for whoever asks the service manager.
    #[must_use]
    pub fn status_line(&self) -> String {
        let moment = self.moments.borrow();
        let (nodes, stored) = (&moment.view.nodes, moment.counters.records_stored);
        let connected = nodes.iter().filter(|node| node.connected).count();
        format!("{connected} of {} nodes connected, {stored} records stored", nodes.len())
    }

    /// Waits until a part of it ends, which none does by itself.
    pub async fn failed(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(ended) => flat(ended).err().unwrap_or_else(|| anyhow::anyhow!("a part of the cloud ended by itself")),
            None => anyhow::anyhow!("nothing runs"),
        }
    }

    /// Stops: no record is acknowledged that is not on disk, everyone connected is told, and no task is left.
    ///
    /// # Errors
    /// The first part that failed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.stop();
        let mut result = Ok(());
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                result = std::mem::replace(&mut result, Ok(())).and(flat(ended));
            }
        };
        if timeout(2 * GRACE + GRACE, all).await.is_err() {
            tracing::warn!("connections that did not end in time were cut off");
            self.tasks.shutdown().await;
        }
        result
    }
}

fn write_start(transaction: &rusqlite::Transaction<'_>) -> anyhow::Result<()> {
    let by = Caller { name: "jxz-cloud".to_owned(), right: Right::Admin };
    let detail = serde_json::json!({ "version": env!("CARGO_PKG_VERSION") });
    audit::write(transaction, utc_now(), &by, "cloud.start", &detail)
}

fn flat(ended: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    ended.context("a part of the cloud broke down")?
}

async fn bind(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen for {what} on {address}"))
}

async fn read_tls(dir: &Path) -> anyhow::Result<Tls> {
    let read = async |path: &Path| {
        tokio::fs::read_to_string(path).await.with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(Tls {
        authority: read(&dir.join("ca.pem")).await?,
        certificate: read(&Role::Cloud.certificate_path(dir)).await?,
        key: read(&Role::Cloud.key_path(dir)).await?,
    })
}

async fn run_brain(
    brain: Brain,
    mut listener: NodeListener,
    moments: watch::Sender<Arc<crate::brain::Moment>>,
    log_ended: tokio::sync::oneshot::Receiver<()>,
    stop: Stop,
) -> anyhow::Result<()> {
    brain.run(&mut listener, &moments, stop).await;
    // The brain is gone and with it the queue's sender: the log writes what is queued and acknowledges it while the
    // nodes' connections still stand.
    let _ = timeout(GRACE, log_ended).await;
    listener.close().await;
    Ok(())
}

async fn run_until_told(work: impl Future<Output = ()>, mut stop: Stop) -> anyhow::Result<()> {
    tokio::select! {
        () = work => {}
        () = stop.told() => {}
    }
    Ok(())
}

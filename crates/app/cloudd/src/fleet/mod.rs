//! The cloud's management of roadside nodes: who is let in, what each ought to run, and how a change goes out to many.

pub(crate) mod conditions;
mod drive;
mod enrol;
mod logs;
mod reply;
mod routes;
mod store;
mod view;

pub(crate) use logs::LogQuery;
pub(crate) use routes::{Wanted, routes};
pub(crate) use store::STEPS;
pub(crate) use view::{ApplicationRow, NodeRow};

use crate::brain::Moment;
use crate::catalogue::Catalogue;
use crate::config::AuthorityConfig;
use crate::stats::Stats;
use crate::stop::Stop;
use anyhow::Context;
use drive::{Command, Driver};
use jxz_link::{Enrolment, Issuer, NodeLinks};
use jxz_map::Map;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc, watch};

/// Requests for certificates that wait; more are turned away.
const ENROLMENTS: usize = 16;
/// Commands of operators that wait.
const COMMANDS: usize = 16;

/// The authority that issues nodes' certificates.
pub(crate) struct Authority {
    issuer: Issuer,
    /// Host and port by which nodes reach this cloud.
    address: String,
    life: Duration,
}

/// A handle to the management; clones share it.
#[derive(Clone)]
pub(crate) struct Fleet {
    catalogue: Catalogue,
    links: NodeLinks,
    authority: Option<Arc<Authority>>,
    moments: watch::Receiver<Arc<Moment>>,
    map: Arc<Map>,
    commands: mpsc::Sender<Command>,
    /// Told when what is desired of a node has changed.
    wake: Arc<Notify>,
    log_turns: Arc<Semaphore>,
    stats: Arc<Stats>,
}

/// What is there before the listener: the authority, and both ends of the way of requests to it.
pub(crate) struct Door {
    issuer: Option<(Issuer, AuthorityConfig)>,
    pub(crate) sender: Option<mpsc::Sender<Enrolment>>,
    enrolments: mpsc::Receiver<Enrolment>,
}

impl Door {
    /// Opens the authority, if one is configured.
    ///
    /// # Errors
    /// Its folder has no certificate and key that go together.
    pub(crate) fn open(config: Option<&AuthorityConfig>) -> anyhow::Result<Self> {
        let (sender, enrolments) = mpsc::channel(ENROLMENTS);
        let Some(config) = config else {
            tracing::info!("no [authority] is configured: nodes cannot join, and do not renew their certificates");
            return Ok(Self { issuer: None, sender: None, enrolments });
        };
        let issuer = Issuer::load(&config.dir).context("cannot use the authority of [authority]")?;
        Ok(Self { issuer: Some((issuer, config.clone())), sender: Some(sender), enrolments })
    }
}

/// What the management stands on.
pub(crate) struct Ground {
    pub(crate) catalogue: Catalogue,
    pub(crate) links: NodeLinks,
    pub(crate) moments: watch::Receiver<Arc<Moment>>,
    pub(crate) map: Arc<Map>,
    pub(crate) quic: std::net::SocketAddr,
    pub(crate) stats: Arc<Stats>,
}

impl Fleet {
    /// The management, and what has to run until it is told to stop.
    ///
    /// # Errors
    /// The catalogue cannot be read.
    pub(crate) async fn open(
        door: Door,
        ground: Ground,
        stop: Stop,
    ) -> anyhow::Result<(Self, impl Future<Output = ()> + Send + 'static)> {
        let (commands, orders) = mpsc::channel(COMMANDS);
        let authority = door.issuer.map(|(issuer, config)| {
            let address = config.address.unwrap_or_else(|| ground.quic.to_string());
            let life = Duration::from_secs(u64::from(config.days) * 86_400);
            Arc::new(Authority { issuer, address, life: config.life.unwrap_or(life) })
        });
        let fleet = Self {
            catalogue: ground.catalogue,
            links: ground.links,
            authority,
            moments: ground.moments,
            map: ground.map,
            commands,
            wake: Arc::new(Notify::new()),
            log_turns: Arc::new(Semaphore::new(logs::AT_ONCE)),
            stats: ground.stats,
        };
        for (site, serials) in fleet.catalogue.run(store::admitted).await? {
            fleet.links.admit_only(&site, serials);
        }
        let driver = Driver::open(fleet.clone(), orders).await.context("cannot read the roll-outs")?;
        let enrolling = enrol::run(fleet.clone(), door.enrolments);
        let work = async move {
            let mut stop = stop;
            tokio::select! {
                () = driver.run() => {}
                () = enrolling => {}
                () = stop.told() => {}
            }
        };
        Ok((fleet, work))
    }
}

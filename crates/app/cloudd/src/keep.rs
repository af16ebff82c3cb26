//! What the twin asks to be kept in the catalogue: incidents and minutes of traffic.

use crate::catalogue::Catalogue;
use crate::city::City;
use crate::incidents;
use crate::stats::Stats;
use jxz_cloud::{Incident, Minute};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::mpsc;

/// What may wait for the catalogue; further things are left out and counted.
const QUEUE: usize = 1_024;

/// A thing to be kept.
pub(crate) enum Kept {
    Incident(Box<Incident>),
    Minute(Arc<Minute>),
}

/// The brain's end: never waits.
#[derive(Clone)]
pub(crate) struct Keeper {
    queue: mpsc::Sender<Kept>,
    stats: Arc<Stats>,
}

impl Keeper {
    pub(crate) fn keep(&self, kept: Kept) {
        if self.queue.try_send(kept).is_err() {
            self.stats.kept_dropped.fetch_add(1, Relaxed);
        }
    }
}

/// The two ends.
pub(crate) fn channel(stats: Arc<Stats>) -> (Keeper, mpsc::Receiver<Kept>) {
    let (queue, receiver) = mpsc::channel(QUEUE);
    (Keeper { queue, stats }, receiver)
}

/// Keeps things until the brain is gone and the last is kept.
pub(crate) async fn run(mut queue: mpsc::Receiver<Kept>, catalogue: Catalogue, city: City, stats: Arc<Stats>) {
    while let Some(kept) = queue.recv().await {
        let done = match kept {
            Kept::Incident(incident) => catalogue.run(move |t| incidents::keep(t, &incident)).await,
            Kept::Minute(minute) => {
                let rows = city.rows(&minute);
                catalogue.run(move |t| crate::city::keep(t, &rows)).await
            }
        };
        if let Err(error) = done {
            tracing::error!(error = format!("{error:#}"), "cannot keep an incident or a minute of traffic");
            stats.kept_dropped.fetch_add(1, Relaxed);
        }
    }
}

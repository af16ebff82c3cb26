//! Node to cloud, the node's side: connects for ever, sends fresh state while it is fresh and records until they are
//! acknowledged.

use crate::clock::{until, utc_now};
use crate::outbox::Outbox;
use crate::session::{Close, client_endpoint, close, connect};
use crate::{ALPN_NODE, Assignment, Credentials, LinkError, LogSource, Role, desired, transport, word};
use bytes::Bytes;
use jxz_units::{Instant, Utc};
use jxz_wire::{MAX_CONTROL_BYTES, MAX_RECORD_BYTES, MAX_STATE_BYTES, Verdict, decode_reply, encode_record, hello};
use jxz_world::{CongestionReport, DropCause, Drops, NodeState, Record, SiteId};
use quinn::{Connection, RecvStream, SendDatagramError, SendStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// How long to wait for a record's acknowledgement before the connection is given up.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How a node reaches the cloud.
#[derive(Debug, Clone)]
pub struct UplinkConfig {
    /// Host and port of the cloud's listener (`127.0.0.1:7300`), resolved at each attempt.
    pub cloud: String,
    /// The name that the cloud's certificate must have: `cloud.jxz`, or `localhost`.
    pub server_name: String,
    /// This node.
    pub site: SiteId,
    /// Changes with each start of the node.
    pub boot: u64,
    /// Version of the node's software.
    pub software_version: String,
    /// The node's certificate and key.
    pub credentials: Credentials,
    /// Records kept while they are not acknowledged; beyond it, new ones are refused and counted.
    pub record_capacity: usize,
    /// States waiting to be sent; beyond it, the oldest goes and is counted.
    pub state_capacity: usize,
    /// Who takes what the cloud wants the node to run; without it, nobody answers the cloud.
    pub assignments: Option<mpsc::Sender<Assignment>>,
    /// Who takes the cloud's words of congestion; one that finds no room there is dropped and counted. Without it they are
    /// not heard.
    pub words: Option<mpsc::Sender<CongestionReport>>,
    /// What reads the node's log when the cloud asks; without it, the cloud gets no answer.
    pub log: Option<LogSource>,
}

impl UplinkConfig {
    /// The usual limits: 4096 records and 2 states: a node renews its whole state, so a queue would only age it.
    #[must_use]
    pub fn new(cloud: impl Into<String>, site: SiteId, boot: u64, credentials: Credentials) -> Self {
        Self {
            cloud: cloud.into(),
            server_name: Role::Cloud.dns_name(),
            site,
            boot,
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            credentials,
            record_capacity: 4096,
            state_capacity: 2,
            assignments: None,
            words: None,
            log: None,
        }
    }
}

/// What an uplink has done since it was spawned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UplinkStats {
    /// Whether the cloud has welcomed the node and the connection lives.
    pub connected: bool,
    /// Times that the cloud welcomed the node.
    pub connections: u64,
    /// Records taken on.
    pub sent: u64,
    /// Records that the cloud said are safe.
    pub acknowledged: u64,
    /// Records that the cloud said it does not understand.
    pub refused: u64,
    /// Records taken on and not answered yet.
    pub pending: u64,
    /// Records refused here because the queue was full, or the record too large.
    pub dropped: u64,
    /// State datagrams handed to the network.
    pub state_datagrams: u64,
    /// What was dropped, by cause.
    pub drops: Drops,
}

/// Tells a record from all others that are pending: its boot and sequence, or what its sender likes.
pub type RecordKey = (u64, u64);

/// What is done when the cloud has answered to a record: `true` if it is safe, `false` if the cloud will never have it.
type OnSettled = Box<dyn Fn(RecordKey, bool) + Send + Sync>;

struct Book {
    outbox: Outbox<RecordKey>,
    stats: UplinkStats,
}

struct Shared {
    book: Mutex<Book>,
    started: std::time::Instant,
    wake: Notify,
    settled: watch::Sender<u64>,
    on_settled: OnSettled,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it holds the lock; if something did, counts are still counts.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    fn next(&self) -> Option<(RecordKey, Bytes)> {
        self.book().outbox.next(self.now())
    }

    /// Waits until a record may leave again after a pause; for ever when there is no pause.
    async fn pause(&self) {
        let deadline = self.book().outbox.next_deadline();
        match deadline {
            Some(at) => sleep(at.since(self.now())).await,
            None => std::future::pending().await,
        }
    }

    fn answered(&self, key: RecordKey, verdict: &Verdict) {
        let mut book = self.book();
        if !book.outbox.answered(key) {
            return;
        }
        book.stats.pending -= 1;
        match verdict {
            Verdict::Kept => book.stats.acknowledged += 1,
            Verdict::Refused(reason) => {
                tracing::error!(record = ?key, reason, "the cloud refused a record");
                book.stats.refused += 1;
            }
        }
        let pending = book.stats.pending;
        drop(book);
        (self.on_settled)(key, *verdict == Verdict::Kept);
        self.settled.send_replace(pending);
    }

    fn not_taken(&self, key: RecordKey, reason: &str) {
        tracing::debug!(record = ?key, reason, "record not taken, to be sent again");
        let now = self.now();
        self.book().outbox.not_taken(now, key);
    }

    /// After a connection has gone: nothing is on its way any more.
    fn all_wait(&self) {
        let mut book = self.book();
        book.outbox.connection_lost();
        book.stats.connected = false;
    }

    fn take(&self, key: RecordKey, bytes: Bytes) -> bool {
        let mut book = self.book();
        let taken = if bytes.len() > MAX_RECORD_BYTES { None } else { book.outbox.push(key, bytes) };
        match taken {
            Some(true) => {
                book.stats.sent += 1;
                book.stats.pending += 1;
            }
            Some(false) => {}
            None => {
                book.stats.dropped += 1;
                book.stats.drops.count(DropCause::MustArriveQueueFull);
            }
        }
        drop(book);
        self.wake.notify_one();
        taken.is_some()
    }

    fn count(&self, cause: DropCause, n: u64) {
        self.book().stats.drops.add(cause, n);
    }
}

#[derive(Clone)]
struct Fresh {
    state: Arc<NodeState>,
    until: Utc,
}

/// A node's link to the cloud. Dropping it ends it; what is not acknowledged by then is lost with it.
pub struct Uplink {
    shared: Arc<Shared>,
    states: broadcast::Sender<Fresh>,
    task: JoinHandle<()>,
}

impl Uplink {
    /// Starts connecting, on the current tokio runtime.
    ///
    /// # Errors
    /// If the credentials cannot be used.
    pub fn spawn(config: UplinkConfig) -> Result<Self, LinkError> {
        Self::spawn_telling(config, |_, _| {})
    }

    /// As [`Uplink::spawn`]; calls `on_settled` with a record's key when the cloud has it safe (`true`), or says that it
    /// never will (`false`).
    ///
    /// # Errors
    /// As [`Uplink::spawn`].
    pub fn spawn_telling(
        config: UplinkConfig,
        on_settled: impl Fn(RecordKey, bool) + Send + Sync + 'static,
    ) -> Result<Self, LinkError> {
        let client = transport::client(&config.credentials, ALPN_NODE)?;
        let book = Book { outbox: Outbox::new(config.record_capacity), stats: UplinkStats::default() };
        let shared = Arc::new(Shared {
            book: Mutex::new(book),
            started: std::time::Instant::now(),
            wake: Notify::new(),
            settled: watch::Sender::new(0),
            on_settled: Box::new(on_settled),
        });
        let (states, receiver) = broadcast::channel(config.state_capacity.max(1));
        let task = tokio::spawn(run(config, client, Arc::clone(&shared), receiver));
        Ok(Self { shared, states, task })
    }

    /// A handle that takes records on, for another thread.
    #[must_use]
    pub fn records(&self) -> RecordSender {
        RecordSender(Arc::clone(&self.shared))
    }

    /// Sends a state, split into datagrams, as long as it is not older than `ttl`. Never waits: when states come
    /// faster than they can leave, the oldest is dropped and counted (`uplink_shed`); one not sent in time, also for want
    /// of a connection, is dropped and counted (`uplink_expired`).
    pub fn send_state(&self, state: NodeState, ttl: Duration) {
        // It fails only when the task is gone, which is when nobody counts any more.
        let _ = self.states.send(Fresh { state: Arc::new(state), until: utc_now() + ttl });
    }

    /// Takes a record on, to be sent until the cloud has acknowledged it. `false`: the queue of unacknowledged
    /// records is full, or the record is larger than the protocol allows; it is counted (`must_arrive_queue_full`). A
    /// record with the key of one that is pending replaces nothing and counts as taken.
    pub fn send_record(&self, record: &Record) -> bool {
        self.shared.take((record.boot, record.sequence), encode_record(record))
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> UplinkStats {
        self.shared.book().stats.clone()
    }

    /// Waits until every record is answered, or `limit` has passed; tells whether every one is.
    pub async fn flush(&self, limit: Duration) -> bool {
        let mut settled = self.shared.settled.subscribe();
        let empty = async {
            while self.shared.book().stats.pending > 0 {
                if settled.changed().await.is_err() {
                    return;
                }
            }
        };
        timeout(limit, empty).await.is_ok()
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes records on for an [`Uplink`]; what it takes after the uplink's end goes nowhere.
#[derive(Clone)]
pub struct RecordSender(Arc<Shared>);

impl RecordSender {
    /// Takes on a record as [`encode_record`] makes it, as [`Uplink::send_record`] does.
    #[must_use]
    pub fn send(&self, key: RecordKey, record: Bytes) -> bool {
        self.0.take(key, record)
    }

    /// What the uplink has done so far.
    #[must_use]
    pub fn stats(&self) -> UplinkStats {
        self.0.book().stats.clone()
    }
}

/// Closes the connection when the task that owns it ends for whatever reason.
pub(crate) struct CloseOnDrop(pub(crate) Connection);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        close(&self.0, Close::GoingDown, "the node ends the link");
    }
}

async fn run(
    config: UplinkConfig,
    client: quinn::ClientConfig,
    shared: Arc<Shared>,
    mut states: broadcast::Receiver<Fresh>,
) {
    let mut backoff = BACKOFF_MIN;
    loop {
        match attempt(&config, &client).await {
            Ok((_endpoint, connection)) => {
                tracing::info!(cloud = config.cloud, "connected to the cloud");
                backoff = BACKOFF_MIN;
                {
                    let mut book = shared.book();
                    book.stats.connected = true;
                    book.stats.connections += 1;
                }
                let connection = CloseOnDrop(connection);
                let why = tokio::select! {
                    why = connection.0.closed() => why.to_string(),
                    why = send_records(&connection.0, &shared) => why,
                    why = desired::take(&connection.0, config.assignments.as_ref(), config.log.as_ref()) => why,
                    why = word::take(&connection.0, config.words.as_ref(), || {
                        shared.count(DropCause::CongestionRejected, 1);
                    }) => why,
                    why = send_states(&connection.0, &shared, &mut states) => why,
                };
                tracing::warn!(cloud = config.cloud, why, "connection to the cloud lost");
                shared.all_wait();
            }
            Err(error) => tracing::debug!(%error, "cloud not reached"),
        }
        sleep(jittered(backoff)).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// Between half of `pause` and the whole: nodes that lost the cloud together do not come back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let fraction = f64::from(crate::pc5::random_u64() as u32) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + 0.5 * fraction)
}

async fn attempt(
    config: &UplinkConfig,
    client: &quinn::ClientConfig,
) -> Result<(quinn::Endpoint, Connection), LinkError> {
    let unknown = |reason: String| LinkError::Connect { peer: config.cloud.clone(), reason };
    let address = tokio::net::lookup_host(&config.cloud)
        .await
        .map_err(|error| unknown(error.to_string()))?
        .next()
        .ok_or_else(|| unknown("the name has no address".to_owned()))?;
    let endpoint = client_endpoint(address)?;
    let hello = hello(&config.site, config.boot, &config.software_version);
    let connection = connect(&endpoint, client.clone(), address, &config.server_name, &Role::Cloud, hello).await?;
    Ok((endpoint, connection))
}

/// Sends datagrams; returns only when that has become impossible, with the reason.
async fn send_states(connection: &Connection, shared: &Shared, states: &mut broadcast::Receiver<Fresh>) -> String {
    loop {
        let fresh = match states.recv().await {
            Ok(fresh) => fresh,
            Err(broadcast::error::RecvError::Lagged(n)) => {
                shared.count(DropCause::UplinkShed, n);
                continue;
            }
            Err(broadcast::error::RecvError::Closed) => return "the node ended the link".to_owned(),
        };
        if let Err(why) = send_state(connection, shared, &fresh).await {
            return why;
        }
    }
}

async fn send_state(connection: &Connection, shared: &Shared, fresh: &Fresh) -> Result<(), String> {
    let Some(max_bytes) = connection.max_datagram_size() else {
        return Err("the cloud takes no datagrams".to_owned());
    };
    let datagrams = match jxz_wire::split_state(&fresh.state, max_bytes.min(MAX_STATE_BYTES)) {
        Ok(datagrams) => datagrams,
        Err(error) => {
            tracing::warn!(%error, "state cannot be sent");
            shared.count(DropCause::EncodeFailed, 1);
            return Ok(());
        }
    };
    for datagram in datagrams {
        let left = until(fresh.until);
        // The send buffer is small, so that nothing grows old in it: wait for room, but not past the time to live.
        // `timeout` lets the sending have one try before it looks at the clock.
        if left.is_zero() {
            shared.count(DropCause::UplinkExpired, 1);
            continue;
        }
        // With room there is nothing to wait for, and no timer to be set.
        let sent = if connection.datagram_send_buffer_space() > datagram.len() {
            Ok(connection.send_datagram(datagram))
        } else {
            timeout(left, connection.send_datagram_wait(datagram)).await
        };
        match sent {
            Err(_) => shared.count(DropCause::UplinkExpired, 1),
            Ok(Ok(())) => shared.book().stats.state_datagrams += 1,
            Ok(Err(SendDatagramError::TooLarge)) => shared.count(DropCause::UplinkShed, 1),
            Ok(Err(error)) => return Err(error.to_string()),
        }
    }
    Ok(())
}

/// Sends records, some at once; returns only when the connection must be given up, with the reason.
async fn send_records(connection: &Connection, shared: &Shared) -> String {
    let mut in_flight = JoinSet::new();
    loop {
        while let Some((key, bytes)) = shared.next() {
            // Opened here and not where they are used: the cloud takes records in the order of their streams.
            let (send, recv) = match timeout(REPLY_TIMEOUT, connection.open_bi()).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "the cloud allows no further stream".to_owned(),
            };
            in_flight.spawn(async move { (key, deliver(send, recv, bytes).await) });
        }
        tokio::select! {
            () = shared.wake.notified() => {}
            () = shared.pause() => {}
            Some(done) = in_flight.join_next() => match done {
                Ok((key, Delivery::Answered(verdict))) => shared.answered(key, &verdict),
                Ok((key, Delivery::NotTaken(reason))) => shared.not_taken(key, &reason),
                Ok((_, Delivery::Broken(reason))) => return reason,
                Err(error) => return format!("a record's task failed: {error}"),
            },
        }
    }
}

/// What became of a record on its stream.
enum Delivery {
    Answered(Verdict),
    /// The cloud has closed the stream without an answer: it cannot take the record now.
    NotTaken(String),
    /// Nobody knows: only on another connection can order be kept.
    Broken(String),
}

/// One stream for one record: its body out, the reply back.
async fn deliver(mut send: SendStream, mut recv: RecvStream, record: Bytes) -> Delivery {
    let exchange = async {
        send.write_all(&record).await.map_err(|error| error.to_string())?;
        send.finish().map_err(|error| error.to_string())?;
        let reply = recv.read_to_end(MAX_CONTROL_BYTES).await.map_err(|error| error.to_string())?;
        decode_reply(&reply).map(|reply| reply.verdict).map_err(|error| error.to_string())
    };
    match timeout(REPLY_TIMEOUT, exchange).await {
        Ok(Ok(verdict)) => Delivery::Answered(verdict),
        Ok(Err(reason)) => Delivery::NotTaken(reason),
        Err(_) => {
            // Dropped without this, the stream would end in the middle of the record as if that were its end.
            let _ = send.reset(0_u32.into());
            Delivery::Broken("no reply to a record in time".to_owned())
        }
    }
}

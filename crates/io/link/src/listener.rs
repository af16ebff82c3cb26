//! Node to cloud, the cloud's side: lets nodes in by their certificates and hands on what they send.

use crate::clock::until;
use crate::enrol::{self, Enrolment};
use crate::session::{Close, Guest, close, greet, handshake, peer_certificate};
use crate::transport::PEER_TIMEOUT;
use crate::{ALPN_JOIN, ALPN_NODE, CertificateId, Credentials, LinkError, Role, desired, transport, word};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use jxz_wire::{
    Desired, DesiredReply, LogLines, LogRequest, MAX_RECORD_BYTES, Reply, Verdict, decode_hello, decode_record,
    decode_state, encode_reply,
};
use jxz_world::{CongestionReport, DropCause, Drops, NodeState, Record, SiteId};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How the cloud listens for nodes.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// UDP address to listen on; port 0 takes a free one.
    pub address: SocketAddr,
    /// The cloud's certificate and key.
    pub credentials: Credentials,
    /// The most connections at once; beyond it, new ones are refused.
    pub max_connections: usize,
    /// The most events waiting to be received. When it is full, states are dropped and counted (`uplink_shed`) and
    /// records wait.
    pub capacity: usize,
    /// Who answers nodes that ask for a certificate; without it, nobody is let in who has none.
    pub enrolments: Option<mpsc::Sender<Enrolment>>,
}

impl ListenerConfig {
    /// The usual limits: 2048 connections, 4096 events.
    #[must_use]
    pub const fn new(address: SocketAddr, credentials: Credentials) -> Self {
        Self { address, credentials, max_connections: 2048, capacity: 4096, enrolments: None }
    }
}

/// What happens at the nodes' listener.
#[derive(Debug)]
pub enum FromNode {
    /// A node has been let in; one that was in already has been replaced without a `Disconnected`.
    Connected(SiteId),
    /// A node's connection has ended.
    Disconnected(SiteId),
    /// Fresh state, or a part of one.
    State(SiteId, NodeState),
    /// A record. The node sends it again until the token is acknowledged: it may come more than once.
    Record(SiteId, Box<Record>, AckToken),
}

/// A record's place in its node's history: its boot and sequence.
type Place = (u64, u64);

/// The first record of a connection that was not taken: those behind it are not taken either until it has come again, so
/// that records are stored in order.
type Refused = Arc<Mutex<Option<Place>>>;

/// The duty to say that a record is safe. Dropped without that, the node sends the record again, and those behind it.
#[derive(Debug)]
pub struct AckToken {
    safe: Option<oneshot::Sender<()>>,
    place: Place,
    refused: Refused,
}

impl AckToken {
    /// Tells the node that its record is safe.
    pub fn ack(mut self) {
        if let Some(safe) = self.safe.take() {
            // If the connection has gone, the node sends the record again and it is acknowledged then.
            let _ = safe.send(());
        }
    }

    /// Whether no record before this one waits to come again.
    fn is_in_turn(&self) -> bool {
        let mut refused = lock(&self.refused);
        let in_turn = refused.is_none_or(|place| self.place <= place);
        if in_turn {
            *refused = None;
        }
        in_turn
    }
}

impl Drop for AckToken {
    fn drop(&mut self) {
        if self.safe.is_some() {
            let mut refused = lock(&self.refused);
            *refused = Some(refused.map_or(self.place, |place| place.min(self.place)));
        }
    }
}

pub(crate) struct Shared {
    events: mpsc::Sender<FromNode>,
    drops: Mutex<Drops>,
    /// The connection that speaks for each node now.
    nodes: Mutex<BTreeMap<SiteId, Seat>>,
    /// By serial number, the certificates that a site may show; a site that is not here, any of the authority's.
    admitted: Mutex<BTreeMap<SiteId, BTreeSet<String>>>,
    pub(crate) enrolments: Option<mpsc::Sender<Enrolment>>,
    /// Newcomers served at once.
    pub(crate) newcomers: Semaphore,
    /// Counts up whenever a node's link comes or goes.
    changes: watch::Sender<u64>,
}

/// The connection that speaks for a node, and what it showed.
struct Seat {
    connection: Connection,
    certificate: CertificateId,
}

impl Shared {
    pub(crate) fn count(&self, cause: DropCause) {
        lock(&self.drops).count(cause);
    }

    /// Whether a site may show this certificate.
    pub(crate) fn admits(&self, site: &SiteId, serial: &str) -> bool {
        lock(&self.admitted).get(site).is_none_or(|serials| serials.contains(serial))
    }
}

/// A node's link as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkInfo {
    /// Differs from connection to connection.
    pub id: usize,
    /// What the node showed.
    pub certificate: CertificateId,
}

/// The nodes' links, to be managed; clones share them.
#[derive(Clone)]
pub struct NodeLinks(Arc<Shared>);

impl NodeLinks {
    /// From now on a site may show certificates with these serial numbers only; a connection with another is cut off.
    pub fn admit_only(&self, site: &SiteId, serials: BTreeSet<String>) {
        lock(&self.0.admitted).insert(site.clone(), serials);
        if let Some(seat) = lock(&self.0.nodes).get(site)
            && !self.0.admits(site, &seat.certificate.serial)
        {
            tracing::warn!(%site, serial = seat.certificate.serial, "cut off: its certificate is revoked");
            close(&seat.connection, Close::Revoked, "the certificate is revoked");
        }
    }

    /// The links that stand.
    #[must_use]
    pub fn standing(&self) -> BTreeMap<SiteId, LinkInfo> {
        let info = |seat: &Seat| LinkInfo { id: seat.connection.stable_id(), certificate: seat.certificate.clone() };
        lock(&self.0.nodes).iter().map(|(site, seat)| (site.clone(), info(seat))).collect()
    }

    /// A number that changes whenever a link comes or goes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Tells a node what to run, and waits for what it says to that.
    ///
    /// # Errors
    /// The node is not connected, its link ends, or it does not answer as the protocol has it.
    pub async fn configure(&self, site: &SiteId, desired: &Desired) -> Result<DesiredReply, LinkError> {
        let connection = lock(&self.0.nodes).get(site).map(|seat| seat.connection.clone());
        let failed = |reason: String| LinkError::Connect { peer: format!("node {site}"), reason };
        let connection = connection.ok_or_else(|| failed("it is not connected".to_owned()))?;
        desired::ask(&connection, desired).await.map_err(failed)
    }

    /// Reads the last lines of a node's log.
    ///
    /// # Errors
    /// The node is not connected, its link ends, or it does not answer as the protocol has it: its software may be older.
    pub async fn read_log(&self, site: &SiteId, request: &LogRequest) -> Result<LogLines, LinkError> {
        let connection = lock(&self.0.nodes).get(site).map(|seat| seat.connection.clone());
        let failed = |reason: String| LinkError::Connect { peer: format!("node {site}"), reason };
        let connection = connection.ok_or_else(|| failed("it is not connected".to_owned()))?;
        desired::read_log(&connection, request).await.map_err(failed)
    }

    /// Tells a node of congestion, and waits until it has the word.
    ///
    /// # Errors
    /// The node is not connected, its link ends, or it does not take the word in time.
    pub async fn tell(&self, site: &SiteId, report: &CongestionReport) -> Result<(), LinkError> {
        let connection = lock(&self.0.nodes).get(site).map(|seat| seat.connection.clone());
        let failed = |reason: String| LinkError::Connect { peer: format!("node {site}"), reason };
        let connection = connection.ok_or_else(|| failed("it is not connected".to_owned()))?;
        word::say(&connection, report).await.map_err(failed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cloud's listener for nodes. Dropping it closes every connection.
pub struct NodeListener {
    endpoint: Endpoint,
    events: mpsc::Receiver<FromNode>,
    shared: Arc<Shared>,
    local: SocketAddr,
}

impl NodeListener {
    /// Opens the socket and starts to let nodes in, on the current tokio runtime.
    ///
    /// # Errors
    /// If the credentials cannot be used or the address is taken.
    pub fn bind(config: &ListenerConfig) -> Result<Self, LinkError> {
        let server = match config.enrolments {
            None => transport::server(&config.credentials, ALPN_NODE)?,
            Some(_) => transport::open_server(&config.credentials, &[ALPN_NODE, ALPN_JOIN])?,
        };
        let failed = |source| LinkError::Socket { action: format!("listen for nodes on {}", config.address), source };
        let socket = crate::socket::bind(config.address).map_err(failed)?;
        let runtime = quinn::default_runtime().ok_or_else(|| failed(std::io::Error::other("no runtime")))?;
        let endpoint =
            Endpoint::new(quinn::EndpointConfig::default(), Some(server), socket, runtime).map_err(failed)?;
        let local = endpoint.local_addr().map_err(failed)?;
        let (sender, events) = mpsc::channel(config.capacity.max(1));
        let shared = Arc::new(Shared {
            events: sender,
            drops: Mutex::default(),
            nodes: Mutex::default(),
            admitted: Mutex::default(),
            enrolments: config.enrolments.clone(),
            newcomers: Semaphore::new(enrol::MAX_AT_ONCE),
            changes: watch::Sender::new(0),
        });
        tokio::spawn(accept(endpoint.clone(), Arc::clone(&shared), config.max_connections));
        Ok(Self { endpoint, events, shared, local })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The nodes' links, to be managed.
    #[must_use]
    pub fn links(&self) -> NodeLinks {
        NodeLinks(Arc::clone(&self.shared))
    }

    /// The next event; waits for one. Safe to cancel. Records of a node come in the order in which it sent them; after one
    /// whose token was dropped, none until that one has come again.
    pub async fn recv(&mut self) -> Option<FromNode> {
        loop {
            match self.events.recv().await? {
                FromNode::Record(_, _, token) if !token.is_in_turn() => drop(token),
                event => return Some(event),
            }
        }
    }

    /// The next event if there is one already. In order with [`NodeListener::recv`].
    pub fn try_recv(&mut self) -> Option<FromNode> {
        loop {
            match self.events.try_recv().ok()? {
                FromNode::Record(_, _, token) if !token.is_in_turn() => drop(token),
                event => return Some(event),
            }
        }
    }

    /// What was dropped so far.
    #[must_use]
    pub fn drops(&self) -> Drops {
        lock(&self.shared.drops).clone()
    }

    /// Closes every connection and waits until the nodes have been told.
    pub async fn close(self) {
        self.endpoint.close((Close::GoingDown as u32).into(), b"the cloud is going down");
        let _ = timeout(PEER_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

impl Drop for NodeListener {
    fn drop(&mut self) {
        self.endpoint.close((Close::GoingDown as u32).into(), b"the cloud is going down");
    }
}

async fn accept(endpoint: Endpoint, shared: Arc<Shared>, max_connections: usize) {
    let mut connections = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while connections.try_join_next().is_some() {}
        if connections.len() >= max_connections {
            tracing::warn!(remote = %incoming.remote_address(), max_connections, "refused a node: full");
            incoming.refuse();
            continue;
        }
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let Some(connection) = handshake(incoming).await else { return };
            if enrol::is_newcomer(&connection) {
                return enrol::serve(connection, &shared).await;
            }
            if let Some(guest) = greet(connection).await {
                serve(guest, &shared).await;
            }
        });
    }
}

/// Who a guest is, if it is a node and the one that it says it is.
pub(crate) fn identify(guest: &Guest) -> Result<(SiteId, u64), (Close, String)> {
    let Role::Node(certified) = &guest.role else {
        return Err((Close::Identity, format!("{} is not a node", guest.role)));
    };
    let (site, boot) = decode_hello(&guest.hello).map_err(|error| (Close::Hello, error.to_string()))?;
    if site == *certified {
        Ok((site, boot))
    } else {
        Err((Close::Identity, format!("hello says {site}, the certificate says {certified}")))
    }
}

/// Who a guest is and by which certificate, if it may speak.
fn admit(guest: &Guest, shared: &Shared) -> Result<(SiteId, u64, CertificateId), (Close, String)> {
    let (site, boot) = identify(guest)?;
    let shown = peer_certificate(&guest.connection).map_err(|reason| (Close::Identity, reason))?;
    let certificate = CertificateId::of(&shown).map_err(|error| (Close::Identity, error.to_string()))?;
    if shared.admits(&site, &certificate.serial) {
        Ok((site, boot, certificate))
    } else {
        shared.count(DropCause::PeerRefused);
        Err((Close::Revoked, format!("the certificate {} of {site} is revoked", certificate.serial)))
    }
}

async fn serve(guest: Guest, shared: &Arc<Shared>) {
    let (site, boot, certificate) = match admit(&guest, shared) {
        Ok(admitted) => admitted,
        Err((why, reason)) => return guest.refuse(why, &reason),
    };
    let Some(connection) = guest.welcome().await else { return };
    tracing::info!(%site, boot, remote = %connection.remote_address(), "node connected");
    let seat = Seat { connection: connection.clone(), certificate: certificate.clone() };
    if let Some(old) = lock(&shared.nodes).insert(site.clone(), seat) {
        close(&old.connection, Close::Replaced, "the node connected anew");
    }
    shared.changes.send_modify(|n| *n += 1);
    // Whoever revoked it meanwhile did not find it among the nodes.
    if !shared.admits(&site, &certificate.serial) {
        close(&connection, Close::Revoked, "the certificate is revoked");
    }
    if shared.events.send(FromNode::Connected(site.clone())).await.is_err() {
        return;
    }
    let why = tokio::select! {
        why = connection.closed() => why.to_string(),
        why = states(&connection, &site, shared) => why,
        why = records(&connection, &site, shared) => why,
        () = sleep(until(certificate.not_after)) => {
            close(&connection, Close::Expired, "the certificate has expired");
            "its certificate has expired".to_owned()
        }
    };
    tracing::info!(%site, why, "node disconnected");
    let still_its_own = {
        let mut nodes = lock(&shared.nodes);
        let own = nodes.get(&site).is_some_and(|now| now.connection.stable_id() == connection.stable_id());
        if own {
            nodes.remove(&site);
        }
        own
    };
    shared.changes.send_modify(|n| *n += 1);
    if still_its_own {
        let _ = shared.events.send(FromNode::Disconnected(site)).await;
    }
}

/// Receives state datagrams; returns why it ended.
async fn states(connection: &Connection, site: &SiteId, shared: &Shared) -> String {
    loop {
        let datagram = match connection.read_datagram().await {
            Ok(datagram) => datagram,
            Err(error) => return error.to_string(),
        };
        let state = match decode_state(&datagram) {
            Ok(state) if state.site == *site => state,
            Ok(state) => {
                tracing::warn!(%site, claimed = %state.site, "state in another node's name");
                lock(&shared.drops).count(DropCause::PeerGarbage);
                continue;
            }
            Err(error) => {
                tracing::debug!(%site, %error, "state that cannot be read");
                lock(&shared.drops).count(DropCause::PeerGarbage);
                continue;
            }
        };
        match shared.events.try_send(FromNode::State(site.clone(), state)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => lock(&shared.drops).count(DropCause::UplinkShed),
            Err(mpsc::error::TrySendError::Closed(_)) => return "the cloud is going down".to_owned(),
        }
    }
}

/// Receives records, one a stream, and hands them on in the order of their streams; returns why it ended. The limit on
/// streams is the limit on records read at once.
async fn records(connection: &Connection, site: &SiteId, shared: &Arc<Shared>) -> String {
    let (refused, mut reading, mut replying) = (Refused::default(), FuturesOrdered::new(), JoinSet::new());
    loop {
        tokio::select! {
            accepted = connection.accept_bi() => match accepted {
                Ok((send, recv)) => reading.push_back(read(send, recv)),
                Err(error) => return error.to_string(),
            },
            Some(read) = reading.next() => {
                while replying.try_join_next().is_some() {}
                let (send, bytes) = match read {
                    Ok(read) => read,
                    Err(reason) => {
                        // What was to be in its place is not known, so neither is the order of what follows.
                        close(connection, Close::Broken, &reason);
                        return reason;
                    }
                };
                match hand_on(&bytes, site, shared, &refused).await {
                    Some(answer) => replying.spawn(reply_when_safe(send, answer)),
                    None => return "the cloud is going down".to_owned(),
                };
            }
        }
    }
}

async fn read(send: SendStream, mut recv: RecvStream) -> Result<(SendStream, Vec<u8>), String> {
    match timeout(PEER_TIMEOUT, recv.read_to_end(MAX_RECORD_BYTES)).await {
        Ok(Ok(bytes)) => Ok((send, bytes)),
        Ok(Err(error)) => Err(format!("a record broke off: {error}")),
        Err(_) => Err("a record took too long".to_owned()),
    }
}

/// What a record is answered with, and on what condition.
enum Answer {
    Now(Reply),
    WhenSafe(Reply, oneshot::Receiver<()>),
}

/// Hands a record on; `None` when nobody takes events any more.
async fn hand_on(bytes: &[u8], site: &SiteId, shared: &Shared, refused: &Refused) -> Option<Answer> {
    let reason = match decode_record(bytes) {
        Ok(record) if record.site == *site => {
            let (boot, sequence) = (record.boot, record.sequence);
            let (safe, is_safe) = oneshot::channel();
            let token = AckToken { safe: Some(safe), place: (boot, sequence), refused: Arc::clone(refused) };
            shared.events.send(FromNode::Record(site.clone(), Box::new(record), token)).await.ok()?;
            return Some(Answer::WhenSafe(Reply { boot, sequence, verdict: Verdict::Kept }, is_safe));
        }
        Ok(record) => format!("record of {} from {site}", record.site),
        Err(error) => error.to_string(),
    };
    tracing::warn!(%site, reason, "record refused");
    lock(&shared.drops).count(DropCause::PeerGarbage);
    Some(Answer::Now(Reply { boot: 0, sequence: 0, verdict: Verdict::Refused(reason) }))
}

async fn reply_when_safe(mut send: SendStream, answer: Answer) {
    match answer {
        Answer::Now(answer) => reply(&mut send, &answer).await,
        Answer::WhenSafe(answer, is_safe) => match is_safe.await {
            Ok(()) => reply(&mut send, &answer).await,
            Err(_) => {
                let _ = send.reset((Close::GoingDown as u32).into());
            }
        },
    }
}

async fn reply(send: &mut SendStream, reply: &Reply) {
    if send.write_all(&encode_reply(reply)).await.is_ok() {
        let _ = send.finish();
    }
}

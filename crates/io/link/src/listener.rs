//! Node to cloud, the cloud's side: lets nodes in by their certificates and hands on what they send.

use crate::session::{Close, Guest, close, receive};
use crate::transport::PEER_TIMEOUT;
use crate::{ALPN_NODE, Credentials, LinkError, Role, transport};
use jxz_wire::{MAX_RECORD_BYTES, Reply, Verdict, decode_hello, decode_record, decode_state, encode_reply};
use jxz_world::{DropCause, Drops, NodeState, Record, SiteId};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

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
}

impl ListenerConfig {
    /// The usual limits: 2048 connections, 4096 events.
    #[must_use]
    pub const fn new(address: SocketAddr, credentials: Credentials) -> Self {
        Self { address, credentials, max_connections: 2048, capacity: 4096 }
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
    Record(SiteId, Record, AckToken),
}

/// The duty to say that a record is safe. Dropped without that, the node sends the record again.
#[derive(Debug)]
pub struct AckToken(oneshot::Sender<()>);

impl AckToken {
    /// Tells the node that its record is safe.
    pub fn ack(self) {
        // If the connection has gone, the node sends the record again and it is acknowledged then.
        let _ = self.0.send(());
    }
}

struct Shared {
    events: mpsc::Sender<FromNode>,
    drops: Mutex<Drops>,
    /// The connection that speaks for each node now.
    nodes: Mutex<BTreeMap<SiteId, Connection>>,
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
        let server = transport::server(&config.credentials, ALPN_NODE)?;
        let failed = |source| LinkError::Socket { action: format!("listen for nodes on {}", config.address), source };
        let endpoint = Endpoint::server(server, config.address).map_err(failed)?;
        let local = endpoint.local_addr().map_err(failed)?;
        let (sender, events) = mpsc::channel(config.capacity.max(1));
        let shared = Arc::new(Shared { events: sender, drops: Mutex::default(), nodes: Mutex::default() });
        tokio::spawn(accept(endpoint.clone(), Arc::clone(&shared), config.max_connections));
        Ok(Self { endpoint, events, shared, local })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next event; waits for one. Safe to cancel.
    pub async fn recv(&mut self) -> Option<FromNode> {
        self.events.recv().await
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
            if let Some(guest) = receive(incoming).await {
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

async fn serve(guest: Guest, shared: &Arc<Shared>) {
    let (site, boot) = match identify(&guest) {
        Ok(identity) => identity,
        Err((why, reason)) => return guest.refuse(why, &reason),
    };
    let Some(connection) = guest.welcome().await else { return };
    tracing::info!(%site, boot, remote = %connection.remote_address(), "node connected");
    if let Some(old) = lock(&shared.nodes).insert(site.clone(), connection.clone()) {
        close(&old, Close::Replaced, "the node connected anew");
    }
    if shared.events.send(FromNode::Connected(site.clone())).await.is_err() {
        return;
    }
    let why = tokio::select! {
        why = connection.closed() => why.to_string(),
        why = states(&connection, &site, shared) => why,
        why = records(&connection, &site, shared) => why,
    };
    tracing::info!(%site, why, "node disconnected");
    let still_its_own = {
        let mut nodes = lock(&shared.nodes);
        let own = nodes.get(&site).is_some_and(|now| now.stable_id() == connection.stable_id());
        if own {
            nodes.remove(&site);
        }
        own
    };
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

/// Receives records, one a stream; returns why it ended. The limit on streams is the limit on tasks.
async fn records(connection: &Connection, site: &SiteId, shared: &Arc<Shared>) -> String {
    let mut tasks = JoinSet::new();
    loop {
        match connection.accept_bi().await {
            Ok((send, recv)) => {
                while tasks.try_join_next().is_some() {}
                tasks.spawn(record(send, recv, site.clone(), Arc::clone(shared)));
            }
            Err(error) => return error.to_string(),
        }
    }
}

async fn record(mut send: SendStream, mut recv: RecvStream, site: SiteId, shared: Arc<Shared>) {
    // A stream that fails here is reset when dropped, and the node sends the record again.
    let bytes = match timeout(PEER_TIMEOUT, recv.read_to_end(MAX_RECORD_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return tracing::debug!(%site, %error, "record broken off"),
        Err(_) => return tracing::debug!(%site, "record took too long"),
    };
    let refused = match decode_record(&bytes) {
        Ok(record) if record.site == site => {
            let (boot, sequence) = (record.boot, record.sequence);
            let (token, safe) = oneshot::channel();
            if shared.events.send(FromNode::Record(site, record, AckToken(token))).await.is_err() || safe.await.is_err()
            {
                let _ = send.reset((Close::GoingDown as u32).into());
                return;
            }
            return reply(&mut send, &Reply { boot, sequence, verdict: Verdict::Kept }).await;
        }
        Ok(record) => format!("record of {} from {site}", record.site),
        Err(error) => error.to_string(),
    };
    tracing::warn!(%site, refused, "record refused");
    lock(&shared.drops).count(DropCause::PeerGarbage);
    reply(&mut send, &Reply { boot: 0, sequence: 0, verdict: Verdict::Refused(refused) }).await;
}

async fn reply(send: &mut SendStream, reply: &Reply) {
    if send.write_all(&encode_reply(reply)).await.is_ok() {
        let _ = send.finish();
    }
}

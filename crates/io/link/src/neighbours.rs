//! Node to neighbouring nodes: each speaks on the connections that it opened, and hears on those that were opened to it.

use crate::clock::{until, utc_now};
use crate::listener::identify;
use crate::session::{Close, close, connect, receive};
use crate::socket::{endpoint_on, release};
use crate::uplink::{CloseOnDrop, jittered};
use crate::{ALPN_PEER, Credentials, LinkError, Role, transport};
use jxz_units::Utc;
use jxz_wire::{MAX_STATE_BYTES, decode_neighbour_tracks, hello, split_neighbour_tracks};
use jxz_world::{DropCause, Drops, NeighbourTracks, SiteId};
use quinn::{Connection, Endpoint, SendDatagramError};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// A word is worth nothing after this: the next one follows 200 ms after it.
const WORD_TTL: Duration = Duration::from_millis(200);
/// Words waiting for one neighbour's connection: a queue would only age them.
const WAITING: usize = 2;
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How a node and its neighbours reach each other.
#[derive(Debug, Clone)]
pub struct NeighbourLinkConfig {
    /// UDP address to listen on, and to connect from; port 0 takes a free one.
    pub address: SocketAddr,
    /// This node.
    pub site: SiteId,
    /// Changes with each start of the node.
    pub boot: u64,
    /// The node's certificate and key.
    pub credentials: Credentials,
    /// Each neighbour with host and port of its listener, resolved at each attempt. Nobody else is let in.
    pub neighbours: BTreeMap<SiteId, String>,
    /// Parts of words heard and not yet received; beyond it, new ones are dropped and counted
    /// (`neighbour_queue_full`).
    pub capacity: usize,
}

impl NeighbourLinkConfig {
    /// The usual limit: 256 parts of words.
    #[must_use]
    pub const fn new(
        address: SocketAddr,
        site: SiteId,
        boot: u64,
        credentials: Credentials,
        neighbours: BTreeMap<SiteId, String>,
    ) -> Self {
        Self { address, site, boot, credentials, neighbours, capacity: 256 }
    }
}

#[derive(Default)]
struct Book {
    drops: Drops,
    /// Neighbours whose listener has welcomed us.
    reached: BTreeSet<SiteId>,
    /// The connection on which each neighbour speaks to us now.
    guests: BTreeMap<SiteId, Connection>,
}

struct Shared {
    book: Mutex<Book>,
    heard: mpsc::Sender<NeighbourTracks>,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it holds the lock; if something did, counts are still counts.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, cause: DropCause, n: u64) {
        self.book().drops.add(cause, n);
    }
}

#[derive(Clone)]
struct Word {
    tracks: Arc<NeighbourTracks>,
    until: Utc,
}

struct Speaker {
    words: broadcast::Sender<Word>,
    task: JoinHandle<()>,
}

/// A node's links with its neighbours. Dropping it ends them.
pub struct NeighbourLinks {
    endpoint: Endpoint,
    socket: std::net::UdpSocket,
    local: SocketAddr,
    speakers: BTreeMap<SiteId, Speaker>,
    heard: mpsc::Receiver<NeighbourTracks>,
    shared: Arc<Shared>,
}

impl NeighbourLinks {
    /// Opens the socket, lets neighbours in and connects to them for ever, on the current tokio runtime.
    ///
    /// # Errors
    /// If the credentials cannot be used or the address is taken.
    pub fn bind(config: &NeighbourLinkConfig) -> Result<Self, LinkError> {
        let action = || format!("listen for neighbouring nodes on {}", config.address);
        let failed = |source| LinkError::Socket { action: action(), source };
        let socket = std::net::UdpSocket::bind(config.address).map_err(failed)?;
        Self::adopt(config, socket)
    }

    /// [`Self::bind`], on a socket that is bound already: one that another process has released
    /// ([`Self::socket`], [`Self::release`]).
    ///
    /// # Errors
    /// If the credentials or the socket cannot be used.
    pub fn adopt(config: &NeighbourLinkConfig, socket: std::net::UdpSocket) -> Result<Self, LinkError> {
        let server = transport::server(&config.credentials, ALPN_PEER)?;
        let client = transport::client(&config.credentials, ALPN_PEER)?;
        let failed = |source| LinkError::Socket { action: "listen for neighbouring nodes".to_owned(), source };
        let kept = socket.try_clone().map_err(failed)?;
        let endpoint = endpoint_on(server, socket).map_err(failed)?;
        let local = endpoint.local_addr().map_err(failed)?;
        let (sender, heard) = mpsc::channel(config.capacity.max(1));
        let shared = Arc::new(Shared { book: Mutex::default(), heard: sender });
        let known = Arc::new(config.neighbours.keys().cloned().collect());
        tokio::spawn(accept(endpoint.clone(), Arc::clone(&shared), known));
        let speaker = |(to, address): (&SiteId, &String)| {
            let (words, receiver) = broadcast::channel(WAITING);
            let way = Way {
                endpoint: endpoint.clone(),
                client: client.clone(),
                to: to.clone(),
                address: address.clone(),
                hello: hello(&config.site, config.boot, env!("CARGO_PKG_VERSION")),
            };
            let task = tokio::spawn(speak(way, Arc::clone(&shared), receiver));
            (to.clone(), Speaker { words, task })
        };
        let speakers = config.neighbours.iter().map(speaker).collect();
        Ok(Self { endpoint, socket: kept, local, speakers, heard, shared })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The socket, for another process to use once this has released it.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn socket(&self) -> io::Result<std::net::UdpSocket> {
        self.socket.try_clone()
    }

    /// Ends every connection, and leaves the socket to who uses it next: from here on nothing is read from it.
    ///
    /// # Errors
    /// The system gives no other socket.
    pub async fn release(&self) -> io::Result<()> {
        self.speakers.values().for_each(|speaker| speaker.task.abort());
        release(&self.endpoint).await
    }

    /// Sends a word, split into datagrams, while it is fresh. Never waits: what cannot leave in time, for want of a
    /// connection too, is dropped and counted (`neighbour_unsent`).
    pub fn send(&self, to: &SiteId, tracks: NeighbourTracks) {
        match self.speakers.get(to) {
            // It fails only when the task is gone, which is when nobody counts any more.
            Some(speaker) => {
                let _ = speaker.words.send(Word { tracks: Arc::new(tracks), until: utc_now() + WORD_TTL });
            }
            None => self.shared.count(DropCause::NeighbourUnsent, 1),
        }
    }

    /// The next word of a neighbour, or a part of one; waits for it. It is in the name of the neighbour whose
    /// certificate opened the connection. Safe to cancel.
    pub async fn recv(&mut self) -> Option<NeighbourTracks> {
        self.heard.recv().await
    }

    /// Neighbours that this node can speak to now.
    #[must_use]
    pub fn reached(&self) -> usize {
        self.shared.book().reached.len()
    }

    /// What was dropped so far.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.shared.book().drops.clone()
    }
}

impl Drop for NeighbourLinks {
    fn drop(&mut self) {
        self.speakers.values().for_each(|speaker| speaker.task.abort());
        self.endpoint.close((Close::GoingDown as u32).into(), b"the node is going down");
    }
}

// ---- Speaking ----

struct Way {
    endpoint: Endpoint,
    client: quinn::ClientConfig,
    to: SiteId,
    address: String,
    hello: bytes::Bytes,
}

async fn speak(way: Way, shared: Arc<Shared>, mut words: broadcast::Receiver<Word>) {
    let mut backoff = BACKOFF_MIN;
    loop {
        match attempt(&way).await {
            Ok(connection) => {
                tracing::info!(site = %way.to, "connected to a neighbour");
                backoff = BACKOFF_MIN;
                shared.book().reached.insert(way.to.clone());
                let connection = CloseOnDrop(connection);
                let why = tokio::select! {
                    why = connection.0.closed() => why.to_string(),
                    why = send_words(&connection.0, &shared, &mut words) => why,
                };
                shared.book().reached.remove(&way.to);
                tracing::warn!(site = %way.to, why, "connection to a neighbour lost");
            }
            Err(error) => tracing::debug!(site = %way.to, %error, "neighbour not reached"),
        }
        sleep(jittered(backoff)).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

async fn attempt(way: &Way) -> Result<Connection, LinkError> {
    let unknown = |reason: String| LinkError::Connect { peer: way.address.clone(), reason };
    let address = tokio::net::lookup_host(&way.address)
        .await
        .map_err(|error| unknown(error.to_string()))?
        .next()
        .ok_or_else(|| unknown("the name has no address".to_owned()))?;
    let role = Role::Node(way.to.clone());
    connect(&way.endpoint, way.client.clone(), address, &role.dns_name(), &role, way.hello.clone()).await
}

/// Sends datagrams; returns only when that has become impossible, with the reason.
async fn send_words(connection: &Connection, shared: &Shared, words: &mut broadcast::Receiver<Word>) -> String {
    loop {
        let word = match words.recv().await {
            Ok(word) => word,
            Err(broadcast::error::RecvError::Lagged(n)) => {
                shared.count(DropCause::NeighbourUnsent, n);
                continue;
            }
            Err(broadcast::error::RecvError::Closed) => return "the node ended the link".to_owned(),
        };
        if let Err(why) = send_word(connection, shared, &word).await {
            return why;
        }
    }
}

async fn send_word(connection: &Connection, shared: &Shared, word: &Word) -> Result<(), String> {
    let Some(max_bytes) = connection.max_datagram_size() else {
        return Err("the neighbour takes no datagrams".to_owned());
    };
    let datagrams = match split_neighbour_tracks(&word.tracks, max_bytes.min(MAX_STATE_BYTES)) {
        Ok(datagrams) => datagrams,
        Err(error) => {
            tracing::warn!(%error, "word to a neighbour cannot be sent");
            shared.count(DropCause::EncodeFailed, 1);
            return Ok(());
        }
    };
    for datagram in datagrams {
        let left = until(word.until);
        if left.is_zero() {
            shared.count(DropCause::NeighbourUnsent, 1);
            continue;
        }
        match timeout(left, connection.send_datagram_wait(datagram)).await {
            Ok(Ok(())) => {}
            Err(_) | Ok(Err(SendDatagramError::TooLarge)) => shared.count(DropCause::NeighbourUnsent, 1),
            Ok(Err(error)) => return Err(error.to_string()),
        }
    }
    Ok(())
}

// ---- Hearing ----

async fn accept(endpoint: Endpoint, shared: Arc<Shared>, known: Arc<BTreeSet<SiteId>>) {
    // Each neighbour once, anew before its old connection has ended, and as many strangers on their way out.
    let most = 3 * known.len() + 4;
    let mut connections = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while connections.try_join_next().is_some() {}
        if connections.len() >= most {
            tracing::warn!(remote = %incoming.remote_address(), most, "refused a neighbour: full");
            incoming.refuse();
            continue;
        }
        let (shared, known) = (Arc::clone(&shared), Arc::clone(&known));
        connections.spawn(async move {
            let Some(guest) = receive(incoming).await else { return };
            let site = match identify(&guest) {
                Ok((site, _)) if known.contains(&site) => site,
                Ok((site, _)) => return guest.refuse(Close::Identity, &format!("{site} is no neighbour")),
                Err((why, reason)) => return guest.refuse(why, &reason),
            };
            if let Some(connection) = guest.welcome().await {
                hear(connection, site, &shared).await;
            }
        });
    }
}

async fn hear(connection: Connection, site: SiteId, shared: &Shared) {
    tracing::info!(%site, remote = %connection.remote_address(), "a neighbour has connected");
    if let Some(old) = shared.book().guests.insert(site.clone(), connection.clone()) {
        close(&old, Close::Replaced, "the neighbour connected anew");
    }
    let why = loop {
        let datagram = match connection.read_datagram().await {
            Ok(datagram) => datagram,
            Err(error) => break error.to_string(),
        };
        match decode_neighbour_tracks(&datagram) {
            Ok(word) if word.site == site => match shared.heard.try_send(word) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => shared.count(DropCause::NeighbourQueueFull, 1),
                Err(mpsc::error::TrySendError::Closed(_)) => break "the node is going down".to_owned(),
            },
            Ok(word) => {
                tracing::warn!(%site, claimed = %word.site, "a word in another node's name");
                shared.count(DropCause::PeerGarbage, 1);
            }
            Err(error) => {
                tracing::debug!(%site, %error, "a word that cannot be read");
                shared.count(DropCause::PeerGarbage, 1);
            }
        }
    };
    tracing::info!(%site, why, "a neighbour has gone");
    let mut book = shared.book();
    if book.guests.get(&site).is_some_and(|now| now.stable_id() == connection.stable_id()) {
        book.guests.remove(&site);
    }
}

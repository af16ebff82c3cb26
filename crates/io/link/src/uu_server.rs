//! Node to vehicles over 5G, the node's side: every subscribed vehicle gets every message while it is fresh.

use crate::clock::{until, utc_now};
use crate::session::{Close, close, receive};
use crate::socket::{endpoint_on, release};
use crate::{ALPN_UU, Credentials, LinkError, Role, transport};
use bytes::Bytes;
use jxz_units::Utc;
use jxz_wire::{Downlink, MAX_DOWNLINK_BYTES, decode_vehicle_hello, encode_downlink};
use jxz_world::{DropCause, Drops};
use quinn::{Connection, Endpoint};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Messages lost in a row after which a subscriber is sent away, as a multiple of the queue's length.
const SLOW_QUEUES: u64 = 4;

/// How a node serves vehicles over 5G.
#[derive(Debug, Clone)]
pub struct UuServerConfig {
    /// UDP address to listen on; port 0 takes a free one.
    pub address: SocketAddr,
    /// The node's certificate and key.
    pub credentials: Credentials,
    /// The most vehicles at once; beyond it, new ones are turned away.
    pub max_subscribers: usize,
    /// Messages that one vehicle may lag behind; beyond it, its oldest are dropped and counted (`subscriber_slow`).
    pub queue: usize,
}

impl UuServerConfig {
    /// The usual limits: 512 vehicles, 64 messages.
    #[must_use]
    pub const fn new(address: SocketAddr, credentials: Credentials) -> Self {
        Self { address, credentials, max_subscribers: 512, queue: 64 }
    }
}

#[derive(Clone)]
struct Message {
    bytes: Bytes,
    until: Utc,
}

struct Shared {
    messages: broadcast::Sender<Message>,
    subscribers: AtomicUsize,
    drops: Mutex<Drops>,
    queue: u64,
}

impl Shared {
    fn count(&self, cause: DropCause, n: u64) {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner).add(cause, n);
    }
}

/// A node's server for vehicles. Dropping it closes every connection.
pub struct UuServer {
    endpoint: Endpoint,
    socket: std::net::UdpSocket,
    shared: Arc<Shared>,
    local: SocketAddr,
}

impl UuServer {
    /// Opens the socket and starts to let vehicles in, on the current tokio runtime.
    ///
    /// # Errors
    /// If the credentials cannot be used or the address is taken.
    pub fn bind(config: &UuServerConfig) -> Result<Self, LinkError> {
        let failed =
            |source| LinkError::Socket { action: format!("listen for vehicles on {}", config.address), source };
        let socket = std::net::UdpSocket::bind(config.address).map_err(failed)?;
        Self::adopt(config, socket)
    }

    /// [`Self::bind`], on a socket that is bound already: one that another process has released
    /// ([`Self::socket`], [`Self::release`]).
    ///
    /// # Errors
    /// If the credentials or the socket cannot be used.
    pub fn adopt(config: &UuServerConfig, socket: std::net::UdpSocket) -> Result<Self, LinkError> {
        let server = transport::server(&config.credentials, ALPN_UU)?;
        let failed = |source| LinkError::Socket { action: "listen for vehicles".to_owned(), source };
        let kept = socket.try_clone().map_err(failed)?;
        let endpoint = endpoint_on(server, socket).map_err(failed)?;
        let local = endpoint.local_addr().map_err(failed)?;
        let queue = config.queue.max(1);
        let shared = Arc::new(Shared {
            messages: broadcast::channel(queue).0,
            subscribers: AtomicUsize::new(0),
            drops: Mutex::default(),
            queue: queue as u64,
        });
        tokio::spawn(accept(endpoint.clone(), Arc::clone(&shared), config.max_subscribers));
        Ok(Self { endpoint, socket: kept, shared, local })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Hands one message (UPER bytes) to every vehicle subscribed now. It is sent as long as it is not older than
    /// `ttl`. Never waits. `false`: the message is empty or over 16 KiB, and was counted (`encode_failed`).
    pub fn broadcast(&self, message: Bytes, ttl: Duration) -> bool {
        if message.is_empty() || message.len() > MAX_DOWNLINK_BYTES {
            self.shared.count(DropCause::EncodeFailed, 1);
            return false;
        }
        let sent_at = utc_now();
        let downlink = Downlink { sent_at, expires_at: sent_at + ttl, message };
        // It fails only when there is no subscriber.
        let _ = self.shared.messages.send(Message { bytes: encode_downlink(&downlink), until: downlink.expires_at });
        true
    }

    /// The socket, for another process to serve vehicles on once this has released it.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn socket(&self) -> io::Result<std::net::UdpSocket> {
        self.socket.try_clone()
    }

    /// Tells every vehicle that the node goes, and leaves the socket to who serves on it next: from here on nothing is read
    /// from it. Vehicles connect anew.
    ///
    /// # Errors
    /// The system gives no other socket.
    pub async fn release(&self) -> io::Result<()> {
        release(&self.endpoint).await
    }

    /// Vehicles subscribed now.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.shared.subscribers.load(Ordering::Relaxed)
    }

    /// What was dropped so far.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.shared.drops.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for UuServer {
    fn drop(&mut self) {
        self.endpoint.close((Close::GoingDown as u32).into(), b"the node is going down");
    }
}

async fn accept(endpoint: Endpoint, shared: Arc<Shared>, max_subscribers: usize) {
    let mut subscribers = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while subscribers.try_join_next().is_some() {}
        if subscribers.len() >= max_subscribers {
            tracing::warn!(remote = %incoming.remote_address(), max_subscribers, "turned a vehicle away: full");
            incoming.refuse();
            continue;
        }
        subscribers.spawn(serve(incoming, Arc::clone(&shared)));
    }
}

async fn serve(incoming: quinn::Incoming, shared: Arc<Shared>) {
    let Some(guest) = receive(incoming).await else { return };
    let Role::Vehicle(certified) = guest.role.clone() else {
        let reason = format!("{} is not a vehicle", guest.role);
        return guest.refuse(Close::Identity, &reason);
    };
    match decode_vehicle_hello(&guest.hello) {
        Ok(claimed) if claimed == certified => {}
        Ok(claimed) => {
            return guest.refuse(Close::Identity, &format!("hello says {claimed}, the certificate says {certified}"));
        }
        Err(error) => return guest.refuse(Close::Hello, &error.to_string()),
    }
    // Subscribed before it is told so: a vehicle that was welcomed misses nothing.
    let mut messages = shared.messages.subscribe();
    let Some(connection) = guest.welcome().await else { return };
    tracing::debug!(vehicle = certified, "vehicle subscribed");
    shared.subscribers.fetch_add(1, Ordering::Relaxed);
    let why = tokio::select! {
        why = connection.closed() => why.to_string(),
        why = feed(&connection, &mut messages, &shared) => why,
    };
    shared.subscribers.fetch_sub(1, Ordering::Relaxed);
    tracing::debug!(vehicle = certified, why, "vehicle gone");
}

/// Sends messages as they come; returns why it ended.
async fn feed(connection: &Connection, messages: &mut broadcast::Receiver<Message>, shared: &Shared) -> String {
    let mut lost_in_a_row = 0;
    loop {
        match messages.recv().await {
            Ok(message) => match send(connection, &message).await {
                Ok(true) => lost_in_a_row = 0,
                Ok(false) => {
                    shared.count(DropCause::SubscriberSlow, 1);
                    lost_in_a_row += 1;
                }
                Err(error) => return error,
            },
            Err(broadcast::error::RecvError::Lagged(n)) => {
                shared.count(DropCause::SubscriberSlow, n);
                lost_in_a_row += n;
            }
            Err(broadcast::error::RecvError::Closed) => {
                close(connection, Close::GoingDown, "the node is going down");
                return "the node is going down".to_owned();
            }
        }
        if lost_in_a_row > SLOW_QUEUES * shared.queue {
            close(connection, Close::Slow, "too slow");
            return "too slow".to_owned();
        }
    }
}

/// Whether the message left in time.
async fn send(connection: &Connection, message: &Message) -> Result<bool, String> {
    let left = until(message.until);
    if left.is_zero() {
        return Ok(false);
    }
    let fits = connection.max_datagram_size().is_some_and(|max| message.bytes.len() <= max);
    let sending = async {
        if fits {
            return connection.send_datagram_wait(message.bytes.clone()).await.map_err(|error| error.to_string());
        }
        let mut stream = connection.open_uni().await.map_err(|error| error.to_string())?;
        stream.write_all(&message.bytes).await.map_err(|error| error.to_string())?;
        stream.finish().map_err(|error| error.to_string())
    };
    match timeout(left, sending).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

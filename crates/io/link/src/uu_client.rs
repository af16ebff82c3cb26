//! Node to vehicles over 5G, the vehicle's side.

use crate::clock::utc_now;
use crate::session::{Close, client_endpoint, close, connect};
use crate::socket::client_with;
use crate::transport::{MAX_STREAMS, PEER_TIMEOUT};
use crate::{ALPN_UU, Credentials, LinkError, Role, RoleError, transport};
use bytes::Bytes;
use jxz_units::Utc;
use jxz_wire::{MAX_DOWNLINK_BYTES, decode_downlink, encode_vehicle_hello};
use jxz_world::{DropCause, Drops, SiteId};
use quinn::{Connection, Endpoint, RecvStream};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// Messages that may wait to be received; beyond it, the newest is dropped and counted.
const QUEUE: usize = 256;

/// What a vehicle's share of a common socket's buffer is, bytes: some tenths of a second of a busy site.
const SHARE_OF_BUFFER: usize = 128 << 10;

/// One message from a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UuMessage {
    /// The message's own bytes (UPER).
    pub bytes: Bytes,
    /// When the node handed it to the channel, by the node's clock.
    pub sent_at: Utc,
    /// When it was received, by this side's clock.
    pub received_at: Utc,
}

/// A socket for several vehicles of one process. A QUIC endpoint holds 3 MB to receive into (32 reads of 64 datagrams that the
/// system has joined): one for each of many vehicles is most of what they need.
#[derive(Debug, Clone)]
pub struct UuSocket(Endpoint);

impl UuSocket {
    /// Opens one for about so many vehicles, on a free port of this address. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The system gives no such socket.
    pub fn open(local: IpAddr, vehicles: usize) -> Result<Self, LinkError> {
        let failed = |source| LinkError::Socket { action: format!("open a UDP socket on {local}"), source };
        client_with(SocketAddr::new(local, 0), SHARE_OF_BUFFER * vehicles.max(1)).map(Self).map_err(failed)
    }
}

/// A vehicle's subscription to one node. Dropping it ends it.
pub struct UuClient {
    messages: mpsc::Receiver<UuMessage>,
    drops: Arc<Mutex<Drops>>,
    connection: Connection,
    task: JoinHandle<()>,
}

impl UuClient {
    /// Subscribes with a socket of its own.
    ///
    /// # Errors
    /// If the node does not answer, is not the one named, or refuses the vehicle; if the credentials are no vehicle's.
    pub async fn connect(address: SocketAddr, site: &SiteId, credentials: &Credentials) -> Result<Self, LinkError> {
        Self::connect_on(&UuSocket(client_endpoint(address)?), address, site, credentials).await
    }

    /// Subscribes through a socket that several vehicles of one process share.
    ///
    /// # Errors
    /// As [`UuClient::connect`].
    pub async fn connect_on(
        socket: &UuSocket,
        address: SocketAddr,
        site: &SiteId,
        credentials: &Credentials,
    ) -> Result<Self, LinkError> {
        let Role::Vehicle(name) = credentials.role() else {
            return Err(RoleError::Name(format!("{} (not a vehicle)", credentials.role())).into());
        };
        let config = transport::client(credentials, ALPN_UU)?;
        let node = Role::Node(site.clone());
        let hello = encode_vehicle_hello(name);
        let connection = connect(&socket.0, config, address, &node.dns_name(), &node, hello).await?;
        let (sender, messages) = mpsc::channel(QUEUE);
        let drops = Arc::new(Mutex::default());
        let inbox = Inbox { sender, drops: Arc::clone(&drops) };
        let task = tokio::spawn(run(connection.clone(), inbox));
        Ok(Self { messages, drops, connection, task })
    }

    /// The next message that has not expired; `None` when the connection has ended. Safe to cancel.
    pub async fn recv(&mut self) -> Option<UuMessage> {
        self.messages.recv().await
    }

    /// What was dropped so far.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for UuClient {
    fn drop(&mut self) {
        close(&self.connection, Close::GoingDown, "the vehicle leaves");
        self.task.abort();
    }
}

#[derive(Clone)]
struct Inbox {
    sender: mpsc::Sender<UuMessage>,
    drops: Arc<Mutex<Drops>>,
}

impl Inbox {
    fn count(&self, cause: DropCause) {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner).count(cause);
    }

    fn take(&self, bytes: &[u8]) {
        let received_at = utc_now();
        match decode_downlink(bytes) {
            Ok(downlink) if downlink.expires_at < received_at => self.count(DropCause::PeerStale),
            Ok(downlink) => {
                let message = UuMessage { bytes: downlink.message, sent_at: downlink.sent_at, received_at };
                if self.sender.try_send(message).is_err() {
                    self.count(DropCause::SubscriberSlow);
                }
            }
            Err(error) => {
                tracing::debug!(%error, "downlink that cannot be read");
                self.count(DropCause::PeerGarbage);
            }
        }
    }
}

async fn run(connection: Connection, inbox: Inbox) {
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            datagram = connection.read_datagram() => match datagram {
                Ok(datagram) => inbox.take(&datagram),
                Err(error) => return tracing::debug!(%error, "subscription ended"),
            },
            stream = connection.accept_uni() => match stream {
                Ok(stream) => {
                    while streams.try_join_next().is_some() {}
                    if streams.len() < MAX_STREAMS as usize {
                        streams.spawn(large(stream, inbox.clone()));
                    }
                }
                Err(error) => return tracing::debug!(%error, "subscription ended"),
            },
        }
    }
}

/// A message too large for a datagram.
async fn large(mut stream: RecvStream, inbox: Inbox) {
    if let Ok(Ok(bytes)) = timeout(PEER_TIMEOUT, stream.read_to_end(MAX_DOWNLINK_BYTES + 64)).await {
        inbox.take(&bytes);
    }
}

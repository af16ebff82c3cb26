//! The socket and the queue around the gate.

use crate::{Gate, Ingested};
use jxz_units::Utc;
use jxz_wire::MAX_SENSOR_BYTES;
use jxz_wire::sensor::v1::ScanFrame;
use jxz_world::{DropCause, Drops};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::UdpSocket;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

/// Why sensors cannot be listened to.
#[derive(Debug, thiserror::Error)]
#[error("listen for sensors on {address}: {source}")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// A socket that sensors send to. Dropping it closes the socket.
pub struct Listener {
    // A broadcast channel with one receiver: unlike the others it drops the oldest when it is full, and tells how many.
    queue: broadcast::Receiver<Ingested>,
    gate: Arc<Mutex<Gate>>,
    overrun: u64,
    local: SocketAddr,
    socket: std::net::UdpSocket,
    // Weak, so that the queue ends with whoever fills it.
    filling: broadcast::WeakSender<Ingested>,
    /// The ways in; they end with this.
    pub(crate) tasks: JoinSet<()>,
}

/// What every way in does with what it receives.
#[derive(Clone)]
pub(crate) struct Feed {
    gate: Arc<Mutex<Gate>>,
    queue: broadcast::Sender<Ingested>,
}

impl Feed {
    /// A datagram of ours. `false`: nobody takes it any more.
    pub(crate) fn datagram(&self, datagram: &[u8]) -> bool {
        let ingested = lock(&self.gate).accept(utc_now(), datagram);
        ingested.is_none_or(|ingested| self.queue.send(ingested).is_ok())
    }

    /// A frame that another way in made of what it received. `false`: as above.
    pub(crate) fn frame(&self, frame: &ScanFrame) -> bool {
        let ingested = lock(&self.gate).accept_frame(utc_now(), frame);
        ingested.is_none_or(|ingested| self.queue.send(ingested).is_ok())
    }

    /// Counts what never became a frame. `true`, to go on.
    pub(crate) fn drop_one(&self, cause: DropCause) -> bool {
        lock(&self.gate).count(cause);
        true
    }
}

impl Listener {
    /// Opens the socket and starts to receive, on the current tokio runtime. At most `capacity` scans wait to be
    /// received; beyond it the oldest is dropped and counted (`sensor_queue_full`).
    ///
    /// # Errors
    /// If the address is taken or is not this machine's.
    pub fn bind(address: SocketAddr, gate: Gate, capacity: usize) -> Result<Self, ListenError> {
        let socket = open(address).map_err(|source| ListenError { address, source })?;
        Self::adopt(socket, gate, capacity)
    }

    /// [`Self::bind`], on a socket that is bound already: one that another process listened on ([`Self::socket`]).
    ///
    /// # Errors
    /// It is no UDP socket that the system lets us use.
    pub fn adopt(socket: std::net::UdpSocket, gate: Gate, capacity: usize) -> Result<Self, ListenError> {
        let address = socket.local_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        let failed = |source| ListenError { address, source };
        let local = socket.local_addr().map_err(failed)?;
        let kept = socket.try_clone().map_err(failed)?;
        let socket = UdpSocket::from_std(socket).map_err(failed)?;
        let gate = Arc::new(Mutex::new(gate));
        let (sender, queue) = broadcast::channel(capacity.max(1));
        let filling = sender.downgrade();
        let mut tasks = JoinSet::new();
        tasks.spawn(receive(socket, Feed { gate: Arc::clone(&gate), queue: sender }));
        Ok(Self { queue, gate, overrun: 0, local, socket: kept, filling, tasks })
    }

    /// For a further way in; `None` when the socket is closed.
    pub(crate) fn feed(&self) -> Option<Feed> {
        Some(Feed { gate: Arc::clone(&self.gate), queue: self.filling.upgrade()? })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The socket, for another process to listen on once this has stopped.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn socket(&self) -> io::Result<std::net::UdpSocket> {
        self.socket.try_clone()
    }

    /// Stops to receive, on every way in. What has come already is still to be had from [`Self::recv`], which then gives
    /// `None`; what comes from now on waits in the socket for who listens on it next.
    pub async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    /// The next scan or signals; waits for one. `None`: the socket is closed. Safe to cancel.
    pub async fn recv(&mut self) -> Option<Ingested> {
        loop {
            match self.queue.recv().await {
                Ok(ingested) => return Some(ingested),
                Err(broadcast::error::RecvError::Lagged(n)) => self.overrun += n,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// What was dropped so far.
    #[must_use]
    pub fn drops(&self) -> Drops {
        let mut drops = lock(&self.gate).drops().clone();
        drops.add(DropCause::SensorQueueFull, self.overrun);
        drops
    }
}

fn lock(gate: &Mutex<Gate>) -> MutexGuard<'_, Gate> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Every sensor may send at the same instant; the system may give less.
    socket.set_recv_buffer_size(1 << 20)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

async fn receive(socket: UdpSocket, feed: Feed) {
    // One byte more than allowed: what is longer is cut to that, and seen to be too long.
    let mut buffer = vec![0_u8; MAX_SENSOR_BYTES + 1];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((len, _)) => {
                if !feed.datagram(&buffer[..len]) {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "receive from sensors");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

fn utc_now() -> Utc {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Utc::from_unix_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

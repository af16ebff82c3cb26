//! The PC5-style radio: frames to everyone near, without a connection.
//!
//! The implementation here is UDP multicast on one named interface with TTL 0, so that nothing leaves the machine. A
//! frame is one UDP datagram, all numbers big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..2 | `JX` |
//! | 2 | version of this header, 1 |
//! | 3 | priority, 0 (lowest) to 255 |
//! | 4..8 | application id (AID) |
//! | 8..16 | sender, a number drawn when the sender started |
//! | 16..24 | when it was sent: the sender's UTC, Unix nanoseconds |
//! | 24.. | the message, 1 to 8192 bytes |

use crate::LinkError;
use crate::clock::utc_now;
use bytes::Bytes;
use jxz_units::Utc;
use jxz_world::{DropCause, Drops};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use tokio::net::UdpSocket;

/// The most bytes of a message in one frame.
pub const MAX_FRAME_BYTES: usize = 8192;
const HEADER_BYTES: usize = 24;
const MAGIC: [u8; 2] = *b"JX";
const VERSION: u8 = 1;

/// One message to everyone near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RadioFrame {
    /// Priority, 0 (lowest) to 255.
    pub priority: u8,
    /// Application id (AID) of the message.
    pub application_id: u32,
    /// The message's own bytes (UPER), 1 to [`MAX_FRAME_BYTES`].
    pub bytes: Bytes,
}

/// A frame from someone near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFrame {
    /// What was sent.
    pub frame: RadioFrame,
    /// Who sent it: drawn anew at each start of a sender.
    pub sender: u64,
    /// When it was sent, by the sender's clock.
    pub sent_at: Utc,
    /// When it was received, by this side's clock.
    pub received_at: Utc,
}

/// The future that [`Radio::recv`] gives.
pub type RecvFuture<'a> = Pin<Box<dyn Future<Output = io::Result<ReceivedFrame>> + Send + 'a>>;

/// A radio that sends to, and hears, everyone near. What it sends it does not hear itself.
pub trait Radio: Send + Sync {
    /// Sends one frame now, or fails; never waits.
    ///
    /// # Errors
    /// A frame that is empty or too large ([`io::ErrorKind::InvalidInput`]), or a radio with no room for it
    /// ([`io::ErrorKind::WouldBlock`]).
    fn send(&self, frame: &RadioFrame) -> io::Result<()>;

    /// The next frame from another. Safe to cancel.
    fn recv(&self) -> RecvFuture<'_>;

    /// What was heard and dropped so far.
    fn drops(&self) -> Drops;

    /// The radio's socket, for another process to send and hear with.
    ///
    /// # Errors
    /// The system has no descriptor left.
    fn socket(&self) -> io::Result<std::net::UdpSocket>;
}

/// Where a multicast radio sends and listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MulticastConfig {
    /// The network interface's name (`lo`).
    pub interface: String,
    /// The group (`239.255.68.68:6868`).
    pub group: SocketAddrV4,
}

/// A radio made of UDP multicast. Any number of them, in any number of processes, share a group on one machine.
pub struct MulticastRadio {
    listening: UdpSocket,
    // The same socket, asked directly: tokio's `try_send_to` would refuse until its driver has seen it writable.
    sending: std::net::UdpSocket,
    group: SocketAddr,
    sender: u64,
    drops: Mutex<Drops>,
}

impl MulticastRadio {
    /// Joins the group on the interface. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If there is no such interface, the address is not a multicast one, or the system refuses.
    pub fn open(config: &MulticastConfig) -> Result<Self, LinkError> {
        let failed =
            |source| LinkError::Socket { action: format!("join {} on {}", config.group, config.interface), source };
        if !config.group.ip().is_multicast() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a multicast address")));
        }
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).map_err(failed)?;
        configure(&socket, config).map_err(failed)?;
        Self::adopt(config, socket.into())
    }

    /// A radio on the socket of another process's, which has joined the group. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub fn adopt(config: &MulticastConfig, socket: std::net::UdpSocket) -> Result<Self, LinkError> {
        let failed =
            |source| LinkError::Socket { action: format!("use {} on {}", config.group, config.interface), source };
        let sending = socket.try_clone().map_err(failed)?;
        let listening = UdpSocket::from_std(socket).map_err(failed)?;
        let group = config.group.into();
        Ok(Self { listening, sending, group, sender: random_u64(), drops: Mutex::default() })
    }

    async fn next(&self) -> io::Result<ReceivedFrame> {
        let mut buffer = [0_u8; HEADER_BYTES + MAX_FRAME_BYTES + 1];
        loop {
            let (len, _) = self.listening.recv_from(&mut buffer).await?;
            match parse(&buffer[..len], utc_now()) {
                Some(received) if received.sender == self.sender => {}
                Some(received) => return Ok(received),
                None => self.drops.lock().unwrap_or_else(PoisonError::into_inner).count(DropCause::RadioUndecodable),
            }
        }
    }
}

fn configure(socket: &Socket, config: &MulticastConfig) -> io::Result<()> {
    let interface = interface_index(&config.interface)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // A burst of every node's messages must fit while the reader is busy; the system may give less.
    socket.set_recv_buffer_size(1 << 20)?;
    // Bound to the interface: nothing goes out by another one, and nothing from another one comes in.
    socket.bind_device(Some(config.interface.as_bytes()))?;
    socket.bind(&SocketAddr::from(config.group).into())?;
    socket.set_multicast_ttl_v4(0)?;
    socket.set_multicast_loop_v4(true)?;
    socket.join_multicast_v4_n(config.group.ip(), &InterfaceIndexOrAddress::Index(interface))?;
    if config.interface == "lo" {
        socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
    }
    Ok(())
}

fn interface_index(name: &str) -> io::Result<u32> {
    if name.is_empty() || name.len() > 15 || name.contains('/') || name.starts_with('.') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` cannot name an interface")));
    }
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex"))
        .map_err(|error| io::Error::new(error.kind(), format!("no interface `{name}`: {error}")))?;
    text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "interface index is not a number"))
}

/// A number that another start of another process will hardly draw.
pub(crate) fn random_u64() -> u64 {
    // The standard library seeds every `RandomState` from the system's randomness.
    RandomState::new().hash_one(utc_now().unix_ns())
}

fn parse(datagram: &[u8], received_at: Utc) -> Option<ReceivedFrame> {
    let (header, bytes) = datagram.split_at_checked(HEADER_BYTES)?;
    if header[..2] != MAGIC || header[2] != VERSION || bytes.is_empty() || bytes.len() > MAX_FRAME_BYTES {
        return None;
    }
    let application_id = u32::from_be_bytes(header[4..8].try_into().ok()?);
    Some(ReceivedFrame {
        frame: RadioFrame { priority: header[3], application_id, bytes: Bytes::copy_from_slice(bytes) },
        sender: u64::from_be_bytes(header[8..16].try_into().ok()?),
        sent_at: Utc::from_unix_ns(i64::from_be_bytes(header[16..24].try_into().ok()?)),
        received_at,
    })
}

impl Radio for MulticastRadio {
    fn send(&self, frame: &RadioFrame) -> io::Result<()> {
        if frame.bytes.is_empty() || frame.bytes.len() > MAX_FRAME_BYTES {
            let reason = format!("a frame has 1 to {MAX_FRAME_BYTES} bytes, not {}", frame.bytes.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let mut datagram = Vec::with_capacity(HEADER_BYTES + frame.bytes.len());
        datagram.extend_from_slice(&MAGIC);
        datagram.extend_from_slice(&[VERSION, frame.priority]);
        datagram.extend_from_slice(&frame.application_id.to_be_bytes());
        datagram.extend_from_slice(&self.sender.to_be_bytes());
        datagram.extend_from_slice(&utc_now().unix_ns().to_be_bytes());
        datagram.extend_from_slice(&frame.bytes);
        self.sending.send_to(&datagram, self.group).map(|_| ())
    }

    fn recv(&self) -> RecvFuture<'_> {
        Box::pin(self.next())
    }

    fn socket(&self) -> io::Result<std::net::UdpSocket> {
        self.sending.try_clone()
    }

    fn drops(&self) -> Drops {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

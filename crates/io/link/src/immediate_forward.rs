//! A commercial roadside unit as the radio: what is sent goes to it as text over UDP, one message a datagram, to be
//! forwarded on the air at once ("immediate forward" of the USDOT's Roadside Unit specification 4.1, UDP port 1516).
//! What the unit hears it sends to a UDP port of ours: the whole datagram is the payload, or it is the same text.

mod message;
mod psid;

pub use message::{ImmediateForwardError, ImmediateForwardMessage, TxChannel, TxMode};

use crate::clock::utc_now;
use crate::{LinkError, MAX_FRAME_BYTES, Radio, RadioFrame, ReceivedFrame, RecvFuture};
use bytes::Bytes;
use jxz_world::{DropCause, Drops};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use tokio::net::UdpSocket;

/// The port on which units take messages to forward.
pub const IMMEDIATE_FORWARD_PORT: u16 = 1516;
/// The longest text: a payload of [`MAX_FRAME_BYTES`] in hexadecimal, and room for the other lines with comments.
const MAX_TEXT_BYTES: usize = 2 * MAX_FRAME_BYTES + 4096;
/// Begins no message of the set: its first octet would choose the sixth of five kinds of message. Nor a signed one.
const TEXT_BEGINS: &[u8] = b"Version=";

/// How an application's messages are called towards the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedApplication {
    /// Our application id.
    pub application_id: u32,
    /// `Type` in the text, 1 to 32 printable characters.
    pub kind: String,
    /// Provider service identifier on the air, at most 0x1020407F. It goes into the text P-encoded.
    pub psid: u32,
    /// `Priority`, 0 to 7; ours is mapped if `None`: its upper three bits, so that 0..=31 is 0 and 224..=255 is 7.
    pub priority: Option<u8>,
}

/// Where the unit is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmediateForwardConfig {
    /// Where the unit takes messages to forward; its port is usually [`IMMEDIATE_FORWARD_PORT`].
    pub rsu: SocketAddr,
    /// Where the unit sends what it hears. What comes from another host than the unit's is dropped and counted.
    pub listen: SocketAddr,
    /// On which channel to send.
    pub channel: TxChannel,
    /// How the unit shares its time between channels.
    pub mode: TxMode,
    /// `Signature` in the text: whether the unit shall sign. `false` when our messages are signed already. (Some
    /// units take `True` for "is signed"; see the unit's handbook.)
    pub sign: bool,
    /// What each application is called; a frame of another is refused.
    pub applications: Vec<ForwardedApplication>,
    /// The application id given to what arrives as mere payload, without text.
    pub raw_application_id: u32,
    /// The most bytes of a message that the unit takes; a larger frame is refused. At most [`MAX_FRAME_BYTES`].
    pub max_payload_bytes: usize,
}

impl ImmediateForwardConfig {
    /// For a unit on the C-V2X channel 183, with the Chinese set's applications under their own ids.
    #[must_use]
    pub fn new(rsu: SocketAddr, listen: SocketAddr) -> Self {
        let application = |(application_id, kind): (u32, &str)| ForwardedApplication {
            application_id,
            kind: kind.to_owned(),
            psid: application_id,
            priority: None,
        };
        let bsm = (111..=114).map(|id| (id, "BSM"));
        let rsi = (3620..=3622).map(|id| (id, "RSI"));
        // No public list has those of the second phase: these are the ids that our own messages carry.
        let second_phase = [(10_010, "RTCM"), (10_012, "SSM"), (10_015, "PSM")];
        let all = bsm.chain([(3618, "MAP"), (3619, "SPAT")]).chain(rsi).chain([(3623, "RSM")]).chain(second_phase);
        Self {
            rsu,
            listen,
            channel: TxChannel::Number(183),
            mode: TxMode::Continuous,
            sign: false,
            applications: all.map(application).collect(),
            raw_application_id: 111,
            max_payload_bytes: MAX_FRAME_BYTES,
        }
    }

    fn check(&self) -> Result<(), String> {
        if let TxChannel::Number(number) = self.channel
            && !(172..=184).contains(&number)
        {
            return Err(format!("channel {number} is not one of 172 to 184"));
        }
        if !(1..=MAX_FRAME_BYTES).contains(&self.max_payload_bytes) {
            return Err(format!("the most bytes are {}, not 1 to {MAX_FRAME_BYTES}", self.max_payload_bytes));
        }
        for (index, application) in self.applications.iter().enumerate() {
            let ForwardedApplication { application_id, kind, psid, priority } = application;
            let is_kind = (1..=32).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_graphic());
            let is_twice = self.applications[..index].iter().any(|other| other.application_id == *application_id);
            if !is_kind || *psid > psid::LARGEST || priority.is_some_and(|priority| priority > 7) || is_twice {
                return Err(format!("application {application_id} cannot be `{kind}`, PSID {psid}, {priority:?}"));
            }
        }
        Ok(())
    }
}

/// A radio that is a roadside unit somewhere on the cabinet's network.
pub struct ImmediateForwardRadio {
    listening: UdpSocket,
    // The same socket, asked directly: tokio's `try_send_to` would refuse until its driver has seen it writable.
    sending: std::net::UdpSocket,
    config: ImmediateForwardConfig,
    sender: u64,
    drops: Mutex<Drops>,
}

impl ImmediateForwardRadio {
    /// Opens the port on which the unit's messages come in, and from which ours go out. Must be called within a tokio
    /// runtime. Whether the unit is there cannot be known: UDP does not tell.
    ///
    /// # Errors
    /// A setting that cannot be, or an address that the system refuses.
    pub fn open(config: ImmediateForwardConfig) -> Result<Self, LinkError> {
        let action = format!("forward by the roadside unit {} and listen on {}", config.rsu, config.listen);
        let failed = |source| LinkError::Socket { action: action.clone(), source };
        config.check().map_err(|reason| failed(io::Error::new(io::ErrorKind::InvalidInput, reason)))?;
        let socket = std::net::UdpSocket::bind(config.listen).map_err(failed)?;
        Self::adopt(config, socket)
    }

    /// A radio on the socket of another process's, bound to the port that the unit sends to. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// A setting that cannot be, or the system refuses.
    pub fn adopt(config: ImmediateForwardConfig, sending: std::net::UdpSocket) -> Result<Self, LinkError> {
        let action = format!("forward by the roadside unit {} from a socket taken over", config.rsu);
        let failed = |source| LinkError::Socket { action: action.clone(), source };
        config.check().map_err(|reason| failed(io::Error::new(io::ErrorKind::InvalidInput, reason)))?;
        sending.set_nonblocking(true).map_err(failed)?;
        let listening = sending.try_clone().and_then(UdpSocket::from_std).map_err(failed)?;
        // All that the unit hears comes under the unit's name: the text does not tell who sent it.
        let mut hasher = DefaultHasher::new();
        config.rsu.hash(&mut hasher);
        let sender = hasher.finish();
        Ok(Self { listening, sending, config, sender, drops: Mutex::default() })
    }

    /// Where the unit has to send what it hears: of use when the port asked for was 0.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.sending.local_addr()
    }

    fn message(&self, frame: &RadioFrame) -> io::Result<ImmediateForwardMessage> {
        let refused = |reason| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        let most = self.config.max_payload_bytes;
        if frame.bytes.is_empty() || frame.bytes.len() > most {
            return refused(format!("the roadside unit takes 1 to {most} bytes, not {}", frame.bytes.len()));
        }
        let mut applications = self.config.applications.iter();
        let Some(application) = applications.find(|known| known.application_id == frame.application_id) else {
            return refused(format!("application id {} is not in the roadside unit's table", frame.application_id));
        };
        Ok(ImmediateForwardMessage {
            kind: application.kind.clone(),
            psid: application.psid,
            priority: application.priority.unwrap_or(frame.priority >> 5),
            mode: self.config.mode,
            channel: self.config.channel,
            interval_s: 0,
            delivery_start: String::new(),
            delivery_stop: String::new(),
            signature: self.config.sign,
            encryption: false,
            payload: frame.bytes.clone(),
        })
    }

    async fn next(&self) -> io::Result<ReceivedFrame> {
        let mut buffer = vec![0_u8; MAX_TEXT_BYTES + 1];
        loop {
            let (len, from) = self.listening.recv_from(&mut buffer).await?;
            if canonical(from.ip()) != canonical(self.config.rsu.ip()) {
                self.count(DropCause::RadioIrrelevant);
                continue;
            }
            let Some(frame) = self.frame(&buffer[..len]) else {
                self.count(DropCause::RadioUndecodable);
                continue;
            };
            let received_at = utc_now();
            return Ok(ReceivedFrame { frame, sender: self.sender, sent_at: received_at, received_at });
        }
    }

    fn frame(&self, datagram: &[u8]) -> Option<RadioFrame> {
        if !datagram.starts_with(TEXT_BEGINS) {
            let is_payload = (1..=MAX_FRAME_BYTES).contains(&datagram.len());
            let (application_id, bytes) = (self.config.raw_application_id, Bytes::copy_from_slice(datagram));
            return is_payload.then_some(RadioFrame { priority: 0, application_id, bytes });
        }
        if datagram.len() > MAX_TEXT_BYTES {
            return None;
        }
        let message = match ImmediateForwardMessage::parse(datagram) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%error, rsu = %self.config.rsu, "the roadside unit sent a text that is no message");
                return None;
            }
        };
        let mut applications = self.config.applications.iter();
        let application = applications.find(|known| known.psid == message.psid);
        let application_id = application.map_or(message.psid, |known| known.application_id);
        Some(RadioFrame { priority: message.priority << 5, application_id, bytes: message.payload })
    }

    fn count(&self, cause: DropCause) {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner).count(cause);
    }
}

/// An IPv4 host is the same host when it arrives on an IPv6 socket.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

impl Radio for ImmediateForwardRadio {
    fn send(&self, frame: &RadioFrame) -> io::Result<()> {
        let text = self.message(frame)?.to_string();
        self.sending.send_to(text.as_bytes(), self.config.rsu).map(|_| ())
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

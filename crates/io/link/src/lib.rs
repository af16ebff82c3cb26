//! The links: node to cloud, to neighbouring nodes and to vehicles over QUIC with mutual TLS, the PC5-style radio, and the
//! development authority whose certificates the QUIC links stand on.

mod authority;
mod capture;
mod clock;
mod credentials;
mod desired;
mod enrol;
mod error;
mod immediate_forward;
mod issuer;
mod join;
mod listener;
mod log_source;
mod message_authority;
mod neighbours;
mod outbox;
mod pc5;
mod role;
mod session;
mod socket;
mod transport;
mod uplink;
mod uu_client;
mod uu_server;
mod verify;
mod word;

pub use authority::{CertificateInfo, Plan, make, show};
pub use capture::{CaptureOptions, CaptureSummary, CaptureWriter, Captured, Channel, Direction, Encoding};
pub use clock::utc_now;
pub use credentials::{CertificateId, Credentials};
pub use desired::Assignment;
pub use enrol::Enrolment;
pub use error::LinkError;
pub use immediate_forward::{
    ForwardedApplication, IMMEDIATE_FORWARD_PORT, ImmediateForwardConfig, ImmediateForwardError,
    ImmediateForwardMessage, ImmediateForwardRadio, TxChannel, TxMode,
};
pub use issuer::{Issuer, NodeCertificate};
pub use join::{JoinToken, NewIdentity, finish_writing, join, renew};
pub use listener::{AckToken, FromNode, LinkInfo, ListenerConfig, NodeLinks, NodeListener};
pub use log_source::LogSource;
pub use message_authority::{MessagePlan, load_pseudonym_authority, load_signer, load_trust, node_certificate, revoke};
pub use neighbours::{NeighbourLinkConfig, NeighbourLinks};
pub use outbox::{MAX_BYTES_IN_FLIGHT, MAX_IN_FLIGHT, Outbox};
pub use pc5::{MAX_FRAME_BYTES, MulticastConfig, MulticastRadio, Radio, RadioFrame, ReceivedFrame, RecvFuture};
pub use role::{Role, RoleError};
pub use socket::dropped_by_system;
pub use transport::{ALPN_JOIN, ALPN_NODE, ALPN_PEER, ALPN_UU};
pub use uplink::{RecordKey, RecordSender, Uplink, UplinkConfig, UplinkStats};
pub use uu_client::{UuClient, UuMessage, UuSocket};
pub use uu_server::{UuServer, UuServerConfig};
pub use verify::{FastVerifier, VerifyPool};

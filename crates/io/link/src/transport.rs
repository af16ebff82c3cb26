//! QUIC settings, and why they are what they are.

use crate::{Credentials, LinkError};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{AckFrequencyConfig, ClientConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use std::sync::Arc;
use std::time::Duration;

/// The application protocol between node and cloud.
pub const ALPN_NODE: &[u8] = b"jxz-node/1";
/// The application protocol between vehicle and node.
pub const ALPN_UU: &[u8] = b"jxz-uu/1";

/// The application protocol between neighbouring nodes.
pub const ALPN_PEER: &[u8] = b"jxz-peer/1";

/// The application protocol by which a node gets its certificate from the cloud.
pub const ALPN_JOIN: &[u8] = b"jxz-join/1";

/// Streams that a peer may have open at once.
pub(crate) const MAX_STREAMS: u32 = 64;
/// How long a peer may take over the handshake, the hello or one stream.
pub(crate) const PEER_TIMEOUT: Duration = Duration::from_secs(5);
/// Packets that the server may take in before it acknowledges them at once; after 25 ms it does so anyway.
const ACK_EVERY: u32 = 8;
/// A state of fifty road users is 5.6 KB: it leaves as a whole, in one system call, and no second one waits behind it.
const STATE_BUFFER: usize = 8 * 1024;
const IDLE_MS: u32 = 5_000;
const KEEP_ALIVE: Duration = Duration::from_secs(1);

fn transport() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        // The default of 1 MiB let datagrams grow 1.6 s old in the buffer at 5 % loss; 4 KiB keeps them near 10 ms.
        .datagram_send_buffer_size(4 * 1024)
        .datagram_receive_buffer_size(Some(256 * 1024))
        // Stream limits of 10,000 cost 1.1 MiB a connection.
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(MAX_STREAMS))
        // The default of 333 ms makes the 99th percentile of the handshake 1 s at 5 % loss; this makes it 0.2 s.
        .initial_rtt(Duration::from_millis(50))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MS))))
        .stream_receive_window(VarInt::from_u32(512 * 1024))
        .receive_window(VarInt::from_u32(4 * 1024 * 1024))
        .send_window(4 * 1024 * 1024);
    config
}

pub(crate) fn server(credentials: &Credentials, alpn: &[u8]) -> Result<ServerConfig, LinkError> {
    let crypto = QuicServerConfig::try_from(credentials.server_config(alpn)?)
        .map_err(|error| LinkError::Tls(error.to_string()))?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

/// A server that newcomers without a certificate reach too, each by its own protocol.
pub(crate) fn open_server(credentials: &Credentials, alpns: &[&[u8]]) -> Result<ServerConfig, LinkError> {
    let crypto = QuicServerConfig::try_from(credentials.open_server_config(alpns)?)
        .map_err(|error| LinkError::Tls(error.to_string()))?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

pub(crate) fn client(credentials: &Credentials, alpn: &[u8]) -> Result<ClientConfig, LinkError> {
    client_of(credentials.client_config(alpn)?)
}

pub(crate) fn client_of(tls: rustls::ClientConfig) -> Result<ClientConfig, LinkError> {
    let crypto = QuicClientConfig::try_from(tls).map_err(|error| LinkError::Tls(error.to_string()))?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = transport();
    // A state is a burst of datagrams ten times a second, none of which is ever sent again: one acknowledgement a burst
    // is enough, where two packets each would have one. Halves what a thousand nodes get from the cloud.
    let mut acknowledge = AckFrequencyConfig::default();
    acknowledge.ack_eliciting_threshold(VarInt::from_u32(ACK_EVERY));
    transport.ack_frequency_config(Some(acknowledge)).datagram_send_buffer_size(STATE_BUFFER);
    config.transport_config(Arc::new(transport));
    Ok(config)
}

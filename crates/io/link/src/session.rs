//! The hello that opens every connection, on both sides.

use crate::clock::utc_now;
use crate::transport::PEER_TIMEOUT;
use crate::{LinkError, Role};
use bytes::Bytes;
use jxz_wire::{MAX_CONTROL_BYTES, decode_welcome, encode_welcome};
use quinn::{Connection, Endpoint, Incoming, SendStream, VarInt};
use rustls_pki_types::CertificateDer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::time::timeout;

/// Reasons on which a connection is closed, as QUIC application error codes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Close {
    /// The side that closes is going down.
    GoingDown = 0,
    /// The peer's certificate is not of the role that this protocol is for, or not whom it claims to be.
    Identity = 1,
    /// No hello in time, or not one.
    Hello = 2,
    /// The same peer has connected anew.
    Replaced = 3,
    /// Too slow for what it subscribed to.
    Slow = 4,
    /// A stream broke off, so that the order of what follows is not known.
    Broken = 5,
    /// The peer's certificate is revoked.
    Revoked = 6,
    /// The peer's certificate has expired since the connection began.
    Expired = 7,
}

pub(crate) fn close(connection: &Connection, why: Close, reason: &str) {
    connection.close(VarInt::from_u32(why as u32), reason.as_bytes());
}

/// A peer that has shown its certificate and said hello, and waits to be welcomed.
pub(crate) struct Guest {
    pub(crate) connection: Connection,
    pub(crate) role: Role,
    pub(crate) hello: Vec<u8>,
    reply: SendStream,
}

/// Sees one incoming connection through handshake and hello. `None`: it failed, and was closed if there was anything
/// to close.
pub(crate) async fn receive(incoming: Incoming) -> Option<Guest> {
    greet(handshake(incoming).await?).await
}

/// Sees one incoming connection through the handshake.
pub(crate) async fn handshake(incoming: Incoming) -> Option<Connection> {
    let remote = incoming.remote_address();
    match timeout(PEER_TIMEOUT, incoming).await {
        Ok(Ok(connection)) => return Some(connection),
        Ok(Err(error)) => tracing::info!(%remote, %error, "handshake failed"),
        Err(_) => tracing::info!(%remote, "handshake took too long"),
    }
    None
}

/// Sees a connection whose handshake is done through the hello.
pub(crate) async fn greet(connection: Connection) -> Option<Guest> {
    let remote = connection.remote_address();
    let role = match peer_role(&connection) {
        Ok(role) => role,
        Err(reason) => {
            tracing::warn!(%remote, reason, "refused: no identity");
            close(&connection, Close::Identity, &reason);
            return None;
        }
    };
    let hello = timeout(PEER_TIMEOUT, async {
        let (reply, mut recv) = connection.accept_bi().await.map_err(|error| error.to_string())?;
        let hello = recv.read_to_end(MAX_CONTROL_BYTES).await.map_err(|error| error.to_string())?;
        Ok::<_, String>((reply, hello))
    });
    match hello.await.unwrap_or_else(|_| Err("took too long".to_owned())) {
        Ok((reply, hello)) => Some(Guest { connection, role, hello, reply }),
        Err(reason) => {
            tracing::info!(%remote, %role, reason, "no hello");
            close(&connection, Close::Hello, &format!("no hello: {reason}"));
            None
        }
    }
}

impl Guest {
    /// Lets it in.
    pub(crate) async fn welcome(mut self) -> Option<Connection> {
        let welcome = async {
            self.reply.write_all(&encode_welcome(utc_now())).await.ok()?;
            self.reply.finish().ok()
        };
        timeout(PEER_TIMEOUT, welcome).await.ok()??;
        Some(self.connection)
    }

    /// Turns it away.
    pub(crate) fn refuse(self, why: Close, reason: &str) {
        let remote = self.connection.remote_address();
        tracing::warn!(%remote, role = %self.role, reason, "refused");
        close(&self.connection, why, reason);
    }
}

/// The certificate that a peer has shown.
pub(crate) fn peer_certificate(connection: &Connection) -> Result<CertificateDer<'static>, String> {
    let identity = connection.peer_identity().ok_or("no certificate")?;
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().map_err(|_| "not an X.509 certificate")?;
    chain.first().cloned().ok_or_else(|| "an empty certificate chain".to_owned())
}

pub(crate) fn peer_role(connection: &Connection) -> Result<Role, String> {
    Role::of_certificate(&peer_certificate(connection)?).map_err(|error| error.to_string())
}

/// Connects, checks that the peer is `expected`, says hello, and waits to be welcomed.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    config: quinn::ClientConfig,
    address: SocketAddr,
    server_name: &str,
    expected: &Role,
    hello: Bytes,
) -> Result<Connection, LinkError> {
    let failed = |reason: String| LinkError::Connect { peer: format!("{server_name} at {address}"), reason };
    let attempt = async {
        let connection = endpoint
            .connect_with(config, address, server_name)
            .map_err(|error| error.to_string())?
            .await
            .map_err(|error| error.to_string())?;
        let role = peer_role(&connection)?;
        if role != *expected {
            let reason = format!("it is {role}, not {expected}");
            close(&connection, Close::Identity, &reason);
            return Err(reason);
        }
        let (mut send, mut recv) = connection.open_bi().await.map_err(|error| error.to_string())?;
        send.write_all(&hello).await.map_err(|error| error.to_string())?;
        send.finish().map_err(|error| error.to_string())?;
        let welcome = recv.read_to_end(MAX_CONTROL_BYTES).await.map_err(|error| match connection.close_reason() {
            Some(reason) => reason.to_string(),
            None => error.to_string(),
        })?;
        decode_welcome(&welcome).map_err(|error| error.to_string())?;
        Ok(connection)
    };
    timeout(PEER_TIMEOUT, attempt).await.map_err(|_| failed("no answer".to_owned()))?.map_err(failed)
}

/// A client's endpoint of the same family as the address that it will connect to.
pub(crate) fn client_endpoint(address: SocketAddr) -> Result<Endpoint, LinkError> {
    let any = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    Endpoint::client(SocketAddr::new(any, 0))
        .map_err(|source| LinkError::Socket { action: "open a UDP socket".to_owned(), source })
}

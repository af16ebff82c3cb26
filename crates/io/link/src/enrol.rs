//! Joining and renewing, the cloud's side: hears a request and hands it to whoever decides.

use crate::listener::Shared;
use crate::session::{Close, close, peer_certificate};
use crate::transport::PEER_TIMEOUT;
use crate::{ALPN_JOIN, CertificateId, Role};
use jxz_wire::{Issued, MAX_JOIN_BYTES, SECRET_BYTES, decode_join, encode_join_reply};
use jxz_world::{DropCause, SiteId};
use quinn::Connection;
use quinn::crypto::rustls::HandshakeData;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Newcomers served at once; more are turned away: each is a stranger until its secret has been looked at.
pub(crate) const MAX_AT_ONCE: usize = 16;
/// How long the decision may take: a signature and a transaction.
const DECIDE_TIMEOUT: Duration = Duration::from_secs(10);

/// A node asks for a certificate. Dropped without an answer, it is refused.
#[derive(Debug)]
pub struct Enrolment {
    /// Which site it says it is for; for a renewal TLS has made sure of it.
    pub site: SiteId,
    /// The secret of its token; `None` for a renewal.
    pub secret: Option<[u8; SECRET_BYTES]>,
    /// The certificate that it showed; there for a renewal.
    pub shown: Option<CertificateId>,
    /// PKCS #10, DER.
    pub request: Vec<u8>,
    /// From where.
    pub remote: SocketAddr,
    answer: oneshot::Sender<Result<Issued, String>>,
}

impl Enrolment {
    /// Gives the certificate, or says why there is none.
    pub fn answer(self, verdict: Result<Issued, String>) {
        // If the node has gone, it has to ask again.
        let _ = self.answer.send(verdict);
    }
}

/// Whether a connection speaks the newcomers' protocol.
pub(crate) fn is_newcomer(connection: &Connection) -> bool {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    data.is_some_and(|data| data.protocol.as_deref() == Some(ALPN_JOIN))
}

/// Serves one newcomer.
pub(crate) async fn serve(connection: Connection, shared: &Shared) {
    let remote = connection.remote_address();
    let Ok(_place) = shared.newcomers.try_acquire() else {
        shared.count(DropCause::PeerRefused);
        tracing::warn!(%remote, "refused a newcomer: too many at once");
        return close(&connection, Close::Slow, "too many at once: try again");
    };
    let heard = timeout(PEER_TIMEOUT, async {
        let (send, mut recv) = connection.accept_bi().await.map_err(|error| error.to_string())?;
        let bytes = recv.read_to_end(MAX_JOIN_BYTES).await.map_err(|error| error.to_string())?;
        Ok::<_, String>((send, bytes))
    });
    let (mut send, bytes) = match heard.await.unwrap_or_else(|_| Err("it took too long".to_owned())) {
        Ok(heard) => heard,
        Err(reason) => {
            shared.count(DropCause::PeerGarbage);
            tracing::warn!(%remote, reason, "refused a newcomer: no request");
            return close(&connection, Close::Hello, &format!("no request: {reason}"));
        }
    };
    let verdict = decide(&connection, &bytes, shared).await;
    if let Err(reason) = &verdict {
        shared.count(DropCause::PeerRefused);
        tracing::warn!(%remote, reason, "refused a certificate");
    }
    let replied = timeout(PEER_TIMEOUT, async {
        send.write_all(&encode_join_reply(&verdict)).await.ok()?;
        send.finish().ok()?;
        // The newcomer closes when it has the answer.
        connection.closed().await;
        Some(())
    });
    let _ = replied.await;
    close(&connection, Close::GoingDown, "answered");
}

async fn decide(connection: &Connection, bytes: &[u8], shared: &Shared) -> Result<Issued, String> {
    let request = decode_join(bytes).map_err(|error| error.to_string())?;
    let shown = match request.secret {
        Some(_) => None,
        None => Some(renewing(connection, &request.site, shared)?),
    };
    let enrolments = shared.enrolments.as_ref().ok_or("this cloud issues no certificates")?;
    let (answer, answered) = oneshot::channel();
    let enrolment = Enrolment {
        site: request.site,
        secret: request.secret,
        shown,
        request: request.request,
        remote: connection.remote_address(),
        answer,
    };
    enrolments.try_send(enrolment).map_err(|_| "too many at once: try again".to_owned())?;
    match timeout(DECIDE_TIMEOUT, answered).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) | Err(_) => Err("the cloud could not decide: try again".to_owned()),
    }
}

/// The certificate that a node shows which asks for its next.
fn renewing(connection: &Connection, site: &SiteId, shared: &Shared) -> Result<CertificateId, String> {
    let certificate =
        peer_certificate(connection).map_err(|reason| format!("to renew, show what you have: {reason}"))?;
    let role = Role::of_certificate(&certificate).map_err(|error| error.to_string())?;
    if role != Role::Node(site.clone()) {
        return Err(format!("{role} cannot renew the certificate of node {site}"));
    }
    let shown = CertificateId::of(&certificate).map_err(|error| error.to_string())?;
    if shared.admits(site, &shown.serial) { Ok(shown) } else { Err("the certificate is revoked".to_owned()) }
}

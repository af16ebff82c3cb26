//! The cloud's words to a node: one stream each, opened by the cloud. A word that is lost with its connection is not said
//! again: the next one is due before it would have ended.

use crate::transport::PEER_TIMEOUT;
use jxz_wire::{MAX_CONTROL_BYTES, decode_congestion, encode_congestion};
use jxz_world::CongestionReport;
use quinn::{Connection, RecvStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The cloud's side.
pub(crate) async fn say(connection: &Connection, report: &CongestionReport) -> Result<(), String> {
    let exchange = async {
        let mut send = connection.open_uni().await.map_err(|error| error.to_string())?;
        send.write_all(&encode_congestion(report)).await.map_err(|error| error.to_string())?;
        send.finish().map_err(|error| error.to_string())?;
        // Until the node has all of it.
        send.stopped().await.map_err(|error| error.to_string())?;
        Ok(())
    };
    timeout(PEER_TIMEOUT, exchange).await.unwrap_or_else(|_| Err("it was not taken in time".to_owned()))
}

/// The node's side: hands on one word after the other; returns only when the connection has ended, with the reason.
/// `not_taken` hears of those that cannot be read, or for which there is no room.
pub(crate) async fn take(
    connection: &Connection,
    to: Option<&mpsc::Sender<CongestionReport>>,
    not_taken: impl Fn(),
) -> String {
    let Some(to) = to else { return std::future::pending().await };
    loop {
        let mut stream = match connection.accept_uni().await {
            Ok(stream) => stream,
            Err(error) => return error.to_string(),
        };
        let taken =
            read(&mut stream).await.and_then(|report| to.try_send(report).map_err(|error| format!("no room: {error}")));
        if let Err(reason) = taken {
            tracing::warn!(reason, "a word of the cloud was not taken");
            not_taken();
        }
    }
}

async fn read(stream: &mut RecvStream) -> Result<CongestionReport, String> {
    let bytes = timeout(PEER_TIMEOUT, stream.read_to_end(MAX_CONTROL_BYTES))
        .await
        .map_err(|_| "it took too long".to_owned())?
        .map_err(|error| error.to_string())?;
    decode_congestion(&bytes).map_err(|error| error.to_string())
}

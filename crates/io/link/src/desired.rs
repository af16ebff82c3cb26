//! What the cloud wants a node to run: one stream a configuration, opened by the cloud.

use crate::transport::PEER_TIMEOUT;
use jxz_wire::{
    Desired, DesiredReply, MAX_CONTROL_BYTES, MAX_DESIRED_BYTES, Outcome, decode_desired, decode_desired_reply,
    encode_desired, encode_desired_reply,
};
use quinn::{Connection, RecvStream, SendStream};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long a node may take to check a configuration and to have it on disk.
const TAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A configuration that the cloud wants the node to run, and the duty to answer. Dropped without an answer, the cloud
/// says it again.
#[derive(Debug)]
pub struct Assignment {
    /// What to run.
    pub desired: Desired,
    answer: oneshot::Sender<Outcome>,
}

impl Assignment {
    /// Tells the cloud what became of it.
    pub fn answer(self, outcome: Outcome) {
        // If the connection has gone, the cloud says it again on the next one.
        let _ = self.answer.send(outcome);
    }
}

/// The cloud's side: says it and waits for the answer.
pub(crate) async fn ask(connection: &Connection, desired: &Desired) -> Result<DesiredReply, String> {
    let exchange = async {
        let (mut send, mut recv) = connection.open_bi().await.map_err(|error| error.to_string())?;
        send.write_all(&encode_desired(desired)).await.map_err(|error| error.to_string())?;
        send.finish().map_err(|error| error.to_string())?;
        let reply = recv.read_to_end(MAX_CONTROL_BYTES).await.map_err(|error| error.to_string())?;
        let reply = decode_desired_reply(&reply).map_err(|error| error.to_string())?;
        if reply.revision == desired.revision {
            Ok(reply)
        } else {
            Err(format!("it answers for revision {}, not for {}", reply.revision, desired.revision))
        }
    };
    timeout(PEER_TIMEOUT + TAKE_TIMEOUT, exchange).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// The node's side: takes one configuration after the other; returns only when the connection has ended, with the
/// reason. Without anyone to take them it waits for ever, and the limit on streams holds the cloud back.
pub(crate) async fn take(connection: &Connection, to: Option<&mpsc::Sender<Assignment>>) -> String {
    let Some(to) = to else { return std::future::pending().await };
    loop {
        match connection.accept_bi().await {
            Ok((send, recv)) => {
                if let Err(reason) = take_one(send, recv, to).await {
                    tracing::warn!(reason, "a configuration of the cloud was not taken");
                }
            }
            Err(error) => return error.to_string(),
        }
    }
}

async fn take_one(mut send: SendStream, mut recv: RecvStream, to: &mpsc::Sender<Assignment>) -> Result<(), String> {
    // A stream that fails here is reset when dropped, and the cloud says it again.
    let bytes = timeout(PEER_TIMEOUT, recv.read_to_end(MAX_DESIRED_BYTES))
        .await
        .map_err(|_| "it took too long".to_owned())?
        .map_err(|error| error.to_string())?;
    let desired = decode_desired(&bytes).map_err(|error| error.to_string())?;
    let revision = desired.revision;
    let (answer, answered) = oneshot::channel();
    let outcome = timeout(TAKE_TIMEOUT, async {
        to.send(Assignment { desired, answer }).await.ok()?;
        answered.await.ok()
    });
    let outcome = outcome.await.ok().flatten().ok_or("the node did not say what became of it")?;
    let reply = encode_desired_reply(&DesiredReply { revision, outcome });
    send.write_all(&reply).await.map_err(|error| error.to_string())?;
    send.finish().map_err(|error| error.to_string())
}

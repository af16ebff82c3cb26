//! What the cloud asks of a node: one stream a configuration to be run, or a look at its log, opened by the cloud.

use crate::log_source::LogSource;
use crate::transport::PEER_TIMEOUT;
use bytes::Bytes;
use jxz_wire::{
    Ask, Desired, DesiredReply, LogLines, LogRequest, MAX_CONTROL_BYTES, MAX_DESIRED_BYTES, MAX_LOG_BYTES, Outcome,
    decode_ask, decode_desired_reply, decode_log_lines, encode_desired, encode_desired_reply, encode_log_lines,
    encode_log_request,
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
    let reply = exchange(connection, encode_desired(desired), MAX_CONTROL_BYTES).await?;
    let reply = decode_desired_reply(&reply).map_err(|error| error.to_string())?;
    if reply.revision == desired.revision {
        Ok(reply)
    } else {
        Err(format!("it answers for revision {}, not for {}", reply.revision, desired.revision))
    }
}

/// The cloud's side: asks for lines of the log.
pub(crate) async fn read_log(connection: &Connection, request: &LogRequest) -> Result<LogLines, String> {
    let answer = exchange(connection, encode_log_request(request), MAX_LOG_BYTES).await?;
    decode_log_lines(&answer).map_err(|error| error.to_string())
}

async fn exchange(connection: &Connection, asked: Bytes, most: usize) -> Result<Vec<u8>, String> {
    let exchange = async {
        let (mut send, mut recv) = connection.open_bi().await.map_err(|error| error.to_string())?;
        send.write_all(&asked).await.map_err(|error| error.to_string())?;
        send.finish().map_err(|error| error.to_string())?;
        recv.read_to_end(most).await.map_err(|error| error.to_string())
    };
    timeout(PEER_TIMEOUT + TAKE_TIMEOUT, exchange).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// The node's side: answers one stream after the other; returns only when the connection has ended, with the reason.
/// Without anyone to answer it waits for ever, and the limit on streams holds the cloud back.
pub(crate) async fn take(
    connection: &Connection,
    to: Option<&mpsc::Sender<Assignment>>,
    log: Option<&LogSource>,
) -> String {
    if to.is_none() && log.is_none() {
        return std::future::pending().await;
    }
    loop {
        match connection.accept_bi().await {
            Ok((send, recv)) => {
                if let Err(reason) = take_one(send, recv, to, log).await {
                    tracing::warn!(reason, "what the cloud asked was not answered");
                }
            }
            Err(error) => return error.to_string(),
        }
    }
}

async fn take_one(
    send: SendStream,
    mut recv: RecvStream,
    to: Option<&mpsc::Sender<Assignment>>,
    log: Option<&LogSource>,
) -> Result<(), String> {
    // A stream that fails here is reset when dropped, and the cloud says it again.
    let bytes = timeout(PEER_TIMEOUT, recv.read_to_end(MAX_DESIRED_BYTES))
        .await
        .map_err(|_| "it took too long".to_owned())?
        .map_err(|error| error.to_string())?;
    let reply = match decode_ask(&bytes).map_err(|error| error.to_string())? {
        Ask::Run(desired) => run(desired, to.ok_or("nobody takes configurations")?).await?,
        Ask::Log(request) => encode_log_lines(&log.ok_or("nobody reads the log")?.read(&request)),
    };
    timeout(PEER_TIMEOUT, answer(send, &reply)).await.map_err(|_| "the answer was not taken in time".to_owned())?
}

/// Hands a configuration on; the answer.
async fn run(desired: Desired, to: &mpsc::Sender<Assignment>) -> Result<Bytes, String> {
    let revision = desired.revision;
    let (answer, answered) = oneshot::channel();
    let outcome = timeout(TAKE_TIMEOUT, async {
        to.send(Assignment { desired, answer }).await.ok()?;
        answered.await.ok()
    });
    let outcome = outcome.await.ok().flatten().ok_or("the node did not say what became of it")?;
    Ok(encode_desired_reply(&DesiredReply { revision, outcome }))
}

async fn answer(mut send: SendStream, reply: &[u8]) -> Result<(), String> {
    send.write_all(reply).await.map_err(|error| error.to_string())?;
    send.finish().map_err(|error| error.to_string())
}

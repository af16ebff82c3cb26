//! Our messages over TCP: each as a `SensorDatagram`, after its length in four bytes, the highest first.

use super::AdapterError;
use crate::listener::Feed;
use jxz_wire::MAX_SENSOR_BYTES;
use jxz_world::DropCause;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

const PREFIX: usize = size_of::<u32>();
/// Who sends nothing for so long is cut off: a sensor scans several times a second, a controller reports every second.
const SILENCE: Duration = Duration::from_secs(10);

/// Where sensors connect to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// TCP address; loopback or the cabinet's own network.
    pub listen: SocketAddr,
    /// Most connections at once; whoever comes beyond is turned away, and the log says so.
    #[serde(default = "connections")]
    pub max_connections: usize,
}

const fn connections() -> usize {
    16
}

/// A length that no message may have. What follows it cannot be told apart, so the connection is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes, not 1 to {MAX_SENSOR_BYTES}")]
pub struct OversizeFrame(pub u32);

/// Cuts a stream into messages. Holds no more than one message and what was put in last.
#[derive(Debug, Default)]
pub struct FrameSplitter {
    buffer: Vec<u8>,
    at: usize,
}

impl FrameSplitter {
    /// What came in next.
    pub fn put(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, without its length. `None`: more must come in first.
    ///
    /// # Errors
    /// A length of nothing or of more than [`MAX_SENSOR_BYTES`].
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, OversizeFrame> {
        let Some((prefix, rest)) = self.buffer[self.at..].split_first_chunk::<PREFIX>() else { return Ok(None) };
        let said = u32::from_be_bytes(*prefix);
        let length = usize::try_from(said).unwrap_or(usize::MAX);
        if length == 0 || length > MAX_SENSOR_BYTES {
            return Err(OversizeFrame(said));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        self.at += PREFIX + length;
        Ok(Some(frame))
    }
}

pub(super) fn open(settings: &StreamSettings) -> Result<TcpListener, AdapterError> {
    let failed = |source| AdapterError::Listen { address: settings.listen, source };
    let listening = std::net::TcpListener::bind(settings.listen).map_err(failed)?;
    listening.set_nonblocking(true).map_err(failed)?;
    TcpListener::from_std(listening).map_err(failed)
}

pub(super) async fn serve(listening: TcpListener, max_connections: usize, feed: Feed) {
    let slots = Arc::new(Semaphore::new(max_connections));
    let mut connections = JoinSet::new();
    loop {
        match listening.accept().await {
            Ok((stream, peer)) => {
                while connections.try_join_next().is_some() {}
                let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                    tracing::warn!(%peer, max_connections, "a sensor too many is turned away");
                    continue;
                };
                let feed = feed.clone();
                connections.spawn(async move {
                    tracing::info!(%peer, "a sensor connected");
                    let why = read(stream, &feed).await;
                    tracing::info!(%peer, why, "a sensor's connection ended");
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept a sensor's connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Reads until the connection ends; says why it did.
async fn read(mut stream: TcpStream, feed: &Feed) -> &'static str {
    let mut splitter = FrameSplitter::default();
    let mut chunk = vec![0_u8; MAX_SENSOR_BYTES];
    // A message must be whole in this time; bytes alone keep nobody connected.
    let mut due = tokio::time::Instant::now() + SILENCE;
    loop {
        let read =
            match timeout(due.saturating_duration_since(tokio::time::Instant::now()), stream.read(&mut chunk)).await {
                Ok(Ok(0)) => return "the sensor closed it",
                Ok(Ok(read)) => read,
                Ok(Err(_)) => return "it broke",
                Err(_) => return "no message for too long",
            };
        splitter.put(&chunk[..read]);
        loop {
            match splitter.next_frame() {
                Ok(Some(frame)) => {
                    due = tokio::time::Instant::now() + SILENCE;
                    if !feed.datagram(frame) {
                        return "the node stops";
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    feed.drop_one(DropCause::SensorOversize);
                    return "a length that no message has";
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        [&u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
    }

    #[test]
    fn messages_come_out_whole_however_the_stream_is_cut() {
        let messages: [&[u8]; 3] = [b"one", &[7; MAX_SENSOR_BYTES], b"three"];
        let stream: Vec<u8> = messages.iter().flat_map(|m| framed(m)).collect();
        for cut in [1, 2, 3, 5, 7, 1000, stream.len()] {
            let mut splitter = FrameSplitter::default();
            let mut out: Vec<Vec<u8>> = Vec::new();
            for part in stream.chunks(cut) {
                splitter.put(part);
                while let Some(frame) = splitter.next_frame().unwrap() {
                    out.push(frame.to_vec());
                }
            }
            assert_eq!(out, messages, "cut into {cut}");
        }
    }

    #[test]
    fn a_length_of_nothing_or_too_much_is_refused_before_it_is_waited_for() {
        for length in [0, MAX_SENSOR_BYTES as u32 + 1, u32::MAX] {
            let mut splitter = FrameSplitter::default();
            splitter.put(&length.to_be_bytes());
            assert_eq!(splitter.next_frame(), Err(OversizeFrame(length)));
        }
    }
}

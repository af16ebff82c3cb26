//! Consoles: they take frames as a browser does, and tell from the headings how old what they are shown is.

use super::fleet::TURN_S;
use anyhow::Context;
use futures_util::StreamExt;
use hdrhistogram::Histogram;
use jxz_wire::console::v1::{Frame, frame::Body};
use prost::Message as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Largest frame taken, bytes: 50,000 road users are some 2 MB.
const MAX_FRAME: usize = 64 << 20;
/// Headings of a frame are in tenths of a degree, 3600 of them a turn.
const HEADINGS: f64 = 3600.0;

/// What consoles were shown since they were last asked.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// Ages of road users when the frame had come, milliseconds.
    pub(super) age_ms: Histogram<u64>,
}

impl Seen {
    fn new() -> anyhow::Result<Self> {
        let age_ms = Histogram::new_with_bounds(1, 10_000, 3).context("cannot make a histogram")?;
        Ok(Self { frames: 0, bytes: 0, age_ms })
    }
}

pub(super) struct Viewers {
    seen: Arc<Mutex<Seen>>,
    empty: Seen,
    _tasks: JoinSet<()>,
}

impl Viewers {
    pub(super) async fn open(http: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let empty = Seen::new()?;
        let (seen, mut tasks) = (Arc::new(Mutex::new(empty.clone())), JoinSet::new());
        for _ in 0..count {
            let mut config = WebSocketConfig::default();
            (config.max_message_size, config.max_frame_size) = (Some(MAX_FRAME), Some(MAX_FRAME));
            let url = format!("ws://{http}/ws/v1");
            let (mut socket, _) = tokio_tungstenite::connect_async_with_config(&url, Some(config), false)
                .await
                .with_context(|| format!("cannot watch {url}"))?;
            let seen = Arc::clone(&seen);
            tasks.spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    if let Message::Binary(bytes) = message {
                        look(&seen, &bytes);
                    }
                }
            });
        }
        Ok(Self { seen, empty, _tasks: tasks })
    }

    /// What was shown since the last call.
    pub(super) fn take(&self) -> Seen {
        std::mem::replace(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner), self.empty.clone())
    }
}

fn look(seen: &Mutex<Seen>, bytes: &[u8]) {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let Ok(Frame { body: Some(Body::Update(update)), .. }) = Frame::decode(bytes) else { return };
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.frames += 1;
    seen.bytes += bytes.len() as u64;
    let headings = update.road_users.map(|users| users.heading_decideg).unwrap_or_default();
    for heading in headings {
        seen.age_ms.saturating_record(age_ms(now_s, heading));
    }
}

/// How old a heading is: road users of the load turn evenly, so it tells the time within the present turn.
fn age_ms(now_s: f64, heading_decideg: u32) -> u64 {
    let then_s = f64::from(heading_decideg) / HEADINGS * TURN_S;
    ((now_s - then_s).rem_euclid(TURN_S) * 1e3) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_tells_its_age() {
        // 1,800 tenths are half a turn, 3.6 s; a time of 1000 turns and 4 s later is 0.4 s after it.
        assert!((399..=400).contains(&age_ms(1000.0 * TURN_S + 4.0, 1800)));
        assert!((599..=600).contains(&age_ms(0.6, 0)));
    }
}

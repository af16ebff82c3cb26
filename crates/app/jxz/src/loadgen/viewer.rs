//! Consoles: they look at a part of the map over a WebSocket and apply what changes, as a browser does, and tell from the
//! headings how old what they are shown is.

use super::fleet::TURN_S;
use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use jxz_wire::RoadUserPicture;
use jxz_wire::console::v1::{Frame, FromConsole, Viewport};
use prost::Message as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Largest frame taken, bytes.
const MAX_FRAME: usize = 64 << 20;
/// Headings of a frame are in tenths of a degree, 3600 of them a turn.
const HEADINGS: f64 = 3600.0;

/// What consoles were shown since they were last asked.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// Frames that could not be applied.
    pub(super) refused: u64,
    /// Road users shown, added up over the frames.
    pub(super) shown: u64,
    /// Ages of road users when the frame had come and was applied, milliseconds.
    pub(super) age_ms: Histogram<u64>,
}

impl Seen {
    fn new() -> anyhow::Result<Self> {
        let age_ms = Histogram::new_with_bounds(1, 10_000, 3).context("cannot make a histogram")?;
        Ok(Self { frames: 0, bytes: 0, refused: 0, shown: 0, age_ms })
    }
}

pub(super) struct Viewers {
    seen: Arc<Mutex<Seen>>,
    empty: Seen,
    _tasks: JoinSet<()>,
}

impl Viewers {
    /// Opens so many consoles, all looking at one part of the map.
    pub(super) async fn open(http: SocketAddr, count: usize, viewport: Viewport) -> anyhow::Result<Self> {
        let empty = Seen::new()?;
        let (seen, mut tasks) = (Arc::new(Mutex::new(empty.clone())), JoinSet::new());
        for _ in 0..count {
            let mut config = WebSocketConfig::default();
            (config.max_message_size, config.max_frame_size) = (Some(MAX_FRAME), Some(MAX_FRAME));
            let url = format!("ws://{http}/ws/v1");
            let (socket, _) = tokio_tungstenite::connect_async_with_config(&url, Some(config), false)
                .await
                .with_context(|| format!("cannot watch {url}"))?;
            tasks.spawn(watch(socket, viewport, Arc::clone(&seen)));
        }
        Ok(Self { seen, empty, _tasks: tasks })
    }

    /// What was shown since the last call.
    pub(super) fn take(&self) -> Seen {
        std::mem::replace(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner), self.empty.clone())
    }
}

/// Watches until the cloud ends it.
async fn watch(mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>, viewport: Viewport, seen: Arc<Mutex<Seen>>) {
    let mut picture = RoadUserPicture::default();
    let mut say = FromConsole { viewport: Some(viewport), ..FromConsole::default() };
    loop {
        if socket.send(Message::Binary(say.encode_to_vec().into())).await.is_err() {
            return;
        }
        let bytes = loop {
            match socket.next().await {
                Some(Ok(Message::Binary(bytes))) => break bytes,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            }
        };
        say = look(&seen, &mut picture, &bytes);
    }
}

/// Takes a frame; returns what is to be said to it.
fn look(seen: &Mutex<Seen>, picture: &mut RoadUserPicture, bytes: &[u8]) -> FromConsole {
    let applied = Frame::decode(bytes).is_ok_and(|frame| picture.take(&frame).is_ok());
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.bytes += bytes.len() as u64;
    if !applied {
        seen.refused += 1;
        return FromConsole { whole: true, ..FromConsole::default() };
    }
    seen.frames += 1;
    for user in picture.road_users() {
        seen.shown += 1;
        seen.age_ms.saturating_record(age_ms(now_s, user.heading_decideg[0]));
    }
    FromConsole { taken: picture.number(), ..FromConsole::default() }
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

    #[test]
    fn a_frame_that_is_none_is_refused_and_a_whole_one_asked_for() {
        let (seen, mut picture) = (Mutex::new(Seen::new().unwrap()), RoadUserPicture::default());
        assert!(look(&seen, &mut picture, &[7, 7, 7]).whole);
        let seen = seen.into_inner().unwrap();
        assert_eq!((seen.refused, seen.frames), (1, 0));
    }
}

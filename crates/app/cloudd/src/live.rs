//! The WebSocket of the console: one binary frame at most ten times a second.
//!
//! A frame is encoded once for all consoles. A console that does not keep up is never sent a backlog: when it has
//! taken one frame, it gets the newest, and those between are counted.

use crate::brain::Moment;
use crate::frame;
use crate::http::Shared;
use crate::stats::Stats;
use crate::stop::Stop;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jxz_geo::LocalFrame;
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// A console that has not taken a frame for so long is given up.
const STALLED: Duration = Duration::from_secs(10);
/// Consoles have nothing long to say, bytes.
const MAX_FROM_CONSOLE: usize = 4096;
/// More than one whole frame never waits in a socket's buffer, bytes.
const MAX_BUFFERED: usize = 16 << 20;

/// An encoded frame and the number of its moment; number 0 is none yet.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    number: u64,
    bytes: Bytes,
}

/// Encodes each moment while there is a console.
pub(crate) async fn encode_frames(
    mut moments: watch::Receiver<Arc<Moment>>,
    frames: watch::Sender<Arc<Frame>>,
    geo: LocalFrame,
    stats: Arc<Stats>,
) {
    while moments.changed().await.is_ok() {
        if stats.consoles.load(Relaxed) == 0 {
            continue;
        }
        let moment = Arc::clone(&moments.borrow_and_update());
        let bytes = frame::frame(&moment, &geo).encode_to_vec().into();
        frames.send_replace(Arc::new(Frame { number: moment.number, bytes }));
    }
}

/// `/ws/v1`.
pub(crate) async fn upgrade(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(slot) = Arc::clone(&shared.slots).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many consoles\n").into_response();
    };
    let upgrade = upgrade
        .max_message_size(MAX_FROM_CONSOLE)
        .max_frame_size(MAX_FROM_CONSOLE)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_BUFFERED);
    upgrade.on_upgrade(async move |socket| {
        let _slot = slot;
        shared.stats.consoles.fetch_add(1, Relaxed);
        serve(socket, shared.frames, shared.stop, &shared.stats).await;
        shared.stats.consoles.fetch_sub(1, Relaxed);
    })
}

async fn serve(mut socket: WebSocket, mut frames: watch::Receiver<Arc<Frame>>, mut stop: Stop, stats: &Stats) {
    // What was encoded for an earlier console may be old by now.
    frames.mark_unchanged();
    let mut last = None;
    loop {
        tokio::select! {
            changed = frames.changed() => {
                if changed.is_err() {
                    break;
                }
                let frame = Arc::clone(&frames.borrow_and_update());
                let skipped = last.map_or(0, |last| frame.number.saturating_sub(last + 1));
                stats.frames_skipped.fetch_add(skipped, Relaxed);
                last = Some(frame.number);
                let sent = timeout(STALLED, socket.send(Message::Binary(frame.bytes.clone()))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            // Consoles say nothing; reading answers pings and notices the end.
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            () = stop.told() => break,
        }
    }
    let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(None))).await;
}

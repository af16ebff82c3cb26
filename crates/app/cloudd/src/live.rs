//! The WebSocket of the console: one binary frame at most ten times a second.
//!
//! A frame is encoded once for all consoles. A console that does not keep up is never sent a backlog: when it has
//! taken one frame, it gets the newest, and those between are counted.

use crate::access::Ticket;
use crate::brain::Moment;
use crate::frame;
use crate::http::Shared;
use crate::stats::Stats;
use crate::stop::Stop;
use crate::truth::Truths;
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use jxz_geo::LocalFrame;
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// A console that has not taken a frame for so long is given up.
const STALLED: Duration = Duration::from_secs(10);
/// The code with which a console's connection is closed when its session ends.
const SESSION_ENDED: u16 = 4401;
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
    truths: Option<Arc<Truths>>,
) {
    while moments.changed().await.is_ok() {
        if stats.consoles.load(Relaxed) == 0 {
            continue;
        }
        let moment = Arc::clone(&moments.borrow_and_update());
        let truth = truths.as_ref().map(|truths| truths.beside(&moment));
        let bytes = frame::frame(&moment, &geo, truth).encode_to_vec().into();
        frames.send_replace(Arc::new(Frame { number: moment.number, bytes }));
    }
}

/// `/ws/v1`.
pub(crate) async fn upgrade(
    State(shared): State<Shared>,
    Extension(ticket): Extension<Ticket>,
    upgrade: WebSocketUpgrade,
) -> Response {
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
        let over = shared.access.ended(ticket);
        serve(socket, shared.frames, shared.stop, over, &shared.stats).await;
        shared.stats.consoles.fetch_sub(1, Relaxed);
    })
}

/// Sends frames as fast as the console takes them, the newest each time; ends with the console, its session or the
/// daemon.
async fn serve<C, E>(
    mut console: C,
    mut frames: watch::Receiver<Arc<Frame>>,
    mut stop: Stop,
    over: impl Future<Output = ()>,
    stats: &Stats,
) where
    C: Sink<Message> + Stream<Item = Result<Message, E>> + Unpin,
{
    // What was encoded for an earlier console may be old by now.
    frames.mark_unchanged();
    let mut over = std::pin::pin!(over);
    let mut last = None;
    let mut why = None;
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
                let sent = timeout(STALLED, console.send(Message::Binary(frame.bytes.clone()))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            // Consoles say nothing; reading answers pings and notices the end.
            said = console.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            () = over.as_mut() => {
                why = Some(CloseFrame { code: SESSION_ENDED, reason: "session ended".into() });
                break;
            }
            () = stop.told() => break,
        }
    }
    let _ = timeout(Duration::from_secs(1), console.send(Message::Close(why))).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::sync::mpsc;

    /// A console that takes a frame only when it is let to, and holds what it took.
    struct Slow {
        leave: mpsc::UnboundedReceiver<()>,
        taken: mpsc::UnboundedSender<Bytes>,
        holds: Option<Bytes>,
    }

    impl Sink<Message> for Slow {
        type Error = ();
        fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), ()>> {
            self.poll_flush(context)
        }
        fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), ()> {
            assert!(self.holds.replace(message.into_data()).is_none(), "one frame at a time");
            Ok(())
        }
        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), ()>> {
            if self.holds.is_some() && self.leave.poll_recv(context).is_pending() {
                return Poll::Pending;
            }
            if let Some(bytes) = self.holds.take() {
                self.taken.send(bytes).map_err(drop)?;
            }
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl Stream for Slow {
        type Item = Result<Message, ()>;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_console_that_does_not_keep_up_gets_the_newest_and_the_rest_is_counted() {
        let (frames_in, frames) = watch::channel(Arc::new(Frame::default()));
        let (stopper, stop) = crate::stop::channel();
        let (let_go, leave) = mpsc::unbounded_channel();
        let (taken, mut got) = mpsc::unbounded_channel();
        let stats = Arc::new(Stats::default());
        let serving = tokio::spawn({
            let stats = Arc::clone(&stats);
            let slow = Slow { leave, taken, holds: None };
            async move { serve(slow, frames, stop, std::future::pending(), &stats).await }
        });
        // Time stands still except while everything waits: each sleep ends with the server idle.
        let settle = async || tokio::time::sleep(Duration::from_millis(100)).await;
        settle().await;
        for number in 1..=50_u8 {
            frames_in.send_replace(Arc::new(Frame { number: number.into(), bytes: Bytes::from(vec![number]) }));
            settle().await;
        }
        let_go.send(()).unwrap();
        let_go.send(()).unwrap();
        settle().await;
        assert_eq!((got.recv().await.unwrap()[0], got.recv().await.unwrap()[0]), (1, 50));
        assert!(got.try_recv().is_err());
        assert_eq!(stats.frames_skipped.load(Relaxed), 48);
        let_go.send(()).unwrap();
        stopper.stop();
        serving.await.unwrap();
    }
}

//! The WebSocket of the console: one binary frame at most ten times a second (`proto/jxz/console/v1` has the protocol).
//!
//! What is the same for all consoles is encoded once ([`cast`]); a console that says what it looks at gets what changed
//! there ([`given`]). A console that does not keep up is never sent a backlog: when it has taken one frame, or said so, it
//! gets the newest, and those between are counted.

mod cast;
mod console;
mod given;
mod looking;

pub(crate) use cast::Cast;

use crate::access::Ticket;
use crate::brain::Moment;
use crate::http::Shared;
use crate::stats::Stats;
use crate::stop::Stop;
use crate::truth::Truths;
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use console::Console;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use jxz_wire::console::v1 as wire;
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// A console that has not taken a frame for so long is given up.
const STALLED: Duration = Duration::from_secs(10);
/// The code with which a console's connection is closed when its session ends.
const SESSION_ENDED: u16 = 4401;
/// Consoles have nothing long to say, bytes.
const MAX_FROM_CONSOLE: usize = 4096;
/// More than one whole frame never waits in a socket's buffer, bytes.
const MAX_BUFFERED: usize = 16 << 20;

/// Makes each moment ready while there is a console.
pub(crate) async fn cast_moments(
    mut moments: watch::Receiver<Arc<Moment>>,
    casts: watch::Sender<Arc<Cast>>,
    stats: Arc<Stats>,
    truths: Option<Arc<Truths>>,
) {
    while moments.changed().await.is_ok() {
        if stats.consoles.load(Relaxed) == 0 {
            continue;
        }
        let moment = Arc::clone(&moments.borrow_and_update());
        let truth = truths.as_ref().map(|truths| truths.beside(&moment));
        let before = Arc::clone(&casts.borrow());
        // Milliseconds of work with 50,000 road users: not on the threads on which datagrams are waiting.
        let work = tokio::task::spawn_blocking(move || {
            let cast = Cast::of(&before, moment, truth);
            // Rounded here, once, before several consoles ask for it.
            let _picture = cast.picture();
            cast
        });
        match work.await {
            Ok(cast) => drop(casts.send_replace(Arc::new(cast))),
            Err(error) => tracing::error!(%error, "a moment could not be made ready for consoles"),
        }
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
        serve(socket, shared.casts, shared.stop, over, &shared.stats).await;
        shared.stats.consoles.fetch_sub(1, Relaxed);
    })
}

/// Sends frames as fast as the console takes them, the newest each time; ends with the console, its session or the
/// daemon.
async fn serve<C, E>(
    mut socket: C,
    mut casts: watch::Receiver<Arc<Cast>>,
    mut stop: Stop,
    over: impl Future<Output = ()>,
    stats: &Stats,
) where
    C: Sink<Message> + Stream<Item = Result<Message, E>> + Unpin,
{
    // What was made ready for an earlier console may be old by now.
    casts.mark_unchanged();
    let mut over = std::pin::pin!(over);
    let (mut console, mut last, mut why) = (Console::default(), None, None);
    let mut behind_since = None;
    loop {
        tokio::select! {
            changed = casts.changed() => {
                if changed.is_err() {
                    break;
                }
                let cast = Arc::clone(&casts.borrow_and_update());
                let Some(frame) = console.next(&cast) else {
                    // It says that it takes frames, and takes none.
                    if behind_since.get_or_insert_with(Instant::now).elapsed() >= STALLED {
                        return;
                    }
                    continue;
                };
                behind_since = None;
                let skipped = last.map_or(0, |last| cast.number().saturating_sub(last + 1));
                stats.frames_skipped.fetch_add(skipped, Relaxed);
                last = Some(cast.number());
                let sent = timeout(STALLED, socket.send(Message::Binary(frame))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            // Reading also answers pings and notices the end.
            said = socket.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(Message::Binary(bytes))) => {
                    let sound = wire::FromConsole::decode(bytes).is_ok_and(|said| console.hear(&said));
                    stats.console_garbage.fetch_add(u64::from(!sound), Relaxed);
                }
                Some(Ok(_)) => {}
            },
            () = over.as_mut() => {
                why = Some(CloseFrame { code: SESSION_ENDED, reason: "session ended".into() });
                break;
            }
            () = stop.told() => break,
        }
    }
    let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(why))).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Places;
    use bytes::Bytes;
    use jxz_cloud::{Cloud, CloudConfig};
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

    /// The island's map with nobody on it, moment by moment.
    struct Stage {
        places: Arc<Places>,
        cloud: Cloud,
    }

    impl Stage {
        fn new() -> Self {
            let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
            let map = Arc::new(jxz_map::Map::load(&seeds).unwrap());
            Self { places: Arc::new(Places::of(&map)), cloud: Cloud::new(CloudConfig::default(), map) }
        }

        fn none(&self) -> Arc<Cast> {
            Arc::new(Cast::none(self.moment(0), Arc::clone(&self.places)))
        }

        fn moment(&self, number: u64) -> Arc<Moment> {
            let at = jxz_units::Utc::from_unix_ms(1_786_270_272_000 + 100 * number as i64);
            Arc::new(Moment {
                number,
                uptime: Duration::ZERO,
                counters: crate::stats::Counters::default(),
                view: self.cloud.snapshot(at),
                picture: std::sync::OnceLock::new(),
                dropped_by_cloud: jxz_world::Drops::default(),
                dropped: jxz_world::Drops::default(),
            })
        }
    }

    fn frame(bytes: &Bytes) -> wire::Frame {
        wire::Frame::decode(bytes.clone()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_console_that_does_not_keep_up_gets_the_newest_and_the_rest_is_counted() {
        let stage = Stage::new();
        let none = stage.none();
        let (casts_in, casts) = watch::channel(Arc::clone(&none));
        let (stopper, stop) = crate::stop::channel();
        let (let_go, leave) = mpsc::unbounded_channel();
        let (taken, mut got) = mpsc::unbounded_channel();
        let stats = Arc::new(Stats::default());
        let serving = tokio::spawn({
            let stats = Arc::clone(&stats);
            let slow = Slow { leave, taken, holds: None };
            async move { serve(slow, casts, stop, std::future::pending(), &stats).await }
        });
        // Time stands still except while everything waits: each sleep ends with the server idle.
        let settle = async || tokio::time::sleep(Duration::from_millis(100)).await;
        settle().await;
        for number in 1..=50 {
            casts_in.send_replace(Arc::new(Cast::of(&none, stage.moment(number), None)));
            settle().await;
        }
        let_go.send(()).unwrap();
        let_go.send(()).unwrap();
        settle().await;
        let numbers = (frame(&got.recv().await.unwrap()).number, frame(&got.recv().await.unwrap()).number);
        assert_eq!(numbers, (1, 50));
        assert!(got.try_recv().is_err());
        assert_eq!(stats.frames_skipped.load(Relaxed), 48);
        let_go.send(()).unwrap();
        stopper.stop();
        serving.await.unwrap();
    }

    #[test]
    fn sections_that_are_as_they_were_are_not_sent_again() {
        let stage = Stage::new();
        let mut cast = stage.none();
        let mut console = Console::default();
        let viewport = Some(looking::tests::viewport(0, 0, i32::MAX, i32::MAX, 12.0));
        assert!(console.hear(&wire::FromConsole { viewport, ..wire::FromConsole::default() }));
        let mut with_sites = Vec::new();
        for number in 1..=12 {
            cast = Arc::new(Cast::of(&cast, stage.moment(number), None));
            match frame(&console.next(&cast).unwrap()).body.unwrap() {
                wire::frame::Body::Update(update) => {
                    assert_eq!(
                        (number, update.sites.len()),
                        (1, stage.cloud.snapshot(cast.moment.view.at).nodes.len())
                    );
                }
                wire::frame::Body::Delta(delta) => {
                    assert_eq!(delta.base, number - 1);
                    assert!(delta.warnings.is_none() && delta.junctions.is_none());
                    with_sites.extend(delta.sites.map(|_| number));
                }
            }
            assert!(console.hear(&wire::FromConsole { taken: number, ..wire::FromConsole::default() }));
        }
        assert_eq!(with_sites, [6, 11], "twice a second");
    }

    #[test]
    fn a_console_that_takes_nothing_is_sent_no_more_than_half_a_second_and_then_a_whole_frame() {
        let stage = Stage::new();
        let mut cast = stage.none();
        let mut console = Console::default();
        let viewport = Some(looking::tests::viewport(0, 0, 10, 10, 12.0));
        assert!(console.hear(&wire::FromConsole { viewport, ..wire::FromConsole::default() }));
        let mut sent = Vec::new();
        for number in 1..=9 {
            cast = Arc::new(Cast::of(&cast, stage.moment(number), None));
            sent.extend(console.next(&cast).map(|bytes| frame(&bytes)));
        }
        assert_eq!(sent.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(!console.hear(&wire::FromConsole { taken: 77, ..wire::FromConsole::default() }), "never sent");
        assert!(console.is_behind());
        assert!(console.hear(&wire::FromConsole { taken: 2, ..wire::FromConsole::default() }));
        cast = Arc::new(Cast::of(&cast, stage.moment(10), None));
        let next = frame(&console.next(&cast).unwrap());
        assert!(matches!(next.body, Some(wire::frame::Body::Update(_))), "{next:?}");
    }
}

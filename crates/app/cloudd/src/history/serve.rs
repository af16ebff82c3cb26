//! `/api/v1/history/*`.

use super::History;
use super::index::{Gap, Index};
use crate::caller::Right;
use crate::failure::Failure;
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use jxz_wire::console::v1::Frame;
use prost::Message;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

/// The longest span that one request plays.
const MAX_SPAN_MS: u64 = 3_600_000;
/// Frames farther apart than this are asked for in vain.
const MAX_EVERY_MS: u64 = 60_000;
/// Gaps listed, the newest.
const MAX_GAPS: usize = 500;
/// Blocks read ahead for one reader.
const AHEAD: usize = 2;
/// A reader that has not taken a block for so long is given up.
const STALLED: Duration = Duration::from_secs(30);
/// Frames of `application/octet-stream`, each after its length as a varint.
const CONTENT: &str = "application/octet-stream";

/// The routes.
pub(crate) fn routes() -> Api {
    const VIEWER: Needs = Needs::Right(Right::Viewer);
    Api::default()
        .on(
            Operation::get("/api/v1/history/range", VIEWER, "What of the past can be played back")
                .query::<RangeQuery>()
                .answers::<Range>(),
            get(range),
        )
        .on(
            Operation::get("/api/v1/history/frames", VIEWER, "Frames of the past, each after its length as a varint")
                .query::<FramesQuery>()
                .answers_type(CONTENT),
            get(frames),
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RangeQuery {
    from_ms: Option<u64>,
    to_ms: Option<u64>,
}

/// What can be played back.
#[derive(Debug, Serialize, JsonSchema)]
struct Range {
    /// The oldest and the newest frame; `null`: there is none.
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    /// Cloud's clock.
    now_ms: u64,
    rate_hz: u32,
    keeps_hours: u64,
    frames: u64,
    /// On disk, all hours.
    bytes: u64,
    max_bytes: u64,
    /// Stretches without any frame: the cloud did not run, or what it wrote is damaged.
    gaps: Vec<Gap>,
    /// Blocks, or stretches between them, that could not be read.
    damaged: u64,
    /// Hours deleted since the cloud started.
    hours_deleted: u64,
    /// Frames not written since then, because the disk did not keep up or refused.
    frames_dropped: u64,
}

async fn range(State(shared): State<Shared>, Query(query): Query<RangeQuery>) -> Result<Json<Range>, Failure> {
    let (from_ms, to_ms) = (query.from_ms.unwrap_or(0), query.to_ms.unwrap_or(u64::MAX));
    if from_ms > to_ms {
        return Err(Failure::bad_request(format!("from_ms {from_ms} is after to_ms {to_ms}")));
    }
    let history = &shared.history;
    let index = history.index();
    let blocks = index.within(from_ms, to_ms);
    let mut gaps = Index::gaps(&blocks, 1_000 + 3_000 / u64::from(history.limits.rate_hz));
    gaps.drain(..gaps.len().saturating_sub(MAX_GAPS));
    Ok(Json(Range {
        from_ms: blocks.first().map(|(_, block)| block.from_ms),
        to_ms: blocks.iter().map(|(_, block)| block.to_ms).max(),
        now_ms: crate::frame::unix_ms(jxz_link::utc_now()),
        rate_hz: history.limits.rate_hz,
        keeps_hours: history.limits.hours,
        frames: blocks.iter().map(|(_, block)| u64::from(block.frames)).sum(),
        bytes: index.bytes(),
        max_bytes: history.limits.max_bytes,
        gaps,
        damaged: index.damaged,
        hours_deleted: index.deleted,
        frames_dropped: history.stats.history_dropped.load(Relaxed),
    }))
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FramesQuery {
    from_ms: u64,
    to_ms: u64,
    /// At least so far apart; 0: every frame there is.
    #[serde(default)]
    every_ms: u64,
}

impl FramesQuery {
    fn check(&self) -> Result<(), Failure> {
        if self.from_ms > self.to_ms {
            return Err(Failure::bad_request(format!("from_ms {} is after to_ms {}", self.from_ms, self.to_ms)));
        }
        if self.to_ms - self.from_ms > MAX_SPAN_MS {
            return Err(Failure::bad_request("from_ms and to_ms are more than an hour apart: ask in parts"));
        }
        if self.every_ms > MAX_EVERY_MS {
            return Err(Failure::bad_request(format!("every_ms {} is above {MAX_EVERY_MS}", self.every_ms)));
        }
        Ok(())
    }
}

async fn frames(State(shared): State<Shared>, Query(query): Query<FramesQuery>) -> Result<Response, Failure> {
    query.check()?;
    let history = shared.history.clone();
    let permit = Arc::clone(&history.readers).try_acquire_owned().map_err(|_| {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many play back history; try again in a moment")
    })?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(play(history, query, sender, permit));
    let chunks = futures_util::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let head = [(header::CONTENT_TYPE, CONTENT), (header::CACHE_CONTROL, "no-store")];
    Ok((head, Body::from_stream(chunks)).into_response())
}

/// Reads block after block as fast as the reader takes them.
async fn play(
    history: History,
    query: FramesQuery,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    _permit: OwnedSemaphorePermit,
) {
    let wanted: Vec<_> = {
        let index = history.index();
        let blocks = index.within(query.from_ms, query.to_ms);
        blocks.into_iter().map(|(name, block)| (name.to_owned(), block)).collect()
    };
    let mut due_ms = query.from_ms;
    for (name, block) in wanted {
        if block.to_ms < due_ms {
            continue;
        }
        let history = history.clone();
        let read = tokio::task::spawn_blocking(move || history.read(&name, &block));
        let Ok(Some(frames)) = read.await else { continue };
        let chunk = pick(frames, query, &mut due_ms);
        if chunk.is_empty() {
            continue;
        }
        match timeout(STALLED, sender.send(Ok(chunk))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::info!("a reader of history that takes nothing is given up");
                return;
            }
        }
    }
}

/// The frames of a block that are wanted, each after its length.
fn pick(frames: Vec<Frame>, query: FramesQuery, due_ms: &mut u64) -> Bytes {
    let mut chunk = Vec::new();
    for frame in frames {
        let at_ms = frame.sent_at_ms;
        if at_ms < *due_ms || at_ms > query.to_ms {
            continue;
        }
        // On a fixed grid, so that frames of neighbouring requests are evenly apart.
        *due_ms = at_ms.checked_div(query.every_ms).map_or(at_ms + 1, |n| (n + 1) * query.every_ms);
        chunk.extend(frame.encode_length_delimited_to_vec());
    }
    chunk.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::block;
    use crate::history::index::Hour;
    use jxz_wire::console::v1::{Update, frame::Body};
    use tokio::sync::Semaphore;

    fn history(dir: &std::path::Path, blocks: u64) -> History {
        let (mut hour, mut bytes) = (Hour::default(), Vec::new());
        for k in 0..blocks {
            let frame = |n: u64| Frame {
                sent_at_ms: 5_000 * k + 200 * n,
                body: Some(Body::Update(Update::default())),
                number: 0,
            };
            let (at, more) = block::encode((0..25).map(frame).collect(), bytes.len() as u64).unwrap();
            hour.blocks.push(at);
            bytes.extend(more);
        }
        std::fs::write(dir.join("hour"), bytes).unwrap();
        let mut index = Index::default();
        index.hours.insert("hour".to_owned(), hour);
        History {
            dir: dir.to_owned(),
            limits: crate::config::History::default(),
            index: Arc::new(std::sync::Mutex::new(index)),
            readers: Arc::new(Semaphore::new(1)),
            stats: Arc::default(),
        }
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_holds_two_blocks_and_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let history = history(dir.path(), 100);
        let permit = Arc::clone(&history.readers).try_acquire_owned().unwrap();
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        let query = FramesQuery { from_ms: 0, to_ms: 600_000, every_ms: 0 };
        let playing = tokio::spawn(play(history.clone(), query, sender, permit));
        while receiver.len() < AHEAD {
            tokio::task::yield_now().await;
        }
        // Thirty seconds pass at once, since nothing else is to be done.
        tokio::time::pause();
        playing.await.unwrap();
        assert_eq!(receiver.len(), AHEAD);
        assert_eq!(history.readers.available_permits(), 1);
        receiver.close();
    }

    #[test]
    fn frames_are_picked_on_a_grid_across_requests() {
        let frames = |from: u64| {
            (0..50).map(|n| Frame { sent_at_ms: from + 200 * n, body: None, number: 0 }).collect::<Vec<_>>()
        };
        let picked = |query: FramesQuery| {
            let mut due_ms = query.from_ms;
            let bytes = pick(frames(10_000), query, &mut due_ms);
            let mut rest = &bytes[..];
            let mut times = Vec::new();
            while !rest.is_empty() {
                times.push(Frame::decode_length_delimited(&mut rest).unwrap().sent_at_ms);
            }
            times
        };
        assert_eq!(picked(FramesQuery { from_ms: 11_900, to_ms: 12_500, every_ms: 0 }), [12_000, 12_200, 12_400]);
        let a = picked(FramesQuery { from_ms: 10_000, to_ms: 14_999, every_ms: 1_600 });
        let b = picked(FramesQuery { from_ms: 15_000, to_ms: 20_000, every_ms: 1_600 });
        assert_eq!((a, b), (vec![10_000, 11_200, 12_800, 14_400], vec![15_000, 16_000, 17_600, 19_200]));
    }
}

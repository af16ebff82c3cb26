//! `/api/v1/nodes/{site}/log`: a node's last log lines, asked of the node at that moment. Nothing of them is kept here, and a
//! node that nobody looks at sends none.

use super::Fleet;
use super::reply::Refusal;
use super::routes::known;
use crate::caller::{Caller, Right};
use crate::frame::unix_ms;
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use jxz_wire::{LogLines, LogRequest, MAX_LOG_LINES};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering::Relaxed;

/// Nodes asked at once; whoever comes beyond it is told to come again.
pub(super) const AT_ONCE: usize = 16;

/// The route.
pub(super) fn routes() -> Api {
    Api::default().on(
        Operation::get(
            "/api/v1/nodes/{site}/log",
            Needs::Right(Right::Operator),
            "A node's last log lines (INFO and above); those after one, to follow it",
        )
        .query::<LogQuery>()
        .answers::<NodeLog>(),
        get(read),
    )
}

/// Which lines.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    /// Those after this one, the oldest first; without it, or if the node has started anew since, the newest.
    pub(crate) after: Option<u64>,
    /// The answer's `boot` that `after` is of.
    pub(crate) boot: Option<u64>,
    /// At most so many, up to 200.
    pub(crate) limit: Option<usize>,
}

/// A part of a node's log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NodeLog {
    pub(crate) site: String,
    /// Differs from start to start of the node.
    pub(crate) boot: u64,
    /// Lines after `after` that the node has no more.
    pub(crate) lost: u64,
    /// The oldest first. Text of a node: to be shown as text.
    pub(crate) lines: Vec<NodeLogLine>,
}

/// A line of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NodeLogLine {
    /// Counts up by one.
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    /// info, warn, error.
    pub(crate) level: &'static str,
    /// The part of the program.
    pub(crate) target: String,
    pub(crate) text: String,
}

impl Fleet {
    /// Asks a node for lines of its log.
    pub(crate) async fn read_log(&self, by: &Caller, site: String, query: LogQuery) -> Result<NodeLog, Refusal> {
        by.must_be(Right::Operator)?;
        let site = known(self, site)?;
        if !self.links.standing().contains_key(&site) {
            return Err(Refusal::conflict(format!("{site} is not connected: its log is on the unit itself")));
        }
        let Ok(_turn) = self.log_turns.try_acquire() else {
            let words = "too many look at logs at this moment";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words).retry_after(1));
        };
        let after = query.boot.zip(query.after);
        let most = query.limit.unwrap_or(MAX_LOG_LINES).min(MAX_LOG_LINES);
        let answer = self.links.read_log(&site, &LogRequest { after, most }).await;
        let LogLines { boot, lost, lines } = answer.map_err(|error| {
            let words = format!("{site} does not tell of its log: {error}");
            Refusal::new(StatusCode::BAD_GATEWAY, "node_silent", words)
        })?;
        self.stats.log_lines_read.fetch_add(lines.len() as u64, Relaxed);
        self.stats.log_lines_lost.fetch_add(lost, Relaxed);
        let lines = lines.into_iter().map(|line| NodeLogLine {
            number: line.number,
            at_ms: unix_ms(line.at),
            level: line.level.name(),
            target: line.target,
            text: line.text,
        });
        Ok(NodeLog { site: site.0, boot, lost, lines: lines.collect() })
    }
}

async fn read(
    caller: Caller,
    State(shared): State<Shared>,
    Path(site): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<NodeLog>, Refusal> {
    shared.fleet.read_log(&caller, site, query).await.map(Json)
}

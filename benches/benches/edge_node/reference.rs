//! A brain in this process that is told what the node is told and is never killed: when it warns, a warning is due.

use jxz_edge::{Edge, EdgeConfig, Input, NoStopwatch, Output};
use jxz_link::utc_now;
use jxz_map::Map;
use jxz_units::{Instant, Now};
use jxz_v2x::{MessageKind, RsiClass};
use jxz_world::SiteId;
use std::sync::Arc;

pub(crate) struct Reference {
    edge: Edge,
    started: std::time::Instant,
    /// When it last told vehicles of a warning that cannot wait.
    pub(crate) warned: Option<tokio::time::Instant>,
}

impl Reference {
    pub(crate) fn new(map: &Arc<Map>, site: &SiteId) -> Self {
        let now = Now { mono: Instant::ZERO, utc: utc_now() };
        let config = EdgeConfig::default();
        let edge = Edge::new(now, Arc::clone(map), site, config, Box::new(NoStopwatch)).unwrap();
        Self { edge, started: std::time::Instant::now(), warned: None }
    }

    pub(crate) fn tell(&mut self, input: Input) {
        let now = Now { mono: Instant::ZERO + self.started.elapsed(), utc: utc_now() };
        self.edge.handle(now, input);
        while let Some(output) = self.edge.poll() {
            if matches!(&output, Output::Broadcast(frame) if frame.kind == MessageKind::Rsi(RsiClass::Dynamic)) {
                self.warned = Some(tokio::time::Instant::now());
            }
        }
    }
}

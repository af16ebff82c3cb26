//! What the scenarios share: the island's map, a site of it, and a time that the scenario says.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_edge::{Edge, EdgeConfig, NoStopwatch};
use jxz_map::Map;
use jxz_units::{Now, Utc};
use jxz_world::Site;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(crate) const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

pub(crate) static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Arc::new(Map::load(&seeds).expect("the island's own map loads"))
});

pub(crate) fn site() -> &'static Site {
    MAP.sites.iter().find(|s| s.junction.is_some()).expect("a site with signals")
}

pub(crate) fn at(ms: u64) -> Now {
    Now::after_start(START, Duration::from_millis(ms))
}

/// A node of that site that has seen nothing yet.
pub(crate) fn new_edge() -> Edge {
    Edge::new(at(0), MAP.clone(), &site().id, EdgeConfig::default(), Box::new(NoStopwatch)).unwrap()
}

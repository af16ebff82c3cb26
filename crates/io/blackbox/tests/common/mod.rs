//! A recorded half minute of one site, and steps that need no brain.

#![allow(dead_code, reason = "each test uses a part of it")]

use jxz_blackbox::{Handled, Tape, head_of};
use jxz_edge::{Input, Output};
use jxz_geo::{Point, Polyline};
use jxz_journal::Writer;
use jxz_map::Map;
use jxz_security::{Algorithm, Software};
use jxz_sim::{Observer, Scenario, VirtualIsland};
use jxz_units::{Now, Utc};
use jxz_wire::journal::v1 as wire;
use jxz_world::{Application, Cause, Level, Place, Record, RecordBody, SiteId, Warning, WarningId, WarningStage};
use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

pub(crate) const START: Utc = Utc::from_unix_ms(1_786_270_272_000);
pub(crate) const SITE: &str = "zhongxin-minan";

pub(crate) static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Arc::new(Map::load(&seeds).expect("the island's own map loads"))
});

type Heard = Arc<Mutex<Vec<Handled>>>;

struct Ear(Heard);

impl Observer for Ear {
    fn hears_brain(&self, site: &SiteId) -> bool {
        site.0 == SITE
    }

    fn handled(&mut self, now: Now, _: &SiteId, input: Input, outputs: Vec<Output>) {
        self.0.lock().unwrap().push(Handled { now, input, readings: Vec::new(), outputs });
    }
}

/// What the brain of the site is told and says in so many seconds of a busy hour.
pub(crate) fn listen(seconds: f64, signed: Option<Algorithm>) -> (wire::Head, Vec<Handled>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/scenarios");
    let text = std::fs::read_to_string(folder.join("demo.toml")).unwrap();
    let mut scenario = Scenario::from_toml(&text).unwrap();
    scenario.area.sites = vec![SITE.to_owned()];
    let mut island = VirtualIsland::new(MAP.clone(), &scenario, 7, START).unwrap();
    if let Some(algorithm) = signed {
        island = island.secured(algorithm, Arc::new(Software)).unwrap();
    }
    let head = head_of(island.brain(&SiteId(SITE.to_owned())).unwrap(), false);
    let heard = Heard::default();
    let mut island = island.observed_by(Box::new(Ear(heard.clone())));
    while island.seconds() < seconds {
        island.step().unwrap();
    }
    let all = std::mem::take(&mut *heard.lock().unwrap());
    (head, all)
}

/// The file of it.
pub(crate) fn written(head: &wire::Head, handled: &[Handled]) -> Vec<u8> {
    let writer = Writer::new(Cursor::new(Vec::new()), "test".to_owned()).unwrap();
    let mut tape = Tape::new(writer, head).unwrap();
    for handled in handled {
        tape.take(handled).unwrap();
    }
    tape.finish().unwrap().1.into_inner()
}

/// A radio frame that does not compress, as the step of this number, every 100 ms.
pub(crate) fn frame(number: u64, bytes: usize) -> Handled {
    let now = Now::after_start(START, Duration::from_millis(100 * number));
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let noise = (0..bytes).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    Handled { now, input: Input::Radio(noise.collect()), readings: Vec::new(), outputs: Vec::new() }
}

/// An urgent warning of this number among what comes out of a step.
pub(crate) fn urgent(mut handled: Handled, id: u64) -> Handled {
    let at = handled.now.utc;
    let path = Polyline::new(vec![Point::new(0.0, 0.0), Point::new(10.0, 0.0)]).unwrap();
    let warning = Warning {
        id: WarningId(id),
        revision: 0,
        application: Application::Icw,
        level: Level::Urgent,
        stage: WarningStage::Raised,
        cause: Cause::Conflict { time_to_conflict_s: 1.0, post_encroachment_s: 0.1, closest_m: 0.2 },
        about: Vec::new(),
        concerned: Vec::new(),
        place: Place { at: Point::new(10.0, 0.0), path, radius_m: 4.0 },
        paths: Vec::new(),
        since: at,
        sensed_at: at,
        valid_until: at,
        confidence: 0.9,
    };
    let body = RecordBody::Warning(warning);
    handled.outputs.push(Output::Record(Record { site: SiteId(SITE.to_owned()), boot: 1, sequence: id, body }));
    handled
}

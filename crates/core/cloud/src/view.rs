//! The twin as shown to operators: a plain copy at one time.

use crate::once::{Once, Said};
use crate::{Aging, Freshness, Guidance, Minute};
use jxz_geo::Point;
use jxz_map::{LaneIx, LaneKind, LanePosition, MapIndex};
use jxz_units::Utc;
use jxz_world::{
    Drops, JunctionSignals, LatencyStage, NodeHealth, RoadUserClass, SensorId, SensorKind, SiteId, StageLatency, Track,
    TrackId, VehicleId, Warning, WarningKind, WarningStage,
};
use rstar::primitives::GeomWithData;
use rstar::{AABB, RTree};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A road user's number on the whole island: the same on every site that sees it, for as long as its identity is kept
/// from site to site; below 2⁵³ (so that a browser can hold it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlobalTrackId(pub u64);

/// The island-wide number of a track that is known by its site's number alone (a warning names one that is gone): a
/// hash of site, boot and track.
#[must_use]
pub fn global_track_id(site: &SiteId, boot: u64, track: TrackId) -> GlobalTrackId {
    hashed(site.0.bytes().chain([0]).chain(boot.to_le_bytes()).chain(track.0.to_le_bytes()))
}

/// The island-wide number of a track: a hash of its identity and when that began. An identity's number is used again
/// after a restart of the site where it began, its beginning is not; both are kept from site to site.
#[must_use]
pub fn island_track_id(track: &Track) -> GlobalTrackId {
    hashed(track.island.0.to_le_bytes().into_iter().chain(track.since.unix_ns().to_le_bytes()))
}

/// FNV-1a of 64 bit, folded to 53. It survives a restart of the cloud; two of 10⁵ live tracks meet with a probability
/// below 10⁻⁶.
fn hashed(bytes: impl Iterator<Item = u8>) -> GlobalTrackId {
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    GlobalTrackId((hash >> 53) ^ (hash & ((1 << 53) - 1)))
}

/// An upright rectangle of the local frame, metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// South-west corner.
    pub min: Point,
    /// North-east corner.
    pub max: Point,
}

/// A node as shown. A node of the map is there from the start, lost until heard.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeView {
    /// Its site.
    pub site: SiteId,
    /// Name for people, Chinese; `None` if the cloud's map does not have the site.
    pub name_zh: Option<String>,
    /// Name for people, English; `None` if the cloud's map does not have the site.
    pub name_en: Option<String>,
    /// Where it stands, local frame; `None` if the cloud's map does not have the site.
    pub position: Option<Point>,
    /// Whether its link stands.
    pub connected: bool,
    /// The better of its states and its health reports.
    pub freshness: Freshness,
    /// Its newest state; `None` if there never was one.
    pub state_freshness: Option<Freshness>,
    /// When anything came from it last, cloud's clock.
    pub last_heard: Option<Utc>,
    /// From the time of validity of its newest state to its receipt, seconds; includes the difference of the clocks.
    pub delay_s: Option<f64>,
    /// How far its clock is ahead at least, seconds, if that is more than the tolerance.
    pub clock_ahead_s: Option<f64>,
    /// Its present boot.
    pub boot: Option<u64>,
    /// Its tracks that are fresh or late.
    pub tracks: usize,
    /// Its warnings that are fresh or late and not cancelled.
    pub warnings: usize,
    /// Its sensors: those of the map first, then those only it knows.
    pub sensors: Vec<SensorView>,
    /// Its newest health report.
    pub health: Option<Arc<NodeHealth>>,
    /// How that report stands.
    pub health_freshness: Option<Freshness>,
    /// What the cloud dropped of what it sent.
    pub drops: Drops,
    /// Must-arrive records whose numbers are known to have been used and that have not arrived (yet).
    pub records_missing: u64,
}

/// A sensor as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorView {
    /// Which sensor.
    pub id: SensorId,
    /// What it is.
    pub kind: SensorKind,
    /// Whether its scans came when its node last reported, and how that report stands.
    pub freshness: Freshness,
    /// Scans a second over the last report.
    pub scans_per_s: Option<f64>,
}

/// A road user as shown, a part of a [`View`]. Lost ones are not shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackView<'a> {
    /// Its number on the island.
    pub id: GlobalTrackId,
    /// The site whose estimate is shown, as an index into [`View::nodes`].
    pub node: usize,
    /// The site whose estimate is shown: of those that see it, the one that knows best where it is now.
    pub site: &'a SiteId,
    /// The other sites that see it, by name.
    pub also_seen_by: &'a [SiteId],
    /// How far it may be trusted.
    pub freshness: Freshness,
    /// Seconds since its time of validity, by the cloud's clock, never negative.
    pub age_s: f64,
    /// Its own temporary id, if it sends one, whichever of the sites hears it.
    pub vehicle: Option<VehicleId>,
    /// What the site says.
    pub track: &'a Track,
}

impl<'a> TrackView<'a> {
    /// Every site that sees it, the best first.
    pub fn sites(&self) -> impl Iterator<Item = &'a SiteId> {
        core::iter::once(self.site).chain(self.also_seen_by)
    }
}

/// A warning as shown. Lost ones are not shown.
#[derive(Debug, Clone, PartialEq)]
pub struct WarningView {
    /// The site that raised it.
    pub site: SiteId,
    /// How far it may be trusted.
    pub freshness: Freshness,
    /// Island-wide numbers of the road users concerned.
    pub concerned: Vec<GlobalTrackId>,
    /// Island-wide numbers of those that caused it.
    pub about: Vec<GlobalTrackId>,
    /// Island-wide numbers of those whose ways it supposes, in the order of the warning's paths.
    pub paths_of: Vec<GlobalTrackId>,
    /// What the site says.
    pub warning: Warning,
    /// Which record of which boot said so, and when it came: `(boot, sequence, received)`.
    pub record: (u64, u64, Utc),
}

impl WarningView {
    /// Not cancelled, and fresh or late.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.warning.stage != WarningStage::Cancelled && self.freshness.is_live()
    }
}

/// A junction's signals as shown. Lost ones are not shown.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalView {
    /// The site that says so.
    pub site: SiteId,
    /// How far they may be trusted.
    pub freshness: Freshness,
    /// What they show.
    pub signals: JunctionSignals,
}

/// How much the cloud has taken since it started.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counts {
    /// States (or parts of states) taken.
    pub states: u64,
    /// Tracks' updates taken.
    pub tracks: u64,
    /// From the states' time of validity to their being in the twin.
    pub delays: crate::Delays,
    /// Must-arrive records taken, each once.
    pub records: u64,
    /// Records that came again.
    pub records_again: u64,
    /// Warnings raised, by kind, by the records taken.
    pub warnings_raised: BTreeMap<WarningKind, u64>,
    /// Misbehaviour reports taken in.
    pub misbehaviours: u64,
}

type Located = GeomWithData<[f64; 2], usize>;

/// The twin at one time. Road users are shared with the twin, not copied; which of them are one is found out at the first
/// look at them, by whoever looks.
#[derive(Debug, Clone)]
pub struct View {
    /// When.
    pub at: Utc,
    /// Every node of the map and every other node heard, by site.
    pub nodes: Vec<NodeView>,
    /// Warnings that are not lost, by number.
    pub warnings: Vec<WarningView>,
    /// Signals that are not lost, by junction.
    pub signals: Vec<SignalView>,
    /// Traffic over the last whole minute, link by link; `None` before the first.
    pub minute: Option<Arc<Minute>>,
    /// What sites are told of congestion, by link.
    pub guidance: Vec<Guidance>,
    /// What the cloud dropped itself, over all nodes.
    pub drops: Drops,
    /// What the cloud has taken.
    pub counts: Counts,
    pub(crate) said: Vec<Said>,
    pub(crate) aging: Aging,
    pub(crate) once: OnceLock<Once>,
    pub(crate) lanes: Arc<MapIndex>,
    pub(crate) located: OnceLock<Vec<Option<LanePosition>>>,
    pub(crate) index: OnceLock<RTree<Located>>,
}

impl View {
    fn once(&self) -> &Once {
        self.once.get_or_init(|| Once::of(&self.said, self.aging, self.at))
    }

    /// Road users that are not lost, each once however many sites see it.
    pub fn tracks(&self) -> impl ExactSizeIterator<Item = TrackView<'_>> + Clone {
        self.once().iter(&self.said)
    }

    /// The road user at a place in the order of [`View::tracks`].
    #[must_use]
    pub fn track(&self, place: usize) -> Option<TrackView<'_>> {
        self.once().get(&self.said, place)
    }

    /// How many [`View::tracks`] there are.
    #[must_use]
    pub fn track_count(&self) -> usize {
        self.once().len()
    }

    /// The road users inside an area, in the order of [`View::tracks`]. The index is built at the first call.
    #[must_use]
    pub fn tracks_in(&self, area: Area) -> Vec<TrackView<'_>> {
        let index = self.index.get_or_init(|| {
            let located = self.tracks().enumerate();
            RTree::bulk_load(located.map(|(i, t)| Located::new(t.track.position.into(), i)).collect())
        });
        let envelope = AABB::from_corners(area.min.into(), area.max.into());
        let mut found: Vec<usize> = index.locate_in_envelope(envelope).map(|located| located.data).collect();
        found.sort_unstable();
        found.into_iter().filter_map(|i| self.track(i)).collect()
    }

    /// The place of each road user of [`View::tracks`] on the lanes of the map; `None` off them. Matched at the first
    /// call.
    #[must_use]
    pub fn lane_positions(&self) -> &[Option<LanePosition>] {
        self.located.get_or_init(|| self.tracks().map(|view| on_lane(&self.lanes, view.track)).collect())
    }

    /// The road users on lanes that `wanted` picks, with their place, in the order of [`View::tracks`].
    pub fn tracks_on(&self, wanted: impl Fn(LaneIx) -> bool) -> impl Iterator<Item = (TrackView<'_>, LanePosition)> {
        let placed = self.tracks().zip(self.lane_positions());
        placed.filter_map(move |(track, place)| place.filter(|place| wanted(place.lane)).map(|place| (track, place)))
    }

    /// Nodes that are fresh or late.
    #[must_use]
    pub fn nodes_online(&self) -> usize {
        self.nodes.iter().filter(|node| node.freshness.is_live()).count()
    }

    /// Road users that are fresh or late.
    #[must_use]
    pub fn tracks_live(&self) -> usize {
        self.tracks().filter(|track| track.freshness.is_live()).count()
    }

    /// Warnings alive, by kind; kinds without one are there with 0.
    #[must_use]
    pub fn warnings_by_kind(&self) -> BTreeMap<WarningKind, usize> {
        let mut counts: BTreeMap<_, _> = WarningKind::ALL.into_iter().map(|kind| (kind, 0)).collect();
        for warning in self.warnings.iter().filter(|warning| warning.is_alive()) {
            *counts.entry(warning.warning.kind()).or_default() += 1;
        }
        counts
    }

    /// Latencies over the nodes whose health report is not lost. Percentiles of several nodes cannot be merged
    /// exactly: `p50_ms` is the median of the nodes' medians weighted by their counts, `p99_ms` the worst node's,
    /// which bounds the island's from above.
    #[must_use]
    pub fn latencies(&self) -> Vec<StageLatency> {
        let reports: Vec<&NodeHealth> = self
            .nodes
            .iter()
            .filter(|node| node.health_freshness.is_some_and(|freshness| freshness != Freshness::Lost))
            .filter_map(|node| node.health.as_deref())
            .collect();
        LatencyStage::ALL.into_iter().filter_map(|stage| merged(stage, &reports)).collect()
    }

    /// What was dropped on the island, by cause: by the nodes as they last reported, and by the cloud.
    #[must_use]
    pub fn dropped(&self) -> Drops {
        let mut all = self.drops.clone();
        self.nodes.iter().filter_map(|node| node.health.as_ref()).for_each(|health| all.merge(&health.drops));
        all
    }

    /// Records known to be missing, over all nodes.
    #[must_use]
    pub fn records_missing(&self) -> u64 {
        self.nodes.iter().map(|node| node.records_missing).sum()
    }
}

/// The lane that a road user is on, among those that its class uses.
pub(crate) fn on_lane(lanes: &MapIndex, track: &Track) -> Option<LanePosition> {
    let class = track.class.best().0;
    let yaw = track.course().or(track.heading.map(|heading| heading.to_yaw()));
    lanes.locate(track.position, yaw, |kind| match class {
        RoadUserClass::Motor => kind == LaneKind::Driving,
        RoadUserClass::NonMotor => kind != LaneKind::Footway,
        RoadUserClass::Pedestrian => kind == LaneKind::Footway,
    })
}

fn merged(stage: LatencyStage, reports: &[&NodeHealth]) -> Option<StageLatency> {
    let rows = reports.iter().flat_map(|health| health.latencies.iter());
    let mut rows: Vec<&StageLatency> = rows.filter(|row| row.stage == stage && row.count > 0).collect();
    rows.sort_by(|a, b| a.p50_ms.total_cmp(&b.p50_ms));
    let count: u64 = rows.iter().map(|row| row.count).fold(0, u64::saturating_add);
    let mut below = 0_u64;
    let median = rows.iter().find(|row| {
        below = below.saturating_add(row.count);
        below >= count.div_ceil(2)
    })?;
    let p99_ms = rows.iter().map(|row| row.p99_ms).fold(f64::NEG_INFINITY, f64::max);
    Some(StageLatency { stage, p50_ms: median.p50_ms, p99_ms, count })
}

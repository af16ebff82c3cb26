//! `/metrics`, in the OpenMetrics text format: made from the twin at each scrape, so that it cannot disagree with it.

use crate::brain::Moment;
use jxz_cloud::{Delays, Freshness};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;

type Labels = Vec<(&'static str, String)>;
type Real = Gauge<f64, AtomicU64>;

/// The text of a scrape; `dropped_by_system` is of the nodes' socket.
pub(crate) fn text(moment: &Moment, dropped_by_system: Option<u64>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("jxz_cloud");
    nodes(&mut registry, moment);
    stages(&mut registry, moment);
    spools(&mut registry, moment);
    twin(&mut registry, moment);
    drops(&mut registry, moment);
    daemon(&mut registry, moment);
    if let Some(dropped) = dropped_by_system {
        let datagrams: Counter = Counter::default();
        datagrams.inc_by(dropped);
        let help = "Datagrams of nodes that the system dropped: its buffer (net.core.rmem_max) was full";
        registry.register("datagrams_dropped_by_system", help, datagrams);
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn site(id: &jxz_world::SiteId) -> (&'static str, String) {
    ("site", id.0.clone())
}

fn nodes(registry: &mut Registry, moment: &Moment) {
    let (up, state) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    let (delay, heard) = (Family::<Labels, Real>::default(), Family::<Labels, Real>::default());
    let missing = Family::<Labels, Gauge>::default();
    for node in &moment.view.nodes {
        let label = vec![site(&node.site)];
        up.get_or_create(&label).set(i64::from(node.connected));
        for freshness in Freshness::ALL {
            let labels = vec![site(&node.site), ("freshness", freshness.name().to_owned())];
            state.get_or_create(&labels).set(i64::from(node.freshness == freshness));
        }
        // What is not known has no sample.
        if let Some(delay_s) = node.delay_s {
            delay.get_or_create(&label).set(delay_s);
        }
        if let Some(at) = node.last_heard {
            heard.get_or_create(&label).set(moment.view.at.seconds_since(at).max(0.0));
        }
        missing.get_or_create(&label).set(i64::try_from(node.records_missing).unwrap_or(i64::MAX));
    }
    registry.register("node_connected", "Whether the node's link stands", up);
    registry.register("node_freshness", "1 for the node's present degree of freshness, 0 for the others", state);
    let help = "From the time of validity of the node's newest state to its receipt, by the two clocks as they are";
    registry.register_with_unit("node_delay", help, Unit::Seconds, delay);
    registry.register_with_unit("node_silence", "Since anything came from the node", Unit::Seconds, heard);
    registry.register("node_records_missing", "Must-arrive records known to exist that have not arrived", missing);
}

fn stages(registry: &mut Registry, moment: &Moment) {
    let (latency, count) = (Family::<Labels, Real>::default(), Family::<Labels, Counter>::default());
    for node in &moment.view.nodes {
        let Some(health) = &node.health else { continue };
        for row in &health.latencies {
            let labels = vec![site(&node.site), ("stage", row.stage.name().to_owned())];
            for (quantile, ms) in [("0.5", row.p50_ms), ("0.99", row.p99_ms)] {
                let mut labels = labels.clone();
                labels.push(("quantile", quantile.to_owned()));
                latency.get_or_create(&labels).set(ms / 1e3);
            }
            count.get_or_create(&labels).inc_by(row.count);
        }
    }
    let help = "Quantiles of a stage's latency since the node started, as it last reported";
    registry.register_with_unit("node_stage_latency", help, Unit::Seconds, latency);
    registry.register("node_stage_measurements", "How many latencies of a stage the node measured", count);
}

/// The nodes' must-arrive records, as they last reported.
fn spools(registry: &mut Registry, moment: &Moment) {
    let (pending, bytes) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    let (failing, oldest) = (Family::<Labels, Gauge>::default(), Family::<Labels, Real>::default());
    let (dropped, damaged) = (Family::<Labels, Counter>::default(), Family::<Labels, Counter>::default());
    for node in &moment.view.nodes {
        let Some(spool) = node.health.as_ref().and_then(|health| health.spool.as_ref()) else { continue };
        let label = vec![site(&node.site)];
        pending.get_or_create(&label).set(i64::try_from(spool.pending).unwrap_or(i64::MAX));
        bytes.get_or_create(&label).set(i64::try_from(spool.bytes).unwrap_or(i64::MAX));
        failing.get_or_create(&label).set(i64::from(spool.failing));
        oldest.get_or_create(&label).set(spool.oldest_age_s.unwrap_or(0.0));
        damaged.get_or_create(&label).inc_by(spool.damaged);
        for (importance, n) in &spool.dropped {
            dropped.get_or_create(&vec![site(&node.site), ("importance", importance.clone())]).inc_by(*n);
        }
    }
    registry.register("node_records_pending", "Must-arrive records that the node still holds", pending);
    registry.register_with_unit("node_records_pending_oldest", "Age of the oldest of them", Unit::Seconds, oldest);
    registry.register_with_unit("node_spool", "What they take on the node's disk", Unit::Bytes, bytes);
    registry.register("node_spool_failing", "Whether the node's disk refuses records", failing);
    let help = "Must-arrive records that the node dropped for want of room or for age, over all its starts";
    registry.register("node_records_dropped", help, dropped);
    registry.register("node_records_damaged", "Must-arrive records lost to damage on the node's disk", damaged);
}

fn twin(registry: &mut Registry, moment: &Moment) {
    let view = &moment.view;
    let tracks = Family::<Labels, Gauge>::default();
    for node in &view.nodes {
        for freshness in Freshness::ALL.into_iter().filter(|freshness| *freshness != Freshness::Lost) {
            tracks.get_or_create(&vec![site(&node.site), ("freshness", freshness.name().to_owned())]).set(0);
        }
    }
    let mut counted: BTreeMap<_, i64> = BTreeMap::new();
    for track in view.tracks() {
        *counted.entry((track.node, track.freshness)).or_default() += 1;
    }
    for ((node, freshness), n) in counted {
        let labels = vec![site(&view.nodes[node].site), ("freshness", freshness.name().to_owned())];
        tracks.get_or_create(&labels).set(n);
    }
    registry.register("tracks", "Road users in the twin", tracks);
    let (alive, raised) = (Family::<Labels, Gauge>::default(), Family::<Labels, Counter>::default());
    for (kind, n) in view.warnings_by_kind() {
        let label = vec![("kind", kind.name().to_owned())];
        alive.get_or_create(&label).set(i64::try_from(n).unwrap_or(i64::MAX));
        let n = view.counts.warnings_raised.get(&kind).copied().unwrap_or(0);
        raised.get_or_create(&label).inc_by(n);
    }
    registry.register("warnings", "Warnings alive", alive);
    registry.register("warnings_raised", "Warnings raised", raised);
    let misbehaviours: Counter = Counter::default();
    misbehaviours.inc_by(view.counts.misbehaviours);
    registry.register("misbehaviour_reports", "Misbehaviour reports taken from nodes", misbehaviours);
    let states: Counter = Counter::default();
    states.inc_by(view.counts.states);
    registry.register("states_received", "States, or parts of states, taken from nodes", states);
    let updates: Counter = Counter::default();
    updates.inc_by(view.counts.tracks);
    registry.register("track_updates_received", "Updates of road users taken from nodes", updates);
    let help = "From the time of validity of a state to its being in the twin, by the two clocks as they are";
    registry.register_with_unit("state_delay", help, Unit::Seconds, DelayHistogram(view.counts.delays.clone()));
}

#[derive(Debug)]
struct DelayHistogram(Delays);

impl EncodeMetric for DelayHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let (count, sum_s) = self.0.total();
        let classes: Vec<(f64, u64)> = self.0.classes().collect();
        encoder.encode_histogram::<NoLabelSet>(sum_s, count, &classes, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

fn drops(registry: &mut Registry, moment: &Moment) {
    let (by_nodes, by_cloud) = (Family::<Labels, Counter>::default(), Family::<Labels, Counter>::default());
    for node in &moment.view.nodes {
        for (cause, n) in node.health.iter().flat_map(|health| health.drops.iter()) {
            by_nodes.get_or_create(&vec![site(&node.site), ("cause", cause.name().to_owned())]).inc_by(n);
        }
    }
    for (cause, n) in moment.dropped_by_cloud.iter() {
        by_cloud.get_or_create(&vec![("cause", cause.name().to_owned())]).inc_by(n);
    }
    registry.register("node_dropped", "What the node dropped since it started, as it last reported", by_nodes);
    registry.register("dropped", "What the cloud dropped", by_cloud);
}

fn daemon(registry: &mut Registry, moment: &Moment) {
    let own = &moment.counters;
    let mut counter = |name: &str, help: &str, n: u64| {
        let counter: Counter = Counter::default();
        counter.inc_by(n);
        registry.register(name, help, counter);
    };
    let counts = &moment.view.counts;
    counter("records_received", "Must-arrive records taken, each once", counts.records);
    counter("records_received_again", "Must-arrive records that came again", counts.records_again);
    counter("records_stored", "Must-arrive records on disk", own.records_stored);
    counter("records_acknowledged", "Acknowledgements, repeats included", own.records_acknowledged);
    let skipped = own.frames_skipped;
    counter("console_frames_skipped", "Frames left out for consoles that do not keep up", skipped);
    counter("twins_skipped", "Twins left out for gRPC watchers", own.twins_skipped);
    counter("log_ins_refused", "Log-ins refused: wrong, too many, too many at once", own.log_ins_refused);
    counter("history_written_bytes", "Bytes of history written", own.history_bytes);
    counter("history_frames_dropped", "Frames of history that the disk did not take", own.history_dropped);
    counter("kept_dropped", "Incidents and minutes of traffic that could not be kept", own.kept_dropped);
    counter("congestion_words_told", "Words of congestion that a site has", own.congestion_told);
    counter("congestion_words_untold", "Words of congestion that a site was not told", own.congestion_untold);
    counter("log_lines_read", "Lines of nodes' logs that operators have read", own.log_lines_read);
    let lost = "Lines of nodes' logs that were gone before the next look at them";
    counter("log_lines_lost", lost, own.log_lines_lost);
    let conditions: Gauge = Gauge::default();
    conditions.set(i64::try_from(own.conditions_held).unwrap_or(i64::MAX));
    registry.register("road_conditions", "Road conditions of operators that hold", conditions);
    let failing: Gauge = Gauge::default();
    failing.set(i64::from(own.record_log_failing));
    registry.register("record_log_failing", "Whether the disk refuses records at present", failing);
    let consoles: Gauge = Gauge::default();
    consoles.set(i64::try_from(own.consoles).unwrap_or(i64::MAX));
    registry.register("consoles", "Consoles connected", consoles);
    let uptime = Real::default();
    uptime.set(moment.uptime.as_secs_f64());
    registry.register_with_unit("uptime", "Since the daemon started", Unit::Seconds, uptime);
    if let Some(usage) = jxz_observe::process_usage() {
        let (memory, cpu): (Gauge, Counter<f64, AtomicU64>) = Default::default();
        memory.set(i64::try_from(usage.resident_bytes).unwrap_or(i64::MAX));
        cpu.inc_by(usage.cpu.as_secs_f64());
        registry.register_with_unit("process_resident_memory", "Memory in use", Unit::Bytes, memory);
        registry.register_with_unit("process_cpu", "Processor time used", Unit::Seconds, cpu);
    }
}

//! Nodes and roll-outs as they are shown: what is desired beside what the node says.

use super::store::{self, CertificateRow, Head, RolloutRow};
use super::{Fleet, reply::Refusal};
use crate::frame::{counts, unix_ms};
use jxz_cloud::{Freshness, NodeView};
use jxz_fleet::Rollout;
use jxz_world::{Application, NodeHealth};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A node's report, while it stands for the present.
pub(super) fn live_health(node: &NodeView) -> Option<&NodeHealth> {
    node.health.as_deref().filter(|_| node.health_freshness.is_some_and(Freshness::is_live))
}

/// A node, managed.
#[derive(Debug, Serialize)]
pub(crate) struct NodeRow {
    pub(crate) site: String,
    name_zh: Option<String>,
    name_en: Option<String>,
    connected: bool,
    freshness: &'static str,
    last_heard_ms: Option<u64>,
    /// `null`: the node does not say, or not any more.
    service: Option<ServiceRow>,
    health: Option<HealthRow>,
    pub(crate) configuration: ConfigurationRow,
    pub(crate) applications: Vec<ApplicationRow>,
    software: Pair,
    map: Pair,
    /// By serial number, whether only certificates of the catalogue are let in.
    managed: bool,
    /// What it showed on the connection that stands.
    certificate: Option<Value>,
    certificates: Vec<CertificateRow>,
}

#[derive(Debug, Serialize)]
struct ServiceRow {
    /// full or degraded.
    level: &'static str,
    shortfalls: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct HealthRow {
    at_ms: u64,
    uptime_s: f64,
    tracks: u32,
    warnings: u32,
    subscribers: u32,
    latencies: Vec<Value>,
    sensors: Vec<Value>,
    dropped: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ConfigurationRow {
    /// none, pending, applied, rejected.
    pub(crate) state: &'static str,
    /// Why the node rejects what is desired.
    pub(crate) reason: Option<String>,
    pub(crate) desired: Option<Value>,
    /// By the node's own word.
    pub(crate) actual: Option<Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ApplicationRow {
    pub(crate) name: &'static str,
    /// By the node's own word; `null`: it does not say.
    pub(crate) on: Option<bool>,
    /// `null`: left to the node's own file.
    wanted: Option<bool>,
    /// on, off, pending, unknown.
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct Pair {
    desired: Option<String>,
    actual: Option<String>,
}

/// What the catalogue knows of every node.
struct Kept {
    heads: BTreeMap<jxz_world::SiteId, Head>,
    answers: BTreeMap<String, store::Answer>,
    software: BTreeMap<String, String>,
    certificates: BTreeMap<String, Vec<CertificateRow>>,
    managed: Vec<String>,
}

/// Every node, or one.
pub(super) async fn nodes(fleet: &Fleet, only: Option<&str>) -> Result<Vec<NodeRow>, Refusal> {
    let moment = Arc::clone(&fleet.moments.borrow());
    let wanted = |node: &&NodeView| only.is_none_or(|site| node.site.0 == site);
    let names: Vec<String> = moment.view.nodes.iter().filter(wanted).map(|node| node.site.0.clone()).collect();
    let kept = fleet.catalogue.run(move |t| {
        let mut certificates = BTreeMap::new();
        for name in names {
            let rows = store::certificates(t, &name)?;
            certificates.insert(name, rows);
        }
        Ok(Kept {
            heads: store::heads(t)?,
            answers: store::answers(t)?,
            software: store::software(t)?,
            certificates,
            managed: store::admitted(t)?.into_keys().map(|site| site.0).collect(),
        })
    });
    let mut kept = kept.await?;
    let standing = fleet.links.standing();
    let rows = moment.view.nodes.iter().filter(wanted).map(|node| {
        let shown = standing.get(&node.site).map(|link| &link.certificate);
        row(node, &mut kept, shown, &fleet.map.version)
    });
    Ok(rows.collect())
}

fn row(node: &NodeView, kept: &mut Kept, shown: Option<&jxz_link::CertificateId>, map_version: &str) -> NodeRow {
    let site = node.site.0.clone();
    let health = live_health(node);
    let head = kept.heads.get(&node.site);
    let configuration = configuration(head, kept.answers.get(&site), health);
    let rejected = configuration.state == "rejected";
    let applications = Application::ALL.map(|application| {
        let on = health.map(|health| health.running.applications.contains(&application));
        let wanted = head.and_then(|head| head.document.switched(application));
        let state = match (on, wanted) {
            (Some(on), Some(wanted)) if on != wanted && !rejected => "pending",
            (Some(true), _) => "on",
            (Some(false), _) => "off",
            (None, _) => "unknown",
        };
        ApplicationRow { name: application.name(), on, wanted, state }
    });
    NodeRow {
        name_zh: node.name_zh.clone(),
        name_en: node.name_en.clone(),
        connected: shown.is_some(),
        freshness: node.freshness.name(),
        last_heard_ms: node.last_heard.map(unix_ms),
        service: health.and_then(|health| health.service.as_ref()).map(|service| ServiceRow {
            level: if service.is_full() { "full" } else { "degraded" },
            shortfalls: service
                .shortfalls()
                .iter()
                .map(|shortfall| json!({ "name": shortfall.name(), "subject": shortfall.subject() }))
                .collect(),
        }),
        health: health.map(|health| health_row(node, health)),
        configuration,
        applications: applications.into(),
        software: Pair {
            desired: kept.software.get(&site).cloned(),
            actual: health.map(|health| health.software_version.clone()),
        },
        map: Pair { desired: Some(map_version.to_owned()), actual: health.map(|health| health.map_version.clone()) },
        managed: kept.managed.contains(&site),
        certificate: shown.map(|id| {
            json!({ "serial": id.serial, "not_before_ms": unix_ms(id.not_before), "not_after_ms": unix_ms(id.not_after),
                "renew_at_ms": unix_ms(id.renew_at()) })
        }),
        certificates: kept.certificates.remove(&site).unwrap_or_default(),
        site,
    }
}

fn health_row(node: &NodeView, health: &NodeHealth) -> HealthRow {
    let latency = |row: &jxz_world::StageLatency| json!({ "stage": row.stage.name(), "p50_ms": row.p50_ms, "p99_ms": row.p99_ms, "count": row.count });
    let sensor = |sensor: &jxz_cloud::SensorView| {
        let kind = match sensor.kind {
            jxz_world::SensorKind::Radar => "radar",
            jxz_world::SensorKind::Camera => "camera",
        };
        json!({ "id": sensor.id.0, "kind": kind, "freshness": sensor.freshness.name(), "scans_per_s": sensor.scans_per_s })
    };
    HealthRow {
        at_ms: unix_ms(health.at),
        uptime_s: health.uptime_s,
        tracks: health.tracks,
        warnings: health.warnings,
        subscribers: health.subscribers,
        latencies: health.latencies.iter().map(latency).collect(),
        sensors: node.sensors.iter().map(sensor).collect(),
        dropped: counts(&health.drops),
    }
}

fn configuration(head: Option<&Head>, answer: Option<&store::Answer>, health: Option<&NodeHealth>) -> ConfigurationRow {
    let actual = health.and_then(|health| health.running.config);
    let reason = head.and_then(|head| {
        let (revision, reason) = answer?;
        reason.clone().filter(|_| *revision == head.revision)
    });
    let state = match head {
        None => "none",
        Some(_) if reason.is_some() => "rejected",
        Some(head) if actual.is_some_and(|a| (a.revision, a.digest) == (head.revision, head.digest())) => "applied",
        Some(_) => "pending",
    };
    // Sixteen hexadecimal digits: a browser's numbers do not hold 64 bits.
    let digest = |digest: u64| format!("{digest:016x}");
    ConfigurationRow {
        state,
        reason,
        desired: head.map(|head| {
            json!({ "revision": head.revision, "digest": digest(head.digest()), "document": head.document,
                "at_ms": head.at_ms, "who": head.who, "why": head.why })
        }),
        actual: actual.map(|config| json!({ "revision": config.revision, "digest": digest(config.digest) })),
    }
}

/// A roll-out.
pub(super) fn rollout(row: &RolloutRow) -> Value {
    let state: &Rollout = &row.state;
    let sites: Vec<Value> = state
        .sites()
        .iter()
        .map(|(site, s)| {
            json!({ "site": site, "step": s.step, "revision": s.revision, "note": s.note,
                "canary": *site == state.plan().canary })
        })
        .collect();
    json!({
        "number": row.number,
        "at_ms": row.at_ms,
        "who": row.who,
        "change": row.change,
        "phase": state.phase(),
        "over": state.is_over(),
        "why": state.why(),
        "canary": state.plan().canary,
        "soak_s": state.plan().soak_s,
        "batch": state.plan().batch,
        "sites": sites,
    })
}

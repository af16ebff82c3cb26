//! The site: the map, the sensors that are heard, the cloud.

use super::{Finding, Unit};
use jxz_ingest::{Gate, Ingested, Listener};
use jxz_link::{Credentials, Role, Uplink, UplinkConfig};
use jxz_map::Map;
use jxz_world::{SensorId, Site};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long the cloud gets to let the node in.
const CLOUD_PATIENCE: Duration = Duration::from_secs(4);
const POLL: Duration = Duration::from_millis(50);
/// Scans waiting to be counted.
const QUEUE: usize = 256;
/// A sensor below this share of its surveyed rate is slow.
const SLOW: f64 = 0.5;

pub(super) async fn look(unit: &Unit<'_>, map: &Map) -> Vec<Finding> {
    let (config, credit) = (unit.config, &map.credit);
    let Some(site) = map.site_by_id(&config.site) else {
        let found = format!("{} has no site {}", config.map.display(), config.site);
        return vec![Finding::fail("map", found, "`jxz map info` lists the sites; correct `site`")];
    };
    let found =
        format!("{} edition {}, {} sensors at {} ({credit})", map.name, map.version, site.sensors.len(), site.id);
    let mut findings = vec![Finding::ok("map", found)];
    findings.extend(sensors(unit, site).await);
    findings
}

async fn sensors(unit: &Unit<'_>, site: &Site) -> Vec<Finding> {
    if unit.running.is_some() {
        let found = "the running node listens to them";
        return vec![Finding::ok("sensors", format!("{found}; `jxz-edge status` has what it dropped"))];
    }
    if unit.listen.is_zero() {
        return vec![Finding::warn("sensors", "not listened to", "--listen-s 3")];
    }
    let gate = Gate::new(&site.sensors, site.junction.clone());
    let mut listener = match Listener::bind(unit.config.ingest.listen, gate, QUEUE) {
        Ok(listener) => listener,
        Err(error) => return vec![Finding::fail("sensors", error.to_string(), "see the line of its port")],
    };
    let mut findings = Vec::new();
    for adapter in &unit.config.ingest.adapters {
        if let Err(error) = listener.add(adapter) {
            findings.push(Finding::fail(
                "sensors",
                error.to_string(),
                "correct ingest.adapters (docs/sensor-adapters.md)",
            ));
        }
    }
    let mut heard: BTreeMap<SensorId, u32> = BTreeMap::new();
    let mut signals = 0_u32;
    let until = Instant::now() + unit.listen;
    while let Ok(Some(ingested)) = timeout_at(until, listener.recv()).await {
        match ingested {
            Ingested::Scan(scan) => *heard.entry(scan.sensor).or_default() += 1,
            Ingested::Signals(_) => signals += 1,
        }
    }
    let seconds = unit.listen.as_secs_f64();
    for sensor in &site.sensors {
        let hertz = f64::from(heard.get(&sensor.id).copied().unwrap_or(0)) / seconds;
        findings.push(rate(&sensor.id, hertz, 1.0 / sensor.period_s));
    }
    if let Some(junction) = &site.junction {
        findings.push(if signals > 0 {
            Finding::ok("signals", format!("{junction}: {:.1} reports a second", f64::from(signals) / seconds))
        } else {
            let advice = "without the controller there is no SPAT; look at its cable and address";
            Finding::warn("signals", format!("{junction}: nothing heard in {seconds} s"), advice)
        });
    }
    for (cause, n) in listener.drops().iter() {
        let advice = "names as in the map, clocks within 50 ms, units as in sensor.proto or the mapping";
        findings.push(Finding::warn("sensors", format!("dropped {n}: {}", cause.name()), advice));
    }
    findings
}

fn rate(sensor: &SensorId, hertz: f64, nominal: f64) -> Finding {
    if hertz <= 0.0 {
        let advice = "look at its power, cable, and the address that it sends to";
        Finding::warn("sensors", format!("{sensor}: nothing heard"), advice)
    } else if hertz < SLOW * nominal {
        let advice = "is the network between overloaded, or its rate set low?";
        Finding::warn("sensors", format!("{sensor}: {hertz:.1} scans a second, {nominal:.0} are surveyed"), advice)
    } else {
        Finding::ok("sensors", format!("{sensor}: {hertz:.1} scans a second"))
    }
}

/// Whether the cloud lets the node in: by what the running node says, else by trying it.
pub(super) async fn cloud(unit: &Unit<'_>) -> Finding {
    let address = &unit.config.cloud.address;
    let away = "records wait and warnings go on without it; look at the uplink and at the cloud's log";
    if let Some(status) = &unit.running {
        return if status.cloud_connected {
            Finding::ok("cloud", format!("the running node is connected to {address}"))
        } else {
            Finding::warn("cloud", format!("the running node is not connected to {address}"), away)
        };
    }
    match tokio::net::lookup_host(address).await.map(|mut found| found.next()) {
        Ok(Some(_)) => {}
        Ok(None) => return Finding::fail("cloud", format!("{address} has no address"), "correct cloud.address"),
        Err(error) => {
            let advice = "correct cloud.address (HOST:PORT), or see to the name server";
            return Finding::fail("cloud", format!("{address}: {error}"), advice);
        }
    }
    let role = Role::Node(unit.config.site.clone());
    let Ok(credentials) = Credentials::load(&unit.config.pki.dir, &role) else {
        return Finding::warn("cloud", "not tried: there are no credentials", "see the line of the certificate");
    };
    let boot = u64::try_from(unit.now.unix_ms()).unwrap_or(0);
    let mut settings = UplinkConfig::new(address, unit.config.site.clone(), boot, credentials);
    settings.server_name.clone_from(&unit.config.cloud.server_name);
    let uplink = match Uplink::spawn(settings) {
        Ok(uplink) => uplink,
        Err(error) => return Finding::fail("cloud", error.to_string(), "see the lines of the certificates"),
    };
    let until = Instant::now() + CLOUD_PATIENCE;
    while Instant::now() < until {
        if uplink.stats().connected {
            return Finding::ok("cloud", format!("{address} lets the node in"));
        }
        sleep(POLL).await;
    }
    Finding::warn("cloud", format!("{address} did not let the node in within {CLOUD_PATIENCE:?}"), away)
}

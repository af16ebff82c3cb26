//! What starts a brain: taken from a living one, and turned into another of the same kind.

use crate::FORMAT;
use crate::convert::{hazard_from_wire, hazard_to_wire};
use crate::error::BlackBoxError;
use jxz_edge::{Edge, EdgeConfig, Security, Stopwatch};
use jxz_fusion::FusionConfig;
use jxz_map::Map;
use jxz_security::{Certificate, Receiver, ReceiverConfig, Signer, TrustStore};
use jxz_units::{Instant, Now, Utc};
use jxz_v2x::Profile;
use jxz_wire::journal::v1 as wire;
use jxz_world::SiteId;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// The head of a file that begins with the brain's first step. `measured`: whether its stopwatch's readings are recorded.
#[must_use]
pub fn head_of(edge: &Edge, measured: bool) -> wire::Head {
    let (config, started) = (edge.config(), edge.started());
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    wire::Head {
        format: FORMAT,
        site: edge.site().id.0.clone(),
        boot: config.boot,
        software_version: config.software_version.clone(),
        build: build.to_owned(),
        map_version: edge.map().version.clone(),
        map_sites: edge.map().sites.iter().map(|site| site.id.0.clone()).collect(),
        started_mono_ns: started.mono.ns(),
        started_utc_ns: started.utc.unix_ns(),
        settings: Some(wire::Settings {
            profile: config.profile.name().to_owned(),
            share_sensors: config.share_sensors,
            round_s: config.round_s,
            state_valid_s: config.state_valid_s,
            health_s: config.health_s,
            hazard: hazard_to_wire(&config.hazard).unwrap_or_default(),
            fusion_digest: fusion_digest(&config.fusion),
        }),
        security: edge.security().map(|(signer, receiver)| security_to_wire(signer, receiver)),
        measured,
        steps_before: 0,
        outputs_before: 0,
        part: None,
        clip_of: None,
    }
}

/// Fusion's settings are the software's own; their text form shows every bit of every number.
fn fusion_digest(config: &FusionConfig) -> Vec<u8> {
    Sha256::digest(format!("{config:?}")).to_vec()
}

fn security_to_wire(signer: &Signer, receiver: &Receiver) -> wire::Security {
    let bounds = receiver.config();
    let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    wire::Security {
        certificate: signer.certificate().bytes().to_vec(),
        authorities: receiver.trust().certificates().map(|authority| authority.bytes().to_vec()).collect(),
        max_bytes: bounds.max_bytes as u64,
        ahead_ns: ns(bounds.ahead),
        behind_ns: ns(bounds.behind),
        replays: bounds.replays as u64,
        certificates: bounds.certificates as u64,
    }
}

/// The most messages or certificates that a recorded receiver remembers.
const MAX_MEMORY: u64 = 1 << 20;

fn security_from_wire(security: &wire::Security) -> Result<Security, BlackBoxError> {
    let mut trust = TrustStore::new();
    for bytes in &security.authorities {
        // Which of them are roots they say themselves: they are signed by nobody else.
        if trust.add_root(bytes).is_err() {
            trust.add_authority(bytes)?;
        }
    }
    let memory = |field, value: u64| {
        let bounded = (value <= MAX_MEMORY).then_some(value as usize);
        bounded.ok_or_else(|| BlackBoxError::value(field, value, "at most 1048576"))
    };
    let receiver = ReceiverConfig {
        max_bytes: memory("Security.max_bytes", security.max_bytes)?,
        ahead: Duration::from_nanos(security.ahead_ns),
        behind: Duration::from_nanos(security.behind_ns),
        replays: memory("Security.replays", security.replays)?,
        certificates: memory("Security.certificates", security.certificates)?,
    };
    let signer = Signer::without_key(Certificate::parse(&security.certificate)?);
    Ok(Security { signer, trust, receiver })
}

/// When the recorded brain was made.
pub(crate) fn started(head: &wire::Head) -> Now {
    Now { mono: Instant::from_ns(head.started_mono_ns), utc: Utc::from_unix_ns(head.started_utc_ns) }
}

/// The recorded brain, as it was when it was made at `started`. Of `map` it gets the sites that it had.
///
/// # Errors
/// [`BlackBoxError`]: the map is another one, fusion's settings are other ones, or something recorded cannot be.
pub fn brain_of(
    head: &wire::Head,
    map: &Arc<Map>,
    started: Now,
    stopwatch: Box<dyn Stopwatch>,
) -> Result<Edge, BlackBoxError> {
    let fusion = FusionConfig::default();
    let settings = head.settings.clone().unwrap_or_default();
    if settings.fusion_digest != fusion_digest(&fusion) {
        return Err(BlackBoxError::Fusion { version: head.software_version.clone() });
    }
    let profile: Result<Profile, _> = settings.profile.parse();
    let config = EdgeConfig {
        boot: head.boot,
        software_version: head.software_version.clone(),
        profile: profile.map_err(|error| BlackBoxError::value("Settings.profile", error, "a profile's name"))?,
        share_sensors: settings.share_sensors,
        fusion,
        hazard: hazard_from_wire(&settings.hazard)?,
        round_s: settings.round_s,
        state_valid_s: settings.state_valid_s,
        health_s: settings.health_s,
    };
    let map = part_of(map, head)?;
    let edge = Edge::new(started, map, &SiteId(head.site.clone()), config, stopwatch)?;
    Ok(match &head.security {
        Some(security) => edge.secured(security_from_wire(security)?),
        None => edge,
    })
}

/// The map with the recorded sites alone: a simulated island may be a part of the whole.
fn part_of(map: &Arc<Map>, head: &wire::Head) -> Result<Arc<Map>, BlackBoxError> {
    let ids = |map: &Map| map.sites.iter().map(|site| site.id.0.clone()).collect::<Vec<_>>();
    if map.version == head.map_version {
        if ids(map) == head.map_sites {
            return Ok(Arc::clone(map));
        }
        let mut part = Map::clone(map);
        part.sites.retain(|site| head.map_sites.contains(&site.id.0));
        if ids(&part) == head.map_sites {
            return Ok(Arc::new(part));
        }
    }
    Err(BlackBoxError::Map { recorded: head.map_version.clone(), given: map.version.clone() })
}

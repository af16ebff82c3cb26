//! Words to the brain, to the wire and back with every bit.

mod scan;
mod succession;
mod track;

use crate::error::BlackBoxError;
use jxz_edge::{ClockError, Configuration, Input, LinkStatus};
use jxz_hazard::HazardConfig;
use jxz_security::Verdict;
use jxz_units::Utc;
use jxz_wire::journal::v1 as wire;
use jxz_wire::journal::v1::step::Input as Wire;
use jxz_world::{ConfigVersion, CongestionReport, DropCause, Drops, RoadHazard, RoadReport};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NameError, StrDeserializer};

pub(crate) use scan::signals_to_wire;
pub(crate) use track::neighbour_to_wire;

/// The most bytes of a name.
const MAX_NAME_BYTES: usize = 256;
/// The most entries of a list in a step.
const MAX_LIST: usize = 8192;
/// What a signature's verdict is called that found no room.
pub(crate) const NO_ROOM: &str = "no room";
/// What a good signature's verdict is called.
const GOOD: &str = "good";

/// What a verdict is called in a recording.
pub(crate) fn outcome(verdict: Option<&Verdict>) -> String {
    match verdict.map(Verdict::refusal) {
        None => NO_ROOM.to_owned(),
        Some(None) => GOOD.to_owned(),
        Some(Some(refusal)) => refusal.to_string(),
    }
}

/// An input for a recording. `None` for one of a kind that this version does not know.
#[must_use]
pub fn input_to_wire(input: &Input) -> Option<Wire> {
    Some(match input {
        Input::Scan(scan) => Wire::Scan(scan::scan_to_wire(scan)),
        Input::Signals(signals) => Wire::Signals(signals_to_wire(signals)),
        Input::Radio(bytes) => Wire::Radio(bytes.clone()),
        Input::Verified(ticket, verdict) => {
            Wire::Verified(wire::Verified { ticket: *ticket, outcome: outcome(verdict.as_ref()) })
        }
        Input::Revocations(list) => Wire::Revocations(list.clone()),
        Input::Neighbour(word) => Wire::Neighbour(neighbour_to_wire(word)),
        Input::RoadCondition(report) => Wire::RoadCondition(condition_to_wire(report)),
        Input::Congestion(report) => Wire::Congestion(congestion_to_wire(report)),
        Input::Hazard(config) => Wire::Hazard(hazard_to_wire(config)?),
        Input::Configuration(configuration) => Wire::Configuration(wire::Configuration {
            revision: configuration.version.revision,
            digest: configuration.version.digest,
            hazard: hazard_to_wire(&configuration.hazard)?,
            health_s: Some(configuration.health_s),
        }),
        Input::Succession(theirs) => Wire::Succession(succession::to_wire(theirs)),
        Input::ClockError(error) => Wire::ClockError(clock_to_wire(*error)),
        Input::Links(links) => Wire::Links(wire::Links {
            subscribers: links.subscribers,
            drops: links.drops.iter().map(|(cause, n)| (cause.name().to_owned(), n)).collect(),
            spool: links.spool.as_ref().map(jxz_wire::spool_to_wire),
        }),
        Input::Timer => Wire::Timer(wire::Timer {}),
        _ => return None,
    })
}

/// An input of a recording. [`Input::Verified`] is not among them: its verdict has to be made again.
///
/// # Errors
/// [`BlackBoxError::Value`] names the field that cannot be so.
pub fn input_from_wire(input: Wire) -> Result<Input, BlackBoxError> {
    Ok(match input {
        Wire::Scan(scan) => Input::Scan(scan::scan_from_wire(scan)?),
        Wire::Signals(signals) => Input::Signals(scan::signals_from_wire(signals)?),
        Wire::Radio(bytes) => Input::Radio(bytes),
        Wire::Revocations(list) => Input::Revocations(list),
        Wire::Neighbour(word) => Input::Neighbour(track::neighbour_from_wire(word)?),
        Wire::RoadCondition(report) => Input::RoadCondition(condition_from_wire(&report)?),
        Wire::Congestion(report) => Input::Congestion(congestion_from_wire(report)?),
        Wire::Hazard(text) => Input::Hazard(Box::new(hazard_from_wire(&text)?)),
        Wire::Configuration(configuration) => Input::Configuration(Box::new(Configuration {
            version: ConfigVersion { revision: configuration.revision, digest: configuration.digest },
            hazard: hazard_from_wire(&configuration.hazard)?,
            health_s: there("Configuration.health_s", configuration.health_s)?,
        })),
        Wire::Succession(theirs) => Input::Succession(Box::new(succession::from_wire(theirs)?)),
        Wire::ClockError(error) => Input::ClockError(clock_from_wire(error)),
        Wire::Links(links) => Input::Links(links_from_wire(&links)?),
        Wire::Timer(_) => Input::Timer,
        Wire::Verified(verified) if verified.outcome == NO_ROOM => Input::Verified(verified.ticket, None),
        Wire::Verified(verified) => {
            return Err(BlackBoxError::value("Step.verified", verified.outcome, "verified again, by a replay"));
        }
    })
}

/// What kind of input it is, for people.
#[must_use]
pub const fn input_kind(input: &Wire) -> &'static str {
    match input {
        Wire::Scan(_) => "scan",
        Wire::Signals(_) => "signals",
        Wire::Radio(_) => "radio frame",
        Wire::Verified(_) => "verdict on a signature",
        Wire::Revocations(_) => "revocation list",
        Wire::Neighbour(_) => "neighbour's word",
        Wire::RoadCondition(_) => "road condition",
        Wire::Congestion(_) => "cloud's word of congestion",
        Wire::Hazard(_) => "settings of the warnings",
        Wire::Configuration(_) => "configuration of the cloud",
        Wire::Succession(_) => "succession",
        Wire::ClockError(_) => "error of the clock",
        Wire::Links(_) => "state of the links",
        Wire::Timer(_) => "timer",
    }
}

/// TOML: Rust prints and reads doubles there without losing a bit.
pub(crate) fn hazard_to_wire(config: &HazardConfig) -> Option<String> {
    toml::to_string(config).ok()
}

pub(crate) fn hazard_from_wire(text: &str) -> Result<HazardConfig, BlackBoxError> {
    toml::from_str(text).map_err(|error| BlackBoxError::value("hazard", error.message(), "settings of the warnings"))
}

fn condition_to_wire(report: &RoadReport) -> wire::RoadCondition {
    wire::RoadCondition {
        id: report.id,
        hazard: report.hazard.name().to_owned(),
        numbers: vec![report.at.x, report.at.y, report.radius_m, report.safe_mps],
        valid_until_ns: report.valid_until.unix_ns(),
    }
}

fn condition_from_wire(report: &wire::RoadCondition) -> Result<RoadReport, BlackBoxError> {
    let hazard = RoadHazard::from_name(&report.hazard)
        .ok_or_else(|| BlackBoxError::value("RoadCondition.hazard", &report.hazard, "a hazard's name"))?;
    let [east_m, north_m, radius_m, safe_mps] = numbers("RoadCondition.numbers", &report.numbers)?;
    let (at, valid_until) = (jxz_geo::Point::new(east_m, north_m), Utc::from_unix_ns(report.valid_until_ns));
    Ok(RoadReport { id: report.id, hazard, at, radius_m, safe_mps, valid_until })
}

fn congestion_to_wire(report: &CongestionReport) -> wire::Congestion {
    wire::Congestion {
        link: report.link.clone(),
        said_at_ns: report.said_at.unix_ns(),
        speed_mps: Some(report.speed_mps),
        vehicles: report.vehicles,
        valid_until_ns: report.valid_until.unix_ns(),
    }
}

fn congestion_from_wire(report: wire::Congestion) -> Result<CongestionReport, BlackBoxError> {
    Ok(CongestionReport {
        link: name("Congestion.link", report.link)?,
        said_at: Utc::from_unix_ns(report.said_at_ns),
        speed_mps: there("Congestion.speed_mps", report.speed_mps)?,
        vehicles: report.vehicles,
        valid_until: Utc::from_unix_ns(report.valid_until_ns),
    })
}

const fn clock_to_wire(error: ClockError) -> wire::ClockError {
    wire::ClockError { error_s: error.error_s, limit_s: error.limit_s, hold: error.hold }
}

const fn clock_from_wire(error: wire::ClockError) -> ClockError {
    ClockError { error_s: error.error_s, limit_s: error.limit_s, hold: error.hold }
}

fn links_from_wire(links: &wire::Links) -> Result<LinkStatus, BlackBoxError> {
    let mut drops = Drops::default();
    for (name, count) in &links.drops {
        let name: StrDeserializer<'_, NameError> = name.as_str().into_deserializer();
        let cause = DropCause::deserialize(name)
            .map_err(|error| BlackBoxError::value("Links.drops", error, "a cause by its name"))?;
        drops.add(cause, *count);
    }
    let spool = links.spool.clone().map(jxz_wire::spool_from_wire).transpose();
    let spool = spool.map_err(|error| BlackBoxError::value("Links.spool", error, "a spool's state"))?;
    Ok(LinkStatus { subscribers: links.subscribers, drops, spool })
}

/// Exactly `N` numbers.
fn numbers<const N: usize>(field: &'static str, list: &[f64]) -> Result<[f64; N], BlackBoxError> {
    list.try_into().map_err(|_| BlackBoxError::value(field, list.len(), "as many numbers as the field has"))
}

fn name(field: &'static str, text: String) -> Result<String, BlackBoxError> {
    if text.len() <= MAX_NAME_BYTES {
        return Ok(text);
    }
    Err(BlackBoxError::value(field, text.len(), "at most 256 bytes"))
}

fn bounded(field: &'static str, count: usize) -> Result<(), BlackBoxError> {
    if count <= MAX_LIST {
        return Ok(());
    }
    Err(BlackBoxError::value(field, count, "at most 8192 entries"))
}

/// A number that is always there.
fn there(field: &'static str, number: Option<f64>) -> Result<f64, BlackBoxError> {
    number.ok_or_else(|| BlackBoxError::value(field, "nothing", "a number"))
}

/// Both or neither.
fn pair(field: &'static str, a: Option<f64>, b: Option<f64>) -> Result<Option<(f64, f64)>, BlackBoxError> {
    match (a, b) {
        (Some(a), Some(b)) => Ok(Some((a, b))),
        (None, None) => Ok(None),
        _ => Err(BlackBoxError::value(field, "one of two", "both or neither")),
    }
}

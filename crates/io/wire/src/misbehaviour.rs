//! Misbehaviour reports within records.

use crate::WireError;
use crate::error::{finite, length, name, required};
use crate::node::v1 as wire;
use crate::track::vehicle_from_wire;
use jxz_units::Utc;
use jxz_world::Misbehaviour;

pub(crate) fn to_wire(report: &Misbehaviour) -> wire::Misbehaviour {
    wire::Misbehaviour {
        subject: report.subject.0.to_vec(),
        certificate: report.certificate.map(Vec::from).unwrap_or_default(),
        check: report.check.clone(),
        said: report.said,
        allowed: report.allowed,
        unit: report.unit.clone(),
        first_unix_ns: report.first.unix_ns(),
        last_unix_ns: report.last.unix_ns(),
        count: report.count,
    }
}

pub(crate) fn from_wire(report: wire::Misbehaviour) -> Result<Misbehaviour, WireError> {
    length("Misbehaviour.unit", report.unit.len(), 0, 64)?;
    Ok(Misbehaviour {
        subject: required("Misbehaviour.subject", vehicle_from_wire("Misbehaviour.subject", &report.subject)?)?,
        certificate: vehicle_from_wire("Misbehaviour.certificate", &report.certificate)?.map(|digest| digest.0),
        check: name("Misbehaviour.check", report.check)?,
        said: finite("Misbehaviour.said", report.said)?,
        allowed: finite("Misbehaviour.allowed", report.allowed)?,
        unit: report.unit,
        first: Utc::from_unix_ns(report.first_unix_ns),
        last: Utc::from_unix_ns(report.last_unix_ns),
        count: report.count,
    })
}

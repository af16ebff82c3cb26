//! Crossings' rules and sites' sensors.

use super::{Finding, FindingKind};
use crate::model::Map;

pub(super) fn check(map: &Map, findings: &mut Vec<Finding>) {
    for crossing in map.crossings.iter().filter(|crossing| crossing.control.is_none()) {
        findings.push(Finding {
            kind: FindingKind::CrossingWithoutRule,
            object: format!("crossing {:?}", crossing.id),
            at: crossing.line.start(),
            detail: "neither a signal nor a yield rule says who goes first".to_owned(),
        });
    }
    for site in &map.sites {
        if site.sensors.is_empty() {
            findings.push(Finding {
                kind: FindingKind::SiteWithoutSensors,
                object: format!("site {:?}", site.id.0),
                at: site.position,
                detail: "it has no camera and no radar".to_owned(),
            });
        }
        for sensor in &site.sensors {
            let away = (sensor.position - site.position).norm();
            if away > site.coverage_m {
                findings.push(Finding {
                    kind: FindingKind::SensorOutsideSite,
                    object: format!("sensor {:?} of site {:?}", sensor.id.0, site.id.0),
                    at: sensor.position,
                    detail: format!("stands {away:.0} m from its site, which covers {:.0} m", site.coverage_m),
                });
            }
        }
    }
}

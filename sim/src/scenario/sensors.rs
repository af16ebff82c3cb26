//! What is wrong with sensors, as a scenario describes it.

use super::{ScenarioError, range};
use jxz_world::SensorKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most entries.
const MOST_FAULTS: usize = 1000;

/// Kinds of sensor, as a scenario names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultySensor {
    /// Radars.
    Radar,
    /// Cameras.
    Camera,
}

/// How a sensor hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Freeze {
    /// It repeats what it saw last, with new numbers and times.
    Content,
    /// It repeats its last scan to the last bit.
    All,
}

/// What is wrong with some sensors for some time. Entries that befall one sensor add up; of delays the last one counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SensorFault {
    /// Sensors of which site; `*` stands for any letters. Left out: of all.
    pub site: Option<String>,
    /// Sensors of which kind; left out: of both.
    pub kind: Option<FaultySensor>,
    /// Sensors of which name on their site; `*` stands for any letters. Left out: all.
    pub id: Option<String>,
    /// When it begins, seconds from the start.
    pub from_s: f64,
    /// For how long it lasts, seconds; left out: to the end.
    pub lasts_s: Option<f64>,
    /// By how much it is turned against its survey, degrees anticlockwise.
    pub yaw_deg: f64,
    /// By how much it stands off its survey: east and north, metres.
    pub position_m: [f64; 2],
    /// By how much its clock is ahead, milliseconds.
    pub offset_ms: f64,
    /// By how much its clock gains from then on, millionths.
    pub drift_ppm: f64,
    /// From the time of validity to the arrival, milliseconds; left out: as usual, 25.
    pub latency_ms: Option<f64>,
    /// 1-sigma of that, milliseconds; left out: as usual, 2. Above the time between scans they overtake each other.
    pub jitter_ms: Option<f64>,
    /// Share of scans that never arrive, 0 to 1.
    pub drop: f64,
    /// How it hangs; left out: not at all.
    pub freeze: Option<Freeze>,
    /// Share of scans that hang, 0 to 1.
    pub freeze_share: f64,
    /// Whether it says nothing at all.
    pub dead: bool,
    /// How many times as large its errors are.
    pub noise: f64,
    /// Share of scans with such errors, 0 to 1.
    pub noisy_share: f64,
    /// How many times as many false detections it gives.
    pub clutter: f64,
}

impl Default for SensorFault {
    fn default() -> Self {
        Self {
            site: None,
            kind: None,
            id: None,
            from_s: 0.0,
            lasts_s: None,
            yaw_deg: 0.0,
            position_m: [0.0; 2],
            offset_ms: 0.0,
            drift_ppm: 0.0,
            latency_ms: None,
            jitter_ms: None,
            drop: 0.0,
            freeze: None,
            freeze_share: 1.0,
            dead: false,
            noise: 1.0,
            noisy_share: 1.0,
            clutter: 1.0,
        }
    }
}

impl SensorFault {
    pub(super) fn check_all(faults: &[Self]) -> Result<(), ScenarioError> {
        range("sensors: number of entries", faults.len() as f64, 0.0, MOST_FAULTS as f64)?;
        faults.iter().try_for_each(Self::check)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        range("sensors.from_s", self.from_s, 0.0, 1e6)?;
        range("sensors.lasts_s", self.lasts_s.unwrap_or(0.0), 0.0, 1e6)?;
        range("sensors.yaw_deg", self.yaw_deg, -180.0, 180.0)?;
        range("sensors.position_m (east)", self.position_m[0], -100.0, 100.0)?;
        range("sensors.position_m (north)", self.position_m[1], -100.0, 100.0)?;
        range("sensors.offset_ms", self.offset_ms, -1e7, 1e7)?;
        range("sensors.drift_ppm", self.drift_ppm, -10_000.0, 10_000.0)?;
        range("sensors.latency_ms", self.latency_ms.unwrap_or(0.0), 0.0, 5000.0)?;
        range("sensors.jitter_ms", self.jitter_ms.unwrap_or(0.0), 0.0, 2000.0)?;
        range("sensors.drop", self.drop, 0.0, 1.0)?;
        range("sensors.freeze_share", self.freeze_share, 0.0, 1.0)?;
        range("sensors.noise", self.noise, 0.0, 100.0)?;
        range("sensors.noisy_share", self.noisy_share, 0.0, 1.0)?;
        range("sensors.clutter", self.clutter, 0.0, 20.0)
    }

    /// Whether it befalls a sensor.
    pub(crate) fn names(&self, site: &str, kind: SensorKind, id: &str) -> bool {
        let fits = |pattern: &Option<String>, name: &str| pattern.as_ref().is_none_or(|pattern| fits(pattern, name));
        let of_kind = self.kind.is_none_or(|wanted| match wanted {
            FaultySensor::Radar => kind == SensorKind::Radar,
            FaultySensor::Camera => kind == SensorKind::Camera,
        });
        of_kind && fits(&self.site, site) && fits(&self.id, id)
    }

    /// Which sensors it is about, for a message.
    pub(crate) fn whom(&self) -> String {
        let all = "*".to_owned();
        let kind = self.kind.map_or("any kind", |kind| match kind {
            FaultySensor::Radar => "kind radar",
            FaultySensor::Camera => "kind camera",
        });
        format!("site {:?}, id {:?}, {kind}", self.site.as_ref().unwrap_or(&all), self.id.as_ref().unwrap_or(&all))
    }

    /// Whether it lasts at a time.
    pub(crate) fn lasts_at(&self, time_s: f64) -> bool {
        time_s >= self.from_s && self.lasts_s.is_none_or(|lasts_s| time_s < self.from_s + lasts_s)
    }
}

/// Whether a name fits a pattern in which `*` stands for any letters.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut open_end = false;
    let mut last = "";
    for part in parts {
        if open_end && !last.is_empty() {
            let Some(at) = rest.find(last) else { return false };
            rest = &rest[at + last.len()..];
        }
        (open_end, last) = (true, part);
    }
    if open_end { rest.ends_with(last) } else { rest.is_empty() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, is) in [
            ("radar-1", "radar-1", true),
            ("radar-1", "radar-12", false),
            ("radar-*", "radar-12", true),
            ("*-1", "camera-1", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, name), is, "{pattern} {name}");
        }
    }

    #[test]
    fn an_entry_is_for_sensors_of_its_site_kind_and_name() {
        let fault: SensorFault =
            toml::from_str("site = 'z*'\nkind = 'radar'\ndrop = 0.1\nfrom_s = 5\nlasts_s = 2").unwrap();
        assert!(fault.names("zhou", SensorKind::Radar, "radar-1"));
        assert!(!fault.names("zhou", SensorKind::Camera, "radar-1") && !fault.names("nan", SensorKind::Radar, "r"));
        assert!(!fault.lasts_at(4.9) && fault.lasts_at(5.0) && !fault.lasts_at(7.0));
        assert!(fault.check().is_ok() && SensorFault { drop: 1.1, ..fault }.check().is_err());
    }
}

//! A configuration: a JSON document laid over what the node's own file says.

use jxz_geo::Point;
use jxz_hazard::HazardConfig;
use jxz_units::Utc;
use jxz_world::{Application, RoadHazard, RoadReport};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The most bytes of a document.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// The most road conditions in one.
pub const MAX_CONDITIONS: usize = 32;
/// The form that this version writes and reads.
const FORMAT: u32 = 1;
/// An operator's condition is said to the node's brain anew, each time for so long, seconds.
const CONDITION_VALID_S: f64 = 600.0;

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Too long.
    #[error("the configuration has {0} bytes; at most {MAX_DOCUMENT_BYTES} are taken")]
    Oversize(usize),
    /// Not JSON, an unknown key, or a value of the wrong kind.
    #[error("the configuration is not one that this version knows: {0}")]
    Shape(#[from] serde_json::Error),
    /// Written by another version.
    #[error("the configuration has format {0}; this version knows {FORMAT}")]
    Format(u32),
    /// A setting out of range.
    #[error("the configuration makes no sense: {0}")]
    Setting(String),
}

/// What a node ought to run. Everything left out is as the node's own file has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The document's form.
    pub format: u32,
    /// Over the `[hazard]` section: the same names, as deep as need be.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub hazard: Map<String, Value>,
    /// What operators know of the road, by a number of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<u32, Condition>,
    /// Time between health records, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_s: Option<f64>,
}

/// A condition of the road, as an operator states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is wrong.
    pub hazard: RoadHazard,
    /// The middle of it, metres of the local frame.
    pub east_m: f64,
    /// The middle of it, metres of the local frame.
    pub north_m: f64,
    /// How far from there it reaches, metres.
    pub radius_m: f64,
    /// The speed that is safe in it, metres per second.
    pub safe_mps: f64,
    /// Until when, milliseconds since the Unix epoch; without it, until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

impl Condition {
    /// What the node's brain is told now: it holds for ten minutes at most and is said anew before. `None`: it is over.
    #[must_use]
    pub fn report(&self, number: u32, now: Utc) -> Option<RoadReport> {
        let soon = now.plus_seconds(CONDITION_VALID_S);
        let valid_until = self.until_ms.map_or(soon, |ms| Utc::from_unix_ms(ms).min(soon));
        (now < valid_until).then(|| RoadReport { valid_until, ..self.at(number, now) })
    }

    /// What takes it back at the node's brain.
    #[must_use]
    pub fn withdrawal(&self, number: u32, now: Utc) -> RoadReport {
        self.at(number, now)
    }

    fn at(&self, number: u32, valid_until: Utc) -> RoadReport {
        RoadReport {
            // Apart from the numbers of weather stations and neighbours.
            id: (0x6f70 << 48) | u64::from(number),
            hazard: self.hazard,
            at: Point::new(self.east_m, self.north_m),
            radius_m: self.radius_m,
            safe_mps: self.safe_mps,
            valid_until,
        }
    }
}

impl Default for Document {
    fn default() -> Self {
        Self { format: FORMAT, hazard: Map::new(), conditions: BTreeMap::new(), health_s: None }
    }
}

impl Document {
    /// Reads a document and checks it against the defaults of this version.
    ///
    /// # Errors
    /// Too long, not JSON, of another form, with a key that is not known, or with a number out of range.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(DocumentError::Oversize(bytes.len()));
        }
        Self::from_value(serde_json::from_slice(bytes)?)
    }

    fn from_value(value: Value) -> Result<Self, DocumentError> {
        if let Some(format) = value.get("format").and_then(Value::as_u64).filter(|n| *n != u64::from(FORMAT)) {
            return Err(DocumentError::Format(u32::try_from(format).unwrap_or(u32::MAX)));
        }
        let document: Self = serde_json::from_value(value)?;
        document.check()?;
        Ok(document)
    }

    fn check(&self) -> Result<(), DocumentError> {
        if self.conditions.len() > MAX_CONDITIONS {
            let n = self.conditions.len();
            return Err(DocumentError::Setting(format!("{n} road conditions; at most {MAX_CONDITIONS} are taken")));
        }
        let far =
            |(number, condition): &(&u32, &Condition)| !condition.at(**number, Utc::from_unix_ms(0)).is_plausible();
        if let Some((number, _)) = self.conditions.iter().find(far) {
            return Err(DocumentError::Setting(format!(
                "road condition {number} has a place, size or speed that cannot be"
            )));
        }
        // The node checks it again over its own file; but what no node could take is refused where it is made.
        self.hazard_over(&HazardConfig::default()).map(|_| ())
    }

    /// Its bytes: the same for the same document.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Neither keys that are no text nor anything else that could fail is in it.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The warnings' settings: `base` with what the document says laid over it.
    ///
    /// # Errors
    /// A key that is not known, a value of the wrong kind, or a number out of range.
    pub fn hazard_over(&self, base: &HazardConfig) -> Result<HazardConfig, DocumentError> {
        let mut value = serde_json::to_value(base)?;
        merge(&mut value, &Value::Object(self.hazard.clone()));
        let config: HazardConfig = serde_json::from_value(value)?;
        config.check().map_err(|error| DocumentError::Setting(error.to_string()))?;
        Ok(config)
    }

    /// The document with a change: a JSON merge patch (RFC 7396), in which `null` takes a key out.
    ///
    /// # Errors
    /// What comes of it is not a document.
    pub fn changed(&self, change: &Value) -> Result<Self, DocumentError> {
        let mut value = serde_json::to_value(self)?;
        merge(&mut value, change);
        let changed = Self::from_value(value)?;
        let len = changed.to_bytes().len();
        if len > MAX_DOCUMENT_BYTES { Err(DocumentError::Oversize(len)) } else { Ok(changed) }
    }

    /// The change that switches one application and touches no other.
    #[must_use]
    pub fn switch(application: Application, on: bool) -> Value {
        json!({ "hazard": { section(application): { "enabled": on } } })
    }

    /// What it says of an application's switch; `None`: as the node's own file has it.
    #[must_use]
    pub fn switched(&self, application: Application) -> Option<bool> {
        self.hazard.get(section(application))?.get("enabled")?.as_bool()
    }
}

/// An application's section in `[hazard]`.
fn section(application: Application) -> &'static str {
    application.name()
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// The first eight octets of a document's SHA-256, big-endian.
#[must_use]
pub fn digest(document: &[u8]) -> u64 {
    Sha256::digest(document).iter().take(8).fold(0, |sum, octet| (sum << 8) | u64::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_application_has_a_section_whose_switch_acts_on_it_alone() {
        let base = HazardConfig::default();
        for application in Application::ALL {
            let document = Document::default().changed(&Document::switch(application, false)).unwrap();
            let config = document.hazard_over(&base).unwrap();
            let mut expected = base.clone();
            expected.set_enabled(application, false);
            assert_eq!(config, expected, "{}", application.name());
            assert_eq!(document.switched(application), Some(false));
        }
    }

    #[test]
    fn a_document_is_laid_over_what_the_site_has_of_its_own() {
        let mut site = HazardConfig::default();
        site.icw.probability.raise = 0.81;
        site.set_enabled(Application::Tjw, false);
        let change = json!({ "hazard": { "icw": { "probability": { "raise": 0.7, "hold": 0.35 } } }, "health_s": 1.0 });
        let document = Document::default().changed(&change).unwrap();
        let config = document.hazard_over(&site).unwrap();
        assert_eq!(config.icw.probability.raise, 0.7);
        assert!(!config.switch(Application::Tjw).0, "what it does not name stays");
        let back = document.changed(&json!({ "hazard": { "icw": null }, "health_s": null })).unwrap();
        assert_eq!(back, Document::default());
        assert_eq!(back.hazard_over(&site).unwrap(), site);
    }

    #[test]
    fn a_document_comes_back_from_its_bytes() {
        let change = json!({ "conditions": { "3": { "hazard": "ice", "east_m": 10.0, "north_m": -4.5, "radius_m": 20.0,
            "safe_mps": 8.0 } } });
        let document = Document::default().changed(&change).unwrap();
        let bytes = document.to_bytes();
        assert_eq!(Document::parse(&bytes).unwrap(), document);
        assert_eq!(document.to_bytes(), bytes);
        assert_ne!(digest(&bytes), digest(&Document::default().to_bytes()));
        let now = Utc::from_unix_ms(5_000);
        let report = document.conditions[&3].report(3, now).unwrap();
        assert_eq!(report.valid_until, now.plus_seconds(600.0));
        let ended = Condition { until_ms: Some(4_999), ..document.conditions[&3].clone() };
        assert!(ended.report(3, now).is_none());
    }

    #[test]
    fn the_digest_is_that_of_the_published_test_vector() {
        // FIPS 180-4, SHA-256 of "abc".
        assert_eq!(digest(b"abc"), 0xba78_16bf_8f01_cfea);
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for (document, said) in [
            (r#"{"format":2}"#, "format 2"),
            (r#"{"format":1,"hazzard":{}}"#, "hazzard"),
            (r#"{"format":1,"hazard":{"warp":{"enabled":true}}}"#, "warp"),
            (r#"{"format":1,"hazard":{"fcw":{"enabled":"yes"}}}"#, "expected a boolean"),
            (r#"{"format":1,"hazard":{"fcw":{"probability":{"raise":1.5}}}}"#, "fcw"),
            (r#"{"format":1,"hazard":[]}"#, "invalid type"),
            (r#"{"format":1,"conditions":{"1":{"hazard":"lava"}}}"#, "lava"),
            (
                r#"{"format":1,"conditions":{"1":{"hazard":"ice","east_m":1e9,"north_m":0,"radius_m":1,"safe_mps":1}}}"#,
                "condition 1",
            ),
            ("{}", "format"),
            ("\u{0}\u{1}", "expected value"),
        ] {
            let error = Document::parse(document.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{document}: {error}");
        }
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(Document::parse(deep.as_bytes()).is_err());
        assert!(matches!(Document::parse(&vec![b' '; MAX_DOCUMENT_BYTES + 1]), Err(DocumentError::Oversize(_))));
    }
}

//! The text convention by which a warning travels whole in the `description` of an RSI event or sign.
//!
//! The public event codes say what and where, but not for whom, since which measurement, or why; the convention
//! says that in ASCII, at most 512 characters, one space between words:
//!
//! `JXZ/1 a=icw l=warning id=00c0ffee00000001 rev=3 st=raised t=1786270272345 until=1786270274345
//! for=0102030405060708,1112131415161718 p=0.870 c=conflict:1.25,-0.30,0.80`
//!
//! The README lists the words. A receiver skips words it does not know and refuses a text that lacks one, has one
//! twice, or has one that does not parse.

use crate::error::EncodeError;
use crate::{hex, scale};
use core::fmt::Write as _;
use jxz_units::Utc;
use jxz_world::{Application, Cause, Level, RoadHazard, VehicleId, Warning, WarningId, WarningKind, WarningStage};

const HEADER: &str = "JXZ/1 ";
/// More vehicles than this are addressed as everyone on the path: a wide warning is better than none.
const MOST_VEHICLES: usize = 16;
/// Numbers of a cause stay below this, so that the text stays below 512 characters.
const LARGEST: f64 = 1e6;

/// For whom a warning is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everyone on its path.
    Everyone,
    /// These vehicles; none at all when the road users concerned have no radio.
    Vehicles(Vec<VehicleId>),
}

impl Audience {
    /// Whether a vehicle on the path is meant.
    #[must_use]
    pub fn includes(&self, vehicle: VehicleId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Vehicles(vehicles) => vehicles.contains(&vehicle),
        }
    }
}

/// What the convention adds to an event or a sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// What raised the warning.
    pub application: Application,
    /// How pressing it is.
    pub level: Level,
    /// Its number, the same for the life of the event.
    pub id: WarningId,
    /// Counts up with every change of it.
    pub revision: u32,
    /// Where in its life.
    pub stage: WarningStage,
    /// The time of validity of the newest measurement it rests on, to the millisecond.
    pub sensed_at: Utc,
    /// Until when it may be shown unless renewed, to the millisecond.
    pub valid_until: Utc,
    /// For whom.
    pub audience: Audience,
    /// Probability that it is right, 0 to 1.
    pub confidence: f64,
    /// Why, its numbers rounded to hundredths.
    pub cause: Cause,
}

impl Notice {
    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> WarningKind {
        self.application.kind()
    }
}

/// The text of a warning.
///
/// # Errors
/// [`EncodeError::Value`] naming the number that is NaN or too large.
pub(crate) fn write(warning: &Warning) -> Result<String, EncodeError> {
    let confidence = scale::steps("confidence", warning.confidence, 0.001, 0, 1000)? as f64 * 0.001;
    let mut text = String::with_capacity(256);
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "{HEADER}a={} l={} id={:016x} rev={} st={} t={} until={} for={} p={confidence:.3} c={}",
        warning.application.name(),
        warning.level.name(),
        warning.id.0,
        warning.revision,
        stage_name(warning.stage),
        warning.sensed_at.unix_ms(),
        warning.valid_until.unix_ms(),
        audience_text(warning),
        cause_text(&warning.cause)?,
    );
    Ok(text)
}

/// The notice in a description: `None` if it is not of the convention.
///
/// # Errors
/// What is wrong with a text that begins as the convention does.
pub(crate) fn parse(text: &str) -> Result<Option<Notice>, String> {
    let Some(words) = text.strip_prefix(HEADER) else { return Ok(None) };
    let words: Vec<(&str, &str)> = words
        .split(' ')
        .map(|word| word.split_once('=').ok_or_else(|| format!("{word:?} is not a key=value word")))
        .collect::<Result<_, _>>()?;
    let value_of = |key: &str| {
        let mut found = words.iter().filter(|(k, _)| *k == key).map(|(_, value)| *value);
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(format!("no word `{key}`")),
            (Some(_), Some(_)) => Err(format!("word `{key}` twice")),
        }
    };
    let bad = |key: &str, value: &str| format!("{key}={value} does not parse");
    let millis = |key: &str| {
        let value = value_of(key)?;
        value.parse().map(Utc::from_unix_ms).map_err(|_| bad(key, value))
    };
    let (application, level) = (value_of("a")?, value_of("l")?);
    let (id, revision, stage, confidence) = (value_of("id")?, value_of("rev")?, value_of("st")?, value_of("p")?);
    Ok(Some(Notice {
        application: Application::from_name(application).ok_or_else(|| bad("a", application))?,
        level: Level::from_name(level).ok_or_else(|| bad("l", level))?,
        id: WarningId(u64::from_be_bytes(eight_octets(id).ok_or_else(|| bad("id", id))?)),
        revision: revision.parse().map_err(|_| bad("rev", revision))?,
        stage: stage_from_name(stage).ok_or_else(|| bad("st", stage))?,
        sensed_at: millis("t")?,
        valid_until: millis("until")?,
        audience: parse_audience(value_of("for")?).ok_or_else(|| bad("for", value_of("for").unwrap_or_default()))?,
        confidence: parse_number(confidence).filter(|p| (0.0..=1.0).contains(p)).ok_or_else(|| bad("p", confidence))?,
        cause: parse_cause(value_of("c")?).ok_or_else(|| bad("c", value_of("c").unwrap_or_default()))?,
    }))
}

const fn stage_name(stage: WarningStage) -> &'static str {
    match stage {
        WarningStage::Raised => "raised",
        WarningStage::Held => "held",
        WarningStage::Cancelled => "cancelled",
    }
}

fn stage_from_name(name: &str) -> Option<WarningStage> {
    [WarningStage::Raised, WarningStage::Held, WarningStage::Cancelled].into_iter().find(|s| stage_name(*s) == name)
}

fn audience_text(warning: &Warning) -> String {
    let vehicles: Vec<String> =
        warning.concerned.iter().filter_map(|concerned| concerned.vehicle).map(|v| v.to_string()).collect();
    if warning.concerned.is_empty() || vehicles.len() > MOST_VEHICLES {
        "*".to_owned()
    } else if vehicles.is_empty() {
        "-".to_owned()
    } else {
        vehicles.join(",")
    }
}

fn parse_audience(text: &str) -> Option<Audience> {
    match text {
        "*" => Some(Audience::Everyone),
        "-" => Some(Audience::Vehicles(Vec::new())),
        ids => ids.split(',').map(|id| eight_octets(id).map(VehicleId)).collect::<Option<_>>().map(Audience::Vehicles),
    }
}

fn cause_text(cause: &Cause) -> Result<String, EncodeError> {
    let number = |field, value: f64| scale::steps(field, value, 0.01, -(LARGEST as i64) * 100, LARGEST as i64 * 100);
    let text = |field, value| number(field, value).map(|hundredths| format!("{:.2}", hundredths as f64 / 100.0));
    Ok(match cause {
        Cause::Conflict { time_to_conflict_s, post_encroachment_s, closest_m } => format!(
            "conflict:{},{},{}",
            text("time_to_conflict_s", *time_to_conflict_s)?,
            text("post_encroachment_s", *post_encroachment_s)?,
            text("closest_m", *closest_m)?
        ),
        Cause::Overspeed { speed_mps, limit_mps } => {
            format!("overspeed:{},{}", text("speed_mps", *speed_mps)?, text("limit_mps", *limit_mps)?)
        }
        Cause::Closing { gap_m, ahead_mps, closing_mps } => format!(
            "closing:{},{},{}",
            text("gap_m", *gap_m)?,
            text("ahead_mps", *ahead_mps)?,
            text("closing_mps", *closing_mps)?
        ),
        Cause::Congestion { mean_mps, vehicles } => format!("congestion:{},{vehicles}", text("mean_mps", *mean_mps)?),
        Cause::StoppedVehicle { standing_s } => format!("stopped:{}", text("standing_s", *standing_s)?),
        Cause::Braking { gap_m, braking_mps2 } => {
            format!("braking:{},{}", text("gap_m", *gap_m)?, text("braking_mps2", *braking_mps2)?)
        }
        Cause::SlowVehicle { speed_mps, usual_mps } => {
            format!("slow:{},{}", text("speed_mps", *speed_mps)?, text("usual_mps", *usual_mps)?)
        }
        Cause::ControlLoss { speed_mps, distance_m } => {
            format!("control:{},{}", text("speed_mps", *speed_mps)?, text("distance_m", *distance_m)?)
        }
        Cause::Beside { gap_m, closing_mps } => {
            format!("beside:{},{}", text("gap_m", *gap_m)?, text("closing_mps", *closing_mps)?)
        }
        Cause::WrongWay { speed_mps } => {
            format!("wrong_way:{}", text("speed_mps", *speed_mps)?)
        }
        Cause::Hazard { hazard, safe_mps } => format!("hazard:{},{}", hazard.name(), text("safe_mps", *safe_mps)?),
        Cause::Sign { code, value } => format!("sign:{code},{}", text("value", *value)?),
        Cause::RedLight { stop_m, needs_mps2 } => {
            format!("red:{},{}", text("stop_m", *stop_m)?, text("needs_mps2", *needs_mps2)?)
        }
        Cause::GreenSpeed { stop_m, advised_mps, green_in_s } => {
            format!(
                "green:{},{},{}",
                text("stop_m", *stop_m)?,
                text("advised_mps", *advised_mps)?,
                text("green_in_s", *green_in_s)?
            )
        }
        Cause::Emergency { distance_m, arrives_s } => {
            format!("emergency:{},{}", text("distance_m", *distance_m)?, text("arrives_s", *arrives_s)?)
        }
        Cause::Detour { congested_s, detour_s } => {
            format!("detour:{},{}", text("congested_s", *congested_s)?, text("detour_s", *detour_s)?)
        }
    })
}

fn parse_cause(text: &str) -> Option<Cause> {
    let (name, numbers) = text.split_once(':')?;
    let words: Vec<&str> = numbers.split(',').collect();
    let number = |i: usize| parse_number(words.get(i)?);
    let (cause, count) = match name {
        "conflict" => (
            Cause::Conflict { time_to_conflict_s: number(0)?, post_encroachment_s: number(1)?, closest_m: number(2)? },
            3,
        ),
        "overspeed" => (Cause::Overspeed { speed_mps: number(0)?, limit_mps: number(1)? }, 2),
        "closing" => (Cause::Closing { gap_m: number(0)?, ahead_mps: number(1)?, closing_mps: number(2)? }, 3),
        "congestion" => (Cause::Congestion { mean_mps: number(0)?, vehicles: words.get(1)?.parse().ok()? }, 2),
        "stopped" => (Cause::StoppedVehicle { standing_s: number(0)? }, 1),
        "braking" => (Cause::Braking { gap_m: number(0)?, braking_mps2: number(1)? }, 2),
        "slow" => (Cause::SlowVehicle { speed_mps: number(0)?, usual_mps: number(1)? }, 2),
        "control" => (Cause::ControlLoss { speed_mps: number(0)?, distance_m: number(1)? }, 2),
        "beside" => (Cause::Beside { gap_m: number(0)?, closing_mps: number(1)? }, 2),
        "wrong_way" => (Cause::WrongWay { speed_mps: number(0)? }, 1),
        "hazard" => (Cause::Hazard { hazard: RoadHazard::from_name(words.first()?)?, safe_mps: number(1)? }, 2),
        "sign" => (Cause::Sign { code: words.first()?.parse().ok()?, value: number(1)? }, 2),
        "red" => (Cause::RedLight { stop_m: number(0)?, needs_mps2: number(1)? }, 2),
        "green" => (Cause::GreenSpeed { stop_m: number(0)?, advised_mps: number(1)?, green_in_s: number(2)? }, 3),
        "emergency" => (Cause::Emergency { distance_m: number(0)?, arrives_s: number(1)? }, 2),
        "detour" => (Cause::Detour { congested_s: number(0)?, detour_s: number(1)? }, 2),
        _ => return None,
    };
    (words.len() == count).then_some(cause)
}

/// A finite decimal number.
fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn eight_octets(text: &str) -> Option<[u8; 8]> {
    hex::from_hex(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "JXZ/1 a=icw l=warning id=00c0ffee00000001 rev=3 st=raised t=1786270272345 until=1786270274345 \
                        for=0102030405060708,1112131415161718 p=0.870 c=conflict:1.25,-0.30,0.80";

    #[test]
    fn the_documented_text_says_what_it_should() {
        let notice = parse(TEXT).unwrap().unwrap();
        assert_eq!(
            (notice.application, notice.level, notice.id, notice.revision),
            (Application::Icw, Level::Warning, WarningId(0xc0_ffee_0000_0001), 3)
        );
        assert_eq!((notice.stage, notice.confidence), (WarningStage::Raised, 0.87));
        assert_eq!(notice.sensed_at, Utc::from_unix_ms(1_786_270_272_345));
        assert_eq!(notice.valid_until.seconds_since(notice.sensed_at), 2.0);
        assert!(notice.audience.includes(VehicleId([0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18])));
        assert!(!notice.audience.includes(VehicleId([0; 8])));
        let why = Cause::Conflict { time_to_conflict_s: 1.25, post_encroachment_s: -0.3, closest_m: 0.8 };
        assert_eq!(notice.cause, why);
    }

    #[test]
    fn texts_with_any_byte_changed_or_cut_never_panic() {
        for at in 0..TEXT.len() {
            for byte in 0..128_u8 {
                let mut bytes = TEXT.as_bytes().to_vec();
                bytes[at] = byte;
                let text = String::from_utf8(bytes).unwrap();
                let (whole, cut) = (parse(&text), parse(&text[..at]));
                // What is accepted keeps to its ranges; a cut text lacks its last number, or has fewer digits of it.
                assert!(whole.is_err() || whole.unwrap().is_none_or(|notice| (0.0..=1.0).contains(&notice.confidence)));
                assert!(!matches!(cut, Ok(Some(_))) || at > TEXT.len() - "0.80".len());
            }
        }
    }

    #[test]
    fn unknown_words_are_skipped_and_bad_ones_refused() {
        assert!(parse(&TEXT.replace(" rev=3", " rev=3 lane=2 x=")).unwrap().is_some());
        for (from, to, why) in [
            (" rev=3", "", "no word `rev`"),
            (" rev=3", " rev=3 rev=4", "word `rev` twice"),
            (" rev=3", " rev", "\"rev\" is not a key=value word"),
            (" rev=3", "  rev=3", "\"\" is not a key=value word"),
            ("a=icw", "a=flood", "a=flood does not parse"),
            ("l=warning", "l=loud", "l=loud does not parse"),
            ("0.870", "1.870", "p=1.870 does not parse"),
            ("0.870", "NaN", "p=NaN does not parse"),
            ("1112131415161718", "11121314151617", "for=0102030405060708,11121314151617 does not parse"),
            ("1.25,", "", "c=conflict:-0.30,0.80 does not parse"),
            ("0.80", "0.80,1.00", "c=conflict:1.25,-0.30,0.80,1.00 does not parse"),
        ] {
            assert_eq!(parse(&TEXT.replacen(from, to, 1)), Err(why.to_owned()));
        }
        assert_eq!(parse("road works ahead"), Ok(None));
        assert_eq!(parse("JXZ/2 a=icw"), Ok(None), "a later convention is foreign text");
    }
}

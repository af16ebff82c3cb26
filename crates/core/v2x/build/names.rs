//! Names of the message set as names of Rust.

use heck::{ToShoutySnakeCase as _, ToSnakeCase as _, ToUpperCamelCase as _};

/// Words whose capitals do not show where they end.
const WORDS: [(&str, &str); 5] =
    [("GNSS", "Gnss"), ("RTCM", "Rtcm"), ("gbiCC", "gbIcc"), ("MMIRq", "MmiRq"), ("OBU", "Obu")];

fn split(name: &str) -> String {
    WORDS.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, &format!("{to}_")))
}

/// `PositionOffsetLLV` is `PositionOffsetLlv`.
pub(crate) fn type_name(name: &str) -> String {
    split(name).to_upper_camel_case()
}

/// `secMark` is `sec_mark`.
pub(crate) fn member_name(name: &str) -> String {
    match split(name).to_snake_case().as_str() {
        "type" => "kind".to_owned(),
        other => other.to_owned(),
    }
}

/// `forwardGears` is `ForwardGears`; `prec0-1deg` is `Prec0_1deg`.
pub(crate) fn variant_name(name: &str) -> String {
    let mut out = String::new();
    for part in name.split('-') {
        let digits_meet = out.ends_with(|c: char| c.is_ascii_digit()) && part.starts_with(|c: char| c.is_ascii_digit());
        if digits_meet {
            out.push('_');
        }
        out.push_str(&part.to_upper_camel_case());
    }
    out
}

/// `eventHardBraking` is `EVENT_HARD_BRAKING`.
pub(crate) fn constant_name(name: &str) -> String {
    name.to_shouty_snake_case()
}

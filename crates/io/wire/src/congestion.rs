//! The cloud's words to a node: `CloudWord`.

use crate::error::{decode, in_range, name, required};
use crate::node::v1 as wire;
use crate::{MAX_CONTROL_BYTES, WireError};
use bytes::Bytes;
use jxz_units::Utc;
use jxz_world::CongestionReport;
use prost::Message;

/// A word of congestion as the body of its stream.
#[must_use]
pub fn encode_congestion(report: &CongestionReport) -> Bytes {
    let report = wire::CongestionReport {
        link: report.link.clone(),
        said_at_unix_ns: report.said_at.unix_ns(),
        speed_mps: Some(report.speed_mps),
        vehicles: report.vehicles,
        valid_until_unix_ns: report.valid_until.unix_ns(),
    };
    let body = Some(wire::cloud_word::Body::Congestion(report));
    wire::CloudWord { body }.encode_to_vec().into()
}

/// The word in the body of a stream.
///
/// # Errors
/// More than [`MAX_CONTROL_BYTES`], not protobuf, a word of no known kind, without a link, or with a speed that cannot be.
pub fn decode_congestion(bytes: &[u8]) -> Result<CongestionReport, WireError> {
    let word: wire::CloudWord = decode("CloudWord", bytes, MAX_CONTROL_BYTES)?;
    let wire::cloud_word::Body::Congestion(report) = required("CloudWord.body", word.body)?;
    let speed_mps = required("CongestionReport.speed_mps", report.speed_mps)?;
    Ok(CongestionReport {
        link: name("CongestionReport.link", report.link)?,
        said_at: Utc::from_unix_ns(report.said_at_unix_ns),
        speed_mps: in_range("CongestionReport.speed_mps", speed_mps, 0.0, CongestionReport::MOST_MPS)?,
        vehicles: report.vehicles,
        valid_until: Utc::from_unix_ns(report.valid_until_unix_ns),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> CongestionReport {
        let said_at = Utc::from_unix_ms(1_786_233_600_000);
        let valid_until = said_at.plus_seconds(150.0);
        CongestionReport { link: "w123-0".to_owned(), said_at, speed_mps: 1.75, vehicles: 31, valid_until }
    }

    #[test]
    fn what_is_said_comes_back() {
        for report in [report(), CongestionReport { speed_mps: 0.0, valid_until: report().said_at, ..report() }] {
            assert_eq!(decode_congestion(&encode_congestion(&report)), Ok(report));
        }
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for speed_mps in [f64::NAN, -1.0, f64::INFINITY, 61.0] {
            let bytes = encode_congestion(&CongestionReport { speed_mps, ..report() });
            assert!(decode_congestion(&bytes).unwrap_err().to_string().contains("speed_mps"));
        }
        let nameless = CongestionReport { link: String::new(), ..report() };
        assert!(decode_congestion(&encode_congestion(&nameless)).is_err());
        for bytes in [&[][..], &[0xff; 40], &[0; MAX_CONTROL_BYTES + 1], b"GET / HTTP/1.1"] {
            assert!(decode_congestion(bytes).is_err());
        }
    }
}

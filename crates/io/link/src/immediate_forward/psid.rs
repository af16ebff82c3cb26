//! P-encoding: how IEEE 1609.12 writes a provider service identifier in one to four octets.

/// The largest identifier there is.
pub(crate) const LARGEST: u32 = 0x1020_407F;
/// First value and prefix of each length of encoding, in octets 1 to 4: the prefix's ones tell the length.
const LENGTHS: [(u32, u32); 4] = [(0, 0), (0x80, 0x8000), (0x4080, 0xC0_0000), (0x20_4080, 0xE000_0000)];

/// Hexadecimal digits of the P-encoding; `None` if there is no such identifier.
pub(crate) fn to_hex(psid: u32) -> Option<String> {
    if psid > LARGEST {
        return None;
    }
    let length = LENGTHS.iter().rposition(|(first, _)| psid >= *first)?;
    let (first, prefix) = LENGTHS[length];
    Some(format!("{:01$X}", prefix + (psid - first), 2 * (length + 1)))
}

/// The identifier of a P-encoding in hexadecimal digits, with leading zeros allowed (deployed tools write `0020`).
pub(crate) fn from_hex(digits: &str) -> Option<u32> {
    let is_hex = !digits.is_empty() && digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let encoded = is_hex.then(|| u32::from_str_radix(digits, 16).ok())??;
    let ends = [0x7F, 0xBFFF, 0xDF_FFFF, 0xEFFF_FFFF];
    let length = LENGTHS.iter().zip(ends).position(|((_, prefix), end)| (*prefix..=end).contains(&encoded))?;
    let (first, prefix) = LENGTHS[length];
    Some(encoded - prefix + first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_those_of_the_registration_authority() {
        // From the IEEE's public list of identifiers.
        for (psid, hex) in [
            (0x20, "20"),
            (0x26, "26"),
            (0x82, "8002"),
            (0x87, "8007"),
            (0x3FEE + 0x80, "BFEE"),
            (0x20_4095, "E0000015"),
            (LARGEST, "EFFFFFFF"),
        ] {
            assert_eq!(to_hex(psid).as_deref(), Some(hex));
            assert_eq!(from_hex(hex), Some(psid));
        }
        assert_eq!(to_hex(LARGEST + 1), None);
        assert_eq!(from_hex("0020"), Some(0x20));
        for bad in ["", "80", "F0000000", "7FFF", "0x20", "+20", "000000020"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_encoding_is_read_back() {
        for psid in (0..0x3_0000).chain((0..=LARGEST).step_by(9973)) {
            assert_eq!(from_hex(&to_hex(psid).unwrap()), Some(psid));
        }
    }
}

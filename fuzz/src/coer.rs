//! What must hold for any bytes as a signed message.

use jxz_security::Spdu;

/// Bytes as a signed message. What is accepted lies within the bytes, and is no longer read once it is cut short.
///
/// # Panics
/// If that does not hold.
pub fn spdu(bytes: &[u8]) {
    let Ok(spdu) = Spdu::parse(bytes) else { return };
    let payload = spdu.payload();
    let (whole, part) = (bytes.as_ptr_range(), payload.as_ptr_range());
    assert!(payload.is_empty() || (whole.start <= part.start && part.end <= whole.end), "a payload from elsewhere");
    let short = &bytes[..bytes.len() - 1];
    assert!(Spdu::parse(short).is_err(), "{bytes:02x?} is whole with its last byte and without");
}

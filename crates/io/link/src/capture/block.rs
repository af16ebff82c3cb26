//! The three kinds of pcapng block that a capture needs (draft-ietf-opsawg-pcapng), and the header of an exported PDU
//! (Wireshark's `wsutil/exported_pdu_tlvs.h`).

use super::{Captured, Channel, Direction, Encoding};

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
/// `LINKTYPE_WIRESHARK_UPPER_PDU`.
const LINK_TYPE: u16 = 252;
/// Ten to the minus ninth of a second.
const NANOSECONDS: u8 = 9;

mod option {
    pub(super) const END: u16 = 0;
    pub(super) const COMMENT: u16 = 1;
    pub(super) const SECTION_APPLICATION: u16 = 4;
    pub(super) const INTERFACE_NAME: u16 = 2;
    pub(super) const INTERFACE_DESCRIPTION: u16 = 3;
    pub(super) const INTERFACE_RESOLUTION: u16 = 9;
    pub(super) const PACKET_FLAGS: u16 = 2;
}

mod tag {
    pub(super) const END: u16 = 0;
    pub(super) const DISSECTOR: u16 = 12;
    pub(super) const PROTOCOL_COLUMN: u16 = 33;
    pub(super) const DIRECTION: u16 = 35;
    pub(super) const INFO_COLUMN: u16 = 36;
}

/// What each file begins with: the section, and one interface for each channel, in the order of [`Channel::ALL`].
pub(super) fn head() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
    body.extend_from_slice(&1_u16.to_le_bytes());
    body.extend_from_slice(&0_u16.to_le_bytes());
    // The section's length is not known beforehand.
    body.extend_from_slice(&(-1_i64).to_le_bytes());
    put_option(&mut body, option::SECTION_APPLICATION, concat!("jxz ", env!("CARGO_PKG_VERSION")).as_bytes());
    put_option(&mut body, option::END, &[]);
    let mut blocks = Vec::new();
    put_block(&mut blocks, SECTION_HEADER, &body);
    for channel in Channel::ALL {
        let mut body = Vec::new();
        body.extend_from_slice(&LINK_TYPE.to_le_bytes());
        body.extend_from_slice(&0_u16.to_le_bytes());
        // No limit to a packet's length.
        body.extend_from_slice(&0_u32.to_le_bytes());
        put_option(&mut body, option::INTERFACE_NAME, channel.name().as_bytes());
        put_option(&mut body, option::INTERFACE_DESCRIPTION, channel.description().as_bytes());
        put_option(&mut body, option::INTERFACE_RESOLUTION, &[NANOSECONDS]);
        put_option(&mut body, option::END, &[]);
        put_block(&mut blocks, INTERFACE, &body);
    }
    blocks
}

/// One message. `bytes` is what is kept of it.
pub(super) fn packet(message: &Captured<'_>, bytes: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    let dissector = match message.encoding {
        Encoding::Uper => "data",
        Encoding::Spdu => "ieee1609dot2.data",
    };
    let (sent, direction, flags) = match message.direction {
        Direction::Sent => ("sent", 0_u32, 2_u32),
        Direction::Heard => ("heard", 1, 1),
    };
    let info =
        format!("{sent} {}, application {}, {} bytes", message.kind, message.application_id, message.bytes.len());
    put_tag(&mut header, tag::DISSECTOR, dissector.as_bytes());
    put_tag(&mut header, tag::PROTOCOL_COLUMN, message.kind.as_bytes());
    put_tag(&mut header, tag::DIRECTION, &direction.to_be_bytes());
    put_tag(&mut header, tag::INFO_COLUMN, info.as_bytes());
    put_tag(&mut header, tag::END, &[]);

    // A capture does not go back before 1970.
    let at_ns = u64::try_from(message.at.unix_ns()).unwrap_or(0);
    let kept = header.len() + bytes.len();
    let whole = header.len() + message.bytes.len();
    let mut body = Vec::with_capacity(kept + 128);
    let numbers = [message.channel as u64, at_ns >> 32, at_ns & 0xFFFF_FFFF, kept as u64, whole as u64];
    for number in numbers {
        body.extend_from_slice(&(number as u32).to_le_bytes());
    }
    body.extend_from_slice(&header);
    body.extend_from_slice(bytes);
    pad(&mut body);
    put_option(&mut body, option::COMMENT, info.as_bytes());
    put_option(&mut body, option::PACKET_FLAGS, &flags.to_le_bytes());
    put_option(&mut body, option::END, &[]);
    let mut block = Vec::with_capacity(body.len() + 12);
    put_block(&mut block, ENHANCED_PACKET, &body);
    block
}

fn put_block(to: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = (body.len() as u32 + 12).to_le_bytes();
    to.extend_from_slice(&kind.to_le_bytes());
    to.extend_from_slice(&length);
    to.extend_from_slice(body);
    to.extend_from_slice(&length);
}

/// Little-endian, like the section; the value padded to four octets, the padding not counted.
fn put_option(to: &mut Vec<u8>, code: u16, value: &[u8]) {
    to.extend_from_slice(&code.to_le_bytes());
    to.extend_from_slice(&(value.len() as u16).to_le_bytes());
    to.extend_from_slice(value);
    pad(to);
}

/// Big-endian always; the padding counts, and a text's is what ends it.
fn put_tag(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = value.len().next_multiple_of(4);
    to.extend_from_slice(&kind.to_be_bytes());
    to.extend_from_slice(&(length as u16).to_be_bytes());
    to.extend_from_slice(value);
    to.resize(to.len() + length - value.len(), 0);
}

fn pad(to: &mut Vec<u8>) {
    to.resize(to.len().next_multiple_of(4), 0);
}

//! Captures as other readers see them: a Rust parser always, Wireshark's own `tshark` where there is one.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]
#![allow(clippy::print_stdout, reason = "a skipped check says so")]

use jxz_link::{CaptureOptions, CaptureWriter, Captured, Channel, Direction, Encoding};
use jxz_security::{Algorithm, Identity, Psid, Signer, SigningKey, Subject, Validity};
use jxz_units::{Now, Utc};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, EnhancedPacketBlock, Linktype, OptionCode, PcapBlockOwned, PcapNGReader};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// IEEE 1609.2 data of version 3, unsecured, with the payload `abc`.
const SPDU: &[u8] = b"\x03\x80\x03abc";

fn message(
    direction: Direction,
    channel: Channel,
    at_ns: i64,
    kind: &'static str,
    bytes: &'static [u8],
) -> Captured<'static> {
    let at = Utc::from_unix_ns(at_ns);
    Captured { direction, channel, at, kind, application_id: 3623, encoding: Encoding::of(bytes), bytes }
}

fn sample() -> [Captured<'static>; 3] {
    [
        message(Direction::Sent, Channel::Pc5, 1_780_000_000_123_456_789, "RSM", b"\x20\x13\x13"),
        message(Direction::Heard, Channel::Pc5, 1_780_000_000_200_000_000, "BSM", SPDU),
        message(Direction::Sent, Channel::Uu, 1_780_000_001_000_000_001, "MAP", b"\x10"),
    ]
}

/// What a reader finds in a packet.
#[derive(Debug, PartialEq)]
struct Found {
    interface: String,
    at_ns: u64,
    comment: String,
    flags: u32,
    tags: Vec<(u16, Vec<u8>)>,
    bytes: Vec<u8>,
    original: usize,
}

/// The tags before the message, and the message.
fn exported(data: &[u8]) -> (Vec<(u16, Vec<u8>)>, Vec<u8>) {
    let (mut tags, mut rest) = (Vec::new(), data);
    loop {
        let number = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
        let (kind, length) = (number(0), usize::from(number(2)));
        let value = rest[4..4 + length].to_vec();
        rest = &rest[4 + length..];
        if kind == 0 {
            return (tags, rest.to_vec());
        }
        tags.push((kind, value));
    }
}

fn packet(block: &EnhancedPacketBlock<'_>, interfaces: &[String]) -> Found {
    let option = |code| block.options.iter().find(|option| option.code == code).unwrap().as_bytes().unwrap().to_vec();
    let (tags, bytes) = exported(block.packet_data());
    Found {
        interface: interfaces[block.if_id as usize].clone(),
        at_ns: u64::from(block.ts_high) << 32 | u64::from(block.ts_low),
        comment: String::from_utf8(option(OptionCode::Comment)).unwrap(),
        flags: u32::from_le_bytes(option(OptionCode(2)).try_into().unwrap()),
        tags,
        bytes,
        original: block.origlen as usize,
    }
}

fn read(path: &Path) -> Vec<Found> {
    let mut reader = PcapNGReader::new(1 << 20, std::fs::File::open(path).unwrap()).unwrap();
    let (mut interfaces, mut found) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::SectionHeader(head)) => assert!(!head.big_endian()),
                    PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                        assert_eq!((interface.linktype, interface.if_tsresol), (Linktype(252), 9));
                        let name = interface.options.iter().find(|option| option.code == OptionCode(2)).unwrap();
                        interfaces.push(String::from_utf8(name.as_bytes().unwrap().to_vec()).unwrap());
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(block)) => found.push(packet(&block, &interfaces)),
                    _ => panic!("a block of another kind"),
                }
                reader.consume(offset);
            }
            Err(pcap_parser::PcapError::Eof) => return found,
            Err(pcap_parser::PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_parser_of_others_finds_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut writer = CaptureWriter::create(&path, CaptureOptions::default()).unwrap();
    for message in sample() {
        writer.write(&message).unwrap();
    }
    let summary = writer.finish().unwrap();
    assert_eq!((summary.written, summary.not_written, summary.files), (3, 0, vec![path.clone()]));
    let found = read(&path);
    let first = &found[0];
    assert_eq!((first.interface.as_str(), first.at_ns), ("pc5", 1_780_000_000_123_456_789));
    assert_eq!((first.comment.as_str(), first.flags), ("sent RSM, application 3623, 3 bytes", 2));
    assert_eq!(first.bytes, b"\x20\x13\x13");
    let tags: Vec<(u16, &[u8])> = first.tags.iter().map(|(kind, value)| (*kind, value.as_slice())).collect();
    let info = b"sent RSM, application 3623, 3 bytes\0";
    assert_eq!(tags, [(12, &b"data"[..]), (33, b"RSM\0"), (35, &[0; 4]), (36, info)]);
    let second = &found[1];
    assert_eq!((second.comment.as_str(), second.flags), ("heard BSM, application 3623, 6 bytes", 1));
    assert_eq!(second.tags[0], (12, b"ieee1609dot2.data\0\0\0".to_vec()));
    assert_eq!(second.bytes, SPDU);
    assert_eq!((found[2].interface.as_str(), found[2].bytes.as_slice()), ("uu", &b"\x10"[..]));
    assert_eq!(found.len(), 3);
}

#[test]
fn wireshark_shows_kind_direction_time_and_signed_data() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: no tshark here (Debian's package tshark has it)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.pcapng");
    let mut writer = CaptureWriter::create(&path, CaptureOptions::default()).unwrap();
    sample().iter().for_each(|message| writer.write(message).unwrap());
    writer.finish().unwrap();
    let fields = ["frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction", "frame.comment"];
    let more = ["_ws.col.Protocol", "frame.protocols", "data.data", "_ws.malformed"];
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(&path).args(["-T", "fields", "-E", "separator=|"]);
    for field in fields.iter().chain(&more) {
        tshark.args(["-e", field]);
    }
    let output = tshark.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = shown.lines().collect();
    // Versions differ in how they write the flags and the time; what they hold is the same.
    for (line, (time, interface, direction, comment, rest)) in lines.iter().zip([
        ("123456789", "|pc5|", "2|", "sent RSM, application 3623, 3 bytes", "RSM|exported_pdu:data|201313|"),
        ("200000000", "|pc5|", "1|", "heard BSM, application 3623, 6 bytes", "BSM|exported_pdu:ieee1609dot2||"),
        ("000000001", "|uu|", "2|", "sent MAP, application 3623, 1 bytes", "MAP|exported_pdu:data|10|"),
    ]) {
        for part in [time, interface, direction, comment, rest] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
    assert_eq!(lines.len(), 3);
}

#[test]
fn wireshark_dissects_what_we_sign() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: no tshark here (Debian's package tshark has it)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.pcapng");
    let mut writer = CaptureWriter::create(&path, CaptureOptions::default()).unwrap();
    let mut signer = signer();
    for ms in [0, 10] {
        let now = Now::after_start(Utc::from_unix_ms(1_786_270_272_000), Duration::from_millis(ms));
        let bytes = signer.sign(now, Psid(111), b"\x00\x11\x22").unwrap();
        assert_eq!(Encoding::of(&bytes), Encoding::Spdu);
        writer.write(&Captured { at: now.utc, encoding: Encoding::of(&bytes), bytes: &bytes, ..sample()[1] }).unwrap();
    }
    writer.finish().unwrap();
    let output = Command::new("tshark").arg("-r").arg(&path).arg("-V").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    // First with the certificate, then with its digest; UTC by Wireshark's own reckoning of leap seconds.
    for part in [
        "psid: Unknown (111)",
        "unsecuredData: 001122",
        "generationTime: 2026-08-09 10:11:12.000000",
        "signer: certificate (1)",
        "generationTime: 2026-08-09 10:11:12.010000",
        "signer: digest (0)",
        "signature: ecdsaNistP256Signature (0)",
    ] {
        assert!(shown.contains(part), "{part} is not in what tshark shows:\n{shown}");
    }
    assert!(!shown.contains("Malformed"), "{shown}");
}

/// A root that signs for itself suffices here.
fn signer() -> Signer {
    let from = Utc::from_unix_ms(1_786_260_000_000);
    let validity = Validity { from, until: from.plus_seconds(36_000.0) };
    let subject = |name| Subject { name, validity, region: None, psids: &[Psid(111)] };
    let key = |seed| SigningKey::from_seed(Algorithm::EcdsaP256, &[seed; 32]);
    let root = Identity::root(key(1), &subject(Some("root"))).unwrap();
    let certificate = root.issue_application(&key(2).public_key(), &subject(None)).unwrap();
    Signer::new(Identity::new(certificate, key(2)).unwrap())
}

#[test]
fn a_full_file_ends_the_capture_and_counts_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.pcapng");
    let options = CaptureOptions { max_file_bytes: 2000, max_files: 1 };
    let mut writer = CaptureWriter::create(&path, options).unwrap();
    for _ in 0..100 {
        writer.write(&sample()[0]).unwrap();
    }
    let summary = writer.finish().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() <= 2000);
    assert!(summary.written >= 5 && summary.written + summary.not_written == 100, "{summary:?}");
    assert_eq!(read(&path).len() as u64, summary.written);
}

#[test]
fn rotation_keeps_the_newest_files_and_each_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.pcapng");
    let options = CaptureOptions { max_file_bytes: 2000, max_files: 3 };
    let mut writer = CaptureWriter::create(&path, options).unwrap();
    for k in 0..100 {
        let at = Utc::from_unix_ns(k);
        writer.write(&Captured { at, ..sample()[0] }).unwrap();
    }
    let summary = writer.finish().unwrap();
    assert_eq!((summary.written, summary.not_written, summary.files.len()), (100, 0, 3));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    let newest: Vec<u64> = summary.files.iter().flat_map(|file| read(file)).map(|found| found.at_ns).collect();
    assert_eq!(newest.last(), Some(&99));
    assert!(newest.len() > 15 && newest.windows(2).all(|pair| pair[1] == pair[0] + 1), "{newest:?}");
    let last = summary.files.last().unwrap().file_name().unwrap().to_str().unwrap();
    assert!(last.starts_with("d-") && last.ends_with(".pcapng"), "{last}");
}

#[test]
fn strange_messages_are_kept_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.pcapng");
    let mut writer = CaptureWriter::create(&path, CaptureOptions::default()).unwrap();
    let large = vec![0xA5; 100_000];
    let name = "消息".repeat(1000);
    let strange = Captured { kind: &name, bytes: &large, at: Utc::from_unix_ns(-5), ..sample()[0] };
    writer.write(&strange).unwrap();
    writer.write(&Captured { bytes: &[], ..sample()[0] }).unwrap();
    writer.finish().unwrap();
    let found = read(&path);
    assert_eq!((found[0].at_ns, found[0].bytes.len()), (0, 65_535));
    let head = found[0].tags.iter().map(|(_, value)| value.len() + 4).sum::<usize>() + 4;
    assert_eq!(found[0].original, head + 100_000);
    assert_eq!(found[0].tags[1].1, "消息".repeat(16).into_bytes());
    assert_eq!(found[1].bytes, b"");
    let error = CaptureWriter::create(&path, CaptureOptions { max_file_bytes: 10, max_files: 1 }).err().unwrap();
    assert!(error.to_string().contains("at least one file of 1024 bytes"), "{error}");
    let nowhere = folder.path().join("no/such/folder.pcapng");
    let error = CaptureWriter::create(&nowhere, CaptureOptions::default()).err().unwrap();
    assert!(error.to_string().contains("no/such/folder.pcapng"), "{error}");
}

//! A roadside unit that forwards at once, played by a socket that reads the text in its own way.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use bytes::Bytes;
use common::PATIENCE;
use jxz_link::{
    ForwardedApplication, ImmediateForwardConfig, ImmediateForwardMessage, ImmediateForwardRadio, MAX_FRAME_BYTES,
    Radio, RadioFrame, ReceivedFrame, TxChannel,
};
use jxz_world::DropCause;
use std::collections::BTreeMap;
use std::net::UdpSocket;
use tokio::time::timeout;

/// What V2X Hub's Immediate Forward plugin writes, with our values in it.
const AS_DEPLOYED: &str = "Version=0.7\nType=SPAT\nPSID=0x8DA3\nPriority=5\nTxMode=CONT\nTxChannel=183\nTxInterval=0\n\
                           DeliveryStart=\nDeliveryStop=\nSignature=False\nEncryption=False\nPayload=00AB10FF\n";

/// The unit: a socket, and its own idea of the text.
struct Rsu(UdpSocket);

impl Rsu {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn config(&self) -> ImmediateForwardConfig {
        ImmediateForwardConfig::new(self.0.local_addr().unwrap(), "127.0.0.1:0".parse().unwrap())
    }

    fn text(&self) -> String {
        let mut buffer = [0; 65_536];
        let (len, _) = self.0.recv_from(&mut buffer).unwrap();
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    }

    /// Names and values, and the payload's bytes.
    fn message(&self) -> (BTreeMap<String, String>, Vec<u8>) {
        let text = self.text();
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for line in text.split_terminator('\n') {
            let (name, value) = line.split_once('=').unwrap();
            assert_eq!(fields.insert(name.to_owned(), value.to_owned()), None, "{name} twice");
        }
        let hex = fields.remove("Payload").unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (fields, (0..hex.len()).step_by(2).map(byte).collect())
    }

    fn hears(&self, radio: &ImmediateForwardRadio, datagram: &[u8]) {
        self.0.send_to(datagram, radio.local_addr().unwrap()).unwrap();
    }
}

fn frame(application_id: u32, priority: u8, bytes: &'static [u8]) -> RadioFrame {
    RadioFrame { priority, application_id, bytes: Bytes::from_static(bytes) }
}

async fn next(radio: &ImmediateForwardRadio) -> ReceivedFrame {
    timeout(PATIENCE, radio.recv()).await.expect("a frame in time").unwrap()
}

#[tokio::test]
async fn the_text_is_that_of_deployed_tools_to_the_byte() {
    let rsu = Rsu::start();
    let radio = ImmediateForwardRadio::open(rsu.config()).unwrap();
    radio.send(&frame(3619, 176, b"\x00\xab\x10\xff")).unwrap();
    assert_eq!(rsu.text(), AS_DEPLOYED);
}

#[tokio::test]
async fn every_kind_has_its_name_identifier_and_priority() {
    let rsu = Rsu::start();
    let radio = ImmediateForwardRadio::open(rsu.config()).unwrap();
    // The identifiers in P-encoding by hand: below 128 as they are, else 0x8000 and what is above 128.
    for (application_id, priority, kind, psid, mapped) in [
        (111, 0, "BSM", "0x6F", "0"),
        (114, 255, "BSM", "0x72", "7"),
        (3618, 16, "MAP", "0x8DA2", "0"),
        (3619, 176, "SPAT", "0x8DA3", "5"),
        (3620, 48, "RSI", "0x8DA4", "1"),
        (3621, 80, "RSI", "0x8DA5", "2"),
        (3622, 112, "RSI", "0x8DA6", "3"),
        (3623, 208, "RSM", "0x8DA7", "6"),
    ] {
        radio.send(&frame(application_id, priority, b"message")).unwrap();
        let (fields, payload) = rsu.message();
        assert_eq!(payload, b"message");
        assert_eq!([&fields["Type"], &fields["PSID"], &fields["Priority"]], [kind, psid, mapped]);
        assert_eq!(fields.len(), 11);
    }
}

#[tokio::test]
async fn the_table_channel_and_signature_can_be_set() {
    let rsu = Rsu::start();
    let own = ForwardedApplication { application_id: 3618, kind: "TIM".to_owned(), psid: 0x83, priority: Some(7) };
    let config =
        ImmediateForwardConfig { applications: vec![own], channel: TxChannel::Service, sign: true, ..rsu.config() };
    let radio = ImmediateForwardRadio::open(config).unwrap();
    radio.send(&frame(3618, 16, b"x")).unwrap();
    let (fields, _) = rsu.message();
    assert_eq!([&fields["Type"], &fields["PSID"], &fields["Priority"]], ["TIM", "0x8003", "7"]);
    assert_eq!([&fields["TxChannel"], &fields["Signature"]], ["SCH", "True"]);
    let error = radio.send(&frame(3619, 0, b"x")).unwrap_err();
    assert_eq!(error.to_string(), "application id 3619 is not in the roadside unit's table");
}

#[tokio::test]
async fn what_the_unit_hears_comes_in_as_payload_or_as_text() {
    let rsu = Rsu::start();
    let radio = ImmediateForwardRadio::open(rsu.config()).unwrap();
    rsu.hears(&radio, b"\x20\x13\x13");
    let raw = next(&radio).await;
    assert_eq!(raw.frame, frame(111, 0, b"\x20\x13\x13"));
    let windows = AS_DEPLOYED.replace('\n', "\r\n").replace("PSID=0x8DA3", "PSID=006F");
    for (text, application_id) in [(AS_DEPLOYED, 3619), (windows.as_str(), 111), (AS_DEPLOYED.trim_end(), 3619)] {
        rsu.hears(&radio, text.as_bytes());
        let received = next(&radio).await;
        assert_eq!(received.frame, frame(application_id, 160, b"\x00\xab\x10\xff"));
        assert_eq!(received.sender, raw.sender);
    }
    // An identifier that is not in the table is told as it is.
    rsu.hears(&radio, AS_DEPLOYED.replace("0x8DA3", "0xE0000015").as_bytes());
    assert_eq!(next(&radio).await.frame.application_id, 0x20_4095);
    assert_eq!(radio.drops().iter().count(), 0);
}

#[tokio::test]
async fn what_is_no_message_is_counted_and_what_comes_from_elsewhere_too() {
    let rsu = Rsu::start();
    let radio = ImmediateForwardRadio::open(rsu.config()).unwrap();
    for datagram in [&b""[..], b"Version=0.7\n", b"Version=0.7\nPayload=XY", &[1; MAX_FRAME_BYTES + 1], &[0x56; 65_000]]
    {
        rsu.hears(&radio, datagram);
    }
    let huge = AS_DEPLOYED.replace("00AB10FF", &"00".repeat(MAX_FRAME_BYTES + 1));
    rsu.hears(&radio, huge.as_bytes());
    let elsewhere = UdpSocket::bind("127.0.0.2:0").unwrap();
    elsewhere.send_to(b"\x20\x13\x13", radio.local_addr().unwrap()).unwrap();
    rsu.hears(&radio, b"good");
    assert_eq!(next(&radio).await.frame.bytes, "good");
    assert_eq!(radio.drops().of(DropCause::RadioUndecodable), 6);
    assert_eq!(radio.drops().of(DropCause::RadioIrrelevant), 1);
}

#[tokio::test]
async fn frames_of_every_size_go_out_and_others_are_refused() {
    let rsu = Rsu::start();
    let radio = ImmediateForwardRadio::open(rsu.config()).unwrap();
    let sized = |len: usize| RadioFrame { bytes: Bytes::from(vec![0xA5; len]), ..frame(3618, 16, b"") };
    for len in [1, 781, MAX_FRAME_BYTES] {
        radio.send(&sized(len)).unwrap();
        assert_eq!(rsu.message().1, vec![0xA5; len]);
    }
    for len in [0, MAX_FRAME_BYTES + 1] {
        assert_eq!(radio.send(&sized(len)).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    }
    let config = ImmediateForwardConfig { max_payload_bytes: 1400, ..rsu.config() };
    let small = ImmediateForwardRadio::open(config).unwrap();
    let error = small.send(&sized(1401)).unwrap_err().to_string();
    assert_eq!(error, "the roadside unit takes 1 to 1400 bytes, not 1401");
}

#[tokio::test]
async fn a_unit_that_is_not_there_does_not_stop_us() {
    let rsu = Rsu::start();
    let config = rsu.config();
    drop(rsu);
    let radio = ImmediateForwardRadio::open(config).unwrap();
    for _ in 0..10 {
        radio.send(&frame(3618, 16, b"to nobody")).unwrap();
    }
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_with_their_reason() {
    let rsu = Rsu::start();
    let own = |application_id, kind: &str, psid| ForwardedApplication {
        application_id,
        kind: kind.to_owned(),
        psid,
        priority: None,
    };
    let table = |applications| ImmediateForwardConfig { applications, ..rsu.config() };
    for (config, reason) in [
        (
            ImmediateForwardConfig { channel: TxChannel::Number(5), ..rsu.config() },
            "channel 5 is not one of 172 to 184",
        ),
        (ImmediateForwardConfig { max_payload_bytes: 0, ..rsu.config() }, "the most bytes are 0, not 1 to 8192"),
        (table(vec![own(1, "two words", 1)]), "application 1 cannot be `two words`"),
        (table(vec![own(1, "A\nPayload=00", 1)]), "application 1 cannot be"),
        (table(vec![own(2, "A", u32::MAX)]), "PSID 4294967295"),
        (table(vec![own(3, "A", 1), own(3, "B", 2)]), "application 3 cannot be `B`"),
        (ImmediateForwardConfig { listen: "192.0.2.1:0".parse().unwrap(), ..rsu.config() }, "192.0.2.1"),
    ] {
        let error = ImmediateForwardRadio::open(config).err().unwrap().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_text_that_is_wrong_is_refused_by_line_and_field() {
    let good = ImmediateForwardMessage::parse(AS_DEPLOYED.as_bytes()).unwrap();
    assert_eq!(good.to_string(), AS_DEPLOYED);
    let commented = AS_DEPLOYED.replace("Type", "# the kind\n\nOther=1\nType");
    assert_eq!(ImmediateForwardMessage::parse(commented.as_bytes()).unwrap(), good);
    let stored = AS_DEPLOYED.replace("Start=", "Start=09/01/2026, 06:30").replace("Interval=0", "Interval=5");
    assert_eq!(ImmediateForwardMessage::parse(stored.as_bytes()).unwrap().delivery_start, "09/01/2026, 06:30");
    for (from, to, said) in [
        ("Version=0.7", "Version=0.5", "line 1: Version is `0.5`; it must be 0.7, the version of the form"),
        ("Type=SPAT", "Type=", "line 2: Type is ``; it must be 1 to 32 printable characters"),
        ("PSID=0x8DA3", "PSID=0x80", "line 3: PSID is `0x80`; it must be hexadecimal digits of a P-encoded identifier"),
        ("Priority=5", "Priority=8", "line 4: Priority is `8`; it must be 0 to 7"),
        ("Priority=5", "Priority=05", "line 4: Priority is `05`"),
        ("TxMode=CONT", "TxMode=cont", "line 5: TxMode is `cont`; it must be CONT or ALT"),
        ("TxChannel=183", "TxChannel=185", "line 6: TxChannel is `185`; it must be 172 to 184, CCH or SCH"),
        ("TxInterval=0", "TxInterval=6", "line 7: TxInterval is `6`"),
        ("DeliveryStart=", "DeliveryStart=13/01/2026, 00:00", "line 8: DeliveryStart is `13/01/2026, 00:00`"),
        ("DeliveryStop=", "DeliveryStop=now", "line 9: DeliveryStop is `now`; it must be empty or a time"),
        ("Signature=False", "Signature=0", "line 10: Signature is `0`; it must be True or False"),
        ("Encryption=False\n", "", "no line Encryption="),
        ("Payload=00AB10FF", "Payload=00A", "line 12: Payload is `00A`; it must be an even number"),
        ("Payload=00AB10FF", "Payload=", "line 12: Payload is ``"),
        ("Payload=00AB10FF", "Payload=00\nPayload=00", "line 13: Payload for the second time"),
        ("Payload=00AB10FF", "Payload=+A", "line 12: Payload is `+A`"),
        (
            "Type=SPAT",
            "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
            "more than 64 lines",
        ),
    ] {
        let text = AS_DEPLOYED.replace(from, to);
        let error = ImmediateForwardMessage::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
    let error = ImmediateForwardMessage::parse(b"Version=0.7\nType=\xff").unwrap_err().to_string();
    assert_eq!(error, "line 2 is not text");
}

#[test]
fn mutated_texts_never_panic_and_what_is_read_is_written_again() {
    // A simple generator (Knuth's MMIX) suffices to spoil texts.
    let mut state = 1_u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let mut read = 0;
    for _ in 0..200_000 {
        let mut text = AS_DEPLOYED.as_bytes().to_vec();
        for _ in 0..=below(3) {
            let at = below(text.len());
            match below(3) {
                0 => text[at] = below(256) as u8,
                1 => drop(text.remove(at)),
                _ => text.insert(at, b"=\n0F#\r"[below(6)]),
            }
        }
        if let Ok(message) = ImmediateForwardMessage::parse(&text) {
            assert_eq!(ImmediateForwardMessage::parse(message.to_string().as_bytes()).unwrap(), message);
            read += 1;
        }
    }
    assert!(read > 1000, "only {read} mutated texts were still messages");
}

//! The multicast radio on the loopback interface.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use bytes::Bytes;
use common::PATIENCE;
use jxz_link::{MAX_FRAME_BYTES, MulticastConfig, MulticastRadio, Radio, RadioFrame, ReceivedFrame, utc_now};
use jxz_world::DropCause;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use tokio::time::timeout;

/// A group of its own for each scenario, so that they can run at once; the port is one that was free just now.
fn config(last: u8) -> MulticastConfig {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let group = SocketAddrV4::new([239, 255, 68, last].into(), port);
    MulticastConfig { interface: "lo".to_owned(), group }
}

async fn next(radio: &dyn Radio) -> ReceivedFrame {
    timeout(PATIENCE, radio.recv()).await.expect("a frame in time").unwrap()
}

fn frame(text: &'static [u8]) -> RadioFrame {
    RadioFrame { priority: 96, application_id: 3618, bytes: Bytes::from_static(text) }
}

#[tokio::test]
async fn a_frame_reaches_every_other_radio_and_not_its_sender() {
    let config = config(1);
    let radios: Vec<Box<dyn Radio>> =
        (0..3).map(|_| Box::new(MulticastRadio::open(&config).unwrap()) as Box<dyn Radio>).collect();
    let before = utc_now();
    radios[0].send(&frame(b"from the first")).unwrap();
    for radio in &radios[1..] {
        let got = next(radio.as_ref()).await;
        assert_eq!(got.frame, frame(b"from the first"));
        assert!(before <= got.sent_at && got.sent_at <= got.received_at);
    }
    // The first hears the second's frame first: its own, sent before, is not heard.
    radios[1].send(&frame(b"from the second")).unwrap();
    assert_eq!(next(radios[0].as_ref()).await.frame, frame(b"from the second"));
    assert_eq!(next(radios[2].as_ref()).await.frame, frame(b"from the second"));
}

#[tokio::test]
async fn what_is_no_frame_is_counted_and_passed_over() {
    let config = config(2);
    let (sender, receiver) = (MulticastRadio::open(&config).unwrap(), MulticastRadio::open(&config).unwrap());
    let stranger = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    stranger.set_multicast_if_v4(&[127, 0, 0, 1].into()).unwrap();
    stranger.set_multicast_ttl_v4(0).unwrap();
    let group = SocketAddr::from(config.group).into();
    let header_only = [b'J', b'X', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let of_the_future = [b'J', b'X', 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    for bytes in [&b"hello"[..], &header_only, &of_the_future, &[0x4a; 9000]] {
        stranger.send_to(bytes, &group).unwrap();
    }
    sender.send(&frame(b"good")).unwrap();
    assert_eq!(next(&receiver).await.frame, frame(b"good"));
    assert_eq!(receiver.drops().of(DropCause::RadioUndecodable), 4);
}

#[tokio::test]
async fn frames_that_are_empty_or_too_large_and_interfaces_that_are_not_there_are_refused() {
    let radio = MulticastRadio::open(&config(3)).unwrap();
    let sized = |len: usize| RadioFrame { bytes: Bytes::from(vec![1; len]), ..frame(b"") };
    assert_eq!(radio.send(&sized(0)).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(radio.send(&sized(MAX_FRAME_BYTES + 1)).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    radio.send(&sized(MAX_FRAME_BYTES)).unwrap();
    let elsewhere = MulticastConfig { interface: "no-such-if".to_owned(), ..config(4) };
    let error = MulticastRadio::open(&elsewhere).err().expect("no such interface").to_string();
    assert!(error.contains("no-such-if"), "{error}");
    let unicast = MulticastConfig { group: "127.0.0.1:7000".parse().unwrap(), ..config(5) };
    assert!(MulticastRadio::open(&unicast).is_err());
}

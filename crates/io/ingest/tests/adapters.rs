//! The other ways in, over real sockets and a real broker.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use jxz_ingest::{Adapter, Gate, Ingested, Listener, Mapping, MqttSettings, StreamSettings, read_frame};
use jxz_units::Utc;
use jxz_wire::{MAX_SENSOR_BYTES, detection_from_wire, encode_scan};
use jxz_world::*;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);
const SAMPLE: &str = include_str!("../../../../deploy/mapping.example.toml");

fn radar() -> SensorSpec {
    common::radar("radar-1")
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn scan(sequence: u32) -> Scan {
    Scan { sensor: radar().id, sequence, valid_at: Utc::from_unix_ms(now_ms()), detections: vec![] }
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

fn listener() -> Listener {
    Listener::bind("127.0.0.1:0".parse().unwrap(), Gate::new(&[radar()], None), 16).unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn next(listener: &mut Listener) -> Scan {
    match timeout(PATIENCE, listener.recv()).await.unwrap() {
        Some(Ingested::Scan(scan)) => scan,
        other => panic!("not a scan: {other:?}"),
    }
}

async fn until_dropped(listener: &Listener, cause: DropCause, n: u64) {
    let dropped = async {
        while listener.drops().of(cause) < n {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, dropped).await.unwrap_or_else(|_| panic!("{cause:?}: {:?}", listener.drops()));
}

#[tokio::test]
async fn our_messages_come_over_tcp_and_a_hostile_stream_ends_itself_alone() {
    let mut listener = listener();
    let listen = free_port();
    listener.add(&Adapter::Tcp(StreamSettings { listen, max_connections: 2 })).unwrap();
    let mut good = TcpStream::connect(listen).await.unwrap();
    let first = scan(1);
    good.write_all(&framed(&encode_scan(&first))).await.unwrap();
    assert_eq!(next(&mut listener).await, first);

    // Garbage in a frame costs the frame; a length that cannot be costs the connection.
    let mut bad = TcpStream::connect(listen).await.unwrap();
    bad.write_all(&framed(b"rubbish")).await.unwrap();
    until_dropped(&listener, DropCause::SensorGarbage, 1).await;
    bad.write_all(&framed(&[0; MAX_SENSOR_BYTES + 1])).await.unwrap_or_default();
    until_dropped(&listener, DropCause::SensorOversize, 1).await;
    let ended = timeout(PATIENCE, bad.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");

    // In two pieces, and with the same one again after it.
    let second = scan(2);
    let bytes = framed(&encode_scan(&second));
    good.write_all(&bytes[..7]).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    good.write_all(&bytes[7..]).await.unwrap();
    good.write_all(&bytes).await.unwrap();
    assert_eq!(next(&mut listener).await, second);
    until_dropped(&listener, DropCause::SensorDuplicate, 1).await;
}

#[tokio::test]
async fn a_connection_too_many_is_turned_away() {
    let mut listener = listener();
    let listen = free_port();
    listener.add(&Adapter::Tcp(StreamSettings { listen, max_connections: 1 })).unwrap();
    let mut first = TcpStream::connect(listen).await.unwrap();
    first.write_all(&framed(&encode_scan(&scan(1)))).await.unwrap();
    next(&mut listener).await;
    let mut second = TcpStream::connect(listen).await.unwrap();
    let ended = timeout(PATIENCE, second.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    first.write_all(&framed(&encode_scan(&scan(2)))).await.unwrap();
    assert_eq!(next(&mut listener).await.sequence, 2);
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let mut listener = listener();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = StreamSettings { listen: taken.local_addr().unwrap(), max_connections: 1 };
    let error = listener.add(&Adapter::Tcp(settings)).unwrap_err().to_string();
    assert!(error.contains("TCP"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let mapping = folder.path().join("mapping.toml");
    let mqtt = |broker: &str, topic: &str| {
        Adapter::Mqtt(MqttSettings {
            broker: broker.to_owned(),
            topics: vec![topic.to_owned()],
            mapping: mapping.clone(),
            username: None,
            password_file: None,
        })
    };
    let error = listener.add(&mqtt("localhost:1883", "a/#")).unwrap_err().to_string();
    assert!(error.contains("mapping.toml"), "{error}");
    std::fs::write(&mapping, SAMPLE.replace("[size]", "colour = 1\n[size]")).unwrap();
    let error = listener.add(&mqtt("localhost:1883", "a/#")).unwrap_err().to_string();
    assert!(error.contains("colour"), "{error}");
    std::fs::write(&mapping, SAMPLE).unwrap();
    assert!(listener.add(&mqtt("localhost", "a/#")).unwrap_err().to_string().contains("HOST:PORT"));
    assert!(listener.add(&mqtt("localhost:1883", "a/#/b")).unwrap_err().to_string().contains("topic"));
}

/// As the sample's head shows it, with another time.
fn sample_message(ts: i64) -> String {
    format!(
        r#"{{ "dev": "SN-20417", "ts": {ts}, "targets": [
          {{ "x": 4000, "y": -3000, "vx": -36.0, "vy": 0.0, "type": 2, "conf": 87, "len": 450, "wid": 180 }},
          {{ "x": "not a number", "y": 0 }},
          {{ "x": 1000, "y": 0, "type": 99, "conf": "50" }} ] }}"#
    )
}

#[test]
fn a_mapping_reads_units_signs_names_and_clock_offsets() {
    let mapping = Mapping::parse(SAMPLE).unwrap();
    let frame = read_frame(&mapping, sample_message(1_786_270_272_123).as_bytes()).unwrap();
    assert_eq!((frame.sensor_id.as_str(), frame.valid_at_unix_ns), ("radar-1", 1_786_270_272_083_000_000));
    // 40 m ahead and 30 m to the right, 36 km/h towards smaller x: 8 m/s of its 10 along the line of sight.
    let car = detection_from_wire(&frame.detections[0]).unwrap();
    assert!((car.range_m - 50.0).abs() < 1e-4 && (car.azimuth_rad - (-30.0_f64).atan2(40.0)).abs() < 1e-6, "{car:?}");
    assert!((car.doppler_mps.unwrap() + 8.0).abs() < 1e-5 && (car.score - 0.87).abs() < 1e-6, "{car:?}");
    assert_eq!(car.class, Some(RoadUserClass::Motor));
    assert!(car.extent_m.is_some_and(|(l, w)| (l - 4.5).abs() < 1e-5 && (w - 1.8).abs() < 1e-5));
    assert!(detection_from_wire(&frame.detections[1]).is_err());
    let unknown = detection_from_wire(&frame.detections[2]).unwrap();
    assert_eq!((unknown.class, unknown.doppler_mps, unknown.score, unknown.extent_m), (None, None, 0.5, None));
}

#[test]
fn a_polar_mapping_turns_clockwise_degrees_from_a_zero_elsewhere_into_ours() {
    let polar = r#"
        objects = ""
        sensor = { name = "radar-1" }
        time = { pointer = "/0/t", unit = "s" }
        position = { range = { pointer = "/r", unit = "m" }, azimuth = { pointer = "/a", unit = "deg", negate = true }, rotate_deg = 90 }
        speed = { radial = { pointer = "/v", unit = "km/h", negate = true } }
    "#;
    let mapping = Mapping::parse(polar).unwrap();
    let frame = read_frame(&mapping, br#"[{ "t": 1786270272.25, "r": 30, "a": 100, "v": 36 }]"#).unwrap();
    let seen = detection_from_wire(&frame.detections[0]).unwrap();
    // 100 degrees clockwise from the left-hand axis is 10 to the right of the boresight.
    assert!((seen.azimuth_rad + 10.0_f64.to_radians()).abs() < 1e-6, "{seen:?}");
    assert_eq!((seen.doppler_mps, seen.score), (Some(-10.0), 1.0));
    // Seconds as a double are good to a quarter of a microsecond.
    assert!((frame.valid_at_unix_ns - 1_786_270_272_250_000_000).abs() < 1000, "{}", frame.valid_at_unix_ns);
}

#[test]
fn hostile_json_is_dropped_with_its_cause() {
    let mapping = Mapping::parse(SAMPLE).unwrap();
    let garbage =
        |text: &str| assert_eq!(read_frame(&mapping, text.as_bytes()), Err(DropCause::SensorGarbage), "{text:.80}");
    garbage("");
    garbage("{");
    garbage(&"[".repeat(100_000));
    garbage(r#"{ "dev": "SN-20417", "targets": [] }"#);
    garbage(r#"{ "dev": "SN-20417", "ts": 1e300, "targets": [] }"#);
    garbage(r#"{ "dev": "SN-20417", "ts": 9223372036854775807, "targets": [] }"#);
    garbage(r#"{ "dev": ["SN-20417"], "ts": 1786270272123, "targets": [] }"#);
    garbage(r#"{ "dev": "SN-20417", "ts": 1786270272123, "targets": {} }"#);
    let many = format!(r#"{{ "dev": "a", "ts": 1, "targets": [{}0] }}"#, "0,".repeat(512));
    garbage(&many);
    let long = " ".repeat(300_000);
    assert_eq!(read_frame(&mapping, long.as_bytes()), Err(DropCause::SensorOversize));
}

#[test]
fn a_mapping_that_contradicts_itself_is_refused() {
    for (wrong, why) in [
        (SAMPLE.replace("pointer = \"/dev\"", "name = \"radar-1\"\npointer = \"/dev\""), "either"),
        (SAMPLE.replace("\"/ts\"", "\"ts\""), "JSON pointer"),
        (SAMPLE.replace("unit = \"percent\"", "unit = \"km/h\""), "percent"),
        (SAMPLE.replace("2 = \"motor\"", "2 = \"lorry\""), "lorry"),
        (SAMPLE.replace("rotate_deg = 0", "rotate_deg = 0\nturn = 1"), "position"),
    ] {
        let said = Mapping::parse(&wrong).unwrap_err().to_string();
        assert!(said.contains(why), "{why}: {said}");
    }
}

struct Broker(Child);

impl Drop for Broker {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// mosquitto on loopback, or `None` where it is not installed.
fn broker(folder: &Path, address: SocketAddr) -> Option<Broker> {
    let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"]
        .iter()
        .find(|p| Path::new(p).exists());
    let Some(program) = program else {
        eprintln!("skipped: mosquitto is not installed (apt-get install mosquitto)");
        return None;
    };
    let config = folder.join("mosquitto.conf");
    std::fs::write(&config, format!("listener {} {}\nallow_anonymous true\n", address.port(), address.ip())).unwrap();
    let child =
        Command::new(program).arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    Some(Broker(child))
}

/// MQTT 3.1.1 by hand: a client that is not the one under test. Publishes at most once.
async fn publisher(address: SocketAddr) -> TcpStream {
    let connected = async {
        loop {
            if let Ok(mut stream) = TcpStream::connect(address).await {
                stream.write_all(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test").await.unwrap();
                let mut answer = [0; 4];
                stream.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, [0x20, 2, 0, 0]);
                return stream;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, connected).await.unwrap()
}

async fn publish(stream: &mut TcpStream, topic: &str, payload: &[u8]) {
    let mut length = 2 + topic.len() + payload.len();
    let mut packet = vec![0x30];
    loop {
        packet.push((length % 128) as u8 | if length >= 128 { 128 } else { 0 });
        length /= 128;
        if length == 0 {
            break;
        }
    }
    packet.extend((topic.len() as u16).to_be_bytes());
    packet.extend(topic.as_bytes());
    packet.extend(payload);
    stream.write_all(&packet).await.unwrap();
}

#[tokio::test]
async fn json_comes_from_a_broker_that_may_go_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_port();
    let Some(first_broker) = broker(folder.path(), address) else { return };
    let mapping = folder.path().join("mapping.toml");
    std::fs::write(&mapping, SAMPLE).unwrap();
    let mut listener = listener();
    let (broker_address, topics) = (address.to_string(), vec!["site/+/targets".to_owned()]);
    let settings = MqttSettings { broker: broker_address, topics, mapping, username: None, password_file: None };
    listener.add(&Adapter::Mqtt(settings)).unwrap();

    let mut sensor = publisher(address).await;
    let scan = publish_until_heard(&mut sensor, &mut listener).await;
    assert_eq!((scan.sensor, scan.detections.len()), (radar().id, 2));
    assert!(listener.drops().of(DropCause::SensorNotFinite) >= 1, "{:?}", listener.drops());

    // Hostile: not JSON, too long for us, too long for a packet that we take in. Each is counted, and we still listen.
    publish(&mut sensor, "site/1/targets", b"{").await;
    until_dropped(&listener, DropCause::SensorGarbage, 1).await;
    publish(&mut sensor, "site/1/targets", &vec![b' '; 300_000]).await;
    until_dropped(&listener, DropCause::SensorOversize, 1).await;
    publish(&mut sensor, "site/1/targets", &vec![b' '; 2_000_000]).await;
    until_dropped(&listener, DropCause::SensorOversize, 2).await;
    publish_until_heard(&mut sensor, &mut listener).await;

    drop(first_broker);
    let _second_broker = broker(folder.path(), address).unwrap();
    let mut sensor = publisher(address).await;
    publish_until_heard(&mut sensor, &mut listener).await;
}

/// Publishes what is true now, ten times a second, until one is heard: the subscription takes its time.
async fn publish_until_heard(sensor: &mut TcpStream, listener: &mut Listener) -> Scan {
    let heard = async {
        loop {
            publish(sensor, "site/1/targets", sample_message(now_ms()).as_bytes()).await;
            if let Ok(Some(Ingested::Scan(scan))) = timeout(Duration::from_millis(100), listener.recv()).await {
                return scan;
            }
        }
    };
    timeout(PATIENCE, heard).await.unwrap()
}

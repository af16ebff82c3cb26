//! The socket around the gate.

use jxz_geo::Point;
use jxz_ingest::{Gate, Ingested, Listener};
use jxz_units::{Utc, Yaw};
use jxz_wire::encode_scan;
use jxz_world::*;
use std::time::{Duration, SystemTime};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

fn camera() -> SensorSpec {
    SensorSpec {
        id: SensorId("camera-1".to_owned()),
        kind: SensorKind::Camera,
        position: Point::new(0.0, 0.0),
        height_m: 6.0,
        boresight: Yaw::from_rad(0.0),
        half_fov_rad: 0.9,
        range_m: (3.0, 120.0),
        range_sigma_m: 0.3,
        range_sigma_fraction: 0.03,
        azimuth_sigma_rad: 0.003,
        doppler_sigma_mps: None,
        detection_probability: 0.9,
        clutter_per_scan: 2.0,
        class_accuracy: Some(0.9),
        period_s: 0.1,
    }
}

fn scan(sequence: u32) -> Scan {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    let valid_at = Utc::from_unix_ns(now.as_nanos() as i64);
    Scan { sensor: camera().id, sequence, valid_at, detections: vec![] }
}

#[tokio::test]
async fn scans_come_out_in_order_and_the_oldest_go_when_nobody_takes_them() {
    let nowhere = "127.0.0.1:0".parse().unwrap();
    let mut listener = Listener::bind(nowhere, Gate::new(&[camera()], None), 4).unwrap();
    let sensor = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    sensor.connect(listener.local_addr()).await.unwrap();

    let first = scan(0);
    sensor.send(&encode_scan(&first)).await.unwrap();
    let got = timeout(PATIENCE, listener.recv()).await.unwrap();
    assert_eq!(got, Some(Ingested::Scan(first)));

    // Ten good ones and then a bad one, by which we see that all have been received.
    for sequence in 1..=10 {
        sensor.send(&encode_scan(&scan(sequence))).await.unwrap();
    }
    sensor.send(b"rubbish").await.unwrap();
    let received = async {
        while listener.drops().of(DropCause::SensorGarbage) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, received).await.unwrap();
    let mut sequences = Vec::new();
    while sequences.last() != Some(&10) {
        let Some(Ingested::Scan(scan)) = timeout(PATIENCE, listener.recv()).await.unwrap() else { panic!("a scan") };
        sequences.push(scan.sequence);
    }
    assert_eq!(sequences, [7, 8, 9, 10]);
    assert_eq!(listener.drops().of(DropCause::SensorQueueFull), 6);
}

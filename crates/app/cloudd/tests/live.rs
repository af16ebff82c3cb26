//! The console's WebSocket, as a browser sees it.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, state, warning};
use futures_util::{SinkExt, StreamExt};
use jxz_wire::RoadUserPicture;
use jxz_wire::console::v1 as wire;
use prost::Message as _;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn open(rig: &Rig, origin: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/ws/v1", rig.daemon.http).into_client_request().unwrap();
    request.headers_mut().insert("Origin", origin.parse().unwrap());
    Ok(connect_async(request).await?.0)
}

async fn frame(socket: &mut Socket) -> wire::Frame {
    loop {
        let message = timeout(PATIENCE, socket.next()).await.expect("a frame in time").unwrap().unwrap();
        if let Message::Binary(bytes) = message {
            return wire::Frame::decode(bytes).unwrap();
        }
    }
}

/// The next frame's, of a console that says nothing.
async fn update(socket: &mut Socket) -> wire::Update {
    match frame(socket).await.body {
        Some(wire::frame::Body::Update(update)) => update,
        other => panic!("a whole frame, not {other:?}"),
    }
}

async fn say(socket: &mut Socket, said: wire::FromConsole) {
    socket.send(Message::Binary(said.encode_to_vec().into())).await.unwrap();
}

/// So far around the first car, 1e-7 degrees.
fn around(reach_e7: i32) -> wire::FromConsole {
    let viewport = wire::Viewport {
        west_e7: 1_187_000_000 - reach_e7,
        south_e7: 320_300_000 - reach_e7,
        east_e7: 1_187_000_000 + reach_e7,
        north_e7: 320_300_000 + reach_e7,
        zoom: 18.0,
        chosen: 0,
    };
    wire::FromConsole { viewport: Some(viewport), ..wire::FromConsole::default() }
}

#[tokio::test]
async fn frames_show_what_a_node_said_at_the_right_places() {
    let rig = Rig::start().await;
    let mut socket = open(&rig, &format!("http://{}", rig.daemon.http)).await.unwrap();
    let node = rig.node("north", 7);
    assert!(node.send_record(&warning("north", 7, 1)));
    assert!(node.flush(PATIENCE).await);
    node.send_state(state("north", 7, 1), PATIENCE);

    let update = loop {
        let update = update(&mut socket).await;
        if update.road_users.as_ref().unwrap().id.len() == 2 {
            break update;
        }
    };
    let users = update.road_users.unwrap();
    // The first car stands at the frame's origin, 118.7 E 32.03 N.
    assert_eq!((users.lon_e7[0], users.lat_e7[0]), (1_187_000_000, 320_300_000));
    // At 32.03° N a degree of longitude is 94,496 m (WGS 84 prime vertical 6,384,150 m): 300 m are 0.0031747°.
    assert!((users.lon_e7[1] - 1_187_031_747).abs() < 20 && (users.lat_e7[1] - 320_300_000).abs() < 2, "{users:?}");
    assert_eq!((users.heading_decideg[0], users.heading_decideg[1]), (1350, 3600), "the second is unknown");
    assert_eq!((users.speed_cmps[0], users.class[0]), (500, 0));
    assert_eq!(users.freshness[0], wire::Freshness::Fresh as i32);

    let sites: Vec<&str> = update.sites.iter().map(|site| site.id.as_str()).collect();
    assert_eq!((sites, users.site[0]), (vec!["north", "south"], 0));
    assert_eq!((update.sites[0].tracks, update.sites[0].warnings), (2, 1));
    assert!(update.sites[0].last_heard_ms.is_some() && update.sites[1].last_heard_ms.is_none());
    assert_eq!(update.sites[1].freshness, wire::Freshness::Lost as i32);

    let [warning] = &update.warnings[..] else { panic!("one warning, not {:?}", update.warnings) };
    assert_eq!((warning.id.as_str(), warning.kind.as_str()), ("abcd000000000001", "collision"));
    assert_eq!((&warning.concerned, &warning.about), (&vec![users.id[0]], &vec![users.id[1]]));
    assert!(!warning.reason_zh.is_empty() && !warning.reason_en.is_empty());
    assert_eq!(update.junctions[0].phases[0].light, "permissive-green");
    drop((socket, node));
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_console_that_says_what_it_looks_at_gets_what_changes_there() {
    let rig = Rig::start().await;
    let mut socket = open(&rig, &format!("http://{}", rig.daemon.http)).await.unwrap();
    let node = rig.node("north", 7);
    let mut picture = RoadUserPicture::default();
    say(&mut socket, around(5_000)).await;
    // One car at the origin, one 300 m, or 31,747 of these, to the east.
    let (mut changes, mut sequence, mut wide) = (0, 0, false);
    loop {
        sequence += 1;
        node.send_state(state("north", 7, sequence), PATIENCE);
        let frame = frame(&mut socket).await;
        picture.take(&frame).unwrap();
        say(&mut socket, wire::FromConsole { taken: frame.number, ..wire::FromConsole::default() }).await;
        let Some(wire::frame::Body::Delta(delta)) = frame.body else { continue };
        changes += 1;
        let all = delta.counted.unwrap().by_class.iter().sum::<u32>();
        match picture.road_users().count() {
            1 if changes > 5 && all == 2 && !wide => {
                assert_eq!(picture.road_users().next().unwrap().lon_e7, [1_187_000_000], "the one at the origin");
                say(&mut socket, around(40_000)).await;
                wide = true;
            }
            2 if wide => break,
            _ => {}
        }
    }
    // What is no word of a console is counted and does no harm.
    socket.send(Message::Binary(vec![0xff; 9].into())).await.unwrap();
    loop {
        let frame = frame(&mut socket).await;
        say(&mut socket, wire::FromConsole { taken: frame.number, ..wire::FromConsole::default() }).await;
        let status = rig.command("GET", "/api/v1/status", &serde_json::Value::Null).await;
        if status["dropped"]["peer_garbage"] == 1 {
            break;
        }
    }
    drop((socket, node));
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_from_elsewhere_is_refused() {
    let rig = Rig::start().await;
    for origin in ["http://evil.example", "https://127.0.0.1.evil.example", "null"] {
        match open(&rig, origin).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {other:?}"),
        }
    }
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_console_is_told_when_the_cloud_stops() {
    let rig = Rig::start().await;
    let mut socket = open(&rig, "http://localhost:5173").await.unwrap();
    update(&mut socket).await;
    rig.daemon.stop().await.unwrap();
    let ended = async {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() {
                return true;
            }
        }
        false
    };
    assert!(timeout(PATIENCE, ended).await.unwrap(), "closed, not cut off");
}

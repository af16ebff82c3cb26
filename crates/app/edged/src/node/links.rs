//! The node's links, from its configuration.

use crate::Config;
use crate::config::Radio as RadioSettings;
use crate::fleet::Fleet;
use crate::log_tail;
use crate::spool::{self, Records};
use crate::takeover::{Reader, wait_for_spool};
use anyhow::Context;
use jxz_link::{
    Credentials, ImmediateForwardConfig, ImmediateForwardRadio, LinkError, MulticastConfig, MulticastRadio,
    NeighbourLinkConfig, NeighbourLinks, Radio, RadioFrame, TxChannel, Uplink, UplinkConfig, UuServerConfig,
};
use jxz_v2x::Frame;
use jxz_world::{CongestionReport, DropCause, Drops};
use std::net::UdpSocket;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

/// Messages waiting for one vehicle's connection.
const UU_QUEUE: usize = 64;
/// Words of the cloud that wait: one a congested link and minute.
const WORDS: usize = 64;

/// The radio, on a socket of its own or on one taken over.
pub(crate) fn open_radio(config: &RadioSettings, socket: Option<UdpSocket>) -> Result<Box<dyn Radio>, LinkError> {
    Ok(match config {
        RadioSettings::Multicast { interface, group } => {
            let config = MulticastConfig { interface: interface.clone(), group: *group };
            Box::new(match socket {
                Some(socket) => MulticastRadio::adopt(&config, socket)?,
                None => MulticastRadio::open(&config)?,
            })
        }
        RadioSettings::ImmediateForward { rsu, listen, channel, sign } => {
            let mut forward = ImmediateForwardConfig::new(*rsu, *listen);
            (forward.channel, forward.sign) = (TxChannel::Number(*channel), *sign);
            Box::new(match socket {
                Some(socket) => ImmediateForwardRadio::adopt(forward, socket)?,
                None => ImmediateForwardRadio::open(forward)?,
            })
        }
    })
}

/// Sends a frame over the radio, or counts that it could not. Whether it has left.
pub(crate) fn send(radio: &dyn Radio, frame: &Frame, drops: &mut Drops) -> bool {
    let frame = RadioFrame {
        priority: frame.kind.priority().unwrap_or(0),
        application_id: frame.kind.application_id(),
        bytes: frame.bytes.clone().into(),
    };
    let sent = radio.send(&frame);
    if let Err(error) = &sent {
        tracing::debug!(%error, "send over the radio");
        drops.count(DropCause::RadioSendFailed);
    }
    sent.is_ok()
}

pub(super) fn vehicles(config: &Config, credentials: &Credentials) -> UuServerConfig {
    UuServerConfig {
        address: config.uu.listen,
        credentials: credentials.clone(),
        max_subscribers: config.uu.max_subscribers,
        queue: UU_QUEUE,
    }
}

/// The links to the neighbours that are configured, if any are to be, on a socket of their own or on one taken over.
pub(super) fn neighbours(
    config: &Config,
    boot: u64,
    credentials: &Credentials,
    socket: Option<UdpSocket>,
) -> Result<Option<NeighbourLinks>, LinkError> {
    let Some(hand_over) = &config.hand_over else { return Ok(None) };
    let addresses = config.neighbours.iter().map(|n| (n.site.clone(), n.address.clone())).collect();
    let (site, credentials) = (config.site.clone(), credentials.clone());
    let links = NeighbourLinkConfig::new(hand_over.listen, site, boot, credentials, addresses);
    match socket {
        Some(socket) => NeighbourLinks::adopt(&links, socket),
        None => NeighbourLinks::bind(&links),
    }
    .map(Some)
}

/// What is towards the cloud: records on disk, the link, and what the cloud manages.
pub(crate) struct Cloud {
    pub(crate) uplink: Uplink,
    pub(crate) records: Records,
    pub(crate) fleet: Fleet,
    /// Its words of congestion.
    pub(crate) words: mpsc::Receiver<CongestionReport>,
}

impl Cloud {
    pub(super) fn open(config: &Config, boot: u64, credentials: Credentials) -> anyhow::Result<Self> {
        let (fleet, assignments) = Fleet::start(config, &credentials);
        let mut uplink = UplinkConfig::new(&config.cloud.address, config.site.clone(), boot, credentials);
        uplink.server_name.clone_from(&config.cloud.server_name);
        uplink.assignments = Some(assignments);
        let (words_in, words) = mpsc::channel(WORDS);
        uplink.words = Some(words_in);
        uplink.log = Some(log_tail::source());
        let (records, uplink) = spool::open(config, uplink)?;
        Ok(Self { uplink, records, fleet, words })
    }
}

/// Opens the cloud's side once the process that ran before has closed its own. The brain does not wait for it.
pub(super) async fn open_cloud(
    config: Config,
    boot: u64,
    credentials: Credentials,
    stream: Reader<UnixStream>,
    opened: oneshot::Sender<anyhow::Result<Cloud>>,
) {
    wait_for_spool(stream).await;
    let open = move || Cloud::open(&config, boot, credentials);
    let cloud = tokio::task::spawn_blocking(open).await.context("opening the spool broke down").and_then(|cloud| cloud);
    // Who does not wait any more has been told to stop.
    let _ = opened.send(cloud);
}

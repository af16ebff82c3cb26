//! The PC5 channel of the island: a multicast group for each site, since multicast knows no range and radio does.

use super::layout::{Layout, SiteLayout};
use jxz_geo::Point;
use jxz_link::{LinkError, MulticastConfig, MulticastRadio, Radio, RadioFrame, ReceivedFrame};
use jxz_map::Map;
use jxz_world::{DropCause, Drops, Site};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A message reaches, and is heard by, units within this distance, metres.
pub(super) const RANGE_M: f64 = 400.0;
/// Frames heard and not yet taken; beyond them the sockets' own buffers drop.
const INBOX: usize = 1024;

struct Unit {
    position: Point,
    radio: Arc<MulticastRadio>,
    listener: JoinHandle<()>,
}

/// What the simulated vehicles share with the units.
pub(super) struct Air {
    units: Vec<Unit>,
    heard: mpsc::Receiver<(usize, ReceivedFrame)>,
    drops: Drops,
}

impl Air {
    /// Listens to every unit of the demo. Must be called within a tokio runtime.
    pub(super) fn open(layout: &Layout, map: &Map) -> Result<Self, LinkError> {
        let (sender, heard) = mpsc::channel(INBOX);
        let places = map.sites.iter().zip(&layout.sites).enumerate();
        let open = |(number, (site, place)): (usize, (&Site, &SiteLayout))| {
            let config = MulticastConfig { interface: layout.pc5_interface.clone(), group: place.air };
            let radio = Arc::new(MulticastRadio::open(&config)?);
            let listener = tokio::spawn(listen(number, Arc::clone(&radio), sender.clone()));
            Ok(Unit { position: site.position, radio, listener })
        };
        let units = places.map(open).collect::<Result<_, LinkError>>()?;
        Ok(Self { units, heard, drops: Drops::default() })
    }

    /// The next frame, and where its sender stands.
    pub(super) async fn recv(&mut self) -> Option<(Point, ReceivedFrame)> {
        let (number, frame) = self.heard.recv().await?;
        Some((self.units.get(number)?.position, frame))
    }

    /// Sends from there to the units that can hear it.
    pub(super) fn send(&mut self, from: Point, frame: &RadioFrame) {
        for unit in self.units.iter().filter(|unit| (unit.position - from).norm() <= RANGE_M) {
            if unit.radio.send(frame).is_err() {
                self.drops.count(DropCause::RadioSendFailed);
            }
        }
    }

    pub(super) fn drops(&self) -> Drops {
        let mut drops = self.drops.clone();
        self.units.iter().for_each(|unit| drops.merge(&unit.radio.drops()));
        drops
    }
}

impl Drop for Air {
    fn drop(&mut self) {
        self.units.iter().for_each(|unit| unit.listener.abort());
    }
}

async fn listen(number: usize, radio: Arc<MulticastRadio>, heard: mpsc::Sender<(usize, ReceivedFrame)>) {
    loop {
        match radio.recv().await {
            Ok(frame) => {
                if heard.send((number, frame)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "receive from the radio");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

//! Every connected vehicle's subscription over 5G: to the nearest site, and on to the next when it drives on.

use super::layout::Layout;
use jxz_geo::Point;
use jxz_link::{Credentials, Role, UuClient, UuMessage, UuSocket};
use jxz_map::Map;
use jxz_world::{SiteId, VehicleId};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;

/// Nobody subscribes to a site farther away than this, metres.
const SITE_RANGE_M: f64 = 400.0;
/// A vehicle changes to another site when that one is nearer by this much, metres.
const HYSTERESIS_M: f64 = 40.0;
/// How long a vehicle waits after a failed attempt.
const RETRY: Duration = Duration::from_millis(500);
/// Messages received and not yet handed on, over all vehicles; what finds no room is lost, for a longer queue would only
/// make all of them old.
const INBOX: usize = 256;

/// Vehicles that share a socket: one each is half a gigabyte for all of them (see [`UuSocket`]).
const ON_A_SOCKET: usize = 8;

/// A message for one vehicle.
pub(super) type Delivery = (VehicleId, UuMessage);

struct Subscription {
    site: usize,
    slot: usize,
    task: JoinHandle<()>,
}

struct Site {
    id: SiteId,
    position: Point,
    address: SocketAddr,
}

/// The vehicles' side of 5G.
pub(super) struct Fleet {
    sites: Vec<Site>,
    credentials: Vec<Credentials>,
    sockets: Vec<UuSocket>,
    free: Vec<usize>,
    subscriptions: BTreeMap<VehicleId, Subscription>,
    inbox: mpsc::Sender<Delivery>,
    /// Vehicles that found no certificate free.
    turned_away: u64,
    /// Messages that found no room.
    lost: Arc<AtomicU64>,
}

impl Fleet {
    /// A fleet with one certificate for each of `vehicles`, and where its messages come out. Must be called within a tokio
    /// runtime.
    pub(super) fn new(layout: &Layout, map: &Map, vehicles: u16) -> anyhow::Result<(Self, mpsc::Receiver<Delivery>)> {
        let load = |n| Credentials::load(&layout.pki, &Role::Vehicle(format!("{n:04}")));
        let credentials = (1..=vehicles).map(load).collect::<Result<Vec<_>, _>>()?;
        let socket = |_| UuSocket::open(Ipv4Addr::LOCALHOST.into(), ON_A_SOCKET);
        let sockets = (0..credentials.len().div_ceil(ON_A_SOCKET)).map(socket).collect::<Result<_, _>>()?;
        let sites = map.sites.iter().zip(&layout.sites);
        let sites = sites.map(|(s, l)| Site { id: s.id.clone(), position: s.position, address: l.uu }).collect();
        let (inbox, messages) = mpsc::channel(INBOX);
        let free = (0..credentials.len()).rev().collect();
        let (subscriptions, lost) = (BTreeMap::new(), Arc::default());
        Ok((Self { sites, credentials, sockets, free, subscriptions, inbox, turned_away: 0, lost }, messages))
    }

    /// Vehicles that found no certificate free, and messages that found no room.
    pub(super) fn dropped(&self) -> u64 {
        self.turned_away + self.lost.load(Ordering::Relaxed)
    }

    /// Vehicles that are subscribed, or trying to be.
    pub(super) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// Brings the subscriptions in line with where the vehicles are now.
    pub(super) fn follow(&mut self, vehicles: &BTreeMap<VehicleId, Point>) {
        let gone: Vec<VehicleId> = self.subscriptions.keys().filter(|v| !vehicles.contains_key(v)).copied().collect();
        for vehicle in gone {
            self.unsubscribe(vehicle);
        }
        for (&vehicle, &position) in vehicles {
            let current = self.subscriptions.get(&vehicle).map(|s| s.site);
            let wanted = self.site_for(position, current);
            if wanted == current {
                continue;
            }
            self.unsubscribe(vehicle);
            if let Some(site) = wanted {
                self.subscribe(vehicle, site);
            }
        }
    }

    fn site_for(&self, position: Point, current: Option<usize>) -> Option<usize> {
        let distance = |i: &usize| {
            let bonus = if Some(*i) == current { HYSTERESIS_M } else { 0.0 };
            (self.sites[*i].position - position).norm() - bonus
        };
        let nearest = (0..self.sites.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        (distance(&nearest) <= SITE_RANGE_M).then_some(nearest)
    }

    fn subscribe(&mut self, vehicle: VehicleId, site: usize) {
        let Some(slot) = self.free.pop() else {
            self.turned_away += 1;
            return;
        };
        let Site { id, address, .. } = &self.sites[site];
        let way = Way {
            vehicle,
            site: id.clone(),
            address: *address,
            socket: self.sockets[slot / ON_A_SOCKET].clone(),
            credentials: self.credentials[slot].clone(),
        };
        let keep = keep_subscribed(way, self.inbox.clone(), Arc::clone(&self.lost));
        self.subscriptions.insert(vehicle, Subscription { site, slot, task: tokio::spawn(keep) });
    }

    fn unsubscribe(&mut self, vehicle: VehicleId) {
        if let Some(subscription) = self.subscriptions.remove(&vehicle) {
            subscription.task.abort();
            self.free.push(subscription.slot);
        }
    }
}

/// A vehicle's way to a site.
struct Way {
    vehicle: VehicleId,
    site: SiteId,
    address: SocketAddr,
    socket: UuSocket,
    credentials: Credentials,
}

async fn keep_subscribed(way: Way, inbox: mpsc::Sender<Delivery>, lost: Arc<AtomicU64>) {
    let Way { vehicle, site, address, socket, credentials } = way;
    loop {
        match UuClient::connect_on(&socket, address, &site, &credentials).await {
            Ok(mut client) => {
                while let Some(message) = client.recv().await {
                    match inbox.try_send((vehicle, message)) {
                        Ok(()) => {}
                        Err(TrySendError::Full(_)) => {
                            lost.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(TrySendError::Closed(_)) => return,
                    }
                }
            }
            Err(error) => tracing::debug!(%vehicle, %site, "subscribe: {error}"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

//! Tells the sites of congestion, on a task of its own: the twin never waits for a node.

use crate::stats::Stats;
use jxz_cloud::Guidance;
use jxz_link::{NodeLinks, utc_now};
use jxz_map::Map;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Words that wait to be told; a minute of a city has fewer. What finds no room is said again a minute later.
const WAITING: usize = 1024;
/// Nodes told at once.
const AT_ONCE: usize = 64;

/// Takes what the sites are to be told.
#[derive(Debug)]
pub(crate) struct Teller {
    words: mpsc::Sender<Guidance>,
    stats: Arc<Stats>,
}

impl Teller {
    /// Hands a word on, or counts it as not told.
    pub(crate) fn tell(&self, guidance: Guidance) {
        let Guidance { link, congested, vehicles, travel_time_s, .. } = guidance;
        tracing::debug!(link = link.0, congested, vehicles, travel_time_s, "congestion");
        let sites = guidance.sites.len() as u64;
        if self.words.try_send(guidance).is_err() {
            self.stats.congestion_untold.fetch_add(sites, Relaxed);
        }
    }
}

/// The teller, and what it has been given.
pub(crate) fn channel(stats: Arc<Stats>) -> (Teller, mpsc::Receiver<Guidance>) {
    let (words, given) = mpsc::channel(WAITING);
    (Teller { words, stats }, given)
}

/// Tells every site concerned that is connected; returns when the teller is gone.
pub(crate) async fn run(mut given: mpsc::Receiver<Guidance>, links: NodeLinks, map: Arc<Map>, stats: Arc<Stats>) {
    let mut telling = JoinSet::new();
    while let Some(guidance) = given.recv().await {
        let word = guidance.word(&map, utc_now());
        let standing = links.standing();
        for site in guidance.sites.into_iter().filter(|site| standing.contains_key(site)) {
            while telling.len() >= AT_ONCE {
                telling.join_next().await;
            }
            let (links, word, stats) = (links.clone(), word.clone(), Arc::clone(&stats));
            telling.spawn(async move {
                match links.tell(&site, &word).await {
                    Ok(()) => stats.congestion_told.fetch_add(1, Relaxed),
                    Err(error) => {
                        tracing::warn!(%site, link = word.link, %error, "a site was not told of congestion");
                        stats.congestion_untold.fetch_add(1, Relaxed)
                    }
                }
            });
        }
        while telling.try_join_next().is_some() {}
    }
    while telling.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_link::{
        Credentials, FromNode, ListenerConfig, MessagePlan, NodeListener, Plan, Role, Uplink, UplinkConfig, make,
    };
    use jxz_map::LinkIx;
    use jxz_world::{CongestionReport, SiteId};
    use std::path::Path;
    use std::time::Duration;
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn site(name: &str) -> SiteId {
        SiteId(name.to_owned())
    }

    fn node(pki: &Path, name: &str, cloud: &str) -> (Uplink, mpsc::Receiver<CongestionReport>) {
        let credentials = Credentials::load(pki, &Role::Node(site(name))).unwrap();
        let mut config = UplinkConfig::new(cloud, site(name), 1, credentials);
        let (words_in, words) = mpsc::channel(4);
        config.words = Some(words_in);
        (Uplink::spawn(config).unwrap(), words)
    }

    #[tokio::test]
    async fn the_sites_concerned_that_are_connected_are_told() {
        let pki = tempfile::tempdir().unwrap();
        let plan = Plan {
            sites: ["north", "south", "west"].map(site).to_vec(),
            vehicles: 0,
            operators: Vec::new(),
            messages: MessagePlan::default(),
            now: utc_now(),
            days: 30,
        };
        make(pki.path(), &plan, false).unwrap();
        let credentials = Credentials::load(pki.path(), &Role::Cloud).unwrap();
        let mut listener =
            NodeListener::bind(&ListenerConfig::new("127.0.0.1:0".parse().unwrap(), credentials)).unwrap();
        let cloud = listener.local_addr().to_string();
        let (_north, mut north) = node(pki.path(), "north", &cloud);
        let (_south, mut south) = node(pki.path(), "south", &cloud);
        for _ in 0..2 {
            assert!(matches!(timeout(PATIENCE, listener.recv()).await.unwrap(), Some(FromNode::Connected(_))));
        }

        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
        let map = Arc::new(Map::load(&seeds).unwrap());
        let stats = Arc::<Stats>::default();
        let (teller, given) = channel(Arc::clone(&stats));
        let running = tokio::spawn(run(given, listener.links(), Arc::clone(&map), Arc::clone(&stats)));
        let guidance = Guidance {
            link: LinkIx(3),
            since: utc_now(),
            congested: true,
            speed_mps: 1.5,
            vehicles: 20,
            travel_time_s: 90.0,
            free_flow_s: 12.0,
            sites: vec![site("north"), site("west")],
        };
        teller.tell(guidance.clone());
        let word = timeout(PATIENCE, north.recv()).await.unwrap().unwrap();
        assert_eq!((&word.link, word.speed_mps, word.is_over()), (&map.link(LinkIx(3)).id, 1.5, false));
        teller.tell(Guidance { congested: false, ..guidance });
        let word = timeout(PATIENCE, north.recv()).await.unwrap().unwrap();
        assert!(word.is_over());
        assert!(south.try_recv().is_err(), "it is none of its links");
        drop(teller);
        timeout(PATIENCE, running).await.unwrap().unwrap();
        assert_eq!((stats.congestion_told.load(Relaxed), stats.congestion_untold.load(Relaxed)), (2, 0));
    }
}

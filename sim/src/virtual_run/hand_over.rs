//! Whether a road user that goes from one site to the next keeps its identity.

use core::time::Duration;
use jxz_geo::Point;
use jxz_units::Instant;
use jxz_world::{IslandId, SiteId, Track};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// From one node to a neighbour.
pub(super) const WORD_TAKES: Duration = Duration::from_millis(4);
/// On unruly links each word comes twice more: soon, and after the one that follows it.
const UNRULY: [Duration; 3] = [WORD_TAKES, Duration::from_millis(9), Duration::from_millis(260)];
/// A track this near to a road user, and to no other's nearer, is that road user's, metres.
const MATCH_M: f64 = 2.0;
/// A second track this near to a road user, with nobody else within `ALONE_M`, is of the same, metres.
const TWIN_M: f64 = 1.0;
const ALONE_M: f64 = 4.0;
/// A site that did not track a road user for this long meets it anew, seconds.
const ABSENT_S: f64 = 5.0;
/// From the last track on one site to the first on the next at most, seconds.
const BETWEEN_S: f64 = 10.0;
/// A new site's name for a road user is asked for this long after its first track, seconds.
const SETTLED_S: f64 = 1.0;

/// How words go from node to node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NeighbourLinks {
    /// Every word arrives, 4 ms later.
    #[default]
    Up,
    /// None does.
    Down,
    /// None does to or from one site.
    DownAt(SiteId),
    /// Every word arrives three times: once as it should, once 5 ms later, once after the next.
    Unruly,
}

impl NeighbourLinks {
    /// The delays with which a word arrives, each time that it does.
    pub(super) fn delays(&self, from: &SiteId, to: &SiteId) -> &'static [Duration] {
        match self {
            Self::Up => &UNRULY[..1],
            Self::DownAt(site) if site == from || site == to => &[],
            Self::DownAt(_) => &UNRULY[..1],
            Self::Down => &[],
            Self::Unruly => &UNRULY,
        }
    }
}

/// Road users that went from one site to a neighbouring one, and what came of their identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HandOvers {
    /// Road users tracked on a site within ten seconds of having been tracked on a neighbouring one, and for a second
    /// at least.
    pub all: u64,
    /// Of those, the ones that had the same identity on both.
    pub kept: u64,
    /// Of twice a second's looks at a road user on a site with nobody else around, those that found two tracks.
    pub twins: u64,
    /// All of those looks.
    pub looks: u64,
}

/// A road user as one site has it.
#[derive(Debug, Clone, Copy)]
struct Meeting {
    island: IslandId,
    first: Instant,
    last: Instant,
    /// Whom it was before, on the site where it was, until that is compared.
    before: Option<usize>,
}

/// Keeps the book.
#[derive(Debug, Clone, Default)]
pub(super) struct HandOverBook {
    /// By road user and site.
    meetings: BTreeMap<u64, BTreeMap<usize, Meeting>>,
    count: HandOvers,
}

impl HandOverBook {
    /// One site's tracks, and the road users in its coverage by number.
    pub(super) fn look(
        &mut self,
        now: Instant,
        site: usize,
        neighbours: &[usize],
        truth: &[(u64, Point)],
        tracks: &[Track],
    ) {
        for (user, track) in matches(truth, tracks) {
            self.meet(now, site, neighbours, user, tracks[track].island);
        }
        for (user, place) in truth {
            let around = truth.iter().filter(|(other, at)| other != user && (at - place).norm() < ALONE_M);
            if around.count() == 0 {
                let own = tracks.iter().filter(|track| (track.position - place).norm() < TWIN_M).count();
                self.count.looks += 1;
                self.count.twins += u64::from(own > 1);
            }
        }
    }

    fn meet(&mut self, now: Instant, site: usize, neighbours: &[usize], user: u64, island: IslandId) {
        let since_s = |at: Instant| now.since(at).as_secs_f64();
        let sites = self.meetings.entry(user).or_default();
        let known = sites.get(&site).copied().filter(|meeting| since_s(meeting.last) < ABSENT_S);
        let mut meeting = known.unwrap_or_else(|| {
            let elsewhere = sites.iter().filter(|(s, m)| neighbours.contains(s) && since_s(m.last) <= BETWEEN_S);
            let before = elsewhere.max_by_key(|(_, m)| m.last).map(|(site, _)| *site);
            Meeting { island, first: now, last: now, before }
        });
        (meeting.island, meeting.last) = (island, now);
        if since_s(meeting.first) >= SETTLED_S
            && let Some(before) = meeting.before.take()
            && let Some(there) = sites.get(&before)
        {
            self.count.all += 1;
            self.count.kept += u64::from(there.island == island);
        }
        sites.insert(site, meeting);
    }

    /// Forgets road users that are on the island no more.
    pub(super) fn retain(&mut self, alive: impl Fn(u64) -> bool) {
        self.meetings.retain(|user, _| alive(*user));
    }

    pub(super) fn count(&self) -> HandOvers {
        self.count
    }
}

/// Road users with their tracks, each at most once, the nearest first.
fn matches(truth: &[(u64, Point)], tracks: &[Track]) -> Vec<(u64, usize)> {
    let mut pairs = Vec::new();
    for (user, place) in truth {
        let apart = tracks.iter().enumerate().map(|(k, track)| ((track.position - place).norm(), *user, k));
        pairs.extend(apart.filter(|(apart_m, ..)| *apart_m < MATCH_M));
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut chosen: Vec<(u64, usize)> = Vec::new();
    for (_, user, track) in pairs {
        if !chosen.iter().any(|(u, t)| *u == user || *t == track) {
            chosen.push((user, track));
        }
    }
    chosen
}

//! Looking inside without changing anything.

use super::Edge;
use crate::EdgeConfig;
use jxz_fusion::TrackOrigin;
use jxz_map::Map;
use jxz_security::{Receiver, Signer};
use jxz_units::{Now, Utc};
use jxz_world::{Application, CongestionReport, Drops, LatencyBook, Running, Site, Track, TrackId};
use std::sync::Arc;

impl Edge {
    /// The site this is the brain of.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The map that it was made with.
    #[must_use]
    pub fn map(&self) -> &Arc<Map> {
        &self.map
    }

    /// The settings that it was made with; [`crate::Input::Hazard`] and
    /// [`crate::Input::Configuration`] change what it does, not what is told here.
    #[must_use]
    pub fn config(&self) -> &EdgeConfig {
        &self.config
    }

    /// When it was made.
    #[must_use]
    pub fn started(&self) -> Now {
        self.health.started()
    }

    /// As whom it signs and whom it believes, if it is secured.
    #[must_use]
    pub fn security(&self) -> Option<(&Signer, &Receiver)> {
        self.guard.as_ref().map(crate::guard::Guard::parts)
    }

    /// What the cloud said of congestion and still holds; said to another brain of the site, it knows the same.
    pub fn congestion(&self, now: Now) -> impl Iterator<Item = &CongestionReport> {
        self.city.words(now)
    }

    /// What has been dropped inside the brain since the start, by cause.
    #[must_use]
    pub fn drops(&self) -> &Drops {
        &self.health.drops
    }

    /// What the node runs: the cloud's configuration, if it has one, and the applications that are on.
    #[must_use]
    pub fn running(&self) -> Running {
        let on = |application: &Application| self.hazards.config().switch(*application).0;
        Running { config: self.configuration, applications: Application::ALL.into_iter().filter(on).collect() }
    }

    /// How long the stages inside the brain took since the start.
    #[must_use]
    pub fn latencies(&self) -> &LatencyBook {
        &self.health.latencies
    }

    /// The tracks as they are known for a time near now.
    #[must_use]
    pub fn tracks_at(&self, at: Utc) -> Vec<Track> {
        self.tracker.tracks_at(at)
    }

    /// What a present track grew out of, by which to ask about it in another run on the same inputs.
    #[must_use]
    pub fn origin(&self, id: TrackId) -> Option<TrackOrigin> {
        self.tracker.origin(id)
    }
}

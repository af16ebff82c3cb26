//! What the cloud answers of a moment: once, for gRPC and for JSON.

use crate::api::{self, Within};
use crate::brain::Moment;
use crate::frame::unix_ms;
use jxz_geo::LocalFrame;
use jxz_wire::api::v1 as wire;

pub(crate) fn nodes(moment: &Moment, geo: &LocalFrame) -> wire::ListNodesResponse {
    let nodes = moment.view.nodes.iter().map(|node| api::node(node, geo)).collect();
    wire::ListNodesResponse { at_ms: unix_ms(moment.view.at), nodes }
}

/// One node, if there is one of this name.
pub(crate) fn node(moment: &Moment, geo: &LocalFrame, site: &str) -> Option<wire::Node> {
    let node = moment.view.nodes.iter().find(|node| node.site.0 == site);
    node.map(|node| api::node(node, geo))
}

/// What [`node`] has nothing of.
pub(crate) const NO_SUCH_SITE: &str = "no such site in the map, and none was heard";

/// Road users, at most `limit` of them; 0 is all.
pub(crate) fn tracks(
    moment: &Moment,
    geo: &LocalFrame,
    within: Option<&Within>,
    limit: u32,
) -> wire::ListTracksResponse {
    let mut tracks = api::tracks(moment, geo, within);
    let limit = if limit == 0 { tracks.len() } else { limit as usize };
    let left_out = tracks.len().saturating_sub(limit) as u32;
    tracks.truncate(limit);
    wire::ListTracksResponse { at_ms: unix_ms(moment.view.at), tracks, left_out }
}

/// Warnings of a site, or of all where it is empty.
pub(crate) fn warnings(moment: &Moment, geo: &LocalFrame, site: &str, alive_only: bool) -> wire::ListWarningsResponse {
    let wanted = moment
        .view
        .warnings
        .iter()
        .filter(|warning| (site.is_empty() || warning.site.0 == site) && (!alive_only || warning.is_alive()));
    let warnings = wanted.map(|warning| api::warning(warning, geo)).collect();
    wire::ListWarningsResponse { at_ms: unix_ms(moment.view.at), warnings }
}

/// Signals of a junction, or of all where it is empty.
pub(crate) fn signals(moment: &Moment, junction: &str) -> wire::ListSignalsResponse {
    let wanted = moment.view.signals.iter();
    let wanted = wanted.filter(|view| junction.is_empty() || view.signals.junction.0 == junction);
    wire::ListSignalsResponse { at_ms: unix_ms(moment.view.at), junctions: wanted.map(api::junction).collect() }
}

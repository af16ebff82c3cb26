//! The signs that always stand around a site.

use crate::asn::{RtsData, SignType};
use crate::codes::SPEED_LIMIT;
use crate::encoder::{Encoder, Refusal, Sink, Subject};
use crate::error::EncodeError;
use crate::kind::RsiClass;
use crate::place::Anchor;
use crate::roads::{ends, reference};
use crate::rsi::{Item, paths_to_wire, priority_to_wire, text_description};
use crate::scale;
use jxz_map::{JunctionIx, LaneKind, LinkIx, Map};
use jxz_units::Utc;

/// Priority of a sign that always stands, 0 to 7.
const PRIORITY: u8 = 1;
/// How far beyond the road's edge its signs still hold, metres.
const BESIDE_M: f64 = 2.0;

impl Encoder {
    /// The speed limits on the links that enter and leave a junction, as RSI frames of signs of the static class, to
    /// be sent together with MAP. Each stands at the beginning of its link, refers to the link with its driving lanes
    /// and to its line, and gives the limit as text (`60 km/h`: the set has no member for it). With the unit's id its
    /// number (`rtsId`, 192..=254) is its key, the same for as long as the map is.
    ///
    /// A link without driving lanes has no sign; one that cannot be said is refused.
    pub fn signs(&mut self, now: Utc, map: &Map, junction: JunctionIx, sink: &mut dyn Sink) {
        let Some(here) = self.anchor(sink) else { return };
        let junction = map.junction(junction);
        let links = junction.incoming.iter().chain(&junction.outgoing).copied();
        self.signs.begin(links.clone());
        let mut items = Vec::new();
        for ix in links {
            let item = self.speed_limit_sign(map, &here, ix).transpose();
            match item.map(|item| item.and_then(|item| self.measured(now, &here, item))) {
                Some(Ok(item)) => items.push(item),
                Some(Err(error)) => sink.refused(Refusal { subject: Subject::Map(map.link(ix).id.clone()), error }),
                None => {}
            }
        }
        self.send_rsi(now, &here, RsiClass::Static, items, sink);
    }

    fn speed_limit_sign(&mut self, map: &Map, here: &Anchor, ix: LinkIx) -> Result<Option<Item>, EncodeError> {
        let link = map.link(ix);
        let is_driving = |number: &usize| map.lane(link.lanes[number - 1]).kind == LaneKind::Driving;
        let lanes = (1..=link.lanes.len()).filter(is_driving);
        if lanes.clone().next().is_none() {
            return Ok(None);
        }
        let limit_kmph = scale::steps("speed_limit_kmph", link.speed_limit_mps * 3.6, 1.0, 1, 400)?;
        let width_m: f64 = link.lanes.iter().map(|&lane| map.lane(lane).width_m).sum();
        let rts_id = self.signs.number(ix).ok_or(EncodeError::Count { field: "signs", count: 64, low: 0, high: 63 })?;
        Ok(Some(Item::Sign(RtsData {
            rts_id,
            sign_type: SignType(SPEED_LIMIT),
            sign_pos: Some(here.offset("sign_position_deg", link.line.start())?),
            description: Some(text_description(format!("{limit_kmph} km/h"))?),
            time_details: None,
            priority: Some(priority_to_wire(PRIORITY)),
            reference_paths: Some(paths_to_wire(here, &link.line, width_m + BESIDE_M)?),
            reference_links: Some(crate::asn::ReferenceLinkList(vec![reference(ends(map, link), lanes)])),
            auxiliary_sign: None,
        })))
    }
}

//! Roadside information: warnings as events and signs.

use crate::asn::{
    Confidence, Description, EventSource, EventType, MessageFrame, PathPointList, PositionOffsetLlv, Radius,
    ReferenceLinkList, ReferencePath, ReferencePathList, RoadSideInformation, RsiPriority, RsiTimeDetails, RteData,
    RteList, RtsData, RtsList, SignType,
};
use crate::codes::RsiCode;
use crate::encoder::{Encoder, Refusal, Sink, Subject, UnitId, packed};
use crate::error::{DecodeError, EncodeError};
use crate::kind::{MessageKind, RsiClass};
use crate::notice::{self, Notice};
use crate::place::{Anchor, Steps, thinned};
use crate::spat::NodeRef;
use crate::time::{from_moy, moy, moy_rounded_up};
use crate::{hex, scale};
use jxz_geo::{LocalFrame, Point, Polyline};
use jxz_units::Utc;
use jxz_world::{Level, Warning, WarningKind};

/// Events a frame may hold; signs could be twice as many.
pub(crate) const MOST_EVENTS: usize = 8;
/// Points a path may hold.
const MOST_PATH_POINTS: usize = 32;

/// One event or sign of a received RSI.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedWarning {
    /// Its number with this unit.
    pub number: u8,
    /// Its public code.
    pub code: RsiCode,
    /// What our convention adds; `None` from other vendors' units.
    pub notice: Option<Notice>,
    /// Any other text, GB 2312 in hexadecimal.
    pub text: Option<String>,
    /// The point of the event, local frame.
    pub at: Option<Point>,
    /// The ways towards it with how far from each still counts (metres), local frame, in the direction of travel.
    pub paths: Vec<(Vec<Point>, f64)>,
    /// The links that it concerns.
    pub links: Vec<LinkRef>,
    /// How far around the point still counts, metres.
    pub radius_m: Option<f64>,
    /// Probability that it is right, 0 to 1, in steps of 0.005; signs have none.
    pub confidence: Option<f64>,
    /// Priority, 0 (lowest) to 7.
    pub priority: Option<u8>,
    /// From when, to the minute.
    pub starts: Option<Utc>,
    /// Until when, to the minute; [`Notice::valid_until`] is finer.
    pub ends: Option<Utc>,
}

/// A link as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRef {
    /// The junction where it begins; 0 without a region is an edge of the map.
    pub upstream: NodeRef,
    /// The junction where it ends.
    pub downstream: NodeRef,
    /// The lanes concerned, 1 to 15; `None`: all.
    pub lanes: Option<Vec<u8>>,
}

impl ReceivedWarning {
    /// The kind of warning: as the notice says, else as the public code does.
    #[must_use]
    pub fn kind(&self) -> Option<WarningKind> {
        self.notice.as_ref().map(|notice| notice.kind()).or_else(|| self.code.kind())
    }
}

/// A received RSI.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedRsi {
    /// Who sent it.
    pub unit: UnitId,
    /// Its counter, 0..=127.
    pub message_count: u8,
    /// The sender's reference position, local frame.
    pub position: Point,
    /// When it was made, to the minute.
    pub minute: Option<Utc>,
    /// Events, then signs.
    pub warnings: Vec<ReceivedWarning>,
}

/// An event or a sign on its way into a frame.
pub(crate) enum Item {
    Event(RteData),
    Sign(RtsData),
}

impl Encoder {
    /// The warnings as RSI frames: events, and signs for limits and advice. One frame carries one [`RsiClass`], up
    /// to eight items and about 1200 bytes; no warnings, no frame. A warning is refused when a number of it is NaN
    /// or cannot be said.
    ///
    /// Each refers to its path, and to the links and lanes of the map that the path lies on, if the encoder knows
    /// the roads. With the unit's id its number (`rteId`, `rtsId`) is its key, the same while it is sent; what the
    /// public members cannot say goes into the description, see the README.
    pub fn rsi(&mut self, now: Utc, warnings: &[Warning], sink: &mut dyn Sink) {
        let Some(here) = self.anchor(sink) else { return };
        self.events.begin(warnings.iter().map(|warning| warning.id));
        for class in [RsiClass::Dynamic, RsiClass::SemiStatic, RsiClass::Static] {
            let mut items = Vec::new();
            for warning in warnings.iter().filter(|warning| RsiClass::of(warning.kind()) == class) {
                let item = self.item(&here, warning).and_then(|item| self.measured(now, &here, item));
                match item {
                    Ok(item) => items.push(item),
                    Err(error) => sink.refused(Refusal { subject: Subject::Warning(warning.id), error }),
                }
            }
            self.send_rsi(now, &here, class, items, sink);
        }
    }

    /// Items of one class, each with its length, in as many frames as they need.
    pub(crate) fn send_rsi(
        &mut self,
        now: Utc,
        here: &Anchor,
        class: RsiClass,
        items: Vec<(Item, usize)>,
        sink: &mut dyn Sink,
    ) {
        for pack in packed(items, MOST_EVENTS) {
            let frame = self.rsi_frame(now, here, pack);
            self.counts.rsi.take();
            self.send(sink, MessageKind::Rsi(class), &frame);
        }
    }

    /// An item with the length of a frame that holds it alone.
    pub(crate) fn measured(&mut self, now: Utc, here: &Anchor, item: Item) -> Result<(Item, usize), EncodeError> {
        let alone = self.rsi_frame(now, here, vec![item]);
        let bytes = self.length_of(&alone)?;
        match alone {
            MessageFrame::RsiFrame(RoadSideInformation { rtes: Some(RteList(mut events)), .. }) => {
                events.pop().map(|event| (Item::Event(event), bytes))
            }
            MessageFrame::RsiFrame(RoadSideInformation { rtss: Some(RtsList(mut signs)), .. }) => {
                signs.pop().map(|sign| (Item::Sign(sign), bytes))
            }
            _ => None,
        }
        .ok_or(EncodeError::Count { field: "events", count: 0, low: 1, high: MOST_EVENTS })
    }

    fn rsi_frame(&self, now: Utc, here: &Anchor, items: Vec<Item>) -> MessageFrame {
        let (mut events, mut signs) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Event(event) => events.push(event),
                Item::Sign(sign) => signs.push(sign),
            }
        }
        MessageFrame::RsiFrame(RoadSideInformation {
            msg_cnt: Self::wire_count(&mut self.counts.rsi.clone()),
            moy: Some(moy(now)),
            id: self.unit.0,
            ref_pos: here.steps().to_position(),
            rtes: (!events.is_empty()).then_some(RteList(events)),
            rtss: (!signs.is_empty()).then_some(RtsList(signs)),
        })
    }

    fn item(&mut self, here: &Anchor, warning: &Warning) -> Result<Item, EncodeError> {
        let radius = radius_to_wire(warning.place.radius_m)?;
        let position = here.offset("event_position_deg", warning.place.at)?;
        let paths = paths_to_wire(here, &warning.place.path, warning.place.radius_m)?;
        let links = self.roads.along(&warning.place.path);
        let confidence = scale::steps("confidence", warning.confidence, 0.005, 0, 200)? as u8;
        let description = text_description(notice::write(warning)?)?;
        let time_details = RsiTimeDetails {
            start_time: Some(moy(warning.since)),
            end_time: Some(moy_rounded_up(warning.valid_until)),
            end_time_confidence: None,
        };
        let number = self.events.number(warning.id).ok_or(EncodeError::Count {
            field: "warnings",
            count: 193,
            low: 0,
            high: 192,
        })?;
        let priority = priority_to_wire(priority(warning));
        Ok(match RsiCode::of(warning) {
            RsiCode::Event(code) => Item::Event(RteData {
                rte_id: number,
                event_type: EventType(code),
                event_source: EventSource::Detection,
                event_pos: Some(position),
                event_radius: Some(radius),
                description: Some(description),
                time_details: Some(time_details),
                priority: Some(priority),
                reference_paths: Some(paths),
                reference_links: links,
                event_confidence: Some(Confidence(confidence)),
            }),
            RsiCode::Sign(code) => Item::Sign(RtsData {
                rts_id: number,
                sign_type: SignType(code),
                sign_pos: Some(position),
                description: Some(description),
                time_details: Some(time_details),
                priority: Some(priority),
                reference_paths: Some(paths),
                reference_links: links,
                auxiliary_sign: None,
            }),
        })
    }
}

/// A way and how far from it still counts.
pub(crate) fn paths_to_wire(here: &Anchor, way: &Polyline, radius_m: f64) -> Result<ReferencePathList, EncodeError> {
    let points = thinned(way.points(), MOST_PATH_POINTS).into_iter();
    let active_path = points.map(|point| here.offset("event_path_deg", point)).collect::<Result<_, _>>()?;
    let path = ReferencePath { active_path: PathPointList(active_path), path_radius: radius_to_wire(radius_m)? };
    Ok(ReferencePathList(vec![path]))
}

/// 0 (lowest) to 7, in the three highest bits.
pub(crate) const fn priority_to_wire(priority: u8) -> RsiPriority {
    RsiPriority([priority << 5])
}

/// 0 (lowest) to 7.
const fn priority(warning: &Warning) -> u8 {
    match (warning.kind(), warning.level) {
        (_, Level::Urgent) | (WarningKind::Collision | WarningKind::Pedestrian, _) => 7,
        (WarningKind::VehicleAhead | WarningKind::EmergencyVehicle, _) => 6,
        (WarningKind::RoadCondition, _) => 5,
        (WarningKind::SpeedLimit | WarningKind::Signal, _) => 4,
        (WarningKind::Guidance, _) => 2,
    }
}

fn radius_to_wire(radius_m: f64) -> Result<Radius, EncodeError> {
    Ok(Radius(scale::steps("radius_m", radius_m, 0.1, 0, 65_535)? as u16))
}

pub(crate) fn text_description(text: String) -> Result<Description, EncodeError> {
    if text.is_ascii() {
        Ok(Description::TextString(text))
    } else {
        Err(EncodeError::Text { field: "description", text })
    }
}

/// The events and signs of an RSI, in local terms.
pub(crate) fn read(message: &RoadSideInformation, near: Utc, frame: &LocalFrame) -> Result<ReceivedRsi, DecodeError> {
    let reference = Steps::from_position(&message.ref_pos)
        .ok_or(DecodeError::Unavailable { path: "RoadSideInformation.ref_pos" })?;
    let events = read_events(message.rtes.as_ref(), reference, near, frame)?;
    let reader = Reader { reference, near, frame };
    let signs = message.rtss.iter().flat_map(|list| &list.0).map(|sign| reader.sign(sign));
    Ok(ReceivedRsi {
        unit: UnitId(message.id),
        message_count: message.msg_cnt.0,
        position: reference.to_point(frame),
        minute: message.moy.as_ref().and_then(|minute| from_moy(minute, near)),
        warnings: events.into_iter().map(Ok).chain(signs).collect::<Result<_, _>>()?,
    })
}

/// A list of events, told from `reference`.
pub(crate) fn read_events(
    list: Option<&RteList>,
    reference: Steps,
    near: Utc,
    frame: &LocalFrame,
) -> Result<Vec<ReceivedWarning>, DecodeError> {
    let reader = Reader { reference, near, frame };
    list.iter().flat_map(|list| &list.0).map(|event| reader.event(event)).collect()
}

struct Reader<'a> {
    reference: Steps,
    near: Utc,
    frame: &'a LocalFrame,
}

impl Reader<'_> {
    fn event(&self, event: &RteData) -> Result<ReceivedWarning, DecodeError> {
        let (notice, text) = read_description(event.description.as_ref(), "RoadSideInformation.rtes.description")?;
        let (starts, ends) = self.times(event.time_details.as_ref());
        Ok(ReceivedWarning {
            number: event.rte_id,
            code: RsiCode::Event(event.event_type.0),
            notice,
            text,
            at: self.point(event.event_pos.as_ref(), "RoadSideInformation.rtes.event_pos")?,
            paths: self.paths(event.reference_paths.as_ref(), "RoadSideInformation.rtes.reference_paths")?,
            links: read_links(event.reference_links.as_ref()),
            radius_m: event.event_radius.as_ref().map(radius_m),
            confidence: event.event_confidence.as_ref().map(|confidence| f64::from(confidence.0) / 200.0),
            priority: event.priority.as_ref().map(|priority| priority.0[0] >> 5),
            starts,
            ends,
        })
    }

    fn sign(&self, sign: &RtsData) -> Result<ReceivedWarning, DecodeError> {
        let (notice, text) = read_description(sign.description.as_ref(), "RoadSideInformation.rtss.description")?;
        let (starts, ends) = self.times(sign.time_details.as_ref());
        Ok(ReceivedWarning {
            number: sign.rts_id,
            code: RsiCode::Sign(sign.sign_type.0),
            notice,
            text,
            at: self.point(sign.sign_pos.as_ref(), "RoadSideInformation.rtss.sign_pos")?,
            paths: self.paths(sign.reference_paths.as_ref(), "RoadSideInformation.rtss.reference_paths")?,
            links: read_links(sign.reference_links.as_ref()),
            radius_m: None,
            confidence: None,
            priority: sign.priority.as_ref().map(|priority| priority.0[0] >> 5),
            starts,
            ends,
        })
    }

    fn times(&self, details: Option<&RsiTimeDetails>) -> (Option<Utc>, Option<Utc>) {
        let at = |minute: Option<&_>| minute.and_then(|minute| from_moy(minute, self.near));
        (at(details.and_then(|d| d.start_time.as_ref())), at(details.and_then(|d| d.end_time.as_ref())))
    }

    fn point(&self, offset: Option<&PositionOffsetLlv>, path: &'static str) -> Result<Option<Point>, DecodeError> {
        offset.map(|offset| self.placed(offset, path)).transpose()
    }

    fn placed(&self, offset: &PositionOffsetLlv, path: &'static str) -> Result<Point, DecodeError> {
        let steps = Steps::from_offset(self.reference, offset).ok_or(DecodeError::Unavailable { path })?;
        Ok(steps.to_point(self.frame))
    }

    fn paths(
        &self,
        list: Option<&ReferencePathList>,
        place: &'static str,
    ) -> Result<Vec<(Vec<Point>, f64)>, DecodeError> {
        let points = |path: &ReferencePath| {
            let points =
                path.active_path.0.iter().map(|offset| self.placed(offset, place)).collect::<Result<_, _>>()?;
            Ok((points, radius_m(&path.path_radius)))
        };
        list.iter().flat_map(|list| &list.0).map(points).collect()
    }
}

fn read_links(list: Option<&ReferenceLinkList>) -> Vec<LinkRef> {
    let links = list.iter().flat_map(|list| &list.0).map(|link| LinkRef {
        upstream: NodeRef::from_wire(&link.upstream_node_id),
        downstream: NodeRef::from_wire(&link.downstream_node_id),
        lanes: link.reference_lanes.as_ref().map(|lanes| (1..=15).filter(|n| lanes.0.get(u32::from(*n))).collect()),
    });
    links.collect()
}

fn radius_m(radius: &Radius) -> f64 {
    f64::from(radius.0) / 10.0
}

fn read_description(
    description: Option<&Description>,
    path: &'static str,
) -> Result<(Option<Notice>, Option<String>), DecodeError> {
    let text = match description {
        None => return Ok((None, None)),
        Some(Description::TextGb2312(octets)) => return Ok((None, Some(hex::to_hex(octets)))),
        Some(Description::TextString(text)) => text,
    };
    match notice::parse(text) {
        Ok(Some(notice)) => Ok((Some(notice), None)),
        Ok(None) => Ok((None, Some(text.clone()))),
        Err(reason) => Err(DecodeError::Text { path, reason }),
    }
}

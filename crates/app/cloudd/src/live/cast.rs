//! A moment made ready for consoles: what is the same for all of them is encoded once.

use super::looking::Looking;
use crate::brain::Moment;
use crate::frame::{self, unix_ms};
use crate::picture::{Picture, columns};
use crate::places::Places;
use bytes::Bytes;
use jxz_wire::console::v1 as wire;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Ages and counts of sites are told anew this often; a change of freshness at once.
const SITES_EVERY: Duration = Duration::from_millis(500);

/// A part of a frame that is sent only when it changed: encoded, with the number of the moment that it is of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    pub(crate) version: u64,
    /// One or no field of [`wire::Delta`].
    bytes: Bytes,
    /// What it is sent anew for, if that is not the bytes.
    key: Vec<u64>,
}

/// The sections of [`wire::Delta`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Sections {
    sites: Section,
    warnings: Section,
    junctions: Section,
    beside: Section,
}

impl Sections {
    /// As many as [`Sections::each`] gives.
    pub(crate) const COUNT: usize = 4;

    /// In the same order each time.
    pub(crate) fn each(&self) -> [&Section; Self::COUNT] {
        [&self.sites, &self.warnings, &self.junctions, &self.beside]
    }

    /// The sections of a moment: those of the moment before, or made anew.
    fn next(&self, moment: &Moment, places: &Places) -> Self {
        let number = moment.number;
        let view = &moment.view;
        let old = |section: &Section| {
            let after = number.saturating_sub(section.version);
            section.version == 0 || after >= (SITES_EVERY.as_millis() / crate::brain::PUBLISH_EVERY.as_millis()) as u64
        };
        let freshness: Vec<u64> = view.nodes.iter().map(|node| node.freshness as u64).collect();
        let sites = if old(&self.sites) || self.sites.key != freshness {
            let sites = wire::Sites { site: frame::sites(moment, places) };
            Section { version: number, bytes: field(3, &sites), key: freshness }
        } else {
            self.sites.clone()
        };
        let beside = if old(&self.beside) {
            let latencies = frame::latencies(&view.latencies());
            let beside = wire::Beside { latencies, dropped: frame::counts(&moment.dropped) };
            Section { version: number, bytes: field(6, &beside), key: Vec::new() }
        } else {
            self.beside.clone()
        };
        let warnings = field(4, &wire::Warnings { warning: frame::warnings(moment, places) });
        let warnings = if warnings == self.warnings.bytes && self.warnings.version > 0 {
            self.warnings.clone()
        } else {
            Section { version: number, bytes: warnings, key: Vec::new() }
        };
        // Lights and when they change, to a tenth of a second: counting down is the console's.
        let lights = view.signals.iter().flat_map(|signals| {
            let phases = signals.signals.phases.iter();
            let ends = phases
                .flat_map(|p| [u64::from(p.phase.0), p.light as u64, p.likely_end.unix_ms().div_euclid(100) as u64]);
            core::iter::once(signals.freshness as u64 + 1_000).chain(ends)
        });
        let lights: Vec<u64> = core::iter::once(view.signals.len() as u64).chain(lights).collect();
        let same = self.junctions.version > 0 && self.junctions.key == lights;
        // Made each time: what counts down in it counts from this moment, for whoever gets it late.
        let junctions = Section {
            version: if same { self.junctions.version } else { number },
            bytes: field(5, &wire::Junctions { junction: frame::junctions(moment) }),
            key: lights,
        };
        Self { sites, warnings, junctions, beside }
    }
}

/// A message as a field of another.
fn field(number: u32, message: &impl Message) -> Bytes {
    let mut bytes = Vec::with_capacity(message.encoded_len() + 8);
    put_field(number, &message.encode_to_vec(), &mut bytes);
    bytes.into()
}

fn put_field(number: u32, message: &[u8], into: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, into);
    encode_varint(message.len() as u64, into);
    into.extend_from_slice(message);
}

/// A moment for consoles.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) moment: Arc<Moment>,
    places: Arc<Places>,
    truth: Option<wire::Truth>,
    sections: Sections,
    /// All but road users, as fields of [`wire::Update`].
    rest: OnceLock<Bytes>,
    /// The frame for those who say nothing.
    everything: OnceLock<Bytes>,
}

impl Cast {
    /// The moment after another.
    pub(crate) fn of(before: &Self, moment: Arc<Moment>, truth: Option<wire::Truth>) -> Self {
        let sections = before.sections.next(&moment, &before.places);
        let places = Arc::clone(&before.places);
        Self { moment, places, truth, sections, rest: OnceLock::new(), everything: OnceLock::new() }
    }

    /// None yet: its number is 0.
    pub(crate) fn none(moment: Arc<Moment>, places: Arc<Places>) -> Self {
        let (truth, sections) = (None, Sections::default());
        Self { moment, places, truth, sections, rest: OnceLock::new(), everything: OnceLock::new() }
    }

    pub(crate) fn number(&self) -> u64 {
        self.moment.number
    }

    pub(crate) fn picture(&self) -> &Picture {
        self.moment.picture(&self.places)
    }

    pub(crate) const fn sections(&self) -> &Sections {
        &self.sections
    }

    /// The frame for those who say nothing: everything, up to the limit.
    pub(crate) fn everything(&self) -> Bytes {
        let frame = self.everything.get_or_init(|| {
            let (rows, left_out) = Looking::everywhere().rows(&self.picture().rows);
            self.whole(columns(rows.into_iter()), left_out)
        });
        frame.clone()
    }

    /// A whole frame with these road users.
    pub(crate) fn whole(&self, road_users: wire::RoadUsers, left_out: u32) -> Bytes {
        let rest = self.rest.get_or_init(|| {
            let rest = frame::beside_road_users(&self.moment, &self.places);
            wire::Update { truth: self.truth.clone(), ..rest }.encode_to_vec().into()
        });
        let counted = Some(self.counted(left_out));
        let own = wire::Update { road_users: Some(road_users), counted, ..wire::Update::default() };
        self.frame(2, &[&own.encode_to_vec(), rest])
    }

    /// A frame of what changed since the one of number `base`, with those sections that are newer than `had`.
    pub(crate) fn delta(
        &self,
        base: u64,
        road_users: wire::RoadUserChanges,
        left_out: u32,
        had: [u64; Sections::COUNT],
    ) -> Bytes {
        let counted = Some(self.counted(left_out));
        let truth = self.truth.clone();
        let own = wire::Delta { base, road_users: Some(road_users), counted, truth, ..wire::Delta::default() };
        let own = own.encode_to_vec();
        let news = self.sections.each().into_iter().zip(had).filter(|(section, had)| section.version > *had);
        let parts: Vec<&[u8]> = core::iter::once(&own[..]).chain(news.map(|(section, _)| &section.bytes[..])).collect();
        self.frame(3, &parts)
    }

    fn counted(&self, left_out: u32) -> wire::Counted {
        wire::Counted { by_class: self.picture().counts.to_vec(), left_out }
    }

    /// A frame whose body, field `body`, is made of these parts.
    fn frame(&self, body: u32, parts: &[&[u8]]) -> Bytes {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let head = wire::Frame { sent_at_ms: unix_ms(self.moment.view.at), number: self.number(), body: None };
        let mut bytes = Vec::with_capacity(len + 32);
        // Into a vector that grows nothing can fail.
        let _ = head.encode(&mut bytes);
        encode_key(body, WireType::LengthDelimited, &mut bytes);
        encode_varint(len as u64, &mut bytes);
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes.into()
    }
}

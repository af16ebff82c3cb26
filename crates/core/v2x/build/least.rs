//! The fewest bits that a value of a type takes: what a length may claim is held against it.

use crate::merge::{Mask, Shape, Type};
use crate::schema::{Bounds, Kind, PROFILES};
use std::collections::BTreeMap;

/// Behind an extension bit: a length of one byte.
const LENGTH: usize = 8;
/// An addition behind an extension bit: its index, its length, a byte at least.
const ADDITION: usize = 7 + LENGTH + 8;
/// `messageId` behind an extension bit, and an open type.
const MESSAGE_FRAME_EXT: usize = 1 + 15 + LENGTH + 8;

/// The fewest bits that a value of each type takes in any profile.
pub(crate) struct LeastBits<'a>(BTreeMap<&'a str, &'a Type>);

impl<'a> LeastBits<'a> {
    pub(crate) fn of(types: &'a [Type]) -> Self {
        Self(types.iter().map(|t| (t.name.as_str(), t)).collect())
    }

    pub(crate) fn kind(&self, kind: &Kind) -> usize {
        match kind {
            Kind::Integer(bounds) => extensible(bounds, width(bounds), LENGTH + 8),
            Kind::Boolean => 1,
            // An enumeral behind the extension bit is refused.
            Kind::Enumerated { names, extensible } => usize::from(*extensible) + width_of(names.len() as u64),
            Kind::Bits { size, .. } => counted(size, 1),
            Kind::Octets(None) | Kind::List { size: None, .. } => LENGTH,
            Kind::Octets(Some(size)) => counted(size, 8),
            Kind::Text(size) => counted(size, 7),
            Kind::List { item, size: Some(size) } => counted(size, self.kind(item)),
            Kind::Named(name) => self.named(name),
            Kind::Boxed(inner) => self.kind(inner),
            Kind::MessageFrameExt => MESSAGE_FRAME_EXT,
            Kind::Sequence(_) | Kind::Choice(_) => unreachable!("structures have names"),
        }
    }

    fn named(&self, name: &str) -> usize {
        let t = self.0.get(name).unwrap_or_else(|| panic!("no type `{name}`"));
        match &t.shape {
            Shape::Plain { kind, bounds } => match bounds {
                None => self.kind(kind),
                Some(all) => all.iter().map(|b| self.kind(&with_bounds(kind, b))).min().unwrap_or(0),
            },
            Shape::Sequence { extensible, members, .. } => {
                let of = |profile: Mask| {
                    let flags = members.iter().filter(|m| m.optional & profile != 0).count();
                    let required = members.iter().filter(|m| m.required & profile != 0);
                    flags + required.map(|m| self.kind(&m.kind)).sum::<usize>()
                };
                let profiles = (0..PROFILES).map(|p| 1 << p).filter(|p| t.profiles & p != 0);
                usize::from(*extensible) + profiles.map(of).min().unwrap_or(0)
            }
            Shape::Choice { extensible, alternatives, additions } => {
                let inner = alternatives.iter().map(|m| self.kind(&m.kind)).min().unwrap_or(0);
                let root = width_of(alternatives.len() as u64) + inner;
                usize::from(*extensible) + if additions.is_empty() { root } else { root.min(ADDITION) }
            }
            Shape::MessageFrameExt => MESSAGE_FRAME_EXT,
        }
    }
}

/// The fewest bits of so many items, each of `item` bits, and of their number.
fn counted(size: &Bounds, item: usize) -> usize {
    extensible(size, width(size) + size.low as usize * item, LENGTH)
}

fn extensible(bounds: &Bounds, within: usize, beyond: usize) -> usize {
    if bounds.extensible { 1 + within.min(beyond) } else { within }
}

fn with_bounds(kind: &Kind, bounds: &Bounds) -> Kind {
    match kind {
        Kind::Integer(_) => Kind::Integer(bounds.clone()),
        Kind::List { item, .. } => Kind::List { item: item.clone(), size: Some(bounds.clone()) },
        other => other.clone(),
    }
}

fn width(bounds: &Bounds) -> usize {
    width_of((bounds.high - bounds.low) as u64 + 1)
}

const fn width_of(values: u64) -> usize {
    if values <= 1 { 0 } else { (64 - (values - 1).leading_zeros()) as usize }
}

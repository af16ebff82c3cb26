//! Three profiles' tables as one family of types: a member that some profiles lack, or that differs between them, says
//! so itself.

use crate::schema::{Bounds, Kind, Member, PROFILES, Structure, Table};
use std::collections::BTreeMap;

/// A set of profiles: bit n is profile n.
pub(crate) type Mask = u8;
pub(crate) const ALL: Mask = (1 << PROFILES) - 1;

/// A type as the profiles have it.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) profiles: Mask,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    /// The same in every profile that has it, or a number or list whose bounds differ.
    Plain {
        kind: Kind,
        bounds: Option<[Bounds; PROFILES]>,
    },
    Sequence {
        extensible: bool,
        members: Vec<Merged>,
        additions: Vec<Merged>,
    },
    Choice {
        extensible: bool,
        alternatives: Vec<Merged>,
        additions: Vec<Merged>,
    },
    MessageFrameExt,
}

/// A member of the one type that stands for all profiles' types.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    /// Its name in the widest profile: the name of the Rust field.
    pub(crate) field: String,
    /// Its name on the wire, by profile.
    pub(crate) names: [Option<String>; PROFILES],
    pub(crate) kind: Kind,
    pub(crate) required: Mask,
    pub(crate) optional: Mask,
}

impl Merged {
    pub(crate) fn profiles(&self) -> Mask {
        self.required | self.optional
    }
}

/// Every type of any profile.
pub(crate) fn merge(tables: &[Table; PROFILES]) -> Vec<Type> {
    let mut variants: BTreeMap<&str, [Option<&Kind>; PROFILES]> = BTreeMap::new();
    for (index, table) in tables.iter().enumerate() {
        for (name, kind) in table {
            variants.entry(name).or_default()[index] = Some(kind);
        }
    }
    variants.into_iter().map(|(name, kinds)| merge_type(name, &kinds)).collect()
}

fn merge_type(name: &str, kinds: &[Option<&Kind>; PROFILES]) -> Type {
    let profiles = (0..PROFILES).filter(|&p| kinds[p].is_some()).fold(0, |mask, p| mask | 1 << p);
    // The second phase's table is the widest one.
    let widest = kinds[1].or(kinds[0]).expect("a type that some profile has");
    let shape = match widest {
        Kind::MessageFrameExt => Shape::MessageFrameExt,
        Kind::Sequence(structure) => Shape::Sequence {
            extensible: structure.extensible,
            members: members(kinds, structure, |s| &s.root),
            additions: members(kinds, structure, |s| &s.additions),
        },
        Kind::Choice(structure) => Shape::Choice {
            extensible: structure.extensible,
            alternatives: members(kinds, structure, |s| &s.root),
            additions: members(kinds, structure, |s| &s.additions),
        },
        plain => Shape::Plain { kind: plain.clone(), bounds: differing_bounds(name, plain, kinds) },
    };
    Type { name: name.to_owned(), profiles, shape }
}

fn structure_of(kind: &Kind) -> &Structure {
    match kind {
        Kind::Sequence(structure) | Kind::Choice(structure) => structure,
        other => panic!("a structure in one profile and {other:?} in another"),
    }
}

fn members(kinds: &[Option<&Kind>; PROFILES], widest: &Structure, part: fn(&Structure) -> &Vec<Member>) -> Vec<Merged> {
    let mut merged: Vec<Merged> = part(widest)
        .iter()
        .map(|member| Merged {
            field: member.name.clone(),
            names: Default::default(),
            kind: member.kind.clone(),
            required: 0,
            optional: 0,
        })
        .collect();
    for (profile, kind) in kinds.iter().enumerate() {
        let Some(kind) = kind else { continue };
        for member in part(structure_of(kind)) {
            // By name and type; a profile may call by one name what another calls by a second name.
            let same = |m: &&mut Merged| m.kind == member.kind && m.field == member.name;
            let found = merged.iter_mut().find(same);
            let found = match found {
                Some(found) => found,
                None => merged
                    .iter_mut()
                    .find(|m| m.kind == member.kind && m.names[profile].is_none())
                    .unwrap_or_else(|| panic!("`{}` has no counterpart in the widest profile", member.name)),
            };
            found.names[profile] = Some(member.name.clone());
            if member.optional {
                found.optional |= 1 << profile;
            } else {
                found.required |= 1 << profile;
            }
        }
    }
    merged
}

fn bounds_of(kind: &Kind) -> Option<&Bounds> {
    match kind {
        Kind::Integer(bounds) | Kind::Text(bounds) => Some(bounds),
        Kind::Octets(size) | Kind::List { size, .. } => size.as_ref(),
        Kind::Bits { size, .. } => Some(size),
        _ => None,
    }
}

fn differing_bounds(name: &str, widest: &Kind, kinds: &[Option<&Kind>; PROFILES]) -> Option<[Bounds; PROFILES]> {
    let own = bounds_of(widest)?;
    let all = kinds.map(|kind| kind.and_then(bounds_of).unwrap_or(own).clone());
    let differ = all.iter().any(|bounds| bounds != own);
    assert!(!differ || matches!(widest, Kind::Integer(_) | Kind::List { .. }), "`{name}` differs in an unknown way");
    differ.then_some(all)
}

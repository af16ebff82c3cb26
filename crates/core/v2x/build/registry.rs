//! A description of each type, for tools, as Rust text.

use crate::merge::{ALL, Merged, Shape, Type};
use crate::names::type_name;
use crate::rust::{Meanings, size, size_or_any};
use crate::schema::{Bounds, Kind, PROFILES};
use std::fmt::Write as _;

pub(crate) fn registry(out: &mut String, types: &[Type], meanings: &Meanings) {
    let _ = writeln!(
        out,
        "/// Every type, by its name in the message set.\npub(super) static TYPES: [TypeInfo; {}] = [",
        types.len()
    );
    for t in types {
        let (name, rust) = (&t.name, type_name(&t.name));
        let meaning = match meanings.0.get(name) {
            None => "None".to_owned(),
            Some([scale, unit, unavailable, sentence]) => {
                let scale =
                    if scale.is_empty() { "1.0".to_owned() } else { format!("{:?}", scale.parse::<f64>().unwrap()) };
                let unavailable =
                    if unavailable.is_empty() { "None".to_owned() } else { format!("Some({unavailable})") };
                format!(
                    "Some(Meaning {{ scale: {scale}, unit: {unit:?}, unavailable: {unavailable}, sentence: {sentence:?} }})"
                )
            }
        };
        let _ = writeln!(
            out,
            "TypeInfo {{ name: {name:?}, profiles: {:#05b}, meaning: {meaning}, shape: {},
            encode: |v, w| <{rust} as AsnType>::from_json(v, w.profile())?.encode(w),
            decode: |r| Ok(<{rust} as AsnType>::decode(r)?.to_json(r.profile())) }},",
            t.profiles,
            shape(t)
        );
    }
    let _ = writeln!(out, "];");
}

fn shape(t: &Type) -> String {
    match &t.shape {
        Shape::Plain { kind, bounds } => match bounds {
            None => shape_of(kind),
            Some(all) => match kind {
                Kind::Integer(_) => format!("Shape::Integer([{}])", all.each_ref().map(size).join(", ")),
                Kind::List { item, .. } => {
                    format!("Shape::List(&{}, [{}])", shape_of(item), all.each_ref().map(size).join(", "))
                }
                other => unreachable!("{other:?} cannot differ"),
            },
        },
        Shape::Sequence { members, additions, .. } => {
            format!("Shape::Sequence(&[{}])", member_shapes(members, additions))
        }
        Shape::Choice { alternatives, additions, .. } => {
            format!("Shape::Choice(&[{}])", member_shapes(alternatives, additions))
        }
        Shape::MessageFrameExt => "Shape::MessageFrameExt".to_owned(),
    }
}

fn member_shapes(members: &[Merged], additions: &[Merged]) -> String {
    let describe = |m: &Merged| {
        let names = m.names.each_ref().map(|name| match name {
            Some(name) => format!("Some({name:?})"),
            None => "None".to_owned(),
        });
        format!(
            "MemberInfo {{ names: [{}], shape: {}, required: {:#05b} }}",
            names.join(", "),
            shape_of(&m.kind),
            m.required & ALL
        )
    };
    members.iter().chain(additions).map(describe).collect::<Vec<_>>().join(", ")
}

fn shape_of(kind: &Kind) -> String {
    let thrice = |b: &Bounds| vec![size(b); PROFILES].join(", ");
    match kind {
        Kind::Integer(b) => format!("Shape::Integer([{}])", thrice(b)),
        Kind::Boolean => "Shape::Boolean".to_owned(),
        Kind::Enumerated { names, .. } => format!("Shape::Enumerated(&{names:?})"),
        Kind::Bits { size: s, names } => format!("Shape::Bits({}, &{names:?})", size(s)),
        Kind::Octets(s) => format!("Shape::Octets({})", size_or_any(s.as_ref())),
        Kind::Text(s) => format!("Shape::Text({})", size(s)),
        Kind::List { item, size: s } => {
            let sizes = vec![size_or_any(s.as_ref()); PROFILES].join(", ");
            format!("Shape::List(&{}, [{sizes}])", shape_of(item))
        }
        Kind::Named(name) => format!("Shape::Named({name:?})"),
        Kind::Boxed(inner) => shape_of(inner),
        other => unreachable!("{other:?} has a name"),
    }
}

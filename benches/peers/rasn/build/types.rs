//! One profile's types as a Rust module of rasn's derives.

use crate::names::{member_name, type_name, variant_name};
use crate::schema::{Bounds, Kind, Member, Structure, Table};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const DERIVE: &str = "#[derive(Debug, Clone, PartialEq, Eq, Hash, AsnType, Decode, Encode)]";

/// The module of a profile. Types that are the same in `base`'s module are taken from there.
pub(crate) fn module(name: &str, table: &Table, base: Option<&Table>) -> String {
    let own: BTreeSet<&str> = match base {
        None => table.keys().map(String::as_str).collect(),
        Some(base) => differing(table, base),
    };
    let mut out = format!("/// The types of one profile.\npub mod {name} {{\n#![allow(missing_docs)]\nuse super::*;\n");
    if base.is_some() {
        out.push_str("pub use super::day_2::*;\n");
    }
    for name in &own {
        definition(&mut out, name, table);
    }
    let _ = writeln!(out, "/// Every type, by name.\npub static TYPES: [(&str, Codec); {}] = [", table.len());
    for name in table.keys() {
        let _ = writeln!(out, "({name:?}, again::<{}>),", type_name(name));
    }
    out.push_str("];\n}\n");
    out
}

/// Types that are not the same in both tables, and those that hold such a type.
fn differing<'a>(table: &'a Table, base: &Table) -> BTreeSet<&'a str> {
    let mut found: BTreeSet<&str> =
        table.iter().filter(|(name, kind)| base.get(*name) != Some(*kind)).map(|(name, _)| name.as_str()).collect();
    loop {
        let holders: Vec<&str> = table
            .iter()
            .filter(|(name, kind)| !found.contains(name.as_str()) && holds(kind, &found))
            .map(|(name, _)| name.as_str())
            .collect();
        if holders.is_empty() {
            return found;
        }
        found.extend(holders);
    }
}

fn holds(kind: &Kind, types: &BTreeSet<&str>) -> bool {
    match kind {
        Kind::Named(name) => types.contains(name.as_str()),
        Kind::List { item, .. } => holds(item, types),
        Kind::Sequence(structure) | Kind::Choice(structure) => {
            structure.root.iter().chain(&structure.additions).any(|member| holds(&member.kind, types))
        }
        _ => false,
    }
}

fn rust_type(kind: &Kind) -> String {
    match kind {
        // A type of its own with bounds beneath, as `i64` is, would lose what is said of extension.
        Kind::Integer(Bounds { extensible: true, .. }) => "Integer".to_owned(),
        Kind::Integer(_) => "i64".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Bits { .. } => "BitString".to_owned(),
        Kind::Octets(_) => "OctetString".to_owned(),
        Kind::Text(_) => "Ia5String".to_owned(),
        Kind::List { item, .. } => format!("SequenceOf<{}>", rust_type(item)),
        Kind::Named(name) => type_name(name),
        other => unreachable!("{other:?} has a name"),
    }
}

/// `value("0..=127")`, `size("8", extensible)`; nothing for what has no bounds.
fn constraint(kind: &Kind) -> Option<String> {
    let of = |what: &str, bounds: &Bounds| {
        let Bounds { low, high, extensible } = bounds;
        let span = if low == high { low.to_string() } else { format!("{low}..={high}") };
        format!("{what}(\"{span}\"{})", if *extensible { ", extensible" } else { "" })
    };
    match kind {
        Kind::Integer(bounds) => Some(of("value", bounds)),
        Kind::Bits { size, .. } | Kind::Text(size) => Some(of("size", size)),
        Kind::Octets(size) | Kind::List { size, .. } => size.as_ref().map(|size| of("size", size)),
        _ => None,
    }
}

fn definition(out: &mut String, name: &str, table: &Table) {
    let rust = type_name(name);
    match &table[name] {
        Kind::Sequence(structure) => sequence(out, &rust, structure, table),
        Kind::Choice(structure) => choice(out, &rust, structure, table),
        Kind::Enumerated { names, extensible } => {
            let variants: Vec<String> = names.iter().map(|name| variant_name(name)).collect();
            let open = non_exhaustive(*extensible);
            let _ = writeln!(
                out,
                "#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsnType, Decode, Encode)]\n#[rasn(enumerated)]\n{open}pub enum {rust} {{ {} }}",
                variants.join(", ")
            );
        }
        Kind::MessageFrameExt => {
            let _ = writeln!(
                out,
                "{DERIVE}\n#[rasn(automatic_tags)]\n#[non_exhaustive]\npub struct {rust} {{\n#[rasn(value(\"0..=32767\"))]\npub message_id: i64,\npub value: Any,\n}}"
            );
        }
        plain => {
            let constraint = constraint(plain).map_or_else(String::new, |text| format!(", {text}"));
            let _ =
                writeln!(out, "{DERIVE}\n#[rasn(delegate{constraint})]\npub struct {rust}(pub {});", rust_type(plain));
        }
    }
}

const fn non_exhaustive(extensible: bool) -> &'static str {
    if extensible { "#[non_exhaustive]\n" } else { "" }
}

/// The attribute of a member. An extension addition loses the bounds of its type, so that they are said again.
fn attribute(member: &Member, is_addition: bool, table: &Table) -> String {
    let own = match &member.kind {
        Kind::Named(name) if is_addition => constraint(&table[name]),
        kind => constraint(kind),
    };
    let parts: Vec<String> = is_addition.then(|| "extension_addition".to_owned()).into_iter().chain(own).collect();
    if parts.is_empty() { String::new() } else { format!("#[rasn({})]\n", parts.join(", ")) }
}

fn sequence(out: &mut String, rust: &str, structure: &Structure, table: &Table) {
    let open = non_exhaustive(structure.extensible);
    let _ = writeln!(out, "{DERIVE}\n#[rasn(automatic_tags)]\n{open}pub struct {rust} {{");
    for (member, is_addition) in members(structure) {
        let kind = rust_type(&member.kind);
        let kind = if member.optional || is_addition { format!("Option<{kind}>") } else { kind };
        let attribute = attribute(member, is_addition, table);
        let _ = writeln!(out, "{attribute}pub {}: {kind},", member_name(&member.name));
    }
    let _ = writeln!(out, "}}");
}

fn choice(out: &mut String, rust: &str, structure: &Structure, table: &Table) {
    let open = non_exhaustive(structure.extensible);
    let _ = writeln!(out, "{DERIVE}\n#[rasn(choice, automatic_tags)]\n{open}pub enum {rust} {{");
    for (member, is_addition) in members(structure) {
        let attribute = attribute(member, is_addition, table);
        let _ = writeln!(out, "{attribute}{}({}),", variant_name(&member.name), rust_type(&member.kind));
    }
    let _ = writeln!(out, "}}");
}

fn members(structure: &Structure) -> impl Iterator<Item = (&Member, bool)> {
    structure.root.iter().map(|m| (m, false)).chain(structure.additions.iter().map(|m| (m, true)))
}

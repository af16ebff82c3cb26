//! The message set's tables: three profiles, each a list of types in the order of its table.

use std::collections::BTreeMap;

/// A profile's place in a set of profiles: bit 0 `day-1`, bit 1 `day-2`, bit 2 `release-2019-07`.
pub(crate) const PROFILES: usize = 3;

/// Bounds of a number, a size or a length; `extensible` when values beyond them may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) low: i64,
    pub(crate) high: i64,
    pub(crate) extensible: bool,
}

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer(Bounds),
    Boolean,
    Enumerated {
        names: Vec<String>,
        extensible: bool,
    },
    Bits {
        size: Bounds,
        names: Vec<(String, u32)>,
    },
    Octets(Option<Bounds>),
    Text(Bounds),
    List {
        item: Box<Kind>,
        size: Option<Bounds>,
    },
    Sequence(Structure),
    Choice(Structure),
    Named(String),
    /// The same, on the heap.
    Boxed(Box<Kind>),
    /// The open type of `MessageFrameExt`, which the crate writes by hand.
    MessageFrameExt,
}

/// Members of a SEQUENCE or alternatives of a CHOICE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Structure {
    pub(crate) root: Vec<Member>,
    pub(crate) extensible: bool,
    pub(crate) additions: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
}

pub(crate) type Table = BTreeMap<String, Kind>;

struct Row<'a> {
    kind: &'a str,
    member: &'a str,
    member_type: &'a str,
    presence: &'a str,
    constraint: &'a str,
    value: &'a str,
}

/// Reads a table; panics, and so fails the build, on anything that it does not understand.
pub(crate) fn table(text: &str) -> Table {
    let mut grouped: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let column: Vec<&str> = line.split('\t').collect();
        let [name, kind, member, member_type, presence, constraint, value] = column[..] else {
            panic!("a row of the table has not seven columns: {line}")
        };
        grouped.entry(name).or_default().push(Row { kind, member, member_type, presence, constraint, value });
    }
    grouped.into_iter().map(|(name, rows)| (name.to_owned(), kind_of(name, &rows))).collect()
}

/// `base` with the rows of `changes` in place of its own; a member that is new follows the one before it in `changes`.
pub(crate) fn changed(base: &Table, changes: &Table) -> Table {
    let mut table = base.clone();
    for (name, change) in changes {
        match (table.get_mut(name), change) {
            (Some(Kind::Sequence(old)), Kind::Sequence(new)) => {
                let mut after = old.root.len();
                for member in &new.root {
                    match old.root.iter().position(|m| m.name == member.name) {
                        Some(index) => {
                            old.root[index] = member.clone();
                            after = index + 1;
                        }
                        None => old.root.insert(after, member.clone()),
                    }
                }
            }
            (Some(old), new) => *old = new.clone(),
            (None, _) => panic!("the profile changes `{name}`, which its base does not have"),
        }
    }
    table
}

fn kind_of(name: &str, rows: &[Row<'_>]) -> Kind {
    if name == "MessageFrameExt" {
        return Kind::MessageFrameExt;
    }
    let row = &rows[0];
    match row.kind {
        "SEQUENCE" => Kind::Sequence(structure(name, rows)),
        "CHOICE" => Kind::Choice(structure(name, rows)),
        "ENUMERATED" => {
            let (names, extensible) = enumerals(row.value);
            Kind::Enumerated { names, extensible }
        }
        "BIT STRING" => Kind::Bits { size: bounds(row.constraint), names: numbered(row.value) },
        plain => simple(plain, row.constraint),
    }
}

fn structure(name: &str, rows: &[Row<'_>]) -> Structure {
    let mut structure = Structure::default();
    let mut markers = 0;
    for row in rows {
        if row.member == "..." {
            markers += 1;
            structure.extensible = true;
            continue;
        }
        let kind = if row.value.starts_with("inline, see ") {
            Kind::Named(format!("{name}.{}", row.member))
        } else {
            simple(row.member_type, row.constraint)
        };
        let member = Member { name: row.member.to_owned(), kind, optional: row.presence == "optional" };
        match markers {
            0 => structure.root.push(member),
            1 => structure.additions.push(member),
            _ => panic!("`{name}.{}` follows a second extension marker", row.member),
        }
    }
    structure
}

fn simple(kind: &str, constraint: &str) -> Kind {
    let size = || (!constraint.is_empty()).then(|| bounds(constraint));
    match kind {
        "INTEGER" => Kind::Integer(bounds(constraint)),
        "BOOLEAN" => Kind::Boolean,
        "OCTET STRING" => Kind::Octets(size()),
        "IA5String" => Kind::Text(bounds(constraint)),
        other => match other.strip_prefix("list of ") {
            Some("OCTET STRING") => Kind::List { item: Box::new(Kind::Octets(None)), size: size() },
            Some(item) => Kind::List { item: Box::new(Kind::Named(item.to_owned())), size: size() },
            None => Kind::Named(other.to_owned()),
        },
    }
}

/// `range -5..9`, `size 8`, `size 0..127 ...`.
fn bounds(text: &str) -> Bounds {
    let (text, extensible) = text.strip_suffix(" ...").map_or((text, false), |text| (text, true));
    let span = text.strip_prefix("range ").or_else(|| text.strip_prefix("size ")).expect("`range` or `size`");
    let (low, high) = span.split_once("..").unwrap_or((span, span));
    Bounds { low: low.parse().expect("a number"), high: high.parse().expect("a number"), extensible }
}

/// Enumerals in the order of their values, which is the order of their indices on the wire.
fn enumerals(text: &str) -> (Vec<String>, bool) {
    let extensible = text.ends_with("...");
    let mut numbered = numbered(text.trim_end_matches("...").trim_end());
    numbered.sort_by_key(|(_, value)| *value);
    (numbered.into_iter().map(|(name, _)| name).collect(), extensible)
}

/// `name(value)` after `name(value)`.
fn numbered(text: &str) -> Vec<(String, u32)> {
    text.split_whitespace()
        .map(|word| {
            let (name, value) = word.trim_end_matches(')').split_once('(').expect("`name(value)`");
            (name.to_owned(), value.parse().expect("a value"))
        })
        .collect()
}

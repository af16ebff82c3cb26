//! The types as Rust text: definitions, codec, JSON, and a description of each for tools.

use crate::least::LeastBits;
use crate::merge::{Shape, Type};
use crate::names::{constant_name, type_name, variant_name};
use crate::registry::registry;
use crate::schema::{Bounds, Kind, PROFILES};
use crate::structure::{choice, sequence};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Scale, unit, "unavailable" and a sentence, by type.
pub(crate) struct Meanings(pub(crate) BTreeMap<String, [String; 4]>);

impl Meanings {
    pub(crate) fn parse(text: &str) -> Self {
        let rows = text.lines().skip(1).filter(|line| !line.is_empty()).map(|line| {
            let column: Vec<&str> = line.split('\t').collect();
            let [name, scale, unit, unavailable, sentence] = column[..] else {
                panic!("a row of the meanings has not five columns: {line}")
            };
            (name.to_owned(), [scale, unit, unavailable, sentence].map(str::to_owned))
        });
        Self(rows.collect())
    }
}

/// The whole module.
pub(crate) fn module(types: &[Type], meanings: &Meanings) -> String {
    for name in meanings.0.keys() {
        assert!(types.iter().any(|t| t.name == *name), "a meaning for `{name}`, which is no type");
    }
    let least = LeastBits::of(types);
    let mut out = String::new();
    for t in types {
        doc(&mut out, t, meanings);
        match &t.shape {
            Shape::Plain { kind, bounds } => plain(&mut out, t, kind, bounds.as_ref(), &least),
            Shape::Sequence { extensible, members, additions } => {
                sequence(&mut out, t, *extensible, members, additions, &least);
            }
            Shape::Choice { extensible, alternatives, additions } => {
                choice(&mut out, t, *extensible, alternatives, additions, &least);
            }
            Shape::MessageFrameExt => {}
        }
    }
    registry(&mut out, types, meanings);
    out
}

fn doc(out: &mut String, t: &Type, meanings: &Meanings) {
    if matches!(t.shape, Shape::MessageFrameExt) {
        return;
    }
    match meanings.0.get(&t.name) {
        Some([scale, unit, unavailable, sentence]) => {
            let mut text = format!("{sentence}.");
            if !unit.is_empty() {
                let scale = if scale.is_empty() { "1" } else { scale };
                let _ = write!(text, " In units of {scale} {unit}");
                let _ = match unavailable.as_str() {
                    "" => write!(text, "."),
                    code => write!(text, "; {code} is unavailable."),
                };
            }
            let _ = writeln!(out, "/// {text}\n///\n/// `{}` of the message set.", t.name);
        }
        None => {
            let _ = writeln!(out, "/// `{}` of the message set.", t.name);
        }
    }
}

pub(crate) fn integer_type(bounds: &Bounds) -> &'static str {
    let Bounds { low, high, extensible } = *bounds;
    let fits = |least: i64, most: i64| low >= least && high <= most;
    match () {
        () if extensible => "i64",
        () if fits(0, 0xff) => "u8",
        () if fits(-0x80, 0x7f) => "i8",
        () if fits(0, 0xffff) => "u16",
        () if fits(-0x8000, 0x7fff) => "i16",
        () if fits(0, 0xffff_ffff) => "u32",
        () if fits(i32::MIN.into(), i32::MAX.into()) => "i32",
        () => "i64",
    }
}

pub(crate) fn rust_type(kind: &Kind) -> String {
    match kind {
        Kind::Integer(bounds) => integer_type(bounds).to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Bits { .. } => "Bits".to_owned(),
        Kind::Octets(Some(Bounds { low, high, extensible: false })) if low == high => format!("[u8; {low}]"),
        Kind::Octets(_) => "Vec<u8>".to_owned(),
        Kind::Text(_) => "String".to_owned(),
        Kind::List { item, .. } => format!("Vec<{}>", rust_type(item)),
        Kind::Named(name) => type_name(name),
        Kind::Boxed(inner) => format!("Box<{}>", rust_type(inner)),
        other => unreachable!("{other:?} has a name"),
    }
}

/// A size as the runtime takes it.
pub(crate) fn size(bounds: &Bounds) -> String {
    format!("Size::new({}, {}, {})", bounds.low, bounds.high, bounds.extensible)
}

pub(crate) fn size_or_any(bounds: Option<&Bounds>) -> String {
    bounds.map_or_else(|| "Size::ANY".to_owned(), size)
}

/// Encodes `place`, an expression for a reference.
pub(crate) fn encode(kind: &Kind, place: &str, bounds: Option<&str>) -> String {
    match kind {
        Kind::Integer(b) => {
            let range = bounds.map_or_else(|| size(b), str::to_owned);
            format!("w.integer(i64::from(*{place}), {range})")
        }
        Kind::Boolean => format!("w.boolean(*{place})"),
        Kind::Bits { size: s, .. } => format!("w.bit_string(*{place}, {})", size(s)),
        Kind::Octets(s) => format!("w.octets({place}, {})", size_or_any(s.as_ref())),
        Kind::Text(s) => format!("w.text({place}, {})", size(s)),
        Kind::List { item, size: s } => {
            let size = bounds.map_or_else(|| size_or_any(s.as_ref()), str::to_owned);
            format!("w.list({place}, {size}, |w, item| {})", encode(item, "item", None))
        }
        Kind::Named(_) | Kind::Boxed(_) => format!("AsnType::encode({place}, w)"),
        other => unreachable!("{other:?} has a name"),
    }
}

pub(crate) fn decode(kind: &Kind, bounds: Option<&str>, least: &LeastBits<'_>) -> String {
    match kind {
        Kind::Integer(b) => {
            let range = bounds.map_or_else(|| size(b), str::to_owned);
            format!("r.integer({range}).map(|value| value as {})", integer_type(b))
        }
        Kind::Boolean => "r.bit()".to_owned(),
        Kind::Bits { size: s, .. } => format!("r.bit_string({})", size(s)),
        Kind::Octets(Some(Bounds { low, high, extensible: false })) if low == high => "r.array()".to_owned(),
        Kind::Octets(s) => format!("r.octets({})", size_or_any(s.as_ref())),
        Kind::Text(s) => format!("r.text({})", size(s)),
        Kind::List { item, size: s } => {
            let size = bounds.map_or_else(|| size_or_any(s.as_ref()), str::to_owned);
            format!("r.list::<_, {}>({size}, |r| {})", least.kind(item), decode(item, None, least))
        }
        Kind::Named(_) | Kind::Boxed(_) => format!("<{} as AsnType>::decode(r)", rust_type(kind)),
        other => unreachable!("{other:?} has a name"),
    }
}

pub(crate) fn to_json(kind: &Kind, place: &str) -> String {
    match kind {
        Kind::Integer(_) => format!("json::integer(i64::from(*{place}))"),
        Kind::Boolean => format!("json::boolean(*{place})"),
        Kind::Bits { .. } => format!("json::bits(*{place})"),
        Kind::Octets(_) => format!("json::octets({place})"),
        Kind::Text(_) => format!("json::text({place})"),
        Kind::List { item, .. } => format!("json::list({place}, |item| {})", to_json(item, "item")),
        Kind::Named(_) | Kind::Boxed(_) => format!("AsnType::to_json({place}, p)"),
        other => unreachable!("{other:?} has a name"),
    }
}

pub(crate) fn from_json(kind: &Kind, bounds: Option<&str>) -> String {
    match kind {
        Kind::Integer(b) => {
            let range = bounds.map_or_else(|| size(b), str::to_owned);
            format!("json::read_integer(v, {range}).map(|value| value as {})", integer_type(b))
        }
        Kind::Boolean => "json::read_boolean(v)".to_owned(),
        Kind::Bits { size: s, .. } => format!("json::read_bits(v, {})", size(s)),
        Kind::Octets(Some(Bounds { low, high, extensible: false })) if low == high => "json::read_array(v)".to_owned(),
        Kind::Octets(s) => format!("json::read_octets(v, {})", size_or_any(s.as_ref())),
        Kind::Text(s) => format!("json::read_text(v, {})", size(s)),
        Kind::List { item, size: s } => {
            let size = bounds.map_or_else(|| size_or_any(s.as_ref()), str::to_owned);
            format!("json::read_list(v, {size}, |v| {})", from_json(item, None))
        }
        Kind::Named(_) | Kind::Boxed(_) => format!("<{} as AsnType>::from_json(v, p)", rust_type(kind)),
        other => unreachable!("{other:?} has a name"),
    }
}

/// The four methods of `AsnType`, from their bodies.
pub(crate) fn implement(out: &mut String, rust: &str, encode: &str, decode: &str, to_json: &str, from_json: &str) {
    let _ = writeln!(
        out,
        "impl AsnType for {rust} {{
fn encode(&self, w: &mut Writer<'_>) -> Outcome<()> {{ {encode} }}
fn decode(r: &mut Reader<'_>) -> Outcome<Self> {{ {decode} }}
fn to_json(&self, p: Profile) -> Value {{ {to_json} }}
fn from_json(v: &Value, p: Profile) -> Outcome<Self> {{ {from_json} }}
}}"
    );
}

fn plain(out: &mut String, t: &Type, kind: &Kind, bounds: Option<&[Bounds; PROFILES]>, least: &LeastBits<'_>) {
    let rust = type_name(&t.name);
    if let Kind::Enumerated { names, extensible } = kind {
        return enumerated(out, &rust, names, *extensible);
    }
    let copy = match kind {
        Kind::Integer(_) | Kind::Bits { .. } => "Copy, PartialOrd, Ord, Hash, ",
        _ => "",
    };
    let _ = writeln!(out, "#[derive({copy}Debug, Clone, PartialEq, Eq)]\npub struct {rust}(pub {});", rust_type(kind));
    if let Kind::Bits { names, .. } = kind {
        let _ = writeln!(out, "impl {rust} {{");
        for (name, bit) in names {
            let _ = writeln!(out, "/// `{name}`.\npub const {}: u32 = {bit};", constant_name(name));
        }
        let _ = writeln!(out, "}}");
    }
    // What differs between profiles is looked up in the one that is spoken.
    let (of_writer, of_reader, of_json) = match bounds {
        None => (None, None, None),
        Some(all) => {
            let sizes = all.each_ref().map(size);
            let _ = writeln!(out, "impl {rust} {{ const BOUNDS: [Size; {PROFILES}] = [{}]; }}", sizes.join(", "));
            let by = |who: &str| Some(format!("Self::BOUNDS[{who} as usize]"));
            (by("w.profile()"), by("r.profile()"), by("p"))
        }
    };
    implement(
        out,
        &rust,
        &encode(kind, "&self.0", of_writer.as_deref()),
        &format!("{}.map(Self)", decode(kind, of_reader.as_deref(), least)),
        &to_json(kind, "&self.0"),
        &format!("{}.map(Self)", from_json(kind, of_json.as_deref())),
    );
}

fn enumerated(out: &mut String, rust: &str, names: &[String], extensible: bool) {
    let count = names.len();
    let _ = writeln!(out, "#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum {rust} {{");
    for name in names {
        let _ = writeln!(out, "/// `{name}`.\n{},", variant_name(name));
    }
    let variants: Vec<String> = names.iter().map(|name| format!("Self::{}", variant_name(name))).collect();
    let _ = writeln!(
        out,
        "}}\nimpl {rust} {{
/// Every enumeral, in the order of the wire.
pub const ALL: [Self; {count}] = [{}];
const NAMES: [&str; {count}] = {names:?};
}}",
        variants.join(", ")
    );
    implement(
        out,
        rust,
        &format!("w.enumerated(*self as usize, {count}, {extensible})"),
        &format!("r.enumerated({count}, {extensible}).map(|index| Self::ALL[index])"),
        "json::text(Self::NAMES[*self as usize])",
        "json::read_enumeral(v, &Self::NAMES).map(|index| Self::ALL[index])",
    );
}

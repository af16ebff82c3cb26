//! The types as Rust text: definitions, codec, JSON, and a description of each for tools.

use crate::merge::{ALL, Mask, Merged, Shape, Type};
use crate::names::{constant_name, member_name, type_name, variant_name};
use crate::schema::{Bounds, Kind, PROFILES};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Scale, unit, "unavailable" and a sentence, by type.
pub(crate) struct Meanings(BTreeMap<String, [String; 4]>);

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

/// The fewest bits that a value of each type takes in any profile: what a length may claim is held against it.
struct LeastBits<'a>(BTreeMap<&'a str, &'a Type>);

impl<'a> LeastBits<'a> {
    fn of(types: &'a [Type]) -> Self {
        Self(types.iter().map(|t| (t.name.as_str(), t)).collect())
    }

    fn kind(&self, kind: &Kind) -> usize {
        match kind {
            Kind::Integer(bounds) => usize::from(bounds.extensible) + width(bounds),
            Kind::Boolean => 1,
            Kind::Enumerated { names, extensible } => usize::from(*extensible) + width_of(names.len() as u64),
            Kind::Bits { size, .. } => usize::from(size.extensible) + size.low as usize,
            Kind::Octets(None) | Kind::List { size: None, .. } => 8,
            Kind::Octets(Some(size)) => usize::from(size.extensible) + 8 * size.low as usize,
            Kind::Text(size) => 7 * size.low as usize,
            Kind::List { item, size: Some(size) } => size.low as usize * self.kind(item),
            Kind::Named(name) => self.named(name),
            Kind::MessageFrameExt => 1 + 15 + 16,
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
                let always = members.iter().filter(|m| m.required & t.profiles == t.profiles);
                usize::from(*extensible) + always.map(|m| self.kind(&m.kind)).sum::<usize>()
            }
            Shape::Choice { extensible, alternatives, .. } => {
                usize::from(*extensible) + alternatives.iter().map(|m| self.kind(&m.kind)).min().unwrap_or(0)
            }
            Shape::MessageFrameExt => self.kind(&Kind::MessageFrameExt),
        }
    }
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

fn integer_type(bounds: &Bounds) -> &'static str {
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

fn rust_type(kind: &Kind) -> String {
    match kind {
        Kind::Integer(bounds) => integer_type(bounds).to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Bits { .. } => "Bits".to_owned(),
        Kind::Octets(Some(Bounds { low, high, extensible: false })) if low == high => format!("[u8; {low}]"),
        Kind::Octets(_) => "Vec<u8>".to_owned(),
        Kind::Text(_) => "String".to_owned(),
        Kind::List { item, .. } => format!("Vec<{}>", rust_type(item)),
        Kind::Named(name) => type_name(name),
        other => unreachable!("{other:?} has a name"),
    }
}

/// A size as the runtime takes it.
fn size(bounds: &Bounds) -> String {
    format!("Size::new({}, {}, {})", bounds.low, bounds.high, bounds.extensible)
}

fn size_or_any(bounds: Option<&Bounds>) -> String {
    bounds.map_or_else(|| "Size::ANY".to_owned(), size)
}

/// Encodes `place`, an expression for a reference.
fn encode(kind: &Kind, place: &str, bounds: Option<&str>) -> String {
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
        Kind::Named(_) => format!("AsnType::encode({place}, w)"),
        other => unreachable!("{other:?} has a name"),
    }
}

fn decode(kind: &Kind, bounds: Option<&str>, least: &LeastBits<'_>) -> String {
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
            format!("r.list({size}, {}, |r| {})", least.kind(item), decode(item, None, least))
        }
        Kind::Named(name) => format!("<{} as AsnType>::decode(r)", type_name(name)),
        other => unreachable!("{other:?} has a name"),
    }
}

fn to_json(kind: &Kind, place: &str) -> String {
    match kind {
        Kind::Integer(_) => format!("json::integer(i64::from(*{place}))"),
        Kind::Boolean => format!("json::boolean(*{place})"),
        Kind::Bits { .. } => format!("json::bits(*{place})"),
        Kind::Octets(_) => format!("json::octets({place})"),
        Kind::Text(_) => format!("json::text({place})"),
        Kind::List { item, .. } => format!("json::list({place}, |item| {})", to_json(item, "item")),
        Kind::Named(_) => format!("AsnType::to_json({place}, p)"),
        other => unreachable!("{other:?} has a name"),
    }
}

fn from_json(kind: &Kind, bounds: Option<&str>) -> String {
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
        Kind::Named(name) => format!("<{} as AsnType>::from_json(v, p)", type_name(name)),
        other => unreachable!("{other:?} has a name"),
    }
}

/// The four methods of `AsnType`, from their bodies.
fn implement(out: &mut String, rust: &str, encode: &str, decode: &str, to_json: &str, from_json: &str) {
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

/// An expression over one profile-carrying variable that is true for the profiles of the mask.
fn within(who: &str, mask: Mask, of: Mask) -> String {
    if mask & of == of { "true".to_owned() } else { format!("{who}.is({mask:#05b})") }
}

fn uniform(member: &Merged, t: &Type) -> bool {
    (member.optional == t.profiles || member.required == t.profiles) && same_name(member)
}

fn same_name(member: &Merged) -> bool {
    member.names.iter().flatten().all(|name| *name == member.field)
}

/// The member's name on the wire: one text, or one a profile.
fn wire_name(member: &Merged, who: &str) -> String {
    if same_name(member) {
        return format!("{:?}", member.field);
    }
    let names = member.names.each_ref().map(|name| name.clone().unwrap_or_else(|| member.field.clone()));
    format!("{names:?}[{who} as usize]")
}

fn optional_field(member: &Merged, t: &Type) -> bool {
    member.required != t.profiles
}

fn sequence(
    out: &mut String,
    t: &Type,
    extensible: bool,
    members: &[Merged],
    additions: &[Merged],
    least: &LeastBits<'_>,
) {
    let rust = type_name(&t.name);
    let _ = writeln!(out, "#[derive(Debug, Clone, PartialEq, Eq)]\npub struct {rust} {{");
    for member in members.iter().chain(additions) {
        let kind = rust_type(&member.kind);
        let kind = if optional_field(member, t) { format!("Option<{kind}>") } else { kind };
        let _ = writeln!(out, "/// `{}`.\npub {}: {kind},", member.field, member_name(&member.field));
    }
    let _ = writeln!(out, "}}");
    implement(
        out,
        &rust,
        &sequence_encode(t, extensible, members, additions),
        &sequence_decode(t, extensible, members, additions, least),
        &sequence_to_json(t, members, additions),
        &sequence_from_json(t, members, additions),
    );
}

fn sequence_encode(t: &Type, extensible: bool, members: &[Merged], additions: &[Merged]) -> String {
    let mut body = String::new();
    for addition in additions {
        let (field, mask) = (member_name(&addition.field), addition.profiles());
        let _ = writeln!(
            body,
            "if self.{field}.is_some() && !w.is({mask:#05b}) {{ return Err(w.not_in_profile({:?})); }}",
            addition.field
        );
    }
    let any: Vec<String> = additions.iter().map(|m| format!("self.{}.is_some()", member_name(&m.field))).collect();
    if extensible {
        let any = if any.is_empty() { "false".to_owned() } else { any.join(" || ") };
        let _ = writeln!(body, "let extended = {any};\nw.bit(extended);");
    }
    for member in members.iter().filter(|m| optional_field(m, t)) {
        let field = member_name(&member.field);
        let write = format!("w.bit(self.{field}.is_some());");
        if uniform(member, t) {
            let _ = writeln!(body, "{write}");
            continue;
        }
        let _ = writeln!(body, "if w.is({:#05b}) {{ {write} }}", member.optional);
        let name = &member.field;
        let _ = writeln!(
            body,
            "if self.{field}.is_some() && !w.is({:#05b}) {{ return Err(w.not_in_profile({name:?})); }}",
            member.profiles()
        );
        let _ = writeln!(
            body,
            "if self.{field}.is_none() && w.is({:#05b}) {{ return Err(Fault::missing({name:?})); }}",
            member.required
        );
    }
    for member in members {
        let (field, name) = (member_name(&member.field), wire_name(member, "w.profile()"));
        if optional_field(member, t) {
            let code = encode(&member.kind, "value", None);
            let _ = writeln!(body, "if let Some(value) = &self.{field} {{ at({name}, {code})?; }}");
        } else {
            let code = encode(&member.kind, &format!("&self.{field}"), None);
            let _ = writeln!(body, "at({name}, {code})?;");
        }
    }
    if !additions.is_empty() {
        let _ = writeln!(body, "if extended {{ w.small_length({});", additions.len());
        for present in &any {
            let _ = writeln!(body, "w.bit({present});");
        }
        for addition in additions {
            let (field, code) = (member_name(&addition.field), encode(&addition.kind, "value", None));
            let _ = writeln!(
                body,
                "if let Some(value) = &self.{field} {{ at({:?}, w.open(|w| {code}))?; }}",
                addition.field
            );
        }
        let _ = writeln!(body, "}}");
    }
    body + "Ok(())"
}

fn sequence_decode(
    t: &Type,
    extensible: bool,
    members: &[Merged],
    additions: &[Merged],
    least: &LeastBits<'_>,
) -> String {
    let mut body = String::new();
    if extensible {
        let _ = writeln!(body, "let extended = r.bit()?;");
    }
    for member in members.iter().filter(|m| optional_field(m, t)) {
        let field = member_name(&member.field);
        let has = if uniform(member, t) {
            "r.bit()?".to_owned()
        } else {
            format!("if r.is({:#05b}) {{ r.bit()? }} else {{ r.is({:#05b}) }}", member.optional, member.required)
        };
        let _ = writeln!(body, "let has_{field} = {has};");
    }
    for member in members {
        let (field, name) = (member_name(&member.field), wire_name(member, "r.profile()"));
        let code = decode(&member.kind, None, least);
        if optional_field(member, t) {
            let _ = writeln!(body, "let {field} = if has_{field} {{ Some(at({name}, {code})?) }} else {{ None }};");
        } else {
            let _ = writeln!(body, "let {field} = at({name}, {code})?;");
        }
    }
    for addition in additions {
        let _ = writeln!(body, "let mut {} = None;", member_name(&addition.field));
    }
    if extensible {
        let known = additions.first().map_or(0, Merged::profiles);
        let known = match additions.len() {
            0 => "0".to_owned(),
            count => format!("if r.is({known:#05b}) {{ {count} }} else {{ 0 }}"),
        };
        let _ = writeln!(body, "if extended {{ r.additions({known}, |r, index| match index {{");
        for (index, addition) in additions.iter().enumerate() {
            let (field, code) = (member_name(&addition.field), decode(&addition.kind, None, least));
            let _ = writeln!(body, "{index} => {{ {field} = Some(at({:?}, {code})?); Ok(()) }}", addition.field);
        }
        let _ = writeln!(body, "_ => Ok(()) }})?; }}");
    }
    let fields: Vec<String> = members.iter().chain(additions).map(|m| member_name(&m.field)).collect();
    body + &format!("Ok(Self {{ {} }})", fields.join(", "))
}

fn sequence_to_json(t: &Type, members: &[Merged], additions: &[Merged]) -> String {
    let mut body = "let mut members = json::Map::new();\n".to_owned();
    for member in members.iter().chain(additions) {
        let (field, name) = (member_name(&member.field), wire_name(member, "p"));
        if optional_field(member, t) {
            let code = to_json(&member.kind, "value");
            let _ =
                writeln!(body, "if let Some(value) = &self.{field} {{ members.insert({name}.to_owned(), {code}); }}");
        } else {
            let code = to_json(&member.kind, &format!("&self.{field}"));
            let _ = writeln!(body, "members.insert({name}.to_owned(), {code});");
        }
    }
    body + "Value::Object(members)"
}

fn sequence_from_json(t: &Type, members: &[Merged], additions: &[Merged]) -> String {
    let all = || members.iter().chain(additions);
    let known: [Vec<&String>; PROFILES] =
        core::array::from_fn(|profile| all().filter_map(|m| m.names[profile].as_ref()).collect());
    let mut body =
        format!("const KNOWN: [&[&str]; {PROFILES}] = [&{:?}, &{:?}, &{:?}];\n", known[0], known[1], known[2]);
    let _ = writeln!(body, "let members = json::Members::of(v, KNOWN[p as usize])?;");
    let mut fields = Vec::new();
    for member in all() {
        let (field, name) = (member_name(&member.field), wire_name(member, "p"));
        let code = from_json(&member.kind, None);
        let has = within("p", member.profiles(), t.profiles);
        if !optional_field(member, t) {
            let _ = writeln!(body, "let {field} = members.required({name}, |v| {code})?;");
        } else {
            let read = format!("members.optional({name}, |v| {code})?");
            let read = if has == "true" { read } else { format!("if {has} {{ {read} }} else {{ None }}") };
            let _ = writeln!(body, "let {field} = {read};");
            if member.required != 0 {
                let _ = writeln!(
                    body,
                    "if {field}.is_none() && p.is({:#05b}) {{ return Err(Fault::missing({name})); }}",
                    member.required
                );
            }
        }
        fields.push(field);
    }
    body + &format!("Ok(Self {{ {} }})", fields.join(", "))
}

fn choice(
    out: &mut String,
    t: &Type,
    extensible: bool,
    alternatives: &[Merged],
    additions: &[Merged],
    least: &LeastBits<'_>,
) {
    let rust = type_name(&t.name);
    let _ = writeln!(out, "#[derive(Debug, Clone, PartialEq, Eq)]\npub enum {rust} {{");
    for alternative in alternatives.iter().chain(additions) {
        let (name, kind) = (&alternative.field, rust_type(&alternative.kind));
        let _ = writeln!(out, "/// `{name}`.\n{}({kind}),", variant_name(name));
    }
    let _ = writeln!(out, "}}");
    let mut names = alternatives.iter().chain(additions).map(|m| m.field.as_str()).collect::<Vec<_>>();
    assert!(alternatives.iter().all(|m| m.required == t.profiles), "`{}` differs between profiles", t.name);
    let (mut enc, mut dec, mut toj) = ("match self {".to_owned(), String::new(), "match self {".to_owned());
    let (mut decx, mut fromj) = (String::new(), String::new());
    let (count, bit) = (alternatives.len(), if extensible { "w.bit(false);" } else { "" });
    for (index, m) in alternatives.iter().enumerate() {
        let (name, variant) = (&m.field, variant_name(&m.field));
        let code = encode(&m.kind, "value", None);
        let _ = writeln!(
            enc,
            "Self::{variant}(value) => {{ {bit} w.alternative({index}, {count}); at({name:?}, {code}) }}"
        );
        let _ = writeln!(dec, "{index} => at({name:?}, {}).map(Self::{variant}),", decode(&m.kind, None, least));
        let _ = writeln!(toj, "Self::{variant}(value) => json::alternative({name:?}, {}),", to_json(&m.kind, "value"));
        let _ = writeln!(fromj, "{index} => at({name:?}, {}).map(Self::{variant}),", from_json(&m.kind, None));
    }
    for (index, m) in additions.iter().enumerate() {
        let (name, variant, mask) = (&m.field, variant_name(&m.field), m.profiles());
        let code = encode(&m.kind, "value", None);
        let _ = writeln!(
            enc,
            "Self::{variant}(value) => {{ if !w.is({mask:#05b}) {{ return Err(w.not_in_profile({name:?})); }}
            w.bit(true); w.small({index}); at({name:?}, w.open(|w| {code})) }}"
        );
        let _ = writeln!(
            decx,
            "{index} if r.is({mask:#05b}) => at({name:?}, r.open(|r| {})).map(Self::{variant}),",
            decode(&m.kind, None, least)
        );
        let _ = writeln!(toj, "Self::{variant}(value) => json::alternative({name:?}, {}),", to_json(&m.kind, "value"));
        let at = alternatives.len() + index;
        let _ = writeln!(
            fromj,
            "{at} if p.is({mask:#05b}) => at({name:?}, {}).map(Self::{variant}),",
            from_json(&m.kind, None)
        );
    }
    let extended = if extensible {
        format!("if r.bit()? {{ return match r.small()? {{ {decx} index => Err(Fault::alternative(index)) }}; }}")
    } else {
        String::new()
    };
    let names = format!("{:?}", std::mem::take(&mut names));
    implement(
        out,
        &rust,
        &format!("{enc} }}"),
        &format!("{extended} match r.alternative({count})? {{ {dec} index => Err(Fault::alternative(index)) }}"),
        &format!("{toj} }}"),
        &format!(
            "let (index, v) = json::read_alternative(v, &{names})?; match index {{ {fromj} _ => Err(Fault::not_in_profile(p, v)) }}"
        ),
    );
}

fn registry(out: &mut String, types: &[Type], meanings: &Meanings) {
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
        other => unreachable!("{other:?} has a name"),
    }
}

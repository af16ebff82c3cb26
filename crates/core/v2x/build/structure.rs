//! SEQUENCE and CHOICE as Rust text.

use crate::least::LeastBits;
use crate::merge::{Mask, Merged, Type};
use crate::names::{member_name, type_name, variant_name};
use crate::rust::{decode, encode, from_json, implement, rust_type, to_json};
use crate::schema::PROFILES;
use std::fmt::Write as _;

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

/// A bit at the beginning of a SEQUENCE.
enum Flag<'a> {
    Extended,
    /// Whether an optional member is there.
    Uniform(&'a Merged),
    /// The same, of a member that some profiles require or lack.
    Differing(&'a Merged),
}

impl Flag<'_> {
    const fn is_differing(&self) -> bool {
        matches!(self, Self::Differing(_))
    }
}

fn flags<'a>(t: &Type, extensible: bool, members: &'a [Merged]) -> Vec<Flag<'a>> {
    let of = |m| if uniform(m, t) { Flag::Uniform(m) } else { Flag::Differing(m) };
    let optional = members.iter().filter(|m| optional_field(m, t));
    extensible.then_some(Flag::Extended).into_iter().chain(optional.map(of)).collect()
}

/// Runs of flags that go out and come in at once; what differs stands alone.
fn together<'a, 'b>(flags: &'b [Flag<'a>]) -> impl Iterator<Item = &'b [Flag<'a>]> {
    flags.chunk_by(|one, next| !one.is_differing() && !next.is_differing())
}

pub(crate) fn sequence(
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
        let _ = writeln!(body, "let extended = {any};");
    }
    for run in together(&flags(t, extensible, members)) {
        if let [Flag::Differing(member)] = run {
            write_differing_flag(&mut body, member, t);
            continue;
        }
        let all = run.iter().map(|flag| match flag {
            Flag::Extended => "extended".to_owned(),
            Flag::Uniform(m) | Flag::Differing(m) => format!("self.{}.is_some()", member_name(&m.field)),
        });
        let _ = writeln!(body, "w.flags([{}]);", all.collect::<Vec<_>>().join(", "));
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

/// The flag, if the profile that is spoken has it; an error if the member may not, or must, be there.
fn write_differing_flag(body: &mut String, member: &Merged, t: &Type) {
    let (field, name) = (member_name(&member.field), &member.field);
    let _ = writeln!(body, "if w.is({:#05b}) {{ w.bit(self.{field}.is_some()); }}", member.optional);
    if member.profiles() != t.profiles {
        let _ = writeln!(
            body,
            "if self.{field}.is_some() && !w.is({:#05b}) {{ return Err(w.not_in_profile({name:?})); }}",
            member.profiles()
        );
    }
    if member.required != 0 {
        let _ = writeln!(
            body,
            "if self.{field}.is_none() && w.is({:#05b}) {{ return Err(Fault::missing({name:?})); }}",
            member.required
        );
    }
}

fn sequence_decode(
    t: &Type,
    extensible: bool,
    members: &[Merged],
    additions: &[Merged],
    least: &LeastBits<'_>,
) -> String {
    let mut body = String::new();
    for run in together(&flags(t, extensible, members)) {
        if let [Flag::Differing(member)] = run {
            let (field, optional, required) = (member_name(&member.field), member.optional, member.required);
            let _ = writeln!(
                body,
                "let has_{field} = if r.is({optional:#05b}) {{ r.bit()? }} else {{ r.is({required:#05b}) }};"
            );
            continue;
        }
        let all = run.iter().map(|flag| match flag {
            Flag::Extended => "extended".to_owned(),
            Flag::Uniform(m) | Flag::Differing(m) => format!("has_{}", member_name(&m.field)),
        });
        let _ = writeln!(body, "let [{}] = r.flags()?;", all.collect::<Vec<_>>().join(", "));
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

pub(crate) fn choice(
    out: &mut String,
    t: &Type,
    extensible: bool,
    alternatives: &[Merged],
    additions: &[Merged],
    least: &LeastBits<'_>,
) {
    assert!(alternatives.iter().all(|m| m.required == t.profiles), "`{}` differs between profiles", t.name);
    let rust = type_name(&t.name);
    let _ = writeln!(out, "#[derive(Debug, Clone, PartialEq, Eq)]\npub enum {rust} {{");
    for alternative in alternatives.iter().chain(additions) {
        let (name, kind) = (&alternative.field, rust_type(&alternative.kind));
        let _ = writeln!(out, "/// `{name}`.\n{}({kind}),", variant_name(name));
    }
    let _ = writeln!(out, "}}");
    implement(
        out,
        &rust,
        &choice_encode(extensible, alternatives, additions),
        &choice_decode(extensible, alternatives, additions, least),
        &choice_to_json(alternatives, additions),
        &choice_from_json(alternatives, additions),
    );
}

fn choice_encode(extensible: bool, alternatives: &[Merged], additions: &[Merged]) -> String {
    let mut body = "match self {".to_owned();
    let (count, bit) = (alternatives.len(), if extensible { "w.bit(false);" } else { "" });
    for (index, m) in alternatives.iter().enumerate() {
        let (name, variant, code) = (&m.field, variant_name(&m.field), encode(&m.kind, "value", None));
        let _ = writeln!(
            body,
            "Self::{variant}(value) => {{ {bit} w.alternative({index}, {count}); at({name:?}, {code}) }}"
        );
    }
    for (index, m) in additions.iter().enumerate() {
        let (name, variant, code) = (&m.field, variant_name(&m.field), encode(&m.kind, "value", None));
        let _ = writeln!(
            body,
            "Self::{variant}(value) => {{ if !w.is({:#05b}) {{ return Err(w.not_in_profile({name:?})); }}
            w.bit(true); w.small({index}); at({name:?}, w.open(|w| {code})) }}",
            m.profiles()
        );
    }
    body + "}"
}

fn choice_decode(extensible: bool, alternatives: &[Merged], additions: &[Merged], least: &LeastBits<'_>) -> String {
    let mut body = String::new();
    if extensible {
        body.push_str("if r.bit()? { return match r.small()? {");
        for (index, m) in additions.iter().enumerate() {
            let (name, variant, code) = (&m.field, variant_name(&m.field), decode(&m.kind, None, least));
            let _ = writeln!(
                body,
                "{index} if r.is({:#05b}) => at({name:?}, r.open(|r| {code})).map(Self::{variant}),",
                m.profiles()
            );
        }
        body.push_str("index => Err(Fault::alternative(index)) }; }\n");
    }
    let _ = writeln!(body, "match r.alternative({})? {{", alternatives.len());
    for (index, m) in alternatives.iter().enumerate() {
        let (name, variant, code) = (&m.field, variant_name(&m.field), decode(&m.kind, None, least));
        let _ = writeln!(body, "{index} => at({name:?}, {code}).map(Self::{variant}),");
    }
    body + "index => Err(Fault::alternative(index)) }"
}

fn choice_to_json(alternatives: &[Merged], additions: &[Merged]) -> String {
    let mut body = "match self {".to_owned();
    for m in alternatives.iter().chain(additions) {
        let (name, variant, code) = (&m.field, variant_name(&m.field), to_json(&m.kind, "value"));
        let _ = writeln!(body, "Self::{variant}(value) => json::alternative({name:?}, {code}),");
    }
    body + "}"
}

fn choice_from_json(alternatives: &[Merged], additions: &[Merged]) -> String {
    let all = || alternatives.iter().chain(additions);
    let names: Vec<&str> = all().map(|m| m.field.as_str()).collect();
    let mut body = format!("let (index, v) = json::read_alternative(v, &{names:?})?;\nmatch index {{");
    for (index, m) in all().enumerate() {
        let (name, variant, code) = (&m.field, variant_name(&m.field), from_json(&m.kind, None));
        let condition =
            if index < alternatives.len() { String::new() } else { format!("if p.is({:#05b})", m.profiles()) };
        let _ = writeln!(body, "{index} {condition} => at({name:?}, {code}).map(Self::{variant}),");
    }
    body + "_ => Err(Fault::not_in_profile(p, v)) }"
}

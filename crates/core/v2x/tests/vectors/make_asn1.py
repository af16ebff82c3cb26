"""ASN.1 modules of the three profiles, written from the tables of types.

    make_asn1.py DAY1.tsv DAY1_AND_DAY2.tsv OUTPUT_FOLDER

writes day-1.asn, day-2.asn and release-2019-07.asn. Imported, `profiles(...)` gives the same types as Python objects,
`render(...)` a module's text and `loosened(...)` a schema whose bounds are widened to the next power of two: it has the
same bits and can write what the true one must refuse.

Columns of a table: type, kind, member, member type, presence, constraint, value. A row `...` is an extension marker:
members between the first and the second are extension additions.
"""

import copy
import csv
import pathlib
import re
import sys
from dataclasses import dataclass, field

# The second phase: message identifiers of `MessageFrameExt` and what the open type then holds.
EXTENDED = {
    0: "TestMsg",
    10: "RTCMcorrections",
    11: "RoadsideCoordination",
    12: "SensorSharingMsg",
    13: "VehIntentionAndRequest",
    14: "PAMData",
    15: "PersonalSafetyMessage",
    16: "CLPMM",
    17: "VehiclePaymentMessage",
}
BUILTIN = {"INTEGER", "BOOLEAN", "BIT STRING", "OCTET STRING", "IA5String", "ENUMERATED"}


@dataclass
class Spec:
    """A type: a builtin with its bounds (of value or of size), a list, a structure or a reference."""

    kind: str  # a builtin, LIST, SEQUENCE, CHOICE, REF or OPEN
    lo: int | None = None
    hi: int | None = None
    extensible: bool = False
    names: list = field(default_factory=list)  # (name, number) of enumerals and of named bits
    of: "Spec | None" = None
    ref: str = ""
    members: list = field(default_factory=list)
    later: list = field(default_factory=list)  # enumerals behind the extension marker


@dataclass
class Member:
    name: str
    spec: Spec
    optional: bool = False
    added: bool = False  # behind the extension marker


def spec_of(text, constraint, owner="", name=""):
    """A member's or a list element's type from its two columns."""
    lo, hi, extensible = bounds(constraint)
    if text.startswith("list of "):
        return Spec("LIST", lo, hi, extensible, of=spec_of(text[8:], ""))
    if text in BUILTIN:
        return Spec(text, lo, hi, extensible)
    if text == "MESSAGE-ID-AND-TYPE.&id":
        return Spec("REF", ref="ExtMsgID")
    if text == "MESSAGE-ID-AND-TYPE.&Type":
        return Spec("OPEN")
    if text == "CHOICE":
        return Spec("REF", ref=f"{owner}.{name}")
    return Spec("REF", ref=text)


def bounds(constraint):
    """`range -5..7 ...` gives (-5, 7, True)."""
    if not constraint:
        return None, None, False
    found = re.fullmatch(r"(?:range|size) (-?\d+)(?:\.\.(-?\d+))?( \.\.\.)?", constraint)
    if not found:
        raise ValueError(f"reading the constraint {constraint!r}: not understood")
    lo = int(found[1])
    return lo, int(found[2]) if found[2] else lo, bool(found[3])


def numbered(text):
    """`off(0) on(1) ...` gives ([("off", 0), ("on", 1)], True)."""
    words = text.split()
    pairs = [re.fullmatch(r"(.+)\((\d+)\)", word) for word in words if word != "..."]
    return [(pair[1], int(pair[2])) for pair in pairs], "..." in words


def read_table(path):
    """All types of a table in its order."""
    types, markers = {}, {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            name, kind, member = row["type"], row["kind"], row["member"]
            if kind not in ("SEQUENCE", "CHOICE"):
                types[name] = spec_of(kind, row["constraint"])
                names, open_end = numbered(row["value"] or "")
                types[name].names = names
                types[name].extensible |= open_end
                continue
            spec = types.setdefault(name, Spec(kind))
            if member == "...":
                markers[name] = markers.get(name, 0) + 1
                spec.extensible = True
                continue
            if markers.get(name, 0) > 1:
                raise ValueError(f"reading {name}.{member}: a root member behind the second marker is not foreseen")
            spec.members.append(
                Member(
                    member,
                    spec_of(row["member type"], row["constraint"], name, member),
                    row["presence"] == "optional",
                    name in markers,
                )
            )
    return types


def member_of(types, name, member):
    return next(found for found in types[name].members if found.name == member)


def profiles(day1_path, day2_path):
    """The types of the three profiles."""
    day1, day2 = read_table(day1_path), read_table(day2_path)
    release = copy.deepcopy(day1)
    release["NodeList"].hi = 63
    release["ConnectsToList"].hi = 16
    member_of(release, "Link", "linkWidth").optional = True
    release["PathPointList"].lo = 1
    release["DHour"].hi = 24
    release["DTimeOffset"].lo, release["DTimeOffset"].hi = -720, 721
    vector = release["FullPositionVector"].members
    place = next(i for i, member in enumerate(vector) if member.name == "posAccuracy")
    vector[place] = Member("posAccuracy", Spec("REF", ref="PositionalAccuracy"), True)
    vector.insert(place + 1, Member("posConfidence", Spec("REF", ref="PositionConfidenceSet"), True))
    return {"day-1": day1, "day-2": day2, "release-2019-07": release}


def widened(lo, hi):
    return lo + (1 << (hi - lo).bit_length()) - 1 if hi > lo else hi


def loosened(types):
    """The same bits with every bound widened to what its field of bits can hold."""
    loose = copy.deepcopy(types)
    for spec in loose.values():
        parts = [spec, *(member.spec for member in spec.members)]
        for part in parts:
            if part.hi is not None:
                part.hi = widened(part.lo, part.hi)
        if spec.kind == "ENUMERATED":
            room = widened(0, len(spec.names) - 1) + 1 - len(spec.names)
            top = spec.names[-1][1]
            spec.names += [(f"beyond{i}", top + 1 + i) for i in range(room)]
        if spec.kind == "CHOICE":
            root = [member for member in spec.members if not member.added]
            extra = [Member(f"beyond{i}", Spec("BOOLEAN")) for i in range(widened(0, len(root) - 1) + 1 - len(root))]
            spec.members[len(root) : len(root)] = extra
    return loose


def newer(types):
    """A schema of a later day: every extensible structure has two additions more, every extensible choice and
    enumeration one more."""
    later = copy.deepcopy(types)
    for spec in later.values():
        if spec.extensible and spec.kind == "SEQUENCE":
            spec.members += [
                Member("later1", Spec("INTEGER", 0, 255), True, True),
                Member("later2", Spec("OCTET STRING"), True, True),
            ]
        if spec.extensible and spec.kind == "CHOICE":
            spec.members.append(Member("later", Spec("OCTET STRING"), False, True))
        if spec.extensible and spec.kind == "ENUMERATED":
            spec.later.append(("later", spec.names[-1][1] + 1))
    return later


def asn_name(name):
    return name.replace(".", "-")


def text_of(spec, plain_open):
    """A type as ASN.1 text."""
    more = ", ..." if spec.extensible else ""
    value = "" if spec.lo is None else f"{spec.lo}..{spec.hi}"
    size = "" if spec.lo is None else f"(SIZE({spec.lo if spec.lo == spec.hi else value}{more}))"
    if spec.kind == "REF":
        return asn_name(spec.ref)
    if spec.kind == "OPEN":
        return "OCTET STRING" if plain_open else "MESSAGE-ID-AND-TYPE.&Type({MessageTypes}{@.messageId})"
    if spec.kind == "INTEGER":
        return f"INTEGER ({value}{more})"
    if spec.kind == "LIST":
        return f"SEQUENCE {size} OF {text_of(spec.of, plain_open)}"
    if spec.kind in ("SEQUENCE", "CHOICE"):
        return f"{spec.kind} {{\n  " + ",\n  ".join(lines_of(spec, plain_open)) + "\n}"
    listed = ", ".join(f"{name}({number})" for name, number in spec.names)
    if spec.kind == "ENUMERATED":
        added = "".join(f", {name}({number})" for name, number in spec.later)
        return f"ENUMERATED {{ {listed}{more}{added} }}"
    return spec.kind + (f" {{ {listed} }}" if listed else "") + (f" {size}" if size else "")


def lines_of(spec, plain_open):
    """The members of a structure, with its extension markers."""
    lines, added = [], False
    for member in spec.members:
        if member.added and not added:
            lines.append("...")
            added = True
        lines.append(f"{member.name} {text_of(member.spec, plain_open)}{' OPTIONAL' if member.optional else ''}")
    return lines + ["..."] if spec.extensible else lines


def render(types, module, plain_open=False):
    """A module's text. With `plain_open` the open type is an octet string: the same bits, for a tool that has no
    information objects."""
    out = [f"{module} DEFINITIONS AUTOMATIC TAGS ::= BEGIN\n"]
    if "MessageFrameExt" in types and not plain_open:
        held = " | ".join(f"{{ {name} IDENTIFIED BY {number} }}" for number, name in EXTENDED.items())
        out.append(
            "MESSAGE-ID-AND-TYPE ::= CLASS { &id ExtMsgID UNIQUE, &Type } WITH SYNTAX { &Type IDENTIFIED BY &id }"
        )
        out.append(f"MessageTypes MESSAGE-ID-AND-TYPE ::= {{ {held}, ... }}\n")
    for name, spec in types.items():
        text = text_of(spec, plain_open)
        if name == "MessageFrameExt" and not plain_open:
            text = text.replace("messageId ExtMsgID", "messageId MESSAGE-ID-AND-TYPE.&id({MessageTypes})")
        out.append(f"{asn_name(name)} ::= {text}\n")
    return "\n".join(out) + "\nEND\n"


def main():
    day1, day2, folder = sys.argv[1:]
    for name, types in profiles(day1, day2).items():
        target = pathlib.Path(folder, f"{name}.asn")
        target.write_text(render(types, "V2X-" + name.title().replace("-", "")), encoding="utf-8")
        print(f"{target}: {len(types)} types")


if __name__ == "__main__":
    main()

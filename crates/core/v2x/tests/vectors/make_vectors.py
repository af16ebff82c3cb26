"""Vectors for every type of every profile, kept only where asn1tools and pycrate agree.

    make_vectors.py DAY1.tsv DAY1_AND_DAY2.tsv OUTPUT_FOLDER

writes day-2.jsonl, day-1.jsonl, release-2019-07.jsonl and bits-beyond.jsonl and prints what was dropped and why.
Seeded: the same tables and tools give the same bytes. Day 1 and the release get the types whose bits differ between
profiles.
"""

import json
import pathlib
import random
import sys

from codecs_pair import Disagreement, Pair
from make_asn1 import EXTENDED, profiles

SEED = 3709
MODULES = {"day-1": "phase1", "day-2": "combined", "release-2019-07": "release-2019-07"}
DIFFERING = {"NodeList", "ConnectsToList", "Link", "PathPointList", "DHour", "DTimeOffset", "FullPositionVector"}
FRAGMENT = 16384


class Maker:
    """Makes values of a profile's types. Modes: `min` (optional members absent, everything lowest), `max` (all
    present, everything highest, lists of modest length), `lean` (required members only, leaves random), `rnd`."""

    def __init__(self, types, rng):
        self.types, self.rng = types, rng

    def resolve(self, spec):
        while spec.kind == "REF":
            spec = self.types[spec.ref]
        return spec

    def make(self, spec, mode, nested=0, depth=0):
        """`nested` counts the lists around the value, `depth` the structures."""
        spec = self.resolve(spec)
        if spec.kind == "SEQUENCE":
            return self.structure(spec, mode, nested, depth)
        if spec.kind == "CHOICE":
            at = {"min": 0, "max": -1}.get(mode)
            member = self.rng.choice(spec.members) if at is None else spec.members[at]
            return {member.name: self.make(member.spec, mode, nested, depth)}
        if spec.kind == "LIST":
            lo = spec.lo or 0
            room = {"max": (2, 0, 0), "rnd": (2, 1, 0)}.get(mode, (0, 0, 0))[min(nested, 2)]
            most = min(spec.hi or lo + room, max(lo, 1) + room if mode == "max" else lo + room)
            length = most if mode in ("min", "max") else self.rng.randint(lo, most)
            return [self.make(spec.of, mode, nested + 1, depth) for _ in range(length)]
        return self.leaf(spec, mode, nested or depth > 1)

    def structure(self, spec, mode, nested, depth, chosen=()):
        """`chosen` members are present in any mode."""
        likely = {"min": 0.0, "lean": 0.0, "max": 1.0, "rnd": 0.6 * 0.8**depth}[mode]
        value = {}
        for member in spec.members:
            if member.name in chosen or not member.optional and not member.added or self.rng.random() < likely:
                value[member.name] = (
                    None if member.spec.kind == "OPEN" else self.make(member.spec, mode, nested, depth + 1)
                )
        if "messageId" in value:
            numbers = list(EXTENDED)
            number = {"min": numbers[0], "max": numbers[-1]}.get(mode, self.rng.choice(numbers))
            return self.extension(number, mode)
        return value

    def extension(self, number, mode):
        name = EXTENDED[number]
        return {"messageId": number, "value": {name: self.make(self.types[name], mode)}}

    def leaf(self, spec, mode, inside):
        rng, lo, hi = self.rng, spec.lo, spec.hi
        if spec.kind == "BOOLEAN":
            return {"min": False, "max": True}.get(mode, rng.random() < 0.5)
        if spec.kind == "ENUMERATED":
            return {"min": spec.names[0], "max": spec.names[-1]}.get(mode, rng.choice(spec.names))[0]
        if spec.kind == "INTEGER":
            near = min(max(rng.choice((0, lo, hi)), lo), hi)
            return {"min": lo, "max": hi}.get(mode, near if rng.random() < 0.2 else rng.randint(lo, hi))
        lo = lo or 0
        top = hi if not inside and hi is not None else min(lo + 12 if hi is None else hi, max(lo, 16))
        size = {"min": lo, "max": top}.get(mode, rng.randint(lo, min(top, lo + 12)))
        return self.text(spec.kind, size, mode)

    def text(self, kind, size, mode):
        """Octets, bits or characters."""
        rng = self.rng
        if kind == "OCTET STRING":
            return {"min": "00", "max": "ff"}[mode] * size if mode in ("min", "max") else rng.randbytes(size).hex()
        alphabet = "01" if kind == "BIT STRING" else [chr(code) for code in range(32, 127)]
        if mode in ("min", "max"):
            return alphabet[0 if mode == "min" else -1] * size
        return "".join(rng.choice(alphabet) for _ in range(size))


def cases(types, name, maker):
    """(case, value) of one type."""
    spec = types[name]
    for mode in ("min", "max"):
        yield mode, maker.make(spec, mode)
    for i in range(2):
        yield f"rnd{i}", maker.make(spec, "rnd")
    yield from {
        "SEQUENCE": of_structure,
        "CHOICE": of_choice,
        "LIST": of_list,
        "INTEGER": of_integer,
        "ENUMERATED": of_enumeration,
        "BIT STRING": of_bits,
        "OCTET STRING": of_octets,
        "IA5String": of_characters,
    }[spec.kind](name, spec, maker)


def of_structure(name, spec, maker):
    if name == "MessageFrameExt":
        for number, held in EXTENDED.items():
            for mode in ("min", "rnd"):
                yield f"{held}_{mode}", maker.extension(number, mode)
        return
    for member in spec.members:
        if member.optional:
            yield f"only_{member.name}", maker.structure(spec, "lean", 0, 0, (member.name,))
        inner = member.spec
        if inner.kind == "LIST":
            base = maker.structure(spec, "lean", 0, 0, (member.name,))
            yield f"full_{member.name}", base | {member.name: full(inner, maker)}
        if inner.kind == "INTEGER" and inner.extensible:
            base = maker.structure(spec, "lean", 0, 0, (member.name,))
            for value in (inner.hi + 1, 1000, 2**31, -1):
                yield f"{member.name}_beyond_{value}", base | {member.name: value}
        if inner.kind in ("OCTET STRING", "BIT STRING") and inner.extensible:
            base = maker.structure(spec, "lean", 0, 0, (member.name,))
            yield f"{member.name}_beyond", base | {member.name: maker.text(inner.kind, inner.hi + 3, "rnd")}


def of_choice(name, spec, maker):
    for member in spec.members:
        for mode in ("min", "max", "rnd", "lean") if name == "MessageFrame" else ("min", "rnd"):
            yield f"{member.name}_{mode}", {member.name: maker.make(member.spec, mode)}
    if name == "MessageFrame":
        for number, held in EXTENDED.items():
            if "MessageFrameExt" in maker.types:
                for mode in ("min", "max", "rnd", "lean"):
                    yield f"{held}_{mode}", {"msgFrameExt": maker.extension(number, mode)}


def full(spec, maker):
    """A list as long as it may be, of lean elements."""
    return [maker.make(spec.of, "lean", 1, 1) for _ in range(spec.hi)]


def of_list(name, spec, maker):
    if spec.hi is not None:
        yield "full", full(spec, maker)
        return
    for count in (0, 1, 127, 128, 300):
        yield f"of_{count}", [maker.rng.randbytes(2).hex() for _ in range(count)]
    for size in (0, 1, 127, 128, 255, 256, 1000, FRAGMENT):
        yield f"element_of_{size}", [maker.text("OCTET STRING", size, "lean")]


def of_integer(_, spec, maker):
    inside = {spec.lo + 1, spec.hi - 1, -1, 0, 1, (spec.lo + spec.hi) // 2}
    for value in sorted(value for value in inside if spec.lo < value < spec.hi):
        yield f"at_{value}", value
    if spec.extensible:
        for value in (spec.hi + 1, 2**40, -1, -1000000):
            yield f"beyond_{value}", value


def of_enumeration(_, spec, __):
    for enumeral, _ in spec.names[1:-1]:
        yield f"{enumeral}", enumeral


def of_bits(_, spec, maker):
    width = spec.hi
    yield "first", "1" + "0" * (width - 1)
    yield "last", "0" * (width - 1) + "1"
    if spec.extensible:
        for more in (1, 7, 130 - width):
            yield f"beyond_{width + more}", maker.text(spec.kind, width + more - 1, "rnd") + "1"


def of_octets(_, spec, maker):
    if spec.lo < spec.hi:
        for size in (spec.lo + 1, 127, 128, 255, 256, spec.hi - 1):
            yield f"of_{size}", maker.text(spec.kind, size, "rnd")


def of_characters(_, spec, __):
    yield "control", "".join(chr(code) for code in range(32))
    yield "one", "\x00"


def affected(types):
    """The differing types and all that hold one of them."""

    def references(spec):
        inner = [spec, *([spec.of] if spec.of else []), *(member.spec for member in spec.members)]
        inner += [each.of for each in inner if each.of]
        return {each.ref for each in inner if each.ref}

    found = set(DIFFERING)
    while True:
        more = {name for name, spec in types.items() if references(spec) & found} - found
        if not more:
            return found
        found |= more


def line_of(profile, label, name, value, octets):
    return {"name": label, "module": MODULES[profile], "type": name, "value": value, "uper_hex": octets.hex()}


def pycrate_only(pair, profile, label, name, value):
    """asn1tools has no bit strings beyond an extensible size; asn1c decodes and encodes pycrate's bytes to the same."""
    octets = pair.encode_pycrate(profile, name, value)
    back = pair.decode_pycrate(profile, name, octets)
    if back != value:
        raise Disagreement(f"pycrate decodes {label} to another value: {back}")
    return line_of(profile, label, name, value, octets)


def write(folder, file, lines):
    """JSON lines; gives their size in bytes."""
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    pathlib.Path(folder, file).write_text(text, encoding="utf-8")
    return len(text)


def main():
    day1, day2, folder = sys.argv[1:]
    every = profiles(day1, day2)
    pair, beyond = Pair(every), []
    for profile, types in every.items():
        chosen = types if profile == "day-2" else {name: types[name] for name in types if name in affected(types)}
        lines, dropped, seen = [], [], set()
        for name in chosen:
            maker = Maker(types, random.Random(f"{SEED}/{profile}/{name}"))
            for case, value in cases(types, name, maker):
                label, same = f"{name}_{case}", json.dumps((name, value))
                if same in seen:
                    continue
                seen.add(same)
                try:
                    octets = pair.encode(profile, name, value)
                except Disagreement as reason:
                    if "BIT STRING extension" in str(reason):
                        beyond.append(pycrate_only(pair, profile, label, name, value))
                        continue
                    dropped.append(f"{profile} {label}: {reason}")
                    continue
                lines.append(line_of(profile, label, name, value, octets))
        size = write(folder, f"{profile}.jsonl", lines)
        print(f"{profile}: {len(chosen)} types, {len(lines)} vectors, {size} bytes, {len(dropped)} dropped")
        print(*(f"  {each}" for each in dropped), sep="\n")
    print(f"bits-beyond: {len(beyond)} vectors, {write(folder, 'bits-beyond.jsonl', beyond)} bytes")


if __name__ == "__main__":
    main()

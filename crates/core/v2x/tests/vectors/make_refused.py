"""What must be refused: values that an encoder may not write, and bytes that a decoder may not accept.

    make_refused.py DAY1.tsv DAY1_AND_DAY2.tsv OUTPUT_FOLDER

writes refused.jsonl. A value's line has `refused_by`: which tool refuses it too ("shape": its text already is none of
the JSON shape's). Bytes are kept only when both tools refuse them; bytes beyond a bound come from the loosened schema.
"""

import copy
import json
import random
import sys

from codecs_pair import Pair
from make_asn1 import EXTENDED, loosened, profiles
from make_vectors import MODULES, SEED, Maker, affected, write
from refused_by_hand import by_hand

LONGEST_LINE = 500


def refused_values(types, name, maker):
    """(case, value, reason) of one type."""
    spec = types[name]
    if spec.kind == "INTEGER" and not spec.extensible:
        yield "below", spec.lo - 1, f"below {spec.lo}"
        yield "above", spec.hi + 1, f"above {spec.hi}"
    if spec.kind == "ENUMERATED":
        yield "unknown", "no-such-enumeral", "unknown enumeral"
    if spec.kind in ("BIT STRING", "OCTET STRING", "IA5String", "LIST") and spec.hi is not None:
        for case, size in (("short", spec.lo - 1), ("long", spec.hi + 1)):
            if size >= 0 and not spec.extensible:
                value = (
                    [maker.make(spec.of, "lean", 1, 1) for _ in range(size)]
                    if spec.kind == "LIST"
                    else maker.text(spec.kind, size, "lean")
                )
                yield case, value, f"size {size} outside {spec.lo}..{spec.hi}"
    if spec.kind == "CHOICE":
        yield "unknown", {"noSuchAlternative": 0}, "unknown alternative"
        yield "none", {}, "no alternative"
        two = {member.name: maker.make(member.spec, "lean") for member in spec.members[:2]}
        if len(two) == 2:
            yield "two", two, "two alternatives"
    if spec.kind == "SEQUENCE":
        yield from refused_members(name, maker)


def refused_members(name, maker):
    spec = maker.types[name]
    base = maker.structure(spec, "lean", 0, 0)
    yield "unknown_member", base | {"noSuchMember": 0}, "unknown member"
    for member in spec.members:
        if not member.optional and not member.added:
            yield (
                f"without_{member.name}",
                {key: each for key, each in base.items() if key != member.name},
                f"required member {member.name} absent",
            )
        inner = member.spec
        if inner.kind == "INTEGER" and not inner.extensible:
            for value in (inner.lo - 1, inner.hi + 1):
                yield f"{member.name}_{value}", base | {member.name: value}, f"outside {inner.lo}..{inner.hi}"
        if inner.kind in ("OCTET STRING", "LIST") and inner.hi is not None and not inner.extensible:
            for size in {max(inner.lo - 1, 0), inner.hi + 1}:
                value = (
                    [maker.make(inner.of, "lean", 1, 1) for _ in range(size)]
                    if inner.kind == "LIST"
                    else maker.text(inner.kind, size, "lean")
                )
                yield (
                    f"{member.name}_of_{size}",
                    base | {member.name: value},
                    f"size {size} outside {inner.lo}..{inner.hi}",
                )


def value_lines(pair, every):
    def line(profile, label, name, value, reason):
        found = {
            "name": label,
            "module": MODULES[profile],
            "type": name,
            "value": value,
            "reason": reason,
            "refused_by": refused_by(pair, profile, name, value),
        }
        return found if len(json.dumps(found)) <= LONGEST_LINE else None

    for profile, types in every.items():
        for name in types if profile == "day-2" else sorted(affected(types)):
            maker = Maker(types, random.Random(f"{SEED}/refused/{profile}/{name}"))
            for case, value, reason in refused_values(types, name, maker):
                yield line(profile, f"{name}_{case}", name, value, reason)
    for i, (profile, name, value, reason) in enumerate(by_hand()):
        yield line(profile, f"{name}_by_hand_{i}", name, value, reason)


def refused_by(pair, profile, name, value):
    """Which of the two refuse the value."""
    try:
        pair.to_native(profile, name, value, "pycrate")
    except Exception:  # the adapter reads the JSON shape: any failure there is a wrong shape
        return ["shape"]
    found = []
    for tool, step in (
        ("asn1tools", lambda: pair.encode_asn1tools(profile, name, value, check=True)),
        ("pycrate", lambda: pair.encode_pycrate(profile, name, value)),
    ):
        try:
            step()
        except Exception:
            found.append(tool)
    return found


def beyond_bounds(loose, name, maker):
    """(case, value in the loosened schema, reason): what the field of bits can hold but the bound forbids."""
    spec, wide = maker.types[name], loose[name]
    if spec.kind in ("INTEGER", "LIST", "OCTET STRING", "IA5String") and spec.hi is not None:
        for beyond in sorted({spec.hi + 1, wide.hi} - {spec.hi} if wide.hi > spec.hi else set()):
            value = (
                beyond
                if spec.kind == "INTEGER"
                else [maker.make(spec.of, "lean", 1, 1) for _ in range(beyond)]
                if spec.kind == "LIST"
                else maker.text(spec.kind, beyond, "lean")
            )
            yield f"{beyond}", value, f"{'value' if spec.kind == 'INTEGER' else 'size'} {beyond} above {spec.hi}"
    for added, _ in wide.names[len(spec.names) :] if spec.kind == "ENUMERATED" else []:
        yield added, added, f"enumeral index beyond {len(spec.names) - 1}"
    if spec.kind == "CHOICE":
        known = {member.name for member in spec.members}
        for member in wide.members:
            if member.name not in known:
                yield member.name, {member.name: True}, "alternative index beyond the last"
    for member, there in zip(spec.members, wide.members) if spec.kind == "SEQUENCE" else []:
        inner, wide_inner = member.spec, there.spec
        if inner.kind in ("INTEGER", "OCTET STRING") and inner.hi is not None and wide_inner.hi > inner.hi:
            value = inner.hi + 1 if inner.kind == "INTEGER" else maker.text(inner.kind, inner.hi + 1, "lean")
            yield (
                f"{member.name}_{inner.hi + 1}",
                maker.structure(spec, "lean", 0, 0) | {member.name: value},
                f"{member.name} {inner.hi + 1} above {inner.hi}",
            )


def deep_inside(maker):
    """Whole frames of the loosened schema with one bound broken deep inside."""

    def frame(key, change):
        value = copy.deepcopy(
            maker.make(next(m.spec for m in maker.types["MessageFrame"].members if m.name == key), "max")
        )
        change(value)
        return {key: value}

    def at(*path):
        def change(value):
            for step in path[:-2]:
                value = value[step]
            value[path[-2]] = path[-1]

        return change

    yield "bsm_heading", frame("bsmFrame", at("heading", 28801)), "heading above 28800"
    yield "bsm_latitude", frame("bsmFrame", at("pos", "lat", 900000002)), "latitude above 900000001"
    yield (
        "bsm_crumb_heading",
        frame("bsmFrame", at("safetyExt", "pathHistory", "crumbData", 1, "heading", 255)),
        "coarse heading above 240",
    )
    yield "bsm_time_confidence", frame("bsmFrame", at("timeConfidence", "beyond0")), "enumeral index 40"
    yield (
        "map_lane_speed_limit",
        frame("mapFrame", at("nodes", 0, "inLinks", 0, "speedLimits", 0, "type", "beyond0")),
        "enumeral index 13",
    )
    yield (
        "rsm_offset",
        frame("rsmFrame", at("participants", 0, "pos", "offsetLL", {"beyond0": True})),
        "alternative index 7",
    )
    yield (
        "rsm_source_speed",
        frame("rsmFrame", at("participants", 1, "accelSet", "long", 2095)),
        "acceleration above 2001",
    )
    yield "rsi_moy", frame("rsiFrame", at("moy", 527041)), "minute of the year above 527040"
    yield (
        "spat_time_mark",
        frame(
            "spatFrame",
            at("intersections", 0, "phases", 0, "phaseStates", 0, "timing", "utcTiming", "startUTCTime", 36002),
        ),
        "time mark above 36001",
    )


def byte_lines(pair, every):
    """Lines of bytes that both tools refuse; the rest is counted by the caller (as None)."""

    def line(profile, label, name, octets, reason):
        for decode in (
            lambda: pair.decode_asn1tools(profile, name, octets, check=True),
            lambda: pair.decode_pycrate(profile, name, octets),
        ):
            try:
                decode()
                return f"{profile} {label}: {octets.hex()[:60]} is accepted"
            except Exception:
                continue
        return {"name": label, "module": MODULES[profile], "type": name, "uper_hex": octets.hex(), "reason": reason}

    for profile, types in every.items():
        loose = f"loose-{profile}"
        for name in types if profile == "day-2" else sorted(affected(types)):
            maker = Maker(types, random.Random(f"{SEED}/bytes/{profile}/{name}"))
            found = list(beyond_bounds(pair.profiles[loose], name, maker))
            found += deep_inside(maker) if name == "MessageFrame" and profile == "day-2" else []
            for case, value, reason in found:
                yield line(profile, f"{name}_beyond_{case}", name, pair.encode(loose, name, value), reason)
            whole = pair.encode(profile, name, maker.make(types[name], "lean"))
            for cut in sorted({0, len(whole) // 2, len(whole) - 1} if name == "MessageFrame" else {len(whole) - 1}):
                yield line(profile, f"{name}_cut_at_{cut}", name, whole[:cut], f"{cut} of {len(whole)} bytes")
    yield from extended_lines(pair, every["day-2"], line)
    for octets in ("01c55a", "01c1", "c5", "80", "bfff00", "ff"):
        yield line(
            "day-2",
            f"ApduList_{octets}",
            "ApduList",
            bytes.fromhex(octets),
            "a length that the bytes do not hold or that is none",
        )


def extended_lines(pair, types, line):
    """Frames of the second phase, their contents cut or their lengths wrong."""
    maker = Maker(types, random.Random(f"{SEED}/bytes/extended"))
    for number, held in EXTENDED.items():
        whole = pair.encode("day-2", "MessageFrame", {"msgFrameExt": maker.extension(number, "lean")})
        for cut in sorted({1, 2, 4, 5, len(whole) // 2, len(whole) - 1}):
            yield line(
                "day-2", f"{held}_frame_cut_at_{cut}", "MessageFrame", whole[:cut], f"{cut} of {len(whole)} bytes"
            )
        if len(whole) < 127:
            longer = bytes([whole[0], whole[1] | (whole[2] >> 7)]) + whole[2:-3]
            yield line(
                "day-2", f"{held}_frame_short_content", "MessageFrame", longer, "the outer open type lacks three bytes"
            )


def main():
    day1, day2, folder = sys.argv[1:]
    every = profiles(day1, day2)
    pair = Pair(every | {f"loose-{name}": loosened(types) for name, types in every.items()})
    values, octets = list(value_lines(pair, every)), list(byte_lines(pair, every))
    accepted = [each for each in octets if isinstance(each, str)]
    lines = [each for each in values + octets if isinstance(each, dict)]
    size = write(folder, "refused.jsonl", lines)
    print(f"{len(lines)} lines, {size} bytes; values too long: {values.count(None)}")
    print(f"bytes that not both refuse: {len(accepted)}", *accepted, sep="\n")


if __name__ == "__main__":
    main()

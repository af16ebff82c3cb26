"""What must be refused: values that an encoder may not write, and bytes that a decoder may not accept.

    make_refused.py DAY1.tsv DAY1_AND_DAY2.tsv OUTPUT_FOLDER

writes refused.jsonl. A value's line has `refused_by`: which tool refuses it too ("shape": its text already is none of
the JSON shape's). Bytes are kept only when both tools refuse them; bytes beyond a bound come from the loosened schema.
"""
import copy
import json
import pathlib
import random
import sys

from codecs_pair import Disagreement, Pair
from make_asn1 import EXTENDED, loosened, profiles
from make_vectors import MODULES, SEED, Maker, affected

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
                value = [maker.make(spec.of, "lean", 1, 1) for _ in range(size)] if spec.kind == "LIST" else \
                    maker.text(spec.kind, size, "lean")
                yield case, value, f"size {size} outside {spec.lo}..{spec.hi}"
    if spec.kind == "CHOICE":
        yield "unknown", {"noSuchAlternative": 0}, "unknown alternative"
        yield "none", {}, "no alternative"
        two = {member.name: maker.make(member.spec, "lean") for member in spec.members[:2]}
        if len(two) == 2:
            yield "two", two, "two alternatives"
    if spec.kind == "SEQUENCE":
        yield from refused_members(types, name, maker)


def refused_members(_, name, maker):
    spec = maker.types[name]
    base = maker.structure(spec, "lean", 0, 0)
    yield "unknown_member", base | {"noSuchMember": 0}, "unknown member"
    for member in spec.members:
        if not member.optional and not member.added:
            yield f"without_{member.name}", {key: each for key, each in base.items() if key != member.name}, \
                f"required member {member.name} absent"
        inner = member.spec
        if inner.kind == "INTEGER" and not inner.extensible:
            for value in (inner.lo - 1, inner.hi + 1):
                yield f"{member.name}_{value}", base | {member.name: value}, f"outside {inner.lo}..{inner.hi}"
        if inner.kind in ("OCTET STRING", "LIST") and inner.hi is not None and not inner.extensible:
            for size in {max(inner.lo - 1, 0), inner.hi + 1}:
                value = [maker.make(inner.of, "lean", 1, 1) for _ in range(size)] if inner.kind == "LIST" else \
                    maker.text(inner.kind, size, "lean")
                yield f"{member.name}_of_{size}", base | {member.name: value}, \
                    f"size {size} outside {inner.lo}..{inner.hi}"


# Values of the wrong shape: (type, value, reason).
WRONG_SHAPES = [
    ("Speed", "12", "text for an integer"), ("Speed", 1.5, "a fraction for an integer"),
    ("Speed", None, "null for an integer"), ("Speed", [1], "a list for an integer"), ("Speed", {}, "an object for an integer"),
    ("Speed", True, "a boolean for an integer"), ("Speed", 2**70, "an integer beyond 64 bits"),
    ("TransmissionState", 2, "a number for an enumeral"), ("TransmissionState", "Park", "an enumeral in the wrong case"),
    ("TransmissionState", "", "an empty enumeral"), ("TransmissionState", None, "null for an enumeral"),
    ("RSIPriority", "0", "half an octet"), ("RSIPriority", "zz", "no hex digits"), ("RSIPriority", 7, "a number for octets"),
    ("RSIPriority", "0x07", "a prefix before hex digits"), ("RSIPriority", [7], "a list for octets"),
    ("GNSSstatus", "00000002", "a digit that is no bit"), ("GNSSstatus", 255, "a number for bits"),
    ("GNSSstatus", "ff", "hex for bits"), ("GNSSstatus", [0, 1], "a list for bits"),
    ("DescriptiveName", 5, "a number for text"), ("DescriptiveName", "路口", "text that is not ASCII"),
    ("DescriptiveName", "caf\u00e9", "text that is not ASCII"), ("DescriptiveName", "\u0080", "the first character beyond ASCII"),
    ("DescriptiveName", ["a"], "a list for text"),
    ("SpeedLimitList", {}, "an object for a list"), ("SpeedLimitList", "", "text for a list"), ("SpeedLimitList", None, "null for a list"),
    ("Position3D", [], "a list for a structure"), ("Position3D", 0, "a number for a structure"),
    ("Position3D", {"lat": 0, "long": 0, "elevation": None}, "null for an optional member"),
    ("Position3D", {"lat": 0, "Long": 0}, "a member's name in the wrong case"),
    ("VerticalOffset", "offset1", "text for a choice"), ("VerticalOffset", {"offset1": 64}, "above 63 in the chosen alternative"),
    ("VerticalOffset", 3, "a number for a choice"), ("Action-Request.mode", None, ""),
]


def by_hand(every):
    """(profile, type, value, reason) that no rule above finds: the open type, nested bounds, the profiles' differences."""
    test = {"TestMsg": {"msgCnt": 0, "userData": "00"}}
    vector = {"pos": {"lat": 0, "long": 0}}
    point = {"offsetLL": {"position-LL1": {"lon": 0, "lat": 0}}}
    link = {"upstreamNodeId": {"id": 1}, "lanes": [{"laneID": 1}]}
    yield from (("day-2", name, value, reason) for name, value, reason in WRONG_SHAPES if reason)
    yield "day-2", "MessageFrameExt", {"messageId": 10, "value": test}, "messageId 10 with the content of 0"
    yield "day-2", "MessageFrameExt", {"messageId": 1, "value": test}, "messageId 1 names no message"
    yield "day-2", "MessageFrameExt", {"messageId": 32768, "value": test}, "messageId above 32767"
    yield "day-2", "MessageFrameExt", {"messageId": 0, "value": {"NoSuchMessage": {}}}, "unknown message"
    yield "day-2", "MessageFrameExt", {"messageId": 0, "value": {"TestMsg": {"msgCnt": 128, "userData": "00"}}}, "above 127 in the open type"
    yield "day-2", "ApduList", ["0"], "half an octet in an element"
    yield "day-2", "Action-Request", {"mode": 1}, "required members absent"
    for profile in ("day-1", "release-2019-07"):
        yield profile, "MessageFrame", {"msgFrameExt": {"messageId": 0, "value": test}}, "an alternative of phase 2"
        yield profile, "Node", {"id": {"id": 0}, "refPos": {"lat": 0, "long": 0}, "prohibitedzone": {}}, "a member of phase 2"
    yield "day-1", "FullPositionVector", vector | {"posConfidence": {"pos": "a1m"}}, "a member of the other profiles"
    yield "day-1", "FullPositionVector", vector | {"posAccuracy": {"semiMajor": 0, "semiMinor": 0, "orientation": 0}}, "posAccuracy of the other profiles"
    yield "day-2", "FullPositionVector", vector | {"posAccuracy": {"pos": "a1m"}}, "posAccuracy of day-1"
    yield "day-1", "Link", link, "linkWidth is required but in release-2019-07"
    yield "day-1", "PathPointList", [point], "one point is allowed in release-2019-07 only"
    yield "day-2", "PathPointList", [point], "one point is allowed in release-2019-07 only"
    yield "release-2019-07", "DDateTime", {"hour": 25}, "hours above 24 are allowed in day-1 and day-2 only"
    yield "release-2019-07", "DDateTime", {"offset": -721}, "below -720 in release-2019-07"
    yield "release-2019-07", "DDateTime", {"offset": 840}, "above 721 in release-2019-07"


def value_lines(pair, every):
    def line(profile, label, name, value, reason):
        found = {"name": label, "module": MODULES[profile], "type": name, "value": value, "reason": reason,
                 "refused_by": refused_by(pair, profile, name, value)}
        return found if len(json.dumps(found)) <= LONGEST_LINE else None
    for profile, types in every.items():
        for name in types if profile == "day-2" else sorted(affected(types)):
            maker = Maker(types, random.Random(f"{SEED}/refused/{profile}/{name}"))
            for case, value, reason in refused_values(types, name, maker):
                yield line(profile, f"{name}_{case}", name, value, reason)
    for i, (profile, name, value, reason) in enumerate(by_hand(every)):
        yield line(profile, f"{name}_by_hand_{i}", name, value, reason)


def refused_by(pair, profile, name, value):
    """Which of the two refuse the value."""
    try:
        pair.to_native(profile, name, value, "pycrate")
    except Exception:  # the adapter reads the JSON shape: any failure there is a wrong shape
        return ["shape"]
    found = []
    for tool, step in (("asn1tools", lambda: pair.encode_asn1tools(profile, name, value, check=True)),
                       ("pycrate", lambda: pair.encode_pycrate(profile, name, value))):
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
            value = beyond if spec.kind == "INTEGER" else \
                [maker.make(spec.of, "lean", 1, 1) for _ in range(beyond)] if spec.kind == "LIST" else \
                maker.text(spec.kind, beyond, "lean")
            yield f"{beyond}", value, f"{'value' if spec.kind == 'INTEGER' else 'size'} {beyond} above {spec.hi}"
    for (added, _) in wide.names[len(spec.names):] if spec.kind == "ENUMERATED" else []:
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
            yield f"{member.name}_{inner.hi + 1}", maker.structure(spec, "lean", 0, 0) | {member.name: value}, \
                f"{member.name} {inner.hi + 1} above {inner.hi}"


def deep_inside(maker):
    """Whole frames of the loosened schema with one bound broken deep inside."""
    def frame(key, change):
        value = copy.deepcopy(maker.make(next(m.spec for m in maker.types["MessageFrame"].members if m.name == key), "max"))
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
    yield "bsm_crumb_heading", frame("bsmFrame", at("safetyExt", "pathHistory", "crumbData", 1, "heading", 255)), "coarse heading above 240"
    yield "bsm_time_confidence", frame("bsmFrame", at("timeConfidence", "beyond0")), "enumeral index 40"
    yield "map_lane_speed_limit", frame("mapFrame", at("nodes", 0, "inLinks", 0, "speedLimits", 0, "type", "beyond0")), "enumeral index 13"
    yield "rsm_offset", frame("rsmFrame", at("participants", 0, "pos", "offsetLL", {"beyond0": True})), "alternative index 7"
    yield "rsm_source_speed", frame("rsmFrame", at("participants", 1, "accelSet", "long", 2095)), "acceleration above 2001"
    yield "rsi_moy", frame("rsiFrame", at("moy", 527041)), "minute of the year above 527040"
    yield "spat_time_mark", frame("spatFrame", at("intersections", 0, "phases", 0, "phaseStates", 0, "timing", "utcTiming", "startUTCTime", 36002)), "time mark above 36001"


def byte_lines(pair, every):
    """Lines of bytes that both tools refuse; the rest is counted by the caller (as None)."""
    def line(profile, label, name, octets, reason):
        for decode in (lambda: pair.decode_asn1tools(profile, name, octets, check=True),
                       lambda: pair.decode_pycrate(profile, name, octets)):
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
        yield line("day-2", f"ApduList_{octets}", "ApduList", bytes.fromhex(octets), "a length that the bytes do not hold or that is none")


def extended_lines(pair, types, line):
    """Frames of the second phase, their contents cut or their lengths wrong."""
    maker = Maker(types, random.Random(f"{SEED}/bytes/extended"))
    for number, held in EXTENDED.items():
        whole = pair.encode("day-2", "MessageFrame", {"msgFrameExt": maker.extension(number, "lean")})
        for cut in sorted({1, 2, 4, 5, len(whole) // 2, len(whole) - 1}):
            yield line("day-2", f"{held}_frame_cut_at_{cut}", "MessageFrame", whole[:cut], f"{cut} of {len(whole)} bytes")
        if len(whole) < 127:
            longer = bytes([whole[0], whole[1] | (whole[2] >> 7)]) + whole[2:-3]
            yield line("day-2", f"{held}_frame_short_content", "MessageFrame", longer, "the outer open type lacks three bytes")


def main():
    day1, day2, folder = sys.argv[1:]
    every = profiles(day1, day2)
    pair = Pair(every | {f"loose-{name}": loosened(types) for name, types in every.items()})
    values, octets = list(value_lines(pair, every)), list(byte_lines(pair, every))
    accepted = [each for each in octets if isinstance(each, str)]
    lines = [each for each in values + octets if isinstance(each, dict)]
    text = "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in lines)
    pathlib.Path(folder, "refused.jsonl").write_text(text, encoding="utf-8")
    print(f"{len(lines)} lines, {len(text)} bytes; values too long: {values.count(None)}; bytes not refused by both: {len(accepted)}")
    print(*accepted, sep="\n")


if __name__ == "__main__":
    main()

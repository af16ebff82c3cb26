"""Frames of a later schema: what a decoder of today must skip, and what it must refuse by name.

    make_newer.py DAY1.tsv DAY1_AND_DAY2.tsv OUTPUT_FOLDER

writes newer.jsonl. Every extensible structure comes with one or two unknown additions: `value` is what is left when
they are skipped (asn1tools and pycrate both read it so). Extensible choices and enumerations come with an unknown
alternative or enumeral, alone and inside a whole frame: `unknown` says which, and `index` its place behind the marker.
"""

import random
import sys

from codecs_pair import Pair
from make_asn1 import asn_name, newer, profiles
from make_vectors import MODULES, SEED, Maker, write

PROFILE, LATER = "day-2", "later"


def skipped(pair, types, name, maker):
    """An extensible structure with unknown additions; the tools' reading of it must be the value without them."""
    spec = types[name]
    known = {member.name for member in spec.members if member.added}
    cases = [("first", {"later1": 255}), ("second", {"later2": "0102"}), ("both", {"later1": 1, "later2": "ab" * 3})]
    cases += [("long", {"later2": "5a" * 200})] if name in ("BasicSafetyMessage", "ParticipantData") else []
    for case, extra in cases if name != "MessageFrameExt" else cases[:1]:
        value = maker.structure(spec, "lean", 0, 0, known if case == "both" else ())
        octets = pair.encode(LATER, name, value | extra)
        for decode in (pair.decode_asn1tools, pair.decode_pycrate):
            back = decode(PROFILE, name, octets)
            if back != value:
                raise ValueError(f"reading {name} with unknown additions: {decode.__name__} gives {back}")
        yield {
            "name": f"{name}_later_{case}",
            "module": MODULES[PROFILE],
            "type": name,
            "value": value,
            "uper_hex": octets.hex(),
        }


def unknown(pair, types, name, _):
    """An unknown alternative or enumeral; neither tool gives a value of the schema for it."""
    spec = types[name]
    choice = spec.kind == "CHOICE"
    octets = pair.encode(LATER, name, {"later": "0102"} if choice else "later")
    native = pair.tools[PROFILE].decode(asn_name(name), octets)
    if native not in (None, (None, None)):
        raise ValueError(f"reading {name} with an unknown case: asn1tools gives {native}")
    yield {
        "name": f"{name}_unknown",
        "module": MODULES[PROFILE],
        "type": name,
        "uper_hex": octets.hex(),
        "unknown": "alternative" if choice else "enumeral",
        "index": sum(member.added for member in spec.members) if choice else 0,
    }


def inside_frames(pair, maker):
    """Unknown cases deep inside whole frames."""
    frames = {
        "rsmFrame": (("participants", 1, "ptcType"), ("participants", 0, "source")),
        "rsiFrame": (("rtes", 1, "eventSource"),),
        "spatFrame": (("intersections", 0, "phases", 0, "phaseStates", 0, "light"),),
        "mapFrame": (
            ("nodes", 0, "inLinks", 0, "speedLimits", 0, "type"),
            ("nodes", 0, "inLinks", 0, "lanes", 0, "laneAttributes", "laneType"),
        ),
        "bsmFrame": (("emergencyExt", "responseType"),),
    }
    members = {member.name: member.spec for member in maker.types["MessageFrame"].members}
    for frame, paths in frames.items():
        for path in paths:
            value = maker.make(members[frame], "max")
            holder = value
            for step in path[:-1]:
                holder = holder[step]
            choice = isinstance(holder[path[-1]], dict)
            holder[path[-1]] = {"later": "0102"} if choice else "later"
            octets = pair.encode(LATER, "MessageFrame", {frame: value})
            yield {
                "name": f"{frame}_{path[-1]}_unknown",
                "module": MODULES[PROFILE],
                "type": "MessageFrame",
                "uper_hex": octets.hex(),
                "unknown": "alternative" if choice else "enumeral",
                "index": 0,
            }


def main():
    day1, day2, folder = sys.argv[1:]
    types = profiles(day1, day2)[PROFILE]
    pair = Pair({PROFILE: types, LATER: newer(types)})
    lines = []
    for name, spec in types.items():
        if spec.extensible and spec.kind in ("SEQUENCE", "CHOICE", "ENUMERATED"):
            maker = Maker(types, random.Random(f"{SEED}/newer/{name}"))
            lines += (skipped if spec.kind == "SEQUENCE" else unknown)(pair, types, name, maker)
    lines += inside_frames(pair, Maker(types, random.Random(f"{SEED}/newer/frames")))
    print(f"{len(lines)} lines, {write(folder, 'newer.jsonl', lines)} bytes")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes the island's authored map from OpenStreetMap centre lines.

    make_island.py ROADS.txt BUS-STOPS.txt OUT_DIR

ROADS.txt: one road a line, `name|class|segments`, segments separated by `;`, vertices by blanks, a vertex being
`(lon - 118) * 1e6,(lat - 32) * 1e6` (WGS84). BUS-STOPS.txt: `id|name|lon|lat|kind|confidence`.
The output is committed and may be edited by hand afterwards; running this again overwrites it.

What it does: chains segments of a name, merges the two lines of a divided road to its middle line, finds where lines
meet, names and numbers the junctions, and adds cross-sections, signals, crossings, stops, sites and base stations
(which the source does not have: see README.md). Needs Python 3.11 and nothing else.
"""
import math
import sys
from pathlib import Path

LAT0, LON0 = 32.03, 118.70
# Metres a degree at the origin, WGS84. Only for working in the plane here: the files hold degrees.
M_LAT, M_LON = 110_887.0, 94_492.0

PINYIN = {
    "民安路": "minan", "江堤路": "jiangdi", "夹江大桥": "jiajiang-bridge", "中新大道": "zhongxin", "思泽路": "size",
    "红星街": "hongxing", "揽江街": "lanjiang", "亚鹏路": "yapeng", "星影街": "xingying", "宏俊街": "hongjun-jie",
    "南京眼步行桥": "nanjing-eye", "志坚街": "zhijian", "绿水街": "lvshui", "科技路": "keji", "永定街": "yongding",
    "南京江心洲长江大桥": "jiangxinzhou-bridge", "梅子洲路": "meizizhou", "龙恩街": "longen", "文泰街": "wentai",
    "环岛东路": "huandao-dong", "文武街": "wenwu", "星月街": "xingyue", "星洲街": "xingzhou", "贤达路": "xianda",
    "星岛街": "xingdao", "和韵路": "heyun", "贤坤路": "xiankun", "洲宁街": "zhouning", "葡园路": "puyuan",
    "环岛西路": "huandao-xi", "宏俊路": "hongjun-lu", "文萃街": "wencui", "熙怡路": "xiyi", "林荫路": "linyin",
    "桃园街": "taoyuan", "应天大街长江隧道": "yingtian-tunnel", "夹江隧道": "jiajiang-tunnel",
}
# Unnamed source segments (their number in the file) that continue, or are the other carriageway of, a named road, or
# that continue one another (then under a working id, without a name).
NAMED = {
    227: "宏俊路", 234: "龙恩街", 235: "龙恩街", 236: "龙恩街", 237: "龙恩街", 206: "环岛西路", 225: "和韵路",
    212: "#nan-zhong", 190: "#nan-zhong", 192: "#nan-duan", 194: "#nan-duan", 242: "#nan-duan",
}
# Motorway, bridges and their ramps above the island's ground, one way in the order given: (id, name, class, pieces);
# a piece is a segment's number or points of its own, where the source's ramp runs beside another road instead of
# joining it.
RAISED = [
    ("jiajiang-bridge-east", "夹江大桥", "major", [188, 11]),
    ("jiajiang-bridge-west", "夹江大桥", "major", [10, 199, 191]),
    ("ramp-zhongxin-jiajiang", "夹江大桥", "ramp", [198]),
    ("ramp-jiajiang-zhongxin", "夹江大桥", "ramp", [201]),
    ("ramp-yingtian-zhongxin", "应天大街长江隧道", "ramp", [195]),
    ("ramp-zhongxin-yingtian", "应天大街长江隧道", "ramp", [202]),
    ("jiangxinzhou-bridge-east", "南京江心洲长江大桥", "major", [113, 224]),
    ("jiangxinzhou-bridge-west", "南京江心洲长江大桥", "major", [223, 114]),
    ("ramp-zhongxin-jiangxinzhou", "南京江心洲长江大桥", "ramp", [[(-1610, -3059), (-1700, -3040), (-1808, -3014)]]),
    ("ramp-jiangxinzhou-zhongxin", "南京江心洲长江大桥", "ramp", [[(-1913, -2987), (-1720, -3078), (-1620, -3131)]]),
]
# One-way roads on the ground on either side of the southern motorway.
FRONTAGE = [("nan-xiang-xi", [217, 240]), ("nan-xiang-dong", [241, 218])]
# Segments left out: slivers and loops of the interchanges, and tunnel ramps whose far ends the source does not join.
LEFT_OUT = {200, 197, 203, 185, 205, 226, 196, 213, 214, 215, 216}
USED = {10, 11, 188, 199, 191, 198, 201, 195, 202, 113, 224, 223, 114, 217, 240, 241, 218, 219, 220, 221, 222}
DIVIDED = {"中新大道", "思泽路", "红星街", "揽江街", "绿水街", "环岛东路", "龙恩街", "桃园街", "贤坤路"}
RANK = {"arterial": 3, "frontage": 2, "ramp": 2, "major": 4, "collector": 1, "local": 0, "greenway": -1}


def read_roads(path):
    out = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, cls, segments = line.split("|")
        for segment in segments.split(";"):
            points = []
            for vertex in segment.split():
                lon, lat = (int(v) for v in vertex.split(","))
                points.append(to_plane(118 + lon * 1e-6, 32 + lat * 1e-6))
            out.append(("" if name == "-" else name, cls, points))
    return out


def to_plane(lon, lat):
    return ((lon - LON0) * M_LON, (lat - LAT0) * M_LAT)


def to_degrees(p):
    return (LON0 + p[0] / M_LON, LAT0 + p[1] / M_LAT)


def dist(a, b):
    return math.hypot(a[0] - b[0], a[1] - b[1])


def lerp(a, b, t):
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t)


def along(line):
    out = [0.0]
    for a, b in zip(line, line[1:]):
        out.append(out[-1] + dist(a, b))
    return out


def project(line, p):
    """(distance, s, foot) of the nearest point of the line."""
    best, s = (math.inf, 0.0, line[0]), 0.0
    for a, b in zip(line, line[1:]):
        length = dist(a, b)
        if length > 0:
            t = ((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1])) / length**2
            foot = lerp(a, b, min(1, max(0, t)))
            if dist(p, foot) < best[0]:
                best = (dist(p, foot), s + min(1, max(0, t)) * length, foot)
        s += length
    return best


def at(line, s):
    acc = along(line)
    for i in range(len(line) - 1):
        if s <= acc[i + 1] or i == len(line) - 2:
            return lerp(line[i], line[i + 1], (s - acc[i]) / max(1e-9, acc[i + 1] - acc[i]))


def cut(line, s0, s1):
    acc = along(line)
    return [at(line, s0)] + [p for p, s in zip(line, acc) if s0 + 0.5 < s < s1 - 0.5] + [at(line, s1)]


def simplify(line, tolerance):
    if len(line) < 3:
        return line
    worst, k = 0.0, 0
    for i in range(1, len(line) - 1):
        d = project([line[0], line[-1]], line[i])[0]
        if d > worst:
            worst, k = d, i
    if worst <= tolerance:
        return [line[0], line[-1]]
    return simplify(line[: k + 1], tolerance)[:-1] + simplify(line[k:], tolerance)


def chain(pieces, tolerance):
    """Joins pieces end to end, longest first, without sharp turns back."""
    pieces = [list(p) for p in pieces]
    joined = True
    while joined:
        joined, best = False, None
        for i in range(len(pieces)):
            for j in range(len(pieces)):
                if i == j:
                    continue
                for a in (pieces[i], pieces[i][::-1]):
                    for b in (pieces[j], pieces[j][::-1]):
                        d = dist(a[-1], b[0])
                        if d <= tolerance and turn(a[-2], a[-1], b[0], b[1], d) < math.radians(60):
                            if best is None or d < best[0]:
                                best = (d, i, j, a, b)
        if best:
            _, i, j, a, b = best
            merged = a + (b[1:] if dist(a[-1], b[0]) < 1 else b)
            pieces = [p for k, p in enumerate(pieces) if k not in (i, j)] + [merged]
            joined = True
    return pieces


def turn(a, b, c, d, gap):
    u = math.atan2(b[1] - a[1], b[0] - a[0])
    v = math.atan2(d[1] - c[1], d[0] - c[0])
    return abs(math.remainder(u - v, math.tau))


def middle(lines, reach):
    """Middle lines of lines of which some run in pairs."""
    lines = sorted(lines, key=lambda l: -along(l)[-1])
    out = []
    while lines:
        a, rest = lines[0], lines[1:]
        partners, others = [], []
        for b in rest:
            n = max(2, int(along(b)[-1] / 10))
            samples = [at(b, along(b)[-1] * k / n) for k in range(n + 1)]
            near = [p for p in samples if project(a, p)[0] < reach]
            (partners if len(near) >= 0.7 * len(samples) else others).append(b)
        if not partners:
            out.append(a)
        else:
            stations = set(along(a))
            for b in partners:
                stations |= {project(a, p)[1] for p in b}
            # Beyond a pair's end the shift to the single line takes a taper, not a step.
            total = along(a)[-1]
            stations |= {k * 25.0 for k in range(int(total / 25.0) + 1)}
            mid = []
            for s in sorted(stations):
                p = at(a, s)
                feet = [f for d, sb, f in (project(b, p) for b in partners) if d < reach]
                mid.append(lerp(p, min(feet, key=lambda f: dist(f, p)), 0.5) if feet else p)
            out.append(simplify(mid, 0.8))
        lines = others
    return out


def intersections(a, b):
    out, sa = [], along(a)
    sb = along(b)
    for i in range(len(a) - 1):
        for j in range(len(b) - 1):
            (x1, y1), (x2, y2), (x3, y3), (x4, y4) = a[i], a[i + 1], b[j], b[j + 1]
            den = (x2 - x1) * (y4 - y3) - (y2 - y1) * (x4 - x3)
            if abs(den) < 1e-9:
                continue
            t = ((x3 - x1) * (y4 - y3) - (y3 - y1) * (x4 - x3)) / den
            u = ((x3 - x1) * (y2 - y1) - (y3 - y1) * (x2 - x1)) / den
            if -1e-9 <= t <= 1 + 1e-9 and -1e-9 <= u <= 1 + 1e-9:
                out.append((sa[i] + t * (sa[i + 1] - sa[i]), sb[j] + u * (sb[j + 1] - sb[j]), lerp(a[i], a[i + 1], t)))
    return out


class Line:
    """One line of the plane network before it is cut at junctions."""

    def __init__(self, name, cls, points, key, one_way=False, level=0, edges=()):
        self.name, self.cls, self.points, self.key = name, cls, points, key
        self.one_way, self.level, self.edges = one_way, level, set(edges)
        self.stops = []  # (s, point)

    def end(self, k):
        return self.points[0] if k == 0 else self.points[-1]


def build_lines(source):
    groups, lines = {}, []
    for i, (name, cls, points) in enumerate(source):
        if i in LEFT_OUT or i in USED:
            continue
        key = NAMED.get(i, name or f"#{i}")
        groups.setdefault(key, []).append((cls, points))
    for key, pieces in groups.items():
        cls = max((c for c, _ in pieces), key=lambda c: RANK[c]) if key != "环岛西路" else "local"
        pieces = [p for _, p in pieces]
        # The greenway is a ring: chaining it would leave no ends to meet others at.
        chains = pieces if key == "江堤路" else chain(pieces, 75.0 if key == "环岛西路" else 32.0)
        if key == "南京眼步行桥":
            # Its landward spiral stands clear of every road: it begins where it meets the greenway.
            bridge = pieces[0]
            meets = [sa for _, p in groups["江堤路"] for sa, _, _ in intersections(bridge, p)]
            chains = [cut(bridge, min(meets), along(bridge)[-1])]
        name = "" if key.startswith("#") else key
        slug = PINYIN.get(key) or f"road-{key[1:]}"
        for points in middle(chains, 32.0 if key == "中新大道" else 24.0):
            if along(points)[-1] > 30.0:
                lines.append(Line(name, cls, simplify(points, 0.5), slug))
        if key == "南京眼步行桥":
            lines[-1].edges = {1}
    for slug, name, cls, pieces in RAISED:
        points = joined(source, pieces)
        ends = {"jiajiang-bridge-east": (0, 1), "jiajiang-bridge-west": (0, 1), "jiangxinzhou-bridge-east": (0, 1),
                "jiangxinzhou-bridge-west": (0, 1)}.get(slug, ())
        lines.append(Line(name, cls, points, slug, True, 1, ends))
    for slug, pieces in FRONTAGE:
        lines.append(Line("", "frontage", joined(source, pieces), slug, True))
    return lines


def joined(source, pieces):
    points = []
    for piece in pieces:
        if isinstance(piece, list):
            part = piece
        else:
            part = source[piece][2]
        points += [p for p in part if not points or dist(points[-1], p) > 25.0 or p == part[-1]]
    return simplify(points, 0.5)


def find_meetings(lines):
    """Points where lines meet: crossings on the ground, and ends that reach another line."""
    meetings = []
    ground = [l for l in lines if l.level == 0]
    for i, a in enumerate(ground):
        for b in ground[i + 1:]:
            for sa, sb, p in intersections(a.points, b.points):
                meetings.append((p, [(a, sa), (b, sb)]))
    for a in lines:
        for k in (0, 1):
            if k in a.edges:
                continue
            end, hit = a.end(k), None
            inner = a.points[1] if k == 0 else a.points[-2]
            for b in lines:
                if b is a or (b.cls == "major" and a.cls != "ramp"):
                    continue
                if a.level == 0 and b.level == 1:
                    continue
                if a.cls == "ramp" and b.cls not in ("major", "arterial", "frontage"):
                    continue
                d, s, foot = project(b.points, end)
                # Straight on from the end, if that reaches the line soon.
                reach = lerp(inner, end, 1 + 75.0 / max(1.0, dist(inner, end)))
                ahead = [h for h in intersections([end, reach], b.points)]
                if d < 40.0 and (hit is None or d < hit[0]):
                    hit = (d, b, s, foot)
                elif ahead and (hit is None or ahead[0][0] < hit[0]):
                    hit = (ahead[0][0], b, ahead[0][1], ahead[0][2])
            if hit:
                _, b, s, foot = hit
                meetings.append((foot, [(a, 0.0 if k == 0 else along(a.points)[-1]), (b, s)]))
            else:
                meetings.append((end, [(a, 0.0 if k == 0 else along(a.points)[-1])]))
    return meetings


def cluster(meetings, reach):
    """Groups of meetings nearer than `reach` to one another's middle that share a line."""
    groups = [[m] for m in meetings]

    def mid(g):
        return (sum(m[0][0] for m in g) / len(g), sum(m[0][1] for m in g) / len(g))

    def kin(g, h):
        return {id(l) for m in g for l, _ in m[1]} & {id(l) for m in h for l, _ in m[1]}

    while True:
        best = None
        for i, g in enumerate(groups):
            for j in range(i + 1, len(groups)):
                d = dist(mid(g), mid(groups[j]))
                narrow = any(l.cls == "frontage" for m in g + groups[j] for l, _ in m[1])
                if d < (30.0 if narrow else reach) and (d < 12 or kin(g, groups[j])) and (best is None or d < best[0]):
                    best = (d, i, j)
        if best is None:
            return [(mid(g), g) for g in groups]
        _, i, j = best
        groups[i] += groups.pop(j)


class Road:
    def __init__(self, line, points, ends):
        self.line, self.points, self.ends = line, points, ends  # ends: junction index or None
        self.id = ""

    def length(self):
        return along(self.points)[-1]


def cut_roads(lines, clusters):
    roads = []
    for line in lines:
        stops = {}
        for k, (centre, group) in enumerate(clusters):
            found = [s for m in group for l, s in m[1] if l is line]
            if found:
                stops[k] = sum(found) / len(found)
        total = along(line.points)[-1]
        marks = sorted((s, k) for k, s in stops.items())
        if 0 in line.edges:
            marks.insert(0, (0.0, None))
        if 1 in line.edges:
            marks.append((total, None))
        for (s0, k0), (s1, k1) in zip(marks, marks[1:]):
            if s1 - s0 < 20.0:
                continue
            part = cut(line.points, s0, s1)
            a = clusters[k0][0] if k0 is not None else part[0]
            b = clusters[k1][0] if k1 is not None else part[-1]
            # Vertices close to a junction would bend the road inside it.
            near = 45.0 if line.cls == "frontage" or line.name in DIVIDED else 30.0
            inner = [p for p in part[1:-1] if dist(p, a) > near and dist(p, b) > near]
            roads.append(Road(line, [a] + inner + [b], (k0, k1)))
    for road in roads:
        if road.line.cls == "ramp":
            beside(road, roads)
    return dissolve(roads)


def beside(ramp, roads):
    """Moves a ramp to the side of the roads it leaves and joins, clear of their lanes and pavements."""
    room = {"arterial": 24.0, "major": 8.0, "frontage": 8.0}
    dense = [at(ramp.points, k * 20.0) for k in range(int(ramp.length() / 20.0))] + [ramp.points[-1]]
    for k in (0, 1):
        for other in roads:
            if other is ramp or other.line.cls not in room or ramp.ends[k] not in other.ends:
                continue
            clear = room[other.line.cls]
            for i, p in enumerate(dense):
                d, s, foot = project(other.points, p)
                if d >= clear or dist(p, (ramp.points[0], ramp.points[-1])[k]) > 260.0:
                    continue
                q = dense[min(i + 1, len(dense) - 1)]
                o = dense[max(i - 1, 0)]
                u, v = at(other.points, max(0.0, s - 1.0)), at(other.points, s + 1.0)
                ahead = ((v[0] - u[0]) / dist(u, v), (v[1] - u[1]) / dist(u, v))
                # Beside the motorway's frontage roads a ramp lies on the left, towards the motorway.
                right = -1 if other.line.cls == "frontage" else 1
                sign = right if (q[0] - o[0]) * ahead[0] + (q[1] - o[1]) * ahead[1] > 0 else -right
                dense[i] = (foot[0] + sign * clear * ahead[1], foot[1] - sign * clear * ahead[0])
    ramp.points = simplify(dense, 0.6)


def dissolve(roads):
    """Joins two roads of one kind that merely continue each other."""
    while True:
        at_node = {}
        for r in roads:
            for k in (0, 1):
                if r.ends[k] is not None:
                    at_node.setdefault(r.ends[k], []).append((r, k))
        for node, legs in at_node.items():
            if len(legs) != 2 or legs[0][0] is legs[1][0]:
                continue
            (a, ka), (b, kb) = legs
            same = a.line.key == b.line.key and profile(a) == profile(b) and not a.line.one_way
            bend = abs(math.remainder(bearing(a, ka) - bearing(b, kb) + math.pi, math.tau))
            if same and bend < math.radians(70):
                first = a.points if ka == 1 else a.points[::-1]
                second = b.points if kb == 0 else b.points[::-1]
                joint = [] if dist(first[-2], first[-1]) > 40 and bend < math.radians(3) else [first[-1]]
                roads = [r for r in roads if r is not a and r is not b]
                roads.append(Road(a.line, first[:-1] + joint + second[1:], (a.ends[1 - ka], b.ends[1 - kb])))
                break
        else:
            return roads


def bearing(road, k):
    """Direction out of the junction at an end of a road, radians anticlockwise from east, over the first 30 m."""
    line = road.points if k == 0 else road.points[::-1]
    p = at(line, min(30.0, along(line)[-1]))
    return math.atan2(p[1] - line[0][1], p[0] - line[0][0])


def profile(road):
    cls = road.line.cls
    if cls == "collector" and road.line.name in DIVIDED:
        return "collector-4"
    return {"arterial": "arterial-6", "collector": "collector-2", "local": "local-2", "major": "motorway"}.get(cls, cls)


class Node:
    def __init__(self, centre, legs):
        self.centre, self.legs = centre, sorted(legs, key=lambda l: bearing(*l))  # legs: (road, end)
        self.id, self.name_zh, self.number, self.signals = "", "", 0, False

    def inbound(self):
        return [(r, k) for r, k in self.legs if k == 1 or not r.line.one_way]

    def outbound(self):
        return [(r, k) for r, k in self.legs if k == 0 or not r.line.one_way]

    def turn(self, a, b):
        """Change of direction from leg a to leg b, radians, left positive."""
        return math.remainder(bearing(*b) - bearing(*a) - math.pi, math.tau)


def name_all(roads, clusters):
    nodes = {}
    for k, (centre, _) in enumerate(clusters):
        legs = [(r, e) for r in roads for e in (0, 1) if r.ends[e] == k]
        if legs:
            nodes[k] = Node(centre, legs)
    order = sorted(nodes.values(), key=lambda n: -n.centre[1])
    seen = {}
    for number, node in enumerate(order, 1):
        node.number = number
        keys = sorted({(-RANK[r.line.cls], r.line.key, r.line.name) for r, _ in node.legs})
        slugs = list(dict.fromkeys(k for _, k, _ in keys))[:2]
        names = list(dict.fromkeys(n for _, _, n in keys if n))[:2]
        base = "-".join(slugs) if len(slugs) > 1 else slugs[0] + "-end"
        seen[base] = seen.get(base, 0) + 1
        node.id = base if seen[base] == 1 else f"{base}-{seen[base]}"
        node.name_zh = "·".join(names)
        node.signals = (
            len(node.legs) >= 3
            and any(r.line.name == "中新大道" for r, _ in node.legs)
            and any(r.line.cls in ("collector", "frontage") or r.line.name in ("民安路", "志坚街") for r, _ in node.legs)
        )
    counts = {}
    for r in sorted(roads, key=lambda r: (r.line.key, -max(p[1] for p in r.points))):
        counts[r.line.key] = counts.get(r.line.key, 0) + 1
        r.id = f"{r.line.key}-{counts[r.line.key]:02d}"
    return nodes, order


def forbidden(node):
    """Movements that a ramp's or one-way road's mouth on a divided road does not offer: left across the median, and back."""
    out = []
    for a in node.inbound():
        for b in node.outbound():
            if a[0] is b[0] and a[1] == b[1]:
                continue
            t = node.turn(a, b)
            ramp = "ramp" in (a[0].line.cls, b[0].line.cls) and node_is_arterial(node)
            if (ramp and t > math.radians(20)) or (ramp and a[0].line.cls == b[0].line.cls) or abs(t) > math.radians(140):
                out.append((a[0], b[0]))
    return out


def node_is_arterial(node):
    return any(r.line.cls == "arterial" for r, _ in node.legs)


def make_signals(node, crossings, offset_s):
    """Phases and stages: main through, main left, side roads (left permissive, main crossings)."""
    spine = [l for l in node.legs if l[0].line.cls == "arterial"]
    if len(spine) == 1:
        # The arterial ends here: its axis goes on in the road opposite, if there is one.
        spine += [l for l in node.legs if l not in spine and abs(node.turn(spine[0], l)) < math.radians(40)]
    main = [l for l in node.inbound() if l in spine]
    sides = [l for l in node.inbound() if l not in spine]
    banned = {(a.id, b.id) for a, b in forbidden(node)}
    phases, a_green, b_green, c_green, a_permissive, c_permissive = [], [], [], [], [], []

    def add(leg, exits, stage, permissive=None):
        exits = [b[0].id for b in exits]
        if exits:
            number = len(phases) + 1
            phases.append(f'{{ id = {number}, from = "{leg[0].id}", to = [{", ".join(quoted(e) for e in exits)}] }}')
            stage.append(number)
            if permissive is not None:
                permissive.append(number)

    for group, through, left in ((main, a_green, b_green), (sides, c_green, c_green)):
        for leg in group:
            exits = [b for b in node.outbound() if b[0] is not leg[0] and (leg[0].id, b[0].id) not in banned]
            lefts = [b for b in exits if node.turn(leg, b) > math.radians(40)]
            # A ramp's traffic joins beside those who walk over the road it joins.
            joins = c_permissive if leg[0].line.cls == "ramp" else None
            add(leg, [b for b in exits if b not in lefts], through, joins)
            if group is main and leg[0].line.cls != "arterial":
                add(leg, lefts, a_green, a_permissive)
            else:
                add(leg, lefts, left, c_permissive if group is sides else None)
    walk_main = [c for c, r in crossings if any(r is l[0] for l in spine)]
    walk_side = [c for c, r in crossings if not any(r is l[0] for l in spine)]
    for ids, stage in ((walk_side, a_green), (walk_main, c_green)):
        if ids:
            phases.append(f'{{ id = {len(phases) + 1}, crossings = [{", ".join(quoted(c) for c in ids)}] }}')
            stage.append(len(phases))
    stages = []
    for green, permissive, seconds in ((a_green, a_permissive, 40), (b_green, [], 16), (c_green, c_permissive, 36)):
        if green:
            permit = f", permissive = {permissive}" if permissive else ""
            stages.append(f"{{ green = {green}{permit}, green_s = {seconds}, yellow_s = 3, all_red_s = 2 }}")
    lines = [f'[[signals]]\njunction = "{node.id}"\noffset_s = {offset_s}', "phases = ["]
    lines += [f"    {p}," for p in phases] + ["]", "stages = ["] + [f"    {s}," for s in stages] + ["]\n"]
    return "\n".join(lines)


def quoted(text):
    return f'"{text}"'


def degrees(p):
    lon, lat = to_degrees(p)
    return f"[{lon:.7f}, {lat:.7f}]"


def make_crossings(order):
    """(text, {node: [(crossing id, road)]}): at the ends of roads at junctions of three or more."""
    out, by_node = [], {}
    for node in order:
        legs = [l for l in node.legs if l[0].line.cls in ("arterial", "collector", "local")]
        if len(node.legs) < 3 or len(legs) < 2:
            continue
        for i, (road, end) in enumerate(legs, 1):
            if road.length() < 80.0 or (road.line.cls == "arterial" and not node.signals):
                continue
            ident = f"{node.id}-x{i}"
            by_node.setdefault(node.id, []).append((ident, road))
            control = "signal" if node.signals else "yield"
            out.append(f'[[crossing]]\nid = "{ident}"\nroad = "{road.id}"\nat = "{("start", "end")[end]}"\n'
                       f'width_m = {5.0 if road.line.cls == "arterial" else 4.0}\ncontrol = "{control}"\n')
    return out, by_node


LINES = {
    "486": "park-tanyuan zijing-north changdao-east zijing-south weather-bureau jiangxinzhou-metro-bus lanjiang-zhongxin "
           "primary-school fanghua-north zhongxin-minan wentai-east huandao-wentai qingao-north longen-xiyi longen-middle "
           "heping-garden huandao-fenglin bridge-east jiangxinzhou-south",
    "552": "jiangxinzhou-terminal primary-school fanghua-north green-island-west jiangxinzhou-metro-bus weather-bureau "
           "zijing-south changdao-east zijing-north park-tanyuan park-huayuan changdao-north jinji-huizhi qingao-north "
           "heping-garden",
    "553": "green-island-qingshan redstar-green-home imo-stop xingyuan-west huijin-east jiangxin-impression",
}


def make_stops(path, roads):
    """Stops on the nearest road that has a footway, one in each direction; mid-road zebras where no junction is near."""
    stops, zebras = [], []
    able = [r for r in roads if r.line.cls in ("arterial", "collector", "local") and r.length() > 120.0]
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        ident, name, lon, lat, *_ = line.split("|")
        serving = [n for n, ids in LINES.items() if ident in ids.split()]
        if not serving:
            continue
        p = to_plane(float(lon), float(lat))
        # A main road a little farther is likelier than a lane at hand: most positions are estimates.
        d, road = min(((project(r.points, p)[0] - 25.0 * RANK[r.line.cls], i) for i, r in enumerate(able)))
        road = able[road]
        s = min(max(project(road.points, p)[1], 65.0), road.length() - 65.0)
        for direction, shift in (("forward", -22.0), ("backward", 22.0)):
            place = at(road.points, min(max(s + shift, 45.0), road.length() - 45.0))
            stops.append(f'[[bus_stop]]\nid = "{ident}-{direction[0]}"\nname_zh = "{name}"\n'
                         f'lines = [{", ".join(quoted(n) for n in serving)}]\nroad = "{road.id}"\n'
                         f'direction = "{direction}"\nat = {degrees(place)}\n')
        if 100.0 < s < road.length() - 100.0 and road.line.cls != "arterial":
            zebras.append(f'[[crossing]]\nid = "{ident}-zebra"\nroad = "{road.id}"\nat = {degrees(at(road.points, s))}\n'
                          f'width_m = 4.0\ncontrol = "yield"\n')
    return stops, zebras


def make_sites(order):
    signalised = [n for n in order if n.signals]
    chosen, last = [], None
    for node in signalised:
        if last is None or dist(node.centre, last.centre) > 330.0:
            chosen.append(node)
            last = node
    others = [n for n in order if not n.signals and len(n.legs) == 4 and not node_is_arterial(n)
              and all(r.line.cls == "collector" for r, _ in n.legs)]
    for node in others[:: max(1, len(others) // 4)][:4]:
        chosen.append(node)
    return [site_text(node) for node in sorted(chosen, key=lambda n: n.number)]


KERB = {"arterial-6": 17.0, "collector-4": 10.8, "collector-2": 6.0, "local-2": 4.8, "frontage": 3.5, "ramp": 2.0}


def corners(node):
    """Places for four poles: (point, direction of view), radars at the first and third."""
    legs = [l for l in node.legs if l[0].line.cls != "ramp"]
    angles = sorted(bearing(*l) for l in legs)
    half = max(KERB[profile(r)] for r, _ in legs) + 5.5
    gaps = [((angles[(k + 1) % len(angles)] - a) % math.tau, a) for k, a in enumerate(angles)]
    if len(legs) == 4:
        found = []
        for gap, a in gaps:
            reach, view = half / max(0.5, math.sin(gap / 2)), a + gap / 2
            place = (node.centre[0] + reach * math.cos(view), node.centre[1] + reach * math.sin(view))
            found.append((place, view + math.pi))
        # Radars see wider: they take the wider corners.
        first = 0 if gaps[0][0] + gaps[2][0] > gaps[1][0] + gaps[3][0] else 1
        return [found[(first + k) % 4] for k in range(4)]
    # Three arms: poles on the side that has no road, looking aslant along either arm of the main road.
    gap, a = max(gaps)
    outward = a + gap / 2
    forward = outward - math.pi / 2

    def pole(step, out, slant):
        place = (node.centre[0] + step * math.cos(forward) + out * math.cos(outward),
                 node.centre[1] + step * math.sin(forward) + out * math.sin(outward))
        return (place, outward + math.pi + slant)

    slant = math.radians(42)
    return [pole(-16.0, half, slant), pole(-14.0, half + 0.5, slant), pole(16.0, half, -slant), pole(14.0, half + 0.5, -slant)]


def site_text(node):
    poles = corners(node)
    text = [f'[[site]]\nid = "{node.id}"\nname_zh = "{node.name_zh}"\nname_en = "{english(node.id)}"\n'
            f'at = {degrees(poles[0][0])}\ncoverage_m = 150.0\njunction = "{node.id}"\n']
    kinds = (("radar-1", "radar"), ("camera-1", "camera"), ("radar-2", "radar"), ("camera-2", "camera"))
    for (ident, kind), (place, view) in zip(kinds, poles):
        heading = math.degrees(math.pi / 2 - view) % 360
        text.append(f'[[site.sensor]]\nid = "{ident}"\nmodel = "{kind}"\nat = {degrees(place)}\n'
                    f'height_m = 6.5\nheading_deg = {heading:.2f}\n')
    return "\n".join(text)


def english(ident):
    return " / ".join(w.capitalize() for w in ident.split("-"))


def make_stations(roads):
    """Synthetic 5G base stations: on every road, none nearer than 250 m to another."""
    placed = []
    for road in sorted((r for r in roads if r.line.level == 0), key=lambda r: (-RANK[r.line.cls], r.id)):
        total = road.length()
        for k in range(int(total / 40.0) + 1):
            s = min(total, 20.0 + 40.0 * k)
            p, q = at(road.points, s), at(road.points, min(total, s + 1.0))
            if dist(p, q) < 0.1:
                continue
            side = 1 if len(placed) % 2 else -1
            off = 24.0
            place = (p[0] - side * off * (q[1] - p[1]) / dist(p, q), p[1] + side * off * (q[0] - p[0]) / dist(p, q))
            if all(dist(place, o) > 250.0 for o in placed):
                placed.append(place)
    placed.sort(key=lambda p: -p[1])
    return [f'[[base_station]]\nid = "gnb-{i:03d}"\nat = {degrees(p)}\nheight_m = {25.0 if i % 3 else 35.0}\n'
            f'carrier_ghz = {3.5 if i % 4 else 2.6}\npower_dbm = {46.0 if i % 3 else 49.0}\n'
            for i, p in enumerate(placed, 1)]


def road_text(road, nodes):
    ends = [f'"{nodes[k].id}"' if k is not None else '"edge"' for k in road.ends]
    points = ",\n    ".join(degrees(p) for p in road.points)
    more = ("one_way = true\n" if road.line.one_way else "") + (f"level = {road.line.level}\n" if road.line.level else "")
    return (f'[[road]]\nid = "{road.id}"\nname_zh = "{road.line.name}"\nclass = "{road.line.cls}"\n'
            f'profile = "{profile(road)}"\n{more}from = {ends[0]}\nto = {ends[1]}\npoints = [\n    {points},\n]\n')


def junction_text(node):
    ranks = sorted({RANK[r.line.cls] for r, _ in node.legs})
    keys = [r.line.key for r, _ in node.legs]
    through = [k for k in dict.fromkeys(keys) if keys.count(k) == 2]
    if node.signals:
        control = 'control = "signals"\n'
    elif len(node.legs) < 3:
        control = 'control = "uncontrolled"\n'
    elif len(ranks) > 1 or len(through) == 1:
        top = max(ranks)
        main = [r.id for r, _ in node.legs if RANK[r.line.cls] == top]
        if len(ranks) == 1 or (len(main) != 2 and through):
            key = max(through, key=lambda k: max(RANK[r.line.cls] for r, _ in node.legs if r.line.key == k))
            main = [r.id for r, _ in node.legs if r.line.key == key]
        control = f'control = "priority"\nmain = [{", ".join(quoted(m) for m in main)}]\n'
    else:
        control = 'control = "uncontrolled"\n'
    text = (f'[[junction]]\nid = "{node.id}"\nnode_id = {node.number}\nname_zh = "{node.name_zh}"\n'
            f"at = {degrees(node.centre)}\n{control}")
    ban = forbidden(node)
    if ban:
        text += "forbid = [\n" + "".join(f'    {{ from = "{a.id}", to = "{b.id}" }},\n' for a, b in ban) + "]\n"
    return text


HEAD = "# Derived from OpenStreetMap: (c) OpenStreetMap contributors, ODbL 1.0. Coordinates: [longitude, latitude], WGS84 degrees.\n\n"


def write(out, name, head, parts):
    (out / name).write_text(HEAD + head + "\n".join(parts), encoding="utf-8")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, out = read_roads(sys.argv[1]), Path(sys.argv[3])
    lines = build_lines(source)
    clusters = cluster(find_meetings(lines), 45.0)
    roads = cut_roads(lines, clusters)
    nodes, order = name_all(roads, clusters)
    roads.sort(key=lambda r: r.id)
    crossings, by_node = make_crossings(order)
    stops, zebras = make_stops(sys.argv[2], roads)
    signals = []
    for node in order:
        if node.signals:
            offset = round((4000.0 - node.centre[1]) / 13.0) % 107
            signals.append(make_signals(node, by_node.get(node.id, []), offset))
    write(out, "roads.toml", "", [road_text(r, nodes) for r in roads])
    write(out, "junctions.toml", "", [junction_text(n) for n in order])
    write(out, "signals.toml", "", signals)
    write(out, "crossings.toml", "", crossings + zebras)
    write(out, "bus-stops.toml", "# Most positions are estimates; a stop stands for each direction.\n\n", stops)
    write(out, "sites.toml", SENSOR_MODELS, make_sites(order))
    stations = make_stations(roads)
    write(out, "base-stations.toml", "# Synthetic: plausible places along the roads, not the operators' real sites.\n\n", stations)
    print(f"{len(roads)} roads, {len(order)} junctions ({len(signals)} with signals), {len(crossings) + len(zebras)} crossings, "
          f"{len(stops)} stops, {len(stations)} base stations")


SENSOR_MODELS = '''# Synthetic: plausible roadside sites, none of them real. Accuracies are 1-sigma.

[[sensor_model]]
id = "radar"
kind = "radar"
half_fov_deg = 60.0
range_m = [2.0, 180.0]
range_sigma_m = 0.35
range_sigma_percent = 0.0
azimuth_sigma_deg = 0.7
doppler_sigma_mps = 0.12
detection_probability = 0.9
clutter_per_scan = 3.0
period_s = 0.1

[[sensor_model]]
id = "camera"
kind = "camera"
half_fov_deg = 55.0
range_m = [3.0, 120.0]
range_sigma_m = 0.3
range_sigma_percent = 3.0
azimuth_sigma_deg = 0.15
detection_probability = 0.92
clutter_per_scan = 2.0
class_accuracy = 0.93
period_s = 0.1

'''

if __name__ == "__main__":
    main()

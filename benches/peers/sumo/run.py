"""SUMO beside our traffic on the same networks and with the same drivers: one table, one plot, one file of figures.

Run by `cargo xtask bench sim --peers`, with the Python of a virtual environment that may be written to. The bench
`sim_road` has written the networks and our own figures; here SUMO runs on them.
"""
import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

SUMO = "eclipse-sumo==1.28.0"
REQUIREMENTS = [SUMO, "matplotlib==3.11.2"]
STEP_S = 0.05
# The signal of seeds/straight: green begins each so many seconds, from 0 on.
CYCLE_S = 120.0
WARM_GREENS = 3
STARTING = 4
# Our cars are 0.92 to 1.1 times 4.6 m long.
LENGTH_M = (4.6 * 0.92, 4.6 * 1.1)
KINDS = 200
# Runs of a queue, each with draws of its own, that share the greens.
RUNS = 4


def run(command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip()[-600:]}")
    return done.stdout


def install():
    run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS])


def tool(name):
    return pathlib.Path(sys.executable).parent / name


def vehicle_types(drivers, alike, draw):
    """A distribution of SUMO's types with our drivers' parameters: each type one driver."""
    lines = ['<vTypeDistribution id="cars">']
    for number in range(1 if alike else KINDS):
        pick = (lambda ends: sum(ends) / 2) if alike else (lambda ends: draw.uniform(*ends))
        lines.append(
            f'<vType id="car{number}" carFollowModel="IDM" delta="4" sigma="0" speedDev="0" probability="1"'
            f' length="{pick(LENGTH_M):.3f}" minGap="{pick(drivers["standstill_m"]):.3f}"'
            f' tau="{pick(drivers["headway_s"]):.3f}" accel="{pick(drivers["accelerate_mps2"]):.3f}"'
            f' decel="{pick(drivers["brake_mps2"]):.3f}" emergencyDecel="8" startupDelay="{pick(drivers["start_s"]):.3f}"'
            f' speedFactor="{pick(drivers["speed_factor"]):.3f}" maxSpeed="35"/>'
        )
    return "\n".join([*lines, "</vTypeDistribution>"])


class Bench:
    def __init__(self, out, ours):
        self.out, self.ours = out, ours

    def net(self, name):
        net = self.out / f"{name}.net.xml"
        run([tool("netconvert"), "-c", f"{name}.netccfg", "--no-internal-links", "false"], cwd=self.out)
        return net

    def edges(self, net):
        return [edge for edge in xml.parse(net).getroot().iter("edge") if edge.get("function") != "internal"]

    def sumo(self, name, net, routes, seconds, extra=(), options=()):
        (self.out / f"{name}.rou.xml").write_text(f"<routes>\n{routes}\n</routes>\n")
        (self.out / f"{name}.add.xml").write_text("<additional>\n" + "\n".join(extra) + "\n</additional>\n")
        return run(
            [tool("sumo"), "-n", net.name, "-r", f"{name}.rou.xml", "-a", f"{name}.add.xml", "--end", seconds,
             "--step-length", STEP_S, "--no-step-log", "--time-to-teleport", "-1",
             "--duration-log.statistics", "--collision.action", "none", *options],
            cwd=self.out,
        )

    def road(self, net):
        """The ids of the road's two edges, and its lane before the place of the signal."""
        edges = {edge.get("id"): edge for edge in self.edges(net)}
        first = next(name for name in edges if "approach" in name)
        last = next(name for name in edges if "exit" in name)
        return first, last, edges[first].find("lane")

    def queue(self, name, drivers, alike):
        """Mean headway by place in the queue over all greens."""
        runs = [self.queue_run(f"{name}-{seed}", drivers, alike, seed) for seed in range(1, RUNS + 1)]
        return [sum(places) / RUNS for places in zip(*runs)]

    def queue_run(self, name, drivers, alike, seed):
        net = self.net("straight")
        first, last, lane = self.road(net)
        greens = self.ours["greens"] // RUNS
        seconds = (WARM_GREENS + greens + 2) * CYCLE_S
        routes = "\n".join([
            vehicle_types(drivers, alike, random.Random(seed)),
            f'<flow id="f" type="cars" begin="0" end="{seconds}" vehsPerHour="2600" departSpeed="max" departPos="base">'
            f'<route edges="{first} {last}"/></flow>',
        ])
        # A loop at the very end of the lane: there the stop line is.
        at_m = float(lane.get("length")) - 0.1
        loop = f'<instantInductionLoop id="line" lane="{lane.get("id")}" pos="{at_m}" file="{name}.loop.xml"/>'
        self.sumo(name, net, routes, seconds, [loop], ["--seed", seed, "--max-depart-delay", 60])
        times = [float(event.get("time")) for event in xml.parse(self.out / f"{name}.loop.xml").getroot()
                 if event.get("state") == "enter"]
        return self.headways(times, greens)

    def headways(self, times, greens):
        """Mean headway by place in the queue, as our trial computes it."""
        places = self.ours["places"]
        sums = [0.0] * places
        for green in range(WARM_GREENS, WARM_GREENS + greens):
            start = green * CYCLE_S
            crossed = [start] + [t for t in times if start <= t < start + CYCLE_S][:places]
            for place in range(places):
                sums[place] += crossed[place + 1] - crossed[place]
        return [total / greens for total in sums]

    def flow(self, ours, drivers):
        name, seconds = ours["name"], self.ours["settle_s"] + self.ours["watched_s"]
        net = self.net(name)
        first, last, lane = self.road(net)
        routes = "\n".join([
            vehicle_types(drivers, False, random.Random(5)),
            f'<flow id="f" type="cars" begin="0" end="{seconds}" vehsPerHour="{ours["per_h"]}" departSpeed="avg"'
            f' departPos="base"><route edges="{first} {last}"/></flow>',
        ])
        (from_m, to_m), watched_s = self.ours["stretch_m"], self.ours["watched_s"]
        area = (f'<laneAreaDetector id="area" lane="{lane.get("id")}" pos="{from_m}" endPos="{to_m}"'
                f' period="{watched_s / 2}" file="{name}.area.xml"/>')
        self.sumo(name, net, routes, seconds, [area], ["--max-depart-delay", 60])
        intervals = [i for i in xml.parse(self.out / f"{name}.area.xml").getroot()
                     if float(i.get("begin")) >= self.ours["settle_s"] - 1]
        spent = sum(float(i.get("sampledSeconds")) for i in intervals)
        driven = sum(float(i.get("sampledSeconds")) * float(i.get("meanSpeed")) for i in intervals)
        time = sum(float(i.get("end")) - float(i.get("begin")) for i in intervals)
        whole = (to_m - from_m) * time
        return {"density_per_km": spent / whole * 1e3, "flow_per_h": driven / whole * 3600,
                "speed_kmh": driven / spent * 3.6}

    def updates(self, drivers):
        """Vehicle updates a second by SUMO's own count, 1,000 vehicles in the town, one thread."""
        net = self.net("town")
        edges = {edge.get("id"): [] for edge in self.edges(net)}
        for connection in xml.parse(net).getroot().iter("connection"):
            if connection.get("from") in edges and connection.get("to") in edges:
                edges[connection.get("from")].append(connection.get("to"))
        draw, lines = random.Random(5), [vehicle_types(drivers, False, random.Random(5))]
        begins = sorted(edge for edge in edges if edges[edge])
        for number in range(1000):
            route = [draw.choice(begins)]
            while len(route) < 60 and edges[route[-1]]:
                route.append(draw.choice(edges[route[-1]]))
            lines.append(f'<vehicle id="v{number}" type="cars" depart="{number * 0.05:.2f}" departPos="random_free"'
                         f' departLane="best"><route edges="{" ".join(route)}"/></vehicle>')
        said = self.sumo("town", net, "\n".join(lines), 360)
        return float(re.search(r"UPS: ([\d.]+)", said).group(1))


def figures(headways):
    steady = sum(headways[STARTING:]) / len(headways[STARTING:])
    return {"saturation_flow_per_h": 3600 / steady, "start_up_loss_s": sum(h - steady for h in headways[:STARTING]),
            "discharge_s": sum(headways)}


def plot(path, preview, points):
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    plt.rcParams.update({"svg.hashsalt": "jxz", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for (label, key, marker, colour, filled) in [("Jiangxin", "ours", "o", "#0b6e99", True),
                                                 ("SUMO 1.28, IDM", "sumo", "s", "#d1603d", False)]:
        series = [point[key] for point in points]
        fill = colour if filled else "none"
        style = {"color": colour, "marker": marker, "markersize": 5, "markerfacecolor": fill, "linewidth": 1}
        left.plot([p["flow_per_h"] for p in series], [p["speed_kmh"] for p in series], label=label, **style)
        right.plot([p["density_per_km"] for p in series], [p["flow_per_h"] for p in series], label=label, **style)
    left.set(xlabel="flow, vehicles/h", ylabel="speed, km/h", xlim=(0, None), ylim=(0, 60))
    right.set(xlabel="density, vehicles/km", ylabel="flow, vehicles/h", xlim=(0, None), ylim=(0, None))
    for axes in (left, right):
        axes.grid(color="#dddddd", linewidth=0.6)
    right.legend(frameon=False, loc="lower center")
    figure.suptitle("One lane, limit 50 km/h: the same drivers on the same road, held up from downstream", fontsize=10)
    figure.savefig(path, metadata={"Date": None})
    figure.savefig(preview, dpi=110)


def table(rows):
    print(f"{'':<42}{'Jiangxin':>12}{'SUMO':>12}{'ratio':>8}")
    for title, ours, sumo, form in rows:
        print(f"{title:<42}{ours:>12{form}}{sumo:>12{form}}{ours / sumo:>8.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", type=pathlib.Path, required=True, help="what the bench sim_road printed")
    parser.add_argument("--updates", type=float, required=True, help="our vehicle updates a core-second at 1,000")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where the bench wrote the networks")
    parser.add_argument("--docs", type=pathlib.Path, required=True, help="where the plot is kept")
    parser.add_argument("--reference", type=pathlib.Path, required=True, help="where SUMO's figures are kept")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    install()
    ours = json.loads(args.ours.read_text())
    bench = Bench(args.out, ours)
    rows, reference = [], {"sumo": SUMO, "step_s": STEP_S, "places": ours["places"], "greens": ours["greens"]}
    for name in ("usual", "alike"):
        drivers = ours[name]["drivers"]
        headways = bench.queue(name, drivers, name == "alike")
        mine, theirs = figures(ours[name]["headways_s"]), figures(headways)
        reference[name] = {"drivers": drivers, "headways_s": [round(h, 3) for h in headways],
                           **{key: round(value, 3) for key, value in theirs.items()}}
        rows += [(f"{name}: saturation flow, vehicles/h", mine["saturation_flow_per_h"], theirs["saturation_flow_per_h"], ".0f"),
                 (f"{name}: start-up loss, s", mine["start_up_loss_s"], theirs["start_up_loss_s"], ".2f"),
                 (f"{name}: {ours['places']} vehicles over the line, s", mine["discharge_s"], theirs["discharge_s"], ".1f")]
        rows += [(f"{name}: headway of vehicle {k + 1}, s", ours[name]["headways_s"][k], headways[k], ".2f")
                 for k in (0, 1, 2, 3, 5, 9, ours["places"] - 1)]
    points = [{"ours": point, "sumo": bench.flow(point, ours["usual"]["drivers"])} for point in ours["flow"]]
    rows += [(f"flow at {p['ours']['density_per_km']:.0f} and {p['sumo']['density_per_km']:.0f} vehicles/km",
              p["ours"]["flow_per_h"], p["sumo"]["flow_per_h"], ".0f") for p in points]
    rows.append(("vehicle updates a core-second, 1,000", args.updates, bench.updates(ours["usual"]["drivers"]), ".0f"))
    table(rows)
    plot(args.docs / "speed-flow.svg", args.out / "speed-flow.png", points)
    args.reference.write_text(json.dumps(reference, indent=1) + "\n")
    if args.json:
        print(json.dumps([{"figure": t, "jiangxin": a, "sumo": b} for t, a, b, _ in rows]))


if __name__ == "__main__":
    main()

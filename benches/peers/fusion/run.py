"""Public trackers beside ours, on the scene maker's scenes, judged by its judge: one table.

Run by `cargo xtask bench fusion --peers`, with the Python of a virtual environment that may be written to. A peer that
cannot be installed or does not finish is skipped, and the table says why.
"""
import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
JUDGE = ["numpy", "scipy", "trackeval==1.3.0"]
SECONDS, SHORT_S = 20.0, 5.0
# Seconds of the scenes that it plays: by name, else none of that scene.
PEERS = {
    "stonesoup": ("stonesoup==1.9.1", "Stone Soup, GNN and EKF with Doppler", {"easy30": SHORT_S, "hard30": SHORT_S}),
    "filterpy": ("filterpy==2.0.0", "filterpy, KF and Hungarian", None),
    "similari": ("similari-trackers-rs==0.26.12", "similari, SORT", None),
}
SCENES = {
    "easy30": ["--targets", "30"],
    "hard30": ["--targets", "30", "--hard"],
    "easy100": ["--targets", "100"],
    "hard100": ["--targets", "100", "--hard"],
}
LIMIT_S = 1800


def install(requirements):
    """None, or why it could not be."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    done = subprocess.run(pip, capture_output=True, text=True)
    return None if done.returncode == 0 else last_line(done.stderr) or f"pip ended with {done.returncode}"


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def call(command):
    """The JSON that a program prints last, or why there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return None, f"not done after {LIMIT_S} s"
    if done.returncode != 0:
        return None, last_line(done.stderr) or f"ended with {done.returncode}"
    return json.loads(done.stdout.strip().splitlines()[-1]), None


class Bench:
    def __init__(self, args):
        self.args, self.rows = args, []

    def scene(self, name, seconds):
        """The folder of a scene of which only so much is there; made at its first use."""
        folder = self.args.out / f"{name}-{seconds:g}s"
        whole = self.args.out / f"{name}-{SECONDS:g}s"
        if not (whole / "truth.jsonl").exists():
            maker = [sys.executable, self.args.tools / "make_scene.py", "--seed", str(self.args.seed)]
            made = maker + SCENES[name] + ["--seconds", str(SECONDS), "--out", whole]
            subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        if folder != whole:
            folder.mkdir(exist_ok=True)
            (folder / "site.json").write_text((whole / "site.json").read_text())
            self.cut(whole, folder, "scans.jsonl", lambda line: line["arrival"] <= seconds)
        # Every tracker has been asked for what is judged.
        self.cut(whole, folder, "judged.jsonl", lambda line: line["t"] <= seconds - 0.1, "truth.jsonl")
        return folder

    @staticmethod
    def cut(whole, folder, name, keep, source=None):
        lines = (whole / (source or name)).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join(line for line in lines if keep(json.loads(line))))

    def judge(self, folder, tracks):
        judge = [sys.executable, self.args.tools / "score_tracks.py", folder / "judged.jsonl", tracks, "--json"]
        return call(judge)

    def add(self, title, scene, seconds, command, figures):
        """Runs one tracker on one scene; `figures` reads version, p50 and p99 from what it prints."""
        folder = self.scene(scene, seconds)
        tracks = folder / "tracks.jsonl"
        said, why = call([*command(folder), "--out", tracks])
        score, why = (None, why) if why else self.judge(folder, tracks)
        row = {"system": title, "scene": scene, "seconds": seconds, "skipped": why}
        if score:
            row["version"], row["ms_p50"], row["ms_p99"] = figures(said)
            row.update({k: score[k] for k in ("gospa", "hota", "idf1", "velocity_rmse_mps", "id_switches")})
        self.rows.append(row)
        print_row(row)

    def ours(self):
        jxz = self.args.jxz
        helps = subprocess.run([jxz, "fuse", "--help"], capture_output=True, text=True).stdout
        version = subprocess.run([jxz, "--version"], capture_output=True, text=True).stdout.strip()
        modes = [("pmb", ["--mode", "pmb"]), ("gnn", ["--mode", "gnn"])] if "--mode" in helps else [("", [])]
        for mode, options in modes:
            for scene, seconds in [(s, SECONDS) for s in SCENES] + [("easy30", SHORT_S), ("hard30", SHORT_S)]:
                def command(folder):
                    files = ["--site", folder / "site.json", "--in", folder / "scans.jsonl"]
                    return [jxz, "fuse", *files, *options]

                def figures(said):
                    return version, said["cpu_ms_per_frame"]["p50"], said["cpu_ms_per_frame"]["p99"]

                self.add(f"Jiangxin {mode}".strip(), scene, seconds, command, figures)

    def peer(self, name):
        requirement, title, only = PEERS[name]
        why = install([requirement])
        if why:
            self.rows.append({"system": title, "skipped": why})
            return print_row(self.rows[-1])
        for scene in SCENES:
            seconds = SECONDS if only is None else only.get(scene)
            if seconds is not None:
                def command(folder):
                    return [sys.executable, HERE / f"peer_{name}.py", "--scene", folder, "--seconds", str(seconds)]

                def figures(said):
                    return said["version"], said["ms_p50"], said["ms_p99"]

                self.add(title, scene, seconds, command, figures)


def print_row(row):
    if row["skipped"]:
        where = f" on {row['scene']}" if "scene" in row else ""
        return print(f"{row['system']}{where}: skipped: {row['skipped']}", flush=True)
    print(f"{row['system']:<38}{row['version']:<20}{row['scene']:<8}{row['seconds']:>4g} s{row['ms_p50']:>10.3f}"
          f"{row['ms_p99']:>10.3f}{row['gospa']:>8.2f}{row['hota']:>7.3f}{row['idf1']:>7.3f}"
          f"{row['velocity_rmse_mps']:>8.2f}{row['id_switches']:>6}", flush=True)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--jxz", required=True)
    args.add_argument("--tools", type=pathlib.Path, required=True, help="make_scene.py and score_tracks.py")
    args.add_argument("--out", type=pathlib.Path, required=True)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--json", action="store_true", help="the rows as one JSON line, at the end")
    args = args.parse_args()
    why = install(JUDGE)
    if why:
        sys.exit(f"the judge's packages cannot be installed: {why}")
    args.out.mkdir(parents=True, exist_ok=True)
    print("CPU ms of the whole process for a frame (four scans, one answer); GOSPA (c 5 m, p 2), HOTA, IDF1, velocity")
    print("error of the scene judge from 1 s on. Seconds: how much of the scene was played; slow peers get less.")
    print(f"{'':<38}{'version':<20}{'scene':<14}{'ms p50':>10}{'p99':>10}{'GOSPA':>8}{'HOTA':>7}{'IDF1':>7}"
          f"{'m/s':>8}{'IDSW':>6}", flush=True)
    bench = Bench(args)
    bench.ours()
    for name in PEERS:
        bench.peer(name)
    if args.json:
        print(json.dumps(bench.rows))


if __name__ == "__main__":
    main()

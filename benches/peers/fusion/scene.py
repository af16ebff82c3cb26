"""Scenes of the scene maker, fed to a tracker as `jxz fuse` feeds its own, and timed in the same way."""
import argparse
import json
import math
import pathlib
import time

FIRST_INSTANT_S, INSTANT_STEP_S, ANSWER_DELAY_S = 0.0375, 0.05, 0.025
SCANS_A_FRAME = 4


class Sensor:
    """A sensor as declared: where it stands, where it looks, and how far it errs (1 sigma)."""

    def __init__(self, told):
        self.x_m, self.y_m = told["position_m"]
        self.yaw_rad = told["yaw_rad"]
        self.is_radar = told["kind"] == "radar"
        self.azimuth_sigma_rad = told["azimuth_sigma_rad"]
        self.doppler_sigma_mps = told["doppler_sigma_mps"]
        self.range_floor_m = told["range_sigma_m"] or told["range_sigma_floor_m"]
        self.range_fraction = told["range_sigma_fraction"] or 0.0

    def range_sigma_m(self, range_m):
        return max(self.range_floor_m, self.range_fraction * range_m)

    def locate(self, range_m, azimuth_rad):
        """Where a detection is on the ground: east, north, and the three members of its covariance."""
        bearing = azimuth_rad + self.yaw_rad
        cos, sin = math.cos(bearing), math.sin(bearing)
        along, across = self.range_sigma_m(range_m) ** 2, (range_m * self.azimuth_sigma_rad) ** 2
        covariance = (along * cos * cos + across * sin * sin, (along - across) * cos * sin,
                      along * sin * sin + across * cos * cos)
        return self.x_m + range_m * cos, self.y_m + range_m * sin, covariance


def load(folder, seconds):
    """Sensors by name, and the scans that arrive in the first so many seconds."""
    folder = pathlib.Path(folder)
    site = json.loads((folder / "site.json").read_text())
    sensors = {told["id"]: Sensor(told) for told in site["sensors"]}
    with open(folder / "scans.jsonl") as lines:
        scans = [json.loads(line) for line in lines]
    return sensors, [scan for scan in scans if scan["arrival"] <= seconds]


def run(tracker, version):
    """Plays the scene that the command line names.

    `tracker(sensors)` makes an object with `scan(sensor, t_s, detections)` and `tracks(t_s)`, which gives rows of id, x, y,
    vx, vy and class or None. Prints one JSON line: the version, and the CPU time of the process (all its threads) for
    four scans and one answer.
    """
    args = argparse.ArgumentParser()
    args.add_argument("--scene", required=True)
    args.add_argument("--seconds", type=float, required=True)
    args.add_argument("--out", required=True)
    args = args.parse_args()
    sensors, scans = load(args.scene, args.seconds)
    subject = tracker(sensors)
    frames_ms, spent, instant = [], 0.0, 0

    def answer(out):
        nonlocal spent, instant
        t_s = FIRST_INSTANT_S + instant * INSTANT_STEP_S
        begun = time.process_time()
        rows = list(subject.tracks(t_s))
        spent += time.process_time() - begun
        names = ("id", "x_m", "y_m", "vx_mps", "vy_mps", "class")
        out.write(json.dumps({"t": round(t_s, 7), "tracks": [dict(zip(names, row)) for row in rows]}) + "\n")
        instant += 1

    with open(args.out, "w") as out:
        for number, scan in enumerate(scans):
            while FIRST_INSTANT_S + instant * INSTANT_STEP_S + ANSWER_DELAY_S <= scan["arrival"] - 1e-9:
                answer(out)
            begun = time.process_time()
            subject.scan(sensors[scan["sensor"]], scan["t"], scan["detections"])
            spent += time.process_time() - begun
            if number % SCANS_A_FRAME == SCANS_A_FRAME - 1:
                frames_ms.append(spent * 1e3)
                spent = 0.0
        answer(out)
    frames_ms.sort()
    at = lambda percent: frames_ms[max(0, math.ceil(len(frames_ms) * percent / 100) - 1)]
    print(json.dumps({"version": version, "ms_p50": at(50), "ms_p99": at(99)}))

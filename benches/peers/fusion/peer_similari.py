"""similari: its SORT on boxes around ground points. It tells no velocity: ours is the slope of its predicted places."""
from collections import deque
from importlib.metadata import version

import scene
from similari import BoundingBox, PositionalMetricType, Sort, SpatioTemporalConstraints

SIDE_M = 6.0
IDLE_SCANS = 6
CONFIRMED_BY = 8
SLOPE_S = 0.4


class Tracker:
    def __init__(self, sensors):
        self.sort = Sort(shards=1, bbox_history=1, max_idle_epochs=IDLE_SCANS,
                         method=PositionalMetricType.iou(threshold=0.1),
                         spatio_temporal_constraints=SpatioTemporalConstraints())
        self.alive = {}
        self.numbers = {}

    def scan(self, sensor, t_s, detections):
        boxes = []
        for number, detection in enumerate(detections):
            x_m, y_m, _ = sensor.locate(detection[0], detection[1])
            # Its boxes lie right of and below zero.
            box = BoundingBox(x_m + 1000.0 - SIDE_M / 2, y_m + 1000.0 - SIDE_M / 2, SIDE_M, SIDE_M)
            boxes.append((box.as_xyaah(), number))
        for track in self.sort.predict(boxes):
            box = track.predicted_bbox
            places = self.alive.setdefault(track.id, deque())
            places.append((t_s, box.xc - 1000.0, box.yc - 1000.0, track.length))
            while t_s - places[0][0] > SLOPE_S:
                places.popleft()
        patience_s = IDLE_SCANS * 0.0125
        self.alive = {k: p for k, p in self.alive.items() if t_s - p[-1][0] <= patience_s}
        self.sort.wasted()

    def tracks(self, t_s):
        for key, places in self.alive.items():
            (t0, x0, y0, _), (t1, x1, y1, length) = places[0], places[-1]
            if length >= CONFIRMED_BY:
                over = max(t1 - t0, 0.05)
                vx, vy = (x1 - x0) / over, (y1 - y0) / over
                number = self.numbers.setdefault(key, len(self.numbers))
                yield number, x1 + vx * (t_s - t1), y1 + vy * (t_s - t1), vx, vy, None


if __name__ == "__main__":
    scene.run(Tracker, "similari " + version("similari-trackers-rs"))

"""filterpy: a Kalman filter of constant velocity on ground points, assigned by the Hungarian method (scipy's)."""
from importlib.metadata import version

import numpy as np
import scene
from filterpy.common import Q_discrete_white_noise
from filterpy.kalman import KalmanFilter
from scipy.optimize import linear_sum_assignment

ACCELERATION_SIGMA_MPS2 = 8.0
SPEED_SIGMA_MPS = 8.0
GATE_CHI2 = 40.0
CONFIRMED_BY = 6
TENTATIVE_S, KEPT_S = 0.05, 0.15


class Followed:
    def __init__(self, number, t_s, place):
        x_m, y_m, (xx, xy, yy) = place
        self.number, self.hits, self.seen_s = number, 1, t_s
        self.votes = [0, 0, 0]
        self.filter = KalmanFilter(dim_x=4, dim_z=2)
        self.filter.x = np.array([x_m, 0.0, y_m, 0.0])
        self.filter.P = np.diag([xx, SPEED_SIGMA_MPS**2, yy, SPEED_SIGMA_MPS**2])
        self.filter.P[0, 2] = self.filter.P[2, 0] = xy
        self.filter.H = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])


class Tracker:
    def __init__(self, sensors):
        self.followed, self.next, self.now_s = [], 0, None

    def scan(self, sensor, t_s, detections):
        dt_s = 0.0 if self.now_s is None else t_s - self.now_s
        self.now_s = t_s
        step = np.array([[1.0, dt_s], [0, 1.0]])
        transition = np.kron(np.eye(2), step)
        noise = Q_discrete_white_noise(2, dt_s, ACCELERATION_SIGMA_MPS2**2 * max(dt_s, 1e-9) / 0.05, block_size=2)
        for one in self.followed:
            one.filter.predict(F=transition, Q=noise)
        places = [sensor.locate(d[0], d[1]) for d in detections]
        points = np.array([[p[0], p[1]] for p in places]).reshape(-1, 2)
        errors = np.array([[[p[2][0], p[2][1]], [p[2][1], p[2][2]]] for p in places]).reshape(-1, 2, 2)
        free = set(range(len(places)))
        if self.followed and places:
            for k, j in self.assign(points, errors):
                one = self.followed[k]
                one.filter.update(points[j], R=errors[j])
                one.hits, one.seen_s = one.hits + 1, t_s
                if detections[j][3] is not None:
                    one.votes[detections[j][3]] += 1
                free.discard(j)
        for j in free:
            self.followed.append(Followed(self.next, t_s, places[j]))
            self.next += 1
        patience = lambda one: KEPT_S if one.hits >= CONFIRMED_BY else TENTATIVE_S
        self.followed = [one for one in self.followed if t_s - one.seen_s <= patience(one)]

    def assign(self, points, errors):
        means = np.array([one.filter.x[[0, 2]] for one in self.followed])
        spreads = np.array([one.filter.P[np.ix_([0, 2], [0, 2])] for one in self.followed])
        off = points[None] - means[:, None]
        joint = spreads[:, None] + errors[None]
        near = np.abs(off).max(axis=2) < 15.0
        cost = np.full(near.shape, 1e6)
        k, j = np.nonzero(near)
        if len(k):
            s, d = joint[k, j], off[k, j]
            chi2 = np.einsum("ni,nij,nj->n", d, np.linalg.inv(s), d)
            cost[k, j] = np.where(chi2 < GATE_CHI2, chi2 + np.log(np.linalg.det(s)), 1e6)
        rows, columns = linear_sum_assignment(cost)
        return [(a, b) for a, b in zip(rows, columns) if cost[a, b] < 1e5]

    def tracks(self, t_s):
        for one in self.followed:
            if one.hits >= CONFIRMED_BY:
                x, vx, y, vy = one.filter.x
                ahead = t_s - self.now_s
                label = int(np.argmax(one.votes)) if any(one.votes) else None
                yield one.number, x + vx * ahead, y + vy * ahead, vx, vy, label


if __name__ == "__main__":
    scene.run(Tracker, "filterpy " + version("filterpy"))

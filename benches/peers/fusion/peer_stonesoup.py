"""Stone Soup: nearest neighbours assigned globally, extended Kalman filter in polar coordinates with Doppler."""
import datetime
from importlib.metadata import version

import numpy as np
import scene
from stonesoup.dataassociator.neighbour import GNNWith2DAssignment
from stonesoup.deleter.time import UpdateTimeDeleter
from stonesoup.hypothesiser.distance import DistanceHypothesiser
from stonesoup.initiator.base import Initiator
from stonesoup.initiator.simple import MultiMeasurementInitiator
from stonesoup.measures import Mahalanobis
from stonesoup.models.measurement.nonlinear import CartesianToBearingRange, CartesianToBearingRangeRate2D
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import ExtendedKalmanPredictor
from stonesoup.types.angle import Bearing
from stonesoup.types.detection import Detection
from stonesoup.types.hypothesis import SingleHypothesis
from stonesoup.types.state import GaussianState
from stonesoup.types.track import Track
from stonesoup.types.update import GaussianStateUpdate
from stonesoup.updater.kalman import ExtendedKalmanUpdater

START = datetime.datetime(2026, 1, 1)
ACCELERATION_M2PS3 = 1.0
GATE = 5.0
SPEED_SIGMA_MPS = 8.0
CONFIRMED_BY = 6
KEPT_S = 0.15


class FromPolar(Initiator):
    """A state at rest where a detection lies."""

    def initiate(self, detections, timestamp, **_):
        return {self.begin(detection, timestamp) for detection in detections}

    @staticmethod
    def begin(detection, timestamp):
        x_m, y_m, (xx, xy, yy) = detection.metadata["place"]
        covariance = np.diag([xx, SPEED_SIGMA_MPS**2, yy, SPEED_SIGMA_MPS**2])
        covariance[0, 2] = covariance[2, 0] = xy
        state = np.array([[x_m], [0.0], [y_m], [0.0]])
        hypothesis = SingleHypothesis(None, detection)
        return Track([GaussianStateUpdate(state, covariance, hypothesis, timestamp=timestamp)])


class Tracker:
    def __init__(self, sensors):
        moves = [ConstantVelocity(ACCELERATION_M2PS3), ConstantVelocity(ACCELERATION_M2PS3)]
        self.predictor = ExtendedKalmanPredictor(CombinedLinearGaussianTransitionModel(moves))
        self.updater = ExtendedKalmanUpdater(None)
        hypothesiser = DistanceHypothesiser(self.predictor, self.updater, Mahalanobis(), missed_distance=GATE)
        self.associator = GNNWith2DAssignment(hypothesiser)
        self.deleter = UpdateTimeDeleter(datetime.timedelta(seconds=KEPT_S))
        prior = GaussianState(np.zeros((4, 1)), np.eye(4))
        self.initiator = MultiMeasurementInitiator(
            prior, UpdateTimeDeleter(datetime.timedelta(seconds=0.05)), self.associator, self.updater,
            min_points=CONFIRMED_BY, initiator=FromPolar())
        self.confirmed = set()
        self.numbers = {}
        self.polar = {}

    def model(self, sensor, range_m):
        """Cameras' range error grows with range: one model for each five metres of it."""
        reach = 5.0 * round(range_m / 5.0)
        key = (id(sensor), None if sensor.is_radar else reach)
        if key not in self.polar:
            place = np.array([[sensor.x_m], [sensor.y_m]])
            noise = [sensor.azimuth_sigma_rad**2, sensor.range_sigma_m(reach)**2]
            if sensor.is_radar:
                noise = np.diag(noise + [sensor.doppler_sigma_mps**2])
                self.polar[key] = CartesianToBearingRangeRate2D(
                    ndim_state=4, mapping=(0, 2), velocity_mapping=(1, 3), noise_covar=noise, translation_offset=place)
            else:
                self.polar[key] = CartesianToBearingRange(
                    ndim_state=4, mapping=(0, 2), noise_covar=np.diag(noise), translation_offset=place)
        return self.polar[key]

    def scan(self, sensor, t_s, detections):
        now = START + datetime.timedelta(seconds=t_s)
        heard = set()
        for range_m, azimuth_rad, doppler_mps, _class, _score in detections:
            bearing = Bearing(azimuth_rad + sensor.yaw_rad)
            values = [bearing, range_m] + ([doppler_mps] if sensor.is_radar else [])
            heard.add(Detection(np.array([[v] for v in values], dtype=object), timestamp=now,
                                measurement_model=self.model(sensor, range_m),
                                metadata={"place": sensor.locate(range_m, azimuth_rad)}))
        used = set()
        for track, hypothesis in self.associator.associate(self.confirmed, heard, now).items():
            if hypothesis:
                track.append(self.updater.update(hypothesis))
                used.add(hypothesis.measurement)
            else:
                track.append(hypothesis.prediction)
        self.confirmed -= self.deleter.delete_tracks(self.confirmed)
        self.confirmed |= self.initiator.initiate(heard - used, now)

    def tracks(self, t_s):
        now = START + datetime.timedelta(seconds=t_s)
        for track in self.confirmed:
            state = self.predictor.predict(track.state, timestamp=now) if track.timestamp != now else track.state
            x, vx, y, vy = (float(v) for v in state.state_vector.ravel())
            yield self.numbers.setdefault(track.id, len(self.numbers)), x, y, vx, vy, None


if __name__ == "__main__":
    scene.run(Tracker, "stonesoup " + version("stonesoup"))

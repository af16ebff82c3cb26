//! What a site's sensors cover, as polygons.

use crate::asn::{DetectedRegion, Polygon};
use crate::encoder::Encoder;
use crate::error::EncodeError;
use crate::place::{Anchor, offset_bits};
use jxz_geo::{Point, Vector};
use jxz_world::SensorSpec;

/// Polygons that a message may hold.
const MOST_REGIONS: usize = 8;
/// Chords of a sector's arc span at most this angle, radians.
const CHORD_RAD: f64 = 0.27;
/// More than the length of a list takes.
const LENGTH_BITS: usize = 8;
/// Chords of a full circle.
const CIRCLE_CHORDS: u32 = 24;

/// The fields of view of a site's sensors, as SSM has them, and how many bits they take there at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Regions {
    pub(crate) wire: Option<DetectedRegion>,
    pub(crate) bits: usize,
}

impl Encoder {
    /// Takes down the fields of view of the first eight sensors; one that cannot be said is left out.
    pub(crate) fn look_around(&mut self, sensors: &[SensorSpec]) {
        let Ok(here) = self.here else { return };
        let fields = sensors.iter().filter_map(|sensor| polygon(&here, sensor).ok()).take(MOST_REGIONS);
        let polygons: Vec<Polygon> = fields.collect();
        let bits = |polygon: &Polygon| LENGTH_BITS + polygon.0.iter().map(offset_bits).sum::<usize>();
        self.regions.bits = LENGTH_BITS + polygons.iter().map(bits).sum::<usize>();
        self.regions.wire = (!polygons.is_empty()).then_some(DetectedRegion(polygons));
    }
}

fn polygon(here: &Anchor, sensor: &SensorSpec) -> Result<Polygon, EncodeError> {
    let points = outline(sensor);
    points.into_iter().map(|point| here.offset("sensor_field_deg", point)).collect::<Result<_, _>>().map(Polygon)
}

/// The outline of a sensor's field of view, anticlockwise, never wider than the field: chords lie inside the far arc,
/// and outside the near one. The near limit of a sensor that sees all around is not told: a polygon has no hole.
fn outline(sensor: &SensorSpec) -> Vec<Point> {
    let (near_m, far_m) = sensor.range_m;
    let at = |angle: f64, range_m: f64| sensor.position + Vector::new(libm::cos(angle), libm::sin(angle)) * range_m;
    if sensor.half_fov_rad >= core::f64::consts::PI {
        let step = core::f64::consts::TAU / f64::from(CIRCLE_CHORDS);
        return (0..CIRCLE_CHORDS).map(|k| at(f64::from(k) * step, far_m)).collect();
    }
    let chords = |most_rad: f64| (2.0 * sensor.half_fov_rad / most_rad).ceil().clamp(1.0, 24.0);
    let arc = |chords: f64, range_m: f64| {
        let step = 2.0 * sensor.half_fov_rad / chords;
        let first = sensor.boresight.rad() - sensor.half_fov_rad;
        (0..=chords as u32).map(move |k| at(first + f64::from(k) * step, range_m))
    };
    // The near arc is metres across: a few chords will do, their middles on it.
    let few = chords(1.3);
    let touching_m = near_m / libm::cos(sensor.half_fov_rad / few);
    let mut near: Vec<Point> = arc(few, touching_m).collect();
    near.reverse();
    arc(chords(CHORD_RAD), far_m).chain(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_units::Yaw;
    use jxz_world::{SensorId, SensorKind};

    fn sensor(half_fov_deg: f64, boresight_deg: f64) -> SensorSpec {
        SensorSpec {
            id: SensorId("radar".to_owned()),
            kind: SensorKind::Radar,
            position: Point::new(40.0, -7.0),
            height_m: 6.0,
            boresight: Yaw::from_rad(f64::to_radians(boresight_deg)),
            half_fov_rad: half_fov_deg.to_radians(),
            range_m: (3.0, 180.0),
            range_sigma_m: 0.3,
            range_sigma_fraction: 0.0,
            azimuth_sigma_rad: 0.01,
            doppler_sigma_mps: None,
            detection_probability: 0.9,
            clutter_per_scan: 1.0,
            class_accuracy: None,
            period_s: 0.1,
        }
    }

    /// Twice the area that a closed line encloses, positive when it runs anticlockwise.
    fn doubled_area(points: &[Point]) -> f64 {
        let after = points.iter().cycle().skip(1);
        points.iter().zip(after).map(|(a, b)| a.x * b.y - b.x * a.y).sum()
    }

    #[test]
    fn an_outline_claims_nothing_that_the_sensor_does_not_see() {
        for (half_fov_deg, boresight_deg) in [(60.0, 0.0), (55.0, 170.0), (10.0, -95.0), (120.0, 30.0), (180.0, 0.0)] {
            let sensor = sensor(half_fov_deg, boresight_deg);
            let points = outline(&sensor);
            assert!((4..=32).contains(&points.len()), "{} points", points.len());
            for (a, b) in points.iter().zip(points.iter().cycle().skip(1)) {
                for k in 1..20 {
                    // A hair inwards, so that the limits themselves may round either way.
                    let edge = a + (b - a) * (f64::from(k) / 20.0);
                    let middle = sensor.position
                        + Vector::new(libm::cos(sensor.boresight.rad()), libm::sin(sensor.boresight.rad())) * 90.0;
                    let inside = edge + (middle - edge).normalize() * 1e-3;
                    assert!(sensor.sees(inside) || half_fov_deg > 90.0 && sensor.sees(edge), "{half_fov_deg}: {edge}");
                }
            }
            let field = half_fov_deg.to_radians() * (180.0_f64.powi(2) - 3.0_f64.powi(2));
            let claimed = doubled_area(&points) / 2.0;
            assert!((0.97..=1.001).contains(&(claimed / field)), "{half_fov_deg}: {}", claimed / field);
        }
    }
}

//! WGS 84 and the local transverse-Mercator frame.

use crate::{Near, Point};
use serde::{Deserialize, Serialize};

/// WGS 84 semi-major axis, metres.
const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// WGS 84 flattening.
const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// Geodetic position on WGS 84, degrees. China's shifted web-map coordinates (GCJ-02) are never used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Wgs84 {
    /// Latitude, degrees north.
    pub lat_deg: f64,
    /// Longitude, degrees east.
    pub lon_deg: f64,
}

/// Why a frame cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The origin is not a usable position.
    #[error("local frame origin {lat_deg}, {lon_deg} is outside latitude ±84 or longitude ±180 degrees")]
    Origin {
        /// Latitude given, degrees.
        lat_deg: f64,
        /// Longitude given, degrees.
        lon_deg: f64,
    },
}

/// A transverse-Mercator projection with its central meridian and origin at a chosen point, scale 1.
///
/// Krüger's series to the fourth order in the third flattening: better than a micrometre within
/// 100 km of the central meridian (Karney, *Transverse Mercator with an accuracy of a few nanometers*, 2011).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wgs84", into = "Wgs84")]
pub struct LocalFrame {
    origin: Wgs84,
    origin_northing_m: f64,
}

impl TryFrom<Wgs84> for LocalFrame {
    type Error = FrameError;
    fn try_from(origin: Wgs84) -> Result<Self, FrameError> {
        Self::new(origin)
    }
}

impl From<LocalFrame> for Wgs84 {
    fn from(frame: LocalFrame) -> Self {
        frame.origin
    }
}

impl LocalFrame {
    /// A frame whose (0, 0) is `origin` and whose y axis is the meridian through it.
    ///
    /// # Errors
    /// [`FrameError::Origin`] if the origin is not finite, beyond 84 degrees of latitude or 180 of longitude.
    pub fn new(origin: Wgs84) -> Result<Self, FrameError> {
        let (lat_deg, lon_deg) = (origin.lat_deg, origin.lon_deg);
        if lat_deg.is_finite() && lon_deg.is_finite() && lat_deg.abs() <= 84.0 && lon_deg.abs() <= 180.0 {
            let (_, origin_northing_m) = project(lat_deg.to_radians(), 0.0);
            Ok(Self { origin, origin_northing_m })
        } else {
            Err(FrameError::Origin { lat_deg, lon_deg })
        }
    }

    /// The geodetic position of (0, 0).
    #[must_use]
    pub const fn origin(&self) -> Wgs84 {
        self.origin
    }

    /// Local metres of a geodetic position.
    #[must_use]
    pub fn to_local(&self, position: Wgs84) -> Point {
        let (east, north) =
            project(position.lat_deg.to_radians(), (position.lon_deg - self.origin.lon_deg).to_radians());
        Point::new(east, north - self.origin_northing_m)
    }

    /// Geodetic position of local metres.
    #[must_use]
    pub fn to_wgs84(&self, point: Point) -> Wgs84 {
        let (lat, lon) = unproject(point.x, point.y + self.origin_northing_m);
        Wgs84 { lat_deg: lat.to_degrees(), lon_deg: self.origin.lon_deg + lon.to_degrees() }
    }

    /// The way back to WGS 84 around a point, for many positions near it.
    #[must_use]
    pub fn near(&self, centre: Point) -> Near {
        Near::of(self, centre)
    }
}

/// Third flattening, rectifying radius, and the series coefficients forward (α) and back (β), to n⁴.
fn series() -> (f64, f64, [f64; 4], [f64; 4]) {
    let n = FLATTENING / (2.0 - FLATTENING);
    let (n2, n3, n4) = (n * n, n * n * n, n * n * n * n);
    let rectifying_m = SEMI_MAJOR_M / (1.0 + n) * (1.0 + n2 / 4.0 + n4 / 64.0);
    let alpha = [
        n / 2.0 - 2.0 / 3.0 * n2 + 5.0 / 16.0 * n3 + 41.0 / 180.0 * n4,
        13.0 / 48.0 * n2 - 3.0 / 5.0 * n3 + 557.0 / 1440.0 * n4,
        61.0 / 240.0 * n3 - 103.0 / 140.0 * n4,
        49_561.0 / 161_280.0 * n4,
    ];
    let beta = [
        n / 2.0 - 2.0 / 3.0 * n2 + 37.0 / 96.0 * n3 - n4 / 360.0,
        n2 / 48.0 + n3 / 15.0 - 437.0 / 1440.0 * n4,
        17.0 / 480.0 * n3 - 37.0 / 840.0 * n4,
        4397.0 / 161_280.0 * n4,
    ];
    (n, rectifying_m, alpha, beta)
}

/// Latitude and longitude difference from the central meridian (radians) to easting and northing (metres).
fn project(lat: f64, dlon: f64) -> (f64, f64) {
    let (n, rectifying_m, alpha, _) = series();
    let k = 2.0 * n.sqrt() / (1.0 + n);
    let t = libm::sinh(libm::atanh(libm::sin(lat)) - k * libm::atanh(k * libm::sin(lat)));
    let xi = libm::atan2(t, libm::cos(dlon));
    let eta = libm::atanh(libm::sin(dlon) / (1.0 + t * t).sqrt());
    let (mut x, mut y) = (eta, xi);
    for (j, a) in alpha.into_iter().enumerate() {
        let m = 2.0 * (j as f64 + 1.0);
        x += a * libm::cos(m * xi) * libm::sinh(m * eta);
        y += a * libm::sin(m * xi) * libm::cosh(m * eta);
    }
    (rectifying_m * x, rectifying_m * y)
}

/// The inverse of [`project`].
fn unproject(east_m: f64, north_m: f64) -> (f64, f64) {
    let (n, rectifying_m, _, beta) = series();
    let (xi, eta) = (north_m / rectifying_m, east_m / rectifying_m);
    let (mut xi_p, mut eta_p) = (xi, eta);
    for (j, b) in beta.into_iter().enumerate() {
        let m = 2.0 * (j as f64 + 1.0);
        xi_p -= b * libm::sin(m * xi) * libm::cosh(m * eta);
        eta_p -= b * libm::cos(m * xi) * libm::sinh(m * eta);
    }
    let dlon = libm::atan2(libm::sinh(eta_p), libm::cos(xi_p));
    // Conformal to geodetic latitude by Newton-like iteration on the isometric latitude; three rounds reach 1e-15.
    let psi = libm::atanh((libm::sin(xi_p) / libm::cosh(eta_p)).clamp(-1.0, 1.0));
    let k = 2.0 * n.sqrt() / (1.0 + n);
    let mut sin_lat = libm::tanh(psi);
    for _ in 0..6 {
        sin_lat = libm::tanh(psi + k * libm::atanh(k * sin_lat));
    }
    (libm::asin(sin_lat), dlon)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> LocalFrame {
        LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap()
    }

    #[test]
    fn there_and_back_is_exact_to_a_micrometre() {
        let frame = frame();
        for (east, north) in [(0.0, 0.0), (1234.5, -4321.0), (-9000.0, 12000.0), (50_000.0, 30_000.0)] {
            let back = frame.to_local(frame.to_wgs84(Point::new(east, north)));
            assert!((back - Point::new(east, north)).norm() < 1e-6, "{east},{north} -> {back}");
        }
    }

    #[test]
    fn local_distances_match_the_ellipsoid_around_the_origin() {
        // Radii of curvature of WGS 84 at 32.03° N, from their closed forms.
        let e2 = FLATTENING * (2.0 - FLATTENING);
        let s = libm::sin(32.03_f64.to_radians());
        let w = (1.0 - e2 * s * s).sqrt();
        let (meridian_m, prime_vertical_m) = (SEMI_MAJOR_M * (1.0 - e2) / w.powi(3), SEMI_MAJOR_M / w);
        let step = 1e-4_f64;
        let north = frame().to_local(Wgs84 { lat_deg: 32.03 + step, lon_deg: 118.7 });
        assert!((north.y - meridian_m * step.to_radians()).abs() < 1e-4 && north.x.abs() < 1e-9);
        let east = frame().to_local(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 + step });
        assert!((east.x - prime_vertical_m * libm::cos(32.03_f64.to_radians()) * step.to_radians()).abs() < 1e-4);
    }

    #[test]
    fn an_impossible_origin_is_refused() {
        assert!(LocalFrame::new(Wgs84 { lat_deg: f64::NAN, lon_deg: 0.0 }).is_err());
        assert!(LocalFrame::new(Wgs84 { lat_deg: 90.0, lon_deg: 0.0 }).is_err());
    }
}

//! Where the sun stands.

use core::f64::consts::TAU;
use jxz_geo::Wgs84;
use jxz_units::Utc;

/// Noon UTC of 1 January 2000, in seconds of Unix time.
const J2000_S: f64 = 946_728_000.0;

/// The sun as seen from a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sun {
    /// Clockwise from north, radians.
    pub(crate) azimuth_rad: f64,
    /// Above the horizon, without refraction, radians.
    pub(crate) elevation_rad: f64,
}

impl Sun {
    /// The Astronomical Almanac's short formula (Michalsky, Solar Energy 40(3), 1988), within 0.01 degree until 2050.
    pub(crate) fn at(place: Wgs84, utc: Utc) -> Self {
        let days = (utc.unix_ns() as f64 * 1e-9 - J2000_S) / 86_400.0;
        let mean_longitude = 280.460 + 0.985_647_4 * days;
        let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
        let longitude = (mean_longitude + 1.915 * libm::sin(anomaly) + 0.020 * libm::sin(2.0 * anomaly)).to_radians();
        let obliquity = (23.439 - 4e-7 * days).to_radians();
        let right_ascension = libm::atan2(libm::cos(obliquity) * libm::sin(longitude), libm::cos(longitude));
        let declination = libm::asin(libm::sin(obliquity) * libm::sin(longitude));
        // Greenwich mean sidereal time, hours, of which a day has 24.0657.
        let sidereal_h = 18.697_374_558 + 24.065_709_824_419_08 * days;
        let hour_angle = sidereal_h * TAU / 24.0 + place.lon_deg.to_radians() - right_ascension;
        let (sin_hour, cos_hour) = libm::sincos(hour_angle);
        let (sin_lat, cos_lat) = libm::sincos(place.lat_deg.to_radians());
        let (sin_dec, cos_dec) = libm::sincos(declination);
        let elevation_rad = libm::asin(sin_lat * sin_dec + cos_lat * cos_dec * cos_hour);
        let azimuth = libm::atan2(-sin_hour * cos_dec, cos_lat * sin_dec - sin_lat * cos_dec * cos_hour);
        Self { azimuth_rad: azimuth.rem_euclid(TAU), elevation_rad }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_where_the_solar_position_algorithm_says() {
        // The example of Reda and Andreas, NREL/TP-560-34302: 17 October 2003, 12:30:30 seven hours west of Greenwich.
        let place = Wgs84 { lat_deg: 39.742_476, lon_deg: -105.178_6 };
        let sun = Sun::at(place, Utc::from_unix_ms(1_066_419_030_000));
        let (azimuth, zenith) = (sun.azimuth_rad.to_degrees(), 90.0 - sun.elevation_rad.to_degrees());
        // Their zenith angle has 0.02 degrees of refraction.
        assert!((azimuth - 194.340_24).abs() < 0.02 && (zenith - 50.111_62).abs() < 0.04, "{azimuth} {zenith}");
    }

    #[test]
    fn in_nanjing_it_rises_in_the_east_and_sets_in_the_west() {
        let nanjing = Wgs84 { lat_deg: 32.05, lon_deg: 118.71 };
        // 21 June 2026 in China, by the hour.
        let at = |h: f64| Sun::at(nanjing, Utc::from_unix_ms(1_781_971_200_000).plus_seconds(h * 3600.0));
        assert!((at(12.12).elevation_rad.to_degrees() - (90.0 - 32.05 + 23.44)).abs() < 0.1, "{:?}", at(12.12));
        let (morning, evening) = (at(5.5), at(18.5));
        assert!((60.0..80.0).contains(&morning.azimuth_rad.to_degrees()), "{morning:?}");
        assert!((280.0..300.0).contains(&evening.azimuth_rad.to_degrees()), "{evening:?}");
        assert!((0.0..0.2).contains(&morning.elevation_rad) && (0.0..0.2).contains(&evening.elevation_rad));
    }
}

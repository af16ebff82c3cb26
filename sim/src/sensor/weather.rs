//! What the weather does to radars and cameras.

use super::sun::Sun;
use crate::scenario::{Light, WeatherPlan};
use jxz_geo::Wgs84;
use jxz_units::Utc;

/// Contrast of a road user against the road where the air is clear, and of one that is not lit at night.
const CONTRAST: f64 = 0.5;
const UNLIT_CONTRAST: f64 = 0.25;
/// Contrast at which every second is detected.
const NEEDED_CONTRAST: f64 = 0.1;
/// The meteorological visibility is where contrast has fallen to 5 % (WMO guide no. 8): exp(-3).
const VISIBILITY_EXTINCTIONS: f64 = 3.0;
/// Extinction of light by rain, 1/m at 1 mm/h, and its power (Atlas, Quarterly Journal RMS 79, 1953).
const RAIN_EXTINCTION: f64 = 0.000_31;
const RAIN_EXTINCTION_POWER: f64 = 0.63;
/// Attenuation of 77 GHz by rain, dB/km at 1 mm/h, and its power (ITU-R P.838-3, horizontal).
const RAIN_DB_PER_KM: f64 = 1.132;
const RAIN_DB_POWER: f64 = 0.718;
/// Decibels to nepers of power.
const NEPERS_PER_DB: f64 = core::f64::consts::LN_10 / 10.0;
/// False echoes of rain a scan, at 1 mm/h.
const RAIN_ECHOES: f64 = 0.06;
/// Drops on a camera's glass: of what it would see, the share that they hide at most, and the rain by which most of it.
const DROPS_HIDE: f64 = 0.2;
const DROPS_MM_H: f64 = 20.0;
/// Above this the sun is by day, below the other (civil twilight) it is night, radians.
const DAY_RAD: f64 = 3.0 * core::f64::consts::PI / 180.0;
const NIGHT_RAD: f64 = -6.0 * core::f64::consts::PI / 180.0;
/// Sun on a face turned to it outside the air, lux, its extinction by one air mass, and the sky's light on the ground.
const SUN_LUX: f64 = 128_000.0;
const AIR_MASS_EXTINCTION: f64 = 0.21;
const SKY_LUX: f64 = 10_000.0;
/// What the road reflects.
const ALBEDO: f64 = 0.2;
/// A veil, cd/m², of one lux from one degree: Stiles and Holladay's 10 for an eye, and a dusty dome scatters four times
/// as much.
const VEIL: f64 = 40.0;
/// Nearer to the sun than this the veil grows no more, degrees.
const NEAREST_DEG: f64 = 1.5;
/// A sun higher than this dazzles nobody who looks down at a road, radians.
const HIGH_RAD: f64 = 35.0 * core::f64::consts::PI / 180.0;
/// Rain from which, and visibility up to which, the sun is hidden.
const OVERCAST_MM_H: f64 = 0.2;
const MURKY_M: f64 = 2_000.0;

/// The weather at a moment and place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    pub(super) rain_mm_h: f64,
    pub(super) light: Light,
    visibility_m: f64,
    extinction_per_m: f64,
    /// Of radar power, there and back.
    attenuation_per_m: f64,
    pub(super) drops_hide: f64,
    glare: Option<Glare>,
}

/// A low sun.
#[derive(Debug, Clone, Copy)]
struct Glare {
    /// Unit vector to the sun: east, north, up.
    to: [f64; 3],
    /// Illuminance of a lens turned to it, lux, over the luminance of the road, cd/m².
    lux_per_luminance: f64,
}

impl Conditions {
    /// The plan's weather at a time, `time_s` after the start.
    pub(crate) fn of(plan: &WeatherPlan, place: Wgs84, utc: Utc, time_s: f64) -> Self {
        let (rain_mm_h, visibility_m, light) = plan.at(time_s);
        let asks = plan.glare || light == Light::Clock;
        let sun = asks.then(|| match (plan.sun_azimuth_deg, plan.sun_elevation_deg) {
            (Some(azimuth), Some(elevation)) => {
                Sun { azimuth_rad: azimuth.to_radians(), elevation_rad: elevation.to_radians() }
            }
            _ => Sun::at(place, utc),
        });
        let light = match (light, sun) {
            (Light::Clock, Some(sun)) if sun.elevation_rad < NIGHT_RAD => Light::Night,
            (Light::Clock, Some(sun)) if sun.elevation_rad < DAY_RAD => Light::Dusk,
            (Light::Clock, _) => Light::Day,
            (light, _) => light,
        };
        let shines = plan.glare && rain_mm_h < OVERCAST_MM_H && visibility_m > MURKY_M;
        let mut conditions = Self {
            rain_mm_h,
            light,
            visibility_m,
            extinction_per_m: 0.0,
            attenuation_per_m: 0.0,
            drops_hide: 0.0,
            glare: sun.filter(|_| shines).and_then(Glare::of),
        };
        conditions.extinguish();
        conditions
    }

    /// The same with fog around.
    pub(crate) fn in_fog(mut self, visibility_m: f64) -> Self {
        if visibility_m < self.visibility_m {
            self.visibility_m = visibility_m;
            self.glare = None;
            self.extinguish();
        }
        self
    }

    fn extinguish(&mut self) {
        self.extinction_per_m = VISIBILITY_EXTINCTIONS / self.visibility_m;
        if self.rain_mm_h > 0.0 {
            self.extinction_per_m += RAIN_EXTINCTION * libm::pow(self.rain_mm_h, RAIN_EXTINCTION_POWER);
            let db_per_m = 1e-3 * RAIN_DB_PER_KM * libm::pow(self.rain_mm_h, RAIN_DB_POWER);
            self.attenuation_per_m = 2.0 * db_per_m * NEPERS_PER_DB;
            self.drops_hide = DROPS_HIDE * (1.0 - libm::exp(-self.rain_mm_h / DROPS_MM_H));
        }
    }

    /// What is left of a radar's power from a range and back, 0 to 1.
    pub(super) fn radar_share(&self, range_m: f64) -> f64 {
        if self.attenuation_per_m > 0.0 { libm::exp(-self.attenuation_per_m * range_m) } else { 1.0 }
    }

    /// Mean number of rain's own echoes a scan.
    pub(super) fn rain_echoes(&self) -> f64 {
        RAIN_ECHOES * self.rain_mm_h
    }

    /// How much of its detections contrast leaves a camera, 0 to 1, of a road user in a direction (unit vector on the
    /// ground, `drop` its fall over a metre).
    pub(super) fn contrast_share(&self, range_m: f64, towards: (f64, f64), drop: f64, lit: bool) -> f64 {
        let mut contrast = if lit { CONTRAST } else { UNLIT_CONTRAST };
        let extinctions = self.extinction_per_m * range_m;
        if extinctions > 0.03 {
            // Koschmieder's law.
            contrast *= libm::exp(-extinctions);
        }
        if let Some(glare) = &self.glare {
            contrast /= 1.0 + glare.veil(towards, drop);
        }
        let short = (NEEDED_CONTRAST / contrast).powi(2);
        1.0 / (1.0 + short * short)
    }
}

impl Glare {
    fn of(sun: Sun) -> Option<Self> {
        if !(0.0..HIGH_RAD).contains(&sun.elevation_rad) {
            return None;
        }
        let (sin, cos) = libm::sincos(sun.elevation_rad);
        let (sin_azimuth, cos_azimuth) = libm::sincos(sun.azimuth_rad);
        // Kasten and Young's air mass (Applied Optics 28, 1989).
        let air_mass = 1.0 / (sin + 0.505_72 * libm::pow(sun.elevation_rad.to_degrees() + 6.079_95, -1.636_4));
        let lux = SUN_LUX * libm::exp(-AIR_MASS_EXTINCTION * air_mass);
        let luminance = ALBEDO * (lux * sin + SKY_LUX) / core::f64::consts::PI;
        Some(Self { to: [cos * sin_azimuth, cos * cos_azimuth, sin], lux_per_luminance: lux / luminance })
    }

    /// The veil over what lies in a direction, over the road's own luminance.
    fn veil(&self, towards: (f64, f64), drop: f64) -> f64 {
        let length = (1.0 + drop * drop).sqrt();
        let cosine = (self.to[0] * towards.0 + self.to[1] * towards.1 - self.to[2] * drop) / length;
        if cosine <= 0.0 {
            return 0.0;
        }
        let degrees = libm::acos(cosine.min(1.0)).to_degrees().max(NEAREST_DEG);
        VEIL * cosine * self.lux_per_luminance / (degrees * degrees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANJING: Wgs84 = Wgs84 { lat_deg: 32.05, lon_deg: 118.71 };

    fn weather(toml: &str, china_h: f64) -> Conditions {
        // 21 June 2026 in China.
        let utc = Utc::from_unix_ms(1_781_971_200_000).plus_seconds(china_h * 3600.0);
        Conditions::of(&toml::from_str(toml).unwrap(), NANJING, utc, 0.0)
    }

    #[test]
    fn by_the_clock_it_is_day_dusk_or_night() {
        for (hour, light) in [(12.0, Light::Day), (19.25, Light::Dusk), (23.0, Light::Night), (4.85, Light::Dusk)] {
            assert_eq!(weather("light = 'clock'", hour).light, light, "{hour} h");
        }
        assert_eq!(weather("", 23.0).light, Light::Day, "by default the clock does not matter");
    }

    #[test]
    fn heavy_rain_takes_from_a_radar_what_the_recommendation_says() {
        // 25 mm/h: 11.4 dB/km, so 3.4 dB to 150 m and back.
        let share = weather("rain_mm_h = 25", 12.0).radar_share(150.0);
        assert!((10.0 * libm::log10(share) + 3.42).abs() < 0.05, "{share}");
        assert!(weather("visibility_m = 50", 12.0).radar_share(150.0) >= 1.0, "fog takes nothing");
    }

    #[test]
    fn fog_and_the_sun_take_contrast_and_only_where_they_are() {
        let fog = weather("visibility_m = 100", 12.0);
        let share = |c: &Conditions, range_m, towards| c.contrast_share(range_m, towards, 0.1, true);
        assert!(share(&fog, 20.0, (1.0, 0.0)) > 0.95 && share(&fog, 100.0, (1.0, 0.0)) < 0.1);
        let low = weather("glare = true\nsun_azimuth_deg = 90\nsun_elevation_deg = 4", 12.0);
        assert!(share(&low, 60.0, (1.0, 0.0)) < 0.5, "towards the sun: {}", share(&low, 60.0, (1.0, 0.0)));
        assert!(share(&low, 60.0, (0.0, 1.0)) > 0.97 && share(&low, 60.0, (-1.0, 0.0)) > 0.99);
        let rainy = weather("glare = true\nrain_mm_h = 2\nsun_azimuth_deg = 90\nsun_elevation_deg = 4", 12.0);
        assert!(share(&rainy, 60.0, (1.0, 0.0)) > 0.95, "no sun through rain clouds");
        assert!(share(&weather("glare = true", 12.0), 60.0, (1.0, 0.0)) > 0.99, "nor from above");
    }

    #[test]
    fn changes_come_at_their_times_and_leave_the_rest() {
        let plan: WeatherPlan = toml::from_str(
            "rain_mm_h = 3\n[[changes]]\nat_s = 10\nlight = 'night'\n[[changes]]\nat_s = 20\nrain_mm_h = 0",
        )
        .unwrap();
        assert_eq!(plan.at(9.9), (3.0, 20_000.0, Light::Day));
        assert_eq!(plan.at(10.0), (3.0, 20_000.0, Light::Night));
        assert_eq!(plan.at(25.0), (0.0, 20_000.0, Light::Night));
    }
}

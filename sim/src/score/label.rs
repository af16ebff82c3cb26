//! What kind of conflict a pair had.

use crate::outline::Outline;
use jxz_world::{Application, WarningKind};

/// Directions that differ by less than this are one way, by more than the second head-on, degrees.
const ONE_WAY_DEG: f64 = 30.0;
const HEAD_ON_DEG: f64 = 150.0;
/// A vehicle that turned by more than this turned off, degrees.
const TURN_DEG: f64 = 30.0;
/// Beside one another are those whose middles are farther aside than this, metres.
const BESIDE_M: f64 = 1.6;

/// One side of a conflict: where it was some seconds before, and at the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) is_motor: bool,
    pub(super) before: Outline,
    pub(super) then: Outline,
}

impl Side {
    /// How far it turned to the left between, degrees.
    fn turned_deg(&self) -> f64 {
        angle_deg(&self.before, &self.then)
    }
}

/// From one's direction to the other's, degrees, to the left above zero.
fn angle_deg(from: &Outline, to: &Outline) -> f64 {
    libm::atan2(from.along.perp(&to.along), from.along.dot(&to.along)).to_degrees()
}

/// The application that such a conflict belongs to.
pub(super) fn application(a: &Side, b: &Side) -> Application {
    if !(a.is_motor && b.is_motor) {
        return Application::Vrucw;
    }
    let before_deg = angle_deg(&a.before, &b.before).abs();
    let turns_left = |side: &Side| side.turned_deg() > TURN_DEG;
    if before_deg > HEAD_ON_DEG {
        return if turns_left(a) || turns_left(b) { Application::Lta } else { Application::Dnpw };
    }
    if before_deg > ONE_WAY_DEG {
        return Application::Icw;
    }
    let aside_m = a.before.along.perp(&(b.before.centre - a.before.centre)).abs();
    if aside_m > BESIDE_M { Application::Bsw } else { Application::Fcw }
}

/// The applications of which any is a warning of such a conflict: what a driver is told is that somebody is in the way.
pub(super) const fn family(application: Application) -> &'static [Application] {
    use Application as A;
    match application.kind() {
        WarningKind::Collision => {
            &[A::Fcw, A::Icw, A::Lta, A::Bsw, A::Dnpw, A::Clw, A::WrongWay, A::Ebw, A::Avw, A::Svw, A::Hlw]
        }
        WarningKind::Pedestrian => &[A::Vrucw],
        _ => match application {
            A::Slw => &[A::Slw],
            A::LeadSpeed => &[A::LeadSpeed, A::Fcw, A::Ebw],
            A::Ebw => &[A::Ebw, A::Fcw],
            A::Avw => &[A::Avw, A::Hlw],
            A::Hlw => &[A::Hlw],
            A::Tjw => &[A::Tjw],
            A::RoadWorks => &[A::RoadWorks],
            A::Ivs => &[A::Ivs],
            A::Svw => &[A::Svw],
            A::Glosa => &[A::Glosa],
            A::Evw => &[A::Evw],
            _ => &[A::Guidance],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_geo::{Point, Vector};

    fn outline(x: f64, y: f64, deg: f64) -> Outline {
        let along = Vector::new(libm::cos(deg.to_radians()), libm::sin(deg.to_radians()));
        Outline { centre: Point::new(x, y), along, half_m: (2.0, 1.0), velocity: along * 10.0 }
    }

    fn motor(before: Outline, then: Outline) -> Side {
        Side { is_motor: true, before, then }
    }

    #[test]
    fn conflicts_are_told_apart_by_where_both_came_from() {
        let east = motor(outline(-30.0, 0.0, 0.0), outline(0.0, 0.0, 0.0));
        for (other, expected) in [
            (motor(outline(0.0, -30.0, 90.0), outline(0.0, 0.0, 90.0)), Application::Icw),
            (motor(outline(30.0, 3.0, 180.0), outline(1.0, 0.0, 240.0)), Application::Lta),
            (motor(outline(30.0, 0.5, 180.0), outline(4.0, 0.5, 180.0)), Application::Dnpw),
            (motor(outline(-12.0, 0.2, 0.0), outline(4.0, 0.0, 0.0)), Application::Fcw),
            (motor(outline(-30.0, 3.2, 0.0), outline(1.0, 1.5, -6.0)), Application::Bsw),
            (Side { is_motor: false, ..east }, Application::Vrucw),
        ] {
            assert_eq!((application(&east, &other), application(&other, &east)), (expected, expected));
        }
    }

    #[test]
    fn every_application_is_in_its_own_family() {
        assert!(Application::ALL.into_iter().all(|application| family(application).contains(&application)));
    }
}

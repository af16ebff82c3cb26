//! On-board units: they say where their vehicle is, and show its driver the warnings that concern it.

use crate::envelope::{BSM, EnrolError, FleetSecurity};
use crate::gnss::{Receiver, Sky};
use crate::radio::Channel;
use crate::rng::{Purpose, Seed, Stream, normal};
use crate::scenario::OnBoardPlan;
use crate::simulation::STEP;
use crate::truth::TruthObject;
use jxz_geo::{LocalFrame, Point, Polyline};
use jxz_security::{PseudonymError, PseudonymPool, SignError};
use jxz_units::{Heading, Now, Utc, wrap_pi};
use jxz_v2x::{Audience, EncodeError, MsgCount, Notice, OnBoardState, Received, ReceivedWarning, RsiCode, encode_bsm};
use jxz_world::{
    Application, Cause, DropCause, Drops, LatencyBook, LatencyStage, Level, VehicleDetails, VehicleId, WarningId,
    WarningKind, WarningStage,
};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Warnings that one unit remembers; the one that ends first is forgotten first.
const MEMORY: usize = 256;
/// For how long after its end a warning is remembered, so that a late copy is known, seconds.
const REMEMBER_S: f64 = 10.0;
/// A path concerns those who drive along it within this angle, radians.
const ALONG_RAD: f64 = 0.8;

/// A vehicle's own message.
#[derive(Debug, Clone, PartialEq)]
pub struct VehicleMessage {
    /// Who sends it.
    pub vehicle: VehicleId,
    /// Its number among the road users: for the channel, not for the receiver.
    pub road_user: u64,
    /// Where it really is, local frame: for the channel, not for the receiver.
    pub position: Point,
    /// BSM frame in unaligned PER, in its envelope if messages are signed.
    pub bytes: Vec<u8>,
}

/// A warning that was shown to a driver, or that came again by the other channel while it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// To whose driver.
    pub vehicle: VehicleId,
    /// What raised it.
    pub application: Application,
    /// How pressing it is.
    pub level: Level,
    /// Its number.
    pub id: WarningId,
    /// Its revision.
    pub revision: u32,
    /// How it came.
    pub channel: Channel,
    /// Whether it is new to the driver (else only new on this channel).
    pub first: bool,
    /// From the instant of sensing to this instant, seconds.
    pub delay_s: f64,
    /// Why it was raised.
    pub cause: Cause,
}

/// How many by channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ByChannel {
    /// Over 5G.
    pub uu: u64,
    /// Over the sidelink.
    pub pc5: u64,
}

impl ByChannel {
    pub(crate) fn count(&mut self, channel: Channel) {
        match channel {
            Channel::Uu => self.uu += 1,
            Channel::Pc5 => self.pc5 += 1,
        }
    }

    /// Adds another's.
    pub(crate) fn add(&mut self, other: Self) {
        self.uu += other.uu;
        self.pc5 += other.pc5;
    }
}

/// What all units together received and showed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OnBoardTotals {
    /// Messages received.
    pub received: ByChannel,
    /// Vehicles and warnings, by kind: each pair counts once on each channel by which the warning came while relevant.
    pub warnings: BTreeMap<WarningKind, ByChannel>,
    /// Warnings received that concern others.
    pub for_others: u64,
    /// Warnings received after their end.
    pub expired: u64,
    /// What was not shown though it might concern the vehicle, and why.
    pub drops: Drops,
    /// From sensing to the first showing of each revision.
    pub latencies: LatencyBook,
}

/// What a unit remembers of a warning.
#[derive(Debug, Clone)]
struct Known {
    revision: u32,
    uu: bool,
    pc5: bool,
    ends: Utc,
}

/// Why a message could not be made.
#[derive(Debug, thiserror::Error)]
enum SealError {
    #[error("no pseudonym to sign with")]
    NoPseudonyms,
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Pseudonym(#[from] PseudonymError),
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Accuracy is told in steps of this, metres; rounded up, so that nobody claims more than is true.
const SIGMA_STEP_M: f64 = 0.05;

/// What is the same for all units.
pub(crate) struct Surroundings<'a> {
    pub(crate) frame: &'a LocalFrame,
    pub(crate) sky: &'a Sky,
    pub(crate) plan: &'a OnBoardPlan,
}

/// One vehicle's unit.
#[derive(Debug)]
pub(crate) struct OnBoardUnit {
    pub(crate) vehicle: VehicleId,
    /// Its id before the last change of pseudonym: warnings on their way may still be addressed to it.
    before: Option<VehicleId>,
    pseudonyms: Option<PseudonymPool>,
    /// A unit that must sign and cannot is silent.
    must_sign: bool,
    count: MsgCount,
    stream: Stream,
    /// Steps between messages, and which of them is its own.
    phase: u64,
    receiver: Receiver,
    at: Point,
    heading: Option<Heading>,
    /// What the vehicle says beside its motion.
    pub(crate) details: VehicleDetails,
    known: BTreeMap<WarningId, Known>,
}

impl OnBoardUnit {
    pub(crate) fn new(seed: Seed, number: u64, plan: &OnBoardPlan) -> Self {
        let mut stream = seed.stream(Purpose::OnBoardUnit, number);
        let vehicle = VehicleId(stream.random());
        let count = MsgCount::new(stream.random::<u8>());
        let phase = stream.random::<u64>();
        let receiver = Receiver::new(seed, number, &plan.gnss);
        let (before, pseudonyms) = (None, None);
        Self {
            vehicle,
            before,
            pseudonyms,
            must_sign: false,
            count,
            stream,
            phase,
            receiver,
            at: Point::origin(),
            heading: None,
            details: VehicleDetails::default(),
            known: BTreeMap::new(),
        }
    }

    /// Takes its pseudonyms.
    pub(crate) fn enrol(&mut self, security: &FleetSecurity, now: Now) -> Result<(), EnrolError> {
        self.must_sign = true;
        self.pseudonyms = Some(security.enrol(&mut self.stream, now)?);
        self.change_pseudonym(now)?;
        self.before = None;
        Ok(())
    }

    /// Changes the pseudonym if it is time: certificate, id and message count together.
    fn change_pseudonym(&mut self, now: Now) -> Result<(), PseudonymError> {
        let Some(pool) = &mut self.pseudonyms else { return Ok(()) };
        if let (_, Some(rotation)) = pool.current(now)? {
            self.before = Some(self.vehicle);
            self.vehicle = VehicleId(rotation.temporary_id);
            self.count = MsgCount::new(rotation.first_count);
        }
        Ok(())
    }

    /// The message in its envelope, if messages are signed.
    fn seal(&mut self, now: Now, message: Vec<u8>) -> Result<Vec<u8>, SealError> {
        match &mut self.pseudonyms {
            None if self.must_sign => Err(SealError::NoPseudonyms),
            None => Ok(message),
            Some(pool) => Ok(pool.current(now)?.0.sign(now, BSM, &message)?),
        }
    }

    /// Takes down where the receiver believes to be; every second step, a message.
    pub(crate) fn observe(
        &mut self,
        truth: &TruthObject,
        now: Now,
        step: u64,
        surroundings: &Surroundings<'_>,
        drops: &mut Drops,
    ) -> Option<VehicleMessage> {
        self.receiver.step(surroundings.sky.hidden(truth.position), STEP.as_secs_f64());
        self.at = truth.position + self.receiver.error();
        let plan = surroundings.plan;
        let speed_mps = (truth.velocity.norm() + plan.speed_sigma_mps * normal(&mut self.stream)).max(0.0);
        let turn_rad = 0.01 * normal(&mut self.stream);
        // A receiver's course says nothing while it stands: the last one is kept.
        if truth.velocity.norm() > 1.2 || self.heading.is_none() {
            self.heading = Some(jxz_units::Yaw::from_rad(truth.yaw.rad() + turn_rad).to_heading());
        }
        if !(step + self.phase).is_multiple_of(2) {
            return None;
        }
        if self.change_pseudonym(now).is_err() {
            drops.count(DropCause::EncodeFailed);
            return None;
        }
        let state = OnBoardState {
            vehicle: self.vehicle,
            valid_at: now.utc,
            position: self.at,
            position_sigma_m: Some((self.receiver.sigma_m() / SIGMA_STEP_M).ceil() * SIGMA_STEP_M),
            speed_mps: Some(speed_mps),
            heading: self.heading,
            acceleration_mps2: Some(truth.acceleration_mps2),
            extent_m: Some(truth.extent_m),
            details: self.details,
        };
        let message = encode_bsm(surroundings.frame, plan.profile, &state, self.count.take()).map_err(SealError::from);
        match message.and_then(|message| self.seal(now, message)) {
            Ok(bytes) => {
                Some(VehicleMessage { vehicle: self.vehicle, road_user: truth.id, position: truth.position, bytes })
            }
            Err(_) => {
                drops.count(DropCause::EncodeFailed);
                None
            }
        }
    }

    /// Takes what a channel delivered: shows what concerns the driver and is new, counts the rest by cause.
    pub(crate) fn receive(
        &mut self,
        channel: Channel,
        now: Utc,
        received: &Received,
        totals: &mut OnBoardTotals,
        shown: &mut Vec<Shown>,
    ) {
        let Received::Rsi(rsi) = received else { return };
        for warning in &rsi.warnings {
            let Some(notice) = &warning.notice else {
                // A sign that always stands is for the display: nothing is dropped.
                if !matches!(warning.code, RsiCode::Sign(_)) {
                    totals.drops.count(DropCause::RadioIrrelevant);
                }
                continue;
            };
            if notice.stage == WarningStage::Cancelled {
                // Not forgotten: a late copy of an earlier revision must not bring it back.
                if let Some(known) = self.known.get_mut(&notice.id) {
                    known.revision = known.revision.max(notice.revision);
                }
            } else if !self.concerns(warning, notice) {
                totals.for_others += 1;
            } else if notice.valid_until < now {
                totals.expired += 1;
            } else {
                shown.extend(self.show(channel, now, notice, totals));
            }
        }
    }

    /// Whether a warning is for this vehicle: addressed to it, or for everyone on a path that it is on.
    fn concerns(&self, warning: &ReceivedWarning, notice: &Notice) -> bool {
        match &notice.audience {
            Audience::Vehicles(vehicles) => {
                let me = |id: &VehicleId| *id == self.vehicle || Some(*id) == self.before;
                vehicles.iter().any(me)
            }
            Audience::Everyone => warning.paths.iter().any(|(points, radius_m)| self.is_on(points, *radius_m)),
        }
    }

    fn is_on(&self, points: &[Point], radius_m: f64) -> bool {
        let (Ok(path), Some(heading)) = (Polyline::new(points.to_vec()), self.heading) else { return false };
        let foot = path.project(self.at);
        let turn_rad = wrap_pi(path.yaw_at(foot.s_m).rad() - heading.to_yaw().rad()).abs();
        foot.distance_m <= radius_m && turn_rad < ALONG_RAD
    }

    fn show(&mut self, channel: Channel, now: Utc, notice: &Notice, totals: &mut OnBoardTotals) -> Option<Shown> {
        if !self.known.contains_key(&notice.id) {
            self.make_room(now);
        }
        let fresh = Known { revision: 0, uu: false, pc5: false, ends: notice.valid_until };
        let met = self.known.contains_key(&notice.id);
        let known = self.known.entry(notice.id).or_insert(fresh);
        let newer = !met || notice.revision > known.revision;
        let here = match channel {
            Channel::Uu => &mut known.uu,
            Channel::Pc5 => &mut known.pc5,
        };
        let new_here = !core::mem::replace(here, true);
        if new_here {
            totals.warnings.entry(notice.kind()).or_default().count(channel);
        }
        let delay_s = now.seconds_since(notice.sensed_at);
        if newer {
            known.revision = notice.revision;
            known.ends = notice.valid_until;
            totals.latencies.record_s(LatencyStage::SensingToVehicle, delay_s);
        }
        if !newer && !new_here {
            totals.drops.count(DropCause::RadioDuplicate);
            return None;
        }
        let (id, revision, cause) = (notice.id, notice.revision, notice.cause.clone());
        let (application, level) = (notice.application, notice.level);
        Some(Shown { vehicle: self.vehicle, application, level, id, revision, channel, first: newer, delay_s, cause })
    }

    /// Forgets what ended long ago, and what ends first if that is not enough.
    fn make_room(&mut self, now: Utc) {
        self.known.retain(|_, known| now.seconds_since(known.ends) < REMEMBER_S);
        if self.known.len() >= MEMORY
            && let Some(first) = self.known.iter().min_by_key(|(_, known)| known.ends).map(|(id, _)| *id)
        {
            self.known.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_geo::Wgs84;
    use jxz_v2x::{Encoded, Encoder, Profile, UnitId};
    use jxz_world::{Concerned, Place, TrackId, Warning};

    fn frame() -> LocalFrame {
        LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap()
    }

    fn at(ms: i64) -> Utc {
        Utc::from_unix_ms(1_786_270_272_000 + ms)
    }

    /// A unit that drives east at (x, y).
    fn unit(x: f64, y: f64) -> OnBoardUnit {
        let mut unit = OnBoardUnit::new(Seed(1), 1, &OnBoardPlan::default());
        (unit.at, unit.heading) = (Point::new(x, y), Some(Heading::from_deg(90.0)));
        unit
    }

    /// A stopped vehicle at the end of 200 m of road to the east.
    fn warning(revision: u32, stage: WarningStage, concerned: Vec<Concerned>) -> Warning {
        Warning {
            id: WarningId(77),
            revision,
            application: Application::Hlw,
            level: Level::Warning,
            stage,
            cause: Cause::StoppedVehicle { standing_s: 9.0 },
            about: vec![],
            concerned,
            place: Place {
                at: Point::new(200.0, 0.0),
                path: Polyline::try_from(vec![[0.0, 0.0], [200.0, 0.0]]).unwrap(),
                radius_m: 6.0,
            },
            paths: Vec::new(),
            since: at(0),
            sensed_at: at(0),
            valid_until: at(2000),
            confidence: 0.9,
        }
    }

    fn received(warning: &Warning) -> Received {
        let mut encoder = Encoder::new(frame(), Profile::default(), UnitId([1; 8]), Point::new(100.0, 20.0), 0);
        let mut encoded = Encoded::default();
        encoder.rsi(at(40), core::slice::from_ref(warning), &mut encoded);
        jxz_v2x::decode(&encoded.frames[0].bytes, Profile::default(), at(50), &frame()).unwrap()
    }

    fn take(unit: &mut OnBoardUnit, channel: Channel, ms: i64, warning: &Warning) -> (Vec<Shown>, OnBoardTotals) {
        let (mut shown, mut totals) = (Vec::new(), OnBoardTotals::default());
        unit.receive(channel, at(ms), &received(warning), &mut totals, &mut shown);
        (shown, totals)
    }

    #[test]
    fn a_warning_is_shown_once_and_remembered_on_each_channel() {
        let mut unit = unit(50.0, 1.0);
        let warning = warning(1, WarningStage::Raised, vec![]);
        let (shown, totals) = take(&mut unit, Channel::Pc5, 60, &warning);
        assert!(shown.len() == 1 && shown[0].first && (shown[0].delay_s - 0.06).abs() < 1e-9);
        assert_eq!(totals.warnings[&WarningKind::RoadCondition], ByChannel { uu: 0, pc5: 1 });
        let (shown, totals) = take(&mut unit, Channel::Uu, 65, &warning);
        assert!(shown.len() == 1 && !shown[0].first);
        assert_eq!(totals.warnings[&WarningKind::RoadCondition], ByChannel { uu: 1, pc5: 0 });
        let (shown, totals) = take(&mut unit, Channel::Pc5, 70, &warning);
        assert!(shown.is_empty() && totals.drops.of(DropCause::RadioDuplicate) == 1);
    }

    #[test]
    fn only_those_on_the_way_or_addressed_are_concerned() {
        let general = warning(1, WarningStage::Raised, vec![]);
        for (mut unit, concerned) in [(unit(50.0, 1.0), 1), (unit(50.0, 30.0), 0), (unit(230.0, 0.0), 0)] {
            assert_eq!(take(&mut unit, Channel::Pc5, 60, &general).0.len(), concerned);
        }
        let mut oncoming = unit(50.0, 1.0);
        oncoming.heading = Some(Heading::from_deg(270.0));
        assert!(take(&mut oncoming, Channel::Pc5, 60, &general).0.is_empty());
        let mut addressed = unit(500.0, 500.0);
        let to = Concerned { track: TrackId(5), vehicle: Some(addressed.vehicle) };
        assert_eq!(take(&mut addressed, Channel::Uu, 60, &warning(1, WarningStage::Raised, vec![to])).0.len(), 1);
        let other = Concerned { track: TrackId(5), vehicle: Some(VehicleId([9; 8])) };
        let (shown, totals) =
            take(&mut unit(50.0, 1.0), Channel::Uu, 60, &warning(1, WarningStage::Raised, vec![other]));
        assert!(shown.is_empty() && totals.for_others == 1);
    }

    #[test]
    fn what_has_ended_or_is_cancelled_is_not_shown_again() {
        let mut unit = unit(50.0, 1.0);
        let (shown, totals) = take(&mut unit, Channel::Pc5, 2100, &warning(1, WarningStage::Raised, vec![]));
        assert!(shown.is_empty() && totals.expired == 1);
        assert_eq!(take(&mut unit, Channel::Pc5, 100, &warning(1, WarningStage::Raised, vec![])).0.len(), 1);
        assert!(take(&mut unit, Channel::Pc5, 200, &warning(3, WarningStage::Cancelled, vec![])).0.is_empty());
        let (late, _) = take(&mut unit, Channel::Pc5, 210, &warning(2, WarningStage::Held, vec![]));
        assert!(late.is_empty());
    }

    #[test]
    fn a_change_of_pseudonym_changes_certificate_id_and_count_together() {
        use crate::envelope::IslandAuthority;
        use jxz_security::{Algorithm, Software, Spdu};
        use std::sync::Arc;

        let start = at(0);
        let now = |s: u64| Now::after_start(start, core::time::Duration::from_secs(s));
        let authority = IslandAuthority::new(Seed(5), Algorithm::EcdsaP256, now(0)).unwrap();
        let plan = OnBoardPlan::default();
        let mut unit = OnBoardUnit::new(Seed(1), 1, &plan);
        unit.enrol(&authority.fleet(Arc::new(Software)).unwrap(), now(0)).unwrap();
        let truth = crate::truth::TruthObject {
            id: 1,
            kind: crate::RoadUserKind::Car,
            class: jxz_world::RoadUserClass::Motor,
            position: Point::new(10.0, 20.0),
            velocity: jxz_geo::Vector::new(5.0, 0.0),
            yaw: jxz_units::Yaw::from_rad(0.0),
            extent_m: (4.6, 1.8),
            height_m: 1.5,
            acceleration_mps2: 0.0,
            vehicle: None,
            scripted: false,
        };
        let (frame, sky) = (frame(), Sky::default());
        let surroundings = Surroundings { frame: &frame, sky: &sky, plan: &plan };
        let mut said = Vec::new();
        for s in 0..1000 {
            let message = unit.observe(&truth, now(s), unit.phase, &surroundings, &mut Drops::default());
            let Some(message) = message else { continue };
            let spdu = Spdu::parse(&message.bytes).unwrap();
            let received = jxz_v2x::decode(spdu.payload(), plan.profile, now(s).utc, &frame).unwrap();
            let Received::Bsm(report) = received else { panic!("not a BSM") };
            assert_eq!(report.vehicle.0, spdu.signer().0, "it speaks in its certificate's name");
            said.push((report.vehicle, report.message_count, spdu.certificate().is_some()));
        }
        let changes: Vec<_> = said.windows(2).filter(|pair| pair[0].0 != pair[1].0).collect();
        assert!((2..=3).contains(&changes.len()), "every 300 to 360 s: {}", changes.len());
        for pair in changes {
            assert_ne!((pair[0].1 + 1) % 128, pair[1].1, "the count goes on as if nothing had changed");
            assert!(pair[1].2, "the first message has the certificate in full");
        }
    }
}

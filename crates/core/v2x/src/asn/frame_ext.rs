//! The messages of the second phase, behind `msgFrameExt`.

use super::fault::{Cause, Fault, Outcome, at};
use super::json;
use super::reader::Reader;
use super::size::Size;
use super::types::{
    Clpmm, PamData, PersonalSafetyMessage, RoadsideCoordination, RtcmCorrections, SensorSharingMsg, TestMsg,
    VehIntentionAndRequest, VehiclePaymentMessage,
};
use super::writer::Writer;
use super::{AsnType, Profile};
use serde_json::Value;

const MESSAGE_ID: Size = Size::new(0, 32_767, false);

macro_rules! second_phase {
    ($($variant:ident $type:ident $name:literal $number:literal $doc:literal;)*) => {
        /// A message of the second phase.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum MessageFrameExt {
            $(#[doc = $doc] $variant($type),)*
        }

        impl MessageFrameExt {
            /// Its number on the wire (`messageId`).
            #[must_use]
            pub const fn number(&self) -> u16 {
                match self { $(Self::$variant(_) => $number,)* }
            }

            /// The name of its type.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// The number and the type of each message.
            pub const MESSAGES: &'static [(u16, &'static str)] = &[$(($number, $name),)*];

            fn encode_message(&self, w: &mut Writer<'_>) -> Outcome<()> {
                match self { $(Self::$variant(message) => at($name, w.open(|w| message.encode(w))),)* }
            }

            fn decode_message(number: i64, r: &mut Reader<'_>) -> Outcome<Self> {
                match number {
                    $($number => at($name, r.open(|r| $type::decode(r))).map(Self::$variant),)*
                    _ => Err(Fault::new(Cause::UnknownAlternative { index: number as usize, extension: false })),
                }
            }

            fn message_to_json(&self, p: Profile) -> Value {
                match self { $(Self::$variant(message) => json::alternative($name, message.to_json(p)),)* }
            }

            fn message_from_json(index: usize, v: &Value, p: Profile) -> Outcome<Self> {
                const NUMBERS: &[i64] = &[$($number,)*];
                match NUMBERS[index] {
                    $($number => at($name, $type::from_json(v, p)).map(Self::$variant),)*
                    _ => Err(Fault::alternative(index)),
                }
            }
        }
    };
}

second_phase! {
    Test TestMsg "TestMsg" 0 "Anything, for tests.";
    Rtcm RtcmCorrections "RTCMcorrections" 10 "Corrections for satellite positioning (RTCM).";
    Rsc RoadsideCoordination "RoadsideCoordination" 11 "What the road asks of vehicles (RSC).";
    Ssm SensorSharingMsg "SensorSharingMsg" 12 "What a sensor's owner sees (SSM).";
    Vir VehIntentionAndRequest "VehIntentionAndRequest" 13 "What a vehicle intends and asks (VIR).";
    Pam PamData "PAMData" 14 "A car park's map (PAM).";
    Psm PersonalSafetyMessage "PersonalSafetyMessage" 15 "What a pedestrian or cyclist says of itself (PSM).";
    Clpmm Clpmm "CLPMM" 16 "A platoon's management (CLPMM).";
    Vpm VehiclePaymentMessage "VehiclePaymentMessage" 17 "Tolls and other payments (VPM).";
}

impl AsnType for MessageFrameExt {
    fn encode(&self, w: &mut Writer<'_>) -> Outcome<()> {
        w.bit(false);
        w.integer(self.number().into(), MESSAGE_ID)?;
        at("value", self.encode_message(w))
    }

    fn decode(r: &mut Reader<'_>) -> Outcome<Self> {
        let extended = r.bit()?;
        let number = at("messageId", r.integer(MESSAGE_ID))?;
        let message = at("value", Self::decode_message(number, r))?;
        if extended {
            r.additions(0, |_, _| Ok(()))?;
        }
        Ok(message)
    }

    fn to_json(&self, p: Profile) -> Value {
        let mut members = json::Map::new();
        members.insert("messageId".to_owned(), json::integer(self.number().into()));
        members.insert("value".to_owned(), self.message_to_json(p));
        Value::Object(members)
    }

    fn from_json(v: &Value, p: Profile) -> Outcome<Self> {
        let members = json::Members::of(v, &["messageId", "value"])?;
        let number = members.required("messageId", |v| json::read_integer(v, MESSAGE_ID))?;
        let message = members.required("value", |v| {
            let names: Vec<&str> = Self::MESSAGES.iter().map(|(_, name)| *name).collect();
            let (index, v) = json::read_alternative(v, &names)?;
            Self::message_from_json(index, v, p)
        })?;
        if i64::from(message.number()) == number {
            return Ok(message);
        }
        let known = message.number().into();
        Err(Fault::new(Cause::Range { value: number, low: known, high: known }))
            .or_else(|fault| at("messageId", Err(fault)))
    }
}

//! The top type of the day-1 set.

use super::bsm::BasicSafetyMessage;
use super::map::MapData;
use super::rsi::RoadSideInformation;
use super::rsm::RoadsideSafetyMessage;
use super::spat::Spat;
use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// Any message of the day-1 set. An alternative behind the extension marker rejects the frame.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(choice, automatic_tags)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum MessageFrame {
    BsmFrame(BasicSafetyMessage),
    MapFrame(MapData),
    RsmFrame(RoadsideSafetyMessage),
    SpatFrame(Spat),
    RsiFrame(RoadSideInformation),
}

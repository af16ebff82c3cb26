//! Positions, absolute and relative, and how well they are known.

use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// 1e-7° north; 900000001 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-900000000..=900000001"))]
pub struct Latitude(pub i32);

/// 1e-7° east; 1800000001 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-1799999999..=1800000001"))]
pub struct Longitude(pub i32);

/// 0.1 m above the ellipsoid; −4096 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-4096..=61439"))]
pub struct Elevation(pub i32);

/// How well a position is known.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionConfidenceSet {
    pub pos: PositionConfidence,
    pub elevation: Option<ElevationConfidence>,
}

/// 95 % bound on the horizontal position.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum PositionConfidence {
    Unavailable,
    A500m,
    A200m,
    A100m,
    A50m,
    A20m,
    A10m,
    A5m,
    A2m,
    A1m,
    A50cm,
    A20cm,
    A10cm,
    A5cm,
    A2cm,
    A1cm,
}

/// 95 % bound on the elevation.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum ElevationConfidence {
    Unavailable,
    #[serde(rename = "elev-500-00")]
    Elev500_00,
    #[serde(rename = "elev-200-00")]
    Elev200_00,
    #[serde(rename = "elev-100-00")]
    Elev100_00,
    #[serde(rename = "elev-050-00")]
    Elev050_00,
    #[serde(rename = "elev-020-00")]
    Elev020_00,
    #[serde(rename = "elev-010-00")]
    Elev010_00,
    #[serde(rename = "elev-005-00")]
    Elev005_00,
    #[serde(rename = "elev-002-00")]
    Elev002_00,
    #[serde(rename = "elev-001-00")]
    Elev001_00,
    #[serde(rename = "elev-000-50")]
    Elev000_50,
    #[serde(rename = "elev-000-20")]
    Elev000_20,
    #[serde(rename = "elev-000-10")]
    Elev000_10,
    #[serde(rename = "elev-000-05")]
    Elev000_05,
    #[serde(rename = "elev-000-02")]
    Elev000_02,
    #[serde(rename = "elev-000-01")]
    Elev000_01,
}

/// Geodetic position.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Position3d {
    pub lat: Latitude,
    pub long: Longitude,
    pub elevation: Option<Elevation>,
}

/// Position relative to the message's reference position (absolute in `LatLon`).
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionOffsetLlv {
    #[serde(rename = "offsetLL")]
    pub offset_ll: PositionOffsetLl,
    pub offset_v: Option<VerticalOffset>,
}

/// 1e-7°, 12 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-2048..=2047"))]
pub struct OffsetLlB12(pub i16);

/// 1e-7°, 14 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-8192..=8191"))]
pub struct OffsetLlB14(pub i16);

/// 1e-7°, 16 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-32768..=32767"))]
pub struct OffsetLlB16(pub i16);

/// 1e-7°, 18 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-131072..=131071"))]
pub struct OffsetLlB18(pub i32);

/// 1e-7°, 22 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-2097152..=2097151"))]
pub struct OffsetLlB22(pub i32);

/// 1e-7°, 24 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-8388608..=8388607"))]
pub struct OffsetLlB24(pub i32);

/// Offsets of 12 bits each.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionLl24b {
    pub lon: OffsetLlB12,
    pub lat: OffsetLlB12,
}

/// Offsets of 14 bits each.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionLl28b {
    pub lon: OffsetLlB14,
    pub lat: OffsetLlB14,
}

/// Offsets of 16 bits each.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionLl32b {
    pub lon: OffsetLlB16,
    pub lat: OffsetLlB16,
}

/// Offsets of 18 bits each.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionLl36b {
    pub lon: OffsetLlB18,
    pub lat: OffsetLlB18,
}

/// Offsets of 22 bits each.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionLl44b {
    pub lon: OffsetLlB22,
    pub lat: OffsetLlB22,
}

/// Offsets of 24 bits each.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionLl48b {
    pub lon: OffsetLlB24,
    pub lat: OffsetLlB24,
}

/// An absolute position.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionLatLon {
    pub lon: Longitude,
    pub lat: Latitude,
}

/// Horizontal offset in the smallest form that holds it.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(choice, automatic_tags)]
#[serde(rename_all = "camelCase")]
pub enum PositionOffsetLl {
    #[serde(rename = "position-LL1")]
    Ll1(PositionLl24b),
    #[serde(rename = "position-LL2")]
    Ll2(PositionLl28b),
    #[serde(rename = "position-LL3")]
    Ll3(PositionLl32b),
    #[serde(rename = "position-LL4")]
    Ll4(PositionLl36b),
    #[serde(rename = "position-LL5")]
    Ll5(PositionLl44b),
    #[serde(rename = "position-LL6")]
    Ll6(PositionLl48b),
    #[serde(rename = "position-LatLon")]
    LatLon(PositionLatLon),
}

/// Vertical offset in the smallest form that holds it.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(choice, automatic_tags)]
#[serde(rename_all = "camelCase")]
pub enum VerticalOffset {
    Offset1(VertOffsetB07),
    Offset2(VertOffsetB08),
    Offset3(VertOffsetB09),
    Offset4(VertOffsetB10),
    Offset5(VertOffsetB11),
    Offset6(VertOffsetB12),
    Elevation(Elevation),
}

/// 0.1 m, 7 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-64..=63"))]
pub struct VertOffsetB07(pub i8);

/// 0.1 m, 8 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-128..=127"))]
pub struct VertOffsetB08(pub i8);

/// 0.1 m, 9 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-256..=255"))]
pub struct VertOffsetB09(pub i16);

/// 0.1 m, 10 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-512..=511"))]
pub struct VertOffsetB10(pub i16);

/// 0.1 m, 11 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-1024..=1023"))]
pub struct VertOffsetB11(pub i16);

/// 0.1 m, 12 bits.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-2048..=2047"))]
pub struct VertOffsetB12(pub i16);

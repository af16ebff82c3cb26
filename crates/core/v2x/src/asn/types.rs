//! The types of the message set, written from its tables by the build.
#![allow(
    clippy::all,
    clippy::unwrap_used,
    unused_variables,
    reason = "written for the compiler; what it says is checked against other implementations"
)]

use super::bits::Bits;
use super::fault::{Fault, Outcome, at};
use super::frame_ext::MessageFrameExt;
use super::info::{Meaning, MemberInfo, Shape, TypeInfo};
use super::json;
use super::reader::Reader;
use super::size::Size;
use super::writer::Writer;
use super::{AsnType, Profile};
use serde_json::Value;

include!(concat!(env!("OUT_DIR"), "/types.rs"));

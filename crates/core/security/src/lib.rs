//! The signed envelope around a C-V2X message. Work in progress modules below.

mod algorithm;
mod hash;
mod reader;
mod time;

pub use algorithm::{Algorithm, KeyError, PublicKey, SignatureBytes, SigningKey, Software, VerifySignature};
pub use hash::{HashedId8, HashedId10};
pub use reader::ParseError;

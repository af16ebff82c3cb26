//! ECDSA P-256 with SHA-256 and SM2 with SM3 behind one seam.

use crate::hash::Hash;
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use sha2::Digest as _;
use sm2::dsa::signature::{Signer as _, Verifier as _};
use std::fmt;

/// The distinguishing identifier of SM2 where none is agreed (GM/T 0009, 10).
const SM2_ID: &str = "1234567812345678";

/// A signature algorithm with the hash that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on NIST P-256 with SHA-256; nonces of RFC 6979.
    EcdsaP256,
    /// SM2 with SM3 (GB/T 32918.2), identifier "1234567812345678"; nonces of RFC 6979 over SM3.
    Sm2,
}

impl Algorithm {
    /// The hash of the parts one after the other.
    pub(crate) fn hash(self, parts: &[&[u8]]) -> Hash {
        match self {
            Self::EcdsaP256 => {
                let mut hasher = sha2::Sha256::new();
                parts.iter().for_each(|part| hasher.update(part));
                hasher.finalize().into()
            }
            Self::Sm2 => {
                use sm3::Digest as _;
                let mut hasher = sm3::Sm3::new();
                parts.iter().for_each(|part| hasher.update(part));
                hasher.finalize().into()
            }
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256 => "ECDSA P-256 with SHA-256",
            Self::Sm2 => "SM2 with SM3",
        })
    }
}

/// A signature: r and s, 32 octets each, big-endian.
pub type SignatureBytes = [u8; 64];

/// Octets that are no key of the algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these octets are no key for {0}")]
pub struct KeyError(pub Algorithm);

/// A private key. `Debug` does not show it; it is wiped when dropped.
#[derive(Clone)]
pub struct SigningKey(Private);

#[derive(Clone)]
enum Private {
    P256(p256::ecdsa::SigningKey),
    Sm2(sm2::dsa::SigningKey),
}

impl SigningKey {
    /// The key that grows from a secret seed, always the same one. The seed must come from a good source of chance
    /// and be kept like the key itself.
    #[must_use]
    pub fn from_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Self {
        let label: &[u8] = match algorithm {
            Algorithm::EcdsaP256 => b"jxz-security key ecdsa-p256",
            Algorithm::Sm2 => b"jxz-security key sm2",
        };
        // A candidate is refused with probability 2^-32 (the curves' orders are just below 2^256).
        let mut counter = 0_u32;
        loop {
            let candidate = Algorithm::EcdsaP256.hash(&[label, seed, &counter.to_be_bytes()]);
            if let Ok(key) = Self::from_scalar(algorithm, &candidate) {
                return key;
            }
            counter += 1;
        }
    }

    /// From the private scalar, big-endian.
    ///
    /// # Errors
    /// [`KeyError`] if it is zero or not below the order of the curve's group.
    pub fn from_scalar(algorithm: Algorithm, scalar: &[u8; 32]) -> Result<Self, KeyError> {
        let fault = |_| KeyError(algorithm);
        match algorithm {
            Algorithm::EcdsaP256 => p256::ecdsa::SigningKey::from_slice(scalar).map(Private::P256).map_err(fault),
            Algorithm::Sm2 => sm2::dsa::SigningKey::from_slice(SM2_ID, scalar).map(Private::Sm2).map_err(fault),
        }
        .map(Self)
    }

    /// What the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Private::P256(_) => Algorithm::EcdsaP256,
            Private::Sm2(_) => Algorithm::Sm2,
        }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match &self.0 {
            Private::P256(key) => PublicKey::of_p256(*key.verifying_key()),
            Private::Sm2(key) => PublicKey::of_sm2(key.verifying_key().clone()),
        }
    }

    /// Signs `message`, which is hashed first (for SM2 behind the hash of the identifier and the key).
    ///
    /// # Errors
    /// [`KeyError`] if the nonce is unusable, which happens with probability 2^-128.
    pub fn sign(&self, message: &[u8]) -> Result<SignatureBytes, KeyError> {
        match &self.0 {
            Private::P256(key) => {
                let digest = Algorithm::EcdsaP256.hash(&[message]);
                let signature: Result<p256::ecdsa::Signature, _> = key.sign_prehash(&digest);
                signature.map(|s| s.to_bytes().into()).map_err(|_| KeyError(Algorithm::EcdsaP256))
            }
            Private::Sm2(key) => {
                key.try_sign(message).map(|s| s.to_bytes().into()).map_err(|_| KeyError(Algorithm::Sm2))
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.algorithm()).finish()
    }
}

/// A public key, its point found and checked to be on the curve.
#[derive(Debug, Clone)]
pub struct PublicKey {
    point: Public,
    uncompressed: [u8; 65],
}

#[derive(Debug, Clone)]
enum Public {
    P256(p256::ecdsa::VerifyingKey),
    Sm2(sm2::dsa::VerifyingKey),
}

impl PublicKey {
    /// From a point in the compressed form of SEC 1: 2 or 3, then x.
    ///
    /// # Errors
    /// [`KeyError`] if no point of the curve has this x.
    pub fn from_compressed(algorithm: Algorithm, point: &[u8; 33]) -> Result<Self, KeyError> {
        let fault = |_| KeyError(algorithm);
        match algorithm {
            Algorithm::EcdsaP256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::of_p256).map_err(fault),
            Algorithm::Sm2 => sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_ID, point).map(Self::of_sm2).map_err(fault),
        }
    }

    fn of_p256(key: p256::ecdsa::VerifyingKey) -> Self {
        let mut uncompressed = [0; 65];
        uncompressed.copy_from_slice(key.to_sec1_point(false).as_bytes());
        Self { point: Public::P256(key), uncompressed }
    }

    fn of_sm2(key: sm2::dsa::VerifyingKey) -> Self {
        let mut uncompressed = [0; 65];
        uncompressed.copy_from_slice(&key.to_sec1_bytes());
        Self { point: Public::Sm2(key), uncompressed }
    }

    /// What the key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.point {
            Public::P256(_) => Algorithm::EcdsaP256,
            Public::Sm2(_) => Algorithm::Sm2,
        }
    }

    /// The point in the uncompressed form of SEC 1: 4, x, y.
    #[must_use]
    pub fn uncompressed(&self) -> &[u8; 65] {
        &self.uncompressed
    }

    /// The point in the compressed form of SEC 1.
    #[must_use]
    pub fn compressed(&self) -> [u8; 33] {
        let mut compressed = [0; 33];
        compressed.copy_from_slice(&self.uncompressed[..33]);
        compressed[0] = 2 | (self.uncompressed[64] & 1);
        compressed
    }
}

/// Checks signatures; the seam for a faster library than [`Software`], or for hardware.
pub trait VerifySignature: Send + Sync {
    /// Whether `signature` is `key`'s over `message`, the hash (and SM2's identifier) being the key's algorithm's.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &SignatureBytes) -> bool;
}

/// The algorithms in portable Rust, without chance or clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Software;

impl VerifySignature for Software {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &SignatureBytes) -> bool {
        match &key.point {
            Public::P256(point) => p256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                point.verify_prehash(&Algorithm::EcdsaP256.hash(&[message]), &signature).is_ok()
            }),
            Public::Sm2(point) => sm2::dsa::Signature::from_slice(signature)
                .is_ok_and(|signature| point.verify(message, &signature).is_ok()),
        }
    }
}

/// The other signature that ECDSA accepts for the same message and key, (r, n - s); SM2 has none.
///
/// Whoever may sign can so give his certificate a second digest; a revocation list must catch both.
pub(crate) fn twin(algorithm: Algorithm, signature: &SignatureBytes) -> Option<SignatureBytes> {
    if algorithm != Algorithm::EcdsaP256 {
        return None;
    }
    let parsed = p256::ecdsa::Signature::from_slice(signature).ok()?;
    let other = p256::ecdsa::Signature::from_scalars(parsed.r(), -parsed.s()).ok()?;
    Some(other.to_bytes().into())
}

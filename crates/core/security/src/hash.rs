//! Digests by which certificates are named.

use std::fmt;

/// A whole hash, SHA-256 or SM3.
pub(crate) type Hash = [u8; 32];

/// The last eight octets of a certificate's hash: its name in messages (IEEE 1609.2 `HashedId8`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashedId8(pub [u8; 8]);

/// The last ten octets of a certificate's hash: its name in revocation lists (IEEE 1609.2 `HashedId10`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashedId10(pub [u8; 10]);

impl HashedId8 {
    pub(crate) fn of(hash: &Hash) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&hash[24..]);
        Self(id)
    }
}

impl HashedId10 {
    pub(crate) fn of(hash: &Hash) -> Self {
        let mut id = [0; 10];
        id.copy_from_slice(&hash[22..]);
        Self(id)
    }
}

impl fmt::Display for HashedId8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for HashedId8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashedId8({self})")
    }
}

impl fmt::Display for HashedId10 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for HashedId10 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashedId10({self})")
    }
}

//! Whose turn it is to speak: one token between two processes. Whoever takes it speaks, however late either of them is.

use rustix::fd::OwnedFd;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// One process's hand on the token.
pub(crate) struct Turn {
    /// Both processes read from the same end, so that one octet reaches one of them.
    taken: UnixStream,
}

/// Where the old process lays the token down.
pub(crate) struct Giver(UnixStream);

impl Turn {
    /// A token that nobody can take yet, and where to lay it.
    pub(crate) fn new() -> io::Result<(Giver, Self)> {
        let (laid, taken) = UnixStream::pair()?;
        laid.set_nonblocking(true)?;
        taken.set_nonblocking(true)?;
        Ok((Giver(laid), Self { taken }))
    }

    /// Another process's hand, to be passed on.
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        Ok(self.taken.try_clone()?.into())
    }

    /// A hand that was passed on.
    pub(crate) fn adopt(descriptor: OwnedFd) -> Self {
        Self { taken: descriptor.into() }
    }

    /// Takes the token, if it lies there. Never waits.
    pub(crate) fn take(&mut self) -> bool {
        matches!(self.taken.read(&mut [0]), Ok(1))
    }
}

impl Giver {
    /// Lays the token down: who takes it first speaks.
    pub(crate) fn lay(&mut self) -> io::Result<()> {
        self.0.write_all(&[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_takes_it_once_it_lies_there() {
        let (mut giver, mut old) = Turn::new().unwrap();
        let mut new = Turn::adopt(old.descriptor().unwrap());
        assert!(!new.take() && !old.take(), "nobody's before it is laid down");
        giver.lay().unwrap();
        assert!(new.take() && !old.take() && !new.take());
        giver.lay().unwrap();
        assert!(old.take() && !new.take());
        drop(giver);
        assert!(!new.take(), "nor of one that is gone");
    }

    #[test]
    fn of_two_that_reach_for_it_at_once_one_has_it() {
        for _ in 0..200 {
            let (mut giver, mut old) = Turn::new().unwrap();
            let mut new = Turn::adopt(old.descriptor().unwrap());
            giver.lay().unwrap();
            let other = std::thread::spawn(move || new.take());
            let ours = old.take();
            assert_ne!(ours, other.join().unwrap());
        }
    }
}

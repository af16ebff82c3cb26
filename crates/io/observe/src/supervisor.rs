//! The service manager that started us (systemd, `Type=notify`): when we are ready, and whether we still get on.

use sd_notify::NotifyState;
use std::time::Duration;

/// How far a part of the process has come. It has moved if it has since the last sign of life that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Steps that a loop takes by itself, whatever comes in: there must be more of them.
    Steps {
        /// The part's name, for the log (`rounds`).
        name: &'static str,
        /// Steps taken since the start.
        done: u64,
    },
    /// Work that comes from elsewhere: more of it must be done, unless none was waiting.
    Work {
        /// The part's name, for the log (`record log`).
        name: &'static str,
        /// Pieces done since the start.
        done: u64,
        /// Pieces waiting now. Count what waits for the part itself, not for a peer that may be away for long.
        waiting: u64,
    },
}

impl Progress {
    const fn name(&self) -> &'static str {
        match self {
            Self::Steps { name, .. } | Self::Work { name, .. } => name,
        }
    }

    fn has_moved_since(&self, before: Option<&Self>) -> bool {
        match (self, before) {
            (Self::Steps { done, .. }, Some(Self::Steps { done: before, .. })) => done > before,
            (Self::Steps { done, .. }, _) => *done > 0,
            (Self::Work { done, waiting, .. }, Some(Self::Work { done: before, waiting: waited, .. })) => {
                done > before || *waiting == 0 || *waited == 0
            }
            (Self::Work { .. }, _) => true,
        }
    }
}

/// What was so when the last sign of life was given.
#[derive(Debug, Default)]
struct Pulse(Vec<Progress>);

impl Pulse {
    /// Notes where everyone is, if everyone has moved; else the name of the first who has not.
    fn beat(&mut self, now: &[Progress]) -> Result<(), &'static str> {
        let still = |part: &&Progress| !part.has_moved_since(self.0.iter().find(|b| b.name() == part.name()));
        if let Some(part) = now.iter().find(still) {
            return Err(part.name());
        }
        self.0.clear();
        self.0.extend_from_slice(now);
        Ok(())
    }
}

/// Our word to the service manager. Without one (`NOTIFY_SOCKET` is not set) nothing is said to anyone.
#[derive(Debug)]
pub struct Supervisor {
    pulse: Pulse,
    patience: Option<Duration>,
    warned: bool,
}

impl Supervisor {
    /// Says that the process is ready: it listens, and whoever waits for it may go on.
    #[must_use]
    pub fn ready(status: &str) -> Self {
        say(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
        let patience = sd_notify::watchdog_enabled();
        if let Some(patience) = patience {
            tracing::info!(?patience, "the service manager starts us again when we stand still for longer");
        }
        Self { pulse: Pulse::default(), patience, warned: false }
    }

    /// Says that this process has taken the place of the one that was watched over so far, and is ready. The service manager
    /// must let any process of the service speak (`NotifyAccess=all`).
    #[must_use]
    pub fn in_place(status: &str) -> Self {
        say(&[NotifyState::MainPid(std::process::id())]);
        Self::ready(status)
    }

    /// Gives a sign of life, if every part has moved since the last one. To be called from the loop that must not hang,
    /// about once a second: who stands still for longer than the service manager's patience is started again. Returns
    /// whether everyone has moved.
    pub fn alive(&mut self, progress: &[Progress], status: &str) -> bool {
        let moved = self.pulse.beat(progress);
        match moved {
            Ok(()) => {
                self.warned = false;
                say(&[NotifyState::Watchdog, NotifyState::Status(&one_line(status))]);
            }
            Err(part) if !self.warned => {
                self.warned = true;
                tracing::error!(part, patience = ?self.patience, "stands still: no sign of life to the service manager");
            }
            Err(_) => {}
        }
        moved.is_ok()
    }

    /// Says that the process is about to end, and why nothing more is heard of it.
    pub fn stopping(&self) {
        say(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }
}

/// The protocol separates its assignments by line feeds.
fn one_line(status: &str) -> String {
    status.replace(|c: char| c.is_control(), " ")
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "tell the service manager");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rounds(done: u64) -> Progress {
        Progress::Steps { name: "rounds", done }
    }

    const fn spool(done: u64, waiting: u64) -> Progress {
        Progress::Work { name: "spool", done, waiting }
    }

    #[test]
    fn a_loop_that_turns_without_a_round_gives_no_sign_of_life() {
        let mut pulse = Pulse::default();
        assert_eq!(pulse.beat(&[rounds(0)]), Err("rounds"));
        assert_eq!(pulse.beat(&[rounds(10)]), Ok(()));
        assert_eq!(pulse.beat(&[rounds(10)]), Err("rounds"));
        assert_eq!(pulse.beat(&[rounds(10)]), Err("rounds"));
        assert_eq!(pulse.beat(&[rounds(11)]), Ok(()));
    }

    #[test]
    fn a_spool_may_be_idle_but_not_stuck() {
        let mut pulse = Pulse::default();
        assert_eq!(pulse.beat(&[rounds(1), spool(0, 0)]), Ok(()));
        assert_eq!(pulse.beat(&[rounds(2), spool(0, 0)]), Ok(()));
        // The first word of something waiting: it has not had its time yet.
        assert_eq!(pulse.beat(&[rounds(3), spool(0, 4)]), Ok(()));
        assert_eq!(pulse.beat(&[rounds(4), spool(0, 5)]), Err("spool"));
        assert_eq!(pulse.beat(&[rounds(5), spool(1, 5)]), Ok(()));
        assert_eq!(pulse.beat(&[rounds(6), spool(1, 5)]), Err("spool"));
        assert_eq!(pulse.beat(&[rounds(6), spool(6, 0)]), Ok(()));
    }

    #[test]
    fn one_part_that_moves_does_not_speak_for_another() {
        let mut pulse = Pulse::default();
        assert_eq!(pulse.beat(&[rounds(5), spool(3, 1)]), Ok(()));
        assert_eq!(pulse.beat(&[rounds(5), spool(9, 1)]), Err("rounds"));
        assert_eq!(pulse.beat(&[rounds(9), spool(3, 1)]), Err("spool"));
    }

    #[test]
    fn a_status_cannot_say_anything_else() {
        assert_eq!(one_line("up\nWATCHDOG=1"), "up WATCHDOG=1");
    }
}

//! How many reports passed and failed, by check.

use crate::assessment::{Assessment, Check, Verdict};

/// Counts since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlausibilityCounts {
    /// Reports assessed.
    pub checked: u64,
    /// Of them accepted.
    pub accepted: u64,
    /// Of them suspect.
    pub suspect: u64,
    /// Of them rejected.
    pub rejected: u64,
    /// Vehicles forgotten because there was no room.
    pub evicted: u64,
    /// Misbehaviour reports made.
    pub reports: u64,
    /// Misbehaviour reports dropped because nobody polled them.
    pub reports_dropped: u64,
    failed: [u64; Check::COUNT],
}

impl PlausibilityCounts {
    /// How many times a check failed.
    #[must_use]
    pub const fn of(&self, check: Check) -> u64 {
        self.failed[check.index()]
    }

    /// Every check with how many times it failed.
    pub fn iter(&self) -> impl Iterator<Item = (Check, u64)> + '_ {
        Check::ALL.into_iter().map(|check| (check, self.of(check)))
    }

    pub(crate) fn count(&mut self, assessment: &Assessment) {
        self.checked += 1;
        *match assessment.verdict {
            Verdict::Accept => &mut self.accepted,
            Verdict::Suspect => &mut self.suspect,
            Verdict::Reject => &mut self.rejected,
        } += 1;
        for failure in &assessment.failures {
            self.failed[failure.check.index()] += 1;
        }
    }
}

//! Failed log-ins: the more there were, the longer the next one waits.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Names and addresses remembered; beyond them the one quiet for longest is forgotten.
const MOST: usize = 4096;
/// Failures without a wait, of a name and of an address. Many people may come from one address.
const FREE_OF_NAME: u32 = 5;
const FREE_OF_ADDRESS: u32 = 30;
/// The longest wait, milliseconds: nobody can shut another out for longer by failing in his name.
const LONGEST_MS: i64 = 60_000;
/// Who was quiet for so long begins anew, milliseconds.
const FORGOTTEN_MS: i64 = 15 * 60_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Name(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failed {
    times: u32,
    last_ms: i64,
}

/// Who failed how often.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failed: BTreeMap<Who, Failed>,
}

impl Throttle {
    /// Counts an attempt as failed until [`Throttle::succeeded`] says otherwise: so attempts made at once count, too.
    ///
    /// # Errors
    /// How long to wait before another attempt, milliseconds; this one does not count.
    pub(super) fn attempt(&mut self, name: &str, address: IpAddr, now_ms: i64) -> Result<(), i64> {
        let whos = [(Who::Name(name.to_lowercase()), FREE_OF_NAME), (Who::Address(address), FREE_OF_ADDRESS)];
        let wait_ms = whos.iter().filter_map(|(who, free)| {
            let failed = self.failed.get(who)?;
            Some(failed.last_ms + delay_ms(failed.times, *free) - now_ms)
        });
        if let Some(wait_ms) = wait_ms.max().filter(|wait_ms| *wait_ms > 0) {
            return Err(wait_ms);
        }
        for (who, _) in whos {
            self.make_room(&who, now_ms);
            let failed = self.failed.entry(who).or_insert(Failed { times: 0, last_ms: now_ms });
            *failed = Failed { times: failed.times.saturating_add(1), last_ms: now_ms };
        }
        Ok(())
    }

    /// The attempt was good: the name's failures are forgotten, and the address has one less.
    pub(super) fn succeeded(&mut self, name: &str, address: IpAddr) {
        self.failed.remove(&Who::Name(name.to_lowercase()));
        if let Some(failed) = self.failed.get_mut(&Who::Address(address)) {
            failed.times = failed.times.saturating_sub(1);
        }
    }

    fn make_room(&mut self, who: &Who, now_ms: i64) {
        if self.failed.get(who).is_some_and(|failed| now_ms - failed.last_ms > FORGOTTEN_MS) {
            self.failed.remove(who);
        }
        if self.failed.len() < MOST || self.failed.contains_key(who) {
            return;
        }
        self.failed.retain(|_, failed| now_ms - failed.last_ms <= FORGOTTEN_MS);
        if self.failed.len() >= MOST {
            let quiet = self.failed.iter().min_by_key(|(_, failed)| failed.last_ms).map(|(who, _)| who.clone());
            quiet.map(|who| self.failed.remove(&who));
        }
    }
}

/// A second after the first failure that is not free, doubled with each.
fn delay_ms(times: u32, free: u32) -> i64 {
    match times.checked_sub(free) {
        None => 0,
        Some(beyond) => (1000_i64 << beyond.min(10)).min(LONGEST_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(n))
    }

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_ends_with_a_good_log_in() {
        let mut throttle = Throttle::default();
        let mut now_ms = 0;
        let mut waits = Vec::new();
        for n in 0..14 {
            if let Err(wait_ms) = throttle.attempt("duty", address(n), now_ms) {
                waits.push(wait_ms);
                now_ms += wait_ms;
                throttle.attempt("Duty", address(n), now_ms).unwrap();
            }
        }
        assert_eq!(waits[..7], [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000]);
        assert_eq!(waits.last(), Some(&60_000));
        assert!(throttle.attempt("duty", HERE, now_ms).is_err());
        throttle.succeeded("duty", HERE);
        assert!(throttle.attempt("duty", HERE, now_ms).is_ok());
    }

    #[test]
    fn an_address_that_tries_many_names_waits_too_and_others_do_not() {
        let mut throttle = Throttle::default();
        let refused = (0..100).filter(|n| throttle.attempt(&format!("name{n}"), HERE, 0).is_err()).count();
        assert_eq!(refused, 100 - FREE_OF_ADDRESS as usize);
        assert!(throttle.attempt("duty", address(7), 0).is_ok());
    }

    #[test]
    fn the_table_stays_bounded_and_forgets_the_quiet() {
        let mut throttle = Throttle::default();
        for n in 0..20_000 {
            let _refused = throttle.attempt(&format!("name{n}"), address(n), i64::from(n));
        }
        assert!(throttle.failed.len() <= MOST, "{}", throttle.failed.len());
        for _ in 0..6 {
            let _refused = throttle.attempt("late", HERE, 100_000);
        }
        assert!(throttle.attempt("late", HERE, 100_000).is_err());
        assert!(throttle.attempt("late", HERE, 100_000 + FORGOTTEN_MS + 1).is_ok());
        assert!(throttle.attempt("late", HERE, 100_000 + FORGOTTEN_MS + 1).is_ok());
    }
}

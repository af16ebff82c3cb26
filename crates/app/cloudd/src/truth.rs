//! What really is on the road, as a simulator on this machine tells it: handed on to the console, and to nothing else.

use crate::brain::Moment;
use anyhow::Context;
use jxz_units::Utc;
use jxz_wire::console::v1 as wire;
use prost::Message as _;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;

/// The most that UDP carries, bytes: about three thousand road users.
const MAX_DATAGRAM: usize = 65_507;
/// Truths kept, so that one can be shown that is as old as the tracks: a second of a simulator at 20 Hz.
const KEPT: usize = 20;
/// Kinds of road users.
const KINDS: u32 = 6;
/// Waited after a failed receipt, so that one that fails forever takes no processor.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// The newest truths, oldest first, and when the last came.
#[derive(Debug, Default)]
pub(crate) struct Truths(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    truths: VecDeque<wire::Truth>,
    heard: Option<Instant>,
}

/// Where the simulator sends to.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<UdpSocket> {
    UdpSocket::bind(address).await.with_context(|| format!("cannot listen for the simulator's truth on {address}"))
}

/// Takes what comes. A datagram that is no truth is dropped.
pub(crate) async fn listen(socket: UdpSocket, truths: std::sync::Arc<Truths>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(bytes) => match wire::Truth::decode(&buffer[..bytes]) {
                Ok(truth) if is_sound(&truth) => truths.take(truth, Instant::now()),
                _ => tracing::debug!(bytes, "a datagram that is no truth was dropped"),
            },
            Err(error) => {
                tracing::warn!(%error, "receive the simulator's truth");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
}

/// Whether all columns are of one length and kinds are known.
fn is_sound(truth: &wire::Truth) -> bool {
    let columns = [
        truth.kind.len(),
        truth.lon_e7.len(),
        truth.lat_e7.len(),
        truth.heading_decideg.len(),
        truth.speed_cmps.len(),
        truth.length_cm.len(),
        truth.width_cm.len(),
    ];
    columns.iter().all(|len| *len == truth.id.len()) && truth.kind.iter().all(|kind| *kind < KINDS)
}

impl Truths {
    fn take(&self, truth: wire::Truth, now: Instant) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A simulator that was started anew, or an old datagram: what follows counts.
        if kept.truths.back().is_some_and(|last| last.valid_at_ms >= truth.valid_at_ms) {
            kept.truths.clear();
        }
        kept.truths.push_back(truth);
        if kept.truths.len() > KEPT {
            kept.truths.pop_front();
        }
        kept.heard = Some(now);
    }

    /// The truth to be shown with a moment: the one nearest to the mean time of its live tracks, so that what is beside a track is
    /// an error of the track and not of time. Without columns if none has come yet.
    pub(crate) fn beside(&self, moment: &Moment) -> wire::Truth {
        let live = moment.view.tracks().filter(|track| track.freshness.is_live());
        self.at(mean_ms(live.map(|track| track.track.valid_at)), Instant::now())
    }

    fn at(&self, wanted_ms: Option<u64>, now: Instant) -> wire::Truth {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = kept.truths.iter().min_by_key(|truth| wanted_ms.map_or(0, |at| at.abs_diff(truth.valid_at_ms)));
        let chosen = if wanted_ms.is_some() { nearest } else { kept.truths.back() };
        let age = kept.heard.map(|heard| now.saturating_duration_since(heard).as_millis());
        wire::Truth {
            age_ms: age.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX)),
            ..chosen.cloned().unwrap_or_default()
        }
    }
}

fn mean_ms(times: impl Iterator<Item = Utc>) -> Option<u64> {
    let (mut sum, mut count) = (0_i128, 0_i128);
    for at in times {
        sum += i128::from(at.unix_ms());
        count += 1;
    }
    (count > 0).then(|| u64::try_from(sum / count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(valid_at_ms: u64) -> wire::Truth {
        wire::Truth { valid_at_ms, ..wire::Truth::default() }
    }

    #[test]
    fn the_truth_nearest_in_time_is_shown_with_the_age_of_the_newest() {
        let (truths, now) = (Truths::default(), Instant::now());
        assert_eq!(truths.at(Some(5), now).age_ms, None, "none has come yet");
        for ms in [1000, 1050, 1100, 1150] {
            truths.take(truth(ms), now);
        }
        let later = now + Duration::from_millis(70);
        let shown = |wanted| {
            let truth = truths.at(wanted, later);
            (truth.valid_at_ms, truth.age_ms)
        };
        assert_eq!(shown(Some(1060)), (1050, Some(70)));
        assert_eq!(shown(Some(5000)), (1150, Some(70)));
        assert_eq!(shown(None), (1150, Some(70)));
    }

    #[test]
    fn a_second_is_kept_and_a_simulator_begun_anew_begins_anew() {
        let (truths, now) = (Truths::default(), Instant::now());
        (1..=100).for_each(|k| truths.take(truth(k * 50), now));
        assert_eq!(truths.at(Some(0), now).valid_at_ms, 81 * 50);
        truths.take(truth(10), now);
        assert_eq!(truths.at(Some(5000), now).valid_at_ms, 10);
    }

    #[test]
    fn columns_of_different_lengths_and_unknown_kinds_are_no_truth() {
        let one = wire::Truth {
            id: vec![1],
            kind: vec![0],
            lon_e7: vec![0],
            lat_e7: vec![0],
            heading_decideg: vec![0],
            speed_cmps: vec![0],
            length_cm: vec![1],
            width_cm: vec![1],
            ..wire::Truth::default()
        };
        assert!(is_sound(&one) && is_sound(&wire::Truth::default()));
        assert!(!is_sound(&wire::Truth { kind: vec![6], ..one.clone() }));
        assert!(!is_sound(&wire::Truth { width_cm: vec![], ..one }));
    }
}

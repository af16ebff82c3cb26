//! The node's last log lines, for an operator who asks through the cloud.

use jxz_link::LogSource;
use jxz_observe::{LogTail, TailLine};
use jxz_units::Utc;
use jxz_wire::{LogLevel, LogLine, LogLines, LogRequest};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, UNIX_EPOCH};

/// Lines a second that leave the node for good, whoever asks and however often.
const LINES_PER_S: f64 = 50.0;
/// Lines that may leave at once: a screenful for each of a few operators.
const AT_ONCE: f64 = 600.0;

/// What reads this process's log.
pub(crate) fn source() -> LogSource {
    let tail = LogTail::of_process();
    let allowance = Mutex::new(Allowance { lines: AT_ONCE, at: Instant::now() });
    LogSource::new(move |request| {
        let mut allowance = allowance.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&tail, &mut allowance, Instant::now(), request)
    })
}

/// How many lines may leave. What may not stays in the tail and leaves with the next answer, or is counted as lost.
struct Allowance {
    lines: f64,
    at: Instant,
}

impl Allowance {
    fn at(&mut self, now: Instant) -> usize {
        let since = now.saturating_duration_since(self.at);
        self.lines = (self.lines + since.as_secs_f64() * LINES_PER_S).min(AT_ONCE);
        self.at = now;
        self.lines as usize
    }
}

fn answer(tail: &LogTail, allowance: &mut Allowance, now: Instant, request: &LogRequest) -> LogLines {
    let most = request.most.min(allowance.at(now));
    let after = request.after.filter(|(boot, _)| *boot == tail.boot()).map(|(_, after)| after);
    let (lines, lost) = tail.lines(after, most);
    // Who gets nothing now asks for the same again: those that are gone are told of then.
    let lost = if lines.is_empty() { 0 } else { lost };
    allowance.lines -= lines.len() as f64;
    LogLines { boot: tail.boot(), lost, lines: lines.into_iter().map(line).collect() }
}

fn line(line: TailLine) -> LogLine {
    let since = line.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let level = match line.level {
        tracing::Level::ERROR => LogLevel::Error,
        tracing::Level::WARN => LogLevel::Warn,
        _ => LogLevel::Info,
    };
    let at = Utc::from_unix_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    LogLine { number: line.number, at, level, target: line.target, text: line.text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn no_more_lines_leave_than_may_and_those_kept_back_come_with_the_next_answer() {
        let tail = LogTail::begin();
        let subscriber = tracing_subscriber::registry().with(tail.layer());
        tracing::subscriber::with_default(subscriber, || (0..700).for_each(|n| tracing::info!(n, "line")));
        let now = Instant::now();
        let mut allowance = Allowance { lines: AT_ONCE, at: now };
        let (mut last, mut got) = ((tail.boot(), 0), 0);
        let mut ask = |now: Instant| {
            let lines = answer(&tail, &mut allowance, now, &LogRequest { after: Some(last), most: 200 });
            assert_eq!(lines.lost, 0);
            last.1 = lines.lines.last().map_or(last.1, |line| line.number);
            got += lines.lines.len();
            got
        };
        assert_eq!([ask(now), ask(now), ask(now), ask(now)], [200, 400, 600, 600]);
        assert_eq!(ask(now + Duration::from_secs(1)), 650);
        assert_eq!(ask(now + Duration::from_secs(60)), 700);
        let other = LogRequest { after: Some((tail.boot() + 1, 699)), most: 5 };
        let lines = answer(&tail, &mut allowance, now + Duration::from_secs(60), &other);
        assert_eq!(lines.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [696, 697, 698, 699, 700]);
    }
}

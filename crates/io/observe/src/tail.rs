//! The last lines of this process's log, kept in memory for whoever asks from afar.
//!
//! What the log shows of INFO and above, in a ring with room for so many lines and bytes. A line is bounded while it is
//! written, however much somebody would log, and what is named like a secret is kept back.

use jxz_wire::{MAX_LOG_TARGET_BYTES, MAX_LOG_TEXT_BYTES, legible};
use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The most lines kept.
const MAX_LINES: usize = 1000;
/// The most bytes of their texts.
const MAX_BYTES: usize = 256 * 1024;
/// Fields with one of these in their names are kept back.
const SECRET: [&str; 4] = ["secret", "password", "passphrase", "token"];
/// A join token, wherever it stands, begins so.
const JOIN_TOKEN: &str = "jxz1/";

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailLine {
    /// Counts up by one from 1.
    pub number: u64,
    /// When it was written.
    pub at: SystemTime,
    /// INFO, WARN or ERROR.
    pub level: Level,
    /// The part of the program that wrote it.
    pub target: String,
    /// The message and the fields behind it, in one line.
    pub text: String,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<TailLine>,
    bytes: usize,
    written: u64,
}

impl Ring {
    fn push(&mut self, at: SystemTime, level: Level, target: String, text: String) {
        self.written += 1;
        self.bytes += target.len() + text.len();
        self.lines.push_back(TailLine { number: self.written, at, level, target, text });
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.target.len() + oldest.text.len();
        }
    }
}

/// The last lines; clones share them.
#[derive(Debug, Clone)]
pub struct LogTail {
    ring: Arc<Mutex<Ring>>,
    boot: u64,
}

impl LogTail {
    /// Nothing yet.
    #[must_use]
    pub fn begin() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { ring: Arc::default(), boot: u64::try_from(since.as_millis()).unwrap_or(0) }
    }

    /// Those of this process; empty until [`crate::init_logs`] has been called.
    #[must_use]
    pub fn of_process() -> Self {
        static TAIL: OnceLock<LogTail> = OnceLock::new();
        TAIL.get_or_init(Self::begin).clone()
    }

    /// Differs from process to process: when it began, milliseconds since the Unix epoch.
    #[must_use]
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// At most so many lines: those after a number, the oldest first, and how many of them are not there any more; or the
    /// newest.
    #[must_use]
    pub fn lines(&self, after: Option<u64>, most: usize) -> (Vec<TailLine>, u64) {
        let ring = self.ring();
        match after {
            None => (ring.lines.iter().skip(ring.lines.len().saturating_sub(most)).cloned().collect(), 0),
            Some(after) => {
                let first = ring.lines.front().map_or(ring.written + 1, |line| line.number);
                let lost = first.saturating_sub(after.saturating_add(1));
                let start = usize::try_from(after.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
                (ring.lines.iter().skip(start).take(most).cloned().collect(), lost)
            }
        }
    }

    /// What writes into it.
    pub fn layer<S: Subscriber>(&self) -> impl Layer<S> + use<S> {
        TailLayer(self.clone())
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes into a [`LogTail`].
struct TailLayer(LogTail);

impl<S: Subscriber> Layer<S> for TailLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO {
            return;
        }
        let mut target = Line::new(MAX_LOG_TARGET_BYTES);
        target.put(metadata.target());
        let mut line = Line::new(MAX_LOG_TEXT_BYTES);
        event.record(&mut line);
        let (target, text) = (target.text, without_join_tokens(line.text));
        self.0.ring().push(SystemTime::now(), *metadata.level(), target, text);
    }
}

/// A line while it is written: no longer than it may be.
struct Line {
    text: String,
    most: usize,
}

impl Line {
    const fn new(most: usize) -> Self {
        Self { text: String::new(), most }
    }

    /// What fits of a text; whether all of it did.
    fn put(&mut self, text: &str) -> bool {
        for c in text.chars().map(legible) {
            if self.text.len() + c.len_utf8() > self.most {
                return false;
            }
            self.text.push(c);
        }
        true
    }

    fn name(&mut self, field: &Field) {
        if !self.text.is_empty() {
            self.put(" ");
        }
        if field.name() != "message" {
            self.put(field.name());
            self.put("=");
        }
    }
}

impl Write for Line {
    /// Who formats something long is told to stop where the line is full.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.put(text) { Ok(()) } else { Err(fmt::Error) }
    }
}

fn is_secret(field: &Field) -> bool {
    let name = field.name().to_ascii_lowercase();
    SECRET.iter().any(|secret| name.contains(secret))
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        if is_secret(field) {
            self.put("…");
        } else {
            // A full line is no error.
            let _ = write!(self, "{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.put(if is_secret(field) { "…" } else { value });
    }
}

/// A token lets whoever has it in: nothing of one but its beginning is kept.
fn without_join_tokens(text: String) -> String {
    if !text.contains(JOIN_TOKEN) {
        return text;
    }
    let word = |word: &str| match word.find(JOIN_TOKEN) {
        Some(at) => format!("{}{JOIN_TOKEN}…", &word[..at]),
        None => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    fn logged(write: impl FnOnce()) -> LogTail {
        let tail = LogTail::begin();
        let subscriber = tracing_subscriber::registry().with(tail.layer());
        tracing::subscriber::with_default(subscriber, write);
        tail
    }

    fn texts(tail: &LogTail) -> Vec<String> {
        tail.lines(None, usize::MAX).0.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_of_info_and_above_are_kept_with_their_fields() {
        let tail = logged(|| {
            tracing::debug!("not this one");
            tracing::info!(cloud = "127.0.0.1:7300", attempt = 3, "connected <b>to</b> the cloud");
            tracing::error!(error = ?Some("disk\nfull"), "cannot write");
        });
        assert_eq!(
            texts(&tail),
            [
                "connected <b>to</b> the cloud cloud=127.0.0.1:7300 attempt=3",
                "cannot write error=Some(\"disk\\nfull\")"
            ]
        );
        let lines = tail.lines(None, 1).0;
        assert_eq!((lines[0].number, lines[0].level, lines[0].target.as_str()), (2, Level::ERROR, module_path!()));
    }

    #[test]
    fn hostile_lines_are_bounded_and_of_one_line() {
        let tail = logged(|| {
            tracing::warn!("{}", "\u{1b}[2J\nfaked: all is well\u{202e}");
            tracing::warn!(body = "河".repeat(1_000_000), "long");
            tracing::warn!(body = ?vec![0_u8; 1_000_000], "long");
        });
        let texts = texts(&tail);
        assert_eq!(texts[0], "\u{fffd}[2J\u{240a}faked: all is well\u{fffd}");
        assert!(texts[1..].iter().all(|text| (1000..=MAX_LOG_TEXT_BYTES).contains(&text.len())));
    }

    #[test]
    fn what_is_a_secret_is_not_in_it() {
        let tail = logged(|| {
            tracing::info!(client_secret = "s3cret", Password = ?"s3cret", "logs in");
            tracing::info!("join --config e.toml jxz1/cloud:7400/AA/s3cret and go; (jxz1/s3cret)");
        });
        let texts = texts(&tail);
        assert!(texts.iter().all(|text| !text.contains("s3cret")), "{texts:?}");
        assert_eq!(texts[0], "logs in client_secret=… Password=…");
    }

    #[test]
    fn the_oldest_goes_first_and_who_comes_late_hears_how_many() {
        let tail = logged(|| (0..1500).for_each(|n| tracing::info!(n, "line")));
        assert_eq!(tail.lines(None, usize::MAX).0.len(), MAX_LINES);
        let (lines, lost) = tail.lines(Some(100), 10);
        assert_eq!((lines[0].number, lines.len(), lost), (501, 10, 400));
        let (lines, lost) = tail.lines(Some(510), 1);
        assert_eq!((lines[0].number, lost), (511, 0));
        assert_eq!(tail.lines(Some(1500), 10), (Vec::new(), 0));
        assert_eq!(tail.lines(Some(u64::MAX), 10), (Vec::new(), 0));
        let long = logged(|| (0..1000).for_each(|_| tracing::info!(text = "x".repeat(2000), "line")));
        let kept: usize = texts(&long).iter().map(String::len).sum();
        assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&kept), "{kept}");
    }
}

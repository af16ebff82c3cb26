//! The old process's side: its brain's inputs go to the successor, and when that is ready, its place.

use super::words::{Reader, Word};
use super::{Claim, Giver, SILENCE, Sockets, Turn, door};
use jxz_edge::Input;
use jxz_v2x::Frame;
use jxz_world::Record;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Words that wait for the successor; one that is slower than this is none. Ten seconds of a busy site.
const WAITING: usize = 8192;

/// What the successor does.
#[derive(Debug)]
pub(crate) enum FromHeir {
    /// It knows enough.
    Ready,
    /// Its first message has left.
    Spoken,
    /// It is gone, or says what it should not.
    Gone(String),
    /// It was to speak by now and has not said so.
    Late,
}

/// What is held back while it is the successor's turn to speak.
#[derive(Debug)]
struct Held {
    since: Instant,
    until: Instant,
    frames: Vec<Frame>,
    records: Vec<Record>,
}

/// A successor that follows.
pub(crate) struct Heir {
    pub(crate) software: String,
    words: mpsc::Sender<Vec<u8>>,
    said: mpsc::Receiver<FromHeir>,
    tasks: [JoinHandle<()>; 2],
    pub(crate) ready: bool,
    giver: Giver,
    turn: Turn,
    held: Option<Held>,
}

impl Drop for Heir {
    fn drop(&mut self) {
        // The writer ends by itself when all is said; the reader has nobody to tell.
        self.tasks[1].abort();
    }
}

impl Heir {
    /// Lets it follow.
    pub(crate) fn admit(claim: Claim, sockets: &Sockets) -> io::Result<Self> {
        let (giver, turn) = Turn::new()?;
        door::pass(&claim.stream, &turn, sockets)?;
        let (from, to) = claim.stream.into_split();
        let (words, waiting) = mpsc::channel(WAITING);
        let (telling, said) = mpsc::channel(4);
        let tasks = [tokio::spawn(write(to, waiting)), tokio::spawn(read(Reader::new(from, Vec::new()), telling))];
        Ok(Self { software: claim.software, words, said, tasks, ready: false, giver, turn, held: None })
    }

    /// Passes on what the brain is told, but for what its own clock and threads tell it. `false`: it does not keep up.
    pub(crate) fn told(&self, input: &Input) -> bool {
        match input {
            // It asks for these itself.
            Input::Verified(..) | Input::Timer | Input::Links(_) | Input::Revocations(_) | Input::ClockError(_) => true,
            _ => self.say(&Word::Told(Box::new(input.clone()))),
        }
    }

    pub(crate) fn say(&self, word: &Word) -> bool {
        word.encode().is_some_and(|word| self.words.try_send(word).is_ok())
    }

    /// From now on it is the successor's turn to speak, for a round.
    ///
    /// # Errors
    /// The token cannot be laid down: it is our turn still.
    pub(crate) fn fall_silent(&mut self) -> io::Result<()> {
        self.giver.lay()?;
        let now = Instant::now();
        self.held = Some(Held { since: now, until: now + SILENCE, frames: Vec::new(), records: Vec::new() });
        Ok(())
    }

    /// The round is over without a word: whether it is our turn again. If not, the successor speaks just now, and is given as
    /// much time again to say so.
    pub(crate) fn take_turn_back(&mut self) -> bool {
        let Some(held) = &mut self.held else { return true };
        let again = held.until < held.since + SILENCE * 2;
        held.until += SILENCE;
        self.turn.take() || !again
    }

    /// For how long the node has been silent.
    pub(crate) fn silent_for(&self) -> Duration {
        self.held.as_ref().map(|held| held.since.elapsed()).unwrap_or_default()
    }

    /// Whether it is its turn to speak.
    pub(crate) fn speaks(&self) -> bool {
        self.held.is_some()
    }

    /// Holds a message back; gives it back if it is not the successor's turn.
    pub(crate) fn hold_frame(&mut self, frame: Frame) -> Option<Frame> {
        match &mut self.held {
            Some(held) => held.frames.push(frame),
            None => return Some(frame),
        }
        None
    }

    /// Holds a record back; gives it back if it is not the successor's turn.
    pub(crate) fn hold_record(&mut self, record: Record) -> Option<Record> {
        match &mut self.held {
            Some(held) => held.records.push(record),
            None => return Some(record),
        }
        None
    }

    /// What was held back, to be said after all.
    pub(crate) fn give_back(&mut self) -> (Vec<Frame>, Vec<Record>) {
        self.held.take().map_or_else(Default::default, |held| (held.frames, held.records))
    }

    /// What it does next, or that its turn is over. Safe to cancel.
    pub(crate) async fn next(&mut self) -> FromHeir {
        let until = self.held.as_ref().map(|held| held.until);
        let late = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            said = self.said.recv() => said.unwrap_or_else(|| FromHeir::Gone("it is gone".to_owned())),
            () = late => FromHeir::Late,
        }
    }

    /// Waits until all that was said has left, and ends the stream.
    pub(crate) async fn finish(mut self) {
        let (closed, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.words, closed));
        // An error is the task's end all the same.
        let _ = (&mut self.tasks[0]).await;
    }
}

async fn write(mut to: OwnedWriteHalf, mut words: mpsc::Receiver<Vec<u8>>) {
    while let Some(word) = words.recv().await {
        if let Err(error) = to.write_all(&word).await {
            return tracing::debug!(%error, "speak to a successor");
        }
    }
}

async fn read(mut reader: Reader<tokio::net::unix::OwnedReadHalf>, said: mpsc::Sender<FromHeir>) {
    loop {
        let word = match reader.next().await {
            Ok(Some(Word::Ready)) => FromHeir::Ready,
            Ok(Some(Word::Spoken)) => FromHeir::Spoken,
            Ok(Some(other)) => FromHeir::Gone(format!("it says {other:?}")),
            Ok(None) => FromHeir::Gone("it is gone".to_owned()),
            Err(error) => FromHeir::Gone(error.to_string()),
        };
        let last = matches!(word, FromHeir::Gone(_));
        if said.send(word).await.is_err() || last {
            return;
        }
    }
}

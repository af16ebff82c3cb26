//! The new process's side: it follows, and takes the place.

use super::words::{FORMAT, Hello, Reader, Word};
use super::{PATIENCE, Sockets, Turn, WARM_UP, door};
use crate::brain::Brain;
use crate::node::{open_radio, send};
use crate::{Config, fleet};
use anyhow::{Context, bail, ensure};
use jxz_edge::{Input, Output};
use jxz_link::{Credentials, Radio};
use jxz_world::{Drops, Record};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

/// The word on standard output by which the one who started us knows that we are in place.
const IN_PLACE: &str = "in place";
/// Records made between the first message and the spool's opening; beyond it the newest are lost and counted.
pub(crate) const MAX_WAITING: usize = 4096;

/// A brain that has taken the place of the old process's, and what it took over.
pub(crate) struct Followed {
    pub(crate) brain: Brain,
    pub(crate) credentials: Credentials,
    pub(crate) radio: Box<dyn Radio>,
    pub(crate) sockets: Sockets,
    /// Not in the spool yet.
    pub(crate) records: Vec<Record>,
    pub(crate) radio_drops: Drops,
    /// Ends when the old process has closed its spool.
    pub(crate) stream: Reader<UnixStream>,
}

/// Who a node is towards another process of the same site.
pub(crate) fn hello(config: &Config, brain: &Brain) -> Hello {
    Hello {
        format: FORMAT,
        software: env!("CARGO_PKG_VERSION").to_owned(),
        site: config.site.0.clone(),
        map: brain.edge.map().version.clone(),
        profile: config.profile.name().to_owned(),
    }
}

/// Checks all that the node needs, follows the running node's brain, and takes its place; is back when the sockets are ours.
///
/// # Errors
/// Something that the node needs is not there, no node runs, or it stays: the running one goes on as if nothing had been.
pub(crate) async fn follow(config: &Config, mut stop: impl Future<Output = ()> + Unpin) -> anyhow::Result<Followed> {
    let mut brain = Brain::open(config)?;
    let credentials = fleet::load_credentials(config)?;
    let (stream, turn, sockets) = door::knock(config, &hello(config, &brain))?;
    let radio = open_radio(&config.radio, Some(sockets.radio.try_clone().context("cannot use the radio's socket")?))?;
    stream.set_nonblocking(true).context("cannot listen to the running node")?;
    let mut stream =
        Reader::new(UnixStream::from_std(stream).context("cannot listen to the running node")?, Vec::new());
    tracing::info!(boot = brain.boot, "follows the running node");
    for input in brain.look().chain(fleet::recall(config)) {
        brain.tell(input);
    }
    let mut stage = Stage { radio, radio_drops: Drops::default(), records: Vec::new(), turn, role: Role::Listens };
    let (ready_at, rounds_before) = (Instant::now() + WARM_UP, brain.rounds);
    let mut heard_by = Instant::now() + WARM_UP + PATIENCE;
    let mut said_ready = false;
    loop {
        let ready = async {
            if said_ready {
                std::future::pending().await
            } else {
                tokio::time::sleep_until(ready_at).await;
            }
        };
        let input = tokio::select! {
            () = &mut stop => bail!("told to stop before it had taken over"),
            word = timeout_at(heard_by, stream.next()) => {
                heard_by = Instant::now() + WARM_UP + PATIENCE;
                match word.context("the running node says nothing any more")?.context("listen to the running node")? {
                    Some(Word::Told(input)) => *input,
                    Some(Word::Sockets) if matches!(stage.role, Role::Spoke) => break,
                    Some(Word::No(why)) => bail!("the running node stays: {why}"),
                    Some(word) => bail!("the running node says {word:?} out of turn"),
                    None if matches!(stage.role, Role::Spoke) => break,
                    None => bail!("the running node has ended before the place was taken"),
                }
            }
            () = ready => {
                let rounds = brain.rounds - rounds_before;
                let most = WARM_UP.as_secs() * 10;
                ensure!(rounds * 2 >= most, "this machine is too slow for two: {rounds} rounds of {most}");
                say(&mut stream, &Word::Ready).await?;
                said_ready = true;
                continue;
            }
            input = brain.due() => input,
        };
        let (left_at, told_at) = (left_at(&input), Instant::now());
        if left_at.is_some() {
            ensure!(said_ready, "the running node leaves before it was asked to");
            stage.role = Role::MaySpeak;
        }
        if stage.take(brain.tell(input))? {
            let thought_ms = told_at.elapsed().as_secs_f64() * 1e3;
            let since_ms = left_at.map(|at| brain.clock.now().utc.seconds_since(at) * 1e3);
            say(&mut stream, &Word::Spoken).await?;
            tracing::info!(thought_ms, since_ms, "has spoken in the running node's place");
        }
    }
    let Stage { radio, records, radio_drops, .. } = stage;
    Ok(Followed { brain, credentials, radio, sockets, records, radio_drops, stream })
}

async fn say(stream: &mut Reader<UnixStream>, word: &Word) -> anyhow::Result<()> {
    let word = word.encode().context("a word that cannot be said")?;
    stream.write_all(&word).await.context("speak to the running node")
}

/// When the old one left its place, if it does with this.
fn left_at(input: &Input) -> Option<jxz_units::Utc> {
    match input {
        Input::Succession(theirs) => Some(theirs.at),
        _ => None,
    }
}

/// What the new process does with what its brain says.
enum Role {
    Listens,
    /// Its next round is said, if it takes the turn.
    MaySpeak,
    Speaks,
    Spoke,
}

struct Stage {
    radio: Box<dyn Radio>,
    radio_drops: Drops,
    records: Vec<Record>,
    turn: Turn,
    role: Role,
}

impl Stage {
    /// Does what the brain says, when it is its turn. Whether the first round has been said just now.
    fn take(&mut self, outputs: Vec<Output>) -> anyhow::Result<bool> {
        if matches!(self.role, Role::Listens) {
            return Ok(false);
        }
        let (mut first, mut tried, mut sent) = (false, false, false);
        for output in outputs {
            match output {
                Output::Broadcast(frame) => {
                    self.take_turn()?;
                    sent |= send(&*self.radio, &frame, &mut self.radio_drops);
                    tried = true;
                }
                // A round ends with it, whether it had messages or, with a clock that is not believed, none.
                Output::State(_) if !matches!(self.role, Role::Spoke) => {
                    self.take_turn()?;
                    ensure!(sent || !tried, "the radio takes no message from this process");
                    self.role = Role::Spoke;
                    first = true;
                }
                Output::Record(record) if self.records.len() < MAX_WAITING => self.records.push(record),
                // States and words to neighbours are fresh ones in a moment.
                _ => {}
            }
        }
        Ok(first)
    }

    fn take_turn(&mut self) -> anyhow::Result<()> {
        if matches!(self.role, Role::MaySpeak) {
            ensure!(self.turn.take(), "it is too late to speak: the running node has gone on");
            self.role = Role::Speaks;
        }
        Ok(())
    }
}

/// Starts a node beside the running one, which takes its place; is back when it has, or has not.
///
/// The new node runs `program` with its own `run --config CONFIG --take-over`, and outlives this process.
///
/// # Errors
/// It has not: the running node goes on. Why is on standard error, which the new one shares.
pub fn take_over(program: &Path, config: &Path) -> anyhow::Result<()> {
    let mut child = Command::new(program)
        .arg("run")
        .arg("--take-over")
        .arg("--config")
        .arg(config)
        // The service manager's watch is over the service, not over this process.
        .env_remove("WATCHDOG_PID")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let out = child.stdout.take().context("the new node has no standard output")?;
    for line in BufReader::new(out).lines() {
        if line.context("cannot hear the new node")? == IN_PLACE {
            return Ok(());
        }
    }
    let status = child.wait().context("cannot wait for the new node")?;
    bail!("the new node has not taken over ({status}); the running one goes on")
}

/// Tells the one who started us that we are in place.
pub(crate) fn tell_parent() {
    // One who does not listen any more need not know.
    let _ = writeln!(std::io::stdout(), "{IN_PLACE}");
}

/// How long the old process may take to close its spool before that is worth a word.
const CLOSING: Duration = Duration::from_secs(5);

/// Waits until the old process has closed its spool: the stream ends.
pub(crate) async fn wait_for_spool(mut stream: Reader<UnixStream>) {
    let patience = Instant::now() + CLOSING;
    loop {
        match timeout_at(patience, stream.next()).await {
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None) | Err(_)) => return,
            Err(_) => break,
        }
    }
    tracing::error!("the process that ran before does not close its spool: records wait in memory");
    // It holds the stream as long as it lives, and nobody but it may write there.
    while let Ok(Some(_)) = stream.next().await {}
}

//! Where a successor knocks: a Unix socket in the state folder, for the service's own user alone.

use super::Turn;
use super::words::{FORMAT, Hello, Reader, Word};
use crate::Config;
use anyhow::{Context, bail, ensure};
use rustix::fd::{AsFd, OwnedFd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A successor introduces itself within this, and is answered within it.
const GREETING: Duration = Duration::from_secs(2);
/// The turn's token; the sensors' socket, the radio's, the vehicles' and the neighbours'.
const MAX_PASSED: usize = 5;

/// The socket at which a node of this state folder is asked to hand over.
#[must_use]
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join("takeover.sock")
}

/// The sockets that go from the old process to the new one.
pub(crate) struct Sockets {
    pub(crate) sensors: UdpSocket,
    pub(crate) radio: UdpSocket,
    pub(crate) vehicles: UdpSocket,
    pub(crate) neighbours: Option<UdpSocket>,
}

/// One who wants to take over, and could: it is of the same site and map.
pub(crate) struct Claim {
    pub(crate) stream: UnixStream,
    pub(crate) software: String,
}

/// The socket, and who knocks. Dropping it closes it.
pub(crate) struct Door {
    claims: mpsc::Receiver<Claim>,
    task: JoinHandle<()>,
    path: PathBuf,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    /// Opens it, in place of the one that an earlier process has left. A node that cannot do so runs all the same.
    pub(crate) fn open(config: &Config, mine: Hello) -> Option<Self> {
        let path = socket_path(&config.state_dir);
        let listener = match listen(&path) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "no other process will be able to take over");
                return None;
            }
        };
        let (sender, claims) = mpsc::channel(1);
        Some(Self { claims, task: tokio::spawn(answer(listener, mine, sender)), path })
    }

    /// The next claim; waits for one. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Option<Claim> {
        self.claims.recv().await
    }

    /// Leaves the path to the successor, who has put its own socket there or will.
    pub(crate) fn leave(self) {
        drop(self);
    }

    /// Takes the socket away: nobody answers there any more.
    pub(crate) fn close(self) {
        // If it is not there, all the better.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A socket of our own under another name first, so that there is one at the path at any time.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let draft = path.with_extension("new");
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&draft)?;
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&draft, path)?;
    Ok(listener)
}

async fn answer(listener: UnixListener, mine: Hello, claims: mpsc::Sender<Claim>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accept a successor");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let greeted = timeout(GREETING, greet(stream, &mine)).await;
        match greeted {
            Ok(Ok(claim)) => {
                // One at a time: the node refuses a second one itself.
                if claims.send(claim).await.is_err() {
                    return;
                }
            }
            Ok(Err(error)) => tracing::warn!("a successor is refused: {error:#}"),
            Err(_) => tracing::warn!("a successor said nothing"),
        }
    }
}

/// Hears who it is; says no where that cannot be.
async fn greet(mut stream: UnixStream, mine: &Hello) -> anyhow::Result<Claim> {
    let peer = stream.peer_cred().context("cannot ask whose process it is")?;
    let own = rustix::process::geteuid().as_raw();
    ensure!(peer.uid() == own, "it is of user {}, this node of user {own}", peer.uid());
    let mut reader = Reader::new(&mut stream, Vec::new());
    let Some(Word::Hello(hello)) = reader.next().await? else { bail!("its first word is no hello") };
    let software = hello.software.clone();
    match objection(mine, &hello) {
        None => Ok(Claim { stream, software }),
        Some(why) => {
            if let Some(word) = Word::No(why.clone()).encode() {
                stream.write_all(&word).await.context("cannot answer")?;
            }
            bail!(why)
        }
    }
}

/// Why one with this hello cannot take the place of a node with that one.
fn objection(mine: &Hello, theirs: &Hello) -> Option<String> {
    let differ = |what: &str, mine: &str, theirs: &str| {
        (mine != theirs)
            .then(|| format!("the running node's {what} is {mine}, the new one's {theirs}: that takes a restart"))
    };
    if theirs.format != FORMAT {
        return Some(format!("the running node speaks format {FORMAT} of taking over, the new one {}", theirs.format));
    }
    differ("site", &mine.site, &theirs.site)
        .or_else(|| differ("map", &mine.map, &theirs.map))
        .or_else(|| differ("profile", &mine.profile, &theirs.profile))
}

/// Says "follow" and passes the turn's token and the sockets on with it.
///
/// # Errors
/// The system refuses; the successor is gone.
pub(crate) fn pass(stream: &UnixStream, turn: &Turn, sockets: &Sockets) -> io::Result<()> {
    let turn = turn.descriptor()?;
    let passed = [&sockets.sensors, &sockets.radio, &sockets.vehicles].into_iter().chain(&sockets.neighbours);
    let descriptors: Vec<_> = std::iter::once(turn.as_fd()).chain(passed.map(AsFd::as_fd)).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_PASSED))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("more sockets than fit"));
    }
    let word = Word::Follow.encode().unwrap_or_default();
    // A few octets into an empty socket: they go at once and whole.
    let sent = sendmsg(stream, &[IoSlice::new(&word)], &mut control, SendFlags::NOSIGNAL)?;
    if sent == word.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Knocks at the door of the node that runs, and is given the stream of what its brain is told, a hand on the turn's token,
/// and its sockets.
///
/// # Errors
/// Nobody is there, or it says no.
pub(crate) fn knock(config: &Config, mine: &Hello) -> anyhow::Result<(StdUnixStream, Turn, Sockets)> {
    let path = socket_path(&config.state_dir);
    let mut stream = StdUnixStream::connect(&path).with_context(|| {
        format!("no node answers at {}: start one (`jxz-edge run`, systemctl start jxz-edge)", path.display())
    })?;
    stream.set_read_timeout(Some(GREETING)).context("cannot wait for the running node")?;
    let hello = Word::Hello(mine.clone()).encode().context("cannot say who this is")?;
    stream.write_all(&hello).context("cannot speak to the running node")?;

    let mut octets = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_PASSED))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(&stream, &mut [IoSliceMut::new(&mut octets)], &mut control, RecvFlags::CMSG_CLOEXEC)
        .context("the running node does not answer")?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            descriptors.extend(passed);
        }
    }
    let word = octets[..received.bytes].get(4..).context("the running node closed without a word")?;
    match Word::decode(word)? {
        Word::Follow => {}
        Word::No(why) => bail!("the running node stays: {why}"),
        other => bail!("the running node says {other:?} first"),
    }
    let (turn, sockets) = adopt(descriptors)?;
    Ok((stream, turn, sockets))
}

fn adopt(descriptors: Vec<OwnedFd>) -> anyhow::Result<(Turn, Sockets)> {
    let mut descriptors = descriptors.into_iter();
    let turn = Turn::adopt(descriptors.next().context("the running node passed no token of the turn on")?);
    let mut sockets = descriptors.map(UdpSocket::from);
    let (Some(sensors), Some(radio), Some(vehicles)) = (sockets.next(), sockets.next(), sockets.next()) else {
        bail!("the running node passed fewer sockets on than it has");
    };
    let sockets = Sockets { sensors, radio, vehicles, neighbours: sockets.next() };
    for socket in [&sockets.sensors, &sockets.radio, &sockets.vehicles].into_iter().chain(&sockets.neighbours) {
        socket.set_nonblocking(true).context("cannot use a socket that was passed on")?;
    }
    Ok((turn, sockets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        let text = |text: &str| text.to_owned();
        Hello { format: FORMAT, software: text("1"), site: text("a"), map: text("m"), profile: text("day-2") }
    }

    #[test]
    fn another_site_map_or_profile_is_no_successor_and_another_software_is() {
        assert_eq!(objection(&hello(), &Hello { software: "2".to_owned(), ..hello() }), None);
        for (other, what) in [
            (Hello { site: "b".to_owned(), ..hello() }, "site is a"),
            (Hello { map: "n".to_owned(), ..hello() }, "map is m"),
            (Hello { profile: "day-1".to_owned(), ..hello() }, "profile is day-2"),
            (Hello { format: FORMAT + 1, ..hello() }, "format"),
        ] {
            let why = objection(&hello(), &other).unwrap();
            assert!(why.contains(what), "{why}");
        }
    }
}

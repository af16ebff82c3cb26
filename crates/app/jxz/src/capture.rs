//! `jxz v2x capture`: what is on the air, as pcapng for Wireshark.

use anyhow::Context as _;
use jxz_link::{
    CaptureOptions, CaptureWriter, Captured, Channel, Direction, Encoding, MulticastConfig, MulticastRadio, Radio,
    ReceivedFrame,
};
use jxz_v2x::MessageKind;
use jxz_world::DropCause;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// Application ids that are counted each by itself; what comes under further ones is counted together.
const MOST_KINDS: usize = 64;

/// Write what is heard on the PC5-style channel as pcapng, for Wireshark.
///
/// Listens on the multicast group beside the others and sends nothing; what goes over 5G is not heard. Ends on Ctrl-C or
/// after --seconds. A line a second tells what came, by kind. What a full file has no room for is counted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jxz v2x capture --out air.pcapng --seconds 10       # beside a node with deploy/edge.example.toml
  wireshark air.pcapng                                # signed messages are dissected, others shown as bytes
  tshark -r air.pcapng -Y 'frame.comment contains \"RSM\"' -T fields -e frame.time -e data
  jxz v2x capture --out air.pcapng --max-mib 16 --files 8   # the newest 128 MiB, for as long as it runs")]
pub(crate) struct CaptureArgs {
    /// The file, made anew.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The network interface.
    #[arg(long, default_value = "lo")]
    interface: String,
    /// The multicast group and port of the channel.
    #[arg(long, default_value = "239.255.59.5:5905")]
    group: SocketAddrV4,
    /// End after so many seconds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    seconds: Option<u64>,
    /// The most a file grows to, MiB.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    max_mib: u64,
    /// Files to keep: with more than one, a full file is followed by FILE-1, FILE-2 and so on, and the oldest goes.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    files: u16,
}

/// Messages and bytes by kind.
#[derive(Default)]
struct Counts(BTreeMap<String, (u64, u64)>);

impl Counts {
    fn count(&mut self, kind: &str, bytes: usize) {
        let kind = if self.0.len() < MOST_KINDS || self.0.contains_key(kind) { kind } else { "others" };
        let (messages, sum) = self.0.entry(kind.to_owned()).or_default();
        *messages += 1;
        *sum += bytes as u64;
    }

    fn line(&self, seconds: u64, undecodable: u64) -> String {
        let messages: u64 = self.0.values().map(|(messages, _)| messages).sum();
        let bytes: u64 = self.0.values().map(|(_, bytes)| bytes).sum();
        let kinds: Vec<String> = self.0.iter().map(|(kind, (messages, _))| format!("{kind} {messages}")).collect();
        let kinds = if kinds.is_empty() { "nothing heard".to_owned() } else { kinds.join(", ") };
        format!("{seconds:5} s  {messages} messages, {bytes} bytes: {kinds}; {undecodable} undecodable")
    }
}

/// Captures until it is told to stop.
///
/// # Errors
/// The group cannot be joined, or the file cannot be written.
pub(crate) fn run(args: CaptureArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(capture(&args))
}

async fn capture(args: &CaptureArgs) -> anyhow::Result<()> {
    let radio = MulticastRadio::open(&MulticastConfig { interface: args.interface.clone(), group: args.group })?;
    let options = CaptureOptions { max_file_bytes: args.max_mib << 20, max_files: usize::from(args.files) };
    let mut writer = CaptureWriter::create(&args.out, options)?;
    let mut err = std::io::stderr();
    writeln!(err, "listening on {} at {}; Ctrl-C ends", args.group, args.interface)?;
    let began = Instant::now();
    let end = sleep(args.seconds.map_or(Duration::MAX, Duration::from_secs));
    // Listened for all the time: a Ctrl-C while a message is being written must not be missed.
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(end, stop);
    let mut each_second = interval_at(began + Duration::from_secs(1), Duration::from_secs(1));
    each_second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut counts = Counts::default();
    let undecodable = || radio.drops().of(DropCause::RadioUndecodable);
    loop {
        tokio::select! {
            biased;
            _ = &mut end => break,
            stopped = &mut stop => break stopped.context("wait for Ctrl-C")?,
            _ = each_second.tick() => {
                writer.flush()?;
                writeln!(err, "{}", counts.line(began.elapsed().as_secs(), undecodable()))?;
            }
            heard = radio.recv() => {
                let heard = heard.with_context(|| format!("listen on {}", args.group))?;
                let kind = kind(heard.frame.application_id);
                counts.count(&kind, heard.frame.bytes.len());
                writer.write(&captured(&heard, &kind))?;
            }
        }
    }
    writeln!(err, "{}", counts.line(began.elapsed().as_secs(), undecodable()))?;
    let summary = writer.finish()?;
    let files: Vec<String> = summary.files.iter().map(|file| file.display().to_string()).collect();
    writeln!(err, "{} messages written, {} not; {}", summary.written, summary.not_written, files.join(", "))?;
    Ok(())
}

fn captured<'a>(heard: &'a ReceivedFrame, kind: &'a str) -> Captured<'a> {
    Captured {
        direction: Direction::Heard,
        channel: Channel::Pc5,
        at: heard.received_at,
        kind,
        application_id: heard.frame.application_id,
        encoding: Encoding::of(&heard.frame.bytes),
        bytes: &heard.frame.bytes,
    }
}

/// The kind of message that goes under an application id; for the second phase, by our own ids.
fn kind(application_id: u32) -> String {
    let mut known = MessageKind::ROADSIDE.into_iter().chain(MessageKind::ROAD_USERS);
    match known.find(|kind| kind.application_id() == application_id) {
        Some(MessageKind::Rsi(_)) => "RSI".to_owned(),
        Some(kind) => kind.name().to_uppercase(),
        // BSM may go under any of four.
        None if (112..=114).contains(&application_id) => "BSM".to_owned(),
        None => format!("AID {application_id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use jxz_link::RadioFrame;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: CaptureArgs,
    }

    #[tokio::test]
    async fn what_is_on_the_air_comes_into_the_file_and_the_counts() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("air.pcapng");
        let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let group = format!("239.255.68.77:{port}");
        let said = ["capture", "--out", out.to_str().unwrap(), "--group", &group, "--seconds", "2"];
        let args = Cli::try_parse_from(said).unwrap().args;
        let config = MulticastConfig { interface: "lo".to_owned(), group: group.parse().unwrap() };
        let radio = MulticastRadio::open(&config).unwrap();
        let sending = async {
            let mut each = tokio::time::interval(Duration::from_millis(50));
            loop {
                each.tick().await;
                for (application_id, bytes) in [(3623, &b"\x20\x13\x13"[..]), (111, b"\x03\x80\x01x"), (9, b"odd")] {
                    radio.send(&RadioFrame { priority: 0, application_id, bytes: bytes.into() }).unwrap();
                }
            }
        };
        tokio::select! {
            done = capture(&args) => done.unwrap(),
            () = sending => {}
        }
        let file = std::fs::read(&out).unwrap();
        let times = |text: &str| file.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
        // Each message says so twice: in the information column and in the comment.
        for text in ["heard RSM, application 3623, 3 bytes", "heard BSM, application 111, 4 bytes", "heard AID 9, "] {
            assert!(times(text) >= 20 && times(text).is_multiple_of(2), "{text}: {}", times(text));
        }
        assert!(times("ieee1609dot2.data") >= 10);
    }

    #[test]
    fn kinds_are_counted_and_their_number_is_bounded() {
        let mut counts = Counts::default();
        assert_eq!(counts.line(1, 0), "    1 s  0 messages, 0 bytes: nothing heard; 0 undecodable");
        for id in [111, 114, 3623] {
            counts.count(&kind(id), 100);
        }
        assert_eq!(counts.line(2, 3), "    2 s  3 messages, 300 bytes: BSM 2, RSM 1; 3 undecodable");
        (0..1000).for_each(|id| counts.count(&kind(10_000 + id), 1));
        assert_eq!((counts.0.len(), counts.0["others"].0), (MOST_KINDS + 1, 1000 - 62));
    }

    #[test]
    fn wrong_options_are_refused() {
        for wrong in [["--group", "everyone"], ["--seconds", "0"], ["--files", "0"], ["--max-mib", "0"]] {
            let said = ["capture", "--out", "x.pcapng"].into_iter().chain(wrong);
            assert!(Cli::try_parse_from(said).is_err(), "{wrong:?}");
        }
    }
}

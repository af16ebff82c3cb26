//! A node's last log lines, and how the cloud asks for them: `fleet.proto`.

use crate::error::{decode, length, required};
use crate::fleet::{Desired, MAX_DESIRED_BYTES, MAX_DOCUMENT_BYTES};
use crate::node::v1 as wire;
use crate::{MAX_CONTROL_BYTES, WireError};
use bytes::Bytes;
use jxz_units::Utc;
use prost::Message;

/// The most bytes of an answer.
pub const MAX_LOG_BYTES: usize = 128 * 1024;
/// The most lines of an answer.
pub const MAX_LOG_LINES: usize = 200;
/// The most bytes of a line's text.
pub const MAX_LOG_TEXT_BYTES: usize = 1024;
/// The most bytes of the name of the part of the program that wrote a line.
pub const MAX_LOG_TARGET_BYTES: usize = 128;

/// What the cloud asks of a node on a stream of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// To run a configuration.
    Run(Desired),
    /// For the last lines of its log.
    Log(LogRequest),
}

/// Which lines are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRequest {
    /// Those after this one of this start of the node (`LogLines::boot`), the oldest first; `None`: the newest.
    pub after: Option<(u64, u64)>,
    /// How many at most.
    pub most: usize,
}

/// A part of a node's log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogLines {
    /// Differs from start to start of the node.
    pub boot: u64,
    /// Lines that were asked for and that the node has no more.
    pub lost: u64,
    /// The oldest first.
    pub lines: Vec<LogLine>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Counts up by one.
    pub number: u64,
    /// When it was written.
    pub at: Utc,
    /// How grave it is.
    pub level: LogLevel,
    /// The part of the program that wrote it.
    pub target: String,
    /// What it says, in one line.
    pub text: String,
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// To be known.
    Info,
    /// To be looked at.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// Its name, lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// What stands in a line for a character: itself, unless it would move the writing elsewhere, turn it round or hide.
#[must_use]
pub fn legible(c: char) -> char {
    match c {
        '\n' => '\u{240a}',
        '\t' | '\r' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A request as the body of its stream.
#[must_use]
pub fn encode_log_request(request: &LogRequest) -> Bytes {
    let (boot, after) = request.after.map_or((0, None), |(boot, after)| (boot, Some(after)));
    let most = u32::try_from(request.most).unwrap_or(u32::MAX);
    let log = Some(wire::LogRequest { after, boot, most });
    wire::Ask { log, ..wire::Ask::default() }.encode_to_vec().into()
}

/// What the body of a stream asks for. A configuration's document is not looked into; more lines than there may be are as many
/// as there may be.
///
/// # Errors
/// Too long, not protobuf, or without a document.
pub fn decode_ask(bytes: &[u8]) -> Result<Ask, WireError> {
    let ask: wire::Ask = decode("Ask", bytes, MAX_DESIRED_BYTES)?;
    if let Some(request) = ask.log {
        let after = request.after.map(|after| (request.boot, after));
        return Ok(Ask::Log(LogRequest { after, most: MAX_LOG_LINES.min(request.most as usize) }));
    }
    length("Ask.document", ask.document.len(), 1, MAX_DOCUMENT_BYTES)?;
    Ok(Ask::Run(Desired { revision: ask.revision, document: ask.document }))
}

/// The lines as the body of a stream; what is too long or illegible is cut or replaced, and what finds no room is left out
/// from the end.
#[must_use]
pub fn encode_log_lines(lines: &LogLines) -> Bytes {
    let mut message = wire::LogLines { boot: lines.boot, lost: lines.lost, lines: Vec::new() };
    let mut room = MAX_LOG_BYTES - MAX_CONTROL_BYTES;
    for line in lines.lines.iter().take(MAX_LOG_LINES) {
        let line = line_to_wire(line);
        // With its key and its length.
        let len = line.encoded_len() + 8;
        let Some(left) = room.checked_sub(len) else { break };
        room = left;
        message.lines.push(line);
    }
    message.encode_to_vec().into()
}

/// The lines in the body of a stream. Their characters are made legible here again: a node is not to be trusted with what a
/// person reads.
///
/// # Errors
/// Too long, not protobuf, a line that is too long, of no level, or out of turn.
pub fn decode_log_lines(bytes: &[u8]) -> Result<LogLines, WireError> {
    let message: wire::LogLines = decode("LogLines", bytes, MAX_LOG_BYTES)?;
    length("LogLines.lines", message.lines.len(), 0, MAX_LOG_LINES)?;
    let lines = message.lines.into_iter().map(line_from_wire).collect::<Result<Vec<_>, _>>()?;
    if lines.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        return Err(WireError::Contradiction { field: "LogLines.lines", reason: "they do not count up".to_owned() });
    }
    Ok(LogLines { boot: message.boot, lost: message.lost, lines })
}

/// As much of a text as fits, made legible.
fn cut(text: &str, most: usize) -> String {
    let within = text.chars().map(legible).scan(0, |len, c| {
        *len += c.len_utf8();
        (*len <= most).then_some(c)
    });
    within.collect()
}

fn line_to_wire(line: &LogLine) -> wire::LogLine {
    let level = match line.level {
        LogLevel::Info => wire::LogLevel::Info,
        LogLevel::Warn => wire::LogLevel::Warn,
        LogLevel::Error => wire::LogLevel::Error,
    };
    wire::LogLine {
        number: line.number,
        at_unix_ns: line.at.unix_ns(),
        level: level.into(),
        target: cut(&line.target, MAX_LOG_TARGET_BYTES),
        text: cut(&line.text, MAX_LOG_TEXT_BYTES),
    }
}

fn line_from_wire(line: wire::LogLine) -> Result<LogLine, WireError> {
    let level = match wire::LogLevel::try_from(line.level) {
        Ok(wire::LogLevel::Info) => Some(LogLevel::Info),
        Ok(wire::LogLevel::Warn) => Some(LogLevel::Warn),
        Ok(wire::LogLevel::Error) => Some(LogLevel::Error),
        Ok(wire::LogLevel::Unspecified) | Err(_) => None,
    };
    length("LogLine.target", line.target.len(), 0, MAX_LOG_TARGET_BYTES)?;
    length("LogLine.text", line.text.len(), 0, MAX_LOG_TEXT_BYTES)?;
    Ok(LogLine {
        number: line.number,
        at: Utc::from_unix_ns(line.at_unix_ns),
        level: required("LogLine.level", level)?,
        target: line.target.chars().map(legible).collect(),
        text: line.text.chars().map(legible).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_desired;

    fn line(number: u64, text: &str) -> LogLine {
        let at = Utc::from_unix_ms(1_786_233_600_000);
        LogLine { number, at, level: LogLevel::Warn, target: "jxz_link::uplink".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_is_asked_and_answered_comes_back() {
        for request in [LogRequest { after: Some((7, 12)), most: 50 }, LogRequest { after: None, most: 200 }] {
            assert_eq!(decode_ask(&encode_log_request(&request)), Ok(Ask::Log(request)));
        }
        let desired = Desired { revision: 3, document: b"{}".to_vec() };
        assert_eq!(decode_ask(&encode_desired(&desired)), Ok(Ask::Run(desired)));
        let lines = LogLines { boot: 9, lost: 4, lines: vec![line(5, "断开 <b>cloud</b>"), line(6, "back")] };
        assert_eq!(decode_log_lines(&encode_log_lines(&lines)), Ok(lines));
    }

    #[test]
    fn hostile_lines_are_cut_and_made_legible_at_both_ends() {
        let escape = "\u{1b}[2Jgone\u{202e}txt\nsecond\u{0}";
        let legible = "\u{fffd}[2Jgone\u{fffd}txt\u{240a}second\u{fffd}";
        let long = "河".repeat(5000);
        let lines = LogLines { boot: 1, lost: 0, lines: vec![line(1, escape), line(2, &long)] };
        let read = decode_log_lines(&encode_log_lines(&lines)).unwrap();
        assert_eq!((read.lines[0].text.as_str(), read.lines[1].text.len()), (legible, 1023));
        let from_outside = |lines: Vec<wire::LogLine>| wire::LogLines { boot: 1, lost: 0, lines }.encode_to_vec();
        let raw = |number, text: &str| wire::LogLine { text: text.to_owned(), ..line_to_wire(&line(number, "")) };
        assert_eq!(decode_log_lines(&from_outside(vec![raw(1, escape)])).unwrap().lines[0].text, legible);
        for lines in [
            vec![raw(1, &"x".repeat(MAX_LOG_TEXT_BYTES + 1))],
            vec![raw(2, ""), raw(2, "")],
            vec![wire::LogLine { level: 9, ..raw(1, "") }],
            (0..=MAX_LOG_LINES as u64).map(|number| raw(number, "")).collect(),
        ] {
            assert!(decode_log_lines(&from_outside(lines)).is_err());
        }
    }

    #[test]
    fn an_answer_never_outgrows_its_bound() {
        let lines = (0..1000).map(|number| line(number, &"x".repeat(2000))).collect();
        let bytes = encode_log_lines(&LogLines { boot: u64::MAX, lost: u64::MAX, lines });
        assert!(bytes.len() <= MAX_LOG_BYTES);
        let read = decode_log_lines(&bytes).unwrap();
        assert!(read.lines.len() > 100 && read.lines.len() < MAX_LOG_LINES, "{}", read.lines.len());
    }
}

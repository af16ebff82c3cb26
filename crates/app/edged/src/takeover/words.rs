//! What the two processes say to each other: on a stream, each word its length (4 octets, big-endian), its kind (1), itself.

use jxz_blackbox::{input_from_wire, input_to_wire};
use jxz_edge::Input;
use jxz_wire::journal::v1::Step;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Of the words; both must speak the same.
pub(crate) const FORMAT: u32 = 2;
/// A longer word is refused: what a busy site leaves has some 200 KB.
const MAX_WORD: usize = 8 << 20;

/// Who wants to take over, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) format: u32,
    pub(crate) software: String,
    pub(crate) site: String,
    /// Lanes and links are known by their place in the map: both must have the same.
    pub(crate) map: String,
    /// What vehicles are spoken to in.
    pub(crate) profile: String,
}

/// One word.
#[derive(Debug)]
pub(crate) enum Word {
    /// New to old: let me follow.
    Hello(Hello),
    /// Old to new: follow. The token of the turn comes with it, and the sockets: the sensors', the radio's, the vehicles', and
    /// the neighbours' if there are any.
    Follow,
    /// Old to new: no, or no more, and why. The old one goes on.
    No(String),
    /// Old to new: what the brain was just told. A succession is the last thing before the new one speaks.
    Told(Box<Input>),
    /// New to old: I know enough.
    Ready,
    /// New to old: my first message has left.
    Spoken,
    /// Old to new: I read from the sockets no more.
    Sockets,
}

impl Word {
    /// Its octets; none for an input that the black box does not know.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let (kind, body) = match self {
            Self::Hello(hello) => (0, serde_json::to_vec(hello).ok()?),
            Self::Follow => (1, Vec::new()),
            Self::No(why) => (2, why.clone().into_bytes()),
            Self::Told(input) => (3, Step { input: Some(input_to_wire(input)?), ..Step::default() }.encode_to_vec()),
            Self::Ready => (4, Vec::new()),
            Self::Spoken => (5, Vec::new()),
            Self::Sockets => (6, Vec::new()),
        };
        let mut octets = u32::try_from(body.len() + 1).ok()?.to_be_bytes().to_vec();
        octets.push(kind);
        octets.extend(body);
        Some(octets)
    }

    /// Reads what follows the length.
    pub(crate) fn decode(word: &[u8]) -> io::Result<Self> {
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let (kind, body) = word.split_first().ok_or_else(|| wrong("an empty word".to_owned()))?;
        Ok(match kind {
            0 => Self::Hello(serde_json::from_slice(body).map_err(|error| wrong(format!("a hello: {error}")))?),
            1 => Self::Follow,
            2 => Self::No(String::from_utf8_lossy(body).into_owned()),
            3 => {
                let step = Step::decode(body).map_err(|error| wrong(format!("a step: {error}")))?;
                let input = step.input.ok_or_else(|| wrong("a step without an input".to_owned()))?;
                Self::Told(Box::new(input_from_wire(input).map_err(|error| wrong(error.to_string()))?))
            }
            4 => Self::Ready,
            5 => Self::Spoken,
            6 => Self::Sockets,
            kind => return Err(wrong(format!("a word of kind {kind}"))),
        })
    }
}

/// Reads words from a stream, however they are cut. Safe to cancel between octets.
pub(crate) struct Reader<R> {
    stream: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// With what was read from the stream already.
    pub(crate) fn new(stream: R, read: Vec<u8>) -> Self {
        Self { stream, buffer: read }
    }

    /// Says something back.
    pub(crate) async fn write_all(&mut self, word: &[u8]) -> io::Result<()>
    where
        R: AsyncWrite,
    {
        self.stream.write_all(word).await
    }

    /// The next word; `None` at the stream's end. Safe to cancel.
    ///
    /// # Errors
    /// The stream breaks, or what comes is no word.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Word>> {
        loop {
            if let Some(length) = whole(&self.buffer)? {
                let word = Word::decode(&self.buffer[4..length]);
                self.buffer.drain(..length);
                return word.map(Some);
            }
            self.buffer.reserve(64 << 10);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// The length of the first word with its head, if all of it is there.
fn whole(buffer: &[u8]) -> io::Result<Option<usize>> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*head) as usize;
    if length > MAX_WORD {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a word of {length} bytes")));
    }
    Ok((buffer.len() >= 4 + length).then_some(4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn words_come_whole_however_they_are_cut_and_rubbish_is_refused() {
        let hello = Hello {
            format: FORMAT,
            software: "1".to_owned(),
            site: "a".to_owned(),
            map: "m".to_owned(),
            profile: "day-2".to_owned(),
        };
        let words = [Word::Hello(hello.clone()), Word::Told(Box::new(Input::Radio(vec![7; 3000]))), Word::Spoken];
        let octets: Vec<u8> = words.iter().flat_map(|word| word.encode().unwrap()).collect();
        for cut in [1, 7, 4096] {
            let (mut to, from) = tokio::io::duplex(cut);
            let all = octets.clone();
            tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut to, &all).await });
            let mut reader = Reader::new(from, Vec::new());
            assert!(matches!(reader.next().await.unwrap(), Some(Word::Hello(said)) if said == hello));
            let Some(Word::Told(told)) = reader.next().await.unwrap() else { panic!("a step was sent") };
            assert!(matches!(*told, Input::Radio(bytes) if bytes == vec![7; 3000]));
            assert!(matches!(reader.next().await.unwrap(), Some(Word::Spoken)));
            assert!(reader.next().await.unwrap().is_none());
        }
        for rubbish in [&[0, 0, 0, 0][..], &[0, 0, 0, 1, 99], &[255, 255, 255, 255, 0], &[0, 0, 0, 2, 3, 255]] {
            assert!(Reader::new(rubbish, Vec::new()).next().await.is_err(), "{rubbish:?}");
        }
    }
}

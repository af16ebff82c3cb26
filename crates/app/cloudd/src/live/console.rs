//! One console's end: what it said, what it was given, and what it is given next.

use super::cast::{Cast, Sections};
use super::given::Given;
use super::looking::Looking;
use bytes::Bytes;
use jxz_wire::console::v1 as wire;

/// Frames on their way to a console that says what it takes; half a second of them.
const MAX_ON_THE_WAY: u64 = 5;

/// A console, as far as its frames go.
#[derive(Debug, Default)]
pub(crate) struct Console {
    /// `None`: it says nothing and gets everything.
    looking: Option<Looking>,
    given: Given,
    /// Numbers of the frames sent last and taken last, and how many are on their way.
    sent: u64,
    taken: u64,
    on_the_way: Vec<u64>,
    /// The next frame is to be whole.
    whole: bool,
    had: [u64; Sections::COUNT],
}

impl Console {
    /// Takes what it says; `false` if that is nothing it may say.
    pub(crate) fn hear(&mut self, said: &wire::FromConsole) -> bool {
        if let Some(viewport) = &said.viewport {
            let Some(looking) = Looking::at(viewport) else { return false };
            // From everything to a part, a whole frame.
            self.whole |= self.looking.is_none();
            self.looking = Some(looking);
        }
        self.whole |= said.whole;
        if said.taken > self.sent {
            return false;
        }
        self.taken = self.taken.max(said.taken);
        self.on_the_way.retain(|number| *number > said.taken);
        true
    }

    /// Whether no frame can be sent before it says that it has taken one.
    pub(crate) fn is_behind(&self) -> bool {
        self.looking.is_some() && self.on_the_way.len() as u64 >= MAX_ON_THE_WAY
    }

    /// Its next frame. Without room on the way there is none, and the next is whole.
    pub(crate) fn next(&mut self, cast: &Cast) -> Option<Bytes> {
        let Some(looking) = self.looking else {
            self.sent = cast.number();
            return Some(cast.everything());
        };
        if self.is_behind() {
            self.whole = true;
            return None;
        }
        let (rows, left_out) = looking.rows(&cast.picture().rows);
        let frame = if self.whole {
            cast.whole(self.given.whole(&rows), left_out)
        } else {
            cast.delta(self.sent, self.given.changes(&rows, &looking), left_out, self.had)
        };
        self.whole = false;
        self.had = cast.sections().each().map(|section| section.version);
        self.sent = cast.number();
        self.on_the_way.push(self.sent);
        Some(frame)
    }
}

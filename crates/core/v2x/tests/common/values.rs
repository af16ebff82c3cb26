//! Random values of any type, by its description; bounds come more often than what lies between them.

use jxz_v2x::asn::{MemberInfo, MessageFrameExt, Profile, Shape, Size, TypeInfo};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

/// About so many numbers, texts and the like make up a value; from then on lists stay at their shortest.
const LEAVES: usize = 400;

pub(crate) struct Values {
    rng: ChaCha8Rng,
    profile: Profile,
    leaves_left: usize,
    full: bool,
}

impl Values {
    pub(crate) fn new(seed: u64, profile: Profile) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), profile, leaves_left: 0, full: false }
    }

    /// A value of the type in JSON; what is extensible is sometimes beyond its bounds.
    pub(crate) fn of(&mut self, info: &TypeInfo) -> Value {
        self.leaves_left = LEAVES;
        self.value(&info.shape)
    }

    /// One with lists as long as they may be and little else in them: much memory for few bytes.
    pub(crate) fn hollow(&mut self, info: &TypeInfo) -> Value {
        self.full = true;
        self.leaves_left = 20 * LEAVES;
        let value = self.value(&info.shape);
        self.full = false;
        value
    }

    fn value(&mut self, shape: &Shape) -> Value {
        self.leaves_left = self.leaves_left.saturating_sub(1);
        match *shape {
            Shape::Integer(bounds) => json!(self.integer(bounds[self.profile as usize])),
            Shape::Boolean => json!(self.rng.random_bool(0.5)),
            Shape::Enumerated(names) => json!(names[self.rng.random_range(0..names.len())]),
            Shape::Bits(size, _) => {
                let count = self.count(size, 64);
                json!((0..count).map(|_| if self.rng.random_bool(0.5) { '1' } else { '0' }).collect::<String>())
            }
            Shape::Octets(size) => {
                let count = self.count(size, 300);
                json!((0..count).map(|_| format!("{:02x}", self.rng.random::<u8>())).collect::<String>())
            }
            Shape::Text(size) => {
                let count = self.count(size, size.high as usize);
                json!((0..count).map(|_| char::from(self.rng.random_range(0..128_u8))).collect::<String>())
            }
            Shape::List(item, sizes) => {
                let count = self.items(sizes[self.profile as usize]);
                Value::Array((0..count).map(|_| self.value(item)).collect())
            }
            Shape::Sequence(members) => self.sequence(members),
            Shape::Choice(members) => {
                let known: Vec<&MemberInfo> = members.iter().filter(|m| m.name(self.profile).is_some()).collect();
                let chosen = known[self.rng.random_range(0..known.len())];
                json!({ chosen.name(self.profile).unwrap(): self.value(&chosen.shape) })
            }
            Shape::Named(name) => self.value(&TypeInfo::find(name).unwrap().shape),
            Shape::MessageFrameExt => {
                let messages = MessageFrameExt::MESSAGES;
                let (number, name) = messages[self.rng.random_range(0..messages.len())];
                json!({"messageId": number, "value": { name: self.value(&Shape::Named(name)) }})
            }
            other => panic!("no values of {other:?}"),
        }
    }

    fn sequence(&mut self, members: &[MemberInfo]) -> Value {
        let often = if self.full { 0.1 } else { [0.0, 0.2, 0.8, 1.0][self.rng.random_range(0..4)] };
        let mut object = Map::new();
        for member in members {
            let Some(name) = member.name(self.profile) else { continue };
            let wanted = self.leaves_left > 0 && self.rng.random_bool(often);
            if member.is_required(self.profile) || wanted {
                object.insert(name.to_owned(), self.value(&member.shape));
            }
        }
        Value::Object(object)
    }

    fn integer(&mut self, bounds: Size) -> i64 {
        let Size { low, high, extensible } = bounds;
        if extensible && self.rng.random_bool(0.3) {
            return self.beyond();
        }
        match self.rng.random_range(0..6) {
            0 => low,
            1 => high,
            2 => (low + 1).min(high),
            3 => (high - 1).max(low),
            _ => self.rng.random_range(low..=high),
        }
    }

    /// A number of any width, often next to a power of two.
    fn beyond(&mut self) -> i64 {
        let power = 1_i64 << self.rng.random_range(0..63);
        let near = [power - 1, power, power + 1, -power - 1, -power, 1 - power, i64::MIN, i64::MAX, self.rng.random()];
        near[self.rng.random_range(0..near.len())]
    }

    fn count(&mut self, size: Size, most: usize) -> usize {
        let (low, most) = (size.low as usize, if size.extensible { most } else { most.min(size.high as usize) });
        match self.rng.random_range(0..4) {
            0 => low,
            1 => (size.high as usize).min(most),
            _ => self.rng.random_range(low..=most),
        }
    }

    /// Lists fill up while the value is small.
    fn items(&mut self, size: Size) -> usize {
        let low = size.low as usize;
        if self.leaves_left == 0 {
            return low;
        }
        let most = (size.high as usize).clamp(low, low.max(200));
        match self.rng.random_range(0..8) {
            _ if self.full => most,
            0 => low,
            1 => most.min(self.leaves_left.max(low)),
            2 if size.extensible => (size.high as usize + 1).min(300),
            _ => self.rng.random_range(low..=most.min(low + 3)),
        }
    }
}

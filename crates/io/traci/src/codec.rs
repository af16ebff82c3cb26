//! TraCI's bytes: big-endian numbers, counted strings, typed values. Reading never trusts a count.

/// Strings and lists in one message can be at most the message's length; this bounds nesting on top of that.
const DEEPEST: usize = 8;

/// A typed value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// 0x07.
    UnsignedByte(u8),
    /// 0x08.
    Byte(i8),
    /// 0x09.
    Integer(i32),
    /// 0x0b.
    Double(f64),
    /// 0x0c.
    Text(String),
    /// 0x0e.
    Texts(Vec<String>),
    /// 0x10.
    Doubles(Vec<f64>),
    /// 0x01: x and y, metres.
    Position([f64; 2]),
    /// 0x03: x, y and z, metres.
    Position3([f64; 3]),
    /// 0x06: x and y of each corner, metres.
    Polygon(Vec<[f64; 2]>),
    /// 0x11: red, green, blue, opacity.
    Colour([u8; 4]),
    /// 0x0f.
    Compound(Vec<Value>),
}

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::UnsignedByte(x) => Some(f64::from(*x)),
            Self::Byte(x) => Some(f64::from(*x)),
            Self::Integer(x) => Some(f64::from(*x)),
            Self::Double(x) => Some(*x),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The place in the plane, if it is one, metres.
    #[must_use]
    pub fn position(&self) -> Option<[f64; 2]> {
        match self {
            Self::Position(at) => Some(*at),
            Self::Position3([x, y, _]) => Some([*x, *y]),
            _ => None,
        }
    }
}

/// What is wrong with bytes, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: &'static str,
}

pub(crate) type Read<T> = Result<T, Fault>;

/// Reads a message from its beginning.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[cfg(test)]
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(crate) fn fault<T>(&self, problem: &'static str) -> Read<T> {
        Err(Fault { at: self.at, problem })
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        if count > self.left() {
            return self.fault("it ends too soon");
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(crate) fn byte(&mut self) -> Read<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn integer(&mut self) -> Read<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(crate) fn double(&mut self) -> Read<f64> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    pub(crate) fn text(&mut self) -> Read<String> {
        let length = self.count(1)?;
        let bytes = self.take(length)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A count of things of which each takes at least so many bytes.
    pub(crate) fn count(&mut self, least_bytes: usize) -> Read<usize> {
        let count = self.integer()?;
        match usize::try_from(count) {
            Ok(count) if count.saturating_mul(least_bytes) <= self.left() => Ok(count),
            _ => self.fault("a count is greater than what is left"),
        }
    }

    /// The next command's identifier and a reader of its content.
    pub(crate) fn command(&mut self) -> Read<(u8, Reader<'a>)> {
        let (mut length, mut header) = (usize::from(self.byte()?), 1);
        if length == 0 {
            length = usize::try_from(self.integer()?).unwrap_or(0);
            header = 5;
        }
        let Some(content) = length.checked_sub(header + 1) else {
            return self.fault("a command is shorter than its head");
        };
        let identifier = self.byte()?;
        let start = self.at;
        self.take(content)?;
        // Faults are to be counted from the message's beginning.
        Ok((identifier, Reader { bytes: &self.bytes[..start + content], at: start }))
    }

    pub(crate) fn value(&mut self) -> Read<Value> {
        let kind = self.byte()?;
        self.value_of(kind, 0)
    }

    fn value_of(&mut self, kind: u8, depth: usize) -> Read<Value> {
        if depth > DEEPEST {
            return self.fault("values are nested too deep");
        }
        Ok(match kind {
            0x01 => Value::Position([self.double()?, self.double()?]),
            0x03 => Value::Position3([self.double()?, self.double()?, self.double()?]),
            0x06 => {
                // A count of one byte; zero announces one of four bytes.
                let short = usize::from(self.byte()?);
                let count = if short == 0 { self.count(16)? } else { short };
                Value::Polygon((0..count).map(|_| Ok([self.double()?, self.double()?])).collect::<Read<_>>()?)
            }
            0x07 => Value::UnsignedByte(self.byte()?),
            0x08 => Value::Byte(i8::from_be_bytes(self.array()?)),
            0x09 => Value::Integer(self.integer()?),
            0x0b => Value::Double(self.double()?),
            0x0c => Value::Text(self.text()?),
            0x0e => {
                let count = self.count(4)?;
                Value::Texts((0..count).map(|_| self.text()).collect::<Read<_>>()?)
            }
            0x0f => {
                let count = self.count(2)?;
                let part = |reader: &mut Self| {
                    let kind = reader.byte()?;
                    reader.value_of(kind, depth + 1)
                };
                Value::Compound((0..count).map(|_| part(self)).collect::<Read<_>>()?)
            }
            0x10 => {
                let count = self.count(8)?;
                Value::Doubles((0..count).map(|_| self.double()).collect::<Read<_>>()?)
            }
            0x11 => Value::Colour(self.array()?),
            _ => return self.fault("a value has an unknown type"),
        })
    }
}

/// Writes one command's content.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn byte(mut self, x: u8) -> Self {
        self.bytes.push(x);
        self
    }

    pub(crate) fn integer(mut self, x: i32) -> Self {
        self.bytes.extend(x.to_be_bytes());
        self
    }

    pub(crate) fn double(mut self, x: f64) -> Self {
        self.bytes.extend(x.to_be_bytes());
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        let mut this = self.count(text.len());
        this.bytes.extend(text.as_bytes());
        this
    }

    fn count(self, count: usize) -> Self {
        self.integer(i32::try_from(count).unwrap_or(i32::MAX))
    }

    pub(crate) fn value(self, value: &Value) -> Self {
        match value {
            Value::UnsignedByte(x) => self.byte(0x07).byte(*x),
            Value::Byte(x) => self.byte(0x08).byte(x.to_be_bytes()[0]),
            Value::Integer(x) => self.byte(0x09).integer(*x),
            Value::Double(x) => self.byte(0x0b).double(*x),
            Value::Text(text) => self.byte(0x0c).text(text),
            Value::Texts(texts) => texts.iter().fold(self.byte(0x0e).count(texts.len()), |this, text| this.text(text)),
            Value::Doubles(xs) => xs.iter().fold(self.byte(0x10).count(xs.len()), |this, x| this.double(*x)),
            Value::Position([x, y]) => self.byte(0x01).double(*x).double(*y),
            Value::Position3([x, y, z]) => self.byte(0x03).double(*x).double(*y).double(*z),
            Value::Polygon(corners) => {
                let head = self.byte(0x06).byte(0).count(corners.len());
                corners.iter().fold(head, |this, [x, y]| this.double(*x).double(*y))
            }
            Value::Colour(parts) => parts.iter().fold(self.byte(0x11), |this, part| this.byte(*part)),
            Value::Compound(parts) => parts.iter().fold(self.byte(0x0f).count(parts.len()), Self::value),
        }
    }

    /// The whole message: its length, and this content as one command.
    pub(crate) fn message(self, identifier: u8) -> Vec<u8> {
        let content = self.bytes;
        let short = content.len() + 2;
        let mut command = Vec::with_capacity(content.len() + 10);
        match u8::try_from(short) {
            Ok(length) => command.push(length),
            Err(_) => {
                command.push(0);
                command.extend(i32::try_from(content.len() + 6).unwrap_or(i32::MAX).to_be_bytes());
            }
        }
        command.push(identifier);
        command.extend(content);
        let mut message = i32::try_from(command.len() + 4).unwrap_or(i32::MAX).to_be_bytes().to_vec();
        message.extend(command);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_kind_end_in_a_value_or_a_fault() {
        // A multiplicative generator: reproducible noise, biased towards small numbers, which look like types and counts.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut faults = 0;
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            for _ in 0..state % 60 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let byte = (state >> 56) as u8;
                bytes.push(if state & 1 == 0 { byte % 18 } else { byte });
            }
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut reader = Reader::new(&bytes);
            while !reader.is_at_end() {
                let Ok((_, mut content)) = reader.command() else { break };
                while !content.is_at_end() {
                    if let Err(fault) = content.value() {
                        assert!(fault.at <= bytes.len());
                        faults += 1;
                        break;
                    }
                }
            }
        }
        assert!(faults > 1000, "the noise hardly reached the values: {faults}");
    }

    #[test]
    fn a_count_greater_than_what_is_left_is_refused_before_anything_is_made_of_it() {
        let bytes = [0x0e, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1, b'x'];
        assert_eq!(Reader::new(&bytes).value().unwrap_err().problem, "a count is greater than what is left");
        let deep: Vec<u8> = [0x0f, 0, 0, 0, 1].repeat(50);
        assert_eq!(Reader::new(&deep).value().unwrap_err().problem, "values are nested too deep");
    }
}

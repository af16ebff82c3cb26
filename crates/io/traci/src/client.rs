//! The conversation: one command, one answer.

use crate::codec::{Fault, Reader, Value, Writer};
use crate::error::TraciError;
use crate::words::{Domain, Variable};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A message longer than this is refused, bytes.
const LONGEST_MESSAGE: usize = 64 << 20;
/// SUMO 1.8 and later: what is subscribed here is there.
const LEAST_API: i32 = 20;

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The protocol's number.
    pub api: i32,
    /// The program's own words (`SUMO 1.28.0`).
    pub program: String,
}

/// What an object's variables are now.
pub type Values = BTreeMap<Variable, Value>;

/// What a subscription brought in a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Of one object.
    Object {
        /// Of which kind.
        domain: Domain,
        /// Which.
        id: String,
        /// Its variables; those that SUMO could not tell are missing.
        values: Values,
    },
    /// Of everything around one object.
    Around {
        /// The object in the middle.
        id: String,
        /// Of which kind the others are.
        domain: Domain,
        /// Each with its variables.
        objects: Vec<(String, Values)>,
    },
}

/// A client of one running SUMO.
#[derive(Debug)]
pub struct Client<S> {
    stream: S,
}

impl Client<TcpStream> {
    /// Connects, trying again until `patience` is over: a SUMO that was just started first loads its network. Every
    /// later answer may take as long.
    ///
    /// # Errors
    /// Nobody answers, or SUMO's protocol is older than 20.
    pub fn connect(address: SocketAddr, patience: Duration) -> Result<Self, TraciError> {
        let begun = Instant::now();
        let io = |source| TraciError::Io { action: "connect to", source };
        let stream = loop {
            match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
                Ok(stream) => break stream,
                Err(source) if begun.elapsed() >= patience => return Err(io(source)),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        stream.set_nodelay(true).map_err(io)?;
        stream.set_read_timeout(Some(patience)).map_err(io)?;
        stream.set_write_timeout(Some(patience)).map_err(io)?;
        let mut client = Self::new(stream);
        let version = client.version()?;
        if version.api < LEAST_API {
            return Err(TraciError::Version { found: version.api, needed: LEAST_API });
        }
        Ok(client)
    }
}

impl<S: Read + Write> Client<S> {
    /// A client on a stream that somebody else opened.
    pub fn new(stream: S) -> Self {
        Self { stream }
    }

    /// Who answers.
    ///
    /// # Errors
    /// As every command: the connection fails, SUMO refuses, or its answer makes no sense.
    pub fn version(&mut self) -> Result<Version, TraciError> {
        self.ask("version", 0x00, Writer::default(), |_, rest| {
            let (_, mut content) = rest.command()?;
            Ok(Version { api: content.integer()?, program: content.text()? })
        })
    }

    /// Starts again with other arguments of the command line.
    ///
    /// # Errors
    /// As every command.
    pub fn load(&mut self, arguments: &[&str]) -> Result<(), TraciError> {
        let list = Value::Texts(arguments.iter().map(|text| (*text).to_owned()).collect());
        self.ask("load", 0x01, Writer::default().value(&list), |_, _| Ok(()))
    }

    /// Runs to a time of the simulation, seconds; 0 is one step. What was subscribed comes back.
    ///
    /// # Errors
    /// As every command.
    pub fn step(&mut self, until_s: f64) -> Result<Vec<Update>, TraciError> {
        self.ask("simulation step", 0x02, Writer::default().double(until_s), |_, rest| {
            let count = rest.count(2)?;
            (0..count).map(|_| update(rest)).collect()
        })
    }

    /// The value of a variable of an object.
    ///
    /// # Errors
    /// As every command.
    pub fn get(&mut self, domain: Domain, variable: Variable, id: &str) -> Result<Value, TraciError> {
        let words = format!("get {domain:?} {id:?} variable {:#04x}", variable.0);
        let content = Writer::default().byte(variable.0).text(id);
        self.ask(&words, domain.get(), content, |_, rest| {
            let (_, mut answer) = rest.command()?;
            answer.byte()?;
            answer.text()?;
            answer.value()
        })
    }

    /// Sets a variable of an object.
    ///
    /// # Errors
    /// As every command.
    pub fn set(&mut self, domain: Domain, variable: Variable, id: &str, value: &Value) -> Result<(), TraciError> {
        let words = format!("set {domain:?} {id:?} variable {:#04x}", variable.0);
        let content = Writer::default().byte(variable.0).text(id).value(value);
        self.ask(&words, domain.set(), content, |_, _| Ok(()))
    }

    /// From now on each step brings these variables of an object.
    ///
    /// # Errors
    /// As every command.
    pub fn subscribe(&mut self, domain: Domain, id: &str, variables: &[Variable]) -> Result<(), TraciError> {
        let words = format!("subscribe to {domain:?} {id:?}");
        let content = always(Writer::default()).text(id);
        self.ask(&words, domain.subscribe(), list(content, variables), |_, rest| update(rest).map(drop))
    }

    /// From now on each step brings these variables of everything of a kind within a distance of an object, metres.
    ///
    /// # Errors
    /// As every command.
    pub fn subscribe_around(
        &mut self,
        middle: (Domain, &str),
        of: Domain,
        range_m: f64,
        variables: &[Variable],
    ) -> Result<(), TraciError> {
        let (domain, id) = middle;
        let words = format!("subscribe to {of:?} within {range_m} m of {domain:?} {id:?}");
        let content = always(Writer::default()).text(id).byte(of.get()).double(range_m);
        self.ask(&words, domain.subscribe_context(), list(content, variables), |_, rest| update(rest).map(drop))
    }

    /// Adds a point of interest, network metres, for subscriptions around it.
    ///
    /// # Errors
    /// As every command.
    pub fn add_place(&mut self, id: &str, at: [f64; 2]) -> Result<(), TraciError> {
        let kind = Value::Text("site".to_owned());
        let parts = [kind, Value::Colour([255, 160, 0, 255]), Value::Integer(0), Value::Position(at)];
        self.set(Domain::Place, Variable::ADD, id, &Value::Compound(parts.to_vec()))
    }

    /// Ends the simulation and the conversation.
    ///
    /// # Errors
    /// As every command.
    pub fn close(mut self) -> Result<(), TraciError> {
        self.ask("close", 0x7f, Writer::default(), |_, _| Ok(()))
    }

    /// Sends a command, checks its status, and reads the rest of the answer.
    fn ask<T>(
        &mut self,
        words: &str,
        identifier: u8,
        content: Writer,
        read: impl FnOnce(&str, &mut Reader<'_>) -> Result<T, Fault>,
    ) -> Result<T, TraciError> {
        let malformed =
            |fault: Fault| TraciError::Malformed { command: words.to_owned(), at: fault.at, problem: fault.problem };
        let message = content.message(identifier);
        self.stream.write_all(&message).map_err(|source| TraciError::Io { action: "write to", source })?;
        let bytes = self.receive(words)?;
        let mut reader = Reader::new(&bytes);
        let (answered, mut status) = reader.command().map_err(malformed)?;
        if answered != identifier {
            return Err(malformed(Fault { at: 0, problem: "it answers another command" }));
        }
        let result = status.byte().map_err(malformed)?;
        let description = status.text().map_err(malformed)?;
        if result != 0x00 {
            let description = description.chars().take(500).collect();
            return Err(TraciError::Refused { command: words.to_owned(), status: result, description });
        }
        read(words, &mut reader).map_err(malformed)
    }

    fn receive(&mut self, words: &str) -> Result<Vec<u8>, TraciError> {
        let io = |source| TraciError::Io { action: "read from", source };
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).map_err(io)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(0);
        if !(4..=LONGEST_MESSAGE).contains(&length) {
            let problem = "its length is impossible";
            return Err(TraciError::Malformed { command: words.to_owned(), at: 0, problem });
        }
        let mut bytes = Vec::new();
        let wanted = (length - 4) as u64;
        // Memory grows with what arrives, not with what was announced.
        let got = (&mut self.stream).take(wanted).read_to_end(&mut bytes).map_err(io)?;
        if (got as u64) < wanted {
            return Err(io(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }
}

/// The beginning of a subscription: for good.
fn always(content: Writer) -> Writer {
    // SUMO's own "no limit".
    content.double(-1_073_741_824.0).double(-1_073_741_824.0)
}

fn list(content: Writer, variables: &[Variable]) -> Writer {
    let variables = &variables[..variables.len().min(255)];
    let head = content.byte(variables.len() as u8);
    variables.iter().fold(head, |content, variable| content.byte(variable.0))
}

/// A subscription's answer.
fn update(reader: &mut Reader<'_>) -> Result<Update, Fault> {
    let (number, mut content) = reader.command()?;
    let Some((domain, around)) = Domain::of_answer(number) else {
        return content.fault("a subscription of an unknown kind");
    };
    let id = content.text()?;
    if !around {
        let count = usize::from(content.byte()?);
        let values = values(&mut content, count)?;
        return Ok(Update::Object { domain, id, values });
    }
    let Some(domain) = Domain::of_get(content.byte()?) else {
        return content.fault("objects of an unknown kind");
    };
    let variables = usize::from(content.byte()?);
    let count = content.count(4)?;
    let object = |content: &mut Reader<'_>| Ok((content.text()?, values(content, variables)?));
    let objects = (0..count).map(|_| object(&mut content)).collect::<Result<_, Fault>>()?;
    Ok(Update::Around { id, domain, objects })
}

fn values(content: &mut Reader<'_>, count: usize) -> Result<Values, Fault> {
    let mut out = Values::new();
    for _ in 0..count {
        let variable = Variable(content.byte()?);
        let status = content.byte()?;
        let value = content.value()?;
        // With a status other than 0 the value says in words why there is none.
        if status == 0 {
            out.insert(variable, value);
        }
    }
    Ok(out)
}

//! A SUMO that lies: every answer ends in a value or in an error that names the command.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_traci::{Client, Domain, TraciError, Variable};
use std::io::{self, Cursor, Read, Write};

/// A stream that answers from a script whatever is written to it.
struct Script(Cursor<Vec<u8>>);

impl Read for Script {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message of these bytes, with its true length before it.
fn message(content: &[u8]) -> Vec<u8> {
    let mut bytes = (content.len() as i32 + 4).to_be_bytes().to_vec();
    bytes.extend(content);
    bytes
}

/// "This command went well", without words.
fn fine(command: u8) -> Vec<u8> {
    vec![7, command, 0, 0, 0, 0, 0]
}

fn client(bytes: Vec<u8>) -> Client<Script> {
    Client::new(Script(Cursor::new(bytes)))
}

#[test]
fn a_refusal_names_the_command_and_the_status() {
    let mut content = vec![7 + 9, 0xa4, 0xff, 0, 0, 0, 9];
    content.extend(b"Vehicle '");
    let error = client(message(&content)).get(Domain::Vehicle, Variable::SPEED, "car-1").unwrap_err();
    let words = error.to_string();
    for part in ["get Vehicle", "car-1", "0x40", "0xff", "Vehicle '"] {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn an_impossible_length_is_refused_before_it_is_read() {
    for length in [-1_i32, 0, 3, i32::MAX] {
        let error = client(length.to_be_bytes().to_vec()).step(0.0).unwrap_err();
        assert!(matches!(error, TraciError::Malformed { .. }), "{length}: {error}");
    }
}

#[test]
fn a_message_that_ends_early_is_an_error_of_the_connection() {
    let mut bytes = message(&fine(0x02));
    bytes.truncate(bytes.len() - 2);
    assert!(matches!(client(bytes).step(0.0).unwrap_err(), TraciError::Io { .. }));
}

#[test]
fn the_answer_to_another_command_is_not_taken() {
    let error = client(message(&fine(0xa4))).step(0.0).unwrap_err();
    assert!(error.to_string().contains("another command"), "{error}");
}

#[test]
fn a_step_with_more_updates_than_bytes_is_refused() {
    let mut content = fine(0x02);
    content.extend(i32::MAX.to_be_bytes());
    let error = client(message(&content)).step(0.0).unwrap_err();
    assert!(error.to_string().contains("count"), "{error}");
}

#[test]
fn noise_after_a_good_beginning_never_panics() {
    let mut state = 12_345_u64;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let mut content = fine(0x02);
        content.extend((draw() as i32 % 4).to_be_bytes());
        // Something like a context subscription's answer, cut and disturbed.
        let mut answer = vec![0x97, 0, 0, 0, 1, b'a', 0xa4, 2, 0, 0, 0, 1, 0, 0, 0, 1, b'b', 0x40, 0, 0x0b];
        answer.extend(1.5_f64.to_be_bytes());
        answer.extend([0x42, 0, 0x01]);
        answer.extend([0; 16]);
        for _ in 0..draw() % 3 {
            let at = draw() as usize % answer.len();
            answer[at] = draw() as u8;
        }
        answer.truncate(answer.len() - (draw() % 4) as usize);
        answer.insert(0, answer.len() as u8 + 1);
        content.extend(answer);
        match client(message(&content)).step(0.0) {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
    }
    assert!(good > 500 && bad > 500, "{good} read, {bad} refused");
}

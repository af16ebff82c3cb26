//! `jxz v2x`: messages to JSON and back, line by line, by the program itself.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_tests::{program, root};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Output, Stdio};

/// Runs `jxz v2x` with these arguments and this standard input.
fn v2x(arguments: &[&str], input: &str) -> Output {
    let mut command = program("jxz");
    command.arg("v2x").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    let writer = std::thread::spawn(move || {
        // A program that refuses its arguments does not read.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn vectors(name: &str) -> Vec<Value> {
    let path = root().join("crates/core/v2x/tests/vectors").join(name);
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn without(member: &str, lines: &[Value]) -> Vec<Value> {
    let mut lines = lines.to_vec();
    for line in &mut lines {
        line.as_object_mut().unwrap().remove(member);
    }
    lines
}

#[test]
fn every_type_of_every_profile_goes_through_in_both_directions() {
    let all: Vec<Value> =
        ["day-1.jsonl", "day-2.jsonl", "release-2019-07.jsonl"].into_iter().flat_map(vectors).collect();
    for (direction, result) in [("decode", "value"), ("encode", "uper_hex")] {
        let output = v2x(&[direction], &text(&without(result, &all)));
        assert!(output.status.success(), "{}", said(&output));
        for (answer, vector) in lines(&output).iter().zip(&all) {
            assert_eq!(answer, vector, "{direction}");
        }
        assert_eq!(lines(&output).len(), all.len());
    }
}

#[test]
fn a_bad_line_says_why_and_the_run_goes_on() {
    let good = &vectors("benchmark.jsonl")[0];
    let bad = [
        ("not JSON", "the line is not JSON"),
        ("[1]", "the line is not a JSON object"),
        (r#"{"name":"a","uper_hex":"abc"}"#, "3 digits"),
        (r#"{"name":"b","uper_hex":"0g"}"#, "'g' is not a hexadecimal digit"),
        (r#"{"name":"c"}"#, "no text `uper_hex`"),
        (r#"{"name":"d","type":"Speeed","uper_hex":"00"}"#, "no `Speeed` here"),
        (r#"{"name":"e","type":7,"uper_hex":"00"}"#, "`type` is 7"),
        (r#"{"name":"f","module":"day-3","uper_hex":"00"}"#, "no profile `day-3`"),
        (r#"{"name":"g","type":"Heading","uper_hex":"fffe"}"#, "Heading: 32767 is outside 0..=28800"),
        (r#"{"name":"h","uper_hex":"20"}"#, "the bytes end early"),
        (r#"{"name":"i","type":"Heading","uper_hex":"000000"}"#, "1 bytes follow the end"),
        // What was there before is no result.
        (r#"{"name":"j","uper_hex":"20","value":{"old":1}}"#, "the bytes end early"),
    ];
    let mut input = format!("\n{good}\n");
    for (line, _) in bad {
        input += &format!("{line}\n{good}\n");
    }
    let output = v2x(&["decode"], &input);
    assert!(output.status.success(), "a bad line does not stop the run");
    assert_eq!(v2x(&["decode", "--strict"], &input).status.code(), Some(1));
    assert!(said(&output).contains("12 of 25 lines failed"), "{}", said(&output));
    let answers = lines(&output);
    assert_eq!(answers.len(), 25, "an empty line is none");
    for (index, answer) in answers.iter().enumerate() {
        if index % 2 == 0 {
            assert_eq!(answer, good);
            continue;
        }
        let (line, reason) = bad[index / 2];
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(reason) && answer.get("value").is_none(), "{line}: {error}");
        if let Ok(Value::Object(members)) = serde_json::from_str(line) {
            assert_eq!(members.get("name"), answer.get("name"), "the name is carried along");
        }
    }
}

#[test]
fn encoding_says_where_a_value_does_not_fit() {
    let input = [
        json!({"type": "BasicSafetyMessage", "value": {"msgCnt": 300}}),
        json!({"type": "MsgCount", "value": 128}),
        json!({"type": "NodeReferenceID", "value": {"id": 1, "name": "x"}}),
        // An error of an earlier run does not outlive it.
        json!({"type": "MsgCount", "value": 127, "error": "of an earlier run", "uper_hex": "00"}),
    ];
    let output = v2x(&["encode"], &text(&input));
    let answers = lines(&output);
    let error = |index: usize| answers[index]["error"].as_str().unwrap().to_owned();
    assert_eq!(error(0), "BasicSafetyMessage.msgCnt: 300 is outside 0..=127");
    assert_eq!(error(1), "MsgCount: 128 is outside 0..=127");
    assert!(error(2).contains("no `name` here; there are region, id"), "{}", error(2));
    assert_eq!(answers[3], json!({"type": "MsgCount", "value": 127, "uper_hex": "fe"}));
}

#[test]
fn the_profile_is_the_one_asked_for_then_the_lines_own_then_day_2() {
    // Hours go to 31, and to 24 in the release of 2019.
    let hour = |module: Option<&str>, value: u8| match module {
        Some(module) => json!({"module": module, "type": "DHour", "value": value}),
        None => json!({"type": "DHour", "value": value}),
    };
    let input = text(&[
        hour(None, 31),
        hour(Some("phase1"), 31),
        hour(Some("combined"), 31),
        hour(Some("day-1"), 31),
        hour(Some("release-2019-07"), 24),
        hour(Some("release-2019-07"), 25),
    ]);
    let errors = |output: &Output| lines(output).iter().map(|line| line.get("error").is_some()).collect::<Vec<_>>();
    assert_eq!(errors(&v2x(&["encode"], &input)), [false, false, false, false, false, true]);
    let forced = v2x(&["encode", "--profile", "release-2019-07"], &input);
    assert_eq!(errors(&forced), [true, true, true, true, false, true]);
    let nonsense = v2x(&["encode", "--profile", "day-9"], &input);
    assert!(!nonsense.status.success() && said(&nonsense).contains("there are day-1, day-2 and release-2019-07"));
}

#[test]
fn files_serve_as_well_as_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("in.jsonl"), folder.path().join("out.jsonl"));
    let all = vectors("benchmark.jsonl");
    std::fs::write(&from, text(&without("value", &all))).unwrap();
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    assert!(v2x(&["decode", "--in", from, "--out", to], "").status.success());
    assert_eq!(std::fs::read_to_string(to).unwrap(), text(&all));
    let missing = v2x(&["decode", "--in", "nowhere.jsonl"], "");
    assert!(!missing.status.success() && said(&missing).contains("open nowhere.jsonl"), "{}", said(&missing));
}

#[test]
fn a_message_is_shown_with_its_units() {
    let all = vectors("benchmark.jsonl");
    let hex = all[0]["uper_hex"].as_str().unwrap();
    for output in [v2x(&["show", hex], ""), v2x(&["show", "-"], &format!("{hex}\n"))] {
        assert!(output.status.success(), "{}", said(&output));
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        for line in
            ["53 bytes, profile day-2", "    speed: 13.88 m/s", "    heading: 90.0000 °", "      lat: 31.2304160 °"]
        {
            assert!(shown.lines().any(|shown| shown == line), "`{line}` in:\n{shown}");
        }
    }
    let wrong = v2x(&["show", "2013"], "");
    let said = said(&wrong);
    for profile in ["day-1", "day-2", "release-2019-07"] {
        assert!(!wrong.status.success() && said.contains(&format!("{profile}: MessageFrame")), "{said}");
    }
}

#[test]
fn a_senders_text_does_not_steer_the_terminal() {
    let name = json!({"type": "DescriptiveName", "value": "\u{1b}[2J"});
    let hex = lines(&v2x(&["encode"], &text(&[name])))[0]["uper_hex"].as_str().unwrap().to_owned();
    let shown = v2x(&["show", "--type", "DescriptiveName", &hex], "");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(r"\u{1b}[2J") && !shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_frame_is_shown_under_the_profile_in_which_it_is_exact() {
    let all = vectors("release-2019-07.jsonl");
    let frames = all.iter().filter(|line| line["type"] == "MessageFrame");
    let mut exact_there_only = 0;
    for frame in frames {
        let shown = v2x(&["show", frame["uper_hex"].as_str().unwrap()], "");
        assert!(shown.status.success(), "{}: {}", frame["name"], said(&shown));
        exact_there_only += usize::from(String::from_utf8_lossy(&shown.stdout).contains("profile release-2019-07"));
    }
    assert!(exact_there_only > 0);
}

#[test]
fn help_has_examples() {
    let help = v2x(&["--help"], "");
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for example in ["jxz v2x decode < frames.jsonl", "jxz v2x encode --profile day-1", "jxz v2x show 20131323"] {
        assert!(text.contains(example), "{text}");
    }
}

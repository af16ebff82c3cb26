//! What the README tells a newcomer to type works.

use jxz_tests::{program, root, succeed};

/// Lines of the `console` blocks, in order.
fn commands(readme: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(readme)).expect("the README is there");
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            found.push(line.to_owned());
        }
    }
    found
}

#[test]
fn both_languages_tell_the_same_commands() {
    assert_eq!(commands("README.md"), commands("README.zh-CN.md"));
    assert!(commands("README.md").len() >= 4);
}

#[test]
fn every_jxz_command_of_the_readme_runs() {
    for line in commands("README.md").iter().filter(|l| l.starts_with("jxz ")) {
        // Minutes of virtual time are for people with a release build: a few seconds show the same here.
        let line = line.replace("--minutes 5", "--minutes 0.1");
        let _said = succeed(program("jxz").args(line.split_whitespace().skip(1)));
    }
}

#[test]
fn every_xtask_of_the_readme_is_known() {
    for line in commands("README.md").iter().filter(|l| l.starts_with("cargo xtask ")) {
        let task = line.split_whitespace().nth(2).expect("a task's name");
        let _help = succeed(program("xtask").args([task, "--help"]));
    }
}

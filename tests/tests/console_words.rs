//! The console has words, in both languages, for everything that the system can name.

use jxz_tests::root;

#[test]
fn every_cause_of_a_drop_has_its_words() {
    let counts = std::fs::read_to_string(root().join("crates/core/world/src/counts.rs")).expect("the causes");
    let names = counts.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1));
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 20, "the causes' names are where this test looks for them: {names:?}");
    for language in ["en", "zh"] {
        let words = std::fs::read_to_string(root().join(format!("console/src/i18n/{language}.ts"))).expect("the words");
        for name in &names {
            assert!(words.contains(&format!("  {name}: ")), "{language} has no word for {name}");
        }
    }
}

//! `jxz sim check`: what is wrong with a scenario, and where.

use anyhow::{Context, bail};
use jxz_map::Map;
use jxz_sim::{Scenario, ScenarioError, Simulation, SimulationError};
use jxz_units::Utc;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Check scenarios without running them: each mistake with its file, line and column.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jxz sim check seeds/scenarios/*.toml")]
pub(crate) struct Args {
    /// Scenarios.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The map's folder: sites and cells that a scenario names must be on it.
    #[arg(long, default_value = "seeds/island")]
    map: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let map = Arc::new(Map::load(&args.map).with_context(|| format!("load map {}", args.map.display()))?);
    let mut wrong = 0;
    for file in &args.files {
        let text = std::fs::read_to_string(file).with_context(|| format!("read scenario {}", file.display()))?;
        match mistake(&text, &map) {
            None => writeln!(std::io::stdout(), "{}: in order", file.display())?,
            Some(mistake) => {
                wrong += 1;
                let (line, column) = place(&text, mistake.at);
                writeln!(std::io::stdout(), "{}:{line}:{column}: {}", file.display(), mistake.what)?;
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} of {} scenarios with a mistake", args.files.len());
    }
    Ok(())
}

/// The first mistake of a scenario: where (byte of the text), and what is wrong.
#[derive(Debug, PartialEq)]
struct Mistake {
    at: usize,
    what: String,
}

fn mistake(text: &str, map: &Arc<Map>) -> Option<Mistake> {
    let scenario = match Scenario::from_toml(text) {
        Ok(scenario) => scenario,
        Err(ScenarioError::Parse(error)) => {
            let at = error.span().map_or(0, |span| span.start);
            return Some(Mistake { at, what: with_nearest(error.message()) });
        }
        Err(ScenarioError::At { path, what, given, known }) => return Some(told(text, &path, what, given, &known)),
        Err(error) => {
            let at =
                if let ScenarioError::Range { name, value, .. } = &error { find_number(text, name, *value) } else { 0 };
            return Some(Mistake { at, what: error.to_string() });
        }
    };
    // Virtual time begins at any moment; what the map must have is asked before anything happens.
    let error = Simulation::new(Arc::clone(map), &scenario, 0, Utc::from_unix_ms(0)).err()?;
    let (name, known): (&str, Vec<&str>) = match &error {
        SimulationError::UnknownSite(name) => (name, map.sites.iter().map(|site| site.id.0.as_str()).collect()),
        SimulationError::UnknownCell(name) => (name, map.base_stations.iter().map(|cell| cell.id.as_str()).collect()),
        SimulationError::Scenario(ScenarioError::At { path, what, given, known }) => {
            return Some(told(text, path, what.clone(), given.clone(), known));
        }
        _ => return Some(Mistake { at: 0, what: error.to_string() }),
    };
    let mut what = error.to_string();
    if let Some(near) = nearest(name, known.into_iter()) {
        let _ = write!(what, "; did you mean {near:?}?");
    }
    Some(Mistake { at: find_text(text, name), what })
}

/// A mistake at one key, with the nearest of the names that there are.
fn told(text: &str, path: &str, mut what: String, given: Option<String>, known: &[String]) -> Mistake {
    if let Some(near) = given.and_then(|given| nearest(&given, known.iter().map(String::as_str))) {
        let _ = write!(what, "; did you mean {near:?}?");
    }
    Mistake { at: find_key(text, path), what: format!("{path}: {what}") }
}

/// Where a key stands, `actors[1].steps[0].when.actor`; of what is not there, what it would be in.
fn find_key(text: &str, path: &str) -> usize {
    let Ok(table) = DeTable::parse(text) else { return 0 };
    let mut at = 0;
    let mut tables = Some(table.get_ref());
    let mut list: Option<&toml::de::DeArray<'_>> = None;
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        let found = match (list, tables) {
            (Some(items), _) => {
                part.parse::<usize>().ok().and_then(|number| items.get(number)).map(|item| (item.span().start, item))
            }
            (None, Some(table)) => table
                .iter()
                .find(|(key, _)| key.get_ref().as_ref() == part)
                .map(|(key, value)| (key.span().start, value)),
            (None, None) => None,
        };
        let Some((start, value)) = found else { break };
        at = start;
        (tables, list) = match value.get_ref() {
            DeValue::Table(table) => (Some(table), None),
            DeValue::Array(items) => (None, Some(items)),
            _ => (None, None),
        };
    }
    at
}

/// The message, with the nearest of the names that it says were expected.
fn with_nearest(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names.split_first().and_then(|(given, expected)| nearest(given, expected.iter().copied())) {
        Some(near) if message.starts_with("unknown") => format!("{message}; did you mean `{near}`?"),
        _ => message.to_owned(),
    }
}

/// The most alike, if it is like at all.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(alike, _)| *alike > 0.7).map(|(_, candidate)| candidate)
}

/// Line and column, from one.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Where the key `name` (its tables before it, with dots) has a value: of several in an array the one that equals it.
fn find_number(text: &str, name: &str, value: f64) -> usize {
    let Ok(table) = DeTable::parse(text) else { return 0 };
    let path: Vec<&str> = name.split(['.', ':']).map(str::trim).collect();
    let mut found = Vec::new();
    walk(table.get_ref(), &path, &mut found);
    let number = |value: &DeValue<'_>| match value {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|i| i as f64),
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        _ => None,
    };
    let same = |candidate: f64| (candidate - value).abs() < 1e-9 || (candidate.is_nan() && value.is_nan());
    let equal = found.iter().find(|(_, found)| number(found).is_some_and(same));
    equal.or(found.first()).map_or(0, |(at, _)| *at)
}

fn walk<'t, 'd>(table: &'t DeTable<'d>, path: &[&str], found: &mut Vec<(usize, &'t DeValue<'d>)>) {
    let Some((first, rest)) = path.split_first() else { return };
    for (key, value) in table.iter().filter(|(key, _)| key.get_ref().as_ref() == *first) {
        match value.get_ref() {
            DeValue::Table(inner) if !rest.is_empty() => walk(inner, rest, found),
            DeValue::Array(items) if !rest.is_empty() => {
                for item in items.iter() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        walk(inner, rest, found);
                    }
                }
            }
            value => found.push((key.span().start, value)),
        }
    }
}

/// Where a name stands in quotes.
fn find_text(text: &str, name: &str) -> usize {
    [format!("\"{name}\""), format!("'{name}'")].iter().find_map(|quoted| text.find(quoted)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn island() -> Arc<Map> {
        Arc::new(Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island")).unwrap())
    }

    /// Where and what is wrong, as one line.
    fn told(text: &str) -> String {
        let mistake = mistake(text, &island()).expect("a mistake");
        let (line, column) = place(text, mistake.at);
        format!("{line}:{column}: {}", mistake.what)
    }

    #[test]
    fn a_key_that_is_misspelt_is_told_with_the_nearest() {
        let told = told("name = 'x'\n[traffic]\nvehicels = 3\n");
        assert!(told.starts_with("3:1: ") && told.ends_with("did you mean `vehicles`?"), "{told}");
    }

    #[test]
    fn a_kind_that_there_is_not_is_told_with_the_nearest() {
        let told = told("[[incidents]]\nkind = 'hard-break'\nevery_s = 30\n");
        assert!(told.starts_with("2:8: ") && told.contains("did you mean `hard-brake`?"), "{told}");
    }

    #[test]
    fn a_number_out_of_range_is_told_at_its_key_also_in_the_second_of_an_array() {
        let told_at = told("[on_board]\n  share = 1.5\n");
        assert!(told_at.starts_with("2:3: ") && told_at.contains("must be within 0..=1"), "{told_at}");
        let second = "[[incidents]]\nkind = 'crash'\nevery_s = 30\n[[incidents]]\nkind = 'crash'\nevery_s = 0.5\n";
        assert!(told(second).starts_with("6:1: "), "{}", told(second));
    }

    #[test]
    fn a_site_that_the_map_does_not_have_is_told_with_the_nearest() {
        let told = told("[[incidents]]\nkind = 'crash'\nsite = 'size-zhounin'\nevery_s = 30\n");
        assert!(told.starts_with("3:8: ") && told.ends_with("did you mean \"size-zhouning\"?"), "{told}");
    }

    #[test]
    fn text_that_is_no_toml_is_told_where_it_ceases_to_be() {
        assert!(told("name = 'x'\n[traffic\nvehicles = 3\n").starts_with("2:"), "{}", told("name = 'x'\n[traffic\n"));
    }

    /// One actor on a road, and what follows it.
    fn actor(rest: &str) -> String {
        let start = "start = { junction = 'size-zhouning', from = 'south-west', before_m = 50 }";
        format!("[[actors]]\nname = 'a'\nkind = 'car'\n{start}\n{rest}")
    }

    /// Two actors; the second, someone on foot, has this besides.
    fn two(rest: &str) -> String {
        let start = "start = { link = 'size-02:f', at_m = 40 }";
        actor(&format!("[[actors]]\nname = 'b'\nkind = 'pedestrian'\n{start}\n{rest}"))
    }

    #[test]
    fn mistakes_in_actors_areas_and_expectations_are_told_where_they_are_and_with_a_hint() {
        let start = |place: &str| format!("[[actors]]\nname = 'a'\nkind = 'car'\nstart = {place}\n");
        let step = |step: &str| two(&format!("steps = [\n  {step},\n]\n"));
        let drives = |step: &str| actor(&format!("steps = [\n  {step},\n]\n"));
        // Text, line, and what must be said.
        let table: Vec<(String, usize, &str)> = vec![
            ("[area]\nsites = ['size-zhouning', 'size-xing']\n".into(), 2, "did you mean \"size-xingying\"?"),
            ("[area]\ncentre = [118.70, 32.04]\n".into(), 2, "centre and radius_m go together"),
            ("[area]\ncentre = [118.0, 32.0]\nradius_m = 10\n".into(), 3, "no site lies within it; the nearest"),
            ("[area]\nsites = ['size-zhouning']\ncentre = [118.7, 32.0]\nradius_m = 10\n".into(), 3, "not both"),
            ("[[actors]]\nname = 'a'\nkind = 'lorry'\n".into(), 3, "unknown variant `lorry`"),
            (actor("speed_mps = 'fast'\n"), 5, "a number or { from = , to = }"),
            (actor("speed_mps = { from = 9, to = 8 }\n"), 5, "is empty: from must not be above to"),
            (actor("speed_mps = 90\n"), 5, "must be within 0..=60"),
            (actor("sped_mps = 9\n"), 5, "did you mean `speed_mps`?"),
            (actor("against = true\nroute = ['left']\n"), 6, "only vehicles that drive with the traffic"),
            (actor("route = ['leftt']\n"), 5, "there is no link \"leftt\""),
            (actor("route = ['u-turn']\n"), 5, "there are left, size-01:f, straight"),
            (actor("[[actors]]\nname = 'a'\nkind = 'car'\nstart = { link = 'size-02:f', at_m = 4 }\n"), 6, "taken"),
            (
                start("{ junction = 'size-zhounin', from = 'north', before_m = 9 }"),
                4,
                "did you mean \"size-zhouning\"?",
            ),
            (
                start("{ junction = 'size-zhouning', from = 'size-2:f', before_m = 9 }"),
                4,
                "did you mean \"size-02:f\"?",
            ),
            (start("{ junction = 'size-zhouning', before_m = 9 }"), 4, "junction goes with from"),
            (start("{ junction = 'size-zhouning', from = 'south-west' }"), 4, "one of before_m and at_crossing"),
            (
                start("{ junction = 'zhongxin-zhouning', from = 'south-west', movement = 'u-turn', before_m = 9 }"),
                4,
                "there are left, right, straight",
            ),
            (start("{ link = 'size-02:f', at_m = 900 }"), 4, "is beyond the lane's end"),
            (start("{ link = 'size-02:f', nth = 7, at_m = 9 }"), 4, "has no lane 7"),
            (start("{ link = 'size-99:f', at_m = 9 }"), 4, "there is no link"),
            (start("{ lane = 'size-02:f:9', at_m = 9 }"), 4, "did you mean \"size-02:f:"),
            (start("{ bus_stop = 'park-tanyuan' }"), 4, "did you mean \"park-tanyuan-"),
            (start("{ at = [32.04, 118.7] }"), 4, "longitude comes first"),
            (start("{ at_m = 4 }"), 4, "give one of junction, lane, link, bus_stop or at"),
            (drives("{ at_s = 1 }"), 6, "nothing is said here: give one of follow"),
            (drives("{ at_s = 1, after_s = 2, leave = true }"), 6, "only one is possible of at_s"),
            (drives("{ cross = { mps = 1 } }"), 6, "a vehicle cannot cross"),
            (drives("{ change_lane = 'right' }, { change_lane = 'right' }"), 6, "no lane to the right of"),
            (step("{ change_lane = 'left' }"), 10, "someone on foot cannot change_lane"),
            (step("{ when = { actor = 'aa', within_m = 3 }, leave = true }"), 10, "did you mean \"a\"?"),
            (step("{ when = { actor = 'b', within_m = 3 }, leave = true }"), 10, "is this actor itself"),
            (step("{ when = { actor = 'a' }, leave = true }"), 10, "give one of within_m"),
            (step("{ when = { within_m = 3 }, leave = true }"), 10, "need the other"),
            (step("{ meet = { actor = 'a', gap_s = 99 }, cross = { mps = 1 } }"), 10, "must be within -10..=60"),
            (
                step("{ meet = { actor = 'a', gap_s = 1 }, walk = { mps = 1, against = true } }"),
                10,
                "do not cross while both play",
            ),
            (step("{ meet = { actor = 'a', gap_s = 1 }, cross = { mps = 0.1 } }"), 10, "do not cross while both play"),
            (format!("{}[expect]\nseeds = '9..3'\n", actor("")), 6, "the last is below the first"),
            (
                format!("{}[expect]\nwarnings = [{{ application = 'icw', to = 'c' }}]\n", actor("")),
                6,
                "there is no actor \"c\"",
            ),
            (format!("{}[expect]\nnone = ['vrucv']\n", actor("")), 6, "did you mean `vrucw`?"),
            (format!("{}[expect]\ntracked = 2\n", actor("")), 6, "must be within 0..=1"),
            (
                format!("{}[[expect.encounters]]\nof = ['a', 'b']\nttc_s = {{ at_least = 3, at_most = 1 }}\n", two("")),
                11,
                "nothing is within",
            ),
            (format!("{}[[expect.encounters]]\nof = ['a', 'b']\n", two("")), 9, "says nothing"),
            (ring(), 5, "go round in a ring"),
        ];
        let mut wrong = Vec::new();
        for (text, line, hint) in &table {
            let told = told(text);
            if !told.starts_with(&format!("{line}:")) || !told.contains(hint) {
                wrong.push(format!("{text}\n{told}\nwanted {line}: {hint}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }

    /// Two who each wait to meet the other.
    fn ring() -> String {
        let meets = |other: &str| format!("appears = {{ meet = {{ actor = '{other}', gap_s = 1 }} }}\n");
        format!(
            "{}{}",
            actor(&meets("b")),
            two(&meets("a")).split_once("\n[[actors]]").map_or(String::new(), |(_, b)| format!("[[actors]]{b}"))
        )
    }

    #[test]
    fn every_scenario_of_the_library_is_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/scenarios");
        let map = island();
        for folder in [folder.clone(), folder.join("staged")] {
            for file in
                std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
            {
                assert_eq!(mistake(&std::fs::read_to_string(&file).unwrap(), &map), None, "{}", file.display());
            }
        }
    }
}

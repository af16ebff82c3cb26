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
        _ => return Some(Mistake { at: 0, what: error.to_string() }),
    };
    let mut what = error.to_string();
    if let Some(near) = nearest(name, known.into_iter()) {
        let _ = write!(what, "; did you mean {near:?}?");
    }
    Some(Mistake { at: find_text(text, name), what })
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
}

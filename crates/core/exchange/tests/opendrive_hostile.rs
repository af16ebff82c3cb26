//! Documents that lie, break off or overflow: an error that names the element, or a map; never a panic.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_exchange::{ImportError, import};
use jxz_map::Map;

const GOOD: &str =
    "<OpenDRIVE><header revMajor='1' revMinor='7'/><road name='' length='50' id='1' junction='-1'><link/>
<planView><geometry s='0' x='0' y='0' hdg='0' length='50'><line/></geometry></planView><lanes><laneSection s='0'>
<center><lane id='0' type='none' level='false'/></center><right><lane id='-1' type='driving' level='false'><link/>
<width sOffset='0' a='3.5' b='0' c='0' d='0'/></lane></right></laneSection></lanes></road></OpenDRIVE>";

/// What an import says of the good document with one thing changed.
fn said(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    import(&GOOD.replacen(old, new, 1), "x").unwrap_err().to_string()
}

/// Whatever comes out of an import is a map that loads, or an error that says why not.
fn survives(text: &str) -> bool {
    let Ok(imported) = import(text, "x") else { return false };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("map.toml"), &imported.map_toml).unwrap();
    std::fs::write(folder.path().join("lanes.toml"), &imported.lanes_toml).unwrap();
    if let Err(error) = Map::load(folder.path()) {
        assert!(error.to_string().starts_with("lanes.toml"), "{error}");
    }
    true
}

#[test]
fn the_good_one_is_good() {
    assert!(survives(GOOD));
}

#[test]
fn a_number_that_is_none_is_named_with_its_road() {
    for bad in ["x='abc'", "x='NaN'", "x='inf'", "x='1e300'", "x=''"] {
        let words = said("x='0'", bad);
        assert!(words.contains("road \"1\"") && words.contains("<geometry>") && words.contains(": x is"), "{words}");
    }
}

#[test]
fn what_has_no_lane_is_refused_with_the_reason() {
    assert!(said("<geometry s='0' x='0' y='0' hdg='0' length='50'><line/></geometry>", "").contains("planView"));
    assert!(said("length='50'><line/>", "length='-5'><line/>").contains("OpenDRIVE"));
    assert!(said("type='driving'", "type='parking'").contains("no road outside a junction"));
    assert!(said("junction='-1'", "junction='4'").contains("no road outside a junction"));
    assert!(said("</OpenDRIVE>", "").contains("not well-formed"));
    assert!(import("", "x").unwrap_err().to_string().contains("not well-formed"));
}

#[test]
fn entities_and_depth_do_not_explode() {
    let bomb =
        "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]><OpenDRIVE>&b;</OpenDRIVE>";
    assert!(matches!(import(bomb, "x").unwrap_err(), ImportError::Xml(_)));
    let deep = "<a>".repeat(200_000);
    assert!(import(&deep, "x").unwrap_err().to_string().contains("256 deep"));
    let long = format!("{GOOD}{}", " ".repeat(64 << 20));
    assert!(matches!(import(&long, "x").unwrap_err(), ImportError::TooLong { .. }));
}

#[test]
fn impossible_curves_end_in_bounded_time() {
    for shape in [
        "<arc curvature='1e9'/>",
        "<arc curvature='-0'/>",
        "<spiral curvStart='-1e6' curvEnd='1e6'/>",
        "<poly3 a='0' b='1e9' c='1e9' d='1e9'/>",
        "<paramPoly3 aU='0' bU='0' cU='0' dU='0' aV='0' bV='0' cV='0' dV='0' pRange='normalized'/>",
        "<paramPoly3 aU='0' bU='1e12' cU='-1e12' dU='0' aV='0' bV='0' cV='1e12' dV='0' pRange='normalized'/>",
        "<helix/>",
    ] {
        survives(&GOOD.replacen("<line/>", shape, 1));
    }
    for width in ["a='-3'", "a='1e30'", "a='0'", "a='3' b='-1e9'"] {
        survives(&GOOD.replacen("a='3.5'", width, 1));
    }
    assert!(said("x='0' y='0' hdg='0' length='50'><line/>", "x='0' y='0' hdg='0' length='50'><line/></geometry><geometry s='50' x='900000' y='0' hdg='0' length='50'><line/>").contains("900000 m"));
}

#[test]
fn a_document_cut_or_disturbed_anywhere_ends_in_a_map_or_an_error() {
    let mut taken = 0;
    for at in (0..GOOD.len()).filter(|at| GOOD.is_char_boundary(*at)) {
        taken += usize::from(survives(&GOOD[..at]));
        for with in ["9", "-", "\"", "<", " "] {
            let end = at + 1;
            if GOOD.is_char_boundary(end) {
                taken += usize::from(survives(&format!("{}{with}{}", &GOOD[..at], &GOOD[end..])));
            }
        }
    }
    assert!(taken > 300, "so few disturbances are harmless? {taken}");
}

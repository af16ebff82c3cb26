//! Writes the message set's types for rasn, from the same tables as the product's own.

#![allow(clippy::unwrap_used, reason = "what fails here fails the build, with its reason")]
#![allow(clippy::print_stdout, reason = "that is how a build script speaks")]

#[path = "../../../../crates/core/v2x/build/names.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod names;
#[path = "../../../../crates/core/v2x/build/schema.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod schema;
mod types;

use std::path::Path;
use std::{env, fs};

const SCHEMA: &str = "../../../crates/core/v2x/schema";

fn main() {
    let read = |name: &str| {
        let path = format!("{SCHEMA}/{name}.tsv");
        println!("cargo:rerun-if-changed={path}");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {path}: {error}"))
    };
    println!("cargo:rerun-if-changed=build");
    let day_1 = schema::table(&read("day-1"));
    let day_2 = schema::table(&read("day-2"));
    let release = schema::changed(&day_1, &schema::table(&read("release-2019-07")));
    let code = [
        types::module("day_2", &day_2, None),
        types::module("day_1", &day_1, Some(&day_2)),
        types::module("release_2019_07", &release, Some(&day_2)),
    ];
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("types.rs"), code.concat()).unwrap();
}

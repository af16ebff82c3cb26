//! Writes the wire's types from the message set's tables: `schema/*.tsv` in, `types.rs` out.

#![allow(clippy::unwrap_used, reason = "what fails here fails the build, with its reason")]
#![allow(clippy::print_stdout, reason = "that is how a build script speaks")]

mod boxed;
mod least;
mod merge;
mod names;
mod registry;
mod rust;
mod schema;
mod structure;

use std::path::Path;
use std::{env, fs};

fn main() {
    let read = |name: &str| {
        let path = format!("schema/{name}.tsv");
        println!("cargo:rerun-if-changed={path}");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {path}: {error}"))
    };
    println!("cargo:rerun-if-changed=build");
    let day_1 = schema::table(&read("day-1"));
    let day_2 = schema::table(&read("day-2"));
    let release = schema::changed(&day_1, &schema::table(&read("release-2019-07")));
    let docs = read("meanings");
    let mut types = merge::merge(&[day_1, day_2, release]);
    boxed::put(&mut types);
    let code = rust::module(&types, &rust::Meanings::parse(&docs));
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("types.rs"), code).unwrap();
}

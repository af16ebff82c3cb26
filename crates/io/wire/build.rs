//! Compiles every `.proto` file of the workspace, without `protoc`.

use prost::Message as _;
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../../proto").canonicalize()?;
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let descriptors = protox::compile(&files, [&root])?;
    write_descriptors(descriptors.clone())?;
    let mut config = prost_build::Config::new();
    // A recording names the message of each of its channels.
    config.enable_type_names();
    describe_in_json(&mut config);
    tonic_prost_build::configure()
        .bytes(".jxz.node.v1.Downlink")
        .btree_map(".jxz")
        .emit_rerun_if_changed(false)
        // One file that nests every package's module, so that a new package appears by itself.
        .include_file("packages.rs")
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}

/// The API's answers are also given in JSON, by the same names; `src/json.rs` has what serde would do otherwise.
fn describe_in_json(config: &mut prost_build::Config) {
    const ANSWERS: [&str; 14] = [
        "ListNodesResponse",
        "Node",
        "Position",
        "Sensor",
        "Health",
        "StageLatency",
        "ListTracksResponse",
        "Track",
        "ListWarningsResponse",
        "Warning",
        "PredictedPath",
        "ListSignalsResponse",
        "Junction",
        "Phase",
    ];
    for name in ANSWERS {
        config.type_attribute(format!(".jxz.api.v1.{name}"), "#[derive(serde::Serialize, schemars::JsonSchema)]");
    }
    for name in ["Node", "Sensor", "Health", "Track", "Warning", "Junction"] {
        let attribute = "#[serde(serialize_with = \"crate::json::freshness\")] \
                         #[schemars(with = \"crate::json::Freshness\")]";
        config.field_attribute(format!(".jxz.api.v1.{name}.freshness"), attribute);
    }
    let attribute = "#[serde(serialize_with = \"crate::json::hex_if_any\")] #[schemars(with = \"Option<String>\")]";
    config.field_attribute(".jxz.api.v1.Node.boot", attribute);
    let attribute = "#[serde(serialize_with = \"crate::json::hex\")] #[schemars(with = \"String\")]";
    config.field_attribute(".jxz.api.v1.Warning.id", attribute);
}

/// What describes the messages to readers of a recording: everything but comments and places in the source.
fn write_descriptors(mut descriptors: prost_types::FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    let path = Path::new(&std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(path, descriptors.encode_to_vec())?;
    Ok(())
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|ext| ext == "proto") {
            into.push(path);
        }
    }
    Ok(())
}

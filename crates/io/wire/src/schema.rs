//! Descriptions of our messages for whoever reads them without our code.

use prost::Message as _;
use prost_types::FileDescriptorSet;

/// Of every file, what it imports before it.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The encoded `FileDescriptorSet` of every file of ours, as gRPC reflection tells it.
#[must_use]
pub const fn descriptors() -> &'static [u8] {
    DESCRIPTORS
}

/// The `FileDescriptorSet` that describes a message of ours by its full name (`jxz.node.v1.NodeState`): its file and
/// what that imports, in order of need. `None` for a name that is not ours.
#[must_use]
pub fn descriptor_set(message: &str) -> Option<Vec<u8>> {
    let mut files = FileDescriptorSet::decode(DESCRIPTORS).ok()?.file;
    let (package, name) = message.rsplit_once('.')?;
    let mut needed: Vec<String> = files
        .iter()
        .filter(|file| file.package() == package && file.message_type.iter().any(|m| m.name() == name))
        .map(|file| file.name().to_owned())
        .collect();
    let mut next = 0;
    while let Some(file) = needed.get(next).and_then(|name| files.iter().find(|file| file.name() == name)) {
        let more: Vec<String> = file.dependency.iter().filter(|name| !needed.contains(name)).cloned().collect();
        needed.extend(more);
        next += 1;
    }
    files.retain(|file| needed.iter().any(|name| name == file.name()));
    (!files.is_empty()).then(|| FileDescriptorSet { file: files }.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(message: &str) -> Vec<String> {
        let set = FileDescriptorSet::decode(descriptor_set(message).unwrap().as_slice()).unwrap();
        set.file.iter().map(|file| file.name().to_owned()).collect()
    }

    #[test]
    fn a_message_is_described_by_its_file_and_all_that_it_imports_before_it() {
        let files = names("jxz.sim.v1.Shown");
        assert_eq!(files, ["jxz/sensor/v1/sensor.proto", "jxz/node/v1/node.proto", "jxz/sim/v1/sim.proto"]);
        let files = names("foxglove.SceneUpdate");
        assert_eq!(files.last().unwrap(), "foxglove/scene.proto");
        assert!(files.contains(&"google/protobuf/timestamp.proto".to_owned()), "{files:?}");
    }

    #[test]
    fn what_is_not_ours_is_not_described() {
        for name in ["jxz.node.v1.Nothing", "NodeState", "", "google.Nothing", "other.v1.NodeState"] {
            assert_eq!(descriptor_set(name), None, "{name}");
        }
    }
}

//! A command's manual pages and the completions of its command line, for packages.

use clap::Command;
use clap_complete::Shell;
use std::fs;
use std::io;
use std::path::Path;

/// Writes `NAME.1` and a page for each subcommand, `NAME.bash`, `_NAME` (zsh) and `NAME.fish` into a folder, which is
/// made.
///
/// # Errors
/// The folder cannot be made or written.
pub fn write_manual(command: Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let name = command.get_name().to_owned();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command.clone(), &name, folder)?;
    }
    clap_mangen::generate_to(command, folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn pages_and_completions_name_the_options() {
        let folder = tempfile::tempdir().unwrap();
        let command = Command::new("jxz-edge").about("A node").arg(Arg::new("config").long("config"));
        write_manual(command, folder.path()).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        // roff escapes hyphens.
        assert!(read("jxz-edge.1").contains("\\-\\-config"));
        for name in ["jxz-edge.bash", "_jxz-edge", "jxz-edge.fish"] {
            assert!(read(name).contains("config"), "{name}");
        }
    }
}

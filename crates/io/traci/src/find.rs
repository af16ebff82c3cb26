//! Where SUMO is on this machine.

use crate::error::NotFound;
use std::path::{Path, PathBuf};

/// One of SUMO's programs (`sumo`, `sumo-gui`, `netconvert`): in the folder given, else in `$SUMO_HOME/bin`, else on
/// the PATH. What is given may be the folder or any program in it.
///
/// # Errors
/// It is in none of them; the message says which those were and how to get it.
pub fn find_program(program: &str, given: Option<&Path>) -> Result<PathBuf, NotFound> {
    let mut looked = Vec::new();
    let folders: Vec<PathBuf> = match given {
        Some(path) if path.is_dir() => vec![path.to_owned()],
        Some(path) => path.parent().map(Path::to_owned).into_iter().collect(),
        None => {
            let home = std::env::var_os("SUMO_HOME").map(|home| PathBuf::from(home).join("bin"));
            let path = std::env::var_os("PATH").unwrap_or_default();
            home.into_iter().chain(std::env::split_paths(&path)).filter(|folder| folder.is_absolute()).collect()
        }
    };
    if let Some(path) = given.filter(|path| path.is_file() && path.file_stem().is_some_and(|stem| stem == program)) {
        return Ok(path.to_owned());
    }
    for folder in folders {
        let path = folder.join(program);
        if path.is_file() {
            return Ok(path);
        }
        let windows = folder.join(format!("{program}.exe"));
        if windows.is_file() {
            return Ok(windows);
        }
        looked.push(folder);
    }
    Err(NotFound { program: program.to_owned(), looked })
}

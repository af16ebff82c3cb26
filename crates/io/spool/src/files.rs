//! The file system, as little of it as a spool needs.

use crate::SpoolError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Files in one folder. Nothing survives a loss of power that was not synced: contents by [`Files::sync`], names by
/// [`Files::sync_names`].
pub trait Files {
    /// The names of all files.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn list(&mut self) -> io::Result<Vec<String>>;

    /// A whole file.
    ///
    /// # Errors
    /// It is not there or cannot be read.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;

    /// `len` bytes of a file.
    ///
    /// # Errors
    /// It is not there, too short, or cannot be read.
    fn read_at(&mut self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>>;

    /// Makes an empty file, in place of one of that name if there is one.
    ///
    /// # Errors
    /// The folder cannot be written.
    fn create(&mut self, name: &str) -> io::Result<()>;

    /// Adds to the end of a file.
    ///
    /// # Errors
    /// Nothing, or a part, may have been written.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file to a length.
    ///
    /// # Errors
    /// It cannot be written.
    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()>;

    /// Makes a file's contents durable.
    ///
    /// # Errors
    /// What of it is durable is not known.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Gives a file another name, replacing what had it, in one step.
    ///
    /// # Errors
    /// The names are as before.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Deletes a file.
    ///
    /// # Errors
    /// It is still there.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Makes the names durable.
    ///
    /// # Errors
    /// What of them is durable is not known.
    fn sync_names(&mut self) -> io::Result<()>;
}

/// The name of the file whose lock keeps a second process out.
const LOCK: &str = "lock";

/// A folder of the real file system, locked for this process while the value lives.
#[derive(Debug)]
pub struct DirFiles {
    folder: PathBuf,
    _lock: File,
    /// The file written last, and the file read last.
    writing: Option<(String, File)>,
    reading: Option<(String, File)>,
}

impl DirFiles {
    /// Opens a folder, making it if need be.
    ///
    /// # Errors
    /// It cannot be made or written, or another process has it.
    pub fn open(folder: &Path) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::Folder { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse { folder: folder.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Self { folder: folder.to_owned(), _lock: lock, writing: None, reading: None })
    }

    /// The file open for writing at its end.
    fn writer(&mut self, name: &str) -> io::Result<&mut File> {
        let held = self.writing.take().filter(|(held, _)| held == name);
        let file = match held {
            Some((_, file)) => file,
            None => OpenOptions::new().append(true).open(self.folder.join(name))?,
        };
        Ok(&mut self.writing.insert((name.to_owned(), file)).1)
    }

    fn forget(&mut self, name: &str) {
        self.writing.take_if(|(held, _)| held == name);
        self.reading.take_if(|(held, _)| held == name);
    }
}

impl Files for DirFiles {
    fn list(&mut self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.file_name().into_string()));
        // A name that is not text is none of ours.
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().filter_map(Result::ok).filter(|n| n != LOCK).collect())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.folder.join(name))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_at(&mut self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let held = self.reading.take().filter(|(held, _)| held == name);
        let file = match held {
            Some((_, file)) => file,
            None => File::open(self.folder.join(name))?,
        };
        let mut bytes = vec![0; len];
        let read = file.read_exact_at(&mut bytes, offset);
        self.reading = Some((name.to_owned(), file));
        read.map(|()| bytes)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.forget(name);
        let path = self.folder.join(name);
        OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.writer(name)?.write_all(bytes)
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.writer(name)?.set_len(len)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.writer(name)?.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.forget(from);
        self.forget(to);
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.forget(name);
        fs::remove_file(self.folder.join(name))
    }

    fn sync_names(&mut self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

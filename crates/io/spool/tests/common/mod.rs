//! A model of a disk that does the worst that a disk may do.

use jxz_spool::Files;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::rc::Rc;

/// Torn writes are torn at multiples of this: small, so that small records are torn too.
const SECTOR: usize = 16;

#[derive(Debug, Clone, Default)]
struct Inode {
    /// What a process sees.
    data: Vec<u8>,
    /// What certainly survives a loss of power.
    safe: Vec<u8>,
    /// A sync failed: later ones say that they succeed, and make nothing safe (as Linux does).
    poisoned: bool,
}

#[derive(Debug, Clone)]
enum NameOperation {
    Link(String, u64),
    Unlink(String),
    Rename(String, String),
}

#[derive(Debug)]
struct Disk {
    rng: ChaCha8Rng,
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    names: BTreeMap<String, u64>,
    safe_names: BTreeMap<String, u64>,
    unsafe_names: Vec<NameOperation>,
    capacity: usize,
    /// Operations until the process is killed in the middle of one.
    fuse: Option<u32>,
    dead: bool,
    /// Probability that an operation fails.
    trouble: f64,
    /// Bits flipped so far.
    flipped: u32,
}

/// The files of a process; a clone is another view of the same disk.
#[derive(Debug, Clone)]
pub(crate) struct ModelFiles(Rc<RefCell<Disk>>);

fn apply(names: &mut BTreeMap<String, u64>, operation: &NameOperation) {
    match operation {
        NameOperation::Link(name, inode) => {
            names.insert(name.clone(), *inode);
        }
        NameOperation::Unlink(name) => {
            names.remove(name);
        }
        NameOperation::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
    }
}

/// How far an operation comes.
enum Fate {
    Done,
    /// It fails, with this error, after a part of it.
    Fails(io::Error),
}

impl Disk {
    fn fate(&mut self) -> io::Result<Fate> {
        if self.dead {
            return Err(io::Error::other("the process is dead"));
        }
        if let Some(fuse) = &mut self.fuse {
            if *fuse == 0 {
                self.dead = true;
                return Ok(Fate::Fails(io::Error::other("the process dies")));
            }
            *fuse -= 1;
        }
        if self.trouble > 0.0 && self.rng.random_bool(self.trouble) {
            return Ok(Fate::Fails(io::Error::other("the disk has trouble")));
        }
        Ok(Fate::Done)
    }

    fn used(&self) -> usize {
        self.names.values().filter_map(|inode| self.inodes.get(inode)).map(|inode| inode.data.len()).sum()
    }

    fn inode(&mut self, name: &str) -> io::Result<&mut Inode> {
        let number = self.names.get(name).ok_or(ErrorKind::NotFound)?;
        self.inodes.get_mut(number).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn rename_or_link(&mut self, operation: NameOperation) -> io::Result<()> {
        let fate = self.fate()?;
        // A name is changed or it is not.
        if let Fate::Fails(error) = fate
            && self.rng.random_bool(0.5)
        {
            return Err(error);
        }
        apply(&mut self.names, &operation);
        self.unsafe_names.push(operation);
        Ok(())
    }

    fn lose_power(&mut self) {
        let kept = self.rng.random_range(0..=self.unsafe_names.len());
        let mut names = std::mem::take(&mut self.safe_names);
        self.unsafe_names[..kept].iter().for_each(|operation| apply(&mut names, operation));
        for inode in self.inodes.values_mut() {
            inode.data = torn(&mut self.rng, &inode.safe, &inode.data);
        }
        self.names = names;
    }

    /// Whatever is on disk now is what there is.
    fn settle(&mut self) {
        self.safe_names = self.names.clone();
        self.unsafe_names.clear();
        let names: Vec<u64> = self.names.values().copied().collect();
        self.inodes.retain(|number, _| names.contains(number));
        for inode in self.inodes.values_mut() {
            inode.safe.clone_from(&inode.data);
            inode.poisoned = false;
        }
    }
}

/// What a loss of power leaves of a file: each sector as it was or as it should be, holes where neither came.
fn torn(rng: &mut ChaCha8Rng, safe: &[u8], data: &[u8]) -> Vec<u8> {
    let (short, long) = (safe.len().min(data.len()), safe.len().max(data.len()));
    let len = match rng.random_range(0..3) {
        0 => safe.len(),
        1 => data.len(),
        _ => rng.random_range(short..=long),
    };
    let mut left = vec![0; len];
    let mut at = 0;
    while at < len {
        let end = (at + SECTOR).min(len);
        let source = if rng.random_bool(0.5) { safe } else { data };
        for (i, byte) in left[..end].iter_mut().enumerate().skip(at) {
            // Where both agree there is nothing to tear.
            let same = safe.get(i).filter(|byte| data.get(i) == Some(byte));
            *byte = same.or(source.get(i)).copied().unwrap_or(0);
        }
        at = end;
    }
    left
}

impl ModelFiles {
    pub(crate) fn new(rng: ChaCha8Rng) -> Self {
        Self(Rc::new(RefCell::new(Disk {
            rng,
            inodes: BTreeMap::new(),
            next_inode: 0,
            names: BTreeMap::new(),
            safe_names: BTreeMap::new(),
            unsafe_names: Vec::new(),
            capacity: usize::MAX,
            fuse: None,
            dead: false,
            trouble: 0.0,
            flipped: 0,
        })))
    }

    /// The process dies in the middle of the operation after this many.
    pub(crate) fn die_after(&self, operations: u32) {
        self.0.borrow_mut().fuse = Some(operations);
    }

    /// `bytes` of room beside what is used.
    pub(crate) fn room(&self, bytes: usize) {
        let mut disk = self.0.borrow_mut();
        disk.capacity = disk.used().saturating_add(bytes);
    }

    pub(crate) fn trouble(&self, probability: f64) {
        self.0.borrow_mut().trouble = probability;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.borrow().dead
    }

    /// What the next process finds: everything as the last one saw it, or what a loss of power leaves of it.
    pub(crate) fn restart(&self, power_lost: bool) {
        let mut disk = self.0.borrow_mut();
        (disk.dead, disk.fuse) = (false, None);
        if power_lost {
            disk.lose_power();
            disk.settle();
        }
    }

    /// Flips a bit of a file.
    pub(crate) fn rot(&self) {
        let mut disk = self.0.borrow_mut();
        let files: Vec<u64> = disk.names.values().copied().collect();
        if files.is_empty() {
            return;
        }
        let number = files[disk.rng.random_range(0..files.len())];
        let len = disk.inodes.get(&number).map_or(0, |inode| inode.data.len());
        if len == 0 {
            return;
        }
        let (at, bit) = (disk.rng.random_range(0..len), disk.rng.random_range(0..8));
        disk.flipped += 1;
        if let Some(inode) = disk.inodes.get_mut(&number) {
            inode.data[at] ^= 1 << bit;
            if let Some(byte) = inode.safe.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
    }

    pub(crate) fn flipped(&self) -> u32 {
        self.0.borrow().flipped
    }

    pub(crate) fn used(&self) -> usize {
        self.0.borrow().used()
    }
}

impl Files for ModelFiles {
    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.0.borrow().names.keys().cloned().collect())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.borrow_mut().inode(name)?.data.clone())
    }

    fn read_at(&mut self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut disk = self.0.borrow_mut();
        if let Fate::Fails(error) = disk.fate()? {
            return Err(error);
        }
        let start = usize::try_from(offset).unwrap();
        let data = &disk.inode(name)?.data;
        data.get(start..start + len).map(<[u8]>::to_vec).ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        let number = disk.next_inode;
        disk.next_inode += 1;
        disk.inodes.insert(number, Inode::default());
        disk.rename_or_link(NameOperation::Link(name.to_owned(), number))
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        let fate = disk.fate()?;
        let room = disk.capacity.saturating_sub(disk.used());
        let (mut len, mut error) = (bytes.len(), None);
        if len > room {
            (len, error) = (room, Some(ErrorKind::StorageFull.into()));
        }
        if let Fate::Fails(why) = fate {
            len = disk.rng.random_range(0..=len);
            error = Some(why);
        }
        disk.inode(name)?.data.extend_from_slice(&bytes[..len]);
        error.map_or(Ok(()), Err)
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        if let Fate::Fails(error) = disk.fate()? {
            return Err(error);
        }
        disk.inode(name)?.data.truncate(usize::try_from(len).unwrap());
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        let fate = disk.fate()?;
        let inode = disk.inode(name)?;
        match fate {
            Fate::Done => {
                if !inode.poisoned {
                    inode.safe.clone_from(&inode.data);
                }
                Ok(())
            }
            Fate::Fails(error) => {
                inode.poisoned = true;
                Err(error)
            }
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.0.borrow_mut().rename_or_link(NameOperation::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        if !disk.names.contains_key(name) {
            return Err(ErrorKind::NotFound.into());
        }
        disk.rename_or_link(NameOperation::Unlink(name.to_owned()))
    }

    fn sync_names(&mut self) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        match disk.fate()? {
            Fate::Done => {
                disk.safe_names = disk.names.clone();
                disk.unsafe_names.clear();
                Ok(())
            }
            Fate::Fails(error) => Err(error),
        }
    }
}

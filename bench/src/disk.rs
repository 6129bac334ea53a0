//! The file system that the server's data is put on: refused when it is only memory, timed when it is a disk.

use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use crate::error::{Error, Result};

const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;
/// A page of the store's log.
const PAGE: usize = 4096;
const SYNCS: usize = 301;

/// Fails when `folder` is on a file system in memory.
pub(crate) fn refuse_memory(folder: &Path) -> Result<()> {
    let status = rustix::fs::statfs(folder)
        .map_err(|error| Error::io(format!("look at the file system of {}", folder.display()))(error.into()))?;
    match status.f_type {
        TMPFS | RAMFS => Err(Error::DataInMemory(folder.to_owned())),
        _ => Ok(()),
    }
}

/// The median time of appending a page to a file in `folder` and syncing it.
pub(crate) fn median_sync(folder: &Path) -> Result<Duration> {
    let measure = || {
        let mut file: File = tempfile::tempfile_in(folder)?;
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            file.write_all(&[0x5a; PAGE])?;
            let start = Instant::now();
            file.sync_data()?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(times[SYNCS / 2])
    };
    measure().map_err(Error::io(format!("sync a file in {}", folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_memory_is_refused() {
        // Each Linux system mounts it; where a sandbox does not, there is nothing to refuse.
        if Path::new("/dev/shm").is_dir() {
            assert!(matches!(refuse_memory(Path::new("/dev/shm")), Err(Error::DataInMemory(_))));
        }
        assert!(refuse_memory(Path::new(env!("CARGO_MANIFEST_DIR"))).is_ok());
    }
}

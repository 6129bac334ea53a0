//! Whether the names in the data directory still lead to the files that are open.
//!
//! A file whose name is gone, or leads to another file by now, can be written as before, and nobody finds what was written. So the names
//! are looked at now and then, and nothing is written while they are wrong. Where they become right again, what they lead to is what is
//! open: then it goes on.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often it is looked: what is accepted until then is lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The device and the number on it: no other file has them while this one is open.
type Identity = (u64, u64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// The names of open files.
pub(super) struct Names {
    files: Vec<(PathBuf, Identity)>,
    are_right: AtomicBool,
    closing: Mutex<bool>,
    closes: Condvar,
}

impl Names {
    /// Starts the thread that looks at these names, as far as they lead to files now.
    pub(super) fn watch(paths: impl IntoIterator<Item = PathBuf>) -> (Arc<Self>, JoinHandle<()>) {
        let file = |path: PathBuf| {
            let identity = identity(&fs::metadata(&path).ok()?);
            Some((path, identity))
        };
        let names = Arc::new(Self {
            files: paths.into_iter().filter_map(file).collect(),
            are_right: AtomicBool::new(true),
            closing: Mutex::new(false),
            closes: Condvar::new(),
        });
        let shared = Arc::clone(&names);
        let thread = thread::Builder::new()
            .name("store-names".into())
            .spawn(move || shared.run())
            .expect("the system has room for one more thread at the start");
        (names, thread)
    }

    /// Whether they led to the open files when it was looked last.
    pub(super) fn are_right(&self) -> bool {
        self.are_right.load(Ordering::Relaxed)
    }

    fn run(&self) {
        let mut closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        while !*closing {
            closing = self.closes.wait_timeout(closing, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
            if !*closing {
                self.look();
            }
        }
    }

    fn look(&self) {
        let wrong = self.files.iter().find_map(|(path, open)| Some((path, wrong(path, *open)?)));
        let were_right = self.are_right.swap(wrong.is_none(), Ordering::Relaxed);
        match wrong {
            Some((path, what)) if were_right => tracing::error!(
                file.path = %path.display(),
                "a file of the data directory {what} while the server has it open; what is written would be lost, so that no event is \
                 accepted and nothing is sent. Put back what was there, or restart the server"
            ),
            None if !were_right => tracing::info!("the files of the data directory are where they were"),
            _ => {}
        }
    }

    /// Lets the thread end.
    pub(super) fn close(&self) {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.closes.notify_all();
    }
}

/// What has become of a name; nothing where it leads to the open file, or where that cannot be told.
fn wrong(path: &Path, open: Identity) -> Option<&'static str> {
    match fs::metadata(path) {
        Ok(metadata) if identity(&metadata) == open => None,
        Ok(_) => Some("was replaced by another"),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Some("was moved or deleted")
        }
        Err(_) => None,
    }
}

//! Who else gets at a data directory.

use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// How far accounts other than its owner's get at a data directory. Its text is for the person who runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    path: PathBuf,
    mode: u32,
}

impl Exposure {
    /// That of the directory at `path`, by its metadata; none where it is its owner's alone.
    pub fn of(path: &Path, metadata: &Metadata) -> Option<Self> {
        let mode = metadata.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then(|| Self { path: path.to_owned(), mode })
    }

    /// Whether others can write there.
    pub fn is_writable(&self) -> bool {
        self.mode & 0o022 != 0
    }

    /// What ends it.
    pub fn advice(&self) -> String {
        format!("chmod 700 {}", self.path.display())
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, mode) = (self.path.display(), self.mode);
        if self.is_writable() {
            write!(
                f,
                "{path} can be written by other accounts (mode {mode:03o}), which can replace the database, its key and the control \
                 socket"
            )
        } else {
            write!(f, "{path} can be entered by other accounts (mode {mode:03o})")
        }
    }
}

/// Warns of a data directory that others can write to. One that they can only enter shows them nothing: files in it are their owner's
/// alone.
pub(crate) fn warn_if_writable(data_dir: &Path) {
    if let Ok(metadata) = fs::metadata(data_dir)
        && let Some(exposure) = Exposure::of(data_dir, &metadata)
        && exposure.is_writable()
    {
        tracing::warn!("{exposure}: {}", exposure.advice());
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_directory_is_exposed_as_far_as_its_mode_says() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        for (mode, writable) in [
            (0o700, None),
            (0o500, None),
            (0o750, Some(false)),
            (0o755, Some(false)),
            (0o770, Some(true)),
            (0o702, Some(true)),
            (0o1777, Some(true)),
        ] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let exposure = Exposure::of(path, &fs::metadata(path).unwrap());
            assert_eq!(exposure.as_ref().map(Exposure::is_writable), writable, "{mode:o}");
            if let Some(exposure) = exposure {
                let words = if exposure.is_writable() { "can be written by" } else { "can be entered by" };
                let text = exposure.to_string();
                assert!(text.contains(words) && text.contains(&format!("(mode {:03o})", mode & 0o777)), "{text}");
            }
        }
    }
}

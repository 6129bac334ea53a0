//! The control socket: how commands on the server's own machine act as its operator.
//!
//! Invariant: only the account that runs the server (and root) can open it; its mode is 0600 before it has its name. It is removed when
//! the server stops; one that a killed server left behind is replaced, as the lock of the data directory proves that nobody uses it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Its name in the data directory.
pub(crate) const SOCKET_NAME: &str = "control.sock";
/// Its name until only its owner can open it.
const UNFINISHED_NAME: &str = "control.new";
/// Bytes of a path that a socket can have on every system.
const PATH_BYTES: usize = 103;

/// The socket's file, gone when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(error = %error, "the control socket could not be removed");
        }
    }
}

/// The socket's path in a data directory, if it can be one.
pub(crate) fn check_path(data_dir: &Path) -> Result<PathBuf, String> {
    let path = data_dir.join(SOCKET_NAME);
    let longest = path.as_os_str().len();
    if longest > PATH_BYTES {
        return Err(format!(
            "the path {} is too long for a socket ({longest} bytes, at most {PATH_BYTES}); choose a shorter data directory",
            path.display()
        ));
    }
    Ok(path)
}

/// Whether a server answers at the socket in a data directory.
pub(crate) fn is_answered(data_dir: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(data_dir.join(SOCKET_NAME)).is_ok()
}

/// Opens the socket in a data directory whose lock is held.
pub(crate) fn open(data_dir: &Path) -> Result<(UnixListener, SocketFile), String> {
    let path = check_path(data_dir)?;
    let file = SocketFile(path.clone());
    let listener = bind(&data_dir.join(UNFINISHED_NAME), &path)
        .map_err(|error| format!("the control socket {} cannot be made: {error}", path.display()))?;
    Ok((listener, file))
}

fn bind(unfinished: &Path, path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(unfinished)?;
    std::fs::set_permissions(unfinished, Permissions::from_mode(0o600))?;
    std::fs::rename(unfinished, path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_has_as_long_a_path_as_its_setting_says() {
        let detail = crate::config::setting::setting("data_dir").unwrap().detail;
        let most = PATH_BYTES - SOCKET_NAME.len() - 1;
        assert!(detail.contains(&format!("{most} bytes at most")), "{most}: {detail}");
        assert!(check_path(Path::new(&"d".repeat(most))).is_ok());
        assert!(check_path(Path::new(&"d".repeat(most + 1))).is_err());
    }
}

//! The web application of `console/`, built and compressed, as bytes in the program.
//!
//! Owns that it is built (`build.rs`). Does not own how it is served: that is `postrider-api`'s. A crate of its own, so that a change of
//! the web application compiles nothing anew but this list, and links the program.
//!
//! Without npm on the machine that builds, or with `POSTRIDER_BUILD_CONSOLE=never`, there are no files: the program then says so at `/`.

/// A file of the web application.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its path below `/`, without a slash at its start.
    pub path: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// The same, compressed by brotli, where that is shorter.
    pub brotli: Option<&'static [u8]>,
    /// The same, compressed by gzip, where that is shorter.
    pub gzip: Option<&'static [u8]>,
    /// Changes with the bytes.
    pub tag: &'static str,
}

/// Every file, by path.
pub const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

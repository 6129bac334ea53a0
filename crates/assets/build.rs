//! Builds the web application with npm, and writes the list of its files.
//!
//! What is built lies in `console/dist` with a mark of what it was built from, so that further profiles and targets do not build it
//! again; the bytes are then taken from a copy in `OUT_DIR`, which nobody changes. Where npm is missing, or its packages cannot be
//! fetched, the program is built without the web application, and a warning says so; with `CI=true` that is a failure, as is a web
//! application that does not build.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The variable that leaves the web application out: `never`.
const SWITCH: &str = "POSTRIDER_BUILD_CONSOLE";
/// Entries of `console/` that are not built from.
const NOT_SOURCES: &[&str] =
    &["node_modules", "dist", "tests", "e2e", "screenshots", "test-results", "playwright-report"];
/// The file in `dist` that says what it was built from.
const MARK: &str = ".built-from";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What became of building.
enum Console {
    /// It lies there.
    Built(PathBuf),
    /// There is none, because of this.
    Without(String),
}

fn main() -> Outcome<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed={SWITCH}");
    println!("cargo::rerun-if-env-changed=CI");
    for own in ["build.rs", "compress.mjs"] {
        println!("cargo::rerun-if-changed={}", here.join(own).display());
    }
    let list = match console(&here.join("../../console"), &here.join("compress.mjs"))? {
        Console::Built(dist) => {
            let copy = out.join("web");
            if copy.exists() {
                fs::remove_dir_all(&copy)?;
            }
            let files = files_below(&dist)?;
            for (name, path) in &files {
                let target = copy.join(name);
                fs::create_dir_all(target.parent().ok_or("a file has a folder")?)?;
                fs::copy(path, target)?;
            }
            list(&copy, files.keys().map(String::as_str))?
        }
        Console::Without(why) if env::var("CI").is_ok_and(|value| value == "true" || value == "1") => {
            return Err(format!("with CI=true nothing may be left out, and the web application is: {why}").into());
        }
        Console::Without(why) => {
            println!("cargo::warning=built without the web application: {why}");
            "&[]".to_owned()
        }
    };
    fs::write(out.join("files.rs"), list)?;
    Ok(())
}

fn console(folder: &Path, compress: &Path) -> Outcome<Console> {
    if env::var(SWITCH).is_ok_and(|value| value == "never") {
        return Ok(Console::Without(format!("{SWITCH} says never")));
    }
    let manifest = folder.join("package.json");
    if !manifest.is_file() {
        return Ok(Console::Without("there is no folder console/".to_owned()));
    }
    // Two builds at once, of different profiles or by an editor, take turns.
    let turn = File::open(&manifest)?;
    turn.lock()?;
    let sources = sources(folder)?;
    let built_from =
        format!("{:016x}", hash_of(sources.iter().map(|(name, path)| (&**name, &**path)).chain([("", compress)]))?);
    let dist = folder.join("dist");
    if fs::read_to_string(dist.join(MARK)).is_ok_and(|mark| mark == built_from) {
        return Ok(Console::Built(dist));
    }
    if npm(folder, &["--version"]).is_err() {
        return Ok(Console::Without(
            "npm is not on this machine; install Node.js, then `cargo clean --package postrider-assets` and build again"
                .to_owned(),
        ));
    }
    if !is_installed(folder) {
        let installed = npm(folder, &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"])?;
        if !installed.status.success() {
            return Ok(Console::Without(format!(
                "npm could not fetch its packages ({}); mend that, then `cargo clean --package postrider-assets` and build again",
                last_words(&installed)
            )));
        }
    }
    let built = npm(folder, &["run", "build"])?;
    if !built.status.success() {
        return Err(format!("`npm run build` in console/ failed:\n{}", all_words(&built)).into());
    }
    let compressed = Command::new("node").arg(compress).arg(&dist).output()?;
    if !compressed.status.success() {
        return Err(format!("compressing the web application failed:\n{}", all_words(&compressed)).into());
    }
    fs::write(dist.join(MARK), built_from)?;
    Ok(Console::Built(dist))
}

/// The files that are built from, by name; changes of them run this again.
fn sources(folder: &Path) -> Outcome<BTreeMap<String, PathBuf>> {
    let mut sources = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| "a file of console/ has a name that is not UTF-8")?;
        if name.starts_with('.') || NOT_SOURCES.contains(&name.as_str()) {
            continue;
        }
        println!("cargo::rerun-if-changed={}", entry.path().display());
        if entry.file_type()?.is_dir() {
            for (below, path) in files_below(&entry.path())? {
                sources.insert(format!("{name}/{below}"), path);
            }
        } else {
            sources.insert(name, entry.path());
        }
    }
    Ok(sources)
}

/// Every file of a folder but hidden ones, by its path within.
fn files_below(folder: &Path) -> Outcome<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_str().ok_or("a file has a name that is not UTF-8")?;
                files.insert(name.replace('\\', "/"), path);
            }
        }
    }
    Ok(files)
}

/// Names and bytes of files, as a number. Not for secrets: it only has to differ when they do.
fn hash_of<'a>(files: impl Iterator<Item = (&'a str, &'a Path)>) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for (name, path) in files {
        hasher.write(name.as_bytes());
        let bytes = fs::read(path)?;
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    Ok(hasher.finish())
}

/// Whether the packages were installed since the lock file last changed.
fn is_installed(folder: &Path) -> bool {
    let changed = |path: &str| folder.join(path).metadata().and_then(|metadata| metadata.modified()).ok();
    match (changed("package-lock.json"), changed("node_modules/.package-lock.json")) {
        (Some(locked), Some(installed)) => installed >= locked,
        _ => false,
    }
}

fn npm(folder: &Path, arguments: &[&str]) -> io::Result<Output> {
    let name = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Command::new(name).args(arguments).current_dir(folder).output()
}

fn all_words(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|words| String::from_utf8_lossy(words).into_owned()).concat()
}

fn last_words(output: &Output) -> String {
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").to_owned()
}

/// The list of files as Rust.
fn list<'a>(copy: &Path, names: impl Iterator<Item = &'a str>) -> Outcome<String> {
    let mut list = "&[\n".to_owned();
    let is_compressed = |name: &str| Path::new(name).extension().is_some_and(|ending| ending == "br" || ending == "gz");
    for name in names.filter(|name| !is_compressed(name)) {
        let path = copy.join(name);
        let include = |path: &Path| format!("include_bytes!({:?})", path.display().to_string());
        let compressed = |ending: &str| {
            let path = copy.join(format!("{name}{ending}"));
            if path.is_file() { format!("Some({})", include(&path)) } else { "None".to_owned() }
        };
        writeln!(
            list,
            "File {{ path: {name:?}, plain: {}, brotli: {}, gzip: {}, tag: \"{:016x}\" }},",
            include(&path),
            compressed(".br"),
            compressed(".gz"),
            hash_of([("", &*path)].into_iter())?,
        )?;
    }
    list.push(']');
    Ok(list)
}

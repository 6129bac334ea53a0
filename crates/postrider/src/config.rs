//! Configuration: defaults, then `postrider.toml`, then environment variables, then flags; the later one wins.
//!
//! Owns the layers ([`Layers`]) and the typed result ([`Settings`]). Every problem is found in one go and told by key, with what
//! to do about it. Does not own the table of settings ([`setting`]) nor how they are shown ([`show`], [`reference`]).
//!
//! Invariants: what is accepted is enforced, so a key that nobody knows is refused in the file and in flags; an empty variable
//! counts as absent; text is taken as it is, so that `007` stays a secret of three characters.

mod problem;
mod read;
pub(crate) mod reference;
pub(crate) mod setting;
pub(crate) mod show;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use ipnet::IpNet;
use postrider_core::EnvironmentId;
use postrider_core::retention::Retention;
use postrider_egress::ProxyUrl;
use postrider_store::MasterKey;
use serde::Serialize;
use url::Url;

pub(crate) use problem::Problems;
use setting::{SETTINGS, Setting};

/// The file that is read from the working directory where no other is named.
pub(crate) const FILE_NAME: &str = "postrider.toml";
/// The variable that names another file, as `--config` does.
const FILE_VARIABLE: &str = "POSTRIDER_CONFIG";
/// Variables of the commands that talk to a server, which are no settings.
const CLIENT_VARIABLES: [&str; 5] =
    ["POSTRIDER_URL", "POSTRIDER_CLIENT_ID", "POSTRIDER_SECRET", "POSTRIDER_OPERATOR_TOKEN", FILE_VARIABLE];
/// What Kubernetes puts into the environment of every pod beside a service named `postrider`.
const FOREIGN_VARIABLES: [&str; 2] = ["POSTRIDER_SERVICE_", "POSTRIDER_PORT"];

/// What the server is to do, ready for use.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) public_url: Option<Url>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) bootstrap: Option<Bootstrap>,
    pub(crate) egress_allow: Vec<IpNet>,
    pub(crate) egress_source_addresses: Vec<IpAddr>,
    pub(crate) egress_proxy: Option<ProxyUrl>,
    pub(crate) egress_extra_roots: Option<PathBuf>,
    pub(crate) master_key: Option<MasterKey>,
    pub(crate) retention: Retention,
    pub(crate) shutdown_patience: Duration,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// The first environment's credentials, chosen beforehand.
pub(crate) struct Bootstrap {
    pub(crate) client_id: EnvironmentId,
    pub(crate) secret: String,
}

impl std::fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bootstrap").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// An object a line, for programs.
    Json,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// Built in.
    Default,
    /// `postrider.toml`.
    File,
    /// A variable.
    Environment,
    /// The command line.
    Flag,
}

/// Everything that configuration is read from, as found: tests make it by hand.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The file that was named, which must exist; none: the one in the working directory, where there is one.
    pub(crate) file: Option<PathBuf>,
    /// The environment variables.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// The flags that were given, by key.
    pub(crate) flags: BTreeMap<&'static str, String>,
}

impl Sources {
    /// This process's environment, and the flags of a command.
    pub(crate) fn of_process(file: Option<PathBuf>, flags: BTreeMap<&'static str, String>) -> Self {
        Self { file, variables: std::env::vars_os().collect(), flags }
    }
}

/// The layers put on top of each other, and what was wrong with them already.
pub(crate) struct Layers {
    figment: Figment,
    problems: Problems,
    /// Variables that look like settings and are none. Not refused, as others may have put them there.
    pub(crate) unknown_variables: Vec<String>,
}

impl Layers {
    /// Reads all layers.
    pub(crate) fn read(sources: &Sources) -> Self {
        let mut problems = Problems::default();
        let mut unknown_variables = Vec::new();
        let defaults = SETTINGS.iter().filter_map(|setting| Some((setting.key, setting.default?.to_owned())));
        let mut figment = Figment::new().merge(Layer::new(Source::Default, defaults));
        if let Some(file) = read_file(sources, &mut problems) {
            figment = figment.merge(file);
        }
        let variables = read_variables(&sources.variables, &mut problems, &mut unknown_variables);
        figment = figment.merge(Layer::new(Source::Environment, variables));
        let flags = sources.flags.iter().map(|(key, value)| (*key, value.clone()));
        figment = figment.merge(Layer::new(Source::Flag, flags));
        Self { figment, problems, unknown_variables }
    }

    /// The value that applies, and where it comes from.
    pub(crate) fn value(&self, setting: &Setting) -> Option<(Value, Source)> {
        let value = self.figment.find_value(setting.key).ok()?;
        let source = self.figment.find_metadata(setting.key).and_then(|metadata| Source::named(&metadata.name));
        Some((value, source.unwrap_or(Source::File)))
    }

    /// The settings, or everything that is wrong with them.
    pub(crate) fn settings(self) -> Result<Settings, Problems> {
        read::settings(self)
    }

    /// The same for a server that is to run here: what this machine has against them counts as well. Nothing is changed by the look.
    pub(crate) fn settings_here(self) -> Result<Settings, Problems> {
        read::settings_here(self)
    }

    /// The data directory alone, for who has no business with the other settings: what is wrong with them is passed over.
    pub(crate) fn data_dir(self) -> Result<PathBuf, Problems> {
        read::data_dir(self)
    }

    /// The address to listen on alone, likewise.
    pub(crate) fn listen(self) -> Result<SocketAddr, Problems> {
        read::listen(self)
    }
}

/// The text of a value given by a variable, a flag, or a default: one name for each key.
struct Layer {
    source: Source,
    values: Dict,
}

impl Layer {
    fn new(source: Source, values: impl Iterator<Item = (&'static str, String)>) -> Self {
        Self { source, values: values.map(|(key, value)| (key.to_owned(), Value::from(value))).collect() }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.name())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Source {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }

    /// The source that a layer's metadata names; the file's layer brings metadata of its own.
    fn named(name: &str) -> Option<Self> {
        [Self::Default, Self::Environment, Self::Flag].into_iter().find(|source| source.name() == name)
    }
}

/// The file's layer: only keys that are known, so that a problem of one key does not hide the others'.
fn read_file(sources: &Sources, problems: &mut Problems) -> Option<FileLayer> {
    let named = sources.file.clone().or_else(|| {
        let variable = sources.variables.iter().find(|(name, value)| name == FILE_VARIABLE && !value.is_empty());
        variable.map(|(_, path)| PathBuf::from(path))
    });
    let must_exist = named.is_some();
    let path = named.unwrap_or_else(|| PathBuf::from(FILE_NAME));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => return None,
        Err(error) => {
            let what =
                format!("cannot be read: {error}; correct --config or {FILE_VARIABLE}, or the file's permissions");
            problems.add_of_file(path.display(), what);
            return None;
        }
    };
    let mut values = match Toml::string(&text).data() {
        Ok(mut profiles) => profiles.remove(&Profile::Default).unwrap_or_default(),
        Err(error) => {
            let what = error.to_string();
            problems.add_of_file(
                path.display(),
                format!("is not valid TOML: {}; correct that line", what.trim_end().replace('\n', " ")),
            );
            return None;
        }
    };
    values.retain(|key, _| {
        let known = setting::setting(key).is_some();
        if !known {
            let advice = match nearest_key(key) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "remove it, or see `postrider config show` for the keys there are".to_owned(),
            };
            problems.add(key, format!("there is no such setting (in {}); {advice}", path.display()));
        }
        known
    });
    Some(FileLayer { path, values })
}

/// What was found in the file.
struct FileLayer {
    path: PathBuf,
    values: Dict,
}

impl Provider for FileLayer {
    fn metadata(&self) -> Metadata {
        Metadata::from("file", self.path.as_path())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

fn read_variables<'a>(
    variables: &'a [(OsString, OsString)],
    problems: &'a mut Problems,
    unknown: &'a mut Vec<String>,
) -> impl Iterator<Item = (&'static str, String)> + 'a {
    variables.iter().filter_map(|(name, value)| {
        let name = name.to_str().filter(|name| name.starts_with("POSTRIDER_"))?;
        let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) else {
            let foreign = FOREIGN_VARIABLES.iter().any(|prefix| name.starts_with(prefix));
            if !foreign && !CLIENT_VARIABLES.contains(&name) {
                unknown.push(name.to_owned());
            }
            return None;
        };
        if value.is_empty() {
            return None;
        }
        let Some(text) = value.to_str() else {
            problems.add(setting.key, format!("{name} is not valid UTF-8; write it in UTF-8"));
            return None;
        };
        Some((setting.key, text.to_owned()))
    })
}

/// What is said of a variable that looks like a setting and is none.
pub(crate) fn unknown_variable(name: &str) -> String {
    let near = name.strip_prefix("POSTRIDER_").and_then(nearest_key).and_then(setting::setting);
    let advice = match near {
        Some(near) => format!("did you mean {}?", near.variable()),
        None => "remove it, or see `postrider config show` for the settings there are".to_owned(),
    };
    format!("{name} is in the environment, but there is no such setting; {advice}")
}

/// The key that a mistyped one most likely stands for.
pub(crate) fn nearest_key(mistyped: &str) -> Option<&'static str> {
    // A dash for an underscore, or a table for a prefix, is a slip and no distance.
    let folded = mistyped.to_lowercase().replace(['-', '.'], "_");
    let by_distance = SETTINGS.iter().map(|setting| (strsim::levenshtein(&folded, setting.key), setting.key)).min()?;
    let most = (folded.chars().count() / 3).max(1);
    if by_distance.0 <= most {
        return Some(by_distance.1);
    }
    SETTINGS.iter().map(|setting| setting.key).find(|key| key.starts_with(&format!("{folded}_")))
}

//! `postrider config show`: what applies and where it comes from, with secrets hidden.

use serde::Serialize;

use super::read::shown;
use super::setting::{SETTINGS, Visibility};
use super::{Layers, Source};

/// A setting with its value as it applies.
#[derive(Debug, Serialize)]
pub(crate) struct Effective {
    /// The key.
    pub(crate) key: &'static str,
    /// The value as text; none where nothing applies, or where it is hidden.
    pub(crate) value: Option<String>,
    /// Whether there is a value that is not shown.
    pub(crate) hidden: bool,
    /// Where it comes from; none where nothing applies.
    pub(crate) source: Option<Source>,
    /// The environment variable that sets it.
    pub(crate) variable: String,
}

/// All settings in order.
pub(crate) fn effective(layers: &Layers) -> Vec<Effective> {
    SETTINGS
        .iter()
        .map(|setting| {
            let found = layers.value(setting);
            let hidden = found.is_some() && setting.visibility != Visibility::Open;
            Effective {
                key: setting.key,
                value: found.as_ref().filter(|_| !hidden).map(|(value, _)| shown(setting, value)),
                hidden,
                source: found.map(|(_, source)| source),
                variable: setting.variable(),
            }
        })
        .collect()
}
